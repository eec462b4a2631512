//! How many distinct things: exact while they are few, then HyperLogLog.

use super::Tally;
use crate::huge;

/// Distinct values up to which the count is exact.
pub(super) const EXACT_MAX: usize = 64;

/// HyperLogLog with 2^12 registers: standard error 1.04 / sqrt(4096) = 1.6 % (Flajolet and others, AofA 2007).
const PRECISION: u32 = 12;
pub(super) const REGISTERS: usize = 1 << PRECISION;

/// Registers go up to 53 (a rank over 52 bits), so that the smallest summand is 2^-53.
const SUM_UNIT: f64 = 1.0 / (1u64 << 53) as f64;
const EMPTY_SUMMAND: u128 = 1 << 53;

/// A count of distinct keyed 64-bit hashes, merged as a union.
#[derive(Clone, Debug, Default)]
pub struct Distinct {
    few: Vec<u64>,
    /// In use when `many` is set; kept when the count is cleared, so that a warm counter allocates nothing.
    registers: Vec<u8>,
    many: bool,
    figures: Figures,
}

/// What is known of registers without a look at them, kept up so that a count costs nothing.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Figures {
    /// How many are empty.
    empty: u16,
    /// The sum of 2^-register, in units of [`SUM_UNIT`].
    sum: u128,
}

impl Figures {
    /// Of registers that are all empty.
    pub(super) const EMPTY: Figures = Figures { empty: REGISTERS as u16, sum: REGISTERS as u128 * EMPTY_SUMMAND };

    #[inline]
    pub(super) fn raise(&mut self, registers: &mut [u8], hash: u64) {
        let rank = ((hash << PRECISION) | 1 << (PRECISION - 1)).leading_zeros() as u8 + 1;
        self.raise_to(registers, register(hash), rank);
    }

    #[inline]
    fn raise_to(&mut self, registers: &mut [u8], place: usize, rank: u8) {
        let register = &mut registers[place];
        if *register < rank {
            self.empty -= u16::from(*register == 0);
            self.sum = self.sum - (EMPTY_SUMMAND >> *register) + (EMPTY_SUMMAND >> rank);
            *register = rank;
        }
    }

    pub(super) fn merge(&mut self, registers: &mut [u8], other: &[u8]) {
        for (place, &rank) in other.iter().enumerate() {
            self.raise_to(registers, place, rank);
        }
    }

    /// The raw estimate, and linear counting while it is small and registers are empty.
    fn estimate(&self) -> u64 {
        let m = REGISTERS as f64;
        let raw = 0.7213 / (1.0 + 1.079 / m) * m * m / (self.sum as f64 * SUM_UNIT);
        let best = if raw <= 2.5 * m && self.empty > 0 { m * (m / f64::from(self.empty)).ln() } else { raw };
        best.round() as u64
    }
}

/// The register of a hash.
#[inline]
pub(super) fn register(hash: u64) -> usize {
    (hash >> (64 - PRECISION)) as usize
}

impl Distinct {
    /// Adds one value by its keyed hash.
    #[inline]
    pub fn add(&mut self, hash: u64) {
        if self.many {
            return self.figures.raise(&mut self.registers, hash);
        }
        if self.few.contains(&hash) {
            return;
        }
        if self.few.len() < EXACT_MAX {
            self.few.push(hash);
        } else {
            self.become_many();
            self.figures.raise(&mut self.registers, hash);
        }
    }

    /// Brings the register of a value into the cache, if there will be one.
    #[inline]
    pub fn touch(&self, hash: u64) {
        if self.many {
            huge::prefetch(&self.registers[register(hash)]);
        }
    }

    fn become_many(&mut self) {
        self.registers.clear();
        self.registers.resize(REGISTERS, 0);
        self.many = true;
        self.figures = Figures::EMPTY;
        for &hash in &self.few {
            self.figures.raise(&mut self.registers, hash);
        }
        self.few.clear();
    }

    /// Of these few values, all different.
    pub(super) fn of_few(few: &[u64]) -> Self {
        Distinct { few: few.to_vec(), ..Distinct::default() }
    }

    /// Of these registers.
    pub(super) fn of_registers(registers: &[u8], figures: Figures) -> Self {
        Distinct { few: Vec::new(), registers: registers.to_vec(), many: true, figures }
    }

    /// The count. It costs nothing: detectors ask for it every second.
    pub fn count(&self) -> u64 {
        if self.many { self.figures.estimate() } else { self.few.len() as u64 }
    }

    /// The count while it is exact, and the largest number once it is not: for comparisons with small numbers, at no cost.
    pub fn at_least(&self) -> u64 {
        if self.many { u64::MAX } else { self.few.len() as u64 }
    }

    /// Whether the count is an estimate.
    pub fn is_estimate(&self) -> bool {
        self.many
    }
}

impl Tally for Distinct {
    fn merge(&mut self, other: &Self) {
        if other.many {
            if !self.many {
                self.become_many();
            }
            self.figures.merge(&mut self.registers, &other.registers);
        } else {
            for &hash in &other.few {
                self.add(hash);
            }
        }
    }

    fn clear(&mut self) {
        self.few.clear();
        self.many = false;
    }
}

#[cfg(test)]
mod tests {
    use super::super::check_laws;
    use super::*;
    use crate::addr::Addr;
    use crate::keyed::Keyed;

    fn of(range: std::ops::Range<u32>) -> Distinct {
        let keyed = Keyed::fixed();
        let mut distinct = Distinct::default();
        for n in range {
            distinct.add(keyed.addr(Addr::v4(n)));
        }
        distinct
    }

    #[test]
    fn few_are_counted_exactly() {
        let mut distinct = of(0..64);
        distinct.merge(&of(0..64));
        assert_eq!((distinct.count(), distinct.is_estimate()), (64, false));
    }

    #[test]
    fn many_are_estimated_within_five_standard_errors() {
        for n in [65, 1_000, 20_000, 1_000_000] {
            let distinct = of(0..n);
            let off = (distinct.count() as f64 - f64::from(n)).abs() / f64::from(n);
            assert!(distinct.is_estimate() && off < 5.0 * 0.01625, "{n}: {}", distinct.count());
        }
    }

    #[test]
    fn unions_obey_the_laws() {
        check_laws([&|| of(0..100), &|| of(50..120), &|| of(60..5000)], |d| (d.count(), d.is_estimate()));
    }

    #[test]
    fn a_cleared_count_is_zero_again() {
        let mut distinct = of(0..1000);
        distinct.clear();
        assert_eq!((distinct.count(), distinct.is_estimate()), (0, false));
    }
}
