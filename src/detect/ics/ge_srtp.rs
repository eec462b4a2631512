//! GE-SRTP of GE and Emerson PACSystems and 90-30 controllers. Not published; after Denton et al., DFRWS 2017, and the services that
//! cisagov/icsnpp-ge-srtp lists.

use super::fields::{self, Fields, Reading, Refusal, require};
use super::functions::{self, Line};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, Function, Message, Protocol, Sender, Starts, Strength, Verdict, tcp};

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[tcp(18245), tcp(18246)],
    // A run of zeros opens a conversation: it takes an answer or a second message to believe it.
    strength: Strength::PortTwice,
    starts: Starts::Unused,
    sector: "energy",
    parse,
};

const NAME: &str = "ge-srtp";

/// Every message has a header of this many bytes; text may follow.
const HEADER_BYTES: usize = 56;
/// The longest text believed: a program block transfer stays below (a guess, for want of a specification).
const TEXT_BYTES_MAX: usize = 16_384;
/// Memory: the opening run of zeros has passed.
const OPENED: u16 = 1;
/// The opening's code; services are one byte.
const INIT: u32 = 0x0001_0000;

/// The answer to the question for the controller's type: the service repeated, and the program's name (TheMadHatt3r/ge-ethernet-SRTP).
const CONTROLLER_TYPE: u8 = 0x43;
const CONTROLLER_TYPE_BYTES: usize = 40;
const SERVICE_ECHO_AT: usize = 8;
const CONTROLLER_NAME_AT: usize = 12;
const CONTROLLER_NAME_BYTES: usize = 8;

const SERVICES: &[Line] = &[
    (0x00, Identify, "short-status"),
    (0x03, Identify, "program-names"),
    (0x04, Read, "read-system-memory"),
    (0x05, Read, "read-task-memory"),
    (0x06, Control, "read-program"),
    (0x07, Write, "write-system-memory"),
    (0x08, Write, "write-task-memory"),
    (0x09, Control, "write-program"),
    (0x20, Control, "logon"),
    (0x21, Control, "privilege"),
    (0x22, Control, "set-cpu-id"),
    (0x23, Control, "run-stop"),
    (0x24, Control, "set-clock"),
    (0x25, Identify, "read-clock"),
    (0x38, Read, "fault-table"),
    (0x39, Write, "clear-faults"),
    (0x3f, Control, "upload"),
    (0x40, Control, "download"),
    (CONTROLLER_TYPE as u32, Identify, "controller-type"),
    (0x44, Write, "toggle-force"),
];

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    fields::verdict(read(&Fields::new(bytes, context)))
}

fn read(fields: &Fields) -> Reading {
    require(fields.is_tcp() && fields.context.on_port)?;
    match fields.u8(0)? {
        0x00 => opening(fields),
        // A second opening message is reported, its other bytes are not: only after the first.
        0x08 if fields.context.memory == OPENED && fields.context.sender != Sender::Server => {
            fields.slice(0, HEADER_BYTES)?;
            Ok(Message { memory: OPENED, ..Message::request(NAME, HEADER_BYTES, Identify, "init", INIT) })
        }
        0x01 => {
            fields.expect(1, &[0; 7])?;
            fields.slice(0, HEADER_BYTES)?;
            require(fields.context.sender != Sender::Client)?;
            Ok(Message { memory: OPENED, ..Message::answer(NAME, HEADER_BYTES, "init", INIT) })
        }
        0x02 => request(fields),
        0x03 => reply(fields),
        _ => Err(Refusal::No),
    }
}

/// Fifty-six zero bytes, and then nothing or the next message.
fn opening(fields: &Fields) -> Reading {
    fields.expect(0, &[0; HEADER_BYTES])?;
    require(matches!(fields.bytes.get(HEADER_BYTES), None | Some(0x02 | 0x08)) && fields.context.sender != Sender::Server)?;
    Ok(Message { memory: OPENED, ..Message::request(NAME, HEADER_BYTES, Identify, "init", INIT) })
}

/// The length of the text that follows the header, after the checks that both directions share.
fn text_bytes(fields: &Fields) -> Reading<usize> {
    fields.expect(1, &[0x00])?;
    let text = usize::from(fields.le16(4)?);
    require(text <= TEXT_BYTES_MAX)?;
    require(fields.u8(2)? == fields.u8(30)?)?;
    Ok(text)
}

fn request(fields: &Fields) -> Reading {
    let text = text_bytes(fields)?;
    fields.expect(9, &[0x01])?;
    fields.expect(17, &[0x01])?;
    let kind = fields.u8(31)?;
    require(kind == 0xc0 && text == 0 || kind == 0x80)?;
    fields.expect(36, &[0x10, 0x0e, 0x00, 0x00])?;
    let (packet, packets) = (fields.u8(40)?, fields.u8(41)?);
    require(packet >= 1 && packet <= packets)?;
    let mut service = u32::from(fields.u8(42)?);
    // With text the service is reported to stand eight bytes on.
    if kind == 0x80 && functions::find(SERVICES, service).is_none() {
        let moved = u32::from(fields.u8(50)?);
        if functions::find(SERVICES, moved).is_some() {
            service = moved;
        }
    }
    let (intent, name) = functions::grade(SERVICES, service);
    Ok(Message { memory: OPENED, ..Message::request(NAME, HEADER_BYTES + text, intent, name, service) })
}

fn reply(fields: &Fields) -> Reading {
    let text = text_bytes(fields)?;
    let kind = fields.u8(31)?;
    require(matches!(kind, 0xd4 | 0x94 | 0xd1))?;
    let reply = Message { memory: OPENED, error: kind == 0xd1, ..Message::answer(NAME, HEADER_BYTES + text, "reply", u32::from(kind)) };
    if text != CONTROLLER_TYPE_BYTES || fields.u8(HEADER_BYTES + SERVICE_ECHO_AT)? != CONTROLLER_TYPE {
        return Ok(reply);
    }
    let mut message = Message { function: Function { name: "controller-type", code: CONTROLLER_TYPE.into() }, ..reply };
    fields.slice(HEADER_BYTES, CONTROLLER_TYPE_BYTES)?;
    fields.disclose_text(&mut message, "name", HEADER_BYTES + CONTROLLER_NAME_AT, CONTROLLER_NAME_BYTES);
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::protocol::{Intent, Role};
    use crate::detect::ics::testing::{self, message, off_port, on_port};

    fn service(code: u8) -> Vec<u8> {
        let mut bytes = vec![0; HEADER_BYTES];
        for (at, value) in [(0, 2), (2, 6), (9, 1), (17, 1), (30, 6), (31, 0xc0), (36, 0x10), (37, 0x0e), (40, 1), (41, 1), (42, code)] {
            bytes[at] = value;
        }
        bytes
    }

    fn replied(kind: u8) -> Vec<u8> {
        let mut bytes = service(0);
        bytes[0] = 3;
        bytes[31] = kind;
        bytes
    }

    fn client() -> Context {
        on_port(Sender::Client)
    }

    #[test]
    fn services_are_graded() {
        assert_eq!(testing::request(&PROTOCOL, &[0; 56], &client()), ("init", Intent::Identify));
        assert_eq!(testing::request(&PROTOCOL, &service(0x43), &client()), ("controller-type", Intent::Identify));
        assert_eq!(testing::request(&PROTOCOL, &service(0x04), &client()), ("read-system-memory", Intent::Read));
        assert_eq!(testing::request(&PROTOCOL, &service(0x07), &client()), ("write-system-memory", Intent::Write));
        assert_eq!(testing::request(&PROTOCOL, &service(0x23), &client()), ("run-stop", Intent::Control));
        assert_eq!(testing::request(&PROTOCOL, &service(0x77), &client()), ("", Intent::Read));
    }

    #[test]
    fn text_moves_the_service() {
        let mut bytes = service(0x77);
        (bytes[4], bytes[31], bytes[50]) = (8, 0x80, 0x07);
        let found = message(&PROTOCOL, &bytes, client());
        assert_eq!((found.function.name, found.bytes), ("write-system-memory", 64));
    }

    #[test]
    fn answers_are_told_by_the_first_byte() {
        let mut opened = vec![0; HEADER_BYTES];
        opened[0] = 1;
        assert_eq!(message(&PROTOCOL, &opened, on_port(Sender::Server)).role, Role::Answer);
        assert_eq!(message(&PROTOCOL, &replied(0xd4), on_port(Sender::Unknown)).role, Role::Answer);
        assert!(message(&PROTOCOL, &replied(0xd1), on_port(Sender::Server)).error);
    }

    #[test]
    fn near_misses_are_refused() {
        let mut other_mailbox = service(4);
        other_mailbox[36] = 0x11;
        let mut other_sequence = service(4);
        other_sequence[30] = 7;
        for bytes in [vec![0; 57], other_mailbox, other_sequence, b"GET / HTTP/1.1\r\n".to_vec()] {
            assert_eq!((PROTOCOL.parse)(&bytes, &client()), Verdict::No);
        }
        assert_eq!((PROTOCOL.parse)(&service(4), &off_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn hostile_bytes_never_panic() {
        testing::never_panics(&PROTOCOL, &[vec![0; 56], service(4), replied(0x94)]);
        testing::waits(&PROTOCOL, &[vec![0; 56], service(4), replied(0x94)], &on_port(Sender::Unknown));
    }
}
