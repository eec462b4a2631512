//! STIX: patterns, and whole bundles. No bytes make a panic, neither while they are read nor when they are asked for.

#![no_main]

mod support;

use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: (bool, &[u8])| {
    let (whole, bytes) = input;
    if whole {
        return support::ask([b"{\"objects\":", bytes].concat());
    }
    let pattern: String = String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control()).collect();
    let pattern = pattern.replace('\\', "\\\\").replace('"', "\\\"");
    let object = format!(
        "{{\"objects\":[{{\"type\":\"indicator\",\"id\":\"indicator--1\",\"valid_from\":\"2026-11-23\",\"pattern\":\"{pattern}\"}}]}}"
    );
    support::ask(object.into_bytes());
});
