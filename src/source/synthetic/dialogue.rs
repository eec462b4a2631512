//! A synthetic TCP conversation: handshake, one request, one answer, and an orderly end.

use super::endpoint::{Endpoint, Segment};
use crate::decode::flags::{ACK, FIN, PSH, SYN};

/// What is said in a conversation, and on which port.
#[derive(Debug)]
pub struct Script {
    pub port: u16,
    pub request: &'static [u8],
    pub answer: &'static [u8],
}

/// A page fetched from a web server.
pub const WEB: Script = Script {
    port: 80,
    request: b"GET / HTTP/1.1\r\nHost: www.example.com\r\nUser-Agent: synthetic\r\nAccept: */*\r\n\r\n",
    answer: b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 46\r\n\r\n<html><body>Nothing to see here.</body></html>",
};

/// Read device identification (Modbus application protocol V1.1b3 section 6.21), and the vendor's name in return.
pub const MODBUS: Script = Script {
    port: 502,
    request: b"\x00\x01\x00\x00\x00\x05\x01\x2b\x0e\x01\x00",
    answer: b"\x00\x01\x00\x00\x00\x11\x01\x2b\x0e\x01\x01\x00\x00\x01\x00\x07Example",
};

/// Segments from the first SYN to the last ACK.
const STEPS: u8 = 10;

/// One conversation and how far it is.
#[derive(Clone, Copy, Debug)]
pub struct Dialogue {
    client: Endpoint,
    server: Endpoint,
    script: &'static Script,
    client_seq: u32,
    server_seq: u32,
    step: u8,
}

impl Dialogue {
    /// `seed` gives both initial sequence numbers.
    pub fn new(client: Endpoint, server: Endpoint, script: &'static Script, seed: u64) -> Self {
        Dialogue { client, server, script, client_seq: seed as u32, server_seq: (seed >> 32) as u32, step: 0 }
    }

    /// Whether the last segment has been sent.
    pub fn ended(&self) -> bool {
        self.step == STEPS
    }

    /// Appends a frame with the next segment.
    pub fn step(&mut self, frame: &mut Vec<u8>) {
        let (from_client, flags, payload): (bool, u8, &[u8]) = match self.step {
            0 => (true, SYN, b""),
            1 => (false, SYN | ACK, b""),
            3 => (true, PSH | ACK, self.script.request),
            5 => (false, PSH | ACK, self.script.answer),
            7 => (true, FIN | ACK, b""),
            8 => (false, FIN | ACK, b""),
            4 => (false, ACK, b""),
            _ => (true, ACK, b""),
        };
        self.step += 1;
        let (from, to) = if from_client { (self.client, self.server) } else { (self.server, self.client) };
        let (seq, peer_seq) = if from_client { (&mut self.client_seq, self.server_seq) } else { (&mut self.server_seq, self.client_seq) };
        let ack = if flags & ACK != 0 { peer_seq } else { 0 };
        from.segment(to, Segment { seq: *seq, ack, flags, payload }, frame);
        let numbered = payload.len() as u32 + u32::from(flags & (SYN | FIN) != 0);
        *seq = seq.wrapping_add(numbered);
    }
}
