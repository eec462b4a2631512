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
const CAPTURES: [&str; 20] = [
    "lab/backscatter.pcap",
    "lab/flood_icmp.pcap",
    "lab/flood_none_low.pcap",
    "lab/ics_identify.pcap",
    "lab/ics_sweep.pcap",
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

fn one_answer(path: &Path) {
    let expected = answer(path, WORKERS[0]);
    for workers in &WORKERS[1..] {
        let got = answer(path, *workers);
        let differs = expected.lines().zip(got.lines()).find(|(expected, got)| expected != got);
        assert!(expected == got, "{} with {workers} workers; first difference: {differs:#?}", path.display());
    }
}

#[test]
fn a_border() {
    one_answer(&border());
}

#[test]
fn made_up_traffic() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("synthetic.pcap");
    let options = SyntheticOptions {
        frames: 40_000,
        frames_per_second: 400,
        mixture: vec![
            (Traffic::Conversations { clients: 500, servers: 20 }, 50),
            (Traffic::SynFlood { sources: 3_000 }, 25),
            (Traffic::Scan { scanners: 8, targets: 2_000, port: 23 }, 15),
            (Traffic::IcsProbes { probers: 12, devices: 9 }, 5),
            (Traffic::Dns { clients: 50 }, 5),
        ],
        ..SyntheticOptions::default()
    };
    Synthetic::new(options).write_pcap(&path).unwrap();
    one_answer(&path);
}

#[test]
fn the_collection() {
    collection(&CAPTURES).iter().for_each(|path| one_answer(path));
}
