//! Which way of a bucket holds something, found without a branch.
//!
//! A table's buckets have a few ways, and in which one a packet's entry stands is chance. A search that stops where it finds something is
//! guessed wrong by the processor more often than not, which costs more than to compare all of them.

/// The first way that holds this, if one does.
#[inline(always)]
pub fn way_of<T: Copy + PartialEq, const WAYS: usize>(ways: &[T; WAYS], wanted: T) -> Option<usize> {
    let mut found = 0u32;
    for (way, &known) in ways.iter().enumerate() {
        found |= u32::from(known == wanted) << way;
    }
    (found != 0).then(|| found.trailing_zeros() as usize)
}

/// The way that is worth least, the first of several.
#[inline(always)]
pub fn least<const WAYS: usize>(mut worth: impl FnMut(usize) -> u64) -> usize {
    let (mut least, mut least_worth) = (0, worth(0));
    for way in 1..WAYS {
        let worth = worth(way);
        (least, least_worth) = if worth < least_worth { (way, worth) } else { (least, least_worth) };
    }
    least
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_way_that_holds_it() {
        assert_eq!(way_of(&[4u64, 5, 6, 5], 5), Some(1));
        assert_eq!(way_of(&[4u64, 5, 6, 5], 7), None);
        assert_eq!(way_of(&[0u32; 4], 0), Some(0));
    }

    #[test]
    fn the_first_of_the_least() {
        assert_eq!(least::<4>(|way| [3, 1, 2, 1][way]), 1);
        assert_eq!(least::<4>(|_| 7), 0);
        assert_eq!(least::<1>(|_| u64::MAX), 0);
    }
}
