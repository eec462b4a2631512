//! What a detector gets to see: a packet with its place in time, between whom it goes, and what it means in its conversation.

use std::cell::Cell;

use crate::addr::Addr;
use crate::attribute::{Attribution, Country, Direction};
use crate::decode::{Header, Transport};

use super::conversation::Seen;

/// One packet, as the detectors see it.
pub struct Packet<'a> {
    pub header: &'a Header,
    pub payload: &'a [u8],
    pub time_ns: u64,
    /// The slice, in seconds since the epoch.
    pub now_s: u32,
    pub wire_bytes: u32,
    /// Keyed hash of the conversation.
    pub conversation: u64,
    /// Keyed hash of the sender's address.
    pub source_hash: u64,
    /// Keyed hash of the receiver's address.
    pub target_hash: u64,
    /// The sender is the conversation's lower end.
    pub source_low: bool,
    /// From the packet's source to its target.
    pub direction: Direction,
    pub seen: Seen,
    pub source_attribution: Attribution,
    /// The label of the point of entry, 0 if none.
    pub entry: u8,
    /// Set by the scan detector: a first packet towards a service that a flood's worth of new sources touch.
    pub flooded: Cell<bool>,
    /// Set by the scan detector: the source's first contact with this service.
    pub first: Cell<bool>,
    /// Set by the scan detector where it looked the opener up: its first contacts so far.
    pub contacts: Cell<u16>,
}

impl Packet<'_> {
    /// Who opened the conversation.
    pub fn opener(&self) -> Addr {
        if self.seen.by_opener() { self.header.source } else { self.header.target }
    }

    /// Who was called.
    pub fn called(&self) -> Addr {
        if self.seen.by_opener() { self.header.target } else { self.header.source }
    }

    /// The port that was called; for portless transports 0.
    pub fn called_port(&self) -> u16 {
        match self.header.transport {
            Transport::Icmp | Transport::Other | Transport::Link => 0,
            _ if self.seen.by_opener() => self.header.target_port,
            _ => self.header.source_port,
        }
    }

    /// The port of whoever opened the conversation.
    pub fn opener_port(&self) -> u16 {
        if self.seen.by_opener() { self.header.source_port } else { self.header.target_port }
    }

    /// The country of whoever opened the conversation.
    pub fn opener_country(&self) -> Country {
        if self.seen.by_opener() { self.seen.source_country } else { self.seen.target_country }
    }

    /// From whoever opened the conversation to whoever was called.
    pub fn opening_direction(&self) -> Direction {
        if self.seen.by_opener() { self.direction } else { self.direction.reversed() }
    }
}
