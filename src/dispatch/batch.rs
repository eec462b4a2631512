//! What travels from the capture thread to a worker: a recycled batch of decoded packets and their payloads.

use crate::decode::Header;

/// Packets per batch. With headers of about 128 bytes a full batch is 32 KiB and its payloads fit in L2; ringbuf moves batches of 64 and
/// more at full speed.
pub const BATCH_PACKETS: usize = 256;

/// Payload bytes after which a batch is handed over, full or not. Room for one more datagram of any size is kept behind it.
pub const BATCH_BYTES: usize = 192 * 1024;

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
}

/// One decoded packet on its way to a worker.
#[derive(Clone, Copy, Debug)]
pub struct Item {
    pub header: Header,
    /// Event time in nanoseconds since the epoch, never before the open slice.
    pub time_ns: u64,
    /// Keyed hash of the conversation, the same for both directions.
    pub conversation: u64,
    /// Keyed hashes of the addresses.
    pub source_hash: u64,
    pub target_hash: u64,
    /// The frame's length on the wire.
    pub wire_bytes: u32,
    /// Where the payload stands in the batch's arena.
    pub payload_at: u32,
    pub lane: u8,
    /// See [`bits`].
    pub bits: u8,
    /// The label of the point of entry: an index into the configured entries, 0 if none.
    pub entry: u8,
}

const _: () = assert!(size_of::<Item>() <= 128, "two cache lines");

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

/// Packets for one worker, and perhaps the end of a slice behind them.
#[derive(Default)]
pub struct Batch {
    pub items: Vec<Item>,
    pub arena: Vec<u8>,
    pub seal: Option<Seal>,
}

impl Batch {
    /// An empty batch with all the room that it will ever need.
    pub fn with_room() -> Self {
        Batch { items: Vec::with_capacity(BATCH_PACKETS), arena: Vec::with_capacity(BATCH_BYTES + usize::from(u16::MAX)), seal: None }
    }

    /// Empties the batch and keeps its room.
    pub fn clear(&mut self) {
        self.items.clear();
        self.arena.clear();
        self.seal = None;
    }

    #[inline]
    pub fn is_full(&self) -> bool {
        self.items.len() >= BATCH_PACKETS || self.arena.len() >= BATCH_BYTES
    }

    /// The payload of one of this batch's items.
    #[inline]
    pub fn payload(&self, item: &Item) -> &[u8] {
        let at = item.payload_at as usize;
        self.arena.get(at..at + usize::from(item.header.payload_bytes)).unwrap_or_default()
    }
}
