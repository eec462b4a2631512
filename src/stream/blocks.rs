//! A lane's memory for bytes that must be kept: blocks of one size, joined into chains.

use crate::huge;

/// Bytes of one block: heads of HTTP requests take one to four. Of blocks four times as large a lane that keeps many short heads had to have
/// four times as much memory from the system, and what has not been touched before costs up to 9 µs each 4 KiB on a virtual machine.
pub const BLOCK_BYTES: usize = 128;
/// No block.
const NONE: u16 = u16::MAX;

/// Bytes kept in blocks. It must be given back with [`Blocks::free`].
#[derive(Debug, PartialEq, Eq)]
pub struct Chain {
    first: u16,
    last: u16,
    len: u32,
}

impl Default for Chain {
    fn default() -> Self {
        Chain { first: NONE, last: NONE, len: 0 }
    }
}

impl Chain {
    /// Bytes kept.
    #[inline]
    pub fn len(&self) -> usize {
        self.len as usize
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// A chain as numbers, for tables of plain values. Whoever has it gives it back once.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parked {
    first: u16,
    last: u16,
    len: u32,
}

impl From<Chain> for Parked {
    fn from(chain: Chain) -> Self {
        Parked { first: chain.first, last: chain.last, len: chain.len }
    }
}

impl Parked {
    /// The chain; what stays is empty.
    pub fn take(&mut self) -> Chain {
        let Parked { first, last, len } = std::mem::take(self);
        if len == 0 { Chain::default() } else { Chain { first, last, len } }
    }
}

/// Blocks of one lane.
pub struct Blocks {
    // Untouched zeroes cost no memory until they are written.
    bytes: Vec<u8>,
    next: Vec<u16>,
    free: u16,
    free_blocks: usize,
}

impl Blocks {
    /// So many blocks, at most 65,535.
    pub fn new(blocks: usize) -> Self {
        let blocks = blocks.min(usize::from(NONE));
        let next = (0..blocks).map(|at| if at + 1 < blocks { at as u16 + 1 } else { NONE }).collect();
        Blocks { bytes: vec![0; blocks * BLOCK_BYTES], next, free: if blocks == 0 { NONE } else { 0 }, free_blocks: blocks }
    }

    /// Bytes for which there is room.
    pub fn room(&self) -> usize {
        self.free_blocks * BLOCK_BYTES
    }

    /// Brings the first block of a chain into the cache before its turn: the head of a plain request has hardly more.
    #[inline]
    pub fn touch(&self, parked: &Parked) {
        if let Some(bytes) = self.bytes.get(usize::from(parked.first) * BLOCK_BYTES..).and_then(|bytes| bytes.first_chunk::<BLOCK_BYTES>())
        {
            huge::prefetch_whole(bytes);
        }
    }

    /// Adds bytes to a chain's end; returns how many found room.
    // Into its callers, as is what it calls: a chain on the stack is written in words and read whole, which would wait until the bytes have
    // reached blocks that hardly ever are in the cache.
    #[inline(always)]
    pub fn append(&mut self, chain: &mut Chain, bytes: &[u8]) -> usize {
        let mut rest = bytes;
        while !rest.is_empty() {
            let used = chain.len as usize % BLOCK_BYTES;
            if used == 0 && !self.grow(chain) {
                break;
            }
            let at = usize::from(chain.last) * BLOCK_BYTES + used;
            let take = rest.len().min(BLOCK_BYTES - used);
            self.bytes[at..at + take].copy_from_slice(&rest[..take]);
            chain.len += take as u32;
            rest = &rest[take..];
        }
        bytes.len() - rest.len()
    }

    #[inline(always)]
    fn grow(&mut self, chain: &mut Chain) -> bool {
        if self.free == NONE {
            return false;
        }
        let block = self.free;
        self.free = std::mem::replace(&mut self.next[usize::from(block)], NONE);
        self.free_blocks -= 1;
        if chain.first == NONE {
            chain.first = block;
        } else {
            self.next[usize::from(chain.last)] = block;
        }
        chain.last = block;
        true
    }

    /// The chain's bytes, block by block.
    pub fn pieces<'a>(&'a self, chain: &Chain) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let (mut block, mut left) = (chain.first, chain.len as usize);
        std::iter::from_fn(move || {
            if left == 0 || block == NONE {
                return None;
            }
            let at = usize::from(block) * BLOCK_BYTES;
            let piece = &self.bytes[at..at + left.min(BLOCK_BYTES)];
            left -= piece.len();
            block = self.next[usize::from(block)];
            Some(piece)
        })
    }

    /// Puts the chain's bytes behind those of `into`.
    pub fn copy(&self, chain: &Chain, into: &mut Vec<u8>) {
        for piece in self.pieces(chain) {
            into.extend_from_slice(piece);
        }
    }

    /// The chain's first bytes in one piece, as many as fit `into` at most.
    pub fn first<'a>(&self, chain: &Chain, into: &'a mut [u8]) -> &'a [u8] {
        let mut filled = 0;
        for piece in self.pieces(chain) {
            let piece = &piece[..piece.len().min(into.len() - filled)];
            into[filled..filled + piece.len()].copy_from_slice(piece);
            filled += piece.len();
        }
        &into[..filled]
    }

    /// Gives a chain's blocks back; the chain is empty then.
    #[inline(always)]
    pub fn free(&mut self, chain: &mut Chain) {
        if chain.first != NONE {
            self.next[usize::from(chain.last)] = self.free;
            self.free = chain.first;
            self.free_blocks += chain.len().div_ceil(BLOCK_BYTES);
        }
        *chain = Chain::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_back_as_they_went_in_and_room_is_given_back() {
        let mut blocks = Blocks::new(32);
        let bytes: Vec<u8> = (0..2000).map(|at| at as u8).collect();
        let (mut one, mut two) = (Chain::default(), Chain::default());
        for piece in bytes.chunks(300) {
            assert_eq!(blocks.append(&mut one, piece), piece.len());
        }
        assert_eq!(blocks.append(&mut two, &bytes[..100]), 100);
        let mut out = Vec::new();
        blocks.copy(&one, &mut out);
        assert_eq!(out, bytes);
        out.clear();
        blocks.copy(&two, &mut out);
        assert_eq!(out, bytes[..100]);
        let mut first = [0; 300];
        assert_eq!(blocks.first(&one, &mut first), &bytes[..300]);
        assert_eq!(blocks.first(&two, &mut first), &bytes[..100]);
        blocks.free(&mut one);
        blocks.free(&mut two);
        assert_eq!(blocks.room(), 32 * BLOCK_BYTES);
    }

    #[test]
    fn a_full_lane_takes_what_fits() {
        let mut blocks = Blocks::new(2);
        let mut chain = Chain::default();
        assert_eq!(blocks.append(&mut chain, &[7; 3000]), 2 * BLOCK_BYTES);
        assert_eq!(blocks.append(&mut chain, &[7]), 0);
        assert_eq!(chain.len(), 2 * BLOCK_BYTES);
        blocks.free(&mut chain);
        assert_eq!(blocks.append(&mut chain, &[7]), 1);
    }

    #[test]
    fn an_exactly_full_block_is_given_back_once() {
        let mut blocks = Blocks::new(3);
        let mut chain = Chain::default();
        blocks.append(&mut chain, &[1; BLOCK_BYTES]);
        assert_eq!(blocks.room(), 2 * BLOCK_BYTES);
        blocks.free(&mut chain);
        blocks.free(&mut chain);
        assert_eq!(blocks.room(), 3 * BLOCK_BYTES);
    }
}
