//! CODESYS 3 runtimes (CODESYS GmbH): block driver, datagram, channel and services layer. Not published; after the community dissector
//! that followed Tenable's TRA-2020-04.

use super::fields::{self, Fields, Reading, require};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, Intent, Message, Protocol, Starts, Strength, Verdict, tcp, udp};

/// Strong by the block driver's magic on TCP; the datagrams of UDP, which lack it, are believed on the ports only.
pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[tcp(11740), tcp(11741), tcp(11742), tcp(11743), tcp(1217), udp(1740), udp(1741), udp(1742), udp(1743)],
    strength: Strength::Anywhere,
    starts: Starts::Bytes(&[&BLOCK_MAGIC]),
    sector: "manufacturing",
    parse,
};

const NAME: &str = "codesys-v3";

const BLOCK_MAGIC: [u8; 4] = [0x00, 0x01, 0x17, 0xe8];
const BLOCK_HEADER_BYTES: usize = 8;
/// The longest block: a datagram of 512 bytes with the block's header.
const BLOCK_BYTES_MAX: usize = 512 + BLOCK_HEADER_BYTES;
/// A datagram's first byte, and its shortest header.
const DATAGRAM_MAGIC: u8 = 0xc5;
const DATAGRAM_BYTES_MIN: usize = 6;
/// Services of the datagram layer: address notification and its answer, name server and its client, channels.
const NAME_REQUEST: u8 = 0x03;
const NAME_ANSWER: u8 = 0x04;
const CHANNEL: u8 = 0x40;
/// How far into the datagram the services layer may begin, after headers of variable length.
const SERVICES_WITHIN_BYTES: usize = 64;
/// The services layer's magic, plain and secured; for the latter the sources give either byte order.
const SERVICES_MAGICS: [[u8; 2]; 3] = [[0x55, 0xcd], [0x57, 0x75], [0x75, 0x57]];
/// What its header has behind the header size: group, command, session, size, and four bytes more.
const SERVICES_HEADER: [u8; 2] = [0x10, 0x00];
/// The bit of a group that marks an answer.
const ANSWER: u16 = 0x80;
/// The first part of the code of what has no services layer.
const DATAGRAM: u32 = 0xffff_0000;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    let fields = Fields::new(bytes, context);
    fields::verdict(if fields.is_tcp() { block(&fields) } else { plain(&fields) })
}

/// TCP: magic and total length, then the datagram.
fn block(fields: &Fields) -> Reading {
    fields.expect(0, &BLOCK_MAGIC)?;
    let declared = fields.le32(4)? as usize;
    require((BLOCK_HEADER_BYTES + DATAGRAM_BYTES_MIN..=BLOCK_BYTES_MAX).contains(&declared))?;
    // All that can decide must be there: the magic is searched for, and its absence means something too.
    fields.expect(BLOCK_HEADER_BYTES, &[DATAGRAM_MAGIC])?;
    fields.slice(0, declared.min(BLOCK_HEADER_BYTES + SERVICES_WITHIN_BYTES + 8))?;
    let datagram = Fields::new(&fields.bytes[BLOCK_HEADER_BYTES..fields.len().min(declared)], fields.context);
    Ok(Message { bytes: declared, ..service(&datagram)? })
}

/// UDP: the datagram alone.
fn plain(fields: &Fields) -> Reading {
    require(fields.context.on_port)?;
    fields.expect(0, &[DATAGRAM_MAGIC])?;
    require(matches!(fields.u8(3)?, 0x01..=NAME_ANSWER | CHANNEL))?;
    fields.slice(0, DATAGRAM_BYTES_MIN)?;
    Ok(Message { bytes: fields.len(), ..service(fields)? })
}

/// The service that a datagram carries; its length is the caller's to say.
fn service(datagram: &Fields) -> Reading {
    let kind = datagram.u8(3)?;
    let header = (DATAGRAM_BYTES_MIN..SERVICES_WITHIN_BYTES).find_map(|at| match datagram.bytes.get(at..at + 8)? {
        &[m0, m1, s0, s1, g0, g1, c0, c1] if SERVICES_MAGICS.contains(&[m0, m1]) && [s0, s1] == SERVICES_HEADER => {
            Some((u16::from_le_bytes([g0, g1]), u16::from_le_bytes([c0, c1])))
        }
        _ => None,
    });
    if let Some((group, command)) = header {
        let (intent, name) = grade(group & !ANSWER, command);
        let code = u32::from(group & !ANSWER) << 16 | u32::from(command);
        return Ok(if group & ANSWER != 0 { Message::answer(NAME, 0, name, code) } else { Message::request(NAME, 0, intent, name, code) });
    }
    let code = DATAGRAM | u32::from(kind);
    Ok(match kind {
        NAME_REQUEST => Message::request(NAME, 0, Identify, "name-service", code),
        NAME_ANSWER => Message::answer(NAME, 0, "name-service", code),
        CHANNEL => fields::either(Message::request(NAME, 0, Identify, "channel", code), datagram.context),
        _ => fields::either(Message::request(NAME, 0, Identify, "datagram", code), datagram.context),
    })
}

/// Intent and name of a service, by its group and command.
const fn grade(group: u16, command: u16) -> (Intent, &'static str) {
    match (group, command) {
        (0x01, 0x01) => (Identify, "get-target-ident"),
        (0x01, 0x02) => (Identify, "login"),
        (0x01, 0x03) => (Identify, "logout"),
        (0x01, 0x05) => (Identify, "echo"),
        (0x01, 0x07) => (Identify, "get-operating-mode"),
        (0x01, 0x08) => (Identify, "interactive-login"),
        (0x01, 0x0a) => (Identify, "session-create"),
        (0x01, 0x04 | 0x06 | 0x09 | 0x0b) => (Control, "device"),
        (0x02, 0x10) => (Control, "start"),
        (0x02, 0x11) => (Control, "stop"),
        (0x02, 0x12) => (Control, "reset"),
        (0x02, 0x03..=0x08 | 0x13 | 0x15 | 0x19 | 0x20 | 0x22..=0x24 | 0x26 | 0x27) => (Control, "application"),
        (0x02, 0x30 | 0x32 | 0x34 | 0x36 | 0x37 | 0x39 | 0x40) => (Control, "application"),
        (0x02, 0x14 | 0x16..=0x18 | 0x21 | 0x25 | 0x28 | 0x29 | 0x31 | 0x33 | 0x35 | 0x38) => (Read, "application-read"),
        (0x03, _) => (Read, "monitor"),
        (0x04, _) => (Read, "visu"),
        (0x05, _) => (Read, "log"),
        (0x06, _) => (Control, "settings"),
        (0x07, _) => (Control, "ethernet"),
        (0x08, _) => (Control, "file-transfer"),
        (0x09, 0x04) => (Write, "write-var-list"),
        (0x09, 0x06) => (Write, "write-vars"),
        (0x09, 0x01..=0x03 | 0x05 | 0x07..=0x0b) => (Read, "read-vars"),
        (0x0b, _) => (Control, "io-manager"),
        (0x0c, _) => (Control, "users"),
        (0x0f, _) => (Read, "trace"),
        (0x11, _) => (Control, "plc-shell"),
        (0x12, _) => (Control, "breakpoints"),
        (0x13, _) => (Write, "force"),
        (0x18, _) => (Write, "alarm"),
        (0x1b, 0x01) => (Read, "read"),
        (0x1b, 0x02) => (Write, "write"),
        _ => (Read, ""),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::protocol::{Role, Sender};
    use crate::detect::ics::testing::{self, datagram, datagram_off_port, hex, message, off_port};

    const NAME_QUERY: &str = "c56b400300110000000000000000";

    /// A datagram that carries a service.
    fn carried(group: u16, command: u16) -> Vec<u8> {
        let mut bytes = hex("c573404000110001020304050607 01810000 55cd1000");
        bytes.extend(group.to_le_bytes());
        bytes.extend(command.to_le_bytes());
        bytes.extend([0; 12]);
        bytes
    }

    fn blocked(datagram: &[u8]) -> Vec<u8> {
        let mut bytes = BLOCK_MAGIC.to_vec();
        bytes.extend(((datagram.len() + BLOCK_HEADER_BYTES) as u32).to_le_bytes());
        bytes.extend(datagram);
        bytes
    }

    fn elsewhere() -> Context {
        off_port(Sender::Unknown)
    }

    #[test]
    fn services_are_graded() {
        let cases = [
            ((0x01, 0x02), ("login", Intent::Identify)),
            ((0x09, 0x02), ("read-vars", Intent::Read)),
            ((0x09, 0x06), ("write-vars", Intent::Write)),
            ((0x02, 0x11), ("stop", Intent::Control)),
            ((0x11, 0x01), ("plc-shell", Intent::Control)),
            ((0x77, 0x01), ("", Intent::Read)),
        ];
        for ((group, command), expected) in cases {
            assert_eq!(testing::request(&PROTOCOL, &blocked(&carried(group, command)), &elsewhere()), expected);
            assert_eq!(testing::request(&PROTOCOL, &carried(group, command), &datagram(Sender::Client)), expected);
        }
        assert_eq!(testing::request(&PROTOCOL, &hex(NAME_QUERY), &datagram(Sender::Client)), ("name-service", Intent::Identify));
    }

    #[test]
    fn the_groups_upper_bit_marks_an_answer() {
        let found = message(&PROTOCOL, &blocked(&carried(0x81, 0x02)), elsewhere());
        assert_eq!((found.role, found.function.name), (Role::Answer, "login"));
    }

    #[test]
    fn near_misses_are_refused() {
        let mut long = blocked(&carried(1, 2));
        long[5] = 0x10;
        let mut other = blocked(&carried(1, 2));
        other[8] = 0xc4;
        for bytes in [long, other] {
            assert_eq!((PROTOCOL.parse)(&bytes, &elsewhere()), Verdict::No);
        }
        assert_eq!((PROTOCOL.parse)(&carried(1, 2), &datagram_off_port(Sender::Client)), Verdict::No);
        assert_eq!((PROTOCOL.parse)(&hex("c56b407700110000"), &datagram(Sender::Client)), Verdict::No);
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let samples = [blocked(&carried(1, 2)), blocked(&hex(NAME_QUERY)), blocked(&carried(0x81, 1))];
        testing::never_panics(&PROTOCOL, &samples);
        testing::never_panics(&PROTOCOL, &[carried(1, 2), hex(NAME_QUERY)]);
        testing::waits(&PROTOCOL, &samples, &elsewhere());
    }

    #[test]
    fn noise_is_not_believed() {
        testing::never_in_noise(&PROTOCOL, &[]);
    }
}
