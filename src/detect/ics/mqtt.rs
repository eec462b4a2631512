//! MQTT (OASIS MQTT 3.1.1 and 5.0; 3.1 for its older name).

use super::fields::{self, Fields, Reading, Refusal, require};
use super::functions::{self, Line};
use super::protocol::Intent::{Identify, Read, Write};
use super::protocol::{Context, Message, Protocol, Sender, Starts, Strength, THINGS, Verdict, tcp};

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[tcp(1883), tcp(8883)],
    strength: Strength::Anywhere,
    starts: Starts::Bytes(&[&[CONNECT << 4]]),
    sector: THINGS,
    parse,
};

const NAME: &str = "mqtt";

/// Packet types, the upper half of the first byte (section 2.1.2 of either version).
const CONNECT: u8 = 1;
const CONNACK: u8 = 2;
const PUBLISH: u8 = 3;
const PUBREL: u8 = 6;
const SUBSCRIBE: u8 = 8;
const SUBACK: u8 = 9;
const UNSUBSCRIBE: u8 = 10;
const UNSUBACK: u8 = 11;
const PINGREQ: u8 = 12;
const PINGRESP: u8 = 13;

/// The shortest CONNECT behind its length: name, level, flags, keep-alive, and the client identifier's length.
const CONNECT_BYTES_MIN: usize = 12;
/// The longest acknowledgement believed: reasons, and in 5.0 properties.
const ACK_BYTES_MAX: usize = 1_024;
/// The largest reason a CONNACK of 3.1 and 3.1.1 gives; those of 5.0 begin at 128.
const OLD_REASON_MAX: u8 = 5;

const TYPES: &[Line] = &[
    (1, Identify, "connect"),
    (2, Identify, "connect"),
    (3, Write, "publish"),
    (4, Identify, "publish-ack"),
    (5, Identify, "publish-received"),
    (6, Identify, "publish-release"),
    (7, Identify, "publish-complete"),
    (8, Read, "subscribe"),
    (9, Read, "subscribe"),
    (10, Read, "unsubscribe"),
    (11, Read, "unsubscribe"),
    (12, Identify, "ping"),
    (13, Identify, "ping"),
    (14, Identify, "disconnect"),
    (15, Identify, "auth"),
];

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    fields::verdict(read(&Fields::new(bytes, context)))
}

fn read(fields: &Fields) -> Reading {
    require(fields.is_tcp())?;
    let first = fields.u8(0)?;
    let (kind, flags) = (first >> 4, first & 0x0f);
    let known = fields.context.memory != 0;
    require(kind != 0 && (kind == CONNECT || known || fields.context.on_port && may_be_first(kind, fields.context)))?;
    require(may_send(kind, fields.context.sender))?;
    require(match kind {
        PUBLISH => flags >> 1 & 3 != 3,
        PUBREL | SUBSCRIBE | UNSUBSCRIBE => flags == 2,
        _ => flags == 0,
    })?;
    let (remaining, body_at) = remaining(fields)?;
    let end = body_at + remaining;
    let code = u32::from(kind);
    let (intent, name) = functions::grade(TYPES, code);
    let mut message = Message::request(NAME, end, intent, name, code);
    match kind {
        CONNECT => connect(fields, remaining, body_at)?,
        CONNACK => {
            require(remaining >= 2 && fields.u8(body_at)? <= 1)?;
            let reason = fields.u8(body_at + 1)?;
            require(reason <= OLD_REASON_MAX || reason >= 0x80)?;
            message = Message { error: reason != 0, ..Message::answer(NAME, end, name, code) };
        }
        PUBLISH => {
            topic(fields, body_at, remaining)?;
            message = fields::either(message, fields.context);
        }
        SUBSCRIBE | UNSUBSCRIBE => {
            // Packet identifier, then in 5.0 properties, then a topic with its options.
            require(remaining >= 5 && fields.be16(body_at)? != 0)?;
        }
        SUBACK | UNSUBACK => {
            require((2..=ACK_BYTES_MAX).contains(&remaining))?;
            message = Message::answer(NAME, end, name, code);
        }
        PINGREQ | PINGRESP => {
            // Two bytes: only in a conversation that is known.
            require(remaining == 0 && known)?;
            if kind == PINGRESP {
                message = Message::answer(NAME, end, name, code);
            }
        }
        _ => {
            require(known && remaining <= ACK_BYTES_MAX)?;
            message = fields::either(message, fields.context);
        }
    }
    message.memory = 1;
    Ok(message)
}

/// Whether a packet may be the first that is seen: of a connection that was seen to open a CONNECT must be, or its answer where one side is
/// seen (section 3.1). Others pass by two bytes, and a foreign protocol's first words do by chance.
fn may_be_first(kind: u8, context: &Context) -> bool {
    !context.fresh || matches!(kind, CONNECT | CONNACK)
}

/// Whether this end sends such packets (section 2.1.2's table of directions).
fn may_send(kind: u8, sender: Sender) -> bool {
    match kind {
        CONNECT | SUBSCRIBE | UNSUBSCRIBE | PINGREQ => sender != Sender::Server,
        CONNACK | SUBACK | UNSUBACK | PINGRESP => sender != Sender::Client,
        _ => true,
    }
}

/// The remaining length, at most four bytes of seven bits, least significant first, and where the rest begins (section 2.2.3, 1.5.5).
fn remaining(fields: &Fields) -> Reading<(usize, usize)> {
    let mut length = 0;
    for digit in 0..4 {
        let byte = fields.u8(1 + digit)?;
        length |= usize::from(byte & 0x7f) << (7 * digit);
        if byte & 0x80 == 0 {
            return Ok((length, 2 + digit));
        }
    }
    Err(Refusal::No)
}

/// Protocol name and level, and the reserved flag that must be 0 (section 3.1.2).
fn connect(fields: &Fields, remaining: usize, at: usize) -> Reading<()> {
    require(remaining >= CONNECT_BYTES_MIN)?;
    let old = fields.u8(at + 1)? == 6;
    let name: &[u8] = if old { b"\0\x06MQIsdp" } else { b"\0\x04MQTT" };
    fields.expect(at, name)?;
    let level = fields.u8(at + name.len())?;
    require(if old { level == 3 } else { (3..=5).contains(&level) })?;
    require(fields.u8(at + name.len() + 1)? & 1 == 0)
}

/// A PUBLISH's topic: it fits, is not empty (5.0 allows that with an alias, which no first publication has), and has no wildcard and no
/// control character (section 4.7).
fn topic(fields: &Fields, at: usize, remaining: usize) -> Reading<()> {
    let length = usize::from(fields.be16(at)?);
    require(length + 2 <= remaining && (length > 0 || fields.context.memory != 0))?;
    let there = fields.bytes.get(at + 2..).unwrap_or_default();
    let there = &there[..there.len().min(length)];
    require(there.iter().all(|&byte| byte >= 0x20 && byte != b'#' && byte != b'+'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::protocol::{Intent, Role};
    use crate::detect::ics::testing::{self, hex, message, off_port, on_port};

    const CONNECT_311: &str = "101000044d5154540402003c000474657374";
    const CONNECT_31: &str = "101200064d51497364700302003c000474657374";
    const SUBSCRIBE_ALL: &str = "8206000100012300";
    const PUBLISH_ON: &str = "300a00047661 6c766f70656e";
    const ACCEPTED: &str = "20020000";

    fn in_session(sender: Sender) -> Context {
        Context { memory: 1, ..on_port(sender) }
    }

    fn request(text: &str, context: &Context) -> (&'static str, Intent) {
        testing::request(&PROTOCOL, &hex(text), context)
    }

    #[test]
    fn a_connect_is_known_on_any_port() {
        for text in [CONNECT_311, CONNECT_31] {
            assert_eq!(request(text, &off_port(Sender::Unknown)), ("connect", Intent::Identify));
        }
    }

    #[test]
    fn packets_are_graded() {
        let client = in_session(Sender::Client);
        assert_eq!(request(SUBSCRIBE_ALL, &client), ("subscribe", Intent::Read));
        assert_eq!(request(PUBLISH_ON, &client), ("publish", Intent::Write));
        assert_eq!(request("c000", &client), ("ping", Intent::Identify));
        assert_eq!(request("e000", &client), ("disconnect", Intent::Identify));
    }

    #[test]
    fn what_a_broker_publishes_writes_nothing() {
        let found = message(&PROTOCOL, &hex(PUBLISH_ON), in_session(Sender::Server));
        assert_eq!((found.role, found.intent), (Role::Either, Intent::Connect));
    }

    #[test]
    fn a_refused_connect_is_an_error() {
        let context = on_port(Sender::Server);
        assert_eq!(message(&PROTOCOL, &hex(ACCEPTED), context).role, Role::Answer);
        assert!(message(&PROTOCOL, &hex("20020005"), context).error);
    }

    #[test]
    fn a_large_publication_is_decided_by_its_topic() {
        let context = in_session(Sender::Client);
        assert_eq!(message(&PROTOCOL, &hex("30c0843d000176"), context).bytes, 1_000_004);
    }

    #[test]
    fn other_packets_need_the_port_or_a_session() {
        for text in [SUBSCRIBE_ALL, PUBLISH_ON, ACCEPTED] {
            assert_eq!((PROTOCOL.parse)(&hex(text), &off_port(Sender::Client)), Verdict::No, "{text}");
        }
        assert_eq!((PROTOCOL.parse)(&hex("c000"), &on_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn a_connection_that_was_seen_to_open_begins_with_a_connect() {
        let fresh = |sender| Context { fresh: true, ..on_port(sender) };
        for text in [SUBSCRIBE_ALL, PUBLISH_ON] {
            assert_eq!((PROTOCOL.parse)(&hex(text), &fresh(Sender::Client)), Verdict::No, "{text}");
            assert!(matches!((PROTOCOL.parse)(&hex(text), &on_port(Sender::Client)), Verdict::Message(_)), "{text}");
        }
        assert_eq!(request(CONNECT_311, &fresh(Sender::Client)), ("connect", Intent::Identify));
        assert_eq!(message(&PROTOCOL, &hex(ACCEPTED), fresh(Sender::Server)).role, Role::Answer);
    }

    #[test]
    fn a_broker_subscribes_to_nothing_and_a_client_accepts_nobody() {
        for (text, sender) in [(SUBSCRIBE_ALL, Sender::Server), (CONNECT_311, Sender::Server), (ACCEPTED, Sender::Client)] {
            assert_eq!((PROTOCOL.parse)(&hex(text), &in_session(sender)), Verdict::No, "{text}");
        }
    }

    #[test]
    fn near_misses_are_refused() {
        let texts = [
            "101000044d5154550402003c000474657374",
            "101000044d5154540602003c000474657374",
            "101000044d5154540403003c000474657374",
            "111000044d5154540402003c000474657374",
            "10ffffffffff0004",
            "310a000423616c766f70656e",
            "360a000476616c766f70656e",
        ];
        for text in texts {
            assert_eq!((PROTOCOL.parse)(&hex(text), &on_port(Sender::Client)), Verdict::No, "{text}");
        }
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let samples = [CONNECT_311, CONNECT_31, SUBSCRIBE_ALL, PUBLISH_ON, ACCEPTED, "c000", "40020001"].map(hex);
        testing::never_panics(&PROTOCOL, &samples);
        testing::waits(&PROTOCOL, &samples, &in_session(Sender::Unknown));
    }

    #[test]
    fn noise_is_not_believed() {
        testing::never_in_noise(&PROTOCOL, &[]);
    }
}
