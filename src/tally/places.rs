//! Where things lie in a list, by their keyed hash: a map that can be asked to bring what it will need into the cache before its turn, which
//! the standard library's cannot.

use crate::huge;

/// Slots at first.
const SLOTS_MIN: usize = 64;

/// A slot: the upper half of a hash, and a place plus one; 0 is a free slot.
#[derive(Clone, Copy, Default)]
struct Slot {
    mark: u32,
    place: u32,
}

/// Places by hash, with linear probing. At most half of the slots are taken.
#[derive(Default)]
pub struct Places {
    slots: Vec<Slot>,
    taken: usize,
}

impl Places {
    fn mark(hash: u64) -> u32 {
        (hash >> 32) as u32
    }

    /// Where the search for a mark begins.
    fn home(&self, mark: u32) -> usize {
        mark as usize & (self.slots.len() - 1)
    }

    /// Brings the slot of a hash into the cache.
    #[inline]
    pub fn touch(&self, hash: u64) {
        if !self.slots.is_empty() {
            huge::prefetch(&self.slots[self.home(Self::mark(hash))]);
        }
    }

    /// The place of the first thing with such a hash, which may be another's.
    #[inline]
    pub fn guess(&self, hash: u64) -> Option<usize> {
        self.find(hash, |_| true)
    }

    /// The place of the thing with this hash that is the right one.
    #[inline]
    pub fn find(&self, hash: u64, is: impl Fn(usize) -> bool) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mark = Self::mark(hash);
        let mut at = self.home(mark);
        loop {
            let slot = self.slots[at];
            let place = (slot.place as usize).checked_sub(1)?;
            if slot.mark == mark && is(place) {
                return Some(place);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
    }

    /// Adds a place; it is not in yet.
    pub fn insert(&mut self, hash: u64, place: usize) {
        if 2 * (self.taken + 1) > self.slots.len() {
            self.grow();
        }
        self.taken += 1;
        self.put(Slot { mark: Self::mark(hash), place: place as u32 + 1 });
    }

    fn put(&mut self, slot: Slot) {
        let mut at = self.home(slot.mark);
        while self.slots[at].place != 0 {
            at = (at + 1) & (self.slots.len() - 1);
        }
        self.slots[at] = slot;
    }

    fn grow(&mut self) {
        let slots = vec![Slot::default(); (2 * self.slots.len()).max(SLOTS_MIN)];
        for slot in std::mem::replace(&mut self.slots, slots) {
            if slot.place != 0 {
                self.put(slot);
            }
        }
    }

    /// The slot that holds a place.
    fn slot(&self, hash: u64, place: usize) -> Option<usize> {
        if self.slots.is_empty() {
            return None;
        }
        let mut at = self.home(Self::mark(hash));
        while self.slots[at].place != 0 {
            if self.slots[at].place as usize == place + 1 {
                return Some(at);
            }
            at = (at + 1) & (self.slots.len() - 1);
        }
        None
    }

    /// Takes a place out.
    pub fn remove(&mut self, hash: u64, place: usize) {
        let Some(mut free) = self.slot(hash, place) else { return };
        self.taken -= 1;
        // What stands behind a free slot must still be found from its home: it moves up, if it may (Knuth, volume 3, section 6.4, algorithm R).
        let last = self.slots.len() - 1;
        let mut at = free;
        loop {
            at = (at + 1) & last;
            let slot = self.slots[at];
            if slot.place == 0 {
                break;
            }
            if (at.wrapping_sub(self.home(slot.mark)) & last) >= (at.wrapping_sub(free) & last) {
                self.slots[free] = slot;
                free = at;
            }
        }
        self.slots[free] = Slot::default();
    }

    /// The thing at one place is at another from now on.
    pub fn moved(&mut self, hash: u64, from: usize, to: usize) {
        if let Some(at) = self.slot(hash, from) {
            self.slots[at].place = to as u32 + 1;
        }
    }

    /// Forgets all.
    pub fn clear(&mut self) {
        self.slots.fill(Slot::default());
        self.taken = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A few homes for many things, so that they stand behind each other.
    fn hash(n: u64) -> u64 {
        (n % 7) << 32 | n
    }

    #[test]
    fn what_is_in_is_found_however_much_comes_and_goes() {
        let (mut places, mut list): (Places, Vec<u64>) = Default::default();
        let mut random = 1u64;
        for n in 0..2_000 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            if random >> 62 == 0 && !list.is_empty() {
                let gone = (random >> 8) as usize % list.len();
                places.remove(hash(list[gone]), gone);
                list.swap_remove(gone);
                if let Some(&moved) = list.get(gone) {
                    places.moved(hash(moved), list.len(), gone);
                }
            } else if list.len() < 200 {
                places.insert(hash(n), list.len());
                list.push(n);
            }
            for (place, &thing) in list.iter().enumerate() {
                assert_eq!(places.find(hash(thing), |at| list[at] == thing), Some(place));
            }
            assert_eq!(places.find(hash(n + 7), |at| list[at] == n + 7), None);
        }
        assert!(places.guess(hash(list[0])).is_some());
        places.clear();
        assert!(list.iter().all(|&thing| places.guess(hash(thing)).is_none()));
    }

    #[test]
    fn nothing_is_in_an_empty_one() {
        let mut places = Places::default();
        places.touch(7);
        places.remove(7, 0);
        assert_eq!(places.find(7, |_| true), None);
    }
}
