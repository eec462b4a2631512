//! Reputation lists: entries, and categories. No bytes make a panic, neither while they are read nor when they are asked for.

#![no_main]

mod support;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, &[u8])| {
    let (categories, rows) = input;
    let head: &[u8] = if categories { b"1,CnC,Controllers\n" } else { b"1.2.3.4,1,127\n" };
    support::ask([head, rows].concat());
});
