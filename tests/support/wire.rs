//! One conversation written in many ways: plain or tagged, over IPv4 or IPv6, whole or in pieces, seen from both sides or from one.

use std::net::IpAddr;

use wherefrom::decode::flags::{ACK, FIN, PSH, SYN};
use wherefrom::source::{Frame, LinkType, PcapWriter};

/// 2026-05-01T00:00:00Z, in nanoseconds.
const START_NS: u64 = 1_777_593_600_000_000_000;
/// Between two frames.
const STEP_NS: u64 = 1_000_000;
/// Between two conversations.
const PAUSE_NS: u64 = 3_000_000_000;

/// Which packets the capture has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum View {
    Both,
    ClientOnly,
    ServerOnly,
}

/// How a conversation is carried.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    pub tagged: bool,
    pub view: View,
    /// Whether the capture has the handshake, or began later.
    pub opening: bool,
    /// Of TCP: bytes of the first segment of each message, and of each further one.
    pub first: usize,
    pub further: usize,
    /// Bytes of each frame that are captured.
    pub snap: usize,
}

/// Both sides, plain, in whole messages and frames.
pub const PLAIN: Way = Way { tagged: false, view: View::Both, opening: true, first: usize::MAX, further: usize::MAX, snap: usize::MAX };

/// A capture in the making.
pub struct Wire {
    bytes: Vec<u8>,
    /// Of each frame its time, its bytes, and how many of them are captured.
    frames: Vec<(u64, usize, usize)>,
    now_ns: u64,
}

/// An address and a port.
pub type End = (IpAddr, u16);

impl Wire {
    pub fn new() -> Self {
        Wire { bytes: Vec::new(), frames: Vec::new(), now_ns: START_NS }
    }

    fn frame(&mut self, way: Way, from: End, to: End, protocol: u8, transport: &[u8]) {
        let begin = self.bytes.len();
        self.bytes.extend([2, 0, 0, 0, 0, 0xff, 2, 0, 0, 0, 0, 1]);
        if way.tagged {
            self.bytes.extend([0x81, 0, 0x20, 7]);
        }
        let length = transport.len() as u16;
        match (from.0, to.0) {
            (IpAddr::V4(source), IpAddr::V4(target)) => {
                self.bytes.extend([8, 0, 0x45, 0]);
                self.bytes.extend((20 + length).to_be_bytes());
                self.bytes.extend([0, 7, 0x40, 0, 50, protocol, 0, 0]);
                self.bytes.extend(source.octets());
                self.bytes.extend(target.octets());
            }
            (IpAddr::V6(source), IpAddr::V6(target)) => {
                self.bytes.extend([0x86, 0xdd, 0x60, 0, 0, 0]);
                self.bytes.extend(length.to_be_bytes());
                self.bytes.extend([protocol, 50]);
                self.bytes.extend(source.octets());
                self.bytes.extend(target.octets());
            }
            _ => panic!("both ends are of one family"),
        }
        self.bytes.extend(transport);
        let length = self.bytes.len() - begin;
        self.frames.push((self.now_ns, length, length.min(way.snap)));
        self.now_ns += STEP_NS;
    }

    fn datagram(&mut self, way: Way, from: End, to: End, payload: &[u8]) {
        let mut transport = [from.1.to_be_bytes(), to.1.to_be_bytes(), (8 + payload.len() as u16).to_be_bytes(), [0, 0]].concat();
        transport.extend(payload);
        self.frame(way, from, to, 17, &transport);
    }

    fn segment(&mut self, way: Way, from: End, to: End, flags: u8, (seq, ack): (u32, u32), payload: &[u8]) {
        let mut transport = [from.1.to_be_bytes(), to.1.to_be_bytes()].concat();
        transport.extend(seq.to_be_bytes());
        transport.extend(ack.to_be_bytes());
        transport.extend([0x50, flags, 0xfa, 0xf0, 0, 0, 0, 0]);
        transport.extend(payload);
        self.frame(way, from, to, 6, &transport);
    }

    /// A conversation: what each side says, the client where `true`.
    pub fn talk(&mut self, way: Way, is_tcp: bool, client: End, server: End, said: &[(bool, Vec<u8>)]) {
        let shown = |by_client: bool| way.view == View::Both || by_client == (way.view == View::ClientOnly);
        let ends = |by_client: bool| if by_client { (client, server) } else { (server, client) };
        if !is_tcp {
            for (by_client, bytes) in said.iter().filter(|(by_client, _)| shown(*by_client)) {
                let (from, to) = ends(*by_client);
                self.datagram(way, from, to, bytes);
            }
            self.now_ns += PAUSE_NS;
            return;
        }
        // By whether the client: what it sends next.
        let mut next = [0x9000_0000_u32, 0xffff_fff0];
        let mut tell = |wire: &mut Self, by_client: bool, flags: u8, payload: &[u8]| {
            let (mine, theirs) = (usize::from(by_client), usize::from(!by_client));
            let (from, to) = ends(by_client);
            if shown(by_client) && (way.opening || flags & SYN == 0) {
                wire.segment(way, from, to, flags, (next[mine], if flags == SYN { 0 } else { next[theirs] }), payload);
            }
            next[mine] = next[mine].wrapping_add(payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0));
        };
        tell(self, true, SYN, b"");
        tell(self, false, SYN | ACK, b"");
        if way.opening {
            tell(self, true, ACK, b"");
        }
        for (by_client, bytes) in said {
            let (first, rest) = bytes.split_at(way.first.clamp(1, bytes.len()));
            for part in std::iter::once(first).chain(rest.chunks(way.further.max(1))) {
                tell(self, *by_client, PSH | ACK, part);
                tell(self, !*by_client, ACK, b"");
            }
        }
        tell(self, true, FIN | ACK, b"");
        tell(self, false, FIN | ACK, b"");
        tell(self, true, ACK, b"");
        self.now_ns += PAUSE_NS;
    }

    /// Writes the capture.
    pub fn write(&self, path: &std::path::Path) {
        let mut writer = PcapWriter::create(path, LinkType::ETHERNET).unwrap();
        let mut at = 0;
        for &(time_ns, length, captured) in &self.frames {
            let bytes = &self.bytes[at..at + captured];
            writer.write(&Frame { time_ns, wire_bytes: length as u32, link: LinkType::ETHERNET, interface: 0, bytes }).unwrap();
            at += length;
        }
        writer.finish().unwrap();
    }
}
