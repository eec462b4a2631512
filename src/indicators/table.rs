//! Entries in the order of their keys, found through the leading bits of the key and behind a filter.

use super::entry::Entry;
use super::filter::Filter;

/// Entries for each place of the index, about.
const ENTRIES_PER_PLACE: usize = 2;
/// Most leading bits of a key that the index uses: 2^22 places are 16 MiB.
const INDEX_BITS_MAX: u32 = 22;

/// Entries as they come.
#[derive(Default, Debug)]
pub(super) struct Gathered {
    entries: Vec<Entry>,
    /// The keyed hash of each, for the filter.
    hashes: Vec<u64>,
}

impl Gathered {
    /// `hash` is the one that questions about the value will come with.
    pub fn add(&mut self, hash: u64, entry: Entry) {
        self.entries.push(entry);
        self.hashes.push(hash);
    }

    /// Adds those of another one, with their tags as they are numbered here.
    pub fn join(&mut self, other: Self, tags: &[u32]) {
        self.hashes.extend(other.hashes);
        self.entries.extend(other.entries.into_iter().map(|mut entry| {
            entry.tag = tags[entry.tag as usize];
            entry
        }));
    }

    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn entry(&mut self, place: usize) -> Option<&mut Entry> {
        self.entries.get_mut(place)
    }
}

/// All entries of one kind of key; nothing changes any more.
pub(super) struct Table {
    entries: Box<[Entry]>,
    /// By the key's leading bits: where its entries begin. One more than there are places.
    starts: Box<[u32]>,
    /// By how much a key is shifted to get its place.
    shift: u32,
    filter: Filter,
}

impl Table {
    pub fn new(gathered: Gathered) -> Self {
        let Gathered { mut entries, hashes } = gathered;
        let filter = Filter::new(&hashes);
        drop(hashes);
        entries.sort_unstable();
        entries.dedup();
        let places = (entries.len() / ENTRIES_PER_PLACE).next_power_of_two().max(2);
        let bits = places.trailing_zeros().min(INDEX_BITS_MAX);
        let shift = u128::BITS - bits;
        let mut starts = vec![0; (1 << bits) + 1];
        for entry in &entries {
            starts[(entry.key() >> shift) as usize + 1] += 1;
        }
        let mut sum = 0;
        for start in &mut starts {
            sum += *start;
            *start = sum;
        }
        Table { entries: entries.into_boxed_slice(), starts: starts.into_boxed_slice(), shift, filter }
    }

    /// What is listed under this key. `hash` is the keyed hash of the same value.
    #[inline]
    pub fn get(&self, hash: u64, key: u128) -> &[Entry] {
        if self.filter.may_hold(hash) { self.find(key) } else { &[] }
    }

    /// Whether [`Table::get`] need not be asked.
    #[inline]
    pub fn may_hold(&self, hash: u64) -> bool {
        self.filter.may_hold(hash)
    }

    #[inline]
    pub fn ahead(&self, hash: u64) -> &u64 {
        self.filter.ahead(hash)
    }

    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    fn find(&self, key: u128) -> &[Entry] {
        let place = (key >> self.shift) as usize;
        let among = &self.entries[self.starts[place] as usize..self.starts[place + 1] as usize];
        let from = among.partition_point(|entry| entry.key() < key);
        let found = &among[from..];
        &found[..found.partition_point(|entry| entry.key() == key)]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyed::Keyed;
    use proptest::prelude::*;

    fn table(keys: &[u128]) -> Table {
        let mut gathered = Gathered::default();
        for (key, number) in keys.iter().zip(0..) {
            gathered.add(Keyed::fixed().words(*key, 0), Entry::new(*key, 0, number));
        }
        Table::new(gathered)
    }

    #[test]
    fn an_empty_table_has_nothing() {
        assert!(table(&[]).find(0).is_empty() && table(&[]).find(u128::MAX).is_empty());
    }

    #[test]
    fn the_same_entry_stands_once_and_different_ones_of_a_key_together() {
        let mut gathered = Gathered::default();
        for (number, port) in [(1, None), (2, None), (1, None), (1, Some(80))] {
            gathered.add(0, Entry::new(7, 0, number).with_port(port));
        }
        let found: Vec<_> = Table::new(gathered).find(7).iter().map(|entry| (entry.number, entry.port())).collect();
        assert_eq!(found, [(1, None), (1, Some(80)), (2, None)]);
    }

    proptest! {
        #[test]
        fn every_key_is_found_as_often_as_it_was_put_in(
            keys in prop::collection::vec(prop_oneof![any::<u128>(), 0u128..8, (u128::MAX - 8)..=u128::MAX], 0..200),
            other in any::<u128>(),
        ) {
            let table = table(&keys);
            for key in keys.iter().chain([&other]) {
                let count = keys.iter().filter(|&among| among == key).count();
                prop_assert_eq!(table.get(Keyed::fixed().words(*key, 0), *key).len(), count);
            }
        }
    }
}
