//! TCP, UDP, ICMP, ICMPv6 and SCTP: ports, flags, and where the payload stands.

use super::packet::{Header, Transport, marks};
use super::place::Place;
use super::refused::Refused;

/// IP protocol numbers (IANA "Assigned Internet Protocol Numbers").
pub(super) mod protocol {
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
pub(super) fn decode(mut header: Header, place: Place<'_>) -> Result<Header, Refused> {
    header.transport = transport_of(header.protocol);
    match header.transport {
        Transport::Tcp => tcp(header, place),
        Transport::Udp => udp(header, place),
        Transport::Icmp => icmp(header, place),
        Transport::Sctp => sctp(header, place),
        Transport::Other => Ok(payload(header, place, 0)),
    }
}

/// Sets the payload to what follows `header_bytes` more bytes; marks it as cut if not all of it was captured.
pub(super) fn payload(mut header: Header, place: Place<'_>, header_bytes: usize) -> Header {
    let captured = place.rest().len();
    let bytes = captured.saturating_sub(header_bytes);
    let claimed = place.claimed().saturating_sub(header_bytes);
    header.payload_offset = saturate(place.offset() + header_bytes.min(captured));
    header.payload_bytes = saturate(bytes);
    header.payload_claimed = saturate(claimed);
    if bytes < claimed {
        header.marks |= marks::CUT;
    }
    header
}

/// The header as far as it goes where the capture ends within or before a transport header of `header_bytes` bytes. Without ports the
/// transport is [`Transport::Other`], so that nobody takes a port 0 for what was sent.
pub(super) fn header_cut(mut header: Header, place: Place<'_>, header_bytes: usize) -> Header {
    header.marks |= marks::HEADER_CUT | marks::CUT;
    match place.rest() {
        &[s0, s1, t0, t1, ..] if header.transport != Transport::Icmp && header.transport != Transport::Other => {
            header.source_port = u16::from_be_bytes([s0, s1]);
            header.target_port = u16::from_be_bytes([t0, t1]);
        }
        _ => header.transport = Transport::Other,
    }
    payload(header, place, header_bytes)
}

/// Whether a header of `header_bytes` bytes may be shorter than that here: the rest is in another fragment.
fn may_be_short(header: &Header) -> bool {
    header.has(marks::FIRST_FRAGMENT)
}

fn saturate(bytes: usize) -> u16 {
    u16::try_from(bytes).unwrap_or(u16::MAX)
}

/// Sets the TCP fields; returns the header's length in bytes, which may be any multiple of 4 from 0 to 60.
#[inline(always)]
pub(super) fn tcp_fields(header: &mut Header, fields: &[u8; TCP_BYTES]) -> usize {
    let [s0, s1, t0, t1, q0, q1, q2, q3, a0, a1, a2, a3, data_offset, flags, w0, w1, ..] = *fields;
    let header_bytes = (data_offset >> 4) * 4;
    header.transport = Transport::Tcp;
    header.source_port = u16::from_be_bytes([s0, s1]);
    header.target_port = u16::from_be_bytes([t0, t1]);
    header.seq = u32::from_be_bytes([q0, q1, q2, q3]);
    header.ack = u32::from_be_bytes([a0, a1, a2, a3]);
    header.window = u16::from_be_bytes([w0, w1]);
    header.tcp_flags = flags;
    header.tcp_header_bytes = header_bytes;
    usize::from(header_bytes)
}

fn tcp(mut header: Header, place: Place<'_>) -> Result<Header, Refused> {
    let captured = place.rest();
    if place.claimed() < TCP_BYTES && !may_be_short(&header) {
        return Err(Refused::BadTransport);
    }
    if captured.len() < TCP_FLAGS_END {
        return Ok(header_cut(header, place, TCP_BYTES));
    }
    // Up to six bytes may be missing (window, checksum, urgent pointer): they read as 0.
    let mut fields = [0; TCP_BYTES];
    for (field, byte) in fields.iter_mut().zip(captured) {
        *field = *byte;
    }
    let header_bytes = tcp_fields(&mut header, &fields);
    if header_bytes < TCP_BYTES || (header_bytes > place.claimed() && !may_be_short(&header)) {
        return Err(Refused::BadTransport);
    }
    if captured.len() < header_bytes {
        header.marks |= marks::CUT;
    }
    Ok(payload(header, place, header_bytes))
}

/// Sets the UDP ports; returns the length field.
#[inline(always)]
pub(super) fn udp_fields(header: &mut Header, fields: &[u8; UDP_BYTES]) -> usize {
    let [s0, s1, t0, t1, l0, l1, ..] = *fields;
    header.transport = Transport::Udp;
    header.source_port = u16::from_be_bytes([s0, s1]);
    header.target_port = u16::from_be_bytes([t0, t1]);
    usize::from(u16::from_be_bytes([l0, l1]))
}

fn udp(mut header: Header, place: Place<'_>) -> Result<Header, Refused> {
    if place.claimed() < UDP_BYTES && !may_be_short(&header) {
        return Err(Refused::BadTransport);
    }
    let Some(fields) = place.rest().first_chunk::<UDP_BYTES>() else { return Ok(header_cut(header, place, UDP_BYTES)) };
    let datagram = match udp_fields(&mut header, fields) {
        0 if place.unbounded => place.claimed(),
        length if length < UDP_BYTES => return Err(Refused::BadTransport),
        length => length.min(place.claimed()),
    };
    Ok(payload(header, place.bound(datagram), UDP_BYTES))
}

fn icmp(mut header: Header, place: Place<'_>) -> Result<Header, Refused> {
    if place.claimed() < ICMP_BYTES_MIN && !may_be_short(&header) {
        return Err(Refused::BadTransport);
    }
    let captured = place.rest();
    let &[kind, code, ..] = captured else { return Ok(header_cut(header, place, ICMP_BYTES)) };
    (header.icmp_type, header.icmp_code) = (kind, code);
    // Echo and echo reply: RFC 792 page 14, RFC 4443 sections 4.1 and 4.2.
    let echo = matches!((header.protocol, kind), (protocol::ICMP, 8 | 0) | (protocol::ICMPV6, 128 | 129));
    match captured {
        &[_, _, _, _, i0, i1, s0, s1, ..] if echo => header.seq = u32::from_be_bytes([i0, i1, s0, s1]),
        [_, _, _, _, ..] => {}
        _ => header.marks |= marks::HEADER_CUT,
    }
    Ok(payload(header, place, ICMP_BYTES))
}

fn sctp(mut header: Header, place: Place<'_>) -> Result<Header, Refused> {
    if place.claimed() < SCTP_BYTES && !may_be_short(&header) {
        return Err(Refused::BadTransport);
    }
    let captured = place.rest();
    match captured {
        &[s0, s1, t0, t1, ..] if captured.len() >= SCTP_BYTES => {
            header.source_port = u16::from_be_bytes([s0, s1]);
            header.target_port = u16::from_be_bytes([t0, t1]);
            Ok(payload(header, place, SCTP_BYTES))
        }
        _ => Ok(header_cut(header, place, SCTP_BYTES)),
    }
}
