//! The decoder, under every link type that it knows and one that it doesn't. The payload it finds must lie within the frame.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefrom::decode::decode;
use wherefrom::source::LinkType;

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

fuzz_target!(|input: (u8, u8, &[u8])| {
    let (choice, cut_bytes, bytes) = input;
    let link = LINKS[usize::from(choice) % LINKS.len()];
    let wire_bytes = bytes.len() as u32 + u32::from(cut_bytes);
    if let Ok(header) = decode(link, bytes, wire_bytes) {
        let end = usize::from(header.payload_offset) + usize::from(header.payload_bytes);
        assert!(end <= bytes.len(), "a payload that ends at {end} of {} captured bytes", bytes.len());
    }
});
