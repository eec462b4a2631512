//! The lookup table from address to country: built once at start, then read-only.
//!
//! Each family has an array of one-byte entries, one for each network of a common size: a /24, or a /64. Networks that a database
//! cuts into smaller parts have their entry marked, and their parts stand in a sorted list.

mod cut;
mod shared;
mod v4;
mod v6;

use std::sync::LazyLock;
use std::thread;

pub use shared::SharedTable;
use v4::V4;
pub(super) use v4::{BLOCK, BLOCKS, Parts};
pub(super) use v6::V6;

use super::Country;
use super::reserved::{reserved, reserved_v4};
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

/// The country of each such entry.
fn named() -> [Country; 256] {
    std::array::from_fn(|entry| Country::from_index(entry).unwrap_or(Country::NONE))
}

/// 2002::/16, 6to4: the IPv4 address stands in bits 16 to 47 (RFC 3056 section 2).
const SIX_TO_FOUR: u128 = 0x2002;
/// 64:ff9b::/96, NAT64: the IPv4 address stands in the last 32 bits (RFC 6052 section 2.1).
const NAT64: u128 = 0x0064_ff9b_0000_0000_0000_0000;
/// 2001::/32, Teredo: the embedded address is that of a relay's client behind NAT (RFC 4380), and is not attributed.
const TEREDO: u128 = 0x2001_0000;

/// Makes the part for IPv6.
type MakeV6 = Box<dyn FnOnce() -> V6 + Send>;

/// The country of every address.
pub struct GeoTable {
    v4: V4,
    v6: LazyLock<V6, MakeV6>,
}

impl GeoTable {
    /// Builds the table from ascending stretches without overlaps, of IPv4 and of IPv6 addresses as numbers. What does not
    /// ascend, or exceeds IPv4, is ignored.
    pub fn new(v4: impl IntoIterator<Item = Span<Country>>, v6: impl IntoIterator<Item = Span<Country>> + Send) -> Self {
        thread::scope(|threads| {
            let v6 = threads.spawn(|| V6::new(v6));
            let v4 = V4::new(v4);
            match v6.join() {
                Ok(v6) => GeoTable { v4, v6: LazyLock::new(Box::new(|| v6)) },
                Err(panic) => std::panic::resume_unwind(panic),
            }
        })
    }

    /// Of a part for IPv4 that is made already, and one for IPv6 that is made when somebody asks for such an address first: that takes some
    /// ten milliseconds, and many captures have none.
    pub(super) fn ready(v4: Parts, make_v6: impl FnOnce() -> V6 + Send + 'static) -> Self {
        GeoTable { v4: V4::ready(v4), v6: LazyLock::new(Box::new(make_v6)) }
    }

    /// Brings what [`GeoTable::touch`] will read of an IPv4 address into the cache.
    #[inline]
    pub fn touch_first(&self, bits: u32) {
        self.v4.touch_root(bits);
    }

    /// Brings what [`GeoTable::country`] will read of an IPv4 address into the cache.
    #[inline]
    pub fn touch(&self, addr: Addr) {
        if let Some(bits) = addr.as_v4() {
            self.v4.touch(bits);
        }
    }

    /// The country of an address, `ZZ` if it is reserved, whatever the ranges say.
    #[inline]
    pub fn country_of(&self, addr: Addr) -> Country {
        if reserved(addr).is_some() { Country::NONE } else { self.country(addr) }
    }

    /// The same of an IPv4 address.
    #[inline(always)]
    pub fn country_of_v4(&self, bits: u32) -> Country {
        if reserved_v4(bits).is_some() { Country::NONE } else { self.v4.country(bits) }
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
        self.v4.addresses(country)
    }

    /// How many of the IPv4 addresses from `first` to `last` belong to a country. Looks at each /24 between them.
    pub fn count_v4(&self, country: Country, first: u32, last: u32) -> u64 {
        self.v4.count(country, first, last)
    }

    /// Bytes that the table takes in memory.
    pub fn bytes(&self) -> usize {
        self.v4.bytes() + self.v6.bytes()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::Database;
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

    /// The text table that was packed: IPv4, and IPv6.
    fn packed_ranges() -> Option<[Vec<Span<Country>>; 2]> {
        let path = "../shared/data/ip-country.csv.xz";
        if !std::path::Path::new(path).exists() {
            eprintln!("skipped: {path} is not here");
            return None;
        }
        let Ok(unpacked) = std::process::Command::new("xz").args(["-dc", path]).output() else {
            eprintln!("skipped: xz, which unpacks {path}, is not installed");
            return None;
        };
        let (mut v4, mut v6) = (Vec::new(), Vec::new());
        for line in String::from_utf8(unpacked.stdout).unwrap().lines() {
            let [first, last, code] = line.split(',').collect::<Vec<_>>().try_into().unwrap();
            let (first, last): (Addr, Addr) = (first.parse().unwrap(), last.parse().unwrap());
            let country = Country::from_code(code).unwrap();
            match (first.as_v4(), last.as_v4()) {
                (Some(first), Some(last)) => v4.push(span(first.into(), last.into(), country)),
                _ => v6.push(span(first.0, last.0, country)),
            }
        }
        Some([v4, v6])
    }

    #[test]
    fn every_edge_of_the_embedded_table_is_exact() {
        let Some([v4, v6]) = packed_ranges() else { return };
        let packed = Database::embedded().table;
        for table in [&GeoTable::new(v4.iter().copied(), v6.iter().copied()), &*packed] {
            assert_edges(|bits| u32::try_from(bits).map_or(Country::NONE, |bits| table.country(Addr::v4(bits))), &v4);
            assert_edges(|bits| table.v6.country(bits), &v6);
            let covered: u128 = v4.iter().filter(|span| span.value.is_some()).map(|span| span.last - span.first + 1).sum();
            assert_eq!(u128::from(table.coverage_v4()), covered);
            let dutch: u128 = v4.iter().filter(|span| span.value == country("NL")).map(|span| span.last - span.first + 1).sum();
            assert_eq!(u128::from(table.addresses_v4(country("NL"))), dutch);
        }
    }

    #[test]
    fn the_embedded_table_agrees_with_its_own_counts() {
        let table = Database::embedded().table;
        for code in ["NL", "VA", "CN"] {
            assert_eq!(table.count_v4(country(code), 0, u32::MAX), table.addresses_v4(country(code)), "{code}");
        }
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
