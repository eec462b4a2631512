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

/// Odd constants with as many ones as zeroes (digits of pi), for mixing what is keyed already.
const PORT_MIX: u64 = 0x243f_6a88_85a3_08d3;
const SUM_MIX: u64 = 0x1319_8a2e_0370_7345;

/// A 64 by 64 bit product, folded: the mixing step of wyhash and foldhash.
#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let product = u128::from(a) * u128::from(b);
    product as u64 ^ (product >> 64) as u64
}

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

    /// Of a conversation, given the hashes of its two ends' addresses and its ports: the same for both directions. Also says whether the
    /// source is the lower end, in an order that is as good as any.
    #[inline]
    pub fn conversation(&self, source: u64, target: u64, ports: (u16, u16), transport: u8) -> (u64, bool) {
        let source = fold(source ^ u64::from(ports.0), PORT_MIX);
        let target = fold(target ^ u64::from(ports.1), PORT_MIX);
        (fold(source.wrapping_add(target) ^ u64::from(transport), SUM_MIX), source <= target)
    }

    /// Of an address and a number that goes with it: a port, a counter.
    #[inline]
    pub fn words(&self, wide: u128, narrow: u64) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write_u128(wide);
        hasher.write_u64(narrow);
        hasher.finish()
    }

    /// Of a text.
    #[inline]
    pub fn bytes(&self, text: &[u8]) -> u64 {
        let mut hasher = self.0.build_hasher();
        hasher.write(text);
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
    fn a_conversation_hashes_alike_both_ways() {
        let keyed = Keyed::fixed();
        let (a, b) = (keyed.addr(Addr::v4(1)), keyed.addr(Addr::v4(2)));
        let (there, source_low) = keyed.conversation(a, b, (40_000, 80), 0);
        let (back, target_low) = keyed.conversation(b, a, (80, 40_000), 0);
        assert_eq!(there, back);
        assert_ne!(source_low, target_low);
        assert_ne!(keyed.conversation(a, b, (40_001, 80), 0).0, there);
        assert_ne!(keyed.conversation(a, b, (40_000, 80), 1).0, there);
    }

    #[test]
    fn the_pair_matters_in_order() {
        let (a, b) = (Addr::v4(1), Addr::v4(2));
        assert_ne!(Keyed::fixed().pair(a, b, 0), Keyed::fixed().pair(b, a, 0));
    }
}
