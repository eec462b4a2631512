//! Scans begin, go on and end: the threshold random walk per source over merged lanes.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::addr::Addr;
use crate::attribute::{Direction, Home};
use crate::conclude::{Conclusions, Silence, State};
use crate::dispatch::site;
use crate::huge;
use crate::keyed::Keyed;

use super::followed::{Followed, Key};
use super::group::Groups;
use super::memory::{Outcome, ScanTally};

/// Sources that the reporter follows at a time. When full, those that are worth least make room.
const FOLLOWED_MAX: usize = 16_384;
/// Sources that make room at a time.
const ROOM: usize = FOLLOWED_MAX / 4;
/// Sources whose place is at hand without a look into the map.
const AT_HAND: usize = 1024;
/// Bits by which most targets are told from those under flood.
const FLOODED_BITS: usize = 4096;
/// Sources ahead of the one that is decided on that are brought into the cache.
const DECIDED_AHEAD: usize = 2;
/// Records of one source that are looked at together: as many cache lines as a core asks for at a time, and some.
const TOGETHER: usize = 32;

/// A record that waits for its turn: a slice's records are taken source by source, each source's in their order, so that what is known of
/// a source is in the cache for all of them.
#[derive(Clone, Copy, Default)]
struct Waiting {
    place: u32,
    number: u32,
    lane: u8,
    /// Its target is under flood.
    flooded: bool,
}

/// The reporter's side.
pub struct ScanBoard {
    keyed: Keyed,
    dark: Option<Arc<Home>>,
    /// Places in `followed`.
    places: HashMap<Key, usize, FixedState>,
    followed: Vec<Followed>,
    /// Sources to look at again when their contacts have had time for an answer, by when that is.
    due: BTreeMap<u32, Vec<Key>>,
    touched: Vec<usize>,
    silence: Silence,
    groups: Groups,
    at_hand: Vec<Option<(Key, u32)>>,
    waiting: Vec<Waiting>,
    /// The same by source, and where the next record of each source goes.
    by_source: Vec<Waiting>,
    next: Vec<u32>,
    /// Hosts that were under flood in the slice before.
    flooded: BTreeSet<Addr>,
}

impl ScanBoard {
    pub fn new(keyed: Keyed, dark: Option<Arc<Home>>) -> Self {
        ScanBoard {
            keyed,
            dark,
            places: HashMap::default(),
            followed: Vec::new(),
            due: BTreeMap::new(),
            touched: Vec::new(),
            silence: Silence::default(),
            groups: Groups::default(),
            at_hand: vec![None; AT_HAND],
            waiting: Vec::new(),
            by_source: Vec::new(),
            next: Vec::new(),
            flooded: BTreeSet::new(),
        }
    }

    /// Takes a slice's merged tally and concludes.
    pub fn slice(&mut self, now_s: u32, tally: &mut ScanTally, out: &mut Conclusions<'_>) {
        self.look_again(now_s, out);
        self.expire(now_s, out);
        self.touched.clear();
        self.at_hand.fill(None);
        if !out.flooded.keys().eq(&self.flooded) {
            if out.flooded.keys().any(|victim| !self.flooded.contains(victim)) {
                self.leave_to_floods(out.flooded);
            }
            self.flooded = out.flooded.keys().copied().collect();
        }
        let flooded = Flooded::new(out.flooded.keys().copied());
        for (lane, number, record) in tally.records.enumerate() {
            let key = (site(record.source), record.direction);
            // Ports of a host under flood are touched by the flood.
            let under_flood = flooded.may_hold(record.target) && out.flooded.contains_key(&record.target);
            if record.outcome == Outcome::Alone {
                if !under_flood {
                    self.groups.contact(&self.keyed, now_s, key.0, record, self.keyed.addr(record.target));
                }
                continue;
            }
            let place = match self.place(key) {
                Some(place) => place,
                // An outcome of what made room in the meantime.
                None if under_flood || record.outcome.is_of_earlier() => continue,
                None => {
                    if self.followed.len() >= FOLLOWED_MAX {
                        self.take_waiting(now_s, tally);
                        self.make_room(out);
                    }
                    self.followed.push(Followed::new(record));
                    self.places.insert(key, self.followed.len() - 1);
                    self.followed.len() - 1
                }
            };
            if !under_flood && !std::mem::replace(&mut self.followed[place].touched, true) {
                self.touched.push(place);
            }
            self.waiting.push(Waiting { place: place as u32, number, lane, flooded: under_flood });
        }
        self.take_waiting(now_s, tally);
        // What many share is looked at before what one does alone.
        let (followed, places) = (&mut self.followed, &self.places);
        self.groups.look(now_s, out, |source, direction, contacts| {
            places.get(&(source, direction)).and_then(|&place| followed.get_mut(place)).is_some_and(|followed| followed.join(contacts))
        });
        let due_s = now_s.saturating_add(out.settings.scan.answer_s as u32);
        for (number, &place) in self.touched.iter().enumerate() {
            if let Some(next) = self.touched.get(number + DECIDED_AHEAD).and_then(|&next| self.followed.get(next)) {
                huge::prefetch_whole(next);
            }
            let Some(followed) = self.followed.get_mut(place) else { continue };
            followed.touched = false;
            followed.decide(now_s, &out.settings.scan, &mut self.groups);
            if followed.open.is_none() {
                self.due.entry(due_s).or_default().push(followed.key());
            }
            followed.tell(out);
        }
    }

    /// The place of a source, if it is followed.
    #[inline]
    fn place(&mut self, key: Key) -> Option<usize> {
        let (addr, direction) = (key.0.0, key.1);
        let bits = (addr >> 64) as u64 ^ addr as u64 ^ direction as u64;
        let hand = (bits ^ bits >> 10 ^ bits >> 20) as usize % AT_HAND;
        if let Some((known, place)) = self.at_hand[hand]
            && known == key
        {
            return Some(place as usize);
        }
        let place = *self.places.get(&key)?;
        self.at_hand[hand] = Some((key, place as u32));
        Some(place)
    }

    /// Takes the records that wait, source by source.
    fn take_waiting(&mut self, now_s: u32, tally: &ScanTally) {
        self.next.clear();
        self.next.resize(self.followed.len() + 1, 0);
        for waiting in &self.waiting {
            self.next[waiting.place as usize + 1] += 1;
        }
        for place in 1..self.next.len() {
            self.next[place] += self.next[place - 1];
        }
        self.by_source.clear();
        self.by_source.resize(self.waiting.len(), Waiting::default());
        for waiting in self.waiting.drain(..) {
            let next = &mut self.next[waiting.place as usize];
            self.by_source[*next as usize] = waiting;
            *next += 1;
        }
        let by_source = std::mem::take(&mut self.by_source);
        let mut sources = by_source.chunk_by(|a, b| a.place == b.place).peekable();
        while let Some(records) = sources.next() {
            if let Some(next) = sources.peek().and_then(|next| self.followed.get(next[0].place as usize)) {
                huge::prefetch_whole(next);
            }
            let place = records[0].place as usize;
            for together in records.chunks(TOGETHER) {
                self.take(now_s, tally, place, together);
            }
        }
        self.by_source = by_source;
    }

    /// Takes some records of one source.
    fn take(&mut self, now_s: u32, tally: &ScanTally, place: usize, together: &[Waiting]) {
        let followed = &mut self.followed[place];
        let records = || together.iter().filter_map(|waiting| Some((waiting, tally.records.get(waiting.lane, waiting.number)?)));
        records().for_each(|(_, record)| huge::prefetch_whole(record));
        let mut hashes = [0; TOGETHER];
        for ((_, record), hash) in records().zip(&mut hashes) {
            *hash = self.keyed.addr(record.target);
            followed.touch(*hash);
        }
        for ((waiting, record), &hash) in records().zip(&hashes) {
            if waiting.flooded {
                followed.floods(record);
                continue;
            }
            if record.outcome == Outcome::Success && record.count > 0 {
                self.groups.answered(site(record.source), record.direction, record.transport, record.port);
            }
            followed.add(&self.keyed, now_s, record, hash, &mut self.groups);
            let contact = matches!(record.outcome, Outcome::Contact | Outcome::SoftContact);
            if contact && self.dark.as_ref().is_some_and(|dark| dark.contains(record.target)) {
                followed.dark.add(self.keyed.words(record.target.0, u64::from(record.port)));
            }
        }
    }

    fn look_again(&mut self, now_s: u32, out: &mut Conclusions<'_>) {
        while let Some(entry) = self.due.first_entry() {
            if *entry.key() > now_s {
                break;
            }
            let due_s = *entry.key();
            for key in entry.remove() {
                if let Some(&place) = self.places.get(&key) {
                    self.followed[place].decide(due_s, &out.settings.scan, &mut self.groups);
                    self.followed[place].tell(out);
                }
            }
        }
    }

    fn expire(&mut self, now_s: u32, out: &mut Conclusions<'_>) {
        if !self.silence.is_due(now_s) {
            return;
        }
        let quiet_s = out.settings.scan.quiet_s as u32;
        let memory_s = out.settings.scan.memory_s as u32;
        let over = |followed: &Followed| {
            let idle_s = now_s.saturating_sub(followed.course.last_s);
            if followed.open.is_none() { idle_s > memory_s } else { idle_s > quiet_s.max(followed.usual_gap_s().saturating_mul(4)) }
        };
        let keys: Vec<Key> = self.followed.iter().filter(|followed| over(followed)).map(Followed::key).collect();
        self.end(keys, out);
    }

    /// Ends these sources, in their order.
    fn end(&mut self, mut keys: Vec<Key>, out: &mut Conclusions<'_>) {
        keys.sort_unstable();
        for key in keys {
            if let Some(mut followed) = self.remove(key) {
                followed.report(State::Ended, out);
            }
        }
    }

    /// A flood has begun: what its sources did before it was noticed was its beginning.
    fn leave_to_floods(&mut self, flooded: &BTreeMap<Addr, u64>) {
        let mut keys: Vec<Key> = self.followed.iter().filter(|followed| followed.is_of_flood(flooded)).map(Followed::key).collect();
        keys.sort_unstable();
        for key in keys {
            self.remove(key);
        }
    }

    fn remove(&mut self, key: Key) -> Option<Followed> {
        let place = self.places.remove(&key)?;
        let removed = self.followed.swap_remove(place);
        if let Some(moved) = self.followed.get(place) {
            self.places.insert(moved.key(), place);
        }
        Some(removed)
    }

    /// A quarter makes room, the one that is worth least: those that succeeded somewhere, with the fewest failures, the longest silent.
    fn make_room(&mut self, out: &mut Conclusions<'_>) {
        // Places move: what this slice has touched is looked at now.
        for &place in &self.touched {
            if let Some(followed) = self.followed.get_mut(place) {
                followed.touched = false;
            }
        }
        self.touched.clear();
        self.at_hand.fill(None);
        let mut worth: Vec<_> = self
            .followed
            .iter()
            .map(|f| (f.open.is_some(), f.whole.successes == 0, f.whole.failures(), f.course.last_s, f.key()))
            .collect();
        // Which they are matters, not their order: no two are equal, for each has a key of its own.
        let (least, ..) = worth.select_nth_unstable(ROOM);
        *out.evicted += least.len() as u64;
        self.end(least.iter().map(|&(.., key)| key).collect(), out);
    }

    /// The first contacts of a source whose scan goes on, as far as they are its own and not a group's.
    pub fn scans(&self, source: Addr) -> Option<u64> {
        let site = site(source);
        let followed = |direction: &Direction| self.places.get(&(site, *direction)).map(|&place| &self.followed[place]);
        let open = Direction::ALL.iter().filter_map(followed).find(|followed| followed.open.is_some());
        open.map(|followed| followed.whole.contacts).or_else(|| self.groups.holds(site).then_some(0))
    }

    /// The places in the order of their sources.
    fn in_order(&self) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.followed.len()).collect();
        places.sort_unstable_by_key(|&place| self.followed[place].key());
        places
    }

    /// A window ends.
    pub fn window_end(&mut self, out: &mut Conclusions<'_>) {
        self.groups.window_end(out);
        for place in self.in_order() {
            let followed = &mut self.followed[place];
            if followed.course.has_grown() {
                followed.report(State::Ongoing, out);
            }
        }
    }

    /// The input ends: contacts still open have failed as far as anybody will know.
    pub fn finish(&mut self, out: &mut Conclusions<'_>) {
        for place in self.in_order() {
            let followed = &mut self.followed[place];
            followed.decide(u32::MAX, &out.settings.scan, &mut self.groups);
            followed.tell(out);
            followed.report(State::Ended, out);
        }
        self.groups.finish(out);
        self.followed.clear();
        self.places.clear();
        self.due.clear();
    }
}

/// Some bits of the hosts under flood: a record costs a look into the list only where they agree.
struct Flooded([u64; FLOODED_BITS / 64]);

impl Flooded {
    fn new(victims: impl Iterator<Item = Addr>) -> Self {
        let mut bits = [0; FLOODED_BITS / 64];
        for victim in victims {
            let (word, bit) = Self::bit(victim);
            bits[word] |= bit;
        }
        Flooded(bits)
    }

    fn bit(addr: Addr) -> (usize, u64) {
        let low = addr.0 as usize % FLOODED_BITS;
        (low / 64, 1 << (low % 64))
    }

    #[inline]
    fn may_hold(&self, addr: Addr) -> bool {
        let (word, bit) = Self::bit(addr);
        self.0[word] & bit != 0
    }
}
