//! The packet that an ICMP error quotes: which conversation the error is about (RFC 792, RFC 4443 section 3).

use crate::addr::Addr;
use crate::decode::{Header, Transport};

/// The addresses and ports of the packet that an ICMP error returns, as it was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quote {
    pub source: Addr,
    pub target: Addr,
    /// For ICMP echo: the identifier, in `source_port`.
    pub source_port: u16,
    pub target_port: u16,
    pub transport: Transport,
    /// The TCP sequence number, or 0.
    pub seq: u32,
}

impl Quote {
    /// The ports as a conversation has them: the identifier stands for both ends of an echo.
    pub fn ports(&self) -> (u16, u16) {
        if self.transport == Transport::Icmp { (self.source_port, self.source_port) } else { (self.source_port, self.target_port) }
    }
}

/// Whether an ICMP type is an error that quotes a packet: destination unreachable, source quench, redirect, time exceeded, parameter problem.
fn is_error(version_4: bool, icmp_type: u8) -> bool {
    if version_4 { matches!(icmp_type, 3 | 4 | 5 | 11 | 12) } else { matches!(icmp_type, 1..=4) }
}

fn transport(protocol: u8) -> Transport {
    match protocol {
        6 => Transport::Tcp,
        17 => Transport::Udp,
        1 | 58 => Transport::Icmp,
        132 => Transport::Sctp,
        _ => Transport::Other,
    }
}

/// The quoted packet of an ICMP error, or nothing if this is no error or quotes too little. `payload` begins behind the 8-byte ICMP header.
pub fn quoted(header: &Header, payload: &[u8]) -> Option<Quote> {
    let version_4 = header.source.is_v4();
    if !is_error(version_4, header.icmp_type) {
        return None;
    }
    let (source, target, protocol, rest) = if version_4 {
        let &[first, _, _, _, _, _, _, _, _, protocol, _, _, a, b, c, d, e, f, g, h, ..] = payload else { return None };
        let header_bytes = usize::from(first & 0xf) * 4;
        if first >> 4 != 4 || header_bytes < 20 {
            return None;
        }
        (
            Addr::v4(u32::from_be_bytes([a, b, c, d])),
            Addr::v4(u32::from_be_bytes([e, f, g, h])),
            protocol,
            payload.get(header_bytes..).unwrap_or_default(),
        )
    } else {
        let (fixed, rest) = payload.split_first_chunk::<40>()?;
        if fixed[0] >> 4 != 6 {
            return None;
        }
        let source = u128::from_be_bytes(fixed[8..24].try_into().ok()?);
        let target = u128::from_be_bytes(fixed[24..40].try_into().ok()?);
        (Addr::v6(source), Addr::v6(target), fixed[6], rest)
    };
    let transport = transport(protocol);
    let (source_port, target_port) = match (transport, rest) {
        (Transport::Tcp | Transport::Udp | Transport::Sctp, &[a, b, c, d, ..]) => (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])),
        (Transport::Icmp, &[_, _, _, _, a, b, ..]) => (u16::from_be_bytes([a, b]), 0),
        _ => (0, 0),
    };
    let seq = match (transport, rest) {
        (Transport::Tcp, &[_, _, _, _, a, b, c, d, ..]) => u32::from_be_bytes([a, b, c, d]),
        _ => 0,
    };
    Some(Quote { source, target, source_port, target_port, transport, seq })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A port unreachable of 202.112.10.5 about a datagram from 18.9.22.20:40000 to its port 161.
    fn unreachable() -> (Header, Vec<u8>) {
        let mut header = Header::between(Addr::v4(0xca70_0a05), Addr::v4(0x1209_1614), Transport::Icmp);
        (header.icmp_type, header.icmp_code) = (3, 3);
        let mut quote = vec![0x45, 0, 0, 60, 0, 0, 0, 0, 50, 17, 0, 0, 18, 9, 22, 20, 202, 112, 10, 5];
        quote.extend([0x9c, 0x40, 0, 161, 0, 40, 0, 0]);
        (header, quote)
    }

    #[test]
    fn the_quoted_datagram_is_read() {
        let (header, payload) = unreachable();
        let quote = quoted(&header, &payload).unwrap();
        assert_eq!((quote.source.to_string().as_str(), quote.source_port), ("18.9.22.20", 40000));
        assert_eq!((quote.target.to_string().as_str(), quote.target_port), ("202.112.10.5", 161));
        assert_eq!(quote.transport, Transport::Udp);
    }

    #[test]
    fn echo_requests_quote_nothing() {
        let (mut header, payload) = unreachable();
        header.icmp_type = 8;
        assert_eq!(quoted(&header, &payload), None);
    }

    #[test]
    fn no_prefix_panics() {
        let (header, payload) = unreachable();
        for end in 0..payload.len() {
            let _ = quoted(&header, &payload[..end]);
        }
    }
}
