//! `--save-samples`: what is saved and how, and that nothing else changes by it.

mod support {
    pub mod program;
    pub mod records;
    pub mod talk;
}

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use sha2::{Digest, Sha256};
use support::program::wherefrom;
use support::records::records;
use support::talk::Talks;

/// 2026-05-01T00:00:00Z, in nanoseconds.
const START_NS: u64 = 1_777_593_600_000_000_000;
const HOME: &str = "202.112.10.0/24";
/// In the Netherlands.
const SERVER: ([u8; 4], u16) = ([145, 100, 8, 27], 80);

/// An ELF program of so many bytes, each of its own content.
fn program(number: u8, bytes: usize) -> Vec<u8> {
    let mut file: Vec<u8> = (0..bytes).map(|at| (at as u8).wrapping_mul(31) ^ number).collect();
    file[..20].copy_from_slice(b"\x7fELF\x01\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x03\0");
    file[28..32].copy_from_slice(&52_u32.to_le_bytes());
    file[42..46].copy_from_slice(&[32, 0, 1, 0]);
    file
}

fn hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// A host fetches a body, in chunks.
fn fetch(talks: &mut Talks, host: u8, body: &[u8]) {
    let mut answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for chunk in body.chunks(5000) {
        answer.extend(format!("{:x}\r\n", chunk.len()).bytes());
        answer.extend(chunk);
        answer.extend(b"\r\n");
    }
    answer.extend(b"0\r\n\r\n");
    let get = b"GET /f HTTP/1.1\r\nHost: files.example\r\n\r\n";
    talks.connection(([202, 112, 10, host], 40_000), SERVER, &[(true, get), (false, &answer)], 0);
}

/// The programs of the capture, by size: five, of which one is fetched twice.
const SIZES: [usize; 5] = [600, 4096, 30_000, 150_000, 300_000];

fn capture(path: &Path) {
    let mut talks = Talks::create(path, START_NS);
    for (number, bytes) in SIZES.into_iter().enumerate() {
        fetch(&mut talks, number as u8 + 1, &program(number as u8, bytes));
    }
    fetch(&mut talks, 9, &program(2, SIZES[2]));
    fetch(&mut talks, 10, b"#!/bin/sh\ncd /tmp; ./x\n");
    fetch(&mut talks, 11, "<!doctype html><p>hello".repeat(50).as_bytes());
    fetch(&mut talks, 12, &[b"%PDF-1.7\n".to_vec(), vec![b'x'; 2000]].concat());
    talks.finish();
}

fn replay(path: &Path, workers: usize, more: &[&str]) -> Output {
    let workers = workers.to_string();
    let arguments = ["read", "--json", "--home", HOME, "--workers", &workers].into_iter().chain(more.iter().copied());
    let output = wherefrom(arguments.chain([path.to_str().unwrap()]));
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    output
}

/// Files by name, with their content.
fn files(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let metadata = entry.metadata().unwrap();
            assert!(metadata.is_file());
            assert_eq!(metadata.permissions().mode() & 0o7777, 0o400);
            (entry.file_name().into_string().unwrap(), fs::read(entry.path()).unwrap())
        })
        .collect()
}

#[test]
fn programs_and_scripts_are_saved_whole_once_and_nothing_else_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("talks.pcap");
    capture(&path);
    let plain = replay(&path, 1, &[]);
    for workers in [1, 3] {
        let saved = folder.path().join(format!("saved-{workers}"));
        let output = replay(&path, workers, &["--save-samples", saved.to_str().unwrap()]);
        let found = files(&saved);
        let mut expected: Vec<Vec<u8>> = SIZES.iter().enumerate().map(|(number, &bytes)| program(number as u8, bytes)).collect();
        expected.push(b"#!/bin/sh\ncd /tmp; ./x\n".to_vec());
        assert_eq!(found.len(), expected.len());
        for body in expected {
            assert_eq!(found.get(&hex(&body)), Some(&body));
        }
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        if workers == 1 {
            assert_eq!(output.stdout, plain.stdout, "the records say the same");
            // Once more: all is there.
            replay(&path, 1, &["--save-samples", saved.to_str().unwrap()]);
            assert_eq!(files(&saved), found);
        }
    }
}

#[test]
fn bounds_hold_and_what_was_not_saved_is_said() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("talks.pcap");
    capture(&path);
    let plain = records(&replay(&path, 1, &[]).stdout);
    let bound = |name: &str, setting: &str| {
        let saved = folder.path().join(name);
        let output = replay(&path, 1, &["--save-samples", saved.to_str().unwrap(), "--set", setting]);
        // The run record has the setting.
        assert_eq!(records(&output.stdout)[1..], plain[1..]);
        (files(&saved), String::from_utf8(output.stderr).unwrap())
    };
    let said = |count: u64| format!("wherefrom: samples that were not saved, beyond the settings samples.*: {count}\n");
    let (saved, stderr) = bound("each", "samples.bytes_each=150000");
    assert_eq!((saved.len(), stderr), (5, said(1)));
    assert!(saved.values().all(|body| body.len() <= 150_000));
    let (saved, stderr) = bound("files", "samples.files=2");
    assert_eq!(saved.len(), 2);
    // The one that is fetched twice may be refused twice.
    assert!(stderr == said(4) || stderr == said(5), "{stderr}");
    let (saved, _) = bound("all", "samples.bytes=200000");
    assert!(saved.values().map(Vec::len).sum::<usize>() <= 200_000);
    assert!(saved.len() >= 2);
    let (saved, _) = bound("lane", "samples.lane_bytes=4096");
    assert!(saved.values().all(|body| body.len() <= 4096));
    assert!(saved.contains_key(&hex(&program(0, SIZES[0]))));
}

#[test]
fn a_folder_that_cannot_be_made_ends_the_run_before_it_begins() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("talks.pcap");
    capture(&path);
    let output = wherefrom(["read", "--json", "--save-samples", path.join("in").to_str().unwrap(), path.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be written"));
}
