//! The conversations that a lane reads: what each packet needs of one, and whose turn it is to make room.

use crate::detect::packet::Packet;
use crate::huge;
use crate::protocol::carried::Ends;
use crate::stream::{Order, Parked, Place};

/// Conversations read per lane at a time: 65,536 in all.
pub const FLOWS: usize = 1024;
/// No flow.
const NONE: u16 = u16::MAX;

/// How far the reading of a conversation has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum State {
    /// A free place.
    #[default]
    Free,
    /// An ordinary request was asked in one segment, and nothing was answered yet: a line of numbers and the request's head are all there
    /// is of it.
    Asked,
    /// A reader has it.
    Read,
    /// Nobody reads on.
    Over,
}

/// What the reader of a side has use for.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
#[repr(u8)]
pub enum Wants {
    /// Whatever comes.
    #[default]
    All,
    /// Nothing but a segment that begins a message.
    Beginning,
    /// Not the next [`Side::passing`] bytes.
    Later,
}

/// What is kept of one side for every packet.
#[derive(Clone, Copy, Debug, Default)]
pub struct Side {
    /// The number of the byte that comes next, if [`marks::BEGUN`].
    next: u32,
    /// The greatest number that the other side acknowledged, if [`marks::ACKED`].
    pub acked: u32,
    /// Bytes that may pass unread, where the side [`Wants::Later`].
    pub passing: u32,
    /// See [`marks`].
    pub marks: u8,
    pub wants: Wants,
}

/// Bits of [`Side::marks`].
pub mod marks {
    /// The other side has acknowledged something.
    pub const ACKED: u8 = 0x01;
    /// Its FIN was seen.
    pub const FIN: u8 = 0x02;
    /// Its stream is over, and was told so.
    pub const ENDED: u8 = 0x04;
    /// Segments of it wait behind a hole.
    pub const WAITS: u8 = 0x08;
    /// It proved to hold its address.
    pub const PROVED: u8 = 0x10;
    /// The order of its bytes is known.
    pub const BEGUN: u8 = 0x20;
}

impl Side {
    fn new(order: Order) -> Self {
        let mut side = Side::default();
        side.set(order);
        side
    }

    #[inline]
    pub fn order(&self) -> Order {
        if self.is(marks::BEGUN) { Order::from(self.next) } else { Order::default() }
    }

    #[inline]
    fn set(&mut self, order: Order) {
        if let Some(next) = order.next() {
            self.next = next;
            self.marks |= marks::BEGUN;
        }
    }

    /// See [`Order::place`].
    #[inline]
    pub fn place(&mut self, seq: u32, bytes: usize) -> Place {
        let mut order = self.order();
        let place = order.place(seq, bytes);
        self.set(order);
        place
    }

    /// See [`Order::advance`].
    #[inline]
    pub fn advance(&mut self, bytes: u32) {
        self.next = self.next.wrapping_add(bytes);
    }

    /// See [`Order::jump`].
    pub fn jump(&mut self, seq: u32) {
        self.set(Order::from(seq));
    }

    #[inline]
    pub fn is(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }

    /// What the other side acknowledged, once it has.
    #[inline]
    pub fn has_acked(&self) -> Option<u32> {
        self.is(marks::ACKED).then_some(self.acked)
    }
}

/// One conversation: nearly every packet of it needs the first cache line alone.
#[derive(Clone, Copy, Debug, Default)]
#[repr(C, align(64))]
pub struct Flow {
    pub conversation: u64,
    pub now_ns: u64,
    /// Bytes on the wire of the packets that were read.
    pub bytes: u64,
    /// By whether the side is the lower end.
    pub sides: [Side; 2],
    pub packets: u32,
    pub state: State,
    /// Whoever opened it is the lower end.
    pub opener_low: bool,
    /// The client of HTTP is the lower end.
    pub client_low: bool,
    pub datagrams: bool,
    // The second line: what its beginning and its end need.
    pub start_ns: u64,
    /// Where it stands in the table of conversations.
    pub place: u32,
    /// Where each side's FIN stands, if [`marks::FIN`].
    pub fin: [u32; 2],
    /// The head of the request, of what was only asked for.
    pub head: Parked,
}

const _: () = assert!(size_of::<Flow>() == 128, "two cache lines");

impl Flow {
    /// Of the conversation of a packet that is not taken note of yet.
    pub fn new(packet: &Packet<'_>, place: u32, orders: [Order; 2]) -> Self {
        Flow {
            conversation: packet.conversation,
            place,
            opener_low: packet.seen.by_opener() == packet.source_low,
            datagrams: packet.header.transport != crate::decode::Transport::Tcp,
            start_ns: packet.time_ns,
            now_ns: packet.time_ns,
            sides: orders.map(Side::new),
            state: State::Read,
            ..Flow::default()
        }
    }

    /// Takes note of a packet that is read.
    #[inline]
    pub fn touch(&mut self, packet: &Packet<'_>) {
        self.now_ns = packet.time_ns;
        self.packets += 1;
        self.bytes += u64::from(packet.wire_bytes);
        if packet.seen.source_proved() {
            self.side(packet.source_low).marks |= marks::PROVED;
        }
    }

    /// Whether it is this conversation's.
    #[inline]
    pub fn is_of(&self, conversation: u64) -> bool {
        self.conversation == conversation && self.state != State::Free
    }

    /// Whatever comes is read.
    pub fn want_all(&mut self) {
        self.sides.iter_mut().for_each(|side| side.wants = Wants::All);
    }

    #[inline]
    pub fn side(&mut self, low: bool) -> &mut Side {
        &mut self.sides[usize::from(low)]
    }

    /// The slice of the last packet, in seconds.
    pub fn last_s(&self) -> u32 {
        (self.now_ns / crate::conclude::SLICE_NS) as u32
    }

    /// Both sides' streams are over.
    #[inline]
    pub fn is_ended(&self) -> bool {
        self.sides[0].marks & self.sides[1].marks & marks::ENDED != 0
    }

    /// How far the conversation has come, put in between its ends.
    pub fn fill(&self, ends: Ends, client_low: bool) -> Ends {
        let is_proved = |low: bool| self.sides[usize::from(low)].is(marks::PROVED);
        Ends {
            client_proved: is_proved(client_low),
            server_proved: is_proved(!client_low),
            start_ns: self.start_ns,
            now_ns: self.now_ns,
            packets: self.packets,
            bytes: self.bytes,
            ..ends
        }
    }
}

/// The places of a lane's flows, in the order in which they are looked at for idleness.
pub struct Places {
    /// By flow: the one before and the one behind it.
    links: Vec<(u16, u16)>,
    first: u16,
    last: u16,
    free: Vec<u16>,
    room: usize,
}

impl Places {
    pub fn new(room: usize) -> Self {
        let room = room.min(usize::from(NONE));
        Places { links: Vec::with_capacity(room), first: NONE, last: NONE, free: Vec::with_capacity(room), room }
    }

    /// The one whose turn it is.
    #[inline]
    pub fn first(&self) -> Option<u16> {
        (self.first != NONE).then_some(self.first)
    }

    /// The one whose turn is next after that of another.
    #[inline]
    pub fn behind(&self, at: u16) -> Option<u16> {
        self.links.get(usize::from(at)).map(|&(_, behind)| behind).filter(|&behind| behind != NONE)
    }

    /// A free place, the last in the order; `None` if there is none.
    pub fn put(&mut self) -> Option<u16> {
        let at = match self.free.pop() {
            Some(at) => at,
            None if self.links.len() < self.room => {
                self.links.push((NONE, NONE));
                (self.links.len() - 1) as u16
            }
            None => return None,
        };
        self.link_last(at);
        Some(at)
    }

    /// Gives a place back.
    pub fn give_back(&mut self, at: u16) {
        self.unlink(at);
        self.free.push(at);
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

/// Brings a flow into the cache before its turn.
#[inline]
pub fn touch(flows: &[Flow], at: u16) {
    if let Some(flow) = flows.get(usize::from(at)) {
        huge::prefetch_whole(flow);
    }
}
