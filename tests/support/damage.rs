//! Bytes damaged at random, the same on every run.

use proptest::prelude::Rng;
use proptest::test_runner::{RngAlgorithm, TestRng};

/// What a damaged byte becomes often: lengths and counts at their ends are where readers fail.
const ENDS: [u8; 6] = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff];

/// A seeded source of damage.
pub struct Chance(TestRng);

impl Chance {
    pub fn new() -> Self {
        Chance(TestRng::deterministic_rng(RngAlgorithm::ChaCha))
    }

    /// A number below the limit, which is not zero.
    pub fn below(&mut self, limit: usize) -> usize {
        self.0.next_u64() as usize % limit
    }

    /// A copy with one to four bytes changed, and one time in four cut short.
    pub fn damaged(&mut self, bytes: &[u8]) -> Vec<u8> {
        let mut damaged = bytes.to_vec();
        for _ in 0..=self.below(4) {
            if damaged.is_empty() {
                break;
            }
            let at = self.below(damaged.len());
            damaged[at] = match self.below(3) {
                0 => ENDS[self.below(ENDS.len())],
                1 => damaged[at] ^ (1 << self.below(8)),
                _ => self.below(256) as u8,
            };
        }
        if self.below(4) == 0 {
            damaged.truncate(self.below(damaged.len() + 1));
        }
        damaged
    }
}
