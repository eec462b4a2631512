//! UDP services that answer more than they are asked, and the mark of their answers.
//!
//! Ports and marks: US-CERT TA14-017A (after Rossow, NDSS 2014), zmap's UDP probes and AMP-Research's notes.

/// Mean frame of answers that amplify, in bytes, where the payload has no mark: a payload above 200, behind IPv4 and UDP.
pub const ANSWER_BYTES_MIN: u32 = 228;

/// A protocol that is abused for amplification.
pub struct Reflector {
    /// The name as it stands in records.
    pub name: &'static str,
    pub ports: &'static [u16],
    /// Whether a payload bears the mark of this protocol's answers.
    pub marked: fn(&[u8]) -> bool,
}

/// A payload that consists of printable characters and line ends: chargen and the quote of the day have no other mark.
fn text(payload: &[u8]) -> bool {
    payload.len() >= 8 && payload.iter().take(64).all(|&byte| (0x20..0x7f).contains(&byte) || matches!(byte, b'\r' | b'\n' | b'\t'))
}

/// A DNS response (RFC 1035 section 4.1.1: QR is bit 7 of byte 2), with room for a header and a question.
fn dns(payload: &[u8]) -> bool {
    payload.len() >= 17 && payload[2] & 0x80 != 0
}

fn starts(payload: &[u8], mark: &[u8]) -> bool {
    payload.starts_with(mark)
}

/// The table. An index into it stands in flood records; order matters only in that it must not depend on traffic.
pub static REFLECTORS: &[Reflector] = &[
    Reflector { name: "dns", ports: &[53], marked: dns },
    Reflector { name: "ntp", ports: &[123], marked: |p| matches!(p, [first, ..] if first & 0x80 != 0 && matches!(first & 7, 6 | 7)) },
    Reflector { name: "snmp", ports: &[161], marked: |p| p.first() == Some(&0x30) && p.iter().take(40).any(|&b| b == 0xa2) },
    Reflector { name: "netbios", ports: &[137], marked: |p| matches!(p, [_, _, flags, ..] if flags & 0x80 != 0) },
    Reflector { name: "ssdp", ports: &[1900], marked: |p| starts(p, b"HTTP/1.") || starts(p, b"NOTIFY ") },
    Reflector { name: "chargen", ports: &[19], marked: text },
    Reflector { name: "qotd", ports: &[17], marked: text },
    Reflector { name: "bittorrent", ports: &[6881], marked: |p| starts(p, b"d1:rd2:id20:") || starts(p, b"d1:") },
    Reflector {
        name: "quake",
        ports: &[27960, 27961],
        marked: |p| starts(p, b"\xff\xff\xff\xffstatusResponse") || starts(p, b"\xff\xff\xff\xff"),
    },
    Reflector { name: "steam", ports: &[27015, 27016], marked: |p| matches!(p, [0xff, 0xff, 0xff, 0xff, 0x41 | 0x44 | 0x49, ..]) },
    Reflector { name: "mdns", ports: &[5353], marked: |p| matches!(p, [_, _, flags, ..] if flags & 0x80 != 0) },
    Reflector { name: "rip", ports: &[520], marked: |p| matches!(p, [2, 1 | 2, 0, 0, ..]) },
    Reflector { name: "portmap", ports: &[111], marked: |p| matches!(p, [_, _, _, _, 0, 0, 0, 1, ..]) },
    Reflector {
        name: "cldap",
        ports: &[389],
        marked: |p| p.first() == Some(&0x30) && p.iter().take(20).any(|&b| matches!(b, 0x64 | 0x65)),
    },
    Reflector { name: "tftp", ports: &[69], marked: |p| matches!(p, [0, 3 | 5, ..]) },
    Reflector {
        name: "memcached",
        ports: &[11211],
        marked: |p| p.get(8..).is_some_and(|rest| [&b"STAT "[..], b"VALUE ", b"END"].iter().any(|mark| rest.starts_with(mark))),
    },
    Reflector { name: "ws-discovery", ports: &[3702], marked: |p| starts(p, b"<?xml") || starts(p, b"<") },
    Reflector { name: "ard", ports: &[3283], marked: |p| p.len() >= 300 },
    Reflector { name: "coap", ports: &[5683], marked: |p| matches!(p, [first, 0x40..=0x5f | 0x80..=0xbf, ..] if first >> 6 == 1) },
    Reflector { name: "mssql", ports: &[1434], marked: |p| p.first() == Some(&5) },
    Reflector { name: "openvpn", ports: &[1194], marked: |p| p.first() == Some(&0x40) },
    Reflector { name: "dvr", ports: &[37810], marked: |p| starts(p, b"DHIP") || p.get(4..8) == Some(b"DHIP") },
    Reflector { name: "plex", ports: &[32414, 32410, 32412], marked: |p| starts(p, b"HTTP/1.") },
    Reflector { name: "slp", ports: &[427], marked: |p| matches!(p, [2, 2 | 0x0a, ..]) },
    Reflector { name: "stun", ports: &[3478], marked: |p| matches!(p, [1, 1, _, _, 0x21, 0x12, 0xa4, 0x42, ..]) },
    Reflector { name: "sip", ports: &[5060], marked: |p| starts(p, b"SIP/2.0") },
    Reflector { name: "ipmi", ports: &[623], marked: |p| starts(p, &[6, 0, 0xff]) },
    Reflector { name: "ubiquiti", ports: &[10001], marked: |p| matches!(p, [1 | 2, 0 | 6, ..]) },
    Reflector { name: "xdmcp", ports: &[177], marked: |p| starts(p, &[0, 1, 0, 5]) },
    Reflector { name: "jenkins", ports: &[33848], marked: |p| starts(p, b"<hudson>") },
    Reflector { name: "lantronix", ports: &[30718], marked: |p| matches!(p, [0, 0, 0, 0xf7 | 0xf9, ..]) },
    Reflector { name: "rdp", ports: &[3389], marked: |p| p.len() >= 1000 },
    // Two lines of text for each call that its test places, 36 to 45 bytes each (CVE-2022-26143, as its discoverers described it).
    Reflector { name: "tp240", ports: &[10074], marked: text },
];

/// Payload of an answer to names from which on its size can be what it was asked for, in bytes: what plain DNS over UDP carries at most (RFC 1035
/// section 4.2.1); more must have been offered.
const NAMES_BYTES_MIN: u16 = 512;
/// Types of questions to names whose answers are large, so that whoever abuses a name server asks for them: TXT, RRSIG, DNSKEY, ANY (Rossow,
/// NDSS 2014; US-CERT TA14-017A).
const LARGE_TYPES: [u16; 4] = [16, 46, 48, 255];
/// Payload of an SNMP answer from which on it was asked for as much as fits, in bytes. A manager that walks a table asks for ten rows at a time
/// (net-snmp's snmpbulkwalk), which have some 400.
const BULK_BYTES_MIN: u16 = 1000;
/// Protocols that are no evidence where the question is seen: their services send much to whoever is connected with them, and their mark is a
/// size or a first byte.
const SESSIONS: [&str; 7] = ["rdp", "ard", "sip", "stun", "openvpn", "bittorrent", "mdns"];

impl Reflector {
    /// Whether an answer to a question that was seen is one that amplification is made of. Ordinary clients of the same services ask for other
    /// things, or for less at a time.
    pub fn amplifies(&self, payload: &[u8], claimed: u16) -> bool {
        (self.marked)(payload)
            && match self.name {
                "dns" => claimed > NAMES_BYTES_MIN && question_type(payload).is_some_and(|asked| LARGE_TYPES.contains(&asked)),
                "snmp" => claimed >= BULK_BYTES_MIN,
                name => !SESSIONS.contains(&name),
            }
    }
}

/// The type of the first question, which an answer repeats (RFC 1035 sections 4.1.2 and 3.1: labels, each behind its length, up to an empty one).
fn question_type(payload: &[u8]) -> Option<u16> {
    let mut rest = payload.get(12..)?;
    loop {
        match rest {
            [0, high, low, ..] => return Some(u16::from_be_bytes([*high, *low])),
            [length @ 1..=63, after @ ..] => rest = after.get(usize::from(*length)..)?,
            _ => return None,
        }
    }
}

const NONE: u8 = u8::MAX;
const PORTS: usize = 1 << 16;

static BY_PORT: std::sync::LazyLock<Box<[u8; PORTS]>> = std::sync::LazyLock::new(|| {
    let mut table = vec![NONE; PORTS].into_boxed_slice();
    for (index, reflector) in REFLECTORS.iter().enumerate() {
        for &port in reflector.ports {
            table[usize::from(port)] = index as u8;
        }
    }
    // The length is the constant above.
    table.try_into().unwrap_or_else(|_| Box::new([NONE; PORTS]))
});

/// The reflector protocol of a datagram's source port.
#[inline]
pub fn reflector(source_port: u16) -> Option<u8> {
    let index = BY_PORT[usize::from(source_port)];
    (index != NONE).then_some(index)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(name: &str) -> &'static Reflector {
        REFLECTORS.iter().find(|reflector| reflector.name == name).unwrap()
    }

    #[test]
    fn at_least_fifteen_protocols_with_ports_of_their_own() {
        assert!(REFLECTORS.len() >= 15);
        let mut ports: Vec<u16> = REFLECTORS.iter().flat_map(|r| r.ports.iter().copied()).collect();
        let all = ports.len();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), all);
    }

    #[test]
    fn answers_are_marked_and_questions_are_not() {
        let monlist_answer = [0xd7, 0x00, 0x03, 0x2a, 0, 6, 0, 72];
        let monlist_question = [0x17, 0x00, 0x03, 0x2a, 0, 0, 0, 0];
        assert!((named("ntp").marked)(&monlist_answer));
        assert!(!(named("ntp").marked)(&monlist_question));
        assert!((named("ssdp").marked)(b"HTTP/1.1 200 OK\r\nST: upnp:rootdevice\r\n"));
        assert!(!(named("ssdp").marked)(b"M-SEARCH * HTTP/1.1\r\n"));
        assert!((named("memcached").marked)(b"\0\0\0\0\0\x01\0\0STAT pid 1\r\n"));
    }

    #[test]
    fn no_payload_panics() {
        for reflector in REFLECTORS {
            for bytes in 0..40 {
                let _ = (reflector.marked)(&vec![0xff; bytes]);
                let _ = (reflector.marked)(&vec![0x00; bytes]);
            }
        }
    }

    #[test]
    fn ordinary_answers_amplify_nothing() {
        let answer = |asked: u16| {
            let mut answer = b"\x00\x07\x84\x00\x00\x01\x00\x14\x00\x00\x00\x01\x07example\x03com\x00".to_vec();
            answer.extend(asked.to_be_bytes());
            answer.resize(1400, b'r');
            answer
        };
        let dns = named("dns");
        assert!(dns.amplifies(&answer(255), 1400));
        assert!(!dns.amplifies(&answer(1), 1400), "addresses of a name");
        assert!(!dns.amplifies(&answer(255), 120), "a refusal");
        let walked = [&[0x30, 0x82, 1, 0x90, 2, 1, 1, 4, 6][..], b"public\xa2\x82\x01\x80"].concat();
        assert!(!named("snmp").amplifies(&walked, 404));
        assert!(named("snmp").amplifies(&walked, 1300));
        assert!(!named("rdp").amplifies(&[0; 1200], 1200));
        assert!(named("ntp").amplifies(&[0xd7, 0, 3, 0x2a, 0, 6, 0, 72], 440));
        assert!(!named("ntp").amplifies(&[0x24, 2, 6, 0xe7], 48), "the time");
        for bytes in 0..40 {
            assert_eq!(question_type(&vec![63; bytes]), None);
        }
    }

    #[test]
    fn the_source_port_names_the_protocol() {
        assert_eq!(reflector(123).map(|i| REFLECTORS[usize::from(i)].name), Some("ntp"));
        assert_eq!(reflector(40000), None);
    }
}
