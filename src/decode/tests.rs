//! What the decoder promises about every frame, whatever its layers.

use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::samples::{assert_inner, every_layer, tcp_frame, whole};
use super::*;
use crate::addr::Addr;

/// Link types that are decoded, and one that is not.
const LINKS: [u16; 21] = [0, 1, 9, 12, 14, 50, 51, 101, 104, 105, 108, 113, 127, 204, 228, 229, 239, 240, 241, 276, 999];

/// Ethernet, IPv4, TCP SYN from 192.0.2.1:40000 to 198.51.100.2:502, padded to 60 bytes.
const TCP_SYN: [u8; 60] = [
    2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00, // Ethernet
    0x45, 0, 0, 40, 0x12, 0x34, 0x40, 0, 57, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2, // IPv4
    0x9c, 0x40, 0x01, 0xf6, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, 0x02, 0x04, 0x00, 0, 0, 0, 0, // TCP
    0, 0, 0, 0, 0, 0, // padding
];

/// What holds for every header, however hostile the frame.
fn check(link: LinkType, bytes: &[u8], wire_bytes: u32) {
    let result = decode(link, bytes, wire_bytes);
    if link == LinkType::ETHERNET
        && let Some(header) = whole::ethernet(bytes)
    {
        assert_eq!(Ok(header), link::frame(link, Place::new(bytes, wire_bytes)), "{bytes:02x?}");
    }
    if link == LinkType::ETHERNET
        && let Some(plain) = Plain::read(bytes)
    {
        assert_eq!(Ok(plain.header()), result, "{bytes:02x?}");
    }
    let Ok(header) = result else { return };
    assert!(usize::from(header.payload_offset) + usize::from(header.payload_bytes) <= bytes.len(), "{bytes:02x?}");
    assert!(header.payload_bytes <= header.payload_claimed, "{bytes:02x?}");
    assert_eq!(header.has(marks::CUT), header.has(marks::CUT) | header.has(marks::HEADER_CUT), "{bytes:02x?}");
    assert!(header.transport != Transport::Tcp || header.has(marks::HEADER_CUT | marks::LATER_FRAGMENT) || header.tcp_header_bytes >= 20);
}

#[test]
fn a_padded_syn_has_no_payload() {
    let header = decode(LinkType::ETHERNET, &TCP_SYN, 60).unwrap();
    let expected = Header {
        source_port: 40000,
        target_port: 502,
        seq: 0x0102_0304,
        window: 1024,
        ip_id: 0x1234,
        tcp_flags: flags::SYN,
        tcp_header_bytes: 20,
        ttl: 57,
        protocol: 6,
        payload_offset: 54,
        marks: marks::DONT_FRAGMENT,
        ..Header::between(Addr::v4(0xc000_0201), Addr::v4(0xc633_6402), Transport::Tcp)
    };
    assert_eq!(header, expected);
}

#[test]
fn every_layer_leads_to_the_innermost_packet() {
    for (link, bytes) in every_layer() {
        assert_inner(link, &bytes);
    }
}

#[test]
fn every_prefix_is_decoded_or_refused() {
    for (link, bytes) in every_layer() {
        for end in 0..bytes.len() {
            check(link, &bytes[..end], bytes.len() as u32);
            check(link, &bytes[..end], end as u32);
        }
    }
}

#[test]
fn a_cut_frame_is_decoded_as_far_as_it_goes() {
    let bytes = tcp_frame();
    for end in 0..bytes.len() {
        let header = decode(LinkType::ETHERNET, &bytes[..end], bytes.len() as u32);
        match end {
            0..34 => assert_eq!(header, Err(Refused::Truncated)),
            34..48 => assert_eq!(header.map(|h| (h.transport, h.target_port)), Ok((Transport::Other, 0))),
            _ => assert_eq!(header.map(|h| (h.transport, h.target_port)), Ok((Transport::Tcp, 502))),
        }
        let Ok(header) = header else { continue };
        assert!(header.has(marks::CUT));
        assert_eq!(header.has(marks::HEADER_CUT), end < 48, "{end}");
        assert_eq!(header.tcp_flags, if end < 48 { 0 } else { flags::PSH | flags::ACK });
        assert_eq!(usize::from(header.payload_bytes), end.saturating_sub(54));
        assert_eq!(header.payload_claimed, if end < 34 { 0 } else { 4 });
    }
}

#[test]
fn every_single_flipped_bit_is_decoded_or_refused() {
    for (link, mut bytes) in every_layer() {
        for bit in 0..bytes.len() * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            check(link, &bytes, bytes.len() as u32);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn an_unknown_link_type_is_named() {
    assert_eq!(whole(LinkType(195), &TCP_SYN), Err(Refused::UnknownLinkType));
}

#[test]
fn what_is_not_ip_is_named() {
    // ARP, LLDP, GOOSE management, PPPoE discovery.
    for kind in [0x0806, 0x88cc, 0x88b9, 0x8863] {
        assert_eq!(whole(LinkType::ETHERNET, &samples::ethernet(kind, &[0; 46])), Err(Refused::NotIp));
    }
    // Spanning tree: logical link control with service access point 0x42.
    assert_eq!(whole(LinkType::ETHERNET, &samples::ethernet(38, &[0x42; 46])), Err(Refused::NotIp));
}

proptest! {
    #[test]
    fn random_bytes_are_decoded_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), link in prop::sample::select(&LINKS[..]), more in 0u32..100) {
        check(LinkType(link), &bytes, bytes.len() as u32 + more);
    }

    #[test]
    fn damaged_frames_are_decoded_or_refused(
        which in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        end in any::<prop::sample::Index>(),
    ) {
        let samples = every_layer();
        let (link, mut bytes) = samples[which.index(samples.len())].clone();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        check(link, &bytes, bytes.len() as u32);
        check(link, &bytes[..end.index(bytes.len())], bytes.len() as u32);
    }
}

/// All capture files below a folder.
fn captures(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            captures(&path, found);
        } else if path.extension().is_some_and(|end| end == "pcap" || end == "pcapng" || end == "cap") {
            found.push(path);
        }
    }
}

#[test]
fn captures_are_decoded_and_both_paths_agree() {
    let mut paths = Vec::new();
    captures(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures"), &mut paths);
    if paths.is_empty() {
        println!("skipped: no captures beside the project");
        return;
    }
    let (mut frames, mut refused) = (0_u64, [0_u64; Refused::COUNT]);
    for path in paths {
        // What libpcap cannot read is the business of the capture reader's tests.
        let Ok(mut capture) = pcap::Capture::from_file(&path) else { continue };
        let link = LinkType(capture.get_datalink().0 as u16);
        while let Ok(packet) = capture.next_packet() {
            check(link, packet.data, packet.header.len);
            frames += 1;
            if let Err(reason) = decode(link, packet.data, packet.header.len) {
                refused[reason as usize] += 1;
            }
        }
    }
    println!("{frames} frames, refused {:?}", Refused::ALL.iter().map(|r| (r.name(), refused[*r as usize])).collect::<Vec<_>>());
    assert!(refused[Refused::TooDeep as usize] * 1000 <= frames);
}
