//! Hard minimums on a fast part of the evaluation. The whole of it: `cargo run --release --example evaluate`.

#[path = "../examples/evaluate/harness/mod.rs"]
mod harness;

/// Recall, precision and right attributes of the cases with one of the given names, in one variation.
fn check(names: &[&str], variation: &str, kind: &str) {
    let evaluation = harness::evaluate(|case, of| names.contains(&case) && of == variation).unwrap();
    assert_eq!(evaluation.runs, names.len() as u64, "a case is missing");
    let figures = &evaluation.figures[kind];
    assert!(figures.recall() == 1.0 && figures.precision() == 1.0, "{evaluation}");
    assert_eq!(figures.attributes.0, figures.attributes.1, "{evaluation}");
    assert_eq!(figures.verdicts.0, figures.verdicts.1, "{evaluation}");
    assert!(figures.country_error() < 0.01, "{evaluation}");
}

#[test]
fn syn_floods_are_found_and_their_sources_judged() {
    let names = ["syn forged Hping 1000/s port 80 Open", "syn 60-hosts Raw 800/s port 80 Open", "syn 1-hosts Hping 1000/s port 80 Closed"];
    check(&names, "clean", "syn_flood");
}

#[test]
fn a_lossy_capture_of_one_direction_is_enough_for_a_syn_flood() {
    let names = ["syn forged Hping 1000/s port 80 Open"];
    check(&names, "loss 20 %", "syn_flood");
    check(&names, "towards home", "syn_flood");
}

#[test]
fn other_floods_are_told_apart_by_method() {
    check(&["ack forged Hping 1500/s port 80 Closed", "null 1-hosts Hping 2000/s port 80 Silent"], "clean", "tcp_flood");
    check(&["udp 0 B forged Hping 2000/s port 80 Closed"], "clean", "udp_flood");
    check(&["icmp 56 B 50-hosts Raw 500/s port 80 Open"], "clean", "icmp_flood");
}

#[test]
fn a_flood_of_later_fragments_is_one_by_fragments() {
    check(&["fragment forged Hping 3000/s port 80 Open", "fragment 1-hosts Raw 2500/s port 80 Silent"], "clean", "udp_flood");
    check(&["amplification dns 300 reflectors 800/s fragmented"], "clean", "amplification");
}

#[test]
fn the_ports_of_a_flood_are_no_scan() {
    check(&["udp 64 B 1-hosts Hping 2000/s port random Closed"], "clean", "udp_flood");
}

#[test]
fn the_senders_of_a_flood_over_a_block_are_no_scanners() {
    let names = ["block udp 0 B 20-hosts 8000/s port 53", "block udp 512 B 20-hosts 8000/s port random"];
    check(&names, "clean", "udp_flood");
    let evaluation = harness::evaluate(|case, of| names.contains(&case) && of == "clean").unwrap();
    assert!(!evaluation.figures.contains_key("scan"), "{evaluation}");
}

#[test]
fn amplification_names_the_abused_protocol() {
    let names = ["amplification dns 200 reflectors 1000/s", "amplification memcached 200 reflectors 1000/s"];
    check(&names, "2 tags", "amplification");
}

#[test]
fn amplification_by_home_is_outbound() {
    check(&["amplification dns by home, one port", "amplification ntp by home, many ports"], "clean", "amplification");
    check_quiet(&["name server answers with much", "table walked over SNMP"], "clean");
}

#[test]
fn a_flood_may_go_over_a_block() {
    check(&["block udp 64 B 300-hosts 12000/s port random", "block udp 512 B 1-hosts 8000/s port 53"], "clean", "udp_flood");
    check(&["block icmp 56 B forged 5000/s"], "clean", "icmp_flood");
    check(&["block ack forged 8000/s port random"], "clean", "tcp_flood");
}

#[test]
fn all_ports_of_a_host_are_no_flood() {
    check(&["scan vertical Nmap all ports", "scan vertical Masscan all ports"], "clean", "scan");
}

#[test]
fn backscatter_is_no_scan() {
    check(&["backscatter SynAck 300 in 60 s", "backscatter Rst 40 in 30 s"], "clean", "backscatter");
}

#[test]
fn scans_are_found_with_shape_method_and_tool() {
    let names = [
        "scan horizontal Masscan 500 hosts 1 ports 50/s",
        "scan horizontal Connect 24 hosts 1 ports 1/s",
        "scan vertical Nmap 100 ports 5/s filtered",
        "scan block Masscan 20 x 20",
        "scan horizontal Icmp 40 hosts 1 ports 2/s",
    ];
    check(&names, "clean", "scan");
    check(&["scan slow Nmap every 3600 s, many hosts"], "clean", "scan");
}

/// Asserts that nothing is reported of these cases in this variation.
fn check_quiet(names: &[&str], variation: &str) {
    let evaluation = harness::evaluate(|case, of| of == variation && names.iter().any(|name| case == format!("benign {name}"))).unwrap();
    assert_eq!(evaluation.runs, names.len() as u64, "a case is missing");
    assert!(evaluation.figures.is_empty(), "{evaluation}");
}

#[test]
fn a_scanners_own_resets_are_no_answers_of_a_victim() {
    let names = ["scan horizontal Masscan 20000 hosts 1 ports 2000/s"];
    for variation in ["loss 5 %", "loss 20 %"] {
        let evaluation = harness::evaluate(|case, of| names.contains(&case) && of == variation).unwrap();
        assert_eq!(evaluation.runs, 1);
        assert!(!evaluation.figures.contains_key("backscatter"), "{evaluation}");
    }
}

#[test]
fn what_home_asked_for_is_no_attack_where_only_answers_are_seen() {
    let names = ["QUIC download", "QUIC download begins before the capture", "resolver of home", "hosts of home ask a public resolver"];
    check_quiet(&names, "towards home");
}

#[test]
fn two_attacks_at_a_time_are_two() {
    let mixture = "icmp 56 B 50-hosts Raw 500/s port 80 Open and ack forged Hping 1500/s port 80 Closed";
    check(&[mixture], "clean", "icmp_flood");
    check(&[mixture], "clean", "tcp_flood");
}

#[test]
fn what_only_looks_like_an_attack_is_none() {
    let quiet = [
        "crawler",
        "monitor by connections",
        "resolver of home",
        "peer to peer at home",
        "capture begins in mid-transfer",
        "traceroute",
        "server keeps its clients alive",
    ];
    check_quiet(&quiet, "clean");
}
