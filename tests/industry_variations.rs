//! The same industrial conversations in every way that clients, networks and mirrors may give them: the protocol, how far it went, and
//! whether that is sure may not depend on it.

mod support {
    pub mod program;
    pub mod records;
    pub mod wire;
}

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde_json::Value;
use support::program::wherefrom;
use support::records::records;
use support::wire::{PLAIN, View, Way, Wire};

/// A conversation, and what it is.
struct Talk {
    name: &'static str,
    protocol: &'static str,
    intent: &'static str,
    is_tcp: bool,
    port: u16,
    /// The bytes suffice on any port.
    strong: bool,
    /// The client's where the text begins with `>`, in hexadecimal; `"` begins text.
    said: &'static [&'static str],
}

const fn tcp(name: &'static str, protocol: &'static str, port: u16, intent: &'static str, said: &'static [&'static str]) -> Talk {
    Talk { name, protocol, intent, is_tcp: true, port, strong: true, said }
}

const fn udp(name: &'static str, protocol: &'static str, port: u16, intent: &'static str, said: &'static [&'static str]) -> Talk {
    Talk { is_tcp: false, ..tcp(name, protocol, port, intent, said) }
}

const fn weak(talk: Talk) -> Talk {
    Talk { strong: false, ..talk }
}

/// Connect request and confirm of ISO-on-TCP with TSAPs of an engineering station, rack 0 slot 3.
const CR: &str = ">0300 0016 11e0 0000 4a01 00 c1 02 4b54 c2 02 0303 c0 01 09";
const CC: &str = "<0300 0016 11d0 4a01 0005 00 c0 01 09 c1 02 4b54 c2 02 0303";
/// The same of an operator panel, with longer selectors and another order.
const CR_PANEL: &str = ">0300 001c 17e0 0000 0001 00 c0 01 0a c1 05 0d00000001 c2 05 0200000000";
const SETUP: &str = ">0300 0019 02f080 3201 0000 0400 0008 0000 f000 0002 0002 03c0";
const SETUP_ANSWER: &str = "<0300 001b 02f080 3203 0000 0400 0008 0000 0000 f000 0001 0001 00f0";

const TALKS: &[Talk] = &[
    tcp("modbus, unit 0", "modbus", 502, "read", &[">0007 0000 0006 00 03 0000 0002", "<0007 0000 0007 00 03 04 0001 0002"]),
    tcp("modbus, unit 255, a coil", "modbus", 502, "write", &[">0008 0000 0006 ff 05 0001 ff00", "<0008 0000 0006 ff 05 0001 ff00"]),
    tcp("modbus, refused", "modbus", 502, "read", &[">ffff 0000 0006 01 04 ffff 0001", "<ffff 0000 0003 01 84 02"]),
    tcp(
        "modbus, three requests in one segment",
        "modbus",
        502,
        "write",
        &[
            ">0001 0000 0006 01 01 0000 0008 0002 0000 0006 01 03 0000 0001 0003 0000 0009 01 10 0000 0001 02 0007",
            "<0001 0000 0004 01 01 01 55 0002 0000 0005 01 03 02 0001 0003 0000 0006 01 10 0000 0001",
        ],
    ),
    tcp(
        "s7, an engineering station",
        "s7comm",
        102,
        "read",
        &[
            CR,
            CC,
            SETUP,
            SETUP_ANSWER,
            ">0300 001f 02f080 3201 0000 0500 000e 0000 04 01 12 0a 10 02 0010 0001 84 000000",
            "<0300 0029 02f080 3203 0000 0500 0002 0014 0000 04 01 ff 04 0080 00010203040506070809000102030405",
        ],
    ),
    tcp(
        "s7, a panel stops it",
        "s7comm",
        102,
        "control",
        &[
            CR_PANEL,
            SETUP,
            SETUP_ANSWER,
            ">0300 0021 02f080 3201 0000 0600 0010 0000 29 0000000000 09 505f50524f4752414d",
            "<0300 0014 02f080 3203 0000 0600 0001 0000 0000 29",
        ],
    ),
    tcp("dnp3, link status", "dnp3", 20000, "identify", &[">0564 05 c9 0100 0000 de8e", "<0564 05 0b 0000 0100 baf0"]),
    tcp("dnp3, a poll", "dnp3", 20000, "read", &[">056414c401000000afb9c0c0013c02063c03063c04063c01068a51"]),
    tcp(
        "iec 104, start and test",
        "iec104",
        2404,
        "identify",
        &[">6804 0700 0000", "<6804 0b00 0000", ">6804 4300 0000", "<6804 8300 0000"],
    ),
    tcp(
        "iec 104, start, interrogate and switch in one segment",
        "iec104",
        2404,
        "write",
        &[">6804 0700 0000 680e 0000 0000 64 01 0600 0100 000000 14 680e 0200 0000 2d 01 0600 0100 010000 01", "<6804 0b00 0000"],
    ),
    udp("bacnet, who is", "bacnet", 47808, "identify", &[">810a 0008 0100 1008", "<810b 0014 0100 1000 c4 020004d2 22 05c4 91 00 21 0f"]),
    udp("bacnet, passed on by a broadcast manager", "bacnet", 47808, "identify", &[">8104 0012 c0000207 bac0 0120 ffff 00 ff 1008"]),
    udp("bacnet, distribute", "bacnet", 47808, "identify", &[">8109 000c 0120 ffff 00 ff 1008", "<8100 0006 0000"]),
    udp(
        "bacnet, a property",
        "bacnet",
        47808,
        "read",
        &[">810a 0011 0104 0005 07 0c 0c 00000001 19 55", "<810a 0017 0100 30 07 0c 0c 00000001 19 55 3e 44 42280000 3f"],
    ),
    tcp(
        "enip, a list of services",
        "enip",
        44818,
        "identify",
        &[
            ">0400 0000 00000000 00000000 aabbccdd00112233 00000000",
            "<0400 1a00 00000000 00000000 aabbccdd00112233 00000000 0100 0001 1400 0100 2001 436f6d6d756e69636174696f6e730000",
        ],
    ),
    // Elsewhere than on its port, one message is not sure.
    weak(udp("enip, who is there by udp", "enip", 44818, "identify", &[">6300 0000 00000000 00000000 0000000000000000 00000000"])),
    tcp(
        "opc ua, an endpoint by name",
        "opcua",
        4840,
        "identify",
        &[
            ">48454c46 41000000 00000000 00000100 00000100 00000000 00000000 21000000 6f70632e7463703a2f2f706c633a343834302f6d696c6c2f6c696e65312f61",
            "<41434b46 1c000000 00000000 00200000 00200000 00000000 00000000",
        ],
    ),
    tcp(
        "fins, node and memory",
        "fins",
        9600,
        "read",
        &[
            ">46494e53 0000000c 00000000 00000000 00000000",
            "<46494e53 00000010 00000001 00000000 000000fe 00000001",
            ">46494e53 0000001a 00000002 00000000 80000200010000fe0007 0101 820064000001",
            "<46494e53 00000018 00000002 00000000 c0000200fe0000010007 0101 0000 0001",
        ],
    ),
    weak(udp("fins by udp", "fins", 9600, "identify", &[">80000200010000fe0007 0501 00"])),
    tcp(
        "fox",
        "fox",
        1911,
        "identify",
        &[
            ">\"fox a 1 -1 fox hello\n{\nfox.version=s:1.0\nid=i:1\n};;\n",
            "<\"fox a 0 -1 fox hello\n{\nfox.version=s:1.0.1\nid=i:8\nhostName=s:jace\n};;\n",
        ],
    ),
    weak(tcp(
        "hart-ip, a session",
        "hart-ip",
        5094,
        "identify",
        &[">01 00 00 00 0007 000d 01 00007530", "<01 01 00 00 0007 000d 01 00007530"],
    )),
    tcp("hart-ip, who are you", "hart-ip", 5094, "identify", &[">01 00 03 00 0002 000d 02 80 00 00 82"]),
    tcp("mqtt", "mqtt", 1883, "identify", &[">10 10 0004 4d515454 04 02 003c 0004 74657374", "<20 02 00 00"]),
    udp("knx", "knxnet-ip", 3671, "identify", &[">0610 0203 000e 0801 cb007107 dd55"]),
    weak(tcp(
        "melsec",
        "melsec",
        5007,
        "read",
        &[">5000 00 ff ff03 00 0c00 1000 0104 0000 6400 00 a8 0a00", "<d000 00 ff ff03 00 0400 0000 3412"],
    )),
];

fn bytes(said: &str) -> (bool, Vec<u8>) {
    let (by_client, text) = (said.starts_with('>'), &said[1..]);
    if let Some(text) = text.strip_prefix('"') {
        return (by_client, text.as_bytes().to_vec());
    }
    let digits: Vec<u8> = text.chars().filter_map(|digit| digit.to_digit(16)).map(|digit| digit as u8).collect();
    (by_client, digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect())
}

/// A conversation's place among all that one capture has: every one has a client of its own.
fn ends(place: usize, v6: bool) -> (IpAddr, IpAddr) {
    let [high, low] = (place as u16 + 1).to_be_bytes();
    if v6 {
        let client = Ipv6Addr::new(0x2001, 0x200, 0, place as u16 + 1, 0, 0, 0, 0x10);
        return (client.into(), Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, u16::from(high), u16::from(low)).into());
    }
    (Ipv4Addr::new(147, 46, high, low).into(), Ipv4Addr::new(203, 0, 113, (place % 200) as u8 + 1).into())
}

/// What the sensor says of conversations in these ways, each of which has a client of its own; by client.
fn told(cases: &[(&Talk, Way, bool, u16)]) -> BTreeMap<IpAddr, Vec<Value>> {
    let mut wire = Wire::new();
    for (place, (talk, way, v6, port)) in cases.iter().enumerate() {
        let (client, server) = ends(place, *v6);
        let said: Vec<_> = talk.said.iter().map(|said| bytes(said)).collect();
        wire.talk(*way, talk.is_tcp, (client, 40_123), (server, *port), &said);
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("talks.pcap");
    wire.write(&path);
    let home = ["--home", "203.0.113.0/24", "--home", "2001:db8::/32"];
    let output = wherefrom(["read", "--json"].into_iter().chain(home).chain([path.to_str().unwrap()]));
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let mut by_client: BTreeMap<IpAddr, Vec<Value>> = BTreeMap::new();
    for event in records(&output.stdout) {
        if event["event"]["action"] == "ics_probe" && event["wherefrom"]["state"] == "ended" {
            by_client.entry(event["source"]["ip"].as_str().unwrap().parse().unwrap()).or_default().push(event);
        }
    }
    by_client
}

/// Each conversation is one confirmed probe in its protocol with its intent (of a mirror that shows only answers: at least `identify`).
fn hold(cases: &[(&Talk, Way, bool, u16)]) {
    let told = told(cases);
    let mut wrong = BTreeSet::new();
    for (place, (talk, way, v6, port)) in cases.iter().enumerate() {
        let events = told.get(&ends(place, *v6).0).map_or(&[][..], Vec::as_slice);
        let answers = talk.said.iter().any(|said| said.starts_with('<')) && way.view != View::ClientOnly;
        let intent = if way.view == View::ServerOnly { "identify" } else { talk.intent };
        let right = matches!(events, [event] if event["network"]["protocol"] == talk.protocol
            && event["destination"]["port"] == *port
            && event["wherefrom"]["ics"]["intent"] == intent
            && event["wherefrom"]["ics"]["confirmed"] == true
            && event["wherefrom"]["ics"]["answered"] == answers);
        if !right {
            let got: Vec<String> = events.iter().map(|event| format!("{} {}", event["network"], event["wherefrom"]["ics"])).collect();
            wrong.insert(format!("{} {way:?} v6 {v6} port {port}: {got:?}", talk.name));
        }
    }
    assert!(wrong.is_empty(), "{} of {} wrong:\n{}", wrong.len(), cases.len(), wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

#[test]
fn over_both_families_and_tags() {
    let ways = [false, true].map(|tagged| Way { tagged, ..PLAIN });
    let cases: Vec<_> =
        TALKS.iter().flat_map(|talk| ways.map(|way| [false, true].map(|v6| (talk, way, v6, talk.port)))).flatten().collect();
    hold(&cases);
}

#[test]
fn cut_into_segments_at_every_byte() {
    let mut cases = Vec::new();
    for talk in TALKS.iter().filter(|talk| talk.is_tcp) {
        let longest = talk.said.iter().map(|said| bytes(said).1.len()).max().unwrap();
        for first in 1..longest {
            cases.push((talk, Way { first, ..PLAIN }, false, talk.port));
        }
        for further in 1..4 {
            cases.push((talk, Way { first: further, further, ..PLAIN }, false, talk.port));
        }
    }
    hold(&cases);
}

#[test]
fn where_a_mirror_shows_one_direction() {
    let mut cases = Vec::new();
    for talk in TALKS.iter() {
        cases.push((talk, Way { view: View::ClientOnly, ..PLAIN }, false, talk.port));
        if talk.said.iter().any(|said| said.starts_with('<')) && talk.is_tcp {
            cases.push((talk, Way { view: View::ServerOnly, ..PLAIN }, false, talk.port));
        }
    }
    hold(&cases);
}

#[test]
fn where_the_capture_began_later() {
    hold(&TALKS.iter().map(|talk| (talk, Way { opening: false, ..PLAIN }, false, talk.port)).collect::<Vec<_>>());
}

#[test]
fn the_strong_ones_on_any_port() {
    let ports = [8_080, 20_500, 3_389];
    hold(&TALKS.iter().filter(|talk| talk.strong).flat_map(|talk| ports.map(|port| (talk, PLAIN, false, port))).collect::<Vec<_>>());
}

/// A write of eight registers, of whose 29 bytes nine are not captured, and what is asked next.
#[test]
fn behind_a_message_whose_end_was_not_captured() {
    const SAID: &[&str] = &[
        ">0001 0000 0017 01 10 0000 0008 10 00010002000300040005000600070008",
        "<0001 0000 0006 01 10 0000 0008",
        ">0002 0000 0006 01 08 0004 0000",
    ];
    let talk = tcp("modbus, a long write, then silence", "modbus", 502, "control", SAID);
    hold(&[(&talk, Way { snap: 74, ..PLAIN }, false, 502)]);
}
