//! What a whole run comes to: countries by kind, the largest events, and what the sensor refused.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::ranking::Rankings;
use super::{CaptureRecord, CountRecord, EventRecord};
use crate::conclude::EventId;

/// Events that the summary names.
const TOP_EVENTS: usize = 10;

/// Figures of one kind and country.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    pub started: u64,
    pub packets: u64,
}

/// By country, attribution and point of entry; the last is empty where there is none.
pub type Places = BTreeMap<(&'static str, &'static str, String), Place>;

/// One of the largest events.
#[derive(Clone, Debug)]
pub struct Top {
    pub id: EventId,
    pub kind: &'static str,
    pub line: String,
    pub packets: u64,
}

/// Contacts with industrial equipment by intent, from `connect` to `control`.
pub type Intents = BTreeMap<&'static str, u64>;

/// By sector, and whether that is a guess.
pub type Sectors = BTreeMap<(String, bool), Intents>;

/// Adds up the records of a run.
#[derive(Clone, Debug, Default)]
pub struct Summary {
    /// By kind, direction and country with its attribution.
    pub places: BTreeMap<(&'static str, &'static str), Places>,
    /// Events begun, by kind: an event of many countries counts once.
    pub started: BTreeMap<&'static str, u64>,
    /// Contacts with industrial equipment that have ended, by kind and direction, then sector and whether that is a guess.
    pub sectors: BTreeMap<(&'static str, &'static str), Sectors>,
    /// By kind: events of one source abroad, and the sum of how far these aim at industrial equipment.
    pub targeted: BTreeMap<&'static str, (u64, f64)>,
    pub top: Vec<Top>,
    pub frames: u64,
    pub bytes: u64,
    pub decoded: u64,
    pub refused: BTreeMap<&'static str, u64>,
    pub late: u64,
    pub evicted: u64,
    pub unwritten: u64,
    pub windows: u64,
    pub rankings: Rankings,
}

impl Summary {
    pub fn count(&mut self, record: &CountRecord<'_>) {
        if record.kind == "traffic" {
            return;
        }
        let of = (record.country, record.attribution, record.entry.unwrap_or_default().to_string());
        let place = self.places.entry((record.kind, record.direction)).or_default().entry(of).or_default();
        place.started += record.started;
        place.packets += record.packets;
    }

    pub fn event(&mut self, record: &EventRecord<'_>) {
        self.rankings.event(record);
        let (id, kind, packets) = (record.id(), record.action(), record.packets());
        let before = |top: &Top| (Reverse(top.packets), top.id) < (Reverse(packets), id);
        // Of thousands of events hardly any is among the largest: a line is made only of those.
        if self.top.len() == TOP_EVENTS && self.top.iter().all(|top| top.id != id && before(top)) {
            return;
        }
        self.top.retain(|top| top.id != id);
        let place = self.top.partition_point(before);
        self.top.insert(place, Top { id, kind, line: record.line(), packets });
        self.top.truncate(TOP_EVENTS);
    }

    pub fn capture(&mut self, record: &CaptureRecord<'_>) {
        self.rankings.capture(record);
        self.frames += record.frames;
        self.bytes += record.bytes;
        self.decoded += record.decoded;
        self.late += record.late;
        self.evicted += record.evicted;
        self.unwritten += record.events_unwritten;
        self.windows += 1;
        for (reason, count) in &record.refused {
            *self.refused.entry(reason).or_default() += count;
        }
        for (kind, total) in &record.targeted {
            let (events, sum) = self.targeted.entry(kind).or_default();
            (*events, *sum) = (*events + total.events, *sum + total.index_sum);
        }
        for row in &record.sectors {
            let sectors = self.sectors.entry((row.kind, row.direction)).or_default();
            *sectors.entry((row.sector.into(), row.guess)).or_default().entry(row.intent).or_default() += row.contacts;
        }
        for (kind, total) in &record.totals {
            *self.started.entry(kind).or_default() += total.started;
        }
    }
}
