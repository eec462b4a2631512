//! FTP's control connection and TFTP's datagrams: segments change nothing, and what is held is bounded.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefrom::protocol::ftp::Control;
use wherefrom::protocol::tftp::{Packet, Transfer};

/// Far more than a line of each side and a folder need.
const HELD_BYTES_MAX: usize = 8 << 10;

fn read(turns: &[&[u8]], piece: usize) -> Vec<String> {
    let mut control = Control::default();
    let mut told = Vec::new();
    for (turn, bytes) in turns.iter().enumerate() {
        for part in bytes.chunks(piece) {
            control.push(turn % 2 == 0, part, |event| told.push(format!("{event:?}")));
        }
        assert!(control.held_bytes() <= HELD_BYTES_MAX);
    }
    told
}

fuzz_target!(|input: (u8, Vec<&[u8]>)| {
    let (piece, turns) = input;
    assert_eq!(read(&turns, usize::from(piece).max(1)), read(&turns, usize::MAX));
    let mut transfer = Transfer::new();
    for datagram in turns {
        match Packet::read(datagram) {
            Some(Packet::Options { block_bytes }) => transfer.agree(block_bytes),
            Some(Packet::Data { block, bytes }) => {
                let _ = transfer.take(block, bytes);
            }
            _ => {}
        }
    }
});
