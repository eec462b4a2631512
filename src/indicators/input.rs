//! A list's bytes, line by line or as a stream, plain or under gzip; hashed as they lie on the disk.

use std::cell::Cell;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::rc::Rc;

use flate2::bufread::MultiGzDecoder;
use sha2::{Digest, Sha256};

use crate::protocol::digits;

/// Most bytes of a line. Longer ones are refused as a whole.
pub(super) const LINE_BYTES_MAX: usize = 64 * 1024;
/// Read at a time.
const BUFFER_BYTES: usize = 256 * 1024;
const GZIP_MAGIC: &[u8] = b"\x1f\x8b";

/// Hashes what passes.
struct Hashing<R> {
    inner: R,
    sha256: Sha256,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.inner.read(buffer)?;
        self.sha256.update(&buffer[..bytes]);
        Ok(bytes)
    }
}

type Stored<R> = BufReader<Hashing<R>>;

enum Unpacked<R: Read> {
    Plain(Stored<R>),
    Gzip(BufReader<MultiGzDecoder<Stored<R>>>),
}

/// A list's bytes as its author wrote them.
pub(super) struct Input<R: Read> {
    unpacked: Unpacked<R>,
    line: Vec<u8>,
    /// Lines that were begun.
    number: Rc<Cell<u32>>,
}

/// A line without its end.
pub(super) enum Line<'a> {
    Text(&'a [u8]),
    TooLong,
}

impl Input<File> {
    pub fn open(path: &Path) -> io::Result<Self> {
        Input::new(File::open(path)?)
    }
}

impl<R: Read> Input<R> {
    pub fn new(inner: R) -> io::Result<Self> {
        let mut stored = BufReader::with_capacity(BUFFER_BYTES, Hashing { inner, sha256: Sha256::new() });
        let unpacked = if stored.fill_buf()?.starts_with(GZIP_MAGIC) {
            Unpacked::Gzip(BufReader::with_capacity(BUFFER_BYTES, MultiGzDecoder::new(stored)))
        } else {
            Unpacked::Plain(stored)
        };
        let mut input = Input { unpacked, line: Vec::new(), number: Rc::default() };
        // A byte-order mark says nothing here.
        if input.peek()?.starts_with(b"\xef\xbb\xbf") {
            input.reader().consume(3);
        }
        Ok(input)
    }

    fn reader(&mut self) -> &mut dyn BufRead {
        match &mut self.unpacked {
            Unpacked::Plain(reader) => reader,
            Unpacked::Gzip(reader) => reader,
        }
    }

    /// What comes next, as far as it is at hand; nothing at the end.
    pub fn peek(&mut self) -> io::Result<&[u8]> {
        self.reader().fill_buf()
    }

    /// The number of the line that was read last, from 1.
    pub fn number(&self) -> u32 {
        self.number.get()
    }

    /// The same number, for whoever reads on while somebody else holds the input.
    pub fn counter(&self) -> Rc<Cell<u32>> {
        self.number.clone()
    }

    fn count(&self, lines: usize) {
        self.number.set(self.number.get().saturating_add(lines as u32));
    }

    pub fn line(&mut self) -> io::Result<Option<Line<'_>>> {
        let mut line = std::mem::take(&mut self.line);
        line.clear();
        let read = self.reader().take(LINE_BYTES_MAX as u64 + 1).read_until(b'\n', &mut line);
        self.line = line;
        if read? == 0 {
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
        let stored = match &mut self.unpacked {
            Unpacked::Plain(stored) => stored,
            Unpacked::Gzip(reader) => reader.get_mut().get_mut(),
        };
        io::copy(stored, &mut io::sink())?;
        let digest = std::mem::take(&mut stored.get_mut().sha256).finalize();
        Ok(digits::written(&digest))
    }
}

/// As a stream, for JSON: counts lines as they pass.
impl<R: Read> Read for Input<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Byte by byte is how JSON is read.
        if let [byte] = buffer {
            let reader = self.reader();
            let Some(&next) = reader.fill_buf()?.first() else { return Ok(0) };
            reader.consume(1);
            *byte = next;
            self.count(usize::from(next == b'\n'));
            return Ok(1);
        }
        let bytes = self.reader().read(buffer)?;
        let lines = buffer[..bytes].iter().filter(|&&byte| byte == b'\n').count();
        self.count(lines);
        Ok(bytes)
    }
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
        assert_eq!(input.number() as usize, lines.len());
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
    fn gzip_is_unpacked_and_the_hash_is_the_files() {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(b"one\ntwo\n").unwrap();
        let packed = encoder.finish().unwrap();
        assert_eq!(lines(&packed), [Some(b"one".to_vec()), Some(b"two".to_vec())]);
        let expected: String = Sha256::digest(&packed).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(Input::new(&packed[..]).unwrap().finish().unwrap(), expected);
    }
}
