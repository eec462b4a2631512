//! Ethernet frames in memory: what a sensor's interface would deliver, with the label that no sensor sees.
//!
//! Checksums stay zero: the sensor does not verify them, because offloading leaves them wrong in every capture made on a sending host.

use wherefrom::addr::Addr;

/// One second.
pub const SECOND: u64 = 1_000_000_000;
/// One millisecond.
pub const MILLI: u64 = 1_000_000;

/// SplitMix64 (Steele, Lea, Flood, OOPSLA 2014): the same seed gives the same traffic on every machine.
pub struct Random(u64);

impl Random {
    /// Seeded by a text: a case's name.
    pub fn named(name: &str) -> Self {
        Random(name.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)))
    }

    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub fn below(&mut self, bound: u64) -> u64 {
        ((u128::from(self.next()) * u128::from(bound)) >> 64) as u64
    }

    pub fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// Any port that needs no privilege.
    pub fn unprivileged(&mut self) -> u16 {
        1024 + self.below(64_000) as u16
    }

    /// A port of the ephemeral range.
    pub fn port(&mut self) -> u16 {
        (32_768 + self.below(28_232)) as u16
    }
}

/// One frame, and what it is in truth.
#[derive(Clone, Copy)]
pub struct Frame {
    pub time_ns: u64,
    pub at: usize,
    pub bytes: u32,
    pub source: Addr,
    pub target: Addr,
    /// The attack that it belongs to, counted from 1; 0 for none.
    pub attack: u8,
}

/// An address and a port.
pub type End = (Addr, u16);

/// Of the IP header.
#[derive(Clone, Copy)]
pub struct Ip {
    pub ttl: u8,
    pub id: u16,
    pub dont_fragment: bool,
}

/// Of the TCP header.
#[derive(Clone, Copy, Default)]
pub struct Tcp<'a> {
    pub flags: u8,
    pub seq: u32,
    pub ack: u32,
    pub window: u16,
    pub options: &'a [u8],
    pub payload: &'a [u8],
}

/// An ICMP message.
#[derive(Clone, Copy)]
pub struct Icmp<'a> {
    /// Type and code, of ICMP between IPv4 hosts and of ICMPv6 between others.
    pub kind: (u8, u8),
    /// Bytes 5 to 8: of an echo its identifier and number.
    pub rest: u32,
    pub payload: &'a [u8],
}

/// SYN options of a Linux stack: MSS 1460, SACK permitted, timestamps, NOP, window scale 7.
pub const STACK: &[u8] = &[2, 4, 5, 0xb4, 4, 2, 8, 10, 0, 0, 16, 0, 0, 0, 0, 0, 1, 3, 3, 7];
/// MSS 1460 alone.
pub const MSS: &[u8] = &[2, 4, 5, 0xb4];
/// MSS, NOP, window scale 8, NOP, NOP, SACK permitted: as Windows has them, and ZMap from 4.1.
pub const WINDOWS: &[u8] = &[2, 4, 5, 0xb4, 1, 3, 3, 8, 1, 1, 4, 2];

/// A capture in the making. Frames may be added in any order of time.
#[derive(Default)]
pub struct Trace {
    pub bytes: Vec<u8>,
    pub frames: Vec<Frame>,
    /// What the next frames belong to.
    pub attack: u8,
}

impl Trace {
    pub fn tcp(&mut self, time_ns: u64, from: End, to: End, ip: Ip, tcp: Tcp<'_>) {
        let header = 20 + tcp.options.len();
        let at = self.ip(from.0, to.0, ip, 6, header + tcp.payload.len(), 0);
        self.ports(from.1, to.1);
        self.bytes.extend(tcp.seq.to_be_bytes());
        self.bytes.extend(tcp.ack.to_be_bytes());
        self.bytes.extend([(header as u8 / 4) << 4, tcp.flags]);
        self.bytes.extend(tcp.window.to_be_bytes());
        self.bytes.extend([0; 4]);
        self.bytes.extend(tcp.options);
        self.bytes.extend(tcp.payload);
        self.end(time_ns, at, from.0, to.0);
    }

    pub fn udp(&mut self, time_ns: u64, from: End, to: End, ip: Ip, payload: &[u8]) {
        let at = self.ip(from.0, to.0, ip, 17, 8 + payload.len(), 0);
        self.ports(from.1, to.1);
        self.bytes.extend((8 + payload.len() as u16).to_be_bytes());
        self.bytes.extend([0; 2]);
        self.bytes.extend(payload);
        self.end(time_ns, at, from.0, to.0);
    }

    /// A datagram of 2,960 bytes in two fragments: the first with the ports, the second without.
    pub fn udp_fragmented(&mut self, time_ns: u64, from: End, to: End, ip: Ip, payload: &[u8]) {
        let at = self.ip(from.0, to.0, ip, 17, 8 + payload.len(), 0x2000);
        self.ports(from.1, to.1);
        self.bytes.extend(2968u16.to_be_bytes());
        self.bytes.extend([0; 2]);
        self.bytes.extend(payload);
        self.end(time_ns, at, from.0, to.0);
        let at = self.ip(from.0, to.0, ip, 17, payload.len(), (8 + payload.len() as u16) / 8);
        self.bytes.extend(payload);
        self.end(time_ns + 12_000, at, from.0, to.0);
    }

    /// A later fragment of a datagram, whose first one never comes.
    pub fn later_fragment(&mut self, time_ns: u64, from: Addr, to: Addr, ip: Ip, payload: &[u8]) {
        let at = self.ip(from, to, ip, 17, payload.len(), 185);
        self.bytes.extend(payload);
        self.end(time_ns, at, from, to);
    }

    /// An SCTP packet with an INIT chunk and nothing in it (RFC 9260 section 3.3.2).
    pub fn sctp_init(&mut self, time_ns: u64, from: End, to: End, ip: Ip, tag: u32) {
        let at = self.ip(from.0, to.0, ip, 132, 32, 0);
        self.ports(from.1, to.1);
        self.bytes.extend([0; 8]);
        self.bytes.extend([1, 0, 0, 20]);
        self.bytes.extend(tag.to_be_bytes());
        self.bytes.extend([0, 1, 0, 0, 0, 10, 0, 10]);
        self.bytes.extend(tag.to_be_bytes());
        self.end(time_ns, at, from.0, to.0);
    }

    pub fn icmp(&mut self, time_ns: u64, from: Addr, to: Addr, ip: Ip, icmp: Icmp<'_>) {
        let at = self.ip(from, to, ip, if from.is_v4() { 1 } else { 58 }, 8 + icmp.payload.len(), 0);
        self.bytes.extend([icmp.kind.0, icmp.kind.1, 0, 0]);
        self.bytes.extend(icmp.rest.to_be_bytes());
        self.bytes.extend(icmp.payload);
        self.end(time_ns, at, from, to);
    }

    /// "Unreachable" with the given code about the last frame that was added.
    pub fn unreachable(&mut self, time_ns: u64, router: Addr, ttl: u8, code: u8) {
        let Some(last) = self.frames.last().copied() else { return };
        let about = self.bytes[last.at + 14..(last.at + last.bytes as usize).min(last.at + 14 + 28)].to_vec();
        let kind = if router.is_v4() { (3, code) } else { (1, if code == 3 { 4 } else { 3 }) };
        self.icmp(time_ns, router, last.source, Ip { ttl, id: 0, dont_fragment: false }, Icmp { kind, rest: 0, payload: &about });
    }

    fn ports(&mut self, from: u16, to: u16) {
        self.bytes.extend(from.to_be_bytes());
        self.bytes.extend(to.to_be_bytes());
    }

    fn ip(&mut self, from: Addr, to: Addr, ip: Ip, protocol: u8, payload: usize, fragment: u16) -> usize {
        let at = self.bytes.len();
        self.bytes.extend([2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2]);
        match (from.as_v4(), to.as_v4()) {
            (Some(from), Some(to)) => {
                self.bytes.extend([8, 0, 0x45, 0]);
                self.bytes.extend((20 + payload as u16).to_be_bytes());
                self.bytes.extend(ip.id.to_be_bytes());
                self.bytes.extend((fragment | if ip.dont_fragment { 0x4000 } else { 0 }).to_be_bytes());
                self.bytes.extend([ip.ttl, protocol, 0, 0]);
                self.bytes.extend(from.to_be_bytes());
                self.bytes.extend(to.to_be_bytes());
            }
            _ => {
                self.bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
                self.bytes.extend((payload as u16).to_be_bytes());
                self.bytes.extend([protocol, ip.ttl]);
                self.bytes.extend(from.to_bytes());
                self.bytes.extend(to.to_bytes());
            }
        }
        at
    }

    fn end(&mut self, time_ns: u64, at: usize, source: Addr, target: Addr) {
        let short = 60usize.saturating_sub(self.bytes.len() - at);
        self.bytes.extend(std::iter::repeat_n(0, short));
        let bytes = (self.bytes.len() - at) as u32;
        self.frames.push(Frame { time_ns, at, bytes, source, target, attack: self.attack });
    }
}
