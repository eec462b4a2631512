//! CoAP (RFC 7252; FETCH, PATCH and iPATCH after RFC 8132) over UDP.

use super::fields::{self, Fields, Reading, Refusal, require};
use super::functions::{self, Line};
use super::protocol::Intent::{Identify, Read, Write};
use super::protocol::{Context, Message, Protocol, Starts, Strength, THINGS, Verdict, udp};

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[udp(5683), udp(5684)],
    // Two bits of version and an option list: QUIC's short headers pass now and then.
    strength: Strength::PortTwice,
    starts: Starts::Unused,
    sector: THINGS,
    parse,
};

const NAME: &str = "coap";

const HEADER_BYTES: usize = 4;
/// Message types (RFC 7252 section 3).
const CONFIRMABLE: u8 = 0;
const NON_CONFIRMABLE: u8 = 1;
const RESET: u8 = 3;
/// The longest token (section 5.3.1) and the longest option value in use (section 5.10, Proxy-Uri).
const TOKEN_BYTES_MAX: usize = 8;
const OPTION_BYTES_MAX: usize = 1_034;
/// The byte between options and payload (section 3).
const PAYLOAD_MARK: u8 = 0xff;
/// The number of the option that holds one segment of the path (section 5.10).
const URI_PATH: usize = 11;
/// What a discovery asks for (RFC 6690 section 4).
const DISCOVERY: [&[u8]; 2] = [b".well-known", b"core"];

const GET: u32 = 0x01;

/// By code, class and detail in one byte (section 12.1.1).
const METHODS: &[Line] = &[
    (GET, Read, "get"),
    (0x02, Write, "post"),
    (0x03, Write, "put"),
    (0x04, Write, "delete"),
    (0x05, Read, "fetch"),
    (0x06, Write, "patch"),
    (0x07, Write, "ipatch"),
];

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    fields::verdict(read(&Fields::new(bytes, context)))
}

fn read(fields: &Fields) -> Reading {
    require(!fields.is_tcp() && fields.context.on_port)?;
    let first = fields.u8(0)?;
    let (version, kind, token_bytes) = (first >> 6, first >> 4 & 3, usize::from(first & 0x0f));
    require(version == 1 && token_bytes <= TOKEN_BYTES_MAX)?;
    let code = fields.u8(1)?;
    fields.slice(0, HEADER_BYTES + token_bytes)?;
    if code == 0 {
        // An empty message is a ping, or says that a message came or meant nothing (section 4.1).
        require(token_bytes == 0 && fields.len() == HEADER_BYTES && kind != NON_CONFIRMABLE)?;
        return Ok(if kind == CONFIRMABLE {
            Message::request(NAME, HEADER_BYTES, Identify, "ping", 0)
        } else {
            Message { error: kind == RESET, ..Message::answer(NAME, HEADER_BYTES, "empty", 0) }
        });
    }
    let discovers = options(fields, HEADER_BYTES + token_bytes)?;
    let (bytes, code) = (fields.len(), u32::from(code));
    if let Some((intent, name)) = functions::find(METHODS, code) {
        require(kind <= NON_CONFIRMABLE)?;
        let intent = if code == GET && discovers { Identify } else { intent };
        return Ok(Message::request(NAME, bytes, intent, name, code));
    }
    let class = code >> 5;
    require(matches!(class, 2 | 4 | 5) && kind != RESET)?;
    Ok(Message { error: class > 2, ..Message::answer(NAME, bytes, "response", code) })
}

/// Reads the options to the end or to a payload of at least one byte (section 3.1): whether the path is the discovery's.
fn options(fields: &Fields, mut at: usize) -> Reading<bool> {
    let (mut number, mut segments, mut discovers) = (0, 0, true);
    while let Some(&head) = fields.bytes.get(at) {
        if head == PAYLOAD_MARK {
            fields.u8(at + 1)?;
            break;
        }
        at += 1;
        let delta = extended(fields, &mut at, head >> 4)?;
        let length = extended(fields, &mut at, head & 0x0f)?;
        number += delta;
        require(number <= usize::from(u16::MAX) && length <= OPTION_BYTES_MAX)?;
        let value = fields.slice(at, length)?;
        if number == URI_PATH {
            discovers &= DISCOVERY.get(segments) == Some(&value);
            segments += 1;
        }
        at += length;
    }
    Ok(discovers && segments == DISCOVERY.len())
}

/// A delta or length: 13 and 14 say that one or two bytes more hold it, 15 is reserved (section 3.1).
fn extended(fields: &Fields, at: &mut usize, nibble: u8) -> Reading<usize> {
    match nibble {
        13 => {
            *at += 1;
            Ok(13 + usize::from(fields.u8(*at - 1)?))
        }
        14 => {
            *at += 2;
            Ok(269 + usize::from(fields.be16(*at - 2)?))
        }
        15 => Err(Refusal::No),
        _ => Ok(usize::from(nibble)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::protocol::{Intent, Role, Sender};
    use crate::detect::ics::testing::{self, datagram, datagram_off_port, hex, message};

    const DISCOVER: &str = "40011234bb2e77656c6c2d6b6e6f776e04636f7265";
    const CONTENT: &str = "6045 1234 c1 28 ff 3c2f743e";

    fn on_port() -> Context {
        datagram(Sender::Unknown)
    }

    fn request(text: &str) -> (&'static str, Intent) {
        testing::request(&PROTOCOL, &hex(text), &on_port())
    }

    #[test]
    fn methods_are_graded() {
        assert_eq!(request(DISCOVER), ("get", Intent::Identify));
        assert_eq!(request("40011234b174"), ("get", Intent::Read));
        assert_eq!(request("42031234abcdb174ff3231"), ("put", Intent::Write));
        assert_eq!(request("50041234b174"), ("delete", Intent::Write));
        assert_eq!(request("40051234b174"), ("fetch", Intent::Read));
        assert_eq!(request("40001234"), ("ping", Intent::Identify));
    }

    #[test]
    fn a_longer_path_is_no_discovery() {
        assert_eq!(request("40011234bb2e77656c6c2d6b6e6f776e04636f72650178"), ("get", Intent::Read));
        assert_eq!(request("40021234bb2e77656c6c2d6b6e6f776e04636f7265"), ("post", Intent::Write));
    }

    #[test]
    fn responses_are_answers() {
        assert_eq!(message(&PROTOCOL, &hex(CONTENT), on_port()).role, Role::Answer);
        assert!(message(&PROTOCOL, &hex("60841234"), on_port()).error);
    }

    #[test]
    fn near_misses_are_refused() {
        for text in ["80011234b174", "49011234b174", "40081234b174", "40011234b274", "40011234f1aa", "40011234b174ff", "60011234b174"] {
            assert_eq!((PROTOCOL.parse)(&hex(text), &on_port()), Verdict::No, "{text}");
        }
        assert_eq!((PROTOCOL.parse)(&hex(DISCOVER), &datagram_off_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let samples = [DISCOVER, CONTENT, "40031234dd0102aabbccddff31", "40011234eeffffffff00"].map(hex);
        testing::never_panics(&PROTOCOL, &samples);
    }
}
