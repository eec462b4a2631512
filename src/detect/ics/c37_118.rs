//! IEEE C37.118.2-2011 synchrophasors. Big-endian: AA, type and version u8, size u16, identifier u16, seconds u32, fraction u32, data,
//! CRC-CCITT u16. A client sends commands; a phasor measurement unit sends data, header and configuration frames.

use super::crc;
use super::fields::{self, Fit, be16};
use super::functions::{self, Line};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, Disclosed, Message, Protocol, Starts, Strength, Verdict, tcp, udp};
use super::text::text;
use crate::decode::Transport;

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[tcp(4712), udp(4713), tcp(4713), udp(4712)],
    strength: Strength::Anywhere,
    starts: Starts::Bytes(&[
        &[0xaa, 0x01],
        &[0xaa, 0x02],
        &[0xaa, 0x11],
        &[0xaa, 0x12],
        &[0xaa, 0x21],
        &[0xaa, 0x22],
        &[0xaa, 0x31],
        &[0xaa, 0x32],
        &[0xaa, 0x41],
        &[0xaa, 0x42],
        &[0xaa, 0x51],
        &[0xaa, 0x52],
    ]),
    sector: "energy",
    parse,
};

const NAME: &str = "c37.118";

/// Everything before the data.
const HEADER_BYTES: usize = 14;
/// Header and CRC: a header frame without text, which units in the field do send. A command has two bytes more.
const FRAME_BYTES_MIN: usize = 16;
const COMMAND_BYTES_MIN: usize = 18;

const TYPE_DATA: u8 = 0;
const TYPE_HEADER: u8 = 1;
const TYPE_CONFIGURATION_1: u8 = 2;
const TYPE_CONFIGURATION_2: u8 = 3;
const TYPE_COMMAND: u8 = 4;
const TYPE_CONFIGURATION_3: u8 = 5;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    if context.transport == Transport::Other {
        return Verdict::No;
    }
    frame(bytes, context).unwrap_or_else(|| fields::too_few(context))
}

fn frame(bytes: &[u8], context: &Context) -> Option<Verdict> {
    if *bytes.first()? != 0xaa {
        return Some(Verdict::No);
    }
    let mark = *bytes.get(1)?;
    let (kind, version) = (mark >> 4, mark & 0x0f);
    if kind > TYPE_CONFIGURATION_3 || !matches!(version, 1 | 2) {
        return Some(Verdict::No);
    }
    let total = usize::from(be16(bytes, 2)?);
    let bytes_min = if kind == TYPE_COMMAND { COMMAND_BYTES_MIN } else { FRAME_BYTES_MIN };
    if total < bytes_min || fields::fit(total, bytes, context) == Fit::Wrong {
        return Some(Verdict::No);
    }
    if crc::ccitt_false(bytes.get(..total - 2)?) != be16(bytes, total - 2)? {
        return Some(Verdict::No);
    }
    if kind == TYPE_COMMAND {
        let command = be16(bytes, HEADER_BYTES)?.into();
        let (intent, name) = functions::grade(COMMANDS, command);
        return Some(Verdict::Message(Message::request(NAME, total, intent, name, command)));
    }
    let (name, disclosed) = match kind {
        TYPE_DATA => ("data", Disclosed::default()),
        TYPE_HEADER => ("header", text("description", bytes, HEADER_BYTES, total - 2 - HEADER_BYTES)),
        // Time base u32, number of units u16, then the first unit's station name: 16 bytes, blank-padded.
        TYPE_CONFIGURATION_1 => ("cfg1", text("name", bytes, HEADER_BYTES + 6, 16)),
        TYPE_CONFIGURATION_2 => ("cfg2", text("name", bytes, HEADER_BYTES + 6, 16)),
        // Continuation index u16 comes first, and the name has a length byte.
        _ => ("cfg3", text("name", bytes, HEADER_BYTES + 9, bytes.get(HEADER_BYTES + 8).copied().unwrap_or(0).into())),
    };
    let mut message = Message::answer(NAME, total, name, kind.into());
    message.disclosed[0] = disclosed;
    Some(Verdict::Message(message))
}

const COMMANDS: &[Line] = &[
    (1, Write, "data-off"),
    (2, Read, "data-on"),
    (3, Identify, "send-header"),
    (4, Identify, "send-cfg1"),
    (5, Identify, "send-cfg2"),
    (6, Identify, "send-cfg3"),
    (8, Control, "extended-frame"),
];

#[cfg(test)]
mod tests {
    use super::super::protocol::{Intent, Role, Sender};
    use super::super::testing::{datagram, hex, message, never_in_noise, never_panics, on_port, told};
    use super::*;

    const SEND_CONFIGURATION: &str = "aa410012000160000000000000000005aeff";
    const DATA_ON: &str = "aa410012000160000000000000000002de18";

    fn sealed(body: &[u8]) -> Vec<u8> {
        [body, &crc::ccitt_false(body).to_be_bytes()].concat()
    }

    fn command(code: u8) -> Vec<u8> {
        let mut body = hex(SEND_CONFIGURATION)[..16].to_vec();
        body[15] = code;
        sealed(&body)
    }

    fn grade(code: u8) -> (Intent, &'static str) {
        let found = message(&PROTOCOL, &command(code), on_port(Sender::Unknown));
        assert_eq!((found.role, found.bytes), (Role::Request, 18));
        (found.intent, found.function.name)
    }

    #[test]
    fn commands_are_graded() {
        assert_eq!(command(5), hex(SEND_CONFIGURATION));
        assert_eq!(command(2), hex(DATA_ON));
        assert_eq!(grade(5), (Intent::Identify, "send-cfg2"));
        assert_eq!(grade(2), (Intent::Read, "data-on"));
        assert_eq!(grade(1), (Intent::Write, "data-off"));
        assert_eq!(grade(8), (Intent::Control, "extended-frame"));
    }

    #[test]
    fn a_configuration_names_its_station() {
        let mut body = hex("aa31 0026 0001 60000000 00000000 000f4240 0001");
        body.extend(b"Substation 7    ");
        let bytes = sealed(&body);
        let found = message(&PROTOCOL, &bytes, on_port(Sender::Client));
        assert_eq!((found.role, found.function.name), (Role::Answer, "cfg2"));
        assert_eq!(told(&found, &bytes, "name"), "Substation 7");
    }

    #[test]
    fn a_header_frame_may_be_empty() {
        let found = message(&PROTOCOL, &hex("aa1100100001597589330f04611f5105"), on_port(Sender::Server));
        assert_eq!((found.role, found.function.name, found.bytes), (Role::Answer, "header", 16));
        assert_eq!(parse(&sealed(&hex("aa41001000016000000000000000")), &on_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn a_bad_check_sum_size_or_version_is_refused() {
        for near in
            ["aa410012000160000000000000000005aefe", "aa410013000160000000000000000005aeff", "aa430012000160000000000000000005aeff", "ab41"]
        {
            assert_eq!(parse(&hex(near), &datagram(Sender::Client)), Verdict::No);
        }
    }

    #[test]
    fn a_frame_is_judged_when_its_check_sum_is_there() {
        let bytes = hex(SEND_CONFIGURATION);
        assert_eq!(parse(&bytes[..17], &on_port(Sender::Client)), Verdict::Short);
        assert_eq!(message(&PROTOCOL, &[bytes.clone(), bytes].concat(), on_port(Sender::Client)).bytes, 18);
    }

    #[test]
    fn hostile_bytes() {
        never_panics(&PROTOCOL, &[SEND_CONFIGURATION, DATA_ON]);
        never_in_noise(&PROTOCOL, &[]);
    }
}
