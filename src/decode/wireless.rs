//! IEEE 802.11 data frames, alone or behind a radiotap header.

use super::link::logical_link;
use super::packet::Header;
use super::place::Place;
use super::refused::Refused;

/// Bytes of frame control, duration, three addresses and sequence control (IEEE 802.11 clause 9.3.2.1).
const MAC_BYTES: usize = 24;

/// A radiotap header (version 0, padding, length in little-endian; radiotap.org) and the frame behind it.
pub(super) fn radiotap(place: Place<'_>) -> Result<Header, Refused> {
    let (&[version, _, l0, l1], _) = place.take::<4>()?;
    if version != 0 {
        return Err(Refused::NotIp);
    }
    frame(place.skip(usize::from(u16::from_le_bytes([l0, l1])).max(8))?)
}

/// A frame from its frame control field on. Only data frames that are not encrypted carry what we can read; a frame of several
/// aggregated ones (A-MSDU) is left alone.
pub(super) fn frame(place: Place<'_>) -> Result<Header, Refused> {
    const TYPE: u8 = 0x0c;
    const TYPE_DATA: u8 = 0x08;
    const SUBTYPE_NULL: u8 = 0x40;
    const SUBTYPE_QOS: u8 = 0x80;
    const BOTH_SYSTEMS: u8 = 0x03;
    const PROTECTED: u8 = 0x40;
    const ORDER: u8 = 0x80;
    const AGGREGATED: u8 = 0x80;

    let (&[control, flags], _) = place.take::<2>()?;
    if control & TYPE != TYPE_DATA || control & SUBTYPE_NULL != 0 || flags & PROTECTED != 0 {
        return Err(Refused::NotIp);
    }
    // A fourth address where both ends are distribution systems.
    let mut behind = place.skip(MAC_BYTES + if flags & BOTH_SYSTEMS == BOTH_SYSTEMS { 6 } else { 0 })?;
    if control & SUBTYPE_QOS != 0 {
        let (&[quality, _], after) = behind.take::<2>()?;
        if quality & AGGREGATED != 0 {
            return Err(Refused::NotIp);
        }
        behind = if flags & ORDER != 0 { after.skip(4)? } else { after };
    }
    logical_link(behind)
}
