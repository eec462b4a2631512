//! Small capture files for tests, built byte by byte in either byte order.

use std::io::Cursor;

use super::interface::Order;
use super::{CaptureReader, LinkType};

/// A frame that outlives its reader.
#[derive(Debug, PartialEq, Eq)]
pub struct Owned {
    pub time_ns: u64,
    pub wire_bytes: u32,
    pub link: LinkType,
    pub interface: u16,
    pub bytes: Vec<u8>,
}

/// All frames of a capture, and the error that ended it.
pub fn read_all(name: &str, bytes: Vec<u8>) -> (Vec<Owned>, Option<String>) {
    let mut frames = Vec::new();
    let mut reader = match CaptureReader::from_reader(name, Box::new(Cursor::new(bytes))) {
        Ok(reader) => reader,
        Err(error) => return (frames, Some(error.to_string())),
    };
    loop {
        match reader.next_frame() {
            Ok(Some(f)) => frames.push(Owned {
                time_ns: f.time_ns,
                wire_bytes: f.wire_bytes,
                link: f.link,
                interface: f.interface,
                bytes: f.bytes.to_vec(),
            }),
            Ok(None) => return (frames, None),
            Err(error) => return (frames, Some(error.to_string())),
        }
    }
}

fn word(order: Order, value: u32) -> [u8; 4] {
    if order == Order::Big { value.to_be_bytes() } else { value.to_le_bytes() }
}

fn half(order: Order, value: u16) -> [u8; 2] {
    if order == Order::Big { value.to_be_bytes() } else { value.to_le_bytes() }
}

/// A pcap file of records: seconds, fraction, captured bytes, length on the wire.
pub fn pcap(order: Order, magic: u32, link: u32, records: &[(u32, u32, &[u8], u32)]) -> Vec<u8> {
    let mut file = word(order, magic).to_vec();
    file.extend_from_slice(&half(order, 2));
    file.extend_from_slice(&half(order, 4));
    for field in [0, 0, 65_535, link] {
        file.extend_from_slice(&word(order, field));
    }
    for &(seconds, fraction, captured, wire_bytes) in records {
        for field in [seconds, fraction, captured.len() as u32, wire_bytes] {
            file.extend_from_slice(&word(order, field));
        }
        file.extend_from_slice(captured);
    }
    file
}

/// A pcapng file that grows block by block.
pub struct Blocks {
    order: Order,
    pub bytes: Vec<u8>,
}

impl Blocks {
    pub fn section(order: Order) -> Self {
        let mut file = Blocks { order, bytes: Vec::new() };
        let version = [half(order, 1), half(order, 0)].concat();
        file.block(0x0a0d_0d0a, &[&word(order, 0x1a2b_3c4d), &version[..], &[0xff; 8]].concat());
        file
    }

    pub fn block(&mut self, kind: u32, body: &[u8]) -> &mut Self {
        let padded = body.len().next_multiple_of(4);
        let length = word(self.order, padded as u32 + 12);
        self.bytes.extend_from_slice(&word(self.order, kind));
        self.bytes.extend_from_slice(&length);
        self.bytes.extend_from_slice(body);
        self.bytes.resize(self.bytes.len() + padded - body.len(), 0);
        self.bytes.extend_from_slice(&length);
        self
    }

    pub fn interface(&mut self, link: u16, snap_bytes: u32, options: &[(u16, &[u8])]) -> &mut Self {
        let mut body = [&half(self.order, link)[..], &[0, 0], &word(self.order, snap_bytes)].concat();
        for &(code, value) in options {
            body.extend_from_slice(&half(self.order, code));
            body.extend_from_slice(&half(self.order, value.len() as u16));
            body.extend_from_slice(value);
            body.resize(body.len().next_multiple_of(4), 0);
        }
        self.block(1, &body)
    }

    pub fn enhanced(&mut self, interface: u32, ticks: u64, captured: &[u8], wire_bytes: u32) -> &mut Self {
        let fields = [interface, (ticks >> 32) as u32, ticks as u32, captured.len() as u32, wire_bytes];
        let body = [&fields.map(|field| word(self.order, field)).concat(), captured].concat();
        self.block(6, &body)
    }

    pub fn obsolete(&mut self, interface: u16, ticks: u64, captured: &[u8], wire_bytes: u32) -> &mut Self {
        let fields = [(ticks >> 32) as u32, ticks as u32, captured.len() as u32, wire_bytes];
        let head = [half(self.order, interface), half(self.order, 3)].concat();
        let body = [&head, &fields.map(|field| word(self.order, field)).concat(), captured].concat();
        self.block(2, &body)
    }

    pub fn simple(&mut self, captured: &[u8], wire_bytes: u32) -> &mut Self {
        let body = [&word(self.order, wire_bytes), captured].concat();
        self.block(3, &body)
    }
}
