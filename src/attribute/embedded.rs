//! The ranges that come with the program: packed by `scripts/geo-compact`, unpacked at start.

use thiserror::Error;

use super::Country;
use super::span::Span;

/// The packed ranges. Contains NRO statistics data (CC BY 4.0), and data of the ip-location-db project (CC0 1.0): see NOTICE.
pub(super) static PACKED: &[u8] = include_bytes!("countries.bin");

const MAGIC: &[u8; 8] = b"WFRANGES";
const VERSION: u8 = 1;

/// The byte that stands for the number 0, which has no lowest set bit.
const ZERO: u8 = u8::MAX;

/// What the packed form holds.
pub(super) struct Unpacked {
    pub name: String,
    /// Date of the data, `YYYY-MM-DD`.
    pub build_date: String,
    /// SHA-256 of the text table that was packed.
    pub sha256: [u8; 32],
    pub v4: Vec<Span<Country>>,
    pub v6: Vec<Span<Country>>,
}

/// The packed form is not what `scripts/geo-compact` writes.
#[derive(Debug, Error)]
#[error("packed ranges: {0}")]
pub(super) struct Broken(&'static str);

/// Unpacks the layout that `scripts/geo-compact` describes.
pub(super) fn unpack(packed: &[u8]) -> Result<Unpacked, Broken> {
    let mut header = Reader(packed);
    if header.array()? != *MAGIC || header.byte()? != VERSION {
        return Err(Broken("no packed ranges of version 1"));
    }
    let name_bytes = usize::from(header.byte()?);
    let name = header.text(name_bytes)?;
    let build_date = header.text(10)?;
    let sha256 = header.array()?;
    let counts = [header.length()?, header.length()?];
    let codes = usize::from(header.byte()?);
    let countries =
        (0..codes).map(|_| Country::from_code(&header.text(2)?).ok_or(Broken("unknown country code"))).collect::<Result<Vec<_>, _>>()?;
    let (gap_bytes, size_bytes) = (header.length()?, header.length()?);

    let total = counts[0].checked_add(counts[1]).ok_or(Broken("too many ranges"))?;
    let bytes = gap_bytes.checked_add(size_bytes).and_then(|sum| sum.checked_add(total)).ok_or(Broken("too many bytes"))?;
    let streams = zstd::bulk::decompress(header.0, bytes).map_err(|_| Broken("the compressed part does not unpack"))?;
    let mut rest = Reader(&streams);
    let (mut gaps, mut sizes, mut indices) = (Reader(rest.take(gap_bytes)?), Reader(rest.take(size_bytes)?), Reader(rest.take(total)?));

    let mut family = |count: usize| {
        let mut spans = Vec::with_capacity(count);
        let mut next = 0u128;
        for line in 1..=count {
            let first = next.checked_add(gaps.number()?).ok_or(Broken("a gap leaves the address space"))?;
            next = first.checked_add(sizes.number()?).ok_or(Broken("a range leaves the address space"))?;
            let value = *countries.get(usize::from(indices.byte()?)).ok_or(Broken("no such country"))?;
            spans.push(Span { first, last: next.checked_sub(1).ok_or(Broken("an empty range"))?, value, line: line as u32 });
        }
        Ok(spans)
    };
    let (v4, v6) = (family(counts[0])?, family(counts[1])?);
    Ok(Unpacked { name, build_date, sha256, v4, v6 })
}

/// Bytes that are left to read.
struct Reader<'a>(&'a [u8]);

const SHORT: Broken = Broken("cut short");

impl<'a> Reader<'a> {
    fn take(&mut self, bytes: usize) -> Result<&'a [u8], Broken> {
        let (taken, rest) = self.0.split_at_checked(bytes).ok_or(SHORT)?;
        self.0 = rest;
        Ok(taken)
    }

    #[inline]
    fn byte(&mut self) -> Result<u8, Broken> {
        let (&byte, rest) = self.0.split_first().ok_or(SHORT)?;
        self.0 = rest;
        Ok(byte)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], Broken> {
        self.take(N)?.try_into().map_err(|_| SHORT)
    }

    fn text(&mut self, bytes: usize) -> Result<String, Broken> {
        String::from_utf8(self.take(bytes)?.to_vec()).map_err(|_| Broken("text that is not UTF-8"))
    }

    fn length(&mut self) -> Result<usize, Broken> {
        Ok(u32::from_le_bytes(self.array()?) as usize)
    }

    /// A number as its count of trailing zero bits, and what is left above the lowest set bit as LEB128.
    #[inline]
    fn number(&mut self) -> Result<u128, Broken> {
        let zeros = self.byte()?;
        if zeros == ZERO {
            return Ok(0);
        }
        let mut odd = 1u128;
        let mut shift = 1;
        loop {
            let byte = self.byte()?;
            odd |= u128::from(byte & 0x7f).checked_shl(shift).ok_or(Broken("a number above 128 bits"))?;
            if byte < 0x80 {
                break;
            }
            shift += 7;
        }
        odd.checked_shl(zeros.into()).ok_or(Broken("a number above 128 bits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_embedded_unpacks() {
        let unpacked = unpack(PACKED).unwrap();
        assert_eq!(unpacked.build_date, "2026-06-17");
        assert_eq!((unpacked.v4.len(), unpacked.v6.len()), (334_310, 220_306));
        assert_eq!(unpacked.v4[0], Span { first: 0x0100_0000, last: 0x0100_00ff, value: Country::from_code("AU").unwrap(), line: 1 });
    }

    #[test]
    fn every_code_of_the_ranges_is_a_country_or_dissolved() {
        let without = unpack(PACKED).unwrap().v6.iter().filter(|span| !span.value.is_some()).count();
        assert_eq!(without, 1, "one range is still said to be of AN");
    }

    #[test]
    fn damage_is_an_error_and_no_panic() {
        for cut in (0..700).chain([PACKED.len() - 1]) {
            assert!(unpack(&PACKED[..cut]).is_err(), "cut at {cut}");
        }
        for place in 0..700 {
            let mut damaged = PACKED[..2000].to_vec();
            damaged[place] ^= 0xff;
            assert!(unpack(&damaged).is_err(), "damaged at {place}");
        }
    }
}
