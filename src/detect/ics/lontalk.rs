//! LonTalk over IP (EIA/CEA-852, ISO/IEC 14908-4). Header of 20 bytes, big-endian: length u16, version 01, packet type u8, extended
//! header size u8, flags u8, vendor u16, session u32, sequence u32, time u32.

use super::fields::{self, Fit, be16};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, Intent, Message, Protocol, Role, Sender, Starts, Strength, Verdict, udp};
use crate::decode::Transport;

pub static PROTOCOL: Protocol =
    Protocol { name: NAME, ports: &[udp(1628), udp(1629)], strength: Strength::Port, starts: Starts::Unused, sector: "buildings", parse };

const NAME: &str = "lontalk";

const HEADER_BYTES: usize = 20;
/// Low bits of the flags: the kind of protocol inside, of which three are defined.
const PROTOCOL_BITS: u8 = 0x1f;
const PROTOCOLS: u8 = 3;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    if context.transport != Transport::Udp {
        return Verdict::No;
    }
    packet(bytes, context).unwrap_or_else(|| fields::too_few(context))
}

fn packet(bytes: &[u8], context: &Context) -> Option<Verdict> {
    let total = usize::from(be16(bytes, 0)?);
    let &[version, kind, extended, flags, ..] = bytes.get(2..)? else { return None };
    let is_known = version == 1 && extended == 0 && flags & PROTOCOL_BITS < PROTOCOLS;
    let Some((name, intent, role)) = function(kind) else { return Some(Verdict::No) };
    if !is_known || total < HEADER_BYTES || fields::fit(total, bytes, context) == Fit::Wrong {
        return Some(Verdict::No);
    }
    bytes.get(..HEADER_BYTES)?;
    let answer = Message::answer(NAME, total, name, kind.into());
    let request = Message::request(NAME, total, intent, name, kind.into());
    Some(Verdict::Message(match (role, context.sender) {
        (Role::Request, _) => request,
        (Role::Answer, _) => answer,
        (Role::Either, Sender::Client) => Message { role, ..request },
        // A configuration pushed by nobody knows whom is taken for the answer that it usually is; data are data either way.
        (Role::Either, Sender::Unknown) if intent == Write => Message { role, ..request },
        (Role::Either, _) => Message { role, ..answer },
    }))
}

fn function(kind: u8) -> Option<(&'static str, Intent, Role)> {
    Some(match kind {
        0x01 => ("data", Write, Role::Either),
        0x03 => ("device-registration", Control, Role::Either),
        0x04 => ("membership", Control, Role::Either),
        0x06 => ("send-list", Control, Role::Either),
        0x07 => ("ack", Identify, Role::Either),
        0x08 => ("routing", Control, Role::Either),
        0x60 => ("status", Identify, Role::Request),
        0x63 => ("device-config-request", Identify, Role::Request),
        0x64 => ("membership-request", Identify, Role::Request),
        0x66 => ("send-list-request", Identify, Role::Request),
        0x68 => ("routing-request", Identify, Role::Request),
        0x70 => ("status", Identify, Role::Answer),
        0x71 => ("device-config", Control, Role::Either),
        0x7f => ("segment", Read, Role::Either),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::testing::{datagram, hex, message, never_panics};
    use super::*;

    const STATUS: &str = "0014016000000000000000000000000100000000";

    fn grade(kind: &str, sender: Sender) -> (Role, Intent, &'static str) {
        let found = message(&PROTOCOL, &hex(&STATUS.replacen("60", kind, 1)), datagram(sender));
        (found.role, found.intent, found.function.name)
    }

    #[test]
    fn packet_types_are_graded() {
        assert_eq!(grade("60", Sender::Unknown), (Role::Request, Identify, "status"));
        assert_eq!(grade("01", Sender::Client), (Role::Either, Write, "data"));
        assert_eq!(grade("71", Sender::Client), (Role::Either, Control, "device-config"));
    }

    #[test]
    fn answers() {
        assert_eq!(grade("70", Sender::Client), (Role::Answer, Intent::Connect, "status"));
        assert_eq!(grade("71", Sender::Server), (Role::Either, Intent::Connect, "device-config"));
        assert_eq!(grade("04", Sender::Unknown).1, Intent::Connect);
    }

    #[test]
    fn lengths_versions_types_and_flags_are_checked() {
        for near in ["00150160", "00140260", "00140161", "0014016001", "001401600003", "00130160"] {
            let sample = format!("{near}{}", &STATUS[near.len()..]);
            assert_eq!(parse(&hex(&sample), &datagram(Sender::Client)), Verdict::No);
        }
    }

    #[test]
    fn hostile_bytes() {
        never_panics(&PROTOCOL, &[STATUS]);
    }
}
