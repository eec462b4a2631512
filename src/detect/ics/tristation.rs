//! TriStation, the engineering protocol of Triconex safety controllers (undocumented; layout after public dissectors and the traffic of
//! the one malware known to speak it). Little-endian: type u8, channel u8, length u16, data, CRC-16/ARC u16. Data: direction u8,
//! connection u8, command u8, sequence u8, constant u16, checksum u16, length u16.

use super::crc;
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, Message, Protocol, Starts, Strength, Verdict, udp};
use super::readings::{self, Fit, Functions, le16};
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
    frame(bytes, context).unwrap_or_else(|| readings::too_few(context))
}

fn frame(bytes: &[u8], context: &Context) -> Option<Verdict> {
    let &[kind, _channel, l0, l1, ..] = bytes else { return None };
    let data_bytes = usize::from(u16::from_le_bytes([l0, l1]));
    let total = data_bytes + FRAME_BYTES;
    if !(1..=11).contains(&kind) || readings::fit(total, bytes, context) == Fit::Wrong {
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
    let (name, intent) = match kind {
        1 => ("connect", Identify),
        4 => ("disconnect", Identify),
        6 => ("ping", Identify),
        COMMAND => readings::look_up(COMMANDS, command.into()),
        _ => return Verdict::No,
    };
    Verdict::Message(Message::request(NAME, total, intent, name, code))
}

const COMMANDS: &Functions = &[
    (0, "download-all", Control),
    (1, "download-change", Control),
    (2, "update-configuration", Control),
    (3, "upload-configuration", Control),
    (4, "set-io-addresses", Control),
    (5, "allocate-network", Control),
    (6, "load-vector", Control),
    (7, "set-clock", Control),
    (8, "get-calendar", Identify),
    (9, "set-scan-time", Write),
    (10, "end-download-all", Control),
    (11, "end-download-change", Control),
    (12, "cancel-download", Control),
    (13, "attach", Identify),
    (14, "set-io-address-limits", Write),
    (15, "configure-module", Control),
    (16, "set-point-values", Write),
    (17, "enable-all-points", Write),
    (18, "upload-vector", Control),
    (19, "cp-status", Identify),
    (20, "run", Control),
    (21, "halt", Control),
    (22, "pause", Control),
    (23, "single-scan", Control),
    (24, "chassis-status", Identify),
    (25, "minimum-scan-time", Read),
    (26, "set-node-number", Control),
    (27, "set-io-point-values", Write),
    (28, "get-io-point-values", Read),
    (29, "mp-status", Identify),
    (30, "set-retentive-values", Write),
    (31, "adjust-clock", Control),
    (32, "clear-module-alarms", Write),
    (33, "event-log", Read),
    (34, "set-soe-block", Write),
    (35, "record-event-log", Write),
    (36, "soe-data", Read),
    (37, "enable-ovd", Write),
    (38, "disable-ovd", Write),
    (39, "enable-all-ovds", Write),
    (40, "disable-all-ovds", Write),
    (41, "process-modbus", Control),
    (42, "upload-network", Control),
    (43, "set-label", Control),
    (44, "configure-system-variables", Control),
    (45, "deconfigure-module", Control),
    (46, "system-variables", Read),
    (47, "module-types", Identify),
    (48, "begin-table-download", Control),
    (49, "continue-table-download", Control),
    (50, "end-table-download", Control),
    (51, "conversion-table", Read),
    (52, "set-icm-status", Write),
    (53, "soe-data-available", Read),
    (54, "module-versions", Identify),
    (55, "allocate-program", Control),
    (56, "allocate-function", Control),
    (57, "clear-retentives", Write),
    (58, "set-initial-values", Write),
    (59, "download-program", Control),
    (60, "download-data-area", Control),
    (61, "get-data", Read),
    (62, "set-data", Write),
    (63, "set-program-information", Control),
    (64, "program-information", Read),
    (65, "upload-program", Control),
    (66, "upload-function", Control),
    (67, "point-groups", Read),
    (68, "allocate-symbol-table", Control),
    (69, "io-address", Read),
    (70, "resend-io-address", Write),
    (71, "program-timing", Read),
    (72, "allocate-functions", Control),
    (73, "node-number", Identify),
    (74, "symbol-table", Read),
    (80, "download-mode", Control),
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
