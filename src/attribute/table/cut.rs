//! The parts of networks that a database cuts below the size of an entry.

use std::ops::Add;

use crate::attribute::Country;

/// From each start on, ascending, a country holds.
#[derive(Default)]
pub(super) struct Cut<T> {
    starts: Vec<T>,
    countries: Vec<Country>,
}

impl<T> Cut<T> {
    /// Of starts that ascend, and the country from each on.
    pub fn ready(starts: Vec<T>, countries: Vec<Country>) -> Self {
        Cut { starts, countries }
    }
}

impl<T: Copy + Ord + Add<Output = T> + From<u8>> Cut<T> {
    pub fn country(&self, bits: T) -> Country {
        let after = self.starts.partition_point(|&start| start <= bits);
        after.checked_sub(1).and_then(|place| self.countries.get(place)).copied().unwrap_or(Country::NONE)
    }

    /// Adds the part `first..=last` of the network `begin..=end`, above all parts before.
    pub fn push(&mut self, first: T, last: T, begin: T, end: T, country: Country) {
        if self.starts.last().is_none_or(|&start| start < begin) {
            self.start(begin, Country::NONE);
        }
        self.start(first, country);
        if last < end {
            self.start(last + T::from(1), Country::NONE);
        }
    }

    fn start(&mut self, start: T, country: Country) {
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.countries.pop();
        }
        self.starts.push(start);
        self.countries.push(country);
    }

    pub fn shrink(&mut self) {
        self.starts.shrink_to_fit();
        self.countries.shrink_to_fit();
    }

    pub fn bytes(&self) -> usize {
        size_of_val(self.starts.as_slice()) + size_of_val(self.countries.as_slice())
    }
}
