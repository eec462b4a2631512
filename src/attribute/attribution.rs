//! How far a source's country can be trusted: the ladder from evidence to attribution.

use super::home::Home;
use super::reserved::reserved;
use super::{Country, GeoTable};
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

/// What an event says about whether its source's address is genuine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Evidence {
    /// Nothing either way.
    Nothing,
    /// The source showed that it receives at this address.
    Proof,
    /// The event's verdict is that its sources are forged.
    Forged,
}

/// Climbs the ladder for one source; the first rule that holds decides: reserved unless home, forged, proved, in the database, not.
#[inline]
pub fn attribute(home: &Home, table: &GeoTable, source: Addr, evidence: Evidence) -> (Attribution, Country) {
    if reserved(source).is_some() && !home.contains(source) {
        return (Attribution::Reserved, Country::NONE);
    }
    let country = table.country(source);
    match evidence {
        Evidence::Forged => (Attribution::Spoofed, Country::NONE),
        Evidence::Proof => (Attribution::Proved, country),
        Evidence::Nothing if country.is_some() => (Attribution::Plausible, country),
        Evidence::Nothing => (Attribution::Unknown, Country::NONE),
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
        let home = Home::new(vec!["10.0.0.0/8".parse().unwrap()]).unwrap();
        for (source, evidence, expected) in [
            ("8.8.8.8", Evidence::Proof, ("proved", "US")),
            ("8.8.8.8", Evidence::Nothing, ("plausible", "US")),
            ("8.8.8.8", Evidence::Forged, ("spoofed", "ZZ")),
            ("192.168.0.1", Evidence::Proof, ("reserved", "ZZ")),
            ("192.168.0.1", Evidence::Forged, ("reserved", "ZZ")),
            ("2001:2::1", Evidence::Nothing, ("reserved", "ZZ")),
            ("10.0.0.1", Evidence::Proof, ("proved", "ZZ")),
            ("10.0.0.1", Evidence::Nothing, ("unknown", "ZZ")),
            ("3000::1", Evidence::Nothing, ("unknown", "ZZ")),
        ] {
            let (attribution, country) = attribute(&home, &table, source.parse().unwrap(), evidence);
            assert_eq!((attribution.name(), country.code()), expected, "{source} {evidence:?}");
        }
    }
}
