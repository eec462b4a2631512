//! Lines of clear text: segments change nothing, and no line is longer than lines are.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefrom::protocol::telnet::{LINE_BYTES_MAX, Lines, begins, is_text};

fn read(bytes: &[u8], piece: usize) -> Vec<Vec<u8>> {
    let mut lines = Lines::default();
    let mut told = Vec::new();
    for part in bytes.chunks(piece) {
        lines.push(part, |line| told.push(line.to_vec()));
    }
    lines.flush(|line| told.push(line.to_vec()));
    assert!(told.iter().all(|line| (1..=LINE_BYTES_MAX).contains(&line.len())));
    told
}

fuzz_target!(|input: (u8, &[u8])| {
    let (piece, bytes) = input;
    let _ = (begins(bytes), is_text(bytes));
    assert_eq!(read(bytes, usize::from(piece).max(1)), read(bytes, usize::MAX));
});
