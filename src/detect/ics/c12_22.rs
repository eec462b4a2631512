//! ANSI C12.22 (IEEE 1703), metering. An ACSE unit in BER: tag 60, elements (A2 called and A6 calling application title, A4 and A8
//! invocation identifiers, AC authentication), and BE user information, in which 28, 81 hold the EPSEM: a control byte and services,
//! each of length u8 and command u8. No magic: port, nesting and elements together are the evidence.

use super::ber::ber_length;
use super::fields::{self, Fit};
use super::functions::{self, Line};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, Message, Protocol, Role, Starts, Strength, Verdict, tcp, udp};
use crate::decode::Transport;

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[tcp(1153), udp(1153)],
    strength: Strength::PortTwice,
    starts: Starts::Unused,
    sector: "metering",
    parse,
};

const NAME: &str = "c12.22";

const TAG_UNIT: u8 = 0x60;
const TAG_CALLED_TITLE: u8 = 0xa2;
const TAG_CALLED_INVOCATION: u8 = 0xa4;
const TAG_CALLING_TITLE: u8 = 0xa6;
const TAG_USER_INFORMATION: u8 = 0xbe;
/// Application context, called and calling titles, qualifiers and invocations, mechanism, authentication, user information.
const TAGS: [u8; 10] =
    [0xa1, TAG_CALLED_TITLE, 0xa3, TAG_CALLED_INVOCATION, TAG_CALLING_TITLE, 0xa7, 0xa8, 0x8b, 0xac, TAG_USER_INFORMATION];
/// EPSEM control byte: two bits of security mode, and whether a device class of four bytes follows.
const SECURITY_MODE: u8 = 0x0c;
const SECURITY_CIPHERTEXT: u8 = 0x08;
const DEVICE_CLASS: u8 = 0x10;
const DEVICE_CLASS_BYTES: usize = 4;
/// Commands from here on are requests; below are the answers' result codes.
const REQUEST_MIN: u8 = 0x20;
/// The table through which procedures are started (C12.19 table 07), written with its number in the next two bytes.
const TABLE_PROCEDURE_INITIATE: [u8; 2] = [0, 7];

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    if context.transport == Transport::Other {
        return Verdict::No;
    }
    unit(bytes, context).unwrap_or_else(|| fields::too_few(context))
}

fn unit(bytes: &[u8], context: &Context) -> Option<Verdict> {
    if *bytes.first()? != TAG_UNIT {
        return Some(Verdict::No);
    }
    let (mut at, length) = ber_length(bytes, 1)?;
    let total = at.checked_add(length)?;
    // A unit fits the 16-bit length of C12.22 segmentation.
    if length > usize::from(u16::MAX) || fields::fit(total, bytes, context) == Fit::Wrong {
        return Some(Verdict::No);
    }
    let mut titled = false;
    let mut answers = false;
    while at < total {
        let tag = *bytes.get(at)?;
        let (value, length) = ber_length(bytes, at + 1)?;
        let end = value.saturating_add(length);
        if !TAGS.contains(&tag) || end > total {
            return Some(Verdict::No);
        }
        titled |= matches!(tag, TAG_CALLED_TITLE | TAG_CALLING_TITLE);
        answers |= tag == TAG_CALLED_INVOCATION;
        if tag == TAG_USER_INFORMATION {
            return if titled && end == total { service(bytes, value, end, total, answers, context) } else { Some(Verdict::No) };
        }
        at = end;
    }
    Some(Verdict::No)
}

/// The service inside the user information: 28 and 81 nest exactly.
fn service(bytes: &[u8], at: usize, end: usize, total: usize, answers: bool, context: &Context) -> Option<Verdict> {
    let (inner, inner_bytes) = ber_length(bytes, at + 1)?;
    let (epsem, epsem_bytes) = ber_length(bytes, inner + 1)?;
    let nests = bytes.get(at) == Some(&0x28) && bytes.get(inner) == Some(&0x81);
    if !nests || inner.saturating_add(inner_bytes) != end || epsem.saturating_add(epsem_bytes) != end || epsem_bytes == 0 {
        return Some(Verdict::No);
    }
    let control = *bytes.get(epsem)?;
    if control & SECURITY_MODE == SECURITY_CIPHERTEXT {
        let message = Message::request(NAME, total, Read, "ciphertext", 0);
        return Some(Verdict::Message(if answers {
            Message::answer(NAME, total, "ciphertext", 0)
        } else if fields::from_server(context) {
            Message { role: Role::Either, ..Message::answer(NAME, total, "ciphertext", 0) }
        } else {
            Message { role: Role::Either, ..message }
        }));
    }
    let first = epsem + 1 + if control & DEVICE_CLASS != 0 { DEVICE_CLASS_BYTES } else { 0 };
    if first >= end {
        // The control byte alone: nothing is asked.
        return Some(Verdict::Message(Message::request(NAME, total, Identify, "empty", 0)));
    }
    let (data, data_bytes) = ber_length(bytes, first)?;
    if data_bytes == 0 || data.saturating_add(data_bytes) > end {
        return Some(Verdict::No);
    }
    let command = *bytes.get(data)?;
    if command < REQUEST_MIN {
        let name = if command == 0 { "ok" } else { "error" };
        return Some(Verdict::Message(Message { error: command != 0, ..Message::answer(NAME, total, name, command.into()) }));
    }
    let (intent, name) = functions::grade(COMMANDS, command.into());
    let starts_procedure = intent == Write && bytes.get(data + 1..data + 3) == Some(&TABLE_PROCEDURE_INITIATE);
    let (name, intent) = if starts_procedure { ("procedure", Control) } else { (name, intent) };
    Some(Verdict::Message(Message::request(NAME, total, intent, name, command.into())))
}

const COMMANDS: &[Line] = &[
    (0x20, Identify, "identify"),
    (0x21, Identify, "terminate"),
    (0x22, Identify, "disconnect"),
    (0x24, Control, "deregister"),
    (0x25, Identify, "resolve"),
    (0x26, Identify, "trace"),
    (0x27, Control, "register"),
    (0x30, Read, "full-read"),
    (0x31, Read, "partial-read-index"),
    (0x3e, Read, "default-read"),
    (0x3f, Read, "partial-read-offset"),
    (0x40, Write, "full-write"),
    (0x41, Write, "partial-write-index"),
    (0x4e, Write, "default-write"),
    (0x4f, Write, "partial-write-offset"),
    (0x50, Read, "logon"),
    (0x51, Read, "security"),
    (0x52, Read, "logoff"),
    (0x53, Read, "authenticate"),
    (0x60, Identify, "negotiate"),
    (0x70, Identify, "wait"),
    (0x71, Identify, "timing-setup"),
];

#[cfg(test)]
mod tests {
    use super::super::protocol::{Intent, Sender};
    use super::super::testing::{datagram, hex, message, never_panics, on_port};
    use super::*;

    const TITLES: &str = "a211060f2b060104018285638e7f85f1c24e00a60a06082b06010401828563a806020413e81421";
    const IDENTIFY: &str = "6030a211060f2b060104018285638e7f85f1c24e00a60a06082b06010401828563a806020413e81421be0728058103800120";
    const CIPHERED: &str = "6047a211060f2b060104018285638e7f85f1c24e00a60a06082b06010401828563a806020413e81421ac0fa20da00ba10980010081044c97f489be0d280b81098865f1e271a71f7f27";

    fn asking(service: &str) -> Vec<u8> {
        let service = hex(service);
        let n = service.len() as u8;
        let inside = [hex(TITLES), vec![0xbe, n + 6, 0x28, n + 4, 0x81, n + 2, 0x80, n], service].concat();
        [vec![0x60, inside.len() as u8], inside].concat()
    }

    fn grade(service: &str) -> (Role, Intent, &'static str) {
        let found = message(&PROTOCOL, &asking(service), on_port(Sender::Unknown));
        (found.role, found.intent, found.function.name)
    }

    #[test]
    fn services_are_graded() {
        assert_eq!(asking("20"), hex(IDENTIFY));
        assert_eq!(grade("20"), (Role::Request, Intent::Identify, "identify"));
        assert_eq!(grade("300001"), (Role::Request, Intent::Read, "full-read"));
        assert_eq!(grade("40000100020000"), (Role::Request, Intent::Write, "full-write"));
        assert_eq!(grade("400007000300000001"), (Role::Request, Intent::Control, "procedure"));
    }

    #[test]
    fn result_codes_are_answers() {
        assert_eq!(grade("00"), (Role::Answer, Intent::Connect, "ok"));
        assert!(message(&PROTOCOL, &asking("0a"), on_port(Sender::Server)).error);
    }

    #[test]
    fn cipher_text_is_a_read_or_an_answer_by_who_sends_it() {
        assert_eq!(message(&PROTOCOL, &hex(CIPHERED), datagram(Sender::Client)).intent, Intent::Read);
        assert_eq!(message(&PROTOCOL, &hex(CIPHERED), datagram(Sender::Server)).intent, Intent::Connect);
    }

    #[test]
    fn lengths_nesting_and_titles_are_checked() {
        for (from, to) in [("6030", "6031"), ("6030", "602f"), ("be07", "be06"), ("2805", "2804"), ("8103", "8203"), ("a211", "a911")] {
            assert_eq!(parse(&hex(&IDENTIFY.replacen(from, to, 1)), &datagram(Sender::Client)), Verdict::No);
        }
        assert_eq!(parse(&hex("6009be0728058103800120"), &datagram(Sender::Client)), Verdict::No);
        assert_eq!(parse(&hex(IDENTIFY)[..30], &on_port(Sender::Client)), Verdict::Short);
    }

    #[test]
    fn hostile_bytes() {
        never_panics(&PROTOCOL, &[IDENTIFY, CIPHERED]);
    }
}
