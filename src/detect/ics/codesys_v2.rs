//! CODESYS 2 runtimes and gateways of 3S. Not published; code table as zgrab2's `codesys2` module has it.

use super::fields::{self, Fields, Reading, Refusal, require};
use super::functions::{self, Line};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, Message, Protocol, Sender, Starts, Strength, Verdict, tcp};

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[tcp(1200), tcp(1201), tcp(2455)],
    strength: Strength::Port,
    starts: Starts::Unused,
    sector: "manufacturing",
    parse,
};

const NAME: &str = "codesys-v2";

const MAGIC: [u8; 2] = [0xbb, 0xbb];
/// Magic and length; the command follows.
const HEADER_BYTES: usize = 6;
/// The longest message believed: the upper half of the length is zero in either byte order.
const LENGTH_MAX: u32 = 0xffff;
/// A scanner's question in big-endian form, whose length field is one byte late.
const LATE_LENGTH: [u8; 7] = [0xbb, 0xbb, 0x01, 0x00, 0x00, 0x01, 0x01];

const LOGIN: u32 = 0x01;

/// The answer to a login is longer than this, and has these texts of 32 bytes: operating system, its version, vendor.
const LOGIN_ANSWER_BYTES_MIN: usize = 129;
const TEXTS: [(&str, usize); 3] = [("os", 64), ("os-version", 96), ("vendor", 128)];
const TEXT_BYTES_MAX: usize = 32;

const COMMANDS: &[Line] = &[
    (LOGIN, Identify, "login"),
    (0x02, Identify, "logout"),
    (0x03, Control, "start"),
    (0x04, Control, "stop"),
    (0x05, Read, "read-variable-list"),
    (0x06, Write, "write-variable-list"),
    (0x07, Control, "enable"),
    (0x08, Control, "disable"),
    (0x09, Write, "force"),
    (0x0a, Control, "debug"),
    (0x0b, Control, "debug"),
    (0x0c, Control, "debug"),
    (0x0d, Control, "debug"),
    (0x0e, Control, "debug"),
    (0x0f, Control, "debug"),
    (0x10, Identify, "read-status"),
    (0x11, Identify, "read-identity"),
    (0x12, Read, "read-breakpoints"),
    (0x13, Control, "reset"),
    (0x14, Read, "define-variable-list"),
    (0x15, Read, "delete-variable-list"),
    (0x17, Read, "callstack"),
    (0x18, Control, "debug"),
    (0x19, Read, "flow"),
    (0x1a, Read, "flow"),
    (0x1b, Read, "flow"),
    (0x1c, Read, "trace"),
    (0x1d, Read, "trace"),
    (0x1e, Read, "trace"),
    (0x1f, Read, "trace"),
    (0x20, Write, "force"),
    (0x21, Write, "release"),
    (0x22, Control, "online-change"),
    (0x23, Control, "debug"),
    (0x24, Control, "debug"),
    (0x28, Read, "define"),
    (0x29, Read, "define"),
    (0x2a, Read, "define"),
    (0x2b, Control, "exit"),
    (0x2c, Write, "read-write"),
    (0x2d, Read, "define"),
    (0x2e, Read, "read-direct"),
    (0x2f, Control, "file"),
    (0x30, Control, "file"),
    (0x31, Control, "file"),
    (0x32, Control, "file"),
    (0x33, Read, "file-list"),
    (0x34, Read, "file-info"),
    (0x35, Control, "file"),
    (0x36, Control, "file"),
    (0x37, Control, "download"),
    (0x38, Control, "download"),
    (0x39, Control, "download"),
    (0x3a, Control, "download"),
    (0x3b, Identify, "task-info"),
    (0x3c, Write, "write-direct"),
    (0x3d, Write, "event-cycle-time"),
    (0x3e, Control, "download"),
    (0x3f, Identify, "visualization-ready"),
    (0x40, Control, "download"),
    (0x41, Identify, "check-boot-project"),
    (0x42, Identify, "check-target-id"),
    (0x43, Control, "file"),
    (0x44, Read, "read-ex"),
    (0x45, Write, "write-ex"),
    (0x46, Read, "read-ex"),
    (0x47, Write, "write-ex"),
    (0x48, Read, "file-dir"),
    (0x50, Control, "extended"),
    (0x51, Control, "extended"),
    (0x64, Control, "download"),
    (0x65, Control, "download"),
    (0x66, Control, "download"),
    (0x80, Control, "download"),
    (0x81, Control, "source"),
    (0x82, Control, "source"),
    (0x83, Control, "flash"),
    (0x8f, Control, "flash"),
    (0x90, Identify, "get-last-error"),
    (0x91, Control, "set-password"),
    (0x92, Control, "browser-command"),
    (0x93, Control, "od-service"),
];

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    fields::verdict(read(&Fields::new(bytes, context)))
}

fn read(fields: &Fields) -> Reading {
    require(fields.is_tcp() && fields.context.on_port)?;
    fields.expect(0, &MAGIC)?;
    let declared = HEADER_BYTES + length(fields)?;
    let from_server = fields.context.sender == Sender::Server;
    let told =
        fields.context.sender != Sender::Client && fields.len() >= LOGIN_ANSWER_BYTES_MIN && fields.text(64, TEXT_BYTES_MAX).is_some();
    if told {
        let mut message = Message::answer(NAME, declared, "login", LOGIN);
        for (field, at) in TEXTS {
            fields.disclose_text(&mut message, field, at, TEXT_BYTES_MAX);
        }
        return Ok(message);
    }
    if from_server {
        // Nothing in it says that it answers, and what stands at a command's place is not certain to be one.
        return Ok(fields::either(Message::request(NAME, declared, Identify, "reply", 0), fields.context));
    }
    let command = u32::from(fields.u8(HEADER_BYTES)?);
    let (intent, name) = functions::grade(COMMANDS, command);
    Ok(fields::either(Message::request(NAME, declared, intent, name, command), fields.context))
}

/// The bytes behind the length field, whose byte order is the target's: the order in which all is there, else the one that is possible.
fn length(fields: &Fields) -> Reading<usize> {
    if fields.bytes.starts_with(&LATE_LENGTH) {
        return Ok(1);
    }
    let (little, big) = (fields.le32(2)?, fields.be32(2)?);
    let here = (fields.len() - HEADER_BYTES) as u64;
    [little, big]
        .into_iter()
        .filter(|length| (1..=LENGTH_MAX).contains(length))
        .min_by_key(|&length| u64::from(length) != here)
        .map(|length| length as usize)
        .ok_or(if LATE_LENGTH.starts_with(fields.bytes) { Refusal::Short } else { Refusal::No })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::protocol::{Intent, Role};
    use crate::detect::ics::testing::{self, disclosures, hex, message, off_port, on_port};

    fn client() -> Context {
        on_port(Sender::Client)
    }

    fn command(code: u8) -> Vec<u8> {
        let mut bytes = hex("bbbb04000000");
        bytes.extend([code, 1, 2, 3]);
        bytes
    }

    fn login_answer() -> Vec<u8> {
        let mut bytes = vec![0; 166];
        bytes[..7].copy_from_slice(&hex("bbbba000000001"));
        for (at, text) in [(64, "Nucleus PLUS"), (96, "Nucleus PLUS version 1.14"), (128, "WAGO 750-841")] {
            bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
        }
        bytes
    }

    #[test]
    fn logins_are_read_in_both_byte_orders() {
        for text in ["bbbb0100000001", "bbbb0000000101", "bbbb0100000101"] {
            assert_eq!(testing::request(&PROTOCOL, &hex(text), &client()), ("login", Intent::Identify), "{text}");
            assert_eq!(message(&PROTOCOL, &hex(text), client()).bytes, 7);
        }
    }

    #[test]
    fn commands_are_graded() {
        let cases = [(0x2e, "read-direct", Intent::Read), (0x06, "write-variable-list", Intent::Write), (0x04, "stop", Intent::Control)];
        for (code, name, intent) in cases {
            assert_eq!(testing::request(&PROTOCOL, &command(code), &client()), (name, intent));
        }
        assert_eq!(testing::request(&PROTOCOL, &command(0x92), &client()), ("browser-command", Intent::Control));
        assert_eq!(testing::request(&PROTOCOL, &command(0xee), &client()), ("", Intent::Read));
    }

    #[test]
    fn what_the_server_sends_is_no_request() {
        let found = message(&PROTOCOL, &command(0x04), on_port(Sender::Server));
        assert_eq!((found.role, found.intent), (Role::Either, Intent::Connect));
    }

    #[test]
    fn the_answer_to_a_login_discloses_the_system() {
        let context = on_port(Sender::Unknown);
        assert_eq!(message(&PROTOCOL, &login_answer(), context).role, Role::Answer);
        let texts = ["os=Nucleus PLUS", "os-version=Nucleus PLUS version 1.14", "vendor=WAGO 750-841"];
        assert_eq!(disclosures(&PROTOCOL, &login_answer(), &context), texts);
    }

    #[test]
    fn near_misses_are_refused() {
        for text in ["bbbc0100000001", "bbbb0100000100", "bbbb0000000001", "bbbbffffffff01"] {
            assert_eq!((PROTOCOL.parse)(&hex(text), &client()), Verdict::No, "{text}");
        }
        assert_eq!((PROTOCOL.parse)(&command(1), &off_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let samples = [command(1), login_answer(), hex("bbbb0100000101"), hex("bbbb0000000101")];
        testing::never_panics(&PROTOCOL, &samples);
        testing::waits(&PROTOCOL, &samples, &client());
    }
}
