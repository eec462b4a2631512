//! Headers that no wire carries: what the capturing host puts before a packet.

use super::ip;
use super::link::{by_ether_type, ether_type, logical_link};
use super::packet::Header;
use super::place::Place;
use super::refused::Refused;

/// Values of a cooked frame's protocol field that are no EtherType (LINKTYPE_LINUX_SLL).
const COOKED_LLC: u16 = 4;
/// Hardware types of Linux (`if_arp.h`) whose protocol field is no EtherType.
const HARDWARE_NETLINK: u16 = 824;

/// Linux "cooked" capture: packet type, hardware type, address length, address (8), protocol.
pub(super) fn linux_cooked(place: Place<'_>) -> Result<Header, Refused> {
    let (&[_, _, h0, h1, .., p0, p1], payload) = place.take::<16>()?;
    cooked(u16::from_be_bytes([h0, h1]), u16::from_be_bytes([p0, p1]), payload)
}

/// Version 2: protocol, reserved (2), interface (4), hardware type, packet type, address length, address (8).
pub(super) fn linux_cooked_v2(place: Place<'_>) -> Result<Header, Refused> {
    let (&[p0, p1, _, _, _, _, _, _, h0, h1, ..], payload) = place.take::<20>()?;
    cooked(u16::from_be_bytes([h0, h1]), u16::from_be_bytes([p0, p1]), payload)
}

fn cooked(hardware: u16, protocol: u16, payload: Place<'_>) -> Result<Header, Refused> {
    match (hardware, protocol) {
        (HARDWARE_NETLINK, _) => Err(Refused::NotIp),
        (_, COOKED_LLC) => logical_link(payload),
        (_, 0..=ether_type::LENGTH_MAX) => Err(Refused::NotIp),
        _ => by_ether_type(protocol, payload),
    }
}

/// The BSD loopback header: an address family in the byte order of whoever captured (LINKTYPE_NULL) or of the network (LINKTYPE_LOOP).
pub(super) fn loopback(place: Place<'_>) -> Result<Header, Refused> {
    let (&family, payload) = place.take::<4>()?;
    // All families are below 256, so one of the two readings is the small one.
    match u32::from_le_bytes(family).min(u32::from_be_bytes(family)) {
        2 => ip::ipv4(payload),
        // Linux, OpenBSD and NetBSD, FreeBSD, macOS.
        10 | 24 | 28 | 30 => ip::ipv6(payload),
        _ => Err(Refused::NotIp),
    }
}

/// Linux netfilter log: family, version 0, resource (2), then attributes of length, type (both in host order), value, padding to 4.
pub(super) fn nflog(place: Place<'_>) -> Result<Header, Refused> {
    /// `NFULA_PAYLOAD`: the packet from its IP header on.
    const PAYLOAD: u16 = 9;
    let (&[_, version, ..], mut place) = place.take::<4>()?;
    if version != 0 {
        return Err(Refused::NotIp);
    }
    // Each turn takes at least four bytes.
    loop {
        let (&[l0, l1, k0, k1], value) = place.take::<4>()?;
        // The host is most likely little-endian. All types are below 256, so a larger one was written in the other order.
        let (mut length, mut kind) = (u16::from_le_bytes([l0, l1]), u16::from_le_bytes([k0, k1]));
        if kind > 0xff {
            (length, kind) = (u16::from_be_bytes([l0, l1]), u16::from_be_bytes([k0, k1]));
        }
        let length = usize::from(length).max(4);
        if kind == PAYLOAD {
            return ip::any_version(value.bound(length - 4));
        }
        place = place.skip(length.next_multiple_of(4))?;
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{assert_inner, ipv6, tcp_packet, udp_datagram, whole};
    use super::*;
    use crate::source::LinkType;

    fn with(front: &[u8]) -> Vec<u8> {
        [front, &tcp_packet()].concat()
    }

    #[test]
    fn loopback_families_of_all_systems_and_byte_orders() {
        for link in [LinkType::NULL, LinkType::LOOP] {
            assert_inner(link, &with(&[2, 0, 0, 0]));
            assert_inner(link, &with(&[0, 0, 0, 2]));
            for family in [10, 24, 28, 30] {
                let packet = ipv6(17, &udp_datagram(53, b"x"));
                assert_eq!(whole(link, &[&[family, 0, 0, 0], &packet[..]].concat()).map(|h| h.target_port), Ok(53));
                assert_eq!(whole(link, &[&[0, 0, 0, family], &packet[..]].concat()).map(|h| h.target_port), Ok(53));
            }
            assert_eq!(whole(link, &with(&[7, 0, 0, 0])), Err(Refused::NotIp));
        }
    }

    #[test]
    fn cooked_frames_with_tags_or_without_ip() {
        let cooked = |hardware: u8, protocol: [u8; 2], rest: &[u8]| {
            [&[0, 0, 3, hardware, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0], &protocol[..], rest].concat()
        };
        assert_eq!(assert_inner(LinkType::LINUX_SLL, &cooked(1, [0x81, 0], &with(&[0, 7, 8, 0]))).vlan, 7);
        assert_inner(LinkType::LINUX_SLL, &cooked(1, [0, 4], &with(&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0])));
        assert_eq!(whole(LinkType::LINUX_SLL, &cooked(1, [8, 6], &[0; 28])), Err(Refused::NotIp));
        // Netlink, hardware type 0x0338.
        assert_eq!(whole(LinkType::LINUX_SLL, &cooked(0x38, [8, 0], &tcp_packet())), Err(Refused::NotIp));
    }

    #[test]
    fn a_netfilter_log_without_packet_ends() {
        assert_eq!(whole(LinkType(239), &[2, 0, 0, 0, 8, 0, 10, 0, 0, 0, 0, 1]), Err(Refused::Truncated));
        assert_eq!(whole(LinkType(239), &[2, 0, 0, 0, 0, 0, 1, 0]), Err(Refused::Truncated));
    }
}
