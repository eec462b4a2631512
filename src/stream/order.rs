//! Where in a stream a segment belongs.

/// A sequence number this far from the one that comes next belongs to no segment of a window: the largest window is 2^30 bytes (RFC 7323
/// section 2.3), but a sender that has 2^24 bytes under way is rare, and one whose numbers make no sense must not be waited for.
const WINDOW_BYTES: u32 = 1 << 24;

/// The order of what one side sends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Order {
    next: u32,
    begun: bool,
}

/// What to do with a segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// It goes on where the last one ended, after its first `repeated` bytes.
    Next { repeated: usize },
    /// All of it was there before.
    Repeated,
    /// So many bytes are missing before it.
    Ahead { missing: u32 },
    /// Its number has nothing to do with the stream so far.
    Elsewhere,
}

impl Order {
    /// A stream whose first byte has this number.
    pub fn from(first: u32) -> Self {
        Order { next: first, begun: true }
    }

    /// The number of the byte that comes next; `None` before the first segment of a stream whose beginning was not seen.
    pub fn next(&self) -> Option<u32> {
        self.begun.then_some(self.next)
    }

    /// Where a segment of so many bytes belongs. The first segment of a stream whose beginning was not seen begins it.
    #[inline]
    pub fn place(&mut self, seq: u32, bytes: usize) -> Place {
        if !self.begun {
            *self = Order::from(seq);
        }
        let ahead = seq.wrapping_sub(self.next);
        if ahead == 0 {
            return Place::Next { repeated: 0 };
        }
        if ahead < WINDOW_BYTES {
            return Place::Ahead { missing: ahead };
        }
        let behind = self.next.wrapping_sub(seq);
        if behind >= WINDOW_BYTES {
            return Place::Elsewhere;
        }
        if behind as usize >= bytes { Place::Repeated } else { Place::Next { repeated: behind as usize } }
    }

    /// So many bytes were taken, or are missing.
    #[inline]
    pub fn advance(&mut self, bytes: u32) {
        self.next = self.next.wrapping_add(bytes);
    }

    /// Goes on at another number.
    pub fn jump(&mut self, seq: u32) {
        *self = Order::from(seq);
    }

    /// Bytes of the stream that lie before this number and have not come; 0 if it is not ahead.
    pub fn missing_before(&self, seq: u32) -> u32 {
        let ahead = seq.wrapping_sub(self.next);
        if self.begun && ahead < WINDOW_BYTES { ahead } else { 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn segments_find_their_place_also_where_numbers_wrap() {
        for first in [0, 1000, u32::MAX - 50] {
            let mut order = Order::default();
            assert_eq!(order.next(), None);
            assert_eq!(order.place(first, 100), Place::Next { repeated: 0 });
            order.advance(100);
            assert_eq!(order.next(), Some(first.wrapping_add(100)));
            assert_eq!(order.place(first, 100), Place::Repeated);
            assert_eq!(order.place(first.wrapping_add(40), 100), Place::Next { repeated: 60 });
            assert_eq!(order.place(first.wrapping_add(150), 100), Place::Ahead { missing: 50 });
            assert_eq!(order.missing_before(first.wrapping_add(150)), 50);
            assert_eq!(order.missing_before(first), 0);
            assert_eq!(order.place(first.wrapping_add(1 << 31), 100), Place::Elsewhere);
            assert_eq!(order.place(first.wrapping_sub(1 << 25), 100), Place::Elsewhere);
        }
    }
}
