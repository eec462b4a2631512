//! How a source touches services, and what made its packets.

use serde::Serialize;

use crate::decode::{Header, Transport, flags, marks};

/// How a contact was made. Names as nmap's manual has them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    Syn,
    Connect,
    Fin,
    Null,
    Xmas,
    Ack,
    Maimon,
    Udp,
    Icmp,
    Sctp,
    Other,
}

impl Method {
    pub const COUNT: usize = 11;
    pub const ALL: [Method; Method::COUNT] = [
        Method::Syn,
        Method::Connect,
        Method::Fin,
        Method::Null,
        Method::Xmas,
        Method::Ack,
        Method::Maimon,
        Method::Udp,
        Method::Icmp,
        Method::Sctp,
        Method::Other,
    ];

    /// The transport as ECS names it.
    pub fn transport(self) -> &'static str {
        match self {
            Method::Udp => "udp",
            Method::Icmp => "icmp",
            Method::Sctp => "sctp",
            _ => "tcp",
        }
    }

    /// The name as it stands in records.
    pub fn name(self) -> &'static str {
        match self {
            Method::Syn => "syn",
            Method::Connect => "connect",
            Method::Fin => "fin",
            Method::Null => "null",
            Method::Xmas => "xmas",
            Method::Ack => "ack",
            Method::Maimon => "maimon",
            Method::Udp => "udp",
            Method::Icmp => "icmp",
            Method::Sctp => "sctp",
            Method::Other => "other",
        }
    }
}

/// A TCP header with the options of an operating system's stack: MSS, SACK-permitted, timestamps or window scale need 12 bytes and more.
const STACK_HEADER_BYTES: u8 = 32;
/// No operating system starts with a higher TTL than 128 except for routers; a received TTL above this began at 255. 64 is what RFC 1340
/// recommends, 128 what Windows has. It is the bound of CAIDA's filter `ttl-200` as well (corsaro3).
const STACK_TTL_MAX: u8 = 200;

/// The method of a first packet, or nothing for packets that touch no service.
#[inline(always)]
pub fn method(header: &Header) -> Option<Method> {
    use flags::{ACK, FIN, PSH, RST, SYN, URG};
    match header.transport {
        Transport::Udp => Some(Method::Udp),
        Transport::Icmp => Some(Method::Icmp),
        Transport::Sctp => Some(Method::Sctp),
        Transport::Other | Transport::Link => None,
        Transport::Tcp => match header.tcp_flags & (FIN | SYN | RST | PSH | ACK | URG) {
            SYN => Some(if by_stack(header) { Method::Connect } else { Method::Syn }),
            set if set & SYN != 0 && set & (ACK | RST) == 0 => Some(Method::Syn),
            // Flags that are in the next fragment (nmap -f) have not been seen. What is most asked for in fragments is a SYN scan.
            0 if header.has(marks::HEADER_CUT) => Some(Method::Syn),
            0 => Some(Method::Null),
            set if set & (RST | SYN) != 0 => None,
            set if set & (FIN | PSH | URG) == FIN | PSH | URG && set & ACK == 0 => Some(Method::Xmas),
            set if set & (FIN | ACK) == FIN | ACK => Some(Method::Maimon),
            set if set & FIN != 0 => Some(Method::Fin),
            set if set & ACK != 0 => Some(Method::Ack),
            _ => Some(Method::Other),
        },
    }
}

/// Whether an operating system's connect() made this SYN rather than a tool that writes its own: full options, "don't fragment" (IPv4),
/// and a TTL that began at 64 or 128.
#[inline(always)]
fn by_stack(header: &Header) -> bool {
    header.tcp_header_bytes >= STACK_HEADER_BYTES
        && header.ttl < STACK_TTL_MAX
        && (!header.source.is_v4() || header.has(marks::DONT_FRAGMENT))
}

/// Marks that tools leave in their packets: in the sources of ZMap (`probe_modules/packet.c`), nmap (`tcpip.cc`) and hping3 (`sendtcp.c`, and
/// `hping2.h` for the window).
pub mod tool_marks {
    /// ZMap up to 4.0: IP identification 54321. By chance 1 in 65,536.
    pub const ZMAP: u8 = 0x01;
    /// nmap -sS, -sF, -sN, -sX, -sA: window 1024 and no option but MSS.
    pub const NMAP: u8 = 0x08;
    /// hping3: a SYN with an acknowledgement number, window 512, no options.
    pub const HPING3: u8 = 0x10;
}

const ZMAP_ID: u16 = 54_321;
const NMAP_WINDOW: u16 = 1024;
const HPING3_WINDOW: u16 = 512;

/// The marks that a first packet bears.
#[inline(always)]
pub fn marks_of(header: &Header) -> u8 {
    if header.transport != Transport::Tcp {
        return if header.ip_id == ZMAP_ID && header.source.is_v4() { tool_marks::ZMAP } else { 0 };
    }
    let mut found = 0;
    if header.source.is_v4() && header.ip_id == ZMAP_ID {
        found |= tool_marks::ZMAP;
    }
    if header.window == NMAP_WINDOW && matches!(header.tcp_header_bytes, 20 | 24) {
        found |= tool_marks::NMAP;
    }
    if header.ack != 0 && header.window == HPING3_WINDOW && header.tcp_header_bytes == 20 && header.tcp_flags & flags::ACK == 0 {
        found |= tool_marks::HPING3;
    }
    found
}

/// How far a sequence number is from what tools make of the target.
///
/// Mirai and its kin send the target's address as the sequence number (Antonakakis and others, USENIX Security 2017); masscan makes the IP
/// identification of target, port and sequence number: id = (target ^ port ^ seq) & 0xffff (`templ-pkt.c`). Where sequence numbers were
/// shifted on the way, by a device that randomises them or by whoever anonymised a capture, the distance is not zero but the same for all
/// contacts of a source: that is what is looked at.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Distances {
    /// Sequence number less target address.
    pub mirai: u32,
    /// Low half of the sequence number less that of (id ^ target ^ port).
    pub masscan: u16,
}

/// The distances of a first TCP packet over IPv4.
pub fn distances(target: u32, port: u16, seq: u32, ip_id: u16) -> Distances {
    Distances { mirai: seq.wrapping_sub(target), masscan: (seq as u16).wrapping_sub(ip_id ^ target as u16 ^ port) }
}

/// What unicornscan keeps through a run: its sequence numbers are key ^ (target ^ ((target port << 16) + source port)), with the target's
/// address as its bytes lie in memory (`TCPHASHTRACK` in `tcphash.h`, used by `send_packet.c`, little-endian machines). By chance two first
/// contacts share it once in 2^32.
pub fn unicornscan_key(target: u32, port: u16, source_port: u16, seq: u32) -> u32 {
    seq ^ target.swap_bytes() ^ (u32::from(port) << 16).wrapping_add(source_port.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::addr::Addr;

    fn syn(target: u32, port: u16, seq: u32, id: u16) -> Header {
        let mut header = Header::between(Addr::v4(0x1209_1614), Addr::v4(target), Transport::Tcp);
        (header.target_port, header.seq, header.ip_id) = (port, seq, id);
        (header.tcp_flags, header.tcp_header_bytes, header.window) = (flags::SYN, 24, 1200);
        header
    }

    #[test]
    fn masscan_vectors() {
        assert_eq!(distances(0xca70_0a19, 80, 0x690f_277f, 0x2d36).masscan, 0);
        assert_eq!(distances(0xca70_0a6b, 23, 0x6123_b81e, 0xb262).masscan, 0);
        assert_ne!(distances(0xca70_0a6b, 23, 0x6123_b81e, 0xb263).masscan, 0);
    }

    #[test]
    fn unicornscan_keeps_its_key() {
        // 192.0.2.1 and 192.0.2.2 as a little-endian machine loads them.
        let seq = |target: u32, port: u32, source_port: u32| 0xdead_beef ^ target ^ ((port << 16) + source_port);
        assert_eq!(unicornscan_key(0xc000_0201, 80, 4000, seq(0x0102_00c0, 80, 4000)), 0xdead_beef);
        assert_eq!(unicornscan_key(0xc000_0202, 443, 65_535, seq(0x0202_00c0, 443, 65_535)), 0xdead_beef);
        assert_ne!(unicornscan_key(0xc000_0202, 443, 65_535, seq(0xc000_0202, 443, 65_535)), 0xdead_beef);
    }

    #[test]
    fn mirai_and_zmap_vectors() {
        assert_eq!(distances(3_396_340_338, 23, 3_396_340_338, 7).mirai, 0);
        assert_eq!(marks_of(&syn(0xca70_0a19, 80, 1, 54_321)), tool_marks::ZMAP);
    }

    #[test]
    fn methods_by_flags() {
        let mut header = syn(1, 80, 0, 0);
        for (set, expected) in [
            (flags::SYN, Method::Syn),
            (0, Method::Null),
            (flags::FIN, Method::Fin),
            (flags::FIN | flags::PSH | flags::URG, Method::Xmas),
            (flags::FIN | flags::ACK, Method::Maimon),
            (flags::ACK, Method::Ack),
        ] {
            header.tcp_flags = set;
            assert_eq!(method(&header), Some(expected), "{set:#x}");
        }
        header.tcp_flags = flags::RST;
        assert_eq!(method(&header), None);
    }

    #[test]
    fn flags_in_the_next_fragment_are_not_none() {
        let mut header = syn(1, 80, 0, 0);
        (header.tcp_flags, header.marks) = (0, marks::FIRST_FRAGMENT | marks::HEADER_CUT);
        assert_eq!(method(&header), Some(Method::Syn));
    }

    #[test]
    fn a_stack_has_options_and_does_not_fragment() {
        let mut header = syn(1, 80, 0, 0);
        header.tcp_header_bytes = 40;
        assert_eq!(method(&header), Some(Method::Syn));
        header.marks = marks::DONT_FRAGMENT;
        assert_eq!(method(&header), Some(Method::Connect));
        header.ttl = 245;
        assert_eq!(method(&header), Some(Method::Syn));
    }
}
