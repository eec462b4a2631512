//! CSPv4, the Ethernet protocol of PLC-5 and SLC 5/05 before EtherNet/IP. Undocumented: only the connection that a public scanner asks for is
//! known, so a second message must confirm it.

use super::protocol::{Context, Intent, Message, Protocol, Starts, Strength, Verdict, tcp};

pub static PROTOCOL: Protocol =
    Protocol { name: "cspv4", ports: &[tcp(2222)], strength: Strength::PortTwice, starts: Starts::Unused, sector: "manufacturing", parse };

const NAME: &str = PROTOCOL.name;
/// Header: mode, function, length of what follows (big-endian), connection, status, context.
const HEADER_BYTES: usize = 28;
/// Modes.
const REQUEST: u8 = 1;
const ANSWER: u8 = 2;
/// Functions: connect, and a message in PCCC.
const CONNECT: u8 = 1;
const MESSAGE: u8 = 7;
/// What the context of a connect begins with, at offset 12.
const CONNECT_CONTEXT: [u8; 4] = [0x00, 0x04, 0x00, 0x05];

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
        let possible = matches!(bytes, [] | [REQUEST | ANSWER] | [REQUEST | ANSWER, CONNECT | MESSAGE, ..]);
        return if possible && context.on_port { Verdict::Short } else { Verdict::No };
    };
    let &[mode, function, l0, l1, _, _, _, _, s0, s1, s2, s3, x0, x1, x2, x3, ..] = header;
    let length = usize::from(u16::from_be_bytes([l0, l1]));
    let total = HEADER_BYTES + length;
    if !context.on_port || total < bytes.len() {
        return Verdict::No;
    }
    let code = u32::from(function);
    Verdict::Message(match (mode, function) {
        (REQUEST, CONNECT) if length == 0 && [x0, x1, x2, x3] == CONNECT_CONTEXT && [s0, s1, s2, s3] == [0; 4] => {
            Message::request(NAME, total, Intent::Identify, "cspv4-connect", code)
        }
        (ANSWER, CONNECT) if length == 0 => Message::answer(NAME, total, "cspv4-connect", code),
        (REQUEST, MESSAGE) if length > 0 && [s0, s1, s2, s3] == [0; 4] => {
            Message::request(NAME, total, Intent::Read, "cspv4-message", code)
        }
        (ANSWER, MESSAGE) if length > 0 => Message::answer(NAME, total, "cspv4-message", code),
        _ => return Verdict::No,
    })
}

#[cfg(test)]
mod tests {
    use super::super::protocol::{Role, Sender};
    use super::super::testing::{hex, message, never_panics, off_port, on_port};
    use super::*;

    const PROBE: &str = "01010000 00000000 00000000 00040005 00000000 00000000 00000000";
    const PROBE_ANSWER: &str = "02010000 00000102 00000000 00040005 00000000 00000000 00000000";

    #[test]
    fn the_scanners_connect_identifies() {
        let request = message(&PROTOCOL, &hex(PROBE), on_port(Sender::Client));
        assert_eq!((request.function.name, request.intent, request.role), ("cspv4-connect", Intent::Identify, Role::Request));
        assert_eq!(message(&PROTOCOL, &hex(PROBE_ANSWER), on_port(Sender::Server)).role, Role::Answer);
    }

    #[test]
    fn near_misses_are_refused() {
        for bytes in [
            "01010001 00000000 00000000 00040005 00000000 00000000 00000000",
            "01010000 00000000 00000000 00040006 00000000 00000000 00000000",
            "03010000 00000000 00000000 00040005 00000000 00000000 00000000",
        ] {
            assert_eq!(parse(&hex(bytes), &on_port(Sender::Client)), Verdict::No);
        }
        assert_eq!(parse(&hex(PROBE), &off_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn hostile_bytes_do_not_panic() {
        never_panics(&PROTOCOL, &[PROBE, PROBE_ANSWER]);
    }
}
