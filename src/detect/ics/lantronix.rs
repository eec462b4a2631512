//! Lantronix configuration on port 77FE (undocumented; after community scripts). Three zero bytes and a code; questions are even, their
//! answers one more. The set-up record holds the Telnet password in old firmware.

use super::fields;
use super::protocol::Intent::{Control, Identify};
use super::protocol::{Context, Intent, Message, Protocol, Starts, Strength, Verdict, tcp, udp};
use super::text::text;
use crate::decode::Transport;

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[udp(30718), tcp(30718)],
    strength: Strength::PortTwice,
    starts: Starts::Unused,
    sector: "communications",
    parse,
};

const NAME: &str = "lantronix";

/// A question is nothing but its code.
const QUESTION_BYTES: usize = 4;
const READ_FIRMWARE: u8 = 0xf4;
const INFORMATION: u8 = 0xf6;
/// Where an information answer names the device's type.
const TYPE_AT: usize = 8;
const TYPE_BYTES: usize = 3;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    let &[0, 0, 0, code, ..] = bytes else {
        return if bytes.iter().any(|byte| *byte != 0) || bytes.len() >= QUESTION_BYTES { Verdict::No } else { fields::too_few(context) };
    };
    if context.transport == Transport::Other {
        return Verdict::No;
    }
    let is_bare = bytes.len() == QUESTION_BYTES;
    let request = |name, intent: Intent| Verdict::Message(Message::request(NAME, bytes.len(), intent, name, code.into()));
    match code {
        READ_FIRMWARE if is_bare => request("read-firmware", Identify),
        INFORMATION if is_bare => request("information", Identify),
        0xf8 if is_bare => request("read-setup", Control),
        0xe0..=0xef if is_bare => request("read-record", Control),
        0xfa if !is_bare => request("write-setup", Control),
        0xc0..=0xcf if !is_bare => request("write-record", Control),
        0xf5 | 0xf7 | 0xf9 if !is_bare => {
            let mut answer = Message::answer(NAME, bytes.len(), name_of_answer(code), code.into());
            if code == INFORMATION + 1 {
                answer.disclosed[0] = text("model", bytes, TYPE_AT, TYPE_BYTES);
            }
            Verdict::Message(answer)
        }
        0xfb => Verdict::Message(Message::answer(NAME, bytes.len(), "write-setup", code.into())),
        _ => Verdict::No,
    }
}

const fn name_of_answer(code: u8) -> &'static str {
    match code {
        0xf5 => "read-firmware",
        0xf7 => "information",
        _ => "read-setup",
    }
}

#[cfg(test)]
mod tests {
    use super::super::protocol::{Role, Sender};
    use super::super::testing::{datagram, hex, message, never_panics, on_port, told};
    use super::*;

    fn grade(sample: &str) -> (Role, Intent, &'static str) {
        let found = message(&PROTOCOL, &hex(sample), datagram(Sender::Unknown));
        (found.role, found.intent, found.function.name)
    }

    #[test]
    fn questions_are_graded() {
        assert_eq!(grade("000000f4"), (Role::Request, Identify, "read-firmware"));
        assert_eq!(grade("000000f6"), (Role::Request, Identify, "information"));
        assert_eq!(grade("000000f8"), (Role::Request, Control, "read-setup"));
        assert_eq!(grade("000000fa0102"), (Role::Request, Control, "write-setup"));
    }

    #[test]
    fn the_information_names_the_type() {
        let bytes = hex("000000f7 01000000 58350000 00000000");
        let found = message(&PROTOCOL, &bytes, datagram(Sender::Server));
        assert_eq!((found.role, found.function.name), (Role::Answer, "information"));
        assert_eq!(told(&found, &bytes, "model"), "X5");
    }

    #[test]
    fn longer_questions_and_other_codes_are_refused() {
        for near in ["000000f600", "000000f0", "000100f6", "000000f7", "000000c1"] {
            assert_eq!(parse(&hex(near), &datagram(Sender::Client)), Verdict::No);
        }
        assert_eq!(parse(&hex("000000"), &on_port(Sender::Client)), Verdict::Short);
    }

    #[test]
    fn hostile_bytes() {
        never_panics(&PROTOCOL, &["000000f6", "000000f70100000058350000"]);
    }
}
