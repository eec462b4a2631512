//! A lane's memory of who contacted what: first contacts and their outcomes, per source, until a source is worth the reporter's time.
//!
//! Most sources are clients: their contacts succeed, and they never leave the lane. A source with a few failed first contacts is handed
//! over, with those contacts and all that follow.

use std::sync::Arc;

use crate::addr::Addr;
use crate::attribute::{Attribution, Country, Direction, Home};
use crate::decode::{Header, Transport};
use crate::detect::conversation::Step;
use crate::detect::packet::Packet;
use crate::detect::ways::{least, way_of};
use crate::dispatch::batch::Item;
use crate::dispatch::site;
use crate::huge::{self, Table};
use crate::keyed::Keyed;
use crate::tally::ByLane;

use super::alone::Alone;
use super::method::{Method, marks_of, method};
use super::warm::{KNOWN_CONTACTS, Leaving, Warm};

/// First contacts remembered per lane: half a million in all lanes, 8 bytes each.
const CONTACTS: usize = 8192;
const CONTACT_WAYS: usize = 4;
/// Sources remembered per lane: 131,072 in all.
const SOURCES: usize = 2048;
const SOURCE_WAYS: usize = 4;
/// Contacts kept of a source before it is handed over.
const KEPT: usize = 3;
/// Answered contacts in which nobody said anything, from which on a source is handed over: well under the silent targets that make a
/// scan (`scan.silent_targets`, 25), and more than clients leave behind whose first words a mirror does not show.
const SILENT_MAX: u16 = 12;
/// Records of one lane in one slice; what exceeds them is counted per source.
const RECORDS_MAX: usize = 1024;
/// Cells for (target, port) pairs under many first SYNs, per lane.
const HOT_CELLS: usize = 1024;
/// First SYNs of new sources towards one (target, port) in one lane and slice from which on they are a flood's and no scanner's: 64 lanes
/// times 8 are 512 a second.
const HOT_MIN: u8 = 8;

/// ICMP over IPv4: echo request and its reply (RFC 792).
const ICMP_ECHO: u8 = 8;
const ICMP_ECHO_REPLY: u8 = 0;
/// Ports that traceroute sends to, one more with each probe: three for each of 30 hops by default, 255 hops at most (traceroute(8), after Van
/// Jacobson's of 1988).
const TRACE_PORTS: std::ops::Range<u16> = 33_434..33_434 + 3 * 255;
/// The same of tracepath (`BASE_PORT` in iputils' `tracepath.c`), which sends up to three for each hop as well.
const TRACEPATH_PORTS: std::ops::Range<u16> = 44_444..44_444 + 3 * 255;
/// Hops that it goes by default. Its probes arrive with what is left of so many; other packets begin at 64 or above, nmap's at 37.
const TRACE_TTL_MAX: u8 = 30;

/// What a record tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A first contact. Failed, unless something else follows.
    Contact,
    /// A first contact whose silence means little: a datagram that asks nothing known.
    SoftContact,
    /// It was answered.
    Success,
    /// The source said something in it: the connection was made for a purpose.
    Spoken,
    /// Whom it called did. A conversation in which both speak is one, and a mirror may show one side.
    Replied,
    /// It was refused.
    Refused,
    /// The source reset what it had been granted.
    Aborted,
    /// Contacts beyond the lane's bound, without targets.
    Beyond,
    /// Contacts from before the source was handed over, answered and silent, without targets: each with a service of its own.
    Earlier,
    /// A first contact that was not answered in time, of a source that is not handed over.
    Alone,
}

impl Outcome {
    /// Whether it tells of a contact that was told before.
    pub fn is_of_earlier(self) -> bool {
        matches!(self, Outcome::Success | Outcome::Spoken | Outcome::Replied | Outcome::Refused | Outcome::Aborted)
    }
}

/// One thing that happened to one source's contact.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// The very address; sources are told apart by [`site`].
    pub source: Addr,
    pub target: Addr,
    pub time_ns: u64,
    /// Packets and bytes of the source's contacts since its last record.
    pub packets: u32,
    pub bytes: u32,
    /// How many contacts: 1 but for [`Outcome::Beyond`] and [`Outcome::Earlier`].
    pub count: u32,
    pub seq: u32,
    pub ip_id: u16,
    pub port: u16,
    pub source_port: u16,
    pub transport: Transport,
    pub method: Method,
    pub outcome: Outcome,
    pub tool: u8,
    pub ttl: u8,
    pub country: Country,
    pub direction: Direction,
    /// How far the source's address can be trusted by this packet.
    pub attribution: Attribution,
}

/// What one worker hands over at a slice's end.
#[derive(Default)]
pub struct ScanTally {
    /// By lane: within one, in the order of the packets. A lane has one worker, so that lanes are put together, never mixed.
    pub records: ByLane<Record>,
}

impl ScanTally {
    pub fn clear(&mut self) {
        self.records.clear();
    }

    pub fn append(&mut self, other: &mut Self) {
        self.records.borrow_from(&mut other.records);
    }

    pub fn give_back(&mut self, other: &mut Self) {
        self.records.give_back(&mut other.records);
    }
}

#[derive(Clone, Copy, Default)]
#[repr(C, align(32))]
pub(crate) struct ContactBucket {
    marks: [u32; CONTACT_WAYS],
    last_s: [u32; CONTACT_WAYS],
}

#[derive(Clone, Copy, Default)]
struct Entry {
    last_s: u32,
    packets: u32,
    bytes: u32,
    /// First contacts, of which so many succeeded (by TCP: the source spoke), in so many of which whom it called spoke, of which so many TCP
    /// ones were answered. Only their differences matter, and those while they are small.
    contacts: u16,
    successes: u16,
    replied: u16,
    answered: u16,
    /// Contacts beyond the lane's bound in this slice.
    beyond: u16,
    /// Of the contacts, those that are kept.
    kept: u8,
    handed_over: bool,
}

impl Entry {
    /// Contacts that came to something: where both sides spoke it is one all the same.
    fn succeeded(&self) -> u16 {
        self.successes.max(self.replied)
    }

    /// Contacts that nobody answered.
    fn unanswered(&self) -> u16 {
        self.contacts.saturating_sub(self.succeeded().max(self.answered))
    }

    /// Contacts in which nobody said anything.
    fn silent(&self) -> u16 {
        self.contacts.saturating_sub(self.succeeded())
    }

    /// One contact more. The differences stay when the counts have grown out of their range.
    fn contact(&mut self) {
        if self.contacts == u16::MAX {
            let low = self.succeeded().min(self.answered);
            self.contacts -= low;
            self.successes = self.successes.saturating_sub(low);
            self.replied = self.replied.saturating_sub(low);
            self.answered -= low;
        }
        self.contacts = self.contacts.saturating_add(1);
    }
}

/// A contact of a source that is not handed over: what the record needs besides what the source's next packet brings again.
#[derive(Clone, Copy)]
pub(crate) struct Kept {
    pub(super) target: Addr,
    pub(super) time_ns: u64,
    pub(super) port: u16,
    source_port: u16,
    transport: Transport,
    method: Method,
    tool: u8,
    soft: bool,
    seq: u32,
    ip_id: u16,
}

impl Kept {
    /// The record, given another one of the same source.
    fn record(&self, other: &Record) -> Record {
        Record {
            target: self.target,
            time_ns: self.time_ns,
            packets: 1,
            bytes: 0,
            seq: self.seq,
            ip_id: self.ip_id,
            port: self.port,
            source_port: self.source_port,
            transport: self.transport,
            method: self.method,
            outcome: if self.soft { Outcome::SoftContact } else { Outcome::Contact },
            tool: self.tool,
            ..*other
        }
    }
}

#[cfg(test)]
impl Kept {
    /// A contact by TCP for tests.
    pub(super) fn of_test(target: Addr, port: u16, time_ns: u64) -> Self {
        let (transport, method) = (Transport::Tcp, Method::Syn);
        Kept { target, time_ns, port, source_port: 40_000, transport, method, tool: 0, soft: false, seq: 7, ip_id: 7 }
    }
}

impl Record {
    /// A first contact. What was counted of the source besides is still to be added.
    #[inline(always)]
    fn of_contact(packet: &Packet<'_>, method: Method, soft: bool) -> Self {
        let header = packet.header;
        Record {
            source: header.source,
            target: header.target,
            time_ns: packet.time_ns,
            packets: 0,
            bytes: 0,
            count: 1,
            seq: header.seq,
            ip_id: header.ip_id,
            port: packet.called_port(),
            source_port: header.source_port,
            transport: header.transport,
            method,
            outcome: if soft { Outcome::SoftContact } else { Outcome::Contact },
            tool: marks_of(header),
            ttl: header.ttl,
            country: packet.seen.source_country,
            direction: packet.direction,
            attribution: packet.source_attribution,
        }
    }
}

#[cfg(test)]
impl Record {
    /// A first contact by TCP for tests.
    pub(super) fn of_test(source: Addr, target: Addr) -> Self {
        Record {
            source,
            target,
            time_ns: 0,
            packets: 1,
            bytes: 60,
            count: 1,
            seq: 7,
            ip_id: 7,
            port: 23,
            source_port: 40_000,
            transport: Transport::Tcp,
            method: Method::Syn,
            outcome: Outcome::Contact,
            tool: 0,
            ttl: 50,
            country: Country::NONE,
            direction: Direction::Inbound,
            attribution: Attribution::Plausible,
        }
    }
}

const _: () = assert!(size_of::<SourceBucket>() == 128, "finding a source and what is known of it costs two cache lines");
const _: () = assert!(size_of::<Kept>() <= 48, "keeping one costs a cache line");

/// Four sources: what is needed to find one stands in one cache line, what is known of them in the two behind it.
#[derive(Clone, Copy, Default)]
#[repr(C, align(128))]
pub(crate) struct SourceBucket {
    /// Keyed hashes of the sources' sites; 0 is a free place.
    hashes: [u64; SOURCE_WAYS],
    entries: [Entry; SOURCE_WAYS],
}

#[cfg(test)]
impl SourceBucket {
    pub(crate) fn is_empty(&self) -> bool {
        self.hashes == [0; SOURCE_WAYS] && self.entries.iter().all(|entry| entry.contacts == 0 && !entry.handed_over)
    }
}

/// First SYNs of new sources towards one cell, in this slice and in the one before.
#[derive(Clone, Copy, Default)]
struct Heat {
    now: u8,
    before: u8,
}

impl Heat {
    #[inline(always)]
    fn is_hot(self) -> bool {
        self.now.max(self.before) > HOT_MIN
    }
}

/// What a lane has besides its parts of the tables.
struct LaneState {
    number: u8,
    hot_s: u32,
    records: usize,
    alone: Alone,
    /// Places with contacts beyond the bound, and the last of these.
    beyond: Vec<(u32, Record)>,
}

/// The memory of a worker's lanes. Each lane has its own part of each table.
pub struct ScanMemory {
    keyed: Keyed,
    /// Home addresses that nobody uses: whoever touches one is handed over at once.
    dark: Option<Arc<Home>>,
    contacts: Table<ContactBucket>,
    sources: Table<SourceBucket>,
    /// The contacts of sources that are not handed over yet.
    kept: Table<[Kept; KEPT]>,
    warm: Warm,
    /// By lane and service: how many first SYNs it gets.
    hot: Vec<Heat>,
    lanes: Vec<LaneState>,
}

/// The cell of a service, by the low bits of its host's hash.
#[inline]
fn hot_cell(lane: usize, target_low: u16, port: u16) -> usize {
    let service = usize::from(target_low.wrapping_add(port.wrapping_mul(PORT_STEP)));
    lane * HOT_CELLS + service % HOT_CELLS
}

/// Cells between a host's neighbouring ports: odd, so that each has another (digits of the golden ratio).
const PORT_STEP: u16 = 0x79b9;
const _: () = assert!(HOT_CELLS <= 1 << u16::BITS);

/// Contacts beyond the bound of sources that are told apart, per lane and slice.
const BEYOND_MAX: usize = 256;

impl ScanMemory {
    pub fn new(lanes: &[u8], keyed: Keyed, dark: Option<Arc<Home>>) -> Self {
        let state =
            |&number: &u8| LaneState { number, hot_s: 0, records: 0, alone: Alone::default(), beyond: Vec::with_capacity(BEYOND_MAX) };
        ScanMemory {
            warm: Warm::new(lanes.len(), keyed.clone()),
            keyed,
            dark,
            contacts: Table::new(lanes.len() * CONTACTS / CONTACT_WAYS),
            sources: Table::new(lanes.len() * SOURCES / SOURCE_WAYS),
            kept: Table::new(lanes.len() * SOURCES),
            hot: vec![Heat::default(); lanes.len() * HOT_CELLS],
            lanes: lanes.iter().map(state).collect(),
        }
    }

    /// Brings what [`ScanMemory::touch`] will read of a bare SYN's target into the cache; of any other packet, what is there already. No branch: it
    /// would be guessed wrong.
    #[inline]
    pub fn touch_first(&self, lane: usize, is_syn: bool, target_low: u16, target_port: u16) {
        if let Some(heat) = self.hot.get(hot_cell(lane, target_low, target_port) * usize::from(is_syn)) {
            huge::prefetch(heat);
        }
    }

    /// Brings a source into the cache before its turn.
    #[inline]
    pub fn touch_source(&self, lane: usize, source_hash: u64) {
        huge::prefetch_whole(&self.sources[self.source_bucket(lane, source_hash)]);
    }

    /// Brings what a first packet will need into the cache before its turn.
    #[inline]
    pub fn touch(&self, lane: usize, item: &Item, target: Addr) {
        let (transport, target_port) = (item.transport(), item.target_port());
        let bucket = &self.sources[self.source_bucket(lane, item.source_hash)];
        // Under a flood nothing is asked but whether the source is known.
        if transport == Transport::Tcp && self.hot[hot_cell(lane, item.target_low, target_port)].is_hot() {
            return huge::prefetch(bucket);
        }
        huge::prefetch_whole(bucket);
        let contact_hash = self.contact_hash(item.source_hash, self.keyed.addr(target) ^ transport as u64, target_port);
        huge::prefetch(&self.contacts[contact_bucket(lane, contact_hash)]);
        self.warm.touch(lane, item.source_hash);
    }

    /// Takes note of a packet. Returns whether it is its opener's first contact with the service, which the conversation remembers.
    #[inline]
    pub fn observe(&mut self, lane: usize, tally: &mut ScanTally, packet: &Packet<'_>) -> bool {
        match packet.seen.step {
            Step::Syn | Step::Stray | Step::First => return self.first_packet(lane, tally, packet),
            Step::SynAck | Step::Answer | Step::CompletedUnseen | Step::Resumed if packet.seen.first_contact() => {
                // An echo request without a payload is a tool's, and so are the other questions (RFC 792: timestamp, information; RFC 950:
                // address mask), which no system asks by itself: whoever answers makes it no conversation.
                let tool_ping = packet.header.transport == Transport::Icmp
                    && (packet.header.payload_claimed == 0
                        || packet.header.source.is_v4() && !matches!(packet.header.icmp_type, ICMP_ECHO | ICMP_ECHO_REPLY));
                if !tool_ping {
                    self.outcome(lane, tally, packet, Outcome::Success);
                }
            }
            Step::Refused if packet.seen.first_contact() => self.outcome(lane, tally, packet, Outcome::Refused),
            Step::Aborted if packet.seen.first_contact() => self.outcome(lane, tally, packet, Outcome::Aborted),
            Step::Completed if packet.seen.first_contact() => self.outcome(lane, tally, packet, Outcome::Success),
            Step::SynAgain | Step::More => self.more(lane, packet),
            _ => {}
        }
        if packet.seen.first_payload() && packet.seen.first_contact() && packet.header.transport == Transport::Tcp {
            self.outcome(lane, tally, packet, if packet.seen.by_opener() { Outcome::Spoken } else { Outcome::Replied });
        }
        false
    }

    /// Takes note of a bare SYN that opens a conversation, as [`ScanMemory::observe`] does.
    #[inline(always)]
    pub fn opens(&mut self, lane: usize, tally: &mut ScanTally, packet: &Packet<'_>) -> bool {
        self.contact(lane, tally, packet)
    }

    #[inline(never)]
    fn first_packet(&mut self, lane: usize, tally: &mut ScanTally, packet: &Packet<'_>) -> bool {
        self.contact(lane, tally, packet)
    }

    #[inline(always)]
    fn more(&mut self, lane: usize, packet: &Packet<'_>) {
        if let Some(place) = self.find(lane, self.site_hash(packet.header.source, packet.source_hash)) {
            let entry = self.entry_mut(place);
            entry.packets = entry.packets.saturating_add(1);
            entry.bytes = entry.bytes.saturating_add(packet.wire_bytes);
        }
    }

    /// Of a contact, by the hashes of its source's site and its target.
    #[inline]
    fn contact_hash(&self, site: u64, target: u64, port: u16) -> u64 {
        self.keyed.words(u128::from(site) << 64 | u128::from(target), port.into())
    }

    /// The hash of a site, given the hash of the very address.
    #[inline]
    fn site_hash(&self, addr: Addr, hash: u64) -> u64 {
        if addr.is_v4() { hash } else { self.keyed.addr(site(addr)) }
    }

    // In each of its two places: of a bare SYN most questions are answered before they are asked.
    #[inline(always)]
    fn contact(&mut self, lane: usize, tally: &mut ScanTally, packet: &Packet<'_>) -> bool {
        let header = packet.header;
        let Some(how) = method(header) else {
            // Answers touch nothing; what their sender has touched tells whether anybody asked for them.
            if let Some(place) = self.find(lane, self.site_hash(header.source, packet.source_hash)) {
                packet.contacts.set(self.entry_mut(place).contacts);
            }
            return false;
        };
        // Reflectors and flooded hosts answer from service ports to high ones: that touches no service.
        if packet.seen.step == Step::First && header.transport == Transport::Udp && header.source_port < 1024 && header.target_port >= 1024
        {
            return false;
        }
        // Whoever was called and goes on behind the end of its conversation touches nothing, nor does whoever looks for the way here.
        if packet.seen.step == Step::Stray && !packet.seen.by_opener() || traces(header) {
            return false;
        }
        let hash = self.site_hash(header.source, packet.source_hash);
        let place = self.find(lane, hash);
        // Under a flood most first packets are of sources that nobody will see again: those cost one look-up.
        if place.is_none() && header.transport == Transport::Tcp && self.is_hot(lane, packet.target_hash, header.target_port, packet.now_s)
        {
            packet.flooded.set(true);
            return true;
        }
        if self.known(lane, self.contact_hash(hash, packet.target_hash ^ header.transport as u64, packet.called_port()), packet.now_s) {
            self.more(lane, packet);
            return false;
        }
        let warm = if place.is_none() { self.warm.recall(lane, hash) } else { None };
        let place = place.unwrap_or_else(|| self.make_place(lane, hash, packet.now_s));
        huge::prefetch_write(&mut self.kept[place]);
        let dark = self.dark.as_ref().is_some_and(|dark| dark.contains(header.target));
        let entry = self.entry_mut(place);
        entry.last_s = packet.now_s;
        if warm.is_some() {
            entry.contacts = KNOWN_CONTACTS.into();
        }
        entry.contact();
        packet.contacts.set(entry.contacts);
        entry.packets = entry.packets.saturating_add(1);
        entry.bytes = entry.bytes.saturating_add(packet.wire_bytes);
        // What other lanes know of a source that is not abroad is unknown here: it is always handed over.
        let suspicious = dark || packet.direction != Direction::Inbound || entry.unanswered() > KEPT as u16 || entry.silent() > SILENT_MAX;
        let soft = header.transport == Transport::Udp && header.payload_claimed > 0 && !is_probe(packet.payload);
        if entry.handed_over {
            self.tell(lane, tally, place, packet, how, soft);
            return true;
        }
        let record = Record::of_contact(packet, how, soft);
        if !suspicious {
            let kept = usize::from(entry.kept);
            entry.kept = entry.kept.saturating_add(1);
            // Its packet is counted with it.
            entry.packets -= 1;
            if let Some(room) = self.kept[place].get_mut(kept) {
                *room = Kept {
                    target: record.target,
                    time_ns: record.time_ns,
                    port: record.port,
                    source_port: record.source_port,
                    transport: record.transport,
                    method: record.method,
                    tool: record.tool,
                    soft,
                    seq: record.seq,
                    ip_id: record.ip_id,
                };
            }
            self.lanes[lane].alone.wait(packet.now_s, hash, &Record { outcome: Outcome::Alone, packets: 1, ..record });
            return true;
        }
        entry.handed_over = true;
        let kept = usize::from(std::mem::take(&mut entry.kept)).min(KEPT);
        let known = if warm.is_some() { u32::from(KNOWN_CONTACTS) } else { 0 };
        let earlier = u32::from(entry.silent()).saturating_sub(kept as u32 + 1 + known);
        let number = self.lanes[lane].number;
        if let Some(warm) = warm.filter(|warm| warm.untold > 0) {
            let count = warm.untold.into();
            tally.records.push(number, Record { outcome: Outcome::Beyond, count, packets: count, time_ns: warm.first_ns, ..record });
        }
        for kept in &self.kept[place][..kept] {
            tally.records.push(number, kept.record(&record));
        }
        if earlier > 0 {
            tally.records.push(number, Record { outcome: Outcome::Earlier, count: earlier, ..record });
        }
        self.tell(lane, tally, place, packet, how, soft);
        true
    }

    /// Hands over a contact, if the lane may have one more record in this slice.
    // The record is made where it goes: one that is written in parts elsewhere and then copied waits until all of its parts have arrived.
    #[inline(always)]
    fn tell(&mut self, lane: usize, tally: &mut ScanTally, place: usize, packet: &Packet<'_>, how: Method, soft: bool) {
        let state = &mut self.lanes[lane];
        let within = state.records < RECORDS_MAX;
        state.records += 1;
        let entry = &mut self.sources[place / SOURCE_WAYS].entries[place % SOURCE_WAYS];
        if within {
            let (packets, bytes) = (std::mem::take(&mut entry.packets), std::mem::take(&mut entry.bytes));
            tally.records.push(state.number, Record { packets, bytes, ..Record::of_contact(packet, how, soft) });
        } else {
            if entry.beyond == 0 && state.beyond.len() < BEYOND_MAX {
                state.beyond.push((place as u32, Record::of_contact(packet, how, soft)));
            }
            entry.beyond = entry.beyond.saturating_add(1);
        }
    }

    fn outcome(&mut self, lane: usize, tally: &mut ScanTally, packet: &Packet<'_>, outcome: Outcome) {
        let opener = packet.opener();
        let hash = if packet.seen.by_opener() { packet.source_hash } else { packet.target_hash };
        let Some(place) = self.find(lane, self.site_hash(opener, hash)) else { return };
        let within = self.lanes[lane].records < RECORDS_MAX;
        let entry = self.entry_mut(place);
        packet.contacts.set(entry.contacts);
        // The third segment of a handshake only says that the address is proved: its success was counted at the SYN+ACK.
        let counted_before = packet.seen.step == Step::Completed;
        // Whoever only opens connections and says nothing is handed over too, so TCP succeeds for the lane once something is said.
        match outcome {
            Outcome::Success if !counted_before && packet.header.transport != Transport::Tcp => {
                entry.successes = entry.successes.saturating_add(1);
            }
            Outcome::Success if !counted_before => {
                entry.answered = entry.answered.saturating_add(1);
                // Of a client whose contacts are all answered none need be kept but the first, which says when it began.
                if entry.unanswered() == 0 {
                    entry.kept = entry.kept.min(1);
                }
            }
            Outcome::Spoken => entry.successes = entry.successes.saturating_add(1),
            Outcome::Replied => entry.replied = entry.replied.saturating_add(1),
            _ => {}
        }
        if matches!(outcome, Outcome::Success | Outcome::Spoken | Outcome::Replied) {
            self.lanes[lane].alone.served(packet.now_s, packet.header.transport, packet.called_port());
        }
        let entry = self.entry_mut(place);
        if !entry.handed_over || !within {
            return;
        }
        let record = Record {
            source: opener,
            target: packet.called(),
            time_ns: packet.time_ns,
            packets: std::mem::take(&mut entry.packets),
            bytes: std::mem::take(&mut entry.bytes),
            count: u32::from(!counted_before),
            seq: 0,
            ip_id: 0,
            port: packet.called_port(),
            source_port: packet.opener_port(),
            transport: packet.header.transport,
            method: Method::Other,
            outcome,
            tool: 0,
            ttl: packet.header.ttl,
            country: packet.opener_country(),
            direction: packet.opening_direction(),
            attribution: if packet.seen.by_opener() { packet.source_attribution } else { Attribution::Plausible },
        };
        let state = &mut self.lanes[lane];
        state.records += 1;
        tally.records.push(state.number, record);
    }

    /// Whether this contact was made before; remembers it.
    fn known(&mut self, lane: usize, hash: u64, now_s: u32) -> bool {
        let bucket = &mut self.contacts[contact_bucket(lane, hash)];
        let mark = (hash >> 32) as u32 | 1;
        if let Some(way) = way_of(&bucket.marks, mark) {
            bucket.last_s[way] = now_s;
            return true;
        }
        let way = least::<CONTACT_WAYS>(|way| u64::from(bucket.last_s[way]) << 32 | u64::from(bucket.marks[way]));
        (bucket.marks[way], bucket.last_s[way]) = (mark, now_s);
        false
    }

    fn source_bucket(&self, lane: usize, hash: u64) -> usize {
        const BUCKETS: usize = SOURCES / SOURCE_WAYS;
        lane * BUCKETS + (hash as usize & (BUCKETS - 1))
    }

    fn entry_mut(&mut self, place: usize) -> &mut Entry {
        &mut self.sources[place / SOURCE_WAYS].entries[place % SOURCE_WAYS]
    }

    /// The place of a source, if it is known.
    #[inline]
    fn find(&self, lane: usize, hash: u64) -> Option<usize> {
        let at = self.source_bucket(lane, hash);
        let way = way_of(&self.sources[at].hashes, hash | 1)?;
        Some(at * SOURCE_WAYS + way)
    }

    /// A place for a new source; makes room by contents: whoever succeeded somewhere first, then the fewest failures, then the oldest.
    fn make_place(&mut self, lane: usize, hash: u64, now_s: u32) -> usize {
        let at = self.source_bucket(lane, hash);
        let bucket = &mut self.sources[at];
        let worth = |way: usize| {
            let entry = &bucket.entries[way];
            let failed = entry.contacts.saturating_sub(entry.succeeded());
            (bucket.hashes[way] != 0, entry.beyond > 0, entry.succeeded() == 0, failed, entry.last_s, bucket.hashes[way])
        };
        let way = (0..SOURCE_WAYS).min_by_key(|&way| worth(way)).unwrap_or(0);
        let gone = &bucket.entries[way];
        if bucket.hashes[way] != 0 && gone.succeeded() == 0 {
            let kept = &self.kept[at * SOURCE_WAYS + way][..usize::from(gone.kept).min(KEPT)];
            let leaving = Leaving { hash: bucket.hashes[way], kept, handed_over: gone.handed_over, last_s: gone.last_s };
            self.warm.keep(lane, &leaving, now_s);
        }
        bucket.hashes[way] = hash | 1;
        bucket.entries[way] = Entry { last_s: now_s, ..Entry::default() };
        at * SOURCE_WAYS + way
    }

    /// Whether many new sources send their first SYN to this service now, as in a flood.
    fn is_hot(&mut self, lane: usize, target: u64, port: u16, now_s: u32) -> bool {
        let state = &mut self.lanes[lane];
        if state.hot_s != now_s {
            let gap = now_s.saturating_sub(state.hot_s) > 1;
            for heat in &mut self.hot[lane * HOT_CELLS..][..HOT_CELLS] {
                *heat = Heat { now: 0, before: if gap { 0 } else { heat.now } };
            }
            state.hot_s = now_s;
        }
        let heat = &mut self.hot[hot_cell(lane, target as u16, port)];
        heat.now = heat.now.saturating_add(1);
        heat.is_hot()
    }

    /// The contacts of a lane that waited for an answer and got none, of sources that are still there and alone.
    fn tell_alone(&mut self, lane: usize, now_s: u32, tally: &mut ScanTally) {
        while let Some((site, record)) = self.lanes[lane].alone.due(now_s) {
            let Some(place) = self.find(lane, site) else { continue };
            let entry = self.entry_mut(place);
            if !entry.handed_over && entry.succeeded() == 0 {
                tally.records.push(self.lanes[lane].number, record);
            }
        }
    }

    /// The slice ends: what was beyond the bound is handed over as numbers, and what waited in vain. Nothing comes after the largest second.
    pub fn seal(&mut self, tally: &mut ScanTally, now_s: u32) {
        for lane in 0..self.lanes.len() {
            self.tell_alone(lane, now_s, tally);
        }
        for state in &mut self.lanes {
            state.records = 0;
            for (place, last) in state.beyond.drain(..) {
                let place = place as usize;
                let entry = &mut self.sources[place / SOURCE_WAYS].entries[place % SOURCE_WAYS];
                let count = u32::from(std::mem::take(&mut entry.beyond));
                let (packets, bytes) = (std::mem::take(&mut entry.packets), std::mem::take(&mut entry.bytes));
                tally.records.push(state.number, Record { outcome: Outcome::Beyond, count, packets, bytes, ..last });
            }
        }
    }
}

/// Whether a datagram is traceroute's: it is to die on the way or to be refused, and asks for no service.
fn traces(header: &Header) -> bool {
    let port = header.target_port;
    header.transport == Transport::Udp && (TRACE_PORTS.contains(&port) || TRACEPATH_PORTS.contains(&port)) && header.ttl <= TRACE_TTL_MAX
}

fn contact_bucket(lane: usize, hash: u64) -> usize {
    const BUCKETS: usize = CONTACTS / CONTACT_WAYS;
    lane * BUCKETS + (hash as usize & (BUCKETS - 1))
}

/// Payloads that scanners send to find UDP services (zmap's and nmap's), whose silence therefore is a failure. The others are taken for a
/// conversation of their own kind.
fn is_probe(payload: &[u8]) -> bool {
    match payload {
        // DNS: one question, no answers; a status request or a version question.
        [_, _, flags, _, 0, 1, 0, 0, ..] if flags & 0x80 == 0 && payload.len() <= 80 => true,
        [_, _, 0x10, 0, 0, 0, ..] => true,
        // NTP: a client's question, or one of modes 6 and 7.
        [first, ..] if matches!(payload.len(), 8 | 12 | 48) && matches!(first & 7, 3 | 6 | 7) && first & 0x80 == 0 => true,
        // SNMP: a SEQUENCE with a version.
        [0x30, _, 2, 1, 0 | 1 | 3, ..] => true,
        _ => payload.starts_with(b"M-SEARCH") || payload.starts_with(b"OPTIONS sip:") || payload.iter().all(|&byte| byte == 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_conversation_makes_up_for_one_contact_whoever_speaks() {
        let mut entry = Entry::default();
        for host in 0..8 {
            entry.contact();
            if host % 2 == 0 {
                entry.answered += 1;
                entry.successes += 1;
                entry.replied += 1;
            }
        }
        assert_eq!((entry.unanswered(), entry.silent()), (4, 4));
        // A mirror of one direction shows what one side says.
        entry.successes = 0;
        assert_eq!((entry.unanswered(), entry.silent()), (4, 4));
    }
}
