//! GOOSE (IEC 61850-8-1), Ethertype 88B8: application identifier u16, length u16 from the identifier on, two reserved u16, then the
//! protocol data unit in ASN.1 BER, tag 61. It is published to a group, never asked for: who sends it says what breakers are to do.

use super::ber::ber_length;
use super::fields::{self, Fit, be16};
use super::protocol::Intent::Write;
use super::protocol::{Context, Message, Protocol, Starts, Strength, Verdict};
use super::text::text;

/// The Ethertype of GOOSE.
pub const ETHERTYPE: u16 = 0x88b8;

pub static PROTOCOL: Protocol =
    Protocol { name: NAME, ports: &[], strength: Strength::Port, starts: Starts::Unused, sector: "energy", parse };

const NAME: &str = "goose";

const HEADER_BYTES: usize = 8;
/// BER tag of the GOOSE PDU, and of its first member, the reference of the control block.
const TAG_PDU: u8 = 0x61;
const TAG_CONTROL_BLOCK: u8 = 0x80;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    published(bytes, context).unwrap_or_else(|| fields::too_few(context))
}

fn published(bytes: &[u8], context: &Context) -> Option<Verdict> {
    let Some(Unit { application, total, at }) = unit(bytes, context, TAG_PDU, TAG_CONTROL_BLOCK)? else { return Some(Verdict::No) };
    let mut message = Message::request(NAME, total, Write, "publish", application.into());
    let (name_at, name_bytes) = ber_length(bytes, at + 1)?;
    message.disclosed[0] = text("name", bytes, name_at, name_bytes);
    Some(Verdict::Message(message))
}

/// What stands before the members of a published unit, in GOOSE as in sampled values.
pub(super) struct Unit {
    pub application: u16,
    /// Bytes of the whole message.
    pub total: usize,
    /// Where the first member's tag stands.
    pub at: usize,
}

/// Reads the header and the tags of the unit and of its first member. Nothing if bytes are missing; `Some(None)` if it is no such unit.
pub(super) fn unit(bytes: &[u8], context: &Context, tag: u8, first_tag: u8) -> Option<Option<Unit>> {
    let application = be16(bytes, 0)?;
    let total = usize::from(be16(bytes, 2)?);
    if total < HEADER_BYTES || fields::fit(total, bytes, context) == Fit::Wrong || *bytes.get(HEADER_BYTES)? != tag {
        return Some(None);
    }
    let (at, length) = ber_length(bytes, HEADER_BYTES + 1)?;
    if at + length > total || *bytes.get(at)? != first_tag {
        return Some(None);
    }
    Some(Some(Unit { application, total, at }))
}

#[cfg(test)]
mod tests {
    use super::super::protocol::Role;
    use super::super::testing::{hex, link, message, never_panics, told};
    use super::*;

    const PUBLISH: &str = "0001 001b 0000 0000 61 11 80 08 494544312f4c4c4e 81 02 07d0 82 01 41 0000000000";

    #[test]
    fn a_publication_is_a_write_and_names_its_control_block() {
        let bytes = hex(PUBLISH);
        let found = message(&PROTOCOL, &bytes, link());
        assert_eq!((found.role, found.intent, found.function.name, found.bytes), (Role::Request, Write, "publish", 27));
        assert_eq!(told(&found, &bytes, "name"), "IED1/LLN");
    }

    #[test]
    fn long_form_lengths_are_read() {
        let bytes = hex("0001 0010 0000 0000 61 81 05 80 03 414243");
        assert_eq!(told(&message(&PROTOCOL, &bytes, link()), &bytes, "name"), "ABC");
    }

    #[test]
    fn other_tags_and_lengths_are_refused() {
        for (from, to) in
            [("61 11", "62 11"), ("61 11", "61 77"), ("61 11", "61 80"), ("80 08", "81 08"), ("001b", "0091"), ("001b", "0007")]
        {
            assert_eq!(parse(&hex(&PUBLISH.replacen(from, to, 1)), &link()), Verdict::No);
        }
    }

    #[test]
    fn hostile_bytes() {
        never_panics(&PROTOCOL, &[PUBLISH]);
    }
}
