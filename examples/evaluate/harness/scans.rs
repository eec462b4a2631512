//! Scans: tools as they write their packets, and what home's hosts answer.

use wherefrom::addr::Addr;
use wherefrom::decode::flags::{ACK, FIN, PSH, RST, SYN, URG};

use super::case::{ATTACK, Case, Expected, Scene};
use super::frames::{End, Icmp, Ip, MILLI, MSS, Random, SECOND, STACK, Tcp, Trace, WINDOWS};
use super::world::{REPEATS, Service, World, background, home, host, host_v6, own, refuse, round_trip, service, stack};

/// What writes the probes. Marks are those in the tools' sources.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Tool {
    Zmap2,
    Zmap3,
    /// From 4.1 on without a constant identification.
    Zmap41,
    Masscan,
    Mirai,
    Nmap,
    Unicornscan,
    Hping3,
    /// connect().
    Connect,
    Fin,
    Null,
    Xmas,
    Ack,
    Maimon,
    Udp,
    Icmp,
    /// INIT chunks of SCTP, as nmap -sY sends them.
    Sctp,
}

impl Tool {
    /// The method, and the tool's name where the packets bear its mark.
    fn labels(self) -> (&'static str, Option<&'static str>) {
        match self {
            Tool::Zmap2 | Tool::Zmap3 => ("syn", Some("zmap")),
            Tool::Zmap41 => ("syn", None),
            Tool::Masscan => ("syn", Some("masscan")),
            Tool::Mirai => ("syn", Some("mirai")),
            Tool::Nmap => ("syn", Some("nmap")),
            Tool::Unicornscan => ("syn", Some("unicornscan")),
            Tool::Hping3 => ("syn", Some("hping3")),
            Tool::Connect => ("connect", None),
            Tool::Fin => ("fin", Some("nmap")),
            Tool::Null => ("null", Some("nmap")),
            Tool::Xmas => ("xmas", Some("nmap")),
            Tool::Ack => ("ack", Some("nmap")),
            Tool::Maimon => ("maimon", Some("nmap")),
            Tool::Udp => ("udp", None),
            Tool::Icmp => ("icmp", None),
            Tool::Sctp => ("sctp", None),
        }
    }
}

/// What is kept through one run of a tool.
struct Run {
    tool: Tool,
    source: Addr,
    port: u16,
    key: u32,
    sent: u32,
    hops: u8,
}

impl Run {
    fn new(tool: Tool, source: Addr, random: &mut Random) -> Self {
        Run { tool, source, port: random.port(), key: random.next() as u32, sent: 0, hops: 6 + random.below(20) as u8 }
    }

    /// Sends one probe; home answers, and the scanner's kernel reacts.
    fn probe(&mut self, trace: &mut Trace, random: &mut Random, at: u64, target: Addr, port: u16, service: Service) {
        let id = random.next() as u16;
        let bits = target.as_v4().unwrap_or(target.0 as u32);
        self.sent += 1;
        let mut ip = Ip { ttl: 255 - self.hops, id, dont_fragment: false };
        let mut tcp = Tcp { flags: SYN, seq: random.next() as u32, ..Tcp::default() };
        let mut from_port = self.port;
        match self.tool {
            Tool::Zmap2 | Tool::Zmap3 | Tool::Zmap41 => {
                from_port = random.port();
                tcp.window = 65_535;
                (ip.id, tcp.options) = match self.tool {
                    Tool::Zmap2 => (54_321, &[][..]),
                    Tool::Zmap3 => (54_321, MSS),
                    _ => (id, WINDOWS),
                };
            }
            Tool::Masscan => {
                tcp.window = 1024;
                ip.id = (bits ^ u32::from(port) ^ tcp.seq) as u16;
            }
            Tool::Mirai => {
                ip.ttl = 64 - self.hops;
                (tcp.seq, tcp.window, from_port) = (bits, self.key as u16, random.port());
            }
            Tool::Unicornscan => {
                ip.ttl = 128 - self.hops;
                from_port = random.port();
                tcp.window = 4096;
                tcp.seq = self.key ^ bits.swap_bytes() ^ (u32::from(port) << 16).wrapping_add(from_port.into());
            }
            Tool::Hping3 => {
                ip.ttl = 64 - self.hops;
                from_port = self.port.wrapping_add(self.sent as u16);
                (tcp.ack, tcp.window) = (random.next() as u32, 512);
            }
            Tool::Connect => {
                ip = stack(self.source, random);
                from_port = random.port();
                (tcp.window, tcp.options) = (64_240, STACK);
            }
            _ => {
                ip.ttl = 37 + random.below(23) as u8 - self.hops;
                (tcp.seq, tcp.window) = (self.key, 1024);
                match self.tool {
                    Tool::Nmap => tcp.options = MSS,
                    Tool::Fin => tcp.flags = FIN,
                    Tool::Null => tcp.flags = 0,
                    Tool::Xmas => tcp.flags = FIN | PSH | URG,
                    Tool::Ack => (tcp.flags, tcp.seq, tcp.ack) = (ACK, 0, self.key),
                    Tool::Maimon => (tcp.flags, tcp.ack) = (FIN | ACK, self.key),
                    _ => {}
                }
            }
        }
        let (from, to) = ((self.source, from_port), (target, port));
        match self.tool {
            Tool::Sctp => trace.sctp_init(at, from, to, ip, self.key),
            Tool::Udp => datagram(trace, random, &Sent { at, from, to, ip, service }),
            Tool::Icmp => {
                let (rest, payload) = (u32::from(self.port) << 16, &[][..]);
                let (ask, answer) = if target.is_v4() { (8, 0) } else { (128, 129) };
                trace.icmp(at, self.source, target, ip, Icmp { kind: (ask, 0), rest, payload });
                if service != Service::Silent {
                    let header = own(random);
                    let echo = Icmp { kind: (answer, 0), rest, payload };
                    unlabelled(trace, |trace| trace.icmp(at + 300_000, target, self.source, header, echo));
                }
            }
            _ => self.segment(trace, random, &Sent { at, from, to, ip, service }, tcp),
        }
    }

    fn segment(&self, trace: &mut Trace, random: &mut Random, sent: &Sent, tcp: Tcp<'_>) {
        let &Sent { at, from, to, ip, service } = sent;
        trace.tcp(at, from, to, ip, tcp);
        let soon = at + 300_000;
        if tcp.flags != SYN {
            // RFC 9293: a closed port resets, an open one is silent; an ACK is reset by both.
            if service == Service::Closed || service == Service::Open && self.tool == Tool::Ack {
                unlabelled(trace, |trace| refuse(trace, random, soon, to, from, tcp.seq));
            }
            return;
        }
        match service {
            Service::Closed => unlabelled(trace, |trace| refuse(trace, random, soon, to, from, tcp.seq)),
            Service::Silent => {
                let repeats: &[u64] = match self.tool {
                    Tool::Connect => &REPEATS[..2],
                    Tool::Nmap => &REPEATS[..1],
                    _ => &[],
                };
                for (n, after) in repeats.iter().enumerate() {
                    let again = n as u32 + 1;
                    let (seq, port) = match self.tool {
                        Tool::Nmap => (tcp.seq ^ (again << 16 | again), from.1.wrapping_add(again as u16)),
                        _ => (tcp.seq, from.1),
                    };
                    trace.tcp(at + after * SECOND, (from.0, port), to, ip, Tcp { seq, ..tcp });
                }
            }
            Service::Open => {
                let seq = random.next() as u32;
                let header = own(random);
                let answer = Tcp { flags: SYN | ACK, seq, ack: tcp.seq.wrapping_add(1), window: 65_160, options: STACK, ..Tcp::default() };
                unlabelled(trace, |trace| trace.tcp(soon, to, from, header, answer));
                let back = soon + round_trip(self.source);
                let next = tcp.seq.wrapping_add(1);
                if self.tool == Tool::Connect {
                    trace.tcp(back, from, to, ip, Tcp { flags: ACK, seq: next, ack: seq.wrapping_add(1), window: 502, ..Tcp::default() });
                    let reset = Tcp { flags: RST | ACK, seq: next, ack: seq.wrapping_add(1), ..Tcp::default() };
                    trace.tcp(back + 50_000, from, to, ip, reset);
                } else {
                    trace.tcp(back, from, to, ip, Tcp { flags: RST, seq: next, ..Tcp::default() });
                }
            }
        }
    }
}

/// One probe on its way.
struct Sent {
    at: u64,
    from: End,
    to: End,
    ip: Ip,
    service: Service,
}

/// A datagram with the payload that tools send to the port.
fn datagram(trace: &mut Trace, random: &mut Random, sent: &Sent) {
    let &Sent { at, from, to, ip, service } = sent;
    let payload: &[u8] = match to.1 {
        53 => b"\x12\x34\x01\0\0\x01\0\0\0\0\0\0\x07version\x04bind\0\0\x10\0\x03",
        123 => b"\xe3\0\x04\xfa\0\x01\0\0\0\x01\0\0",
        161 => b"\x30\x26\x02\x01\x01\x04\x06public\xa0\x19\x02\x04",
        1900 => b"M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n",
        _ => b"",
    };
    trace.udp(at, from, to, ip, payload);
    if service == Service::Closed {
        // The error quotes the datagram, which is the frame before it.
        unlabelled(trace, |trace| trace.unreachable(at + 300_000, to.0, own(random).ttl, 3));
    }
}

fn unlabelled(trace: &mut Trace, add: impl FnOnce(&mut Trace)) {
    let attack = std::mem::take(&mut trace.attack);
    add(trace);
    trace.attack = attack;
}

#[derive(Clone, Copy)]
struct Scan {
    tool: Tool,
    ports: &'static [u16],
    hosts: u32,
    /// Probes a second.
    rate: u64,
    v6: bool,
}

const HTTPS: &[u16] = &[443];
const TELNET: &[u16] = &[23, 23, 23, 23, 23, 23, 23, 23, 23, 2323];

/// One or few ports of many hosts.
fn horizontal(scan: Scan, world: &World, random: &mut Random) -> Scene {
    let probes = u64::from(scan.hosts) * if scan.tool == Tool::Mirai { 1 } else { scan.ports.len() as u64 };
    let mut scene = Scene::begin(world, random, 20 + probes / scan.rate + 20);
    let source = if scan.v6 { world.abroad_v6(random) } else { world.abroad(random) };
    scene.attack(labelled(scan.tool, source).with("shape", "horizontal"));
    let mut run = Run::new(scan.tool, source, random);
    let offset = random.next() as u32;
    for n in 0..probes {
        let at = ATTACK + n * SECOND / scan.rate + random.below(MILLI);
        let (place, port) = match scan.tool {
            Tool::Mirai => (random.next() as u32, scan.ports[random.below(scan.ports.len() as u64) as usize]),
            // A multiplicative step visits each host once, out of order, as these tools do.
            _ => {
                (offset.wrapping_add((n as u32 / scan.ports.len() as u32).wrapping_mul(40_503)), scan.ports[n as usize % scan.ports.len()])
            }
        };
        let target = if scan.v6 { host_v6(place % 8192) } else { host(place) };
        run.probe(&mut scene.trace, random, at, target, port, service(target, port));
    }
    scene
}

fn labelled(tool: Tool, source: Addr) -> Expected {
    let (method, name) = tool.labels();
    let expected = Expected::new("scan").of(source).with("method", method);
    match name {
        // What these two make of an IPv4 address has no counterpart in IPv6.
        Some("masscan" | "unicornscan") if !source.is_v4() => expected,
        Some(name) => expected.with("tool", name),
        None => expected,
    }
}

/// Many ports of one host.
fn vertical(tool: Tool, ports: u16, rate: u64, filtered: bool, v6: bool, world: &World, random: &mut Random) -> Scene {
    let mut scene = Scene::begin(world, random, 20 + u64::from(ports) / rate + 20);
    let source = if v6 { world.abroad_v6(random) } else { world.abroad(random) };
    let target = if v6 { host_v6(5) } else { host(5) };
    scene.attack(labelled(tool, source).on(target).with("shape", "vertical"));
    let mut run = Run::new(tool, source, random);
    for n in 0..ports {
        let port = (n.wrapping_mul(25_173) % 20_000) + 1;
        let service = match port {
            22 | 80 | 443 | 3306 => Service::Open,
            _ if filtered => Service::Silent,
            _ => Service::Closed,
        };
        run.probe(&mut scene.trace, random, ATTACK + u64::from(n) * SECOND / rate, target, port, service);
    }
    scene
}

/// All ports of one host, as fast as a tool goes that doesn't wait.
fn whole_host(tool: Tool, world: &World, random: &mut Random) -> Scene {
    let mut scene = Scene::begin(world, random, 50);
    let (source, target) = (world.abroad(random), host(5));
    scene.attack(labelled(tool, source).on(target).with("shape", "vertical"));
    let mut run = Run::new(tool, source, random);
    for n in 0..=u16::MAX {
        let port = n.wrapping_mul(25_173);
        let service = if matches!(port, 22 | 80 | 443) { Service::Open } else { Service::Closed };
        run.probe(&mut scene.trace, random, ATTACK + u64::from(n) * SECOND / 9000, target, port, service);
    }
    scene
}

/// Some ports of some hosts.
fn block(tool: Tool, hosts: u32, ports: u16, world: &World, random: &mut Random) -> Scene {
    let mut scene = Scene::begin(world, random, 80);
    let source = world.abroad(random);
    scene.attack(labelled(tool, source).with("shape", "block"));
    let mut run = Run::new(tool, source, random);
    let probes = u64::from(hosts) * u64::from(ports);
    for n in 0..probes {
        let (target, port) = (host(7000 + (n % u64::from(hosts)) as u32), 8000 + (n / u64::from(hosts)) as u16);
        run.probe(&mut scene.trace, random, ATTACK + n * 40 * SECOND / probes, target, port, service(target, port));
    }
    scene
}

/// Many sources share the hosts: each alone is below notice.
fn distributed(tool: Tool, sources: u64, each: u64, seconds: u64, world: &World, random: &mut Random) -> Scene {
    let mut scene = Scene::begin(world, random, 20 + seconds + 20);
    let (method, name) = tool.labels();
    let mut expected = Expected::new("scan").with("method", method).with("shape", "distributed");
    if let Some(name) = name {
        expected = expected.with("tool", name);
    }
    scene.attack(expected);
    // Whoever reports the participants too is not wrong.
    scene.allowed = &["scan"];
    let mut runs: Vec<Run> = (0..sources).map(|_| Run::new(tool, world.abroad(random), random)).collect();
    for n in 0..sources * each {
        let at = ATTACK + n * seconds * SECOND / (sources * each) + random.below(10 * MILLI);
        let target = host((n as u32).wrapping_mul(40_503));
        let port = if tool == Tool::Mirai { TELNET[random.below(10) as usize] } else { 8545 };
        runs[(n % sources) as usize].probe(&mut scene.trace, random, at, target, port, service(target, port));
    }
    scene
}

/// Seconds between two contacts from which on a scan is called slow: nmap's "paranoid" timing waits 300.
const SLOW_S: u64 = 60;

/// One contact every so many seconds.
fn slow(tool: Tool, every_s: u64, contacts: u64, one_host: bool, world: &World, random: &mut Random) -> Scene {
    let mut scene = Scene { trace: Trace::default(), expected: Vec::new(), allowed: &[] };
    background(&mut scene.trace, world, random, every_s * contacts + 60, 1 + 600 / every_s / contacts);
    let source = world.abroad(random);
    let mut expected = labelled(tool, source);
    if every_s >= SLOW_S {
        expected = expected.with("slow", true);
    }
    expected = if one_host { expected.on(host(6)) } else { expected.with("shape", "horizontal") };
    scene.attack(expected);
    let mut run = Run::new(tool, source, random);
    for n in 0..contacts {
        let at = ATTACK + n * every_s * SECOND + random.below(SECOND);
        let (target, port) = if one_host { (host(6), 1000 + n as u16) } else { (host(9000 + n as u32 * 31), 3389) };
        let state = if one_host { Service::Closed } else { service(target, port) };
        run.probe(&mut scene.trace, random, at, target, port, state);
    }
    scene
}

/// A host that takes a new address of its /64 with each probe.
fn hopping(world: &World, random: &mut Random) -> Scene {
    let mut scene = Scene::begin(world, random, 80);
    let site = world.abroad_v6(random).0 >> 64 << 64;
    scene.attack(Expected::new("scan").with("method", "syn").with("shape", "horizontal"));
    for n in 0..300u64 {
        let source = Addr::v6(site | u128::from(random.next()));
        let target = host_v6(n as u32);
        Run::new(Tool::Masscan, source, random).probe(&mut scene.trace, random, ATTACK + n * 100 * MILLI, target, 22, service(target, 22));
    }
    scene
}

/// A home host that scans abroad.
fn outbound(tool: Tool, world: &World, random: &mut Random) -> Scene {
    let mut scene = Scene::begin(world, random, 80);
    let source = host(666);
    scene.attack(labelled(tool, source).with("shape", "horizontal").with("direction", "outbound"));
    let mut run = Run::new(tool, source, random);
    for n in 0..1500u64 {
        let target = loop {
            let target = world.abroad(random);
            if !home().contains(target) {
                break target;
            }
        };
        let port = TELNET[random.below(10) as usize];
        run.probe(&mut scene.trace, random, ATTACK + n * 25 * MILLI, target, port, Service::Silent);
    }
    scene
}

/// A scan of other hosts while one is flooded from forged addresses.
fn inside_flood(world: &World, random: &mut Random) -> Scene {
    let mut scene = Scene::begin(world, random, 50);
    let source = world.abroad(random);
    scene.attack(labelled(Tool::Masscan, source).with("shape", "horizontal"));
    let mut run = Run::new(Tool::Masscan, source, random);
    for n in 0..100u64 {
        let target = host(3000 + n as u32 * 77);
        run.probe(&mut scene.trace, random, ATTACK + n * 100 * MILLI, target, 5900, service(target, 5900));
    }
    scene.attack(Expected::new("syn_flood").on(host(10)).with("method", "syn").forged(true));
    for n in 0..150_000u64 {
        let forged = (world.forged(random), random.next() as u16);
        let syn = Tcp { flags: SYN, seq: random.next() as u32, window: 512, ..Tcp::default() };
        let ip = Ip { ttl: 51, id: random.next() as u16, dont_fragment: false };
        scene.trace.tcp(ATTACK + n * 66_000, forged, (host(10), 443), ip, syn);
    }
    scene
}

/// All cases of scans.
pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    let mut add = |scan: Scan| {
        let name = format!(
            "scan horizontal {:?} {} hosts {} ports {}/s{}",
            scan.tool,
            scan.hosts,
            scan.ports.len(),
            scan.rate,
            if scan.v6 { " v6" } else { "" }
        );
        cases.push(Case::new(name, move |world, random| horizontal(scan, world, random)));
    };
    let base = Scan { tool: Tool::Masscan, ports: HTTPS, hosts: 500, rate: 50, v6: false };
    for tool in [Tool::Zmap2, Tool::Zmap3, Tool::Zmap41, Tool::Masscan, Tool::Nmap, Tool::Unicornscan, Tool::Hping3, Tool::Connect] {
        add(Scan { tool, ..base });
        add(Scan { tool, hosts: 24, rate: 1, ports: &[3389], ..base });
        add(Scan { tool, hosts: 20_000, rate: 2000, ports: &[22], ..base });
    }
    add(Scan { tool: Tool::Mirai, ports: TELNET, hosts: 60, rate: 2, ..base });
    add(Scan { tool: Tool::Mirai, ports: TELNET, hosts: 1500, rate: 30, ..base });
    for tool in [Tool::Fin, Tool::Null, Tool::Xmas, Tool::Ack, Tool::Maimon, Tool::Icmp, Tool::Sctp] {
        add(Scan { tool, ..base });
        add(Scan { tool, hosts: 40, rate: 2, ..base });
    }
    for ports in [&[53][..], &[123], &[161], &[1900], &[40_000]] {
        add(Scan { tool: Tool::Udp, ports, ..base });
    }
    add(Scan { ports: &[21, 22, 23, 80], hosts: 300, ..base });
    add(Scan { tool: Tool::Connect, ports: &[80, 443, 8080], hosts: 100, rate: 20, ..base });
    for tool in [Tool::Nmap, Tool::Masscan, Tool::Connect, Tool::Zmap41, Tool::Icmp] {
        add(Scan { tool, v6: true, ports: &[22], hosts: 300, ..base });
    }
    for tool in
        [Tool::Nmap, Tool::Connect, Tool::Masscan, Tool::Hping3, Tool::Unicornscan, Tool::Fin, Tool::Xmas, Tool::Null, Tool::Ack, Tool::Udp]
    {
        for (ports, rate, filtered, v6) in [(1000, 100, false, false), (100, 5, true, false), (1000, 200, false, true)] {
            let name = format!(
                "scan vertical {tool:?} {ports} ports {rate}/s{}{}",
                if filtered { " filtered" } else { "" },
                if v6 { " v6" } else { "" }
            );
            cases.push(Case::new(name, move |world, random| vertical(tool, ports, rate, filtered, v6, world, random)));
        }
    }
    for tool in [Tool::Nmap, Tool::Masscan] {
        cases.push(Case::new(format!("scan vertical {tool:?} all ports"), move |world, random| whole_host(tool, world, random)));
    }
    for (tool, hosts, ports) in [(Tool::Masscan, 20, 20), (Tool::Nmap, 10, 100), (Tool::Connect, 60, 10)] {
        cases.push(Case::new(format!("scan block {tool:?} {hosts} x {ports}"), move |world, random| {
            block(tool, hosts, ports, world, random)
        }));
    }
    for (tool, sources, each, seconds) in
        [(Tool::Masscan, 60, 4, 120), (Tool::Zmap2, 200, 2, 200), (Tool::Mirai, 400, 3, 120), (Tool::Connect, 48, 5, 60)]
    {
        let name = format!("scan distributed {tool:?} {sources} sources {each} each");
        cases.push(Case::new(name, move |world, random| distributed(tool, sources, each, seconds, world, random)));
    }
    for (tool, every_s, contacts, one_host) in [
        (Tool::Nmap, 3600, 48, false),
        (Tool::Connect, 3600, 48, false),
        (Tool::Masscan, 3600, 48, false),
        (Tool::Nmap, 3600, 48, true),
        (Tool::Nmap, 300, 40, true),
        (Tool::Nmap, 15, 40, false),
    ] {
        let name = format!("scan slow {tool:?} every {every_s} s, {}", if one_host { "one host" } else { "many hosts" });
        cases.push(Case::new(name, move |world, random| slow(tool, every_s, contacts, one_host, world, random)));
    }
    cases.push(Case::new("scan hopping inside a /64", hopping));
    cases.push(Case::new("scan inside a flood", inside_flood));
    cases.push(Case::new("scan outbound Mirai", |world, random| outbound(Tool::Mirai, world, random)));
    cases.push(Case::new("scan outbound Connect", |world, random| outbound(Tool::Connect, world, random)));
    cases
}
