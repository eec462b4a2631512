//! DLMS/COSEM over IP (IEC 62056-47; DLMS UA Green Book). Wrapper, big-endian: version 0001, source port u16, destination port u16,
//! length u16, then the application unit, whose first byte is its tag. HDLC frames (IEC 62056-46) occur on the same port: 7E, format and
//! length u16, addresses, control, header check, `E6 E6 00` or `E6 E7 00`, application unit, CRC-16/X-25 little-endian, 7E.

use super::crc;
use super::fields::{self, Fit, be16, le16};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, Intent, Message, Protocol, Role, Starts, Strength, Verdict, tcp, udp};
use crate::decode::Transport;

pub static PROTOCOL: Protocol =
    Protocol { name: NAME, ports: &[tcp(4059), udp(4059)], strength: Strength::Port, starts: Starts::Unused, sector: "metering", parse };

const NAME: &str = "dlms";

const WRAPPER_BYTES: usize = 8;
/// Clients have the lowest wrapper ports; 16 is the public client.
const CLIENT_PORT_MAX: u16 = 127;
const HDLC_FLAG: u8 = 0x7e;
/// Format type of a DLMS frame, in the high four bits of the format field; the low eleven are the length between the flags.
const HDLC_FORMAT: u8 = 0xa0;
const HDLC_LENGTH: u16 = 0x07ff;
/// Object identifier of the application contexts: 2.16.756.5.8.1, behind its BER tag, without its last arc.
const APPLICATION_CONTEXT: [u8; 6] = [0x60, 0x85, 0x74, 0x05, 0x08, 0x01];
/// An association names its application context within these first bytes.
const ASSOCIATION_BYTES: usize = 24;

const TAG_ASSOCIATE: u8 = 0x60;
const TAG_ASSOCIATED: u8 = 0x61;
const TAG_ACTION: u8 = 0xc3;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    let verdict = match (context.transport, bytes.first()) {
        (Transport::Tcp | Transport::Udp, Some(&HDLC_FLAG)) => hdlc(bytes, context),
        (Transport::Tcp | Transport::Udp, Some(0)) => wrapper(bytes, context),
        (_, None) => None,
        _ => Some(Verdict::No),
    };
    verdict.unwrap_or_else(|| fields::too_few(context))
}

fn wrapper(bytes: &[u8], context: &Context) -> Option<Verdict> {
    let (version, source, destination) = (be16(bytes, 0)?, be16(bytes, 2)?, be16(bytes, 4)?);
    let total = WRAPPER_BYTES + usize::from(be16(bytes, 6)?);
    // Port 0 is no station (Green Book, wrapper port numbers); the shortest unit is a tag and a byte.
    if version != 1 || source == 0 || destination == 0 || total < WRAPPER_BYTES + 2 || fields::fit(total, bytes, context) == Fit::Wrong {
        return Some(Verdict::No);
    }
    let verdict = unit(bytes.get(WRAPPER_BYTES..)?, total, context)?;
    let is_request = matches!(verdict, Verdict::Message(Message { role: Role::Request, .. }));
    Some(if is_request && source > CLIENT_PORT_MAX { Verdict::No } else { verdict })
}

fn hdlc(bytes: &[u8], context: &Context) -> Option<Verdict> {
    let format = be16(bytes, 1)?;
    let inner = usize::from(format & HDLC_LENGTH);
    let total = inner + 2;
    // Format, two addresses, control and check sequence: seven bytes at least.
    if (format >> 8) as u8 & 0xf0 != HDLC_FORMAT || inner < 7 || fields::fit(total, bytes, context) == Fit::Wrong {
        return Some(Verdict::No);
    }
    let frame = bytes.get(1..total - 3)?;
    if crc::x25(frame) != le16(bytes, total - 3)? || *bytes.get(total - 1)? != HDLC_FLAG {
        return Some(Verdict::No);
    }
    let Some(control_at) = addresses_end(frame) else { return Some(Verdict::No) };
    let Some(&control) = frame.get(control_at) else { return Some(Verdict::No) };
    // Bit 10 is poll or final: it does not change the frame's kind.
    let (name, intent, role) = match control & 0xef {
        0x83 => ("snrm", Identify, Role::Request),
        0x43 => ("disc", Identify, Role::Request),
        0x63 => ("ua", Identify, Role::Answer),
        0x0f => ("disconnected", Identify, Role::Answer),
        0x87 => ("frame-reject", Identify, Role::Answer),
        kind if kind & 0x0f == 0x01 => ("receive-ready", Identify, Role::Either),
        kind if kind & 0x01 == 0 => {
            // Control and header check sequence, then the LLC.
            return match frame.get(control_at + 3..) {
                Some([0xe6, 0xe6 | 0xe7, 0x00, apdu @ ..]) => unit(apdu, total, context).or(Some(Verdict::No)),
                // A segment of a longer unit.
                _ => Some(Verdict::Message(either(Message::request(NAME, total, Read, "segment", control.into()), context))),
            };
        }
        _ => return Some(Verdict::No),
    };
    let message = Message::request(NAME, total, intent, name, control.into());
    Some(Verdict::Message(match role {
        Role::Request => message,
        Role::Answer => Message { error: control & 0xef == 0x87, ..Message::answer(NAME, total, name, control.into()) },
        Role::Either => either(message, context),
    }))
}

/// Where the two addresses behind the format field end: each ends with the byte whose lowest bit is set, and has one, two or four bytes.
fn addresses_end(frame: &[u8]) -> Option<usize> {
    let mut at = 2;
    for _ in 0..2 {
        at += 1 + frame.get(at..)?.iter().take(4).position(|byte| byte & 1 == 1)?;
    }
    Some(at)
}

fn either(request: Message, context: &Context) -> Message {
    let intent = if fields::from_server(context) { Intent::Connect } else { request.intent };
    Message { role: Role::Either, intent, ..request }
}

/// The application unit, by its tag.
fn unit(apdu: &[u8], total: usize, context: &Context) -> Option<Verdict> {
    let tag = *apdu.first()?;
    let code = u32::from(tag);
    let request = |name, intent| Some(Verdict::Message(Message::request(NAME, total, intent, name, code)));
    let answer = |name| Some(Verdict::Message(Message::answer(NAME, total, name, code)));
    match tag {
        TAG_ASSOCIATE => {
            let head = &apdu[..apdu.len().min(ASSOCIATION_BYTES)];
            if head.windows(APPLICATION_CONTEXT.len()).any(|window| window == APPLICATION_CONTEXT) {
                return request("aarq", Identify);
            }
            if head.len() < ASSOCIATION_BYTES && !context.whole { None } else { Some(Verdict::No) }
        }
        0x62 => request("release", Identify),
        0xc0 => request("get", Read),
        0xc1 => request("set", Write),
        TAG_ACTION => {
            // The class of the object acted on stands behind tag, kind and invoke identifier.
            let class = be16(apdu, 3)?;
            let intent = if matches!(class, CLASS_CLOCK | CLASS_IMAGE_TRANSFER | CLASS_SECURITY_SETUP) { Control } else { Write };
            Some(Verdict::Message(Message::request(NAME, total, intent, "action", code << 16 | u32::from(class))))
        }
        0xc8 => request("glo-get", Read),
        0xc9 => request("glo-set", Write),
        0xcb => request("glo-action", Write),
        0xd0 => request("ded-get", Read),
        0xd1 => request("ded-set", Write),
        0xd3 => request("ded-action", Write),
        0xdb..=0xdd => Some(Verdict::Message(either(Message::request(NAME, total, Read, "general-ciphering", code), context))),
        TAG_ASSOCIATED => {
            // Application context (11 bytes with its tag), then the result: A2 03 02 01, 0 accepted.
            let error = matches!(apdu.get(13..18), Some([0xa2, 3, 2, 1, result]) if *result != 0);
            Some(Verdict::Message(Message { error, ..Message::answer(NAME, total, "aare", code) }))
        }
        0x63 => answer("released"),
        0xc4 => answer("get"),
        0xc5 => answer("set"),
        0xc7 => answer("action"),
        0xcc | 0xd4 => answer("get"),
        0xcd | 0xd5 => answer("set"),
        0xcf | 0xd7 => answer("action"),
        0xd8 => Some(Verdict::Message(Message { error: true, ..Message::answer(NAME, total, "exception", code) })),
        0x0f => answer("data-notification"),
        0xc2 => answer("event-notification"),
        _ => Some(Verdict::No),
    }
}

/// Interface classes (Blue Book) whose methods change clock, firmware or keys.
const CLASS_CLOCK: u16 = 8;
const CLASS_IMAGE_TRANSFER: u16 = 18;
const CLASS_SECURITY_SETUP: u16 = 64;

#[cfg(test)]
mod tests {
    use super::super::protocol::Sender;
    use super::super::testing::{datagram, hex, message, never_panics, on_port};
    use super::*;

    const ASSOCIATE: &str = "0001 0010 0001 001f 60 1d a109060760857405080101 be10040e01000000065f1f0400001e1dffff";
    const GET: &str = "0001 0010 0001 000d c0 01 c1 0003 0100010800ff 02 00";

    fn wrapped(apdu: &str) -> Vec<u8> {
        let apdu = hex(apdu);
        [hex("0001 0010 0001"), (apdu.len() as u16).to_be_bytes().to_vec(), apdu].concat()
    }

    fn framed(inside: &str) -> Vec<u8> {
        let inside = hex(inside);
        let body = [(0xa000_u16 | (inside.len() + 4) as u16).to_be_bytes().to_vec(), inside].concat();
        let crc = crc::x25(&body).to_le_bytes();
        [&[HDLC_FLAG], &body[..], &crc, &[HDLC_FLAG]].concat()
    }

    fn grade(bytes: &[u8]) -> (Role, Intent, &'static str) {
        let found = message(&PROTOCOL, bytes, on_port(Sender::Unknown));
        assert_eq!(found.bytes, bytes.len());
        (found.role, found.intent, found.function.name)
    }

    #[test]
    fn units_are_graded() {
        assert_eq!(grade(&hex(ASSOCIATE)), (Role::Request, Identify, "aarq"));
        assert_eq!(grade(&hex(GET)), (Role::Request, Read, "get"));
        assert_eq!(grade(&wrapped("c1 01 c1 0003 0100010800ff 02 00 11 01")), (Role::Request, Write, "set"));
        assert_eq!(grade(&wrapped("c3 01 c1 0046 0000600300ff 01 01 0f 00")), (Role::Request, Write, "action"));
        assert_eq!(grade(&wrapped("c3 01 c1 0012 00002c0000ff 01 01 0f 00")), (Role::Request, Control, "action"));
    }

    #[test]
    fn answers_exceptions_and_refusals() {
        assert_eq!(grade(&wrapped("c4 01 c1 00 06 00000001")).0, Role::Answer);
        assert!(message(&PROTOCOL, &wrapped("d8 01 02"), on_port(Sender::Server)).error);
        assert!(message(&PROTOCOL, &wrapped("61 1f a109060760857405080101 a203020101 a305a10302010d"), on_port(Sender::Server)).error);
        assert!(!message(&PROTOCOL, &wrapped("61 1f a109060760857405080101 a203020100 a305a103020100"), on_port(Sender::Server)).error);
    }

    #[test]
    fn hdlc_frames_carry_the_same_units() {
        assert_eq!(grade(&framed("03 21 93")), (Role::Request, Identify, "snrm"));
        assert_eq!(grade(&framed("21 03 73")), (Role::Answer, Intent::Connect, "ua"));
        assert_eq!(grade(&framed("03 21 10 0000 e6e600 c001c1000301000108 00ff0200")), (Role::Request, Read, "get"));
        let mut bad = framed("03 21 93");
        bad[5] ^= 1;
        assert_eq!(parse(&bad, &on_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn versions_ports_lengths_and_tags_are_checked() {
        for (from, to) in [
            ("0001 0010", "0002 0010"),
            ("0001 0010", "0001 0000"),
            ("0001 0010", "0001 0090"),
            ("000d c0", "000e c0"),
            ("000d c0", "000d c6"),
        ] {
            assert_eq!(parse(&hex(&GET.replacen(from, to, 1)), &datagram(Sender::Client)), Verdict::No);
        }
        assert_eq!(parse(&hex(&ASSOCIATE.replace("6085740508", "6085740509")), &datagram(Sender::Client)), Verdict::No);
        assert_eq!(parse(&hex(ASSOCIATE)[..14], &on_port(Sender::Client)), Verdict::Short);
    }

    #[test]
    fn hostile_bytes() {
        let hdlc: String = framed("03 21 10 0000 e6e600 c001c1000301000108 00ff0200").iter().map(|b| format!("{b:02x}")).collect();
        never_panics(&PROTOCOL, &[ASSOCIATE, GET, &hdlc, "7ea00802040506070321937e"]);
    }
}
