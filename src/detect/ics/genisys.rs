//! GENISYS, rail signalling (Union Switch & Signal). Header byte, station u8, pairs of address and data, CRC-16/MODBUS u16
//! little-endian, end F6. A byte from F0 on is sent as F0 and the rest; the CRC is over header, station and data without escapes.

use super::crc;
use super::fields;
use super::protocol::Intent::{Identify, Read, Write};
use super::protocol::{Context, Intent, Message, Protocol, Starts, Strength, Verdict, tcp, udp};
use crate::decode::Transport;

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[tcp(10001), udp(10001)],
    strength: Strength::Anywhere,
    starts: Starts::Bytes(&[&[ACKNOWLEDGE], &[INDICATION], &[CHECKBACK], &[0xf9], &[0xfa], &[POLL], &[0xfc], &[0xfd], &[0xfe]]),
    sector: "rail",
    parse,
};

const NAME: &str = "genisys";

const ESCAPE: u8 = 0xf0;
const ACKNOWLEDGE: u8 = 0xf1;
const INDICATION: u8 = 0xf2;
const CHECKBACK: u8 = 0xf3;
const END: u8 = 0xf6;
const POLL: u8 = 0xfb;
/// Header, station, end: an acknowledgement, and a poll that is not secured.
const SHORT_BYTES: usize = 3;
/// The longest message that is waited for: 255 pairs, all escaped, is more than any station has.
const MESSAGE_BYTES_MAX: usize = 600;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    if context.transport == Transport::Other {
        return Verdict::No;
    }
    let Some((&header, rest)) = bytes.split_first() else { return fields::too_few(context) };
    let Some((name, intent, from_client)) = kind(header) else { return Verdict::No };
    // The message ends at F6; before it, only the escape may be F0 or above. Some stations do not escape the check sum, though: then
    // a high byte may be one of its two, and the end follows.
    let body = &rest[..rest.len().min(MESSAGE_BYTES_MAX)];
    let Some(high) = body.iter().position(|byte| *byte > ESCAPE) else {
        return if body.len() < MESSAGE_BYTES_MAX && context.on_port { fields::too_few(context) } else { Verdict::No };
    };
    let mut ends = (high..body.len().min(high + 3)).filter(|end| body[*end] == END);
    let Some(end) = ends.find(|end| is_short(header, *end) || secured(header, &body[..*end])) else {
        let is_cut = body[high] != END && body.len() < high + 3 && context.on_port;
        return if is_cut { fields::too_few(context) } else { Verdict::No };
    };
    let total = end + 2;
    // Without a check sum, or with more behind it, a message is believed on its port only.
    let believed = context.on_port || (!is_short(header, end) && total == bytes.len());
    let is_alone = total == bytes.len() || context.transport == Transport::Tcp;
    if !believed || !is_alone {
        return Verdict::No;
    }
    Verdict::Message(if from_client {
        Message::request(NAME, total, intent, name, header.into())
    } else {
        Message::answer(NAME, total, name, header.into())
    })
}

const fn kind(header: u8) -> Option<(&'static str, Intent, bool)> {
    Some(match header {
        ACKNOWLEDGE => ("acknowledge", Intent::Connect, false),
        INDICATION => ("indication-data", Intent::Connect, false),
        CHECKBACK => ("control-checkback", Intent::Connect, false),
        0xf9 => ("common-control", Write, true),
        0xfa => ("acknowledge-and-poll", Identify, true),
        POLL => ("poll", Identify, true),
        0xfc => ("control-data", Write, true),
        0xfd => ("recall", Read, true),
        0xfe => ("execute-controls", Write, true),
        _ => return None,
    })
}

/// Whether a message with its end so far behind the header has no check sum.
const fn is_short(header: u8, end: usize) -> bool {
    end + 2 == SHORT_BYTES && matches!(header, ACKNOWLEDGE | POLL)
}

/// Whether what stands between header and end is a station, whole pairs and the right check sum, be that escaped or not.
fn secured(header: u8, between: &[u8]) -> bool {
    let is_escaped = between.iter().zip(between.iter().skip(1)).all(|(byte, next)| *byte != ESCAPE || *next < 0x10);
    let check = |covered: &mut dyn Iterator<Item = u8>| crc::modbus(std::iter::once(header).chain(covered));
    if let Some((data, raw)) = between.split_last_chunk() {
        let is_whole = unescaped(data).count() % 2 == 1 && data.last() != Some(&ESCAPE);
        if is_whole && check(&mut unescaped(data)) == u16::from_le_bytes(*raw) {
            return true;
        }
    }
    let plain_bytes = unescaped(between).count();
    if !is_escaped || between.last() == Some(&ESCAPE) || plain_bytes < 3 || plain_bytes.is_multiple_of(2) {
        return false;
    }
    let mut tail = unescaped(between).skip(plain_bytes - 2);
    let (low, high) = (tail.next().unwrap_or(0), tail.next().unwrap_or(0));
    check(&mut unescaped(between).take(plain_bytes - 2)) == u16::from_le_bytes([low, high])
}

/// The bytes with each escape and its follower made one.
fn unescaped(escaped: &[u8]) -> impl Iterator<Item = u8> {
    let mut bytes = escaped.iter().copied();
    std::iter::from_fn(move || match bytes.next() {
        Some(ESCAPE) => bytes.next().map(|rest| ESCAPE | rest),
        other => other,
    })
}

#[cfg(test)]
mod tests {
    use super::super::protocol::{Role, Sender};
    use super::super::testing::{hex, message, never_in_noise, never_panics, on_port};
    use super::*;

    /// A message with escapes and check sum.
    fn sealed(plain: &[u8]) -> Vec<u8> {
        let crc = crc::modbus(plain.iter().copied()).to_le_bytes();
        let mut bytes = vec![plain[0]];
        for byte in plain[1..].iter().chain(&crc) {
            if *byte >= ESCAPE { bytes.extend([ESCAPE, byte & 0x0f]) } else { bytes.push(*byte) }
        }
        bytes.push(END);
        bytes
    }

    fn grade(plain: &[u8]) -> (Role, Intent, &'static str) {
        let bytes = sealed(plain);
        let found = message(&PROTOCOL, &bytes, on_port(Sender::Unknown));
        assert_eq!(found.bytes, bytes.len());
        (found.role, found.intent, found.function.name)
    }

    #[test]
    fn messages_are_graded() {
        assert_eq!(grade(&[0xfb, 5]), (Role::Request, Identify, "poll"));
        assert_eq!(grade(&[0xfd, 5]), (Role::Request, Read, "recall"));
        assert_eq!(grade(&[0xfc, 5, 0, 0xff, 1, 0xf0]), (Role::Request, Write, "control-data"));
        assert_eq!(grade(&[0xf2, 5, 0, 3]), (Role::Answer, Intent::Connect, "indication-data"));
    }

    #[test]
    fn short_messages_count_on_their_port_only() {
        let poll = [0xfb, 5, END];
        assert_eq!(message(&PROTOCOL, &poll, on_port(Sender::Unknown)).bytes, 3);
        assert_eq!(parse(&poll, &Context { on_port: false, ..on_port(Sender::Unknown) }), Verdict::No);
        assert_eq!(message(&PROTOCOL, &[0xf1, 5, END], on_port(Sender::Server)).role, Role::Answer);
    }

    #[test]
    fn a_check_sum_that_is_not_escaped_is_taken_too() {
        let bytes = hex("f20101061e042d040cfdf6");
        let found = message(&PROTOCOL, &bytes, on_port(Sender::Unknown));
        assert_eq!((found.role, found.bytes), (Role::Answer, bytes.len()));
        assert_eq!(parse(&bytes[..10], &on_port(Sender::Unknown)), Verdict::Short);
    }

    #[test]
    fn a_bad_check_sum_or_a_stray_control_byte_is_refused() {
        let mut bad = sealed(&[0xfc, 5, 0, 3]);
        bad[3] ^= 1;
        assert_eq!(parse(&bad, &on_port(Sender::Client)), Verdict::No);
        assert_eq!(parse(&[0xfc, 5, 0xf2, 3, 1, 1, END], &on_port(Sender::Client)), Verdict::No);
        assert_eq!(parse(&[0xfc, 5, 0], &on_port(Sender::Client)), Verdict::Short);
    }

    #[test]
    fn hostile_bytes() {
        let sample: String = sealed(&[0xfc, 5, 0, 0xff, 1, 0xf0]).iter().map(|b| format!("{b:02x}")).collect();
        never_panics(&PROTOCOL, &[&sample, "fb05f6", "f105f6"]);
        never_in_noise(&PROTOCOL, &[]);
    }
}
