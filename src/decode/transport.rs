//! TCP, UDP, ICMP, ICMPv6 and SCTP: ports, flags, and where the payload stands.

use super::packet::{Header, Transport, marks};
use super::place::Place;
use super::refused::Refused;

/// IP protocol numbers (IANA "Assigned Internet Protocol Numbers").
pub mod protocol {
    pub const ICMP: u8 = 1;
    pub const TCP: u8 = 6;
    pub const UDP: u8 = 17;
    pub const ICMPV6: u8 = 58;
    pub const SCTP: u8 = 132;
}

/// Bytes of a TCP header without options (RFC 9293 section 3.1).
pub(super) const TCP_BYTES: usize = 20;
/// Bytes of a UDP header (RFC 768).
pub(super) const UDP_BYTES: usize = 8;
/// Bytes of an SCTP common header (RFC 9260 section 3.1).
const SCTP_BYTES: usize = 12;
/// Bytes of an ICMP header: type, code, checksum and four bytes that depend on the type (RFC 792).
const ICMP_BYTES: usize = 8;
/// Bytes of an ICMPv6 header, which some messages do not exceed (RFC 4443 section 2.1).
const ICMP_BYTES_MIN: usize = 4;
/// Where the byte with the TCP flags ends.
const TCP_FLAGS_END: usize = 14;

/// Which transport a protocol number names.
pub(super) const fn transport_of(number: u8) -> Transport {
    match number {
        protocol::TCP => Transport::Tcp,
        protocol::UDP => Transport::Udp,
        protocol::ICMP | protocol::ICMPV6 => Transport::Icmp,
        protocol::SCTP => Transport::Sctp,
        _ => Transport::Other,
    }
}

/// Fills in what stands behind the IP headers; `header.protocol` says what it is.
///
/// # Errors
/// [`Refused::BadTransport`] if a header contradicts its own lengths. A header that was cut is not an error.
#[inline]
pub(super) fn decode(header: &mut Header, place: Place<'_>) -> Result<(), Refused> {
    header.transport = transport_of(header.protocol);
    match header.transport {
        Transport::Tcp => tcp(header, place),
        Transport::Udp => udp(header, place),
        Transport::Icmp => icmp(header, place),
        Transport::Sctp => sctp(header, place),
        Transport::Other | Transport::Link => {
            payload(header, place, 0);
            Ok(())
        }
    }
}

/// Sets the payload to what follows `header_bytes` more bytes; marks it as cut if not all of it was captured.
#[inline]
pub(super) fn payload(header: &mut Header, place: Place<'_>, header_bytes: usize) {
    let captured = place.rest().len();
    let bytes = captured.saturating_sub(header_bytes);
    let claimed = place.claimed().saturating_sub(header_bytes);
    header.payload_offset = saturate(place.offset() + header_bytes.min(captured));
    header.payload_bytes = saturate(bytes);
    header.payload_claimed = saturate(claimed);
    if captured < place.claimed() {
        header.marks |= marks::CUT;
    }
}

/// The header as far as it goes where the capture ends within or before a transport header of `header_bytes` bytes. Without ports the
/// transport is [`Transport::Other`], so that nobody takes a port 0 for what was sent; so it is for TCP without its flags, which a frame of
/// IPv6 has behind the 64 bytes that captures are often cut at. A fragment is no shorter than it was sent, and keeps its ports.
pub(super) fn header_cut(header: &mut Header, place: Place<'_>, header_bytes: usize) {
    header.marks |= marks::HEADER_CUT | marks::CUT;
    let without_flags = header.transport == Transport::Tcp && !header.has(marks::FIRST_FRAGMENT);
    match place.rest() {
        &[s0, s1, t0, t1, ..] if !without_flags && !matches!(header.transport, Transport::Icmp | Transport::Other) => {
            header.source_port = u16::from_be_bytes([s0, s1]);
            header.target_port = u16::from_be_bytes([t0, t1]);
        }
        _ => header.transport = Transport::Other,
    }
    payload(header, place, header_bytes);
}

/// Whether a header of `header_bytes` bytes may be shorter than that here: the rest is in another fragment.
fn may_be_short(header: &Header) -> bool {
    header.has(marks::FIRST_FRAGMENT)
}

fn saturate(bytes: usize) -> u16 {
    u16::try_from(bytes).unwrap_or(u16::MAX)
}

/// The fields of a TCP header without its options.
#[derive(Clone, Copy)]
pub(super) struct Tcp {
    pub source_port: u16,
    pub target_port: u16,
    pub seq: u32,
    pub ack: u32,
    pub window: u16,
    pub flags: u8,
    /// From the data offset: any multiple of 4 from 0 to 60.
    pub header_bytes: u8,
}

impl Tcp {
    #[inline(always)]
    pub fn read(fields: &[u8; TCP_BYTES]) -> Self {
        let [s0, s1, t0, t1, q0, q1, q2, q3, a0, a1, a2, a3, data_offset, flags, w0, w1, ..] = *fields;
        Tcp {
            source_port: u16::from_be_bytes([s0, s1]),
            target_port: u16::from_be_bytes([t0, t1]),
            seq: u32::from_be_bytes([q0, q1, q2, q3]),
            ack: u32::from_be_bytes([a0, a1, a2, a3]),
            window: u16::from_be_bytes([w0, w1]),
            flags,
            header_bytes: (data_offset >> 4) * 4,
        }
    }
}

fn tcp(header: &mut Header, place: Place<'_>) -> Result<(), Refused> {
    let captured = place.rest();
    if place.claimed() < TCP_BYTES && !may_be_short(header) {
        return Err(Refused::BadTransport);
    }
    if captured.len() < TCP_FLAGS_END {
        header_cut(header, place, TCP_BYTES);
        return Ok(());
    }
    // Up to six bytes may be missing (window, checksum, urgent pointer): they read as 0.
    let mut fields = [0; TCP_BYTES];
    for (field, byte) in fields.iter_mut().zip(captured) {
        *field = *byte;
    }
    let tcp = Tcp::read(&fields);
    let header_bytes = usize::from(tcp.header_bytes);
    if header_bytes < TCP_BYTES || (header_bytes > place.claimed() && !may_be_short(header)) {
        return Err(Refused::BadTransport);
    }
    header.source_port = tcp.source_port;
    header.target_port = tcp.target_port;
    header.seq = tcp.seq;
    header.ack = tcp.ack;
    header.window = tcp.window;
    header.tcp_flags = tcp.flags;
    header.tcp_header_bytes = tcp.header_bytes;
    payload(header, place, header_bytes);
    Ok(())
}

/// The fields of a UDP header.
#[derive(Clone, Copy)]
pub(super) struct Udp {
    pub source_port: u16,
    pub target_port: u16,
    /// Bytes of header and payload, as the header claims.
    pub length: u16,
}

impl Udp {
    #[inline(always)]
    pub fn read(fields: &[u8; UDP_BYTES]) -> Self {
        let [s0, s1, t0, t1, l0, l1, ..] = *fields;
        Udp { source_port: u16::from_be_bytes([s0, s1]), target_port: u16::from_be_bytes([t0, t1]), length: u16::from_be_bytes([l0, l1]) }
    }
}

fn udp(header: &mut Header, place: Place<'_>) -> Result<(), Refused> {
    if place.claimed() < UDP_BYTES && !may_be_short(header) {
        return Err(Refused::BadTransport);
    }
    let Some(fields) = place.rest().first_chunk::<UDP_BYTES>() else {
        header_cut(header, place, UDP_BYTES);
        return Ok(());
    };
    let udp = Udp::read(fields);
    (header.source_port, header.target_port) = (udp.source_port, udp.target_port);
    let datagram = match usize::from(udp.length) {
        0 if place.unbounded => place.claimed(),
        length if length < UDP_BYTES => return Err(Refused::BadTransport),
        length => length.min(place.claimed()),
    };
    payload(header, place.bound(datagram), UDP_BYTES);
    Ok(())
}

fn icmp(header: &mut Header, place: Place<'_>) -> Result<(), Refused> {
    if place.claimed() < ICMP_BYTES_MIN && !may_be_short(header) {
        return Err(Refused::BadTransport);
    }
    let captured = place.rest();
    let &[kind, code, ..] = captured else {
        header_cut(header, place, ICMP_BYTES);
        return Ok(());
    };
    (header.icmp_type, header.icmp_code) = (kind, code);
    // Echo and echo reply: RFC 792 page 14, RFC 4443 sections 4.1 and 4.2.
    let echo = matches!((header.protocol, kind), (protocol::ICMP, 8 | 0) | (protocol::ICMPV6, 128 | 129));
    match captured {
        &[_, _, _, _, i0, i1, s0, s1, ..] if echo => header.seq = u32::from_be_bytes([i0, i1, s0, s1]),
        [_, _, _, _, ..] => {}
        _ => header.marks |= marks::HEADER_CUT | marks::CUT,
    }
    payload(header, place, ICMP_BYTES);
    Ok(())
}

fn sctp(header: &mut Header, place: Place<'_>) -> Result<(), Refused> {
    if place.claimed() < SCTP_BYTES && !may_be_short(header) {
        return Err(Refused::BadTransport);
    }
    let &[s0, s1, t0, t1, _, _, _, _, _, _, _, _, ..] = place.rest() else {
        header_cut(header, place, SCTP_BYTES);
        return Ok(());
    };
    header.source_port = u16::from_be_bytes([s0, s1]);
    header.target_port = u16::from_be_bytes([t0, t1]);
    payload(header, place, SCTP_BYTES);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::samples::{ipv4, ipv6, raw, tcp_segment, udp_datagram};
    use super::*;
    use crate::decode::decode as decode_frame;
    use crate::source::LinkType;

    #[test]
    fn tcp_fields_are_read() {
        let header = raw(&ipv4(6, &tcp_segment(b"data"))).unwrap();
        assert_eq!((header.seq, header.ack, header.window, header.tcp_flags), (0x0102_0304, 0x0506_0708, 1024, 0x18));
        assert_eq!((header.tcp_header_bytes, header.payload_offset, header.payload_bytes), (20, 40, 4));
    }

    #[test]
    fn tcp_options_are_no_payload() {
        let mut segment = tcp_segment(&[1, 1, 1, 0, b'x']);
        segment[12] = 0x60;
        let header = raw(&ipv4(6, &segment)).unwrap();
        assert_eq!((header.tcp_header_bytes, header.payload_offset, header.payload_bytes), (24, 44, 1));
    }

    #[test]
    fn a_data_offset_that_cannot_be_is_refused() {
        for data_offset in [0x00, 0x40, 0x60, 0xf0] {
            let mut segment = tcp_segment(b"xyz");
            segment[12] = data_offset;
            assert_eq!(raw(&ipv4(6, &segment)), Err(Refused::BadTransport), "{data_offset:#x}");
        }
    }

    #[test]
    fn a_segment_shorter_than_its_header_is_refused() {
        assert_eq!(raw(&ipv4(6, &tcp_segment(b"")[..19])), Err(Refused::BadTransport));
    }

    #[test]
    fn odd_flags_port_0_and_equal_ends_are_decoded() {
        let mut packet = ipv4(6, &tcp_segment(b""));
        packet[16..20].copy_from_slice(&[10, 0, 0, 1]);
        packet[22..24].copy_from_slice(&[0, 0]);
        packet[33] = 0xff;
        let header = raw(&packet).unwrap();
        assert_eq!((header.source, header.target_port, header.tcp_flags), (header.target, 0, 0xff));
    }

    #[test]
    fn a_udp_length_bounds_the_payload() {
        let mut datagram = udp_datagram(53, b"question");
        datagram[5] = 8 + 3;
        let header = raw(&ipv4(17, &datagram)).unwrap();
        assert_eq!((header.payload_bytes, header.payload_claimed, header.marks & marks::CUT), (3, 3, 0));
    }

    #[test]
    fn a_udp_length_beyond_the_packet_is_bounded_by_it() {
        let mut datagram = udp_datagram(53, b"question");
        datagram[4] = 1;
        assert_eq!(raw(&ipv4(17, &datagram)).map(|h| (h.payload_bytes, h.payload_claimed)), Ok((8, 8)));
    }

    #[test]
    fn a_udp_length_below_its_header_is_refused() {
        for length in [0, 7] {
            let mut datagram = udp_datagram(53, b"question");
            datagram[5] = length;
            assert_eq!(raw(&ipv4(17, &datagram)), Err(Refused::BadTransport));
        }
    }

    #[test]
    fn a_udp_length_of_0_is_believed_where_ip_has_none_either() {
        let mut datagram = udp_datagram(53, b"question");
        datagram[5] = 0;
        let mut packet = ipv6(17, &datagram);
        packet[5] = 0;
        assert_eq!(raw(&packet).map(|h| (h.target_port, h.payload_bytes)), Ok((53, 8)));
    }

    #[test]
    fn echo_has_identifier_and_sequence() {
        let v4 = raw(&ipv4(1, &[8, 0, 0, 0, 0x12, 0x34, 0, 7, b'x'])).unwrap();
        assert_eq!((v4.transport, v4.icmp_type, v4.seq, v4.payload_bytes), (Transport::Icmp, 8, 0x1234_0007, 1));
        let v6 = raw(&ipv6(58, &[129, 0, 0, 0, 0x12, 0x34, 0, 7])).unwrap();
        assert_eq!((v6.transport, v6.icmp_type, v6.seq), (Transport::Icmp, 129, 0x1234_0007));
        assert_eq!((v6.source_port, v6.target_port), (0, 0));
    }

    #[test]
    fn an_unreachable_quotes_a_packet_that_is_payload() {
        let header = raw(&ipv4(1, &[&[3, 3, 0, 0, 0, 0, 0, 0], &ipv4(17, &udp_datagram(53, b""))[..]].concat())).unwrap();
        assert_eq!((header.icmp_type, header.icmp_code, header.seq, header.payload_bytes), (3, 3, 0, 28));
    }

    #[test]
    fn sctp_has_ports() {
        let header = raw(&ipv4(132, &[0x9c, 0x40, 0x0b, 0x59, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 4])).unwrap();
        assert_eq!((header.transport, header.source_port, header.target_port, header.payload_bytes), (Transport::Sctp, 40000, 2905, 4));
    }

    #[test]
    fn a_cut_datagram_claims_more_than_it_has() {
        let packet = ipv4(17, &udp_datagram(53, &[0; 100]));
        let header = decode_frame(LinkType::RAW, &packet[..60], packet.len() as u32).unwrap();
        assert_eq!((header.payload_bytes, header.payload_claimed, header.has(marks::CUT)), (32, 100, true));
        assert!(!header.has(marks::HEADER_CUT));
    }

    #[test]
    fn a_tcp_header_cut_before_its_flags_is_no_segment_without_flags() {
        let packet = ipv4(6, &tcp_segment(b"data"));
        let header = decode_frame(LinkType::RAW, &packet[..33], packet.len() as u32).unwrap();
        assert_eq!((header.transport, header.source_port, header.target_port), (Transport::Other, 0, 0));
        assert!(header.has(marks::HEADER_CUT));
        let header = decode_frame(LinkType::RAW, &packet[..34], packet.len() as u32).unwrap();
        assert_eq!((header.transport, header.target_port, header.tcp_flags), (Transport::Tcp, 502, 0x18));
    }

    #[test]
    fn another_protocol_is_all_payload() {
        let header = raw(&ipv4(89, &[2, 1, 0, 44])).unwrap();
        assert_eq!((header.transport, header.protocol, header.payload_offset, header.payload_bytes), (Transport::Other, 89, 20, 4));
    }
}
