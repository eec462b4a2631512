//! What travels from the capture to a worker: a recycled batch of decoded packets and their payloads.

use crate::addr::Addr;
use crate::conclude::SLICE_NS;
use crate::decode::{Header, Plain, Transport, Wire, marks};
use crate::huge;
use crate::source::Block;

use super::payloads::{Payloads, Place};

/// Packets per batch. With a cache line each a full batch is 8 KiB; from half to three times as many made no difference. ringbuf moves
/// batches of 64 and more at full speed.
pub const BATCH_PACKETS: usize = 128;

/// Payload bytes after which a batch is handed over, full or not: what the batches under way refer to stays in the second-level cache. Room for
/// one more datagram of any size is kept behind it, where they are copied.
pub const BATCH_BYTES: usize = 32 * 1024;

/// Bits of [`Item::bits`].
pub mod bits {
    /// The sender is one of the home networks' hosts.
    pub const SOURCE_HOME: u8 = 0x01;
    /// The receiver is one of the home networks' hosts.
    pub const TARGET_HOME: u8 = 0x02;
    /// The sender is the lower end of the conversation in canonical order.
    pub const SOURCE_LOW: u8 = 0x04;
    /// The frame came behind a closed slice; its time is that of the open one.
    pub const LATE: u8 = 0x08;
    /// The packet's header stands in the batch.
    pub const HEADER: u8 = 0x10;
}

/// One decoded packet on its way to a worker: a cache line, for the line is what travels from one core to the other.
///
/// Nearly all packets are TCP or UDP over IPv4, whole and plain; an item holds all there is to say of those. Of any other the header
/// stands in `headers` of the [`Batch`], and the item repeats what is needed to sort it.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Item {
    /// Keyed hash of the conversation, the same for both directions.
    pub conversation: u64,
    /// Keyed hash of the source's address.
    pub source_hash: u64,
    /// Addresses, ports and the TCP fields. With [`bits::HEADER`] the header's place in [`Batch::headers`] stands for the addresses.
    wire: Wire,
    /// Event time since the beginning of the slice, in nanoseconds.
    since_slice_ns: u32,
    /// The frame's length on the wire.
    pub wire_bytes: u32,
    /// Where the payload stands among the batch's.
    payload_at: Place,
    pub payload_bytes: u16,
    ip_id: u16,
    ttl: u8,
    marks: u8,
    /// The discriminant of a [`Transport`].
    transport: u8,
    /// See [`bits`].
    pub bits: u8,
    /// The label of the point of entry: an index into the configured entries, 0 if none.
    pub entry: u8,
    /// Whose memory it is looked at with: one of [`super::LANES`].
    pub lane: u8,
    /// See [`Addressed::target_low`].
    pub target_low: u16,
}

const _: () = assert!(size_of::<Item>() == huge::LINE_BYTES, "one cache line");

/// Marks that an item can hold without a header.
const ITEM_MARKS: u8 = marks::DONT_FRAGMENT;

impl Item {
    /// A plain packet's item as the words of its cache line, in the order of its fields.
    #[inline(always)]
    fn words(plain: &Plain, to: &Addressed, payload_at: Place) -> [u64; 8] {
        let [wire_0, wire_1, wire_2] = plain.wire.words();
        let [t0, t1, t2, t3] = to.since_slice_ns.to_ne_bytes();
        let [w0, w1, w2, w3] = to.wire_bytes.to_ne_bytes();
        let [p0, p1, p2, p3] = payload_at.to_ne_bytes();
        let [b0, b1] = plain.payload_bytes.to_ne_bytes();
        let [i0, i1] = plain.ip_id.to_ne_bytes();
        let [l0, l1] = to.target_low.to_ne_bytes();
        [
            to.conversation,
            to.source_hash,
            wire_0,
            wire_1,
            wire_2,
            u64::from_ne_bytes([t0, t1, t2, t3, w0, w1, w2, w3]),
            u64::from_ne_bytes([p0, p1, p2, p3, b0, b1, i0, i1]),
            u64::from_ne_bytes([plain.ttl, plain.marks, plain.transport as u8, to.bits, to.entry, to.lane, l0, l1]),
        ]
    }

    #[inline(always)]
    pub fn transport(&self) -> Transport {
        Transport::of(self.transport)
    }

    /// Whether there is nothing to say of the header that an item has no field for.
    #[inline(always)]
    fn holds(header: &Header) -> bool {
        header.source.is_v4()
            && header.target.is_v4()
            && matches!(header.transport, Transport::Tcp | Transport::Udp)
            && header.payload_claimed == header.payload_bytes
            && header.marks & !ITEM_MARKS == 0
    }

    /// The two IPv4 addresses, if the item holds them itself.
    #[inline]
    pub fn v4(&self) -> Option<(Addr, Addr)> {
        (self.bits & bits::HEADER == 0).then_some((Addr::v4(self.wire.source()), Addr::v4(self.wire.target())))
    }

    /// The IPv4 source address, if the item holds it itself; else any number.
    #[inline]
    pub fn source_v4(&self) -> u32 {
        self.wire.source()
    }

    /// The same of the target.
    #[inline]
    pub fn target_v4(&self) -> u32 {
        self.wire.target()
    }

    #[inline]
    pub fn target_port(&self) -> u16 {
        self.wire.target_port()
    }

    /// TCP sequence number.
    #[inline]
    pub fn seq(&self) -> u32 {
        self.wire.seq()
    }

    /// TCP acknowledgement number.
    #[inline]
    pub fn ack(&self) -> u32 {
        self.wire.ack()
    }

    /// TCP flags, byte 13 of the header; 0 for other transports.
    #[inline]
    pub fn tcp_flags(&self) -> u8 {
        self.wire.tcp_flags()
    }
}

/// The end of a slice, as it travels to the workers behind the slice's packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seal {
    /// The slice that ends, in whole seconds since the epoch.
    pub slice: u32,
    /// Whether a window ends with it.
    pub window_ends: bool,
    /// Whether the input ends with it.
    pub last: bool,
}

/// What a packet's place and frame add to its header.
#[derive(Clone, Copy, Debug)]
pub struct Addressed {
    pub conversation: u64,
    pub source_hash: u64,
    /// Event time since the beginning of the batch's slice, in nanoseconds.
    pub since_slice_ns: u32,
    pub wire_bytes: u32,
    pub bits: u8,
    pub entry: u8,
    /// Whose memory it is looked at with: one of [`super::LANES`].
    pub lane: u8,
    /// The low bits of the keyed hash of the target's address, which choose a cell in small tables before the whole is worked out again.
    pub target_low: u16,
}

/// Packets of one worker's lanes, and perhaps the end of a worker's slice behind them.
#[derive(Default)]
pub struct Batch {
    pub items: Vec<Item>,
    /// Headers of the packets that are not plain, in their order.
    headers: Vec<Header>,
    payloads: Payloads,
    /// When the slice of these packets begins, in seconds since the epoch: a batch never spans two.
    pub slice_s: u32,
    pub seal: Option<Seal>,
}

impl Batch {
    /// An empty batch with all the room that it will ever need.
    pub fn with_room() -> Self {
        Batch {
            items: Vec::with_capacity(BATCH_PACKETS),
            headers: Vec::with_capacity(BATCH_PACKETS),
            payloads: Payloads::with_room(BATCH_BYTES + usize::from(u16::MAX)),
            slice_s: 0,
            seal: None,
        }
    }

    /// Empties the batch and keeps its room.
    pub fn clear(&mut self) {
        self.items.clear();
        self.headers.clear();
        self.payloads.clear();
        self.seal = None;
    }

    /// All packets are in it: from here on other threads may read them.
    pub fn complete(&self) {
        huge::fence();
    }

    #[inline]
    pub fn is_full(&self) -> bool {
        self.items.len() >= BATCH_PACKETS || self.payloads.bytes() >= BATCH_BYTES
    }

    /// Adds a packet. Its payload is copied unless it lies in a block.
    pub fn push(&mut self, header: &Header, to: Addressed, payload: &[u8], block: Option<&Block>) {
        self.push_as(header, to, payload, block, Item::holds(header));
    }

    /// The same, given whether the item `holds` all there is to say.
    fn push_as(&mut self, header: &Header, to: Addressed, payload: &[u8], block: Option<&Block>, holds: bool) {
        let first = if holds { Wire::ends(header) } else { self.headers.len() as u64 };
        let plain = Plain {
            wire: Wire::of(header, first),
            ip_id: header.ip_id,
            ttl: header.ttl,
            marks: header.marks,
            transport: header.transport,
            payload_offset: header.payload_offset,
            payload_bytes: header.payload_bytes,
        };
        if !holds {
            self.headers.push(*header);
        }
        self.push_plain(&plain, Addressed { bits: to.bits | if holds { 0 } else { bits::HEADER }, ..to }, payload, block);
    }

    /// Adds a packet as if no item could hold it.
    #[cfg(test)]
    pub(crate) fn push_with_header(&mut self, header: &Header, to: Addressed, payload: &[u8]) {
        self.push_as(header, to, payload, None, false);
    }

    /// Adds a plain packet, of which an item holds all.
    #[inline(always)]
    pub fn push_plain(&mut self, plain: &Plain, to: Addressed, payload: &[u8], block: Option<&Block>) {
        let payload_at = self.payloads.add(payload, block);
        huge::push_past_caches(&mut self.items, Item::words(plain, &to, payload_at));
    }

    /// The header of one of this batch's items. What only the frame's decoding needed is left out of plain ones: where the payload began,
    /// and the tag.
    #[inline]
    pub fn header(&self, item: &Item) -> Header {
        if item.bits & bits::HEADER != 0
            && let Some(header) = self.headers.get(item.wire.first() as usize)
        {
            return *header;
        }
        Self::plain_header(item)
    }

    /// The header of an item that holds all of it.
    #[inline(always)]
    pub fn plain_header(item: &Item) -> Header {
        Header {
            payload_bytes: item.payload_bytes,
            payload_claimed: item.payload_bytes,
            ip_id: item.ip_id,
            ttl: item.ttl,
            marks: item.marks,
            ..item.wire.header(item.transport())
        }
    }

    /// Event time of an item, in nanoseconds since the epoch.
    #[inline]
    pub fn time_ns(&self, item: &Item) -> u64 {
        u64::from(self.slice_s) * SLICE_NS + u64::from(item.since_slice_ns)
    }

    /// Brings the beginning of an item's payload into the cache.
    #[inline]
    pub fn touch_payload(&self, item: &Item) {
        self.payloads.touch(item.payload_at);
    }

    /// The payload of one of this batch's items.
    #[inline]
    pub fn payload(&self, item: &Item) -> &[u8] {
        self.payloads.get(item.payload_at, item.payload_bytes)
    }
}
