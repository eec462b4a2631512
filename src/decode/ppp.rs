//! PPP frames, alone or over Ethernet, and their neighbour, Cisco's HDLC.

use super::packet::Header;
use super::place::Place;
use super::refused::Refused;
use super::{ip, link, mpls};

/// PPP protocol numbers (IANA "PPP DLL Protocol Numbers").
mod protocol {
    pub const IPV4: u16 = 0x0021;
    pub const IPV6: u16 = 0x0057;
    pub const MPLS: u16 = 0x0281;
    pub const MPLS_MULTICAST: u16 = 0x0283;
}

/// A PPP frame, with or without address and control (FF 03), with a protocol field of two bytes or compressed to one (RFC 1661 sections
/// 2 and 6.5: the last byte is odd, the first is even).
pub(super) fn frame(place: Place<'_>) -> Result<Header, Refused> {
    let place = if place.rest().starts_with(&[0xff, 0x03]) { place.skip(2)? } else { place };
    let (protocol, payload) = match *place.rest() {
        [low, ..] if low & 1 == 1 => (u16::from(low), place.skip(1)?),
        [high, low, ..] => (u16::from_be_bytes([high, low]), place.skip(2)?),
        _ => return Err(Refused::Truncated),
    };
    match protocol {
        protocol::IPV4 => ip::ipv4(payload),
        protocol::IPV6 => ip::ipv6(payload),
        protocol::MPLS | protocol::MPLS_MULTICAST => mpls::labels(payload),
        _ => Err(Refused::NotIp),
    }
}

/// A PPPoE session frame: version and type 1, code, session (2), length of what follows (2). RFC 2516 section 4.
pub(super) fn over_ethernet(place: Place<'_>) -> Result<Header, Refused> {
    let (&[version, code, _, _, l0, l1], payload) = place.take::<6>()?;
    match (version, code) {
        (0x11, 0) => frame(payload.bound(usize::from(u16::from_be_bytes([l0, l1])))),
        (0x11, _) => Err(Refused::NotIp),
        _ => Err(Refused::BadTunnel),
    }
}

/// Cisco HDLC (unicast or multicast address, control, EtherType) or PPP in HDLC-like framing.
pub(super) fn hdlc(place: Place<'_>) -> Result<Header, Refused> {
    match place.rest() {
        &[0x0f | 0x8f, _, e0, e1, ..] => link::by_ether_type(u16::from_be_bytes([e0, e1]), place.skip(4)?),
        _ => frame(place),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{assert_inner, ethernet, tcp_packet, whole};
    use super::*;
    use crate::source::LinkType;

    fn with(front: &[u8]) -> Vec<u8> {
        [front, &tcp_packet()].concat()
    }

    #[test]
    fn address_and_protocol_may_be_compressed() {
        for front in [&[0xff, 3, 0, 0x21][..], &[0xff, 3, 0x21], &[0, 0x21], &[0x21]] {
            assert_inner(LinkType::PPP, &[front, &tcp_packet()].concat());
        }
    }

    #[test]
    fn control_protocols_are_not_ip() {
        assert_eq!(whole(LinkType::PPP, &[0xff, 3, 0xc0, 0x21, 1, 1, 0, 4]), Err(Refused::NotIp));
    }

    #[test]
    fn a_session_frame_is_bounded_by_its_length() {
        let session = |first: u8, code: u8| [&[first, code, 0, 1, 0, 46, 0, 0x21], &tcp_packet()[..], &[0; 9]].concat();
        assert_inner(LinkType::ETHERNET, &ethernet(0x8864, &session(0x11, 0)));
        assert_eq!(whole(LinkType::ETHERNET, &ethernet(0x8864, &session(0x11, 9))), Err(Refused::NotIp));
        assert_eq!(whole(LinkType::ETHERNET, &ethernet(0x8864, &session(0x12, 0))), Err(Refused::BadTunnel));
    }

    #[test]
    fn cisco_hdlc_and_its_neighbours() {
        assert_inner(LinkType(104), &with(&[0x0f, 0, 8, 0]));
        assert_inner(LinkType(50), &with(&[0x8f, 0, 8, 0]));
        assert_inner(LinkType(50), &with(&[0xff, 3, 0, 0x21]));
        assert_inner(LinkType(204), &with(&[1, 0xff, 3, 0, 0x21]));
        // Keep-alive (SLARP).
        assert_eq!(whole(LinkType(104), &with(&[0x8f, 0, 0x80, 0x35])), Err(Refused::NotIp));
    }
}
