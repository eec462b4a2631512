//! Everything that was decoded, by direction, country and attribution: the base that attack counts are held against.

use super::shelved::{Shelf, Shelved};
use super::{Distinct, Later, Tally};
use crate::attribute::{Attribution, Country, Direction};

const DIRECTIONS: usize = Direction::COUNT;
const ATTRIBUTIONS: usize = Attribution::COUNT;
const ROWS: usize = DIRECTIONS * Country::COUNT * ATTRIBUTIONS;

#[derive(Clone, Copy, Default)]
struct Sum {
    packets: u64,
    bytes: u64,
    /// Place of the row's distinct counts plus one, 0 if it has none yet.
    ends: u32,
}

struct Ends {
    row: u32,
    sources: Shelved,
    targets: Shelved,
}

/// Rows that have room for their counters from the start: as many as one direction has countries.
const ROWS_WITH_ROOM: usize = 256;

/// Ends of conversations that are counted a little later, when the registers that they will raise have come into the cache: for the first half of
/// their wait what leads to these does.
const PENDING: usize = 16;

#[derive(Clone, Copy, Default)]
struct Pending {
    place: u32,
    source: u64,
    target: u64,
}

/// The traffic of one window, as one worker saw it.
pub struct TrafficTally {
    pending: Later<Pending, PENDING>,
    sums: Box<[Sum]>,
    /// In the order in which the rows came.
    ends: Vec<Ends>,
    shelf: Shelf,
}

/// One row of a merged tally.
pub struct TrafficRow {
    pub direction: Direction,
    pub country: Country,
    pub attribution: Attribution,
    pub packets: u64,
    pub bytes: u64,
    pub sources: Distinct,
    pub targets: Distinct,
}

impl Default for TrafficTally {
    fn default() -> Self {
        TrafficTally {
            pending: Later::new(Pending::default()),
            sums: vec![Sum::default(); ROWS].into_boxed_slice(),
            ends: Vec::with_capacity(ROWS_WITH_ROOM),
            shelf: Shelf::with_room(2 * ROWS_WITH_ROOM),
        }
    }
}

impl TrafficTally {
    /// The number of a row. Those of one direction and attribution stand together: few of either are common, so few cache lines are.
    #[inline]
    fn row(direction: Direction, country: Country, attribution: Attribution) -> usize {
        (direction as usize * ATTRIBUTIONS + attribution as usize) * Country::COUNT + country.index()
    }

    /// What [`TrafficTally::row`] was given.
    fn key(row: u32) -> (usize, usize, usize) {
        let (row, country) = (row as usize / Country::COUNT, row as usize % Country::COUNT);
        (row / ATTRIBUTIONS, country, row % ATTRIBUTIONS)
    }

    /// Counts one packet of a conversation that was counted in this window before.
    #[inline(always)]
    pub fn add(&mut self, direction: Direction, country: Country, attribution: Attribution, bytes: u32) {
        let row = self.sum(direction, country, attribution, bytes);
        self.place(row);
    }

    /// The same of one that was not. `ends` are the keyed hashes of source and target.
    #[inline(always)]
    pub fn add_conversation(&mut self, direction: Direction, country: Country, attribution: Attribution, bytes: u32, ends: (u64, u64)) {
        let row = self.sum(direction, country, attribution, bytes);
        let place = self.place(row);
        self.put_off(place, ends);
    }

    /// Adds one packet to its row, and returns the row's number.
    #[inline(always)]
    fn sum(&mut self, direction: Direction, country: Country, attribution: Attribution, bytes: u32) -> usize {
        let row = Self::row(direction, country, attribution);
        let sum = &mut self.sums[row];
        sum.packets += 1;
        sum.bytes += u64::from(bytes);
        row
    }

    /// Has the ends of a conversation counted a little later.
    #[inline(always)]
    fn put_off(&mut self, place: usize, (source, target): (u64, u64)) {
        let ends = &self.ends[place];
        ends.sources.touch();
        ends.targets.touch();
        let half_way = self.pending.half_way();
        if let Some(ends) = self.ends.get(half_way.place as usize) {
            ends.sources.touch_register(&self.shelf, half_way.source);
            ends.targets.touch_register(&self.shelf, half_way.target);
        }
        if let Some(due) = self.pending.push(Pending { place: place as u32, source, target }) {
            self.count(due);
        }
    }

    fn count(&mut self, due: Pending) {
        if let Some(ends) = self.ends.get_mut(due.place as usize) {
            ends.sources.add(&mut self.shelf, due.source);
            ends.targets.add(&mut self.shelf, due.target);
        }
    }

    /// The window ends: what was put off is counted.
    pub fn settle(&mut self) {
        while let Some(due) = self.pending.pop() {
            self.count(due);
        }
    }

    /// The place of a row's distinct counts, made if it has none.
    #[inline(always)]
    fn place(&mut self, row: usize) -> usize {
        match self.sums[row].ends {
            0 => self.new_place(row),
            place => place as usize - 1,
        }
    }

    #[cold]
    #[inline(never)]
    fn new_place(&mut self, row: usize) -> usize {
        self.ends.push(Ends { row: row as u32, sources: Shelved::NONE, targets: Shelved::NONE });
        self.sums[row].ends = self.ends.len() as u32;
        self.ends.len() - 1
    }

    /// The rows that counted something, in the order of direction, country and attribution.
    pub fn rows(&self) -> Vec<TrafficRow> {
        let mut rows: Vec<&Ends> = self.ends.iter().collect();
        rows.sort_unstable_by_key(|ends| Self::key(ends.row));
        rows.into_iter()
            .filter_map(|ends| {
                let (direction, country, attribution) = Self::key(ends.row);
                let sum = self.sums[ends.row as usize];
                Some(TrafficRow {
                    direction: Direction::ALL[direction],
                    country: Country::from_index(country)?,
                    attribution: Attribution::ALL[attribution],
                    packets: sum.packets,
                    bytes: sum.bytes,
                    sources: ends.sources.distinct(&self.shelf),
                    targets: ends.targets.distinct(&self.shelf),
                })
            })
            .collect()
    }

    /// Packets over all rows.
    pub fn packets(&self) -> u64 {
        self.ends.iter().map(|ends| self.sums[ends.row as usize].packets).sum()
    }
}

impl Tally for TrafficTally {
    fn merge(&mut self, other: &Self) {
        for theirs in &other.ends {
            let place = self.place(theirs.row as usize);
            let (sum, add) = (&mut self.sums[theirs.row as usize], other.sums[theirs.row as usize]);
            sum.packets += add.packets;
            sum.bytes += add.bytes;
            let ends = &mut self.ends[place];
            ends.sources.merge(&mut self.shelf, &theirs.sources, &other.shelf);
            ends.targets.merge(&mut self.shelf, &theirs.targets, &other.shelf);
        }
    }

    fn clear(&mut self) {
        for ends in &self.ends {
            self.sums[ends.row as usize] = Sum::default();
        }
        self.ends.clear();
        self.shelf.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::super::check_laws;
    use super::*;

    fn of(seed: u64) -> TrafficTally {
        let mut tally = TrafficTally::default();
        for n in 0..seed * 50 {
            let country = Country::from_index((n % 7) as usize).unwrap();
            tally.add_conversation(Direction::Inbound, country, Attribution::Plausible, 60, (n << 40 | n, n % 3));
        }
        tally.settle();
        tally
    }

    #[test]
    fn sums_obey_the_laws() {
        check_laws([&|| of(1), &|| of(2), &|| of(9)], |tally| {
            tally.rows().iter().map(|r| (r.country, r.packets, r.bytes, r.sources.count(), r.targets.count())).collect::<Vec<_>>()
        });
    }

    #[test]
    fn a_cleared_tally_has_no_rows() {
        let mut tally = of(3);
        tally.clear();
        assert!(tally.rows().is_empty());
    }
}
