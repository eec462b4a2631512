//! TriStation, the engineering protocol of Triconex safety controllers (undocumented; layout after public dissectors and the traffic of
//! the one malware known to speak it). Little-endian: type u8, channel u8, length u16, data, CRC-16/ARC u16. Data: direction u8,
//! connection u8, command u8, sequence u8, constant u16, checksum u16, length u16.

use super::crc;
use super::fields::{self, Fit, le16};
use super::functions::{self, Line};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, Message, Protocol, Starts, Strength, Verdict, udp};
use crate::decode::Transport;

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[udp(1502)],
    strength: Strength::Anywhere,
    starts: Starts::Bytes(&[&[1], &[2], &[3], &[4], &[5], &[6], &[7], &[8], &[9], &[10], &[11]]),
    sector: "oil, gas, chemistry",
    parse,
};

const NAME: &str = "tristation";

/// Type, channel, length and CRC: what surrounds the data.
const FRAME_BYTES: usize = 6;
/// The type of a frame that carries a command, or the answer to one.
const COMMAND: u8 = 5;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    if context.transport != Transport::Udp {
        return Verdict::No;
    }
    frame(bytes, context).unwrap_or_else(|| fields::too_few(context))
}

fn frame(bytes: &[u8], context: &Context) -> Option<Verdict> {
    let &[kind, _channel, l0, l1, ..] = bytes else { return None };
    let data_bytes = usize::from(u16::from_le_bytes([l0, l1]));
    let total = data_bytes + FRAME_BYTES;
    if !(1..=11).contains(&kind) || fields::fit(total, bytes, context) == Fit::Wrong {
        return Some(Verdict::No);
    }
    let body = bytes.get(..total - 2)?;
    if crc::arc(body) != le16(bytes, total - 2)? {
        return Some(Verdict::No);
    }
    Some(if data_bytes == 0 { without_data(kind, total) } else { with_data(kind, body, data_bytes, total) })
}

fn without_data(kind: u8, total: usize) -> Verdict {
    let code = u32::from(kind) << 16;
    let (name, is_request) = match kind {
        1 => ("connect", true),
        2 => ("connect", false),
        3 => ("disconnect", false),
        4 => ("disconnect", true),
        6 => ("ping", true),
        7 => ("limit-reached", false),
        8 => ("not-connected", false),
        9 => ("processors-dead", false),
        10 => ("access-denied", false),
        11 => ("failed", false),
        // A command without data has neither a direction nor a command.
        _ => return Verdict::No,
    };
    Verdict::Message(if is_request {
        Message::request(NAME, total, Identify, name, code)
    } else {
        Message { error: kind >= 7, ..Message::answer(NAME, total, name, code) }
    })
}

fn with_data(kind: u8, body: &[u8], data_bytes: usize, total: usize) -> Verdict {
    let &[_, _, _, _, direction, _connection, command, ..] = body else { return Verdict::No };
    if direction > 1 || le16(body, 12).is_none_or(|inner| usize::from(inner) != data_bytes) {
        return Verdict::No;
    }
    let code = u32::from(kind) << 16 | u32::from(command);
    if direction == 1 || matches!(kind, 2 | 3 | 7..=11) {
        let name = if command >= 200 { "reject" } else { "response" };
        return Verdict::Message(Message { error: kind >= 7 || command >= 200, ..Message::answer(NAME, total, name, code) });
    }
    let (intent, name) = match kind {
        1 => (Identify, "connect"),
        4 => (Identify, "disconnect"),
        6 => (Identify, "ping"),
        COMMAND => functions::grade(COMMANDS, command.into()),
        _ => return Verdict::No,
    };
    Verdict::Message(Message::request(NAME, total, intent, name, code))
}

const COMMANDS: &[Line] = &[
    (0, Control, "download-all"),
    (1, Control, "download-change"),
    (2, Control, "update-configuration"),
    (3, Control, "upload-configuration"),
    (4, Control, "set-io-addresses"),
    (5, Control, "allocate-network"),
    (6, Control, "load-vector"),
    (7, Control, "set-clock"),
    (8, Identify, "get-calendar"),
    (9, Write, "set-scan-time"),
    (10, Control, "end-download-all"),
    (11, Control, "end-download-change"),
    (12, Control, "cancel-download"),
    (13, Identify, "attach"),
    (14, Write, "set-io-address-limits"),
    (15, Control, "configure-module"),
    (16, Write, "set-point-values"),
    (17, Write, "enable-all-points"),
    (18, Control, "upload-vector"),
    (19, Identify, "cp-status"),
    (20, Control, "run"),
    (21, Control, "halt"),
    (22, Control, "pause"),
    (23, Control, "single-scan"),
    (24, Identify, "chassis-status"),
    (25, Read, "minimum-scan-time"),
    (26, Control, "set-node-number"),
    (27, Write, "set-io-point-values"),
    (28, Read, "get-io-point-values"),
    (29, Identify, "mp-status"),
    (30, Write, "set-retentive-values"),
    (31, Control, "adjust-clock"),
    (32, Write, "clear-module-alarms"),
    (33, Read, "event-log"),
    (34, Write, "set-soe-block"),
    (35, Write, "record-event-log"),
    (36, Read, "soe-data"),
    (37, Write, "enable-ovd"),
    (38, Write, "disable-ovd"),
    (39, Write, "enable-all-ovds"),
    (40, Write, "disable-all-ovds"),
    (41, Control, "process-modbus"),
    (42, Control, "upload-network"),
    (43, Control, "set-label"),
    (44, Control, "configure-system-variables"),
    (45, Control, "deconfigure-module"),
    (46, Read, "system-variables"),
    (47, Identify, "module-types"),
    (48, Control, "begin-table-download"),
    (49, Control, "continue-table-download"),
    (50, Control, "end-table-download"),
    (51, Read, "conversion-table"),
    (52, Write, "set-icm-status"),
    (53, Read, "soe-data-available"),
    (54, Identify, "module-versions"),
    (55, Control, "allocate-program"),
    (56, Control, "allocate-function"),
    (57, Write, "clear-retentives"),
    (58, Write, "set-initial-values"),
    (59, Control, "download-program"),
    (60, Control, "download-data-area"),
    (61, Read, "get-data"),
    (62, Write, "set-data"),
    (63, Control, "set-program-information"),
    (64, Read, "program-information"),
    (65, Control, "upload-program"),
    (66, Control, "upload-function"),
    (67, Read, "point-groups"),
    (68, Control, "allocate-symbol-table"),
    (69, Read, "io-address"),
    (70, Write, "resend-io-address"),
    (71, Read, "program-timing"),
    (72, Control, "allocate-functions"),
    (73, Identify, "node-number"),
    (74, Read, "symbol-table"),
    (80, Control, "download-mode"),
];

#[cfg(test)]
mod tests {
    use super::super::protocol::{Intent, Role, Sender};
    use super::super::testing::{datagram, hex, message, never_in_noise, never_panics};
    use super::*;

    fn sealed(body: &[u8]) -> Vec<u8> {
        [body, &crc::arc(body).to_le_bytes()].concat()
    }

    fn command(direction: u8, command: u8) -> Vec<u8> {
        sealed(&[COMMAND, 0, 10, 0, direction, 0, command, 1, 0, 0, 0, 0, 10, 0])
    }

    fn grade(code: u8) -> (Intent, &'static str) {
        let found = message(&PROTOCOL, &command(0, code), datagram(Sender::Unknown));
        assert_eq!(found.role, Role::Request);
        (found.intent, found.function.name)
    }

    #[test]
    fn connecting_is_identify() {
        let found = message(&PROTOCOL, &sealed(&[1, 0, 0, 0]), datagram(Sender::Unknown));
        assert_eq!((found.role, found.intent, found.function.name, found.bytes), (Role::Request, Intent::Identify, "connect", 6));
    }

    #[test]
    fn commands_are_graded_by_what_they_do() {
        assert_eq!(grade(19), (Intent::Identify, "cp-status"));
        assert_eq!(grade(28), (Intent::Read, "get-io-point-values"));
        assert_eq!(grade(27), (Intent::Write, "set-io-point-values"));
        assert_eq!(grade(21), (Intent::Control, "halt"));
        assert_eq!(grade(99), (Intent::Read, ""));
    }

    #[test]
    fn direction_one_and_refusals_are_answers() {
        let found = message(&PROTOCOL, &command(1, 108), datagram(Sender::Client));
        assert_eq!((found.role, found.error), (Role::Answer, false));
        assert!(message(&PROTOCOL, &command(1, 204), datagram(Sender::Unknown)).error);
        assert!(message(&PROTOCOL, &sealed(&[10, 0, 0, 0]), datagram(Sender::Unknown)).error);
    }

    #[test]
    fn a_bad_check_sum_or_inner_length_is_refused() {
        let mut bad = command(0, 19);
        *bad.last_mut().unwrap() ^= 1;
        assert_eq!(parse(&bad, &datagram(Sender::Client)), Verdict::No);
        let inner = sealed(&[COMMAND, 0, 10, 0, 0, 0, 19, 1, 0, 0, 0, 0, 11, 0]);
        assert_eq!(parse(&inner, &datagram(Sender::Client)), Verdict::No);
    }

    #[test]
    fn a_cut_frame_is_short() {
        let cut = Context { whole: false, ..datagram(Sender::Client) };
        assert_eq!(parse(&command(0, 19)[..9], &cut), Verdict::Short);
    }

    #[test]
    fn hostile_bytes() {
        let sample: String = command(0, 20).iter().map(|b| format!("{b:02x}")).collect();
        never_panics(&PROTOCOL, &[&sample, "0100000000f0"]);
        assert_eq!(parse(&hex(""), &datagram(Sender::Client)), Verdict::No);
        never_in_noise(&PROTOCOL, &[]);
    }
}
