//! Blocks of captured bytes that outlive the look at them: who works on a payload later refers to it where it was read, and nobody copies it.

use std::sync::{Arc, Mutex, PoisonError};

/// How much is asked of the operating system at a time, in bytes. Large enough that the call costs nothing per frame, small enough
/// that a block stays in the second-level cache while its frames are looked at, and that many files can be open. Between 64 KiB and
/// 1 MiB no difference in processor time could be measured.
pub const BLOCK_BYTES: usize = 128 * 1024;

/// Blocks that a run keeps besides those that its files are being read into. The rings of eight workers hold as many bytes; what is read
/// while all are lent is copied instead.
pub const BLOCKS_LENT: usize = 32;

/// Bytes that are not written to while anybody else holds them.
#[derive(Clone, Debug)]
pub struct Block(Arc<[u8]>);

impl Block {
    /// Of so many zeroes.
    pub fn new(bytes: usize) -> Self {
        Block(std::iter::repeat_n(0, bytes).collect())
    }

    /// Where it stands in memory, which no other block does for as long as it is held.
    #[inline(always)]
    pub fn address(&self) -> usize {
        self.0.as_ptr().addr()
    }

    /// The bytes to write to, if nobody else holds them.
    pub fn alone(&mut self) -> Option<&mut [u8]> {
        Arc::get_mut(&mut self.0)
    }

    /// The bytes to write to: a copy of them, if somebody else holds them.
    pub fn to_write(&mut self) -> &mut [u8] {
        Arc::make_mut(&mut self.0)
    }

    fn is_lent(&self) -> bool {
        Arc::strong_count(&self.0) > 1
    }
}

impl std::ops::Deref for Block {
    type Target = [u8];

    #[inline(always)]
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

/// The blocks of a run. Its files take turns with them.
#[derive(Clone, Default)]
pub struct Blocks(Arc<Mutex<Vec<Block>>>);

impl Blocks {
    /// Whether a block could be had for one that is lent.
    pub fn has_free(&self) -> bool {
        let blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.is_empty() || blocks.iter().any(|block| !block.is_lent())
    }

    /// A block that nobody holds, for one that is lent: the one that was given back last, for it is the likeliest to be in a cache still.
    pub fn exchange(&self, lent: Block) -> Block {
        let mut blocks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if blocks.is_empty() {
            blocks.extend((0..BLOCKS_LENT).map(|_| Block::new(BLOCK_BYTES)));
        }
        let free = blocks.iter().rposition(|block| !block.is_lent()).map(|at| blocks.remove(at));
        blocks.push(lent);
        // Another file may have taken the last one since this one was lent.
        free.unwrap_or_else(|| Block::new(BLOCK_BYTES))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_lent_is_not_written_to() {
        let mut block = Block::new(4);
        let lent = block.clone();
        assert!(block.alone().is_none());
        assert_eq!(block.address(), lent.address());
        drop(lent);
        block.alone().unwrap()[3] = 7;
        assert_eq!(&block[..], [0, 0, 0, 7]);
    }

    #[test]
    fn the_block_given_back_last_comes_first_and_lent_ones_not_at_all() {
        let blocks = Blocks::default();
        let mut current = Block::new(BLOCK_BYTES);
        let mut lent: Vec<Block> = Vec::new();
        let next = |current: Block, lent: &mut Vec<Block>| {
            lent.push(current.clone());
            let next = blocks.exchange(current);
            assert!(lent.iter().all(|lent| lent.address() != next.address()));
            next
        };
        for _ in 0..BLOCKS_LENT {
            assert!(blocks.has_free());
            current = next(current, &mut lent);
        }
        assert!(!blocks.has_free());
        // One more than there are: whoever lends all the same gets another.
        current = next(current, &mut lent);
        let [first, second] = [lent.remove(3).address(), lent.remove(7).address()];
        assert!(blocks.has_free());
        current = next(current, &mut lent);
        assert_eq!(current.address(), second);
        assert_eq!(next(current, &mut lent).address(), first);
    }
}
