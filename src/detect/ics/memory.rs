//! A lane's memory of industrial conversations: where in the stream the next message begins, and the head of one that is not whole yet.

use std::sync::Arc;

use crate::addr::Addr;
use crate::attribute::{Attribution, Country, Direction, is_group};
use crate::decode::{Header, Transport, flags, marks};
use crate::detect::conversation::{CALLED_STRAYED, Conversations, OPENER_STRAYED, Step, UNWANTED};
use crate::detect::packet::Packet;
use crate::huge;
use crate::tally::ByLane;

use super::PROTOCOLS;
use super::link::LinkMemory;
use super::lookup::{Candidates, Lookup};
use super::protocol::{Context, DISCLOSED_MAX, Disclosed, Function, Intent, Message, Protocol, Role, Sender, Strength, THINGS, Verdict};
use super::stray::stray;

/// Conversations in an industrial protocol followed per lane: 32,768 in all.
const STREAMS: usize = 512;
/// Messages that came in pieces, kept per lane at a time.
const HEADS: usize = 32;
/// Bytes of a message in pieces that are kept: enough for every signature (the longest need is 240 bytes) and for what devices disclose.
pub const HEAD_BYTES: usize = 2048;
/// Messages read from one segment at most: a segment of the largest size can hold more of the shortest, which adds nothing.
const MESSAGES_MAX: usize = 128;
/// Records of one lane in one slice.
const RECORDS_MAX: usize = 2048;
/// Text of one disclosed field that is kept, in bytes.
pub const TEXT_BYTES: usize = 64;
/// Ports from here on are ephemeral for most systems (RFC 6335: 49152; Linux from 32768): a contact from a service port to one of these is
/// no contact with a service.
const EPHEMERAL_MIN: u16 = 32_768;
const SERVICE_MAX: u16 = 1_023;

/// What a record tells.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Told {
    /// A contact with the port, nothing more.
    Contact,
    /// The port was closed.
    Refused,
    /// The handshake is complete: the source proved its address.
    Completed,
    /// The client asked.
    Request,
    /// The device answered.
    Answer,
    /// The client's first payload is none of the service's protocols.
    Misfit,
}

/// One message, or a bare contact.
///
/// A worker writes it into memory that the reporter has read last, which costs a miss for each cache line: two lines, and no more.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub struct Record {
    pub client: Addr,
    pub server: Addr,
    pub time_ns: u64,
    pub packets: u32,
    pub bytes: u32,
    /// Messages that it tells of: one, but for sums of frames without IP.
    pub messages: u32,
    pub port: u16,
    pub transport: Transport,
    pub told: Told,
    /// The protocol's place in the table, and its name (which can be finer than the table's entry).
    pub index: u8,
    pub protocol: &'static str,
    pub intent: Intent,
    pub function: Function,
    pub error: bool,
    /// This one message suffices to confirm the protocol here.
    pub sufficient: bool,
    /// The source's first contact with this service.
    pub first: bool,
    /// The source's first contacts with any service so far, up to 65,535; 0 where the packet does not tell.
    pub contacts: u16,
    pub client_country: Country,
    pub direction: Direction,
    pub attribution: Attribution,
    /// Which of the worker's disclosures belong to it.
    pub disclosures: (u32, u32),
    /// The protocol that the conversation was taken for before, by its place in the table.
    pub claimed: Option<u8>,
}

const _: () = assert!(size_of::<Record>() == 128, "two cache lines");

impl Record {
    /// The name of the protocol that the conversation was taken for before.
    pub fn claimed(&self) -> Option<&'static str> {
        self.claimed.map(|index| PROTOCOLS[usize::from(index)].name)
    }
}

/// A piece of what a device told of itself.
#[derive(Clone, Copy, Debug)]
pub struct Text {
    pub field: &'static str,
    pub bytes: [u8; TEXT_BYTES],
    pub len: u8,
}

/// Disclosed texts for which there is room from the start.
const TEXTS_ROOM: usize = 1024;

/// What one worker hands over at a slice's end.
pub struct IcsTally {
    pub records: ByLane<Record>,
    pub texts: Vec<Text>,
    pub evicted: u64,
}

impl Default for IcsTally {
    fn default() -> Self {
        IcsTally { records: ByLane::default(), texts: Vec::with_capacity(TEXTS_ROOM), evicted: 0 }
    }
}

impl IcsTally {
    pub fn clear(&mut self) {
        self.records.clear();
        self.texts.clear();
        self.evicted = 0;
    }

    pub fn append(&mut self, other: &mut Self) {
        let offset = self.texts.len() as u32;
        self.texts.append(&mut other.texts);
        for record in other.records.iter_mut() {
            let (from, to) = record.disclosures;
            record.disclosures = (from + offset, to + offset);
        }
        self.records.borrow_from(&mut other.records);
        self.evicted += other.evicted;
    }

    pub fn give_back(&mut self, other: &mut Self) {
        self.records.give_back(&mut other.records);
    }
}

#[derive(Clone, Copy, Default)]
struct Side {
    /// The sequence number that comes next; nothing before the first segment.
    next_seq: Option<u32>,
    /// Bytes of a message, recognised already, that are still to come.
    skip: u32,
}

/// A conversation that is followed: one cache line, which is fetched ahead.
#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Stream {
    conversation: u64,
    candidates: Candidates,
    /// By whether the sender is the canonical lower end.
    sides: [Side; 2],
    memory: u16,
    known: Option<u8>,
    /// The protocol that claimed the conversation before another turned out to be right.
    claimed: Option<u8>,
    /// Whether the lower end is the client, once a message told.
    client_low: Option<bool>,
}

const _: () = assert!(size_of::<Stream>() == 64, "one cache line");

#[derive(Clone, Copy)]
struct Head {
    owner: u16,
    side: u8,
    len: u16,
    last_s: u32,
}

/// A lane's memory.
pub struct IcsMemory {
    lane: u8,
    lookup: Arc<Lookup>,
    streams: Vec<Stream>,
    next_stream: usize,
    heads: [Head; HEADS],
    /// Their bytes, one behind the other; none before the first is kept.
    head_bytes: Vec<u8>,
    /// Heads that have an owner.
    kept: usize,
    spare: Vec<u8>,
    link: LinkMemory,
    records: usize,
}

impl IcsMemory {
    pub fn new(lane: u8, lookup: Arc<Lookup>) -> Self {
        IcsMemory {
            lane,
            lookup,
            streams: Vec::with_capacity(STREAMS),
            next_stream: 0,
            heads: [Head { owner: u16::MAX, side: 0, len: 0, last_s: 0 }; HEADS],
            head_bytes: Vec::with_capacity(HEADS * HEAD_BYTES),
            kept: 0,
            spare: vec![0; HEAD_BYTES],
            link: LinkMemory::new(),
            records: 0,
        }
    }

    /// Brings a conversation that is followed into the cache before its turn; `tag` is what it holds.
    #[inline]
    pub fn touch(&self, tag: u16) {
        if let Some(stream) = usize::from(tag).checked_sub(1).and_then(|place| self.streams.get(place)) {
            huge::prefetch(stream);
        }
    }

    /// Takes note of a packet.
    // The ways out are here, so that those who ask need not call.
    #[inline(always)]
    pub fn observe(&mut self, tally: &mut IcsTally, conversations: &mut Conversations, packet: &Packet<'_>) {
        let header = packet.header;
        if matches!(packet.seen.step, Step::Syn | Step::Refused | Step::Completed) && header.transport == Transport::Tcp {
            self.handshake(tally, packet);
        }
        if packet.payload.is_empty() || !matches!(header.transport, Transport::Tcp | Transport::Udp) {
            if header.transport == Transport::Link {
                self.link(tally, packet);
            }
            return;
        }
        let tag = packet.seen.place().map_or(0, |place| conversations.tag(place));
        if tag != UNWANTED || packet.seen.first_payload() {
            self.carried(tally, conversations, packet, tag);
        }
    }

    /// Payload of a conversation that is followed, or may be.
    #[inline(never)]
    fn carried(&mut self, tally: &mut IcsTally, conversations: &mut Conversations, packet: &Packet<'_>, tag: u16) {
        let header = packet.header;
        if tag != 0
            && let Some(stream) = self.streams.get(usize::from(tag) - 1)
            && stream.conversation == packet.conversation
        {
            return self.follow(tally, packet, usize::from(tag) - 1, None);
        }
        let strayed = strayed(packet, tag);
        let on_port = if strayed { Candidates::default() } else { self.on_port(packet) };
        // Only the first words of the other side may still be of interest. The tables of ports need not be asked again.
        if on_port.is_empty()
            && tag == 0
            && let Some(place) = packet.seen.place()
        {
            conversations.set_tag(place, UNWANTED);
        }
        let candidates = if packet.seen.first_payload() || strayed { on_port.union(self.lookup.strong(packet.payload)) } else { on_port };
        if header.has(marks::LATER_FRAGMENT) {
            return;
        }
        if candidates.is_empty() || stray(packet.payload) {
            if packet.seen.first_payload() && (strayed || !on_port.is_empty()) {
                self.misfit(tally, conversations, packet, tag);
            }
            return;
        }
        // A datagram that answers what nobody asked is a reflector's, or late; it says nothing of who would have asked. Announcements to
        // a whole network are something else.
        let announced = is_group(header.target) || header.target.as_v4().is_some_and(|bits| bits & 0xff == 0xff);
        let unasked = header.transport == Transport::Udp
            && packet.seen.opening_seen()
            && packet.seen.by_opener()
            && !packet.seen.two_way()
            && !announced;
        self.begin(tally, conversations, packet, candidates, unasked);
    }

    /// The protocols of the ports that may be the service's.
    fn on_port(&self, packet: &Packet<'_>) -> Candidates {
        let header = packet.header;
        let (source_serves, target_serves) = may_serve(packet);
        let of = |serves: bool, port: u16| if serves { self.lookup.on_port(header.transport, port) } else { Candidates::default() };
        of(target_serves, header.target_port).union(of(source_serves, header.source_port))
    }

    /// A frame without IP.
    #[cold]
    fn link(&mut self, tally: &mut IcsTally, packet: &Packet<'_>) {
        if let Some((mut record, message)) = self.link.observe(packet) {
            let from = tally.texts.len() as u32;
            if self.records < RECORDS_MAX {
                keep_texts(tally, &message.disclosed, packet.payload);
            }
            record.disclosures = (from, tally.texts.len() as u32);
            self.push(tally, record);
        }
    }

    /// The industrial protocol whose service a connection is made with, by its port. None for ports that others use as much, for data
    /// connections, and for what is part of a flood.
    #[inline(always)]
    fn service(&self, packet: &Packet<'_>) -> Option<usize> {
        let port = packet.called_port();
        let index = self.lookup.service(port)?;
        let passed_by = ephemeral(packet.opener_port(), port) || packet.flooded.get() || calls_abroad(index, packet.opening_direction());
        (!passed_by).then_some(index)
    }

    /// A step of a handshake with an industrial port.
    #[inline(always)]
    pub fn handshake(&mut self, tally: &mut IcsTally, packet: &Packet<'_>) {
        let Some(index) = self.service(packet) else { return };
        let told = match packet.seen.step {
            Step::Refused => Told::Refused,
            Step::Completed => Told::Completed,
            _ => Told::Contact,
        };
        self.push(tally, bare(packet, index, told));
    }

    /// A payload to or from an industrial port that is none of its protocols.
    #[cold]
    fn misfit(&mut self, tally: &mut IcsTally, conversations: &mut Conversations, packet: &Packet<'_>, tag: u16) {
        if let Some(place) = packet.seen.place()
            && let Some(tag) = after_misfit(packet, tag)
        {
            conversations.set_tag(place, tag);
        }
        let opens = packet.header.transport == Transport::Tcp && packet.seen.first_payload() && packet.seen.by_opener();
        if opens
            && packet.seen.opening_seen()
            && let Some(index) = self.service(packet)
        {
            self.push(tally, bare(packet, index, Told::Misfit));
        }
    }

    fn push(&mut self, tally: &mut IcsTally, record: Record) {
        if self.records >= RECORDS_MAX {
            tally.evicted += 1;
            return;
        }
        self.records += 1;
        tally.records.push(self.lane, record);
    }

    /// The first payload of a conversation that could be one of the candidates.
    #[cold]
    fn begin(
        &mut self,
        tally: &mut IcsTally,
        conversations: &mut Conversations,
        packet: &Packet<'_>,
        candidates: Candidates,
        unasked: bool,
    ) {
        // Only what speaks, or may yet, gets a place.
        let tried = self.parse(packet, candidates, packet.payload, 0, None);
        if matches!(tried, Tried::No) {
            let tag = packet.seen.place().map_or(0, |place| conversations.tag(place));
            return self.misfit(tally, conversations, packet, tag);
        }
        if matches!(tried, Tried::Short) && packet.header.transport != Transport::Tcp {
            return;
        }
        if unasked && matches!(&tried, Tried::Message(_, message) if message.role == Role::Answer) {
            return;
        }
        let place = self.next_stream;
        self.next_stream = (place + 1) % STREAMS;
        self.drop_heads(place);
        let stream = Stream { conversation: packet.conversation, candidates, ..Stream::default() };
        match self.streams.get_mut(place) {
            Some(before) => *before = stream,
            None => self.streams.push(stream),
        }
        if let Some(next) = self.streams.get_mut(self.next_stream) {
            huge::prefetch_write(next);
        }
        if let Some(conversation) = packet.seen.place() {
            conversations.set_tag(conversation, place as u16 + 1);
        }
        self.follow(tally, packet, place, Some(tried));
    }

    fn drop_heads(&mut self, stream: usize) {
        if self.kept == 0 {
            return;
        }
        for head in &mut self.heads {
            if usize::from(head.owner) == stream {
                head.owner = u16::MAX;
                self.kept -= 1;
            }
        }
    }

    /// A payload of a conversation that is followed; of the first, what its first message turned out to be.
    fn follow(&mut self, tally: &mut IcsTally, packet: &Packet<'_>, place: usize, tried: Option<Tried>) {
        let header = packet.header;
        let side = usize::from(packet.source_low);
        let mut payload = packet.payload;
        if header.transport == Transport::Tcp {
            let state = &mut self.streams[place].sides[side];
            let behind = state.next_seq.map_or(0, |next_seq| next_seq.wrapping_sub(header.seq));
            if behind != 0 {
                if behind < 1 << 31 {
                    // A repetition: what was read before is not read again. The first copy stands.
                    let Some(rest) = payload.get(behind as usize..) else { return };
                    payload = rest;
                    if payload.is_empty() {
                        return;
                    }
                } else {
                    // A gap: what is missing may have held the end of a message; the next segment is taken to begin one.
                    state.skip = 0;
                    self.take_head(place, side);
                }
            }
            let state = &mut self.streams[place].sides[side];
            let fin = u32::from(header.tcp_flags & flags::FIN != 0);
            state.next_seq = Some(header.seq.wrapping_add(header.payload_claimed.into()).wrapping_add(fin));
            let skip = (state.skip as usize).min(payload.len());
            state.skip -= skip as u32;
            payload = &payload[skip..];
            state.skip = state.skip.saturating_sub(cut_off(header));
        }
        if payload.is_empty() {
            return;
        }
        match self.take_head(place, side) {
            None => {
                let left = self.read(tally, packet, place, payload, tried);
                if left > 0 && header.transport == Transport::Tcp && !header.has(marks::CUT) {
                    self.keep_head(place, side, &payload[payload.len() - left..], packet.now_s);
                }
            }
            Some(at) => {
                let len = usize::from(self.heads[at].len);
                let kept = at * HEAD_BYTES;
                let mut bytes = std::mem::take(&mut self.spare);
                bytes[..len].copy_from_slice(&self.head_bytes[kept..kept + len]);
                let take = payload.len().min(HEAD_BYTES - len);
                bytes[len..len + take].copy_from_slice(&payload[..take]);
                let whole = len + take;
                let left = self.read(tally, packet, place, &bytes[..whole], None);
                let rest = whole - left;
                if take == payload.len() && left > 0 {
                    self.head_bytes[kept..kept + left].copy_from_slice(&bytes[rest..whole]);
                    self.heads[at].len = left as u16;
                    self.heads[at].owner = place as u16;
                    self.kept += 1;
                    self.heads[at].side = side as u8;
                    self.heads[at].last_s = packet.now_s;
                }
                self.spare = bytes;
            }
        }
    }

    /// Takes the kept head of a side, if there is one: it is free again unless it is given back.
    fn take_head(&mut self, place: usize, side: usize) -> Option<usize> {
        if self.kept == 0 {
            return None;
        }
        let at = self.heads.iter().position(|head| usize::from(head.owner) == place && usize::from(head.side) == side)?;
        self.heads[at].owner = u16::MAX;
        self.kept -= 1;
        Some(at)
    }

    fn keep_head(&mut self, place: usize, side: usize, bytes: &[u8], now_s: u32) {
        if bytes.len() > HEAD_BYTES {
            return;
        }
        let free = (0..HEADS).min_by_key(|&at| (self.heads[at].owner != u16::MAX, self.heads[at].last_s));
        let Some(at) = free else { return };
        let head = &mut self.heads[at];
        self.kept += usize::from(head.owner == u16::MAX);
        (head.owner, head.side, head.len, head.last_s) = (place as u16, side as u8, bytes.len() as u16, now_s);
        self.head_bytes.resize(HEADS * HEAD_BYTES, 0);
        self.head_bytes[at * HEAD_BYTES..][..bytes.len()].copy_from_slice(bytes);
    }

    /// Reads the messages that begin at the first byte; returns how many bytes at the end are the beginning of one that is not whole.
    /// The first may have been tried already.
    fn read(&mut self, tally: &mut IcsTally, packet: &Packet<'_>, place: usize, bytes: &[u8], mut tried: Option<Tried>) -> usize {
        let mut rest = bytes;
        for _ in 0..MESSAGES_MAX {
            if rest.is_empty() {
                return 0;
            }
            let stream = &self.streams[place];
            let candidates = stream.known.map_or(stream.candidates, |known| Candidates::only(known.into()));
            let tried = tried.take().unwrap_or_else(|| self.parse(packet, candidates, rest, stream.memory, stream.client_low));
            let used = match tried {
                Tried::Short => return rest.len(),
                Tried::No => {
                    // Several protocols begin a conversation alike (S7comm, MMS): where the known one is wrong, another may be right.
                    let stream = &mut self.streams[place];
                    let Some(known) = stream.known.take() else { return 0 };
                    stream.claimed = Some(known);
                    continue;
                }
                Tried::Common(bytes) => bytes,
                Tried::Message(index, message) => {
                    self.note(tally, packet, place, index, &message, rest);
                    message.bytes
                }
            };
            let used = used.max(1);
            if used > rest.len() {
                let header = packet.header;
                if header.transport == Transport::Tcp {
                    let side = usize::from(packet.source_low);
                    let to_come = u32::try_from(used - rest.len()).unwrap_or(u32::MAX);
                    self.streams[place].sides[side].skip = to_come.saturating_sub(cut_off(header));
                }
                return 0;
            }
            rest = &rest[used..];
        }
        0
    }

    fn parse(&self, packet: &Packet<'_>, candidates: Candidates, bytes: &[u8], memory: u16, client_low: Option<bool>) -> Tried {
        let header = packet.header;
        let mut undecided = Tried::No;
        let (source_serves, target_serves) = may_serve(packet);
        for index in candidates.iter() {
            let Some(protocol) = PROTOCOLS.get(index) else { continue };
            let is_port = |number: u16| protocol.ports.iter().any(|port| port.transport == header.transport && port.number == number);
            let (from_port, to_port) = (source_serves && is_port(header.source_port), target_serves && is_port(header.target_port));
            let sender = match client_low {
                Some(low) if low == packet.source_low => Sender::Client,
                Some(_) => Sender::Server,
                None if packet.seen.opening_seen() => by_opener(packet.seen.by_opener()),
                None => match (from_port, to_port) {
                    (true, false) => Sender::Server,
                    (false, true) => Sender::Client,
                    _ => Sender::Unknown,
                },
            };
            let context = Context {
                transport: header.transport,
                on_port: from_port || to_port,
                sender,
                whole: header.transport == Transport::Udp && !header.has(marks::CUT | marks::FIRST_FRAGMENT),
                cut: header.has(marks::CUT),
                fresh: header.transport == Transport::Tcp && packet.seen.opening_seen(),
                memory,
            };
            match (protocol.parse)(bytes, &context) {
                Verdict::Message(message) if contrary(packet, protocol, &message) => {}
                Verdict::Message(message) => return Tried::Message(index as u8, message),
                Verdict::Short => undecided = Tried::Short,
                Verdict::Common(bytes) => undecided = Tried::Common(bytes),
                Verdict::No => {}
            }
        }
        undecided
    }

    #[cold]
    fn note(&mut self, tally: &mut IcsTally, packet: &Packet<'_>, place: usize, index: u8, message: &Message, bytes: &[u8]) {
        let header = packet.header;
        let protocol = PROTOCOLS[usize::from(index)];
        // A contact whose opening told nothing of industry (a datagram's, one with another port) is counted by what it says first.
        let told_before = header.transport == Transport::Tcp && self.service(packet).is_some();
        let stream = &mut self.streams[place];
        let first_contact = packet.first.get() || packet.seen.first_contact();
        let first = stream.known.is_none() && first_contact && !told_before;
        stream.known = Some(index);
        stream.memory = message.memory;
        let claimed = stream.claimed.take();
        let is_port = |number: u16| protocol.ports.iter().any(|port| port.transport == header.transport && port.number == number);
        let from_client = match (message.role, stream.client_low) {
            (Role::Request, _) => true,
            (Role::Answer, _) => false,
            (Role::Either, Some(low)) => low == packet.source_low,
            (Role::Either, None) if packet.seen.opening_seen() => packet.seen.by_opener(),
            (Role::Either, None) => is_port(header.target_port) || !is_port(header.source_port),
        };
        if message.role != Role::Either || stream.client_low.is_none() {
            stream.client_low = Some(packet.source_low == from_client);
        }
        let direction = if from_client { packet.direction } else { packet.direction.reversed() };
        if !self.lookup.things_abroad && calls_abroad(index.into(), direction) {
            return;
        }
        let (client, server, port) = if from_client {
            (header.source, header.target, header.target_port)
        } else {
            (header.target, header.source, header.source_port)
        };
        let (source_serves, target_serves) = may_serve(packet);
        let on_port = is_port(port) && if from_client { target_serves } else { source_serves };
        let from = tally.texts.len() as u32;
        if !from_client && self.records < RECORDS_MAX {
            keep_texts(tally, &message.disclosed, bytes);
        }
        let record = Record {
            client,
            server,
            time_ns: packet.time_ns,
            packets: 1,
            bytes: packet.wire_bytes,
            messages: 1,
            port,
            transport: header.transport,
            told: if from_client { Told::Request } else { Told::Answer },
            index,
            protocol: message.protocol,
            intent: message.intent,
            function: message.function,
            error: message.error,
            sufficient: match protocol.strength {
                Strength::Anywhere | Strength::Port => true,
                // An answer fits the protocol's form in more places than a request, and whoever answers was asked.
                Strength::AnywhereTwice => on_port || !from_client,
                // Where the opening was not seen, neither need what was asked have been; and of a cut frame it may be what is missing.
                Strength::PortTwice => !from_client && (!packet.seen.opening_seen() || header.has(marks::CUT)),
            },
            first,
            contacts: packet.contacts.get(),
            client_country: if from_client { packet.seen.source_country } else { packet.seen.target_country },
            direction,
            attribution: if from_client { packet.source_attribution } else { Attribution::Plausible },
            disclosures: (from, tally.texts.len() as u32),
            claimed,
        };
        self.push(tally, record);
    }

    /// The slice ends.
    pub fn seal(&mut self, tally: &mut IcsTally) {
        self.link.seal(self.lane, tally);
        self.records = 0;
    }
}

/// What a connection tells before, or without, a message in the protocol at this place in the table.
#[inline(always)]
fn bare(packet: &Packet<'_>, index: usize, told: Told) -> Record {
    let by_opener = packet.seen.by_opener();
    Record {
        client: packet.opener(),
        server: packet.called(),
        time_ns: packet.time_ns,
        packets: u32::from(by_opener),
        bytes: if by_opener { packet.wire_bytes } else { 0 },
        messages: 0,
        port: packet.called_port(),
        transport: packet.header.transport,
        told,
        index: index as u8,
        protocol: PROTOCOLS[index].name,
        intent: Intent::Connect,
        function: Function { name: "", code: 0 },
        error: false,
        sufficient: false,
        first: told == Told::Contact && packet.first.get(),
        contacts: packet.contacts.get(),
        client_country: packet.opener_country(),
        direction: packet.opening_direction(),
        attribution: if by_opener { packet.source_attribution } else { Attribution::Plausible },
        disclosures: (0, 0),
        claimed: None,
    }
}

// It lives on the stack for the length of one call, like a verdict.
#[allow(clippy::large_enum_variant)]
enum Tried {
    No,
    Short,
    Common(usize),
    Message(u8, Message),
}

/// Whether a thing at home calls a service abroad, as they do all day: its port alone says nothing of a probe.
fn calls_abroad(index: usize, direction: Direction) -> bool {
    direction == Direction::Outbound && PROTOCOLS[index].sector == THINGS
}

/// Bytes of a segment that were sent and not captured: they do not come any more.
fn cut_off(header: &Header) -> u32 {
    u32::from(header.payload_claimed.saturating_sub(header.payload_bytes))
}

fn by_opener(by_opener: bool) -> Sender {
    if by_opener { Sender::Client } else { Sender::Server }
}

/// Which of the two ports may be the service's: the source's, the target's. Where a connection's opening was seen, it is the one called: a
/// client's may be any number, and a home's address translation hands out 44818 or 1883 as well as any other. Where it was not seen, an
/// ephemeral number opposite a system port is the client's. A datagram's opening is only the first one seen, so either may be.
fn may_serve(packet: &Packet<'_>) -> (bool, bool) {
    let header = packet.header;
    if header.transport != Transport::Tcp {
        return (true, true);
    }
    if packet.seen.opening_seen() {
        let by_opener = packet.seen.by_opener();
        return (!by_opener, by_opener);
    }
    (!ephemeral(header.target_port, header.source_port), !ephemeral(header.source_port, header.target_port))
}

/// Whether the ports say nothing any more of what the sender says: its first words fitted none of their protocols, or the opener's did
/// not, so that nobody answers in one. What is strong enough to stand on any port may still begin.
fn strayed(packet: &Packet<'_>, tag: u16) -> bool {
    match tag {
        UNWANTED | OPENER_STRAYED => true,
        CALLED_STRAYED => !packet.seen.by_opener(),
        _ => false,
    }
}

/// The conversation's tag after a payload that is none of the ports' protocols, if it changes: what a side goes on with after such first
/// words is no protocol of its port but by chance, and nothing is awaited where neither side's first words were one. Only where the
/// opening was seen are the first words the first. Telnet's negotiation, with which terminal servers begin, says nothing of what follows.
fn after_misfit(packet: &Packet<'_>, tag: u16) -> Option<u16> {
    if !packet.seen.first_payload() || !packet.seen.opening_seen() || negotiates(packet.payload) {
        return None;
    }
    match (tag, packet.seen.by_opener()) {
        (0, true) => Some(OPENER_STRAYED),
        (0, false) => Some(CALLED_STRAYED),
        (OPENER_STRAYED | CALLED_STRAYED, _) => Some(UNWANTED),
        _ => None,
    }
}

/// Whether it is Telnet's negotiation of options: IAC, and WILL, WON'T, DO or DON'T (RFC 854).
fn negotiates(payload: &[u8]) -> bool {
    matches!(payload, [0xff, 0xfb..=0xfe, ..])
}

/// Whether a message's own marks contradict the opening that was seen, and prove too little to outweigh it. A device that calls its master
/// does answer as the opener, but speaks a protocol with a strong signature: what only its port makes likely is chance then.
fn contrary(packet: &Packet<'_>, protocol: &Protocol, message: &Message) -> bool {
    let weak = matches!(protocol.strength, Strength::Port | Strength::PortTwice);
    let by_wrong_side = match message.role {
        Role::Request => !packet.seen.by_opener(),
        Role::Answer => packet.seen.by_opener(),
        Role::Either => false,
    };
    weak && by_wrong_side && packet.header.transport == Transport::Tcp && packet.seen.opening_seen()
}

/// Whether a SYN goes from a service port to an ephemeral one, as an FTP server's data connection does.
fn ephemeral(source_port: u16, target_port: u16) -> bool {
    source_port <= SERVICE_MAX && target_port >= EPHEMERAL_MIN
}

fn keep_texts(tally: &mut IcsTally, disclosed: &[Disclosed; DISCLOSED_MAX], bytes: &[u8]) {
    for field in disclosed.iter().filter(|field| !field.field.is_empty()) {
        let mut kept = Text { field: field.field, bytes: [0; TEXT_BYTES], len: 0 };
        let Some(len) = field.write(bytes, &mut kept.bytes) else { continue };
        kept.len = len as u8;
        tally.texts.push(kept);
    }
}
