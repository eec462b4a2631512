//! FOUNDATION Fieldbus HSE (FF-588). Header of 12 bytes, big-endian: version 01, options u8, protocol (high six bits) and type (low
//! two), service u8 (bit 80: confirmed), address u32, message length u32.

use super::fields::{self, Fit, be32};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, Intent, Message, Protocol, Starts, Strength, Verdict, tcp, udp};
use crate::decode::Transport;

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[udp(1089), udp(1090), udp(1091), udp(3622), tcp(1089), tcp(1090), tcp(1091), tcp(3622)],
    strength: Strength::Port,
    starts: Starts::Unused,
    sector: "process",
    parse,
};

const NAME: &str = "hse";

const HEADER_BYTES: usize = 12;
/// The largest message taken for possible on a stream: FF-588 carries a domain segment at most, well below this.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;

/// Protocols, with the type bits zero.
const SESSION: u8 = 0x04;
const SYSTEM_MANAGEMENT: u8 = 0x08;
const FIELDBUS_MESSAGES: u8 = 0x0c;
const REDUNDANCY: u8 = 0x10;

const TYPE_REQUEST: u8 = 0;
const TYPE_ERROR: u8 = 2;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    if context.transport == Transport::Other {
        return Verdict::No;
    }
    header(bytes, context).unwrap_or_else(|| fields::too_few(context))
}

fn header(bytes: &[u8], context: &Context) -> Option<Verdict> {
    let &[version, _, mark, service, ..] = bytes else { return None };
    let (protocol, kind) = (mark & 0xfc, mark & 0x03);
    if version != 1 || !matches!(protocol, SESSION | SYSTEM_MANAGEMENT | FIELDBUS_MESSAGES | REDUNDANCY) || kind > TYPE_ERROR {
        return Some(Verdict::No);
    }
    let total = be32(bytes, 8)? as usize;
    if !(HEADER_BYTES..=MESSAGE_BYTES_MAX).contains(&total) || fields::fit(total, bytes, context) == Fit::Wrong {
        return Some(Verdict::No);
    }
    let code = u32::from(protocol) << 16 | u32::from(service);
    let (name, intent) = function(protocol, service);
    Some(Verdict::Message(if kind == TYPE_REQUEST {
        Message::request(NAME, total, intent, name, code)
    } else {
        Message { error: kind == TYPE_ERROR, ..Message::answer(NAME, total, name, code) }
    }))
}

fn function(protocol: u8, service: u8) -> (&'static str, Intent) {
    match (protocol, service) {
        (SESSION, 0x81) => ("open-session", Identify),
        (SESSION, 0x83) => ("idle", Identify),
        (SYSTEM_MANAGEMENT, 0x01) => ("find-tag", Identify),
        (SYSTEM_MANAGEMENT, 0x02) => ("find-tag-reply", Identify),
        (SYSTEM_MANAGEMENT, 0x10) => ("annunciation", Identify),
        (SYSTEM_MANAGEMENT, 0x83) => ("identify", Identify),
        (SYSTEM_MANAGEMENT, 0x8c) => ("clear-address", Control),
        (SYSTEM_MANAGEMENT, 0x8e) => ("set-assignment", Control),
        (SYSTEM_MANAGEMENT, 0x8f) => ("clear-assignment", Control),
        (FIELDBUS_MESSAGES, 0x80) => ("status", Identify),
        (FIELDBUS_MESSAGES, 0x81) => ("identify", Identify),
        (FIELDBUS_MESSAGES, 0xe0) => ("initiate", Identify),
        (FIELDBUS_MESSAGES, 0x82 | 0xd2) => ("read", Read),
        (FIELDBUS_MESSAGES, 0x84) => ("get-od", Read),
        (FIELDBUS_MESSAGES, 0x00 | 0x10..=0x12) => ("report", Read),
        (FIELDBUS_MESSAGES, 0x83 | 0xd3) => ("write", Write),
        (FIELDBUS_MESSAGES, 0x87 | 0x88) => ("variable-list", Write),
        (FIELDBUS_MESSAGES, 0x98 | 0x99) => ("event", Write),
        (FIELDBUS_MESSAGES, 0x93) => ("start", Control),
        (FIELDBUS_MESSAGES, 0x94) => ("stop", Control),
        (FIELDBUS_MESSAGES, 0x95) => ("resume", Control),
        (FIELDBUS_MESSAGES, 0x96) => ("reset", Control),
        (FIELDBUS_MESSAGES, 0x97) => ("kill", Control),
        (FIELDBUS_MESSAGES, 0x91 | 0x92) => ("program-invocation", Control),
        (FIELDBUS_MESSAGES, 0x89..=0x90) => ("domain", Control),
        (FIELDBUS_MESSAGES, 0x9c..=0x9e) => ("put-od", Control),
        (FIELDBUS_MESSAGES, 0x9f..=0xa1) => ("generic-download", Control),
        (REDUNDANCY, 0x81) => ("get-redundancy", Identify),
        (REDUNDANCY, 0x82) => ("put-redundancy", Write),
        (REDUNDANCY, 0x83) => ("redundancy-statistics", Identify),
        _ => ("", Read),
    }
}

#[cfg(test)]
mod tests {
    use super::super::protocol::{Role, Sender};
    use super::super::testing::{datagram, hex, message, never_panics, on_port};
    use super::*;

    const IDENTIFY: &str = "01 00 08 83 00000000 0000000c";

    fn grade(mark: &str) -> (Role, Intent, &'static str) {
        let found = message(&PROTOCOL, &hex(&IDENTIFY.replace("08 83", mark)), datagram(Sender::Unknown));
        (found.role, found.intent, found.function.name)
    }

    #[test]
    fn services_are_graded() {
        assert_eq!(grade("08 83"), (Role::Request, Identify, "identify"));
        assert_eq!(grade("04 81"), (Role::Request, Identify, "open-session"));
        assert_eq!(grade("0c 82"), (Role::Request, Read, "read"));
        assert_eq!(grade("0c d3"), (Role::Request, Write, "write"));
        assert_eq!(grade("0c 94"), (Role::Request, Control, "stop"));
        assert_eq!(grade("08 8c"), (Role::Request, Control, "clear-address"));
        assert_eq!(grade("0c 7f"), (Role::Request, Read, ""));
    }

    #[test]
    fn the_type_bits_tell_an_answer() {
        assert_eq!(grade("09 83"), (Role::Answer, Intent::Connect, "identify"));
        assert!(message(&PROTOCOL, &hex(&IDENTIFY.replace("08 83", "0a 83")), datagram(Sender::Unknown)).error);
    }

    #[test]
    fn versions_protocols_and_lengths_are_checked() {
        for (from, to) in [("01 00", "02 00"), ("08 83", "14 83"), ("08 83", "0b 83"), ("0000000c", "0000000d"), ("0000000c", "0000000b")] {
            assert_eq!(parse(&hex(&IDENTIFY.replace(from, to)), &datagram(Sender::Client)), Verdict::No);
        }
        assert_eq!(parse(&hex(IDENTIFY)[..10], &on_port(Sender::Client)), Verdict::Short);
        assert_eq!(parse(&hex(&IDENTIFY.replace("0000000c", "7fffffff")), &on_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn hostile_bytes() {
        never_panics(&PROTOCOL, &[IDENTIFY]);
    }
}
