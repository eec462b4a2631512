//! The lookup table from address to country: built once at start, then read-only.
//!
//! IPv4: the first sixteen bits choose a block, the next eight an entry in it; equal blocks are stored once (most of the
//! 65,536 are uniform). IPv6: an index over the first twenty bits, then a binary search among the /64s at which the country
//! changes. Networks that a database cuts below a /24 or a /64 have their entry marked, and their parts stand in a sorted list.

use std::collections::HashMap;

use super::Country;
use super::reserved::reserved;
use super::span::Span;
use crate::addr::Addr;

/// Marks an entry whose network (a /24 or a /64) belongs to several countries.
const CUT: u8 = u8::MAX;
const _: () = assert!(Country::COUNT <= CUT as usize);

/// A country as a table entry.
const fn entry(country: Country) -> u8 {
    country.index() as u8
}

const NONE: u8 = entry(Country::NONE);

/// /24s in a block.
const BLOCK: usize = 256;
/// Blocks that IPv4 has: one for each /16.
const BLOCKS: usize = 1 << 16;

/// Leading bits of an IPv6 address that the first-level index goes by.
const INDEX_BITS: u32 = 20;
const INDEX_SHIFT: u32 = 64 - INDEX_BITS;

/// 2002::/16, 6to4: the IPv4 address stands in bits 16 to 47 (RFC 3056 section 2).
const SIX_TO_FOUR: u128 = 0x2002;
/// 64:ff9b::/96, NAT64: the IPv4 address stands in the last 32 bits (RFC 6052 section 2.1).
const NAT64: u128 = 0x0064_ff9b_0000_0000_0000_0000;
/// 2001::/32, Teredo: the embedded address is that of a relay's client behind NAT (RFC 4380), and is not attributed.
const TEREDO: u128 = 0x2001_0000;

/// The country of every address.
pub struct GeoTable {
    v4: V4,
    v6: V6,
}

struct V4 {
    /// By the first sixteen bits: the number of a block.
    root: Box<[u16; BLOCKS]>,
    /// Blocks of [`BLOCK`] entries, one after the other.
    blocks: Vec<u8>,
    cut: Cut,
    /// How many addresses each country has, by its index.
    addresses: Box<[u64; Country::COUNT]>,
}

struct V6 {
    /// By the first twenty bits: how many of `starts` lie below.
    index: Vec<u32>,
    /// Upper halves of addresses at which the country changes, ascending, beginning with 0.
    starts: Vec<u64>,
    /// The entry from the start of the same place on.
    entries: Vec<u8>,
    cut: Cut,
}

/// The parts of networks that are cut: from each start on, ascending, a country holds.
#[derive(Default)]
struct Cut {
    starts: Vec<u128>,
    countries: Vec<Country>,
}

impl GeoTable {
    /// Builds the table from ascending stretches without overlaps, of IPv4 and of IPv6 addresses as numbers. What does not
    /// ascend, or exceeds IPv4, is ignored.
    pub fn new(v4: impl IntoIterator<Item = Span<Country>>, v6: impl IntoIterator<Item = Span<Country>>) -> Self {
        GeoTable { v4: V4::new(v4), v6: V6::new(v6) }
    }

    /// The country of an address, `ZZ` if it is reserved, whatever the ranges say.
    #[inline]
    pub fn country_of(&self, addr: Addr) -> Country {
        if reserved(addr).is_some() { Country::NONE } else { self.country(addr) }
    }

    /// The country of an address, `ZZ` if the database has none. IPv6 that embeds IPv4 (6to4, NAT64) is attributed by that;
    /// Teredo is not attributed. Says nothing about reserved addresses beyond what the database says: see
    /// [`reserved`](super::reserved()).
    #[inline]
    pub fn country(&self, addr: Addr) -> Country {
        if let Some(bits) = addr.as_v4() {
            return self.v4.country(bits);
        }
        let bits = addr.0;
        if bits >> 112 == SIX_TO_FOUR {
            self.v4.country((bits >> 80) as u32)
        } else if bits >> 32 == NAT64 {
            self.v4.country(bits as u32)
        } else if bits >> 96 == TEREDO {
            Country::NONE
        } else {
            self.v6.country(bits)
        }
    }

    /// How many IPv4 addresses have a country: the base for the share of unknown sources in forged traffic.
    pub fn coverage_v4(&self) -> u64 {
        Country::all().filter(|country| country.is_some()).map(|country| self.addresses_v4(country)).sum()
    }

    /// How many IPv4 addresses a country has; none for `ZZ`.
    pub fn addresses_v4(&self, country: Country) -> u64 {
        self.v4.addresses[country.index()]
    }

    /// How many of the IPv4 addresses from `first` to `last` belong to a country. Looks at each /24 between them.
    pub fn count_v4(&self, country: Country, first: u32, last: u32) -> u64 {
        let mut count = 0;
        for network in first >> 8..=last >> 8 {
            let (from, to) = (first.max(network << 8), last.min(network << 8 | 0xff));
            count += match self.v4.entry(from) {
                CUT => (from..=to).filter(|&bits| self.v4.country(bits) == country).count() as u64,
                found if found == entry(country) => u64::from(to - from) + 1,
                _ => 0,
            };
        }
        count
    }

    /// Bytes that the table takes in memory.
    pub fn bytes(&self) -> usize {
        let cut = |cut: &Cut| cut.starts.len() * size_of::<u128>() + cut.countries.len();
        let v4 = size_of_val(&*self.v4.root) + self.v4.blocks.len() + cut(&self.v4.cut);
        v4 + self.v6.index.len() * size_of::<u32>() + self.v6.starts.len() * size_of::<u64>() + self.v6.entries.len() + cut(&self.v6.cut)
    }
}

impl Cut {
    fn country(&self, bits: u128) -> Country {
        let after = self.starts.partition_point(|&start| start <= bits);
        after.checked_sub(1).and_then(|place| self.countries.get(place)).copied().unwrap_or(Country::NONE)
    }

    /// Adds a part, all of one network, above all parts before.
    fn push(&mut self, first: u128, last: u128, network: u128, network_last: u128, country: Country) {
        if self.starts.last().is_none_or(|&start| start < network) {
            self.start(network, Country::NONE);
        }
        self.start(first, country);
        if last < network_last {
            self.start(last + 1, Country::NONE);
        }
    }

    fn start(&mut self, start: u128, country: Country) {
        if self.starts.last() == Some(&start) {
            self.starts.pop();
            self.countries.pop();
        }
        self.starts.push(start);
        self.countries.push(country);
    }
}

impl V4 {
    fn new(spans: impl IntoIterator<Item = Span<Country>>) -> Self {
        let mut build = V4Builder::new();
        let mut next = 0u64;
        let mut addresses = Box::new([0; Country::COUNT]);
        for span in spans {
            let (Ok(first), Ok(last)) = (u32::try_from(span.first), u32::try_from(span.last)) else { continue };
            if u64::from(first) < next || last < first {
                continue;
            }
            next = u64::from(last) + 1;
            if span.value.is_some() {
                addresses[span.value.index()] += next - u64::from(first);
                build.add(first, last, span.value);
            }
        }
        build.finish(addresses)
    }

    #[inline]
    fn entry(&self, bits: u32) -> u8 {
        let block = usize::from(self.root[(bits >> 16) as usize]);
        self.blocks.get(block * BLOCK + (bits >> 8) as usize % BLOCK).copied().unwrap_or(NONE)
    }

    #[inline]
    fn country(&self, bits: u32) -> Country {
        match self.entry(bits) {
            CUT => self.cut.country(bits.into()),
            found => Country::from_index(found.into()).unwrap_or(Country::NONE),
        }
    }
}

/// Writes blocks in ascending order.
struct V4Builder {
    root: Box<[u16; BLOCKS]>,
    blocks: Vec<u8>,
    known: HashMap<[u8; BLOCK], u16, foldhash::fast::FixedState>,
    uniform: [Option<u16>; 256],
    cut: Cut,
    /// The block being written, and its place.
    block: [u8; BLOCK],
    at: usize,
}

impl V4Builder {
    fn new() -> Self {
        let root = vec![0; BLOCKS].into_boxed_slice().try_into().expect("the length is BLOCKS");
        V4Builder {
            root,
            blocks: Vec::new(),
            known: HashMap::default(),
            uniform: [None; 256],
            cut: Cut::default(),
            block: [NONE; BLOCK],
            at: 0,
        }
    }

    fn add(&mut self, first: u32, last: u32, country: Country) {
        // The /24 after the last whole one.
        let whole = if last == u32::MAX { 1 << 24 } else { (last + 1) >> 8 };
        let (mut network, last_network) = (first >> 8, last >> 8);
        while network <= last_network {
            self.move_to((network >> 8) as usize);
            let place = network as usize % BLOCK;
            let (begin, end) = (network << 8, network << 8 | 0xff);
            if begin < first || end > last {
                self.block[place] = CUT;
                self.cut.push(first.max(begin).into(), last.min(end).into(), begin.into(), end.into(), country);
                network += 1;
            } else {
                let count = BLOCK.min(place + (whole - network) as usize) - place;
                self.block[place..place + count].fill(entry(country));
                network += count as u32;
            }
        }
    }

    /// Stores the blocks before `place` and begins that one.
    fn move_to(&mut self, place: usize) {
        while self.at < place {
            self.root[self.at] = self.store();
            self.block = [NONE; BLOCK];
            self.at += 1;
        }
    }

    fn store(&mut self) -> u16 {
        let first = self.block[0];
        let uniform = self.block == [first; BLOCK];
        let known = if uniform { self.uniform[usize::from(first)] } else { self.known.get(&self.block).copied() };
        known.unwrap_or_else(|| {
            // At most as many blocks as /16s, so the number fits.
            let number = (self.blocks.len() / BLOCK) as u16;
            self.blocks.extend_from_slice(&self.block);
            if uniform {
                self.uniform[usize::from(first)] = Some(number);
            } else {
                self.known.insert(self.block, number);
            }
            number
        })
    }

    fn finish(mut self, addresses: Box<[u64; Country::COUNT]>) -> V4 {
        self.move_to(BLOCKS);
        self.blocks.shrink_to_fit();
        V4 { root: self.root, blocks: self.blocks, cut: self.cut, addresses }
    }
}

impl V6 {
    fn new(spans: impl IntoIterator<Item = Span<Country>>) -> Self {
        let mut table = V6 { index: Vec::new(), starts: vec![0], entries: vec![NONE], cut: Cut::default() };
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
    fn country(&self, bits: u128) -> Country {
        let network = (bits >> 64) as u64;
        let bucket = (network >> INDEX_SHIFT) as usize;
        let (Some(&from), Some(&to)) = (self.index.get(bucket), self.index.get(bucket + 1)) else { return Country::NONE };
        let within = self.starts.get(from as usize..to as usize).unwrap_or(&[]).partition_point(|&start| start <= network);
        let found = (from as usize + within).checked_sub(1).and_then(|place| self.entries.get(place)).copied().unwrap_or(NONE);
        if found == CUT { self.cut.country(bits) } else { Country::from_index(found.into()).unwrap_or(Country::NONE) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::Database;
    use crate::attribute::embedded::{PACKED, unpack};
    use proptest::prelude::*;

    fn country(code: &str) -> Country {
        Country::from_code(code).unwrap()
    }

    fn span(first: u128, last: u128, country: Country) -> Span<Country> {
        Span { first, last, value: country, line: 0 }
    }

    /// What the table must say: a binary search among the stretches.
    fn plain(spans: &[Span<Country>], bits: u128) -> Country {
        let after = spans.partition_point(|span| span.first <= bits);
        after.checked_sub(1).map(|place| spans[place]).filter(|span| bits <= span.last).map_or(Country::NONE, |span| span.value)
    }

    fn assert_edges(table: impl Fn(u128) -> Country, spans: &[Span<Country>]) {
        for span in spans {
            for bits in [span.first.saturating_sub(1), span.first, span.last, span.last.saturating_add(1)] {
                assert_eq!(table(bits), plain(spans, bits), "{bits:x} beside {span:x?}");
            }
        }
    }

    #[test]
    fn every_edge_of_the_embedded_ranges_is_exact() {
        let unpacked = unpack(PACKED).unwrap();
        let v4: Vec<_> = unpacked.v4().unwrap().map(Result::unwrap).collect();
        let v6: Vec<_> = unpacked.v6().unwrap().map(Result::unwrap).collect();
        let table = GeoTable::new(v4.iter().copied(), v6.iter().copied());
        assert_edges(|bits| u32::try_from(bits).map_or(Country::NONE, |bits| table.country(Addr::v4(bits))), &v4);
        assert_edges(|bits| table.v6.country(bits), &v6);
        let covered: u128 = v4.iter().map(|span| span.last - span.first + 1).sum();
        assert_eq!(u128::from(table.coverage_v4()), covered);
    }

    #[test]
    fn the_table_is_small() {
        let bytes = Database::embedded().table.bytes();
        assert!(bytes < 16 << 20, "{bytes} bytes");
    }

    #[test]
    fn addresses_with_a_known_place_are_found() {
        let Ok(list) = std::fs::read_to_string("../shared/data/geo-check-addresses.tsv") else {
            return eprintln!("skipped: the list of addresses to check is not here");
        };
        let table = Database::embedded().table;
        let (mut right, mut wrong) = (0, Vec::new());
        for line in list.lines() {
            let mut fields = line.split('\t');
            let (addr, expected) = (fields.next().unwrap(), fields.next().unwrap());
            let found = table.country(addr.parse().unwrap());
            if expected.split('|').any(|code| code == found.code()) {
                right += 1;
            } else {
                wrong.push(format!("{addr}: {found} instead of {expected}"));
            }
        }
        assert!(right >= 285, "{right} right; {wrong:?}");
    }

    #[test]
    fn embedded_ipv4_decides_for_6to4_and_nat64_only() {
        let everywhere = span(0, u128::MAX, country("US"));
        let table = GeoTable::new([span(0x0102_0304, 0x0102_0304, country("NL"))], [everywhere]);
        for (addr, code) in [
            ("1.2.3.4", "NL"),
            ("1.2.3.5", "ZZ"),
            ("2002:102:304::1", "NL"),
            ("2002:102:305::1", "ZZ"),
            ("64:ff9b::102:304", "NL"),
            ("64:ff9b:1::102:304", "US"),
            ("2001:0:102:304::1", "ZZ"),
            ("2001:1::1", "US"),
        ] {
            assert_eq!(table.country(addr.parse().unwrap()).code(), code, "{addr}");
        }
    }

    #[test]
    fn the_ends_of_the_address_space_are_inside() {
        let (nl, us) = (country("NL"), country("US"));
        let table = GeoTable::new([span(0, u32::MAX.into(), nl)], [span(0, u128::MAX - 1, nl), span(u128::MAX, u128::MAX, us)]);
        assert_eq!((table.country(Addr::v4(0)), table.country(Addr::v4(u32::MAX))), (nl, nl));
        assert_eq!((table.country(Addr(0)), table.country(Addr(u128::MAX - 1)), table.country(Addr(u128::MAX))), (nl, nl, us));
        assert_eq!(table.coverage_v4(), 1 << 32);
    }

    #[test]
    fn what_does_not_ascend_is_ignored() {
        let (nl, us) = (country("NL"), country("US"));
        let spans = [span(9, 5, us), span(10, 20, nl), span(15, 30, us), span(3, 4, us), span(1 << 40, 1 << 41, us)];
        let table = GeoTable::new(spans, spans);
        assert_eq!(
            (table.country(Addr::v4(18)), table.country(Addr::v4(25)), table.country(Addr::v4(3))),
            (nl, Country::NONE, Country::NONE)
        );
        assert_eq!((table.country(Addr(18)), table.country(Addr(25))), (nl, Country::NONE));
    }

    /// Ascending stretches whose edges are often round, so that whole and cut networks meet.
    fn spans(round: &'static [u32]) -> impl Strategy<Value = Vec<Span<Country>>> {
        let step = (0usize..round.len(), 0u128..5, 0u128..5, 0usize..3);
        prop::collection::vec(step, 0..60).prop_map(move |steps| {
            let mut next = 0u128;
            let mut spans = Vec::new();
            for (unit, gap, size, which) in steps {
                let unit = round[unit];
                let first = (next.div_ceil(1 << unit) + gap) << unit;
                let last = first + (size << unit);
                spans.push(span(first, last, [country("NL"), country("US"), country("CN")][which]));
                next = last + 1;
            }
            spans
        })
    }

    proptest! {
        // Each case builds a whole table, which takes long without optimisation.
        #![proptest_config(ProptestConfig::with_cases(24))]

        #[test]
        fn ipv4_agrees_with_a_plain_search(spans in spans(&[0, 3, 7, 8, 9, 16, 17, 24]), others in prop::collection::vec(any::<u32>(), 20)) {
            let table = GeoTable::new(spans.iter().copied(), []);
            let kept: Vec<_> = spans.into_iter().filter(|span| span.last <= u32::MAX.into()).collect();
            let at = |bits: u128| u32::try_from(bits).map_or(Country::NONE, |bits| table.v4.country(bits));
            assert_edges(at, &kept);
            for bits in others {
                prop_assert_eq!(at(bits.into()), plain(&kept, bits.into()));
            }
        }

        #[test]
        fn ipv6_agrees_with_a_plain_search(spans in spans(&[0, 16, 63, 64, 65, 80, 107, 108, 120]), others in prop::collection::vec(any::<u128>(), 20)) {
            let table = GeoTable::new([], spans.iter().copied());
            assert_edges(|bits| table.v6.country(bits), &spans);
            for bits in others {
                prop_assert_eq!(table.v6.country(bits), plain(&spans, bits));
            }
        }
    }
}
