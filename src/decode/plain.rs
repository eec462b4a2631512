//! The shortest way: TCP and UDP over IPv4 without options in an untagged Ethernet frame, read in one go.
//!
//! Nearly all frames of nearly all captures are such. Everything stands in registers from here until it is written into the batch: a
//! [`Header`] that passes through memory on its way costs as much as all of this.

use crate::addr::Addr;

use super::ip::{IPV4_BYTES, IPV4_DONT_FRAGMENT, IPV4_FRAGMENT};
use super::link::ether_type;
use super::packet::{Header, Transport, marks};
use super::transport::{TCP_BYTES, UDP_BYTES, protocol};
use super::tunnel;
use super::whole::{ETHERNET_BYTES, IPV4_PLAIN};

/// Ethernet, IPv4 and TCP, without options; shorter frames are padded to more (IEEE 802.3 clause 3.2.8).
const HEADS_BYTES: usize = ETHERNET_BYTES + IPV4_BYTES + TCP_BYTES;

/// Where in a plain frame [`Plain::wire`] begins: at the IPv4 source address.
const WIRE_AT: usize = ETHERNET_BYTES + 12;

/// What a plain frame says. Most of it stays as it stands on the wire, and is only read when somebody asks.
#[derive(Clone, Copy, Debug)]
pub struct Plain {
    pub wire: Wire,
    pub ip_id: u16,
    pub ttl: u8,
    pub marks: u8,
    pub transport: Transport,
    pub payload_offset: u16,
    pub payload_bytes: u16,
}

/// The 24 bytes of an IPv4 packet without options from the source address to the TCP window: addresses, ports, sequence and
/// acknowledgement number, header length, flags, window (RFC 791 section 3.1, RFC 9293 section 3.1). Of UDP all behind the ports is 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub struct Wire([u64; 3]);

impl Wire {
    /// A TCP header's fields as they stand on the wire. Of a header that is not plain only what tells how it moves its conversation is
    /// asked for; `first` stands for its addresses.
    pub fn of(header: &Header, first: u64) -> Self {
        let [s0, s1] = header.source_port.to_be_bytes();
        let [t0, t1] = header.target_port.to_be_bytes();
        let [q0, q1, q2, q3] = header.seq.to_be_bytes();
        let [a0, a1, a2, a3] = header.ack.to_be_bytes();
        let [w0, w1] = header.window.to_be_bytes();
        let length = (header.tcp_header_bytes / 4) << 4;
        Wire([
            first,
            u64::from_ne_bytes([s0, s1, t0, t1, q0, q1, q2, q3]),
            u64::from_ne_bytes([a0, a1, a2, a3, length, header.tcp_flags, w0, w1]),
        ])
    }

    /// The two addresses of an IPv4 header, as [`Wire::of`] takes them.
    pub fn ends(header: &Header) -> u64 {
        let [s0, s1, s2, s3] = (header.source.0 as u32).to_be_bytes();
        let [t0, t1, t2, t3] = (header.target.0 as u32).to_be_bytes();
        u64::from_ne_bytes([s0, s1, s2, s3, t0, t1, t2, t3])
    }

    /// The bytes in words.
    #[inline(always)]
    pub fn words(&self) -> [u64; 3] {
        self.0
    }

    /// The first eight bytes: the addresses, or what [`Wire::of`] was given.
    #[inline(always)]
    pub fn first(&self) -> u64 {
        self.0[0]
    }

    /// The IPv4 source address.
    #[inline(always)]
    pub fn source(&self) -> u32 {
        let [s0, s1, s2, s3, ..] = self.0[0].to_ne_bytes();
        u32::from_be_bytes([s0, s1, s2, s3])
    }

    /// The IPv4 destination address.
    #[inline(always)]
    pub fn target(&self) -> u32 {
        let [.., t0, t1, t2, t3] = self.0[0].to_ne_bytes();
        u32::from_be_bytes([t0, t1, t2, t3])
    }

    #[inline(always)]
    pub fn source_port(&self) -> u16 {
        let [s0, s1, ..] = self.0[1].to_ne_bytes();
        u16::from_be_bytes([s0, s1])
    }

    #[inline(always)]
    pub fn target_port(&self) -> u16 {
        let [_, _, t0, t1, ..] = self.0[1].to_ne_bytes();
        u16::from_be_bytes([t0, t1])
    }

    /// TCP sequence number.
    #[inline(always)]
    pub fn seq(&self) -> u32 {
        let [.., q0, q1, q2, q3] = self.0[1].to_ne_bytes();
        u32::from_be_bytes([q0, q1, q2, q3])
    }

    /// TCP acknowledgement number.
    #[inline(always)]
    pub fn ack(&self) -> u32 {
        let [a0, a1, a2, a3, ..] = self.0[2].to_ne_bytes();
        u32::from_be_bytes([a0, a1, a2, a3])
    }

    /// TCP header length in bytes.
    #[inline(always)]
    pub fn tcp_header_bytes(&self) -> u8 {
        (self.0[2].to_ne_bytes()[4] >> 4) * 4
    }

    /// TCP flags, byte 13 of the header.
    #[inline(always)]
    pub fn tcp_flags(&self) -> u8 {
        self.0[2].to_ne_bytes()[5]
    }

    /// TCP window, without scaling.
    #[inline(always)]
    pub fn window(&self) -> u16 {
        let [.., w0, w1] = self.0[2].to_ne_bytes();
        u16::from_be_bytes([w0, w1])
    }

    /// The header that these fields belong to.
    #[inline]
    pub fn header(&self, transport: Transport) -> Header {
        Header {
            source_port: self.source_port(),
            target_port: self.target_port(),
            seq: self.seq(),
            ack: self.ack(),
            window: self.window(),
            tcp_flags: self.tcp_flags(),
            tcp_header_bytes: self.tcp_header_bytes(),
            protocol: if transport == Transport::Tcp { protocol::TCP } else { protocol::UDP },
            ..Header::between(Addr::v4(self.source()), Addr::v4(self.target()), transport)
        }
    }
}

impl Plain {
    /// Reads an Ethernet frame. Nothing if it is not plain or a length does not fit: the full decoder has to look. What this returns is
    /// what the full decoder would have returned.
    #[inline(always)]
    pub fn read(frame: &[u8]) -> Option<Self> {
        const IP: usize = ETHERNET_BYTES;
        const SEGMENT: usize = ETHERNET_BYTES + IPV4_BYTES;
        let heads: &[u8; HEADS_BYTES] = frame.first_chunk()?;
        let half = |at: usize| u16::from_be_bytes([heads[at], heads[at + 1]]);
        let eight = |at: usize| {
            u64::from_ne_bytes([
                heads[at],
                heads[at + 1],
                heads[at + 2],
                heads[at + 3],
                heads[at + 4],
                heads[at + 5],
                heads[at + 6],
                heads[at + 7],
            ])
        };
        let fragment = half(IP + 6);
        if half(IP - 2) != ether_type::IPV4 || heads[IP] != IPV4_PLAIN || fragment & IPV4_FRAGMENT != 0 {
            return None;
        }
        let packet_bytes = usize::from(half(IP + 2));
        if IP + packet_bytes > frame.len() {
            return None;
        }
        let segment_bytes = packet_bytes.checked_sub(IPV4_BYTES)?;
        let plain = Plain {
            wire: Wire([eight(WIRE_AT), eight(WIRE_AT + 8), eight(WIRE_AT + 16)]),
            ip_id: half(IP + 4),
            ttl: heads[IP + 8],
            marks: if fragment & IPV4_DONT_FRAGMENT != 0 { marks::DONT_FRAGMENT } else { 0 },
            transport: Transport::Tcp,
            payload_offset: 0,
            payload_bytes: 0,
        };
        match heads[IP + 9] {
            protocol::TCP => {
                let header_bytes = usize::from(plain.wire.tcp_header_bytes());
                if header_bytes < TCP_BYTES || header_bytes > segment_bytes {
                    return None;
                }
                let (payload_offset, payload_bytes) = ((SEGMENT + header_bytes) as u16, (segment_bytes - header_bytes) as u16);
                Some(Plain { payload_offset, payload_bytes, ..plain })
            }
            protocol::UDP => {
                let length = usize::from(half(SEGMENT + 4));
                if length > segment_bytes || length < UDP_BYTES || tunnel::is_udp_port(plain.wire.source_port(), plain.wire.target_port()) {
                    return None;
                }
                let [p0, p1, p2, p3, ..] = plain.wire.0[1].to_ne_bytes();
                Some(Plain {
                    wire: Wire([plain.wire.first(), u64::from_ne_bytes([p0, p1, p2, p3, 0, 0, 0, 0]), 0]),
                    transport: Transport::Udp,
                    payload_offset: (SEGMENT + UDP_BYTES) as u16,
                    payload_bytes: (length - UDP_BYTES) as u16,
                    ..plain
                })
            }
            _ => None,
        }
    }

    /// The same as a header.
    #[cfg(test)]
    pub(super) fn header(&self) -> Header {
        Header {
            payload_offset: self.payload_offset,
            payload_bytes: self.payload_bytes,
            payload_claimed: self.payload_bytes,
            ip_id: self.ip_id,
            ttl: self.ttl,
            marks: self.marks,
            ..self.wire.header(self.transport)
        }
    }
}
