//! The home networks: what is being defended.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use thiserror::Error;

use super::network::{Network, NetworkError};
use super::span::{Span, flatten};
use super::{Country, SharedTable, excerpt};
use crate::addr::Addr;

/// Home where nothing else is said: private (RFC 1918), unique local (RFC 4193), link-local and loopback addresses.
const PRIVATE: [&str; 8] =
    ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "127.0.0.0/8", "fc00::/7", "fe80::/10", "::1/128"];

/// What is said of a /16 of IPv4, in two bits.
mod said {
    /// All of it is home.
    pub const HOME: u64 = 1;
    /// The entries tell.
    pub const MIXED: u64 = 2;
    pub const MASK: u64 = 3;
    /// [`HOME`] in every place of a word.
    pub const EVERY_HOME: u64 = u64::MAX / MASK;
}

/// Networks of /16 of which a word tells, and words for all of IPv4.
const PER_WORD: u32 = 32;
const WORDS: usize = (1 << 16) / PER_WORD as usize;
const WORDS_PER_OCTET: usize = WORDS / OCTETS;
/// Networks of /8.
const OCTETS: usize = 256;

/// See [`Home::told`].
fn told(said: &[u64; WORDS]) -> Box<[u16; OCTETS]> {
    let is_told = |octet: usize| said[octet * WORDS_PER_OCTET..][..WORDS_PER_OCTET].iter().any(|&word| word != 0);
    let masks: Box<[u16]> = (0..OCTETS).map(|octet| if is_told(octet) { u16::MAX } else { 0 }).collect();
    masks.try_into().expect("the length is OCTETS")
}

/// One statement about home: a network that belongs to it, or (`!192.0.2.0/24`) one that does not, inside of one that does.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HomeEntry {
    pub network: Network,
    pub inside: bool,
}

/// What is wrong with the home networks.
#[derive(Debug, Error)]
pub enum HomeError {
    #[error("home network '{text}': {wrong}")]
    Entry { text: String, wrong: NetworkError },
    #[error("{path}, line {line}: home network '{text}': {wrong}")]
    Line { path: PathBuf, line: usize, text: String, wrong: NetworkError },
    #[error("{path}: {source}")]
    File { path: PathBuf, source: std::io::Error },
    #[error("{path}: names no home network")]
    Empty { path: PathBuf },
    #[error("{network} is said both to be home and not to be")]
    Contradiction { network: Network },
}

/// The home networks. The longest prefix that holds an address decides; where none does, the country, if one is home.
pub struct Home {
    entries: Vec<HomeEntry>,
    /// By /16: see [`said`]. One table for both: it is looked at for each end of each packet.
    said: Box<[u64; WORDS]>,
    /// By /8: all ones where the table by /16 says anything. Most addresses are done with here, and these few lines stay in the cache.
    told: Box<[u16; OCTETS]>,
    /// The first address and how many follow it, where one stretch of IPv4 is home and nothing else, as it mostly is: two comparisons say what
    /// takes twenty steps by the tables.
    stretch: Option<(u32, u32)>,
    v4: Vec<Span<bool>>,
    v6: Vec<Span<bool>>,
    country: Option<(Country, SharedTable)>,
}

impl Home {
    /// What is home where nothing is said.
    pub fn private() -> Self {
        let entries = PRIVATE.map(|text| text.parse().expect("PRIVATE holds networks"));
        Self::new(entries.to_vec()).expect("PRIVATE does not contradict itself")
    }

    /// # Errors
    ///
    /// The same network as home and as not home.
    pub fn new(entries: Vec<HomeEntry>) -> Result<Self, HomeError> {
        let family = |v4: bool| {
            let spans = (0..).zip(&entries).filter(|(_, entry)| entry.network.first().is_v4() == v4);
            let spans = spans.map(|(place, entry)| entry.network.span(entry.inside, place)).collect();
            flatten(spans).map_err(|conflict| HomeError::Contradiction { network: entries[conflict.lines.0 as usize].network })
        };
        let (v4, v6) = (family(true)?, family(false)?);
        let mut said = Box::new([0; WORDS]);
        for span in &v4 {
            for place in span.first >> 16..=span.last >> 16 {
                let all = span.first <= place << 16 && span.last >= (place << 16 | 0xffff);
                let kind = if all && span.value { said::HOME } else { said::MIXED };
                let place = place as u32;
                said[(place / PER_WORD) as usize] |= kind << (place % PER_WORD * 2);
            }
        }
        let stretch = match v4[..] {
            [Span { first, last, value: true, .. }] => Some((first as u32, (last - first) as u32)),
            _ => None,
        };
        Ok(Home { entries, told: told(&said), said, stretch, v4, v6, country: None })
    }

    /// Adds every address of a country, except where an entry says otherwise.
    pub fn with_country(mut self, country: Country, table: SharedTable) -> Self {
        self.country = Some((country, table));
        self.stretch = None;
        for word in self.said.iter_mut() {
            // What no entry names is asked of the country: where both bits of a network are 0, they say so.
            let unnamed = !(*word | *word >> 1) & said::EVERY_HOME;
            *word |= unnamed * said::MIXED;
        }
        self.told = told(&self.said);
        self
    }

    /// Whether an address is home.
    #[inline(always)]
    pub fn contains(&self, addr: Addr) -> bool {
        if let Some(bits) = addr.as_v4() {
            let said = self.said(bits);
            // Which end of a packet is home is chance: a jump by it would be guessed wrong.
            if said & said::MIXED == 0 {
                return said & said::HOME != 0;
            }
        }
        self.search(addr)
    }

    /// Whether the IPv4 addresses of two ends are home.
    #[inline(always)]
    pub fn contains_v4(&self, source: u32, target: u32) -> (bool, bool) {
        if let Some((first, more)) = self.stretch {
            return (source.wrapping_sub(first) <= more, target.wrapping_sub(first) <= more);
        }
        let (source_said, target_said) = (self.said(source), self.said(target));
        if (source_said | target_said) & said::MIXED == 0 {
            return (source_said & said::HOME != 0, target_said & said::HOME != 0);
        }
        (self.contains(Addr::v4(source)), self.contains(Addr::v4(target)))
    }

    /// What the table says of an address's /16; see [`said`].
    #[inline(always)]
    fn said(&self, bits: u32) -> u64 {
        let mask = self.told[(bits >> 24) as usize];
        // Where nothing is told, the first word stands for all: no branch, for which end is home is chance.
        let place = bits >> 16 & u32::from(mask);
        self.said[(place / PER_WORD) as usize] >> (place % PER_WORD * 2) & said::MASK & u64::from(mask)
    }

    /// The same by the entries themselves, and the country.
    #[cold]
    #[inline(never)]
    fn search(&self, addr: Addr) -> bool {
        let said = match addr.as_v4() {
            Some(bits) => find(&self.v4, bits.into()),
            None => find(&self.v6, addr.0),
        };
        said.unwrap_or_else(|| self.country.as_ref().is_some_and(|(country, table)| table.country(addr) == *country))
    }

    /// How many IPv4 addresses are home.
    pub fn addresses_v4(&self) -> u64 {
        let size = |span: &Span<bool>| (span.last - span.first) as u64 + 1;
        let named: u64 = self.v4.iter().filter(|span| span.value).map(size).sum();
        let Some((country, table)) = &self.country else { return named };
        let said: u64 = self.v4.iter().map(|span| table.count_v4(*country, span.first as u32, span.last as u32)).sum();
        named + table.addresses_v4(*country) - said
    }

    /// The entries, as they were given.
    pub fn entries(&self) -> &[HomeEntry] {
        &self.entries
    }

    /// The country that is home.
    pub fn country(&self) -> Option<Country> {
        self.country.as_ref().map(|(country, _)| *country)
    }
}

fn find(spans: &[Span<bool>], bits: u128) -> Option<bool> {
    let after = spans.partition_point(|span| span.first <= bits);
    spans.get(after.checked_sub(1)?).filter(|span| bits <= span.last).map(|span| span.value)
}

impl HomeEntry {
    /// Reads a file: one network on a line, `!` before one that is excluded, `#` before a comment.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or names no network; a line that is no network, by number and text.
    pub fn read_file(path: &Path) -> Result<Vec<HomeEntry>, HomeError> {
        let text = std::fs::read_to_string(path).map_err(|source| HomeError::File { path: path.into(), source })?;
        let mut entries = Vec::new();
        for (line, text) in (1..).zip(text.lines()) {
            let text = text.split('#').next().unwrap_or_default().trim();
            if !text.is_empty() {
                let entry =
                    parse(text).map_err(|wrong| HomeError::Line { path: path.into(), line, text: excerpt(text.as_bytes()), wrong })?;
                entries.push(entry);
            }
        }
        if entries.is_empty() { Err(HomeError::Empty { path: path.into() }) } else { Ok(entries) }
    }
}

fn parse(text: &str) -> Result<HomeEntry, NetworkError> {
    let (network, inside) = match text.strip_prefix('!') {
        Some(rest) => (rest.trim_start(), false),
        None => (text, true),
    };
    Ok(HomeEntry { network: network.parse()?, inside })
}

impl FromStr for HomeEntry {
    type Err = HomeError;

    fn from_str(text: &str) -> Result<Self, HomeError> {
        parse(text).map_err(|wrong| HomeError::Entry { text: excerpt(text.as_bytes()), wrong })
    }
}

impl fmt::Display for HomeEntry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", if self.inside { "" } else { "!" }, self.network)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::GeoTable;
    use proptest::prelude::*;

    fn home(texts: &[&str]) -> Home {
        Home::new(texts.iter().map(|text| text.parse().unwrap()).collect()).unwrap()
    }

    fn inside(home: &Home, addr: &str) -> bool {
        home.contains(addr.parse().unwrap())
    }

    #[test]
    fn private_ranges_are_home_unless_told() {
        let home = Home::private();
        for addr in ["10.0.0.1", "172.31.255.255", "192.168.1.1", "169.254.0.1", "127.0.0.1", "fd00::1", "fe80::1", "::1"] {
            assert!(inside(&home, addr), "{addr}");
        }
        for addr in ["9.255.255.255", "11.0.0.0", "172.32.0.0", "192.169.0.0", "8.8.8.8", "2001:db8::1", "::2"] {
            assert!(!inside(&home, addr), "{addr}");
        }
    }

    #[test]
    fn the_longest_prefix_decides() {
        let home = home(&["10.0.0.0/8", "!10.1.0.0/16", "10.1.2.0/24", "!10.1.2.3"]);
        for (addr, expected) in
            [("10.0.0.0", true), ("10.1.0.0", false), ("10.1.2.0", true), ("10.1.2.3", false), ("10.1.3.0", false), ("10.2.0.0", true)]
        {
            assert_eq!(inside(&home, addr), expected, "{addr}");
        }
        assert_eq!(home.addresses_v4(), (1 << 24) - (1 << 16) + 256 - 1);
    }

    #[test]
    fn both_ends_are_asked_for_as_one_is() {
        let table = || GeoTable::new([Span { first: 0, last: 0xff, value: Country::from_code("NL").unwrap(), line: 0 }], []).into();
        let networks: [&[&str]; 5] =
            [&["0.0.0.0/0"], &["192.0.2.0/24"], &["192.0.2.0/25", "192.0.2.128/25"], &["192.0.2.0/24", "!192.0.2.9"], &["fc00::/7"]];
        for networks in networks {
            for home in [home(networks), home(networks).with_country(Country::from_code("NL").unwrap(), table())] {
                let addresses = [0, 1, 0x100, 0xc000_01ff, 0xc000_0200, 0xc000_0209, 0xc000_0280, 0xc000_02ff, 0xc000_0300, u32::MAX];
                for (source, target) in addresses.into_iter().flat_map(|source| addresses.map(|target| (source, target))) {
                    let each = (home.contains(Addr::v4(source)), home.contains(Addr::v4(target)));
                    assert_eq!(home.contains_v4(source, target), each, "{networks:?}: {source:x}, {target:x}");
                }
            }
        }
    }

    #[test]
    fn everything_can_be_home_in_one_family() {
        let home = home(&["0.0.0.0/0"]);
        assert!(inside(&home, "255.255.255.255") && inside(&home, "0.0.0.0") && !inside(&home, "::"));
        assert_eq!(home.addresses_v4(), 1 << 32);
    }

    #[test]
    fn a_country_can_be_home_except_where_entries_say_otherwise() {
        let country = Country::from_code("NL").unwrap();
        let span = |first, last| Span { first, last, value: country, line: 0 };
        let table = GeoTable::new([span(0x0100_0000, 0x0100_0280)], [span(0x2a00 << 112, 0x2a01 << 112)]).into();
        let home = home(&["!1.0.1.0/24", "8.0.0.0/24"]).with_country(country, table);
        for (addr, expected) in [
            ("1.0.0.1", true),
            ("1.0.1.1", false),
            ("1.0.2.128", true),
            ("1.0.2.129", false),
            ("8.0.0.1", true),
            ("2a00::1", true),
            ("2a02::", false),
        ] {
            assert_eq!(inside(&home, addr), expected, "{addr}");
        }
        assert_eq!(home.addresses_v4(), 256 + 129 + 256);
        assert_eq!(home.country(), Some(country));
    }

    #[test]
    fn entries_print_as_they_were_given() {
        let home = home(&["10.0.0.0/8", "!10.1.0.0/16"]);
        assert_eq!(home.entries().iter().map(HomeEntry::to_string).collect::<Vec<_>>(), ["10.0.0.0/8", "!10.1.0.0/16"]);
    }

    #[test]
    fn a_contradiction_is_named() {
        let entries = ["10.0.0.0/8", "!10.0.0.0/8"].map(|text| text.parse().unwrap());
        assert_eq!(Home::new(entries.to_vec()).err().unwrap().to_string(), "10.0.0.0/8 is said both to be home and not to be");
    }

    #[test]
    fn a_file_is_read_and_its_errors_name_the_line() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("home");
        std::fs::write(&path, "# ours\n\n192.0.2.0/24  # lab\r\n! 192.0.2.7\n").unwrap();
        assert_eq!(HomeEntry::read_file(&path).unwrap(), ["192.0.2.0/24", "!192.0.2.7"].map(|text| text.parse().unwrap()));
        std::fs::write(&path, "10.0.0.0/8\n10.0.0.1/\u{1b}\n").unwrap();
        let error = HomeEntry::read_file(&path).unwrap_err().to_string();
        assert!(error.ends_with("line 2: home network '10.0.0.1/\\x1b': the prefix length must be 0 to 32"), "{error}");
        std::fs::write(&path, "# nothing\n").unwrap();
        assert!(HomeEntry::read_file(&path).unwrap_err().to_string().ends_with("names no home network"));
        assert!(matches!(HomeEntry::read_file(&dir.path().join("absent")), Err(HomeError::File { .. })));
    }

    proptest! {
        #[test]
        fn the_bitmaps_agree_with_the_longest_prefix(nets in prop::collection::vec((any::<u32>(), 1u8..=32, any::<bool>()), 0..20), other in any::<u32>()) {
            let entries: Vec<HomeEntry> = nets.iter().map(|&(bits, prefix, inside)| {
                let bits = bits & u32::MAX << (32 - prefix);
                HomeEntry { network: Network::new(Addr::v4(bits), prefix).unwrap(), inside }
            }).collect();
            let Ok(home) = Home::new(entries.clone()) else { return Ok(()) };
            let edges = entries.iter().flat_map(|e| [e.network.first().0, e.network.last().0, e.network.first().0 - 1, e.network.last().0 + 1].map(Addr));
            for addr in edges.chain([Addr::v4(other)]).filter(|addr| addr.is_v4()) {
                let longest = entries.iter().filter(|entry| entry.network.contains(addr)).max_by_key(|entry| entry.network.prefix());
                prop_assert_eq!(home.contains(addr), longest.is_some_and(|entry| entry.inside), "{}", addr);
            }
        }
    }
}
