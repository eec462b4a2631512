//! Moxa NPort device search and configuration (undocumented; after a third-party dissector and packet logs). Big-endian: command u8
//! (bit 80: answer), status u8, length u16, transaction u32; then product line, model and MAC address, and the command's data.

use super::fields::{self, Fit, be16};
use super::functions::{self, Line};
use super::protocol::Intent::{Control, Identify, Read};
use super::protocol::{Context, Message, Protocol, Starts, Strength, Verdict, udp};
use super::text::text;
use crate::decode::Transport;

pub static PROTOCOL: Protocol =
    Protocol { name: NAME, ports: &[udp(4800)], strength: Strength::Port, starts: Starts::Unused, sector: "communications", parse };

const NAME: &str = "moxa";

const DISCOVER: u8 = 0x01;
const GET_NAME: u8 = 0x10;
/// A discovery is a bare header; every other message names the device that it is for.
const HEADER_BYTES: usize = 8;
const DEVICE_BYTES: usize = 20;
const ANSWER: u8 = 0x80;
/// Room for the server's name in the answer to 10.
const NAME_BYTES: usize = 40;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    if context.transport != Transport::Udp {
        return Verdict::No;
    }
    message(bytes, context).unwrap_or_else(|| fields::too_few(context))
}

fn message(bytes: &[u8], context: &Context) -> Option<Verdict> {
    let &[mark, status, ..] = bytes else { return None };
    let total = usize::from(be16(bytes, 2)?);
    let command = mark & !ANSWER;
    let shape = if command == DISCOVER && mark < ANSWER { total == HEADER_BYTES } else { total >= DEVICE_BYTES };
    bytes.get(..HEADER_BYTES)?;
    // A length at this place is all that RADIUS has, too: a request must not carry a status either.
    let is_plain = mark >= ANSWER || status == 0;
    if command == 0 || !is_plain || !shape || fields::fit(total, bytes, context) == Fit::Wrong {
        return Some(Verdict::No);
    }
    // Commands that no source lists as readings are taken for settings.
    let (intent, name) = functions::find(COMMANDS, command.into()).unwrap_or((Control, ""));
    if mark < ANSWER {
        return Some(Verdict::Message(Message::request(NAME, total, intent, name, command.into())));
    }
    let mut answer = Message { error: status != 0, ..Message::answer(NAME, total, name, command.into()) };
    if command == GET_NAME {
        answer.disclosed[0] = text("name", bytes, DEVICE_BYTES, NAME_BYTES);
    }
    Some(Verdict::Message(answer))
}

const COMMANDS: &[Line] = &[
    (0x01, Identify, "discover"),
    (0x10, Identify, "name"),
    (0x11, Identify, "family"),
    (0x14, Identify, "status"),
    (0x16, Identify, "product"),
    (0x1a, Control, "date-time"),
    (0x21, Read, "address"),
    (0x22, Read, "netmask"),
    (0x23, Read, "gateway"),
    (0x25, Read, "get-configuration"),
    (0x26, Read, "get-configuration"),
    (0x27, Read, "get-configuration"),
    (0x28, Read, "get-configuration"),
    (0x29, Read, "email-config"),
    (0x2c, Control, "credentials"),
    (0x4d, Read, "get-configuration"),
    (0x4f, Read, "get-configuration"),
    (0x51, Read, "get-configuration"),
    (0x52, Read, "get-configuration"),
];

#[cfg(test)]
mod tests {
    use super::super::protocol::{Intent, Role, Sender};
    use super::super::testing::{datagram, hex, message as found, never_panics, told};
    use super::*;

    const DISCOVERY: &str = "0100000800000000";
    const ASK: &str = "10000014 00000001 00000000 00000000 00000000";

    fn grade(sample: &str) -> (Role, Intent, &'static str) {
        let message = found(&PROTOCOL, &hex(sample), datagram(Sender::Unknown));
        (message.role, message.intent, message.function.name)
    }

    #[test]
    fn commands_are_graded() {
        assert_eq!(grade(DISCOVERY), (Role::Request, Intent::Identify, "discover"));
        assert_eq!(grade(ASK), (Role::Request, Intent::Identify, "name"));
        assert_eq!(grade(&ASK.replacen("10", "21", 1)), (Role::Request, Intent::Read, "address"));
        assert_eq!(grade(&ASK.replacen("10", "1a", 1)), (Role::Request, Intent::Control, "date-time"));
        assert_eq!(grade(&ASK.replacen("10", "77", 1)), (Role::Request, Intent::Control, ""));
    }

    #[test]
    fn the_name_is_disclosed() {
        let bytes = [hex("9000001c 00000001 00000000 00000000 00000000"), b"NP5110\0\0".to_vec()].concat();
        let message = found(&PROTOCOL, &bytes, datagram(Sender::Server));
        assert_eq!((message.role, message.error), (Role::Answer, false));
        assert_eq!(told(&message, &bytes, "name"), "NP5110");
        assert_eq!(grade("81000018 00000000 00000000 00000000 0090e8010203 c0a8").0, Role::Answer);
    }

    #[test]
    fn lengths_that_do_not_fit_are_refused() {
        for near in [
            "0100000900000000",
            "010000080000000000",
            "0100000c 00000000 00000000",
            "10000008 00000001",
            "10010014 00000001 00000000 00000000 00000000",
            "00000008 00000000",
        ] {
            assert_eq!(parse(&hex(near), &datagram(Sender::Client)), Verdict::No);
        }
    }

    #[test]
    fn hostile_bytes() {
        never_panics(&PROTOCOL, &[DISCOVERY, ASK, "9000001c 00000001 00000000 00000000 00000000 4e50353131300000"]);
    }
}
