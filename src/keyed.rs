//! Keyed hashing: one place for every hash that traffic could try to steer.
//!
//! Unkeyed hashes let a sender choose collisions, which turns a bounded table into a target. Live traffic gets a random key; files get a
//! fixed one, so that the same capture gives the same answer.

use std::hash::{BuildHasher, Hasher};

use foldhash::SharedSeed;
use foldhash::fast::SeedableRandomState;

use crate::addr::Addr;

/// The key for capture files. Any value does; it must only never change, or answers would.
const FILE_KEY: u64 = 0x7768_6572_6566_726f;

/// A keyed 64-bit hash over addresses and conversations.
#[derive(Clone)]
pub struct Keyed(SeedableRandomState);

impl Keyed {
    /// The fixed key for capture files and tests.
    pub fn fixed() -> Self {
        Keyed(SeedableRandomState::with_seed(FILE_KEY, SharedSeed::global_fixed()))
    }

    /// A random key, for live traffic.
    pub fn random() -> Self {
        Keyed(SeedableRandomState::random())
    }

    /// Of one address.
    #[inline]
    pub fn addr(&self, addr: Addr) -> u64 {
        self.words(addr.0, 0)
    }

    /// Of an address and a number that goes with it: a port, a counter.
    #[inline]
    pub fn words(&self, wide: u128, narrow: u64) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write_u128(wide);
        hasher.write_u64(narrow);
        hasher.finish()
    }

    /// Of two addresses and up to 64 bits that go with them.
    #[inline]
    pub fn pair(&self, low: Addr, high: Addr, narrow: u64) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write_u128(low.0);
        hasher.write_u128(high.0);
        hasher.write_u64(narrow);
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fixed_key_gives_the_same_hash_every_time() {
        let addr = Addr::v4(0xca70_0a05);
        assert_eq!(Keyed::fixed().addr(addr), Keyed::fixed().addr(addr));
        assert_ne!(Keyed::fixed().addr(addr), Keyed::fixed().addr(Addr::v4(0xca70_0a06)));
    }

    #[test]
    fn the_pair_matters_in_order() {
        let (a, b) = (Addr::v4(1), Addr::v4(2));
        assert_ne!(Keyed::fixed().pair(a, b, 0), Keyed::fixed().pair(b, a, 0));
    }
}
