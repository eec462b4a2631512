//! The fast path: whole, plain frames, which are nearly all of them.
//!
//! Each function returns nothing when it meets what it does not know or a length that does not fit; the full decoder then decides. What
//! it does return is what the full decoder would have returned (`tests::fast_and_full_agree`).

use crate::addr::Addr;

use super::ip::{IPV4_BYTES, IPV4_DONT_FRAGMENT, IPV4_FRAGMENT, IPV6_BYTES, ipv6_addresses};
use super::link::ether_type;
use super::packet::{Header, Transport, marks};
use super::transport::{TCP_BYTES, UDP_BYTES, protocol, tcp_fields, udp_fields};
use super::tunnel;

/// The first byte of an IPv4 header without options: version 4, five words.
const IPV4_PLAIN: u8 = 0x45;

/// An Ethernet frame with at most one IEEE 802.1Q tag.
#[inline]
pub(super) fn ethernet(frame: &[u8]) -> Option<Header> {
    let ([.., e0, e1], packet) = frame.split_first_chunk::<14>()?;
    match u16::from_be_bytes([*e0, *e1]) {
        ether_type::IPV4 => ipv4(packet, 14, 0),
        ether_type::IPV6 => ipv6(packet, 14, 0),
        ether_type::VLAN => {
            let ([c0, c1, e0, e1], packet) = packet.split_first_chunk::<4>()?;
            let vlan = u16::from_be_bytes([*c0, *c1]) & 0x0fff;
            match u16::from_be_bytes([*e0, *e1]) {
                ether_type::IPV4 => ipv4(packet, 18, vlan),
                ether_type::IPV6 => ipv6(packet, 18, vlan),
                _ => None,
            }
        }
        _ => None,
    }
}

#[inline(always)]
fn ipv4(packet: &[u8], offset: u16, vlan: u16) -> Option<Header> {
    let fields = packet.first_chunk::<IPV4_BYTES>()?;
    let [version, _, l0, l1, i0, i1, f0, f1, ttl, protocol, _, _, s0, s1, s2, s3, t0, t1, t2, t3] = *fields;
    let fragment = u16::from_be_bytes([f0, f1]);
    if version != IPV4_PLAIN || fragment & IPV4_FRAGMENT != 0 {
        return None;
    }
    let segment = packet.get(IPV4_BYTES..usize::from(u16::from_be_bytes([l0, l1])))?;
    let source = Addr::v4(u32::from_be_bytes([s0, s1, s2, s3]));
    let target = Addr::v4(u32::from_be_bytes([t0, t1, t2, t3]));
    let header = Header {
        ttl,
        protocol,
        ip_id: u16::from_be_bytes([i0, i1]),
        marks: if fragment & IPV4_DONT_FRAGMENT != 0 { marks::DONT_FRAGMENT } else { 0 },
        vlan,
        ..Header::between(source, target, Transport::Other)
    };
    transport(header, segment, offset + IPV4_BYTES as u16)
}

#[inline(always)]
fn ipv6(packet: &[u8], offset: u16, vlan: u16) -> Option<Header> {
    let (fields, rest) = packet.split_first_chunk::<IPV6_BYTES>()?;
    let [version, _, _, _, l0, l1, protocol, ttl, addresses @ ..] = fields;
    let segment = rest.get(..usize::from(u16::from_be_bytes([*l0, *l1])))?;
    if version >> 4 != 6 {
        return None;
    }
    let (source, target) = ipv6_addresses(addresses);
    let header = Header { ttl: *ttl, protocol: *protocol, vlan, ..Header::between(source, target, Transport::Other) };
    transport(header, segment, offset + IPV6_BYTES as u16)
}

#[inline(always)]
fn transport(mut header: Header, segment: &[u8], offset: u16) -> Option<Header> {
    let (header_bytes, end) = match header.protocol {
        protocol::TCP => {
            let header_bytes = tcp_fields(&mut header, segment.first_chunk::<TCP_BYTES>()?);
            if header_bytes < TCP_BYTES {
                return None;
            }
            (header_bytes, segment.len())
        }
        protocol::UDP => {
            let length = udp_fields(&mut header, segment.first_chunk::<UDP_BYTES>()?);
            if length > segment.len() || tunnel::is_udp_port(&header) {
                return None;
            }
            (UDP_BYTES, length)
        }
        _ => return None,
    };
    // At most 65,535: both lengths are within an IP packet.
    let payload_bytes = end.checked_sub(header_bytes)? as u16;
    header.payload_offset = offset + header_bytes as u16;
    header.payload_bytes = payload_bytes;
    header.payload_claimed = payload_bytes;
    Some(header)
}
