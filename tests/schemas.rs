//! What the program writes is what the schemas in `schemas/` say.

mod support {
    pub mod border;
    pub mod collection;
    pub mod program;
    pub mod records;
}

use std::collections::BTreeSet;
use std::path::Path;

use jsonschema::Validator;
use serde_json::Value;
use support::border::border;
use support::collection::collection;
use support::program::wherefrom;
use support::records::records;

const KINDS: [&str; 4] = ["run", "count", "capture", "event"];

/// Small captures that between them make every detector speak, and some that end in an error.
const CAPTURES: [&str; 16] = [
    "lab/backscatter.pcap",
    "lab/flood_icmp.pcap",
    "lab/flood_none_low.pcap",
    "lab/ics_control.pcap",
    "lab/ics_identify.pcap",
    "lab/ics_odd_port.pcap",
    "lab/ics_sweep.pcap",
    "lab/scan_ipv6.pcap",
    "lab/scan_ping.pcap",
    "lab/scan_udp.pcap",
    "lab2/scan_slow.pcap",
    "lab2/ics_one_source.pcap",
    "real/ics/suricata-verify-tests_modbus_modbus.pcap",
    "real/ics/ICS-Security-Tools-pcaps_hart_hart_ip.pcap",
    "real/malformed/tcpdump-tests_ppp-invalid-lengths.pcap",
    "real/malformed/ntopng-fuzz_corpus_fuzz_dissect_packet_various_gre.pcap",
];

struct Schemas(Vec<(&'static str, Validator)>);

impl Schemas {
    fn load() -> Self {
        Schemas(KINDS.iter().map(|&kind| (kind, validator(kind))).collect())
    }

    fn check(&self, record: &Value) {
        let kind = record["record"].as_str().expect("a record says what it is");
        let (_, validator) = self.0.iter().find(|(of, _)| *of == kind).unwrap_or_else(|| panic!("there is no schema for {record}"));
        let errors: Vec<String> = validator.iter_errors(record).map(|error| format!("{error} at {}", error.instance_path())).collect();
        assert!(errors.is_empty(), "{}\n{record}", errors.join("\n"));
    }
}

fn schema(kind: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("schemas/{kind}.schema.json"));
    serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap()
}

fn validator(kind: &str) -> Validator {
    jsonschema::draft202012::new(&schema(kind)).unwrap_or_else(|error| panic!("{kind}: {error}"))
}

fn check_capture(schemas: &Schemas, path: &Path) -> BTreeSet<String> {
    let output = wherefrom(["read".as_ref(), "--json".as_ref(), path.as_os_str()]);
    let records = records(&output.stdout);
    assert_eq!(records.first().map(|record| &record["record"]), Some(&Value::from("run")), "{}", path.display());
    records.iter().for_each(|record| schemas.check(record));
    records.iter().filter_map(|record| record["event"]["action"].as_str().map(String::from)).collect()
}

#[test]
fn the_schemas_are_schemas() {
    for kind in KINDS {
        jsonschema::draft202012::meta::validate(&schema(kind)).unwrap_or_else(|error| panic!("{kind}: {error}"));
    }
}

#[test]
fn every_record_of_a_border_meets_its_schema() {
    let kinds = check_capture(&Schemas::load(), &border());
    let expected = ["amplification", "backscatter", "ics_probe", "scan", "syn_flood"];
    assert_eq!(kinds.iter().collect::<Vec<_>>(), expected, "the capture holds one attack of each kind");
}

#[test]
fn every_record_of_many_captures_meets_its_schema() {
    let schemas = Schemas::load();
    for path in collection(&CAPTURES) {
        check_capture(&schemas, &path);
    }
}

#[test]
fn a_field_that_nobody_described_is_found() {
    let output = wherefrom(["read".as_ref(), "--json".as_ref(), border().as_os_str()]);
    for kind in KINDS {
        let validator = validator(kind);
        let records = records(&output.stdout);
        let record = records.iter().find(|record| record["record"] == kind).expect("the capture makes records of every kind");
        let mut drifted = record.clone();
        drifted["surprise"] = Value::from(1);
        assert!(validator.is_valid(record) && !validator.is_valid(&drifted), "{kind}");
    }
}

#[test]
fn a_field_that_is_gone_is_found() {
    let validator = validator("count");
    let output = wherefrom(["read".as_ref(), "--json".as_ref(), border().as_os_str()]);
    let records = records(&output.stdout);
    let record = records.iter().find(|record| record["record"] == "count").expect("the capture makes count rows");
    for field in record.as_object().unwrap().keys().filter(|field| *field != "estimated") {
        let mut cut = record.clone();
        cut.as_object_mut().unwrap().remove(field);
        assert!(!validator.is_valid(&cut), "{field}");
    }
}
