//! One capture file of either format, compressed or not, from disk or standard input.

use std::fs::File;
use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Frame;
use super::blocks::Blocks;
use super::error::SourceError;
use super::pcap::PcapReader;
use super::pcapng::PcapngReader;
use super::stream::{Compression, Stream};

/// The name that stands for standard input.
pub const STANDARD_INPUT: &str = "-";

/// The first bytes that every format and compression is told by.
const MAGIC_BYTES: usize = 4;
/// RFC 1952 section 2.3.1.
const GZIP: [u8; 2] = [0x1f, 0x8b];
/// RFC 8878 section 3.1.1.
const ZSTD: u32 = 0xfd2f_b528;
/// Frames of other content before a zstd frame, told by the upper 28 bits: RFC 8878 section 3.1.2.
const ZSTD_SKIPPABLE: u32 = 0x0184_d2a5;

/// A capture file. Usage: [`CaptureReader::advance`], then [`CaptureReader::frame`]; or [`CaptureReader::next_frame`] for both.
pub enum CaptureReader {
    Pcap(PcapReader),
    Pcapng(PcapngReader),
}

impl CaptureReader {
    /// Opens a file, or standard input for `-`. Adds what it reads from the disk to `bytes_read`. Lends what it has read, if it has `blocks` to
    /// go on with meanwhile.
    pub fn open(path: &Path, bytes_read: Arc<AtomicU64>, blocks: Option<Blocks>) -> Result<Self, SourceError> {
        let name = if path.as_os_str() == STANDARD_INPUT { "standard input".to_owned() } else { path.display().to_string() };
        let input: Box<dyn Read + Send> = if path.as_os_str() == STANDARD_INPUT {
            Box::new(io::stdin())
        } else {
            Box::new(File::open(path).map_err(|cause| SourceError::Open { file: name.clone(), cause })?)
        };
        Self::read(&name, Box::new(Counted { input, bytes_read }), blocks)
    }

    /// Reads a capture from any stream of bytes; `name` stands in messages.
    pub fn from_reader(name: &str, input: Box<dyn Read + Send>) -> Result<Self, SourceError> {
        Self::read(name, input, None)
    }

    fn read(name: &str, mut input: Box<dyn Read + Send>, blocks: Option<Blocks>) -> Result<Self, SourceError> {
        let open_error = |cause| SourceError::Open { file: name.to_owned(), cause };
        let magic = first_bytes(&mut input).map_err(open_error)?;
        let compression = compression_of(&magic);
        let whole = Cursor::new(magic).chain(input);
        let plain: Box<dyn Read + Send> = match compression {
            Compression::None => Box::new(whole),
            Compression::Gzip => Box::new(flate2::read::MultiGzDecoder::new(whole)),
            Compression::Zstd => Box::new(zstd::stream::read::Decoder::new(whole).map_err(open_error)?),
        };
        let mut stream = Stream::new(name, compression, plain, blocks);
        if let Err(cause) = stream.holds(MAGIC_BYTES) {
            return Err(stream.broken("header", 0, 0, 0, stream.read_flaw(cause)));
        }
        match stream.unread().first_chunk::<MAGIC_BYTES>() {
            Some(&magic) if PcapReader::recognises(magic) => PcapReader::new(stream).map(CaptureReader::Pcap),
            Some(&magic) if PcapngReader::recognises(magic) => PcapngReader::new(stream).map(CaptureReader::Pcapng),
            Some(&magic) => Err(SourceError::NotCapture { file: name.to_owned(), magic: Box::new(magic) }),
            None if stream.unread().is_empty() => Err(SourceError::Empty { file: name.to_owned() }),
            None => Err(SourceError::NotCapture { file: name.to_owned(), magic: stream.unread().into() }),
        }
    }

    /// Steps to the next frame. `false` at the end. After an error there is nothing more to come.
    #[inline]
    pub fn advance(&mut self) -> Result<bool, SourceError> {
        match self {
            CaptureReader::Pcap(reader) => reader.advance(),
            CaptureReader::Pcapng(reader) => reader.advance(),
        }
    }

    /// The frame stepped to. Its interface is counted within the file.
    #[inline]
    pub fn frame(&self) -> Frame<'_> {
        match self {
            CaptureReader::Pcap(reader) => reader.frame(),
            CaptureReader::Pcapng(reader) => reader.frame(),
        }
    }

    /// The name of one of the file's interfaces, if the file says one.
    pub fn interface_name(&self, number: u16) -> Option<&str> {
        match self {
            CaptureReader::Pcap(_) => None,
            CaptureReader::Pcapng(reader) => reader.interface_name(number),
        }
    }

    /// The next frame, or nothing at the end.
    #[inline]
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, SourceError> {
        Ok(if self.advance()? { Some(self.frame()) } else { None })
    }
}

/// Up to [`MAGIC_BYTES`] bytes; fewer if the input is shorter.
fn first_bytes(input: &mut dyn Read) -> io::Result<Vec<u8>> {
    let mut magic = Vec::with_capacity(MAGIC_BYTES);
    input.take(MAGIC_BYTES as u64).read_to_end(&mut magic)?;
    Ok(magic)
}

fn compression_of(magic: &[u8]) -> Compression {
    let word = magic.first_chunk().copied().map(u32::from_le_bytes).unwrap_or_default();
    if magic.starts_with(&GZIP) {
        Compression::Gzip
    } else if word == ZSTD || word >> 4 == ZSTD_SKIPPABLE {
        Compression::Zstd
    } else {
        Compression::None
    }
}

/// Counts what passes.
struct Counted {
    input: Box<dyn Read + Send>,
    bytes_read: Arc<AtomicU64>,
}

impl Read for Counted {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(into)?;
        self.bytes_read.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::source::interface::Order;
    use crate::source::samples::{pcap, read_all};

    fn sample() -> Vec<u8> {
        pcap(Order::Little, 0xa1b2_c3d4, 1, &[(1, 0, b"abcdefgh", 8), (2, 0, b"ijklmnop", 8)])
    }

    fn gzip(bytes: &[u8]) -> Vec<u8> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    }

    #[test]
    fn compressed_captures_read_like_plain_ones() {
        let plain = read_all("a.pcap", sample());
        assert_eq!(read_all("a.pcap.gz", gzip(&sample())), plain);
        assert_eq!(read_all("a.pcap.zst", zstd::encode_all(&sample()[..], 1).unwrap()), plain);
    }

    #[test]
    fn members_and_frames_one_after_another_are_one_stream() {
        let (head, tail) = (&sample()[..30], &sample()[30..]);
        let expected = read_all("a.pcap", sample());
        assert_eq!(read_all("a.gz", [gzip(head), gzip(tail)].concat()), expected);
        let pieces = [zstd::encode_all(head, 1).unwrap(), zstd::encode_all(tail, 1).unwrap()];
        assert_eq!(read_all("a.zst", pieces.concat()), expected);
    }

    #[test]
    fn a_zstd_file_may_begin_with_a_skippable_frame() {
        let mut file = vec![0x50, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9];
        file.extend(zstd::encode_all(&sample()[..], 1).unwrap());
        assert_eq!(read_all("a.zst", file), read_all("a.pcap", sample()));
    }

    #[test]
    fn every_cut_of_a_compressed_file_is_an_error_with_its_name() {
        for packed in [gzip(&sample()), zstd::encode_all(&sample()[..], 1).unwrap()] {
            for length in 0..packed.len() {
                let (frames, error) = read_all("packed", packed[..length].to_vec());
                assert!(frames.len() <= 2);
                assert!(error.as_ref().is_some_and(|text| text.starts_with("packed: ")), "cut to {length}: {error:?}");
            }
        }
    }

    #[test]
    fn a_corrupt_gzip_stream_says_so_and_counts_in_decompressed_bytes() {
        let mut packed = gzip(&sample());
        let checksum = packed.len() - 8;
        packed[checksum] ^= 1;
        let (frames, error) = read_all("a.pcap.gz", packed);
        let error = error.unwrap();
        assert!(error.contains("byte 72 of the decompressed stream cannot be decompressed; the gzip data is corrupt"), "{error}");
        assert_eq!(frames.len(), 2);
    }

    #[test]
    fn what_is_no_capture_is_named() {
        let error = |bytes: &[u8]| read_all("file", bytes.to_vec()).1.unwrap();
        assert_eq!(error(b""), "file: is empty; a capture file has at least a header");
        assert!(error(b"PK\x03\x04....").contains("begins with the bytes 50 4b 03 04"));
        assert!(error(b"ab").contains("begins with the bytes 61 62,"));
        assert!(error(&gzip(b"")).contains("is empty"));
        assert!(error(&gzip(b"plain text")).contains("is not a capture file"));
    }

    #[test]
    fn a_file_that_is_not_there_is_named() {
        let error = CaptureReader::open(Path::new("no/such.pcap"), Arc::default(), None).err().unwrap();
        assert!(error.to_string().starts_with("no/such.pcap: cannot be opened: "), "{error}");
    }
}
