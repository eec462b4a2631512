//! Crimson 3 of Red Lion's panels and gateways. Not published; after public scanner scripts and the answers to them.

use super::fields::{self, Fields, Reading, require};
use super::protocol::{Context, Intent, Message, Protocol, Sender, Starts, Strength, Verdict, tcp};

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[tcp(789)],
    // Two bytes of length and a register prove little.
    strength: Strength::PortTwice,
    starts: Starts::Unused,
    sector: "manufacturing",
    parse,
};

const NAME: &str = "crimson";

const MANUFACTURER: u16 = 0x012b;
const MODEL: u16 = 0x012a;
/// Length and register; a text follows in answers, behind two bytes.
const HEADER_BYTES: usize = 4;
const TEXT_AT: usize = 6;
const TEXT_BYTES_MAX: usize = 64;
/// The longest message believed.
const BYTES_MAX: usize = 2_048;
/// The longest known question for a register: two bytes behind it.
const QUESTION_BYTES_MAX: usize = 8;
/// Left in the conversation's memory by a register that is known: others may follow it.
const KNOWN: u16 = 1;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    fields::verdict(read(&Fields::new(bytes, context)).map(|message| message.remembering(KNOWN)))
}

fn read(fields: &Fields) -> Reading {
    require(fields.is_tcp() && fields.context.on_port)?;
    let declared = 2 + usize::from(fields.be16(0)?);
    require((TEXT_AT..=BYTES_MAX).contains(&declared))?;
    let register = fields.be16(2)?;
    let code = u32::from(register);
    let name = match register {
        MANUFACTURER => "manufacturer",
        MODEL => "model",
        _ => "",
    };
    if name.is_empty() {
        // Of other registers nothing is known, and whatever puts its length before its messages looks like one.
        require(fields.context.memory == KNOWN && fields.len() <= declared)?;
        fields.slice(0, declared)?;
        let message = Message::request(NAME, declared, Intent::Read, name, code);
        return Ok(fields::either(message, fields.context));
    }
    let asked = declared <= QUESTION_BYTES_MAX && fields.context.sender != Sender::Server;
    if asked {
        fields.slice(HEADER_BYTES, declared - HEADER_BYTES)?;
        return Ok(Message::request(NAME, declared, Intent::Identify, name, code));
    }
    require(fields.context.sender != Sender::Client)?;
    fields.slice(0, declared.min(TEXT_AT + TEXT_BYTES_MAX))?;
    let mut message = Message::answer(NAME, declared, name, code);
    let field = if register == MANUFACTURER { "vendor" } else { "model" };
    fields.disclose_text(&mut message, field, TEXT_AT, TEXT_BYTES_MAX.min(declared - TEXT_AT));
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::protocol::Role;
    use crate::detect::ics::testing::{self, disclosures, hex, message, off_port, on_port};

    fn answer() -> Vec<u8> {
        let mut bytes = hex("0016012b1b00");
        bytes.extend(b"Red Lion Controls\0");
        bytes
    }

    #[test]
    fn the_probes_identify_and_other_registers_read() {
        let client = on_port(Sender::Client);
        assert_eq!(testing::request(&PROTOCOL, &hex("0004012b1b00"), &client), ("manufacturer", Intent::Identify));
        assert_eq!(testing::request(&PROTOCOL, &hex("0004012a1a00"), &client), ("model", Intent::Identify));
        let known = Context { memory: KNOWN, ..client };
        assert_eq!(testing::request(&PROTOCOL, &hex("000402001a00"), &known), ("", Intent::Read));
    }

    #[test]
    fn the_answer_discloses_the_manufacturer() {
        for sender in [Sender::Server, Sender::Unknown] {
            assert_eq!(message(&PROTOCOL, &answer(), on_port(sender)).role, Role::Answer);
        }
        assert_eq!(disclosures(&PROTOCOL, &answer(), &on_port(Sender::Server)), ["vendor=Red Lion Controls"]);
    }

    #[test]
    fn near_misses_are_refused() {
        let client = on_port(Sender::Client);
        for text in ["0003012b1b", "000402001a00", "0004020000000000", "ff04012b1b00"] {
            assert_eq!((PROTOCOL.parse)(&hex(text), &client), Verdict::No, "{text}");
        }
        assert_eq!((PROTOCOL.parse)(&hex("0004012b1b00"), &off_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn hostile_bytes_never_panic() {
        testing::never_panics(&PROTOCOL, &[hex("0004012b1b00"), hex("000402001a00"), answer()]);
        testing::waits(&PROTOCOL, &[hex("0004012b1b00")], &on_port(Sender::Client));
        testing::waits(&PROTOCOL, &[answer()], &on_port(Sender::Server));
    }
}
