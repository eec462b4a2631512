//! Many counts of distinct things whose registers stand together.

use super::Distinct;
use super::distinct::{EXACT_MAX, Figures, REGISTERS, register};
use crate::huge;

/// One of many counts, as [`Distinct`] is one. Its registers stand on a shelf with those of the others. What a count of many needs stands in its
/// first cache line.
#[derive(Clone, Copy, Debug)]
#[repr(C, align(64))]
pub struct Shelved {
    /// Place of the registers plus one, 0 while the count is exact.
    registers: u32,
    used: u8,
    figures: Figures,
    few: [u64; EXACT_MAX],
}

const _: () = assert!(std::mem::offset_of!(Shelved, few) <= huge::LINE_BYTES);

/// Registers of many counts. Those that nobody has needed yet cost no memory, and none is taken while counting as long as there is room.
#[derive(Debug)]
pub struct Shelf(Vec<[u8; REGISTERS]>);

impl Shelf {
    /// With room for so many.
    pub fn with_room(counts: usize) -> Self {
        Shelf(Vec::with_capacity(counts))
    }

    /// Takes the registers away from all counts.
    pub fn clear(&mut self) {
        self.0.clear();
    }
}

impl Shelved {
    /// Of nothing.
    pub const NONE: Shelved = Shelved { registers: 0, used: 0, figures: Figures::EMPTY, few: [0; EXACT_MAX] };

    fn few(&self) -> &[u64] {
        &self.few[..usize::from(self.used)]
    }

    #[inline]
    fn registers(&self) -> Option<usize> {
        (self.registers as usize).checked_sub(1)
    }

    /// Adds one value by its keyed hash.
    #[inline]
    pub fn add(&mut self, shelf: &mut Shelf, hash: u64) {
        if let Some(place) = self.registers() {
            return self.figures.raise(&mut shelf.0[place], hash);
        }
        if self.few().contains(&hash) {
            return;
        }
        match self.few.get_mut(usize::from(self.used)) {
            Some(free) => {
                *free = hash;
                self.used += 1;
            }
            None => {
                let registers = self.become_many(shelf);
                self.figures.raise(&mut shelf.0[registers], hash);
            }
        }
    }

    /// Brings what tells where the registers are into the cache.
    #[inline]
    pub fn touch(&self) {
        huge::prefetch(&self.registers);
    }

    /// Brings the register of a value into the cache, if there is one; where they are is there.
    #[inline]
    pub fn touch_register(&self, shelf: &Shelf, hash: u64) {
        if let Some(place) = self.registers() {
            huge::prefetch(&shelf.0[place][register(hash)]);
        }
    }

    /// Takes registers, and returns their place.
    fn become_many(&mut self, shelf: &mut Shelf) -> usize {
        let place = shelf.0.len();
        shelf.0.push([0; REGISTERS]);
        self.registers = place as u32 + 1;
        self.figures = Figures::EMPTY;
        for &hash in &self.few[..usize::from(self.used)] {
            self.figures.raise(&mut shelf.0[place], hash);
        }
        place
    }

    /// Adds what another one has counted, whose registers stand on a shelf of their own.
    pub fn merge(&mut self, shelf: &mut Shelf, other: &Self, others: &Shelf) {
        match other.registers() {
            None => other.few().iter().for_each(|&hash| self.add(shelf, hash)),
            Some(theirs) => {
                let mine = self.registers().unwrap_or_else(|| self.become_many(shelf));
                self.figures.merge(&mut shelf.0[mine], &others.0[theirs]);
            }
        }
    }

    /// The count by itself.
    pub fn distinct(&self, shelf: &Shelf) -> Distinct {
        match self.registers() {
            None => Distinct::of_few(self.few()),
            Some(place) => Distinct::of_registers(&shelf.0[place], self.figures),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::Addr;
    use crate::keyed::Keyed;

    #[test]
    fn shelved_counts_are_the_same_ones() {
        let keyed = Keyed::fixed();
        for (mine, theirs) in [(3, 5), (64, 3), (65, 10), (3, 5_000), (5_000, 4_000)] {
            let (mut shelf, mut others) = (Shelf::with_room(1), Shelf::with_room(1));
            let (mut one, mut other) = (Shelved::NONE, Shelved::NONE);
            (0..mine).for_each(|n| one.add(&mut shelf, keyed.addr(Addr::v4(n))));
            (2..theirs).for_each(|n| other.add(&mut others, keyed.addr(Addr::v4(n))));
            one.merge(&mut shelf, &other, &others);
            let mut expected = Distinct::default();
            (0..mine).chain(2..theirs).for_each(|n| expected.add(keyed.addr(Addr::v4(n))));
            let told = one.distinct(&shelf);
            assert_eq!((told.count(), told.is_estimate()), (expected.count(), expected.is_estimate()), "{mine} and {theirs}");
        }
    }
}
