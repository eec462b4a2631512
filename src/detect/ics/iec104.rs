//! IEC 60870-5-104: telecontrol over TCP. A message (APDU) is 68, a length, four control bytes, and in an I frame a data unit (ASDU).
//! Types, causes and sizes: IEC 60870-5-101 section 7.2 and 60870-5-104 section 5.

use super::protocol::{Context, Intent, Message, Protocol, Role, Starts, Strength, Verdict, tcp};
use crate::decode::Transport;

pub static PROTOCOL: Protocol = Protocol {
    name: "iec104",
    ports: &[tcp(2404)],
    strength: Strength::Anywhere,
    starts: Starts::Bytes(&[&[START]]),
    sector: "energy",
    parse,
};

const NAME: &str = PROTOCOL.name;
const START: u8 = 0x68;
/// Bytes before the part that the length counts, and of the control field, which is all that a U or S frame has.
const HEADER_BYTES: usize = 2;
const CONTROL_BYTES: usize = 4;
/// The length field's limits (60870-5-104 section 5), and the least of an I frame: control field and data unit identifier.
const LENGTH_MAX: usize = 253;
const I_LENGTH_MIN: usize = 10;
/// Data unit identifier: type, count, cause (2), common address (2); then every object has an address of three bytes.
const IDENTIFIER_BYTES: usize = 6;
const ADDRESS_BYTES: usize = 3;
/// Bit of the count that says: one address, then consecutive elements.
const SEQUENCE: u8 = 0x80;
/// Bits of the cause: the cause itself, and "negative".
const CAUSE: u8 = 0x3f;
const NEGATIVE: u8 = 0x40;
/// Causes of a command: activation and deactivation; of a directory call or a read: request.
const ACTIVATION: u8 = 6;
const DEACTIVATION: u8 = 8;
const REQUEST: u8 = 5;
/// Function codes as printed: the type for an I frame; U and S frames have the control field's format in the upper half.
const S_FORMAT: u32 = 1 << 16;
const U_FORMAT: u32 = 3 << 16;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    if context.transport != Transport::Tcp {
        return Verdict::No;
    }
    let &[start, length, c1, c2, c3, c4, ref rest @ ..] = bytes else {
        let possible = bytes.first().is_none_or(|&start| start == START)
            && bytes.get(1).is_none_or(|&length| (CONTROL_BYTES..=LENGTH_MAX).contains(&length.into()));
        return if possible { Verdict::Short } else { Verdict::No };
    };
    let length = usize::from(length);
    let total = HEADER_BYTES + length;
    if start != START || !(CONTROL_BYTES..=LENGTH_MAX).contains(&length) {
        return Verdict::No;
    }
    if !context.on_port {
        // A foreign port: only whole messages, each followed by nothing or by another.
        match bytes.get(total..) {
            Some([]) | Some([START, ..]) => {}
            Some(_) => return Verdict::No,
            None => return Verdict::Short,
        }
    }
    let message = match (c1 & 0x03, length) {
        (3, CONTROL_BYTES) if (c2, c3, c4) == (0, 0, 0) => unnumbered(c1, total),
        (1, CONTROL_BYTES) if (c1, c2) == (0x01, 0x00) && c3 & 1 == 0 => {
            let supervisory = Message::request(NAME, total, Intent::Identify, "supervisory", S_FORMAT);
            Some(Message { role: Role::Either, ..supervisory })
        }
        (0 | 2, I_LENGTH_MIN..) if c3 & 1 == 0 => match rest.first_chunk::<3>() {
            Some(&[kind, count, cause]) if context.on_port || strict(kind, cause) => information(kind, count, cause, length, total),
            Some(_) => None,
            None => return Verdict::Short,
        },
        _ => None,
    };
    message.map_or(Verdict::No, Verdict::Message)
}

/// A U frame: start, stop or test, as activation or confirmation.
fn unnumbered(control: u8, total: usize) -> Option<Message> {
    let code = U_FORMAT | u32::from(control);
    let request = |name| Some(Message::request(NAME, total, Intent::Identify, name, code));
    let answer = |name| Some(Message::answer(NAME, total, name, code));
    match control {
        0x07 => request("startdt"),
        0x13 => request("stopdt"),
        // Either end tests the line.
        0x43 => request("testfr").map(|message| Message { role: Role::Either, ..message }),
        0x0b => answer("startdt"),
        0x23 => answer("stopdt"),
        0x83 => answer("testfr"),
        _ => None,
    }
}

/// What an I frame must meet off the port besides: a type of known size, with a cause that the specification allows for its kind (IEC
/// 60870-5-101 section 7.2.3, table 14).
fn strict(kind: u8, cause: u8) -> bool {
    let usual = match kind {
        1..=40 => matches!(cause & CAUSE, 1..=3 | 5 | 11 | 12 | 20..=41),
        45..=113 => matches!(cause & CAUSE, 3..=10 | 44..=47),
        _ => matches!(cause & CAUSE, 5 | 13 | 44..=47),
    };
    usual && element_bytes(kind).is_some()
}

/// An I frame, if type and cause exist and the objects fill the length.
fn information(kind: u8, count: u8, cause: u8, length: usize, total: usize) -> Option<Message> {
    let (name, intent) = function(kind, cause & CAUSE)?;
    let objects = usize::from(count & !SEQUENCE);
    let fits = match element_bytes(kind) {
        Some(size) if count & SEQUENCE != 0 => length == CONTROL_BYTES + IDENTIFIER_BYTES + ADDRESS_BYTES + objects * size,
        Some(size) => length == CONTROL_BYTES + IDENTIFIER_BYTES + objects * (ADDRESS_BYTES + size),
        None => length >= CONTROL_BYTES + IDENTIFIER_BYTES + ADDRESS_BYTES,
    };
    if objects == 0 || !fits || !matches!(cause & CAUSE, 1..=13 | 20..=41 | 44..=47) {
        return None;
    }
    let code = u32::from(kind);
    let answer = Message { error: cause & NEGATIVE != 0 || cause & CAUSE >= 44, ..Message::answer(NAME, total, name, code) };
    let request = Message::request(NAME, total, intent, name, code);
    Some(match (kind, cause & CAUSE) {
        (1..=40 | 70, _) | (_, 7 | 9 | 10 | 20..=41 | 44..=47) => answer,
        (45..=64 | 100..=113, ACTIVATION | DEACTIVATION) | (102 | 122, REQUEST) => request,
        _ => Message { role: Role::Either, ..request },
    })
}

/// Name (IEC 60870-5-101 section 7.2.1.1) and intent of a type; `None`: no such type.
fn function(kind: u8, cause: u8) -> Option<(&'static str, Intent)> {
    use Intent::{Control, Identify, Read, Write};
    Some(match kind {
        1 | 2 | 30 => ("single-point", Read),
        3 | 4 | 31 => ("double-point", Read),
        5 | 6 | 32 => ("step-position", Read),
        7 | 8 | 33 => ("bitstring", Read),
        9..=14 | 21 | 34..=36 => ("measured-value", Read),
        15 | 16 | 37 => ("integrated-totals", Read),
        17..=19 | 38..=40 => ("protection-event", Read),
        20 => ("packed-single-points", Read),
        45 => ("C_SC_NA_1 single-command", Write),
        46 => ("C_DC_NA_1 double-command", Write),
        47 => ("C_RC_NA_1 step", Write),
        48 => ("C_SE_NA_1 set-point", Write),
        49 => ("C_SE_NB_1 set-point", Write),
        50 => ("C_SE_NC_1 set-point", Write),
        51 => ("C_BO_NA_1 bitstring", Write),
        58 => ("C_SC_TA_1 single-command", Write),
        59 => ("C_DC_TA_1 double-command", Write),
        60 => ("C_RC_TA_1 step", Write),
        61 => ("C_SE_TA_1 set-point", Write),
        62 => ("C_SE_TB_1 set-point", Write),
        63 => ("C_SE_TC_1 set-point", Write),
        64 => ("C_BO_TA_1 bitstring", Write),
        70 => ("M_EI_NA_1 end-of-initialization", Read),
        81..=95 => ("S security", Control),
        100 => ("C_IC_NA_1 interrogation", Read),
        101 => ("C_CI_NA_1 counter-interrogation", Read),
        102 => ("C_RD_NA_1 read", Read),
        103 => ("C_CS_NA_1 clock-sync", Control),
        104 => ("C_TS_NA_1 test-command", Identify),
        105 => ("C_RP_NA_1 reset-process", Control),
        106 => ("C_CD_NA_1 delay", Control),
        107 => ("C_TS_TA_1 test-command", Identify),
        110..=113 => ("P parameter", Write),
        122 if cause == REQUEST => ("F_SC_NA_1 directory", Read),
        120..=127 => ("F file-transfer", Control),
        _ => return None,
    })
}

/// Bytes of one information element of a type; `None`: variable (IEC 60870-5-101 sections 7.3.1 to 7.3.5).
fn element_bytes(kind: u8) -> Option<usize> {
    Some(match kind {
        1 | 3 | 45..=47 | 70 | 100 | 101 | 105 | 113 => 1,
        5 | 21 | 104 | 106 => 2,
        9 | 11 | 48 | 49 | 110 | 111 => 3,
        2 | 4 | 51 => 4,
        6 | 7 | 13 | 15 | 20 | 50 | 112 => 5,
        10 | 12 | 17 => 6,
        18 | 19 | 103 => 7,
        8 | 14 | 16 | 30 | 31 | 58..=60 => 8,
        32 | 107 => 9,
        34 | 35 | 38 | 61 | 62 => 10,
        39 | 40 | 64 => 11,
        33 | 36 | 37 | 63 => 12,
        102 => 0,
        120 => 6,
        121 => 7,
        122 | 124 => 4,
        123 => 5,
        126 => 13,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::protocol::Sender;
    use super::super::testing::{hex, message, never_in_noise, never_panics, off_port, on_port};
    use super::*;

    const INTERROGATION: &str = "680e0000000064010600ffff00000014";
    const SINGLE_COMMAND: &str = "680e000000002d010600010001000001";
    const MONITORED: &str = "680e0200020001010300010001000001";

    #[test]
    fn functions_are_graded() {
        for (bytes, name, intent) in [
            ("680407000000", "startdt", Intent::Identify),
            ("680413000000", "stopdt", Intent::Identify),
            (INTERROGATION, "C_IC_NA_1 interrogation", Intent::Read),
            (SINGLE_COMMAND, "C_SC_NA_1 single-command", Intent::Write),
            ("680e0000000069010600010000000001", "C_RP_NA_1 reset-process", Intent::Control),
        ] {
            for context in [on_port(Sender::Unknown), off_port(Sender::Client)] {
                let request = message(&PROTOCOL, &hex(bytes), context);
                assert_eq!((request.function.name, request.intent, request.role), (name, intent, Role::Request));
            }
        }
    }

    #[test]
    fn tests_of_the_line_come_from_either_end() {
        let test = message(&PROTOCOL, &hex("680443000000"), on_port(Sender::Client));
        assert_eq!((test.role, test.intent, test.bytes), (Role::Either, Intent::Identify, 6));
        assert_eq!(message(&PROTOCOL, &hex("680401000200"), on_port(Sender::Client)).function.name, "supervisory");
    }

    #[test]
    fn confirmations_and_monitored_data_are_answers() {
        for bytes in ["680483000000", "68040b000000", MONITORED, "680e0000020064010700ffff00000014"] {
            assert_eq!(message(&PROTOCOL, &hex(bytes), on_port(Sender::Unknown)).role, Role::Answer);
        }
        assert!(message(&PROTOCOL, &hex("680e0000020064016e00ffff00000014"), on_port(Sender::Unknown)).error);
    }

    #[test]
    fn a_chain_is_read_one_by_one() {
        let chain = hex(&["680443000000", INTERROGATION].concat());
        assert_eq!(message(&PROTOCOL, &chain, off_port(Sender::Client)).bytes, 6);
        assert_eq!(parse(&hex("68044300000047"), &off_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn pieces_are_too_short_to_say() {
        for bytes in ["68", "680e", "680e00000000", "680e000000006401"] {
            assert_eq!(parse(&hex(bytes), &on_port(Sender::Client)), Verdict::Short, "{bytes}");
        }
        let cut = &hex(INTERROGATION)[..9];
        assert_eq!(message(&PROTOCOL, cut, on_port(Sender::Client)).bytes, 16);
        assert_eq!(parse(cut, &off_port(Sender::Client)), Verdict::Short);
    }

    #[test]
    fn near_misses_are_refused() {
        for bytes in [
            "680447000000",
            "680443000001",
            "680543000000",
            "680403000000",
            "680e0000000065020600ffff00000014",
            "680e00000000640e0600ffff00000014",
            "680e0000000063010600ffff00000014",
            "680e0000000064012a00ffff00000014",
        ] {
            assert_eq!(parse(&hex(bytes), &on_port(Sender::Client)), Verdict::No, "{bytes}");
        }
    }

    #[test]
    fn hostile_bytes_do_not_panic() {
        never_panics(&PROTOCOL, &[INTERROGATION, SINGLE_COMMAND, MONITORED, "680443000000680443000000"]);
    }

    #[test]
    fn noise_is_not_iec104() {
        never_in_noise(&PROTOCOL, &["68"]);
    }
}
