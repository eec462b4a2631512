//! A lane's memory of who contacted what: first contacts and their outcomes, per source, until a source is worth the reporter's time.
//!
//! Most sources are clients: their contacts succeed, and they never leave the lane. A source with a few failed first contacts is handed
//! over, with those contacts and all that follow.

use crate::addr::Addr;
use crate::attribute::{Attribution, Country, Direction};
use crate::decode::Transport;
use crate::detect::conversation::Step;
use crate::detect::packet::Packet;
use crate::dispatch::site;
use crate::keyed::Keyed;

use super::method::{Method, marks_of, method};

/// First contacts remembered per lane: half a million in all lanes, 8 bytes each.
const CONTACTS: usize = 8192;
const CONTACT_WAYS: usize = 4;
/// Sources remembered per lane: 131,072 in all.
const SOURCES: usize = 2048;
const SOURCE_WAYS: usize = 4;
/// Contacts kept of a source before it is handed over.
const KEPT: usize = 3;
/// Records of one lane in one slice; what exceeds them is counted per source.
const RECORDS_MAX: usize = 1024;
/// Cells for (target, port) pairs under many first SYNs, per lane.
const HOT_CELLS: usize = 1024;
/// First SYNs of new sources towards one (target, port) in one lane and slice from which on they are a flood's and no scanner's: 64 lanes
/// times 32 are 2,048 a second.
const HOT_MIN: u16 = 32;

/// What a record tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outcome {
    /// A first contact. Failed, unless something else follows.
    Contact,
    /// A first contact whose silence means little: a datagram that asks nothing known.
    SoftContact,
    /// It was answered.
    Success,
    /// It was refused.
    Refused,
    /// The source reset what it had been granted.
    Aborted,
    /// Contacts beyond the lane's bound, without targets.
    Beyond,
}

/// One thing that happened to one source's contact.
#[derive(Clone, Copy, Debug)]
pub struct Record {
    /// The source, or its /64.
    pub site: Addr,
    /// The very address.
    pub source: Addr,
    pub target: Addr,
    pub time_ns: u64,
    /// Packets and bytes of the source's contacts since its last record.
    pub packets: u32,
    pub bytes: u32,
    /// How many contacts: 1 but for [`Outcome::Beyond`].
    pub count: u32,
    pub seq: u32,
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
    /// By lane: within one, in the order of the packets.
    pub records: Vec<(u8, Record)>,
}

impl ScanTally {
    pub fn clear(&mut self) {
        self.records.clear();
    }

    pub fn append(&mut self, other: &mut Self) {
        self.records.append(&mut other.records);
    }
}

#[derive(Clone, Copy, Default)]
struct ContactBucket {
    marks: [u32; CONTACT_WAYS],
    last_s: [u32; CONTACT_WAYS],
}

#[derive(Clone, Copy)]
struct Entry {
    site: Addr,
    contacts: u32,
    successes: u32,
    last_s: u32,
    packets: u32,
    bytes: u32,
    /// Contacts beyond the lane's bound in this slice.
    beyond: u32,
    handed_over: bool,
    kept: u8,
    /// The contacts before it was handed over.
    records: [Option<Record>; KEPT],
}

/// A lane's memory.
pub struct ScanMemory {
    lane: u8,
    keyed: Keyed,
    contacts: Box<[ContactBucket]>,
    sources: Box<[Option<Entry>]>,
    hot: Box<[u16; HOT_CELLS]>,
    hot_before: Box<[u16; HOT_CELLS]>,
    hot_s: u32,
    records: usize,
    beyond: Vec<u16>,
}

impl ScanMemory {
    pub fn new(lane: u8, keyed: Keyed) -> Self {
        ScanMemory {
            lane,
            keyed,
            contacts: vec![ContactBucket::default(); CONTACTS / CONTACT_WAYS].into_boxed_slice(),
            sources: vec![None; SOURCES].into_boxed_slice(),
            hot: Box::new([0; HOT_CELLS]),
            hot_before: Box::new([0; HOT_CELLS]),
            hot_s: 0,
            records: 0,
            beyond: Vec::with_capacity(SOURCES),
        }
    }

    /// Takes note of a packet. Returns whether it is its opener's first contact with the service, which the conversation remembers.
    #[inline]
    pub fn observe(&mut self, tally: &mut ScanTally, packet: &Packet<'_>) -> bool {
        match packet.seen.step {
            Step::Syn | Step::Stray | Step::First => return self.contact(tally, packet),
            Step::SynAck | Step::Answer | Step::CompletedUnseen | Step::Resumed if packet.seen.first_contact => {
                // An echo request without a payload is a tool's: whoever answers makes it no conversation.
                let tool_ping = packet.header.transport == Transport::Icmp && packet.header.payload_claimed == 0;
                if !tool_ping {
                    self.outcome(tally, packet, Outcome::Success);
                }
            }
            Step::Refused if packet.seen.first_contact => self.outcome(tally, packet, Outcome::Refused),
            Step::Aborted if packet.seen.first_contact => self.outcome(tally, packet, Outcome::Aborted),
            Step::Completed if packet.seen.first_contact => self.outcome(tally, packet, Outcome::Success),
            Step::SynAgain | Step::More => self.more(packet),
            _ => {}
        }
        false
    }

    fn more(&mut self, packet: &Packet<'_>) {
        if let Some(entry) = self.find(site(packet.header.source)) {
            entry.packets = entry.packets.saturating_add(1);
            entry.bytes = entry.bytes.saturating_add(packet.wire_bytes);
        }
    }

    #[cold]
    fn contact(&mut self, tally: &mut ScanTally, packet: &Packet<'_>) -> bool {
        let header = packet.header;
        let Some(how) = method(header) else { return false };
        // Reflectors and flooded hosts answer from service ports to high ones: that touches no service.
        if packet.seen.step == Step::First && header.transport == Transport::Udp && header.source_port < 1024 && header.target_port >= 1024
        {
            return false;
        }
        let site = site(header.source);
        let narrow = u64::from(packet.called_port()) << 8 | header.transport as u64;
        let mark = self.keyed.pair(site, header.target, narrow);
        if self.known(mark, packet.now_s) {
            self.more(packet);
            return false;
        }
        let hot = header.transport == Transport::Tcp && self.is_hot(header.target, header.target_port, packet.now_s);
        if hot && self.find(site).is_none() {
            return true;
        }
        let soft = header.transport == Transport::Udp && header.payload_claimed > 0 && !is_probe(packet.payload);
        let record = Record {
            site,
            source: header.source,
            target: header.target,
            time_ns: packet.time_ns,
            packets: 0,
            bytes: 0,
            count: 1,
            seq: header.seq,
            port: packet.called_port(),
            source_port: header.source_port,
            transport: header.transport,
            method: how,
            outcome: if soft { Outcome::SoftContact } else { Outcome::Contact },
            tool: marks_of(header),
            ttl: header.ttl,
            country: packet.seen.source_country,
            direction: packet.direction,
            attribution: packet.source_attribution,
        };
        let lane = self.lane;
        let entry_at = self.entry(site, packet.now_s);
        let Some(entry) = self.sources.get_mut(entry_at).and_then(Option::as_mut) else { return true };
        entry.last_s = packet.now_s;
        entry.contacts = entry.contacts.saturating_add(1);
        entry.packets = entry.packets.saturating_add(1);
        entry.bytes = entry.bytes.saturating_add(packet.wire_bytes);
        // What other lanes know of a source that is not abroad is unknown here: it is always handed over.
        let suspicious = packet.direction != Direction::Inbound || entry.contacts.saturating_sub(entry.successes) > KEPT as u32;
        if !entry.handed_over && !suspicious {
            if let Some(place) = entry.records.get_mut(usize::from(entry.kept)) {
                *place = Some(Record { packets: std::mem::take(&mut entry.packets), bytes: std::mem::take(&mut entry.bytes), ..record });
                entry.kept += 1;
            }
            return true;
        }
        if !entry.handed_over {
            entry.handed_over = true;
            for kept in entry.records.iter_mut().filter_map(Option::take) {
                tally.records.push((lane, kept));
            }
        }
        if self.records < RECORDS_MAX {
            self.records += 1;
            let record = Record { packets: std::mem::take(&mut entry.packets), bytes: std::mem::take(&mut entry.bytes), ..record };
            tally.records.push((lane, record));
        } else {
            if entry.beyond == 0 {
                self.beyond.push(entry_at as u16);
            }
            entry.beyond += 1;
            entry.records[0] = Some(record);
        }
        true
    }

    #[cold]
    fn outcome(&mut self, tally: &mut ScanTally, packet: &Packet<'_>, outcome: Outcome) {
        let opener = packet.opener();
        let key = site(opener);
        let lane = self.lane;
        let within = self.records < RECORDS_MAX;
        let Some(entry) = self.find(key) else { return };
        // The third segment of a handshake only says that the address is proved: its success was counted at the SYN+ACK.
        let counted_before = packet.seen.step == Step::Completed;
        match outcome {
            Outcome::Success if !counted_before => entry.successes = entry.successes.saturating_add(1),
            Outcome::Aborted => entry.successes = entry.successes.saturating_sub(1),
            _ => {}
        }
        if !entry.handed_over {
            return;
        }
        if !within {
            return;
        }
        let record = Record {
            site: key,
            source: opener,
            target: packet.called(),
            time_ns: packet.time_ns,
            packets: std::mem::take(&mut entry.packets),
            bytes: std::mem::take(&mut entry.bytes),
            count: u32::from(!counted_before),
            seq: 0,
            port: packet.called_port(),
            source_port: packet.opener_port(),
            transport: packet.header.transport,
            method: Method::Other,
            outcome,
            tool: 0,
            ttl: packet.header.ttl,
            country: packet.opener_country(),
            direction: packet.opening_direction(),
            attribution: if packet.seen.by_opener { packet.source_attribution } else { Attribution::Plausible },
        };
        self.records += 1;
        tally.records.push((lane, record));
    }

    /// Whether this contact was made before; remembers it.
    fn known(&mut self, hash: u64, now_s: u32) -> bool {
        let bucket = &mut self.contacts[hash as usize & (CONTACTS / CONTACT_WAYS - 1)];
        let mark = (hash >> 32) as u32 | 1;
        if let Some(way) = bucket.marks.iter().position(|&m| m == mark) {
            bucket.last_s[way] = now_s;
            return true;
        }
        let way = (0..CONTACT_WAYS).min_by_key(|&way| (bucket.last_s[way], bucket.marks[way])).unwrap_or(0);
        (bucket.marks[way], bucket.last_s[way]) = (mark, now_s);
        false
    }

    fn set(&self, site: Addr) -> usize {
        (self.keyed.addr(site) as usize & (SOURCES / SOURCE_WAYS - 1)) * SOURCE_WAYS
    }

    fn find(&mut self, site: Addr) -> Option<&mut Entry> {
        let set = self.set(site);
        self.sources[set..set + SOURCE_WAYS].iter_mut().flatten().find(|entry| entry.site == site)
    }

    /// The place of a source's entry; makes room by contents: whoever succeeded somewhere first, then the fewest contacts, then the oldest.
    fn entry(&mut self, site: Addr, now_s: u32) -> usize {
        let set = self.set(site);
        let ways = &mut self.sources[set..set + SOURCE_WAYS];
        if let Some(way) = ways.iter().position(|way| way.as_ref().is_some_and(|entry| entry.site == site)) {
            return set + way;
        }
        let way = (0..SOURCE_WAYS)
            .min_by_key(|&way| {
                ways[way].as_ref().map(|entry| {
                    let failed = entry.contacts.saturating_sub(entry.successes);
                    (entry.beyond > 0, entry.successes == 0, failed, entry.last_s, entry.site)
                })
            })
            .unwrap_or(0);
        ways[way] = Some(Entry {
            site,
            contacts: 0,
            successes: 0,
            last_s: now_s,
            packets: 0,
            bytes: 0,
            beyond: 0,
            handed_over: false,
            kept: 0,
            records: [None; KEPT],
        });
        set + way
    }

    /// Whether many new sources send their first SYN to this service now, as in a flood.
    fn is_hot(&mut self, target: Addr, port: u16, now_s: u32) -> bool {
        if self.hot_s != now_s {
            std::mem::swap(&mut self.hot, &mut self.hot_before);
            self.hot.fill(0);
            if now_s.saturating_sub(self.hot_s) > 1 {
                self.hot_before.fill(0);
            }
            self.hot_s = now_s;
        }
        let cell = self.keyed.words(target.0, u64::from(port)) as usize & (HOT_CELLS - 1);
        self.hot[cell] = self.hot[cell].saturating_add(1);
        self.hot[cell].max(self.hot_before[cell]) > HOT_MIN
    }

    /// The slice ends: what was beyond the bound is handed over as numbers.
    pub fn seal(&mut self, tally: &mut ScanTally) {
        self.records = 0;
        for place in self.beyond.drain(..) {
            let Some(entry) = self.sources.get_mut(usize::from(place)).and_then(Option::as_mut) else { continue };
            let count = std::mem::take(&mut entry.beyond);
            if let Some(last) = entry.records[0].take() {
                let (packets, bytes) = (std::mem::take(&mut entry.packets), std::mem::take(&mut entry.bytes));
                tally.records.push((self.lane, Record { outcome: Outcome::Beyond, count, packets, bytes, ..last }));
            }
        }
    }
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

const _: () = assert!(SOURCES <= 1 << 16);
