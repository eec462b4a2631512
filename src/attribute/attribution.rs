//! How far a source's country can be trusted: the ladder from evidence to attribution.

use super::Country;
use super::reserved::reserved;
use crate::addr::Addr;

/// How far a source's country can be trusted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u8)]
pub enum Attribution {
    /// The source answered something that only the real holder of the address could know. That is about the address: of a
    /// private one that is home, or one that the database does not have, there is still no country.
    Proved,
    /// No proof and no sign of forging; the database has a country.
    Plausible,
    /// The evidence says that the addresses are forged: no country.
    Spoofed,
    /// Private, or never given out, and not home: no country.
    Reserved,
    /// Not proved, and not in the database: no country.
    Unknown,
}

impl Attribution {
    pub const COUNT: usize = 5;
    /// Every attribution, by index.
    pub const ALL: [Attribution; Self::COUNT] = [Self::Proved, Self::Plausible, Self::Spoofed, Self::Reserved, Self::Unknown];

    /// The dense index, below [`Attribution::COUNT`].
    pub const fn index(self) -> usize {
        self as usize
    }

    /// Climbs the ladder for one source; the first rule that holds decides: reserved unless home, proved, in the database, not. `country` is
    /// that of [`super::GeoTable::country_of`]; `proved` says that the source showed that it receives at this address.
    #[inline]
    pub fn of(source: Addr, home: bool, country: Country, proved: bool) -> Self {
        match (country.is_some(), proved) {
            (false, _) if !home && reserved(source).is_some() => Attribution::Reserved,
            (_, true) => Attribution::Proved,
            (_, false) => Attribution::unproved(country),
        }
    }

    /// The lower end of the ladder: neither proved, nor forged, nor reserved.
    #[inline]
    pub fn unproved(country: Country) -> Self {
        if country.is_some() { Attribution::Plausible } else { Attribution::Unknown }
    }

    /// The name as it stands in records.
    pub const fn name(self) -> &'static str {
        match self {
            Attribution::Proved => "proved",
            Attribution::Plausible => "plausible",
            Attribution::Spoofed => "spoofed",
            Attribution::Reserved => "reserved",
            Attribution::Unknown => "unknown",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Database;
    use super::*;

    #[test]
    fn indices_are_dense() {
        assert!(Attribution::ALL.iter().enumerate().all(|(index, attribution)| attribution.index() == index));
    }

    #[test]
    fn the_ladder_is_climbed_from_the_top() {
        let table = Database::embedded().table;
        for (source, home, proved, expected) in [
            ("8.8.8.8", false, true, ("proved", "US")),
            ("8.8.8.8", false, false, ("plausible", "US")),
            ("192.168.1.1", false, true, ("reserved", "ZZ")),
            ("10.1.2.3", true, false, ("unknown", "ZZ")),
            ("10.1.2.3", true, true, ("proved", "ZZ")),
        ] {
            let source: Addr = source.parse().unwrap();
            let country = table.country_of(source);
            assert_eq!((Attribution::of(source, home, country, proved).name(), country.code()), expected, "{source}");
        }
    }
}
