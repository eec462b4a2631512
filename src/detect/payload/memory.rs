//! A lane's memory of what conversations carry: which of them are read, by whom, and each side's bytes in order.

use crate::decode::{Transport, flags, marks};
use crate::detect::conversation::{Conversations, Step, UNWANTED};
use crate::detect::packet::Packet;
use crate::detect::{Keep, SliceEnd};
use crate::stream::{Blocks, Held, Order, Place};

use super::clear::{self, Clear};
use super::expected::Announced;
use super::flow::{FLOWS, Flow, Flows, Reader, Talk};
use super::listener::Listener;
use super::secure::{self, Secure};
use super::tally::ReadingTally;
use super::unknown::Unknown;
use super::web::{Goes, Room, Shelf, Web};
use crate::protocol::carried::Ends;
use crate::protocol::http::head;

/// A conversation's handle once nobody wants any more of it: a packet of it costs one look-up.
const NOBODY: u16 = UNWANTED;
/// Blocks of one lane: 512 KiB, 32 MiB in all.
const BLOCKS: usize = 1024;
/// Stretches of bytes that wait behind holes, per lane.
const STRETCHES: usize = 64;
/// Bytes of one side that wait behind a hole, at most: as much as a window without scaling (RFC 9293 section 3.1).
const WAITING_BYTES_MAX: usize = 64 * 1024;
/// Quiet seconds after which a conversation is no longer read. Servers close what is idle after 5 to 120 s; what was begun in it is told
/// then as far as it was seen.
const IDLE_S: u32 = 120;
/// Flows looked at per slice for idleness, at most.
const LOOKS_PER_SLICE: usize = 64;

/// A lane's memory, and whoever listens.
pub struct Reading<L: Listener> {
    flows: Flows,
    desk: Desk<L>,
    /// Bytes from behind a hole while they are read.
    late: Vec<u8>,
}

/// What the readers of a lane's flows share.
pub struct Desk<L: Listener> {
    pub blocks: Blocks,
    pub held: Held,
    pub scratch: Vec<u8>,
    pub shelf: Shelf,
    pub held_secure: usize,
    pub announced: Announced,
    pub listener: L,
}

impl<L: Listener> Desk<L> {
    fn room<'a>(&'a mut self, tally: &'a mut ReadingTally<L::Tally>, ends: &'a Ends) -> Room<'a, L> {
        Room {
            blocks: &mut self.blocks,
            scratch: &mut self.scratch,
            shelf: &mut self.shelf,
            held_secure: &mut self.held_secure,
            listener: &mut self.listener,
            tally: &mut tally.listeners,
            readings: &mut tally.readings,
            announced: &mut self.announced,
            ends,
        }
    }
}

/// Bytes, in order, or the want of them.
#[derive(Clone, Copy)]
enum Came<'a> {
    Bytes(&'a [u8]),
    /// So many bytes will not come, if it is known how many.
    Missing(Option<u32>),
    End,
}

impl<L: Listener> Reading<L> {
    pub fn new(listener: L, keep: Keep) -> Self {
        let desk = Desk {
            blocks: Blocks::new(BLOCKS),
            held: Held::new(STRETCHES),
            scratch: Vec::new(),
            shelf: Shelf::new(keep),
            held_secure: 0,
            announced: Announced::default(),
            listener,
        };
        Reading { flows: Flows::new(FLOWS), desk, late: Vec::new() }
    }

    /// Brings the flow of a conversation into the cache before its turn; `handle` is what the conversation holds.
    #[inline]
    pub fn touch(&self, handle: u16) {
        if let Some(at) = handle.checked_sub(1) {
            self.flows.touch(at);
        }
    }

    /// Whether somebody listens to every packet with payload, wanted or not.
    #[inline]
    pub fn hears_all(&self) -> bool {
        self.desk.listener.hears_all()
    }

    /// Takes note of a packet.
    #[inline]
    pub fn observe(&mut self, tally: &mut ReadingTally<L::Tally>, conversations: &mut Conversations, packet: &Packet<'_>) {
        self.desk.listener.packet(&mut tally.listeners, packet);
        let Some(place) = packet.seen.place() else { return };
        let handle = conversations.reader(place);
        if packet.seen.step == Step::Syn {
            if handle != 0 {
                self.give_up(tally, conversations, place, handle, 0);
            }
            return;
        }
        if handle == NOBODY || !matches!(packet.header.transport, Transport::Tcp | Transport::Udp) {
            return;
        }
        let closing = packet.header.transport == Transport::Tcp && packet.header.tcp_flags & (flags::FIN | flags::RST) != 0;
        if packet.payload.is_empty() && !(closing && handle != 0) || packet.header.has(marks::LATER_FRAGMENT) {
            return;
        }
        // Names are asked for so often that they get no place: each datagram says all.
        if packet.header.transport == Transport::Udp
            && handle == 0
            && let Some((message, talk, client_low)) = clear::datagram(packet)
        {
            self.desk.listener.dns(&mut tally.listeners, &talk.ends(client_low), &message);
            return;
        }
        self.read(tally, conversations, packet, place, handle);
    }

    fn read(
        &mut self,
        tally: &mut ReadingTally<L::Tally>,
        conversations: &mut Conversations,
        packet: &Packet<'_>,
        place: u32,
        handle: u16,
    ) {
        let known = handle.checked_sub(1);
        let is_mine = |flow: &mut Flow| flow.talk.conversation == packet.conversation;
        let at = match known {
            Some(at) if self.flows.get_mut(at).is_some_and(is_mine) => at,
            _ if packet.payload.is_empty() => return,
            _ => self.begin(tally, conversations, packet, place),
        };
        let Some(flow) = self.flows.get_mut(at) else { return };
        flow.talk.touch(packet);
        if packet.header.transport == Transport::Udp {
            self.came(tally, at, packet.source_low, Came::Bytes(packet.payload));
        } else {
            self.segment(tally, packet, at);
        }
        let over = |flow: &mut Flow| {
            let ended = flow.talk.sides.iter().all(|side| side.ended) || packet.header.tcp_flags & flags::RST != 0 && !flow.talk.datagrams;
            ended || matches!(flow.reader, Reader::Nobody)
        };
        if self.flows.get_mut(at).is_some_and(over) {
            self.give_up(tally, conversations, place, at + 1, NOBODY);
        }
    }

    /// A place for a conversation that was not read so far.
    fn begin(&mut self, tally: &mut ReadingTally<L::Tally>, conversations: &mut Conversations, packet: &Packet<'_>, place: u32) -> u16 {
        let (opener, called) = conversations.first_bytes(place);
        let opener_low = packet.seen.by_opener() == packet.source_low;
        let order = |low: bool| {
            let first = if low == opener_low { opener } else { called };
            first.filter(|_| packet.header.transport == Transport::Tcp).map_or(Order::default(), Order::from)
        };
        let orders = [order(false), order(true)];
        let fresh = || Flow { talk: Talk::new(packet, place, orders), reader: Reader::Undecided };
        let mut flow = fresh();
        loop {
            // The flow is made anew for each try: a place is nearly always free.
            match self.flows.put(flow) {
                Some(at) => {
                    conversations.set_reader(place, at + 1);
                    return at;
                }
                None => flow = fresh(),
            }
            let Some(oldest) = self.flows.first() else { return u16::MAX };
            tally.readings.evicted += 1;
            let of = self.flows.get_mut(oldest).map_or(place, |flow| flow.talk.place);
            self.give_up(tally, conversations, of, oldest + 1, NOBODY);
        }
    }

    /// A TCP segment of a flow.
    fn segment(&mut self, tally: &mut ReadingTally<L::Tally>, packet: &Packet<'_>, at: u16) {
        let header = packet.header;
        let low = packet.source_low;
        let owner = owner(at, low);
        let Some(flow) = self.flows.get_mut(at) else { return };
        if header.tcp_flags & flags::ACK != 0 {
            let theirs = &mut flow.talk.sides[usize::from(!low)];
            if theirs.acked.is_none_or(|acked| header.ack.wrapping_sub(acked) < 1 << 31) {
                theirs.acked = Some(header.ack);
            }
        }
        let side = &mut flow.talk.sides[usize::from(low)];
        let mut payload = packet.payload;
        if !payload.is_empty() {
            match side.order.place(header.seq, payload.len()) {
                Place::Next { repeated } => payload = &payload[repeated..],
                Place::Repeated => payload = &[],
                Place::Ahead { missing } => {
                    let end = header.seq.wrapping_add(payload.len() as u32);
                    // What the other side has got and was not seen here will not come again.
                    let lost = side.acked.is_some_and(|acked| acked.wrapping_sub(header.seq) < 1 << 31);
                    let waiting = if side.waits { self.desk.held.bytes(owner) } else { 0 };
                    let may_wait = !lost && waiting + payload.len() <= WAITING_BYTES_MAX;
                    side.waits |= may_wait;
                    if may_wait && self.desk.held.keep(&mut self.desk.blocks, owner, header.seq, payload) {
                        payload = &[];
                    } else {
                        tally.readings.over_budget += u64::from(!lost);
                        let first = self.desk.held.first(owner, side.order.next().unwrap_or(header.seq));
                        let missing = first.map_or(missing, |first| side.order.missing_before(first).min(missing));
                        self.missing(tally, at, low, missing);
                        self.drain(tally, at, low, Some(header.seq));
                        payload = self.flows.get_mut(at).map_or(&[][..], |flow| {
                            let done = flow.talk.sides[usize::from(low)].order.missing_before(end).min(payload.len() as u32);
                            &payload[payload.len() - done as usize..]
                        });
                    }
                }
                Place::Elsewhere => {
                    if std::mem::take(&mut side.waits) {
                        self.desk.held.drop_all(&mut self.desk.blocks, owner);
                    }
                    side.order.jump(header.seq);
                    tally.readings.gaps += 1;
                    self.came(tally, at, low, Came::Missing(None));
                }
            }
        }
        if !payload.is_empty() {
            self.take(tally, at, low, payload);
        }
        let cut = u32::from(header.payload_claimed.saturating_sub(header.payload_bytes));
        if cut > 0 && !packet.payload.is_empty() {
            let end = header.seq.wrapping_add(u32::from(header.payload_claimed));
            let missing = self.flows.get_mut(at).map_or(0, |flow| flow.talk.sides[usize::from(low)].order.missing_before(end));
            self.missing(tally, at, low, missing.min(cut));
        }
        self.drain(tally, at, low, None);
        if header.tcp_flags & flags::FIN != 0
            && let Some(flow) = self.flows.get_mut(at)
        {
            flow.talk.sides[usize::from(low)].fin = Some(header.seq.wrapping_add(u32::from(header.payload_claimed)));
        }
        self.end(tally, at, low);
    }

    /// Bytes that come next.
    fn take(&mut self, tally: &mut ReadingTally<L::Tally>, at: u16, low: bool, bytes: &[u8]) {
        if let Some(flow) = self.flows.get_mut(at) {
            flow.talk.sides[usize::from(low)].order.advance(bytes.len() as u32);
        }
        self.came(tally, at, low, Came::Bytes(bytes));
    }

    /// Bytes that will not come.
    fn missing(&mut self, tally: &mut ReadingTally<L::Tally>, at: u16, low: bool, bytes: u32) {
        if bytes == 0 {
            return;
        }
        if let Some(flow) = self.flows.get_mut(at) {
            flow.talk.sides[usize::from(low)].order.advance(bytes);
        }
        tally.readings.gaps += 1;
        tally.readings.gap_bytes += u64::from(bytes);
        self.came(tally, at, low, Came::Missing(Some(bytes)));
    }

    /// Takes what waited, as far as it comes next; up to a number all that waited, holes or not.
    fn drain(&mut self, tally: &mut ReadingTally<L::Tally>, at: u16, low: bool, until: Option<u32>) {
        let owner = owner(at, low);
        loop {
            let Some(flow) = self.flows.get_mut(at) else { return };
            let side = &mut flow.talk.sides[usize::from(low)];
            let Some(next) = side.order.next().filter(|_| side.waits) else { return };
            let mut late = std::mem::take(&mut self.late);
            late.clear();
            let found = self.desk.held.take(&mut self.desk.blocks, owner, next, &mut late);
            if found {
                self.take(tally, at, low, &late);
            }
            self.late = late;
            if found {
                continue;
            }
            let Some(first) = self.desk.held.first(owner, next) else {
                if let Some(flow) = self.flows.get_mut(at) {
                    flow.talk.sides[usize::from(low)].waits = false;
                }
                return;
            };
            // What the other side has got by now, or what must make room, is not waited for.
            let Some(flow) = self.flows.get_mut(at) else { return };
            let side = &flow.talk.sides[usize::from(low)];
            let lost = side.acked.is_some_and(|acked| acked.wrapping_sub(first) < 1 << 31);
            let ends = until.is_some_and(|until| until.wrapping_sub(first) < 1 << 31);
            if !lost && !ends {
                return;
            }
            let missing = side.order.missing_before(first);
            if missing == 0 {
                self.desk.held.drop_all(&mut self.desk.blocks, owner);
                return;
            }
            self.missing(tally, at, low, missing);
        }
    }

    /// A side's stream is over once all before its FIN has come.
    fn end(&mut self, tally: &mut ReadingTally<L::Tally>, at: u16, low: bool) {
        let Some(flow) = self.flows.get_mut(at) else { return };
        let side = &mut flow.talk.sides[usize::from(low)];
        if side.ended || side.fin.is_none() || side.fin != side.order.next() && side.order.next().is_some() {
            return;
        }
        side.ended = true;
        self.came(tally, at, low, Came::End);
    }

    /// Hands what came to the flow's reader.
    fn came(&mut self, tally: &mut ReadingTally<L::Tally>, at: u16, low: bool, came: Came<'_>) {
        let Some(Flow { talk, reader }) = self.flows.get_mut(at) else { return };
        if let (Reader::Undecided, Came::Bytes(bytes)) = (&reader, came) {
            let ends = talk.ends(talk.opener_low);
            *reader = decide(&mut self.desk.room(tally, &ends), talk, low, bytes);
        }
        let goes = match reader {
            Reader::Web(web) => {
                let by_client = low == web.client_low;
                let ends = talk.ends(web.client_low);
                let room = &mut self.desk.room(tally, &ends);
                match came {
                    Came::Bytes(bytes) => web.bytes(room, by_client, bytes),
                    Came::Missing(bytes) => {
                        web.missing(room, by_client, bytes);
                        Goes::On
                    }
                    Came::End => {
                        web.end(room, by_client);
                        Goes::On
                    }
                }
            }
            Reader::Secure(secure) => {
                let by_client = low == secure.client_low;
                let ends = talk.ends(secure.client_low);
                let room = &mut self.desk.room(tally, &ends);
                match came {
                    Came::Bytes(bytes) => secure.bytes(room, by_client, bytes),
                    Came::Missing(_) => secure.missing(room, by_client),
                    Came::End => Goes::On,
                }
            }
            Reader::Clear(clear) => {
                let client_low = clear.client_low(talk);
                let (by_client, ends) = (low == client_low, talk.ends(client_low));
                let room = &mut self.desk.room(tally, &ends);
                match came {
                    Came::Bytes(bytes) => clear.bytes(room, by_client, bytes),
                    Came::Missing(bytes) => clear.missing(room, by_client, bytes),
                    Came::End => clear.end(room, by_client),
                }
            }
            Reader::Unknown(unknown) => {
                let ends = talk.ends(talk.opener_low);
                match came {
                    Came::Bytes(bytes)
                        if !unknown.hear(&mut self.desk.room(tally, &ends), low == talk.opener_low, bytes, talk.datagrams) =>
                    {
                        Goes::Over
                    }
                    // A hole says nothing, and whoever listens has no use for its length.
                    _ => Goes::On,
                }
            }
            Reader::Undecided => Goes::On,
            Reader::Nobody => Goes::Over,
        };
        if goes != Goes::On {
            let ends = talk.ends(reader.client_low(talk));
            let next = if goes == Goes::Anew { Reader::Undecided } else { Reader::Nobody };
            std::mem::replace(reader, next).finish(&mut self.desk.room(tally, &ends));
        }
    }

    /// Ends the reading of a conversation, and leaves `next` as its handle.
    fn give_up(&mut self, tally: &mut ReadingTally<L::Tally>, conversations: &mut Conversations, place: u32, handle: u16, next: u16) {
        conversations.change_reader(place, handle, next);
        let Some(at) = handle.checked_sub(1).filter(|_| handle != NOBODY) else { return };
        for low in [false, true] {
            let side = self.flows.get_mut(at).map(|flow| flow.talk.sides[usize::from(low)]);
            if let Some(side) = side.filter(|side| side.waits) {
                self.drain(tally, at, low, side.order.next().map(all_before));
                self.desk.held.drop_all(&mut self.desk.blocks, owner(at, low));
            }
        }
        let Some(mut flow) = self.flows.take(at) else { return };
        let client_low = flow.reader.client_low(&flow.talk);
        let ends = flow.talk.ends(client_low);
        std::mem::take(&mut flow.reader).finish(&mut self.desk.room(tally, &ends));
    }

    /// The slice ends: whoever was quiet for long is not read any more, and nobody once the input ends.
    pub(in crate::detect) fn seal(&mut self, tally: &mut ReadingTally<L::Tally>, end: &mut SliceEnd<'_>) {
        let looks = if end.last { FLOWS } else { LOOKS_PER_SLICE };
        for _ in 0..looks {
            let Some(at) = self.flows.first() else { break };
            let Some(flow) = self.flows.get_mut(at) else { break };
            if end.now_s.saturating_sub(flow.talk.last_s) < IDLE_S && !end.last {
                self.flows.move_last(at);
                continue;
            }
            let place = flow.talk.place;
            self.give_up(tally, end.conversations, place, at + 1, 0);
        }
        self.desk.listener.seal(&mut tally.listeners);
    }
}

/// Who reads a conversation that begins with these bytes.
fn decide<L: Listener>(room: &mut Room<'_, L>, talk: &Talk, low: bool, bytes: &[u8]) -> Reader {
    if talk.datagrams {
        Clear::decide(room, talk, low, bytes).map_or_else(|| Reader::Unknown(Unknown::default()), Reader::Clear)
    } else if let Some(clear) = Clear::announced(room, talk) {
        Reader::Clear(clear)
    } else if head::begins_request(bytes) {
        Reader::Web(Web::new(low))
    } else if bytes.len() > 8 && head::begins_response(bytes) {
        Reader::Web(Web::new(!low))
    } else if let Some(by_client) = secure::begins(bytes) {
        Reader::Secure(Secure::new(low == by_client))
    } else {
        Clear::decide(room, talk, low, bytes).map_or_else(|| Reader::Unknown(Unknown::default()), Reader::Clear)
    }
}

/// Whose bytes wait: a flow's, of one side.
fn owner(at: u16, low: bool) -> u32 {
    u32::from(at) << 1 | u32::from(low)
}

/// A number behind all that can wait.
fn all_before(next: u32) -> u32 {
    next.wrapping_add((1 << 31) - 1)
}
