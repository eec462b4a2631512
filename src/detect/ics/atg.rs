//! Automatic tank gauges: the serial interface of Veeder-Root's TLS consoles (manuals 576013-635 and 577013-950) behind a TCP port, in
//! ASCII: SOH, optionally a security code of six digits, a letter (I inquire, S set; lower case for the computer format), three digits
//! of function, two of tank, data. An answer echoes the command and ends with ETX.

use super::fields;
use super::functions::{self, Line};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, DISCLOSED_MAX, Disclosed, Message, Protocol, Sender, Starts, Strength, Verdict, tcp};
use super::text::text;
use crate::decode::Transport;

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[tcp(10001), tcp(8001), tcp(3001)],
    strength: Strength::Port,
    starts: Starts::Unused,
    sector: "fuel",
    parse,
};

const NAME: &str = "atg";

const SOH: u8 = 0x01;
const ETX: u8 = 0x03;
/// Digits of a security code, and of function and tank.
const SECURITY_DIGITS: usize = 6;
const COMMAND_DIGITS: usize = 5;
/// Commands are shorter; a longer text is a report.
const REQUEST_BYTES_MAX: usize = 32;
/// What a console sends if it does not understand: 9999, and a check sum.
const NOT_UNDERSTOOD: &[u8] = b"9999FF1B";
/// SOH and line ends before a command, at most.
const LEAD_BYTES_MAX: usize = 8;
/// The station header of a report: at most four lines of twenty characters behind the date.
const HEADER_SEARCH_BYTES: usize = 256;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    if context.transport != Transport::Tcp {
        return Verdict::No;
    }
    // A report in display format has line ends between SOH and the command, one in computer format none; imitations of consoles begin with
    // a line feed alone.
    let lead = bytes.iter().take(LEAD_BYTES_MAX).take_while(|byte| matches!(**byte, b'\r' | b'\n' | SOH)).count();
    let command = &bytes[lead..];
    if lead > 0 || starts_alike(command, NOT_UNDERSTOOD) { spoken(bytes, command, lead, context) } else { Verdict::No }
}

/// Whether one begins with the other.
fn starts_alike(bytes: &[u8], known: &[u8]) -> bool {
    bytes.starts_with(known) || known.starts_with(bytes)
}

/// Text that begins with a command at `lead`.
fn spoken(bytes: &[u8], command: &[u8], lead: usize, context: &Context) -> Verdict {
    if starts_alike(command, NOT_UNDERSTOOD) && context.sender != Sender::Client {
        if command.len() < NOT_UNDERSTOOD.len() {
            return fields::too_few(context);
        }
        return Verdict::Message(Message { error: true, ..Message::answer(NAME, bytes.len(), "not-understood", 0) });
    }
    let coded = command.iter().take(SECURITY_DIGITS).take_while(|byte| byte.is_ascii_digit()).count() == SECURITY_DIGITS;
    let skipped = if coded { SECURITY_DIGITS } else { 0 };
    let Some((letter, digits)) = command.get(skipped..).and_then(<[u8]>::split_first) else {
        return if command.iter().all(u8::is_ascii_digit) { fields::too_few(context) } else { Verdict::No };
    };
    let is_set = match letter {
        b'I' | b'i' => false,
        b'S' | b's' => true,
        _ => return Verdict::No,
    };
    let seen = digits.len().min(COMMAND_DIGITS);
    if !digits[..seen].iter().all(u8::is_ascii_digit) {
        return Verdict::No;
    }
    if seen < COMMAND_DIGITS {
        return fields::too_few(context);
    }
    // The function as it is written, three digits in hexadecimal, behind its letter: 490201 is I201.
    let function = digits[..3].iter().fold(0, |number, digit| number << 4 | u32::from(digit & 0x0f));
    let code = u32::from(letter.to_ascii_uppercase()) << 16 | function;
    let (mut intent, name) = functions::grade(COMMANDS, code);
    let etx = bytes.iter().position(|byte| *byte == ETX);
    let looks_answered = bytes[..lead] != [SOH] || etx.is_some() || bytes.len() >= REQUEST_BYTES_MAX;
    if context.sender == Sender::Server || context.sender == Sender::Unknown && looks_answered {
        let total = etx.map_or(bytes.len(), |at| at + 1);
        let body_at = lead + skipped + 1 + COMMAND_DIGITS;
        return Verdict::Message(Message { disclosed: station(&bytes[..total], body_at), ..Message::answer(NAME, total, name, code) });
    }
    // A console listens for SOH alone.
    if !bytes[..lead].contains(&SOH) {
        return Verdict::No;
    }
    if is_set && coded {
        intent = Control;
    } else if is_set && name.is_empty() {
        intent = Write;
    }
    let total = command.iter().position(|byte| matches!(*byte, b'\n' | ETX)).map_or(bytes.len(), |at| lead + at + 1);
    Verdict::Message(Message::request(NAME, total, intent, name, code))
}

/// The station header of a report in screen format: the lines between the date and the report's title.
fn station(bytes: &[u8], body_at: usize) -> [Disclosed; DISCLOSED_MAX] {
    let mut disclosed = [Disclosed::default(); DISCLOSED_MAX];
    let end = bytes.len().min(body_at + HEADER_SEARCH_BYTES);
    let mut at = body_at;
    let mut lines = 0;
    for line in bytes.get(body_at..end).unwrap_or_default().split(|byte| *byte == b'\n') {
        let found = text("name", bytes, at, line.len());
        at += line.len() + 1;
        if found.bytes == 0 {
            continue;
        }
        if line.windows(9).any(|word| word == b"INVENTORY") {
            break;
        }
        match lines {
            0 => {}
            1 => disclosed[0] = found,
            2 => disclosed[1] = Disclosed { field: "location", ..found },
            _ => break,
        }
        lines += 1;
    }
    disclosed
}

/// Letter and function as they are written.
const COMMANDS: &[Line] = &[
    (0x49_0201, Identify, "in-tank-inventory"),
    (0x49_0202, Read, "in-tank-delivery"),
    (0x49_0203, Read, "in-tank-leak-test"),
    (0x49_0204, Read, "in-tank-shift-inventory"),
    (0x49_0205, Read, "in-tank-status"),
    (0x49_0501, Identify, "time"),
    (0x49_0902, Identify, "system-revision"),
    (0x53_0001, Control, "reset"),
    (0x53_0051, Control, "alarm-reset"),
    (0x53_0052, Control, "alarm-reset"),
    (0x53_0501, Control, "set-clock"),
    (0x53_0503, Control, "set-security"),
    (0x53_0504, Control, "set-security"),
    (0x53_0601, Write, "station-text"),
    (0x53_0602, Write, "tank-label"),
];

#[cfg(test)]
mod tests {
    use super::super::protocol::{Intent, Role};
    use super::super::testing::{message, never_panics, on_port, told};
    use super::*;

    const INVENTORY: &[u8] = b"\x01I20100\n";
    const REPORT: &[u8] =
        b"\nI20100\n11/24/2026 05:46\n\n    HILL ROAD FUELS\n    12 HILL ROAD\n\n\nIN-TANK INVENTORY\n\nTANK PRODUCT\n 1 SUPER 2105\n\x03";

    fn grade(bytes: &[u8]) -> (Role, Intent, &'static str) {
        let found = message(&PROTOCOL, bytes, on_port(Sender::Unknown));
        (found.role, found.intent, found.function.name)
    }

    #[test]
    fn commands_are_graded() {
        assert_eq!(grade(INVENTORY), (Role::Request, Intent::Identify, "in-tank-inventory"));
        assert_eq!(grade(b"\x01I20500\r\n"), (Role::Request, Intent::Read, "in-tank-status"));
        assert_eq!(grade(b"\x01i60900"), (Role::Request, Intent::Read, ""));
        assert_eq!(grade(b"\x01S60201DIESEL\n"), (Role::Request, Intent::Write, "tank-label"));
        assert_eq!(grade(b"\x01S77701X\n"), (Role::Request, Intent::Write, ""));
        assert_eq!(grade(b"\x01S501002611240546\n"), (Role::Request, Intent::Control, "set-clock"));
    }

    #[test]
    fn a_security_code_makes_a_set_control() {
        assert_eq!(grade(b"\x01123456S60201DIESEL\n"), (Role::Request, Intent::Control, "tank-label"));
        assert_eq!(grade(b"\x01123456I20100\n").1, Intent::Identify);
    }

    #[test]
    fn a_report_names_the_station() {
        let found = message(&PROTOCOL, REPORT, on_port(Sender::Server));
        assert_eq!((found.role, found.bytes), (Role::Answer, REPORT.len()));
        assert_eq!(told(&found, REPORT, "name"), "HILL ROAD FUELS");
        assert_eq!(told(&found, REPORT, "location"), "12 HILL ROAD");
    }

    #[test]
    fn an_echo_with_etx_is_an_answer_and_9999_an_error() {
        assert_eq!(grade(b"\x01I50100\r\nNOV 24, 2026\r\n\x03").0, Role::Answer);
        assert!(message(&PROTOCOL, b"\x019999FF1B\x03", on_port(Sender::Unknown)).error);
    }

    #[test]
    fn reports_begin_with_any_of_soh_and_line_ends() {
        for report in [&b"\x01\r\nI20100\r\nNOV 30\r\n"[..], b"\x01i20100261130\x03", b"\r\n\x01I20100\r\n", b"\nI20100\n"] {
            assert_eq!(message(&PROTOCOL, report, on_port(Sender::Server)).role, Role::Answer);
        }
        assert_eq!(grade(b"\x01\r\nI20100\r\nNOV 30\r\n").0, Role::Answer);
        assert!(message(&PROTOCOL, b"9999FF1B\x03", on_port(Sender::Server)).error);
        assert!(message(&PROTOCOL, b"9999FF1B", on_port(Sender::Unknown)).error);
        assert_eq!(parse(b"9999FF1B", &on_port(Sender::Client)), Verdict::No);
        assert_eq!(parse(b"9999", &on_port(Sender::Server)), Verdict::Short);
        assert_eq!(parse(b"9998", &on_port(Sender::Server)), Verdict::No);
    }

    #[test]
    fn a_client_asks_however_its_command_is_framed() {
        for command in [&b"\r\n\x01I20100\n"[..], b"\x01I20100\x03", b"\x01\r\nI20100\r\n"] {
            let found = message(&PROTOCOL, command, on_port(Sender::Client));
            assert_eq!((found.role, found.bytes), (Role::Request, command.len()));
        }
        assert_eq!(parse(b"\nI20100\n", &on_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn other_letters_and_too_few_digits_are_refused() {
        for near in [&b"\x01X20100\n"[..], b"\x01I2010\n", b"I20100\n", b"\x0112345I20100"] {
            assert_eq!(parse(near, &on_port(Sender::Client)), Verdict::No);
        }
        assert_eq!(parse(b"\x01I20", &on_port(Sender::Client)), Verdict::Short);
    }

    #[test]
    fn two_commands_in_a_segment_are_two_messages() {
        assert_eq!(message(&PROTOCOL, b"\x01I20100\n\x01I90200\n", on_port(Sender::Client)).bytes, INVENTORY.len());
    }

    #[test]
    fn hostile_bytes() {
        never_panics(
            &PROTOCOL,
            &[
                "014932303130300a",
                "0a4932303130300a31310a0a2020415a0a494e56454e544f52590a03",
                "01313233343536533630323031410a",
                "0139393939464631420 3",
            ],
        );
    }
}
