//! Who talks to whom: a bounded table of conversations per lane, and what each packet means in its conversation.
//!
//! Every detector asks the same questions of a packet (is it the first of its conversation, an answer, the end of a handshake, a stray?), so
//! they are answered once, here.

#[cfg(test)]
mod tests;

use crate::attribute::Country;
use crate::decode::{Header, Transport, flags, marks};
use crate::dispatch::batch::{Item, bits};
use crate::huge::{self, Table};

use super::lane::Moment;
use super::ways::{least, way_of};

/// Conversations kept per lane. 64 lanes keep half a million in 16 MiB: five seconds of half-open handshakes at 100,000 SYNs a second.
pub const CONVERSATIONS: usize = 8192;
const WAYS: usize = 4;
const BUCKETS: usize = CONVERSATIONS / WAYS;

/// How far sequence and acknowledgement numbers move between two packets of one sender in a living connection, at most: the largest window
/// without scaling is 65,535 bytes, with scaling 2^30 (RFC 7323); 2^24 holds a burst of captured packets on a fast path and leaves a forger
/// a chance of 1 in 128 per number.
const NUMBERS_STEP_MAX: u32 = 1 << 24;

/// The port of QUIC servers (RFC 9114 section 3.1: HTTP/3 is offered on 443).
const QUIC_PORT: u16 = 443;
/// Packets of one side from which on a conversation can be QUIC's, and how many values the five bits that header protection covers (RFC 9001
/// section 5.4.1) must have had by then. A tool that repeats one payload has one value; random payloads have the fixed bit (RFC 9000 section
/// 17) 16 times in a row once in 65,536 conversations, and lose it with the next packets.
const QUIC_PACKETS: u32 = 16;
const QUIC_VALUES: u32 = 8;
/// A packet did not look like QUIC's.
const NOT_QUIC: u32 = u32::MAX;

/// Quiet time in seconds after which a conversation may be forgotten, by how much it is worth.
const IDLE_ONE_WAY_S: u32 = 75; // a SYN is repeated for up to 63 s (tcp_syn_retries = 6, initial RTO 1 s, RFC 6298)
const IDLE_TWO_WAY_S: u32 = 600;
/// Both sides have said their last: a FIN whose acknowledgement was lost is repeated after 1, 3, 7 and 15 s (RFC 6298). Without this the
/// connections that are over would hold the room of those that begin: half a million are over in 40 s where 13,000 a second are made.
const IDLE_ENDED_S: u32 = 16;

#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Default)]
#[repr(u8)]
enum State {
    /// Nothing: a free place.
    #[default]
    Free,
    /// TCP: the target refused. Others: an ICMP error came back.
    Refused,
    /// TCP: ended by FIN or RST.
    Closed,
    /// TCP: picked up in mid-conversation, one side seen. UDP, ICMP: not answered yet.
    OneWay,
    /// TCP: a SYN.
    Opening,
    /// TCP: SYN and SYN+ACK.
    Answered,
    /// TCP: the client went on after its SYN though no SYN+ACK was seen.
    HalfSeen,
    /// TCP: picked up in mid-conversation; one side is seen, and goes on as a living connection does.
    HalfSeenMidway,
    /// TCP: both sides have talked and sent their FIN.
    Ended,
    /// TCP: both sides talk, but the opener has sent its FIN.
    OpenerEnded,
    /// TCP: both sides talk, but the one called has sent its FIN.
    CalledEnded,
    /// Both sides talk. TCP: picked up in mid-conversation, or handshake seen. Others: answered.
    TwoWay,
}

/// Facts about a conversation that stay.
mod facts {
    /// The lower end opened it.
    pub const LOW_OPENED: u8 = 0x01;
    /// The one who opened it was seen to send its first packet as an opening (SYN, or the first datagram), not in mid-conversation.
    pub const OPENING_SEEN: u8 = 0x02;
    /// Whoever opened it proved to hold its address.
    pub const OPENER_PROVED: u8 = 0x04;
    /// Whoever was called proved to hold its address.
    pub const CALLED_PROVED: u8 = 0x08;
    /// The opener sent payload.
    pub const OPENER_SPOKE: u8 = 0x10;
    /// The one called sent payload.
    pub const CALLED_SPOKE: u8 = 0x20;
    /// The opening was the opener's first contact with this service.
    pub const FIRST_CONTACT: u8 = 0x40;
    /// TCP: what was seen first is the SYN+ACK of the one called.
    pub const ANSWER_SEEN: u8 = 0x80;
}

impl State {
    /// Quiet time after which the conversation may be forgotten, in seconds.
    #[inline]
    fn idle_s(self) -> u32 {
        let idle_s = if self.is_two_way() { IDLE_TWO_WAY_S } else { IDLE_ONE_WAY_S };
        if self == State::Ended { IDLE_ENDED_S } else { idle_s }
    }

    /// Whether both sides have talked.
    #[inline]
    fn is_two_way(self) -> bool {
        self >= State::Ended
    }

    /// What it becomes when one side sends its FIN.
    #[inline]
    fn ended(self, by_opener: bool) -> Self {
        match (self, by_opener) {
            (State::TwoWay, true) => State::OpenerEnded,
            (State::TwoWay, false) => State::CalledEnded,
            (State::OpenerEnded, false) | (State::CalledEnded, true) => State::Ended,
            (same, _) => same,
        }
    }
}

/// What is kept of one conversation that every packet needs. Most need nothing else.
#[derive(Clone, Copy, Debug, Default)]
struct Pulse {
    /// Last slice with a packet.
    last_s: u32,
    state: State,
    facts: u8,
    low_country: Country,
    high_country: Country,
}

/// What is kept of one conversation besides.
#[derive(Clone, Copy, Debug, Default)]
struct Rest {
    /// TCP: the opener's initial sequence number; in mid-conversation the last sequence number of the side seen. UDP from QUIC's port, one
    /// side seen: a bit for each value that the protected bits of short headers had.
    opener_seq: u32,
    /// TCP: the called side's initial sequence number; in mid-conversation the last acknowledgement number of the side seen. UDP from QUIC's
    /// port, one side seen: packets so far, or [`NOT_QUIC`].
    called_seq: u32,
    /// The industrial detector's handle, 0 if none, [`UNWANTED`] if neither port is one of its services'.
    tag: u16,
    /// The payload detector's handle, 0 if it has not decided yet, [`UNWANTED`] if it wants no more.
    reader: u16,
}

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

    #[inline(always)]
    fn set(&mut self, way: usize, entry: Entry) {
        self.pulses[way] = entry.pulse;
        self.rests[way] = entry.rest;
    }
}

/// All that is kept of one conversation.
#[derive(Clone, Copy, Debug, Default)]
struct Entry {
    pulse: Pulse,
    rest: Rest,
}

#[cfg(test)]
impl Bucket {
    pub(crate) fn is_empty(&self) -> bool {
        self.hashes == [0; WAYS] && self.pulses.iter().all(|pulse| pulse.state == State::Free)
    }
}

/// A detector's handle where it wants no more of the conversation.
pub const UNWANTED: u16 = u16::MAX;
/// The handle where the flood detector wants the answers of the one called: they amplify what is asked.
pub const REFLECTS: u16 = UNWANTED - 1;

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

/// What a packet means in its conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Step {
    /// TCP: a SYN that opens a conversation.
    Syn,
    /// TCP: the same SYN again.
    SynAgain,
    /// TCP: the SYN+ACK that answers it.
    SynAck,
    /// TCP: the handshake is done and the opener proved its address.
    Completed,
    /// TCP: the opener goes on as if the handshake were done, but its answer was not seen: nothing is proved.
    CompletedUnseen,
    /// TCP: the target resets an attempt. Any: an ICMP error came back for it.
    Refused,
    /// TCP: the opener resets after the SYN+ACK, without having completed.
    Aborted,
    /// TCP: FIN or RST of a conversation.
    Closed,
    /// TCP of which one side is seen in mid-conversation: the second packet, which goes on from the first as a real stack does.
    Resumed,
    /// A packet of a conversation in which both sides talk, or one side goes on as real stacks do.
    Ongoing,
    /// TCP without a conversation: no SYN, and nothing that fits.
    Stray,
    /// UDP, ICMP echo, SCTP, others: the first packet.
    First,
    /// More of the same side, unanswered.
    More,
    /// The first answer.
    Answer,
    /// ICMP that belongs to nothing: an echo reply nobody asked for, an error about nothing we saw.
    Unasked,
    /// A later fragment, which has no ports, where none came the other way.
    Fragment,
}

/// A packet in its conversation: eight bytes, made for every packet.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub step: Step,
    facts: u8,
    pub source_country: Country,
    pub target_country: Country,
    /// Where the conversation stands in the table; see [`Conversations::tag`].
    place: u32,
}

/// Bits of [`Seen::facts`].
mod seen {
    pub const BY_OPENER: u8 = 0x01;
    pub const OPENING_SEEN: u8 = 0x02;
    pub const SOURCE_PROVED: u8 = 0x04;
    pub const NEW_IN_WINDOW: u8 = 0x08;
    pub const FIRST_PAYLOAD: u8 = 0x10;
    pub const TWO_WAY: u8 = 0x20;
    pub const FIRST_CONTACT: u8 = 0x40;
}

/// A packet without a conversation in the table.
const NOWHERE: u32 = u32::MAX;

/// A bit where something holds, without a branch.
#[inline]
fn bit_if(holds: bool, bit: u8) -> u8 {
    u8::from(holds) * bit
}

impl Seen {
    /// The same with other countries: of an ICMP error, whose sender may be a router that the conversation does not know.
    pub fn with_countries(self, source_country: Country, target_country: Country) -> Self {
        Seen { source_country, target_country, ..self }
    }

    /// The packet was sent by whoever opened the conversation.
    #[inline]
    pub fn by_opener(&self) -> bool {
        self.facts & seen::BY_OPENER != 0
    }

    /// The opener is known from an opening packet, not guessed from the first one seen.
    pub fn opening_seen(&self) -> bool {
        self.facts & seen::OPENING_SEEN != 0
    }

    /// The sender has proved to hold its address.
    #[inline]
    pub fn source_proved(&self) -> bool {
        self.facts & seen::SOURCE_PROVED != 0
    }

    /// The first packet of this conversation in the open window.
    #[inline]
    pub fn new_in_window(&self) -> bool {
        self.facts & seen::NEW_IN_WINDOW != 0
    }

    /// The first payload bytes of the sender in this conversation.
    pub fn first_payload(&self) -> bool {
        self.facts & seen::FIRST_PAYLOAD != 0
    }

    /// Both sides have sent something.
    pub fn two_way(&self) -> bool {
        self.facts & seen::TWO_WAY != 0
    }

    /// The conversation's opening was its opener's first contact with the service; see [`Conversations::mark_first_contact`].
    #[inline]
    pub fn first_contact(&self) -> bool {
        self.facts & seen::FIRST_CONTACT != 0
    }

    /// Where the conversation stands, if it is in the table.
    #[inline]
    pub fn place(&self) -> Option<u32> {
        (self.place != NOWHERE).then_some(self.place)
    }
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
fn worth(pulse: &Pulse, hash: u64, now_s: u32) -> u64 {
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
        if matches!(*tag, 0 | UNWANTED) {
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
    pub fn ongoing(&mut self, lane: usize, item: &Item, moment: Moment) -> Option<Seen> {
        if !matches!(item.transport, Transport::Tcp | Transport::Udp) {
            return None;
        }
        let at = Self::bucket_of(lane, item.conversation);
        let bucket = self.buckets.get_mut(at)?;
        let way = bucket.way(item.conversation | 1)?;
        bucket.pulses[way].ongoing(item, moment, &bucket.rests[way], (at * WAYS + way) as u32)
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
        let way = match way_of(&bucket.hashes, 0) {
            Some(free) => free,
            None => {
                let hashes = bucket.hashes;
                let pulses = &bucket.pulses;
                let way = least::<WAYS>(|way| worth(&pulses[way], hashes[way], packet.now_s));
                self.evicted += worth(&pulses[way], hashes[way], packet.now_s) >> FRESH_BIT;
                way
            }
        };
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

/// A packet as the table of conversations sees it.
#[derive(Clone, Copy)]
pub struct Arrival<'a> {
    pub header: &'a Header,
    pub conversation: u64,
    pub source_low: bool,
    /// The slice, in seconds.
    pub now_s: u32,
    /// When the window begins, in seconds.
    pub window_start_s: u32,
    /// The first byte of the payload, 0 if there is none.
    pub first_byte: u8,
    /// An ICMP error that quotes this conversation; its own sender is the one the quoted packet was sent to, or a router before it.
    pub quoted: bool,
}

/// States in which a TCP segment without flags that turn it changes nothing, but for the one that completes the handshake; a bit for each.
const QUIET: u16 = 1 << State::TwoWay as u16
    | 1 << State::OpenerEnded as u16
    | 1 << State::CalledEnded as u16
    | 1 << State::Ended as u16
    | 1 << State::HalfSeen as u16
    | 1 << State::Closed as u16
    | 1 << State::Answered as u16;
/// The same for datagrams.
const QUIET_DATAGRAMS: u16 = 1 << State::TwoWay as u16;

/// TCP flags that change what a conversation is. FIN does not: each side ends for itself, and the conversation stays what it was.
const TURNING: u8 = flags::SYN | flags::RST;

impl Pulse {
    /// The way of nearly all packets: they go on with what is known, the window knows the conversation, and no flag changes anything. What
    /// it returns is what [`Entry::step`] would.
    #[inline(always)]
    fn ongoing(&mut self, item: &Item, moment: Moment, rest: &Rest, place: u32) -> Option<Seen> {
        let source_low = item.bits & bits::SOURCE_LOW != 0;
        let by_opener = (self.facts & facts::LOW_OPENED != 0) == source_low;
        let spoke = if by_opener { facts::OPENER_SPOKE } else { facts::CALLED_SPOKE };
        // Sets of states, not a match: which state comes next is chance, and a jump by it would be guessed wrong.
        let tcp = item.transport == Transport::Tcp;
        let quiet = (if tcp { QUIET } else { QUIET_DATAGRAMS }) >> self.state as u16 & 1 != 0;
        // All of it in one question, for the same reason.
        let plain = quiet
            & (item.tcp_flags() & TURNING == 0)
            & (self.last_s >= moment.window_start_s)
            & ((item.payload_bytes == 0) | (self.facts & spoke != 0))
            & (moment.now_s.saturating_sub(self.last_s) <= self.state.idle_s());
        if !plain || (by_opener & (self.state == State::Answered)) && rest.completes(item.tcp_flags(), item.ack()) {
            return None;
        }
        self.last_s = moment.now_s;
        let proved = if by_opener { facts::OPENER_PROVED } else { facts::CALLED_PROVED };
        let (source_country, target_country) =
            if source_low { (self.low_country, self.high_country) } else { (self.high_country, self.low_country) };
        let facts = bit_if(self.state.is_two_way(), seen::TWO_WAY)
            | bit_if(by_opener, seen::BY_OPENER)
            | bit_if(self.facts & proved != 0, seen::SOURCE_PROVED)
            | bit_if(self.facts & facts::OPENING_SEEN != 0, seen::OPENING_SEEN)
            | bit_if(self.facts & facts::FIRST_CONTACT != 0, seen::FIRST_CONTACT);
        let ends = item.tcp_flags() & flags::FIN != 0 && self.state != State::Closed;
        if ends {
            self.state = self.state.ended(by_opener);
        }
        let step = if ends { Step::Closed } else { Step::Ongoing };
        Some(Seen { step, facts, source_country, target_country, place })
    }
}

impl Rest {
    /// Whether a segment of the opener acknowledges the SYN+ACK.
    #[inline(always)]
    fn completes(&self, tcp_flags: u8, ack: u32) -> bool {
        tcp_flags & flags::ACK != 0 && ack.wrapping_sub(self.called_seq) <= NUMBERS_STEP_MAX && ack != self.called_seq
    }
}

impl Entry {
    /// A new one, of which only the ends' countries are known.
    #[inline(always)]
    fn between(low_country: Country, high_country: Country) -> Self {
        Entry { pulse: Pulse { low_country, high_country, ..Pulse::default() }, rest: Rest::default() }
    }

    #[inline(always)]
    fn step(&mut self, packet: &Arrival<'_>, place: u32) -> Seen {
        let header = packet.header;
        let fresh = self.pulse.state == State::Free;
        // Read before anything is written: they stay, and a read in other pieces than the writes would wait for all of them.
        let (low_country, high_country) = (self.pulse.low_country, self.pulse.high_country);
        // Of an error the quoted packet's sender is the receiver; as an act of the conversation it comes from the other side. The hash's
        // order was made from the quoted packet, so the error's sender is the opposite of it.
        let source_low = packet.source_low != packet.quoted;
        if fresh {
            self.pulse.facts = if source_low { facts::LOW_OPENED } else { 0 };
        }
        let by_opener = (self.pulse.facts & facts::LOW_OPENED != 0) == source_low;
        let step = if header.transport == Transport::Tcp && !packet.quoted && !header.has(marks::LATER_FRAGMENT) {
            self.tcp_step(header, by_opener, source_low)
        } else {
            let (entry, step) = self.other_step(packet, by_opener);
            *self = entry;
            step
        };
        // A new opening may have turned the conversation round.
        let by_opener = (self.pulse.facts & facts::LOW_OPENED != 0) == source_low;
        let spoke = if by_opener { facts::OPENER_SPOKE } else { facts::CALLED_SPOKE };
        let first_payload = header.payload_bytes > 0 && !packet.quoted && self.pulse.facts & spoke == 0;
        if first_payload {
            self.pulse.facts |= spoke;
        }
        let new_in_window = fresh && self.pulse.last_s == 0 || self.pulse.last_s < packet.window_start_s;
        self.pulse.last_s = packet.now_s;
        let proved = if by_opener { facts::OPENER_PROVED } else { facts::CALLED_PROVED };
        let (source_country, target_country) = if source_low { (low_country, high_country) } else { (high_country, low_country) };
        let facts = bit_if(by_opener, seen::BY_OPENER)
            | bit_if(self.pulse.facts & facts::OPENING_SEEN != 0, seen::OPENING_SEEN)
            | bit_if(self.pulse.facts & proved != 0 && !packet.quoted, seen::SOURCE_PROVED)
            | bit_if(new_in_window, seen::NEW_IN_WINDOW)
            | bit_if(first_payload, seen::FIRST_PAYLOAD)
            | bit_if(self.pulse.state.is_two_way(), seen::TWO_WAY)
            | bit_if(self.pulse.facts & facts::FIRST_CONTACT != 0, seen::FIRST_CONTACT);
        Seen { step, facts, source_country, target_country, place }
    }

    /// Of what is no TCP segment. By value: if a function were told where the entry is, it would have to be in memory for segments, too,
    /// and to wait there: it is written in bytes and read whole.
    #[inline(never)]
    fn other_step(mut self, packet: &Arrival<'_>, by_opener: bool) -> (Self, Step) {
        let step = if packet.quoted {
            self.error_step(by_opener)
        } else if packet.header.has(marks::LATER_FRAGMENT) {
            self.fragment_step(by_opener)
        } else {
            self.datagram_step(packet.header, by_opener, packet.first_byte)
        };
        (self, step)
    }

    fn error_step(&mut self, by_opener: bool) -> Step {
        if !by_opener && matches!(self.pulse.state, State::OneWay | State::Opening) {
            self.pulse.state = State::Refused;
            return Step::Refused;
        }
        // About a packet that was seen: nothing that nobody asked for.
        if self.pulse.state == State::Free { Step::Unasked } else { Step::Ongoing }
    }

    #[inline(always)]
    fn open(&mut self, header: &Header, source_low: bool) -> Step {
        let Pulse { last_s, low_country, high_country, .. } = self.pulse;
        let facts = facts::OPENING_SEEN | if source_low { facts::LOW_OPENED } else { 0 };
        self.pulse = Pulse { last_s, state: State::Opening, facts, low_country, high_country };
        // The payload detector ends what it read, and begins anew.
        self.rest = Rest { opener_seq: header.seq, reader: self.rest.reader, ..Rest::default() };
        Step::Syn
    }

    #[inline(always)]
    fn tcp_step(&mut self, header: &Header, by_opener: bool, source_low: bool) -> Step {
        use flags::{ACK, FIN, RST, SYN};
        let set = header.tcp_flags;
        if set & SYN != 0 && set & (ACK | RST | FIN) == 0 {
            let again = by_opener
                && matches!(self.pulse.state, State::Opening | State::Answered | State::Refused)
                && self.rest.opener_seq == header.seq;
            // A SYN that a living conversation repeats or overlaps with is no new opening.
            if again { Step::SynAgain } else { self.open(header, source_low) }
        } else if set & SYN != 0 && set & ACK != 0 && set & RST == 0 {
            self.syn_ack(header, by_opener)
        } else if set & RST != 0 {
            self.reset(header, by_opener)
        } else {
            self.segment(header, by_opener)
        }
    }

    #[inline(always)]
    fn syn_ack(&mut self, header: &Header, by_opener: bool) -> Step {
        match self.pulse.state {
            State::Opening | State::HalfSeen if !by_opener && header.ack == self.rest.opener_seq.wrapping_add(1) => {
                let early = self.pulse.state == State::HalfSeen;
                self.rest.called_seq = header.seq;
                self.pulse.state = if early { State::TwoWay } else { State::Answered };
                self.pulse.facts |= facts::CALLED_PROVED;
                Step::SynAck
            }
            // A second answer, or one that comes after the end: home asked for it all the same.
            State::Answered | State::HalfSeenMidway | State::Closed | State::Refused => Step::Ongoing,
            two_way if two_way.is_two_way() => Step::Ongoing,
            State::Free => {
                // Only this side is seen, or nobody asked: the one called is the sender.
                self.pulse.facts ^= facts::LOW_OPENED;
                self.pulse.facts |= facts::ANSWER_SEEN;
                self.pulse.state = State::OneWay;
                self.rest.called_seq = header.ack;
                self.rest.opener_seq = header.seq;
                Step::Stray
            }
            _ => Step::Stray,
        }
    }

    #[inline(always)]
    fn reset(&mut self, header: &Header, by_opener: bool) -> Step {
        match self.pulse.state {
            State::Opening if !by_opener => {
                self.pulse.state = State::Refused;
                Step::Refused
            }
            State::OneWay if !by_opener => {
                self.pulse.state = State::Refused;
                Step::Refused
            }
            State::Answered if by_opener => {
                self.pulse.state = State::Closed;
                Step::Aborted
            }
            State::Refused | State::Closed => Step::Ongoing,
            // It answers the SYN+ACK that came before it, whose acknowledgement number it repeats (RFC 9293 section 3.10.7): the SYN was lost.
            State::OneWay if self.pulse.facts & facts::ANSWER_SEEN != 0 && header.seq == self.rest.called_seq => {
                self.pulse.state = State::Closed;
                Step::Aborted
            }
            State::OneWay => Step::Stray,
            State::Free => {
                self.pulse.state = State::OneWay;
                (self.rest.opener_seq, self.rest.called_seq) = (header.seq, header.ack);
                Step::Stray
            }
            _ => {
                self.pulse.state = State::Closed;
                Step::Closed
            }
        }
    }

    /// A segment that neither opens nor resets.
    #[inline(always)]
    fn segment(&mut self, header: &Header, by_opener: bool) -> Step {
        let fin = header.tcp_flags & flags::FIN != 0;
        match self.pulse.state {
            State::Answered if by_opener && self.rest.completes(header.tcp_flags, header.ack) => {
                let exact = header.ack == self.rest.called_seq.wrapping_add(1) || header.payload_bytes > 0;
                self.pulse.state = State::TwoWay;
                self.pulse.facts |= if exact { facts::OPENER_PROVED } else { 0 };
                Step::Completed
            }
            State::Opening if by_opener && header.seq == self.rest.opener_seq.wrapping_add(1) && header.tcp_flags & flags::ACK != 0 => {
                self.pulse.state = State::HalfSeen;
                Step::CompletedUnseen
            }
            State::Opening if !by_opener => {
                // Data before its SYN+ACK was seen: the mirror lost it.
                self.pulse.state = State::TwoWay;
                Step::SynAck
            }
            State::TwoWay | State::OpenerEnded | State::CalledEnded | State::Ended | State::HalfSeen | State::Answered => {
                if fin {
                    self.pulse.state = self.pulse.state.ended(by_opener);
                    return Step::Closed;
                }
                Step::Ongoing
            }
            State::Closed => Step::Ongoing,
            State::Opening | State::Refused => Step::Stray,
            State::OneWay if !by_opener => {
                self.pulse.state = State::TwoWay;
                // Each has acknowledged what the other sent: both numbers fit, so neither is blind.
                let fits = header.ack.wrapping_sub(self.rest.opener_seq) <= NUMBERS_STEP_MAX
                    && self.rest.called_seq.wrapping_sub(header.seq).wrapping_add(NUMBERS_STEP_MAX) <= 2 * NUMBERS_STEP_MAX;
                if fits {
                    self.pulse.facts |= facts::OPENER_PROVED | facts::CALLED_PROVED;
                }
                Step::Answer
            }
            State::HalfSeenMidway if !by_opener => {
                self.pulse.state = State::TwoWay;
                Step::Ongoing
            }
            State::HalfSeenMidway => {
                // A tool that sends random numbers from one port looks alive once in a while: it is asked every time.
                let goes_on = self.goes_on(header);
                (self.rest.opener_seq, self.rest.called_seq) = (header.seq, header.ack);
                if goes_on { Step::Ongoing } else { Step::Stray }
            }
            State::OneWay => {
                let goes_on = self.goes_on(header);
                (self.rest.opener_seq, self.rest.called_seq) = (header.seq, header.ack);
                if !goes_on {
                    return Step::Stray;
                }
                self.pulse.state = State::HalfSeenMidway;
                Step::Resumed
            }
            State::Free => {
                self.pulse.state = State::OneWay;
                (self.rest.opener_seq, self.rest.called_seq) = (header.seq, header.ack);
                Step::Stray
            }
        }
    }

    /// Whether the numbers move on as those of a living connection do, of which only this side is seen. A number that never moves is a
    /// tool's.
    #[inline(always)]
    fn goes_on(&self, header: &Header) -> bool {
        let seq_step = header.seq.wrapping_sub(self.rest.opener_seq);
        let ack_step = header.ack.wrapping_sub(self.rest.called_seq);
        seq_step <= NUMBERS_STEP_MAX && ack_step <= NUMBERS_STEP_MAX && (seq_step, ack_step) != (0, 0)
    }

    /// Later fragments have no ports: those of two hosts by one protocol are one conversation.
    fn fragment_step(&mut self, by_opener: bool) -> Step {
        match self.pulse.state {
            two_way if two_way.is_two_way() => Step::Ongoing,
            State::OneWay if !by_opener => {
                self.pulse.state = State::TwoWay;
                Step::Ongoing
            }
            _ => {
                self.pulse.state = State::OneWay;
                Step::Fragment
            }
        }
    }

    /// Whether the side that is seen goes on as a QUIC server does: home asked for it, and the mirror does not show what home sends.
    fn speaks_quic(&mut self, header: &Header, first_byte: u8) -> bool {
        if header.transport != Transport::Udp || header.source_port != QUIC_PORT || self.rest.called_seq == NOT_QUIC {
            return false;
        }
        let (long, fixed) = (first_byte & 0x80 != 0, first_byte & 0x40 != 0);
        if !fixed {
            self.rest.called_seq = NOT_QUIC;
            return false;
        }
        self.rest.opener_seq |= u32::from(!long) << (first_byte & 0x1f);
        self.rest.called_seq = (self.rest.called_seq + 1).min(QUIC_PACKETS);
        self.rest.called_seq == QUIC_PACKETS && self.rest.opener_seq.count_ones() >= QUIC_VALUES
    }

    fn datagram_step(&mut self, header: &Header, by_opener: bool, first_byte: u8) -> Step {
        if header.transport == Transport::Icmp {
            match (header.source.is_v4(), header.icmp_type) {
                (true, 8 | 13 | 15 | 17) | (false, 128) => {}
                (true, 0 | 14 | 16 | 18) | (false, 129) if self.pulse.state != State::Free && !by_opener => {}
                _ => {
                    if self.pulse.state == State::Free {
                        self.pulse.state = State::OneWay;
                    }
                    return Step::Unasked;
                }
            }
        }
        match self.pulse.state {
            State::Free => {
                self.pulse.state = State::OneWay;
                self.pulse.facts |= facts::OPENING_SEEN;
                self.speaks_quic(header, first_byte);
                Step::First
            }
            State::OneWay if by_opener => match self.speaks_quic(header, first_byte) {
                true => Step::Ongoing,
                false => Step::More,
            },
            State::Refused if by_opener => Step::More,
            State::OneWay | State::Refused => {
                self.pulse.state = State::TwoWay;
                Step::Answer
            }
            _ => Step::Ongoing,
        }
    }
}
