//! The day that ships with the project: every figure of its list of contacts, to the last one.

mod support {
    pub mod program;
    pub mod records;
}

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use serde_json::Value;
use support::program::wherefrom;
use support::records::records;

fn capture(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures").join(name)
}

/// One contact of the list, or of the records.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Contact {
    source: String,
    country: String,
    target: String,
    protocol: String,
    intent: String,
    spoke: bool,
    sector: String,
}

static TRUTH: LazyLock<Vec<Contact>> = LazyLock::new(|| {
    let mut list = csv::Reader::from_path(capture("day.csv")).unwrap();
    let contact = |row: csv::StringRecord| Contact {
        source: row[1].into(),
        country: row[2].into(),
        target: row[3].into(),
        protocol: row[4].into(),
        intent: row[5].into(),
        spoke: &row[6] == "1",
        sector: row[7].into(),
    };
    let mut contacts: Vec<Contact> = list.records().map(|row| contact(row.unwrap())).collect();
    contacts.sort();
    contacts
});

static TOLD: LazyLock<Vec<Value>> = LazyLock::new(|| {
    let (sectors, day) = (capture("day-sectors.csv"), capture("day.pcap.gz"));
    let arguments = ["read", "--json", "--home", "10.20.0.0/16", "--sectors"].map(std::ffi::OsStr::new);
    let output = wherefrom(arguments.into_iter().chain([sectors.as_os_str(), day.as_os_str()]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    records(&output.stdout)
});

fn counted<K: Ord>(keys: impl Iterator<Item = K>) -> BTreeMap<K, u64> {
    keys.fold(BTreeMap::new(), |mut counts, key| {
        *counts.entry(key).or_default() += 1;
        counts
    })
}

#[test]
fn every_contact_is_found_and_nothing_else() {
    let text = |value: &Value| value.as_str().unwrap_or_default().to_string();
    let contact = |event: &Value| Contact {
        source: text(&event["source"]["ip"]),
        country: text(&event["source"]["geo"]["country_iso_code"]),
        target: text(&event["destination"]["ip"]),
        protocol: text(&event["network"]["protocol"]),
        intent: text(&event["wherefrom"]["ics"]["intent"]),
        spoke: event["wherefrom"]["ics"]["confirmed"].as_bool().unwrap(),
        sector: text(&event["wherefrom"]["ics"]["sector"]["name"]),
    };
    let ended = TOLD.iter().filter(|record| record["event"]["action"] == "ics_probe" && record["wherefrom"]["state"] == "ended");
    let mut told: Vec<Contact> = ended.map(contact).collect();
    told.sort();
    assert_eq!(told.len(), TRUTH.len());
    for (told, truth) in told.iter().zip(TRUTH.iter()) {
        assert_eq!(told, truth);
    }
}

#[test]
fn rows_count_each_country_exactly() {
    let rows = TOLD.iter().filter(|record| record["record"] == "count" && record["kind"] == "ics_probe");
    let mut by_country: BTreeMap<String, u64> = BTreeMap::new();
    for row in rows {
        *by_country.entry(row["country"].as_str().unwrap().into()).or_default() += row["started"].as_u64().unwrap();
    }
    assert_eq!(by_country, counted(TRUTH.iter().map(|contact| contact.country.clone())));
}

#[test]
fn windows_count_each_sector_and_intent_exactly() {
    let mut by_sector: BTreeMap<(String, String), u64> = BTreeMap::new();
    for row in TOLD.iter().filter_map(|record| record["sectors"].as_array()).flatten() {
        assert_eq!((&row["kind"], &row["direction"], &row["guess"]), (&"ics_probe".into(), &"inbound".into(), &false.into()));
        let key = (row["sector"].as_str().unwrap().into(), row["intent"].as_str().unwrap().into());
        *by_sector.entry(key).or_default() += row["contacts"].as_u64().unwrap();
    }
    assert_eq!(by_sector, counted(TRUTH.iter().map(|contact| (contact.sector.clone(), contact.intent.clone()))));
}
