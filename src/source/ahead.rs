//! A reader that runs ahead on a thread of its own, so that copying from the page cache, or decompressing, costs the capture thread nothing.
//!
//! Blocks go round: the thread fills one behind some head room, the stream puts what it has left of the last block into that room, looks
//! at the records where they lie, and gives the block back. Nothing is copied but the part of a record that a block's end cuts off.

use std::io::{self, Read};
use std::thread;

use crossbeam_channel::{Receiver, Sender, bounded};

/// Bytes read into a block at a time.
const BLOCK_BYTES: usize = 256 * 1024;
/// Room before them for what is left of the block before: a frame of the largest size that networks have.
pub const HEAD_ROOM: usize = 64 * 1024;
/// Blocks that go round: one is looked at, one is filled, two lie between, which is as much as the second-level cache of two cores holds.
const BLOCKS: usize = 4;

/// A filled block: bytes from [`HEAD_ROOM`] to `end`.
pub struct Block {
    pub bytes: Vec<u8>,
    pub end: usize,
}

/// The near end of a reading thread.
pub struct Ahead {
    full: Receiver<io::Result<Block>>,
    empty: Sender<Vec<u8>>,
}

impl Ahead {
    /// Starts the thread. It ends with the reader, at an error, or when this is dropped.
    pub fn start(mut reader: Box<dyn Read + Send>) -> Self {
        let (full_in, full) = bounded(BLOCKS);
        let (empty, empty_out) = bounded::<Vec<u8>>(BLOCKS);
        for _ in 0..BLOCKS - 1 {
            // There is room for every block, and the receiver is here.
            let _ = empty.send(vec![0; HEAD_ROOM + BLOCK_BYTES]);
        }
        let ahead = Ahead { full, empty };
        let run = move || {
            for mut bytes in empty_out {
                let read = loop {
                    match reader.read(&mut bytes[HEAD_ROOM..]) {
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                        read => break read,
                    }
                };
                let ends = !matches!(read, Ok(1..));
                if full_in.send(read.map(|read| Block { bytes, end: HEAD_ROOM + read })).is_err() || ends {
                    return;
                }
            }
        };
        // Without a thread the channel is closed at once, and the stream ends with an error that says so.
        let _ = thread::Builder::new().name("reader".into()).spawn(run);
        ahead
    }

    /// The next block; `Ok(None)` at the end.
    pub fn next(&mut self) -> io::Result<Option<Block>> {
        match self.full.recv() {
            Ok(Ok(block)) if block.end == HEAD_ROOM => Ok(None),
            Ok(block) => block.map(Some),
            Err(_) => Err(io::Error::other("the reading thread could not be started or has ended")),
        }
    }

    /// Gives a block back to be filled again.
    pub fn give_back(&self, mut bytes: Vec<u8>) {
        // The stream's first buffer is smaller than a block.
        bytes.resize(HEAD_ROOM + BLOCK_BYTES, 0);
        // A thread that has ended needs no more blocks.
        let _ = self.empty.try_send(bytes);
    }
}
