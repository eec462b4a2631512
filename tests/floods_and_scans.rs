//! What the detectors of floods and scans are told about home beside its networks, through the program as a user runs it.

mod support {
    pub mod frames;
    pub mod program;
    pub mod records;
}

use std::path::Path;
use std::process::Output;

use serde_json::Value;
use support::frames::{Capture, Entry, SECOND_NS, START_NS, Segment};
use support::program::wherefrom;
use support::records::records;
use wherefrom::decode::flags::SYN;

const HOME: &str = "202.112.10.0/24";

fn read(path: &Path, more: &[&str]) -> Output {
    let output = wherefrom(["read", "--json", "--home", HOME, path.to_str().unwrap()].iter().chain(more));
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// The last record of each event, by the order of their first.
fn events(output: &Output) -> Vec<Value> {
    let mut events: Vec<Value> = Vec::new();
    for record in records(&output.stdout).into_iter().filter(|record| record["record"] == "event") {
        match events.iter_mut().find(|event| event["event"]["id"] == record["event"]["id"]) {
            Some(event) => *event = record,
            None => events.push(record),
        }
    }
    events
}

fn syn(from: [u8; 4], to: u8, port: u16) -> Segment {
    Segment { from: (from, 40_000), to: ([202, 112, 10, to], port), flags: SYN, seq: 0x1234_5678, ttl: 50 }
}

#[test]
fn three_touches_of_unused_addresses_make_a_scanner() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("dark.pcap");
    let mut capture = Capture::create(&path);
    for n in 0..3u8 {
        let at = START_NS + u64::from(n) * 10 * SECOND_NS;
        // One touches three unused addresses, one a used one three times, one an unused one three times at the same port.
        capture.add(at, Entry::default(), syn([18, 9, 22, 20], 200 + n, 8080));
        capture.add(at + 1, Entry::default(), syn([18, 9, 22, 21], 20 + n, 8080));
        capture.add(at + 2, Entry::default(), Segment { from: ([18, 9, 22, 22], 40_000 + u16::from(n)), ..syn([0; 4], 230, 8080) });
    }
    capture.finish();
    assert_eq!(events(&read(&path, &[])), Vec::<Value>::new());
    let output = read(&path, &["--dark", "202.112.10.192/26"]);
    let events = events(&output);
    assert_eq!(events.len(), 1, "{events:?}");
    assert_eq!((&events[0]["source"]["ip"], &events[0]["wherefrom"]["scan"]["dark"]), (&"18.9.22.20".into(), &3.into()));
    assert_eq!(records(&output.stdout)[0]["dark"], serde_json::json!(["202.112.10.192/26"]));
}

#[test]
fn an_unused_address_must_be_home() {
    let output = wherefrom(["config", "--home", HOME, "--dark", "202.112.11.0/26"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains("202.112.11.0/26") && said.contains("not home"), "{said}");
}
