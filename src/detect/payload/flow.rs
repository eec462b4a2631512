//! The conversations that a lane reads, and whose turn it is to make room.

use crate::addr::Addr;
use crate::attribute::{Country, Direction};
use crate::detect::packet::Packet;
use crate::huge;
use crate::protocol::carried::Ends;
use crate::stream::Order;

use super::clear::Clear;
use super::listener::Listener;
use super::secure::Secure;
use super::unknown::Unknown;
use super::web::{Room, Web};

/// Conversations read per lane at a time: 65,536 in all.
pub const FLOWS: usize = 1024;
/// No flow.
const NONE: u16 = u16::MAX;

/// One side of a conversation.
#[derive(Clone, Copy, Debug)]
pub struct Side {
    pub addr: Addr,
    pub port: u16,
    pub country: Country,
    /// It proved to hold its address.
    pub proved: bool,
    pub order: Order,
    /// The greatest number that the other side acknowledged, once it has.
    pub acked: Option<u32>,
    /// Where its FIN stands.
    pub fin: Option<u32>,
    /// Its stream is over, and was told so.
    pub ended: bool,
    /// Segments of it wait behind a hole.
    pub waits: bool,
}

/// Who reads what a conversation carries.
#[derive(Debug, Default)]
pub enum Reader {
    /// Nothing was seen yet: the first bytes are missing.
    #[default]
    Undecided,
    /// None of the protocols that have a reader.
    Unknown(Unknown),
    Web(Web),
    Secure(Secure),
    /// Another protocol in clear text.
    Clear(Clear),
    /// Nobody: what comes is only put in its place.
    Nobody,
}

impl Reader {
    /// Whether the client is the lower end.
    pub fn client_low(&self, talk: &Talk) -> bool {
        match self {
            Reader::Web(web) => web.client_low,
            Reader::Secure(secure) => secure.client_low,
            Reader::Clear(clear) => clear.client_low(talk),
            Reader::Undecided | Reader::Unknown(_) | Reader::Nobody => talk.opener_low,
        }
    }

    /// The conversation is over, or nobody reads on.
    pub fn finish<L: Listener>(self, room: &mut Room<'_, L>) {
        match self {
            Reader::Web(mut web) => web.finish(room),
            Reader::Secure(mut secure) => secure.finish(room),
            Reader::Clear(clear) => clear.finish(room),
            Reader::Unknown(mut unknown) => unknown.drop_all(room.blocks),
            Reader::Undecided | Reader::Nobody => {}
        }
    }
}

/// One conversation, and who reads it.
#[derive(Debug)]
pub struct Flow {
    pub talk: Talk,
    pub reader: Reader,
}

/// One conversation.
#[derive(Debug)]
pub struct Talk {
    pub conversation: u64,
    /// Where it stands in the table of conversations.
    pub place: u32,
    /// Last slice with a packet that was read.
    pub last_s: u32,
    /// Whoever opened it is the lower end.
    pub opener_low: bool,
    /// From the higher to the lower end.
    pub direction_to_low: Direction,
    pub datagrams: bool,
    pub start_ns: u64,
    pub now_ns: u64,
    /// Packets that were read, and their bytes on the wire.
    pub packets: u32,
    pub bytes: u64,
    /// By whether the side is the lower end.
    pub sides: [Side; 2],
}

impl Talk {
    /// Of the conversation of a packet that is read.
    pub fn new(packet: &Packet<'_>, place: u32, orders: [Order; 2]) -> Self {
        let header = packet.header;
        let source_low = packet.source_low;
        let side = |low: bool| {
            let is_source = low == source_low;
            let (addr, port) = if is_source { (header.source, header.source_port) } else { (header.target, header.target_port) };
            let country = if is_source { packet.seen.source_country } else { packet.seen.target_country };
            Side { addr, port, country, proved: false, order: orders[usize::from(low)], acked: None, fin: None, ended: false, waits: false }
        };
        Talk {
            conversation: packet.conversation,
            place,
            last_s: packet.now_s,
            opener_low: packet.seen.by_opener() == source_low,
            direction_to_low: if source_low { packet.direction.reversed() } else { packet.direction },
            datagrams: header.transport != crate::decode::Transport::Tcp,
            start_ns: packet.time_ns,
            now_ns: packet.time_ns,
            packets: 0,
            bytes: 0,
            sides: [side(false), side(true)],
        }
    }

    /// Takes note of a packet that is read.
    #[inline]
    pub fn touch(&mut self, packet: &Packet<'_>) {
        self.last_s = packet.now_s;
        self.now_ns = packet.time_ns;
        self.packets += 1;
        self.bytes += u64::from(packet.wire_bytes);
        self.sides[usize::from(packet.source_low)].proved |= packet.seen.source_proved();
    }

    /// The two ends, where the client is the lower end or not.
    pub fn ends(&self, client_low: bool) -> Ends {
        let (client, server) = (&self.sides[usize::from(client_low)], &self.sides[usize::from(!client_low)]);
        Ends {
            client: client.addr,
            server: server.addr,
            client_port: client.port,
            server_port: server.port,
            client_country: client.country,
            server_country: server.country,
            direction: if client_low { self.direction_to_low.reversed() } else { self.direction_to_low },
            client_proved: client.proved,
            server_proved: server.proved,
            conversation: self.conversation,
            start_ns: self.start_ns,
            now_ns: self.now_ns,
            packets: self.packets,
            bytes: self.bytes,
        }
    }
}

/// The flows of a lane, in the order in which they are looked at for idleness.
pub struct Flows {
    flows: Vec<Option<Flow>>,
    /// By flow: the one before and the one behind it.
    links: Vec<(u16, u16)>,
    first: u16,
    last: u16,
    free: Vec<u16>,
}

impl Flows {
    pub fn new(room: usize) -> Self {
        let room = room.min(usize::from(NONE));
        Flows { flows: Vec::with_capacity(room), links: Vec::with_capacity(room), first: NONE, last: NONE, free: Vec::with_capacity(room) }
    }

    /// A flow by its place.
    #[inline]
    pub fn get_mut(&mut self, at: u16) -> Option<&mut Flow> {
        self.flows.get_mut(usize::from(at)).and_then(Option::as_mut)
    }

    /// Brings a flow into the cache before its turn.
    #[inline]
    pub fn touch(&self, at: u16) {
        if let Some(flow) = self.flows.get(usize::from(at)) {
            huge::prefetch_whole(flow);
        }
    }

    /// The one whose turn it is.
    pub fn first(&self) -> Option<u16> {
        (self.first != NONE).then_some(self.first)
    }

    /// Puts a flow into a free place; `None` if there is none.
    pub fn put(&mut self, flow: Flow) -> Option<u16> {
        let at = match self.free.pop() {
            Some(at) => at,
            None if self.flows.len() < self.flows.capacity() => {
                self.flows.push(None);
                self.links.push((NONE, NONE));
                (self.flows.len() - 1) as u16
            }
            None => return None,
        };
        self.flows[usize::from(at)] = Some(flow);
        self.link_last(at);
        Some(at)
    }

    /// Takes a flow out.
    pub fn take(&mut self, at: u16) -> Option<Flow> {
        let flow = self.flows.get_mut(usize::from(at))?.take()?;
        self.unlink(at);
        self.free.push(at);
        Some(flow)
    }

    /// Puts a flow at the end of the order.
    pub fn move_last(&mut self, at: u16) {
        self.unlink(at);
        self.link_last(at);
    }

    fn link_last(&mut self, at: u16) {
        self.links[usize::from(at)] = (self.last, NONE);
        match self.last {
            NONE => self.first = at,
            last => self.links[usize::from(last)].1 = at,
        }
        self.last = at;
    }

    fn unlink(&mut self, at: u16) {
        let (before, behind) = self.links[usize::from(at)];
        match before {
            NONE => self.first = behind,
            before => self.links[usize::from(before)].1 = behind,
        }
        match behind {
            NONE => self.last = before,
            behind => self.links[usize::from(behind)].0 = before,
        }
    }
}
