//! What comes with the program: packed by `scripts/geo-compact`, unpacked at start. IPv4 is packed as it is looked up, so that it need not be built;
//! IPv6, which many captures have none of, as ranges.

use thiserror::Error;

use super::Country;
use super::span::Span;
use super::table::{BLOCK, BLOCKS, Parts};

/// The packed table and ranges. Contains NRO statistics data (CC BY 4.0), and data of the ip-location-db project (CC0 1.0): see NOTICE.
pub(super) static PACKED: &[u8] = include_bytes!("countries.bin");

const MAGIC: &[u8; 8] = b"WFRANGES";
const VERSION: u8 = 2;

/// The byte that stands for the number 0, which has no lowest set bit.
const ZERO: u8 = u8::MAX;

/// Country codes at most: two values of a byte stand for none, and for several.
const CODES_MAX: usize = 254;

/// Bytes that a compressed part may unpack to: ten times what it does.
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
    /// Blocks of the IPv4 table, its cuts, and the bytes of the gaps between those.
    blocks: usize,
    cuts: usize,
    steps: usize,
    table: &'a [u8],
    /// Bytes of the IPv6 gaps and sizes.
    gaps: usize,
    sizes: usize,
    ranges: &'a [u8],
}

/// The IPv6 ranges.
pub(super) struct Unpacked {
    countries: Vec<Country>,
    /// Gaps, sizes, country indices.
    streams: Vec<u8>,
    gaps: usize,
    sizes: usize,
}

impl Packed<'_> {
    /// Unpacks the IPv4 table.
    pub fn v4(&self) -> Result<Parts, Broken> {
        let (blocks, codes) = (self.blocks * BLOCK, self.countries.len());
        let bytes = blocks + 2 * BLOCKS + self.steps + self.cuts + codes * size_of::<u64>();
        let mut table = unpacked(self.table, bytes)?;
        let mut rest = Reader(table.get(blocks..).ok_or(SHORT)?);
        let (low, high) = (rest.take(BLOCKS)?, rest.take(BLOCKS)?);
        let root: Vec<u16> = low.iter().zip(high).map(|(&low, &high)| u16::from_le_bytes([low, high])).collect();
        let mut steps = Reader(rest.take(self.steps)?);
        let mut cuts = Vec::with_capacity(self.cuts);
        let mut at = 0u32;
        for _ in 0..self.cuts {
            at = at.checked_add(steps.step()?).ok_or(Broken("a cut leaves the address space"))?;
            cuts.push(at);
        }
        let held = rest.take(self.cuts)?.iter().map(|&code| self.country(code)).collect();
        let addresses =
            self.countries.iter().map(|&country| Ok((country, u64::from_le_bytes(rest.array()?)))).collect::<Result<_, Broken>>()?;
        if root.iter().any(|&block| usize::from(block) >= self.blocks) {
            return Err(Broken("no such block"));
        }
        let root = root.into_boxed_slice().try_into().map_err(|_| SHORT)?;
        table.truncate(blocks);
        Ok(Parts { root, blocks: table, countries: std::array::from_fn(|code| self.country(code as u8)), cuts, held, addresses })
    }

    /// Of an entry; none of what stands for none, or for several.
    fn country(&self, code: u8) -> Country {
        self.countries.get(usize::from(code)).copied().unwrap_or(Country::NONE)
    }

    /// Unpacks the IPv6 ranges.
    pub fn v6(&self) -> Result<Unpacked, Broken> {
        let &Packed { gaps, sizes, ranges, ranges_v6, .. } = self;
        Ok(Unpacked { countries: self.countries.clone(), streams: unpacked(ranges, gaps + sizes + ranges_v6)?, gaps, sizes })
    }
}

/// Undoes one compressed part, of which it is known what it unpacks to.
fn unpacked(compressed: &[u8], bytes: usize) -> Result<Vec<u8>, Broken> {
    if bytes > UNPACKED_BYTES_MAX {
        return Err(Broken("too many bytes"));
    }
    let unpacked = zstd::bulk::decompress(compressed, bytes).map_err(|_| Broken("a compressed part does not unpack"))?;
    if unpacked.len() == bytes { Ok(unpacked) } else { Err(SHORT) }
}

impl Unpacked {
    /// The ranges, ascending.
    pub fn ranges(&self) -> Result<Ranges<'_>, Broken> {
        let mut streams = Reader(&self.streams);
        Ok(Ranges {
            gaps: Reader(streams.take(self.gaps)?),
            sizes: Reader(streams.take(self.sizes)?),
            indices: streams,
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
#[error("packed countries: {0}")]
pub(super) struct Broken(&'static str);

/// Reads the layout that `scripts/geo-compact` describes, up to its compressed parts.
pub(super) fn read(packed: &[u8]) -> Result<Packed<'_>, Broken> {
    let mut header = Reader(packed);
    if header.array()? != *MAGIC || header.byte()? != VERSION {
        return Err(Broken("not of version 2"));
    }
    let name_bytes = usize::from(header.byte()?);
    let name = header.text(name_bytes)?;
    let build_date = header.text(10)?;
    let sha256 = header.array()?;
    let (ranges_v4, ranges_v6) = (header.length()?, header.length()?);
    let codes = usize::from(header.byte()?);
    if codes > CODES_MAX {
        return Err(Broken("too many country codes"));
    }
    let countries =
        (0..codes).map(|_| Country::from_code(&header.text(2)?).ok_or(Broken("unknown country code"))).collect::<Result<Vec<_>, _>>()?;
    let (blocks, cuts, steps) = (header.length()?, header.length()?, header.length()?);
    let table_bytes = header.length()?;
    let (gaps, sizes) = (header.length()?, header.length()?);
    let table = header.take(table_bytes)?;
    Ok(Packed { name, build_date, sha256, ranges_v4, ranges_v6, countries, blocks, cuts, steps, table, gaps, sizes, ranges: header.0 })
}

/// Bytes that are left to read.
struct Reader<'a>(&'a [u8]);

const SHORT: Broken = Broken("cut short");
const WIDE: Broken = Broken("a number with too many bits");

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

    /// A number in LEB128.
    #[inline]
    fn step(&mut self) -> Result<u32, Broken> {
        let mut number = 0u32;
        for shift in (0..u32::BITS).step_by(7) {
            let byte = self.byte()?;
            number |= u32::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(number);
            }
        }
        Err(WIDE)
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

    fn both(packed: &[u8]) -> Result<(Parts, Unpacked), Broken> {
        let packed = read(packed)?;
        Ok((packed.v4()?, packed.v6()?))
    }

    #[test]
    fn what_is_embedded_unpacks() {
        let packed = read(PACKED).unwrap();
        assert_eq!(packed.build_date, "2026-06-17");
        assert_eq!((packed.ranges_v4, packed.ranges_v6), (334_310, 220_306));
        let (v4, v6) = both(PACKED).unwrap();
        assert_eq!(v4.blocks.len(), packed.blocks * BLOCK);
        assert!(v4.cuts.is_sorted_by(|a, b| a < b));
        let ranges: Vec<_> = v6.ranges().unwrap().map(Result::unwrap).collect();
        assert_eq!(ranges.len(), 220_306);
        let netherlands =
            Span { first: 0x2001_0610 << 96, last: (0x2001_0618 << 96) - 1, value: Country::from_code("NL").unwrap(), line: 0 };
        assert!(ranges.iter().any(|range| Span { line: 0, ..*range } == netherlands), "2001:610::/29 is Dutch");
    }

    #[test]
    fn every_code_is_a_country_or_dissolved() {
        let dissolved = |packed: Packed<'_>| packed.countries.iter().filter(|country| !country.is_some()).count();
        assert_eq!(dissolved(read(PACKED).unwrap()), 1, "one range is still said to be of AN");
    }

    #[test]
    fn damage_is_an_error_and_no_panic() {
        let header = PACKED.len() - read(PACKED).map(|packed| packed.table.len() + packed.ranges.len()).unwrap();
        for cut in (0..header + 100).chain([PACKED.len() - 1]) {
            assert!(both(&PACKED[..cut]).is_err(), "cut at {cut}");
        }
        for place in 0..header {
            let mut damaged = PACKED[..header + 2000].to_vec();
            damaged[place] ^= 0xff;
            assert!(both(&damaged).is_err(), "damaged at {place}");
        }
    }
}
