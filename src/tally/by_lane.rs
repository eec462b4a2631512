//! Records that are kept apart by lane: their order within a lane is that of the packets, whoever works on the lane.

use crate::dispatch::LANES;
use crate::huge;

/// Records of a lane for which there is room from the start: an ordinary slice allocates nothing, a storm a few times.
const ROOM: usize = 48;

/// A list of records for each lane.
#[derive(Clone, Debug)]
pub struct ByLane<T> {
    lanes: Vec<Vec<T>>,
    /// The lanes whose lists another one has for now: a bit each.
    lent: u64,
}

const _: () = assert!(LANES <= u64::BITS as usize);

impl<T> Default for ByLane<T> {
    fn default() -> Self {
        ByLane { lanes: (0..LANES).map(|_| Vec::with_capacity(ROOM)).collect(), lent: 0 }
    }
}

impl<T> ByLane<T> {
    #[inline]
    pub fn push(&mut self, lane: u8, record: T) {
        if let Some(records) = self.lanes.get_mut(usize::from(lane)) {
            records.push(record);
            // The next place was read by another core last: it is fetched while other lanes have their turns.
            if let Some(next) = records.spare_capacity_mut().first_mut() {
                huge::prefetch_write_whole(next);
            }
        }
    }

    /// Every record, lane by lane.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        self.lanes.iter().flatten()
    }

    /// Every record, with its lane and its number there.
    pub fn enumerate(&self) -> impl Iterator<Item = (u8, u32, &T)> {
        let lanes = self.lanes.iter().zip(0u8..);
        lanes.flat_map(|(records, lane)| records.iter().zip(0u32..).map(move |(record, number)| (lane, number, record)))
    }

    /// A record, by its lane and its number there.
    #[inline]
    pub fn get(&self, lane: u8, number: u32) -> Option<&T> {
        self.lanes.get(usize::from(lane))?.get(number as usize)
    }

    /// Every record, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        self.lanes.iter_mut().flatten()
    }

    pub fn is_empty(&self) -> bool {
        self.lanes.iter().all(Vec::is_empty)
    }

    /// Empties the lists and keeps their room.
    pub fn clear(&mut self) {
        self.lanes.iter_mut().for_each(Vec::clear);
    }

    /// Takes over the lanes of another worker. A lane has one worker, so in one of the two it is empty.
    pub fn append(&mut self, other: &mut Self) {
        for (mine, theirs) in self.lanes.iter_mut().zip(&mut other.lanes) {
            mine.append(theirs);
        }
    }

    /// The same until [`ByLane::give_back`], for lists that are too long to be copied.
    pub fn borrow_from(&mut self, other: &mut Self) {
        for ((mine, theirs), lane) in self.lanes.iter_mut().zip(&mut other.lanes).zip(0..) {
            if mine.is_empty() && !theirs.is_empty() {
                std::mem::swap(mine, theirs);
                other.lent |= 1u64 << lane;
            } else {
                mine.append(theirs);
            }
        }
    }

    /// Gives another worker's lists back to it, with what is in them.
    pub fn give_back(&mut self, other: &mut Self) {
        let lent = std::mem::take(&mut other.lent);
        for ((mine, theirs), lane) in self.lanes.iter_mut().zip(&mut other.lanes).zip(0..) {
            if lent & 1u64 << lane != 0 {
                std::mem::swap(mine, theirs);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lanes_come_in_order_whoever_had_them() {
        let (mut a, mut b) = (ByLane::default(), ByLane::default());
        b.push(3, "third");
        a.push(7, "seventh");
        a.push(7, "again");
        b.push(1, "first");
        a.borrow_from(&mut b);
        assert_eq!(a.iter().copied().collect::<Vec<_>>(), ["first", "third", "seventh", "again"]);
        assert!(a.enumerate().all(|(lane, number, record)| a.get(lane, number) == Some(record)));
        assert_eq!((a.get(7, 1), a.get(7, 2)), (Some(&"again"), None));
        a.give_back(&mut b);
        assert_eq!(a.iter().copied().collect::<Vec<_>>(), ["seventh", "again"]);
        assert_eq!(b.iter().copied().collect::<Vec<_>>(), ["first", "third"]);
        a.append(&mut b);
        assert_eq!(a.iter().copied().collect::<Vec<_>>(), ["first", "third", "seventh", "again"]);
        a.clear();
        assert!(a.is_empty() && b.is_empty());
    }
}
