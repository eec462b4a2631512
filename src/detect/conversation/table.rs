//! Where conversations stand: a bounded part of the table for each lane, in buckets of four.

use crate::attribute::Country;
use crate::decode::{Transport, flags};
use crate::detect::lane::Moment;
use crate::detect::ways::{least, way_of};
use crate::dispatch::batch::{Item, bits};
use crate::huge::{self, Table};

use super::entry::Arrival;
use super::ongoing::Going;
use super::state::{Entry, Pulse, Rest, State, facts};
use super::step::{NOWHERE, Seen, Step, seen};

/// Conversations kept per lane. 64 lanes keep a million in 32 MiB: ten seconds of half-open handshakes at 100,000 SYNs a second. With half as many
/// 60-byte frames took 8 % more time and an IMIX 5 %: what had to make room came back as a stray, which costs several times as much.
pub const CONVERSATIONS: usize = 16_384;
const WAYS: usize = 4;
const BUCKETS: usize = CONVERSATIONS / WAYS;

/// Four conversations. What tells and moves them stands in one cache line, the rest in the one behind it.
#[derive(Clone, Copy, Default)]
#[repr(C, align(64))]
pub(crate) struct Bucket {
    hashes: [u64; WAYS],
    pulses: [Pulse; WAYS],
    rests: [Rest; WAYS],
}

const _: () = assert!(std::mem::offset_of!(Bucket, rests) == huge::LINE_BYTES && size_of::<Bucket>() == 2 * huge::LINE_BYTES);

impl Bucket {
    /// The way of a conversation, if it is here.
    #[inline(always)]
    fn way(&self, hash: u64) -> Option<usize> {
        way_of(&self.hashes, hash)
    }

    #[inline(always)]
    fn entry(&self, way: usize) -> Entry {
        Entry { pulse: self.pulses[way], rest: self.rests[way] }
    }

    /// The way where a new conversation may stand, and how many make room for it before their time: one or none.
    #[inline(always)]
    fn room(&self, now_s: u32) -> (usize, u64) {
        if let Some(free) = way_of(&self.hashes, 0) {
            return (free, 0);
        }
        let way = least::<WAYS>(|way| worth(&self.pulses[way], self.hashes[way], now_s));
        (way, worth(&self.pulses[way], self.hashes[way], now_s) >> FRESH_BIT)
    }

    #[inline(always)]
    fn set(&mut self, way: usize, entry: Entry) {
        self.pulses[way] = entry.pulse;
        self.rests[way] = entry.rest;
    }
}

#[cfg(test)]
impl Bucket {
    pub(crate) fn is_empty(&self) -> bool {
        self.hashes == [0; WAYS] && self.pulses.iter().all(|pulse| pulse.state == State::Free)
    }
}

/// A detector's handle where it wants no more of the conversation.
pub const UNWANTED: u16 = u16::MAX;
/// The industrial detector's handle where the first words of the one who opened the conversation were in no protocol of its service, and
/// where those of the one called were not.
pub const OPENER_STRAYED: u16 = UNWANTED - 2;
pub const CALLED_STRAYED: u16 = UNWANTED - 3;
/// The handle where the flood detector wants the answers of the one called: they amplify what is asked.
const REFLECTS: u16 = UNWANTED - 1;

/// What a packet will need besides its conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Coming {
    /// It opens a conversation, or is looked at like one that does: more of what nobody answers.
    pub opening: bool,
    /// It may tell how its opener's first contact went.
    pub outcome: bool,
    pub by_opener: bool,
    /// Whoever reads the conversation does so under this handle; 0 for nobody.
    pub reader: u16,
    /// The industrial detector follows it under this handle; 0 if it does not.
    pub tag: u16,
}

/// The conversations of a worker's lanes. Each lane has its own part of the table, and none takes another's room.
pub struct Conversations {
    buckets: Table<Bucket>,
    /// Conversations that had to make room though they were not yet idle.
    pub evicted: u64,
}

/// What decides which conversation makes room, as one number: idle ones first, then the least worth, then the oldest. Only contents decide,
/// so that the answer is the same for any number of workers.
#[inline]
pub(super) fn worth(pulse: &Pulse, hash: u64, now_s: u32) -> u64 {
    let fresh = now_s.saturating_sub(pulse.last_s) <= pulse.state.idle_s();
    u64::from(fresh) << FRESH_BIT | (pulse.state as u64) << STATE_BIT | u64::from(pulse.last_s) << LAST_BIT | hash >> (64 - LAST_BIT)
}

/// Where [`worth`] has its parts: 27 bits of the hash, 32 of the time, four of the state.
const LAST_BIT: u32 = 27;
const STATE_BIT: u32 = LAST_BIT + 32;
const FRESH_BIT: u32 = STATE_BIT + 4;

impl Conversations {
    /// For so many lanes.
    pub fn new(lanes: usize) -> Self {
        Conversations { buckets: Table::new(lanes * BUCKETS), evicted: 0 }
    }

    #[inline]
    fn bucket_of(lane: usize, hash: u64) -> usize {
        lane * BUCKETS + (hash as usize & (BUCKETS - 1))
    }

    /// Where a place is: its bucket, and its way there.
    #[inline]
    fn at(place: u32) -> (usize, usize) {
        (place as usize / WAYS, place as usize % WAYS)
    }

    #[inline]
    fn pulse_mut(&mut self, place: u32) -> &mut Pulse {
        let (bucket, way) = Self::at(place);
        &mut self.buckets[bucket].pulses[way]
    }

    #[inline]
    fn rest(&self, place: u32) -> &Rest {
        let (bucket, way) = Self::at(place);
        &self.buckets[bucket].rests[way]
    }

    #[inline]
    fn rest_mut(&mut self, place: u32) -> &mut Rest {
        let (bucket, way) = Self::at(place);
        &mut self.buckets[bucket].rests[way]
    }

    /// Brings what a packet needs of its conversation into the cache before its turn. `lane` counts the worker's lanes.
    #[inline]
    pub fn touch(&self, lane: usize, item: &Item) {
        if let Some(bucket) = self.buckets.get(Self::bucket_of(lane, item.conversation)) {
            huge::prefetch(bucket);
            // A bare acknowledgement hardly ever needs the rest. No branch: it would be guessed wrong.
            let bare = item.payload_bytes == 0 && item.tcp_flags() == flags::ACK;
            huge::prefetch_at(bucket, if bare { 0 } else { huge::LINE_BYTES });
        }
    }

    /// Brings a conversation's place into the cache before its turn.
    #[inline]
    pub fn touch_place(&self, place: u32) {
        if let Some(bucket) = self.buckets.get(place as usize / WAYS) {
            huge::prefetch_whole(bucket);
        }
    }

    /// Remembers that the conversation's opening was the opener's first contact with this service.
    pub fn mark_first_contact(&mut self, place: u32) {
        self.pulse_mut(place).facts |= facts::FIRST_CONTACT;
    }

    /// A detector's handle for a conversation, 0 if none was set.
    pub fn tag(&self, place: u32) -> u16 {
        self.rest(place).tag
    }

    /// The payload detector's handle for a conversation, 0 if none was set.
    #[inline]
    pub fn reader(&self, place: u32) -> u16 {
        self.rest(place).reader
    }

    /// Sets the payload detector's handle.
    pub fn set_reader(&mut self, place: u32, reader: u16) {
        self.rest_mut(place).reader = reader;
    }

    /// Whether somebody reads the conversation.
    #[inline]
    pub fn is_read(&self, place: u32) -> bool {
        !matches!(self.reader(place), 0 | UNWANTED)
    }

    /// Whether no detector wants any more of what is carried.
    #[inline]
    pub fn is_unwanted(&self, place: u32) -> bool {
        let rest = self.rest(place);
        rest.tag == UNWANTED && rest.reader == UNWANTED
    }

    /// Has the answers of the one called shown to the flood detector, unless another detector follows the conversation.
    pub fn mark_reflecting(&mut self, place: u32) {
        let tag = &mut self.rest_mut(place).tag;
        if matches!(*tag, 0 | UNWANTED | OPENER_STRAYED | CALLED_STRAYED) {
            *tag = REFLECTS;
        }
    }

    /// Changes the payload detector's handle, if the place still has the conversation with that handle.
    pub fn change_reader(&mut self, place: u32, from: u16, to: u16) {
        if self.reader(place) == from {
            self.set_reader(place, to);
        }
    }

    /// The sequence numbers of the first bytes that the opener and the one called send, where their SYNs were seen.
    pub fn first_bytes(&self, place: u32) -> (Option<u32>, Option<u32>) {
        let (bucket, way) = Self::at(place);
        let Entry { pulse, rest } = self.buckets[bucket].entry(way);
        let under_way = pulse.state.is_two_way() || matches!(pulse.state, State::HalfSeen | State::Answered);
        let opened = pulse.facts & facts::OPENING_SEEN != 0 && under_way;
        let answered = opened && pulse.facts & facts::CALLED_PROVED != 0;
        (opened.then(|| rest.opener_seq.wrapping_add(1)), answered.then(|| rest.called_seq.wrapping_add(1)))
    }

    /// Sets a detector's handle.
    pub fn set_tag(&mut self, place: u32, tag: u16) {
        self.rest_mut(place).tag = tag;
    }

    /// What a packet will need besides its conversation, which is in the cache already.
    #[inline]
    pub fn foresee(&self, lane: usize, item: &Item) -> Coming {
        let Some(bucket) = self.buckets.get(Self::bucket_of(lane, item.conversation)) else { return Coming::default() };
        let Some(way) = bucket.way(item.conversation | 1) else {
            huge::prefetch(&bucket.rests);
            return Coming { opening: true, ..Coming::default() };
        };
        let pulse = &bucket.pulses[way];
        let by_opener = (pulse.facts & facts::LOW_OPENED != 0) == (item.bits & bits::SOURCE_LOW != 0);
        let spoke = if by_opener { facts::OPENER_SPOKE } else { facts::CALLED_SPOKE };
        let settled = pulse.state.is_two_way() & ((item.payload_bytes == 0) | (pulse.facts & spoke != 0));
        huge::prefetch_at(bucket, if settled { 0 } else { huge::LINE_BYTES });
        // Whoever reads payload takes note of what ends a stream, too.
        let ends = item.tcp_flags() & (flags::FIN | flags::RST) != 0;
        let wanted = |handle: u16| if handle == UNWANTED { 0 } else { handle };
        let (reader, tag) = match (item.payload_bytes > 0, ends) {
            (true, _) => (wanted(bucket.rests[way].reader), wanted(bucket.rests[way].tag)),
            (false, true) => (wanted(bucket.rests[way].reader), 0),
            (false, false) => (0, 0),
        };
        Coming {
            opening: (pulse.state == State::OneWay) & by_opener,
            outcome: (pulse.facts & facts::FIRST_CONTACT != 0) & !settled,
            by_opener,
            reader,
            tag,
        }
    }

    /// Takes note of a packet that changes nothing in its conversation, which nearly all are; nothing if it may change something, and
    /// [`Conversations::observe`] must look at it.
    #[inline(always)]
    pub fn ongoing(&mut self, lane: usize, item: &Item, moment: Moment) -> Option<Going> {
        if !matches!(item.transport(), Transport::Tcp | Transport::Udp) {
            return None;
        }
        let at = Self::bucket_of(lane, item.conversation);
        let bucket = self.buckets.get_mut(at)?;
        let way = bucket.way(item.conversation | 1)?;
        bucket.pulses[way].ongoing(item, moment, &bucket.rests[way], (at * WAYS + way) as u32)
    }

    /// Takes note of a bare SYN that opens a conversation, which under attack most are that change anything; nothing if the conversation
    /// is known, and [`Conversations::observe`] must look at it. `countries` is asked for the countries of source and target.
    #[inline(always)]
    pub fn open(&mut self, lane: usize, item: &Item, now_s: u32, countries: impl FnOnce() -> (Country, Country)) -> Option<Seen> {
        let at = Self::bucket_of(lane, item.conversation);
        let bucket = self.buckets.get_mut(at)?;
        let hash = item.conversation | 1;
        if bucket.way(hash).is_some() {
            return None;
        }
        let (way, evicted) = bucket.room(now_s);
        let (entry, seen) = Entry::opened(item, now_s, countries(), (at * WAYS + way) as u32);
        bucket.hashes[way] = hash;
        bucket.set(way, entry);
        self.evicted += evicted;
        Some(seen)
    }

    /// Takes note of a packet and says what it means. `countries` is asked for the countries of source and target when the conversation is
    /// new. `refused` says that the packet is an ICMP error which quotes this conversation's packet of the other side.
    #[inline]
    pub fn observe(&mut self, lane: usize, packet: &Arrival<'_>, mut countries: impl FnMut() -> (Country, Country)) -> Seen {
        let at = Self::bucket_of(lane, packet.conversation);
        let bucket = &mut self.buckets[at];
        let hash = packet.conversation | 1; // 0 is a free place
        // The entry is worked on in registers and put back whole: what was just written in words and is read in other ones would have to
        // wait until all stores before it have reached the cache.
        if let Some(way) = bucket.way(hash) {
            let mut entry = bucket.entry(way);
            if packet.now_s.saturating_sub(entry.pulse.last_s) > entry.pulse.state.idle_s() {
                entry = Entry::between(entry.pulse.low_country, entry.pulse.high_country);
            }
            let seen = entry.step(packet, (at * WAYS + way) as u32);
            bucket.set(way, entry);
            return seen;
        }
        if packet.quoted {
            // An error about a conversation that is not known opens none.
            let (source_country, target_country) = countries();
            return Seen {
                step: Step::Unasked,
                facts: seen::BY_OPENER | seen::NEW_IN_WINDOW,
                source_country,
                target_country,
                place: NOWHERE,
            };
        }
        let (way, evicted) = bucket.room(packet.now_s);
        self.evicted += evicted;
        let (source_country, target_country) = countries();
        let (low_country, high_country) =
            if packet.source_low { (source_country, target_country) } else { (target_country, source_country) };
        let mut entry = Entry::between(low_country, high_country);
        let seen = entry.step(packet, (at * WAYS + way) as u32);
        bucket.hashes[way] = hash;
        bucket.set(way, entry);
        seen
    }
}
