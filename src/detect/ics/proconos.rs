//! ProConOS, KW-Software's controller runtime. Not published; after the probe of nmap and Redpoint (`proconos-info`).

use super::fields::{self, Fields, Reading, require};
use super::protocol::{Context, Intent, Message, Protocol, Sender, Starts, Strength, Verdict, tcp};

pub static PROTOCOL: Protocol =
    Protocol { name: NAME, ports: &[tcp(20547)], strength: Strength::Port, starts: Starts::Unused, sector: "manufacturing", parse };

const NAME: &str = "proconos";

const START: u8 = 0xcc;
/// The probe but for its last two bytes, which look like a checksum.
const PROBE: [u8; 8] = [START, 0x01, 0x00, 0x0b, 0x40, 0x02, 0x00, 0x00];
/// The length of the probe; whether others are longer is unknown.
const PROBE_BYTES: usize = 10;
/// An answer is longer than this, and has these texts: runtime, controller type, project.
const ANSWER_BYTES_MIN: usize = 81;
const TEXTS: [(&str, usize); 3] = [("firmware", 12), ("model", 44), ("project", 77)];
const TEXT_BYTES_MAX: usize = 32;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    fields::verdict(read(&Fields::new(bytes, context)))
}

fn read(fields: &Fields) -> Reading {
    require(fields.is_tcp() && fields.context.on_port)?;
    fields.expect(0, &[START])?;
    if fields.context.sender != Sender::Client {
        match answer(fields) {
            Ok(message) => return Ok(message),
            Err(refusal) if fields.context.sender == Sender::Server => return Err(refusal),
            Err(_) => {}
        }
    }
    fields.expect(1, &PROBE[1..2])?;
    let code = u32::from(fields.be16(4)?);
    fields.slice(0, PROBE_BYTES)?;
    let (intent, name) = if fields.bytes.starts_with(&PROBE) { (Intent::Identify, "information") } else { (Intent::Read, "") };
    Ok(Message::request(NAME, fields.len(), intent, name, code))
}

/// An answer shows nothing fixed but its first byte and the runtime's name.
fn answer(fields: &Fields) -> Reading {
    fields.slice(0, ANSWER_BYTES_MIN)?;
    require(fields.text(TEXTS[0].1, TEXT_BYTES_MAX).is_some())?;
    let mut message = Message::answer(NAME, fields.len(), "information", u32::from(fields.be16(4)?));
    for (field, at) in TEXTS {
        fields.disclose_text(&mut message, field, at, TEXT_BYTES_MAX);
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::protocol::Role;
    use crate::detect::ics::testing::{self, disclosures, hex, message, off_port, on_port};

    const ASK: &str = "cc01000b4002000047ee";

    fn answered() -> Vec<u8> {
        let mut bytes = vec![0; 110];
        bytes[..6].copy_from_slice(&hex("cc0100624002"));
        for (at, text) in [(12, "ProConOS V3.0.1040"), (44, "ADAM5510KW 1.24"), (77, "Mill")] {
            bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
        }
        bytes
    }

    #[test]
    fn the_probe_identifies_and_the_rest_reads() {
        for sender in [Sender::Client, Sender::Unknown] {
            assert_eq!(testing::request(&PROTOCOL, &hex(ASK), &on_port(sender)), ("information", Intent::Identify));
        }
        assert_eq!(testing::request(&PROTOCOL, &hex("cc01000b4010000047ee"), &on_port(Sender::Client)), ("", Intent::Read));
    }

    #[test]
    fn the_answer_discloses_the_controller() {
        let context = on_port(Sender::Unknown);
        assert_eq!(message(&PROTOCOL, &answered(), context).role, Role::Answer);
        let texts = ["firmware=ProConOS V3.0.1040", "model=ADAM5510KW 1.24", "project=Mill"];
        assert_eq!(disclosures(&PROTOCOL, &answered(), &context), texts);
    }

    #[test]
    fn near_misses_are_refused() {
        for text in ["cc02000b4002000047ee", "cd01000b4002000047ee"] {
            assert_eq!((PROTOCOL.parse)(&hex(text), &on_port(Sender::Client)), Verdict::No, "{text}");
        }
        assert_eq!((PROTOCOL.parse)(&hex(ASK), &off_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn hostile_bytes_never_panic() {
        testing::never_panics(&PROTOCOL, &[hex(ASK), answered()]);
        testing::waits(&PROTOCOL, &[hex(ASK)], &on_port(Sender::Client));
        testing::waits(&PROTOCOL, &[answered()], &on_port(Sender::Server));
    }
}
