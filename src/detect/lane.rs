//! What a worker's lanes remember, and how a packet passes them: first the conversation, then every detector.

use std::cell::Cell;
use std::sync::Arc;

use crate::attribute::{Attribution, Database, Direction, Home};
use crate::decode::{Header, Transport, flags};
use crate::dispatch::batch::{Batch, Item, Seal, bits};
use crate::dispatch::{Entries, LANES, quoted};
use crate::indicators::Indicators;
use crate::keyed::Keyed;
use crate::tally::{Tally, TrafficTally};

use super::conversation::{Arrival, Coming, Conversations, Going, Seen, Step, is_opening};
use super::ics::Lookup;
use super::keep::Keep;
use super::packet::Packet;
use super::{DetectorMemories, DetectorTallies, SliceEnd};

/// The memory of the lanes of one worker.
pub struct Lanes {
    /// By lane: its place among the worker's.
    places: [u8; LANES],
    conversations: Conversations,
    detectors: DetectorMemories,
}

/// What one worker hands over at a slice's end.
#[derive(Default)]
pub struct SliceTally {
    pub detectors: DetectorTallies,
    /// The window's traffic, where a window ends with the slice; else empty.
    pub traffic: Box<TrafficTally>,
    /// Conversations that made room before their time.
    pub evicted: u64,
}

/// When the packets of a batch came: a batch never spans two slices.
#[derive(Clone, Copy)]
pub struct Moment {
    pub now_s: u32,
    /// When the window begins, in seconds.
    pub window_start_s: u32,
}

impl Moment {
    pub fn of(batch: &Batch, shared: &Shared) -> Self {
        Moment { now_s: batch.slice_s, window_start_s: batch.slice_s - batch.slice_s % shared.window_s }
    }
}

/// What all lanes share and none changes.
#[derive(Clone)]
pub struct Shared {
    pub keyed: Keyed,
    pub database: Arc<Database>,
    pub lookup: Arc<Lookup>,
    pub indicators: Arc<Indicators>,
    /// Home addresses that nobody uses, if any are named.
    pub dark: Option<Arc<Home>>,
    /// The points of entry that have names, if any.
    pub entries: Option<Arc<Entries>>,
    /// What is kept of payload.
    pub keep: Keep,
    /// Seconds of a window.
    pub window_s: u32,
}

#[cfg(test)]
impl Shared {
    /// What a replay without any options has.
    pub(super) fn for_tests() -> Self {
        Shared {
            keyed: Keyed::fixed(),
            database: Arc::new(Database::embedded()),
            lookup: Arc::new(Lookup::new()),
            indicators: Arc::new(Indicators::none()),
            dark: None,
            entries: None,
            keep: Keep::default(),
            window_s: 60,
        }
    }
}

impl Lanes {
    /// For the lanes of these numbers.
    pub fn new(numbers: &[u8], shared: &Shared) -> Self {
        let mut places = [0; LANES];
        for (place, &number) in numbers.iter().enumerate() {
            places[usize::from(number) % LANES] = place as u8;
        }
        Lanes { places, conversations: Conversations::new(numbers.len()), detectors: DetectorMemories::new(numbers, shared) }
    }

    #[inline]
    fn place(&self, lane: u8) -> usize {
        usize::from(self.places[usize::from(lane) % LANES])
    }

    /// Brings an item's conversation into the cache, and what leads to the country of whoever opens one.
    #[inline(always)]
    pub fn touch(&self, item: &Item, shared: &Shared) {
        let lane = self.place(item.lane);
        self.conversations.touch(lane, item);
        let is_syn = item.tcp_flags() & (flags::SYN | flags::ACK) == flags::SYN;
        // No branch: it would be guessed wrong.
        shared.database.table.touch_first(item.source_v4() * u32::from(is_syn));
        self.detectors.scan.touch_first(lane, is_syn, item.target_low, item.target_port());
    }

    /// Brings what an item of a batch needs besides into the cache; its conversation is there already.
    #[inline(always)]
    pub fn touch_more(&self, batch: &Batch, item: &Item, shared: &Shared) {
        let lane = self.place(item.lane);
        batch.touch_payload(item);
        let Coming { opening, outcome, by_opener, reader, tag } = self.conversations.foresee(lane, item);
        if tag != 0
            && let Some(memory) = self.detectors.ics.get(lane)
        {
            memory.touch(tag);
        }
        if reader != 0 {
            self.detectors.payload.touch(lane, reader);
        }
        if opening && let Some((source, target)) = item.v4() {
            self.detectors.scan.touch(lane, item, target);
            shared.database.table.touch(source);
        } else if outcome && by_opener {
            self.detectors.scan.touch_source(lane, item.source_hash);
        } else if outcome && let Some((_, target)) = item.v4() {
            self.detectors.scan.touch_source(lane, shared.keyed.addr(target));
        }
    }

    /// Shows a packet of a batch to every detector.
    #[inline(always)]
    pub fn observe(
        &mut self,
        shared: &Shared,
        tally: &mut SliceTally,
        traffic: &mut TrafficTally,
        batch: &Batch,
        item: &Item,
        moment: Moment,
    ) {
        let lane = self.place(item.lane);
        // The way of nearly all packets: no detector looks at one without payload in a conversation that goes on.
        if let Some(going) = self.conversations.ongoing(lane, item, moment) {
            let source_home = item.bits & bits::SOURCE_HOME != 0;
            let direction = Direction::of(source_home, item.bits & bits::TARGET_HOME != 0);
            let (country, proved) = (going.source_country(), going.source_proved());
            let attribution = match country.is_some() {
                true if proved => Attribution::Proved,
                true => Attribution::Plausible,
                false => Attribution::of(batch.header(item).source, source_home, country, proved),
            };
            traffic.add(direction, country, attribution, item.wire_bytes);
            if self.is_wanted(lane, item, &going, direction) {
                let header = &batch.header(item);
                let target_hash = shared.keyed.addr(header.target);
                let packet = packet(batch, item, header, target_hash, moment, going.seen(), attribution);
                self.detectors.goes_on(lane, &mut tally.detectors, &mut self.conversations, &packet);
            }
        } else if !(is_opening(item) && self.opens(lane, shared, tally, traffic, batch, item, moment)) {
            self.look(lane, shared, tally, traffic, batch, item, moment);
        }
    }

    /// Whether anybody looks at a packet of a conversation that goes on: at what it carries, or at how one side ends.
    #[inline(always)]
    fn is_wanted(&self, lane: usize, item: &Item, going: &Going, direction: Direction) -> bool {
        if item.payload_bytes == 0 && !going.ends {
            return false;
        }
        let wanted = match item.payload_bytes {
            0 => self.conversations.is_read(going.place()),
            _ => !self.conversations.is_unwanted(going.place()),
        };
        // How long calls from home last is of interest, whoever reads them.
        wanted || going.ends && direction == Direction::Outbound || self.detectors.payload.hears_all(lane)
    }

    /// A bare SYN, if it opens a conversation. Under attack most packets do, each one another, so their way is made for them: nothing is asked that
    /// such a packet answers by being one. What it leads to is what [`Lanes::look`] would.
    #[inline(never)]
    #[allow(clippy::too_many_arguments)]
    fn opens(
        &mut self,
        lane: usize,
        shared: &Shared,
        tally: &mut SliceTally,
        traffic: &mut TrafficTally,
        batch: &Batch,
        item: &Item,
        moment: Moment,
    ) -> bool {
        // Whoever follows conversations over their ends wants to hear of it.
        if self.detectors.payload.hears_all(lane) {
            return false;
        }
        // Its transport is known where the compiler sees that it is.
        let header = &Header { transport: Transport::Tcp, ..Batch::plain_header(item) };
        let table = &shared.database.table;
        let countries = || (table.country_of_v4(item.source_v4()), table.country_of_v4(item.target_v4()));
        let Some(seen) = self.conversations.open(lane, item, moment.now_s, countries) else { return false };
        let source_home = item.bits & bits::SOURCE_HOME != 0;
        let direction = Direction::of(source_home, item.bits & bits::TARGET_HOME != 0);
        let attribution = Attribution::of(header.source, source_home, seen.source_country, false);
        let target_hash = shared.keyed.addr(header.target);
        traffic.add_conversation(direction, seen.source_country, attribution, item.wire_bytes, (item.source_hash, target_hash));
        let packet = &Packet { payload: &[], ..packet(batch, item, header, target_hash, moment, seen, attribution) };
        self.detectors.opens(lane, &mut tally.detectors, packet);
        if packet.first.get()
            && let Some(place) = seen.place()
        {
            self.conversations.mark_first_contact(place);
        }
        true
    }

    /// A packet that changes its conversation, or begins one.
    #[inline(never)]
    #[allow(clippy::too_many_arguments)]
    fn look(
        &mut self,
        lane: usize,
        shared: &Shared,
        tally: &mut SliceTally,
        traffic: &mut TrafficTally,
        batch: &Batch,
        item: &Item,
        moment: Moment,
    ) {
        let header = &batch.header(item);
        let payload = if header.payload_bytes == 0 { &[][..] } else { batch.payload(item) };
        let source_home = item.bits & bits::SOURCE_HOME != 0;
        let target_home = item.bits & bits::TARGET_HOME != 0;
        let is_quoted = header.transport == Transport::Icmp && quoted(header, payload).is_some();
        let arrival = Arrival {
            header,
            conversation: item.conversation,
            source_low: item.bits & bits::SOURCE_LOW != 0,
            now_s: moment.now_s,
            window_start_s: moment.window_start_s,
            first_byte: payload.first().copied().unwrap_or_default(),
            quoted: is_quoted,
        };
        let table = &shared.database.table;
        let seen = self.conversations.observe(lane, &arrival, || (table.country_of(header.source), table.country_of(header.target)));
        let seen = if is_quoted { seen.with_countries(table.country_of(header.source), table.country_of(header.target)) } else { seen };
        let source_attribution = Attribution::of(header.source, source_home, seen.source_country, seen.source_proved());
        let direction = Direction::of(source_home, target_home);
        let target_hash = shared.keyed.addr(header.target);
        if seen.new_in_window() {
            let ends = (item.source_hash, target_hash);
            traffic.add_conversation(direction, seen.source_country, source_attribution, item.wire_bytes, ends);
        } else {
            traffic.add(direction, seen.source_country, source_attribution, item.wire_bytes);
        }
        let goes_on = seen.step == Step::Ongoing && !seen.first_payload() && header.transport != Transport::Icmp;
        if goes_on && header.payload_bytes == 0 {
            return;
        }
        let packet = packet(batch, item, header, target_hash, moment, seen, source_attribution);
        match goes_on {
            true => self.detectors.goes_on(lane, &mut tally.detectors, &mut self.conversations, &packet),
            false => self.detectors.turns(lane, &mut tally.detectors, &mut self.conversations, &packet),
        }
    }

    /// The slice ends.
    pub fn seal(&mut self, tally: &mut SliceTally, seal: Seal) {
        let mut end = SliceEnd { conversations: &mut self.conversations, now_s: seal.slice, last: seal.last };
        self.detectors.seal(&mut tally.detectors, &mut end);
        tally.evicted += std::mem::take(&mut self.conversations.evicted);
    }
}

/// A packet as the detectors see it.
#[inline(always)]
fn packet<'a>(
    batch: &'a Batch,
    item: &Item,
    header: &'a Header,
    target_hash: u64,
    moment: Moment,
    seen: Seen,
    source_attribution: Attribution,
) -> Packet<'a> {
    Packet {
        header,
        payload: batch.payload(item),
        time_ns: batch.time_ns(item),
        now_s: moment.now_s,
        wire_bytes: item.wire_bytes,
        conversation: item.conversation,
        source_hash: item.source_hash,
        target_hash,
        source_low: item.bits & bits::SOURCE_LOW != 0,
        direction: Direction::of(item.bits & bits::SOURCE_HOME != 0, item.bits & bits::TARGET_HOME != 0),
        seen,
        source_attribution,
        entry: item.entry,
        flooded: Cell::new(false),
        first: Cell::new(false),
        contacts: Cell::new(0),
    }
}

impl SliceTally {
    /// Takes over what another worker has handed over.
    pub fn append(&mut self, other: &mut Self) {
        self.detectors.append(&mut other.detectors);
        self.traffic.merge(&other.traffic);
        self.evicted += other.evicted;
    }

    /// Gives back the longest lists, which are not copied; of several workers the last one's first.
    pub fn give_back(&mut self, other: &mut Self) {
        self.detectors.give_back(&mut other.detectors);
    }

    /// Back to nothing, with its room.
    pub fn clear(&mut self) {
        self.detectors.clear();
        self.traffic.clear();
        self.evicted = 0;
    }
}
