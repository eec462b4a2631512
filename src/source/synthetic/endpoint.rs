//! Synthetic hosts, and the Ethernet frames between them, with right lengths and checksums.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use etherparse::{IpHeaders, PacketBuilder, PacketBuilderStep, TcpHeader};

use crate::decode::flags;

/// Locally administered addresses of the routers at both ends of the wire.
const MAC_OUTSIDE: [u8; 6] = [0x02, 0, 0, 0, 0, 1];
const MAC_INSIDE: [u8; 6] = [0x02, 0, 0, 0, 0, 2];

/// Addresses that can be told apart on either side: 24 bits.
const HOST_MASK: u32 = 0x00ff_ffff;
/// First octets of foreign IPv4 addresses: 11 to 98 are unicast space without a reserved range (IANA special-purpose registry).
const FOREIGN_FIRST: u32 = 11;
const FOREIGN_OCTETS: u32 = 88;

/// An address with a port.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Endpoint {
    pub address: IpAddr,
    pub port: u16,
    home: bool,
}

/// What a TCP segment says. The window is always 64,240 bytes, what Linux opens with.
#[derive(Clone, Copy, Debug)]
pub struct Segment<'a> {
    pub seq: u32,
    pub ack: u32,
    /// As in [`flags`].
    pub flags: u8,
    pub payload: &'a [u8],
}

impl Endpoint {
    /// A host of the home networks, in 10.0.0.0/8 or fd00::/8.
    pub fn home(number: u32, port: u16, v6: bool) -> Self {
        let host = number & HOST_MASK;
        let address = if v6 { v6_address(0xfd00, host) } else { Ipv4Addr::from(10 << 24 | host).into() };
        Endpoint { address, port, home: true }
    }

    /// A host abroad; 16,777,216 numbers give as many addresses, spread over the address space.
    pub fn foreign(number: u32, port: u16, v6: bool) -> Self {
        // An odd factor permutes the 24 bits (Knuth's multiplicative hash, TAOCP volume 3 section 6.4).
        let host = number.wrapping_mul(2_654_435_761) & HOST_MASK;
        let first = FOREIGN_FIRST + (host >> 8 ^ number) % FOREIGN_OCTETS;
        let address = if v6 { v6_address(0x2a00, host) } else { Ipv4Addr::from(first << 24 | host).into() };
        Endpoint { address, port, home: false }
    }

    /// Appends a frame with a TCP segment.
    pub fn segment(self, to: Endpoint, segment: Segment<'_>, frame: &mut Vec<u8>) {
        let mut header = TcpHeader::new(self.port, to.port, segment.seq, 64_240);
        header.acknowledgment_number = segment.ack;
        header.syn = segment.flags & flags::SYN != 0;
        header.ack = segment.flags & flags::ACK != 0;
        header.psh = segment.flags & flags::PSH != 0;
        header.fin = segment.flags & flags::FIN != 0;
        header.rst = segment.flags & flags::RST != 0;
        let built = self.packet(to).map(|packet| packet.tcp_header(header).write(frame, segment.payload));
        debug_assert!(matches!(built, Some(Ok(()))), "{built:?}");
    }

    /// Appends a frame with a UDP datagram.
    pub fn datagram(self, to: Endpoint, payload: &[u8], frame: &mut Vec<u8>) {
        let built = self.packet(to).map(|packet| packet.udp(self.port, to.port).write(frame, payload));
        debug_assert!(matches!(built, Some(Ok(()))), "{built:?}");
    }

    /// The headers up to IP; nothing between two address families.
    fn packet(self, to: Endpoint) -> Option<PacketBuilderStep<IpHeaders>> {
        let (from_mac, to_mac) = if self.home { (MAC_INSIDE, MAC_OUTSIDE) } else { (MAC_OUTSIDE, MAC_INSIDE) };
        let ethernet = PacketBuilder::ethernet2(from_mac, to_mac);
        // Foreign packets have come some way, a different one for each host.
        let hops = if self.home { 64 } else { 40 + (self.host() % 20) as u8 };
        match (self.address, to.address) {
            (IpAddr::V4(from), IpAddr::V4(to)) => Some(ethernet.ipv4(from.octets(), to.octets(), hops)),
            (IpAddr::V6(from), IpAddr::V6(to)) => Some(ethernet.ipv6(from.octets(), to.octets(), hops)),
            _ => None,
        }
    }

    /// The host's last bits.
    fn host(self) -> u32 {
        match self.address {
            IpAddr::V4(address) => u32::from(address) & HOST_MASK,
            IpAddr::V6(address) => u128::from(address) as u32 & HOST_MASK,
        }
    }
}

fn v6_address(first: u16, host: u32) -> IpAddr {
    Ipv6Addr::new(first, 0, 0, 0, 0, 0, (host >> 16) as u16, host as u16).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_hosts_are_distinct() {
        for v6 in [false, true] {
            let addresses: std::collections::HashSet<IpAddr> = (0..100_000).map(|n| Endpoint::foreign(n, 0, v6).address).collect();
            assert_eq!(addresses.len(), 100_000);
        }
    }

    #[test]
    fn checksums_are_right() {
        for v6 in [false, true] {
            let (from, to) = (Endpoint::foreign(7, 4000, v6), Endpoint::home(3, 80, v6));
            let mut frame = Vec::new();
            from.segment(to, Segment { seq: 1, ack: 2, flags: flags::ACK, payload: b"odd" }, &mut frame);
            let packet = etherparse::PacketHeaders::from_ethernet_slice(&frame).unwrap();
            let tcp = packet.transport.unwrap().tcp().unwrap();
            let expected = match packet.net.unwrap() {
                etherparse::NetHeaders::Ipv4(ip, _) => {
                    assert_eq!(ip.header_checksum, ip.calc_header_checksum());
                    tcp.calc_checksum_ipv4(&ip, b"odd").unwrap()
                }
                etherparse::NetHeaders::Ipv6(ip, _) => tcp.calc_checksum_ipv6(&ip, b"odd").unwrap(),
                other => panic!("{other:?}"),
            };
            assert_eq!(tcp.checksum, expected);
        }
    }
}
