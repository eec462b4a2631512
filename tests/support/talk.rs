//! Captures of conversations made for one test: TCP from handshake to end, and datagrams, in Ethernet frames over IPv4.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use wherefrom::decode::flags::{ACK, FIN, PSH, SYN};
use wherefrom::source::{Frame, LinkType, PcapWriter};

/// An address and a port.
pub type End = ([u8; 4], u16);

/// Bytes of payload in one segment at most.
const SEGMENT_BYTES: usize = 1400;
/// Time between two frames.
const STEP_NS: u64 = 1_000_000;

/// A capture in the making, and its clock.
pub struct Talks {
    out: PcapWriter<BufWriter<File>>,
    pub now_ns: u64,
}

impl Talks {
    pub fn create(path: &Path, start_ns: u64) -> Self {
        Talks { out: PcapWriter::create(path, LinkType::ETHERNET).unwrap(), now_ns: start_ns }
    }

    fn frame(&mut self, from: End, to: End, protocol: u8, transport: &[u8]) {
        let mut bytes = vec![2, 0, 0, 0, 0, 0xff, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0];
        bytes.extend((20 + transport.len() as u16).to_be_bytes());
        bytes.extend([0, 7, 0, 0, 50, protocol, 0, 0]);
        bytes.extend(from.0);
        bytes.extend(to.0);
        bytes.extend(transport);
        let wire_bytes = bytes.len() as u32;
        self.out.write(&Frame { time_ns: self.now_ns, wire_bytes, link: LinkType::ETHERNET, interface: 0, bytes: &bytes }).unwrap();
        self.now_ns += STEP_NS;
    }

    fn segment(&mut self, from: End, to: End, flags: u8, seq: u32, ack: u32, payload: &[u8]) {
        let mut transport = [from.1.to_be_bytes(), to.1.to_be_bytes()].concat();
        transport.extend(seq.to_be_bytes());
        transport.extend(ack.to_be_bytes());
        transport.extend([0x50, flags, 0xfa, 0xf0, 0, 0, 0, 0]);
        transport.extend(payload);
        self.frame(from, to, 6, &transport);
    }

    /// A datagram.
    // Not every test sends one.
    #[allow(dead_code)]
    pub fn datagram(&mut self, from: End, to: End, payload: &[u8]) {
        let mut transport = [from.1.to_be_bytes(), to.1.to_be_bytes(), (8 + payload.len() as u16).to_be_bytes(), [0, 0]].concat();
        transport.extend(payload);
        self.frame(from, to, 17, &transport);
    }

    /// A connection in which each says what is given, the client where `true`, with `pause_ns` between.
    pub fn connection(&mut self, client: End, server: End, said: &[(bool, &[u8])], pause_ns: u64) {
        let (mut seq, mut ack) = (self.now_ns as u32, (self.now_ns as u32).wrapping_mul(7));
        self.segment(client, server, SYN, seq, 0, b"");
        seq = seq.wrapping_add(1);
        self.segment(server, client, SYN | ACK, ack, seq, b"");
        ack = ack.wrapping_add(1);
        self.segment(client, server, ACK, seq, ack, b"");
        for (by_client, bytes) in said {
            self.now_ns += pause_ns;
            for part in bytes.chunks(SEGMENT_BYTES) {
                if *by_client {
                    self.segment(client, server, PSH | ACK, seq, ack, part);
                    seq = seq.wrapping_add(part.len() as u32);
                    self.segment(server, client, ACK, ack, seq, b"");
                } else {
                    self.segment(server, client, PSH | ACK, ack, seq, part);
                    ack = ack.wrapping_add(part.len() as u32);
                    self.segment(client, server, ACK, seq, ack, b"");
                }
            }
        }
        self.segment(client, server, FIN | ACK, seq, ack, b"");
        self.segment(server, client, FIN | ACK, ack, seq.wrapping_add(1), b"");
        self.segment(client, server, ACK, seq.wrapping_add(1), ack.wrapping_add(1), b"");
    }

    pub fn finish(self) {
        self.out.finish().unwrap();
    }
}
