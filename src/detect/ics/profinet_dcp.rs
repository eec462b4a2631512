//! PROFINET discovery and configuration (DCP, IEC 61158-6-10), Ethertype 8892. Big-endian: frame identifier u16, service u8, service
//! type u8, transaction u32, response delay u16, data length u16; then blocks of option u8, suboption u8, length u16, value, padded to
//! an even length. Other frame identifiers are cyclic data, which this parser leaves alone.

use super::fields::{self, Fit, be16, be32};
use super::protocol::Intent::{Control, Identify, Write};
use super::protocol::{Context, DISCLOSED_MAX, Disclosed, Intent, Message, Protocol, Starts, Strength, Verdict};
use super::text::text;

/// The Ethertype of PROFINET's real-time frames.
pub const ETHERTYPE: u16 = 0x8892;

pub static PROTOCOL: Protocol =
    Protocol { name: NAME, ports: &[], strength: Strength::Port, starts: Starts::Unused, sector: "manufacturing", parse };

const NAME: &str = "profinet";

const HEADER_BYTES: usize = 12;
/// Blocks looked at in one frame; an identify answer has about eight.
const BLOCKS_MAX: usize = 32;

const FRAME_HELLO: u16 = 0xfefc;
const FRAME_GET_SET: u16 = 0xfefd;
const FRAME_IDENTIFY: u16 = 0xfefe;
const FRAME_IDENTIFY_ANSWER: u16 = 0xfeff;

const GET: u8 = 3;
const SET: u8 = 4;
const IDENTIFY: u8 = 5;
const HELLO: u8 = 6;

/// Service type of an answer, and of an answer that the service is not supported.
const ANSWERED: u8 = 1;
const NOT_SUPPORTED: u8 = 5;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    frame(bytes, context).unwrap_or_else(|| fields::too_few(context))
}

fn frame(bytes: &[u8], context: &Context) -> Option<Verdict> {
    let frame = be16(bytes, 0)?;
    let (service, kind) = (*bytes.get(2)?, *bytes.get(3)?);
    let is_answer = match (frame, service, kind) {
        (FRAME_HELLO, HELLO, 0) | (FRAME_GET_SET, GET | SET, 0) | (FRAME_IDENTIFY, IDENTIFY, 0) => false,
        (FRAME_GET_SET, GET | SET, ANSWERED | NOT_SUPPORTED) | (FRAME_IDENTIFY_ANSWER, IDENTIFY, ANSWERED | NOT_SUPPORTED) => true,
        _ => return Some(Verdict::No),
    };
    be32(bytes, 4)?;
    let total = HEADER_BYTES + usize::from(be16(bytes, 10)?);
    if fields::fit(total, bytes, context) == Fit::Wrong {
        return Some(Verdict::No);
    }
    let body = &bytes[..total.min(bytes.len())];
    let code = u32::from(service);
    if is_answer {
        let name = name(service);
        let error = kind == NOT_SUPPORTED || (service == SET && set_refused(body));
        return Some(Verdict::Message(Message { error, disclosed: device(body), ..Message::answer(NAME, total, name, code) }));
    }
    if service == HELLO {
        // The device says on its own who it is.
        return Some(Verdict::Message(Message { disclosed: device(body), ..Message::answer(NAME, total, name(service), code) }));
    }
    // Reading a station's name and address tells who it is, not what it does.
    let (name, intent) = if service == SET { set(body) } else { (name(service), Identify) };
    Some(Verdict::Message(Message::request(NAME, total, intent, name, code)))
}

const fn name(service: u8) -> &'static str {
    match service {
        GET => "dcp-get",
        SET => "dcp-set",
        IDENTIFY => "dcp-identify",
        _ => "dcp-hello",
    }
}

/// The blocks: option, suboption, offset of the value, length of the value.
fn blocks(bytes: &[u8]) -> impl Iterator<Item = (u8, u8, usize, usize)> {
    let mut at = HEADER_BYTES;
    std::iter::from_fn(move || {
        let (option, suboption) = (*bytes.get(at)?, *bytes.get(at + 1)?);
        let (value, length) = (at + 4, usize::from(be16(bytes, at + 2)?));
        at = value + length + length % 2;
        (value + length <= bytes.len()).then_some((option, suboption, value, length))
    })
    .take(BLOCKS_MAX)
}

/// What a set changes: the highest of its blocks. Option 05 is control: 03 blinks the signal lamp, 05 and 06 reset to factory settings.
fn set(bytes: &[u8]) -> (&'static str, Intent) {
    let mut highest = ("dcp-set", Write);
    for (option, suboption, ..) in blocks(bytes) {
        let (name, intent) = match (option, suboption) {
            (5, 1 | 2) => continue,
            (5, 3) => ("dcp-signal", Write),
            (5, 5 | 6) => ("dcp-factory-reset", Control),
            (2, 2) => ("dcp-set-name", Control),
            (1, _) => ("dcp-set-address", Control),
            _ => ("dcp-set", Control),
        };
        if intent > highest.1 || highest.0 == "dcp-set" {
            highest = (name, intent);
        }
    }
    highest
}

/// Whether a set's answer (option 05, suboption 04: option, suboption, error) carries an error.
fn set_refused(bytes: &[u8]) -> bool {
    blocks(bytes).any(|(option, suboption, value, length)| {
        (option, suboption) == (5, 4) && length >= 3 && bytes.get(value + 2).is_some_and(|error| *error != 0)
    })
}

/// Device properties (option 02) in answers, each behind a block information u16: 01 the vendor's type of station, 02 the name of station.
fn device(bytes: &[u8]) -> [Disclosed; DISCLOSED_MAX] {
    let mut disclosed = [Disclosed::default(); DISCLOSED_MAX];
    for (option, suboption, value, length) in blocks(bytes) {
        let (slot, field) = match (option, suboption) {
            (2, 1) => (0, "product"),
            (2, 2) => (1, "name"),
            _ => continue,
        };
        disclosed[slot] = text(field, bytes, value + 2, length.saturating_sub(2));
    }
    disclosed
}

#[cfg(test)]
mod tests {
    use super::super::protocol::Role;
    use super::super::testing::{hex, link, message, never_panics, told};
    use super::*;

    /// Padded to the 46 bytes of the shortest Ethernet payload.
    fn padded(text: &str) -> Vec<u8> {
        let mut bytes = hex(text);
        bytes.resize(bytes.len().max(46), 0);
        bytes
    }

    const IDENTIFY_ALL: &str = "fefe 05 00 00000001 0001 0004 ffff 0000";
    const SET_NAME: &str = "fefd 04 00 00000002 0000 000c 0202 0005 0001 706c63 00";
    const FACTORY_RESET: &str = "fefd 04 00 00000003 0000 0006 0505 0002 0000";
    const SIGNAL: &str = "fefd 04 00 00000004 0000 0008 0503 0004 0000 0100";
    const ANSWER: &str = "feff 05 01 00000001 0000 001a 0202 0006 0000 706c6331 0201 0009 0000 53372d31323030 00";

    fn grade(sample: &str) -> (Role, Intent, &'static str) {
        let found = message(&PROTOCOL, &padded(sample), link());
        (found.role, found.intent, found.function.name)
    }

    #[test]
    fn services_are_graded() {
        assert_eq!(grade(IDENTIFY_ALL), (Role::Request, Identify, "dcp-identify"));
        assert_eq!(grade("fefd 03 00 00000002 0000 0002 0202"), (Role::Request, Identify, "dcp-get"));
        assert_eq!(grade(SIGNAL), (Role::Request, Write, "dcp-signal"));
        assert_eq!(grade(SET_NAME), (Role::Request, Control, "dcp-set-name"));
        assert_eq!(grade(FACTORY_RESET), (Role::Request, Control, "dcp-factory-reset"));
    }

    #[test]
    fn an_answer_names_the_station() {
        let bytes = padded(ANSWER);
        let found = message(&PROTOCOL, &bytes, link());
        assert_eq!((found.role, found.error), (Role::Answer, false));
        assert_eq!(told(&found, &bytes, "name"), "plc1");
        assert_eq!(told(&found, &bytes, "product"), "S7-1200");
    }

    #[test]
    fn a_refused_set_is_an_error() {
        assert!(message(&PROTOCOL, &padded("fefd 04 01 00000002 0000 0008 0504 0003 0202 03 00"), link()).error);
        assert!(!message(&PROTOCOL, &padded("fefd 04 01 00000002 0000 0008 0504 0003 0202 00 00"), link()).error);
    }

    #[test]
    fn cyclic_data_wrong_services_and_lengths_are_refused() {
        for near in ["8000 05 00 00000001 0001 0004 ffff 0000", "fefe 04 00 00000001 0001 0004 ffff 0000", "fefe 05 00 00000001 0001 0104"]
        {
            assert_eq!(parse(&padded(near), &link()), Verdict::No);
        }
    }

    #[test]
    fn hostile_bytes() {
        never_panics(&PROTOCOL, &[IDENTIFY_ALL, SET_NAME, FACTORY_RESET, SIGNAL, ANSWER]);
    }
}
