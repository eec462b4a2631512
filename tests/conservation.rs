//! Every figure adds up: nothing is lost unseen, nothing is counted twice.

mod support {
    pub mod border;
    pub mod collection;
    pub mod engine;
    pub mod records;
    pub mod replay;
}

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use serde_json::Value;
use support::border::border;
use support::collection::collection;
use support::records::records;
use support::replay::replay_file;
use wherefrom::decode::decode;
use wherefrom::source::{Files, FilesOptions, Frame, LinkType, PcapWriter, Synthetic, SyntheticOptions, Traffic};

/// Random captures that are tried. Each takes some tenths of a second in a debug build.
const CASES: u32 = 96;

const CAPTURES: [&str; 8] = [
    "lab/backscatter.pcap",
    "lab/flood_syn_botnet.pcap",
    "lab/ics_sweep.pcap",
    "lab/scan_ipv6.pcap",
    "lab2/scan_slow.pcap",
    "lab2/ics_one_source.pcap",
    "real/malformed/ntopng-fuzz_corpus_fuzz_dissect_packet_various_gre.pcap",
    "real/malformed/zeek-testing_btest_Traces_tunnels_geneve-47101.pcap",
];

/// What the file holds, counted without the pipeline.
#[derive(Debug, Default, PartialEq)]
struct Held {
    frames: u64,
    bytes: u64,
    decoded: u64,
    decoded_bytes: u64,
}

fn held(path: &Path) -> Held {
    let mut files = Files::open(&[path.into()], &FilesOptions::default()).unwrap();
    let mut held = Held::default();
    while let Ok(Some(frame)) = files.next_frame() {
        let is_decoded = u64::from(decode(frame.link, frame.bytes, frame.wire_bytes).is_ok());
        held.frames += 1;
        held.bytes += u64::from(frame.wire_bytes);
        held.decoded += is_decoded;
        held.decoded_bytes += is_decoded * u64::from(frame.wire_bytes);
    }
    held
}

fn number(record: &Value, name: &str) -> u64 {
    record[name].as_u64().unwrap_or_else(|| panic!("{name} of {record}"))
}

/// Packets and bytes of all rows of a kind in one window.
fn summed(rows: &[&Value], kind: &str) -> (u64, u64) {
    let of_kind = rows.iter().filter(|row| row["kind"] == kind);
    of_kind.fold((0, 0), |(packets, bytes), row| (packets + number(row, "packets"), bytes + number(row, "bytes")))
}

/// Checks what must add up in the records of one run.
fn adds_up(path: &Path, text: &[u8]) {
    let records = records(text);
    let of_kind = |kind: &str| records.iter().filter(|record| record["record"] == kind).collect::<Vec<_>>();
    let (rows, windows, events) = (of_kind("count"), of_kind("capture"), of_kind("event"));
    let mut seen = Held::default();
    let mut unwritten = 0;
    let mut of_windows: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
    let mut of_sectors: BTreeMap<&str, u64> = BTreeMap::new();
    let mut starts = BTreeSet::new();
    for window in windows {
        assert!(starts.insert(window["window_start"].as_str().unwrap()), "a window has two records: {window}");
        let refused: u64 = window["refused"].as_object().unwrap().values().map(|count| count.as_u64().unwrap()).sum();
        assert_eq!(number(window, "frames"), number(window, "decoded") + refused, "{window}");
        let in_window: Vec<&Value> = rows.iter().copied().filter(|row| row["window_start"] == window["window_start"]).collect();
        let (packets, bytes) = summed(&in_window, "traffic");
        assert_eq!(packets, number(window, "decoded"), "rows of kind traffic against decoded frames: {window}");
        seen.frames += number(window, "frames");
        seen.bytes += number(window, "bytes");
        seen.decoded += packets;
        seen.decoded_bytes += bytes;
        let totals = window["totals"].as_object().unwrap();
        let kinds: BTreeSet<&str> = in_window.iter().filter_map(|row| row["kind"].as_str()).filter(|kind| *kind != "traffic").collect();
        assert_eq!(kinds, totals.keys().map(String::as_str).collect(), "kinds in rows and in totals: {window}");
        for (kind, total) in totals {
            assert_eq!(
                summed(&in_window, kind),
                (number(total, "packets"), number(total, "bytes")),
                "rows of kind {kind} against {window}"
            );
            let sums = of_windows.entry(kind).or_default();
            for (sum, name) in sums.iter_mut().zip(["started", "packets", "bytes"]) {
                *sum += number(total, name);
            }
        }
        for row in window.get("sectors").and_then(Value::as_array).into_iter().flatten() {
            *of_sectors.entry(row["kind"].as_str().unwrap()).or_default() += number(row, "contacts");
        }
        unwritten += window.get("events_unwritten").map_or(0, |count| count.as_u64().unwrap());
    }
    assert_eq!(seen, held(path), "{}", path.display());
    for kind in ["ics_probe", "ics_peer"] {
        let started = of_windows.get(kind).map_or(0, |sums| sums[0]);
        assert_eq!(
            of_sectors.get(kind).copied().unwrap_or_default(),
            started,
            "contacts by sector against those begun: {}",
            path.display()
        );
    }

    // The last record with an id stands.
    let last: BTreeMap<(&str, &str), &Value> =
        events.iter().map(|event| ((event["event"]["action"].as_str().unwrap(), event["event"]["id"].as_str().unwrap()), *event)).collect();
    let mut of_events: BTreeMap<&str, [u64; 3]> = BTreeMap::new();
    for ((kind, _), event) in last {
        let sums = of_events.entry(kind).or_default();
        sums[0] += 1;
        sums[1] += number(&event["network"], "packets");
        sums[2] += number(&event["network"], "bytes");
        assert_eq!(event["wherefrom"]["state"], "ended", "a run ends every event: {event}");
    }
    if unwritten > 0 {
        // Touches of a sweep are counted in rows and have no event each.
        let started = |sums: &BTreeMap<&str, [u64; 3]>| sums.values().map(|sums| sums[0]).sum::<u64>();
        assert_eq!(started(&of_windows), started(&of_events) + unwritten, "{}", path.display());
        return;
    }
    assert_eq!(of_windows, of_events, "[events, packets, bytes] of all windows against the events: {}", path.display());
}

fn replayed_adds_up(path: &Path) {
    let (text, done) = replay_file(path, 2, 2);
    if let Err(error) = done {
        eprintln!("{error}");
    }
    adds_up(path, &text);
}

#[test]
fn a_border_adds_up() {
    replayed_adds_up(&border());
}

#[test]
fn the_collection_adds_up() {
    collection(&CAPTURES).iter().for_each(|path| replayed_adds_up(path));
}

/// The first touches come before anybody knows that they are a sweep's, and the window ends in between.
#[test]
fn a_sweep_over_two_windows_adds_up() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sweep.pcap");
    let mixture = vec![(Traffic::IcsProbes { probers: 1, devices: 16 }, 1)];
    let options = SyntheticOptions { seed: 0, frames: 77, frames_per_second: 5, ipv6_percent: 0, mixture, ..SyntheticOptions::default() };
    write_damaged(&path, options, &[Damage::Cut(0), Damage::Cut(0), Damage::Cut(0), Damage::Moved(48_600)], 9);
    replayed_adds_up(&path);
}

/// What happens to a frame on its way into the file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    /// Cut to so many bytes, as by a snap length.
    Cut(usize),
    /// Bits flipped in the byte at this place, counted round.
    Flip(usize, u8),
    /// Moved in time by so many milliseconds: late, or after a gap.
    Moved(i64),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        (0usize..100).prop_map(Damage::Cut),
        (0usize..80, 1u8..).prop_map(|(at, bits)| Damage::Flip(at, bits)),
        (-5_000i64..400_000).prop_map(Damage::Moved),
    ]
}

fn traffic() -> impl Strategy<Value = (Traffic, u32)> {
    let kind = prop_oneof![
        (1u32..500, 1u32..20).prop_map(|(clients, servers)| Traffic::Conversations { clients, servers }),
        (1u32..2_000).prop_map(|sources| Traffic::SynFlood { sources }),
        (1u32..10, 1u32..500, 1u16..).prop_map(|(scanners, targets, port)| Traffic::Scan { scanners, targets, port }),
        (1u32..10, 1u32..20).prop_map(|(probers, devices)| Traffic::IcsProbes { probers, devices }),
        (1u32..50).prop_map(|clients| Traffic::Dns { clients }),
    ];
    (kind, 1u32..10)
}

prop_compose! {
    fn options()(
        seed in any::<u64>(),
        frames in 1u64..3_000,
        frames_per_second in 5u64..2_000,
        ipv6_percent in 0u32..=100,
        mixture in prop::collection::vec(traffic(), 1..4),
    ) -> SyntheticOptions {
        SyntheticOptions { seed, frames, frames_per_second, ipv6_percent, mixture, ..SyntheticOptions::default() }
    }
}

/// Writes made-up traffic with every `every`-th frame damaged, each kind of damage in turn.
fn write_damaged(path: &Path, options: SyntheticOptions, damages: &[Damage], every: usize) {
    let mut writer = PcapWriter::create(path, LinkType::ETHERNET).unwrap();
    let mut source = Synthetic::new(options);
    let mut turn = 0;
    while let Some(frame) = source.next_frame() {
        let (mut bytes, mut time_ns) = (frame.bytes.to_vec(), frame.time_ns);
        if turn % every == 0 && !damages.is_empty() {
            match damages[turn / every % damages.len()] {
                Damage::Cut(length) => bytes.truncate(length),
                Damage::Flip(at, bits) => {
                    let at = at % bytes.len();
                    bytes[at] ^= bits;
                }
                Damage::Moved(ms) => time_ns = time_ns.saturating_add_signed(ms * 1_000_000),
            }
        }
        turn += 1;
        writer.write(&Frame { time_ns, bytes: &bytes, ..frame }).unwrap();
    }
    writer.finish().unwrap();
}

proptest! {
    #![proptest_config(ProptestConfig { cases: CASES, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_capture_adds_up(options in options(), damages in prop::collection::vec(damage(), 0..20), every in 1usize..20) {
        let folder = tempfile::tempdir().unwrap();
        let path: PathBuf = folder.path().join("damaged.pcap");
        write_damaged(&path, options, &damages, every);
        replayed_adds_up(&path);
    }
}
