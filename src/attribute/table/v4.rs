//! IPv4: the first sixteen bits choose a block, the next eight an entry in it. Uniform blocks are stored once, and most of the 65,536
//! are uniform; of the 9,000 others one in twenty equals another, which is not worth finding at each start.

use super::cut::Cut;
use super::{CUT, NONE, entry, named};
use crate::attribute::Country;
use crate::attribute::span::Span;
use crate::huge;

/// /24s in a block.
pub(in crate::attribute) const BLOCK: usize = 256;
/// Blocks that IPv4 has: one for each /16.
pub(in crate::attribute) const BLOCKS: usize = 1 << 16;

/// A table that is made already.
pub(in crate::attribute) struct Parts {
    /// By the first sixteen bits: the number of a block.
    pub root: Box<[u16; BLOCKS]>,
    /// Blocks of [`BLOCK`] entries, one after the other.
    pub blocks: Vec<u8>,
    /// By entry; [`CUT`] stands for several.
    pub countries: [Country; 256],
    /// Addresses of cut networks from which a country holds, ascending.
    pub cuts: Vec<u32>,
    /// The country from each of them on.
    pub held: Vec<Country>,
    /// How many addresses each country has.
    pub addresses: Vec<(Country, u64)>,
}

pub(super) struct V4 {
    /// By the first sixteen bits: the number of a block.
    root: Box<[u16; BLOCKS]>,
    /// Blocks of [`BLOCK`] entries, one after the other.
    blocks: Vec<u8>,
    /// By entry.
    countries: [Country; 256],
    cut: Cut<u32>,
    /// How many addresses each country has, by its index.
    addresses: Box<[u64; Country::COUNT]>,
}

impl V4 {
    /// Builds from ascending stretches; what does not ascend, or is no IPv4, is ignored.
    pub fn new(spans: impl IntoIterator<Item = Span<Country>>) -> Self {
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

    /// Takes over a table that is made already.
    pub fn ready(parts: Parts) -> Self {
        let Parts { root, blocks, countries, cuts, held, addresses: counts } = parts;
        let mut addresses = Box::new([0; Country::COUNT]);
        for (country, count) in counts.into_iter().filter(|(country, _)| country.is_some()) {
            addresses[country.index()] += count;
        }
        V4 { root, blocks, countries, cut: Cut::ready(cuts, held), addresses }
    }

    #[inline]
    fn entry(&self, bits: u32) -> Option<&u8> {
        let block = usize::from(self.root[(bits >> 16) as usize]);
        self.blocks.get(block * BLOCK + (bits >> 8) as usize % BLOCK)
    }

    #[inline]
    pub fn touch_root(&self, bits: u32) {
        huge::prefetch(&self.root[(bits >> 16) as usize]);
    }

    #[inline]
    pub fn touch(&self, bits: u32) {
        if let Some(found) = self.entry(bits) {
            huge::prefetch(found);
        }
    }

    #[inline]
    pub fn country(&self, bits: u32) -> Country {
        match self.entry(bits) {
            Some(&CUT) => self.cut.country(bits),
            Some(&found) => self.countries[usize::from(found)],
            None => Country::NONE,
        }
    }

    pub fn addresses(&self, country: Country) -> u64 {
        self.addresses[country.index()]
    }

    pub fn count(&self, country: Country, first: u32, last: u32) -> u64 {
        let mut count = 0;
        for network in first >> 8..=last >> 8 {
            let (from, to) = (first.max(network << 8), last.min(network << 8 | 0xff));
            count += match self.entry(from) {
                Some(&CUT) => (from..=to).filter(|&bits| self.country(bits) == country).count() as u64,
                Some(&found) if self.countries[usize::from(found)] == country => u64::from(to - from) + 1,
                _ => 0,
            };
        }
        count
    }

    pub fn bytes(&self) -> usize {
        size_of_val(&*self.root) + self.blocks.len() + self.cut.bytes()
    }
}

/// Writes blocks in ascending order.
struct V4Builder {
    root: Box<[u16; BLOCKS]>,
    blocks: Vec<u8>,
    uniform: [Option<u16>; 256],
    cut: Cut<u32>,
    /// The block being written, and its place.
    block: [u8; BLOCK],
    at: usize,
}

impl V4Builder {
    fn new() -> Self {
        let root = vec![0; BLOCKS].into_boxed_slice().try_into().expect("the length is BLOCKS");
        // Room for what can be needed at most: what is not written costs no memory, and what is need not be moved.
        V4Builder {
            root,
            blocks: Vec::with_capacity(BLOCKS * BLOCK),
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
                self.cut.push(first.max(begin), last.min(end), begin, end, country);
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
        let known = if uniform { self.uniform[usize::from(first)] } else { None };
        known.unwrap_or_else(|| {
            // At most as many blocks as /16s, so the number fits.
            let number = (self.blocks.len() / BLOCK) as u16;
            self.blocks.extend_from_slice(&self.block);
            if uniform {
                self.uniform[usize::from(first)] = Some(number);
            }
            number
        })
    }

    fn finish(mut self, addresses: Box<[u64; Country::COUNT]>) -> V4 {
        self.move_to(BLOCKS);
        self.blocks.shrink_to_fit();
        self.cut.shrink();
        V4 { root: self.root, blocks: self.blocks, countries: named(), cut: self.cut, addresses }
    }
}
