//! A large file that a thread of its own reads and hashes, while what was read before is understood.

use std::cell::RefCell;
use std::fs::File;
use std::io::{self, BufRead, Read};
use std::rc::Rc;
use std::thread::{self, JoinHandle};

use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use sha2::{Digest, Sha256};

use super::input::BUFFER_BYTES;

/// Blocks that are read before somebody wants them: enough for neither to wait while the other is held up for a moment.
const BLOCKS: usize = 4;

/// A file's bytes. When all have been read, its hash stands where it was asked for.
pub(super) struct Ahead {
    full: Receiver<io::Result<Vec<u8>>>,
    empty: Sender<Vec<u8>>,
    block: Vec<u8>,
    /// Bytes of the block that have been taken.
    taken: usize,
    /// Gives the hash, when it has come to the file's end.
    thread: Option<JoinHandle<Sha256>>,
    sha256: Rc<RefCell<Sha256>>,
}

impl Ahead {
    /// # Errors
    /// If there is no thread to be had.
    pub fn new(mut file: File, sha256: Rc<RefCell<Sha256>>) -> io::Result<Self> {
        let (to, full) = bounded(BLOCKS);
        let (empty, from) = unbounded::<Vec<u8>>();
        let read = move || {
            let mut sha256 = Sha256::new();
            loop {
                let mut block = from.try_recv().unwrap_or_default();
                block.resize(BUFFER_BYTES, 0);
                let read = match file.read(&mut block) {
                    Ok(0) => break,
                    Ok(bytes) => {
                        block.truncate(bytes);
                        sha256.update(&block);
                        Ok(block)
                    }
                    Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                    Err(error) => Err(error),
                };
                let is_last = read.is_err();
                // Nobody may want more, for what came was wrong.
                if to.send(read).is_err() || is_last {
                    break;
                }
            }
            sha256
        };
        let thread = Some(thread::Builder::new().name("list".into()).spawn(read)?);
        Ok(Ahead { full, empty, block: Vec::new(), taken: 0, thread, sha256 })
    }
}

impl BufRead for Ahead {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.taken == self.block.len() {
            self.taken = 0;
            match self.full.recv() {
                Ok(block) => {
                    // Whoever reads has gone, if nobody takes it.
                    let _ = self.empty.send(std::mem::replace(&mut self.block, block?));
                }
                Err(_) => {
                    self.block.clear();
                    if let Some(thread) = self.thread.take() {
                        *self.sha256.borrow_mut() = thread.join().map_err(|_| io::Error::other("the thread that reads it has panicked"))?;
                    }
                }
            }
        }
        Ok(&self.block[self.taken..])
    }

    fn consume(&mut self, bytes: usize) {
        self.taken = (self.taken + bytes).min(self.block.len());
    }
}

impl Read for Ahead {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.fill_buf()?.read(into)?;
        self.consume(read);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn file(bytes: &[u8]) -> File {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        file.reopen().unwrap()
    }

    #[test]
    fn a_file_comes_as_it_is_and_its_hash_with_it() {
        for length in [0, 1, BUFFER_BYTES - 1, BUFFER_BYTES, BUFFER_BYTES + 1, 3 * BLOCKS * BUFFER_BYTES + 5] {
            let bytes: Vec<u8> = (0..length).map(|n| (n * 7 / 3) as u8).collect();
            let sha256 = Rc::default();
            let mut ahead = Ahead::new(file(&bytes), Rc::clone(&sha256)).unwrap();
            let mut read = Vec::new();
            ahead.read_to_end(&mut read).unwrap();
            assert!(read == bytes, "{length}");
            assert_eq!(sha256.take().finalize(), Sha256::digest(&bytes));
        }
    }

    #[test]
    fn it_may_be_left_in_the_middle() {
        let mut ahead = Ahead::new(file(&vec![1; 20 * BUFFER_BYTES]), Rc::default()).unwrap();
        assert_eq!(ahead.fill_buf().unwrap().len(), BUFFER_BYTES);
    }

    #[test]
    fn what_cannot_be_read_is_an_error() {
        let mut ahead = Ahead::new(File::open(std::env::temp_dir()).unwrap(), Rc::default()).unwrap();
        assert!(ahead.fill_buf().is_err());
    }
}
