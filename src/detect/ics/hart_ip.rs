//! HART-IP (FieldComm TS20085): HART's token-passing and direct PDUs over TCP and UDP; commands of HART's universal and common
//! practice sets.

use super::fields::{self, Fields, Reading, Refusal, require};
use super::functions::{self, Line};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, Intent, Message, Protocol, Role, Starts, Strength, Verdict, tcp, udp};

/// Servers move a session over UDP to a port of their own. HART frames are known there by version, length, count and check byte (some
/// fifty bits); all other messages are believed on the port only.
pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[tcp(5094), udp(5094)],
    strength: Strength::Anywhere,
    starts: Starts::Bytes(&[
        &[1, 0, TOKEN_PASSING],
        &[1, 1, TOKEN_PASSING],
        &[1, 2, TOKEN_PASSING],
        &[2, 0, TOKEN_PASSING],
        &[2, 1, TOKEN_PASSING],
        &[2, 2, TOKEN_PASSING],
    ]),
    sector: "process",
    parse,
};

const NAME: &str = "hart-ip";

const HEADER_BYTES: usize = 8;
/// The identifier of a message that carries a HART frame.
const TOKEN_PASSING: u8 = 3;
/// The longest message believed: a direct PDU fits one datagram of an Ethernet frame.
const MESSAGE_BYTES_MAX: usize = 1_472;
/// The command whose number exceeds a byte: it stands in the first two bytes of the data.
const EXTENDED: u32 = 31;
/// The command that wraps another for a sub-device.
const SEND_TO_SUB_DEVICE: u32 = 77;
const READ_LONG_TAG: u32 = 20;

/// The first part of the code of what is not a HART command: the message identifier stands in the second.
const FRAME: u32 = 0x0001_0000;

const COMMANDS: &[Line] = &[
    (0, Identify, "read-unique-id"),
    (1, Read, "read-primary-variable"),
    (2, Read, "read-loop-current"),
    (3, Read, "read-dynamic-variables"),
    (6, Write, "write-polling-address"),
    (7, Read, "read-loop-configuration"),
    (8, Read, "read-variable-classes"),
    (9, Read, "read-device-variables-status"),
    (11, Identify, "read-unique-id-by-tag"),
    (12, Identify, "read-message"),
    (13, Identify, "read-tag"),
    (14, Read, "read-transducer-information"),
    (15, Read, "read-device-information"),
    (16, Identify, "final-assembly"),
    (17, Write, "write-message"),
    (18, Write, "write-tag"),
    (19, Write, "write-final-assembly"),
    (READ_LONG_TAG, Identify, "long-tag"),
    (21, Identify, "read-unique-id-by-long-tag"),
    (22, Write, "write-long-tag"),
    (33, Read, "read-device-variables"),
    (34, Write, "write-damping"),
    (35, Write, "write-range"),
    (36, Write, "set-upper-range"),
    (37, Write, "set-lower-range"),
    (38, Write, "reset-configuration-changed"),
    (39, Control, "eeprom"),
    (40, Write, "fixed-current"),
    (41, Control, "self-test"),
    (42, Control, "device-reset"),
    (43, Write, "set-primary-variable-zero"),
    (44, Write, "write-units"),
    (45, Write, "trim-current-zero"),
    (46, Write, "trim-current-gain"),
    (47, Write, "write-transfer-function"),
    (48, Read, "read-additional-status"),
    (49, Write, "write-transducer-serial-number"),
    (50, Read, "read-variable-assignments"),
    (51, Write, "write-variable-assignments"),
    (52, Write, "set-variable-zero"),
    (53, Write, "write-variable-units"),
    (54, Read, "read-variable-information"),
    (55, Write, "write-variable-damping"),
    (56, Write, "write-variable-serial-number"),
    (57, Read, "read-unit-tag"),
    (58, Write, "write-unit-tag"),
    (59, Write, "write-preambles"),
    (60, Read, "read-analog-channel"),
    (61, Read, "read-variables-and-channel"),
    (62, Read, "read-analog-channels"),
    (63, Read, "read-analog-channel-information"),
    (64, Write, "write-channel-damping"),
    (65, Write, "write-channel-range"),
    (66, Write, "fixed-channel"),
    (67, Write, "trim-channel-zero"),
    (68, Write, "trim-channel-gain"),
    (69, Write, "write-channel-transfer-function"),
    (70, Read, "read-channel-endpoints"),
    (71, Control, "lock-device"),
    (72, Write, "squawk"),
    (73, Identify, "find-device"),
    (74, Identify, "io-capabilities"),
    (75, Identify, "poll-sub-device"),
    (76, Read, "read-lock-state"),
    (SEND_TO_SUB_DEVICE, Control, "send-to-sub-device"),
    (78, Read, "read-aggregated-commands"),
    (79, Write, "write-device-variable"),
    (80, Read, "read-trim-points"),
    (81, Read, "read-trim-guidelines"),
    (82, Write, "write-trim-point"),
    (83, Write, "reset-trim"),
    (84, Identify, "sub-device-identity"),
    (85, Read, "read-channel-statistics"),
    (86, Read, "read-sub-device-statistics"),
    (87, Write, "write-master-mode"),
    (88, Write, "write-retry-count"),
    (89, Control, "set-clock"),
];

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    fields::verdict(read(&Fields::new(bytes, context)))
}

fn read(fields: &Fields) -> Reading {
    require(matches!(fields.u8(0)?, 1 | 2))?;
    let kind = fields.u8(1)?;
    let id = fields.u8(2)?;
    require(if fields.context.on_port { id <= 5 } else { id == TOKEN_PASSING && kind <= 2 })?;
    let kind = kind & 0x0f;
    require(matches!(kind, 0 | 1 | 2 | 0x0f))?;
    let declared = usize::from(fields.be16(6)?);
    require((HEADER_BYTES..=MESSAGE_BYTES_MAX).contains(&declared))?;
    fields.length(declared)?;
    let request = kind == 0;
    let mut message = match id {
        // The session's answer repeats the 5 bytes of its request: master type, inactivity timer.
        0 => {
            require(!request || declared == 13)?;
            if request {
                require(fields.u8(8)? <= 1)?;
            }
            Message::request(NAME, declared, Identify, "session-initiate", FRAME)
        }
        1 | 2 => {
            require(!request || declared == HEADER_BYTES)?;
            let name = if id == 1 { "close" } else { "keep-alive" };
            Message::request(NAME, declared, Identify, name, FRAME | u32::from(id))
        }
        TOKEN_PASSING => token_passing(fields, declared, request)?,
        4 => direct(fields, declared)?,
        _ => Message::request(NAME, declared, Read, "audit-log", FRAME | 5),
    };
    if !request {
        message.error |= kind == 0x0f;
        message = Message { intent: Intent::Connect, role: Role::Answer, ..message };
    }
    Ok(message)
}

/// A HART frame: delimiter, address (1 or 5 bytes), command, count, data, and the exclusive or of all that.
fn token_passing(fields: &Fields, declared: usize, request: bool) -> Reading {
    let delimiter = fields.u8(HEADER_BYTES)?;
    let kinds: &[u8] = if request { &[0x02] } else { &[0x06, 0x01] };
    require(kinds.contains(&(delimiter & 0x7f)))?;
    let command_at = if delimiter & 0x80 == 0 { 10 } else { 14 };
    let mut command = u32::from(fields.u8(command_at)?);
    let count = usize::from(fields.u8(command_at + 1)?);
    let data_at = command_at + 2;
    require(data_at + count + 1 == declared)?;
    let frame = fields.slice(HEADER_BYTES, declared - HEADER_BYTES)?;
    require(frame.iter().fold(0, |sum, byte| sum ^ byte) == 0)?;
    // An answer's data begin with a response code and the device's status.
    let value_at = if request { data_at } else { data_at + 2 };
    if command == EXTENDED && data_at + count >= value_at + 2 {
        command = u32::from(fields.be16(value_at)?);
    }
    let (mut intent, name) = functions::grade(COMMANDS, command);
    if command == SEND_TO_SUB_DEVICE && request {
        // Card, channel, preambles, delimiter, address, then the inner command.
        let inner_at = value_at + if fields.u8(value_at + 3)? & 0x80 == 0 { 5 } else { 9 };
        if inner_at < data_at + count {
            intent = functions::grade(COMMANDS, u32::from(fields.u8(inner_at)?)).0;
        }
    }
    let mut message = Message::request(NAME, declared, intent, name, command);
    if !request && count >= 2 {
        message.error = refused(fields.u8(data_at)?);
        if command == READ_LONG_TAG {
            fields.disclose_text(&mut message, "name", value_at, (count - 2).min(32));
        }
    }
    Ok(message)
}

/// Whether a response code says that the command failed: a communication error (bit 7), or any code but success and those that HART
/// reserves for warnings (8, 14, 24 to 27, 30, 31 and 96 to 127).
const fn refused(code: u8) -> bool {
    code & 0x80 != 0 || !matches!(code, 0 | 8 | 14 | 24..=27 | 30 | 31 | 96..=127)
}

/// A direct PDU: two status bytes, then commands of two bytes with a count and data. The highest intent counts.
fn direct(fields: &Fields, declared: usize) -> Reading {
    let (mut at, mut first) = (HEADER_BYTES + 2, None);
    let mut highest = Intent::Identify;
    while at < declared {
        let command = u32::from(fields.be16(at)?);
        let (intent, name) = functions::grade(COMMANDS, command);
        highest = highest.max(intent);
        first = first.or(Some((name, command)));
        at += 3 + usize::from(fields.u8(at + 2)?);
    }
    require(at == declared)?;
    let (name, code) = first.ok_or(Refusal::No)?;
    Ok(Message::request(NAME, declared, highest, name, code))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::protocol::Sender;
    use crate::detect::ics::testing::{self, datagram, datagram_off_port, disclosures, hex, message, on_port};

    const INITIATE: &str = "010000000001000d0100004e20";
    const COMMAND_0: &str = "010003000002000d0280000082";

    /// A request of `command` to a long address, with its check byte.
    fn command(kind: u8, delimiter: u8, command: u8, data: &[u8]) -> Vec<u8> {
        let mut frame = vec![delimiter, 0x80, 1, 2, 3, 4, command, data.len() as u8];
        frame.extend(data);
        frame.push(frame.iter().fold(0, |sum, byte| sum ^ byte));
        let mut bytes = vec![1, kind, 3, 0, 0, 7, 0, (8 + frame.len()) as u8];
        bytes.extend(frame);
        bytes
    }

    fn long_tag() -> Vec<u8> {
        let mut data = vec![0, 0];
        data.extend(b"PT-101 feed water               ");
        command(1, 0x86, 20, &data)
    }

    fn request(bytes: &[u8]) -> (&'static str, Intent) {
        testing::request(&PROTOCOL, bytes, &datagram(Sender::Client))
    }

    #[test]
    fn requests_are_graded_by_command() {
        assert_eq!(request(&hex(INITIATE)), ("session-initiate", Intent::Identify));
        assert_eq!(request(&hex(COMMAND_0)), ("read-unique-id", Intent::Identify));
        assert_eq!(request(&hex("0100020000050008")), ("keep-alive", Intent::Identify));
        assert_eq!(request(&command(0, 0x82, 3, &[])), ("read-dynamic-variables", Intent::Read));
        assert_eq!(request(&command(0, 0x82, 35, &[0; 9])), ("write-range", Intent::Write));
        assert_eq!(request(&command(0, 0x82, 42, &[])), ("device-reset", Intent::Control));
        assert_eq!(request(&command(0, 0x82, 130, &[])), ("", Intent::Read));
    }

    #[test]
    fn wrapped_and_direct_commands_are_graded_by_what_is_inside() {
        let inner = [1, 1, 5, 0x82, 1, 2, 3, 4, 5, 42, 0];
        assert_eq!(request(&command(0, 0x82, 77, &inner)), ("send-to-sub-device", Intent::Control));
        let reading = [1, 1, 5, 0x82, 1, 2, 3, 4, 5, 1, 0];
        assert_eq!(request(&command(0, 0x82, 77, &reading)), ("send-to-sub-device", Intent::Read));
        assert_eq!(request(&hex("0200040000010011 0000 0001 00 0023 01 00")), ("read-primary-variable", Intent::Write));
    }

    #[test]
    fn answers_are_told_by_type_and_disclose_the_tag() {
        let context = on_port(Sender::Unknown);
        assert_eq!(message(&PROTOCOL, &long_tag(), context).role, Role::Answer);
        assert_eq!(disclosures(&PROTOCOL, &long_tag(), &context), ["name=PT-101 feed water"]);
        assert!(message(&PROTOCOL, &command(1, 0x86, 35, &[7, 0]), context).error);
        assert!(!message(&PROTOCOL, &command(1, 0x86, 35, &[8, 0]), context).error);
    }

    #[test]
    fn near_misses_are_refused() {
        let context = datagram(Sender::Client);
        let mut wrong_check = hex(COMMAND_0);
        wrong_check[12] ^= 1;
        for bytes in [wrong_check, hex("010000000001000e0100004e20"), hex("030000000001000d0100004e20"), hex("010006000001000d0100004e20")]
        {
            assert_eq!((PROTOCOL.parse)(&bytes, &context), Verdict::No);
        }
    }

    #[test]
    fn hart_frames_are_known_on_any_port_and_nothing_else_is() {
        let elsewhere = datagram_off_port(Sender::Unknown);
        assert_eq!(testing::request(&PROTOCOL, &hex(COMMAND_0), &elsewhere), ("read-unique-id", Intent::Identify));
        assert_eq!(message(&PROTOCOL, &long_tag(), elsewhere).role, Role::Answer);
        assert_eq!((PROTOCOL.parse)(&hex(INITIATE), &elsewhere), Verdict::No);
        assert_eq!((PROTOCOL.parse)(&hex("0100020000050008"), &elsewhere), Verdict::No);
    }

    #[test]
    fn noise_is_not_believed() {
        testing::never_in_noise(&PROTOCOL, &[]);
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let samples = [hex(INITIATE), hex(COMMAND_0), command(0, 0x82, 77, &[1, 1, 5, 0x82, 1, 2, 3, 4, 5, 42, 0]), long_tag()];
        testing::never_panics(&PROTOCOL, &samples);
        testing::waits(&PROTOCOL, &samples, &on_port(Sender::Client));
    }
}
