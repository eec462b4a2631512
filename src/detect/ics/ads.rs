//! Beckhoff ADS over AMS/TCP, and the discovery service of the AMS router (Beckhoff Information System, TwinCAT ADS specification).
//! AMS/TCP, little-endian: 0000, length u32, target NetId and port, source NetId and port, command u16, state flags u16, data length
//! u32, error u32, invoke id u32. Discovery: 03 66 14 71, invoke id u32, service u32, NetId, port u16, number of tags u32, tags.

use super::fields::{self, le16, le32};
use super::functions::{self, Line};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, Disclosed, Intent, Message, Protocol, Starts, Strength, Verdict, tcp, udp};
use super::text::text;
use crate::decode::Transport;

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[tcp(48898), udp(48899)],
    strength: Strength::Anywhere,
    starts: Starts::Bytes(&[&[0, 0], DISCOVERY_MAGIC]),
    sector: "manufacturing",
    parse,
};

const NAME: &str = "ads";

const DISCOVERY_MAGIC: &[u8] = &[0x03, 0x66, 0x14, 0x71];
/// AMS/TCP header and AMS header.
const HEADER_BYTES: usize = 38;
/// The AMS header alone: what the TCP header's length counts besides the data.
const AMS_BYTES: u32 = 32;
/// The largest data that is taken for possible: ADS writes are limited by the router's memory, 32 MiB unless configured otherwise.
const DATA_BYTES_MAX: u32 = 32 << 20;
/// State flags of a command sent over TCP, without and with the response bit.
const FLAGS_REQUEST: u16 = 4;
const FLAGS_RESPONSE: u16 = 5;
/// The AMS port of the system service, which holds files, registry and routes.
const PORT_SYSTEM_SERVICE: u16 = 10_000;

const READ_DEVICE_INFO: u16 = 1;
const WRITE: u16 = 3;
const NOTIFICATION: u16 = 8;
const READ_WRITE: u16 = 9;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    let verdict = match context.transport {
        Transport::Tcp => command(bytes),
        Transport::Udp => discovery(bytes, context),
        _ => Some(Verdict::No),
    };
    verdict.unwrap_or_else(|| fields::too_few(context))
}

fn command(bytes: &[u8]) -> Option<Verdict> {
    if bytes.iter().take(2).any(|byte| *byte != 0) {
        return Some(Verdict::No);
    }
    // Long before the header ends, most other streams have shown that they are none of these.
    let ams_bytes = le32(bytes, 2)?;
    if !(AMS_BYTES..=AMS_BYTES + DATA_BYTES_MAX).contains(&ams_bytes) {
        return Some(Verdict::No);
    }
    let target_port = le16(bytes, 12)?;
    let (command, flags) = (le16(bytes, 22)?, le16(bytes, 24)?);
    let data_bytes = le32(bytes, 26)?;
    let error = le32(bytes, 30)?;
    if !(1..=9).contains(&command) || !matches!(flags, FLAGS_REQUEST | FLAGS_RESPONSE) || data_bytes != ams_bytes - AMS_BYTES {
        return Some(Verdict::No);
    }
    let total = HEADER_BYTES + data_bytes as usize;
    let (mut intent, mut name) = functions::grade(COMMANDS, command.into());
    if flags == FLAGS_RESPONSE {
        let result = if data_bytes >= 4 { le32(bytes, HEADER_BYTES)? } else { 0 };
        let mut message = Message { error: error != 0 || result != 0, ..Message::answer(NAME, total, name, command.into()) };
        if command == READ_DEVICE_INFO && !message.error {
            // Result u32, version u8, revision u8, build u16, device name.
            message.disclosed[0] = text("product", bytes, HEADER_BYTES + 8, 16);
        }
        return Some(Verdict::Message(message));
    }
    if error != 0 {
        return Some(Verdict::No);
    }
    if command == NOTIFICATION {
        return Some(Verdict::Message(Message::answer(NAME, total, name, command.into())));
    }
    if command == READ_WRITE {
        (name, intent) = read_write(le32(bytes, HEADER_BYTES)?);
    }
    if target_port == PORT_SYSTEM_SERVICE && matches!(command, WRITE | READ_WRITE) {
        intent = Control;
    }
    Some(Verdict::Message(Message::request(NAME, total, intent, name, command.into())))
}

/// A read-write is a question if its index group is one of the symbol services that only look something up; otherwise it sets values.
fn read_write(index_group: u32) -> (&'static str, Intent) {
    match index_group {
        0xf003 | 0xf009 | 0xf00b | 0xf00f | 0xf080 => ("read-write", Read),
        _ => ("read-write", Write),
    }
}

/// A router's discovery message. Services carry bit 31 in answers.
fn discovery(bytes: &[u8], context: &Context) -> Option<Verdict> {
    if !DISCOVERY_MAGIC.iter().zip(bytes).all(|(magic, byte)| magic == byte) {
        return Some(Verdict::No);
    }
    let service = le32(bytes, 8)?;
    if le32(bytes, 20)? > TAGS_MAX as u32 {
        return Some(Verdict::No);
    }
    let code = service & 0x7fff_ffff;
    let (intent, name) = functions::grade(SERVICES, code);
    if name.is_empty() && (!context.on_port || code > u32::from(u16::MAX)) {
        return Some(Verdict::No);
    }
    if service == code {
        return Some(Verdict::Message(Message::request(NAME, bytes.len(), intent, name, code)));
    }
    let mut message = Message::answer(NAME, bytes.len(), name, code);
    let mut kept = 0;
    for (tag, at, length) in tags(bytes) {
        let found = match tag {
            TAG_STATUS => {
                message.error = length == 4 && le32(bytes, at).is_some_and(|status| status != 0);
                continue;
            }
            TAG_HOST_NAME => text("name", bytes, at, length),
            _ => continue,
        };
        if let (Some(slot), true) = (message.disclosed.get_mut(kept), found != Disclosed::default()) {
            *slot = found;
            kept += 1;
        }
    }
    Some(Verdict::Message(message))
}

const TAG_STATUS: u16 = 1;
const TAG_HOST_NAME: u16 = 5;
/// Tags that one message may carry; real ones have up to eight.
const TAGS_MAX: usize = 16;

/// The tags: identifier, offset of the value, length of the value.
fn tags(bytes: &[u8]) -> impl Iterator<Item = (u16, usize, usize)> {
    let mut at = 24;
    std::iter::from_fn(move || {
        let (tag, length) = (le16(bytes, at)?, usize::from(le16(bytes, at + 2)?));
        let value = at + 4;
        at = value + length;
        (at <= bytes.len()).then_some((tag, value, length))
    })
    .take(TAGS_MAX)
}

const COMMANDS: &[Line] = &[
    (1, Identify, "read-device-info"),
    (2, Read, "read"),
    (3, Write, "write"),
    (4, Identify, "read-state"),
    (5, Control, "write-control"),
    (6, Read, "add-notification"),
    (7, Read, "delete-notification"),
    (8, Read, "notification"),
    (9, Write, "read-write"),
];

const SERVICES: &[Line] = &[(1, Identify, "server-info"), (6, Control, "add-route"), (0xb001, Control, "del-route")];

#[cfg(test)]
mod tests {
    use super::super::protocol::{Role, Sender};
    use super::super::testing::{datagram, hex, message, never_in_noise, never_panics, on_port, told};
    use super::*;

    const DEVICE_INFO: &str = "000020000000c0a8006401011027c0a800010101898001000400000000000000000001000000";
    const WRITE_VALUE: &str = "00002d000000c0a8006401015303c0a8000101018980030004000d000000000000000100000020400000000000000100000001";
    const WRITE_CONTROL: &str = "000028000000c0a8006401011027c0a8000101018980050004000800000000000000010000000600000000000000";
    const SERVER_INFO: &str = "0366147101000000 01000000 c0a800010101 1027 00000000";

    fn grade(sample: &str) -> (Role, Intent, &'static str) {
        let found = message(&PROTOCOL, &hex(sample), on_port(Sender::Unknown));
        assert_eq!(found.bytes, hex(sample).len());
        (found.role, found.intent, found.function.name)
    }

    #[test]
    fn commands_are_graded() {
        assert_eq!(grade(DEVICE_INFO), (Role::Request, Identify, "read-device-info"));
        assert_eq!(grade(WRITE_VALUE), (Role::Request, Write, "write"));
        assert_eq!(grade(WRITE_CONTROL), (Role::Request, Control, "write-control"));
    }

    #[test]
    fn looking_up_a_handle_reads_other_read_writes_write() {
        let look_up = "000031000000c0a8006401015303c0a800010101898009000400110000000000000001000000 03f00000 00000000 04000000 01000000 41";
        assert_eq!(grade(look_up), (Role::Request, Read, "read-write"));
        assert_eq!(grade(&look_up.replace("03f00000", "05f00000")), (Role::Request, Write, "read-write"));
    }

    #[test]
    fn a_write_to_the_system_service_is_control() {
        assert_eq!(grade(&WRITE_VALUE.replace("01015303", "01011027")).1, Control);
    }

    #[test]
    fn the_device_names_itself() {
        let bytes = [
            hex("000038000000c0a80001010189 80c0a8006401011027 01000500 18000000 00000000 01000000 00000000 0301 b60f"),
            b"TCatPlcCtrl\0\0\0\0\0".to_vec(),
        ]
        .concat();
        let found = message(&PROTOCOL, &bytes, on_port(Sender::Server));
        assert_eq!((found.role, found.error), (Role::Answer, false));
        assert_eq!(told(&found, &bytes, "product"), "TCatPlcCtrl");
    }

    #[test]
    fn discovery_and_routes() {
        let ask = message(&PROTOCOL, &hex(SERVER_INFO), datagram(Sender::Client));
        assert_eq!((ask.role, ask.intent, ask.function.name), (Role::Request, Identify, "server-info"));
        let bytes = hex("0366147101000000 01000080 c0a800010101 1027 01000000 0500 0600 43582d313200");
        let answer = message(&PROTOCOL, &bytes, datagram(Sender::Client));
        assert_eq!(answer.role, Role::Answer);
        assert_eq!(told(&answer, &bytes, "name"), "CX-12");
        let route = hex(&SERVER_INFO.replace(" 01000000 c0", " 06000000 c0"));
        assert_eq!(message(&PROTOCOL, &route, datagram(Sender::Client)).intent, Control);
    }

    #[test]
    fn lengths_that_disagree_flags_and_errors_are_refused() {
        for (from, to) in [("000020000000", "000021000000"), ("01000400", "01000600"), ("01000400", "0a000400")] {
            assert_eq!(parse(&hex(&DEVICE_INFO.replacen(from, to, 1)), &on_port(Sender::Client)), Verdict::No);
        }
    }

    #[test]
    fn a_big_write_is_known_by_its_header() {
        let big = WRITE_VALUE.replace("00002d000000", "00002d000100").replace("0d00000000", "0d00010000");
        assert_eq!(message(&PROTOCOL, &hex(&big), on_port(Sender::Client)).bytes, 65_536 + 51);
        assert_eq!(parse(&hex(DEVICE_INFO)[..20], &on_port(Sender::Client)), Verdict::Short);
    }

    #[test]
    fn hostile_bytes() {
        never_panics(
            &PROTOCOL,
            &[DEVICE_INFO, WRITE_VALUE, SERVER_INFO, "0366147101000000 01000080 c0a800010101 1027 01000000 0500 0600 43582d313200"],
        );
        never_in_noise(&PROTOCOL, &[]);
    }
}
