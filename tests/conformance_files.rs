//! Files are put together as tshark does it: those that came by FTP and TFTP in a collection of captures. Skipped where there is no
//! collection beside the project, or no tshark.

mod support {
    pub mod collection;
}

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use sha2::{Digest, Sha256};
use support::collection::collection;
use wherefrom::attribute::Home;
use wherefrom::detect::payload::bodies;
use wherefrom::source::{Files, FilesOptions, Input};

/// Captures in which files come by FTP or TFTP.
const CAPTURES: [&str; 2] = ["real/malformed/tcpdump-tests_tftp.pcap", "lab2/malware_ftp_tftp.pcap"];
/// What tshark calls the protocols, and how their URLs begin.
const PROTOCOLS: [(&str, &str); 2] = [("ftp-data", "ftp://"), ("tftp", "tftp://")];

/// Size and SHA-256, with how often.
type Found = BTreeMap<(u64, [u8; 32]), usize>;

/// The files of one protocol by tshark; nothing without tshark.
fn by_tshark(capture: &Path, protocol: &str) -> Option<Found> {
    let folder = tempfile::tempdir().expect("a folder for the files");
    let objects = format!("{protocol},{}", folder.path().display());
    Command::new("tshark").arg("-Q").arg("-r").arg(capture).arg("--export-objects").arg(objects).output().ok()?;
    let mut found = Found::new();
    for entry in std::fs::read_dir(folder.path()).into_iter().flatten().flatten() {
        let bytes = std::fs::read(entry.path()).expect("tshark has written it");
        *found.entry((bytes.len() as u64, Sha256::digest(&bytes).into())).or_default() += 1;
    }
    Some(found)
}

#[test]
fn files_are_as_tshark_puts_them_together() {
    for capture in collection(&CAPTURES) {
        let files = Files::open(std::slice::from_ref(&capture), &FilesOptions::default()).expect("a capture");
        let (listed, _) = bodies::list(Input::Files(Box::new(files)), Home::private()).expect("a whole capture");
        for (protocol, scheme) in PROTOCOLS {
            let Some(expected) = by_tshark(&capture, protocol) else {
                eprintln!("skipped: there is no tshark");
                return;
            };
            let mut found = Found::new();
            for body in listed.iter().filter(|body| body.url.starts_with(scheme)) {
                if let Some(sha256) = body.sha256 {
                    *found.entry((body.bytes, sha256)).or_default() += 1;
                }
            }
            eprintln!("{}: {} files by {protocol}", capture.display(), found.len());
            for (file, times) in &expected {
                assert_eq!(found.get(file), Some(times), "{}: {} bytes by {protocol}", capture.display(), file.0);
            }
        }
    }
}
