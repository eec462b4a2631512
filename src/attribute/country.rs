//! A country as one byte: a dense index, so that tallies by country are plain arrays.

use std::fmt;

use super::iso3166::COUNTRIES;

/// A country of ISO 3166-1, Kosovo (`XK`), or no country (`ZZ`). Ordered as the alpha-2 codes are.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Country(u8);

const LETTERS: usize = 26;

/// By the two letters of a code: the index of its country, that of `ZZ` for what is no country.
static BY_LETTERS: [u8; LETTERS * LETTERS] = {
    let mut table = [Country::NONE.0; LETTERS * LETTERS];
    let mut index = 0;
    while index < Country::COUNT {
        let code = COUNTRIES[index].code.as_bytes();
        table[(code[0] - b'A') as usize * LETTERS + (code[1] - b'A') as usize] = index as u8;
        index += 1;
    }
    table
};

/// Codes that stand in databases for what is no country: Europe, Asia/Pacific, anonymous proxy, satellite provider, other,
/// Tor (legacy GeoIP codes), and the Netherlands Antilles, which were dissolved into three countries in 2010.
const NOT_COUNTRIES: [&str; 8] = ["EU", "AP", "A1", "A2", "O1", "T1", "AN", "ZZ"];

impl Country {
    /// How many values there are: an array of this length has a place for every [`Country::index`].
    pub const COUNT: usize = COUNTRIES.len();

    /// No country, `ZZ`: the address is reserved, forged, or unknown to the database.
    pub const NONE: Country = Country((Self::COUNT - 1) as u8);

    /// The dense index, below [`Country::COUNT`].
    #[inline]
    pub const fn index(self) -> usize {
        self.0 as usize
    }

    /// The country of a dense index, nothing from [`Country::COUNT`] on.
    pub const fn from_index(index: usize) -> Option<Country> {
        if index < Self::COUNT { Some(Country(index as u8)) } else { None }
    }

    /// Every country by code, `ZZ` last.
    pub fn all() -> impl Iterator<Item = Country> {
        (0..Self::COUNT).filter_map(Self::from_index)
    }

    /// The ISO 3166-1 alpha-2 code.
    pub fn code(self) -> &'static str {
        COUNTRIES[self.index()].code
    }

    /// The English name.
    pub fn name(self) -> &'static str {
        COUNTRIES[self.index()].name
    }

    /// The ISO 3166-1 numeric code, which maps go by. `XK` and `ZZ` have none.
    pub fn numeric(self) -> Option<u16> {
        match COUNTRIES[self.index()].numeric {
            0 => None,
            numeric => Some(numeric),
        }
    }

    /// Whether this is a country, not `ZZ`.
    #[inline]
    pub fn is_some(self) -> bool {
        self != Self::NONE
    }

    /// Takes an alpha-2 code in either case. Codes that databases use for what is no country (`EU`, `AP`, `A1`, …) give `ZZ`;
    /// anything else that is no code gives nothing.
    pub fn from_code(code: &str) -> Option<Country> {
        let &[first, second] = code.as_bytes() else { return None };
        let (first, second) = (first.to_ascii_uppercase(), second.to_ascii_uppercase());
        if first.is_ascii_uppercase() && second.is_ascii_uppercase() {
            let country = Country(BY_LETTERS[usize::from(first - b'A') * LETTERS + usize::from(second - b'A')]);
            if country.is_some() {
                return Some(country);
            }
        }
        NOT_COUNTRIES.iter().any(|known| known.as_bytes() == [first, second]).then_some(Self::NONE)
    }
}

impl Default for Country {
    fn default() -> Self {
        Self::NONE
    }
}

impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

impl fmt::Debug for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_leads_back_to_its_country() {
        for country in Country::all() {
            assert_eq!(Country::from_code(country.code()), Some(country));
            assert_eq!(Country::from_code(&country.code().to_lowercase()), Some(country));
        }
    }

    #[test]
    fn the_table_is_sorted_and_without_repetition() {
        assert!(COUNTRIES.windows(2).all(|pair| pair[0].code < pair[1].code));
        let mut numbers: Vec<u16> = Country::all().filter_map(Country::numeric).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), 249);
    }

    #[test]
    fn a_country_has_name_and_number() {
        let country = Country::from_code("NL").unwrap();
        assert_eq!((country.code(), country.name(), country.numeric()), ("NL", "Netherlands", Some(528)));
        assert_eq!(Country::from_code("XK").unwrap().numeric(), None);
    }

    #[test]
    fn what_is_no_country_has_none() {
        for code in NOT_COUNTRIES {
            assert_eq!(Country::from_code(code), Some(Country::NONE), "{code}");
        }
    }

    #[test]
    fn what_is_no_code_is_refused() {
        for text in ["", "N", "NLD", "QQ", "N1", "é", "\0\0", "[{"] {
            assert_eq!(Country::from_code(text), None, "{text:?}");
        }
    }
}
