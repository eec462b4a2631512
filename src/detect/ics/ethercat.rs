//! EtherCAT (IEC 61158-4-12), over UDP or as an Ethertype. Little-endian: length (11 bits), reserved bit, type (4 bits); then datagrams
//! of command u8, index u8, address u16, offset u16, length (11 bits) and more-follows bit, interrupt u16, data, working counter u16.

use super::fields::{self, Fit, le16};
use super::protocol::Intent::{Control, Identify, Read, Write};
use super::protocol::{Context, Intent, Message, Protocol, Starts, Strength, Verdict, udp};
use crate::decode::Transport;

/// The Ethertype of EtherCAT.
pub const ETHERTYPE: u16 = 0x88a4;

pub static PROTOCOL: Protocol =
    Protocol { name: NAME, ports: &[udp(34980)], strength: Strength::Port, starts: Starts::Unused, sector: "manufacturing", parse };

const NAME: &str = "ethercat";

/// A frame of type 1 carries datagrams to slaves.
const TYPE_COMMANDS: u16 = 0x1000;
/// The low 11 bits of a length field.
const LENGTH: u16 = 0x07ff;
const MORE_FOLLOWS: u16 = 0x8000;
/// A datagram without its data: header (10 bytes) and working counter (2).
const DATAGRAM_BYTES: usize = 12;
/// Register addresses (ETG.1000.4): application layer control; the EEPROM's configuration and control.
const AL_CONTROL: u16 = 0x0120;
const EEPROM: std::ops::RangeInclusive<u16> = 0x0502..=0x0508;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    if context.transport == Transport::Tcp {
        return Verdict::No;
    }
    frame(bytes, context).unwrap_or_else(|| fields::too_few(context))
}

fn frame(bytes: &[u8], context: &Context) -> Option<Verdict> {
    let header = le16(bytes, 0)?;
    let total = usize::from(header & LENGTH) + 2;
    if header & !LENGTH != TYPE_COMMANDS || total < 2 + DATAGRAM_BYTES || fields::fit(total, bytes, context) == Fit::Wrong {
        return Some(Verdict::No);
    }
    let mut at = 2;
    let mut highest = (Intent::Connect, 0);
    let mut worked = false;
    loop {
        let command = *bytes.get(at)?;
        let register = le16(bytes, at + 4)?;
        let length = le16(bytes, at + 6)?;
        let end = at + DATAGRAM_BYTES + usize::from(length & LENGTH);
        if command > 0x0e || end > total {
            return Some(Verdict::No);
        }
        let intent = intent(command, register);
        if intent > highest.0 {
            highest = (intent, command);
        }
        worked |= le16(bytes, end - 2)? != 0;
        at = end;
        if length & MORE_FOLLOWS == 0 {
            break;
        }
    }
    if at != total {
        return Some(Verdict::No);
    }
    let (intent, command) = highest;
    let name = NAMES.get(usize::from(command)).copied().unwrap_or("");
    // Slaves count what they did in the working counter as the frame passes: a frame on its way back has been counted in.
    Some(Verdict::Message(if worked {
        Message::answer(NAME, total, name, command.into())
    } else {
        Message::request(NAME, total, intent, name, command.into())
    }))
}

/// How far a datagram goes: by its command, and for writes by the register.
fn intent(command: u8, register: u16) -> Intent {
    match command {
        0 => Identify,
        0x01 | 0x04 | 0x07 | 0x0a => Read,
        // Logical addresses (0A to 0C) are process data, not registers.
        0x0b | 0x0c => Write,
        _ if register == AL_CONTROL || EEPROM.contains(&register) => Control,
        _ => Write,
    }
}

/// The commands by number: auto-increment, configured, broadcast and logical addressing; read, write, both.
const NAMES: [&str; 15] = ["nop", "aprd", "apwr", "aprw", "fprd", "fpwr", "fprw", "brd", "bwr", "brw", "lrd", "lwr", "lrw", "armw", "frmw"];

#[cfg(test)]
mod tests {
    use super::super::protocol::{Role, Sender};
    use super::super::testing::{datagram, hex, link, message, never_panics};
    use super::*;

    const BROADCAST_READ: &str = "0e10 07 01 0000 3001 0200 0000 0000 0000";
    const AL_WRITE: &str = "0e10 05 01 0110 2001 0200 0000 0800 0000";
    const TWO: &str = "1c10 04 01 0110 0010 0280 0000 0000 0000 05 01 0110 0010 0200 0000 0100 0000";

    fn grade(sample: &str) -> (Role, Intent, &'static str) {
        let found = message(&PROTOCOL, &hex(sample), datagram(Sender::Unknown));
        (found.role, found.intent, found.function.name)
    }

    #[test]
    fn the_highest_datagram_grades_the_frame() {
        assert_eq!(grade(BROADCAST_READ), (Role::Request, Read, "brd"));
        assert_eq!(grade(TWO), (Role::Request, Write, "fpwr"));
        assert_eq!(grade(AL_WRITE), (Role::Request, Control, "fpwr"));
    }

    #[test]
    fn a_working_counter_makes_an_answer() {
        assert_eq!(grade("0e10 07 01 0000 3001 0200 0000 0800 0300").0, Role::Answer);
    }

    #[test]
    fn an_ethernet_payload_may_be_padded_a_datagram_not() {
        let mut bytes = hex(BROADCAST_READ);
        bytes.resize(46, 0);
        assert_eq!(message(&PROTOCOL, &bytes, link()).bytes, 16);
        assert_eq!(parse(&bytes, &datagram(Sender::Client)), Verdict::No);
    }

    #[test]
    fn broken_chains_types_and_commands_are_refused() {
        for (from, to) in
            [("0e10", "0e40"), ("0e10", "0e18"), ("0e10 07", "0e10 0f"), ("0200 0000", "0300 0000"), ("0200 0000", "0280 0000")]
        {
            assert_eq!(parse(&hex(&BROADCAST_READ.replacen(from, to, 1)), &datagram(Sender::Client)), Verdict::No);
        }
    }

    #[test]
    fn hostile_bytes() {
        never_panics(&PROTOCOL, &[BROADCAST_READ, AL_WRITE, TWO]);
    }
}
