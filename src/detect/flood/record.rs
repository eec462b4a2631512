//! What a lane hands over of the packets that floods are made of: each one as it was, up to a bound, and exact sums beyond it.
//!
//! One flood's packets come through many lanes, so only the reporter sees a flood; a lane sees packets. It hands them over as small records.
//! What exceeds a lane's bound in one slice is added up by victim, method and country: totals stay exact, and only what is known of single
//! sources becomes a sample.

use crate::addr::Addr;
use crate::attribute::{Attribution, Country, Direction};
use crate::decode::{Header, Transport};
use crate::detect::packet::Packet;
use crate::huge;
use crate::keyed::Keyed;
use crate::tally::Later;

use super::method::{Act, Method, classify};
use super::reflector::{ANSWER_BYTES_MIN, REFLECTORS, reflector};

/// Records of one lane in one slice: 64 lanes hand over at most 131,072, which is 8 MiB. With half as many 330,000 packets a second with a
/// third of attacks took 2 % more time, for a sum of two or three packets costs more than their records.
const RECORDS_MAX: usize = 2048;

/// Sums of one lane in one slice beyond its records: victims times countries under flood at the same time in one lane.
const SUMS_MAX: usize = 1024;
const SUM_SLOTS: usize = 2048;

/// Successive packets of one victim in one lane whose source ports differ by less than this come from one counter. A lane sees every 64th
/// source, so a counter that adds 1 to 8 moves by some 64 to 512; by chance 512 of 65,536 do.
const SERIAL_STEP_MAX: u16 = 512;

/// One packet that a flood could be made of.
///
/// It is written past the caches: it is read when the slice is over, by whichever core concludes, and till then there is no room for it there.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Record {
    pub victim: Addr,
    pub source: Addr,
    pub time_ns: u64,
    /// Keyed hash of the source.
    pub source_hash: u64,
    pub bytes: u32,
    pub port: u16,
    pub method: Method,
    pub act: Act,
    pub ttl: u8,
    pub country: Country,
    pub attribution: Attribution,
    pub direction: Direction,
    pub entry: u8,
    /// See [`signs`].
    pub signs: u8,
}

const _: () = assert!(size_of::<Record>() == 64, "a record is a cache line");

/// Bits of [`Record::signs`].
pub mod signs {
    /// The payload bears the mark of the reflector protocol's answers.
    pub const MARKED: u8 = 0x01;
    /// The source port follows that of another source's packet.
    pub const SERIAL: u8 = 0x02;
}

impl Record {
    pub fn has(&self, sign: u8) -> bool {
        self.signs & sign != 0
    }
}

/// What the coarse pass needs of a record, four bytes of its own: most records are never looked at behind it.
#[derive(Clone, Copy, Debug)]
pub struct Glance {
    /// The victim's cell: the low bits of its keyed hash.
    pub cell: u16,
    /// By how much the packet makes a flood of it more likely: 1, 0, or -1 for what completed.
    pub weight: i8,
}

impl Glance {
    fn new(victim_hash: u64, act: Act) -> Self {
        let weight = match act {
            Act::Attack => 1,
            Act::Complete | Act::Answered => -1,
            Act::Again | Act::Disowned => 0,
        };
        Glance { cell: victim_hash as u16, weight }
    }
}

/// Packets beyond the records.
#[derive(Clone, Copy, Debug)]
pub struct Sum {
    pub victim: Addr,
    /// The victim's cell, as in [`Glance`].
    pub cell: u16,
    pub method: Method,
    pub country: Country,
    pub direction: Direction,
    /// The target port, 0 if there were several.
    pub port: u16,
    /// The number of the point of entry.
    pub entry: u8,
    pub packets: u32,
    pub complete: u32,
    pub again: u32,
    pub bytes: u64,
}

impl Sum {
    /// Of nothing.
    fn none() -> Self {
        Sum {
            victim: Addr::default(),
            cell: 0,
            method: Method::Syn,
            country: Country::NONE,
            direction: Direction::Inbound,
            port: 0,
            entry: 0,
            packets: 0,
            complete: 0,
            again: 0,
            bytes: 0,
        }
    }

    /// Whether the two add up.
    fn is_alike(&self, other: &Sum) -> bool {
        self.victim == other.victim && self.method == other.method && self.country == other.country && self.entry == other.entry
    }

    fn add(&mut self, other: &Sum) {
        self.port = if self.port == other.port { self.port } else { 0 };
        self.packets += other.packets;
        self.complete += other.complete;
        self.again += other.again;
        self.bytes += other.bytes;
    }
}

/// Records for which there is room from the start.
const ROOM: usize = 8192;

/// What one worker saw of a slice.
#[derive(Default)]
pub struct Part {
    /// One for each record.
    pub glances: Vec<Glance>,
    pub records: Vec<Record>,
    pub sums: Vec<Sum>,
}

/// What one worker hands over at a slice's end.
pub struct FloodTally {
    own: Part,
    /// Those of other workers, until they are given back.
    others: Vec<Part>,
    /// Packets that had no room even in the sums.
    pub evicted: u64,
}

impl Default for FloodTally {
    fn default() -> Self {
        let own = Part { glances: Vec::with_capacity(ROOM), records: Vec::with_capacity(ROOM), sums: Vec::with_capacity(SUMS_MAX) };
        FloodTally { own, others: Vec::new(), evicted: 0 }
    }
}

impl FloodTally {
    pub fn clear(&mut self) {
        self.own.glances.clear();
        self.own.records.clear();
        self.own.sums.clear();
        self.evicted = 0;
    }

    /// Takes over what another worker has, until [`FloodTally::give_back`].
    pub fn append(&mut self, other: &mut Self) {
        self.others.push(std::mem::take(&mut other.own));
        self.evicted += other.evicted;
    }

    /// Gives it back, the last one first.
    pub fn give_back(&mut self, other: &mut Self) {
        other.own = self.others.pop().unwrap_or_default();
    }

    /// What each worker saw.
    pub fn parts(&self) -> impl Iterator<Item = &Part> {
        std::iter::once(&self.own).chain(&self.others)
    }

    /// By number, in the order of [`FloodTally::parts`].
    pub fn part(&self, number: usize) -> Option<&Part> {
        number.checked_sub(1).map_or(Some(&self.own), |other| self.others.get(other))
    }

    pub fn is_empty(&self) -> bool {
        self.parts().all(|part| part.records.is_empty() && part.sums.is_empty())
    }
}

/// Packets beyond the records that are added up a little later, when the sums that they belong to have come into the cache: a sum is looked
/// up half way, and added to at the end.
const PENDING: usize = 16;

/// The memory of a worker's lanes: how much each has handed over in this slice, and what is beyond.
pub struct FloodMemory {
    keyed: Keyed,
    lanes: Vec<LaneState>,
    pending: Later<Pending, PENDING>,
}

struct LaneState {
    records: usize,
    sums: Vec<Sum>,
    /// Place in `sums` plus one, by hash.
    slots: Box<[u16; SUM_SLOTS]>,
    last: Last,
}

#[derive(Default, Clone, Copy)]
struct Last {
    victim: Addr,
    source: Addr,
    source_port: u16,
}

/// A packet to be added up.
#[derive(Clone, Copy)]
struct Pending {
    lane: usize,
    /// The slot where its sum is looked for.
    slot: usize,
    /// A sum of this packet alone.
    sum: Sum,
}

impl LaneState {
    fn new() -> Self {
        LaneState { records: 0, sums: Vec::with_capacity(SUMS_MAX), slots: Box::new([0; SUM_SLOTS]), last: Last::default() }
    }

    /// Whether the packet goes on from the last attack in this lane as a tool does that counts its ports up: at the same victim, from
    /// another source. It is the last one now.
    #[inline(always)]
    fn is_serial(&mut self, header: &Header) -> bool {
        let last =
            std::mem::replace(&mut self.last, Last { victim: header.target, source: header.source, source_port: header.source_port });
        last.victim == header.target
            && last.source != header.source
            && (1..SERIAL_STEP_MAX).contains(&header.source_port.wrapping_sub(last.source_port))
    }

    /// Brings the sum in a slot into the cache.
    fn touch_sum(&self, slot: usize) {
        if let Some(sum) = self.sums.get(usize::from(self.slots[slot]).wrapping_sub(1)) {
            huge::prefetch(sum);
        }
    }

    /// Adds a packet up. Whether there was room for it.
    fn add(&mut self, mut slot: usize, packet: &Sum) -> bool {
        loop {
            match self.slots[slot] {
                0 if self.sums.len() == SUMS_MAX => return false,
                0 => {
                    self.sums.push(*packet);
                    self.slots[slot] = self.sums.len() as u16;
                    return true;
                }
                taken => {
                    let sum = &mut self.sums[usize::from(taken) - 1];
                    if sum.is_alike(packet) {
                        sum.add(packet);
                        return true;
                    }
                    slot = (slot + 1) & (SUM_SLOTS - 1);
                }
            }
        }
    }
}

/// Whom a packet is about: the victim of the flood that it is part of, or speaks against.
struct About {
    victim: Addr,
    source: Addr,
    victim_hash: u64,
    source_hash: u64,
    /// The victim's.
    port: u16,
    /// From the source's point of view.
    direction: Direction,
}

impl About {
    #[inline(always)]
    fn receiver(packet: &Packet<'_>) -> Self {
        About {
            victim: packet.header.target,
            source: packet.header.source,
            victim_hash: packet.target_hash,
            source_hash: packet.source_hash,
            port: packet.header.target_port,
            direction: packet.direction,
        }
    }

    /// Of an answer: whom the question was sent to.
    #[inline(always)]
    fn sender(packet: &Packet<'_>) -> Self {
        About {
            victim: packet.header.source,
            source: packet.header.target,
            victim_hash: packet.source_hash,
            source_hash: packet.target_hash,
            port: packet.header.source_port,
            direction: packet.direction.reversed(),
        }
    }
}

impl FloodMemory {
    /// For so many lanes.
    pub fn new(lanes: usize, keyed: Keyed) -> Self {
        let lanes = (0..lanes).map(|_| LaneState::new()).collect();
        FloodMemory { keyed, lanes, pending: Later::new(Pending { lane: 0, slot: 0, sum: Sum::none() }) }
    }

    /// Takes note of a packet, if floods can be made of such. Returns whether it is an answer that amplifies, behind which more may come.
    #[inline]
    pub fn observe(&mut self, lane: usize, tally: &mut FloodTally, packet: &Packet<'_>) -> bool {
        let Some((method, act)) = classify(packet) else { return false };
        let reverse = matches!(act, Act::Complete | Act::Disowned) && !packet.seen.by_opener();
        if reverse {
            return false;
        }
        let reflects = act == Act::Answered && self.goes_on(lane, tally, packet);
        let marked = match method {
            Method::Reflection(index) => REFLECTORS.get(usize::from(index)).is_some_and(|reflector| (reflector.marked)(packet.payload)),
            _ => false,
        };
        let about = if act == Act::Answered { About::sender(packet) } else { About::receiver(packet) };
        self.keep(lane, tally, packet, &about, (method, act), u8::from(marked) * signs::MARKED);
        reflects
    }

    /// Takes note of a bare SYN that opens a conversation, as [`FloodMemory::observe`] does.
    #[inline(always)]
    pub fn opens(&mut self, lane: usize, tally: &mut FloodTally, packet: &Packet<'_>) {
        self.keep(lane, tally, packet, &About::receiver(packet), (Method::Syn, Act::Attack), 0);
    }

    /// Keeps a record of a packet while there is room for one, and adds it up beyond.
    #[inline(always)]
    fn keep(
        &mut self,
        lane: usize,
        tally: &mut FloodTally,
        packet: &Packet<'_>,
        about: &About,
        (method, act): (Method, Act),
        known_signs: u8,
    ) {
        let header = packet.header;
        let state = &mut self.lanes[lane];
        if state.records < RECORDS_MAX {
            state.records += 1;
            let serial = act == Act::Attack && state.is_serial(header);
            tally.own.glances.push(Glance::new(about.victim_hash, act));
            huge::push_record_past_caches(
                &mut tally.own.records,
                Record {
                    victim: about.victim,
                    source: about.source,
                    time_ns: packet.time_ns,
                    source_hash: about.source_hash,
                    bytes: packet.wire_bytes,
                    port: about.port,
                    method,
                    act,
                    ttl: header.ttl,
                    country: packet.seen.source_country,
                    attribution: packet.source_attribution,
                    direction: about.direction,
                    entry: packet.entry,
                    signs: known_signs | (u8::from(serial) * signs::SERIAL),
                },
            );
        } else {
            let sum = Sum {
                victim: about.victim,
                cell: about.victim_hash as u16,
                method,
                country: packet.seen.source_country,
                direction: about.direction,
                port: about.port,
                entry: packet.entry,
                packets: u32::from(act == Act::Attack),
                complete: u32::from(matches!(act, Act::Complete | Act::Answered)),
                again: u32::from(act == Act::Again),
                bytes: u64::from(packet.wire_bytes),
            };
            self.defer(lane, tally, sum);
        }
    }

    /// Takes note of a datagram in a conversation that goes on: of a large answer, if it amplifies. Returns whether it does. What abroad
    /// answers, home asked for itself.
    #[inline]
    pub fn goes_on(&mut self, lane: usize, tally: &mut FloodTally, packet: &Packet<'_>) -> bool {
        packet.header.transport == Transport::Udp
            && packet.wire_bytes >= ANSWER_BYTES_MIN
            && !packet.seen.by_opener()
            && packet.direction != Direction::Inbound
            && self.reflected(lane, tally, packet)
    }

    /// Takes note of a large answer to a question that was seen, if it is one that amplification is made of: whoever asked under the victim's
    /// address made a reflector of its sender.
    #[inline(never)]
    fn reflected(&mut self, lane: usize, tally: &mut FloodTally, packet: &Packet<'_>) -> bool {
        let header = packet.header;
        let Some(index) = reflector(header.source_port) else { return false };
        if !REFLECTORS.get(usize::from(index)).is_some_and(|reflector| reflector.amplifies(packet.payload, header.payload_claimed)) {
            return false;
        }
        self.keep(lane, tally, packet, &About::receiver(packet), (Method::Reflection(index), Act::Attack), signs::MARKED);
        true
    }

    // Here, not elsewhere: the sum is made where it waits.
    #[inline(always)]
    fn defer(&mut self, lane: usize, tally: &mut FloodTally, sum: Sum) {
        let hash = self.keyed.words(sum.victim.0, u64::from(sum.entry) << 32 | (sum.country.index() as u64) << 16 | sum.method.code());
        let slot = hash as usize & (SUM_SLOTS - 1);
        huge::prefetch(&self.lanes[lane].slots[slot]);
        let half_way = self.pending.half_way();
        self.lanes[half_way.lane].touch_sum(half_way.slot);
        if let Some(due) = self.pending.push(Pending { lane, slot, sum }) {
            self.settle(tally, &due);
        }
    }

    /// Adds what was put off.
    #[inline(never)]
    fn settle(&mut self, tally: &mut FloodTally, due: &Pending) {
        tally.evicted += u64::from(!self.lanes[due.lane].add(due.slot, &due.sum));
    }

    /// The slice ends: the sums go to the worker's tally.
    pub fn seal(&mut self, tally: &mut FloodTally) {
        while let Some(due) = self.pending.pop() {
            self.settle(tally, &due);
        }
        for state in &mut self.lanes {
            state.records = 0;
            if !state.sums.is_empty() {
                tally.own.sums.append(&mut state.sums);
                state.slots.fill(0);
            }
        }
    }
}

const _: () = assert!(SUMS_MAX < SUM_SLOTS && SUM_SLOTS.is_power_of_two());
