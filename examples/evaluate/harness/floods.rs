//! Floods of home hosts, with what their victims and the holders of forged addresses answer.

use wherefrom::addr::Addr;
use wherefrom::attribute::is_group;
use wherefrom::decode::flags::{ACK, FIN, PSH, RST, SYN, URG};

use super::case::{ATTACK, Case, Expected, Scene};
use super::frames::{End, Icmp, Ip, Random, SECOND, STACK, Tcp};
use super::world::{REPEATS, Service, World, host, host_v6, own, refuse, round_trip, stack};

/// SYNs a server answers before it stops to keep state and sends cookies, which it does not repeat (Linux: somaxconn and syncookies).
const BACKLOG: usize = 256;
/// Percent of forged addresses behind which a host lives that resets the SYN+ACK. Censuses find about a tenth of IPv4 in use.
const ALIVE_PERCENT: u64 = 8;
/// ICMP errors a second that a Linux host sends to one peer at most.
const ERRORS_PER_S: u64 = 1;

/// Who sends.
#[derive(Clone, Copy, Debug)]
enum Sources {
    /// Forged over all of IPv4, as `hping3 --rand-source` does.
    Anywhere,
    /// Forged over what registries gave out.
    GivenOut,
    /// Forged inside one /16, which a provider that filters lets through.
    OneBlock,
    /// Forged inside one /48.
    OneBlockV6,
    /// So many real hosts under their own addresses.
    Hosts(usize),
}

impl Sources {
    fn name(self) -> String {
        match self {
            Sources::Anywhere => "forged".into(),
            Sources::GivenOut => "forged-given-out".into(),
            Sources::OneBlock => "forged-16".into(),
            Sources::OneBlockV6 => "forged-48-v6".into(),
            Sources::Hosts(n) => format!("{n}-hosts"),
        }
    }

    fn forged(self) -> bool {
        !matches!(self, Sources::Hosts(_))
    }

    /// Whether the verdict on the sources is asked for: a few may go unjudged.
    fn verdict(self) -> Option<bool> {
        match self {
            Sources::Hosts(n) if n < 20 => None,
            _ => Some(self.forged()),
        }
    }

    fn pool(self, world: &World, random: &mut Random) -> Vec<Addr> {
        match self {
            Sources::Hosts(n) => (0..n).map(|_| world.abroad(random)).collect(),
            Sources::OneBlock => vec![world.abroad(random)],
            Sources::OneBlockV6 => vec![world.abroad_v6(random)],
            Sources::Anywhere | Sources::GivenOut => Vec::new(),
        }
    }

    fn draw(self, pool: &[Addr], world: &World, random: &mut Random) -> Addr {
        match self {
            Sources::Hosts(n) => pool[random.below(n as u64) as usize],
            Sources::OneBlock => Addr::v4(pool[0].0 as u32 & 0xffff_0000 | random.next() as u32 & 0xffff),
            Sources::OneBlockV6 => Addr::v6(pool[0].0 >> 80 << 80 | u128::from(random.next()) << 16 | u128::from(random.next() & 0xffff)),
            Sources::Anywhere => world.forged(random),
            Sources::GivenOut => world.abroad(random),
        }
    }
}

/// The port of hping3's n-th packet: it counts up from a number of its own on each machine, whatever addresses it writes.
fn hping_port(sources: Sources, source: Addr, n: usize) -> u16 {
    const FIRST: u16 = 1500;
    const MIX: u32 = 0x9e37_79b1;
    let machine = if sources.forged() { 0 } else { (source.0 as u32).wrapping_mul(MIX) >> 16 };
    FIRST.wrapping_add(machine as u16).wrapping_add(n as u16)
}

/// Who makes the packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Maker {
    /// hping3: window 512, no options, source ports that count up, one path and so one TTL.
    Hping,
    /// A bot's own raw packets: random ports and windows, TTL of the host that sends.
    Raw,
    /// A tool that also draws the TTL.
    RandomTtl,
    /// connect(): full options, repeated while unanswered.
    Stack,
}

#[derive(Clone, Copy)]
struct Flood {
    sources: Sources,
    maker: Maker,
    rate: u64,
    seconds: u64,
    /// 0 for a new one with each packet.
    port: u16,
    victim: Service,
}

fn victim(sources: Sources) -> Addr {
    if matches!(sources, Sources::OneBlockV6) { host_v6(10) } else { host(10) }
}

/// No stack answers a group or class E (RFC 1122 section 3.2.1.3).
fn answers(victim: Service, source: Addr) -> Service {
    let nobody = is_group(source) || source.as_v4().is_some_and(|bits| bits >> 28 == 0xf);
    if nobody { Service::Silent } else { victim }
}

/// An IP header of the maker's, as it arrives.
fn header(maker: Maker, source: Addr, forged: bool, random: &mut Random) -> Ip {
    match maker {
        Maker::Stack => stack(source, random),
        Maker::RandomTtl => Ip { ttl: 32 + random.below(200) as u8, id: random.next() as u16, dont_fragment: false },
        // Whoever forges sits in one place, so all packets have come the same way.
        _ if forged => Ip { ttl: 51, id: random.next() as u16, dont_fragment: false },
        _ => Ip { dont_fragment: maker == Maker::Raw, ..stack(source, random) },
    }
}

/// Times of a flood's packets: Poisson arrivals would bunch more; senders pace, and networks shake.
fn times(flood: &Flood, random: &mut Random) -> Vec<u64> {
    let gap = SECOND / flood.rate;
    (0..flood.rate * flood.seconds).map(|n| ATTACK + n * gap + random.below(gap.max(1))).collect()
}

fn syn_flood(flood: Flood, world: &World, random: &mut Random) -> Scene {
    let mut scene = Scene::begin(world, random, 20 + flood.seconds + 15);
    let target = victim(flood.sources);
    let mut expected = Expected::new("syn_flood").on(target).with("method", "syn");
    if let Some(forged) = flood.sources.verdict() {
        expected = expected.forged(forged);
    }
    let pool = flood.sources.pool(world, random);
    if let [one] = pool[..]
        && matches!(flood.sources, Sources::Hosts(1))
    {
        expected = expected.of(one);
    }
    scene.attack(expected);
    let forged = flood.sources.forged();
    let mut open: Vec<u64> = Vec::new();
    let trace = &mut scene.trace;
    for (n, at) in times(&flood, random).into_iter().enumerate() {
        let source = flood.sources.draw(&pool, world, random);
        let port = if flood.port == 0 { 1 + random.below(65_535) as u16 } else { flood.port };
        let from_port = if flood.maker == Maker::Hping { hping_port(flood.sources, source, n) } else { random.unprivileged() };
        let (from, to): (End, End) = ((source, from_port), (target, port));
        let seq = random.next() as u32;
        let syn = match flood.maker {
            Maker::Hping => Tcp { flags: SYN, seq, ack: random.next() as u32, window: 512, ..Tcp::default() },
            Maker::Stack => Tcp { flags: SYN, seq, window: 64_240, options: STACK, ..Tcp::default() },
            _ => Tcp { flags: SYN, seq, window: random.next() as u16, ..Tcp::default() },
        };
        let ip = header(flood.maker, source, forged, random);
        trace.attack = 1;
        trace.tcp(at, from, to, ip, syn);
        if flood.maker == Maker::Stack && flood.victim == Service::Silent {
            for after in REPEATS.iter().take_while(|&&after| at + after * SECOND < ATTACK + flood.seconds * SECOND) {
                trace.tcp(at + after * SECOND, from, to, ip, syn);
            }
        }
        trace.attack = 0;
        match answers(flood.victim, source) {
            Service::Silent => {}
            Service::Closed => refuse(trace, random, at + 200_000, to, from, seq),
            Service::Open => {
                let ip = own(random);
                let answer = Tcp {
                    flags: SYN | ACK,
                    seq: random.next() as u32,
                    ack: seq.wrapping_add(1),
                    window: 65_160,
                    options: STACK,
                    ..Tcp::default()
                };
                trace.tcp(at + 200_000, to, from, ip, answer);
                open.retain(|&end| end > at);
                // Bots that write raw packets have kernels that know nothing of it, and so do the holders of forged addresses.
                let resets = if forged { world.held(source) && random.chance(ALIVE_PERCENT) } else { random.chance(70) };
                if resets {
                    let back = at + 200_000 + round_trip(source);
                    let reset = Tcp { flags: RST, seq: seq.wrapping_add(1), ..Tcp::default() };
                    let ip = stack(source, random);
                    trace.tcp(back, from, to, ip, reset);
                } else if open.len() < BACKLOG {
                    open.push(at + REPEATS[3] * SECOND);
                    for after in &REPEATS[..3] {
                        trace.tcp(at + 200_000 + after * SECOND, to, from, ip, answer);
                    }
                }
            }
        }
    }
    scene
}

/// What else than SYNs floods are made of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Tcp(&'static str, u8),
    Udp(usize),
    Icmp(usize),
    /// Later fragments of datagrams.
    Fragment,
}

const TCP_KINDS: [(&str, u8); 6] =
    [("ack", ACK), ("rst", RST), ("fin", FIN), ("synack", SYN | ACK), ("xmas", FIN | PSH | URG), ("null", 0)];

fn other_flood(kind: Kind, flood: Flood, world: &World, random: &mut Random) -> Scene {
    let mut scene = Scene::begin(world, random, 20 + flood.seconds + 15);
    let target = victim(flood.sources);
    let (name, method) = match kind {
        Kind::Tcp(method, _) => ("tcp_flood", method),
        Kind::Udp(_) => ("udp_flood", "udp"),
        Kind::Icmp(_) => ("icmp_flood", "icmp"),
        Kind::Fragment => ("udp_flood", "fragment"),
    };
    let mut expected = Expected::new(name).on(target).with("method", method);
    if let Some(forged) = flood.sources.verdict() {
        expected = expected.forged(forged);
    }
    let pool = flood.sources.pool(world, random);
    if let (Sources::Hosts(1), [one]) = (flood.sources, &pool[..]) {
        expected = expected.of(*one);
    }
    scene.attack(expected);
    let forged = flood.sources.forged();
    let filler = vec![0x58; 1400];
    let mut errors_s = vec![0u64; (flood.seconds + 40) as usize];
    let trace = &mut scene.trace;
    for (n, at) in times(&flood, random).into_iter().enumerate() {
        let source = flood.sources.draw(&pool, world, random);
        let port = if flood.port == 0 { 1 + random.below(65_535) as u16 } else { flood.port };
        let from_port = if flood.maker == Maker::Hping { hping_port(flood.sources, source, n) } else { random.unprivileged() };
        let (from, to): (End, End) = ((source, from_port), (target, port));
        let ip = header(flood.maker, source, forged, random);
        let soon = at + 200_000;
        trace.attack = 1;
        match kind {
            Kind::Tcp(_, flags) => {
                let (seq, ack) = (random.next() as u32, if flags & ACK != 0 { random.next() as u32 } else { 0 });
                trace.tcp(at, from, to, ip, Tcp { flags, seq, ack, window: 512, ..Tcp::default() });
                trace.attack = 0;
                // RFC 9293 section 3.10.7: no connection, so all but a reset is answered with one.
                if flags & RST == 0 && answers(flood.victim, source) == Service::Closed {
                    refuse(trace, random, soon, to, from, seq);
                }
            }
            Kind::Udp(bytes) => {
                trace.udp(at, from, to, ip, &filler[..bytes]);
                trace.attack = 0;
                let second = ((at - ATTACK) / SECOND) as usize;
                if answers(flood.victim, source) == Service::Closed && errors_s[second] < ERRORS_PER_S * 50 {
                    errors_s[second] += 1;
                    trace.unreachable(soon, target, 63, 3);
                }
            }
            Kind::Fragment => trace.later_fragment(at, source, target, ip, &filler[..1000]),
            Kind::Icmp(bytes) => {
                let rest = (random.next() as u32) << 16 | n as u32 & 0xffff;
                let (ask, answer) = if target.is_v4() { (8, 0) } else { (128, 129) };
                trace.icmp(at, source, target, ip, Icmp { kind: (ask, 0), rest, payload: &filler[..bytes] });
                trace.attack = 0;
                if answers(flood.victim, source) != Service::Silent {
                    let ip = own(random);
                    trace.icmp(soon, target, source, ip, Icmp { kind: (answer, 0), rest, payload: &filler[..bytes] });
                }
            }
        }
    }
    scene
}

/// A flood over a /24: so little for each host that none is flooded by itself.
fn over_a_block(kind: Kind, flood: Flood, world: &World, random: &mut Random) -> Scene {
    let mut scene = other_flood(kind, flood, world, random);
    scene.expected[0].target = None;
    for frame in scene.trace.frames.iter_mut().filter(|frame| frame.attack == 1) {
        // The target's last octet, behind the Ethernet header and 19 bytes of the IPv4 header.
        let octet = random.next() as u8;
        scene.trace.bytes[frame.at + 14 + 19] = octet;
        frame.target = Addr(frame.target.0 >> 8 << 8 | u128::from(octet));
    }
    scene
}

/// All cases of floods.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut syn = |flood: Flood| {
        let port = if flood.port == 0 { "random".into() } else { flood.port.to_string() };
        let name = format!("syn {} {:?} {}/s port {port} {:?}", flood.sources.name(), flood.maker, flood.rate, flood.victim);
        cases.push(Case::new(name, move |world, random| syn_flood(flood, world, random)));
    };
    let base = Flood { sources: Sources::Anywhere, maker: Maker::Hping, rate: 1000, seconds: 10, port: 80, victim: Service::Open };
    for (rate, seconds) in [(80, 20), (200, 15), (1000, 10), (5000, 8), (20_000, 4)] {
        syn(Flood { rate, seconds, ..base });
        syn(Flood { rate, seconds, sources: Sources::OneBlock, maker: Maker::Raw, ..base });
        syn(Flood { rate, seconds, sources: Sources::Hosts(100), maker: Maker::Raw, ..base });
    }
    for sources in [Sources::GivenOut, Sources::OneBlockV6] {
        for maker in [Maker::Hping, Maker::Raw, Maker::RandomTtl] {
            syn(Flood { sources, maker, rate: 600, ..base });
            syn(Flood { sources, maker, rate: 3000, victim: Service::Silent, ..base });
        }
    }
    for hosts in [20, 60, 400, 2000] {
        syn(Flood { sources: Sources::Hosts(hosts), maker: Maker::Raw, rate: 800, ..base });
        syn(Flood { sources: Sources::Hosts(hosts), maker: Maker::Stack, rate: 800, seconds: 15, victim: Service::Silent, ..base });
        syn(Flood { sources: Sources::Hosts(hosts), maker: Maker::Raw, rate: 5000, seconds: 6, port: 443, victim: Service::Silent });
    }
    for (rate, victim) in [(120, Service::Open), (1000, Service::Closed), (5000, Service::Silent)] {
        syn(Flood { sources: Sources::Hosts(1), maker: Maker::Hping, rate, victim, ..base });
    }
    for sources in [Sources::Anywhere, Sources::Hosts(300)] {
        syn(Flood { sources, port: 25, victim: Service::Closed, ..base });
        syn(Flood { sources, port: 0, rate: 10_000, seconds: 6, maker: Maker::Raw, victim: Service::Closed });
    }
    // Towards a port where industrial equipment listens.
    syn(Flood { port: 502, rate: 2000, ..base });

    let mut other = |kind: Kind, flood: Flood| {
        let what = match kind {
            Kind::Tcp(method, _) => method.to_string(),
            Kind::Udp(bytes) => format!("udp {bytes} B"),
            Kind::Icmp(bytes) => format!("icmp {bytes} B"),
            Kind::Fragment => "fragment".into(),
        };
        let port = if flood.port == 0 { "random".into() } else { flood.port.to_string() };
        let name = format!("{what} {} {:?} {}/s port {port} {:?}", flood.sources.name(), flood.maker, flood.rate, flood.victim);
        cases.push(Case::new(name, move |world, random| other_flood(kind, flood, world, random)));
    };
    for (method, flags) in TCP_KINDS {
        let kind = Kind::Tcp(method, flags);
        other(kind, Flood { rate: 1500, victim: Service::Closed, ..base });
        other(kind, Flood { rate: 8000, seconds: 6, sources: Sources::Hosts(150), maker: Maker::Raw, victim: Service::Silent, ..base });
        other(kind, Flood { rate: 2000, sources: Sources::Hosts(1), victim: Service::Silent, ..base });
    }
    other(Kind::Tcp("ack", ACK), Flood { rate: 3000, sources: Sources::OneBlockV6, maker: Maker::Raw, ..base });
    for (bytes, port) in [(0, 80), (64, 0), (512, 53), (1400, 443)] {
        let kind = Kind::Udp(bytes);
        other(kind, Flood { rate: 2000, port, victim: Service::Closed, ..base });
        other(kind, Flood { rate: 5000, seconds: 6, port, sources: Sources::Hosts(80), maker: Maker::Raw, victim: Service::Silent });
        other(kind, Flood { rate: 2000, port, sources: Sources::Hosts(1), victim: Service::Closed, ..base });
    }
    other(
        Kind::Udp(32),
        Flood { rate: 15_000, seconds: 4, port: 0, sources: Sources::OneBlock, maker: Maker::Raw, victim: Service::Silent },
    );
    other(Kind::Udp(32), Flood { rate: 3000, sources: Sources::OneBlockV6, maker: Maker::Raw, victim: Service::Silent, ..base });
    for (rate, bytes) in [(500, 56), (4000, 0), (1000, 1400)] {
        let kind = Kind::Icmp(bytes);
        other(kind, Flood { rate, ..base });
        other(kind, Flood { rate, sources: Sources::Hosts(50), maker: Maker::Raw, ..base });
        other(kind, Flood { rate, sources: Sources::Hosts(1), ..base });
    }
    other(Kind::Fragment, Flood { rate: 3000, ..base });
    other(Kind::Fragment, Flood { rate: 6000, sources: Sources::Hosts(70), maker: Maker::Raw, victim: Service::Silent, ..base });
    other(Kind::Fragment, Flood { rate: 2500, sources: Sources::Hosts(1), maker: Maker::Raw, victim: Service::Silent, ..base });
    other(Kind::Icmp(56), Flood { rate: 2000, sources: Sources::OneBlockV6, maker: Maker::Raw, ..base });
    let silent = Flood { victim: Service::Silent, seconds: 8, maker: Maker::Raw, ..base };
    for (name, kind, flood) in [
        ("udp 64 B 300-hosts 12000/s port random", Kind::Udp(64), Flood { rate: 12_000, port: 0, sources: Sources::Hosts(300), ..silent }),
        ("udp 512 B 1-hosts 8000/s port 53", Kind::Udp(512), Flood { rate: 8000, port: 53, sources: Sources::Hosts(1), ..silent }),
        // A host refuses some of it, which makes scanners of the senders before anybody knows of the flood.
        (
            "udp 0 B 20-hosts 8000/s port 53",
            Kind::Udp(0),
            Flood { rate: 8000, port: 53, sources: Sources::Hosts(20), victim: Service::Closed, ..silent },
        ),
        (
            "udp 512 B 20-hosts 8000/s port random",
            Kind::Udp(512),
            Flood { rate: 8000, port: 0, sources: Sources::Hosts(20), victim: Service::Closed, ..silent },
        ),
        ("icmp 56 B forged 5000/s", Kind::Icmp(56), Flood { rate: 5000, ..silent }),
        ("ack forged 8000/s port random", Kind::Tcp("ack", ACK), Flood { rate: 8000, port: 0, ..silent }),
    ] {
        cases.push(Case::new(format!("block {name}"), move |world, random| over_a_block(kind, flood, world, random)));
    }
    cases
}
