//! Modbus/TCP (Modbus Application Protocol V1.1b3, Messaging on TCP/IP V1.0b). Function 90 is UMAS and handed on.
//!
//! Nothing in a message says who sent it, and half of the answers of a polled device pass as requests: the sender decides which of the two
//! tests applies. The header is weak (two zero bytes and a length), so the length must also fit the function.

use super::protocol::{Context, Intent, Message, Protocol, Role, Sender, Starts, Strength, Verdict, tcp, udp};
use super::text::{disclose, disclose_longest};
use super::umas;
use crate::decode::Transport;

pub static PROTOCOL: Protocol = Protocol {
    name: "modbus",
    ports: &[tcp(502), udp(502)],
    strength: Strength::AnywhereTwice,
    starts: Starts::Like(may_begin),
    sector: "manufacturing",
    parse,
};

const NAME: &str = PROTOCOL.name;
/// Bytes before the part that the length field counts (MBAP header without the unit).
const HEADER_BYTES: usize = 6;
/// The length field: unit and function at least; 253 bytes of PDU and the unit at most (Messaging on TCP/IP V1.0b section 4.1).
const LENGTHS: std::ops::RangeInclusive<usize> = 2..=254;
/// Marks an exception answer in the function code (Application Protocol section 7).
const EXCEPTION: u8 = 0x80;
const UMAS: u8 = 90;
const REPORT_SERVER_ID: u8 = 17;
const ENCAPSULATED: u8 = 43;
/// Encapsulated interface types under function 43.
const DEVICE_IDENTIFICATION: u8 = 14;
const CANOPEN: u8 = 13;
/// Quantity limits of the requests (Application Protocol sections 6.1 to 6.4, 6.11, 6.12, 6.17).
const READ_BITS_MAX: u16 = 2000;
const READ_WORDS_MAX: u16 = 125;
const WRITE_BITS_MAX: u16 = 1968;
const WRITE_WORDS_MAX: u16 = 123;

/// A message with a good header: what the tests look at.
struct Pdu<'a> {
    function: u8,
    /// The header's length field.
    length: usize,
    /// What follows the function, as far as it is there.
    data: &'a [u8],
    /// Neither off the port nor lenient: values that the specification fixes must be right too.
    strict: bool,
}

impl Pdu<'_> {
    fn byte(&self, at: usize) -> Option<u8> {
        self.data.get(at).copied()
    }

    fn word(&self, at: usize) -> Option<u16> {
        Some(u16::from_be_bytes([self.byte(at)?, self.byte(at + 1)?]))
    }

    /// Bytes after the function, by the header.
    fn data_bytes(&self) -> usize {
        self.length - 2
    }
}

/// The protocol field is zero, as far as it is there.
fn may_begin(bytes: &[u8]) -> bool {
    match bytes {
        [_, _, p0, p1, ..] => (*p0, *p1) == (0, 0),
        _ => bytes.get(2).is_none_or(|&p0| p0 == 0),
    }
}

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    let &[_, _, p0, p1, l0, l1, _unit, function, ..] = bytes else {
        let possible = bytes.iter().skip(2).take(2).all(|&byte| byte == 0);
        return if possible && !context.whole { Verdict::Short } else { Verdict::No };
    };
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    let total = length + HEADER_BYTES;
    let length_fits = if function == UMAS { umas::length_fits(length) } else { LENGTHS.contains(&length) };
    if (p0, p1) != (0, 0) || !length_fits || (context.whole && total != bytes.len()) {
        return Verdict::No;
    }
    if !context.on_port {
        // A foreign port: only whole messages, each followed by nothing or by another header.
        match bytes.get(total..) {
            _ if context.transport != Transport::Tcp => return Verdict::No,
            Some([]) | Some([_, _, 0, 0, ..]) => {}
            Some([_, _, _, _, ..]) => return Verdict::No,
            Some(_) | None => return Verdict::Short,
        }
    }
    if function == UMAS {
        return umas::parse(bytes, total, context);
    }
    let data = bytes.get(8..total.min(bytes.len())).unwrap_or_default();
    let pdu = Pdu { function, length, data, strict: !context.on_port };
    judge(bytes, total, &pdu, context)
}

/// Applies the test of a request, of an answer, or both, by who sent the bytes.
fn judge(bytes: &[u8], total: usize, pdu: &Pdu, context: &Context) -> Verdict {
    let (as_request, as_answer) = (request_fits(pdu), answer_fits(pdu));
    // What the sender leaves possible; `None`: too few bytes to say.
    let (request, answer) = match context.sender {
        Sender::Client => (as_request, Some(false)),
        Sender::Server => (Some(false), as_answer),
        Sender::Unknown => (as_request, as_answer),
    };
    let ambiguous = as_request == Some(true) && as_answer == Some(true);
    let (mut message, fits) = match (request, answer) {
        (Some(true), _) => (request_message(total, pdu), true),
        (_, Some(true)) => (answer_message(bytes, total, pdu), true),
        (None, _) | (_, None) if bytes.len() < total => return Verdict::Short,
        // A good header whose length does not fit the function is still Modbus, as scanners and fuzzers send it: but only here, and whole.
        _ if !context.on_port || bytes.len() != total || pdu.function == 0 => return Verdict::No,
        _ if context.sender == Sender::Server => (answer_message(bytes, total, pdu), false),
        _ if pdu.function & EXCEPTION != 0 => return Verdict::No,
        _ => (request_message(total, pdu), false),
    };
    if !fits {
        // No device carries it out: it asks, whatever it names.
        message.intent = message.intent.min(Intent::Read);
    }
    if ambiguous {
        message.role = Role::Either;
    }
    Verdict::Message(message)
}

/// Whether the length fits a request of this function. `None`: the byte that decides is not there yet.
fn request_fits(pdu: &Pdu) -> Option<bool> {
    let n = pdu.length;
    Some(match pdu.function {
        1 | 2 => n == 6 && quantity_fits(pdu, READ_BITS_MAX)?,
        3 | 4 => n == 6 && quantity_fits(pdu, READ_WORDS_MAX)?,
        5 => n == 6 && (!pdu.strict || matches!(pdu.word(2)?, 0x0000 | 0xff00)),
        6 => n == 6,
        7 | 11 | 12 | REPORT_SERVER_ID => n == 2,
        8 => n >= 6 && (!pdu.strict || (matches!(pdu.word(0)?, 0..=4 | 10..=18 | 20) && (n == 6 || pdu.word(0)? == 0))),
        15 => {
            let quantity = pdu.word(2)?;
            let count = usize::from(pdu.byte(4)?);
            (1..=WRITE_BITS_MAX).contains(&quantity) && count == usize::from(quantity.div_ceil(8)) && n == 7 + count
        }
        16 => {
            let quantity = pdu.word(2)?;
            let count = usize::from(pdu.byte(4)?);
            (1..=WRITE_WORDS_MAX).contains(&quantity) && count == 2 * usize::from(quantity) && n == 7 + count
        }
        20 | 21 => {
            let count = usize::from(pdu.byte(0)?);
            // Each reference begins with 6 (sections 6.14 and 6.15).
            n == 3 + count && count >= 7 && (!pdu.strict || pdu.byte(1)? == 6)
        }
        22 => n == 8,
        23 => n >= 13 && n == 11 + usize::from(pdu.byte(8)?) && (1..=READ_WORDS_MAX).contains(&pdu.word(2)?),
        24 => n == 4,
        ENCAPSULATED => match pdu.byte(0) {
            Some(DEVICE_IDENTIFICATION) => n == 5 && (!pdu.strict || matches!(pdu.byte(1)?, 1..=4)),
            Some(CANOPEN) => n >= 3 && !pdu.strict,
            Some(_) => false,
            None => return None,
        },
        65..=72 | 100..=110 | 125..=127 => !pdu.strict,
        _ => false,
    })
}

fn quantity_fits(pdu: &Pdu, most: u16) -> Option<bool> {
    let (address, quantity) = (u32::from(pdu.word(0)?), u32::from(pdu.word(2)?));
    let within = !pdu.strict || address + quantity <= 0x1_0000;
    Some((1..=u32::from(most)).contains(&quantity) && within)
}

/// Whether the length fits an answer of this function. `None`: the byte that decides is not there yet.
fn answer_fits(pdu: &Pdu) -> Option<bool> {
    let n = pdu.length;
    Some(match pdu.function {
        1 | 2 => n > 3 && n == 3 + usize::from(pdu.byte(0)?),
        3 | 4 => n > 3 && n % 2 == 1 && n == 3 + usize::from(pdu.byte(0)?),
        5 => n == 6 && (!pdu.strict || matches!(pdu.word(2)?, 0x0000 | 0xff00)),
        6 | 11 => n == 6,
        15 => n == 6 && (1..=WRITE_BITS_MAX).contains(&pdu.word(2)?),
        16 => n == 6 && (1..=WRITE_WORDS_MAX).contains(&pdu.word(2)?),
        7 => n == 3,
        12 | REPORT_SERVER_ID | 20 | 23 => n > 3 && n == 3 + usize::from(pdu.byte(0)?),
        8 | 21 => return request_fits(pdu),
        22 => n == 8,
        24 => n >= 6 && n == 4 + usize::from(pdu.word(0)?),
        ENCAPSULATED => match pdu.byte(0)? {
            DEVICE_IDENTIFICATION => n >= 8 && matches!(pdu.byte(1)?, 1..=4) && matches!(pdu.byte(3)?, 0x00 | 0xff),
            CANOPEN => n >= 3 && !pdu.strict,
            _ => false,
        },
        65..=72 | 100..=110 | 125..=127 => !pdu.strict,
        // Exception codes of section 7.
        0x81..=0xff => n == 3 && matches!(pdu.byte(0)?, 1..=8 | 10 | 11),
        _ => false,
    })
}

fn request_message(total: usize, pdu: &Pdu) -> Message {
    let (name, intent, code) = function(pdu);
    Message::request(NAME, total, intent, name, code)
}

fn answer_message(bytes: &[u8], total: usize, pdu: &Pdu) -> Message {
    if pdu.function & EXCEPTION != 0 {
        let asked = Pdu { function: pdu.function & !EXCEPTION, data: &[], ..*pdu };
        let (name, _, code) = function(&asked);
        return Message { error: true, ..Message::answer(NAME, total, name, code) };
    }
    let (name, _, code) = function(pdu);
    let mut message = Message::answer(NAME, total, name, code);
    match pdu.function {
        REPORT_SERVER_ID => disclose_longest(&mut message, bytes, "product", 9, total),
        ENCAPSULATED if pdu.byte(0) == Some(DEVICE_IDENTIFICATION) => disclose_objects(&mut message, bytes, total),
        _ => {}
    }
    message
}

/// The objects of read-device-identification (section 6.21): number, length, text.
fn disclose_objects(message: &mut Message, bytes: &[u8], total: usize) {
    let count = bytes.get(13).copied().unwrap_or(0);
    let mut at = 14;
    for _ in 0..count {
        let Some(&[object, length]) = bytes.get(at..at + 2) else { return };
        let end = at + 2 + usize::from(length);
        if end > total {
            return;
        }
        let field = match object {
            0 => "vendor",
            1 => "product",
            2 => "firmware",
            4 => "name",
            5 => "model",
            6 => "application",
            _ => "",
        };
        if !field.is_empty() {
            disclose(message, bytes, field, at + 2, length.into());
        }
        at = end;
    }
}

/// Name, intent and printed code of a function. Two-part codes (8/4, 43/14) need their second part to be there.
fn function(pdu: &Pdu) -> (&'static str, Intent, u32) {
    use Intent::{Control, Identify, Read, Write};
    let code = u32::from(pdu.function);
    let (name, intent) = match pdu.function {
        1 => ("read-coils", Read),
        2 => ("read-discrete-inputs", Read),
        3 => ("read-holding-registers", Read),
        4 => ("read-input-registers", Read),
        5 => ("write-coil", Write),
        6 => ("write-register", Write),
        7 => ("read-exception-status", Identify),
        8 => return diagnostics(pdu),
        11 => ("comm-event-counter", Identify),
        12 => ("comm-event-log", Identify),
        15 => ("write-coils", Write),
        16 => ("write-registers", Write),
        REPORT_SERVER_ID => ("report-server-id", Identify),
        20 => ("read-file-record", Read),
        21 => ("write-file-record", Write),
        22 => ("mask-write", Write),
        23 => ("read-write-registers", Write),
        24 => ("read-fifo", Read),
        ENCAPSULATED => {
            return match pdu.byte(0) {
                Some(DEVICE_IDENTIFICATION) => {
                    ("read-device-identification", Identify, two_part(ENCAPSULATED, DEVICE_IDENTIFICATION.into()))
                }
                Some(CANOPEN) => ("canopen", Write, two_part(ENCAPSULATED, CANOPEN.into())),
                Some(other) => ("", Read, two_part(ENCAPSULATED, other.into())),
                None => ("encapsulated-interface", Read, code),
            };
        }
        65..=72 | 100..=110 | 125..=127 => ("vendor-function", if pdu.data_bytes() > 0 { Control } else { Identify }),
        _ => ("", Read),
    };
    (name, intent, code)
}

/// Function 8 by its subfunction (section 6.8).
fn diagnostics(pdu: &Pdu) -> (&'static str, Intent, u32) {
    use Intent::{Control, Identify, Read, Write};
    let Some(sub) = pdu.word(0) else { return ("diagnostics", Read, u32::from(pdu.function)) };
    let (name, intent) = match sub {
        0 => ("return-query-data", Identify),
        1 => ("restart-communications", Control),
        2 | 11..=18 => ("diagnostic-counters", Read),
        3 => ("ascii-delimiter", Write),
        4 => ("force-listen-only", Control),
        10 | 20 => ("clear-counters", Write),
        _ => ("", Read),
    };
    (name, intent, two_part(pdu.function, sub))
}

const fn two_part(function: u8, sub: u16) -> u32 {
    (function as u32) << 16 | sub as u32
}

#[cfg(test)]
mod tests {
    use super::super::testing::{datagram, disclosed, hex, message, never_in_noise, never_panics, off_port, on_port};
    use super::*;

    const READ_REGISTERS: &str = "0001 0000 0006 01 03 0000 000a";
    const DEVICE_ID: &str = "0001 0000 0005 01 2b0e0100";
    const DEVICE_ID_ANSWER: &str = "0001 0000 0012 01 2b0e01010000 02 00 03 414243 01 03 313233";
    const SERVER_ID_ANSWER: &str = "0001 0000 000d 01 11 0a 00ff 504c433132333435";

    fn no(bytes: &str, context: &Context) {
        assert_eq!(parse(&hex(bytes), context), Verdict::No, "{bytes}");
    }

    #[test]
    fn a_read_is_a_request_by_its_length() {
        let request = message(&PROTOCOL, &hex(READ_REGISTERS), on_port(Sender::Unknown));
        assert_eq!((request.role, request.intent, request.bytes), (Role::Request, Intent::Read, 12));
        assert_eq!((request.function.name, request.function.code), ("read-holding-registers", 3));
    }

    #[test]
    fn functions_are_graded() {
        for (bytes, name, intent, code) in [
            (DEVICE_ID, "read-device-identification", Intent::Identify, 43 << 16 | 14),
            ("0001 0000 0002 01 11", "report-server-id", Intent::Identify, 17),
            ("0001 0000 0006 01 05 0000 ff00", "write-coil", Intent::Write, 5),
            ("0001 0000 0009 01 10 0000 0001 02 1234", "write-registers", Intent::Write, 16),
            ("0001 0000 0006 01 08 0001 0000", "restart-communications", Intent::Control, 8 << 16 | 1),
            ("0001 0000 0006 01 08 0000 a537", "return-query-data", Intent::Identify, 8 << 16),
            ("0001 0000 0003 01 41 00", "vendor-function", Intent::Control, 65),
            ("0001 0000 0002 01 41", "vendor-function", Intent::Identify, 65),
        ] {
            let request = message(&PROTOCOL, &hex(bytes), on_port(Sender::Client));
            assert_eq!((request.function.name, request.intent, request.function.code), (name, intent, code));
        }
    }

    #[test]
    fn device_identification_is_disclosed() {
        let bytes = hex(DEVICE_ID_ANSWER);
        let answer = message(&PROTOCOL, &bytes, on_port(Sender::Server));
        assert_eq!((answer.role, answer.error, answer.intent), (Role::Answer, false, Intent::Connect));
        assert_eq!(disclosed(&answer, &bytes, "vendor"), Some("ABC"));
        assert_eq!(disclosed(&answer, &bytes, "product"), Some("123"));
    }

    #[test]
    fn server_id_is_disclosed() {
        let bytes = hex(SERVER_ID_ANSWER);
        assert_eq!(disclosed(&message(&PROTOCOL, &bytes, on_port(Sender::Server)), &bytes, "product"), Some("PLC12345"));
    }

    #[test]
    fn exceptions_are_answers() {
        let answer = message(&PROTOCOL, &hex("0001 0000 0003 01 83 02"), on_port(Sender::Unknown));
        assert_eq!((answer.role, answer.error, answer.function.name), (Role::Answer, true, "read-holding-registers"));
        no("0001 0000 0003 01 83 02", &on_port(Sender::Client));
    }

    #[test]
    fn echoes_do_not_tell_who_sent_them() {
        let echo = hex("0001 0000 0006 01 05 0000 ff00");
        let request = message(&PROTOCOL, &echo, on_port(Sender::Client));
        let answer = message(&PROTOCOL, &echo, on_port(Sender::Server));
        assert_eq!((request.role, request.intent), (Role::Either, Intent::Write));
        assert_eq!((answer.role, answer.intent), (Role::Either, Intent::Connect));
    }

    #[test]
    fn a_big_write_is_decided_before_it_is_there() {
        let begun = message(&PROTOCOL, &hex("0001 0000 00fd 01 10 0000 007b f6"), on_port(Sender::Client));
        assert_eq!((begun.bytes, begun.intent), (259, Intent::Write));
        assert_eq!(parse(&hex("0001 0000 00fd 01 10 0000 007b"), &on_port(Sender::Client)), Verdict::Short);
    }

    #[test]
    fn a_wrong_length_for_the_function_is_still_modbus_on_its_port_and_asks_at_most() {
        let bytes = hex("0001 0000 0003 01 10 00");
        let request = message(&PROTOCOL, &bytes, on_port(Sender::Client));
        assert_eq!((request.function.name, request.intent), ("write-registers", Intent::Read));
        assert_eq!(parse(&bytes, &off_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn near_misses_are_refused() {
        no("0001 0001 0006 01 03 0000 000a", &on_port(Sender::Client));
        no("0001 0000 0106 01 03 0000 000a", &on_port(Sender::Client));
        no("0001 0000 0007 01 03 0000 000a", &datagram(Sender::Client));
        no("0001 0000 0006 01 03 0000 0000", &off_port(Sender::Client));
        no("0001 0000 0006 01 03 fff8 000a", &off_port(Sender::Client));
        // LDAP: unbind and a result, with long-form lengths.
        no("3084 0000 0006 02 02 0003 4200", &off_port(Sender::Client));
        no("3084 0000 0010 02 01 01 61 84 00000007 0a0100 0400 0400", &off_port(Sender::Server));
    }

    #[test]
    fn off_its_port_the_message_must_be_whole_and_followed_by_another() {
        let bytes = hex(READ_REGISTERS);
        assert_eq!(message(&PROTOCOL, &bytes, off_port(Sender::Client)).intent, Intent::Read);
        assert_eq!(parse(&bytes[..11], &off_port(Sender::Client)), Verdict::Short);
        assert_eq!(message(&PROTOCOL, &[&bytes[..], &bytes[..]].concat(), off_port(Sender::Client)).bytes, 12);
        assert_eq!(parse(&[&bytes[..], b"abcd"].concat(), &off_port(Sender::Client)), Verdict::No);
        no(READ_REGISTERS, &Context { on_port: false, ..datagram(Sender::Client) });
    }

    #[test]
    fn hostile_bytes_do_not_panic() {
        never_panics(&PROTOCOL, &[READ_REGISTERS, DEVICE_ID, DEVICE_ID_ANSWER, SERVER_ID_ANSWER, "0001 0000 0009 01 10 0000 0001 02 1234"]);
    }

    #[test]
    fn noise_is_not_modbus() {
        never_in_noise(&PROTOCOL, &["0001 0000"]);
    }
}
