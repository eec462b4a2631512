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
use wherefrom::decode::flags::{ACK, SYN};

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

/// A flood of SYNs by forged sources through two circuits, and a little of it through neither.
fn forged_flood(path: &Path) {
    let mut capture = Capture::create(path);
    let mut random = 0x9e37_79b9_7f4a_7c15u64;
    for n in 0..6000u64 {
        random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let bits = (random >> 32) as u32;
        let source = [1 + (bits % 220) as u8, (bits >> 8) as u8, (bits >> 16) as u8, 1 + (bits >> 24) as u8 % 250];
        let entry = match n % 10 {
            0..7 => Entry { peer: 1, vlan: 100 },
            7..9 => Entry { peer: 9, vlan: 0 },
            _ => Entry::default(),
        };
        let segment = Segment { from: (source, (random >> 16) as u16), seq: bits, ..syn(source, 5, 443) };
        capture.add(START_NS + n * SECOND_NS / 1500, entry, segment);
    }
    capture.finish();
}

#[test]
fn a_forged_flood_is_counted_by_its_points_of_entry() {
    let folder = tempfile::tempdir().unwrap();
    let (path, config) = (folder.path().join("flood.pcap"), folder.path().join("doors.toml"));
    forged_flood(&path);
    let doors = "[[entry]]\nname = \"transit\"\nvlan = 100\n[[entry]]\nname = \"exchange\"\nmac = \"02:00:00:00:00:09\"\n";
    std::fs::write(&config, doors).unwrap();
    let output = read(&path, &["--config", config.to_str().unwrap()]);
    let forged = |name: &str, record: &Value| {
        record["record"] == "count"
            && record["kind"] == "syn_flood"
            && record["attribution"] == "spoofed"
            && record["entry"].as_str() == Some(name)
    };
    let all = records(&output.stdout);
    let rows: Vec<&Value> = all.iter().filter(|record| record["record"] == "count" && record["kind"] == "syn_flood").collect();
    let packets: u64 = rows.iter().map(|row| row["packets"].as_u64().unwrap()).sum();
    assert_eq!(packets, 6000, "rows add up to the flood: {rows:?}");
    let through = |name: &str| rows.iter().filter(|row| row["entry"] == name).map(|row| row["packets"].as_u64().unwrap()).sum::<u64>();
    assert_eq!((through("transit"), through("exchange")), (4200, 1200));
    assert!(all.iter().any(|record| forged("transit", record)), "{rows:?}");
    let events = events(&output);
    let entries = &events[0]["wherefrom"]["flood"]["entries"];
    assert_eq!(entries, &serde_json::json!([{"entry": "transit", "packets": 4200}, {"entry": "exchange", "packets": 1200}]));
    // The same flood where no point of entry has a name.
    let plain = records(&read(&path, &[]).stdout);
    assert!(plain.iter().all(|record| record.get("entry").is_none()));
}

#[test]
fn a_point_of_entry_is_told_by_one_thing() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("doors.toml");
    for wrong in ["", "vlan = 4095", "vlan = 7\nmac = \"02:00:00:00:00:09\"", "mac = \"nowhere\""] {
        std::fs::write(&config, format!("[[entry]]\nname = \"transit\"\n{wrong}\n")).unwrap();
        let output = wherefrom(["config", "--config", config.to_str().unwrap()]);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{wrong}: {said}");
        assert!(said.contains("transit") && said.contains("vlan = 1 to 4094"), "{said}");
    }
}

#[test]
fn a_flood_in_pulses_is_one_event() {
    let folder = tempfile::tempdir().unwrap();
    let events_of = |pulses: u64, apart_s: u64| {
        let path = folder.path().join(format!("{pulses}-{apart_s}.pcap"));
        let mut capture = Capture::create(&path);
        for pulse in 0..pulses {
            for n in 0..700u64 {
                let at = START_NS + pulse * apart_s * SECOND_NS + SECOND_NS / 4 + n * 400_000;
                let segment = Segment { from: ([18, 9, 22, (n % 50) as u8], 1024 + n as u16), flags: ACK, ..syn([0; 4], 5, 443) };
                capture.add(at, Entry::default(), segment);
            }
        }
        capture.finish();
        events(&read(&path, &[]))
    };
    let pulsing = events_of(6, 5);
    assert_eq!(pulsing.len(), 1, "{pulsing:?}");
    assert_eq!((&pulsing[0]["event"]["action"], &pulsing[0]["network"]["packets"]), (&"tcp_flood".into(), &4200.into()), "{pulsing:?}");
    assert_eq!(events_of(2, 5), Vec::<Value>::new(), "bursts");
    assert_eq!(events_of(6, 60), Vec::<Value>::new(), "a burst a minute");
}
