//! Sampled values (IEC 61850-9-2), Ethertype 88BA: the header of GOOSE, then a BER unit, tag 60: number of data units (tag 80) and
//! their sequence (tag A2). Published to a group, like GOOSE: who sends it says what protection relays believe to measure.

use super::ber::ber_length;
use super::fields;
use super::goose::{Unit, unit};
use super::protocol::Intent::Write;
use super::protocol::{Context, Disclosed, Message, Protocol, Starts, Strength, Verdict};
use super::text::text;

/// The Ethertype of sampled values.
pub const ETHERTYPE: u16 = 0x88ba;

pub static PROTOCOL: Protocol =
    Protocol { name: NAME, ports: &[], strength: Strength::Port, starts: Starts::Unused, sector: "energy", parse };

const NAME: &str = "sv";

const TAG_PDU: u8 = 0x60;
const TAG_UNITS: u8 = 0x80;
const TAG_SEQUENCE: u8 = 0xa2;
const TAG_UNIT: u8 = 0x30;
const TAG_IDENTIFIER: u8 = 0x80;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    published(bytes, context).unwrap_or_else(|| fields::too_few(context))
}

fn published(bytes: &[u8], context: &Context) -> Option<Verdict> {
    let Some(Unit { application, total, at }) = unit(bytes, context, TAG_PDU, TAG_UNITS)? else { return Some(Verdict::No) };
    let mut message = Message::request(NAME, total, Write, "publish", application.into());
    message.disclosed[0] = identifier(bytes, at).unwrap_or_default();
    Some(Verdict::Message(message))
}

/// The first unit's identifier (`svID`): behind the number of units, inside the sequence's first member.
fn identifier(bytes: &[u8], units_at: usize) -> Option<Disclosed> {
    let (count_at, count_bytes) = ber_length(bytes, units_at + 1)?;
    let mut at = count_at.checked_add(count_bytes)?;
    // A security block (tag 81) may stand between; the walk is by tags, and there are at most two before the sequence.
    for _ in 0..2 {
        let (value, length) = ber_length(bytes, at + 1)?;
        if *bytes.get(at)? == TAG_SEQUENCE {
            let &[TAG_UNIT, ..] = bytes.get(value..)? else { return None };
            let (unit, _) = ber_length(bytes, value + 1)?;
            let &[TAG_IDENTIFIER, ..] = bytes.get(unit..)? else { return None };
            let (name, name_bytes) = ber_length(bytes, unit + 1)?;
            return Some(text("name", bytes, name, name_bytes));
        }
        at = value.checked_add(length)?;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::protocol::Role;
    use super::super::testing::{hex, link, message, never_panics, told};
    use super::*;

    const PUBLISH: &str = "4000 0021 0000 0000 60 17 80 01 01 a2 12 30 10 80 04 4d553031 82 02 0001 83 04 00000001 0000000000000000";

    #[test]
    fn a_publication_is_a_write_and_names_its_stream() {
        let bytes = hex(PUBLISH);
        let found = message(&PROTOCOL, &bytes, link());
        assert_eq!((found.role, found.intent, found.function.name, found.bytes), (Role::Request, Write, "publish", 33));
        assert_eq!(told(&found, &bytes, "name"), "MU01");
    }

    #[test]
    fn other_tags_and_lengths_are_refused() {
        for (from, to) in [("60 17", "61 17"), ("60 17", "60 77"), ("80 01", "81 01"), ("0021", "0091")] {
            assert_eq!(parse(&hex(&PUBLISH.replacen(from, to, 1)), &link()), Verdict::No);
        }
    }

    #[test]
    fn hostile_bytes() {
        never_panics(&PROTOCOL, &[PUBLISH]);
    }
}
