//! Industrial contacts by what the user says of home: sectors, permitted peers, and the inventory of what answered.

mod support {
    pub mod border;
    pub mod program;
    pub mod records;
}

use std::fs;
use std::path::Path;

use serde_json::Value;
use support::border::border;
use support::program::wherefrom;
use support::records::records;

/// Two sites among the devices of the border's capture, the second inside the first.
const SECTORS: &str = "network,sector,site\n10.20.0.0/16,energy,North\n10.20.9.20/32,water,Pumps\n";

fn read(folder: &Path, arguments: &[&str]) -> Vec<Value> {
    let arguments: Vec<String> = arguments.iter().map(|argument| argument.replace("DIR", &folder.display().to_string())).collect();
    let border = border().display().to_string();
    let output = wherefrom(["read", "--json"].into_iter().chain(arguments.iter().map(String::as_str)).chain([border.as_str()]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    records(&output.stdout)
}

fn events<'a>(records: &'a [Value], kind: &str) -> Vec<&'a Value> {
    records.iter().filter(|record| record["event"]["action"] == kind && record["wherefrom"]["state"] == "ended").collect()
}

#[test]
fn a_list_of_sectors_decides_and_the_longest_prefix_wins() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sectors.csv"), SECTORS).unwrap();
    let told = read(folder.path(), &["--sectors", "DIR/sectors.csv"]);
    let probes = events(&told, "ics_probe");
    assert!(probes.len() >= 6, "the capture has contacts with six devices");
    for event in probes {
        let sector = &event["wherefrom"]["ics"]["sector"];
        let pumps = event["destination"]["ip"] == "10.20.9.20";
        let expected = if pumps { ("water", "Pumps") } else { ("energy", "North") };
        assert_eq!((sector["name"].as_str().unwrap(), sector["site"].as_str().unwrap()), expected, "{event}");
        assert_eq!(sector["guess"], false);
    }
    let rows: Vec<&Value> = told.iter().filter_map(|record| record["sectors"].as_array()).flatten().collect();
    assert!(!rows.is_empty() && rows.iter().all(|row| row["guess"] == false), "{rows:?}");
    assert!(told[0]["lists"].as_array().unwrap().iter().any(|list| list["name"] == "sectors.csv" && list["entries"] == 2));
}

#[test]
fn without_a_list_a_sector_is_a_guess_and_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let told = read(folder.path(), &[]);
    for event in events(&told, "ics_probe") {
        let sector = &event["wherefrom"]["ics"]["sector"];
        assert_eq!((sector["guess"].as_bool(), sector.get("site")), (Some(true), None), "{event}");
    }
}

#[test]
fn a_permitted_peer_is_counted_as_one_and_not_as_a_probe() {
    let folder = tempfile::tempdir().unwrap();
    let before = read(folder.path(), &[]);
    let probes = events(&before, "ics_probe");
    let source = probes[0]["source"]["ip"].as_str().unwrap().to_string();
    let target = probes[0]["destination"]["ip"].as_str().unwrap().to_string();
    let of_source =
        |records: &[Value], kind: &str| events(records, kind).iter().filter(|event| event["source"]["ip"] == source.as_str()).count();
    assert!(of_source(&before, "ics_probe") > 0 && events(&before, "ics_peer").is_empty());

    fs::write(folder.path().join("peers.csv"), format!("{source},vendor,{target}\n")).unwrap();
    let told = read(folder.path(), &["--peers", "DIR/peers.csv"]);
    assert_eq!((of_source(&told, "ics_probe"), of_source(&told, "ics_peer")), (0, of_source(&before, "ics_probe")));
    let peer = events(&told, "ics_peer")[0];
    assert_eq!(
        (&peer["event"]["kind"], &peer["event"]["severity"], &peer["wherefrom"]["ics"]["peer"]),
        (&"event".into(), &1.into(), &"vendor".into())
    );

    // What it may not reach is a probe as before.
    fs::write(folder.path().join("peers.csv"), format!("{source},vendor,192.0.2.0/24\n")).unwrap();
    let told = read(folder.path(), &["--peers", "DIR/peers.csv"]);
    assert_eq!(of_source(&told, "ics_probe"), of_source(&before, "ics_probe"));
}

#[test]
fn the_inventory_names_what_answered_and_who_asked() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("sectors.csv"), SECTORS).unwrap();
    let told = read(folder.path(), &["--sectors", "DIR/sectors.csv", "--assets", "DIR/assets.csv"]);
    let mut rows = csv::Reader::from_path(folder.path().join("assets.csv")).unwrap();
    let columns = rows.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = rows.records().map(Result::unwrap).collect();
    let field = |row: &csv::StringRecord, name: &str| row[columns.iter().position(|column| column == name).unwrap()].to_string();
    let answered: std::collections::BTreeSet<String> = events(&told, "ics_probe")
        .iter()
        .filter(|event| event["wherefrom"]["ics"]["answered"] == true)
        .map(|event| format!("{} {}", event["destination"]["ip"].as_str().unwrap(), event["network"]["protocol"].as_str().unwrap()))
        .collect();
    let listed: std::collections::BTreeSet<String> =
        rows.iter().map(|row| format!("{} {}", field(row, "address"), field(row, "protocol"))).collect();
    assert_eq!(listed, answered);
    let plc = rows.iter().find(|row| field(row, "address") == "10.20.9.10").unwrap();
    assert_eq!(field(plc, "disclosed"), "product=PLC-100; vendor=ACME");
    assert_eq!((field(plc, "contacts"), field(plc, "internal"), field(plc, "countries")), ("2".into(), "0".into(), "NL=1; US=1".into()));
    assert_eq!((field(plc, "sector"), field(plc, "site")), ("energy".into(), "North".into()));

    read(folder.path(), &["--assets", "DIR/assets.ndjson"]);
    let lines = records(&fs::read(folder.path().join("assets.ndjson")).unwrap());
    assert_eq!(lines[0]["record"], "run");
    assert_eq!(lines.iter().filter(|line| line["record"] == "asset").count(), rows.len());
}
