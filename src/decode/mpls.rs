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
fn payload(place: Place<'_>) -> Result<Header, Refused> {
    let &[first, ..] = place.rest() else { return Err(Refused::Truncated) };
    match first >> 4 {
        4 | 6 => match ip::any_version(place) {
            Err(Refused::BadIpHeader) => link::ethernet(place.descend(0)?),
            result => result,
        },
        0 => match link::ethernet(place.skip(4)?.descend(0)?) {
            // A MAC address may begin with 0 too, where there is no control word.
            Err(Refused::NotIp | Refused::Truncated | Refused::BadIpHeader) => link::ethernet(place.descend(0)?),
            result => result,
        },
        1 => Err(Refused::NotIp),
        _ => link::ethernet(place.descend(0)?),
    }
}
