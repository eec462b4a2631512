//! MELSOFT direct connection of Mitsubishi's engineering tools. Not published; after a discovery probe in wide use and the answers to it.

use super::fields::{self, Fields, Reading, Refusal, require};
use super::protocol::{Context, Intent, Message, Protocol, Starts, Strength, Verdict, tcp, udp};

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[udp(5006), tcp(5007)],
    strength: Strength::Port,
    starts: Starts::Unused,
    sector: "manufacturing",
    parse,
};

const NAME: &str = "melsoft";

/// The area that follows subheader and serial number in both directions.
const AREA: [u8; 4] = [0x11, 0x11, 0x07, 0x00];
/// The request's length field counts from behind its two bytes.
const LENGTH_AT: usize = 19;
/// The shortest request.
const REQUEST_BYTES_MIN: usize = 40;
/// The longest request believed.
const REQUEST_BYTES_MAX: usize = 4_096;
/// Where the probe has its command; of other commands nothing is certain.
const COMMAND_AT: usize = 34;
const CPU_INFO: u32 = 0x0101;
/// Where the answer to the probe has the model.
const MODEL_AT: usize = 41;
const MODEL_BYTES: usize = 16;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    fields::verdict(read(&Fields::new(bytes, context)))
}

fn read(fields: &Fields) -> Reading {
    require(fields.context.on_port)?;
    let answer = match fields.u8(0)? {
        0x57 => false,
        0xd7 => true,
        _ => return Err(Refusal::No),
    };
    fields.expect(1, &[0x00])?;
    if answer {
        fields.slice(0, REQUEST_BYTES_MIN)?;
        let mut message = Message::answer(NAME, fields.len(), "reply", 0);
        fields.disclose_text(&mut message, "model", MODEL_AT, MODEL_BYTES);
        return Ok(message);
    }
    fields.expect(5, &AREA)?;
    let declared = LENGTH_AT + 2 + usize::from(fields.le16(LENGTH_AT)?);
    require((REQUEST_BYTES_MIN..=REQUEST_BYTES_MAX).contains(&declared))?;
    fields.length(declared)?;
    let command = u32::from(fields.be16(COMMAND_AT)?);
    let (intent, name) = if command == CPU_INFO { (Intent::Identify, "cpu-info") } else { (Intent::Read, "") };
    Ok(Message::request(NAME, declared, intent, name, command))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::protocol::{Role, Sender};
    use crate::detect::ics::testing::{self, datagram, datagram_off_port, disclosures, hex, message, on_port};

    const PROBE: &str = "57000000001111070000ffff030000fe03000014001c080a0800000000000000040101010000000001";

    fn answer() -> Vec<u8> {
        let mut bytes = hex("d7000000001111070000ffff030000fe0300002c");
        bytes.resize(MODEL_AT, 0);
        bytes.extend(b"Q03UDECPU       ");
        bytes
    }

    #[test]
    fn the_probe_identifies_and_other_commands_read() {
        let context = datagram(Sender::Client);
        assert_eq!(testing::request(&PROTOCOL, &hex(PROBE), &context), ("cpu-info", Intent::Identify));
        let mut other = hex(PROBE);
        other[COMMAND_AT] = 0x14;
        assert_eq!(testing::request(&PROTOCOL, &other, &context), ("", Intent::Read));
    }

    #[test]
    fn the_answer_discloses_the_model() {
        let context = datagram(Sender::Server);
        assert_eq!(message(&PROTOCOL, &answer(), context).role, Role::Answer);
        assert_eq!(disclosures(&PROTOCOL, &answer(), &context), ["model=Q03UDECPU"]);
    }

    #[test]
    fn near_misses_are_refused() {
        for (at, value) in [(0, 0x58), (1, 0x01), (5, 0x12), (19, 0x15)] {
            let mut bytes = hex(PROBE);
            bytes[at] = value;
            assert_eq!((PROTOCOL.parse)(&bytes, &datagram(Sender::Client)), Verdict::No, "byte {at}");
        }
        assert_eq!((PROTOCOL.parse)(&hex(PROBE), &datagram_off_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn hostile_bytes_never_panic() {
        testing::never_panics(&PROTOCOL, &[hex(PROBE), answer()]);
        testing::waits(&PROTOCOL, &[hex(PROBE), answer()], &on_port(Sender::Client));
    }
}
