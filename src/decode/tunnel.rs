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
pub(super) fn over_ip(outer: Header, place: Place<'_>) -> Result<Header, Refused> {
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
        Err(Refused::NotIp) => Ok(transport::payload(outer, place, 0)),
        Err(Refused::Truncated) if place.claimed() > place.rest().len() || outer.has(marks::FIRST_FRAGMENT) => {
            Ok(transport::payload(outer, place, 0))
        }
        Err(Refused::Truncated) => Err(Refused::BadTunnel),
        result => result,
    }
}

/// Whether the ports are those of a tunnel.
#[inline]
pub(super) const fn is_udp_port(header: &Header) -> bool {
    header.source_port == port::TEREDO
        || matches!(header.target_port, port::GTP_U | port::TEREDO | port::VXLAN | port::GENEVE | port::VXLAN_LINUX)
}

/// The packet inside a tunnel that runs over UDP, or the outer packet if there is no such tunnel or it does not hold what it should.
/// `place` is where the UDP header begins.
///
/// # Errors
/// [`Refused::TooDeep`] only: so many headers that fit are no accident.
pub(super) fn over_udp(outer: Header, place: Place<'_>) -> Result<Header, Refused> {
    if outer.transport != Transport::Udp || outer.has(marks::HEADER_CUT) || !is_udp_port(&outer) {
        return Ok(outer);
    }
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
