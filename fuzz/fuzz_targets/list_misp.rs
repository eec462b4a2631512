//! MISP events, and other JSON. No bytes make a panic, neither while they are read nor when they are asked for.

#![no_main]

mod support;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, &[u8])| {
    let (event, bytes) = input;
    let head: &[u8] = if event { b"{\"Event\":" } else { b"" };
    support::ask([head, bytes].concat());
});
