//! Backscatter: answers to packets that home never sent, which show that somebody floods their sender under home's addresses.
//!
//! The source is a victim: its country belongs in no ranking of attackers. Types of packets and thresholds: CAIDA's RSDoS test (corsaro3)
//! and Moore and others, USENIX Security 2001; for homes smaller than a telescope the rate gate is replaced by distinct addresses.

use std::collections::BTreeMap;
use std::ops::Range;

use serde::Serialize;

use crate::addr::Addr;
use crate::attribute::{Attribution, Country, Direction};
use crate::conclude::{Conclusions, Counted, Detail, Event, EventId, RowKey, SLICE_NS, State};
use crate::decode::{Transport, flags};
use crate::dispatch::{Quote, quoted, site};
use crate::keyed::Keyed;
use crate::settings;

use super::conversation::Step;
use super::packet::Packet;

/// Senders of unasked answers remembered per lane.
const SENDERS: usize = 256;
const WAYS: usize = 4;
/// Answers from which on a lane hands a sender over.
const HAND_OVER_PACKETS: u32 = 5;
/// Senders that the reporter follows at a time.
const FOLLOWED_MAX: usize = 8192;
/// Seconds after which a lane forgets a silent sender, and the reporter one that never became backscatter.
const IDLE_S: u32 = 300;

/// Seconds after its first answer before which nothing is said of a sender: a real connection goes on within a round trip or two.
const SETTLE_S: u64 = 3;

/// Answers to names from which on a sender of those is judged, and up to which their spread is: where a mirror shows one direction, answers
/// that home asked for look the same. Forged questions come from all of home alike, so that three quarters of so many answers reach addresses
/// of their own; the answers to a thousand hosts that ask at random reach 451, to three hundred 259.
const NAMES_PACKETS: u64 = 600;

const ADDRESS_WORDS: usize = 4;
const PAIR_WORDS: usize = 16;

/// What kind of answer it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Vector {
    SynAck,
    Rst,
    Icmp,
    Dns,
}

const VECTORS: [&str; 4] = ["synack", "rst", "icmp", "dns"];

/// Unasked answers of one sender. Adds up in any order: sums, maxima, unions.
#[derive(Clone, Debug)]
pub struct Answers {
    /// The address that stands for the sender; see [`site`].
    sender: Addr,
    /// Its own, if it was one alone.
    address: Option<Addr>,
    country: Country,
    direction: Direction,
    packets: u32,
    bytes: u64,
    first_ns: u64,
    last_ns: u64,
    vectors: [u32; VECTORS.len()],
    /// Linear-counting bitmaps (Whang and others, 1990) of the home addresses, and of addresses with ports.
    addresses: [u64; ADDRESS_WORDS],
    pairs: [u64; PAIR_WORDS],
    /// The service that is flooded: its port, 0 if it differs.
    port: u16,
    /// The one home address, as long as there is only one.
    target: Option<Addr>,
    /// SYN+ACKs behind which the sender went on as the server of a real connection does: home did ask, and the mirror did not show it.
    went_on: u32,
    /// First contacts of the sender's own, as far as the scan detector knows: so many resets may belong to them.
    contacts: u32,
    /// Once handed over, always: its next answers go on at once.
    handed_over: bool,
}

impl Answers {
    fn new(sender: Addr, packet: &Packet<'_>) -> Self {
        Answers {
            sender,
            address: None,
            country: packet.seen.source_country,
            direction: packet.direction,
            packets: 0,
            bytes: 0,
            first_ns: u64::MAX,
            last_ns: 0,
            vectors: [0; VECTORS.len()],
            addresses: [0; ADDRESS_WORDS],
            pairs: [0; PAIR_WORDS],
            port: 0,
            target: None,
            went_on: 0,
            contacts: 0,
            handed_over: false,
        }
    }

    /// The same sender, of whom nothing was counted yet.
    fn without_sums(&self) -> Self {
        Answers {
            packets: 0,
            bytes: 0,
            first_ns: u64::MAX,
            vectors: [0; VECTORS.len()],
            addresses: [0; ADDRESS_WORDS],
            pairs: [0; PAIR_WORDS],
            went_on: 0,
            ..self.clone()
        }
    }

    fn merge(&mut self, other: &Answers) {
        if self.packets == 0 {
            (self.port, self.target, self.address) = (other.port, other.target, other.address);
        }
        if self.port != other.port {
            self.port = 0;
        }
        if self.target != other.target {
            self.target = None;
        }
        if self.address != other.address {
            self.address = None;
        }
        self.packets += other.packets;
        self.went_on += other.went_on;
        self.contacts = self.contacts.max(other.contacts);
        self.bytes += other.bytes;
        self.first_ns = self.first_ns.min(other.first_ns);
        self.last_ns = self.last_ns.max(other.last_ns);
        for (mine, theirs) in self.vectors.iter_mut().zip(other.vectors) {
            *mine += theirs;
        }
        for (mine, theirs) in self.addresses.iter_mut().zip(other.addresses) {
            *mine |= theirs;
        }
        for (mine, theirs) in self.pairs.iter_mut().zip(other.pairs) {
            *mine |= theirs;
        }
    }
}

/// Distinct items behind a linear-counting bitmap.
fn distinct(bitmap: &[u64]) -> u64 {
    let bits = (bitmap.len() * 64) as f64;
    let empty: u32 = bitmap.iter().map(|word| word.count_zeros()).sum();
    if empty == 0 {
        return bits as u64 * 4;
    }
    (bits * (bits / f64::from(empty)).ln()).round() as u64
}

/// What one worker hands over at a slice's end.
pub struct BackscatterTally {
    answers: Vec<Answers>,
}

impl Default for BackscatterTally {
    fn default() -> Self {
        BackscatterTally { answers: Vec::with_capacity(SENDERS) }
    }
}

impl BackscatterTally {
    pub fn clear(&mut self) {
        self.answers.clear();
    }

    pub fn append(&mut self, other: &mut Self) {
        self.answers.append(&mut other.answers);
    }
}

/// A lane's memory of senders.
pub struct BackscatterMemory {
    keyed: Keyed,
    slots: Box<[Slot; SENDERS]>,
    /// What is known of the senders that have a slot, in no order. Grows within its room, so that what is never needed is never touched.
    senders: Vec<Answers>,
    /// Slots that have something to hand over.
    due: Vec<u16>,
}

/// Tells whose answers stand at a place: most packets of most senders are done with here.
#[derive(Clone, Copy, Default)]
struct Slot {
    /// Bits of the sender's hash; 0 for nobody.
    mark: u32,
    /// Among the senders.
    place: u16,
    /// It has something to hand over.
    due: bool,
}

impl BackscatterMemory {
    pub fn new(keyed: Keyed) -> Self {
        BackscatterMemory {
            keyed,
            slots: Box::new([Slot::default(); SENDERS]),
            senders: Vec::with_capacity(SENDERS),
            due: Vec::with_capacity(SENDERS),
        }
    }

    /// The slots in which a sender may stand, the mark that tells it, and its slot if it has one.
    fn find(&self, sender: Addr) -> (Range<usize>, u32, Option<usize>) {
        let hash = self.keyed.addr(sender);
        let set = hash as usize & (SENDERS / WAYS - 1);
        let (ways, mark) = (set * WAYS..(set + 1) * WAYS, (hash >> 32) as u32 | 1);
        let is_its = |&way: &usize| {
            let slot = self.slots[way];
            slot.mark == mark && self.senders[usize::from(slot.place)].sender == sender
        };
        let known = ways.clone().find(is_its);
        (ways, mark, known)
    }

    /// Has a slot's answers handed over when the slice ends.
    fn becomes_due(&mut self, way: usize) {
        if !std::mem::replace(&mut self.slots[way].due, true) {
            self.due.push(way as u16);
        }
    }

    /// Takes note of a packet, if it is an answer that nobody asked for.
    #[inline]
    pub fn observe(&mut self, packet: &Packet<'_>) {
        if let Some((vector, quote)) = unasked(packet) {
            self.remember(packet, vector, quote);
        } else if packet.seen.step == Step::Answer && packet.header.transport == Transport::Tcp && !packet.seen.by_opener() {
            self.went_on(packet);
        }
    }

    /// A sender goes on behind its SYN+ACK. A flooded host has nothing to say to whoever did not complete a handshake.
    fn went_on(&mut self, packet: &Packet<'_>) {
        let sender = site(packet.header.source);
        if let (_, _, Some(way)) = self.find(sender) {
            let answers = &mut self.senders[usize::from(self.slots[way].place)];
            answers.went_on += 1;
            if answers.handed_over {
                self.becomes_due(way);
            }
        }
    }

    fn remember(&mut self, packet: &Packet<'_>, vector: Vector, quote: Option<Quote>) {
        let header = packet.header;
        // Of an ICMP error the flooded host is the one that the quoted packet was sent to; the error may come from a router before it.
        let (sender, port, home_port) = match quote {
            Some(quote) => (quote.target, quote.target_port, quote.source_port),
            None => (header.source, header.source_port, header.target_port),
        };
        let sender_address = sender;
        let sender = site(sender);
        let (ways, mark, known) = self.find(sender);
        let way = known.unwrap_or_else(|| {
            let worth = |way: usize| {
                let slot = self.slots[way];
                let answers = (slot.mark != 0).then(|| &self.senders[usize::from(slot.place)]);
                answers.map(|answers| (answers.handed_over, answers.packets, answers.last_ns))
            };
            let way = ways.min_by_key(|&way| worth(way)).unwrap_or(0);
            let slot = &mut self.slots[way];
            if slot.mark == 0 {
                slot.place = self.senders.len() as u16;
                self.senders.push(Answers::new(sender, packet));
            } else {
                self.senders[usize::from(slot.place)] = Answers::new(sender, packet);
            }
            slot.mark = mark;
            way
        });
        let answers = &mut self.senders[usize::from(self.slots[way].place)];
        if packet.time_ns.saturating_sub(answers.last_ns) > u64::from(IDLE_S) * 1_000_000_000 && answers.last_ns != 0 {
            *answers = Answers::new(sender, packet);
        }
        let address = self.keyed.addr(header.target);
        let pair = self.keyed.words(header.target.0, u64::from(home_port));
        if answers.packets == 0 {
            (answers.port, answers.target, answers.address) = (port, Some(header.target), Some(sender_address));
        }
        answers.address = answers.address.filter(|&known| known == sender_address);
        answers.port = if answers.port == port { port } else { 0 };
        answers.target = answers.target.filter(|&target| target == header.target);
        answers.packets += 1;
        answers.bytes += u64::from(packet.wire_bytes);
        answers.first_ns = answers.first_ns.min(packet.time_ns);
        answers.last_ns = answers.last_ns.max(packet.time_ns);
        answers.vectors[vector as usize] += 1;
        answers.contacts = answers.contacts.max(packet.contacts.get().into());
        answers.addresses[(address >> 6) as usize % ADDRESS_WORDS] |= 1 << (address & 63);
        answers.pairs[(pair >> 6) as usize % PAIR_WORDS] |= 1 << (pair & 63);
        if answers.handed_over || answers.packets >= HAND_OVER_PACKETS {
            self.becomes_due(way);
        }
    }

    /// The slice ends: what came of senders worth following goes to the worker's tally.
    pub fn seal(&mut self, tally: &mut BackscatterTally) {
        for way in self.due.drain(..) {
            let slot = &mut self.slots[usize::from(way)];
            slot.due = false;
            let answers = &mut self.senders[usize::from(slot.place)];
            tally.answers.push(answers.clone());
            *answers = Answers { handed_over: true, ..answers.without_sums() };
        }
    }
}

/// The kinds of packets that CAIDA counts as backscatter (corsaro3 `libcorsaro3_filtering.c`), if nobody at the receiver's end asked for them.
fn unasked<'a>(packet: &Packet<'a>) -> Option<(Vector, Option<Quote>)> {
    let header = packet.header;
    match (packet.seen.step, header.transport) {
        (Step::Stray, Transport::Tcp) if header.tcp_flags & flags::RST != 0 => Some((Vector::Rst, None)),
        (Step::Stray, Transport::Tcp) if header.tcp_flags & (flags::SYN | flags::ACK) == flags::SYN | flags::ACK => {
            Some((Vector::SynAck, None))
        }
        (Step::First, Transport::Udp) if header.source_port == 53 && packet.payload.get(2).is_some_and(|flags| flags & 0x80 != 0) => {
            Some((Vector::Dns, None))
        }
        (Step::Unasked, Transport::Icmp) => match (header.source.is_v4(), header.icmp_type) {
            (true, 0 | 14 | 16 | 18) | (false, 129) => Some((Vector::Icmp, None)),
            // An error comes to whoever sent the packet that it quotes.
            _ => quoted(header, packet.payload).filter(|quote| quote.source == header.target).map(|quote| (Vector::Icmp, Some(quote))),
        },
        _ => None,
    }
}

/// What an event says of backscatter.
#[derive(Clone, Debug, Serialize)]
pub struct BackscatterDetail {
    /// The kinds of answers, with their numbers.
    pub vectors: BTreeMap<&'static str, u64>,
    /// Distinct home addresses that were forged.
    pub addresses: u64,
    pub address_port_pairs: u64,
    /// The service under attack, if it is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub port: Option<u16>,
}

struct Followed {
    answers: Answers,
    open: Option<EventId>,
    counted: Counted,
    last_s: u32,
}

/// The reporter's side.
#[derive(Default)]
pub struct BackscatterBoard {
    followed: BTreeMap<Addr, Followed>,
}

impl BackscatterBoard {
    /// Takes a slice's merged tally and concludes.
    pub fn slice(&mut self, now_s: u32, tally: &mut BackscatterTally, out: &mut Conclusions<'_>) {
        self.expire(now_s, out);
        // Several lanes may know one sender; the order of the merge must not depend on the workers.
        tally.answers.sort_by_key(|answers| (answers.sender, answers.first_ns, answers.packets));
        for answers in &tally.answers {
            if !self.followed.contains_key(&answers.sender) && self.followed.len() >= FOLLOWED_MAX {
                *out.evicted += u64::from(answers.packets);
                continue;
            }
            let followed = self.followed.entry(answers.sender).or_insert_with(|| Followed {
                answers: answers.without_sums(),
                open: None,
                counted: Counted::default(),
                last_s: now_s,
            });
            followed.answers.merge(answers);
            followed.last_s = now_s;
            if followed.answers.first_ns / SLICE_NS + SETTLE_S <= u64::from(now_s) {
                followed.decide(&out.settings.backscatter);
            }
        }
    }

    fn expire(&mut self, now_s: u32, out: &mut Conclusions<'_>) {
        let quiet_s = out.settings.backscatter.quiet_s as u32;
        self.followed.retain(|_, followed| {
            if now_s.saturating_sub(followed.last_s) <= quiet_s {
                return true;
            }
            followed.decide(&out.settings.backscatter);
            followed.report(State::Ended, out);
            false
        });
    }

    /// A window ends.
    pub fn window_end(&mut self, out: &mut Conclusions<'_>) {
        for followed in self.followed.values_mut() {
            if u64::from(followed.answers.packets) > followed.counted.packets() {
                followed.report(State::Ongoing, out);
            }
        }
    }

    /// The input ends.
    pub fn finish(&mut self, out: &mut Conclusions<'_>) {
        for (_, mut followed) in std::mem::take(&mut self.followed) {
            followed.decide(&out.settings.backscatter);
            followed.report(State::Ended, out);
        }
    }
}

impl Followed {
    /// Opens the event once there are enough answers to enough of home that no connection stands behind.
    fn decide(&mut self, limits: &settings::backscatter) {
        let sum = &self.answers;
        // Whoever connects resets what it was granted: a scanner does, and the mirror loses some of what came before.
        let own = sum.contacts.min(sum.vectors[Vector::Rst as usize]);
        let unasked = u64::from(sum.packets.saturating_sub(sum.went_on).saturating_sub(own));
        // Where half of the SYN+ACKs went on, the mirror does not show what home sends, and the others are no better.
        let asked = 2 * sum.went_on > sum.vectors[Vector::SynAck as usize];
        let (addresses, pairs) = (distinct(&sum.addresses), distinct(&sum.pairs));
        let spread = addresses >= limits.addresses || addresses >= 2 && pairs >= limits.pairs;
        let names = 2 * sum.vectors[Vector::Dns as usize] > sum.packets;
        let asked = asked || names && (unasked < NAMES_PACKETS || 4 * addresses < 3 * NAMES_PACKETS);
        if self.open.is_none() && unasked >= limits.packets && spread && !asked {
            self.open = Some(EventId::of("backscatter", sum.sender, Addr::NONE, sum.first_ns, ""));
        }
    }

    fn report(&mut self, state: State, out: &mut Conclusions<'_>) {
        let Some(id) = self.open else { return };
        let sum = &self.answers;
        // The answers come from the host they name: it was flooded and says so. One-way packets prove nothing more.
        let attribution = Attribution::of(sum.sender, false, sum.country, false);
        let key = RowKey { kind: "backscatter", direction: sum.direction, country: sum.country, attribution, benign: false };
        out.rows.event(key, self.counted.take(sum.packets.into(), sum.bytes), [sum.sender], sum.target);
        out.events.push(Event {
            id,
            kind: "backscatter",
            state,
            start_ns: sum.first_ns,
            end_ns: sum.last_ns,
            source: Some(sum.address.unwrap_or(sum.sender)),
            source_country: sum.country,
            target: sum.target,
            target_port: None,
            transport: if sum.vectors[Vector::Icmp as usize] * 2 > sum.packets { "icmp" } else { "tcp" },
            protocol: None,
            direction: sum.direction,
            attribution,
            benign: None,
            entry: None,
            packets: u64::from(sum.packets),
            bytes: sum.bytes,
            detail: Detail::Backscatter(BackscatterDetail {
                vectors: VECTORS.iter().zip(sum.vectors).filter(|&(_, n)| n > 0).map(|(&name, n)| (name, u64::from(n))).collect(),
                addresses: distinct(&sum.addresses),
                address_port_pairs: distinct(&sum.pairs),
                port: (sum.port != 0).then_some(sum.port),
            }),
        });
    }
}
