//! Schneider UMAS: what Unity and Control Expert speak to Modicon controllers inside Modbus function 90. The vendor publishes nothing; codes
//! are those on which two independent dissectors agree.

use super::protocol::{Context, Function, Intent, Message, Sender, Verdict};
use super::text::disclose;

/// The name as it stands in records.
const NAME: &str = "umas";
/// Least value of the header's length field: unit, function 90, session key, UMAS function.
const LENGTH_MIN: usize = 4;
/// Largest value of the length field: the negotiated maximum is about 1 KiB; 255 was seen in a public capture.
const LENGTH_MAX: usize = 1030;
/// Answer marks in the place of the function.
const OK: u8 = 0xfe;
const ERROR: u8 = 0xfd;
/// Remembered with the function of the last request, so that zero stays "nothing remembered".
const REMEMBERED: u16 = 0x0100;
const READ_ID: u8 = 0x02;
/// Where the length of the controller's name stands in the answer to read-id, and after it the name.
const READ_ID_NAME_LENGTH: usize = 32;

/// Whether a header's length field may belong to UMAS.
pub fn length_fits(length: usize) -> bool {
    (LENGTH_MIN..=LENGTH_MAX).contains(&length)
}

/// Reads a message whose Modbus header, function 90 and length were already checked; `total` is its length with the header.
pub fn parse(bytes: &[u8], total: usize, context: &Context) -> Verdict {
    let Some(&code) = bytes.get(9) else { return Verdict::Short };
    // A client's FE is an unknown function, not an answer: a known scanner sends it.
    if matches!(code, OK | ERROR) && context.sender != Sender::Client {
        return Verdict::Message(answer(bytes, total, code, context.memory));
    }
    let (name, intent) = function(code);
    if context.sender == Sender::Server || (name.is_empty() && !context.on_port) {
        return Verdict::No;
    }
    Verdict::Message(Message::request(NAME, total, intent, name, code.into()).remembering(REMEMBERED | u16::from(code)))
}

fn answer(bytes: &[u8], total: usize, mark: u8, memory: u16) -> Message {
    let [high, low] = memory.to_be_bytes();
    let asked = if u16::from(high) << 8 == REMEMBERED { Some(low) } else { None };
    let mut message = match asked {
        Some(code) => Message::answer(NAME, total, function(code).0, code.into()),
        None => Message { function: Function { name: "answer", code: mark.into() }, ..Message::answer(NAME, total, "", 0) },
    };
    message.error = mark == ERROR;
    if asked == Some(READ_ID)
        && let Some(&length) = bytes.get(READ_ID_NAME_LENGTH)
    {
        disclose(&mut message, bytes, "model", READ_ID_NAME_LENGTH + 1, length.into());
    }
    message
}

fn function(code: u8) -> (&'static str, Intent) {
    use Intent::{Control, Identify, Read, Write};
    match code {
        0x01 => ("init-comm", Identify),
        0x02 => ("read-id", Identify),
        0x03 => ("read-project-info", Identify),
        0x04 => ("read-plc-info", Identify),
        0x06 => ("read-card-info", Identify),
        0x0a => ("repeat", Identify),
        0x10 => ("take-reservation", Control),
        0x11 => ("release-reservation", Control),
        0x12 => ("keep-alive", Identify),
        0x20 => ("read-memory-block", Read),
        // Named in one public list only.
        0x21 => ("write-memory-block", Control),
        0x22 => ("read-variables", Read),
        0x23 => ("write-variables", Write),
        0x24 => ("read-coils-registers", Read),
        0x25 => ("write-coils-registers", Write),
        0x26 => ("data-dictionary", Read),
        0x30 => ("begin-program-to-plc", Control),
        0x31 => ("program-block-to-plc", Control),
        0x32 => ("end-program-to-plc", Control),
        0x33 => ("begin-program-from-plc", Control),
        0x34 => ("program-block-from-plc", Control),
        0x35 => ("end-program-from-plc", Control),
        0x39 => ("read-eth-master-data", Read),
        0x40 => ("start-plc", Control),
        0x41 => ("stop-plc", Control),
        0x50 => ("monitor-plc", Read),
        0x58 => ("check-plc", Identify),
        // Named in one public list only.
        0x60 => ("set-breakpoint", Control),
        0x70 => ("read-io-object", Read),
        0x71 => ("write-io-object", Write),
        0x73 => ("get-status-module", Identify),
        _ => ("", Read),
    }
}

#[cfg(test)]
mod tests {
    use super::super::modbus::PROTOCOL;
    use super::super::protocol::Role;
    use super::super::testing::{disclosed, hex, message, never_panics, off_port, on_port};
    use super::*;

    const READ_ID_REQUEST: &str = "0001 0000 0004 00 5a 00 02";
    const READ_ID_ANSWER: &str =
        "0001 0000 0032 00 5a 00 fe 10ff5a010100000070020000270009000800000000000e3134302043505520333131203130010101000000001100";

    #[test]
    fn read_id_identifies() {
        let request = message(&PROTOCOL, &hex(READ_ID_REQUEST), on_port(Sender::Client));
        assert_eq!((request.protocol, request.role, request.intent), ("umas", Role::Request, Intent::Identify));
        assert_eq!((request.function.name, request.bytes), ("read-id", 10));
    }

    #[test]
    fn the_answer_to_read_id_names_the_controller() {
        let bytes = hex(READ_ID_ANSWER);
        let answer = message(&PROTOCOL, &bytes, Context { memory: 0x0102, ..on_port(Sender::Server) });
        assert_eq!((answer.role, answer.error, answer.function.name), (Role::Answer, false, "read-id"));
        assert_eq!(disclosed(&answer, &bytes, "model"), Some("140 CPU 311 10"));
    }

    #[test]
    fn errors_are_answers() {
        let answer = message(&PROTOCOL, &hex("0001 0000 0006 00 5a 00 fd 83 00"), on_port(Sender::Server));
        assert_eq!((answer.role, answer.error), (Role::Answer, true));
    }

    #[test]
    fn an_answer_mark_from_the_client_is_an_unknown_function() {
        let request = message(&PROTOCOL, &hex("0001 0000 0006 00 5a 00 fe 83 00"), on_port(Sender::Client));
        assert_eq!((request.role, request.intent, request.function.name), (Role::Request, Intent::Read, ""));
    }

    #[test]
    fn intents_follow_the_table() {
        for (code, name, intent) in [
            ("22", "read-variables", Intent::Read),
            ("23", "write-variables", Intent::Write),
            ("10", "take-reservation", Intent::Control),
            ("41", "stop-plc", Intent::Control),
        ] {
            let request = message(&PROTOCOL, &hex(&format!("0001 0000 0006 00 5a 00 {code} ff 00")), on_port(Sender::Client));
            assert_eq!((request.function.name, request.intent), (name, intent));
        }
    }

    #[test]
    fn lengths_above_the_plain_maximum_are_allowed() {
        let mut bytes = hex("0007 0000 00ff 00 5a 00 0a");
        bytes.resize(261, 0x54);
        assert_eq!(message(&PROTOCOL, &bytes, on_port(Sender::Client)).bytes, 261);
        assert_eq!((PROTOCOL.parse)(&hex("0007 0000 0fff 00 5a 00 0a"), &on_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn unknown_functions_need_the_port() {
        let bytes = hex("0001 0000 0004 00 5a 00 7f");
        assert_eq!((PROTOCOL.parse)(&bytes, &off_port(Sender::Client)), Verdict::No);
        assert_eq!(message(&PROTOCOL, &bytes, on_port(Sender::Client)).intent, Intent::Read);
    }

    #[test]
    fn hostile_bytes_do_not_panic() {
        never_panics(&PROTOCOL, &[READ_ID_REQUEST, READ_ID_ANSWER]);
    }
}
