//! What lanes hand over: one record for each exchange that says something.

use super::judge::Finding;
use crate::addr::Addr;
use crate::attribute::{Attribution, Country, Direction};
use crate::conclude::Evidence;
use crate::tally::ByLane;

/// Bytes of a path or a file's name that are kept.
pub const PATH_BYTES: usize = 256;

/// One exchange that says something.
#[derive(Clone, Debug)]
pub struct Record {
    pub client: Addr,
    pub server: Addr,
    pub port: u16,
    /// The application's protocol, as it stands in records.
    pub protocol: &'static str,
    pub start_ns: u64,
    pub end_ns: u64,
    pub packets: u32,
    pub bytes: u32,
    pub country: Country,
    pub direction: Direction,
    pub attribution: Attribution,
    /// 0 without an answer.
    pub status: u16,
    pub finding: Finding,
    /// What identified it, where evidence is kept.
    pub evidence: Option<Box<Evidence>>,
    /// Where the path stands in the tally's text.
    pub path: (u32, u32),
}

/// What one worker hands over at a slice's end.
#[derive(Default)]
pub struct WebshellTally {
    pub(super) records: ByLane<Record>,
    pub(super) text: Vec<u8>,
    pub(super) evicted: u64,
}

impl WebshellTally {
    pub fn clear(&mut self) {
        self.records.clear();
        self.text.clear();
        self.evicted = 0;
    }

    pub fn append(&mut self, other: &mut Self) {
        let offset = self.text.len() as u32;
        self.text.append(&mut other.text);
        for record in other.records.iter_mut() {
            record.path = (record.path.0 + offset, record.path.1 + offset);
        }
        self.records.append(&mut other.records);
        self.evicted += other.evicted;
    }

    /// Keeps a text, as far as texts are kept, and says where it stands.
    pub(super) fn keep(&mut self, text: &[u8]) -> (u32, u32) {
        let from = self.text.len() as u32;
        self.text.extend_from_slice(text.get(..PATH_BYTES).unwrap_or(text));
        (from, self.text.len() as u32)
    }

    /// A kept text.
    pub(super) fn text(&self, at: (u32, u32)) -> &[u8] {
        self.text.get(at.0 as usize..at.1 as usize).unwrap_or_default()
    }
}
