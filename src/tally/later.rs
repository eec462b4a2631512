//! What is put off for a few turns, until what it needs has come into the cache.

/// A queue of a fixed length: whoever comes when it is full takes the place of the first.
pub struct Later<T, const LENGTH: usize> {
    items: [T; LENGTH],
    /// Where the first stands, and how many there are.
    from: usize,
    len: usize,
}

impl<T: Copy, const LENGTH: usize> Later<T, LENGTH> {
    /// An empty queue. `nobody` stands where nobody is.
    pub fn new(nobody: T) -> Self {
        Later { items: [nobody; LENGTH], from: 0, len: 0 }
    }

    /// Puts an item off. The first one's turn has come when there is no more room.
    #[inline]
    pub fn push(&mut self, item: T) -> Option<T> {
        let due = if self.len == LENGTH { self.pop() } else { None };
        self.items[(self.from + self.len) % LENGTH] = item;
        self.len += 1;
        due
    }

    /// The first one before its turn, for the end.
    #[inline]
    pub fn pop(&mut self) -> Option<T> {
        let first = (self.len > 0).then_some(self.items[self.from])?;
        self.from = (self.from + 1) % LENGTH;
        self.len -= 1;
        Some(first)
    }

    /// The one that has half of its wait behind it when the next comes, or nobody.
    #[inline]
    pub fn half_way(&self) -> &T {
        &self.items[(self.from + LENGTH / 2) % LENGTH]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_come_in_their_order_a_queue_later() {
        let mut later = Later::<u32, 4>::new(0);
        let pushed: Vec<Option<u32>> = (1..=9).map(|item| later.push(item)).collect();
        assert_eq!(pushed, [None, None, None, None, Some(1), Some(2), Some(3), Some(4), Some(5)]);
        assert_eq!(*later.half_way(), 8);
        assert_eq!(std::iter::from_fn(|| later.pop()).collect::<Vec<_>>(), [6, 7, 8, 9]);
        assert_eq!((later.push(10), later.pop(), later.pop()), (None, Some(10), None));
    }
}
