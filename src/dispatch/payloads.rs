//! A batch's payloads: referred to in the block that they were read into, or copied.

use crate::huge;
use crate::source::Block;

/// Blocks that a batch refers to at most. Batches are filled faster than blocks, so that few reach over more; what lies in further ones is
/// copied, lest a batch that waits for packets keep all there are.
const BLOCKS_MAX: usize = 2;

/// Bits of a place that say which memory it is in: 0 for what was copied, else a block's number, counted from 1.
const MEMORY_SHIFT: u32 = 30;
const OFFSET_MASK: u32 = (1 << MEMORY_SHIFT) - 1;

/// Where a payload stands among those of its batch.
#[derive(Clone, Copy, Debug, Default)]
pub struct Place(u32);

impl Place {
    #[inline(always)]
    pub fn to_ne_bytes(self) -> [u8; 4] {
        self.0.to_ne_bytes()
    }
}

/// The payloads of a batch.
#[derive(Default)]
pub struct Payloads {
    copied: Vec<u8>,
    blocks: [Option<Block>; BLOCKS_MAX],
    /// Where the block stands that the last payload lay in, and the bits of places in it.
    last: usize,
    last_memory: u32,
    bytes: usize,
}

impl Payloads {
    /// With room to copy so many bytes.
    pub fn with_room(bytes: usize) -> Self {
        Payloads { copied: Vec::with_capacity(bytes), ..Payloads::default() }
    }

    /// Bytes in all.
    #[inline(always)]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Forgets all of them and gives the blocks back.
    pub fn clear(&mut self) {
        self.copied.clear();
        self.blocks = Default::default();
        (self.last, self.last_memory, self.bytes) = (0, 0, 0);
    }

    /// Takes a payload, which may lie in a block.
    #[inline(always)]
    pub fn add(&mut self, payload: &[u8], block: Option<&Block>) -> Place {
        if payload.is_empty() {
            return Place::default();
        }
        self.bytes += payload.len();
        match block {
            Some(block) if block.address() == self.last => Place(offset(block, payload) | self.last_memory),
            _ => self.add_elsewhere(payload, block),
        }
    }

    #[cold]
    #[inline(never)]
    fn add_elsewhere(&mut self, payload: &[u8], block: Option<&Block>) -> Place {
        if let Some(block) = block
            && let Some(free) = self.blocks.iter().position(Option::is_none)
        {
            self.blocks[free] = Some(block.clone());
            self.last = block.address();
            self.last_memory = (free as u32 + 1) << MEMORY_SHIFT;
            return Place(offset(block, payload) | self.last_memory);
        }
        let place = Place(self.copied.len() as u32);
        self.copied.extend_from_slice(payload);
        place
    }

    #[inline(always)]
    fn memory(&self, place: Place) -> &[u8] {
        match (place.0 >> MEMORY_SHIFT).checked_sub(1) {
            None => &self.copied,
            Some(number) => self.blocks.get(number as usize).and_then(Option::as_deref).unwrap_or_default(),
        }
    }

    /// The payload of so many bytes at a place.
    #[inline(always)]
    pub fn get(&self, place: Place, bytes: u16) -> &[u8] {
        let at = (place.0 & OFFSET_MASK) as usize;
        self.memory(place).get(at..at + usize::from(bytes)).unwrap_or_default()
    }

    /// Brings the first two cache lines of a payload into the cache: the head of a request takes two or three, and is looked at whole.
    /// Without a payload, some others: to ask first would cost more.
    #[inline(always)]
    pub fn touch(&self, place: Place) {
        if let Some(first) = self.memory(place).first() {
            let at = (place.0 & OFFSET_MASK) as usize;
            huge::prefetch_at(first, at);
            huge::prefetch_at(first, at + huge::LINE_BYTES);
        }
    }
}

/// Where in a block a payload begins.
#[inline(always)]
fn offset(block: &Block, payload: &[u8]) -> u32 {
    let offset = payload.as_ptr().addr().wrapping_sub(block.address());
    debug_assert!(offset + payload.len() <= block.len(), "the payload lies in the block");
    offset as u32 & OFFSET_MASK
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(bytes: &[u8]) -> Block {
        let mut block = Block::new(bytes.len());
        block.to_write().copy_from_slice(bytes);
        block
    }

    #[test]
    fn payloads_are_what_they_were_wherever_they_lie() {
        let blocks = [block(b"first block"), block(b"second block"), block(b"third block")];
        let mut payloads = Payloads::default();
        let mut places = Vec::new();
        for round in 0..3 {
            for block in &blocks {
                places.push((payloads.add(&block[round..round + 5], Some(block)), &block[round..round + 5]));
                places.push((payloads.add(&block[round..round + 4], None), &block[round..round + 4]));
                places.push((payloads.add(&[], Some(block)), &[]));
            }
        }
        for (place, expected) in &places {
            assert_eq!(payloads.get(*place, expected.len() as u16), *expected);
        }
        assert_eq!(payloads.bytes(), 9 * 9);
    }

    #[test]
    fn cleared_payloads_hold_no_block() {
        let mut lent = block(b"block");
        let mut payloads = Payloads::default();
        payloads.add(&lent[1..], Some(&lent));
        assert!(lent.alone().is_none());
        payloads.clear();
        assert!(lent.alone().is_some());
        assert_eq!(payloads.bytes(), 0);
    }
}
