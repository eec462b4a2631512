//! SAIA Ether-S-Bus. Big-endian: length u32 (of the whole telegram), version u8, protocol u8 = 0, sequence u16, attribute u8; request:
//! station u8, command u8, data; answer: data; acknowledgement: code u16. At the end CRC-16/XMODEM u16.

use super::crc;
use super::fields::{self, Fit, be16, be32};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, Intent, Message, Protocol, Starts, Strength, Verdict, udp};
use super::text::text;
use crate::decode::Transport;

pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[udp(5050)],
    strength: Strength::Anywhere,
    starts: Starts::Bytes(&[&[0, 0]]),
    sector: "buildings",
    parse,
};

const NAME: &str = "ether-s-bus";

/// Length, version, protocol, sequence, attribute, CRC: no telegram is shorter.
const TELEGRAM_BYTES_MIN: usize = 11;
/// Where an answer's data begins.
const DATA_AT: usize = 9;

const ATTRIBUTE_REQUEST: u8 = 0;
const ATTRIBUTE_ANSWER: u8 = 1;
const ATTRIBUTE_ACKNOWLEDGEMENT: u8 = 2;

const READ_FIRMWARE_VERSION: u8 = 0x20;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    if context.transport != Transport::Udp {
        return Verdict::No;
    }
    telegram(bytes, context).unwrap_or_else(|| fields::too_few(context))
}

fn telegram(bytes: &[u8], context: &Context) -> Option<Verdict> {
    let total = be32(bytes, 0)? as usize;
    let &[version, protocol, _, _, attribute, ..] = bytes.get(4..)? else { return None };
    let is_known = version < 2 && protocol == 0 && attribute <= ATTRIBUTE_ACKNOWLEDGEMENT;
    if !is_known || total < TELEGRAM_BYTES_MIN || fields::fit(total, bytes, context) == Fit::Wrong {
        return Some(Verdict::No);
    }
    let body = bytes.get(..total - 2)?;
    if crc::xmodem(body) != be16(bytes, total - 2)? {
        return Some(Verdict::No);
    }
    // An answer does not repeat its command: the conversation's memory holds it, plus one.
    let asked = context.memory.checked_sub(1).and_then(|command| u8::try_from(command).ok());
    let name = asked.map_or("", |asked| command(asked).0);
    let code = asked.unwrap_or(0).into();
    Some(Verdict::Message(match attribute {
        ATTRIBUTE_REQUEST => {
            let Some(&asking) = body.get(DATA_AT + 1) else { return Some(Verdict::No) };
            let (name, intent) = command(asking);
            Message { memory: u16::from(asking) + 1, ..Message::request(NAME, total, intent, name, asking.into()) }
        }
        ATTRIBUTE_ANSWER => {
            let mut answer = Message { memory: context.memory, ..Message::answer(NAME, total, name, code) };
            if asked == Some(READ_FIRMWARE_VERSION) {
                answer.disclosed[0] = text("model", body, DATA_AT, 5);
                answer.disclosed[1] = text("firmware", body, DATA_AT + 5, 3);
            }
            answer
        }
        _ => {
            let error = be16(body, DATA_AT).is_some_and(|code| code != 0);
            Message { error, memory: context.memory, ..Message::answer(NAME, total, name, code) }
        }
    }))
}

/// Name and grade of a command, by the list in the Wireshark dissector. Several stand for one act on each of seven processors.
fn command(code: u8) -> (&'static str, Intent) {
    match code {
        0x00 => ("read-counters", Read),
        0x01 => ("read-display", Read),
        0x02 => ("read-flags", Read),
        0x03 => ("read-inputs", Read),
        0x04 => ("read-clock", Identify),
        0x05 => ("read-outputs", Read),
        0x06 => ("read-registers", Read),
        0x07 => ("read-timers", Read),
        0x0a => ("write-counters", Write),
        0x0b => ("write-flags", Write),
        0x0c => ("set-clock", Control),
        0x0d => ("write-outputs", Write),
        0x0e => ("write-registers", Write),
        0x0f => ("write-timers", Write),
        0x13 => ("read-write-multimedia", Write),
        0x14..=0x1b => ("read-status", Identify),
        0x1d => ("read-station", Identify),
        0x1e => ("read-user-memory", Control),
        0x1f => ("read-program", Control),
        READ_FIRMWARE_VERSION => ("read-firmware-version", Identify),
        0x21 => ("read-text", Read),
        0x22 => ("read-transition", Read),
        0x23 => ("write-user-memory", Control),
        0x24 => ("write-program", Control),
        0x25 => ("write-text", Write),
        0x28..=0x30 => ("run", Control),
        0x32..=0x39 => ("restart-cold", Control),
        0x3c..=0x44 => ("stop", Control),
        0x46..=0x4b => ("read-processor", Read),
        0x50..=0x53 => ("write-processor", Control),
        0x5a..=0x5e => ("clear", Control),
        0x64..=0x6b => ("restart-warm", Control),
        0x6e..=0x77 => ("debug", Control),
        0x82..=0x84 => ("interrupt", Control),
        0x91 => ("read-hangup-timeout", Read),
        0x96 => ("read-data-block", Read),
        0x97 => ("write-data-block", Write),
        0x98..=0x9a => ("change-blocks", Control),
        0x9b..=0x9f => ("read-blocks", Read),
        0xa1 => ("read-eeprom", Read),
        0xa3 => ("write-eeprom", Control),
        0xa5 => ("erase-flash", Control),
        0xa6 => ("restart-cold-flag", Control),
        0xa7 => ("write-system-buffer", Control),
        0xa8 => ("read-system-buffer", Read),
        0xa9 => ("read-write-block", Control),
        0xaa => ("get-diagnostic", Read),
        0xab => ("read-system-information", Identify),
        0xac => ("change-blocks", Control),
        0xad => ("flash-card", Control),
        0xae => ("download-firmware", Control),
        0xaf => ("web-server", Read),
        _ => ("", Read),
    }
}

#[cfg(test)]
mod tests {
    use super::super::protocol::{Role, Sender};
    use super::super::testing::{datagram, message, never_in_noise, never_panics, told};
    use super::*;

    fn sealed(after_sequence: &[u8]) -> Vec<u8> {
        let total = (8 + after_sequence.len() + 2) as u32;
        let body = [&total.to_be_bytes()[..], &[1, 0, 0, 7], after_sequence].concat();
        let crc = crc::xmodem(&body).to_be_bytes();
        [body, crc.to_vec()].concat()
    }

    fn grade(command: u8) -> (Role, Intent, &'static str) {
        let found = message(&PROTOCOL, &sealed(&[0, 1, command]), datagram(Sender::Unknown));
        (found.role, found.intent, found.function.name)
    }

    #[test]
    fn commands_are_graded() {
        assert_eq!(grade(0x20), (Role::Request, Intent::Identify, "read-firmware-version"));
        assert_eq!(grade(0x06), (Role::Request, Intent::Read, "read-registers"));
        assert_eq!(grade(0x0b), (Role::Request, Intent::Write, "write-flags"));
        assert_eq!(grade(0x43), (Role::Request, Intent::Control, "stop"));
        assert_eq!(grade(0xae), (Role::Request, Intent::Control, "download-firmware"));
        assert_eq!(grade(0xa0), (Role::Request, Intent::Read, ""));
    }

    #[test]
    fn the_answer_to_the_firmware_question_names_the_device() {
        let asked = message(&PROTOCOL, &sealed(&[0, 1, 0x20]), datagram(Sender::Client));
        let bytes = sealed(&[&[1][..], b"D2M1 055\0"].concat());
        let found = message(&PROTOCOL, &bytes, Context { memory: asked.memory, ..datagram(Sender::Server) });
        assert_eq!((found.role, found.function.name), (Role::Answer, "read-firmware-version"));
        assert_eq!(told(&found, &bytes, "model"), "D2M1");
        assert_eq!(told(&found, &bytes, "firmware"), "055");
    }

    #[test]
    fn a_refusal_is_an_error() {
        assert!(message(&PROTOCOL, &sealed(&[2, 0, 1]), datagram(Sender::Server)).error);
        assert!(!message(&PROTOCOL, &sealed(&[2, 0, 0]), datagram(Sender::Server)).error);
    }

    #[test]
    fn a_bad_check_sum_length_or_protocol_is_refused() {
        let good = sealed(&[0, 1, 6]);
        for at in [3, 5, 8, 10, 12] {
            let mut near = good.clone();
            near[at] ^= 4;
            assert_eq!(parse(&near, &datagram(Sender::Client)), Verdict::No);
        }
    }

    #[test]
    fn hostile_bytes() {
        let sample: String = sealed(&[0, 1, 6, 1, 0, 9]).iter().map(|b| format!("{b:02x}")).collect();
        never_panics(&PROTOCOL, &[&sample]);
        never_in_noise(&PROTOCOL, &[]);
    }
}
