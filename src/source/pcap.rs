//! Classic capture files (draft-ietf-opsawg-pcap): a header, then records of equal shape.

use super::blocks::Block;
use super::error::{Flaw, SourceError};
use super::stream::Stream;
use super::{Frame, LinkType};
use crate::huge::{self, LINE_BYTES};

/// The magics, as they read in the byte order of the machine that wrote the file (draft-ietf-opsawg-pcap section 4).
const MAGIC_MICROSECONDS: u32 = 0xa1b2_c3d4;
pub const MAGIC_NANOSECONDS: u32 = 0xa1b2_3c4d;
/// Alexey Kuznetzov's modified format: microseconds, records with eight more bytes (libpcap, `sf-pcap.c`).
const MAGIC_MODIFIED: u32 = 0xa1b2_cd34;

const FILE_HEADER_BYTES: usize = 24;
const RECORD_HEADER_BYTES: usize = 16;
/// Interface index, protocol, packet type and padding stand behind the usual record header.
const MODIFIED_RECORD_HEADER_BYTES: usize = 24;

const NS_PER_SECOND: u64 = 1_000_000_000;

/// How many records ahead of the present one their heads are brought into the first-level cache.
const RECORDS_AHEAD: usize = 8;

/// A pcap file, read record by record.
pub struct PcapReader {
    stream: Stream,
    swapped: bool,
    /// Nanoseconds in one unit of the records' fraction field: 1 or 1000.
    fraction_ns: u64,
    record_header_bytes: usize,
    link: LinkType,
    captured_max: u32,
    /// Records that were delivered, the present one included.
    frames: u64,
    time_ns: u64,
    captured: usize,
    wire_bytes: u32,
    /// Length of the present record with its header, consumed when the next one is asked for; 0 at first.
    record_bytes: usize,
}

impl PcapReader {
    /// Whether a file that begins so is a pcap file.
    pub fn recognises(magic: [u8; 4]) -> bool {
        Self::format(magic).is_some()
    }

    /// Byte order (swapped against little-endian), nanoseconds per unit, length of a record header.
    fn format(magic: [u8; 4]) -> Option<(bool, u64, usize)> {
        for (swapped, value) in [(false, u32::from_le_bytes(magic)), (true, u32::from_be_bytes(magic))] {
            match value {
                MAGIC_MICROSECONDS => return Some((swapped, 1000, RECORD_HEADER_BYTES)),
                MAGIC_NANOSECONDS => return Some((swapped, 1, RECORD_HEADER_BYTES)),
                MAGIC_MODIFIED => return Some((swapped, 1000, MODIFIED_RECORD_HEADER_BYTES)),
                _ => {}
            }
        }
        None
    }

    /// Reads the file header. The stream stands at the file's beginning.
    pub fn new(mut stream: Stream) -> Result<Self, SourceError> {
        if !stream.holds(FILE_HEADER_BYTES).map_err(|cause| stream.broken("header", 0, 0, 0, stream.read_flaw(cause)))? {
            return Err(SourceError::CutHeader { file: stream.file().to_owned(), have: stream.unread().len(), need: FILE_HEADER_BYTES });
        }
        let header = stream.unread().first_chunk::<FILE_HEADER_BYTES>().copied().unwrap_or_default();
        let [m0, m1, m2, m3, a0, a1, b0, b1, .., l0, l1, l2, l3] = header;
        let Some((swapped, fraction_ns, record_header_bytes)) = Self::format([m0, m1, m2, m3]) else {
            return Err(SourceError::NotCapture { file: stream.file().to_owned(), magic: Box::new([m0, m1, m2, m3]) });
        };
        let half = |bytes| if swapped { u16::from_be_bytes(bytes) } else { u16::from_le_bytes(bytes) };
        let (major, minor) = (half([a0, a1]), half([b0, b1]));
        if major != 2 || minor > 4 {
            return Err(SourceError::PcapVersion { file: stream.file().to_owned(), major, minor });
        }
        let link = LinkType::of_file(word(swapped, [l0, l1, l2, l3]));
        stream.consume(FILE_HEADER_BYTES);
        Ok(PcapReader {
            stream,
            swapped,
            fraction_ns,
            record_header_bytes,
            link,
            captured_max: link.captured_max(),
            frames: 0,
            time_ns: 0,
            captured: 0,
            wire_bytes: 0,
            record_bytes: 0,
        })
    }

    /// Steps to the next record. `false`: the file ended where a record ends.
    // Always: a call per frame, with its result in memory, costs a tenth of the time of reading the shortest frames.
    #[inline(always)]
    pub fn advance(&mut self) -> Result<bool, SourceError> {
        self.stream.consume(self.record_bytes);
        self.record_bytes = 0;
        match self.stream.holds(self.record_header_bytes) {
            Ok(true) => {}
            short => return self.ended(short),
        }
        let header = self.stream.unread().first_chunk::<RECORD_HEADER_BYTES>().copied().unwrap_or_default();
        let [s0, s1, s2, s3, f0, f1, f2, f3, c0, c1, c2, c3, w0, w1, w2, w3] = header;
        let captured = word(self.swapped, [c0, c1, c2, c3]);
        if captured > self.captured_max {
            return Err(self.flawed(Flaw::TooLong { claimed: captured, limit: self.captured_max }));
        }
        let record_bytes = self.record_header_bytes + captured as usize;
        match self.stream.holds(record_bytes) {
            Ok(true) => {}
            Ok(false) => return Err(self.flawed(Flaw::Beyond { claimed: captured.into(), end: self.stream.length() })),
            Err(cause) => return Err(self.flawed(self.stream.read_flaw(cause))),
        }
        let (seconds, fraction) = (word(self.swapped, [s0, s1, s2, s3]), word(self.swapped, [f0, f1, f2, f3]));
        self.time_ns = u64::from(seconds) * NS_PER_SECOND + u64::from(fraction) * self.fraction_ns;
        self.captured = captured as usize;
        self.wire_bytes = word(self.swapped, [w0, w1, w2, w3]).max(captured);
        self.record_bytes = record_bytes;
        self.frames += 1;
        Ok(true)
    }

    /// The block in which the next burst lies; see [`Stream::lend`].
    pub fn lend(&self) -> Option<Block> {
        self.stream.lend()
    }

    /// Hands over the records that lie whole in the buffer, at most so many and only those before `until_ns`; the present one is done with.
    /// Returns how many there were. What is not plain (an end, a flaw) is left to [`PcapReader::advance`].
    ///
    /// All of it stands in registers. A frame that passes through memory is written in words and read in vectors, which waits until every
    /// store before it has reached the cache: 100 ns a frame where those stores go to lines of another core.
    #[inline(always)]
    pub fn burst<E>(&mut self, most: u64, until_ns: u64, mut take: impl FnMut(Frame<'_>) -> Result<(), E>) -> Result<u64, E> {
        // Files of the other byte order, or of the modified format, are rare enough to go record by record.
        if self.swapped || self.record_header_bytes != RECORD_HEADER_BYTES {
            return Ok(0);
        }
        self.stream.consume(self.record_bytes);
        self.record_bytes = 0;
        let unread = self.stream.unread();
        let (fraction_ns, captured_max, link) = (self.fraction_ns, self.captured_max, self.link);
        let mut rest = unread;
        let mut ahead = unread;
        for _ in 0..RECORDS_AHEAD {
            ahead = next_record(ahead);
        }
        let mut frames = 0;
        let mut done = Ok(());
        while frames < most {
            let Some(&[s0, s1, s2, s3, f0, f1, f2, f3, c0, c1, c2, c3, w0, w1, w2, w3]) = rest.first_chunk::<RECORD_HEADER_BYTES>() else {
                break;
            };
            let captured = u32::from_le_bytes([c0, c1, c2, c3]);
            let (seconds, fraction) = (u32::from_le_bytes([s0, s1, s2, s3]), u32::from_le_bytes([f0, f1, f2, f3]));
            let time_ns = u64::from(seconds) * NS_PER_SECOND + u64::from(fraction) * fraction_ns;
            let record_bytes = RECORD_HEADER_BYTES + captured as usize;
            if captured > captured_max || record_bytes > rest.len() || time_ns >= until_ns {
                break;
            }
            let (record, behind) = rest.split_at(record_bytes);
            let Some((_, bytes)) = record.split_at_checked(RECORD_HEADER_BYTES) else { break };
            let wire_bytes = u32::from_le_bytes([w0, w1, w2, w3]).max(captured);
            // What the kernel has copied is seldom in a cache, and the records' uneven lengths hide from the hardware what comes next.
            ahead = next_record(ahead);
            huge::prefetch(ahead);
            huge::prefetch_at(ahead, LINE_BYTES);
            rest = behind;
            frames += 1;
            done = take(Frame { time_ns, wire_bytes, link, interface: 0, bytes });
            if done.is_err() {
                break;
            }
        }
        let consumed = unread.len() - rest.len();
        self.stream.consume(consumed);
        self.frames += frames;
        done.map(|()| frames)
    }

    /// The end of the file, which is only right between records.
    #[cold]
    fn ended(&self, short: std::io::Result<bool>) -> Result<bool, SourceError> {
        match short {
            Err(cause) => Err(self.flawed(self.stream.read_flaw(cause))),
            Ok(_) if self.stream.unread().is_empty() => Ok(false),
            Ok(_) => Err(self.flawed(Flaw::Cut { end: self.stream.length() })),
        }
    }

    #[cold]
    fn flawed(&self, flaw: Flaw) -> SourceError {
        self.stream.broken("record", self.frames + 1, self.stream.offset(), self.frames, flaw)
    }

    /// The present record. Before the first [`PcapReader::advance`]: an empty frame.
    #[inline]
    pub fn frame(&self) -> Frame<'_> {
        let bytes = self.stream.unread().get(self.record_header_bytes..self.record_bytes).unwrap_or_default();
        Frame { time_ns: self.time_ns, wire_bytes: self.wire_bytes, link: self.link, interface: 0, bytes }
    }
}

/// What is behind the first record, in a file of this machine's byte order; nothing if that is cut.
#[inline(always)]
fn next_record(records: &[u8]) -> &[u8] {
    let Some(&[_, _, _, _, _, _, _, _, c0, c1, c2, c3, ..]) = records.first_chunk::<RECORD_HEADER_BYTES>() else { return &[] };
    records.get(RECORD_HEADER_BYTES + u32::from_le_bytes([c0, c1, c2, c3]) as usize..).unwrap_or_default()
}

#[inline]
fn word(swapped: bool, bytes: [u8; 4]) -> u32 {
    if swapped { u32::from_be_bytes(bytes) } else { u32::from_le_bytes(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::interface::Order;
    use crate::source::samples::{pcap, read_all};

    #[test]
    fn both_byte_orders_and_resolutions_read_alike() {
        for order in [Order::Little, Order::Big] {
            for (magic, fraction) in [(MAGIC_MICROSECONDS, 250), (MAGIC_NANOSECONDS, 250_000)] {
                let (frames, error) = read_all("sample.pcap", pcap(order, magic, 1, &[(3, fraction, b"abc", 60)]));
                assert_eq!(error, None);
                let [frame] = &frames[..] else { panic!("{frames:?}") };
                assert_eq!((frame.time_ns, frame.wire_bytes, frame.link), (3_000_250_000, 60, LinkType::ETHERNET));
                assert_eq!(frame.bytes, b"abc");
            }
        }
    }

    #[test]
    fn the_modified_format_has_longer_record_headers() {
        let mut file = pcap(Order::Little, MAGIC_MODIFIED, 1, &[]);
        for content in [b"abcd", b"efgh"] {
            for word in [1u32, 2, 4, 4, 0, 0] {
                file.extend_from_slice(&word.to_le_bytes());
            }
            file.extend_from_slice(content);
        }
        let (frames, error) = read_all("sample.pcap", file);
        assert_eq!((frames.len(), error), (2, None));
        assert_eq!(frames[1].bytes, b"efgh");
    }

    #[test]
    fn the_link_type_is_the_lower_half_of_its_field() {
        let link = |field| read_all("sample.pcap", pcap(Order::Little, MAGIC_MICROSECONDS, field, &[(0, 0, b"a", 1)])).0[0].link;
        assert_eq!(link(0x5400_0001), LinkType::ETHERNET);
        assert_eq!(link(12), LinkType::RAW);
        assert_eq!(link(147), LinkType(147));
    }

    #[test]
    fn every_cut_delivers_the_whole_frames_before_it_and_an_error() {
        let records: Vec<(u32, u32, &[u8], u32)> = (0..5).map(|time| (time, 0, &b"0123456789"[..], 10)).collect();
        let whole = pcap(Order::Little, MAGIC_MICROSECONDS, 1, &records);
        for length in FILE_HEADER_BYTES..whole.len() {
            let (frames, error) = read_all("sample.pcap", whole[..length].to_vec());
            let (full, rest) = ((length - FILE_HEADER_BYTES) / 26, (length - FILE_HEADER_BYTES) % 26);
            assert_eq!(frames.len(), full, "cut to {length}");
            let at = FILE_HEADER_BYTES + full * 26;
            let counted = if full == 1 { "1 frame was counted".to_owned() } else { format!("{full} frames were counted") };
            let place = format!("sample.pcap: record {} at byte {at}", full + 1);
            let expected = match rest {
                0 => None,
                1..RECORD_HEADER_BYTES => Some(format!("{place} is cut within its header; the file ends after {length}. {counted}")),
                _ => Some(format!("{place} claims 10 bytes; the file ends after {length}. {counted}")),
            };
            assert_eq!(error, expected);
        }
    }

    #[test]
    fn a_cut_file_header_is_told() {
        let whole = pcap(Order::Little, MAGIC_MICROSECONDS, 1, &[]);
        for length in 4..FILE_HEADER_BYTES {
            let error = read_all("sample.pcap", whole[..length].to_vec()).1.unwrap();
            assert!(error.starts_with(&format!("sample.pcap: ends after {length} bytes")), "{error}");
        }
    }

    #[test]
    fn impossible_lengths_are_refused_before_they_are_believed() {
        let mut file = pcap(Order::Little, MAGIC_MICROSECONDS, 1, &[(0, 0, b"a", 1), (0, 0, b"b", 1)]);
        file[24 + 17 + 8..][..4].copy_from_slice(&u32::MAX.to_le_bytes());
        let error = read_all("sample.pcap", file).1.unwrap();
        let expected = "sample.pcap: record 2 at byte 41 claims 4294967295 bytes; a frame has at most 262144. 1 frame was counted";
        assert_eq!(error, expected);
    }

    #[test]
    fn a_wire_length_below_the_captured_one_is_raised() {
        let (frames, _) = read_all("sample.pcap", pcap(Order::Little, MAGIC_MICROSECONDS, 1, &[(0, 0, b"abcd", 2)]));
        assert_eq!(frames[0].wire_bytes, 4);
    }

    #[test]
    fn no_mutation_panics() {
        let file = pcap(Order::Little, MAGIC_NANOSECONDS, 1, &[(1, 2, b"abcd", 4), (3, 4, b"", 0), (5, 6, b"efgh", 4)]);
        for at in 0..file.len() {
            for value in [0, 1, 0x7f, 0x80, 0xff] {
                let mut bytes = file.clone();
                bytes[at] = value;
                let (frames, error) = read_all("mutated", bytes);
                assert!(frames.len() <= 3 && error.is_none_or(|text| text.starts_with("mutated: ")));
            }
        }
    }

    #[test]
    fn unknown_versions_are_refused() {
        let mut file = pcap(Order::Big, MAGIC_MICROSECONDS, 1, &[]);
        file[5] = 3;
        assert!(read_all("sample.pcap", file).1.unwrap().contains("pcap file of version 3.4"));
    }
}
