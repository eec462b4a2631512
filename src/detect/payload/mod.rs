//! What conversations carry, read: which of them are read, by whom, and who is told.
//!
//! A conversation's first bytes say what it speaks, whatever its port. Its reader follows both sides in order ([`crate::stream`]) and tells
//! what was carried, in the words of [`crate::protocol::carried`], to every [`Listener`] of the list below. What nobody wants costs one
//! look-up a packet.

mod board;
pub mod bodies;
mod clear;
mod digests;
mod expected;
mod flow;
mod listener;
mod memory;
mod reader;
mod secure;
mod segment;
mod survey;
mod tally;
#[cfg(test)]
mod testing;
mod turn;
mod unknown;
mod web;

pub use board::PayloadBoard;
pub(crate) use flow::Flow;
pub use listener::{Glance, HEARD_BYTES, Listener, SNIFFED_BYTES, Spoken};
pub use survey::Survey;
pub use tally::Readings;

use super::Shared;
use super::packet::Packet;
use super::webshell::{WebshellBoard, WebshellMemory, WebshellTally};
use super::{c2, malware};
use crate::conclude::Conclusions;
use crate::protocol::carried::{Delivery, Ends, Exchange};
use crate::protocol::{dns, tls};
use listener::listeners;

/// A worker's memory with the detectors of the list.
pub type PayloadMemory = memory::Reading<Listeners>;

/// What a worker hands over.
pub type PayloadTally = tally::ReadingTally<ListenerTallies>;

listeners! {
    malware: malware::MalwareMemory, malware::MalwareTally, malware::MalwareBoard;
    c2: c2::C2Memory, c2::C2Tally, c2::C2Board;
    webshell: WebshellMemory, WebshellTally, WebshellBoard;
}

impl PayloadMemory {
    /// The memory of these lanes.
    pub fn of_lanes(lanes: &[u8], shared: &Shared) -> Self {
        memory::Reading::new(lanes.iter().map(|&lane| Listeners::new(lane, shared)), shared.keep)
    }
}

impl PayloadTally {
    pub fn clear(&mut self) {
        self.listeners.clear();
        self.readings = Readings::default();
    }

    pub fn append(&mut self, other: &mut Self) {
        self.listeners.append(&mut other.listeners);
        self.readings.add(&other.readings);
    }
}
