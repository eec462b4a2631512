//! Frames for tests, layer upon layer. The innermost packet is always [`tcp_packet`] unless told.

use crate::addr::Addr;
use crate::source::LinkType;

use super::{Header, Refused, decode};

/// The payload of [`tcp_packet`].
pub const PAYLOAD: &[u8] = b"ping";

/// Decodes a frame that was captured whole.
pub fn whole(link: LinkType, bytes: &[u8]) -> Result<Header, Refused> {
    decode(link, bytes, bytes.len() as u32)
}

/// Decodes an IP packet that was captured whole.
pub fn raw(bytes: &[u8]) -> Result<Header, Refused> {
    whole(LinkType::RAW, bytes)
}

/// Asserts that a frame's innermost packet is [`tcp_packet`].
#[track_caller]
pub fn assert_inner(link: LinkType, bytes: &[u8]) -> Header {
    let header = whole(link, bytes).unwrap();
    assert_eq!((header.source, header.target), (Addr::v4(0x0a00_0001), Addr::v4(0x0a00_0002)));
    assert_eq!((header.source_port, header.target_port), (40000, 502));
    let start = usize::from(header.payload_offset);
    assert_eq!(&bytes[start..start + usize::from(header.payload_bytes)], PAYLOAD);
    assert_eq!(header.payload_claimed, header.payload_bytes);
    header
}

/// A TCP segment from port 40000 to 502 with sequence 0x01020304, flags PSH and ACK.
pub fn tcp_segment(payload: &[u8]) -> Vec<u8> {
    let header = [0x9c, 0x40, 0x01, 0xf6, 1, 2, 3, 4, 5, 6, 7, 8, 0x50, 0x18, 0x04, 0x00, 0, 0, 0, 0];
    [&header, payload].concat()
}

/// A UDP datagram to `target_port`.
pub fn udp_datagram(target_port: u16, payload: &[u8]) -> Vec<u8> {
    let [p0, p1] = target_port.to_be_bytes();
    let [l0, l1] = (8 + payload.len() as u16).to_be_bytes();
    [&[0xc0, 0x00, p0, p1, l0, l1, 0, 0], payload].concat()
}

/// An IPv4 packet from 10.0.0.1 to 10.0.0.2.
pub fn ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let [l0, l1] = (20 + payload.len() as u16).to_be_bytes();
    [&[0x45, 0, l0, l1, 0x12, 0x34, 0x40, 0, 57, protocol, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2], payload].concat()
}

/// An IPv4 packet from 192.0.2.1 to 198.51.100.2, as around a tunnel.
pub fn outer_ipv4(protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = ipv4(protocol, payload);
    packet[12..20].copy_from_slice(&[192, 0, 2, 1, 198, 51, 100, 2]);
    packet
}

/// An IPv6 packet from 2001:db8::1 to 2001:db8::2.
pub fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let [l0, l1] = (payload.len() as u16).to_be_bytes();
    let mut address = [0x20, 0x01, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1];
    let mut packet = vec![0x60, 0, 0, 0, l0, l1, next, 57];
    packet.extend(address);
    address[15] = 2;
    packet.extend(address);
    packet.extend(payload);
    packet
}

/// From 10.0.0.1:40000 to 10.0.0.2:502.
pub fn tcp_packet() -> Vec<u8> {
    ipv4(6, &tcp_segment(PAYLOAD))
}

/// An Ethernet frame, not padded.
pub fn ethernet(ether_type: u16, payload: &[u8]) -> Vec<u8> {
    let [e0, e1] = ether_type.to_be_bytes();
    [&[2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, e0, e1], payload].concat()
}

/// The Ethernet frame of [`tcp_packet`].
pub fn tcp_frame() -> Vec<u8> {
    ethernet(0x0800, &tcp_packet())
}

/// One frame of nearly every kind of layer; each leads to [`tcp_packet`].
pub fn every_layer() -> Vec<(LinkType, Vec<u8>)> {
    let packet = &tcp_packet()[..];
    let tagged = [&[0, 7, 0x81, 0, 0, 9, 8, 0], packet].concat();
    let ppp = [&[0xff, 3, 0, 0x21], packet].concat();
    let pppoe = [&[0x11, 0, 0, 1, 0, packet.len() as u8 + 2, 0, 0x21], packet].concat();
    let vxlan = [&[8, 0, 0, 0, 0, 0, 1, 0], &tcp_frame()[..]].concat();
    let geneve = [&[1, 0, 0x65, 0x58, 0, 0, 1, 0, 0, 0, 0, 0], &tcp_frame()[..]].concat();
    let gtp = [&[0x34, 255, 0, packet.len() as u8 + 8, 0, 0, 0, 1, 0, 0, 0, 0x85, 1, 0, 0, 0], packet].concat();
    let gre = [&[0xb0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], packet].concat();
    let erspan = [&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 0, 0, 0, 0, 0, 0, 0], &tcp_frame()[..]].concat();
    let pptp = [&[0x30, 0x81, 0x88, 0x0b, 0, packet.len() as u8 + 4, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1], &ppp[..]].concat();
    let extended =
        ipv6(0, &[&[60, 0, 1, 4, 0, 0, 0, 0, 44, 0, 1, 4, 0, 0, 0, 0, 51, 0, 0, 0, 0, 0, 0, 9], &[4, 4][..], &[0; 22], packet].concat());
    let snap = [&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], packet].concat();
    vec![
        (LinkType::ETHERNET, tcp_frame()),
        (LinkType::ETHERNET, ethernet(0x88a8, &tagged)),
        (LinkType::ETHERNET, ethernet(0x8847, &[&[0, 1, 0, 64, 0, 2, 1, 64], packet].concat())),
        (LinkType::ETHERNET, ethernet(0x8864, &pppoe)),
        (LinkType::ETHERNET, ethernet(snap.len() as u16, &snap)),
        (LinkType::PPP, ppp),
        (LinkType::NULL, [&[2, 0, 0, 0], packet].concat()),
        (LinkType::LINUX_SLL, [&[0, 0, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0, 8, 0], packet].concat()),
        (LinkType::LINUX_SLL2, [&[8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], packet].concat()),
        (LinkType::RAW, packet.to_vec()),
        (LinkType::RAW, outer_ipv4(17, &udp_datagram(4789, &vxlan))),
        (LinkType::RAW, outer_ipv4(17, &udp_datagram(6081, &geneve))),
        (LinkType::RAW, outer_ipv4(17, &udp_datagram(2152, &gtp))),
        (LinkType::RAW, outer_ipv4(47, &gre)),
        (LinkType::RAW, outer_ipv4(47, &erspan)),
        (LinkType::RAW, outer_ipv4(47, &pptp)),
        (LinkType::IPV6, extended),
        (LinkType(105), [&[0x88, 1, 0, 0], &[2; 20][..], &[0; 2], &snap].concat()),
        (LinkType(127), [&[0, 0, 8, 0, 0, 0, 0, 0, 0x08, 1, 0, 0], &[2; 20][..], &snap].concat()),
        (LinkType(239), [&[2, 0, 0, 0, 8, 0, 10, 0, 0, 0, 0, 1, 4 + packet.len() as u8, 0, 9, 0], packet].concat()),
    ]
}
