//! Whole files of lists: archives, JSON an object a line, UTF-16, and whatever else the beginning tells. No bytes make a panic.

#![no_main]

mod support;

use libfuzzer_sys::fuzz_target;

/// What a file begins with, after which comes the fuzzer's.
const HEADS: [&[u8]; 6] = [
    b"",
    b"\xff\xfe",
    b"\xfe\xff",
    b"{\"indicator\":\"1.2.3.4\",\"type\":\"ip\"}\n",
    b"{\"indicators\":[{\"indicator\":\"1.2.3.4\",\"type\":\"IPv4\"}",
    b"PK\x03\x04",
];

fuzz_target!(|input: (u8, &[u8])| {
    let (head, rest) = input;
    support::ask([HEADS[usize::from(head) % HEADS.len()], rest].concat());
});
