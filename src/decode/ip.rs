//! IPv4 with options, IPv6 with its chain of extension headers, fragments, and the lengths that bound what follows.

use crate::addr::Addr;

use super::packet::{Header, Transport, marks};
use super::place::Place;
use super::refused::Refused;
use super::{transport, tunnel};

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
/// Extension headers that are followed. RFC 8200 section 4.1 lists seven places; hosts and routers drop longer chains (RFC 9098).
const EXTENSIONS_MAX: u8 = 12;

/// IPv6 extension headers (IANA "IPv6 Extension Header Types").
mod extension {
    pub const HOP_BY_HOP: u8 = 0;
    pub const ROUTING: u8 = 43;
    pub const FRAGMENT: u8 = 44;
    pub const AUTHENTICATION: u8 = 51;
    pub const NO_NEXT: u8 = 59;
    pub const DESTINATION: u8 = 60;
    pub const MOBILITY: u8 = 135;
    pub const HIP: u8 = 139;
    pub const SHIM6: u8 = 140;
}

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
    let Ok(body) = place.skip(header_bytes) else { return Ok(transport::header_cut(header, place, header_bytes)) };
    if fragment & IPV4_OFFSET != 0 {
        return Ok(later_fragment(header, body));
    }
    if fragment & IPV4_FRAGMENT != 0 {
        header.marks |= marks::FIRST_FRAGMENT;
    }
    if protocol == extension::AUTHENTICATION { extensions(header, body) } else { within(header, body) }
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
    extensions(header, body.bound(body_bytes).behind_length(unbounded))
}

/// Source and target, as they stand in the last 32 bytes of an IPv6 header.
#[inline(always)]
pub(super) fn ipv6_addresses(bytes: &[u8; 32]) -> (Addr, Addr) {
    let mut halves = bytes.as_chunks::<16>().0.iter().map(|half| Addr::v6(u128::from_be_bytes(*half)));
    (halves.next().unwrap_or_default(), halves.next().unwrap_or_default())
}

/// Follows extension headers from `header.protocol` on, then decodes what they lead to.
fn extensions(mut header: Header, mut place: Place<'_>) -> Result<Header, Refused> {
    for _ in 0..EXTENSIONS_MAX {
        let kind = header.protocol;
        let chained = matches!(
            kind,
            extension::HOP_BY_HOP
                | extension::ROUTING
                | extension::FRAGMENT
                | extension::AUTHENTICATION
                | extension::DESTINATION
                | extension::MOBILITY
                | extension::HIP
                | extension::SHIM6
        );
        if !chained {
            return within(header, place);
        }
        let captured = place.rest();
        let &[next, length, o0, o1, ..] = captured else { return Ok(transport::header_cut(header, place, 8)) };
        let bytes = match kind {
            extension::FRAGMENT => 8,
            // In units of four bytes, less two (RFC 4302 section 2.2).
            extension::AUTHENTICATION => (usize::from(length) + 2) * 4,
            _ => (usize::from(length) + 1) * 8,
        };
        if bytes > place.claimed() && !header.has(marks::FIRST_FRAGMENT) {
            return Err(Refused::BadExtension);
        }
        let Ok(behind) = place.skip(bytes) else { return Ok(transport::header_cut(header, place, bytes)) };
        header.protocol = next;
        place = behind;
        if kind == extension::FRAGMENT {
            let fragment = u16::from_be_bytes([o0, o1]);
            if let &[_, _, _, _, _, _, i2, i3, ..] = captured {
                header.ip_id = u16::from_be_bytes([i2, i3]);
            }
            // Offset in the upper 13 bits, "more fragments" in the lowest (RFC 8200 section 4.5). Neither: an atomic fragment (RFC 6946).
            if fragment >> 3 != 0 {
                return Ok(later_fragment(header, place));
            }
            if fragment & 1 != 0 {
                header.marks |= marks::FIRST_FRAGMENT;
            }
        }
    }
    Err(Refused::BadExtension)
}

/// What an IP packet carries: a tunnel or a transport.
fn within(header: Header, place: Place<'_>) -> Result<Header, Refused> {
    if tunnel::is_over_ip(header.protocol) {
        tunnel::over_ip(header, place)
    } else {
        tunnel::over_udp(transport::decode(header, place)?, place)
    }
}

fn later_fragment(mut header: Header, place: Place<'_>) -> Header {
    header.marks |= marks::LATER_FRAGMENT;
    header.transport = transport::transport_of(header.protocol);
    transport::payload(header, place, 0)
}
