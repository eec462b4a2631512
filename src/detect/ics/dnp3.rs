//! DNP3 (IEEE 1815): telecontrol over TCP and UDP. A frame has a checked header of ten bytes, then user data in checked blocks of sixteen.

use super::crc;
use super::protocol::{Context, Intent, Message, Protocol, Role, Starts, Strength, Verdict, tcp, udp};
use super::text::disclose_piece;

pub static PROTOCOL: Protocol = Protocol {
    name: "dnp3",
    ports: &[tcp(20000), udp(20000)],
    strength: Strength::Anywhere,
    starts: Starts::Bytes(&[&START]),
    sector: "energy",
    parse,
};

const NAME: &str = PROTOCOL.name;
const START: [u8; 2] = [0x05, 0x64];
/// Header: start, length, control, two addresses, check. The length counts from the control byte, without checks (IEEE 1815 clause 9.2).
const HEADER_BYTES: usize = 10;
const LENGTH_MIN: u8 = 5;
const BLOCK_BYTES: usize = 16;
const CHECK_BYTES: usize = 2;
/// Control byte: from the master; from the primary (initiating) link station; function in the low four bits.
const FROM_MASTER: u8 = 0x80;
const FROM_PRIMARY: u8 = 0x40;
const LINK_FUNCTION: u8 = 0x0f;
/// Transport byte: first segment of a fragment (clause 8.2).
const FIRST_SEGMENT: u8 = 0x40;
/// Bits of the second octet of internal indications that refuse a request: function unknown, object unknown, parameter error (clause 4.5).
const REFUSED: u8 = 0x07;
/// Application functions: confirm to authentication of a master, then the outstation's.
const READ: u8 = 1;
const WRITE: u8 = 2;
const RESPONSE: u8 = 129;
const AUTHENTICATION_RESPONSE: u8 = 131;
/// Object groups: device attributes (clause A.1), time and date.
const DEVICE_ATTRIBUTES: u8 = 0;
const TIME_AND_DATE: u8 = 50;
/// Where application data begins in the frame: transport, application control, function, then indications or objects.
const FUNCTION_OFFSET: usize = 12;
const REQUEST_OBJECT_OFFSET: usize = 13;
const RESPONSE_OBJECT_OFFSET: usize = 15;
/// A printed code of a link function has 1 in its upper half.
const LINK: u32 = 1 << 16;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    let Some(&[s0, s1, length, control, _, _, _, _, c0, c1]) = bytes.first_chunk::<HEADER_BYTES>() else {
        let possible = START.starts_with(bytes.get(..START.len()).unwrap_or(bytes));
        return if possible && !context.whole { Verdict::Short } else { Verdict::No };
    };
    let checked =
        bytes.first_chunk::<{ HEADER_BYTES - CHECK_BYTES }>().is_some_and(|header| crc::dnp(header) == u16::from_le_bytes([c0, c1]));
    if [s0, s1] != START || length < LENGTH_MIN || !checked {
        return Verdict::No;
    }
    let data_bytes = usize::from(length - LENGTH_MIN);
    let total = HEADER_BYTES + data_bytes + CHECK_BYTES * data_bytes.div_ceil(BLOCK_BYTES);
    if context.whole && total > bytes.len() {
        return Verdict::No;
    }
    let from_master = control & FROM_MASTER != 0;
    if data_bytes == 0 || control & FROM_PRIMARY == 0 || !matches!(control & LINK_FUNCTION, 3 | 4) {
        return match (link(control), data_bytes) {
            (Some(name), 0) => Verdict::Message(link_message(name, control, from_master, total)),
            _ => Verdict::No,
        };
    }
    let first_block = data_bytes.min(BLOCK_BYTES);
    match bytes.get(HEADER_BYTES..HEADER_BYTES + first_block + CHECK_BYTES).and_then(|block| block.split_last_chunk()) {
        Some((block, check)) if crc::dnp(block) != u16::from_le_bytes(*check) => return Verdict::No,
        // A foreign port: two checks, not one.
        None if !context.on_port => return Verdict::Short,
        _ => {}
    }
    application(bytes, data_bytes, from_master, total)
}

/// Name of a link function that carries no data (clause 9.2.4).
fn link(control: u8) -> Option<&'static str> {
    Some(match (control & FROM_PRIMARY != 0, control & LINK_FUNCTION) {
        (true, 0) => "reset-link",
        (true, 1) => "reset-user-process",
        (true, 2) => "test-link",
        // Says that it carries data, and carries none: a broken or testing master's, whose header is right all the same.
        (true, 3 | 4) => "empty-user-data",
        (true, 9) => "request-link-status",
        (false, 0) => "link-ack",
        (false, 1) => "link-nack",
        (false, 11) => "link-status",
        (false, 14 | 15) => "link-not-supported",
        _ => return None,
    })
}

fn link_message(name: &'static str, control: u8, from_master: bool, total: usize) -> Message {
    let primary = control & FROM_PRIMARY != 0;
    let function = control & LINK_FUNCTION;
    let code = LINK | u32::from(control & (FROM_PRIMARY | LINK_FUNCTION));
    if from_master {
        let intent = if primary && function == 1 { Intent::Control } else { Intent::Identify };
        return Message::request(NAME, total, intent, name, code);
    }
    Message { error: !primary && matches!(function, 1 | 14 | 15), ..Message::answer(NAME, total, name, code) }
}

/// A frame with user data, by its application function.
fn application(bytes: &[u8], data_bytes: usize, from_master: bool, total: usize) -> Verdict {
    let Some(&transport) = bytes.get(HEADER_BYTES) else { return Verdict::Short };
    if transport & FIRST_SEGMENT == 0 || data_bytes < 3 {
        let role = if from_master { Role::Request } else { Role::Answer };
        let intent = if from_master { Intent::Identify } else { Intent::Connect };
        return Verdict::Message(Message { role, ..Message::request(NAME, total, intent, "continuation", 0) });
    }
    let Some(&function) = bytes.get(FUNCTION_OFFSET) else { return Verdict::Short };
    let group = if data_bytes > 3 { bytes.get(REQUEST_OBJECT_OFFSET).copied() } else { None };
    if matches!(function, READ | WRITE) && data_bytes > 3 && group.is_none() {
        return Verdict::Short;
    }
    let (name, intent) = self::function(function, group);
    if from_master {
        return Verdict::Message(Message::request(NAME, total, intent, name, function.into()));
    }
    let mut answer = Message::answer(NAME, total, name, function.into());
    if (RESPONSE..=AUTHENTICATION_RESPONSE).contains(&function) {
        answer.error = bytes.get(14).is_some_and(|indications| indications & REFUSED != 0);
        disclose_attribute(&mut answer, bytes, data_bytes);
    }
    Verdict::Message(answer)
}

fn function(code: u8, group: Option<u8>) -> (&'static str, Intent) {
    use Intent::{Control, Identify, Read, Write};
    match code {
        0 => ("confirm", Identify),
        READ if group == Some(DEVICE_ATTRIBUTES) => ("read-device-attributes", Identify),
        READ => ("read", Read),
        WRITE if group == Some(TIME_AND_DATE) => ("write-time", Control),
        WRITE => ("write", Write),
        3 => ("select", Write),
        4 => ("operate", Write),
        5 => ("direct-operate", Write),
        6 => ("direct-operate-no-ack", Write),
        7..=12 => ("freeze", Write),
        13 => ("cold-restart", Control),
        14 => ("warm-restart", Control),
        15 => ("initialize-data", Control),
        16 => ("initialize-application", Control),
        17 => ("start-application", Control),
        18 => ("stop-application", Control),
        19 => ("save-configuration", Control),
        20 => ("enable-unsolicited", Write),
        21 => ("disable-unsolicited", Write),
        22 => ("assign-class", Write),
        23 => ("delay-measurement", Identify),
        24 => ("record-current-time", Control),
        25 => ("open-file", Control),
        26 => ("close-file", Control),
        27 => ("delete-file", Control),
        28 => ("get-file-info", Read),
        29 => ("authenticate-file", Control),
        30 => ("abort-file", Control),
        31 => ("activate-config", Control),
        32 | 33 => ("authentication", Identify),
        RESPONSE => ("response", Read),
        130 => ("unsolicited-response", Read),
        AUTHENTICATION_RESPONSE => ("authentication-response", Read),
        _ => ("", Read),
    }
}

/// A device attribute that is a visible string (clause A.1): group, variation, qualifier 00, start, stop, type 1, length, text. Check bytes
/// cut the text into pieces: each becomes an entry of the same field, in order.
fn disclose_attribute(message: &mut Message, bytes: &[u8], data_bytes: usize) {
    let object = bytes.get(RESPONSE_OBJECT_OFFSET..RESPONSE_OBJECT_OFFSET + 7);
    let Some(&[DEVICE_ATTRIBUTES, variation, 0x00, _, _, 1, length]) = object else { return };
    let field = match variation {
        242 => "firmware",
        245 => "location",
        247 => "name",
        248 => "serial",
        250 => "product",
        252 => "vendor",
        _ => return,
    };
    // Positions in the user data, without check bytes.
    let start = RESPONSE_OBJECT_OFFSET + 7 - HEADER_BYTES;
    let end = (start + usize::from(length)).min(data_bytes);
    let mut at = start;
    while at < end {
        let (block, within) = (at / BLOCK_BYTES, at % BLOCK_BYTES);
        let piece = (BLOCK_BYTES - within).min(end - at);
        disclose_piece(message, bytes, field, HEADER_BYTES + block * (BLOCK_BYTES + CHECK_BYTES) + within, piece);
        at += piece;
    }
}

#[cfg(test)]
mod tests {
    use super::super::protocol::Sender;
    use super::super::testing::{datagram, hex, message, never_in_noise, never_panics, off_port, on_port};
    use super::*;

    const LINK_STATUS: &str = "056405c901000000de8e";
    const CLASS_POLL: &str = "056414c401000000afb9c0c0013c02063c03063c04063c01068a51";
    const ATTRIBUTES: &str = "05640dc40100000055eec0c00100fe00000016bf";
    const COLD_RESTART: &str = "056408c401000000dc16c0c00d9c86";
    const STATUS_ANSWER: &str = "0564050b00000100baf0";

    /// A frame around user data, with good checks.
    fn frame(control: u8, data: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0x05, 0x64, 5 + data.len() as u8, control, 1, 0, 0, 0];
        bytes.extend(crc::dnp(&bytes).to_le_bytes());
        for block in data.chunks(BLOCK_BYTES) {
            bytes.extend(block);
            bytes.extend(crc::dnp(block).to_le_bytes());
        }
        bytes
    }

    #[test]
    fn functions_are_graded() {
        for (bytes, name, intent) in [
            (hex(LINK_STATUS), "request-link-status", Intent::Identify),
            (hex("056405c40104010027b9"), "empty-user-data", Intent::Identify),
            (hex(CLASS_POLL), "read", Intent::Read),
            (hex(ATTRIBUTES), "read-device-attributes", Intent::Identify),
            (hex(COLD_RESTART), "cold-restart", Intent::Control),
            (frame(0xc4, &hex("c0c0050c01280100")), "direct-operate", Intent::Write),
            (frame(0xc4, &hex("c0c002320107 01aabbccddeeff")), "write-time", Intent::Control),
            (frame(0xc4, &hex("c0c0025001000707 00")), "write", Intent::Write),
            (frame(0xc1, &[]), "reset-user-process", Intent::Control),
        ] {
            for context in [off_port(Sender::Unknown), datagram(Sender::Client)] {
                let request = message(&PROTOCOL, &bytes, context);
                assert_eq!((request.function.name, request.intent, request.role), (name, intent, Role::Request));
                assert_eq!(request.bytes, bytes.len());
            }
        }
    }

    #[test]
    fn the_direction_bit_makes_answers() {
        let status = message(&PROTOCOL, &hex(STATUS_ANSWER), off_port(Sender::Unknown));
        assert_eq!((status.role, status.function.name, status.error), (Role::Answer, "link-status", false));
        let response = message(&PROTOCOL, &frame(0x44, &hex("c0c0810002")), off_port(Sender::Unknown));
        assert_eq!((response.role, response.function.name, response.error), (Role::Answer, "response", true));
    }

    #[test]
    fn a_visible_attribute_is_disclosed_in_pieces() {
        let data = [&hex("c0c0810000 00fc000000 0108")[..], b"ACME Inc"].concat();
        let bytes = frame(0x44, &data);
        let answer = message(&PROTOCOL, &bytes, on_port(Sender::Server));
        let pieces = answer.disclosed.iter().filter(|piece| piece.field == "vendor");
        let text: Vec<u8> = pieces.flat_map(|piece| bytes[usize::from(piece.offset)..][..usize::from(piece.bytes)].to_vec()).collect();
        assert_eq!(text, b"ACME Inc");
    }

    #[test]
    fn a_sweep_is_read_frame_by_frame() {
        let sweep = hex("056405c900000000364c056405c901000000de8e");
        assert_eq!(message(&PROTOCOL, &sweep, on_port(Sender::Client)).bytes, 10);
    }

    #[test]
    fn near_misses_are_refused() {
        for bytes in [
            "056405c901000000de8f",
            "050505c901000000de8e",
            "056414c401000000afb9c0c0013c02063c03063c04063c01068a52",
            "056408c401000000dc16c0c00e9c86",
        ] {
            assert_eq!(parse(&hex(bytes), &on_port(Sender::Client)), Verdict::No, "{bytes}");
        }
        assert_eq!(parse(&frame(0xc9, &[0xc0]), &on_port(Sender::Client)), Verdict::No);
        assert_eq!(parse(&hex(COLD_RESTART)[..14], &datagram(Sender::Client)), Verdict::No);
    }

    #[test]
    fn a_cut_frame_is_decided_by_its_function() {
        let bytes = hex(CLASS_POLL);
        assert_eq!(message(&PROTOCOL, &bytes[..14], on_port(Sender::Client)).bytes, bytes.len());
        assert_eq!(parse(&bytes[..14], &off_port(Sender::Client)), Verdict::Short);
        assert_eq!(parse(&bytes[..13], &on_port(Sender::Client)), Verdict::Short);
        assert_eq!(parse(&bytes[..5], &on_port(Sender::Client)), Verdict::Short);
    }

    #[test]
    fn hostile_bytes_do_not_panic() {
        never_panics(&PROTOCOL, &[LINK_STATUS, CLASS_POLL, ATTRIBUTES, COLD_RESTART, STATUS_ANSWER]);
    }

    #[test]
    fn noise_is_not_dnp3() {
        never_in_noise(&PROTOCOL, &["0564"]);
    }
}
