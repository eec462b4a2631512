//! S7comm: Siemens S7-200, 300, 400, and 1200, 1500 in compatibility mode. Siemens publishes nothing; fields and codes follow Wireshark's
//! dissector (`packet-s7comm.c`) and icsnpp's (CISA, `icsnpp-s7comm`).

use super::protocol::{Context, Intent, Message, Protocol, Role, Starts, Strength, Verdict, tcp};
use super::text::disclose;
use super::tpkt::{self, Claim, DATA_OFFSET, START, Unit, Unpacked};

pub static PROTOCOL: Protocol = Protocol {
    name: "s7comm",
    ports: &[tcp(102)],
    strength: Strength::Anywhere,
    starts: Starts::Bytes(&[START]),
    sector: "manufacturing",
    parse,
};

const NAME: &str = PROTOCOL.name;
/// First byte of a message: the protocol's identifier.
const MAGIC: u8 = 0x32;
/// Kinds of message ("ROSCTR").
const JOB: u8 = 1;
const ACKNOWLEDGE: u8 = 2;
const ACKNOWLEDGE_DATA: u8 = 3;
const USERDATA: u8 = 7;
/// Bytes of the header; acknowledgements add an error class and code.
const HEADER_BYTES: usize = 10;
const ERROR_BYTES: usize = 2;
/// Beginning of the parameters of a userdata message, and of a notice that the controller changed its mode (both as captured).
const USERDATA_HEAD: [u8; 3] = [0x00, 0x01, 0x12];
const MODE_NOTICE_HEAD: [u8; 4] = [0x01, 0x00, 0x10, 0x10];
/// Shortest entry of the lists that are read: index, 20 bytes of text, three words. The longest text, 26 bytes, stands in entries of 34.
const SZL_ENTRY_BYTES_MIN: usize = 28;
/// Group and subfunction of the system status list.
const READ_SZL: (u8, u8) = (4, 1);

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    match tpkt::unpack(bytes, context) {
        Unpacked::No => Verdict::No,
        Unpacked::Short => Verdict::Short,
        Unpacked::Unit(Unit::Data { data, .. }, total) if total > DATA_OFFSET => message(bytes, data, total),
        Unpacked::Unit(unit, total) => tpkt::connection(&unit, total, Claim::S7comm, context),
    }
}

fn message(bytes: &[u8], data: &[u8], total: usize) -> Verdict {
    let &[magic, kind, r0, r1, _, _, p0, p1, d0, d1, ..] = data else {
        let possible = data.first().is_none_or(|&magic| magic == MAGIC) && total >= DATA_OFFSET + HEADER_BYTES;
        return if possible && bytes.len() < total { Verdict::Short } else { Verdict::No };
    };
    let header = match kind {
        JOB | USERDATA => HEADER_BYTES,
        ACKNOWLEDGE | ACKNOWLEDGE_DATA => HEADER_BYTES + ERROR_BYTES,
        _ => return Verdict::No,
    };
    let (parameters, payload) = (usize::from(u16::from_be_bytes([p0, p1])), usize::from(u16::from_be_bytes([d0, d1])));
    if magic != MAGIC || (r0, r1) != (0, 0) || DATA_OFFSET + header + parameters + payload != total {
        return Verdict::No;
    }
    let message = match kind {
        USERDATA => userdata(bytes, data, total),
        JOB => data.get(header).map(|&code| job(code, total)),
        _ if parameters == 0 => data.get(HEADER_BYTES).map(|&class| acknowledgement(class, 0, total)),
        _ => data.get(HEADER_BYTES).zip(data.get(header)).map(|(&class, &code)| acknowledgement(class, code, total)),
    };
    match message {
        Some(message) => Verdict::Message(message.remembering(Claim::S7comm as u16)),
        None if bytes.len() < total => Verdict::Short,
        None => Verdict::No,
    }
}

fn job(code: u8, total: usize) -> Message {
    let (name, intent) = job_function(code);
    Message::request(NAME, total, intent, name, code.into())
}

/// `class` 0 is no error; `code` 0 is an acknowledgement without parameters.
fn acknowledgement(class: u8, code: u8, total: usize) -> Message {
    let name = if code == 0 { "acknowledge" } else { job_function(code).0 };
    Message { error: class != 0, ..Message::answer(NAME, total, name, code.into()) }
}

fn job_function(code: u8) -> (&'static str, Intent) {
    use Intent::{Control, Identify, Read, Write};
    match code {
        0x04 => ("read-var", Read),
        0x05 => ("write-var", Write),
        0x1a => ("request-download", Control),
        0x1b => ("download-block", Control),
        0x1c => ("download-ended", Control),
        0x1d => ("start-upload", Control),
        0x1e => ("upload", Control),
        0x1f => ("end-upload", Control),
        0x28 => ("pi-service", Control),
        0x29 => ("plc-stop", Control),
        0xf0 => ("setup-communication", Identify),
        _ => ("", Read),
    }
}

/// A userdata message; `None` if its parameters are not all there or are no such parameters.
fn userdata(bytes: &[u8], data: &[u8], total: usize) -> Option<Message> {
    let head = data.get(HEADER_BYTES..HEADER_BYTES + 8)?;
    if head.starts_with(&MODE_NOTICE_HEAD) {
        return Some(Message::answer(NAME, total, "mode-transition", 0));
    }
    let &[_, _, _, length, _method, kind_group, sub, _sequence] = head else { return None };
    if !head.starts_with(&USERDATA_HEAD) || !matches!(length, 4 | 8) {
        return None;
    }
    let group = kind_group & 0x0f;
    let (name, intent) = userdata_function(group, sub);
    let code = u32::from(group) << 16 | u32::from(sub);
    // The type nibble tells the direction; the method byte does not: a client's follow-up carries the server's.
    match kind_group >> 4 {
        0x4 | 0x7 => Some(Message::request(NAME, total, intent, name, code)),
        0x8 | 0xb => {
            let error = data.get(HEADER_BYTES + 10..HEADER_BYTES + 12).is_some_and(|error| length == 8 && error != [0, 0]);
            let mut message = Message { error, ..Message::answer(NAME, total, name, code) };
            if (group, sub) == READ_SZL {
                disclose_szl(&mut message, bytes, DATA_OFFSET + HEADER_BYTES + 4 + usize::from(length));
            }
            Some(message)
        }
        // Pushed by the controller: cyclic data, alarms.
        0x0 | 0x3 => Some(Message { role: Role::Answer, ..Message::answer(NAME, total, name, code) }),
        _ => None,
    }
}

fn userdata_function(group: u8, sub: u8) -> (&'static str, Intent) {
    use Intent::{Control, Identify, Read, Write};
    match (group, sub) {
        (0x0, _) => ("mode-transition", Control),
        (0x1, 0x01 | 0x02 | 0x13) => ("block-status", Read),
        (0x1, 0x03..=0x06) => ("output-stack", Read),
        (0x1, 0x07) => ("force-selection", Write),
        (0x1, 0x08) => ("modify-variable", Write),
        (0x1, 0x09) => ("force", Write),
        (0x1, 0x0a) => ("breakpoint", Control),
        (0x1, 0x0b) => ("exit-hold", Control),
        (0x1, 0x0c) => ("memory-reset", Control),
        (0x1, 0x0d..=0x0f) => ("job-control", Control),
        (0x1, 0x10 | 0x11) => ("read-job", Read),
        (0x1, 0x16) => ("flash-led", Write),
        (0x2, 0x01 | 0x05) => ("cyclic-read", Read),
        (0x2, 0x04) => ("unsubscribe", Read),
        (0x2, 0x07 | 0x08) => ("read-record", Read),
        (0x3, 0x01) => ("list-blocks", Read),
        (0x3, 0x02) => ("list-blocks-of-type", Read),
        (0x3, 0x03) => ("block-info", Read),
        (0x4, 0x01) => ("read-szl", Identify),
        (0x4, 0x02) => ("message-service", Read),
        (0x4, 0x07) => ("alarm-lock", Write),
        (0x4, 0x08) => ("alarm-unlock", Write),
        (0x4, 0x0b) => ("alarm-ack", Write),
        (0x4, 0x13) => ("alarm-query", Read),
        (0x5, 0x01) => ("plc-password", Control),
        (0x6, _) => ("bsend", Write),
        (0x7, 0x01 | 0x03) => ("read-clock", Identify),
        (0x7, 0x02 | 0x04) => ("set-clock", Control),
        (0xf, _) => ("nc-program", Control),
        _ => ("", Read),
    }
}

/// Texts of a system status list that begins at `start`: return code, transport size, length; then list, index, entry bytes, entries.
/// List 0011 gives the order number, 001C names and serial number (Siemens, System Software for S7-300/400, chapter on SSL).
fn disclose_szl(message: &mut Message, bytes: &[u8], start: usize) {
    let Some(&[0xff, _, _, _, l0, l1, _, _, e0, e1, c0, c1]) = bytes.get(start..start + 12) else { return };
    let list = u16::from_be_bytes([l0, l1]);
    let (entry_bytes, count) = (usize::from(u16::from_be_bytes([e0, e1])), usize::from(u16::from_be_bytes([c0, c1])));
    if entry_bytes < SZL_ENTRY_BYTES_MIN {
        return;
    }
    let entries = bytes.get(start + 12..).unwrap_or_default().chunks_exact(entry_bytes).take(count);
    for (position, entry) in entries.enumerate() {
        let &[i0, i1, ..] = entry else { return };
        let (field, text_bytes) = match (list & 0x0fff, u16::from_be_bytes([i0, i1])) {
            (0x011, 1) => ("model", 20),
            (0x01c, 1) => ("name", 24),
            (0x01c, 2) => ("module", 24),
            (0x01c, 3) => ("location", 24),
            (0x01c, 4) => ("vendor", 26),
            (0x01c, 5) => ("serial", 24),
            (0x01c, 7) => ("product", 24),
            _ => continue,
        };
        disclose(message, bytes, field, start + 12 + position * entry_bytes + 2, text_bytes);
    }
}

#[cfg(test)]
mod tests {
    use super::super::protocol::Sender;
    use super::super::testing::{disclosed, hex, message, never_in_noise, never_panics, off_port, on_port};
    use super::*;

    const SETUP: &str = "0300001902f08032010000000000080000f0000001000101e0";
    const SZL: &str = "0300002102f080320700000000000800080001120411440100ff09000400110001";
    const READ: &str = "0300001f02f080320100000001000e00000401120a10020001000184000000";
    const WRITE: &str = "0300002402f080320100000002000e00050501120a100200010001840000000004000855";
    const STOP: &str = "0300002102f0803201000000030010000029000000000009505f50524f4752414d";
    const READ_ANSWER: &str = "0300001a02f080320300000001000200050000 0401 ff04000855";
    /// List 0011 with one entry: index 1, order number, three words.
    const SZL_ANSWER: &str = "03000045 02f080 32070000 0000000c0028 000112081284010000000000 ff090024 00110000001c0001
        0001 36455337203331352d32454831342d304142302000c000010001";

    #[test]
    fn functions_are_graded() {
        for (bytes, name, intent) in [
            (SETUP, "setup-communication", Intent::Identify),
            (SZL, "read-szl", Intent::Identify),
            (READ, "read-var", Intent::Read),
            (WRITE, "write-var", Intent::Write),
            (STOP, "plc-stop", Intent::Control),
        ] {
            let bytes = hex(bytes);
            for context in [on_port(Sender::Client), off_port(Sender::Unknown)] {
                let request = message(&PROTOCOL, &bytes, context);
                assert_eq!((request.function.name, request.intent, request.role), (name, intent, Role::Request));
                assert_eq!(request.bytes, bytes.len());
            }
        }
    }

    #[test]
    fn acknowledgements_are_answers() {
        let answer = message(&PROTOCOL, &hex(READ_ANSWER), off_port(Sender::Unknown));
        assert_eq!((answer.role, answer.error, answer.function.name), (Role::Answer, false, "read-var"));
        let refused = message(&PROTOCOL, &hex("0300001302f0803202000000010000 0000 8104"), on_port(Sender::Server));
        assert_eq!((refused.role, refused.error), (Role::Answer, true));
    }

    #[test]
    fn the_order_number_is_disclosed() {
        let bytes = hex(SZL_ANSWER);
        let answer = message(&PROTOCOL, &bytes, on_port(Sender::Server));
        assert_eq!((answer.role, answer.function.name), (Role::Answer, "read-szl"));
        assert_eq!(disclosed(&answer, &bytes, "model"), Some("6ES7 315-2EH14-0AB0"));
    }

    #[test]
    fn the_type_nibble_tells_the_direction_not_the_method() {
        let follow_up = hex("03000021 02f080 32070000 0000000c0004 000112081244010100000000 0a000000");
        assert_eq!(message(&PROTOCOL, &follow_up, on_port(Sender::Client)).role, Role::Request);
    }

    #[test]
    fn a_change_of_mode_is_the_controllers_notice() {
        let notice = message(&PROTOCOL, &hex("03000019 02f080 32070000000000080000 0100101000000000"), on_port(Sender::Server));
        assert_eq!((notice.role, notice.function.name), (Role::Answer, "mode-transition"));
    }

    #[test]
    fn a_cut_job_is_decided_by_its_function() {
        let bytes = hex(STOP);
        assert_eq!(message(&PROTOCOL, &bytes[..18], on_port(Sender::Client)).intent, Intent::Control);
        assert_eq!(parse(&bytes[..17], &on_port(Sender::Client)), Verdict::Short);
        assert_eq!(parse(&bytes[..1], &on_port(Sender::Client)), Verdict::Short);
    }

    #[test]
    fn near_misses_are_refused() {
        for bytes in [
            "0300001902f08033010000000000080000f0000001000101e0",
            "0300001902f08032010000000000090000f0000001000101e0",
            "0300001902f08032010001000000080000f0000001000101e0",
            "0300001902f08032050000000000080000f0000001000101e0",
            "0300001902f08172010000000000080000f0000001000101e0",
        ] {
            assert_eq!(parse(&hex(bytes), &on_port(Sender::Client)), Verdict::No, "{bytes}");
        }
    }

    #[test]
    fn hostile_bytes_do_not_panic() {
        never_panics(&PROTOCOL, &[SETUP, SZL, STOP, READ_ANSWER, "0300001611e00000001400c1020100c2020102c0010a"]);
    }

    #[test]
    fn noise_is_not_s7comm() {
        never_in_noise(&PROTOCOL, &["0300", "030000", "0300001902f080"]);
    }
}
