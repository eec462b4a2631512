//! Bodies agree with an independent dissector: those that `tshark --export-objects http` gives for the collected captures, by SHA-256 and
//! size. Without the captures or without tshark there is nothing to compare with, and the test says so.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use sha2::{Digest, Sha256};
use wherefrom::attribute::Home;
use wherefrom::detect::payload::bodies;
use wherefrom::source::{Files, FilesOptions, Input};

/// Share of objects that must be equal, in percent.
const EQUAL_PERCENT_MIN: usize = 98;

/// Captures that are left out, and why the two must differ on them.
const LEFT_OUT: [(&str, &str); 3] = [
    ("http-evader-127", "deflate within deflate, which tshark does not undo and browsers do"),
    ("curl_http_09", "a body without a head answers HTTP/1.1, which browsers refuse"),
    ("arcnet-rfc1051", "frames of a link that is not decoded"),
];

type Object = ([u8; 32], u64);

fn captures(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            captures(&path, found);
        } else if path.extension().is_some_and(|end| end == "pcap" || end == "pcapng")
            && !LEFT_OUT.iter().any(|(name, _)| path.to_string_lossy().contains(name))
            && std::fs::read(&path).is_ok_and(|bytes| bytes.windows(7).any(|word| word == b"HTTP/1."))
        {
            found.push(path);
        }
    }
}

fn exported(capture: &Path) -> Vec<Object> {
    let folder = tempfile::tempdir().unwrap();
    let destination = format!("http,{}", folder.path().display());
    let mut run = Command::new("tshark");
    run.args(["-q", "-r"]).arg(capture).args(["--export-objects", &destination]);
    if !run.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success()) {
        return Vec::new();
    }
    let objects = std::fs::read_dir(folder.path()).unwrap().flatten().map(|entry| std::fs::read(entry.path()).unwrap());
    objects.filter(|bytes| !bytes.is_empty()).map(|bytes| (Sha256::digest(&bytes).into(), bytes.len() as u64)).collect()
}

#[test]
fn bodies_are_those_of_another_dissector() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures/real");
    let mut found = Vec::new();
    captures(&root, &mut found);
    if found.is_empty() || Command::new("tshark").arg("--version").stdout(Stdio::null()).status().is_err() {
        eprintln!("skipped: no captures in ../shared, or no tshark");
        return;
    }
    found.sort();
    let (mut equal, mut all, mut differ) = (0, 0, Vec::new());
    for capture in &found {
        let Ok(files) = Files::open(std::slice::from_ref(capture), &FilesOptions::default()) else { continue };
        let Ok((listed, _)) = bodies::list(Input::Files(Box::new(files)), Home::private()) else { continue };
        // Where receivers disagree, so do dissectors: those captures are read like a browser, or marked.
        if listed.iter().any(|body| body.ambiguous) {
            continue;
        }
        let mut ours: BTreeMap<Object, u32> = BTreeMap::new();
        for body in &listed {
            if let Some(sha256) = body.sha256 {
                *ours.entry((sha256, body.bytes)).or_default() += 1;
            }
        }
        for object in exported(capture) {
            all += 1;
            match ours.get_mut(&object).filter(|left| **left > 0) {
                Some(left) => {
                    *left -= 1;
                    equal += 1;
                }
                None => differ.push((capture.file_name().unwrap_or_default().to_owned(), object.1)),
            }
        }
    }
    assert!(all > 0, "no object was exported");
    assert!(equal * 100 >= all * EQUAL_PERCENT_MIN, "{equal} of {all} objects are equal; these differ: {differ:?}");
}
