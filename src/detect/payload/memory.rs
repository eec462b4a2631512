//! A worker's memory of what conversations carry: which of them are read, by whom, and each side's bytes in order.

use crate::decode::{Transport, flags, marks};
use crate::detect::conversation::{Conversations, Step, UNWANTED};
use crate::detect::packet::Packet;
use crate::detect::{Keep, SliceEnd};
use crate::huge::Table;
use crate::protocol::carried::Ends;
use crate::stream::{Blocks, Held};

use super::clear;
use super::expected::Announced;
use super::flow::{self, FLOWS, Flow, Places};
use super::listener::Listener;
use super::reader::{Reader, Talk};
use super::tally::ReadingTally;
use super::turn::Turn;
use super::web::{Room, Shelf};

/// Blocks of one lane: 512 KiB, 32 MiB in all.
const BLOCKS: usize = 4096;
/// Stretches of bytes that wait behind holes, per lane.
const STRETCHES: usize = 64;

/// The memories of a worker's lanes, and whoever listens there.
pub struct Reading<L: Listener> {
    /// By lane. Apart from the rest, in memory that is found quickly: nearly every packet needs its flow, and nothing else.
    flows: Table<[Flow; FLOWS]>,
    lanes: Vec<Lane<L>>,
}

/// One lane.
pub struct Lane<L: Listener> {
    pub places: Places,
    /// By flow: who reads it, of those that somebody reads.
    pub readers: Vec<Option<(Talk, Reader)>>,
    pub desk: Desk<L>,
    /// Bytes from behind a hole while they are read.
    pub late: Vec<u8>,
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
    /// Bytes on the wire of the packet that is read.
    pub packet_bytes: u32,
}

impl<L: Listener> Desk<L> {
    pub fn room<'a>(&'a mut self, tally: &'a mut ReadingTally<L::Tally>, ends: &'a Ends) -> Room<'a, L> {
        Room {
            blocks: &mut self.blocks,
            scratch: &mut self.scratch,
            shelf: &mut self.shelf,
            held_secure: &mut self.held_secure,
            listener: &mut self.listener,
            tally: &mut tally.listeners,
            readings: &mut tally.readings,
            announced: &mut self.announced,
            packet_bytes: self.packet_bytes,
            ends,
        }
    }
}

impl<L: Listener> Reading<L> {
    /// With a listener for each lane.
    pub fn new(listeners: impl IntoIterator<Item = L>, keep: Keep) -> Self {
        let lane = |listener| Lane {
            places: Places::new(FLOWS),
            readers: Vec::with_capacity(FLOWS),
            desk: Desk {
                blocks: Blocks::new(BLOCKS),
                held: Held::new(STRETCHES),
                scratch: Vec::new(),
                shelf: Shelf::new(keep),
                held_secure: 0,
                announced: Announced::default(),
                listener,
                packet_bytes: 0,
            },
            late: Vec::new(),
        };
        let lanes: Vec<Lane<L>> = listeners.into_iter().map(lane).collect();
        Reading { flows: Table::new(lanes.len()), lanes }
    }

    /// Brings the flow of a conversation into the cache before its turn; `handle` is what the conversation holds.
    #[inline]
    pub fn touch(&self, lane: usize, handle: u16) {
        if let (Some(flows), Some(at)) = (self.flows.get(lane), handle.checked_sub(1)) {
            flow::touch(flows, at);
        }
    }

    /// Whether somebody listens to every packet with payload, wanted or not.
    #[inline]
    pub fn hears_all(&self, lane: usize) -> bool {
        self.lanes.get(lane).is_some_and(|lane| lane.desk.listener.hears_all())
    }

    /// Takes note of a packet.
    #[inline]
    pub fn observe(&mut self, lane: usize, tally: &mut ReadingTally<L::Tally>, conversations: &mut Conversations, packet: &Packet<'_>) {
        let desk = &mut self.lanes[lane].desk;
        desk.listener.packet(&mut tally.listeners, packet);
        let Some(place) = packet.seen.place() else { return };
        let handle = conversations.reader(place);
        if packet.seen.step == Step::Syn {
            if handle != 0 {
                self.turn(lane, tally, conversations).give_up(place, handle, 0);
            }
            return;
        }
        if handle == UNWANTED || !matches!(packet.header.transport, Transport::Tcp | Transport::Udp) {
            return;
        }
        let closing = packet.header.transport == Transport::Tcp && packet.header.tcp_flags & (flags::FIN | flags::RST) != 0;
        if packet.payload.is_empty() && !(closing && handle != 0) || packet.header.has(marks::LATER_FRAGMENT) {
            return;
        }
        // Names are asked for so often that they get no place: each datagram says all.
        if packet.header.transport == Transport::Udp
            && handle == 0
            && let Some((message, ends)) = clear::datagram(packet)
        {
            desk.listener.dns(&mut tally.listeners, &ends, &message);
            return;
        }
        self.turn(lane, tally, conversations).read(packet, place, handle);
    }

    /// A lane at work.
    #[inline]
    fn turn<'a>(&'a mut self, lane: usize, tally: &'a mut ReadingTally<L::Tally>, conversations: &'a mut Conversations) -> Turn<'a, L> {
        Turn { flows: &mut self.flows[lane], lane: &mut self.lanes[lane], tally, conversations }
    }

    /// The slice ends: whoever was quiet for long is not read any more, and nobody once the input ends.
    pub(in crate::detect) fn seal(&mut self, tally: &mut ReadingTally<L::Tally>, end: &mut SliceEnd<'_>) {
        for lane in 0..self.lanes.len() {
            self.turn(lane, tally, end.conversations).seal(end.now_s, end.last);
        }
    }
}
