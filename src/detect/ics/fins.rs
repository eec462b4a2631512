//! Omron FINS over TCP and UDP (W342, commands; W421, frames).

use super::fields::{self, Fields, Reading, Refusal, require};
use super::functions::{self, Line};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, Message, Protocol, Starts, Strength, Verdict, tcp, udp};

/// Strong by FINS/TCP's magic; the bare frames of FINS/UDP are believed on the port only.
pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[tcp(9600), udp(9600)],
    strength: Strength::Anywhere,
    starts: Starts::Bytes(&[b"FINS"]),
    sector: "manufacturing",
    parse,
};

const NAME: &str = "fins";

/// The largest length field believed: the longest FINS frame has 2,012 bytes.
const LENGTH_MAX: usize = 2_048;
/// The frame's header; the command code follows.
const HEADER_BYTES: usize = 10;
/// ICF bits: this is a response, and the bits that are always 1 and 0.
const RESPONSE: u8 = 0x40;
const ICF_FIXED: u8 = 0xbe;
/// Bits of an end code that report the controller's own condition, not a failure of the command.
const END_CODE_FLAGS: u16 = 0x80c0;

const CONTROLLER_DATA_READ: u32 = 0x0501;

const COMMANDS: &[Line] = &[
    (0x0101, Read, "memory-read"),
    (0x0102, Write, "memory-write"),
    (0x0103, Write, "fill"),
    (0x0104, Read, "multiple-memory-read"),
    (0x0105, Write, "transfer"),
    (0x0201, Read, "parameter-read"),
    (0x0202, Control, "parameter-write"),
    (0x0203, Control, "parameter-clear"),
    (0x0220, Read, "data-link-table-read"),
    (0x0221, Write, "data-link-table-write"),
    (0x0304, Control, "program-protect"),
    (0x0305, Control, "program-protect-clear"),
    (0x0306, Control, "program-read"),
    (0x0307, Control, "program-write"),
    (0x0308, Control, "program-clear"),
    (0x0401, Control, "run"),
    (0x0402, Control, "stop"),
    (0x0403, Control, "reset"),
    (CONTROLLER_DATA_READ, Identify, "controller-data-read"),
    (0x0502, Identify, "connection-data-read"),
    (0x0601, Identify, "controller-status"),
    (0x0602, Identify, "network-status"),
    (0x0603, Identify, "data-link-status"),
    (0x0620, Identify, "cycle-time"),
    (0x0701, Identify, "clock-read"),
    (0x0702, Control, "clock-write"),
    (0x0801, Identify, "loopback"),
    (0x0802, Identify, "broadcast-test-results"),
    (0x0803, Write, "broadcast-test-send"),
    (0x0920, Read, "message-read"),
    (0x0c01, Control, "access-right-acquire"),
    (0x0c02, Control, "access-right-forced-acquire"),
    (0x0c03, Control, "access-right-release"),
    (0x2101, Write, "error-clear"),
    (0x2102, Read, "error-log-read"),
    (0x2103, Write, "error-log-clear"),
    (0x2201, Read, "file-name-read"),
    (0x2202, Control, "file-read"),
    (0x2203, Control, "file-write"),
    (0x2204, Control, "memory-card-format"),
    (0x2205, Control, "file-delete"),
    (0x2206, Control, "volume-label"),
    (0x2207, Control, "file-copy"),
    (0x2208, Control, "file-name-change"),
    (0x2209, Control, "file-data-check"),
    (0x220a, Control, "memory-file-transfer"),
    (0x220b, Control, "parameter-file-transfer"),
    (0x220c, Control, "program-file-transfer"),
    (0x220f, Read, "file-memory-index"),
    (0x2210, Control, "file-memory-read"),
    (0x2211, Control, "file-memory-write"),
    (0x2301, Write, "forced-set"),
    (0x2302, Write, "forced-cancel"),
    (0x230a, Read, "forced-status-read"),
    (0x2601, Control, "name-set"),
    (0x2602, Control, "name-delete"),
    (0x2603, Identify, "name-read"),
];

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    let fields = Fields::new(bytes, context);
    fields::verdict(if fields.is_tcp() { framed(&fields) } else { datagram(&fields) })
}

/// FINS/TCP: magic, length of what follows it, command, error code; then the frame (W421).
fn framed(fields: &Fields) -> Reading {
    fields.expect(0, b"FINS")?;
    let length = fields.be32(4)? as usize;
    require((8..=LENGTH_MAX).contains(&length))?;
    let bytes = 8 + length;
    let command = fields.be32(8)?;
    let error = fields.be32(12)? != 0;
    match command {
        0 => {
            require(length == 12 && !error)?;
            Ok(Message::request(NAME, bytes, Identify, "node-address", 0))
        }
        1 => {
            require(length == 16)?;
            Ok(Message { error, ..Message::answer(NAME, bytes, "node-address", 0) })
        }
        2 => {
            require(length >= 8 + HEADER_BYTES + 2 && !error)?;
            let mut message = frame(fields, 16, bytes)?;
            message.bytes = bytes;
            Ok(message)
        }
        3 => {
            require(length == 8)?;
            Ok(Message { error: true, ..Message::answer(NAME, bytes, "frame-error", 3) })
        }
        6 => {
            require(length == 8 && !error)?;
            Ok(fields::either(Message::request(NAME, bytes, Identify, "connection-confirm", 6), fields.context))
        }
        _ => Err(Refusal::No),
    }
}

/// FINS/UDP: the frame alone. It has no length, so the addresses must be possible and the command known.
fn datagram(fields: &Fields) -> Reading {
    require(fields.context.on_port)?;
    let unit = |address: u8| matches!(address, 0x00 | 0xfe | 0xe1 | 0x10..=0x1f);
    let [_, _, _, target_network, _, target_unit, source_network, _, source_unit] = fields.slice(0, 9)? else { return Err(Refusal::No) };
    require(*target_network <= 0x7f && *source_network <= 0x7f && unit(*target_unit) && unit(*source_unit))?;
    let message = frame(fields, 0, fields.len())?;
    require(!message.function.name.is_empty())?;
    Ok(message)
}

/// A FINS frame: ICF, reserved, gateway count, six address bytes, service identifier, command.
fn frame(fields: &Fields, at: usize, end: usize) -> Reading {
    let icf = fields.u8(at)?;
    require(icf & ICF_FIXED == 0x80)?;
    fields.expect(at + 1, &[0x00])?;
    require(fields.u8(at + 2)? <= 0x07)?;
    let command = u32::from(fields.be16(at + HEADER_BYTES)?);
    let (intent, name) = functions::grade(COMMANDS, command);
    if icf & RESPONSE == 0 {
        return Ok(Message::request(NAME, end, intent, name, command));
    }
    require(end >= at + HEADER_BYTES + 4)?;
    let end_code = fields.be16(at + HEADER_BYTES + 2)?;
    let mut message = Message { error: end_code & !END_CODE_FLAGS != 0, ..Message::answer(NAME, end, name, command) };
    if command == CONTROLLER_DATA_READ {
        // Twenty bytes of model, twenty of version.
        fields.disclose_text(&mut message, "model", at + 14, 20);
        fields.disclose_text(&mut message, "firmware", at + 34, 20);
    }
    Ok(message)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::protocol::{Intent, Role, Sender};
    use crate::detect::ics::testing::{self, disclosures, hex, off_port, on_port};

    const DATA_READ: &str = "800002000000006300ef050100";
    const NODE_ADDRESS: &str = "46494e530000000c000000000000000000000000";
    const MEMORY_READ: &str = "46494e530000001a0000000200000000800002000a00000500060101820000000001";
    const STOP: &str = "46494e53000000140000000200000000800002000a00000500070402";

    /// The answer to a controller data read over UDP.
    fn data_answer() -> Vec<u8> {
        let mut bytes = hex("c00002006300000000ef05010000");
        bytes.extend(b"CJ2M-CPU33          02.01               ");
        bytes.extend([0; 40]);
        bytes
    }

    fn udp_on(sender: Sender) -> Context {
        testing::datagram(sender)
    }

    #[test]
    fn commands_are_graded() {
        let elsewhere = off_port(Sender::Unknown);
        assert_eq!(testing::request(&PROTOCOL, &hex(NODE_ADDRESS), &elsewhere), ("node-address", Intent::Identify));
        assert_eq!(testing::request(&PROTOCOL, &hex(MEMORY_READ), &elsewhere), ("memory-read", Intent::Read));
        assert_eq!(testing::request(&PROTOCOL, &hex(STOP), &elsewhere), ("stop", Intent::Control));
        assert_eq!(testing::request(&PROTOCOL, &hex(DATA_READ), &udp_on(Sender::Client)), ("controller-data-read", Intent::Identify));
        let forced = hex("800002000000006300ef2301");
        assert_eq!(testing::request(&PROTOCOL, &forced, &udp_on(Sender::Unknown)), ("forced-set", Intent::Write));
    }

    #[test]
    fn the_icf_tells_the_direction_whatever_the_ports_say() {
        assert_eq!(testing::message(&PROTOCOL, &data_answer(), udp_on(Sender::Client)).role, Role::Answer);
        assert_eq!(testing::message(&PROTOCOL, &hex(DATA_READ), udp_on(Sender::Server)).role, Role::Request);
    }

    #[test]
    fn a_controller_discloses_model_and_version() {
        assert_eq!(disclosures(&PROTOCOL, &data_answer(), &udp_on(Sender::Server)), ["model=CJ2M-CPU33", "firmware=02.01"]);
    }

    #[test]
    fn end_codes_are_errors_but_for_the_controllers_own_flags() {
        let mut bytes = data_answer();
        bytes[13] = 0x40;
        assert!(!testing::message(&PROTOCOL, &bytes, udp_on(Sender::Server)).error);
        bytes[12] = 0x11;
        assert!(testing::message(&PROTOCOL, &bytes, udp_on(Sender::Server)).error);
    }

    #[test]
    fn bare_frames_are_believed_on_the_udp_port_only() {
        assert_eq!((PROTOCOL.parse)(&hex(DATA_READ), &testing::datagram_off_port(Sender::Client)), Verdict::No);
        assert_eq!((PROTOCOL.parse)(&hex(DATA_READ), &on_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn near_misses_are_refused() {
        for text in ["800002800000006300ef050100", "800002000002006300ef050100", "800002000000006300ef0599", "820002000000006300ef0501"] {
            assert_eq!((PROTOCOL.parse)(&hex(text), &udp_on(Sender::Client)), Verdict::No, "{text}");
        }
        let long = hex("46494e530001000c000000000000000000000000");
        assert_eq!((PROTOCOL.parse)(&long, &on_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let samples = [NODE_ADDRESS, MEMORY_READ, STOP].map(hex);
        testing::never_panics(&PROTOCOL, &samples);
        testing::never_panics(&PROTOCOL, &[hex(DATA_READ), data_answer()]);
        testing::waits(&PROTOCOL, &samples, &off_port(Sender::Unknown));
    }

    #[test]
    fn noise_is_not_believed() {
        testing::never_in_noise(&PROTOCOL, &[]);
    }
}
