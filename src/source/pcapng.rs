//! Next-generation capture files (draft-ietf-opsawg-pcapng): sections of typed blocks, with several interfaces in each.

use std::io;

use super::error::{Flaw, SourceError};
use super::interface::{self, Interface, Order};
use super::stream::Stream;
use super::{Frame, LinkType};

/// Block types (draft-ietf-opsawg-pcapng section 4 and appendix A).
const SECTION_HEADER: u32 = 0x0a0d_0d0a;
const INTERFACE_DESCRIPTION: u32 = 1;
const OBSOLETE_PACKET: u32 = 2;
const SIMPLE_PACKET: u32 = 3;
const ENHANCED_PACKET: u32 = 6;

const BYTE_ORDER_MAGIC: u32 = 0x1a2b_3c4d;

/// Type and length before a block's body, and the length again behind it.
const HEAD_BYTES: usize = 8;
const TAIL_BYTES: usize = 4;
/// The fixed part of a section header block: head, byte-order magic, version, section length.
const SECTION_FIXED_BYTES: usize = 24;
/// The fixed part of the bodies of enhanced and obsolete packet blocks, before the captured bytes.
const PACKET_FIXED_BYTES: usize = 20;
/// Of simple packet blocks.
const SIMPLE_FIXED_BYTES: usize = 4;

/// What a block that we look at may have beside the captured bytes: options, which no tool is known to fill beyond a few KiB. Other
/// blocks are stepped over whatever their length, without being kept in memory.
const OPTIONS_BYTES_MAX: u32 = 1024 * 1024;
/// Interfaces of one section that are kept; a frame's interface number has 16 bits.
const INTERFACES_MAX: usize = 65_536;
/// Names of interfaces that are kept of one file.
const NAMES_MAX: usize = 4096;

/// A pcapng file, read block by block.
pub struct PcapngReader {
    stream: Stream,
    order: Order,
    interfaces: Vec<Interface>,
    /// The names of interfaces that have one, by their numbers in the file.
    names: Vec<(u16, String)>,
    /// Interfaces of the sections before the present one.
    interfaces_before: usize,
    /// Number of the block last looked at, from 1.
    block: u64,
    frames: u64,
    current: Current,
    /// Length of the present block, consumed when the next one is asked for; 0 at first.
    block_bytes: usize,
}

/// Where the present frame stands, counted from the block's beginning.
#[derive(Default)]
struct Current {
    time_ns: u64,
    start: usize,
    captured: usize,
    wire_bytes: u32,
    link: u16,
    interface: u16,
}

impl PcapngReader {
    /// Whether a file that begins so is a pcapng file.
    pub fn recognises(magic: [u8; 4]) -> bool {
        u32::from_le_bytes(magic) == SECTION_HEADER
    }

    /// Reads the first section header. The stream stands at the file's beginning.
    pub fn new(stream: Stream) -> Result<Self, SourceError> {
        let mut reader = PcapngReader {
            stream,
            order: Order::Little,
            interfaces: Vec::new(),
            names: Vec::new(),
            interfaces_before: 0,
            block: 1,
            frames: 0,
            current: Current::default(),
            block_bytes: 0,
        };
        let offset = reader.stream.offset();
        reader.section().map_err(|flaw| reader.stream.broken("block", 1, offset, 0, flaw))?;
        Ok(reader)
    }

    /// Steps to the next frame. `false`: the file ended where a block ends.
    #[inline]
    pub fn advance(&mut self) -> Result<bool, SourceError> {
        self.stream.consume(self.block_bytes);
        self.block_bytes = 0;
        loop {
            let offset = self.stream.offset();
            match self.next_block() {
                Ok(Block::Frame) => return Ok(true),
                Ok(Block::Other) => {}
                Ok(Block::None) => return Ok(false),
                Err(flaw) => return Err(self.stream.broken("block", self.block, offset, self.frames, flaw)),
            }
        }
    }

    /// The present frame. Before the first [`PcapngReader::advance`]: an empty one.
    #[inline]
    pub fn frame(&self) -> Frame<'_> {
        let Current { time_ns, start, captured, wire_bytes, link, interface } = self.current;
        let bytes = self.stream.unread().get(start..start + captured).unwrap_or_default();
        Frame { time_ns, wire_bytes, link: LinkType(link), interface, bytes }
    }

    /// Looks at one block. A block that is no frame is consumed.
    fn next_block(&mut self) -> Result<Block, Flaw> {
        self.block += 1;
        if !self.holds(HEAD_BYTES)? {
            let whole = self.stream.unread().is_empty();
            return if whole { Ok(Block::None) } else { Err(Flaw::Cut { end: self.stream.length() }) };
        }
        let kind = self.word(0);
        let block_bytes = self.word(4);
        match kind {
            SECTION_HEADER => {
                self.section()?;
                return Ok(Block::Other);
            }
            ENHANCED_PACKET | OBSOLETE_PACKET | SIMPLE_PACKET | INTERFACE_DESCRIPTION => {}
            _ => {
                self.step_over(block_bytes)?;
                return Ok(Block::Other);
            }
        }
        check_length(block_bytes)?;
        match kind {
            INTERFACE_DESCRIPTION => {
                self.hold_block(block_bytes, 0)?;
                self.describe(block_bytes)?;
                self.stream.consume(block_bytes as usize);
                return Ok(Block::Other);
            }
            SIMPLE_PACKET => self.simple_packet(block_bytes)?,
            _ => self.packet(kind, block_bytes)?,
        }
        self.block_bytes = block_bytes as usize;
        self.frames += 1;
        Ok(Block::Frame)
    }

    /// Begins a section: byte order, version, and no interfaces yet (section 4.1).
    #[cold]
    fn section(&mut self) -> Result<(), Flaw> {
        if !self.holds(SECTION_FIXED_BYTES)? {
            return Err(Flaw::Cut { end: self.stream.length() });
        }
        let magic = self.stream.unread().get(8..12).and_then(|bytes| bytes.first_chunk()).copied().unwrap_or_default();
        self.order = match (u32::from_le_bytes(magic), u32::from_be_bytes(magic)) {
            (BYTE_ORDER_MAGIC, _) => Order::Little,
            (_, BYTE_ORDER_MAGIC) => Order::Big,
            (magic, _) => return Err(Flaw::ByteOrder { magic }),
        };
        let bytes = self.stream.unread();
        let (major, minor) = (self.order.half_at(bytes, 12), self.order.half_at(bytes, 14));
        // 1.2 was written by some tools and is read as 1.0 (section 4.1).
        if (major, minor) != (1, 0) && (major, minor) != (1, 2) {
            return Err(Flaw::PcapngVersion { major, minor });
        }
        self.interfaces_before = self.interfaces_before.saturating_add(self.interfaces.len());
        self.interfaces.clear();
        match self.word(4) {
            claimed if (claimed as usize) < SECTION_FIXED_BYTES + TAIL_BYTES => Err(Flaw::BlockLength { claimed }),
            block_bytes => self.step_over(block_bytes),
        }
    }

    /// The name of one of the file's interfaces.
    pub fn interface_name(&self, number: u16) -> Option<&str> {
        self.names.iter().find(|(named, _)| *named == number).map(|(_, name)| name.as_str())
    }

    /// Adds an interface to the section (section 4.2).
    #[cold]
    fn describe(&mut self, block_bytes: u32) -> Result<(), Flaw> {
        if self.interfaces.len() == INTERFACES_MAX {
            return Err(Flaw::Interfaces { limit: INTERFACES_MAX });
        }
        let Some(body) = self.stream.unread().get(HEAD_BYTES..block_bytes as usize - TAIL_BYTES) else {
            return Err(Flaw::BlockLength { claimed: block_bytes });
        };
        let number = self.interfaces_before.saturating_add(self.interfaces.len());
        let interface = Interface::parse(self.order, body, u16::try_from(number).unwrap_or(u16::MAX))?;
        if self.names.len() < NAMES_MAX
            && let Some(name) = interface::name(self.order, body)
        {
            self.names.push((interface.number, name));
        }
        self.interfaces.push(interface);
        Ok(())
    }

    /// An enhanced packet block (section 4.3), or the obsolete packet block (appendix A), which has 16 bits for the interface and 16
    /// for a count of drops.
    #[inline]
    fn packet(&mut self, kind: u32, block_bytes: u32) -> Result<(), Flaw> {
        let room = self.room(block_bytes, PACKET_FIXED_BYTES)?;
        let bytes = self.stream.unread();
        let named = if kind == ENHANCED_PACKET { self.order.word_at(bytes, 8) } else { self.order.half_at(bytes, 8).into() };
        let ticks = u64::from(self.order.word_at(bytes, 12)) << 32 | u64::from(self.order.word_at(bytes, 16));
        let (captured, wire_bytes) = (self.order.word_at(bytes, 20), self.order.word_at(bytes, 24));
        let interface = self.interface(named)?;
        let time_ns = interface.time_ns(ticks);
        self.hold_frame(interface, block_bytes, captured, room)?;
        self.place(interface, time_ns, HEAD_BYTES + PACKET_FIXED_BYTES, captured, wire_bytes);
        Ok(())
    }

    /// A simple packet block (section 4.4): of the first interface, without a time; it takes the time of the frame before.
    fn simple_packet(&mut self, block_bytes: u32) -> Result<(), Flaw> {
        let room = self.room(block_bytes, SIMPLE_FIXED_BYTES)?;
        let wire_bytes = self.word(8);
        let interface = self.interface(0)?;
        let captured = wire_bytes.min(interface.snap_bytes);
        self.hold_frame(interface, block_bytes, captured, room)?;
        self.place(interface, self.current.time_ns, HEAD_BYTES + SIMPLE_FIXED_BYTES, captured, wire_bytes);
        Ok(())
    }

    #[inline]
    fn interface(&self, named: u32) -> Result<Interface, Flaw> {
        let described = self.interfaces.len();
        self.interfaces.get(named as usize).copied().ok_or(Flaw::Interface { named, described })
    }

    /// How many bytes a packet block has between its fixed part and its tail. The fixed part is in the buffer afterwards.
    #[inline]
    fn room(&mut self, block_bytes: u32, fixed_bytes: usize) -> Result<u32, Flaw> {
        let Some(room) = block_bytes.checked_sub((HEAD_BYTES + fixed_bytes + TAIL_BYTES) as u32) else {
            return Err(Flaw::BlockLength { claimed: block_bytes });
        };
        if self.holds(HEAD_BYTES + fixed_bytes)? { Ok(room) } else { Err(self.beyond(block_bytes)) }
    }

    /// Has the whole of a packet block in the buffer, if its lengths can be believed.
    #[inline]
    fn hold_frame(&mut self, interface: Interface, block_bytes: u32, captured: u32, room: u32) -> Result<(), Flaw> {
        if captured > room {
            return Err(Flaw::Overfull { claimed: captured, room });
        }
        let limit = interface.link.captured_max();
        if captured > limit {
            return Err(Flaw::TooLong { claimed: captured, limit });
        }
        self.hold_block(block_bytes, captured)
    }

    /// Has a whole block in the buffer, with both its lengths checked. `captured` of its bytes are a frame's.
    #[inline]
    fn hold_block(&mut self, block_bytes: u32, captured: u32) -> Result<(), Flaw> {
        let limit = captured.saturating_add(OPTIONS_BYTES_MAX);
        if block_bytes > limit {
            return Err(Flaw::BlockTooLong { claimed: block_bytes, limit });
        }
        if !self.holds(block_bytes as usize)? {
            return Err(self.beyond(block_bytes));
        }
        self.check_tail(block_bytes, self.word(block_bytes as usize - TAIL_BYTES))
    }

    /// Notes where the frame stands in the block.
    #[inline]
    fn place(&mut self, interface: Interface, time_ns: u64, start: usize, captured: u32, wire_bytes: u32) {
        self.current = Current {
            time_ns,
            start,
            captured: captured as usize,
            wire_bytes: wire_bytes.max(captured),
            link: interface.link.0,
            interface: interface.number,
        };
    }

    /// Steps over a block of any length, looking at nothing but its two lengths.
    fn step_over(&mut self, block_bytes: u32) -> Result<(), Flaw> {
        check_length(block_bytes)?;
        let before_tail = block_bytes as usize - TAIL_BYTES;
        let skipped = self.stream.skip(before_tail as u64);
        if !skipped.map_err(|cause| self.stream.read_flaw(cause))? || !self.holds(TAIL_BYTES)? {
            return Err(self.beyond(block_bytes));
        }
        self.check_tail(block_bytes, self.word(0))?;
        self.stream.consume(TAIL_BYTES);
        Ok(())
    }

    #[inline]
    fn check_tail(&self, head: u32, tail: u32) -> Result<(), Flaw> {
        if head == tail { Ok(()) } else { Err(Flaw::Trailer { head, tail }) }
    }

    #[cold]
    fn beyond(&self, claimed: u32) -> Flaw {
        Flaw::Beyond { claimed: claimed.into(), end: self.stream.length() }
    }

    #[inline]
    fn holds(&mut self, bytes: usize) -> Result<bool, Flaw> {
        let held: io::Result<bool> = self.stream.holds(bytes);
        held.map_err(|cause| self.stream.read_flaw(cause))
    }

    #[inline]
    fn word(&self, at: usize) -> u32 {
        self.order.word_at(self.stream.unread(), at)
    }
}

/// What a block was.
enum Block {
    Frame,
    Other,
    /// The file ended.
    None,
}

/// Block lengths are multiples of four and include head and tail (section 3.1).
#[inline]
fn check_length(block_bytes: u32) -> Result<(), Flaw> {
    if block_bytes.is_multiple_of(4) && block_bytes >= (HEAD_BYTES + TAIL_BYTES) as u32 {
        Ok(())
    } else {
        Err(Flaw::BlockLength { claimed: block_bytes })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::samples::{Blocks, read_all};

    /// Time, length on the wire, link type, interface, captured bytes.
    type Fields = (u64, u32, u16, u16, Vec<u8>);

    fn frames(bytes: Vec<u8>) -> (Vec<Fields>, Option<String>) {
        let (frames, error) = read_all("sample.pcapng", bytes);
        (frames.into_iter().map(|f| (f.time_ns, f.wire_bytes, f.link.0, f.interface, f.bytes)).collect(), error)
    }

    #[test]
    fn both_byte_orders_read_alike() {
        for order in [Order::Little, Order::Big] {
            let mut file = Blocks::section(order);
            file.interface(1, 0, &[]).enhanced(0, 1_700_000_000_000_001, b"abcde", 60);
            assert_eq!(frames(file.bytes), (vec![(1_700_000_000_000_001_000, 60, 1, 0, b"abcde".to_vec())], None));
        }
    }

    #[test]
    fn interfaces_have_their_own_clocks_and_link_types() {
        let mut file = Blocks::section(Order::Little);
        file.interface(1, 0, &[(9, &[9])]).interface(101, 0, &[(9, &[0x80 | 1]), (14, &7i64.to_le_bytes())]);
        file.enhanced(1, 3, b"x", 1).enhanced(0, 3, b"y", 1);
        let expected = vec![(8_500_000_000, 1, 101, 1, b"x".to_vec()), (3, 1, 1, 0, b"y".to_vec())];
        assert_eq!(frames(file.bytes), (expected, None));
    }

    #[test]
    fn a_new_section_forgets_interfaces_and_may_turn_the_bytes() {
        let mut file = Blocks::section(Order::Little);
        file.interface(1, 0, &[]).enhanced(0, 1, b"a", 1);
        let mut second = Blocks::section(Order::Big);
        second.interface(113, 0, &[]).enhanced(0, 2, b"b", 1).enhanced(1, 2, b"c", 1);
        file.bytes.append(&mut second.bytes);
        let (read, error) = frames(file.bytes);
        assert_eq!(read, vec![(1000, 1, 1, 0, b"a".to_vec()), (2000, 1, 113, 1, b"b".to_vec())]);
        let error = error.unwrap();
        assert!(error.starts_with("sample.pcapng: block 7 at byte ") && error.contains("names interface 1"), "{error}");
        assert!(error.ends_with("2 frames were counted"), "{error}");
    }

    #[test]
    fn simple_packets_are_cut_by_the_snap_length_and_take_the_time_before() {
        let mut file = Blocks::section(Order::Little);
        file.interface(1, 4, &[]).simple(b"abcd", 9).enhanced(0, 5, b"e", 1).simple(b"fgh", 3);
        let expected = vec![(0, 9, 1, 0, b"abcd".to_vec()), (5000, 1, 1, 0, b"e".to_vec()), (5000, 3, 1, 0, b"fgh".to_vec())];
        assert_eq!(frames(file.bytes), (expected, None));
    }

    #[test]
    fn obsolete_packets_are_read_and_other_blocks_are_not() {
        let mut file = Blocks::section(Order::Big);
        file.block(0x0bad, &[0; 40]).interface(1, 0, &[]).obsolete(0, 4, b"old", 3).block(5, &[1; 12]).enhanced(0, 5, b"new", 3);
        assert_eq!(frames(file.bytes), (vec![(4000, 3, 1, 0, b"old".to_vec()), (5000, 3, 1, 0, b"new".to_vec())], None));
    }

    #[test]
    fn every_cut_delivers_the_whole_frames_before_it_and_an_error() {
        let mut file = Blocks::section(Order::Little);
        file.interface(1, 0, &[]);
        let mut ends = vec![file.bytes.len()];
        for time in 0..4 {
            file.enhanced(0, time, &[7; 33], 33);
            ends.push(file.bytes.len());
        }
        for length in 4..file.bytes.len() {
            let (read, error) = frames(file.bytes[..length].to_vec());
            assert_eq!(read.len(), ends.iter().skip(1).filter(|&&end| end <= length).count(), "cut to {length}");
            let between_blocks = ends.contains(&length) || length == 28;
            assert_eq!(error.is_none(), between_blocks, "cut to {length}: {error:?}");
            if let Some(error) = error {
                assert!(error.contains("sample.pcapng: block ") && error.contains(&format!("ends after {length}")), "{error}");
            }
        }
    }

    #[test]
    fn lying_lengths_are_told_as_what_they_are() {
        let flaw = |change: &dyn Fn(&mut [u8])| {
            let mut file = Blocks::section(Order::Little);
            file.interface(1, 0, &[]);
            let packet = file.bytes.len();
            file.enhanced(0, 1, b"abcd", 4);
            change(&mut file.bytes[packet..]);
            frames(file.bytes).1.unwrap()
        };
        let set = |at: usize, value: u32| move |block: &mut [u8]| block[at..at + 4].copy_from_slice(&value.to_le_bytes());
        assert!(flaw(&set(20, u32::MAX)).contains("claims 4294967295 captured bytes, but has room for 4"));
        assert!(flaw(&set(4, 37)).contains("a length of 37 bytes, which such a block cannot have"));
        assert!(flaw(&set(4, 0)).contains("a length of 0 bytes"));
        assert!(flaw(&set(4, 4000)).contains("claims 4000 bytes; the file ends after 84"));
        assert!(flaw(&set(4, u32::MAX - 3)).contains("claims a length of 4294967292 bytes; such a block has at most 1048580"));
        assert!(flaw(&set(32, 40)).contains("claims 36 bytes at its head and 40 at its end"));
    }

    #[test]
    fn versions_that_nobody_defined_are_refused() {
        let mut file = Blocks::section(Order::Little);
        file.bytes[12] = 2;
        assert!(frames(file.bytes).1.unwrap().contains("pcapng version 2.0"));
    }

    #[test]
    fn no_mutation_panics() {
        let mut file = Blocks::section(Order::Little);
        file.interface(1, 64, &[(9, &[6])]).enhanced(0, 1, b"abcd", 4).simple(b"abcd", 4).obsolete(0, 4, b"old", 3);
        for at in 0..file.bytes.len() {
            for value in [0, 1, 3, 0x7f, 0x80, 0xff] {
                let mut bytes = file.bytes.clone();
                bytes[at] = value;
                frames(bytes);
            }
        }
    }
}
