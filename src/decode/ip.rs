//! IPv4 with options, IPv6, fragments, and the lengths that bound what follows.

use crate::addr::Addr;

use super::packet::{Header, Transport, marks};
use super::place::Place;
use super::refused::Refused;
use super::{extension, transport, tunnel};

/// Bytes of an IPv4 header without options (RFC 791 section 3.1).
pub(super) const IPV4_BYTES: usize = 20;
/// Bytes of an IPv6 header (RFC 8200 section 3).
pub(super) const IPV6_BYTES: usize = 40;
/// "More fragments" and the fragment offset in an IPv4 header's bytes 6 and 7.
pub(super) const IPV4_FRAGMENT: u16 = 0x3fff;
/// The fragment offset alone.
const IPV4_OFFSET: u16 = 0x1fff;
/// "Don't fragment".
pub(super) const IPV4_DONT_FRAGMENT: u16 = 0x4000;
/// An IP packet of the version that its first four bits name.
///
/// # Errors
/// As [`ipv4`]; [`Refused::BadIpHeader`] for another version.
pub(super) fn any_version(place: Place<'_>) -> Result<Header, Refused> {
    match place.rest() {
        [first, ..] if first >> 4 == 4 => ipv4(place),
        [first, ..] if first >> 4 == 6 => ipv6(place),
        [_, ..] => Err(Refused::BadIpHeader),
        [] => Err(Refused::Truncated),
    }
}

/// Whether an IP packet may begin here: a version, and lengths within what is claimed to be there.
pub(super) fn is_plausible(place: Place<'_>) -> bool {
    match *place.rest() {
        [first @ 0x45..=0x4f, _, l0, l1, ..] => {
            let total = usize::from(u16::from_be_bytes([l0, l1]));
            (usize::from(first & 0x0f) * 4..=place.claimed()).contains(&total)
        }
        [0x60..=0x6f, _, _, _, l0, l1, ..] => IPV6_BYTES + usize::from(u16::from_be_bytes([l0, l1])) <= place.claimed(),
        _ => false,
    }
}

/// An IPv4 packet. A total length beyond the frame is taken for a cut, not for a lie: some tools cut frames and adjust the wire length.
///
/// # Errors
/// [`Refused::Truncated`] without the addresses, [`Refused::BadIpHeader`] if version or lengths contradict each other, and
/// whatever is wrong further in.
pub(super) fn ipv4(place: Place<'_>) -> Result<Header, Refused> {
    let (fields, _) = place.take::<IPV4_BYTES>()?;
    let [version, _, l0, l1, i0, i1, f0, f1, ttl, protocol, _, _, s0, s1, s2, s3, t0, t1, t2, t3] = *fields;
    let header_bytes = usize::from(version & 0x0f) * 4;
    if version >> 4 != 4 || header_bytes < IPV4_BYTES {
        return Err(Refused::BadIpHeader);
    }
    let total = usize::from(u16::from_be_bytes([l0, l1]));
    // Segmentation offload hands the capture whole TCP streams of more than 64 KiB under a length of 0 (Linux "BIG TCP").
    let unbounded = total == 0;
    let packet_bytes = if unbounded { place.claimed() } else { total };
    if packet_bytes < header_bytes || (place.guessed && packet_bytes > place.claimed()) {
        return Err(Refused::BadIpHeader);
    }
    let fragment = u16::from_be_bytes([f0, f1]);
    let source = Addr::v4(u32::from_be_bytes([s0, s1, s2, s3]));
    let target = Addr::v4(u32::from_be_bytes([t0, t1, t2, t3]));
    let mut header = Header {
        ttl,
        protocol,
        ip_id: u16::from_be_bytes([i0, i1]),
        vlan: place.vlan,
        marks: place.marks,
        ..Header::between(source, target, Transport::Other)
    };
    if fragment & IPV4_DONT_FRAGMENT != 0 {
        header.marks |= marks::DONT_FRAGMENT;
    }
    let place = place.bound(packet_bytes).behind_length(unbounded);
    let Ok(body) = place.skip(header_bytes) else {
        transport::header_cut(&mut header, place, header_bytes);
        return Ok(header);
    };
    if fragment & IPV4_OFFSET != 0 {
        later_fragment(&mut header, body);
        return Ok(header);
    }
    if fragment & IPV4_FRAGMENT != 0 {
        header.marks |= marks::FIRST_FRAGMENT;
    }
    if protocol == extension::AUTHENTICATION { extension::chain(header, body) } else { within(header, body) }
}

/// An IPv6 packet.
///
/// # Errors
/// As [`ipv4`], and [`Refused::BadExtension`] for a chain of extension headers that does not end.
pub(super) fn ipv6(place: Place<'_>) -> Result<Header, Refused> {
    let (fields, body) = place.take::<IPV6_BYTES>()?;
    let [version, _, _, _, l0, l1, next, hop_limit, addresses @ ..] = fields;
    if version >> 4 != 6 {
        return Err(Refused::BadIpHeader);
    }
    let (source, target) = ipv6_addresses(addresses);
    let length = usize::from(u16::from_be_bytes([*l0, *l1]));
    // A jumbogram (RFC 2675) or segmentation offload: only the frame's own length tells.
    let unbounded = length == 0 && *next != extension::NO_NEXT;
    let body_bytes = if unbounded { body.claimed() } else { length };
    if place.guessed && body_bytes > body.claimed() {
        return Err(Refused::BadIpHeader);
    }
    let header = Header {
        ttl: *hop_limit,
        protocol: *next,
        vlan: place.vlan,
        marks: place.marks,
        ..Header::between(source, target, Transport::Other)
    };
    extension::chain(header, body.bound(body_bytes).behind_length(unbounded))
}

/// Source and target, as they stand in the last 32 bytes of an IPv6 header.
#[inline(always)]
pub(super) fn ipv6_addresses(bytes: &[u8; 32]) -> (Addr, Addr) {
    let mut halves = bytes.as_chunks::<16>().0.iter().map(|half| Addr::v6(u128::from_be_bytes(*half)));
    (halves.next().unwrap_or_default(), halves.next().unwrap_or_default())
}

/// What an IP packet carries: a tunnel or a transport.
#[inline]
pub(super) fn within(mut header: Header, place: Place<'_>) -> Result<Header, Refused> {
    if tunnel::is_over_ip(header.protocol) {
        return tunnel::over_ip(header, place);
    }
    transport::decode(&mut header, place)?;
    if tunnel::is_over_udp(&header) { tunnel::over_udp(header, place) } else { Ok(header) }
}

/// What is in a fragment but the first: no header of its own, so all is payload.
pub(super) fn later_fragment(header: &mut Header, place: Place<'_>) {
    header.marks |= marks::LATER_FRAGMENT;
    header.transport = transport::transport_of(header.protocol);
    transport::payload(header, place, 0);
}

#[cfg(test)]
mod tests {
    use super::super::samples::{ethernet, ipv4, ipv6, raw, tcp_packet, tcp_segment, udp_datagram, whole};
    use super::*;
    use crate::source::LinkType;

    #[test]
    fn ipv4_options_are_passed_over() {
        let mut packet = ipv4(6, &[&[1, 1, 1, 0], &tcp_segment(b"x")[..]].concat());
        packet[0] = 0x46;
        assert_eq!(raw(&packet).map(|h| (h.target_port, h.payload_bytes)), Ok((502, 1)));
    }

    #[test]
    fn ipv4_lengths_that_contradict_each_other_are_refused() {
        for (at, byte) in [(0, 0x44), (0, 0x40), (0, 0x55), (3, 19), (3, 1)] {
            let mut packet = tcp_packet();
            packet[at] = byte;
            assert_eq!(raw(&packet), Err(Refused::BadIpHeader), "byte {at} = {byte}");
        }
    }

    #[test]
    fn link_padding_is_no_payload() {
        for packet in [ipv4(17, &udp_datagram(53, b"x")), ipv6(17, &udp_datagram(53, b"x"))] {
            let kind = if packet[0] == 0x45 { 0x0800 } else { 0x86dd };
            let mut frame = ethernet(kind, &packet);
            frame.extend([0; 20]);
            assert_eq!(whole(LinkType::ETHERNET, &frame).map(|h| (h.payload_bytes, h.payload_claimed)), Ok((1, 1)));
        }
    }

    #[test]
    fn a_total_length_of_0_means_the_rest() {
        let mut packet = tcp_packet();
        packet[2..4].copy_from_slice(&[0, 0]);
        assert_eq!(raw(&packet).map(|h| (h.payload_bytes, h.marks & marks::CUT)), Ok((4, 0)));
    }

    #[test]
    fn a_total_length_beyond_the_frame_is_a_cut() {
        let mut packet = tcp_packet();
        packet[2] = 1;
        assert_eq!(raw(&packet).map(|h| (h.payload_bytes, h.payload_claimed, h.has(marks::CUT))), Ok((4, 260, true)));
    }

    #[test]
    fn a_stream_of_more_than_64_kib_saturates() {
        let mut packet = ipv4(6, &tcp_segment(&vec![0; 100_000]));
        packet[2..4].copy_from_slice(&[0, 0]);
        assert_eq!(raw(&packet).map(|h| (h.payload_bytes, h.payload_claimed)), Ok((u16::MAX, u16::MAX)));
    }

    #[test]
    fn a_first_fragment_has_ports() {
        let mut packet = tcp_packet();
        packet[6] = 0x20;
        assert_eq!(raw(&packet).map(|h| (h.target_port, h.marks)), Ok((502, marks::FIRST_FRAGMENT)));
    }

    #[test]
    fn a_tiny_first_fragment_is_decoded_as_far_as_it_goes() {
        let mut packet = ipv4(6, &tcp_segment(b"")[..8]);
        packet[6] = 0x20;
        let header = raw(&packet).unwrap();
        assert_eq!((header.target_port, header.transport), (502, Transport::Tcp));
        assert_eq!(header.marks, marks::FIRST_FRAGMENT | marks::HEADER_CUT | marks::CUT);
    }

    #[test]
    fn a_later_fragment_has_no_ports() {
        let mut packet = ipv4(6, b"middle of a stream");
        packet[6..8].copy_from_slice(&[0x20, 5]);
        let header = raw(&packet).unwrap();
        assert_eq!(
            (header.transport, header.target_port, header.payload_bytes, header.marks),
            (Transport::Tcp, 0, 18, marks::LATER_FRAGMENT)
        );
        assert_eq!(header.ip_id, 0x1234);
    }

    #[test]
    fn no_next_header_is_decoded_without_payload() {
        let mut frame = ethernet(0x86dd, &ipv6(59, &[]));
        frame.extend([0; 6]);
        assert_eq!(whole(LinkType::ETHERNET, &frame).map(|h| (h.transport, h.protocol, h.payload_bytes)), Ok((Transport::Other, 59, 0)));
    }

    #[test]
    fn another_version_is_refused() {
        assert_eq!(raw(&[0x50; 40]), Err(Refused::BadIpHeader));
        assert_eq!(whole(LinkType::IPV6, &tcp_packet()), Err(Refused::BadIpHeader));
        assert_eq!(raw(&[]), Err(Refused::Truncated));
    }
}
