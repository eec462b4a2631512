//! The evidence behind an event, for every event of the capture that comes with the project, of whatever kind it is.

mod support {
    pub mod border;
    pub mod program;
    pub mod records;
}

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use support::border::border;
use support::program::wherefrom;
use support::records::records;

/// The last record of each event of a capture.
fn events(path: &Path, more: &[&str]) -> BTreeMap<String, Value> {
    let path = path.to_str().unwrap();
    let output = wherefrom(["read", "--json", path].iter().chain(more));
    let events = records(&output.stdout).into_iter().filter(|record| record["record"] == "event");
    events.map(|event| (event["event"]["id"].as_str().unwrap().to_string(), event)).collect()
}

fn explained(id: &str, more: &[&str]) -> Value {
    let path = border();
    let output = wherefrom(["explain", "--json", id, path.to_str().unwrap()].iter().chain(more));
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    records(&output.stdout).remove(0)
}

#[test]
fn one_event_of_each_kind_is_explained() {
    let mut by_kind: BTreeMap<String, (String, Value)> = BTreeMap::new();
    for (id, event) in events(&border(), &[]) {
        by_kind.entry(event["event"]["action"].as_str().unwrap().into()).or_insert((id, event));
    }
    assert!(by_kind.len() >= 5, "the capture has attacks of many kinds: {:?}", by_kind.keys());
    for (kind, (id, event)) in by_kind {
        let told = explained(&id, &[]);
        assert_eq!(told["event"], event, "{kind}: the replay comes to the record that was written");
        let packets = &told["packets"];
        let (all, before) = (packets["concern"].as_u64().unwrap(), packets["before_decision"].as_u64().unwrap());
        assert!(before > 0 && before <= all, "{kind}: {packets}");
        // What counted is among what is shown as concerning the event: the sums are the sensor's own.
        assert!(all >= event["network"]["packets"].as_u64().unwrap(), "{kind}: {all} of {}", event["network"]["packets"]);
        assert_eq!(packets["first"][0]["time"], event["event"]["start"], "{kind}: {packets}");
        let (by, start) = (told["decided"]["by"].as_str().unwrap(), event["event"]["start"].as_str().unwrap());
        assert!(by > start, "{kind}: decided by {by}, began {start}");
        assert!(!told["thresholds"].as_array().unwrap().is_empty(), "{kind}");
    }
}

#[test]
fn frames_have_the_numbers_that_they_have_in_the_file() {
    let (id, event) = events(&border(), &[]).into_iter().find(|(_, event)| event["event"]["action"] == "scan").unwrap();
    let told = explained(&id, &[]);
    let first = &told["packets"]["first"][0];
    let mut files = wherefrom::source::Files::open(&[border()], &Default::default()).unwrap();
    for _ in 1..first["frame"].as_u64().unwrap() {
        files.next_frame().unwrap().unwrap();
    }
    let time_ns = files.next_frame().unwrap().unwrap().time_ns;
    assert_eq!(wherefrom::report::Time(time_ns).to_string(), event["event"]["start"].as_str().unwrap());
}

#[test]
fn the_settings_of_the_run_are_those_of_the_replay() {
    let set = ["--set", "scan.walk=6"];
    let (id, _) = events(&border(), &set).into_iter().find(|(_, event)| event["event"]["action"] == "scan").unwrap();
    let told = explained(&id, &set);
    let walk = told["thresholds"].as_array().unwrap().iter().find(|threshold| threshold["name"] == "scan.walk").unwrap();
    assert_eq!(walk["value"], 6);
}

#[test]
fn a_person_reads_values_thresholds_and_packets() {
    let (id, _) = events(&border(), &[]).into_iter().find(|(_, event)| event["event"]["action"] == "syn_flood").unwrap();
    let path = border();
    let output = wherefrom(["explain", &id, path.to_str().unwrap()]);
    let text = String::from_utf8(output.stdout).unwrap();
    for words in [&*id, "syn_flood", "decided by", "wherefrom.flood.peak_pps = ", "flood.syn_unfinished_per_s = 50", " tcp SYN ", "(then "]
    {
        assert!(text.contains(words), "{words:?} is not in:\n{text}");
    }
}

#[test]
fn an_event_that_is_not_there_is_named() {
    let path = border();
    let output = wherefrom(["explain", "0123456789abcdef", path.to_str().unwrap()]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("0123456789abcdef") && said.contains("others"), "{said}");
}
