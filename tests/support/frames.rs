//! Captures made for one test: Ethernet frames of TCP segments over IPv4, with what a point of entry is told by.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;

use wherefrom::source::{Frame, LinkType, PcapWriter};

/// 2026-05-01T00:00:00Z, in nanoseconds.
pub const START_NS: u64 = 1_777_593_600_000_000_000;
/// One second.
pub const SECOND_NS: u64 = 1_000_000_000;

/// A segment with nothing in it.
#[derive(Clone, Copy)]
pub struct Segment {
    pub from: ([u8; 4], u16),
    pub to: ([u8; 4], u16),
    pub flags: u8,
    pub seq: u32,
    pub ttl: u8,
}

/// Where a frame comes in.
#[derive(Clone, Copy, Default)]
pub struct Entry {
    /// The last byte of the sender's Ethernet address, 02:00:00:00:00:xx.
    pub peer: u8,
    /// 0 for no tag.
    pub vlan: u16,
}

/// A capture in the making. Frames must be added in the order of time.
pub struct Capture(PcapWriter<BufWriter<File>>);

impl Capture {
    pub fn create(path: &Path) -> Self {
        Capture(PcapWriter::create(path, LinkType::ETHERNET).unwrap())
    }

    pub fn add(&mut self, time_ns: u64, entry: Entry, segment: Segment) {
        let mut bytes = vec![2, 0, 0, 0, 0, 0xff, 2, 0, 0, 0, 0, entry.peer];
        if entry.vlan != 0 {
            bytes.extend([0x81, 0]);
            bytes.extend(entry.vlan.to_be_bytes());
        }
        bytes.extend([8, 0, 0x45, 0, 0, 40, 0, 7, 0, 0, segment.ttl, 6, 0, 0]);
        bytes.extend(segment.from.0);
        bytes.extend(segment.to.0);
        bytes.extend(segment.from.1.to_be_bytes());
        bytes.extend(segment.to.1.to_be_bytes());
        bytes.extend(segment.seq.to_be_bytes());
        bytes.extend([0, 0, 0, 0, 0x50, segment.flags, 0x20, 0, 0, 0, 0, 0]);
        let wire_bytes = bytes.len() as u32;
        self.0.write(&Frame { time_ns, wire_bytes, link: LinkType::ETHERNET, interface: 0, bytes: &bytes }).unwrap();
    }

    pub fn finish(self) {
        self.0.finish().unwrap();
    }
}
