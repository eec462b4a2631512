//! A list's bytes, line by line or as a stream, plain or under gzip or Zstandard, in UTF-8 or UTF-16; hashed as they lie on the disk.

use std::cell::{Cell, RefCell};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use super::ahead::Ahead;
use super::blocks::{BLOCK_BYTES, Block};
use super::utf16::{self, Utf16};
use crate::protocol::digits;

/// Most bytes of a line. Longer ones are refused as a whole.
pub(super) const LINE_BYTES_MAX: usize = 64 * 1024;
/// Read at a time.
pub(super) const BUFFER_BYTES: usize = 256 * 1024;
/// RFC 1952 section 2.3.1.
const GZIP_MAGIC: &[u8] = b"\x1f\x8b";
/// RFC 8878 section 3.1.1.
const ZSTD_MAGIC: &[u8] = b"\x28\xb5\x2f\xfd";
/// Most memory that a Zstandard frame may ask for, as a power of two: 128 MiB, what the format's own tools take without being told.
const ZSTD_WINDOW_LOG_MAX: u32 = 27;

/// Hashes what passes.
struct Hashing<R> {
    inner: R,
    sha256: Rc<RefCell<Sha256>>,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.inner.read(buffer)?;
        self.sha256.borrow_mut().update(&buffer[..bytes]);
        Ok(bytes)
    }
}

/// A list's bytes as its author wrote them.
pub(super) struct Input<'a> {
    reader: Box<dyn BufRead + 'a>,
    sha256: Rc<RefCell<Sha256>>,
    /// A line that did not lie in the reader's buffer as a whole.
    line: Vec<u8>,
    /// Bytes of the reader's buffer that were given out as a line, and are gone past when somebody reads on.
    given: usize,
    /// Lines that were begun.
    number: Rc<Cell<u32>>,
}

/// A line without its end.
pub(super) enum Line<'a> {
    Text(&'a [u8]),
    TooLong,
}

impl Input<'static> {
    pub fn open(path: &Path) -> io::Result<Self> {
        Input::new(File::open(path)?)
    }
}

impl<'a> Input<'a> {
    pub fn new(inner: impl Read + 'a) -> io::Result<Self> {
        let sha256 = Rc::new(RefCell::new(Sha256::new()));
        Input::over(buffered(Hashing { inner, sha256: sha256.clone() }), sha256)
    }

    /// A file that is worth a thread to read it.
    pub fn ahead(file: File) -> io::Result<Self> {
        let sha256 = Rc::default();
        Input::over(Ahead::new(file, Rc::clone(&sha256))?, sha256)
    }

    fn over(mut stored: impl BufRead + 'a, sha256: Rc<RefCell<Sha256>>) -> io::Result<Self> {
        let head = stored.fill_buf()?;
        let mut reader: Box<dyn BufRead + 'a> = if head.starts_with(GZIP_MAGIC) {
            Box::new(buffered(MultiGzDecoder::new(stored)))
        } else if head.starts_with(ZSTD_MAGIC) {
            let mut unpacking = zstd::Decoder::with_buffer(stored)?;
            unpacking.window_log_max(ZSTD_WINDOW_LOG_MAX)?;
            Box::new(buffered(unpacking))
        } else {
            Box::new(stored)
        };
        // A byte-order mark says nothing else here.
        let head = reader.fill_buf()?;
        if head.starts_with(b"\xef\xbb\xbf") {
            reader.consume(3);
        } else if let Some(order) = utf16::order(head) {
            reader.consume(2);
            reader = Box::new(buffered(Utf16::new(reader, order)));
        }
        Ok(Input { reader, sha256, line: Vec::new(), given: 0, number: Rc::default() })
    }

    fn reader(&mut self) -> &mut dyn BufRead {
        self.reader.consume(std::mem::take(&mut self.given));
        &mut *self.reader
    }

    /// What comes next, as far as it is at hand; nothing at the end.
    pub fn peek(&mut self) -> io::Result<&[u8]> {
        self.reader().fill_buf()
    }

    /// The number of the line that was read last, from 1, for whoever looks while somebody else holds the input.
    pub fn counter(&self) -> Rc<Cell<u32>> {
        self.number.clone()
    }

    fn count(&self, lines: usize) {
        self.number.set(self.number.get().saturating_add(lines as u32));
    }

    pub fn line(&mut self) -> io::Result<Option<Line<'_>>> {
        let next = self.reader().fill_buf()?;
        if let Some(end) = memchr::memchr(b'\n', &next[..next.len().min(LINE_BYTES_MAX + 1)]) {
            self.given = end + 1;
            self.count(1);
            // The same bytes again: nothing of them has been consumed.
            let line = &self.reader.fill_buf()?[..end];
            return Ok(Some(Line::Text(line.strip_suffix(b"\r").unwrap_or(line))));
        }
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        let read = self.read_line(&mut line);
        self.line = line;
        read?;
        if self.line.is_empty() {
            return Ok(None);
        }
        self.count(1);
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        } else if self.line.len() > LINE_BYTES_MAX {
            self.skip_line()?;
            return Ok(Some(Line::TooLong));
        }
        if self.line.last() == Some(&b'\r') {
            self.line.pop();
        }
        Ok(Some(Line::Text(&self.line)))
    }

    /// Reads to the end of a line, which is read too, or a byte more than a line may have.
    fn read_line(&mut self, line: &mut Vec<u8>) -> io::Result<()> {
        while line.len() <= LINE_BYTES_MAX {
            let next = self.reader().fill_buf()?;
            let next = &next[..next.len().min(LINE_BYTES_MAX + 1 - line.len())];
            let end = memchr::memchr(b'\n', next).map(|at| at + 1);
            let bytes = end.unwrap_or(next.len());
            line.extend_from_slice(&next[..bytes]);
            self.reader().consume(bytes);
            if end.is_some() || bytes == 0 {
                break;
            }
        }
        Ok(())
    }

    /// Appends what comes next, as far as it is at hand, without counting its lines. Gives how many bytes, which is none at the end.
    pub fn read_ahead(&mut self, onto: &mut Vec<u8>) -> io::Result<usize> {
        let next = self.reader().fill_buf()?;
        let bytes = next.len();
        onto.extend_from_slice(next);
        self.reader().consume(bytes);
        Ok(bytes)
    }

    /// The next lines, each whole, about as many as a block has; nothing at the end. Of a line that is too long no more is kept than tells.
    pub fn block(&mut self) -> io::Result<Option<Block>> {
        let mut bytes: Vec<u8> = Vec::with_capacity(BLOCK_BYTES + BUFFER_BYTES);
        let first = self.number.get().saturating_add(1);
        // Where the line begins that has no end yet.
        let mut open = 0;
        while bytes.len() < BLOCK_BYTES || open < bytes.len() {
            let next = self.reader().fill_buf()?;
            if next.is_empty() {
                break;
            }
            let take = memchr::memrchr(b'\n', next).map_or(next.len(), |end| end + 1);
            bytes.extend_from_slice(&next[..take]);
            if bytes.last() == Some(&b'\n') {
                open = bytes.len();
            }
            self.reader().consume(take);
            if bytes.len() - open > LINE_BYTES_MAX {
                bytes.truncate(open + LINE_BYTES_MAX + 1);
                bytes.push(b'\n');
                open = bytes.len();
                self.skip_line()?;
            }
        }
        let ends = memchr::memchr_iter(b'\n', &bytes).count();
        self.count(ends + usize::from(open < bytes.len()));
        Ok((!bytes.is_empty()).then_some(Block { bytes, first }))
    }

    fn skip_line(&mut self) -> io::Result<()> {
        let reader = self.reader();
        loop {
            let buffer = reader.fill_buf()?;
            let end = buffer.iter().position(|&byte| byte == b'\n');
            let bytes = end.map_or(buffer.len(), |end| end + 1);
            reader.consume(bytes);
            if end.is_some() || bytes == 0 {
                return Ok(());
            }
        }
    }

    /// Reads what is left, and gives the SHA-256 of the file in hexadecimal.
    pub fn finish(mut self) -> io::Result<String> {
        io::copy(self.reader(), &mut io::sink())?;
        let digest = std::mem::take(&mut *self.sha256.borrow_mut()).finalize();
        Ok(digits::written(&digest))
    }
}

fn buffered<R: Read>(inner: R) -> BufReader<R> {
    BufReader::with_capacity(BUFFER_BYTES, inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn lines(bytes: &[u8]) -> Vec<Option<Vec<u8>>> {
        let mut input = Input::new(bytes).unwrap();
        let mut lines = Vec::new();
        while let Some(line) = input.line().unwrap() {
            lines.push(match line {
                Line::Text(text) => Some(text.to_vec()),
                Line::TooLong => None,
            });
        }
        assert_eq!(input.counter().get() as usize, lines.len());
        lines
    }

    #[test]
    fn lines_end_as_they_may() {
        let text = |text: &str| Some(text.as_bytes().to_vec());
        assert_eq!(lines(b"\xef\xbb\xbfa\r\n\nb"), [text("a"), text(""), text("b")]);
        assert!(lines(b"").is_empty());
    }

    #[test]
    fn a_line_too_long_is_passed_over_as_a_whole() {
        let long = [vec![b'x'; 3 * LINE_BYTES_MAX], b"\nnext\n".to_vec()].concat();
        assert_eq!(lines(&long), [None, Some(b"next".to_vec())]);
        assert_eq!(lines(&[b'x'; LINE_BYTES_MAX + 1]), [None]);
        assert_eq!(lines(&[&[b'x'; LINE_BYTES_MAX][..], b"\n"].concat()), [Some(vec![b'x'; LINE_BYTES_MAX])]);
    }

    #[test]
    fn packed_files_are_unpacked_and_the_hash_is_the_files() {
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(b"one\ntwo\n").unwrap();
        for packed in [gzip.finish().unwrap(), zstd::encode_all(&b"one\ntwo\n"[..], 1).unwrap()] {
            assert_eq!(lines(&packed), [Some(b"one".to_vec()), Some(b"two".to_vec())]);
            let expected: String = Sha256::digest(&packed).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(Input::new(&packed[..]).unwrap().finish().unwrap(), expected);
        }
    }

    #[test]
    fn utf_16_is_read_in_either_order() {
        let units: Vec<u16> = "\u{feff}a\r\nb\u{fc}\n".encode_utf16().collect();
        let expected = [Some(b"a".to_vec()), Some("b\u{fc}".into())];
        assert_eq!(lines(&units.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<_>>()), expected);
        assert_eq!(lines(&units.iter().flat_map(|unit| unit.to_be_bytes()).collect::<Vec<_>>()), expected);
    }
}
