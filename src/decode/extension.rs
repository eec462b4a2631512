//! IPv6 extension headers, and the authentication header of both families.

use super::packet::{Header, marks};
use super::place::Place;
use super::refused::Refused;
use super::{ip, transport};

// Numbers: IANA "IPv6 Extension Header Types".
const HOP_BY_HOP: u8 = 0;
const ROUTING: u8 = 43;
const FRAGMENT: u8 = 44;
pub(super) const AUTHENTICATION: u8 = 51;
pub(super) const NO_NEXT: u8 = 59;
const DESTINATION: u8 = 60;
const MOBILITY: u8 = 135;
const HIP: u8 = 139;
const SHIM6: u8 = 140;
/// Extension headers that are followed. RFC 8200 section 4.1 lists seven places; even those are often dropped on the way (RFC 9098).
const EXTENSIONS_MAX: u8 = 12;

/// Follows extension headers from `header.protocol` on, then decodes what they lead to.
pub(super) fn chain(mut header: Header, mut place: Place<'_>) -> Result<Header, Refused> {
    for _ in 0..EXTENSIONS_MAX {
        let kind = header.protocol;
        let chained = matches!(kind, HOP_BY_HOP | ROUTING | FRAGMENT | AUTHENTICATION | DESTINATION | MOBILITY | HIP | SHIM6);
        if !chained {
            return ip::within(header, place);
        }
        let captured = place.rest();
        let &[next, length, o0, o1, ..] = captured else {
            transport::header_cut(&mut header, place, 8);
            return Ok(header);
        };
        let bytes = match kind {
            FRAGMENT => 8,
            // In units of four bytes, less two (RFC 4302 section 2.2).
            AUTHENTICATION => (usize::from(length) + 2) * 4,
            _ => (usize::from(length) + 1) * 8,
        };
        if bytes > place.claimed() && !header.has(marks::FIRST_FRAGMENT) {
            return Err(Refused::BadExtension);
        }
        let Ok(behind) = place.skip(bytes) else {
            transport::header_cut(&mut header, place, bytes);
            return Ok(header);
        };
        header.protocol = next;
        place = behind;
        if kind == FRAGMENT {
            let fragment = u16::from_be_bytes([o0, o1]);
            if let &[_, _, _, _, _, _, i2, i3, ..] = captured {
                header.ip_id = u16::from_be_bytes([i2, i3]);
            }
            // Offset in the upper 13 bits, "more fragments" in the lowest (RFC 8200 section 4.5). Neither: an atomic fragment (RFC 6946).
            if fragment >> 3 != 0 {
                ip::later_fragment(&mut header, place);
                return Ok(header);
            }
            if fragment & 1 != 0 {
                header.marks |= marks::FIRST_FRAGMENT;
            }
        }
    }
    Err(Refused::BadExtension)
}

#[cfg(test)]
mod tests {
    use super::super::samples::{ipv4, ipv6, raw, tcp_segment, udp_datagram};
    use super::*;
    use crate::decode::Transport;

    #[test]
    fn each_extension_header_is_passed_over() {
        for kind in [0, 43, 60, 135, 139, 140] {
            let packet = ipv6(kind, &[&[17, 1], &[0; 14][..], &udp_datagram(53, b"x")].concat());
            assert_eq!(raw(&packet).map(|h| (h.protocol, h.target_port, h.payload_bytes)), Ok((17, 53, 1)), "{kind}");
        }
    }

    #[test]
    fn authentication_is_passed_over_in_both_families() {
        let body = [&[17, 4], &[0; 22][..], &udp_datagram(53, b"x")].concat();
        for packet in [ipv4(51, &body), ipv6(51, &body)] {
            assert_eq!(raw(&packet).map(|h| (h.protocol, h.target_port, h.payload_bytes)), Ok((17, 53, 1)));
        }
    }

    #[test]
    fn ipv6_fragments_are_told_apart() {
        let datagram = udp_datagram(53, b"x");
        let fragment =
            |offset_and_more: u8| raw(&ipv6(44, &[&[17, 0, 0, offset_and_more, 0, 0, 0x56, 0x78], &datagram[..]].concat())).unwrap();
        assert_eq!((fragment(0).target_port, fragment(0).marks, fragment(0).ip_id), (53, 0, 0x5678));
        assert_eq!((fragment(1).target_port, fragment(1).marks), (53, marks::FIRST_FRAGMENT));
        assert_eq!((fragment(9).target_port, fragment(9).marks, fragment(9).transport), (0, marks::LATER_FRAGMENT, Transport::Udp));
    }

    #[test]
    fn a_chain_that_does_not_end_is_refused() {
        let chain: Vec<u8> = [60, 0, 0, 0, 0, 0, 0, 0].repeat(40);
        assert_eq!(raw(&ipv6(60, &chain)), Err(Refused::BadExtension));
    }

    #[test]
    fn an_extension_header_beyond_the_packet_is_refused() {
        assert_eq!(raw(&ipv6(60, &[17, 9, 0, 0, 0, 0, 0, 0])), Err(Refused::BadExtension));
    }

    #[test]
    fn a_jumbogram_reaches_to_the_end() {
        let mut packet = ipv6(0, &[&[6, 0, 0xc2, 4, 0, 1, 0x11, 0x78], &tcp_segment(&vec![0; 70_000 - 28])[..]].concat());
        packet[4..6].copy_from_slice(&[0, 0]);
        assert_eq!(raw(&packet).map(|h| (h.target_port, h.payload_bytes)), Ok((502, u16::MAX)));
    }
}
