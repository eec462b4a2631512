//! The same capture gives the same answer, byte for byte, whatever the number of workers and however often it is asked.

mod support {
    pub mod border;
    pub mod collection;
    pub mod program;
}

use std::path::Path;

use support::border::border;
use support::collection::collection;
use support::program::wherefrom;
use wherefrom::source::{Synthetic, SyntheticOptions, Traffic};

/// The last run repeats the first.
const WORKERS: [usize; 5] = [1, 2, 3, 8, 1];

/// Small captures of every kind of traffic, broken ones among them.
const CAPTURES: [&str; 21] = [
    "lab/backscatter.pcap",
    "lab/flood_icmp.pcap",
    "lab/flood_none_low.pcap",
    "lab/ics_identify.pcap",
    "lab/ics_sweep.pcap",
    // Its flood comes from home and from abroad, as far as the private ranges are home.
    "lab/scan_in_flood.pcap",
    "lab/scan_ipv6.pcap",
    "lab/scan_ping.pcap",
    "lab/scan_udp.pcap",
    "lab2/ics_bare.pcap",
    "lab2/ics_sweep_then_ask.pcap",
    "lab2/scan_slow.pcap",
    "lab2/scan_udp_hosts.pcap",
    "real/ics/icsnpp-enip-tests_traces_enip_cip_example.pcap",
    "real/ics/suricata-verify-tests_dnp3_dnp3-eve_input.pcap",
    "real/benign/nDPI-tests_cfgs_default_pcap_rx.pcap",
    "real/malformed/ntopng-fuzz_corpus_fuzz_dissect_packet_various_gre.pcap",
    "real/malformed/tcpdump-tests_bcm-li.pcap",
    "real/malformed/zeek-testing_btest_Traces_tunnels_geneve-47101.pcap",
    "real/scan-flood/nDPI-tests_cfgs_default_pcap_dos_win98_smb_netbeui.pcap",
    "real/scan-flood/suricata-verify-tests_firewall_tcp-session-syn-flood-drop-precedence_input.pcap",
];

/// The answer without what may differ: the number of workers itself. A replay has no latencies.
fn answer(path: &Path, workers: usize) -> String {
    let workers = workers.to_string();
    let output = wherefrom(["read".as_ref(), "--json".as_ref(), "--workers".as_ref(), workers.as_ref(), path.as_os_str()]);
    let text = String::from_utf8(output.stdout).expect("records are text");
    assert!(text.starts_with(r#"{"record":"run""#), "{}: {}", path.display(), String::from_utf8_lossy(&output.stderr));
    assert!(!text.contains("latency_us"), "{}: a replay has no latencies", path.display());
    text.replace(&format!(r#""workers":{workers},"#), "")
}

/// Asks again and again, and returns the one answer.
fn one_answer(path: &Path) -> String {
    let expected = answer(path, WORKERS[0]);
    for workers in &WORKERS[1..] {
        let got = answer(path, *workers);
        let differs = expected.lines().zip(got.lines()).find(|(expected, got)| expected != got);
        assert!(expected == got, "{} with {workers} workers; first difference: {differs:#?}", path.display());
    }
    expected
}

#[test]
fn a_border() {
    one_answer(&border());
}

/// Writes made-up traffic and asks for its answers.
fn one_answer_of(frames: u64, frames_per_second: u64, mixture: Vec<(Traffic, u32)>) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("synthetic.pcap");
    Synthetic::new(SyntheticOptions { frames, frames_per_second, mixture, ..SyntheticOptions::default() }).write_pcap(&path).unwrap();
    one_answer(&path)
}

#[test]
fn made_up_traffic() {
    let mixture = vec![
        (Traffic::Conversations { clients: 500, servers: 20 }, 50),
        (Traffic::SynFlood { sources: 3_000 }, 25),
        (Traffic::Scan { scanners: 8, targets: 2_000, port: 23 }, 15),
        (Traffic::IcsProbes { probers: 12, devices: 9 }, 5),
        (Traffic::Dns { clients: 50 }, 5),
    ];
    one_answer_of(40_000, 400, mixture);
}

/// More scanners, probers and conversations than there is room for: what is evicted must not depend on the workers either.
#[test]
fn more_than_fits() {
    let mixture = vec![
        (Traffic::Scan { scanners: 20_000, targets: 200, port: 23 }, 80),
        (Traffic::Conversations { clients: 1_000_000, servers: 5_000 }, 10),
        (Traffic::IcsProbes { probers: 30_000, devices: 200 }, 10),
    ];
    let answer = one_answer_of(150_000, 3_000, mixture);
    let windows = answer.lines().filter(|line| line.starts_with(r#"{"record":"capture""#));
    assert!(windows.filter(|window| !window.contains(r#""evicted":0"#)).count() > 0, "everything fitted");
}

#[test]
fn the_collection() {
    for path in collection(&CAPTURES) {
        one_answer(&path);
    }
}
