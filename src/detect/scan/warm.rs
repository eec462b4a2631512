//! What a lane keeps of silent sources that had to make room: enough to know them again hours later, when they touch the next service.
//!
//! The table of sources is made for the traffic of minutes. A source that touches one port an hour is gone from it before it comes again,
//! and each of its contacts would be its first. So a source that leaves the table without a success leaves a few bytes here: how many
//! services it touched, and when it began. Nothing is looked up for a source that is new, unless a bit says that it may be known from
//! several contacts; and a flood of sources that come once leaves behind no more than the budget of a second allows, so that it neither
//! costs a cache miss for each of them nor turns this table over. Sources that had been in the table for a minute have a budget of their
//! own, since no flood has those. Of the others, where there are more than the budget, those are taken whose hashes end in zeros: always the
//! same sources, so that a slow scanner is either missed or seen at each of its contacts, and never by halves.

use super::memory::Kept;
use crate::huge::{self, Table};
use crate::keyed::Keyed;

/// Sources kept per lane: a quarter of a million in all lanes, 8 MiB.
const SOURCES: usize = 4096;
const WAYS: usize = 4;
const BUCKETS: usize = SOURCES / WAYS;
/// Seconds in the table of sources that a flood's sources do not have: they drive each other out.
const LONG_S: u32 = 60;
/// Sources with one contact that a lane takes in a second of event time after a long stay, and how many may come at once: as many as the
/// table of sources holds.
const LONG_PER_S: u32 = 1;
const LONG_AT_ONCE: u32 = 2048;
/// The same after a short stay. With both, the whole table is not turned over in less than an hour.
const SHORT_PER_S: u32 = 1;
const SHORT_AT_ONCE: u32 = 64;
/// Zeros at a hash's end that are asked for at most: one source in 65,536.
const ZEROS_MAX: u32 = 16;
/// The same of sources with several contacts, which are few.
const SEVERAL_PER_S: u32 = 16;
const SEVERAL_AT_ONCE: u32 = 256;
/// Contacts from which on a source is looked up when it comes again: one more makes it worth the reporter's time.
pub const KNOWN_CONTACTS: u8 = 3;
/// Seconds of silence that halve what a source's contacts are worth when room is made.
const HALF_LIFE_S: u32 = 6 * 3600;
/// Bits per lane that say which sources may be known: a kilobyte, which stays in the cache.
const BITS: usize = 8192;
/// Seconds after which a lane's bits are made anew, without those of sources that are gone.
const BITS_FOR_S: u32 = 3600;

/// What is kept of one source.
#[derive(Clone, Copy, Default)]
struct Entry {
    /// When its first contact came, in nanoseconds since the epoch; 0 if the reporter has it already.
    first_ns: u64,
    /// A bit for each service that it touched, by hash: how many are set is how many services there were.
    services: u64,
    /// Upper half of the source's hash, 0 in a free place.
    mark: u32,
    last_s: u32,
    /// The reporter has the contacts so far.
    handed_over: bool,
}

impl Entry {
    fn contacts(&self) -> u8 {
        self.services.count_ones() as u8
    }

    fn is_known(&self) -> bool {
        self.mark != 0 && (self.handed_over || self.contacts() >= KNOWN_CONTACTS)
    }

    /// What decides who makes room: only contents, so that the answer is the same for any number of workers.
    fn worth(&self, now_s: u32) -> (bool, u32, u32, u32) {
        let contacts = u32::from(self.contacts()) + u32::from(self.handed_over) * u32::from(KNOWN_CONTACTS);
        let halved = now_s.saturating_sub(self.last_s) / HALF_LIFE_S;
        (self.mark != 0, contacts.checked_shr(halved).unwrap_or(0), self.last_s, self.mark)
    }
}

#[derive(Clone, Copy, Default)]
#[repr(align(128))]
pub(crate) struct WarmBucket([Entry; WAYS]);

const _: () = assert!(size_of::<WarmBucket>() == 128, "four sources in two cache lines");

/// What a lane has besides its part of the table.
struct LaneState {
    bits: Box<[u64; BITS / 64]>,
    bits_until_s: u32,
    long: Budget,
    short: Budget,
    several: Budget,
    /// Zeros that the hash of a source must end in, to be taken after a short stay.
    zeros: u32,
}

impl LaneState {
    /// Whether there is room in the budget for a source.
    fn takes(&mut self, leaving: &Leaving<'_>, now_s: u32) -> bool {
        if leaving.handed_over || leaving.kept.len() > 1 {
            return self.several.take(now_s);
        }
        if now_s.saturating_sub(leaving.last_s) >= LONG_S {
            return self.long.take(now_s);
        }
        // Bits that choose neither lane nor bucket.
        if ((leaving.hash >> 48) as u32).trailing_zeros() < self.zeros {
            return false;
        }
        let taken = self.short.take(now_s);
        if !taken {
            self.zeros = (self.zeros + 1).min(ZEROS_MAX);
        } else if self.short.left + 1 >= self.short.at_once {
            // Nothing was taken for as long as the budget takes to fill: there is room for more.
            self.zeros = self.zeros.saturating_sub(1);
        }
        taken
    }
}

/// So many a second, and a few seconds' worth at once.
struct Budget {
    per_s: u32,
    at_once: u32,
    left: u32,
    since_s: u32,
}

impl Budget {
    fn new(per_s: u32, at_once: u32) -> Self {
        Budget { per_s, at_once, left: at_once, since_s: 0 }
    }

    fn take(&mut self, now_s: u32) -> bool {
        let more = now_s.saturating_sub(self.since_s).saturating_mul(self.per_s);
        self.left = self.left.saturating_add(more).min(self.at_once);
        self.since_s = self.since_s.max(now_s);
        let any = self.left > 0;
        self.left -= u32::from(any);
        any
    }
}

/// A source that leaves the table of sources.
pub(super) struct Leaving<'a> {
    pub hash: u64,
    /// Contacts that the reporter does not have.
    pub kept: &'a [Kept],
    pub handed_over: bool,
    pub last_s: u32,
}

/// A source that comes again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Earlier {
    /// Services that it touched before, of which the reporter knows nothing yet; 0 if it knows them all.
    pub untold: u8,
    pub first_ns: u64,
}

/// The memory of a worker's lanes. Each lane has its own part of the table.
pub struct Warm {
    keyed: Keyed,
    table: Table<WarmBucket>,
    lanes: Vec<LaneState>,
}

fn bucket(lane: usize, hash: u64) -> usize {
    // The lowest bit of a hash in the table of sources is always set.
    lane * BUCKETS + ((hash >> 1) as usize & (BUCKETS - 1))
}

fn mark(hash: u64) -> u32 {
    (hash >> 32) as u32 | 1
}

/// The bit of a mark. Its lowest six bits are the same for all sources of a lane.
fn bit(mark: u32) -> (usize, u64) {
    let bit = (mark >> 6) as usize & (BITS - 1);
    (bit / 64, 1 << (bit % 64))
}

impl Warm {
    /// For so many lanes.
    pub fn new(lanes: usize, keyed: Keyed) -> Self {
        let state = |_| LaneState {
            bits: Box::new([0; BITS / 64]),
            bits_until_s: 0,
            long: Budget::new(LONG_PER_S, LONG_AT_ONCE),
            short: Budget::new(SHORT_PER_S, SHORT_AT_ONCE),
            zeros: 0,
            several: Budget::new(SEVERAL_PER_S, SEVERAL_AT_ONCE),
        };
        Warm { keyed, table: Table::new(lanes * BUCKETS), lanes: (0..lanes).map(state).collect() }
    }

    /// Takes what is to be kept of a source that never succeeded, if the budget allows.
    pub(super) fn keep(&mut self, lane: usize, leaving: &Leaving<'_>, now_s: u32) {
        if leaving.kept.is_empty() && !leaving.handed_over || !self.lanes[lane].takes(leaving, now_s) {
            return;
        }
        self.renew_bits(lane, now_s);
        let ways = &mut self.table[bucket(lane, leaving.hash)].0;
        let mark = mark(leaving.hash);
        let known = ways.iter().position(|entry| entry.mark == mark);
        let way = known.unwrap_or_else(|| (0..WAYS).min_by_key(|&way| ways[way].worth(now_s)).unwrap_or(0));
        let entry = &mut ways[way];
        if known.is_none() {
            *entry = Entry { mark, ..Entry::default() };
        }
        if let (0, Some(first)) = (entry.first_ns, leaving.kept.first()) {
            entry.first_ns = first.time_ns;
        }
        for kept in leaving.kept {
            entry.services |= 1 << (self.keyed.words(kept.target.0, u64::from(kept.port)) & 63);
        }
        entry.last_s = leaving.last_s;
        entry.handed_over |= leaving.handed_over;
        if entry.is_known() {
            let (word, bit) = bit(mark);
            self.lanes[lane].bits[word] |= bit;
        }
    }

    /// Brings what tells whether anything is known of a source into the cache before its turn.
    #[inline]
    pub fn touch(&self, lane: usize, hash: u64) {
        huge::prefetch(&self.lanes[lane].bits[bit(mark(hash)).0]);
    }

    /// What is known of a source that is new to the table of sources. From now on the reporter has it.
    #[inline]
    pub fn recall(&mut self, lane: usize, hash: u64) -> Option<Earlier> {
        let mark = mark(hash);
        let (word, bit) = bit(mark);
        if self.lanes[lane].bits[word] & bit == 0 {
            return None;
        }
        let entry = self.table[bucket(lane, hash)].0.iter_mut().find(|entry| entry.mark == mark && entry.is_known())?;
        let untold = if std::mem::replace(&mut entry.handed_over, true) { 0 } else { entry.contacts() };
        Some(Earlier { untold, first_ns: entry.first_ns })
    }

    /// Sources come and go, and their bits stay: once in a while they are made anew.
    fn renew_bits(&mut self, lane: usize, now_s: u32) {
        let state = &mut self.lanes[lane];
        if now_s < state.bits_until_s {
            return;
        }
        state.bits_until_s = now_s.saturating_add(BITS_FOR_S);
        state.bits.fill(0);
        let entries = self.table[lane * BUCKETS..(lane + 1) * BUCKETS].iter().flat_map(|bucket| &bucket.0);
        for entry in entries.filter(|entry| entry.is_known()) {
            let (word, bit) = bit(entry.mark);
            state.bits[word] |= bit;
        }
    }
}

#[cfg(test)]
impl WarmBucket {
    pub(crate) fn is_empty(&self) -> bool {
        self.0.iter().all(|entry| entry.mark == 0 && entry.services == 0 && !entry.handed_over)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::Addr;

    const HOUR_S: u32 = 3600;

    fn hash(keyed: &Keyed, source: u32) -> u64 {
        keyed.addr(Addr::v4(source)) | 1
    }

    /// A source leaves the table after so many seconds.
    fn leave(warm: &mut Warm, source: u32, target: u32, now_s: u32, after_s: u32) {
        let kept = [Kept::of_test(Addr::v4(target), 3389, u64::from(now_s) * 1_000_000_000)];
        let hash = hash(&Keyed::fixed(), source);
        warm.keep(0, &Leaving { hash, kept: &kept, handed_over: false, last_s: now_s }, now_s + after_s);
    }

    #[test]
    fn a_source_is_known_again_by_its_third_service_and_told_once() {
        let mut warm = Warm::new(1, Keyed::fixed());
        let source = hash(&Keyed::fixed(), 7);
        for n in 0..3 {
            assert_eq!(warm.recall(0, source), None);
            // Twice the same service is one.
            leave(&mut warm, 7, 100 + n, HOUR_S * (1 + n), LONG_S);
            leave(&mut warm, 7, 100 + n, HOUR_S * (1 + n) + 60, LONG_S);
        }
        let first_ns = u64::from(HOUR_S) * 1_000_000_000;
        assert_eq!(warm.recall(0, source), Some(Earlier { untold: 3, first_ns }));
        assert_eq!(warm.recall(0, source), Some(Earlier { untold: 0, first_ns }));
    }

    #[test]
    fn sources_that_come_once_do_not_drive_out_one_that_comes_again() {
        let mut warm = Warm::new(1, Keyed::fixed());
        let mut next = 1000;
        for hour in 1..=12 {
            leave(&mut warm, 7, hour, hour * HOUR_S, LONG_S);
            // Half of a million sources in an hour, many more than the budget lets in.
            for n in 0..40_000 {
                next += 1;
                leave(&mut warm, next, 5, hour * HOUR_S + n / 12, if n < 2000 { LONG_S } else { 1 });
            }
        }
        assert!(warm.recall(0, hash(&Keyed::fixed(), 7)).is_some());
    }

    #[test]
    fn what_was_worth_much_is_worth_little_after_a_day() {
        let entry = Entry { services: 0b111, mark: 3, last_s: HOUR_S, ..Entry::default() };
        let single = Entry { services: 1, mark: 5, last_s: 30 * HOUR_S, ..Entry::default() };
        assert!(entry.worth(2 * HOUR_S) > single.worth(2 * HOUR_S));
        assert!(entry.worth(30 * HOUR_S) < single.worth(30 * HOUR_S));
    }

    #[test]
    fn under_pressure_the_same_sources_are_taken_each_time() {
        let mut warm = Warm::new(1, Keyed::fixed());
        let mut next = 1 << 20;
        let mut pressure = |warm: &mut Warm, from_s: u32| {
            for n in 0..20_000 {
                next += 1;
                leave(warm, next, 5, from_s + n / 500, 0);
            }
        };
        pressure(&mut warm, 10);
        for round in 0..3 {
            for source in 0..2000 {
                leave(&mut warm, source, round, 100 + 300 * round + source / 40, 0);
            }
            pressure(&mut warm, 200 + 300 * round);
        }
        let known = (0..2000).filter(|&source| warm.recall(0, hash(&Keyed::fixed(), source)).is_some()).count();
        let seen = (0..2000).filter(|&source| {
            let hash = hash(&Keyed::fixed(), source);
            warm.table[bucket(0, hash)].0.iter().any(|entry| entry.mark == mark(hash))
        });
        let seen = seen.count();
        assert!(known > 0 && known * 10 >= seen * 8, "{known} of {seen} that were seen were seen each time");
    }

    #[test]
    fn bits_of_the_forgotten_do_not_stay() {
        let mut warm = Warm::new(1, Keyed::fixed());
        for n in 0..3 {
            leave(&mut warm, 7, 100 + n, 10 + n, LONG_S);
        }
        warm.table[bucket(0, hash(&Keyed::fixed(), 7))] = WarmBucket::default();
        leave(&mut warm, 8, 100, 10 + 2 * BITS_FOR_S, LONG_S);
        assert_eq!(warm.lanes[0].bits.iter().map(|word| word.count_ones()).sum::<u32>(), 0);
    }
}
