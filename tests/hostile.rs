//! No bytes whatever make the sensor panic: each file is read, or refused by an error that names it.

mod support {
    pub mod border;
    pub mod collection;
    pub mod damage;
    pub mod engine;
    pub mod program;
    pub mod records;
    pub mod replay;
}

use std::io::{Cursor, Write};
use std::path::Path;

use support::border::border;
use support::collection::collection;
use support::damage::Chance;
use support::program::wherefrom;
use support::records::records;
use support::replay::replay_file;
use wherefrom::decode::decode;
use wherefrom::source::{CaptureReader, Files, FilesOptions, Frame, LinkType, PcapWriter};

/// Damaged copies of each frame or file.
const COPIES: usize = 24;
/// Files are cut after every byte up to here, and after every 97th beyond.
const EVERY_BYTE_UP_TO: usize = 600;
/// Only so much of a file is damaged.
const FILE_BYTES_MAX: usize = 6_000;
/// Of a long capture, one frame in so many is damaged; those of industrial ports, each.
const FRAMES_STEP: usize = 24;
/// Modbus, S7comm, IEC 60870-5-104, DNP3, BACnet, EtherNet/IP: in the border's capture.
const ICS_PORTS: [u16; 6] = [502, 102, 2404, 20_000, 47_808, 44_818];

/// Link types under which every frame is tried, whatever it is; the last exists nowhere.
const LINKS: [LinkType; 10] = [
    LinkType::ETHERNET,
    LinkType::NULL,
    LinkType::LOOP,
    LinkType::PPP,
    LinkType::RAW,
    LinkType::IPV4,
    LinkType::IPV6,
    LinkType::LINUX_SLL,
    LinkType::LINUX_SLL2,
    LinkType(60_000),
];

const CAPTURES: [&str; 16] = [
    "real/malformed/ntopng-fuzz_corpus_fuzz_dissect_packet_geneve.pcap",
    "real/malformed/ntopng-fuzz_corpus_fuzz_dissect_packet_various_gre.pcap",
    "real/malformed/tcpdump-tests_bcm-li.pcap",
    "real/malformed/tcpdump-tests_ppp-invalid-lengths.pcap",
    "real/malformed/tcpdump-tests_PIM-DM_pruning.pcap",
    "real/malformed/suricata-verify-tests_bug-4810_pppoe-session-http.pcap",
    "real/malformed/zeek-testing_btest_Traces_tunnels_gtp_gtp9_unknown_or_too_short_payload.pcap",
    "real/malformed/nDPI-tests_cfgs_default_pcap_quic-forcing-vn-with-data.pcapng",
    "real/ics/suricata-verify-tests_modbus_modbus.pcap",
    "real/ics/suricata-verify-tests_dnp3_dnp3-eve_input.pcap",
    "real/ics/ICS-Security-Tools-pcaps_hart_hart_ip.pcap",
    "real/ics/ICS-Security-Tools-pcaps_IEC60870-5-104_TestDissectIec104.pcap",
    "real/ics/ICS-Security-Tools-pcaps_s7_step7_s300_download.pcapng",
    "real/ics/ICS-Security-Tools-pcaps_beckoff_invokeid12.pcapng",
    "real/ics/ICS-Security-Tools-pcaps_openics_DNP3-Malformed.pcap",
    "real/benign/zeek-testing_btest_Traces_tls_missing-intermediate.pcap",
];

/// Reads to the end and decodes; the error that ended it, if one did.
fn read_and_decode(bytes: &[u8]) -> Option<String> {
    let name = "some/hostile.pcap";
    let mut reader = match CaptureReader::from_reader(name, Box::new(Cursor::new(bytes.to_vec()))) {
        Ok(reader) => reader,
        Err(error) => return Some(error.to_string()),
    };
    loop {
        match reader.next_frame() {
            // Refused or decoded: both are fine.
            Ok(Some(frame)) => drop(decode(frame.link, frame.bytes, frame.wire_bytes)),
            Ok(None) => return None,
            Err(error) => return Some(error.to_string()),
        }
    }
}

fn read_and_name(bytes: &[u8]) {
    if let Some(error) = read_and_decode(bytes) {
        assert!(error.contains("some/hostile.pcap"), "an error that names no file: {error}");
    }
}

/// A pcapng file of the frames in a pcap file: a section, an interface, an enhanced packet block each (draft-ietf-opsawg-pcapng).
fn as_pcapng(frames: &[Vec<u8>]) -> Vec<u8> {
    let block = |kind: u32, body: &[u8]| {
        let body = [body, &vec![0; body.len().next_multiple_of(4) - body.len()][..]].concat();
        let length = (body.len() as u32 + 12).to_le_bytes();
        [&kind.to_le_bytes()[..], &length, &body, &length].concat()
    };
    let mut file = block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
    // With if_tsresol (9): nanoseconds; then the end of options.
    file.extend(block(1, &[&[1, 0, 0, 0, 0, 0, 4, 0, 9, 0, 1, 0, 9, 0, 0, 0, 0, 0, 0, 0][..]].concat()));
    for frame in frames {
        let length = (frame.len() as u32).to_le_bytes();
        file.extend(block(6, &[&[0; 4][..], &[0; 8], &length, &length, frame].concat()));
    }
    file
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn frames_of(path: &Path) -> Vec<(LinkType, u64, Vec<u8>)> {
    let mut files = Files::open(&[path.into()], &FilesOptions::default()).unwrap();
    let mut frames = Vec::new();
    while let Ok(Some(frame)) = files.next_frame() {
        frames.push((frame.link, frame.time_ns, frame.bytes.to_vec()));
    }
    frames
}

/// Small files of every format that the reader knows.
fn small_files() -> Vec<Vec<u8>> {
    let border = std::fs::read(border()).unwrap();
    let frames: Vec<Vec<u8>> = frames_of(&self::border()).into_iter().take(8).map(|(.., bytes)| bytes).collect();
    let pcap = border[..800].to_vec();
    let pcapng = as_pcapng(&frames);
    let zstd = zstd::encode_all(&pcap[..], 1).unwrap();
    vec![gzip(&pcap), zstd, gzip(&pcapng), pcap, pcapng]
}

/// The first bytes of the files of the collection, and the small ones.
fn samples() -> Vec<Vec<u8>> {
    let mut samples = small_files();
    for path in collection(&CAPTURES) {
        let mut bytes = std::fs::read(path).unwrap();
        bytes.truncate(FILE_BYTES_MAX);
        samples.push(bytes);
    }
    samples
}

#[test]
fn every_prefix_of_a_file_is_read_or_refused_by_name() {
    for sample in samples() {
        let ends = (0..sample.len().min(EVERY_BYTE_UP_TO)).chain((EVERY_BYTE_UP_TO..sample.len()).step_by(97));
        ends.for_each(|end| read_and_name(&sample[..end]));
    }
}

#[test]
fn damaged_files_are_read_or_refused_by_name() {
    let mut chance = Chance::new();
    for sample in samples() {
        for _ in 0..COPIES * 10 {
            read_and_name(&chance.damaged(&sample));
        }
    }
}

/// Writes every prefix of each frame, and damaged copies, and replays all of it.
fn replay_hostile(frames: &[(LinkType, u64, Vec<u8>)], link: LinkType) {
    let mut chance = Chance::new();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("hostile.pcap");
    let mut writer = PcapWriter::create(&path, link).unwrap();
    let mut written = 0u64;
    for (_, time_ns, bytes) in frames {
        let whole = Frame { time_ns: *time_ns, wire_bytes: bytes.len() as u32, link, interface: 0, bytes };
        let prefixes = (0..=bytes.len()).map(|end| bytes[..end].to_vec());
        let prefixes: Vec<Vec<u8>> = prefixes.chain((0..COPIES).map(|_| chance.damaged(bytes))).collect();
        for bytes in &prefixes {
            writer.write(&Frame { bytes, ..whole }).unwrap();
            written += 1;
        }
    }
    writer.finish().unwrap();
    let (text, done) = replay_file(&path, 2, 2);
    assert!(done.is_ok(), "{done:?}");
    let frames: u64 = records(&text).iter().filter_map(|record| record["frames"].as_u64()).sum();
    assert_eq!(frames, written, "under link type {}", link.0);
}

/// Whether the frame is Ethernet with IPv4 without options and one of the industrial ports.
fn is_industrial(frame: &[u8]) -> bool {
    let port = |at: usize| frame.get(at..at + 2).map(|bytes| u16::from_be_bytes([bytes[0], bytes[1]]));
    [34, 36].into_iter().filter_map(port).any(|port| ICS_PORTS.contains(&port))
}

#[test]
fn damaged_frames_pass_every_detector() {
    let frames = frames_of(&border()).into_iter().enumerate();
    let chosen: Vec<_> = frames.filter(|(at, (.., bytes))| at % FRAMES_STEP == 0 || is_industrial(bytes)).map(|(_, frame)| frame).collect();
    assert!(chosen.iter().filter(|(.., bytes)| is_industrial(bytes)).count() > 40);
    replay_hostile(&chosen, LinkType::ETHERNET);
}

#[test]
fn frames_pass_under_every_link_type() {
    let chosen: Vec<_> = frames_of(&border()).into_iter().step_by(400).collect();
    for link in LINKS {
        // As they are, and without the Ethernet header, where another link type may find an IP header.
        let bare: Vec<_> = chosen.iter().map(|(link, time_ns, bytes)| (*link, *time_ns, bytes[14..].to_vec())).collect();
        replay_hostile(&chosen, link);
        replay_hostile(&bare, link);
    }
}

#[test]
fn damaged_frames_of_the_collection_pass_every_detector() {
    for path in collection(&CAPTURES) {
        let frames: Vec<_> = frames_of(&path).into_iter().filter(|(.., bytes)| bytes.len() <= 400).take(12).collect();
        if let Some(&(link, ..)) = frames.first() {
            replay_hostile(&frames, link);
        }
    }
}

#[test]
fn the_program_ends_with_0_or_1_and_names_the_file() {
    let mut chance = Chance::new();
    let folder = tempfile::tempdir().unwrap();
    for (number, sample) in samples().iter().enumerate() {
        let path = folder.path().join(format!("hostile-{number}.pcap"));
        std::fs::write(&path, chance.damaged(sample)).unwrap();
        let output = wherefrom(["read".as_ref(), "--json".as_ref(), path.as_os_str()]);
        let said = String::from_utf8_lossy(&output.stderr);
        match output.status.code() {
            Some(0) => assert_eq!(said, "", "done, and complains all the same"),
            Some(1) => assert!(said.contains(&format!("hostile-{number}.pcap")), "{said}"),
            other => panic!("{}: exit code {other:?}: {said}", path.display()),
        }
    }
}
