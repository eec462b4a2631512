//! Generic routing encapsulation, PPTP's variant of it, and the mirrored frames (ERSPAN) that it carries.

use super::link::{self, ether_type};
use super::packet::Header;
use super::place::Place;
use super::refused::Refused;
use super::{ip, ppp};

/// Bits of the first word (RFC 2784, RFC 2890, RFC 1701 and, for the acknowledgement, RFC 2637 section 4.1).
const CHECKSUM: u16 = 0x8000;
const ROUTING: u16 = 0x4000;
const KEY: u16 = 0x2000;
const SEQUENCE: u16 = 0x1000;
const ACKNOWLEDGEMENT: u16 = 0x0080;
const VERSION: u16 = 0x0007;

/// Protocol types that are no EtherTypes of frames: mirrored frames, and redirected packets of Cisco's WCCP.
const ERSPAN: u16 = 0x88be;
const ERSPAN_III: u16 = 0x22eb;
const WCCP: u16 = 0x883e;

/// A GRE header and what it carries.
///
/// # Errors
/// [`Refused::BadTunnel`] for an unknown version, [`Refused::NotIp`] for an unknown protocol type and for PPTP's bare acknowledgements.
pub(super) fn packet(place: Place<'_>) -> Result<Header, Refused> {
    let (&[f0, f1, p0, p1], behind) = place.take::<4>()?;
    let (flags, kind) = (u16::from_be_bytes([f0, f1]), u16::from_be_bytes([p0, p1]));
    let word = |bit: u16| if flags & bit != 0 { 4 } else { 0 };
    match flags & VERSION {
        0 => {
            // Source routes (RFC 1701) are gone from the standard and never seen: nobody could say how long they are without walking them.
            if flags & ROUTING != 0 {
                return Err(Refused::NotIp);
            }
            let payload = behind.skip(word(CHECKSUM) + word(KEY) + word(SEQUENCE))?;
            match kind {
                ERSPAN if flags & SEQUENCE == 0 => link::ethernet(payload),
                ERSPAN | ERSPAN_III => mirrored(payload),
                WCCP => redirected(payload),
                // No lengths here: 0 is a keep-alive, 0xfe is OSI.
                0..=ether_type::LENGTH_MAX => Err(Refused::NotIp),
                _ => link::by_ether_type(kind, payload),
            }
        }
        // PPTP: the key holds the payload's length and the call; without a sequence number there is no payload.
        1 if kind == ether_type::PPP && flags & KEY != 0 => {
            let (&[l0, l1, _, _], behind) = behind.take::<4>()?;
            if flags & SEQUENCE == 0 {
                return Err(Refused::NotIp);
            }
            ppp::frame(behind.skip(4 + word(ACKNOWLEDGEMENT))?.bound(usize::from(u16::from_be_bytes([l0, l1]))))
        }
        _ => Err(Refused::BadTunnel),
    }
}

/// ERSPAN type II (version 1, 8 bytes) or III (version 2, 12 bytes, and 8 more if the last bit is set); draft-foschiano-erspan-03
/// sections 4.2 and 4.3.
fn mirrored(place: Place<'_>) -> Result<Header, Refused> {
    /// The frame type in bits 10 to 14 of type III's last two bytes: 0 is Ethernet, 2 is IP.
    const FRAME_TYPE: u8 = 0x7c;
    const FRAME_IP: u8 = 2 << 2;
    const SUBHEADER: u8 = 0x01;
    match place.rest() {
        [first, ..] if first >> 4 == 1 => link::ethernet(place.skip(8)?),
        [first, ..] if first >> 4 == 2 => {
            let (&[.., high, low], behind) = place.take::<12>()?;
            let frame = if low & SUBHEADER != 0 { behind.skip(8)? } else { behind };
            match high & FRAME_TYPE {
                0 => link::ethernet(frame),
                FRAME_IP => ip::any_version(frame),
                _ => Err(Refused::NotIp),
            }
        }
        [] => Err(Refused::Truncated),
        _ => Err(Refused::BadTunnel),
    }
}

/// WCCP: the packet itself in version 1, behind four more bytes in version 2 (draft-wilson-wrec-wccp-v2-01 section 4.12).
fn redirected(place: Place<'_>) -> Result<Header, Refused> {
    match place.rest() {
        [first, ..] if first >> 4 == 4 => ip::ipv4(place),
        _ => ip::ipv4(place.skip(4)?),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{assert_inner, outer_ipv4, raw, tcp_frame, tcp_packet};
    use super::*;
    use crate::decode::{Transport, marks};
    use crate::source::LinkType;

    fn gre(header: &[u8], payload: &[u8]) -> Vec<u8> {
        outer_ipv4(47, &[header, payload].concat())
    }

    #[test]
    fn every_mix_of_options_is_passed_over() {
        for bits in 0..8_u8 {
            let header =
                [&[(bits & 4) << 5 | (bits & 2) << 4 | (bits & 1) << 4, 0, 8, 0], &vec![0; bits.count_ones() as usize * 4][..]].concat();
            assert!(assert_inner(LinkType::RAW, &gre(&header, &tcp_packet())).has(marks::TUNNELLED));
        }
    }

    #[test]
    fn frames_and_redirected_packets_are_followed() {
        assert_inner(LinkType::RAW, &gre(&[0, 0, 0x65, 0x58], &tcp_frame()));
        assert_inner(LinkType::RAW, &gre(&[0, 0, 0x88, 0x3e], &tcp_packet()));
        assert_inner(LinkType::RAW, &gre(&[0, 0, 0x88, 0x3e, 0, 0, 0, 0], &tcp_packet()));
    }

    #[test]
    fn mirrored_frames_of_all_three_types() {
        assert_inner(LinkType::RAW, &gre(&[0, 0, 0x88, 0xbe], &tcp_frame()));
        assert_inner(LinkType::RAW, &gre(&[0x10, 0, 0x88, 0xbe, 0, 0, 0, 1, 0x10, 5, 0, 0, 0, 0, 0, 0], &tcp_frame()));
        let third = [0x10, 0, 0x22, 0xeb, 0, 0, 0, 1, 0x20, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_inner(LinkType::RAW, &gre(&third, &tcp_frame()));
        let mut with_subheader = third.to_vec();
        with_subheader[19] = 1;
        with_subheader.extend([0; 8]);
        assert_inner(LinkType::RAW, &gre(&with_subheader, &tcp_frame()));
        let mut ip = third;
        ip[18] = 2 << 2;
        assert_inner(LinkType::RAW, &gre(&ip, &tcp_packet()));
    }

    #[test]
    fn pptp_holds_ppp() {
        assert_inner(LinkType::RAW, &gre(&[0x30, 1, 0x88, 0x0b, 0, 46, 0, 1, 0, 0, 0, 1, 0, 0x21], &tcp_packet()));
    }

    #[test]
    fn a_bare_acknowledgement_leaves_the_outer_packet() {
        let header = raw(&gre(&[0x20, 0x81, 0x88, 0x0b, 0, 0, 0, 1], &[0, 0, 0, 1])).unwrap();
        assert_eq!((header.transport, header.protocol, header.marks & marks::TUNNELLED), (Transport::Other, 47, 0));
    }

    #[test]
    fn an_unknown_protocol_leaves_the_outer_packet() {
        for kind in [[0x08, 0x06], [0, 0]] {
            let header = raw(&gre(&[0, 0, kind[0], kind[1]], &[0; 28])).unwrap();
            assert_eq!((header.source, header.transport, header.payload_bytes), (crate::addr::Addr::v4(0xc000_0201), Transport::Other, 32));
        }
    }

    #[test]
    fn an_unknown_version_is_refused() {
        assert_eq!(raw(&gre(&[0, 5, 8, 0], &tcp_packet())), Err(Refused::BadTunnel));
    }
}
