//! PCWorx of Phoenix Contact's ILC controllers. Not published; after the probes of nmap and Redpoint (`pcworx-info`).

use super::fields::{self, Fields, Reading, require};
use super::protocol::{Context, Intent, Message, Protocol, Starts, Strength, Verdict, tcp};

pub static PROTOCOL: Protocol =
    Protocol { name: NAME, ports: &[tcp(1962)], strength: Strength::Port, starts: Starts::Unused, sector: "manufacturing", parse };

const NAME: &str = "pcworx";

/// The bit of the first byte that marks an answer.
const ANSWER: u8 = 0x80;
/// The shortest message: kind, function, length, sequence.
const BYTES_MIN: usize = 6;
const BYTES_MAX: usize = 4_096;

const INIT: u8 = 0x01;
const SESSION: u8 = 0x05;
const DEVICE_INFO: u8 = 0x06;
/// How the probes' session set-up, and their question for the device, end; in between stands the session number.
const SESSION_TAIL: &[u8] = &[0x00, 0x06, 0x00, 0x04, 0x02, 0x95, 0x00, 0x00];
const DEVICE_INFO_TAIL: &[u8] = &[0x04, 0x00];
/// Bytes before those tails.
const SESSION_TAIL_AT: usize = 14;
const DEVICE_INFO_TAIL_AT: usize = 12;

/// Where the answer to the question for the device has its texts: type, firmware version, model number.
const TEXTS: [(&str, usize); 3] = [("product", 30), ("firmware", 66), ("model", 152)];
const TEXT_BYTES_MAX: usize = 32;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    fields::verdict(read(&Fields::new(bytes, context)))
}

fn read(fields: &Fields) -> Reading {
    require(fields.is_tcp() && fields.context.on_port)?;
    let first = fields.u8(0)?;
    require(first & !ANSWER == 0x01)?;
    let function = fields.u8(1)?;
    let code = u32::from(u16::from_be_bytes([0x01, function]));
    require(matches!(function, INIT | SESSION | DEVICE_INFO))?;
    let declared = usize::from(fields.be16(2)?);
    require((BYTES_MIN..=BYTES_MAX).contains(&declared))?;
    if first & ANSWER != 0 {
        let mut message = Message::answer(NAME, declared, name(function), code);
        if function == DEVICE_INFO {
            for (field, at) in TEXTS {
                fields.disclose_text(&mut message, field, at, TEXT_BYTES_MAX);
            }
        }
        return Ok(message);
    }
    let known = match function {
        INIT => true,
        SESSION => ends_with(fields, declared, SESSION_TAIL_AT, SESSION_TAIL)?,
        _ => ends_with(fields, declared, DEVICE_INFO_TAIL_AT, DEVICE_INFO_TAIL)?,
    };
    let (intent, name) = if known { (Intent::Identify, name(function)) } else { (Intent::Read, "") };
    Ok(Message::request(NAME, declared, intent, name, code))
}

const fn name(function: u8) -> &'static str {
    match function {
        INIT => "init",
        SESSION => "session",
        _ => "device-info",
    }
}

/// Whether the message ends with `tail`, which begins at `at`.
fn ends_with(fields: &Fields, declared: usize, at: usize, tail: &[u8]) -> Reading<bool> {
    Ok(declared == at + tail.len() && fields.slice(at, tail.len())? == tail)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::protocol::{Role, Sender};
    use crate::detect::ics::testing::{self, disclosures, hex, message, off_port, on_port};

    const OPEN: &str = "0101001a0000000078800003000c494245544830314e305f4d00";
    const SET_UP: &str = "010500160001000078800005 0000 00060004 02950000";
    const ASK: &str = "0106000e00020000000000050400";

    fn answer() -> Vec<u8> {
        let mut bytes = vec![0; 0xb4];
        bytes[..4].copy_from_slice(&hex("810600b4"));
        for (at, text) in [(30, "ILC 330 ETH"), (66, "3.95T"), (152, "2737193")] {
            bytes[at..at + text.len()].copy_from_slice(text.as_bytes());
        }
        bytes
    }

    fn request(text: &str) -> (&'static str, Intent) {
        testing::request(&PROTOCOL, &hex(text), &on_port(Sender::Client))
    }

    #[test]
    fn the_three_probes_identify_and_the_rest_reads() {
        assert_eq!(request(OPEN), ("init", Intent::Identify));
        assert_eq!(request(SET_UP), ("session", Intent::Identify));
        assert_eq!(request(ASK), ("device-info", Intent::Identify));
        assert_eq!(request("0106000e00020000000000050500"), ("", Intent::Read));
    }

    #[test]
    fn the_answer_discloses_the_controller() {
        let context = on_port(Sender::Unknown);
        assert_eq!(message(&PROTOCOL, &answer(), context).role, Role::Answer);
        assert_eq!(disclosures(&PROTOCOL, &answer(), &context), ["product=ILC 330 ETH", "firmware=3.95T", "model=2737193"]);
    }

    #[test]
    fn near_misses_are_refused() {
        let context = on_port(Sender::Client);
        for text in ["0102001a00000000", "0201001a00000000", "0101000500000000", "010140000000"] {
            assert_eq!((PROTOCOL.parse)(&hex(text), &context), Verdict::No, "{text}");
        }
        assert_eq!((PROTOCOL.parse)(&hex(OPEN), &off_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let samples = [hex(OPEN), hex(SET_UP), hex(ASK), answer()];
        testing::never_panics(&PROTOCOL, &samples);
        testing::waits(&PROTOCOL, &samples, &on_port(Sender::Client));
    }
}
