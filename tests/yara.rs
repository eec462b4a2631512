//! Rules of YARA over what is delivered, through the program as a user runs it: built with the feature `yara`.

mod support {
    pub mod program;
    pub mod records;
    pub mod talk;
}

use std::path::Path;

use serde_json::{Value, json};
use support::program::wherefrom;
use support::records::records;
use support::talk::Talks;

/// 2026-05-01T00:00:00Z, in nanoseconds.
const START_NS: u64 = 1_777_593_600_000_000_000;
const HOME: &str = "202.112.10.0/24";
const RULES: &str = "rule Marked_Program { strings: $a = \"a mark that rules know\" condition: uint32(0) == 0x464c457f and $a }\n";

/// A program that only exits, as an ELF file for a 32-bit MIPS, with some words in it.
fn program(words: &[u8]) -> Vec<u8> {
    let mut file = vec![0; 300];
    file[..7].copy_from_slice(b"\x7fELF\x01\x02\x01");
    file[16..20].copy_from_slice(&[0, 2, 0, 8]);
    file[200..200 + words.len()].copy_from_slice(words);
    file
}

struct Run {
    records: Vec<Value>,
    errors: String,
}

/// A capture in which three hosts fetch a marked program and a fourth another, by a browser from a name: nothing else is to be seen in it.
fn run(rules: &[(&str, &str)], more: &[&str]) -> (Vec<Run>, Option<i32>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("talks.pcap");
    let mut talks = Talks::create(&path, START_NS);
    for host in 0..4 {
        let body = program(if host < 3 { b"a mark that rules know" } else { b"another" });
        let head = format!("HTTP/1.1 200 OK\r\nContent-Type: application/octet-stream\r\nContent-Length: {}\r\n\r\n", body.len());
        let get = b"GET /setup HTTP/1.1\r\nHost: dl.example\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n\r\n";
        let said: [(bool, &[u8]); 2] = [(true, get), (false, &[head.as_bytes(), &body].concat())];
        talks.connection(([202, 112, 10, 5 + host], 40_000), ([145, 100, 8 + host / 2, 27], 80), &said, 1_000_000_000);
    }
    talks.finish();
    let mut runs = Vec::new();
    let mut code = None;
    for workers in ["1", "2", "3"] {
        let mut arguments: Vec<String> = ["read", "--json", "--home", HOME, "--workers", workers].map(String::from).to_vec();
        for (name, text) in rules {
            let file = folder.path().join(name);
            std::fs::write(&file, text).unwrap();
            arguments.extend(["--yara".into(), text_of(&file)]);
        }
        arguments.extend(more.iter().map(|argument| (*argument).to_string()));
        arguments.push(text_of(&path));
        let output = wherefrom(&arguments);
        code = output.status.code();
        let records = if code == Some(0) { records(&output.stdout) } else { Vec::new() };
        runs.push(Run { records, errors: String::from_utf8_lossy(&output.stderr).into_owned() });
    }
    (runs, code)
}

fn text_of(path: &Path) -> String {
    path.to_str().unwrap().into()
}

fn events<'a>(run: &'a Run, kind: &str) -> Vec<&'a Value> {
    run.records.iter().filter(|record| record["event"]["action"] == kind && record["wherefrom"]["state"] != "ongoing").collect()
}

#[test]
fn what_rules_match_is_malware_for_any_number_of_workers() {
    let more = "rule Any_Elf : tag { meta: author = \"x\" condition: uint32(0) == 0x464c457f and filesize < 1KB and uint8(200) == 0x61 }\n";
    let (runs, code) = run(&[("a.yar", RULES), ("b.yar", more)], &[]);
    assert_eq!(code, Some(0), "{}", runs[0].errors);
    let found = events(&runs[0], "malware");
    assert_eq!(found.len(), 4, "{found:?}");
    let marked: Vec<&&Value> =
        found.iter().filter(|event| event["wherefrom"]["malware"]["rules"] == json!(["Any_Elf", "Marked_Program"])).collect();
    assert_eq!(marked.len(), 3, "{found:?}");
    assert!(found.iter().all(|event| event["wherefrom"]["malware"]["grade"] == "yara"));
    let lists = runs[0].records[0]["lists"].as_array().unwrap();
    let rules: Vec<&Value> = lists.iter().filter(|list| list["kind"] == "yara").collect();
    assert_eq!(rules.len(), 2);
    assert_eq!((&rules[0]["name"], &rules[0]["entries"]), (&json!("a.yar"), &json!(1)));
    let told = |run: &Run| -> Vec<Value> {
        run.records.iter().filter(|record| matches!(record["record"].as_str(), Some("event" | "count"))).cloned().collect()
    };
    assert!(runs.iter().all(|run| told(run) == told(&runs[0])), "another number of workers, another answer");
}

#[test]
fn what_no_rule_matches_stays_what_it_was() {
    let (runs, code) = run(&[("a.yar", "rule None { condition: false }\n")], &[]);
    assert_eq!(code, Some(0));
    assert_eq!(events(&runs[0], "malware").len(), 0);
    let (without, _) = run(&[], &[]);
    let counted = |run: &Run| -> Vec<Value> { run.records.iter().filter(|record| record["record"] == "count").cloned().collect() };
    assert_eq!(counted(&runs[0]), counted(&without[0]));
}

#[test]
fn what_is_not_scanned_is_counted() {
    let (runs, _) = run(&[("a.yar", RULES)], &["--set", "samples.bytes_each=1024", "--set", "samples.lane_bytes=4096"]);
    assert_eq!(runs[0].errors, "");
    let (runs, code) = run(&[("a.yar", RULES)], &["--set", "samples.bytes_each=100"]);
    assert_eq!(code, Some(0), "{}", runs[0].errors);
    assert!(runs[0].errors.contains("not scanned with YARA rules") && runs[0].errors.contains(": 4"), "{}", runs[0].errors);
    assert_eq!(events(&runs[0], "malware").len(), 0);
}

#[test]
fn rules_that_do_not_compile_are_named_with_their_line() {
    let (runs, code) = run(&[("good.yar", RULES), ("bad.yar", "rule A { condition: true }\nrule B { condition: $nothing }\n")], &[]);
    assert_eq!(code, Some(2), "{}", runs[0].errors);
    assert!(runs[0].errors.contains("bad.yar:2:"), "{}", runs[0].errors);
    let (runs, code) = run(&[], &["--yara", "/nonexistent/rules.yar"]);
    assert_eq!(code, Some(2));
    assert!(runs[0].errors.contains("/nonexistent/rules.yar"), "{}", runs[0].errors);
}
