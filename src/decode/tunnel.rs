//! Tunnels: IP in IP, GRE and what runs over UDP. Those over IP are named by a protocol number and believed; those over UDP are guessed
//! by port, and a guess that does not fit leaves the outer UDP packet as it was.

use super::packet::{Header, Transport, marks};
use super::place::Place;
use super::refused::Refused;
use super::{gre, ip, link, mpls, transport};

/// IP protocol numbers of tunnels (IANA "Assigned Internet Protocol Numbers").
mod protocol {
    pub const IPV4: u8 = 4;
    pub const IPV6: u8 = 41;
    pub const GRE: u8 = 47;
    pub const ETHERNET_IN_IP: u8 = 97;
    pub const MPLS: u8 = 137;
}

/// UDP target ports of tunnels (IANA "Service Name and Transport Protocol Port Number Registry").
mod port {
    pub const GTP_U: u16 = 2152;
    /// Source and target alike.
    pub const TEREDO: u16 = 3544;
    pub const VXLAN: u16 = 4789;
    pub const GENEVE: u16 = 6081;
    /// VXLAN as Linux did it before the port was assigned, and still does unless told.
    pub const VXLAN_LINUX: u16 = 8472;
}

/// Whether an IP protocol is a tunnel that we can enter.
#[inline]
pub(super) const fn is_over_ip(number: u8) -> bool {
    matches!(number, protocol::IPV4 | protocol::IPV6 | protocol::GRE | protocol::ETHERNET_IN_IP | protocol::MPLS)
}

/// The packet inside a tunnel that runs over IP. An inner protocol that is not IP, or an inner packet that was cut before its addresses,
/// leaves the outer packet, as [`Transport::Other`].
///
/// # Errors
/// [`Refused::TooDeep`], [`Refused::BadTunnel`], and whatever is wrong with the inner packet.
pub(super) fn over_ip(mut outer: Header, place: Place<'_>) -> Result<Header, Refused> {
    debug_assert!(outer.transport == Transport::Other);
    let inner = place.descend(marks::TUNNELLED)?;
    let result = match outer.protocol {
        protocol::IPV4 => ip::ipv4(inner),
        protocol::IPV6 => ip::ipv6(inner),
        protocol::GRE => gre::packet(inner),
        protocol::MPLS => mpls::labels(inner),
        // Version 3 and reserved bits (RFC 3378 section 2).
        _ => inner.take::<2>().and_then(|(_, frame)| link::ethernet(frame)),
    };
    match result {
        Err(Refused::Truncated) if place.claimed() == place.rest().len() && !outer.has(marks::FIRST_FRAGMENT) => Err(Refused::BadTunnel),
        Err(Refused::NotIp | Refused::Truncated) => {
            transport::payload(&mut outer, place, 0);
            Ok(outer)
        }
        result => result,
    }
}

/// Whether the ports are those of a tunnel.
#[inline]
pub(super) const fn is_udp_port(source: u16, target: u16) -> bool {
    source == port::TEREDO || matches!(target, port::GTP_U | port::TEREDO | port::VXLAN | port::GENEVE | port::VXLAN_LINUX)
}

/// Whether a packet is a whole UDP header with the ports of a tunnel.
#[inline]
pub(super) fn is_over_udp(header: &Header) -> bool {
    header.transport == Transport::Udp && !header.has(marks::HEADER_CUT) && is_udp_port(header.source_port, header.target_port)
}

/// The packet inside a tunnel that runs over UDP (see [`is_over_udp`]), or the outer packet if it does not hold what it should.
/// `place` is where the UDP header begins.
///
/// # Errors
/// [`Refused::TooDeep`] only: so many headers that fit are no accident.
pub(super) fn over_udp(outer: Header, place: Place<'_>) -> Result<Header, Refused> {
    match guess(&outer, place) {
        Ok(inner) => Ok(inner),
        Err(Refused::TooDeep) => Err(Refused::TooDeep),
        Err(_) => Ok(outer),
    }
}

fn guess(outer: &Header, place: Place<'_>) -> Result<Header, Refused> {
    let datagram = place.skip(transport::UDP_BYTES)?.bound(usize::from(outer.payload_claimed));
    let inner = datagram.descend(marks::TUNNELLED)?.as_guess(!outer.has(marks::FIRST_FRAGMENT));
    match outer.target_port {
        port::VXLAN | port::VXLAN_LINUX => vxlan(inner),
        port::GENEVE => geneve(inner),
        port::GTP_U => gtp_user(inner),
        _ => teredo(inner),
    }
}

/// VXLAN: flags with only "identifier valid" and the group policy bit set, identifier, Ethernet frame (RFC 7348 section 5).
fn vxlan(place: Place<'_>) -> Result<Header, Refused> {
    const VALID: u8 = 0x08;
    const GROUP_POLICY: u8 = 0x80;
    match place.take::<8>()? {
        ([flags, .., 0], frame) if flags & !GROUP_POLICY == VALID => link::ethernet(frame),
        _ => Err(Refused::BadTunnel),
    }
}

/// Geneve: version 0 and options' length in words, flags, EtherType, identifier (RFC 8926 section 3.4).
fn geneve(place: Place<'_>) -> Result<Header, Refused> {
    let (&[first, flags, e0, e1, _, _, _, reserved], options) = place.take::<8>()?;
    if first >> 6 != 0 || flags & 0x3f != 0 || reserved != 0 {
        return Err(Refused::BadTunnel);
    }
    link::by_ether_type(u16::from_be_bytes([e0, e1]), options.skip(usize::from(first) * 4)?)
}

/// GTP version 1, user plane: flags, type, length of what follows the first eight bytes, tunnel; then, if any of three flags is set, four
/// bytes of which the last begins a chain of extension headers (3GPP TS 29.281 section 5).
fn gtp_user(place: Place<'_>) -> Result<Header, Refused> {
    const VERSION_1: u8 = 0x30;
    const OPTIONAL: u8 = 0x07;
    const USER_PACKET: u8 = 255;
    const EXTENSIONS_MAX: usize = 8;

    let (&[flags, kind, l0, l1, ..], mut behind) = place.take::<8>()?;
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    if flags & 0xf8 != VERSION_1 || kind != USER_PACKET || (place.guessed && length != behind.claimed()) {
        return Err(Refused::BadTunnel);
    }
    if flags & OPTIONAL != 0 {
        let (&[.., mut next], after) = behind.take::<4>()?;
        behind = after;
        for _ in 0..EXTENSIONS_MAX {
            if next == 0 {
                break;
            }
            let &[words, ..] = behind.rest() else { return Err(Refused::Truncated) };
            let bytes = usize::from(words) * 4;
            let last = bytes.checked_sub(1).ok_or(Refused::BadTunnel)?;
            next = *behind.rest().get(last).ok_or(Refused::Truncated)?;
            behind = behind.skip(bytes)?;
        }
    }
    ip::any_version(behind)
}

/// Teredo: optionally an authentication (00 01) and an origin (00 00) indication, then IPv6 with a Teredo or a link-local address at one end
/// (RFC 4380 section 5.1.1).
fn teredo(place: Place<'_>) -> Result<Header, Refused> {
    let mut behind = place;
    if let &[0, 1, identifier, authentication, ..] = behind.rest() {
        behind = behind.skip(13 + usize::from(identifier) + usize::from(authentication))?;
    }
    if let [0, 0, ..] = behind.rest() {
        behind = behind.skip(8)?;
    }
    let header = ip::ipv6(behind)?;
    let is_usual = |addr: u128| addr >> 96 == 0x2001_0000 || addr >> 118 == 0xfe80 >> 6;
    if is_usual(header.source.0) || is_usual(header.target.0) { Ok(header) } else { Err(Refused::BadTunnel) }
}

#[cfg(test)]
mod tests {
    use super::super::place::LEVELS_MAX;
    use super::super::samples::{assert_inner, ipv4, ipv6, outer_ipv4, raw, tcp_frame, tcp_packet, tcp_segment, udp_datagram};
    use super::*;
    use crate::addr::Addr;
    use crate::decode::decode;
    use crate::source::LinkType;

    fn over(port: u16, header: &[u8], payload: &[u8]) -> Vec<u8> {
        outer_ipv4(17, &udp_datagram(port, &[header, payload].concat()))
    }

    #[test]
    fn ip_in_ip_of_both_families() {
        assert!(assert_inner(LinkType::RAW, &outer_ipv4(4, &tcp_packet())).has(marks::TUNNELLED));
        assert_inner(LinkType::RAW, &ipv6(4, &tcp_packet()));
        let six_in_four = raw(&outer_ipv4(41, &ipv6(6, &tcp_segment(b"x")))).unwrap();
        assert_eq!((six_in_four.source, six_in_four.target_port), (Addr::v6(0x2001_0db8 << 96 | 1), 502));
        assert_inner(LinkType::RAW, &outer_ipv4(97, &[&[0x30, 0], &tcp_frame()[..]].concat()));
        assert_inner(LinkType::RAW, &outer_ipv4(137, &[&[0, 1, 1, 64], &tcp_packet()[..]].concat()));
    }

    #[test]
    fn tunnels_are_followed_to_the_limit_and_no_further() {
        let mut packet = tcp_packet();
        for _ in 0..LEVELS_MAX {
            packet = outer_ipv4(4, &packet);
        }
        assert_inner(LinkType::RAW, &packet);
        assert_eq!(raw(&outer_ipv4(4, &packet)), Err(Refused::TooDeep));
    }

    #[test]
    fn a_bad_inner_packet_is_refused() {
        let mut packet = outer_ipv4(4, &tcp_packet());
        packet[20] = 0x42;
        assert_eq!(raw(&packet), Err(Refused::BadIpHeader));
        assert_eq!(raw(&outer_ipv4(4, &tcp_packet()[..19])), Err(Refused::BadTunnel));
    }

    #[test]
    fn a_tunnel_cut_before_the_inner_addresses_leaves_the_outer_packet() {
        let packet = outer_ipv4(4, &tcp_packet());
        let header = decode(LinkType::RAW, &packet[..39], packet.len() as u32).unwrap();
        assert_eq!((header.source, header.transport, header.protocol), (Addr::v4(0xc000_0201), Transport::Other, 4));
        assert!(header.has(marks::CUT) && !header.has(marks::TUNNELLED));
    }

    #[test]
    fn a_first_fragment_of_a_tunnel_has_the_inner_ports() {
        let mut packet = outer_ipv4(4, &tcp_packet()[..42]);
        packet[6] = 0x20;
        let header = raw(&packet).unwrap();
        assert_eq!((header.source, header.target_port), (Addr::v4(0x0a00_0001), 502));
        assert_eq!((header.payload_bytes, header.payload_claimed), (2, 4));
        assert!(header.has(marks::CUT));
    }

    #[test]
    fn vxlan_on_both_ports() {
        for port in [4789, 8472] {
            assert!(assert_inner(LinkType::RAW, &over(port, &[8, 0, 0, 0, 0, 0, 1, 0], &tcp_frame())).has(marks::TUNNELLED));
        }
    }

    #[test]
    fn geneve_options_are_passed_over() {
        assert_inner(LinkType::RAW, &over(6081, &[2, 0, 0x65, 0x58, 0, 0, 1, 0, 1, 2, 3, 4, 5, 6, 7, 8], &tcp_frame()));
        assert_inner(LinkType::RAW, &over(6081, &[0, 0, 8, 0, 0, 0, 1, 0], &tcp_packet()));
    }

    #[test]
    fn gtp_extension_headers_are_passed_over() {
        assert_inner(LinkType::RAW, &over(2152, &[0x30, 255, 0, 44, 0, 0, 0, 1], &tcp_packet()));
        let extended = [0x36, 255, 0, 56, 0, 0, 0, 1, 0, 1, 0, 0xc0, 1, 0, 0, 0x85, 1, 0, 0, 0];
        assert_inner(LinkType::RAW, &over(2152, &extended, &tcp_packet()));
    }

    #[test]
    fn a_guess_that_does_not_fit_leaves_the_outer_datagram() {
        let wrong = [
            // A bit that VXLAN reserves; an Ethernet frame without IP; IP that claims more than there is.
            over(4789, &[0x48, 0, 0, 0, 0, 0, 1, 0], &tcp_frame()),
            over(4789, &[8, 0, 0, 0, 0, 0, 1, 0], &[0; 60]),
            over(4789, &[8, 0, 0, 0, 0, 0, 1, 0], &tcp_frame()[..56]),
            // Geneve of version 1; GTP of another length, and another type.
            over(6081, &[0x40, 0, 8, 0, 0, 0, 1, 0], &tcp_packet()),
            over(2152, &[0x30, 255, 0, 45, 0, 0, 0, 1], &tcp_packet()),
            over(2152, &[0x30, 1, 0, 44, 0, 0, 0, 1], &tcp_packet()),
            over(2152, &[0x34, 255, 0, 52, 0, 0, 0, 1, 0, 0, 0, 0x85, 0, 0, 0, 0], &tcp_packet()),
            over(3544, &[], &ipv6(6, &tcp_segment(b"x"))),
            over(4789, &[], b"nothing like it"),
            over(4789, &[], b""),
        ];
        for packet in wrong {
            let header = raw(&packet).unwrap();
            assert_eq!((header.source, header.transport), (Addr::v4(0xc000_0201), Transport::Udp));
            assert_eq!((usize::from(header.payload_bytes), header.marks), (packet.len() - 28, marks::DONT_FRAGMENT));
        }
    }

    #[test]
    fn other_ports_are_not_tried() {
        assert_eq!(raw(&over(4790, &[8, 0, 0, 0, 0, 0, 1, 0], &tcp_frame())).map(|h| h.target_port), Ok(4790));
    }

    #[test]
    fn teredo_with_its_indications() {
        let mut packet = ipv6(6, &tcp_segment(b"x"));
        packet[8..16].copy_from_slice(&[0x20, 0x01, 0, 0, 1, 2, 3, 4]);
        let origin = [0, 0, 0xfc, 0x17, 1, 2, 3, 4];
        let authentication = [0, 1, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 0];
        for front in [&[][..], &origin, &authentication, &[&authentication[..], &origin].concat()] {
            assert_eq!(raw(&over(3544, front, &packet)).map(|h| (h.transport, h.target_port)), Ok((Transport::Tcp, 502)));
        }
    }

    #[test]
    fn a_later_fragment_is_not_taken_for_a_tunnel() {
        let mut packet = outer_ipv4(4, &ipv4(6, &tcp_segment(b"")));
        packet[7] = 9;
        assert_eq!(
            raw(&packet).map(|h| (h.protocol, h.transport, h.marks)),
            Ok((4, Transport::Other, marks::LATER_FRAGMENT | marks::DONT_FRAGMENT))
        );
    }
}
