//! Content codings undone in pieces, within bounds of size, ratio and memory (RFC 9110 section 8.4).
//!
//! Gzip and deflate are undone as they come, by inflaters that a lane lends. Brotli and Zstandard need windows of megabytes while they run:
//! such a body is kept coded, up to a bound, and undone when it is whole, so that no memory is held between packets.

use std::io::Read;

use flate2::{Decompress, FlushDecompress, Status};

/// Bytes that come out of one body, at most.
pub const OUT_BYTES_MAX: u64 = 32 * 1024 * 1024;
/// Bytes that come out for each that goes in, once more than [`RATIO_FROM_BYTES`] have: real pages and programs stay below 30; a bomb of
/// deflate reaches 1032.
const RATIO_MAX: u64 = 100;
const RATIO_FROM_BYTES: u64 = 1024 * 1024;
/// Largest window of Zstandard, as a power of two: 8 MiB, which is what RFC 9659 lets a content coding use.
const ZSTD_WINDOW_LOG_MAX: u32 = 23;
/// Bytes undone at a time.
const PIECE_BYTES: usize = 8 * 1024;

/// A content coding.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Coding {
    Gzip,
    /// The zlib format, or deflate without it: senders do both, and browsers take both.
    Deflate,
    Brotli,
    Zstd,
}

impl Coding {
    /// By its name in `Content-Encoding`.
    pub fn named(name: &[u8]) -> Option<Self> {
        let is = |what: &str| name.eq_ignore_ascii_case(what.as_bytes());
        if is("gzip") || is("x-gzip") {
            Some(Coding::Gzip)
        } else if is("deflate") {
            Some(Coding::Deflate)
        } else if is("br") {
            Some(Coding::Brotli)
        } else if is("zstd") {
            Some(Coding::Zstd)
        } else {
            None
        }
    }

    /// Whether it is undone only when the body is whole.
    pub fn is_whole(self) -> bool {
        matches!(self, Coding::Brotli | Coding::Zstd)
    }
}

/// Why no more comes out.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Trouble {
    #[error("the bytes are not coded so")]
    Corrupt,
    #[error("more comes out than is allowed")]
    TooMuch,
}

/// What comes out against what goes in.
#[derive(Clone, Copy, Debug, Default)]
struct Measure {
    into: u64,
    out: u64,
}

impl Measure {
    fn add(&mut self, into: u64, out: u64) -> Result<(), Trouble> {
        self.into += into;
        self.out += out;
        let too_much = self.out > OUT_BYTES_MAX || self.out > RATIO_FROM_BYTES && self.out / self.into.max(1) > RATIO_MAX;
        if too_much { Err(Trouble::TooMuch) } else { Ok(()) }
    }
}

/// Where in the header of a gzip member its reader is (RFC 1952 section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Head {
    Fixed(u8),
    ExtraLength(u8, u16),
    Extra(u16),
    Name,
    Comment,
    Check(u8),
    Done,
}

mod gzip_flags {
    pub const CHECK: u8 = 0x02;
    pub const EXTRA: u8 = 0x04;
    pub const NAME: u8 = 0x08;
    pub const COMMENT: u8 = 0x10;
}

/// Undoes gzip or deflate.
pub struct Inflater {
    inner: Box<Decompress>,
    coding: Coding,
    head: Head,
    flags: u8,
    measure: Measure,
    over: bool,
}

impl std::fmt::Debug for Inflater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inflater").field("coding", &self.coding).field("measure", &self.measure).finish_non_exhaustive()
    }
}

impl Default for Inflater {
    fn default() -> Self {
        Inflater {
            inner: Box::new(Decompress::new(false)),
            coding: Coding::Gzip,
            head: Head::Done,
            flags: 0,
            measure: Measure::default(),
            over: false,
        }
    }
}

impl Inflater {
    /// Begins a body.
    pub fn begin(&mut self, coding: Coding) {
        self.inner.reset(false);
        self.coding = coding;
        self.head = if coding == Coding::Gzip { Head::Fixed(0) } else { Head::Done };
        self.flags = 0;
        self.measure = Measure::default();
        self.over = false;
    }

    /// Whether the coded stream came to its own end. What stands behind that is no part of the body.
    pub fn is_over(&self) -> bool {
        self.over
    }

    /// Undoes bytes; what comes out goes to `sink`.
    ///
    /// # Errors
    /// Bytes that are not coded so, or too much coming out. What came out before stands.
    pub fn feed(&mut self, bytes: &[u8], mut sink: impl FnMut(&[u8])) -> Result<(), Trouble> {
        let mut rest = self.header(bytes)?;
        if self.coding == Coding::Deflate
            && self.measure.into == 0
            && let [method, ..] = *rest
        {
            // CM 8 and a window of at most 32 KiB (RFC 1950 section 2.2); a raw stream does not begin so: that would be a stored block
            // with nonzero padding or a reserved one.
            if method & 0x0f == 8 && method >> 4 <= 7 {
                self.inner.reset(true);
            }
        }
        let mut out = [0; PIECE_BYTES];
        while !rest.is_empty() && !self.over {
            let inflater = &mut self.inner;
            let (in_before, out_before) = (inflater.total_in(), inflater.total_out());
            let status = inflater.decompress(rest, &mut out, FlushDecompress::None).map_err(|_| Trouble::Corrupt)?;
            let (used, came) = ((inflater.total_in() - in_before) as usize, (inflater.total_out() - out_before) as usize);
            sink(&out[..came]);
            self.measure.add(used as u64, came as u64)?;
            rest = &rest[used..];
            match status {
                Status::StreamEnd => self.over = true,
                _ if used == 0 && came == 0 => return Err(Trouble::Corrupt),
                _ => {}
            }
        }
        // What the inflater could not write because the piece was full.
        while !self.over {
            let inflater = &mut self.inner;
            let out_before = inflater.total_out();
            match inflater.decompress(&[], &mut out, FlushDecompress::None) {
                Ok(status) => {
                    let came = (inflater.total_out() - out_before) as usize;
                    self.over = status == Status::StreamEnd;
                    if came == 0 {
                        break;
                    }
                    sink(&out[..came]);
                    self.measure.add(0, came as u64)?;
                }
                Err(_) => break,
            }
        }
        Ok(())
    }

    /// Passes the header of a gzip member; returns what stands behind it.
    fn header<'a>(&mut self, bytes: &'a [u8]) -> Result<&'a [u8], Trouble> {
        let mut at = 0;
        while self.head != Head::Done {
            let Some(&byte) = bytes.get(at) else { return Ok(&[]) };
            at += 1;
            self.head = match self.head {
                Head::Fixed(0) if byte == 0x1f => Head::Fixed(1),
                Head::Fixed(1) if byte == 0x8b => Head::Fixed(2),
                Head::Fixed(2) if byte == 8 => Head::Fixed(3),
                Head::Fixed(0..=2) => return Err(Trouble::Corrupt),
                Head::Fixed(3) => {
                    self.flags = byte;
                    Head::Fixed(4)
                }
                Head::Fixed(9) => self.behind(gzip_flags::EXTRA),
                Head::Fixed(n) => Head::Fixed(n + 1),
                Head::ExtraLength(0, _) => Head::ExtraLength(1, u16::from(byte)),
                Head::ExtraLength(_, low) => match low | u16::from(byte) << 8 {
                    0 => self.behind(gzip_flags::NAME),
                    length => Head::Extra(length),
                },
                Head::Extra(1) => self.behind(gzip_flags::NAME),
                Head::Extra(left) => Head::Extra(left - 1),
                Head::Name if byte == 0 => self.behind(gzip_flags::COMMENT),
                Head::Comment if byte == 0 => self.behind(gzip_flags::CHECK),
                Head::Check(0) => Head::Check(1),
                Head::Check(_) => Head::Done,
                same => same,
            };
        }
        Ok(&bytes[at..])
    }

    /// The next part of the header, from this one on in their order.
    fn behind(&self, from: u8) -> Head {
        use gzip_flags::{CHECK, COMMENT, EXTRA, NAME};
        let parts = [(EXTRA, Head::ExtraLength(0, 0)), (NAME, Head::Name), (COMMENT, Head::Comment), (CHECK, Head::Check(0))];
        let first = parts.iter().position(|(flag, _)| *flag == from).unwrap_or(0);
        parts[first..].iter().find(|(flag, _)| self.flags & flag != 0).map_or(Head::Done, |(_, head)| *head)
    }
}

/// Undoes a whole body of Brotli or Zstandard; what comes out goes to `sink`.
///
/// # Errors
/// Bytes that are not coded so, or too much coming out. What came out before stands.
pub fn undo_whole(coding: Coding, bytes: &[u8], sink: impl FnMut(&[u8])) -> Result<(), Trouble> {
    match coding {
        Coding::Brotli => drain(brotli_decompressor::Decompressor::new(bytes, PIECE_BYTES), bytes.len(), sink),
        Coding::Zstd => {
            let mut decoder = zstd::stream::read::Decoder::with_buffer(bytes).map_err(|_| Trouble::Corrupt)?;
            decoder.window_log_max(ZSTD_WINDOW_LOG_MAX).map_err(|_| Trouble::Corrupt)?;
            drain(decoder, bytes.len(), sink)
        }
        Coding::Gzip | Coding::Deflate => {
            let mut inflater = Inflater::default();
            inflater.begin(coding);
            inflater.feed(bytes, sink)?;
            if inflater.is_over() { Ok(()) } else { Err(Trouble::Corrupt) }
        }
    }
}

fn drain(mut from: impl Read, into: usize, mut sink: impl FnMut(&[u8])) -> Result<(), Trouble> {
    let mut measure = Measure { into: into as u64, out: 0 };
    let mut out = [0; PIECE_BYTES];
    loop {
        match from.read(&mut out) {
            Ok(0) => return Ok(()),
            Ok(came) => {
                sink(&out[..came]);
                measure.add(0, came as u64)?;
            }
            Err(_) => return Err(Trouble::Corrupt),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    use flate2::Compression;
    use flate2::GzBuilder;
    use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};

    fn text() -> Vec<u8> {
        (0..4000).flat_map(|at: u32| format!("line {at} of {}\n", at * at).into_bytes()).collect()
    }

    fn inflate(coding: Coding, coded: &[u8], piece: usize) -> (Vec<u8>, Result<(), Trouble>, bool) {
        let mut inflater = Inflater::default();
        // A second body in the same inflater must not know of the first.
        for _ in 0..2 {
            inflater.begin(coding);
            let mut out = Vec::new();
            let fed = coded.chunks(piece).try_for_each(|piece| inflater.feed(piece, |bytes| out.extend_from_slice(bytes)));
            if inflater.is_over() || fed.is_err() {
                return (out, fed, inflater.is_over());
            }
        }
        (Vec::new(), Ok(()), false)
    }

    #[test]
    fn gzip_and_both_forms_of_deflate_come_out_whatever_the_pieces() {
        let text = text();
        let mut gzip = GzBuilder::new().filename("a name").comment("c").extra(vec![1, 2, 3]).write(Vec::new(), Compression::best());
        gzip.write_all(&text).unwrap();
        let gzip = gzip.finish().unwrap();
        let mut zlib = ZlibEncoder::new(Vec::new(), Compression::fast());
        zlib.write_all(&text).unwrap();
        let zlib = zlib.finish().unwrap();
        let mut raw = DeflateEncoder::new(Vec::new(), Compression::default());
        raw.write_all(&text).unwrap();
        let raw = raw.finish().unwrap();
        for (coding, coded) in [(Coding::Gzip, &gzip), (Coding::Deflate, &zlib), (Coding::Deflate, &raw)] {
            for piece in [1, 2, 7, 1000, 1 << 20] {
                assert_eq!(inflate(coding, coded, piece), (text.clone(), Ok(()), true), "{coding:?} by {piece}");
            }
        }
    }

    #[test]
    fn whole_bodies_come_out() {
        let text = text();
        let zstd = zstd::stream::encode_all(&text[..], 3).unwrap();
        // "hello, hello\n" by the reference encoder.
        let brotli = [0x0b, 0x06, 0x80, b'h', b'e', b'l', b'l', b'o', b',', b' ', b'h', b'e', b'l', b'l', b'o', b'\n', 0x03];
        for (coding, coded, plain) in [(Coding::Zstd, &zstd[..], &text[..]), (Coding::Brotli, &brotli, b"hello, hello\n")] {
            let mut out = Vec::new();
            undo_whole(coding, coded, |bytes| out.extend_from_slice(bytes)).unwrap();
            assert_eq!(out, plain);
            let mut part = Vec::new();
            assert!(undo_whole(coding, &coded[..coded.len() / 2], |bytes| part.extend_from_slice(bytes)).is_err());
        }
    }

    #[test]
    fn bombs_are_stopped() {
        let zeroes = vec![0; 8 * RATIO_FROM_BYTES as usize];
        let mut gzip = GzEncoder::new(Vec::new(), Compression::best());
        gzip.write_all(&zeroes).unwrap();
        let (out, fed, _) = inflate(Coding::Gzip, &gzip.finish().unwrap(), 1460);
        assert_eq!(fed, Err(Trouble::TooMuch));
        assert!(out.len() as u64 <= 2 * RATIO_FROM_BYTES, "{}", out.len());
        let zstd = zstd::stream::encode_all(&zeroes[..], 1).unwrap();
        let mut out = 0;
        assert_eq!(undo_whole(Coding::Zstd, &zstd, |bytes| out += bytes.len()), Err(Trouble::TooMuch));
        assert!(out as u64 <= 2 * RATIO_FROM_BYTES);
    }

    #[test]
    fn what_is_not_coded_so_is_said() {
        assert_eq!(inflate(Coding::Gzip, b"<html>", 100).1, Err(Trouble::Corrupt));
        assert_eq!(inflate(Coding::Deflate, b"<html><body>hello</body>", 100).1, Err(Trouble::Corrupt));
        assert_eq!(undo_whole(Coding::Brotli, b"<html><body>", |_| ()), Err(Trouble::Corrupt));
        assert_eq!(undo_whole(Coding::Zstd, b"<html><body>", |_| ()), Err(Trouble::Corrupt));
    }
}
