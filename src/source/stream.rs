//! A byte stream read in large blocks, in which records are looked at where they lie.

use std::io::{self, Read};

use super::blocks::{BLOCK_BYTES, Block, Blocks};
use super::error::{Broken, Flaw, SourceError};

/// How the bytes were packed on disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Compression {
    None,
    Gzip,
    Zstd,
}

/// A reader with one buffer, or with one after another where somebody still needs what was read. It grows to the largest record seen and is
/// never given back; what is left of it at a refill (less than one record) is all that is ever copied.
pub struct Stream {
    reader: Box<dyn Read + Send>,
    file: String,
    compression: Compression,
    buffer: Block,
    /// Others to read into while the present one is lent.
    blocks: Option<Blocks>,
    /// Whether there was another when the present one was filled.
    lends: bool,
    start: usize,
    end: usize,
    /// Where in the (decompressed) stream `start` is, in bytes.
    offset: u64,
}

impl Stream {
    /// `file` is the name for messages. Without `blocks`, nothing is ever lent.
    pub fn new(file: &str, compression: Compression, reader: Box<dyn Read + Send>, blocks: Option<Blocks>) -> Self {
        let (file, buffer) = (file.to_owned(), Block::new(BLOCK_BYTES));
        Stream { reader, file, compression, buffer, blocks, lends: false, start: 0, end: 0, offset: 0 }
    }

    /// The block in which the unread bytes lie, for whoever needs them after they have been consumed. Nothing: they have to be copied.
    pub fn lend(&self) -> Option<Block> {
        self.lends.then(|| self.buffer.clone())
    }

    pub fn file(&self) -> &str {
        &self.file
    }

    /// What has been read and not yet consumed.
    #[inline]
    pub fn unread(&self) -> &[u8] {
        self.buffer.get(self.start..self.end).unwrap_or_default()
    }

    /// Makes sure that at least so many bytes are unread. `false`: the stream ends before; what there is stays unread.
    #[inline]
    pub fn holds(&mut self, bytes: usize) -> io::Result<bool> {
        if self.end - self.start >= bytes { Ok(true) } else { self.refill(bytes) }
    }

    #[cold]
    #[inline(never)]
    fn refill(&mut self, bytes: usize) -> io::Result<bool> {
        self.make_room(bytes);
        let buffer = self.buffer.to_write();
        while self.end < bytes {
            match self.reader.read(&mut buffer[self.end..]) {
                Ok(0) => return Ok(false),
                Ok(read) => self.end += read,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }

    /// Brings what is unread to the beginning of a buffer that holds so many bytes, and that nobody else looks at.
    fn make_room(&mut self, bytes: usize) {
        let unread = self.start..self.end;
        (self.start, self.end) = (0, unread.len());
        match self.buffer.alone() {
            Some(buffer) if bytes <= buffer.len() => buffer.copy_within(unread, 0),
            _ => {
                let mut other = match &self.blocks {
                    Some(blocks) if bytes <= BLOCK_BYTES => blocks.exchange(self.buffer.clone()),
                    _ => Block::new(bytes.max(self.buffer.len() * 2)),
                };
                other.to_write()[..unread.len()].copy_from_slice(&self.buffer[unread]);
                self.buffer = other;
            }
        }
        self.lends = self.buffer.len() == BLOCK_BYTES && self.blocks.as_ref().is_some_and(Blocks::has_free);
    }

    /// Steps over bytes that are unread; at most all of them.
    #[inline]
    pub fn consume(&mut self, bytes: usize) {
        let step = bytes.min(self.end - self.start);
        self.start += step;
        self.offset += step as u64;
    }

    /// Steps over any number of bytes, read or not. `false`: the stream ended before.
    pub fn skip(&mut self, mut bytes: u64) -> io::Result<bool> {
        while bytes > 0 {
            if !self.holds(1)? {
                return Ok(false);
            }
            let step = bytes.min((self.end - self.start) as u64);
            self.consume(step as usize);
            bytes -= step;
        }
        Ok(true)
    }

    /// Where the next unread byte stands in the (decompressed) stream.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// How long the stream has turned out to be. Only true once [`Stream::holds`] has said `false`.
    pub fn length(&self) -> u64 {
        self.offset + self.unread().len() as u64
    }

    /// What an I/O error means at this place of the file.
    pub fn read_flaw(&self, cause: io::Error) -> Flaw {
        match self.compression {
            Compression::None => Flaw::Read(cause),
            Compression::Gzip => Flaw::Compression { format: "gzip", cause },
            Compression::Zstd => Flaw::Compression { format: "zstd", cause },
        }
    }

    /// The error for a flaw in the unit that begins at `offset`.
    #[cold]
    pub fn broken(&self, unit: &'static str, number: u64, offset: u64, frames: u64, flaw: Flaw) -> SourceError {
        let decompressed = self.compression != Compression::None;
        SourceError::Broken(Box::new(Broken { file: self.file.clone(), unit, number, offset, decompressed, flaw, frames }))
    }
}

#[cfg(test)]
mod tests {
    use super::super::blocks::BLOCKS_LENT;
    use super::*;

    /// Gives its bytes a few at a time, as a pipe does.
    struct Dribble(io::Cursor<Vec<u8>>, usize);

    impl Read for Dribble {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let most = into.len().min(self.1);
            self.0.read(&mut into[..most])
        }
    }

    fn dribble(bytes: Vec<u8>, at_a_time: usize) -> Stream {
        Stream::new("pipe", Compression::None, Box::new(Dribble(io::Cursor::new(bytes), at_a_time)), None)
    }

    #[test]
    fn bytes_come_out_in_order_however_they_come_in() {
        let bytes: Vec<u8> = (0..10_000u32).map(|i| i as u8).collect();
        let mut stream = dribble(bytes.clone(), 7);
        let mut seen = Vec::new();
        while stream.holds(3).unwrap() {
            seen.extend_from_slice(&stream.unread()[..3]);
            stream.consume(3);
        }
        seen.extend_from_slice(stream.unread());
        assert_eq!(seen, bytes);
        assert_eq!(stream.length(), 10_000);
    }

    #[test]
    fn a_record_longer_than_the_buffer_fits() {
        let mut stream = dribble(vec![5; BLOCK_BYTES * 2 + 1], BLOCK_BYTES);
        stream.holds(10).unwrap();
        stream.consume(10);
        assert!(stream.holds(BLOCK_BYTES * 2 - 9).unwrap());
        assert!(!stream.holds(BLOCK_BYTES * 2 - 8).unwrap());
    }

    #[test]
    fn what_is_lent_stays_as_it_was_read() {
        let bytes: Vec<u8> = (0..(BLOCKS_LENT + 8) * BLOCK_BYTES).map(|at| (at / 100) as u8).collect();
        let reader = Box::new(io::Cursor::new(bytes.clone()));
        let mut stream = Stream::new("file", Compression::None, reader, Some(Blocks::default()));
        let (mut lent, mut copied) = (Vec::new(), 0);
        while stream.holds(1000).unwrap() {
            let (at, taken) = (stream.offset() as usize, &stream.unread()[..1000]);
            match stream.lend() {
                Some(block) => lent.push((at, taken.as_ptr().addr() - block.address(), block)),
                None => copied += 1,
            }
            assert!(taken == &bytes[at..at + 1000]);
            stream.consume(1000);
        }
        // What nobody gives back is read on beside.
        assert!(copied > 0);
        for (at, in_block, block) in lent {
            assert!(block[in_block..in_block + 1000] == bytes[at..at + 1000], "at {at}");
        }
    }

    #[test]
    fn skipping_ends_with_the_stream() {
        let mut stream = dribble(vec![0; 100], 9);
        assert!(stream.skip(99).unwrap());
        assert_eq!(stream.offset(), 99);
        assert!(!stream.skip(u64::MAX).unwrap());
        assert_eq!(stream.offset(), 100);
    }
}
