//! A Bloom filter in which each value touches one cache line: what is on no list is turned away there.
//!
//! Putze, Sanders and Singler, "Cache-, Hash- and Space-Efficient Bloom Filters", ACM JEA 14 (2009): blocked filters.

/// Words of a cache line.
const LINE_WORDS: usize = 8;
const LINE_BITS: usize = LINE_WORDS * 64;
/// Bits for each value. With three probes, about one absent value in 150 passes.
const BITS_PER_VALUE: usize = 16;
const PROBES: u32 = 3;
/// Bits of a place within a line.
const PLACE_BITS: u32 = LINE_BITS.trailing_zeros();

#[derive(Clone, Copy, Default)]
#[repr(align(64))]
struct Line([u64; LINE_WORDS]);

/// Over keyed hashes of values.
pub(super) struct Filter {
    lines: Box<[Line]>,
}

impl Filter {
    pub fn new(hashes: &[u64]) -> Self {
        let lines = (hashes.len() * BITS_PER_VALUE).div_ceil(LINE_BITS).max(1).next_power_of_two();
        let mut filter = Filter { lines: vec![Line::default(); lines].into_boxed_slice() };
        for &hash in hashes {
            let at = filter.line(hash);
            for place in places(hash) {
                filter.lines[at].0[place / 64] |= 1 << (place % 64);
            }
        }
        filter
    }

    /// The line is taken from the hash's low bits, the places from its high ones.
    #[inline]
    fn line(&self, hash: u64) -> usize {
        hash as usize & (self.lines.len() - 1)
    }

    /// Whether a value of this hash can be among those that it was made of. Of those it says yes for each.
    #[inline]
    pub fn may_hold(&self, hash: u64) -> bool {
        let line = &self.lines[self.line(hash)].0;
        places(hash).all(|place| line[place / 64] >> (place % 64) & 1 == 1)
    }

    /// The cache line that a question about this hash will touch, for fetching it ahead.
    #[inline]
    pub fn ahead(&self, hash: u64) -> &u64 {
        &self.lines[self.line(hash)].0[0]
    }
}

#[inline]
fn places(hash: u64) -> impl Iterator<Item = usize> {
    (1..=PROBES).map(move |probe| (hash >> (64 - probe * PLACE_BITS)) as usize % LINE_BITS)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyed::Keyed;

    #[test]
    fn what_is_in_it_passes_and_little_else_does() {
        let keyed = Keyed::fixed();
        let hashes: Vec<u64> = (0..100_000).map(|number| keyed.words(number, 0)).collect();
        let filter = Filter::new(&hashes);
        assert!(hashes.iter().all(|&hash| filter.may_hold(hash)));
        let wrong = (100_000..200_000).filter(|&number| filter.may_hold(keyed.words(number, 0))).count();
        assert!(wrong < 1_000, "{wrong} of 100000 pass");
    }

    #[test]
    fn an_empty_one_turns_everything_away() {
        assert!((0..1_000).all(|number| !Filter::new(&[]).may_hold(Keyed::fixed().words(number, 0))));
    }
}
