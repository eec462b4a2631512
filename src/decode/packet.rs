//! What a decoded frame is: the fields that detectors look at, as plain values.

use crate::addr::Addr;

/// TCP flags as they stand in byte 13 of the header (RFC 9293 section 3.1).
pub mod flags {
    pub const FIN: u8 = 0x01;
    pub const SYN: u8 = 0x02;
    pub const RST: u8 = 0x04;
    pub const PSH: u8 = 0x08;
    pub const ACK: u8 = 0x10;
    pub const URG: u8 = 0x20;
}

/// What carries the payload. The discriminant is dense, so that it can index a table.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash, PartialOrd, Ord)]
#[repr(u8)]
pub enum Transport {
    Tcp,
    Udp,
    Icmp,
    Sctp,
    /// Another IP protocol, or a transport header that was cut before its ports, or TCP's before its flags.
    Other,
    /// No IP: an Ethernet frame of an industrial protocol. The addresses are those of [`Addr::of_mac`], both ports its EtherType.
    Link,
}

impl Transport {
    /// Of a discriminant.
    #[inline(always)]
    pub fn of(discriminant: u8) -> Self {
        const TCP: u8 = Transport::Tcp as u8;
        const UDP: u8 = Transport::Udp as u8;
        const ICMP: u8 = Transport::Icmp as u8;
        const SCTP: u8 = Transport::Sctp as u8;
        const LINK: u8 = Transport::Link as u8;
        match discriminant {
            TCP => Transport::Tcp,
            UDP => Transport::Udp,
            ICMP => Transport::Icmp,
            SCTP => Transport::Sctp,
            LINK => Transport::Link,
            _ => Transport::Other,
        }
    }
}

/// Marks of a packet that are not counted in numbers.
pub mod marks {
    /// The first fragment of a larger datagram: it has the ports, its payload is not whole.
    pub const FIRST_FRAGMENT: u8 = 0x01;
    /// A later fragment: no transport header, `transport` says what the IP header names.
    pub const LATER_FRAGMENT: u8 = 0x02;
    /// The frame was cut by the snap length within or behind the transport header: the payload is not whole.
    pub const CUT: u8 = 0x04;
    /// The IPv4 "don't fragment" flag.
    pub const DONT_FRAGMENT: u8 = 0x08;
    /// The addresses are those inside a tunnel.
    pub const TUNNELLED: u8 = 0x10;
    /// The transport header itself was cut, or split over fragments: ports are valid if `transport` is TCP or UDP, flags and sequence are not.
    pub const HEADER_CUT: u8 = 0x20;
}

/// The decoded part of one frame: innermost addresses, transport fields, and where in the frame the payload stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Sender by the innermost IP header.
    pub source: Addr,
    /// Receiver by the innermost IP header.
    pub target: Addr,
    /// Where the payload begins in the frame's captured bytes.
    pub payload_offset: u16,
    /// Captured payload bytes, link padding excluded.
    pub payload_bytes: u16,
    /// Payload bytes that the headers claim; more than `payload_bytes` if the frame was cut.
    pub payload_claimed: u16,
    pub source_port: u16,
    pub target_port: u16,
    /// TCP sequence number. For ICMP: identifier (high half) and sequence (low half) of an echo message.
    pub seq: u32,
    /// TCP acknowledgement number.
    pub ack: u32,
    /// TCP window as it stands in the header, without scaling.
    pub window: u16,
    /// IPv4 identification; for IPv6 the low half of the fragment identification, or 0.
    pub ip_id: u16,
    /// TCP flags, byte 13 of the header; 0 for other transports.
    pub tcp_flags: u8,
    /// TCP header length in bytes, 20 to 60; 0 for other transports.
    pub tcp_header_bytes: u8,
    /// ICMP or ICMPv6 type and code.
    pub icmp_type: u8,
    pub icmp_code: u8,
    /// IPv4 time to live or IPv6 hop limit.
    pub ttl: u8,
    /// The IP protocol number, or IPv6's last next header.
    pub protocol: u8,
    pub transport: Transport,
    /// See [`marks`].
    pub marks: u8,
    /// The outermost VLAN identifier, 0 if there is no tag.
    pub vlan: u16,
}

/// Headers are copied into batches, one per packet: their size is a budget.
const _: () = assert!(size_of::<Header>() <= 96);

impl Header {
    /// A header with no fields set but the addresses; for tests and for synthetic traffic.
    pub const fn between(source: Addr, target: Addr, transport: Transport) -> Self {
        Header {
            source,
            target,
            payload_offset: 0,
            payload_bytes: 0,
            payload_claimed: 0,
            source_port: 0,
            target_port: 0,
            seq: 0,
            ack: 0,
            window: 0,
            ip_id: 0,
            tcp_flags: 0,
            tcp_header_bytes: 0,
            icmp_type: 0,
            icmp_code: 0,
            ttl: 64,
            protocol: 0,
            transport,
            marks: 0,
            vlan: 0,
        }
    }

    #[inline]
    pub const fn has(&self, mark: u8) -> bool {
        self.marks & mark != 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_transport_comes_back_from_its_discriminant() {
        use Transport::{Icmp, Link, Other, Sctp, Tcp, Udp};
        for transport in [Tcp, Udp, Icmp, Sctp, Other, Link] {
            assert_eq!(Transport::of(transport as u8), transport);
        }
        assert_eq!(Transport::of(u8::MAX), Other);
    }
}
