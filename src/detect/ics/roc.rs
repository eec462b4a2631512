//! Emerson (Fisher) ROC and ROC Plus (specification A6127). Destination unit u8 and group u8, source unit and group, opcode u8, data
//! length u8, data, CRC-16/MODBUS u16 little-endian. Requests and answers have one frame; some opcodes differ in their data's length.

use super::crc;
use super::fields::{self, Fit, le16};
use super::functions::{self, Line};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, Message, Protocol, Role, Starts, Strength, Verdict, tcp, udp};
use crate::decode::Transport;

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[tcp(4000), udp(4000)],
    strength: Strength::Anywhere,
    starts: Starts::Like(may_begin),
    sector: "oil and gas",
    parse,
};

const NAME: &str = "roc";

/// Addresses, opcode, length and CRC: what surrounds the data.
const FRAME_BYTES: usize = 8;
const OPCODE_LOGIN: u8 = 17;
const OPCODE_ERROR: u8 = 255;
/// Data bytes of a login with enhanced security: user name, session key, password digest.
const ENHANCED_LOGIN_BYTES: u8 = 71;
/// What is left in the conversation's memory once a request was recognised.
const KNOWN: u16 = 1;

/// A frame of a known opcode ends where the bytes end.
fn may_begin(bytes: &[u8]) -> bool {
    let &[_, _, _, _, opcode, data_bytes, ..] = bytes else { return false };
    usize::from(data_bytes) + FRAME_BYTES == bytes.len() && OPCODES.iter().any(|&(known, ..)| known == u32::from(opcode))
}

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    if context.transport == Transport::Other {
        return Verdict::No;
    }
    frame(bytes, context).unwrap_or_else(|| if context.on_port { fields::too_few(context) } else { Verdict::No })
}

fn frame(bytes: &[u8], context: &Context) -> Option<Verdict> {
    let &[_, _, _, _, opcode, data_bytes, ..] = bytes else { return None };
    let total = usize::from(data_bytes) + FRAME_BYTES;
    // Nearly every payload goes here, and nearly none further.
    if fields::fit(total, bytes, context) == Fit::Wrong || !context.on_port && context.memory != KNOWN && total != bytes.len() {
        return Some(Verdict::No);
    }
    let (intent, name) = functions::grade(OPCODES, opcode.into());
    let role = role(opcode, data_bytes);
    // The frame has no fixed bytes: off the port, only a lone request of known length may open a conversation.
    let believed = context.on_port || context.memory == KNOWN || role == Role::Request;
    if name.is_empty() || !believed {
        return Some(Verdict::No);
    }
    if crc::modbus(bytes.get(..total - 2)?.iter().copied()) != le16(bytes, total - 2)? {
        return Some(Verdict::No);
    }
    let is_answer = role == Role::Answer || (role == Role::Either && fields::from_server(context));
    let message = if is_answer {
        Message { error: opcode == OPCODE_ERROR, ..Message::answer(NAME, total, name, opcode.into()) }
    } else {
        let enhanced = opcode == OPCODE_LOGIN && data_bytes == ENHANCED_LOGIN_BYTES;
        Message::request(NAME, total, if enhanced { Control } else { intent }, name, opcode.into())
    };
    Some(Verdict::Message(Message { role, memory: KNOWN, ..message }))
}

/// The direction, where the length of the data tells it.
fn role(opcode: u8, data_bytes: u8) -> Role {
    let request_bytes = match opcode {
        6 | 7 => 0,
        10 | 100 | 118 | 119 => 3,
        50 => 1,
        105 => 2,
        8 | 11 | 24 => return if data_bytes == 0 { Role::Answer } else { Role::Request },
        OPCODE_ERROR => return Role::Answer,
        _ => return Role::Either,
    };
    if data_bytes == request_bytes { Role::Request } else { Role::Answer }
}

const OPCODES: &[Line] = &[
    (6, Identify, "system-config"),
    (7, Identify, "read-clock"),
    (8, Control, "set-clock"),
    (10, Read, "read-opcode-table"),
    (11, Write, "write-opcode-table"),
    (17, Identify, "login"),
    (24, Control, "store-and-forward"),
    (50, Read, "read-io-location"),
    (100, Identify, "user-defined-info"),
    (105, Read, "read-history-min-max"),
    (108, Read, "read-history-tags"),
    (118, Read, "read-alarms"),
    (119, Read, "read-events"),
    (135, Read, "read-history-point"),
    (136, Read, "read-history-points"),
    (137, Read, "read-history-index"),
    (138, Read, "read-history-periodic"),
    (139, Read, "read-history-information"),
    (166, Write, "set-parameters"),
    (167, Read, "read-parameters"),
    (180, Read, "read-parameter-list"),
    (181, Write, "write-parameters"),
    (203, Control, "file-transfer"),
    (205, Write, "peer-to-peer"),
    (206, Read, "read-transactions"),
    (224, Read, "report-by-exception"),
    (225, Read, "report-acknowledge"),
    (255, Read, "error"),
];

#[cfg(test)]
mod tests {
    use super::super::protocol::{Intent, Sender};
    use super::super::testing::{message, never_in_noise, never_panics, on_port};
    use super::*;

    fn sealed(opcode: u8, data: &[u8]) -> Vec<u8> {
        let body = [&[1, 2, 3, 1, opcode, data.len() as u8], data].concat();
        let crc = crc::modbus(body.iter().copied()).to_le_bytes();
        [body, crc.to_vec()].concat()
    }

    fn grade(opcode: u8, data: &[u8], sender: Sender) -> (Role, Intent, &'static str) {
        let found = message(&PROTOCOL, &sealed(opcode, data), on_port(sender));
        assert_eq!(found.bytes, data.len() + FRAME_BYTES);
        (found.role, found.intent, found.function.name)
    }

    #[test]
    fn opcodes_are_graded() {
        assert_eq!(grade(7, &[], Sender::Unknown), (Role::Request, Intent::Identify, "read-clock"));
        assert_eq!(grade(167, &[0; 4], Sender::Client), (Role::Either, Intent::Read, "read-parameters"));
        assert_eq!(grade(181, &[0; 6], Sender::Client), (Role::Either, Intent::Write, "write-parameters"));
        assert_eq!(grade(8, &[0; 6], Sender::Unknown), (Role::Request, Intent::Control, "set-clock"));
        assert_eq!(grade(17, &[0; 71], Sender::Client).1, Intent::Control);
        assert_eq!(grade(17, &[0; 5], Sender::Client).1, Intent::Identify);
    }

    #[test]
    fn the_length_or_the_port_tells_an_answer() {
        assert_eq!(grade(7, &[0; 8], Sender::Unknown), (Role::Answer, Intent::Connect, "read-clock"));
        assert_eq!(grade(8, &[], Sender::Unknown).0, Role::Answer);
        assert_eq!(grade(167, &[0; 9], Sender::Server), (Role::Either, Intent::Connect, "read-parameters"));
        assert!(message(&PROTOCOL, &sealed(255, &[1, 2]), on_port(Sender::Server)).error);
    }

    #[test]
    fn a_bad_check_sum_or_opcode_is_refused() {
        let mut bytes = sealed(7, &[]);
        bytes[6] ^= 1;
        assert_eq!(parse(&bytes, &on_port(Sender::Client)), Verdict::No);
        assert_eq!(parse(&sealed(9, &[]), &on_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn off_the_port_a_request_opens_the_conversation() {
        let off = Context { on_port: false, ..on_port(Sender::Unknown) };
        let answer = sealed(7, &[0; 8]);
        assert_eq!(parse(&answer, &off), Verdict::No);
        let asked = message(&PROTOCOL, &sealed(7, &[]), off);
        assert_eq!(message(&PROTOCOL, &answer, Context { memory: asked.memory, ..off }).role, Role::Answer);
    }

    #[test]
    fn hostile_bytes() {
        let samples: Vec<String> =
            [sealed(7, &[]), sealed(167, &[1, 2, 3])].iter().map(|b| b.iter().map(|b| format!("{b:02x}")).collect()).collect();
        never_panics(&PROTOCOL, &[&samples[0], &samples[1]]);
        never_in_noise(&PROTOCOL, &[]);
    }
}
