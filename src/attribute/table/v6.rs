//! IPv6: an index over the first eighteen bits, then a binary search among the /64s at which the country changes.

use super::cut::Cut;
use super::{CUT, NONE, entry};
use crate::attribute::Country;
use crate::attribute::span::Span;

/// Leading bits of an IPv6 address that the first-level index goes by: 1 MiB, which is written at every start; each bit more saves one
/// step of the search.
const INDEX_BITS: u32 = 18;
const INDEX_SHIFT: u32 = 64 - INDEX_BITS;

pub(in crate::attribute) struct V6 {
    /// By the first eighteen bits: how many of `starts` lie below.
    index: Vec<u32>,
    /// Upper halves of addresses at which the country changes, ascending, beginning with 0.
    starts: Vec<u64>,
    /// The entry from the start of the same place on.
    entries: Vec<u8>,
    cut: Cut<u128>,
}

impl V6 {
    /// Builds from ascending stretches; what does not ascend is ignored.
    pub fn new(spans: impl IntoIterator<Item = Span<Country>>) -> Self {
        let spans = spans.into_iter();
        // Each begins and ends at one of them.
        let room = 2 * spans.size_hint().0 + 1;
        let mut table = V6 { index: Vec::new(), starts: Vec::with_capacity(room), entries: Vec::with_capacity(room), cut: Cut::default() };
        table.starts.push(0);
        table.entries.push(NONE);
        let mut next = Some(0);
        for span in spans {
            if next.is_none_or(|next| span.first < next) || span.last < span.first {
                continue;
            }
            next = span.last.checked_add(1);
            if span.value.is_some() {
                table.add(span);
            }
        }
        table.finish()
    }

    fn add(&mut self, span: Span<Country>) {
        let (first_network, last_network) = ((span.first >> 64) as u64, (span.last >> 64) as u64);
        let begins_whole = span.first as u64 == 0;
        let ends_whole = span.last as u64 == u64::MAX;
        if first_network == last_network && !(begins_whole && ends_whole) {
            return self.add_part(first_network, span.first, span.last, span.value);
        }
        let mut whole = Some(first_network);
        if !begins_whole {
            self.add_part(first_network, span.first, u128::from(first_network) << 64 | u128::from(u64::MAX), span.value);
            whole = first_network.checked_add(1);
        }
        let stop = if ends_whole { last_network.checked_add(1) } else { Some(last_network) };
        if let Some(whole) = whole.filter(|&whole| stop != Some(whole)) {
            self.start(whole, entry(span.value));
            if let Some(stop) = stop {
                self.start(stop, NONE);
            }
        }
        if !ends_whole {
            self.add_part(last_network, u128::from(last_network) << 64, span.last, span.value);
        }
    }

    fn add_part(&mut self, network: u64, first: u128, last: u128, country: Country) {
        let begin = u128::from(network) << 64;
        self.cut.push(first, last, begin, begin | u128::from(u64::MAX), country);
        self.start(network, CUT);
        if let Some(after) = network.checked_add(1) {
            self.start(after, NONE);
        }
    }

    /// Lets `entry` hold from `network` on, in place of what was said to hold from there.
    fn start(&mut self, network: u64, entry: u8) {
        while self.starts.last().is_some_and(|&start| start >= network) {
            self.starts.pop();
            self.entries.pop();
        }
        if self.entries.last() != Some(&entry) {
            self.starts.push(network);
            self.entries.push(entry);
        }
    }

    fn finish(mut self) -> Self {
        self.starts.shrink_to_fit();
        self.entries.shrink_to_fit();
        self.cut.shrink();
        self.index = Vec::with_capacity((1 << INDEX_BITS) + 1);
        for (place, &start) in self.starts.iter().enumerate() {
            let bucket = (start >> INDEX_SHIFT) as usize;
            if self.index.len() <= bucket {
                self.index.resize(bucket + 1, place as u32);
            }
        }
        self.index.resize((1 << INDEX_BITS) + 1, self.starts.len() as u32);
        self
    }

    #[inline]
    pub fn country(&self, bits: u128) -> Country {
        let network = (bits >> 64) as u64;
        let bucket = (network >> INDEX_SHIFT) as usize;
        let (Some(&from), Some(&to)) = (self.index.get(bucket), self.index.get(bucket + 1)) else { return Country::NONE };
        let within = self.starts.get(from as usize..to as usize).unwrap_or(&[]).partition_point(|&start| start <= network);
        let found = (from as usize + within).checked_sub(1).and_then(|place| self.entries.get(place)).copied().unwrap_or(NONE);
        if found == CUT { self.cut.country(bits) } else { Country::from_index(found.into()).unwrap_or(Country::NONE) }
    }

    pub fn bytes(&self) -> usize {
        size_of_val(self.index.as_slice()) + size_of_val(self.starts.as_slice()) + self.entries.len() + self.cut.bytes()
    }
}
