//! TLS is read as tshark reads it: JA3 and server names of every hello, over TCP and QUIC, in a collection of real captures. Skipped where there is no
//! collection beside the project, or no tshark.

mod support {
    pub mod pieces;
}

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Command;

use support::pieces::pieces;
use wherefrom::protocol::quic::{self, Initials};
use wherefrom::protocol::tls::{self, Handshakes, Message, Progress, ja3};

/// What was found, with how often.
type Found = BTreeMap<String, usize>;

/// Captures in which tshark and this project differ for a known reason.
const DIFFERENT: [&str; 3] = [
    // A hello without extensions: tshark 4.0 leaves out the commas of the empty fields, against JA3's publication.
    "nDPI-tests_cfgs_default_pcap_tls_invalid_reads.pcap",
    // TLS within the frames of OpenVPN, which this project does not read.
    "nDPI-tests_cfgs_default_pcap_openvpn_nohmac_tcp.pcapng",
    // The server asks for a retry (RFC 9000 section 8.1), after which tshark 4.0 does not find the keys.
    "nDPI-tests_cfgs_default_pcap_quic-forcing-vn-with-data.pcapng",
];

/// Whether a capture may hold a hello: some bytes look like the beginning of a handshake, or of a long header of a known version. tshark is
/// not asked about the others: it takes a second for each.
fn may_hold_a_hello(capture: &Path) -> bool {
    let bytes = std::fs::read(capture).unwrap_or_default();
    bytes.windows(6).any(|window| match *window {
        [first, 0, 0, 0, 1, _] | [first, 0x6b, 0x33, 0x43, 0xcf, _] | [first, 0xff, 0, 0, 0x17..=0x22, _] => first >= 0xc0,
        _ => tls::begins(window) == Some(true),
    })
}

/// The captures of the collection; none if there is no collection.
fn captures() -> Vec<PathBuf> {
    fn gather(folder: &Path, found: &mut Vec<PathBuf>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if path.is_dir() {
                gather(&path, found);
            } else if path.extension().is_some_and(|extension| extension == "pcap" || extension == "pcapng") {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    gather(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures/real"), &mut found);
    found.sort();
    found
}

/// JA3 and server names by tshark; nothing without tshark.
fn by_tshark(capture: &Path) -> Option<(Found, Found)> {
    let fields = ["-e", "tls.handshake.ja3", "-e", "tls.handshake.extensions_server_name"];
    let output =
        Command::new("tshark").arg("-r").arg(capture).args(["-Y", "tls.handshake.type == 1", "-T", "fields"]).args(fields).output().ok()?;
    let (mut fingerprints, mut names) = (Found::new(), Found::new());
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        let mut columns = line.split('\t');
        for found in [&mut fingerprints, &mut names] {
            for value in columns.next().unwrap_or_default().split(',').filter(|value| !value.is_empty()) {
                *found.entry(value.into()).or_default() += 1;
            }
        }
    }
    Some((fingerprints, names))
}

fn tell(hello: &tls::ClientHello<'_>, fingerprints: &mut Found, names: &mut Found) {
    // tshark gives up before the fingerprint where an extension breaks.
    if hello.is_whole {
        let digest: String = ja3::client(hello).iter().map(|byte| format!("{byte:02x}")).collect();
        *fingerprints.entry(digest).or_default() += 1;
    }
    if let Some(name) = hello.server_name() {
        *names.entry(String::from_utf8_lossy(name).into_owned()).or_default() += 1;
    }
}

/// JA3 and server names by this project. A handshake may begin with any segment: behind a proxy's answer, or a command that starts TLS.
fn by_this(capture: &Path) -> (Found, Found) {
    let (mut fingerprints, mut names) = (Found::new(), Found::new());
    let mut readers: HashMap<_, Handshakes> = HashMap::new();
    let mut initials: HashMap<_, Initials> = HashMap::new();
    pieces(capture, |way, is_tcp, starts, bytes| {
        if !is_tcp {
            if quic::begins(bytes) || initials.contains_key(&way) {
                initials.entry(way).or_default().push(bytes, |hello| tell(&hello, &mut fingerprints, &mut names));
            }
            return;
        }
        if starts {
            readers.remove(&way);
        }
        let idle = readers.get(&way).is_none_or(|reader| reader.progress() == Progress::Not);
        if idle && tls::begins(bytes) != Some(false) {
            readers.insert(way, Handshakes::default());
        }
        if let Some(reader) = readers.get_mut(&way) {
            reader.push(bytes, |message| {
                if let Message::ClientHello(hello) = message {
                    tell(&hello, &mut fingerprints, &mut names);
                }
            });
        }
    });
    (fingerprints, names)
}

#[test]
fn hellos_are_as_tshark_reads_them() {
    let captures = captures();
    if captures.is_empty() {
        eprintln!("skipped: there is no collection of captures beside the project");
        return;
    }
    let (mut hellos, mut differences) = (0, Vec::new());
    for capture in captures.iter().filter(|capture| may_hold_a_hello(capture)) {
        let Some(expected) = by_tshark(capture) else {
            eprintln!("skipped: there is no tshark");
            return;
        };
        let found = by_this(capture);
        hellos += expected.0.values().sum::<usize>();
        let is_known = DIFFERENT.iter().any(|name| capture.ends_with(name));
        if found != expected && !is_known {
            differences.push(format!("{}:\n  tshark {expected:?}\n  here   {found:?}", capture.display()));
        }
    }
    eprintln!("{hellos} hellos in {} captures", captures.len());
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}
