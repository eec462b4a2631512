//! Industrial contacts by what the user says of home: sectors, permitted peers, and the inventory of what answered; and those without IP.

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
use wherefrom::source::{Frame, LinkType, PcapWriter};

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

fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|digit| !digit.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// One Ethernet frame from a station to another (or to a group), padded to the shortest length.
fn frame(target: [u8; 6], source: [u8; 6], front: &[u8], body: &str) -> Vec<u8> {
    let mut frame = [&target[..], &source, front].concat();
    frame.extend(hex(body));
    frame.resize(frame.len().max(60), 0);
    frame
}

/// Writes frames a millisecond apart, and reads them.
fn read_frames(frames: &[Vec<u8>], arguments: &[&str]) -> Vec<Value> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("frames.pcap");
    let mut writer = PcapWriter::create(&path, LinkType::ETHERNET).unwrap();
    for (place, bytes) in frames.iter().enumerate() {
        let time_ns = 1_777_593_600_000_000_000 + place as u64 * 1_000_000;
        writer.write(&Frame { time_ns, wire_bytes: bytes.len() as u32, link: LinkType::ETHERNET, interface: 0, bytes }).unwrap();
    }
    writer.finish().unwrap();
    let output = wherefrom(["read", "--json"].into_iter().chain(arguments.iter().copied()).chain([path.to_str().unwrap()]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    records(&output.stdout)
}

const GOOSE: &str = "0001 001b 0000 0000 61 11 80 08 494544312f4c4c4e 81 02 07d0 82 01 41 00";
const IDENTIFY: &str = "fefe 05 00 00000001 0001 0004 ffff 0000";
const IDENTIFIED: &str = "feff 05 01 00000001 0000 001a 0202 0006 0000 706c6331 0201 0009 0000 53372d31323030 00";
const ENGINEER: [u8; 6] = [0, 0x0c, 0x29, 1, 2, 3];
const PLC: [u8; 6] = [0, 0x1b, 0x1b, 7, 8, 9];

#[test]
fn what_stands_in_ethernet_frames_is_inside_and_has_no_country() {
    let dcp = &[0x88, 0x92];
    let mut frames: Vec<Vec<u8>> = Vec::new();
    // Thousands a second, tagged: one contact, with all its messages.
    for _ in 0..3_000 {
        frames.push(frame([1, 0x0c, 0xcd, 1, 0, 1], PLC, &[0x81, 0, 0x80, 5, 0x88, 0xb8], GOOSE));
    }
    frames.push(frame([1, 0x0e, 0xcf, 0, 0, 0], ENGINEER, dcp, IDENTIFY));
    frames.push(frame(ENGINEER, PLC, dcp, IDENTIFIED));
    // Cyclic data is decoded and says nothing; ARP is refused.
    frames.push(frame(PLC, ENGINEER, dcp, "8000 00 00"));
    frames.push(frame([0xff; 6], ENGINEER, &[8, 6], ""));
    for home in [&[][..], &["--home", "203.0.113.0/24"]] {
        let told = read_frames(&frames, home);
        let probes = events(&told, "ics_probe");
        let goose = probes.iter().find(|event| event["network"]["protocol"] == "goose").unwrap();
        assert_eq!((&goose["network"]["direction"], &goose["network"]["transport"]), (&"internal".into(), &"ethernet".into()));
        assert_eq!((goose["source"]["mac"].as_str(), goose["source"].get("geo")), (Some("00-1B-1B-07-08-09"), None));
        assert_eq!(goose["destination"]["mac"], "01-0C-CD-01-00-01");
        assert_eq!((&goose["network"]["packets"], &goose["wherefrom"]["ics"]["functions"]["publish"]), (&3_000.into(), &3_000.into()));
        let answered = probes.iter().find(|event| event["wherefrom"]["ics"]["answered"] == true).unwrap();
        assert_eq!(
            (&answered["source"]["mac"], &answered["destination"]["mac"]),
            (&"00-0C-29-01-02-03".into(), &"00-1B-1B-07-08-09".into())
        );
        assert_eq!(answered["wherefrom"]["ics"]["disclosed"]["name"], "plc1");
        let windows: Vec<&Value> = told.iter().filter(|record| record["record"] == "capture").collect();
        let sum = |field: &str| windows.iter().map(|window| window[field].as_u64().unwrap()).sum::<u64>();
        assert_eq!((sum("frames"), sum("decoded")), (3_004, 3_003));
        let traffic: Vec<&Value> = told.iter().filter(|record| record["record"] == "count" && record["kind"] == "traffic").collect();
        assert_eq!(traffic.iter().map(|row| row["packets"].as_u64().unwrap()).sum::<u64>(), 3_003);
        assert!(traffic.iter().all(|row| row["direction"] == "internal" && row["country"] == "ZZ"), "{traffic:?}");
    }
}

/// A made-up border: what a source aims at, by the kind of its events.
#[test]
fn the_aim_is_told_the_same_way_of_every_kind() {
    let folder = tempfile::tempdir().unwrap();
    let told = read(folder.path(), &[]);
    let index = |event: &Value| event["wherefrom"]["targeted"]["index"].as_f64();
    for event in told.iter().filter(|record| record["record"] == "event") {
        let one_source_abroad = event["source"]["ip"].is_string() && event["network"]["direction"] == "inbound";
        assert_eq!(index(event).is_some(), one_source_abroad, "{event}");
    }
    let probes = events(&told, "ics_probe");
    let answered: Vec<_> = probes.iter().filter(|event| event["wherefrom"]["ics"]["answered"] == true).collect();
    assert!(!answered.is_empty());
    for event in answered {
        let targeted = &event["wherefrom"]["targeted"];
        assert_eq!((&targeted["correct"], &targeted["hits"], &targeted["share"]), (&1.0.into(), &1.0.into(), &1.0.into()), "{event}");
    }
    let mut scans = 0;
    for scan in events(&told, "scan").into_iter().filter(|scan| index(scan).is_some()) {
        scans += 1;
        let probes_too = probes.iter().any(|probe| probe["source"] == scan["source"]);
        assert!(probes_too || index(scan).unwrap() < 0.5, "{scan}");
    }
    assert!(scans > 0, "the capture has scans by one source");
    // Windows add up to the events.
    let mut sums: std::collections::BTreeMap<String, (u64, f64)> = Default::default();
    for window in told.iter().filter_map(|record| record["targeted"].as_object()) {
        for (kind, total) in window {
            let (events, sum) = sums.entry(kind.clone()).or_default();
            (*events, *sum) = (*events + total["events"].as_u64().unwrap(), *sum + total["index_sum"].as_f64().unwrap());
        }
    }
    for (kind, (count, sum)) in sums {
        let of_kind: Vec<f64> = events(&told, &kind).into_iter().filter_map(index).collect();
        assert_eq!(count, of_kind.len() as u64, "{kind}");
        assert!((sum - of_kind.iter().sum::<f64>()).abs() < 1e-6, "{kind}");
    }
}

/// A segment of a connection between two hosts at home.
fn segment(by_client: bool, flags: u8, seq: u32, ack: u32, payload: &[u8]) -> Vec<u8> {
    segment_between((40_616, 102), by_client, flags, (seq, ack), payload)
}

/// The same between the client's port and the service's.
fn segment_between(ports: (u16, u16), by_client: bool, flags: u8, (seq, ack): (u32, u32), payload: &[u8]) -> Vec<u8> {
    let ends = [([10, 0, 0, 1], ports.0), ([10, 0, 0, 2], ports.1)];
    let (from, to) = if by_client { (ends[0], ends[1]) } else { (ends[1], ends[0]) };
    let length = (40 + payload.len() as u16).to_be_bytes();
    let mut frame = vec![2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45, 0, length[0], length[1], 0, 7, 0x40, 0, 64, 6, 0, 0];
    frame.extend([from.0, to.0].concat());
    frame.extend([from.1, to.1].map(u16::to_be_bytes).concat());
    frame.extend([seq, ack].map(u32::to_be_bytes).concat());
    frame.extend([0x50, flags, 0x20, 0, 0, 0, 0, 0]);
    frame.extend(payload);
    frame
}

const SYN: u8 = 0x02;
const ACK: u8 = 0x10;

/// The contacts told of a connection between these ports: who speaks, the client or not, and what.
fn connection(ports: (u16, u16), talk: &[(bool, &[u8])]) -> Vec<Value> {
    connection_with(&[], ports, talk)
}

/// The same with further arguments.
fn connection_with(arguments: &[&str], ports: (u16, u16), talk: &[(bool, &[u8])]) -> Vec<Value> {
    let mut next = [9_001, 1_001];
    let mut frames = vec![
        segment_between(ports, true, SYN, (1_000, 0), &[]),
        segment_between(ports, false, SYN | ACK, (9_000, 1_001), &[]),
        segment_between(ports, true, ACK, (1_001, 9_001), &[]),
    ];
    for &(by_client, said) in talk {
        let (seq, ack) = (next[usize::from(by_client)], next[usize::from(!by_client)]);
        frames.push(segment_between(ports, by_client, ACK, (seq, ack), said));
        next[usize::from(by_client)] += said.len() as u32;
    }
    let told = read_frames(&frames, arguments);
    events(&told, "ics_probe").into_iter().cloned().collect()
}

#[test]
fn a_clients_port_is_no_service() {
    let init = hex("0101001a0000000078800003000c494245544830314e305f4d00");
    let zeros = vec![0; 1_200];
    for port in [1_883, 1_962, 5_094, 44_818] {
        let contacts = connection((port, 80), &[(true, b"GET / HTTP/1.1\r\n\r\n"), (false, &init), (false, &zeros), (true, &init)]);
        assert_eq!(contacts, Vec::<Value>::new(), "{port}");
    }
}

/// pylogix does so.
#[test]
fn a_client_that_registers_with_its_last_session_is_no_server() {
    let register = hex("650004006fa5d06400000000000000000000000000000000 01000000");
    let registered = hex("65000400f3a56f9800000000000000000000000000000000 01000000");
    let contacts = connection((40_616, 44_818), &[(true, &register), (false, &registered)]);
    assert_eq!(contacts.len(), 1, "{contacts:?}");
    assert_eq!((&contacts[0]["destination"]["port"], &contacts[0]["source"]["ip"]), (&44_818.into(), &"10.0.0.1".into()));
}

#[test]
fn things_that_call_services_abroad_probe_nobody() {
    let connect = hex("1010 0004 4d515454 04 02 003c 0004 74657374");
    let accepted = hex("2002 0000");
    let talk = [(true, &connect[..]), (false, &accepted)];
    let hello = [(true, &b"\x16\x03\x01"[..])];
    let home = |home: &'static str| ["--home", home];
    let without = ["--set", "ics.things_abroad=0"];
    for (port, talk) in [(1_883, &talk[..]), (8_883, &hello)] {
        let arguments = [&home("10.0.0.1/32")[..], &without].concat();
        assert_eq!(connection_with(&arguments, (40_616, port), talk), Vec::<Value>::new());
        assert_eq!(connection_with(&home("10.0.0.2/32"), (40_616, port), talk).len(), 1, "inbound, {port}");
        assert_eq!(connection_with(&home("10.0.0.0/24"), (40_616, port), talk).len(), 1, "internal, {port}");
    }
    // Unless it is said, what they ask in clear counts, and nothing else.
    assert_eq!(connection_with(&home("10.0.0.1/32"), (40_616, 1_883), &talk).len(), 1);
    assert_eq!(connection_with(&home("10.0.0.1/32"), (40_616, 8_883), &hello), Vec::<Value>::new());
    // A controller is none of them.
    let read = hex("000100000006010300000002");
    let arguments = [&home("10.0.0.1/32")[..], &without].concat();
    assert_eq!(connection_with(&arguments, (40_616, 502), &[(true, &read)]).len(), 1);
}

#[test]
fn what_follows_other_first_words_confirms_nothing_by_chance() {
    let init = hex("0101001a0000000078800003000c494245544830314e305f4d00");
    let talk = [(true, &b"GET / HTTP/1.1\r\n\r\n"[..]), (false, b"HTTP/1.1 200 OK\r\n\r\n"), (true, &init), (false, &init)];
    let contacts = connection((40_616, 1_962), &talk);
    assert!(contacts.iter().all(|contact| contact["wherefrom"]["ics"]["confirmed"] == false), "{contacts:?}");
    let alone = connection((40_616, 1_962), &[(true, &init)]);
    assert_eq!(alone[0]["wherefrom"]["ics"]["confirmed"], true, "{alone:?}");
}

#[test]
fn one_answer_of_a_weak_signature_that_nobody_asked_for_confirms_nothing() {
    let question = hex("0004012b1b00");
    let answer = [hex("0016012b1b00"), b"Red Lion Controls\0".to_vec()].concat();
    let unasked = connection((40_616, 789), &[(false, &answer)]);
    assert_eq!(unasked[0]["wherefrom"]["ics"]["confirmed"], false, "{unasked:?}");
    let asked = connection((40_616, 789), &[(true, &question), (false, &answer)]);
    assert_eq!(asked[0]["wherefrom"]["ics"]["confirmed"], true, "{asked:?}");
}

#[test]
fn a_probe_is_found_behind_another_and_behind_telnets_negotiation() {
    let modbus = hex("000100000006010300000002");
    let contacts = connection((40_616, 502), &[(true, b"GET / HTTP/1.0\r\n\r\n"), (true, &modbus)]);
    assert_eq!(contacts[0]["wherefrom"]["ics"]["functions"]["read-holding-registers"], 1, "{contacts:?}");
    let negotiation = (hex("fffb01fffb03"), hex("fffd01fffd03"));
    let contacts = connection((40_616, 10_001), &[(false, &negotiation.0), (true, &negotiation.1), (true, b"\x01I20100\r\n")]);
    assert_eq!(contacts[0]["wherefrom"]["ics"]["functions"]["in-tank-inventory"], 1, "{contacts:?}");
}

/// S7comm and MMS begin alike, and the selectors of a connection are only a hint.
#[test]
fn a_connection_is_that_of_the_protocol_that_speaks() {
    let connect = hex("030000130ee00000000600c1020002c2020200");
    let initiate = hex("0300002f02f080a8268002001f81010382010383020808a416800101810305e800820c03ffffffffffffffffffffff");
    let after = 1_001 + connect.len() as u32;
    let frames = [
        segment(true, SYN, 1_000, 0, &[]),
        segment(false, SYN | ACK, 9_000, 1_001, &[]),
        segment(true, ACK, 1_001, 9_001, &[]),
        segment(true, ACK, 1_001, 9_001, &connect),
        segment(false, ACK, 9_001, after, &hex("0300000500d080")),
        segment(true, ACK, after, 9_008, &initiate),
    ];
    let told = read_frames(&frames, &[]);
    let contacts: Vec<_> = events(&told, "ics_probe");
    assert_eq!(contacts.len(), 1, "{contacts:?}");
    assert_eq!(contacts[0]["network"]["protocol"], "mms");
    let functions: Vec<&String> = contacts[0]["wherefrom"]["ics"]["functions"].as_object().unwrap().keys().collect();
    assert_eq!(functions, ["initiate", "iso-connect"]);
}

/// Either side may end an association (ISO 9506-1, conclude).
#[test]
fn a_server_that_ends_an_association_is_no_client() {
    let connect = hex("030000130ee00000000600c1020002c2020200");
    let initiate = hex("0300002f02f080a8268002001f81010382010383020808a416800101810305e800820c03ffffffffffffffffffffff");
    let conclude = hex("03000016 02f080 01000100 61093007020103a0028b00");
    let concluded = hex("03000016 02f080 01000100 61093007020103a0028c00");
    let talk = [(true, &connect[..]), (false, &hex("0300000500d080")), (true, &initiate), (false, &conclude), (true, &concluded)];
    let contacts = connection((40_616, 102), &talk);
    assert_eq!(contacts.len(), 1, "{contacts:?}");
    assert_eq!((&contacts[0]["source"]["ip"], &contacts[0]["destination"]["port"]), (&"10.0.0.1".into(), &102.into()));
    assert_eq!(contacts[0]["wherefrom"]["ics"]["answered"], true);
}
