//! The reader of pcapng files: everything after the type of the first block is the fuzzer's.

#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use wherefrom::source::CaptureReader;

/// A section header block (draft-ietf-opsawg-pcapng section 4.1).
const SECTION: [u8; 4] = [0x0a, 0x0d, 0x0d, 0x0a];

fuzz_target!(|rest: &[u8]| {
    let bytes = [&SECTION[..], rest].concat();
    let Ok(mut reader) = CaptureReader::from_reader("fuzzed.pcapng", Box::new(Cursor::new(bytes))) else { return };
    while let Ok(Some(frame)) = reader.next_frame() {
        assert!(frame.wire_bytes as usize >= frame.bytes.len());
    }
});
