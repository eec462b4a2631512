//! BSAP over IP (Emerson/Bristol D301401). Little-endian: header length u16 (14 or 22), number of messages u16, function u16, sequence
//! u32, last received u32; then, if there is a message: length u32 (itself included), header size u8, sequence u32, application
//! function u8, status u8, function u8 or u16 with data.

use super::fields::{self, Fit, le16, le32};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, Intent, Message, Protocol, Starts, Strength, Verdict, udp};
use crate::decode::Transport;

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[udp(1234), udp(1235)],
    strength: Strength::Port,
    starts: Starts::Unused,
    sector: "oil and gas, water",
    parse,
};

const NAME: &str = "bsap";

const HEADER_SHORT_BYTES: u16 = 14;
const HEADER_LONG_BYTES: u16 = 22;
const MESSAGES_MAX: u16 = 16;
/// Where the application function stands in a message, and where the function of the remote data base.
const APPLICATION_AT: usize = 9;
const DATA_BASE_AT: usize = 11;

const FUNCTION_POLL: u16 = 0;
const FUNCTION_COUNT: u16 = 1;
const FUNCTION_RESPONSE: u16 = 5;

const APPLICATION_PEI: u8 = 0x03;
const APPLICATION_DATA_BASE: u8 = 0xa0;
const APPLICATION_DATA_BASE_EXTENSION: u8 = 0xa1;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    if context.transport != Transport::Udp {
        return Verdict::No;
    }
    datagram(bytes, context).unwrap_or_else(|| fields::too_few(context))
}

fn datagram(bytes: &[u8], context: &Context) -> Option<Verdict> {
    let (header, messages, function) = (le16(bytes, 0)?, le16(bytes, 2)?, le16(bytes, 4)?);
    let is_known = matches!(function, 0 | 1 | 5 | 6 | 0x84 | 0x86);
    if !matches!(header, HEADER_SHORT_BYTES | HEADER_LONG_BYTES) || messages > MESSAGES_MAX || !is_known {
        return Some(Verdict::No);
    }
    let header_bytes = usize::from(header);
    if bytes.len() < header_bytes {
        return None;
    }
    let request = |intent, name, code| Verdict::Message(Message::request(NAME, bytes.len(), intent, name, code));
    let answer = |name| Some(Verdict::Message(Message::answer(NAME, bytes.len(), name, function.into())));
    match (function, &bytes[header_bytes..]) {
        (FUNCTION_COUNT, _) => answer("count"),
        (FUNCTION_POLL, []) => Some(request(Identify, "poll", 0)),
        (_, []) => Some(if messages == 0 { request(Identify, "poll", function.into()) } else { Verdict::No }),
        (_, message) => {
            let length = le32(message, 0)? as usize;
            // Several messages follow each other: only the first one's length can be checked.
            let fit = if messages > 1 && length < message.len() { Fit::Whole } else { fields::fit(length, message, context) };
            if fit == Fit::Wrong || length < DATA_BASE_AT {
                return Some(Verdict::No);
            }
            if function == FUNCTION_RESPONSE {
                return answer("response");
            }
            let application = *message.get(APPLICATION_AT)?;
            let (name, intent, code) = application_function(application, message.get(DATA_BASE_AT..).unwrap_or_default());
            Some(request(intent, name, u32::from(application) << 16 | code))
        }
    }
}

/// Name, grade and code of what a message asks. `function` begins with the remote data base's function.
fn application_function(application: u8, function: &[u8]) -> (&'static str, Intent, u32) {
    match (application, function) {
        (APPLICATION_PEI, _) => ("pei", Identify, 0),
        (APPLICATION_DATA_BASE, &[code, ..]) => {
            let (name, intent) = match code {
                0x00 | 0x02 | 0x04 | 0x06 | 0x0c..=0x0f => ("read-signal", Read),
                0x80 | 0x84 | 0x8c | 0x8d => ("write-signal", Write),
                _ => ("", Read),
            };
            (name, intent, code.into())
        }
        (APPLICATION_DATA_BASE_EXTENSION, &[low, high, ..]) => {
            let code = u16::from_le_bytes([low, high]);
            let (name, intent) = match code {
                0x0101 => ("reset-system", Control),
                0x0102 => ("reset-diagnostics", Control),
                0x0201..=0x0203 => ("read-clock", Identify),
                0x0281 => ("write-clock", Control),
                0x0400 => ("change-address", Control),
                _ => ("", Read),
            };
            (name, intent, code.into())
        }
        _ => ("", Read, 0),
    }
}

#[cfg(test)]
mod tests {
    use super::super::protocol::{Role, Sender};
    use super::super::testing::{datagram as whole, hex, message, never_panics};
    use super::*;

    const POLL: &str = "0e00 0000 0000 01000000 00000000";
    const READ_SIGNAL: &str = "0e00 0100 0600 02000000 01000000 10000000 05 01000000 a0 00 0400 000000";

    fn grade(sample: &str) -> (Role, Intent, &'static str) {
        let found = message(&PROTOCOL, &hex(sample), whole(Sender::Unknown));
        (found.role, found.intent, found.function.name)
    }

    #[test]
    fn functions_are_graded() {
        assert_eq!(grade(POLL), (Role::Request, Identify, "poll"));
        assert_eq!(grade(READ_SIGNAL), (Role::Request, Read, "read-signal"));
        assert_eq!(grade(&READ_SIGNAL.replace("a0 00 04", "a0 00 80")), (Role::Request, Write, "write-signal"));
        assert_eq!(grade(&READ_SIGNAL.replace("a0 00 0400", "a1 00 0101")), (Role::Request, Control, "reset-system"));
        assert_eq!(grade(&READ_SIGNAL.replace("a0 00 0400", "a1 00 0102")), (Role::Request, Identify, "read-clock"));
    }

    #[test]
    fn responses_and_counts_are_answers() {
        assert_eq!(grade(&READ_SIGNAL.replace("0600", "0500")), (Role::Answer, Intent::Connect, "response"));
        assert_eq!(grade(&POLL.replacen("0000", "0100", 1).replacen("0100 0000", "0100 0100", 1)).0, Role::Answer);
    }

    #[test]
    fn wrong_headers_functions_and_lengths_are_refused() {
        for (from, to) in [("0e00", "0f00"), ("0e00 0100", "0e00 1100"), ("0600", "0700"), ("10000000 05", "11000000 05")] {
            assert_eq!(parse(&hex(&READ_SIGNAL.replacen(from, to, 1)), &whole(Sender::Client)), Verdict::No);
        }
        assert_eq!(parse(&hex(POLL)[..10], &whole(Sender::Client)), Verdict::No);
    }

    #[test]
    fn hostile_bytes() {
        never_panics(&PROTOCOL, &[POLL, READ_SIGNAL]);
    }
}
