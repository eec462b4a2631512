//! The reader of pcap files. The magic is the right one, in each of its forms; all that follows is the fuzzer's.

#![no_main]

use std::io::Cursor;

use libfuzzer_sys::fuzz_target;
use wherefrom::source::CaptureReader;

/// Microseconds and nanoseconds, in both byte orders (draft-ietf-opsawg-pcap section 4).
const MAGICS: [[u8; 4]; 4] = [[0xd4, 0xc3, 0xb2, 0xa1], [0xa1, 0xb2, 0xc3, 0xd4], [0x4d, 0x3c, 0xb2, 0xa1], [0xa1, 0xb2, 0x3c, 0x4d]];

fuzz_target!(|input: (u8, &[u8])| {
    let (choice, rest) = input;
    let bytes = [&MAGICS[usize::from(choice) % MAGICS.len()][..], rest].concat();
    let Ok(mut reader) = CaptureReader::from_reader("fuzzed.pcap", Box::new(Cursor::new(bytes))) else { return };
    while let Ok(Some(frame)) = reader.next_frame() {
        assert!(frame.wire_bytes as usize >= frame.bytes.len());
    }
});
