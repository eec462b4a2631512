//! Mail sessions: segments change nothing, every attachment that begins ends, and what is held is bounded.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefrom::protocol::smtp::{Event, Session};

/// Far more than lines, header fields and boundaries need.
const HELD_BYTES_MAX: usize = 32 << 10;

/// What is told of a session, in which client and server take turns.
fn read(turns: &[&[u8]], piece: usize) -> Vec<(String, Vec<u8>, bool)> {
    let mut session = Session::default();
    let mut told: Vec<(String, Vec<u8>, bool)> = Vec::new();
    let mut open = false;
    let mut take = |event: Event<'_>| match event {
        Event::Begin(attachment) => {
            assert!(!std::mem::replace(&mut open, true));
            told.push((format!("{attachment:?}"), Vec::new(), false));
        }
        Event::Data(bytes) => {
            assert!(open);
            told.last_mut().expect("it has begun").1.extend_from_slice(bytes);
        }
        Event::End { complete } => {
            assert!(std::mem::replace(&mut open, false));
            told.last_mut().expect("it has begun").2 = complete;
        }
    };
    for (turn, bytes) in turns.iter().enumerate() {
        for part in bytes.chunks(piece) {
            session.push(turn % 2 == 0, part, &mut take);
        }
        assert!(session.held_bytes() <= HELD_BYTES_MAX);
    }
    session.finish(&mut take);
    assert!(!open);
    told
}

fuzz_target!(|input: (u8, bool, Vec<&[u8]>)| {
    let (piece, in_message, turns) = input;
    // The first turn may be that of a client in the midst of a message.
    let first = [&b"DATA\r\nContent-Type: "[..], turns.first().copied().unwrap_or_default()].concat();
    let mut turns = turns;
    if let (true, Some(turn)) = (in_message, turns.first_mut()) {
        *turn = &first;
    }
    let whole = read(&turns, usize::MAX);
    // Where the server is not heard, nothing but the bytes decides.
    if turns.len() == 1 {
        assert_eq!(read(&turns, usize::from(piece).max(1)), whole);
    }
});
