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

/// Bytes that the compressed part may unpack to: ten times what it does.
const UNPACKED_BYTES_MAX: usize = 32 << 20;

/// What the packed form says of itself, readable at once.
pub(super) struct Packed<'a> {
    pub name: String,
    /// Date of the data, `YYYY-MM-DD`.
    pub build_date: String,
    /// SHA-256 of the text table that was packed.
    pub sha256: [u8; 32],
    pub ranges_v4: usize,
    pub ranges_v6: usize,
    countries: Vec<Country>,
    /// Bytes of the gaps and of the sizes, for IPv4 and for IPv6.
    lengths: [(usize, usize); 2],
    compressed: &'a [u8],
    /// What the compressed part unpacks to.
    bytes: usize,
}

/// The ranges themselves.
pub(super) struct Unpacked {
    countries: Vec<Country>,
    /// For IPv4, then for IPv6: gaps, sizes, country indices.
    streams: Vec<u8>,
    lengths: [(usize, usize); 2],
    ranges: [usize; 2],
}

impl Packed<'_> {
    /// Unpacks the ranges, which takes most of the time.
    pub fn unpack(self) -> Result<Unpacked, Broken> {
        let Packed { ranges_v4, ranges_v6, countries, lengths, compressed, bytes, .. } = self;
        let streams = zstd::bulk::decompress(compressed, bytes).map_err(|_| Broken("the compressed part does not unpack"))?;
        if streams.len() != bytes {
            return Err(SHORT);
        }
        Ok(Unpacked { countries, streams, lengths, ranges: [ranges_v4, ranges_v6] })
    }
}

impl Unpacked {
    /// The IPv4 ranges, ascending.
    pub fn v4(&self) -> Result<Ranges<'_>, Broken> {
        self.family(&mut Reader(&self.streams), self.lengths[0], self.ranges[0])
    }

    /// The IPv6 ranges, ascending.
    pub fn v6(&self) -> Result<Ranges<'_>, Broken> {
        let mut streams = Reader(&self.streams);
        self.family(&mut streams, self.lengths[0], self.ranges[0])?;
        self.family(&mut streams, self.lengths[1], self.ranges[1])
    }

    fn family<'a>(&'a self, streams: &mut Reader<'a>, (gaps, sizes): (usize, usize), ranges: usize) -> Result<Ranges<'a>, Broken> {
        Ok(Ranges {
            gaps: Reader(streams.take(gaps)?),
            sizes: Reader(streams.take(sizes)?),
            indices: Reader(streams.take(ranges)?),
            countries: &self.countries,
            next: 0,
            line: 0,
        })
    }
}

/// Unpacks range after range, so that they never stand in memory together.
pub(super) struct Ranges<'a> {
    gaps: Reader<'a>,
    sizes: Reader<'a>,
    indices: Reader<'a>,
    countries: &'a [Country],
    /// The address after the last range.
    next: u128,
    line: u32,
}

impl Ranges<'_> {
    #[inline(always)]
    fn range(&mut self) -> Result<Span<Country>, Broken> {
        let first = self.next.checked_add(self.gaps.number()?).ok_or(Broken("a gap leaves the address space"))?;
        self.next = first.checked_add(self.sizes.number()?).ok_or(Broken("a range leaves the address space"))?;
        let last = self.next.checked_sub(1).ok_or(Broken("an empty range"))?;
        let value = *self.countries.get(usize::from(self.indices.byte()?)).ok_or(Broken("no such country"))?;
        self.line += 1;
        Ok(Span { first, last, value, line: self.line })
    }
}

impl Iterator for Ranges<'_> {
    type Item = Result<Span<Country>, Broken>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        (!self.indices.0.is_empty()).then(|| self.range())
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.indices.0.len(), Some(self.indices.0.len()))
    }
}

/// The packed form is not what `scripts/geo-compact` writes.
#[derive(Debug, Error)]
#[error("packed ranges: {0}")]
pub(super) struct Broken(&'static str);

/// Reads the layout that `scripts/geo-compact` describes, up to its compressed part.
pub(super) fn read(packed: &[u8]) -> Result<Packed<'_>, Broken> {
    let mut header = Reader(packed);
    if header.array()? != *MAGIC || header.byte()? != VERSION {
        return Err(Broken("no packed ranges of version 1"));
    }
    let name_bytes = usize::from(header.byte()?);
    let name = header.text(name_bytes)?;
    let build_date = header.text(10)?;
    let sha256 = header.array()?;
    let (ranges_v4, ranges_v6) = (header.length()?, header.length()?);
    let codes = usize::from(header.byte()?);
    let countries =
        (0..codes).map(|_| Country::from_code(&header.text(2)?).ok_or(Broken("unknown country code"))).collect::<Result<Vec<_>, _>>()?;
    let lengths = [(header.length()?, header.length()?), (header.length()?, header.length()?)];
    let parts = [ranges_v4, ranges_v6, lengths[0].0, lengths[0].1, lengths[1].0, lengths[1].1];
    let bytes = parts.iter().try_fold(0usize, |sum, &part| sum.checked_add(part)).ok_or(Broken("too many bytes"))?;
    if bytes > UNPACKED_BYTES_MAX {
        return Err(Broken("too many bytes"));
    }
    Ok(Packed { name, build_date, sha256, ranges_v4, ranges_v6, countries, lengths, compressed: header.0, bytes })
}

/// Bytes that are left to read.
struct Reader<'a>(&'a [u8]);

const SHORT: Broken = Broken("cut short");
const WIDE: Broken = Broken("a number above 128 bits");

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
        // Nearly all fit into a word.
        let mut odd = 1u64;
        let mut shift = 1;
        while shift + 7 <= u64::BITS {
            let byte = self.byte()?;
            odd |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return u128::from(odd).checked_shl(zeros.into()).ok_or(WIDE);
            }
            shift += 7;
        }
        let mut odd = u128::from(odd);
        loop {
            let byte = self.byte()?;
            odd |= u128::from(byte & 0x7f).checked_shl(shift).ok_or(WIDE)?;
            if byte < 0x80 {
                break;
            }
            shift += 7;
        }
        odd.checked_shl(zeros.into()).ok_or(WIDE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_embedded_unpacks() {
        let packed = read(PACKED).unwrap();
        assert_eq!(packed.build_date, "2026-06-17");
        assert_eq!((packed.ranges_v4, packed.ranges_v6), (334_310, 220_306));
        let unpacked = packed.unpack().unwrap();
        let first = unpacked.v4().unwrap().next().unwrap().unwrap();
        assert_eq!(first, Span { first: 0x0100_0000, last: 0x0100_00ff, value: Country::from_code("AU").unwrap(), line: 1 });
    }

    #[test]
    fn every_code_of_the_ranges_is_a_country_or_dissolved() {
        let unpacked = read(PACKED).and_then(Packed::unpack).unwrap();
        let ranges: Vec<_> = unpacked.v4().unwrap().chain(unpacked.v6().unwrap()).map(Result::unwrap).collect();
        assert_eq!(ranges.len(), 334_310 + 220_306);
        assert_eq!(ranges.iter().filter(|range| !range.value.is_some()).count(), 1, "one range is still said to be of AN");
    }

    #[test]
    fn damage_is_an_error_and_no_panic() {
        for cut in (0..700).chain([PACKED.len() - 1]) {
            assert!(read(&PACKED[..cut]).and_then(Packed::unpack).is_err(), "cut at {cut}");
        }
        for place in 0..700 {
            let mut damaged = PACKED[..2000].to_vec();
            damaged[place] ^= 0xff;
            assert!(read(&damaged).and_then(Packed::unpack).is_err(), "damaged at {place}");
        }
    }
}
