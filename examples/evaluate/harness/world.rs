//! Who is where: the home networks, hosts abroad with a known country, and how home's hosts behave.

use std::sync::Arc;

use wherefrom::addr::Addr;
use wherefrom::attribute::{Database, Home, reserved};
use wherefrom::decode::flags::{ACK, FIN, PSH, RST, SYN};

use super::frames::{End, Ip, MILLI, Random, SECOND, STACK, Tcp, Trace};

/// 2026-05-01T00:00:00Z: where every case begins.
pub const START: u64 = 1_777_593_600 * SECOND;
/// The home networks: a /16, and a /32 of IPv6.
pub const HOME: [&str; 2] = ["202.112.0.0/16", "2001:da8::/32"];
/// Prefixes abroad, of three countries.
const ABROAD_V6: [u128; 3] = [0x2a01_04f8, 0x2600_3c00, 0x2a00_1450];
/// What a TCP stack waits before it repeats a SYN or SYN+ACK for the n-th time, in seconds since the first (RFC 6298: doubled from 1 s).
pub const REPEATS: [u64; 4] = [1, 3, 7, 15];

/// What a home host makes of a SYN.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Service {
    Open,
    Closed,
    Silent,
}

/// What cases draw from.
pub struct World {
    pub database: Arc<Database>,
    home: Home,
}

impl World {
    pub fn new() -> Self {
        World { database: Arc::new(Database::embedded()), home: home() }
    }

    /// The country of an address, `ZZ` if it has none.
    pub fn country(&self, addr: Addr) -> &'static str {
        self.database.table.country_of(addr).code()
    }

    /// A host abroad, in a country that the database knows.
    pub fn abroad(&self, random: &mut Random) -> Addr {
        loop {
            let addr = Addr::v4(random.next() as u32);
            if !self.home.contains(addr) && reserved(addr).is_none() && self.country(addr) != "ZZ" {
                return addr;
            }
        }
    }

    /// A host abroad of IPv6: in one of three /32, each with many sites.
    pub fn abroad_v6(&self, random: &mut Random) -> Addr {
        let prefix = ABROAD_V6[random.below(3) as usize];
        Addr::v6(prefix << 96 | u128::from(random.below(4096)) << 64 | u128::from(random.next()))
    }

    /// An address that a forger draws from all of IPv4: with what was never given out.
    pub fn forged(&self, random: &mut Random) -> Addr {
        loop {
            let addr = Addr::v4(random.next() as u32);
            if !self.home.contains(addr) && addr.0 as u32 >> 24 != 0 {
                return addr;
            }
        }
    }

    /// Whether anybody could hold the address.
    pub fn held(&self, addr: Addr) -> bool {
        reserved(addr).is_none() && self.country(addr) != "ZZ"
    }
}

/// The home networks, parsed.
pub fn home() -> Home {
    let entries = HOME.map(|text| text.parse().expect("HOME holds networks"));
    Home::new(entries.to_vec()).expect("HOME does not contradict itself")
}

/// The `n`-th home host: 202.112.0.1 and on.
pub fn host(n: u32) -> Addr {
    Addr::v4(0xca70_0000 + 1 + n % 0xfffe)
}

/// The `n`-th home host of IPv6, in subnets of 256 hosts.
pub fn host_v6(n: u32) -> Addr {
    Addr::v6(0x2001_0da8_u128 << 96 | u128::from(n / 256 + 1) << 64 | u128::from(n % 256 + 1))
}

/// What stands behind an address and port of home, where a case does not say: one in ten hosts lives, and has few open ports.
pub fn service(target: Addr, port: u16) -> Service {
    let mut of_host = Random::named(&target.to_string());
    match (of_host.chance(10), of_host.chance(50)) {
        (false, _) => Service::Silent,
        (true, true) if matches!(port, 22 | 80 | 443) => Service::Open,
        (true, _) => Service::Closed,
    }
}

/// A header as the operating system of a host abroad makes it, as it arrives: initial TTL 64 or 128 less the hops, the same for one host.
pub fn stack(host: Addr, random: &mut Random) -> Ip {
    let mut of_host = Random::named(&host.to_string());
    let (initial, hops) = (if of_host.chance(40) { 128 } else { 64 }, 6 + of_host.below(20) as u8);
    Ip { ttl: initial - hops, id: random.next() as u16, dont_fragment: true }
}

/// A header of a home host.
pub fn own(random: &mut Random) -> Ip {
    Ip { ttl: 63, id: random.next() as u16, dont_fragment: true }
}

/// The time from a home host's packet to the answer of one abroad.
pub fn round_trip(host: Addr) -> u64 {
    (15 + Random::named(&host.to_string()).below(185)) * MILLI
}

/// How a conversation goes.
#[derive(Clone, Copy)]
pub struct Talk {
    pub rounds: u32,
    pub question: usize,
    /// Bytes of an answer, in segments of 1,200.
    pub answer: usize,
}

/// A page from a web server.
pub const PAGE: Talk = Talk { rounds: 2, question: 300, answer: 6000 };
/// A short exchange.
pub const SHORT: Talk = Talk { rounds: 1, question: 120, answer: 500 };

/// A TCP conversation from handshake to FIN, seen at home's border. Returns when it ends.
pub fn conversation(trace: &mut Trace, random: &mut Random, at: u64, client: End, server: End, talk: Talk) -> u64 {
    let home_serves = is_home(server.0);
    let abroad = if home_serves { client.0 } else { server.0 };
    let (trip, near) = (round_trip(abroad), 300_000);
    // From the client's packet to the server's, and back, as the border sees it.
    let (there, back) = if home_serves { (near, trip) } else { (trip, near) };
    let ip = |host: Addr, random: &mut Random| if is_home(host) { own(random) } else { stack(host, random) };
    let (mut seq, mut ack) = (random.next() as u32, random.next() as u32);
    let data = vec![0x61; 1200];
    let window = 502;
    let header = ip(client.0, random);
    trace.tcp(at, client, server, header, Tcp { flags: SYN, seq, window: 64_240, options: STACK, ..Tcp::default() });
    seq = seq.wrapping_add(1);
    let mut now = at + there;
    let header = ip(server.0, random);
    trace.tcp(now, server, client, header, Tcp { flags: SYN | ACK, seq: ack, ack: seq, window: 65_160, options: STACK, ..Tcp::default() });
    ack = ack.wrapping_add(1);
    now += back;
    let header = ip(client.0, random);
    trace.tcp(now, client, server, header, Tcp { flags: ACK, seq, ack, window, ..Tcp::default() });
    for _ in 0..talk.rounds {
        let payload = &data[..talk.question.min(1200)];
        let header = ip(client.0, random);
        trace.tcp(now, client, server, header, Tcp { flags: ACK | PSH, seq, ack, window, payload, ..Tcp::default() });
        seq = seq.wrapping_add(payload.len() as u32);
        now += there;
        let mut left = talk.answer;
        while left > 0 {
            let payload = &data[..left.min(1200)];
            let header = ip(server.0, random);
            trace.tcp(now, server, client, header, Tcp { flags: ACK | PSH, seq: ack, ack: seq, window, payload, ..Tcp::default() });
            ack = ack.wrapping_add(payload.len() as u32);
            left -= payload.len();
            now += 100_000;
        }
        now += back;
        let header = ip(client.0, random);
        trace.tcp(now, client, server, header, Tcp { flags: ACK, seq, ack, window, ..Tcp::default() });
    }
    let header = ip(client.0, random);
    trace.tcp(now, client, server, header, Tcp { flags: FIN | ACK, seq, ack, window, ..Tcp::default() });
    now += there;
    let header = ip(server.0, random);
    trace.tcp(now, server, client, header, Tcp { flags: FIN | ACK, seq: ack, ack: seq.wrapping_add(1), window, ..Tcp::default() });
    now += back;
    let (seq, ack) = (seq.wrapping_add(1), ack.wrapping_add(1));
    let header = ip(client.0, random);
    trace.tcp(now, client, server, header, Tcp { flags: ACK, seq, ack, window, ..Tcp::default() });
    now
}

/// A SYN of an operating system that finds nobody: repeated with exponential back-off, or refused.
pub fn vain(trace: &mut Trace, random: &mut Random, at: u64, client: End, server: End, refused: bool) {
    let seq = random.next() as u32;
    let header = if is_home(client.0) { own(random) } else { stack(client.0, random) };
    let syn = Tcp { flags: SYN, seq, window: 64_240, options: STACK, ..Tcp::default() };
    trace.tcp(at, client, server, header, syn);
    if refused {
        refuse(trace, random, at + if is_home(server.0) { 300_000 } else { round_trip(server.0) }, server, client, seq);
        return;
    }
    for after in &REPEATS[..3] {
        trace.tcp(at + after * SECOND, client, server, header, syn);
    }
}

/// The reset of a closed port.
pub fn refuse(trace: &mut Trace, random: &mut Random, at: u64, server: End, client: End, seq: u32) {
    let header = if is_home(server.0) { own(random) } else { stack(server.0, random) };
    trace.tcp(at, server, client, header, Tcp { flags: RST | ACK, ack: seq.wrapping_add(1), ..Tcp::default() });
}

/// Whether an address is home.
pub fn is_home(addr: Addr) -> bool {
    match addr.as_v4() {
        Some(bits) => bits >> 16 == 0xca70,
        None => addr.0 >> 96 == 0x2001_0da8,
    }
}

/// An ordinary network: pages served and fetched, names looked up, so many conversations a second.
pub fn background(trace: &mut Trace, world: &World, random: &mut Random, seconds: u64, per_s: u64) {
    let attack = std::mem::take(&mut trace.attack);
    let clients: Vec<Addr> = (0..200).map(|_| world.abroad(random)).collect();
    let servers: Vec<Addr> = (0..50).map(|_| world.abroad(random)).collect();
    let pick = |of: &[Addr], random: &mut Random| of[random.below(of.len() as u64) as usize];
    for _ in 0..seconds * per_s {
        let at = START + random.below(seconds * SECOND);
        match random.below(10) {
            0..4 => {
                let (client, server) = ((pick(&clients, random), random.port()), (host(random.below(20) as u32), 443));
                conversation(trace, random, at, client, server, PAGE);
            }
            4..7 => {
                let (client, server) = ((host(1000 + random.below(500) as u32), random.port()), (pick(&servers, random), 443));
                conversation(trace, random, at, client, server, PAGE);
            }
            _ => {
                let (client, server) = ((host(53), random.port()), (pick(&servers, random), 53));
                lookup(trace, random, at, client, server, true);
            }
        }
    }
    trace.attack = attack;
}

/// A question by UDP to port 53, and perhaps its answer.
pub fn lookup(trace: &mut Trace, random: &mut Random, at: u64, client: End, server: End, answered: bool) {
    let id = (random.next() as u16).to_be_bytes();
    let name = b"\x03www\x07example\x03com\0\0\x01\0\x01";
    let question = [&id[..], &[1, 0, 0, 1, 0, 0, 0, 0, 0, 0], name].concat();
    let home_asks = is_home(client.0);
    let (asks, answers) = if home_asks { (own(random), stack(server.0, random)) } else { (stack(client.0, random), own(random)) };
    trace.udp(at, client, server, asks, &question);
    if answered {
        let more = b"\xc0\x0c\0\x01\0\x01\0\0\x0e\x10\0\x04\xc6\x33\x64\x07";
        let answer = [&id[..], &[0x81, 0x80, 0, 1, 0, 1, 0, 0, 0, 0], name, more].concat();
        trace.udp(at + if home_asks { round_trip(server.0) } else { 300_000 }, server, client, answers, &answer);
    }
}
