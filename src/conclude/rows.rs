//! The rows of a window: counts per direction, country, attribution, benign and kind, such that a plain sum over rows is right.

use std::borrow::Cow;
use std::collections::BTreeMap;

use crate::addr::Addr;
use crate::attribute::{Attribution, Country, Direction};
use crate::keyed::Keyed;
use crate::tally::Distinct;

/// What a row is about. The order is the order of the output.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct RowKey {
    pub kind: &'static str,
    pub direction: Direction,
    pub country: Country,
    pub attribution: Attribution,
    pub benign: bool,
}

/// One row's figures.
#[derive(Clone, Debug, Default)]
pub struct Row {
    /// Events alive in the window.
    pub events: u64,
    /// Events begun in the window.
    pub started: u64,
    pub packets: u64,
    pub bytes: u64,
    pub sources: Distinct,
    pub targets: Distinct,
}

/// What a window gets of one event.
#[derive(Clone, Copy, Debug, Default)]
pub struct Share {
    /// It begins there.
    pub started: bool,
    pub packets: u64,
    pub bytes: u64,
}

impl Row {
    fn add(&mut self, events: u64, share: Share) {
        self.events += events;
        self.started += if share.started { events } else { 0 };
        self.packets += share.packets;
        self.bytes += share.bytes;
    }
}

/// What a contact with industrial equipment came to, by the time it ended. The order is the order of the output.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Ended {
    pub kind: &'static str,
    pub direction: Direction,
    pub sector: Cow<'static, str>,
    /// The sector is the protocol's usual one, not the user's word.
    pub guess: bool,
    pub intent: &'static str,
}

/// The rows of the open window, and totals per kind that count an event once even if it stands in many rows.
pub struct Rows {
    keyed: Keyed,
    /// By what a row is about, and the number of the point of entry, 0 for none.
    rows: BTreeMap<(RowKey, u8), Row>,
    totals: BTreeMap<&'static str, Row>,
    ended: BTreeMap<Ended, u64>,
}

impl Rows {
    pub fn new(keyed: Keyed) -> Self {
        Rows { keyed, rows: BTreeMap::new(), totals: BTreeMap::new(), ended: BTreeMap::new() }
    }

    /// A row, made if it isn't there.
    pub fn row(&mut self, key: RowKey) -> &mut Row {
        self.rows.entry((key, 0)).or_default()
    }

    /// Counts an event that stands in one row: there, and in the totals of its kind. Nothing, if the window gets nothing of it.
    pub fn event(&mut self, key: RowKey, share: Share, sources: impl IntoIterator<Item = Addr>, targets: impl IntoIterator<Item = Addr>) {
        if share.started || share.packets > 0 {
            self.total(key.kind, share);
            self.part(key, share, sources, targets);
        }
    }

    /// Counts events that stand in one row and have begun together, given the sums of their packets and bytes.
    pub fn events(
        &mut self,
        key: RowKey,
        events: u64,
        sums: Share,
        sources: impl IntoIterator<Item = Addr>,
        targets: impl IntoIterator<Item = Addr>,
    ) {
        self.totals.entry(key.kind).or_default().add(events, sums);
        self.add(key, 0, events, sums, sources, targets);
    }

    /// Counts one event in the totals of its kind, of which every row gets a part.
    pub fn total(&mut self, kind: &'static str, share: Share) {
        self.totals.entry(kind).or_default().add(1, share);
    }

    /// Counts a row's part of an event. Its addresses are added to the distinct ones of the row and of its kind.
    pub fn part(&mut self, key: RowKey, share: Share, sources: impl IntoIterator<Item = Addr>, targets: impl IntoIterator<Item = Addr>) {
        self.part_by_entry(key, 0, share, sources, targets);
    }

    /// The same of what came through one point of entry, where the addresses say nothing of where it came from.
    pub fn part_by_entry(
        &mut self,
        key: RowKey,
        entry: u8,
        share: Share,
        sources: impl IntoIterator<Item = Addr>,
        targets: impl IntoIterator<Item = Addr>,
    ) {
        self.add(key, entry, 1, share, sources, targets);
    }

    fn add(
        &mut self,
        key: RowKey,
        entry: u8,
        events: u64,
        share: Share,
        sources: impl IntoIterator<Item = Addr>,
        targets: impl IntoIterator<Item = Addr>,
    ) {
        let row = self.rows.entry((key, entry)).or_default();
        let total = self.totals.entry(key.kind).or_default();
        row.add(events, share);
        for source in sources {
            let hash = self.keyed.addr(source);
            row.sources.add(hash);
            total.sources.add(hash);
        }
        for target in targets {
            let hash = self.keyed.addr(target);
            row.targets.add(hash);
            total.targets.add(hash);
        }
    }

    /// The rows in order.
    pub fn iter(&self) -> impl Iterator<Item = (&RowKey, &Row)> {
        self.by_entry().map(|(key, _, row)| (key, row))
    }

    /// The rows in order, with the numbers of their points of entry.
    pub fn by_entry(&self) -> impl Iterator<Item = (&RowKey, u8, &Row)> {
        self.rows.iter().map(|((key, entry), row)| (key, *entry, row))
    }

    /// The totals per kind.
    pub fn totals(&self) -> impl Iterator<Item = (&'static str, &Row)> {
        self.totals.iter().map(|(kind, row)| (*kind, row))
    }

    /// Counts contacts that have ended alike: each once in a run, so that windows add up.
    pub fn ended(&mut self, alike: Ended, contacts: u64) {
        *self.ended.entry(alike).or_default() += contacts;
    }

    /// Contacts that have ended in this window.
    pub fn contacts(&self) -> impl Iterator<Item = (&Ended, u64)> {
        self.ended.iter().map(|(contact, count)| (contact, *count))
    }

    /// Empties the window.
    pub fn clear(&mut self) {
        self.rows.clear();
        self.totals.clear();
        self.ended.clear();
    }
}
