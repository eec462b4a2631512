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

#[cfg(test)]
mod tests {
    use super::super::samples::{assert_inner, tcp_packet, whole};
    use super::*;
    use crate::source::LinkType;

    const IEEE802_11: LinkType = LinkType(105);

    fn data(control: [u8; 2], behind_addresses: &[u8]) -> Vec<u8> {
        [&control, &[0; 22][..], behind_addresses, &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0], &tcp_packet()].concat()
    }

    #[test]
    fn data_frames_of_all_shapes() {
        assert_inner(IEEE802_11, &data([0x08, 0x01], &[]));
        assert_inner(IEEE802_11, &data([0x08, 0x03], &[0; 6]));
        assert_inner(IEEE802_11, &data([0x88, 0x02], &[0; 2]));
        assert_inner(IEEE802_11, &data([0x88, 0x82], &[0; 6]));
    }

    #[test]
    fn what_cannot_be_read_is_not_ip() {
        // Beacon, null data, encrypted data, aggregated frames.
        for frame in [data([0x80, 0], &[]), data([0x48, 1], &[]), data([0x08, 0x41], &[]), data([0x88, 1], &[0x80, 0])] {
            assert_eq!(whole(IEEE802_11, &frame), Err(Refused::NotIp));
        }
    }

    #[test]
    fn a_radiotap_header_is_passed_over() {
        let frame = data([0x08, 0x01], &[]);
        assert_inner(LinkType(127), &[&[0, 0, 12, 0], &[0; 8][..], &frame].concat());
        assert_eq!(whole(LinkType(127), &[1, 0, 8, 0]), Err(Refused::NotIp));
    }
}
