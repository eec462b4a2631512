//! Bytes become a packet: from any link type to the innermost addresses, ports and payload.
//!
//! Nearly every frame is one of [`Plain`]: TCP or UDP over IPv4 in an untagged Ethernet frame. The next way (`whole`) takes Ethernet with at
//! most one tag, IP without options or extension headers, TCP or UDP, captured whole. Both check lengths once per header and give up on
//! anything else, without an opinion. What they give up on goes through `link`, `ip`, `tunnel` and `transport`, which know every header and
//! judge.

mod extension;
mod gre;
mod host;
mod ip;
mod link;
mod mpls;
mod packet;
mod place;
mod plain;
mod ppp;
mod refused;
#[cfg(test)]
mod samples;
#[cfg(test)]
mod tests;
mod transport;
mod tunnel;
mod whole;
mod wireless;

pub use packet::{Header, Transport, flags, marks};
pub use plain::{Plain, Wire};
pub use refused::Refused;
pub use transport::protocol;

use crate::source::LinkType;

use place::Place;

/// Decodes one frame of `wire_bytes` bytes, of which `bytes` were captured, to its innermost IP packet.
///
/// Never panics and never allocates. A frame that the snap length cut is decoded as far as it goes, see [`marks::CUT`] and
/// [`marks::HEADER_CUT`].
///
/// # Errors
/// [`Refused`] says why there is nothing to count. A frame without the innermost addresses is [`Refused::Truncated`].
#[inline]
pub fn decode(link: LinkType, bytes: &[u8], wire_bytes: u32) -> Result<Header, Refused> {
    let whole = if link == LinkType::ETHERNET { whole::ethernet(bytes) } else { None };
    match whole {
        Some(header) => Ok(header),
        None => link::frame(link, Place::new(bytes, wire_bytes)),
    }
}
