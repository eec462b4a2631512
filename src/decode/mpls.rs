//! MPLS label stacks and what they may hide. No field says what follows the last label, so it is told by its looks.

use super::packet::Header;
use super::place::Place;
use super::refused::Refused;
use super::{ip, link};

/// The bottom-of-stack bit in a label's third byte (RFC 3032 section 2.1).
const BOTTOM: u8 = 0x01;

/// A stack of labels and what it carries: IP, or an Ethernet pseudo-wire with or without a control word.
pub(super) fn labels(mut place: Place<'_>) -> Result<Header, Refused> {
    // Each turn takes a label off the frame, so the frame's length bounds the loop.
    loop {
        let (label, behind) = place.take::<4>()?;
        place = behind;
        if label[2] & BOTTOM != 0 {
            return payload(place);
        }
    }
}

/// Routers tell IP from a pseudo-wire by the first four bits as well (RFC 4928); MAC addresses that begin with 4 or 6 are the reason for
/// the control word (RFC 4385), which begins with 0. A first four bits of 1 mark an associated channel: no user's packet.
///
/// One reading is chosen and followed: trying several at each level would multiply the work that a hostile frame can cause.
fn payload(place: Place<'_>) -> Result<Header, Refused> {
    let &[first, ..] = place.rest() else { return Err(Refused::Truncated) };
    let behind_control_word = place.skip(4);
    match first >> 4 {
        4 | 6 if ip::is_plausible(place) || !link::is_plausible(place) => ip::any_version(place),
        0 if behind_control_word.is_ok_and(link::is_plausible) || !link::is_plausible(place) => {
            link::ethernet(behind_control_word?.descend(0)?)
        }
        1 => Err(Refused::NotIp),
        _ => link::ethernet(place.descend(0)?),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{assert_inner, ethernet, ipv6, tcp_frame, tcp_packet, udp_datagram, whole};
    use super::*;
    use crate::source::LinkType;

    fn labelled(payload: &[u8]) -> Vec<u8> {
        ethernet(0x8847, &[&[0, 1, 0, 64, 0, 2, 1, 64], payload].concat())
    }

    #[test]
    fn ip_of_both_versions_is_told_by_its_first_bits() {
        assert_inner(LinkType::ETHERNET, &labelled(&tcp_packet()));
        assert_eq!(whole(LinkType::ETHERNET, &labelled(&ipv6(17, &udp_datagram(53, b"x")))).map(|h| h.target_port), Ok(53));
    }

    #[test]
    fn a_pseudo_wire_is_followed_with_and_without_control_word() {
        assert_inner(LinkType::ETHERNET, &labelled(&[&[0, 0, 0, 1], &tcp_frame()[..]].concat()));
        for first in [0x00, 0x02, 0x84, 0x46] {
            let mut frame = tcp_frame();
            frame[0] = first;
            assert_inner(LinkType::ETHERNET, &labelled(&frame));
        }
    }

    #[test]
    fn an_associated_channel_is_not_ip() {
        assert_eq!(whole(LinkType::ETHERNET, &labelled(&[0x10, 0, 0, 7, 1, 2, 3, 4])), Err(Refused::NotIp));
    }

    #[test]
    fn a_stack_without_bottom_is_truncated() {
        assert_eq!(whole(LinkType::ETHERNET, &ethernet(0x8847, &[0; 400])), Err(Refused::Truncated));
    }
}
