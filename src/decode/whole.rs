//! The fast path: whole, plain frames, which are nearly all of them.
//!
//! Each function returns nothing when it meets what it does not know or a length that does not fit; the full decoder then decides. What
//! it does return is what the full decoder would have returned (`tests::check` compares).

use crate::addr::Addr;

use super::ip::{IPV4_BYTES, IPV4_DONT_FRAGMENT, IPV4_FRAGMENT, IPV6_BYTES, ipv6_addresses};
use super::link::ether_type;
use super::packet::{Header, Transport, marks};
use super::place::VLAN_ID;
use super::transport::{TCP_BYTES, Tcp, UDP_BYTES, Udp, protocol};
use super::tunnel;

/// The first byte of an IPv4 header without options: version 4, five words.
pub(super) const IPV4_PLAIN: u8 = 0x45;
/// Bytes of an Ethernet header and of a tag.
pub(super) const ETHERNET_BYTES: usize = 14;
const TAG_BYTES: usize = 4;

/// What an IP header tells, and what it carries.
struct Ip<'a> {
    source: Addr,
    target: Addr,
    ttl: u8,
    protocol: u8,
    id: u16,
    marks: u8,
    segment: &'a [u8],
}

/// An Ethernet frame with at most one IEEE 802.1Q tag.
#[inline(always)]
pub(super) fn ethernet(frame: &[u8]) -> Option<Header> {
    let ([.., e0, e1], mut packet) = frame.split_first_chunk::<ETHERNET_BYTES>()?;
    let mut kind = u16::from_be_bytes([*e0, *e1]);
    let mut vlan = 0;
    if kind == ether_type::VLAN {
        let ([c0, c1, e0, e1], behind) = packet.split_first_chunk::<TAG_BYTES>()?;
        (kind, packet) = (u16::from_be_bytes([*e0, *e1]), behind);
        vlan = u16::from_be_bytes([*c0, *c1]) & VLAN_ID;
    }
    let offset = frame.len() - packet.len();
    match kind {
        ether_type::IPV4 => transport(ipv4(packet)?, offset + IPV4_BYTES, vlan),
        ether_type::IPV6 => transport(ipv6(packet)?, offset + IPV6_BYTES, vlan),
        _ => None,
    }
}

/// The segment in an IP packet, `offset` bytes into the frame. A copy of this for each of the two families keeps the fields in registers.
#[inline(always)]
fn transport(ip: Ip<'_>, offset: usize, vlan: u16) -> Option<Header> {
    match ip.protocol {
        protocol::TCP => {
            let tcp = Tcp::read(ip.segment.first_chunk()?);
            let header_bytes = usize::from(tcp.header_bytes);
            if header_bytes < TCP_BYTES {
                return None;
            }
            let payload_bytes = ip.segment.len().checked_sub(header_bytes)?;
            Some(header(ip, Transport::Tcp, tcp, offset + header_bytes, payload_bytes, vlan))
        }
        protocol::UDP => {
            let Udp { source_port, target_port, length } = Udp::read(ip.segment.first_chunk()?);
            let length = usize::from(length);
            if length > ip.segment.len() || tunnel::is_udp_port(source_port, target_port) {
                return None;
            }
            let payload_bytes = length.checked_sub(UDP_BYTES)?;
            let ports = Tcp { source_port, target_port, seq: 0, ack: 0, window: 0, flags: 0, header_bytes: 0 };
            Some(header(ip, Transport::Udp, ports, offset + UDP_BYTES, payload_bytes, vlan))
        }
        _ => None,
    }
}

/// All fields at once. Payloads are below 64 KiB, as a length field of 16 bits bounds them.
#[inline(always)]
fn header(ip: Ip<'_>, transport: Transport, tcp: Tcp, payload_offset: usize, payload_bytes: usize, vlan: u16) -> Header {
    Header {
        source: ip.source,
        target: ip.target,
        payload_offset: payload_offset as u16,
        payload_bytes: payload_bytes as u16,
        payload_claimed: payload_bytes as u16,
        source_port: tcp.source_port,
        target_port: tcp.target_port,
        seq: tcp.seq,
        ack: tcp.ack,
        window: tcp.window,
        ip_id: ip.id,
        tcp_flags: tcp.flags,
        tcp_header_bytes: tcp.header_bytes,
        icmp_type: 0,
        icmp_code: 0,
        ttl: ip.ttl,
        protocol: ip.protocol,
        transport,
        marks: ip.marks,
        vlan,
    }
}

#[inline(always)]
fn ipv4(packet: &[u8]) -> Option<Ip<'_>> {
    let fields = packet.first_chunk::<IPV4_BYTES>()?;
    let [version, _, l0, l1, i0, i1, f0, f1, ttl, protocol, _, _, s0, s1, s2, s3, t0, t1, t2, t3] = *fields;
    let fragment = u16::from_be_bytes([f0, f1]);
    if version != IPV4_PLAIN || fragment & IPV4_FRAGMENT != 0 {
        return None;
    }
    Some(Ip {
        source: Addr::v4(u32::from_be_bytes([s0, s1, s2, s3])),
        target: Addr::v4(u32::from_be_bytes([t0, t1, t2, t3])),
        ttl,
        protocol,
        id: u16::from_be_bytes([i0, i1]),
        marks: if fragment & IPV4_DONT_FRAGMENT != 0 { marks::DONT_FRAGMENT } else { 0 },
        segment: packet.get(IPV4_BYTES..usize::from(u16::from_be_bytes([l0, l1])))?,
    })
}

#[inline(always)]
fn ipv6(packet: &[u8]) -> Option<Ip<'_>> {
    let (fields, rest) = packet.split_first_chunk::<IPV6_BYTES>()?;
    let [version, _, _, _, l0, l1, protocol, ttl, addresses @ ..] = fields;
    if version >> 4 != 6 {
        return None;
    }
    let (source, target) = ipv6_addresses(addresses);
    let segment = rest.get(..usize::from(u16::from_be_bytes([*l0, *l1])))?;
    Some(Ip { source, target, ttl: *ttl, protocol: *protocol, id: 0, marks: 0, segment })
}
