//! PROFINET IO context management over connectionless DCE/RPC (IEC 61158-6-10; DCE 1.1: Remote Procedure Call, chapter 12). Header of
//! 80 bytes: version 04, packet type, flags u16, data representation, …, object UUID at 8, interface UUID at 24, activity UUID at 40,
//! operation u16 at 68, body length u16 at 74; the byte order is what byte 4 says.

use super::fields::{self, Fit, be16, be32, le16, le32};
use super::functions::{self, Line};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, Disclosed, Message, Protocol, Starts, Strength, Verdict, udp};
use super::text::text;
use crate::decode::Transport;

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[udp(34964)],
    strength: Strength::Anywhere,
    starts: Starts::Bytes(&[&[4, 0], &[4, 1], &[4, 2], &[4, 3], &[4, 4], &[4, 5], &[4, 6], &[4, 7], &[4, 8], &[4, 9], &[4, 10]]),
    sector: "manufacturing",
    parse,
};

const NAME: &str = "profinet";

const HEADER_BYTES: usize = 80;
const OBJECT_AT: usize = 8;
const INTERFACE_AT: usize = 24;

const TYPE_REQUEST: u8 = 0;
const TYPE_PING: u8 = 1;
const TYPE_FAULT: u8 = 3;
const TYPE_NO_CALL: u8 = 5;
const TYPE_REJECT: u8 = 6;
const TYPE_ACKNOWLEDGEMENT: u8 = 7;
const TYPE_CANCEL: u8 = 8;

/// DEA00000-6C97-11D1-8271: what PROFINET's object UUIDs begin with, little- and big-endian.
const OBJECT_LE: [u8; 10] = [0x00, 0x00, 0xa0, 0xde, 0x97, 0x6c, 0xd1, 0x11, 0x82, 0x71];
const OBJECT_BE: [u8; 10] = [0xde, 0xa0, 0x00, 0x00, 0x6c, 0x97, 0x11, 0xd1, 0x82, 0x71];
/// E1AF8308-5D1F-11C9-91A4-08002B14A0FA: the endpoint mapper.
const MAPPER_LE: [u8; 10] = [0x08, 0x83, 0xaf, 0xe1, 0x1f, 0x5d, 0xc9, 0x11, 0x91, 0xa4];
const MAPPER_BE: [u8; 10] = [0xe1, 0xaf, 0x83, 0x08, 0x5d, 0x1f, 0x11, 0xc9, 0x91, 0xa4];

/// Whose operation a packet names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Interface {
    Profinet,
    Mapper,
}

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    if context.transport != Transport::Udp {
        return Verdict::No;
    }
    packet(bytes, context).unwrap_or_else(|| fields::too_few(context))
}

fn packet(bytes: &[u8], context: &Context) -> Option<Verdict> {
    let &[version, kind, _, _, representation, ..] = bytes else { return None };
    if version != 4 || kind > 10 || !matches!(representation, 0x00 | 0x10) {
        return Some(Verdict::No);
    }
    let little = representation == 0x10;
    let Some(interface) = interface(bytes, little)? else { return Some(Verdict::No) };
    let u16_at = |at| if little { le16(bytes, at) } else { be16(bytes, at) };
    let operation = u16_at(68)?;
    let total = HEADER_BYTES + usize::from(u16_at(74)?);
    bytes.get(..HEADER_BYTES)?;
    if fields::fit(total, bytes, context) == Fit::Wrong {
        return Some(Verdict::No);
    }
    let code = u32::from(interface == Interface::Mapper) << 16 | u32::from(operation);
    let (intent, name) = functions::grade(OPERATIONS, code);
    Some(Verdict::Message(match kind {
        TYPE_REQUEST => Message::request(NAME, total, intent, name, code),
        TYPE_PING => Message::request(NAME, total, Identify, "ping", code),
        TYPE_ACKNOWLEDGEMENT => Message::request(NAME, total, Identify, "ack", code),
        TYPE_CANCEL => Message::request(NAME, total, Identify, "cancel", code),
        _ => {
            let error = matches!(kind, TYPE_FAULT | TYPE_NO_CALL | TYPE_REJECT);
            let mut message = Message { error, ..Message::answer(NAME, total, name, code) };
            if !error && interface == Interface::Mapper {
                message.disclosed[0] = annotation(bytes, little);
            }
            message
        }
    }))
}

/// The interface that the packet belongs to, by the interface UUID or, for PROFINET, by the object's.
fn interface(bytes: &[u8], little: bool) -> Option<Option<Interface>> {
    let object = bytes.get(OBJECT_AT..OBJECT_AT + 10)?;
    let called = bytes.get(INTERFACE_AT..INTERFACE_AT + 10)?;
    let (profinet, mapper) = if little { (&OBJECT_LE, &MAPPER_LE) } else { (&OBJECT_BE, &MAPPER_BE) };
    // The interfaces (device, controller, supervisor, parameter server, implicit) differ in the last byte of the UUID's first field.
    let numbered = if little { 0 } else { 3 };
    let is_profinet = called.iter().zip(profinet).enumerate().all(|(at, (byte, expected))| at == numbered || byte == expected);
    Some(match () {
        () if is_profinet || object == profinet => Some(Interface::Profinet),
        () if called == mapper => Some(Interface::Mapper),
        () => None,
    })
}

/// The annotation of the first entry of a lookup answer: device type, order number, hardware and software version. Body: handle (20
/// bytes), number of entries, maximum, offset, count; entry: object UUID, tower pointer, annotation offset, length, text.
fn annotation(bytes: &[u8], little: bool) -> Disclosed {
    const LENGTH_AT: usize = HEADER_BYTES + 20 + 16 + 16 + 8;
    let length = if little { le32(bytes, LENGTH_AT) } else { be32(bytes, LENGTH_AT) };
    text("product", bytes, LENGTH_AT + 4, length.unwrap_or(0).min(64) as usize)
}

/// The mapper's operations have bit 16 set.
const OPERATIONS: &[Line] = &[
    (0, Control, "connect"),
    (1, Control, "release"),
    (2, Read, "read"),
    (3, Write, "write"),
    (4, Control, "control"),
    (5, Read, "read-implicit"),
    (0x1_0002, Identify, "lookup"),
    (0x1_0003, Identify, "map"),
    (0x1_0004, Identify, "lookup-handle-free"),
];

#[cfg(test)]
mod tests {
    use super::super::protocol::{Intent, Role, Sender};
    use super::super::testing::{datagram, hex, message, never_in_noise, never_panics, told};
    use super::*;

    const LOOKUP: &str = "0400200010000000000000000000000000000000000000000883afe11f5dc91191a408002b14a0fa0100000001000100010000010001000100000000030000000c0000000200ffffffff4c0000000000000000000100000000000000000000000000000000000000020000000100a0de976cd111827100a02442df7d0100000001000000000000000000000000000000000000000000000001000000";

    fn request(operation: u8) -> Vec<u8> {
        let mut bytes = hex("04002000 10000000 0000a0de976cd1118271000100640101 0100a0de976cd111827100a02442df7d");
        bytes.resize(HEADER_BYTES, 0);
        bytes[68] = operation;
        bytes[74] = 4;
        bytes.extend([0; 4]);
        bytes
    }

    fn grade(operation: u8) -> (Intent, &'static str) {
        let found = message(&PROTOCOL, &request(operation), datagram(Sender::Unknown));
        assert_eq!((found.role, found.bytes), (Role::Request, 84));
        (found.intent, found.function.name)
    }

    #[test]
    fn a_mapper_lookup_is_identify() {
        let found = message(&PROTOCOL, &hex(LOOKUP), datagram(Sender::Unknown));
        assert_eq!((found.role, found.intent, found.function.name), (Role::Request, Intent::Identify, "lookup"));
    }

    #[test]
    fn operations_are_graded() {
        assert_eq!(grade(2), (Intent::Read, "read"));
        assert_eq!(grade(3), (Intent::Write, "write"));
        assert_eq!(grade(0), (Intent::Control, "connect"));
        assert_eq!(grade(77), (Intent::Read, ""));
    }

    #[test]
    fn the_lookups_answer_names_the_device() {
        let mut bytes = hex(LOOKUP)[..HEADER_BYTES].to_vec();
        bytes[1] = 2;
        bytes.resize(HEADER_BYTES + 60, 0);
        bytes.extend(64_u32.to_le_bytes());
        bytes.extend_from_slice(b"S7-1200                   6ES7 214-1AG40-0XB0      5 V  4  2  1\0");
        let body = (bytes.len() - HEADER_BYTES) as u16;
        bytes[74..76].copy_from_slice(&body.to_le_bytes());
        let found = message(&PROTOCOL, &bytes, datagram(Sender::Client));
        assert_eq!(found.role, Role::Answer);
        assert!(told(&found, &bytes, "product").starts_with("S7-1200 "));
    }

    #[test]
    fn a_fault_is_an_answer_and_an_error() {
        let mut bytes = request(2);
        bytes[1] = TYPE_FAULT;
        let found = message(&PROTOCOL, &bytes, datagram(Sender::Unknown));
        assert_eq!((found.role, found.error), (Role::Answer, true));
    }

    #[test]
    fn other_interfaces_lengths_and_versions_are_refused() {
        for (at, value) in [(74, 5), (0, 5), (24, 0), (30, 0)] {
            let mut bytes = hex(LOOKUP);
            bytes[at] = value;
            assert_eq!(parse(&bytes, &datagram(Sender::Client)), Verdict::No);
        }
    }

    #[test]
    fn hostile_bytes() {
        never_panics(&PROTOCOL, &[LOOKUP]);
        never_in_noise(&PROTOCOL, &[]);
    }
}
