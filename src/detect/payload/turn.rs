//! A lane at work: which conversation a packet belongs to, who reads it, and when reading ends.

use crate::decode::{Transport, flags};
use crate::detect::conversation::{Conversations, UNWANTED};
use crate::detect::packet::Packet;
use crate::stream::{Order, Place};

use super::flow::{self, FLOWS, Flow, State, Wants, marks};
use super::listener::Listener;
use super::memory::Lane;
use super::reader::{Reader, Talk, alone};
use super::tally::ReadingTally;
use super::web::{self, Goes, Web};

/// Quiet seconds after which a conversation is no longer read. Servers close what is idle after 5 to 120 s; what was begun in it is told
/// then as far as it was seen.
const IDLE_S: u32 = 120;
/// Flows looked at per slice for idleness, at most.
const LOOKS_PER_SLICE: usize = 64;
/// Flows brought into the cache ahead of the one that is looked at.
const LOOKS_AHEAD: usize = 8;

/// A lane at work on a packet, or at a slice's end.
pub struct Turn<'a, L: Listener> {
    pub flows: &'a mut [Flow; FLOWS],
    pub lane: &'a mut Lane<L>,
    pub tally: &'a mut ReadingTally<L::Tally>,
    pub conversations: &'a mut Conversations,
}

/// Bytes, in order, or the want of them.
#[derive(Clone, Copy)]
pub enum Came<'a> {
    Bytes(&'a [u8]),
    /// So many bytes will not come, if it is known how many.
    Missing(Option<u32>),
    End,
}

impl<L: Listener> Turn<'_, L> {
    #[inline]
    pub fn flow(&mut self, at: u16) -> &mut Flow {
        &mut self.flows[usize::from(at) % FLOWS]
    }

    /// Takes note of a packet that may be read; `handle` is what its conversation holds.
    #[inline]
    pub fn read(&mut self, packet: &Packet<'_>, place: u32, handle: u16) {
        self.lane.desk.packet_bytes = packet.wire_bytes;
        let known = handle.checked_sub(1).filter(|&at| self.flow(at).is_of(packet.conversation));
        let at = match known {
            Some(at) => at,
            None if packet.payload.is_empty() => return,
            None => match self.begin(packet, place) {
                Some(at) => at,
                None => return,
            },
        };
        self.flow(at).touch(packet);
        if packet.header.transport == Transport::Udp {
            self.came(at, packet.source_low, Came::Bytes(packet.payload));
        } else {
            self.segment(packet, at);
        }
        let flow = self.flow(at);
        let is_reset = packet.header.tcp_flags & flags::RST != 0 && !flow.datagrams;
        if flow.is_ended() || is_reset || flow.state == State::Over {
            self.give_up(place, at + 1, UNWANTED);
        }
    }

    /// A place for a conversation that was not read so far; none if its first packet says all that there is to read in it.
    #[inline(never)]
    fn begin(&mut self, packet: &Packet<'_>, place: u32) -> Option<u16> {
        let (opener, called) = self.conversations.first_bytes(place);
        let opener_low = packet.seen.by_opener() == packet.source_low;
        let order = |low: bool| {
            let first = if low == opener_low { opener } else { called };
            first.filter(|_| packet.header.transport == Transport::Tcp).map_or(Order::default(), Order::from)
        };
        let at = self.room()?;
        self.conversations.set_reader(place, at + 1);
        *self.flow(at) = Flow::new(packet, place, [order(false), order(true)]);
        if self.asks(at, packet) {
            return None;
        }
        let talk = Talk::new(self.flow(at), packet);
        self.put_reader(at, talk, Reader::Undecided);
        Some(at)
    }

    /// A free place.
    fn room(&mut self) -> Option<u16> {
        loop {
            if let Some(at) = self.lane.places.put() {
                return Some(at);
            }
            let oldest = self.lane.places.first()?;
            // Whose turn is next, and what it needs then.
            if let Some(next) = self.lane.places.behind(oldest) {
                let flow = *self.flow(next);
                self.conversations.touch_place(flow.place);
                self.lane.desk.blocks.touch(&flow.head);
                if let Some(then) = self.lane.places.behind(next) {
                    flow::touch(self.flows, then);
                }
            }
            self.tally.readings.evicted += 1;
            let place = self.flow(oldest).place;
            self.give_up(place, oldest + 1, UNWANTED);
        }
    }

    /// Whether the conversation begins with an ordinary request, whole in its first segment: then its head is all that is kept of it until
    /// something else comes.
    fn asks(&mut self, at: u16, packet: &Packet<'_>) -> bool {
        let (header, low) = (packet.header, packet.source_low);
        let is_next = self.flow(at).side(low).order().place(header.seq, packet.payload.len()) == Place::Next { repeated: 0 };
        let plain = header.transport == Transport::Tcp
            && header.tcp_flags & (flags::SYN | flags::FIN | flags::RST) == 0
            && header.payload_claimed == header.payload_bytes
            && is_next
            && self.lane.desk.announced.is_empty();
        if !plain {
            return false;
        }
        let ends = alone(packet, true);
        let Some(asked) = web::asked(&mut self.lane.desk.room(self.tally, &ends), packet.payload) else { return false };
        let flow = self.flow(at);
        flow.touch(packet);
        flow.acknowledge(packet);
        (flow.state, flow.client_low, flow.head) = (State::Asked, low, asked.head);
        let side = flow.side(low);
        side.place(header.seq, packet.payload.len());
        side.advance(packet.payload.len() as u32);
        side.wants = if asked.is_lost { Wants::Beginning } else { Wants::All };
        true
    }

    /// Gives what was only asked for a reader: more is to be read than a request.
    #[inline(never)]
    pub fn put_asked(&mut self, at: u16, packet: &Packet<'_>) {
        let flow = &mut self.flows[usize::from(at) % FLOWS];
        flow.state = State::Read;
        let talk = Talk::new(flow, packet);
        let reader = Reader::Web(Web::of_asked(&mut self.lane.desk.shelf, flow));
        self.put_reader(at, talk, reader);
    }

    fn put_reader(&mut self, at: u16, talk: Talk, reader: Reader) {
        let readers = &mut self.lane.readers;
        if readers.len() <= usize::from(at) {
            readers.resize_with(usize::from(at) + 1, || None);
        }
        readers[usize::from(at)] = Some((talk, reader));
    }

    /// Hands what came to the flow's reader.
    pub fn came(&mut self, at: u16, low: bool, came: Came<'_>) {
        let flow = &mut self.flows[usize::from(at) % FLOWS];
        let is_lost = flow.side(low).wants == Wants::Beginning;
        match flow.state {
            State::Asked => {
                // Where the side's next message begins is not known any more.
                if matches!(came, Came::Missing(_)) {
                    flow.side(low).wants = Wants::Beginning;
                }
                return;
            }
            State::Read if !is_lost || matches!(came, Came::Bytes(_)) => {}
            _ => return,
        }
        let Some(Some((talk, reader))) = self.lane.readers.get_mut(usize::from(at)) else { return };
        if let (Reader::Undecided, Came::Bytes(bytes)) = (&*reader, came) {
            talk.since_s = flow.last_s();
            let ends = talk.ends(flow, talk.opener_low);
            *reader = Reader::decide(&mut self.lane.desk.room(self.tally, &ends), talk, low, bytes);
        }
        let client_low = reader.client_low(talk);
        let (by_client, ends) = (low == client_low, talk.ends(flow, client_low));
        let room = &mut self.lane.desk.room(self.tally, &ends);
        let goes = match reader {
            Reader::Web(web) => {
                web.catch_up(flow);
                let goes = match came {
                    Came::Bytes(bytes) => web.bytes(room, by_client, bytes),
                    Came::Missing(bytes) => {
                        web.missing(room, by_client, bytes);
                        Goes::On
                    }
                    Came::End => {
                        web.end(room, by_client);
                        Goes::On
                    }
                };
                web.say_wants(flow);
                goes
            }
            Reader::Secure(secure) => match came {
                Came::Bytes(bytes) => secure.bytes(room, by_client, bytes),
                Came::Missing(_) => secure.missing(room, by_client),
                Came::End => Goes::On,
            },
            Reader::Clear(clear) => match came {
                Came::Bytes(bytes) => clear.bytes(room, by_client, bytes),
                Came::Missing(bytes) => clear.missing(room, by_client, bytes),
                Came::End => clear.end(room, by_client),
            },
            // A hole says nothing, and whoever listens has no use for its length.
            Reader::Unknown(unknown) => match came {
                Came::Bytes(bytes) if !unknown.hear(room, by_client, bytes, talk.datagrams) => Goes::Over,
                _ => Goes::On,
            },
            Reader::Undecided => Goes::On,
        };
        if goes != Goes::On {
            let ends = talk.ends(flow, reader.client_low(talk));
            flow.want_all();
            flow.state = if goes == Goes::Anew { State::Read } else { State::Over };
            std::mem::take(reader).finish(&mut self.lane.desk.room(self.tally, &ends));
        }
    }

    /// Ends the reading of a conversation, and leaves `next` as its handle.
    pub fn give_up(&mut self, place: u32, handle: u16, next: u16) {
        self.conversations.change_reader(place, handle, next);
        let Some(at) = handle.checked_sub(1).filter(|_| handle != UNWANTED) else { return };
        for low in [false, true] {
            let side = *self.flow(at).side(low);
            if side.is(marks::WAITS) {
                self.drain(at, low, side.order().next().map(all_before));
                self.lane.desk.held.drop_all(&mut self.lane.desk.blocks, owner(at, low));
            }
        }
        let flow = &mut self.flows[usize::from(at) % FLOWS];
        match std::mem::take(&mut flow.state) {
            State::Free => return,
            State::Asked => web::forget(&mut self.lane.desk.shelf, &mut self.lane.desk.blocks, flow),
            State::Read | State::Over => {
                if let Some((talk, reader)) = self.lane.readers.get_mut(usize::from(at)).and_then(Option::take) {
                    let ends = talk.ends(flow, reader.client_low(&talk));
                    reader.finish(&mut self.lane.desk.room(self.tally, &ends));
                }
            }
        }
        self.lane.places.give_back(at);
    }

    /// The slice ends: whoever was quiet for long is not read any more, and nobody once the input ends.
    pub fn seal(&mut self, now_s: u32, last: bool) {
        let looks = if last { FLOWS } else { LOOKS_PER_SLICE };
        let mut ahead = self.lane.places.first();
        for _ in 0..LOOKS_AHEAD {
            ahead = self.look_ahead(ahead);
        }
        for _ in 0..looks {
            ahead = self.look_ahead(ahead);
            let Some(at) = self.lane.places.first() else { break };
            let flow = self.flow(at);
            if now_s.saturating_sub(flow.last_s()) < IDLE_S && !last {
                self.lane.places.move_last(at);
                continue;
            }
            let place = flow.place;
            self.give_up(place, at + 1, 0);
        }
        self.lane.desk.listener.seal(&mut self.tally.listeners);
    }

    /// Brings a flow into the cache whose turn will come; returns the one behind it.
    fn look_ahead(&self, at: Option<u16>) -> Option<u16> {
        let at = at?;
        flow::touch(self.flows, at);
        self.lane.places.behind(at)
    }
}

/// Whose bytes wait: a flow's, of one side.
pub fn owner(at: u16, low: bool) -> u32 {
    u32::from(at) << 1 | u32::from(low)
}

/// A number behind all that can wait.
fn all_before(next: u32) -> u32 {
    next.wrapping_add((1 << 31) - 1)
}
