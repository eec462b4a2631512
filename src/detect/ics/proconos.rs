//! ProConOS, KW-Software's controller runtime. Not published; after the probe of nmap and Redpoint (`proconos-info`) and Metasploit's
//! `phoenix_command`, whose eleven requests agree: CC 01 00, command, 40 (C0 in the first), sequence, length u16 little-endian of the
//! data, data, two bytes that look like a checksum.

use super::fields::{self, Fields, Reading, require};
use super::functions::{self, Line};
use super::protocol::Intent::{Control, Identify, Read};
use super::protocol::{Context, Message, Protocol, Sender, Starts, Strength, Verdict, tcp};

pub static PROTOCOL: Protocol =
    Protocol { name: NAME, ports: &[tcp(20547)], strength: Strength::Port, starts: Starts::Unused, sector: "manufacturing", parse };

const NAME: &str = "proconos";

const START: u8 = 0xcc;
/// What a request begins with.
const HEAD: [u8; 3] = [START, 0x01, 0x00];
/// Bytes before the data, and those behind.
const HEADER_BYTES: usize = 8;
const CHECK_BYTES: usize = 2;
/// The longest data believed: a guess, for want of a specification.
const DATA_BYTES_MAX: usize = 4_096;

const COMMANDS: &[Line] = &[
    (0x01, Control, "stop"),
    (0x04, Control, "cold-start"),
    (0x0b, Identify, "information"),
    (0x0d, Identify, "init"),
    (0x0f, Read, "read-state"),
];

/// An answer is longer than this, and has these texts: runtime, controller type, project.
const ANSWER_BYTES_MIN: usize = 81;
const TEXTS: [(&str, usize); 3] = [("firmware", 12), ("model", 44), ("project", 77)];
const TEXT_BYTES_MAX: usize = 32;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    fields::verdict(read(&Fields::new(bytes, context)))
}

fn read(fields: &Fields) -> Reading {
    require(fields.is_tcp() && fields.context.on_port)?;
    fields.expect(0, &[START])?;
    if fields.context.sender != Sender::Client {
        match answer(fields) {
            Ok(message) => return Ok(message),
            Err(refusal) if fields.context.sender == Sender::Server => return Err(refusal),
            Err(_) => {}
        }
    }
    fields.expect(0, &HEAD)?;
    let command = u32::from(fields.u8(3)?);
    require(matches!(fields.u8(4)?, 0x40 | 0xc0))?;
    let data_bytes = usize::from(fields.le16(6)?);
    require(data_bytes <= DATA_BYTES_MAX)?;
    let (intent, name) = functions::grade(COMMANDS, command);
    Ok(Message::request(NAME, HEADER_BYTES + data_bytes + CHECK_BYTES, intent, name, command))
}

/// An answer shows nothing fixed but its first bytes and, in the one to the probe, the runtime's name.
fn answer(fields: &Fields) -> Reading {
    if fields.context.sender == Sender::Server
        && fields.bytes.starts_with(&HEAD)
        && fields.len() < ANSWER_BYTES_MIN
        && fields.len() == HEADER_BYTES + usize::from(fields.le16(6)?) + CHECK_BYTES
    {
        let command = u32::from(fields.u8(3)?);
        return Ok(Message::answer(NAME, fields.len(), functions::grade(COMMANDS, command).1, command));
    }
    fields.slice(0, ANSWER_BYTES_MIN)?;
    require(fields.text(TEXTS[0].1, TEXT_BYTES_MAX).is_some())?;
    let mut message = Message::answer(NAME, fields.len(), "information", u32::from(fields.u8(3)?));
    for (field, at) in TEXTS {
        fields.disclose_text(&mut message, field, at, TEXT_BYTES_MAX);
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::protocol::{Intent, Role};
    use crate::detect::ics::testing::{self, disclosures, hex, message, off_port, on_port};

    const ASK: &str = "cc01000b4002000047ee";

    fn answered() -> Vec<u8> {
        let mut bytes = vec![0; 110];
        bytes[..6].copy_from_slice(&hex("cc0100624002"));
        for (at, text) in [(12, "ProConOS V3.0.1040"), (44, "ADAM5510KW 1.24"), (77, "Mill")] {
            bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
        }
        bytes
    }

    #[test]
    fn commands_are_graded() {
        for (text, name, intent) in [
            (ASK, "information", Intent::Identify),
            ("cc01000dc0010000d517", "init", Intent::Identify),
            ("cc01000f40070000eafa", "read-state", Intent::Read),
            ("cc010004400e00001821", "cold-start", Intent::Control),
            ("cc010001400e00004c07", "stop", Intent::Control),
            ("cc0100074006100026750000000000000000000000000000c682", "", Intent::Read),
        ] {
            for sender in [Sender::Client, Sender::Unknown] {
                assert_eq!(testing::request(&PROTOCOL, &hex(text), &on_port(sender)), (name, intent));
                assert_eq!(message(&PROTOCOL, &hex(text), on_port(sender)).bytes, text.len() / 2);
            }
        }
    }

    #[test]
    fn the_answer_discloses_the_controller() {
        let context = on_port(Sender::Unknown);
        assert_eq!(message(&PROTOCOL, &answered(), context).role, Role::Answer);
        let texts = ["firmware=ProConOS V3.0.1040", "model=ADAM5510KW 1.24", "project=Mill"];
        assert_eq!(disclosures(&PROTOCOL, &answered(), &context), texts);
    }

    #[test]
    fn near_misses_are_refused() {
        for text in ["cc02000b4002000047ee", "cd01000b4002000047ee", "cc01000b20020000"] {
            assert_eq!((PROTOCOL.parse)(&hex(text), &on_port(Sender::Client)), Verdict::No, "{text}");
        }
        assert_eq!((PROTOCOL.parse)(&hex(ASK), &off_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn hostile_bytes_never_panic() {
        testing::never_panics(&PROTOCOL, &[hex(ASK), answered()]);
        testing::waits(&PROTOCOL, &[hex(ASK)], &on_port(Sender::Client));
        testing::waits(&PROTOCOL, &[answered()], &on_port(Sender::Server));
    }
}
