//! Conversations in one capture, and what each comes to.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::support::program::wherefrom;
use crate::support::records::records;
use crate::support::talk::Talks;

/// 2026-05-01T00:00:00Z, in nanoseconds.
const START_NS: u64 = 1_777_593_600_000_000_000;
/// Between two messages.
const PAUSE_NS: u64 = 500_000_000;
const HOME: &str = "202.112.10.0/24";

/// Who calls.
#[derive(Clone, Copy, PartialEq)]
pub enum Way {
    In,
    Out,
}

pub struct Conversation {
    name: String,
    way: Way,
    port: u16,
    said: Vec<(bool, Vec<u8>)>,
    /// The kinds of its events, sorted.
    kinds: Vec<&'static str>,
    /// The family, where it is said.
    family: Option<&'static str>,
}

#[derive(Default)]
pub struct Table(Vec<Conversation>);

impl Table {
    pub fn add(&mut self, name: &str, way: Way, port: u16, kinds: &[&'static str], family: Option<&'static str>, said: &[(bool, &[u8])]) {
        let said = said.iter().map(|(by_client, bytes)| (*by_client, bytes.to_vec())).collect();
        self.0.push(Conversation { name: name.into(), way, port, said, kinds: kinds.to_vec(), family });
    }

    /// A request from abroad and its answer.
    pub fn web(&mut self, name: &str, kinds: &[&'static str], family: Option<&'static str>, request: &[u8], answer: &[u8]) {
        self.add(name, Way::In, 80, kinds, family, &[(true, request), (false, answer)]);
    }

    /// Runs all of them in one capture, and compares.
    pub fn check(self) {
        assert!(self.0.len() < 250, "an address each");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("talks.pcap");
        let mut talks = Talks::create(&path, START_NS);
        for (at, conversation) in self.0.iter().enumerate() {
            let home = ([202, 112, 10, at as u8], if conversation.way == Way::In { conversation.port } else { 40_000 });
            let far = ([145, 100, at as u8, 27], if conversation.way == Way::In { 40_000 } else { conversation.port });
            let (client, server) = if conversation.way == Way::In { (far, home) } else { (home, far) };
            let said: Vec<(bool, &[u8])> = conversation.said.iter().map(|(by_client, bytes)| (*by_client, &bytes[..])).collect();
            talks.connection(client, server, &said, PAUSE_NS);
        }
        talks.finish();
        let output = wherefrom(["read", "--json", "--home", HOME, path.to_str().unwrap()]);
        assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
        let mut found: BTreeMap<usize, BTreeMap<String, Value>> = BTreeMap::new();
        for record in records(&output.stdout).into_iter().filter(|record| record["record"] == "event") {
            let kind = record["event"]["action"].as_str().unwrap().to_string();
            let place =
                ["source", "destination"].iter().find_map(|end| record[end]["ip"].as_str()?.strip_prefix("202.112.10.")?.parse().ok());
            if let Some(place) = place.filter(|_| ["webshell", "malware", "c2"].iter().any(|start| kind.starts_with(start))) {
                found.entry(place).or_default().insert(record["event"]["id"].as_str().unwrap().into(), record);
            }
        }
        let mut wrong = Vec::new();
        for (at, conversation) in self.0.iter().enumerate() {
            let events: Vec<&Value> = found.get(&at).into_iter().flat_map(BTreeMap::values).collect();
            let mut kinds: Vec<&str> = events.iter().map(|event| event["event"]["action"].as_str().unwrap()).collect();
            kinds.sort_unstable();
            let says = |event: &Value, family: &str| {
                event["wherefrom"]["webshell"]["shell"] == family || event["wherefrom"]["c2"]["family"] == family
            };
            let named = conversation.family.is_none_or(|family| events.iter().any(|event| says(event, family)));
            if kinds != conversation.kinds || !named {
                wrong.push(format!("{}: {kinds:?} instead of {:?} {:?}", conversation.name, conversation.kinds, conversation.family));
            }
        }
        assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    }
}

pub const WEBSHELL: &[&str] = &["webshell"];
pub const ATTEMPT: &[&str] = &["malware_attempt"];
pub const C2: &[&str] = &["c2"];
pub const SUSPECT: &[&str] = &["c2_suspect"];
pub const PROGRAM: &[&str] = &["malware_suspect"];
pub const NOTHING: &[&str] = &[];
