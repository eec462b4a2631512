//! What the decoder promises about every frame, whatever its layers.

use super::*;
use crate::addr::Addr;

/// Ethernet, IPv4, TCP SYN from 192.0.2.1:40000 to 198.51.100.2:502, padded to 60 bytes.
pub(super) const TCP_SYN: [u8; 60] = [
    2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x08, 0x00, // Ethernet
    0x45, 0, 0, 40, 0x12, 0x34, 0x40, 0, 57, 6, 0, 0, 192, 0, 2, 1, 198, 51, 100, 2, // IPv4
    0x9c, 0x40, 0x01, 0xf6, 1, 2, 3, 4, 0, 0, 0, 0, 0x50, 0x02, 0x04, 0x00, 0, 0, 0, 0, // TCP
    0, 0, 0, 0, 0, 0, // padding
];

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
