//! Segments that wait behind a hole.

use super::blocks::{Blocks, Chain};

/// One stretch of bytes behind a hole.
#[derive(Debug, Default)]
struct Stretch {
    /// Whose: a number of the user's choice.
    owner: u32,
    seq: u32,
    bytes: Chain,
    /// Event time of the last packet, in nanoseconds.
    used: bool,
}

/// What waits behind holes in one lane.
pub struct Held {
    stretches: Vec<Stretch>,
    /// How many are in use: nearly always none, and then nobody need be looked for.
    used: usize,
}

impl Held {
    /// Room for so many stretches.
    pub fn new(stretches: usize) -> Self {
        Held { stretches: (0..stretches).map(|_| Stretch::default()).collect(), used: 0 }
    }

    /// Keeps a segment of an owner's stream; of bytes that are there already the first copy stands. `false` if there is no room: then
    /// the segment is not kept, or not wholly.
    pub fn keep(&mut self, blocks: &mut Blocks, owner: u32, seq: u32, bytes: &[u8]) -> bool {
        // Forwards through what is there: pieces of the new segment fill the room between the stretches.
        let (mut seq, mut bytes) = (seq, bytes);
        while !bytes.is_empty() {
            // The stretch that this number lies in, or the one that begins next.
            let mut free_bytes = bytes.len();
            let mut inside = 0;
            for stretch in self.stretches.iter().filter(|stretch| stretch.used && stretch.owner == owner) {
                let offset = seq.wrapping_sub(stretch.seq);
                if (offset as usize) < stretch.bytes.len() {
                    inside = inside.max(stretch.bytes.len() - offset as usize);
                } else {
                    let until = stretch.seq.wrapping_sub(seq);
                    free_bytes = free_bytes.min(until as usize);
                }
            }
            if inside > 0 {
                let skip = inside.min(bytes.len());
                (seq, bytes) = (seq.wrapping_add(skip as u32), &bytes[skip..]);
                continue;
            }
            let (new, rest) = bytes.split_at(free_bytes);
            if !self.put(blocks, owner, seq, new) {
                return false;
            }
            (seq, bytes) = (seq.wrapping_add(new.len() as u32), rest);
        }
        true
    }

    fn put(&mut self, blocks: &mut Blocks, owner: u32, seq: u32, bytes: &[u8]) -> bool {
        if bytes.len() > blocks.room() {
            return false;
        }
        let goes_on =
            |stretch: &&mut Stretch| stretch.used && stretch.owner == owner && stretch.seq.wrapping_add(stretch.bytes.len() as u32) == seq;
        if let Some(before) = self.stretches.iter_mut().find(goes_on) {
            return blocks.append(&mut before.bytes, bytes) == bytes.len();
        }
        let Some(place) = self.stretches.iter_mut().find(|stretch| !stretch.used) else { return false };
        self.used += 1;
        *place = Stretch { owner, seq, bytes: Chain::default(), used: true };
        blocks.append(&mut place.bytes, bytes) == bytes.len()
    }

    /// The bytes of an owner's stream that begin at this number or before and go beyond it, put behind those of `into`; `false` if there are
    /// none.
    pub fn take(&mut self, blocks: &mut Blocks, owner: u32, next: u32, into: &mut Vec<u8>) -> bool {
        if self.used == 0 {
            return false;
        }
        for stretch in self.stretches.iter_mut().filter(|stretch| stretch.used && stretch.owner == owner) {
            let offset = next.wrapping_sub(stretch.seq) as usize;
            if offset < stretch.bytes.len() {
                let from = into.len();
                blocks.copy(&stretch.bytes, into);
                into.drain(from..from + offset);
                stretch.used = false;
                self.used -= 1;
                blocks.free(&mut stretch.bytes);
                return true;
            }
            // What came since by another way is of no use any more.
            if offset < 1 << 31 {
                stretch.used = false;
                self.used -= 1;
                blocks.free(&mut stretch.bytes);
            }
        }
        false
    }

    /// The number at which an owner's next stretch begins, seen from the byte that comes next.
    pub fn first(&self, owner: u32, next: u32) -> Option<u32> {
        if self.used == 0 {
            return None;
        }
        let of = self.stretches.iter().filter(|stretch| stretch.used && stretch.owner == owner);
        of.map(|stretch| stretch.seq).min_by_key(|seq| seq.wrapping_sub(next))
    }

    /// Bytes that an owner has here.
    pub fn bytes(&self, owner: u32) -> usize {
        if self.used == 0 {
            return 0;
        }
        self.stretches.iter().filter(|stretch| stretch.used && stretch.owner == owner).map(|stretch| stretch.bytes.len()).sum()
    }

    /// Gives up whatever an owner has here.
    pub fn drop_all(&mut self, blocks: &mut Blocks, owner: u32) {
        if self.used == 0 {
            return;
        }
        for stretch in self.stretches.iter_mut().filter(|stretch| stretch.used && stretch.owner == owner) {
            stretch.used = false;
            self.used -= 1;
            blocks.free(&mut stretch.bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_copy_stands_and_holes_between_are_filled() {
        let (mut blocks, mut held) = (Blocks::new(16), Held::new(4));
        assert!(held.keep(&mut blocks, 1, 110, b"klmno"));
        assert!(held.keep(&mut blocks, 1, 120, b"uvwxy"));
        assert!(held.keep(&mut blocks, 2, 100, b"another"));
        // Over both, and before and between: only what is new is taken.
        assert!(held.keep(&mut blocks, 1, 108, b"ijKLMNOpqrstUVWXYz"));
        assert_eq!(held.first(1, 100), Some(108));
        assert_eq!(held.bytes(1), 18);
        let mut out = Vec::new();
        let mut next = 108;
        while held.take(&mut blocks, 1, next, &mut out) {
            next = 108 + out.len() as u32;
        }
        assert_eq!(out, b"ijklmnopqrstuvwxyz");
        held.drop_all(&mut blocks, 2);
        assert_eq!(blocks.room(), 16 * super::super::BLOCK_BYTES);
    }

    #[test]
    fn what_does_not_fit_is_said() {
        let (mut blocks, mut held) = (Blocks::new(16), Held::new(1));
        assert!(held.keep(&mut blocks, 1, 110, b"a"));
        assert!(!held.keep(&mut blocks, 1, 120, b"b"));
        let (mut blocks, mut held) = (Blocks::new(1), Held::new(4));
        assert!(!held.keep(&mut blocks, 1, 110, &[0; 513]));
    }

    #[test]
    fn what_was_overtaken_is_given_back() {
        let (mut blocks, mut held) = (Blocks::new(16), Held::new(4));
        held.keep(&mut blocks, 1, u32::MAX - 2, b"abcdef");
        let mut out = Vec::new();
        assert!(held.take(&mut blocks, 1, 1, &mut out));
        assert_eq!(out, b"ef");
        held.keep(&mut blocks, 1, 10, b"abc");
        assert!(!held.take(&mut blocks, 1, 20, &mut out));
        assert_eq!((held.bytes(1), blocks.room()), (0, 16 * super::super::BLOCK_BYTES));
    }
}
