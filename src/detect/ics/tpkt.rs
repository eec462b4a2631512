//! ISO-on-TCP: TPKT (RFC 1006 section 6) around COTP (ISO 8073, X.224), the common ground of S7comm, S7comm-plus and MMS.
//!
//! A connection proves ISO-on-TCP and no more. Its called TSAP says which of the three is likely, so that exactly one of them claims it;
//! what was claimed is remembered, and the answer goes to the same one.

use super::protocol::{Context, Intent, Message, Role, Sender, Verdict};
use crate::decode::Transport;

/// First bytes of every message: version 3, reserved 0.
pub const START: &[u8] = &[0x03, 0x00];
/// Bytes of the TPKT header, and of the COTP header of a data unit.
const HEADER_BYTES: usize = 4;
pub const DATA_OFFSET: usize = 7;
/// The function of a connection, whoever claims it.
pub const CONNECT_NAME: &str = "iso-connect";
/// COTP unit types, high nibble (X.224 section 13.1); the low nibble is credit.
const CONNECT: u8 = 0xe0;
const CONFIRM: u8 = 0xd0;
const DISCONNECT: u8 = 0x80;
const DATA: u8 = 0xf0;
/// Header length of a data unit in class 0 (X.224 section 13.7).
const DATA_LENGTH: u8 = 2;
/// Marks the last unit of a data sequence.
const LAST: u8 = 0x80;
/// Parameters of connect and confirm (X.224 section 13.3.4).
const CALLING_TSAP: u8 = 0xc1;
const CALLED_TSAP: u8 = 0xc2;
/// Longest TSAP that is believed: S7comm-plus's texts have 16 bytes.
const TSAP_BYTES_MAX: usize = 32;
/// Longest connect or confirm: fixed part and three parameters of the longest TSAPs.
const CONNECT_BYTES_MAX: usize = 128;

/// Which protocol claims a connection. The value is what [`Message::memory`] keeps in its low bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum Claim {
    S7comm = 1,
    S7commPlus = 2,
    Mms = 3,
}

/// The bits of the memory that hold a [`Claim`]; the others are the protocol's own.
pub const CLAIM_BITS: u16 = 0x0003;

impl Claim {
    /// The protocol's name as it stands in records.
    const fn name(self) -> &'static str {
        match self {
            Claim::S7comm => "s7comm",
            Claim::S7commPlus => "s7comm-plus",
            Claim::Mms => "mms",
        }
    }

    /// Whether this protocol's messages were seen in the conversation.
    pub const fn remembered(self, memory: u16) -> bool {
        memory & CLAIM_BITS == self as u16
    }
}

/// What stands in one TPKT.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unit<'a> {
    Connect(Tsaps<'a>),
    Confirm(Tsaps<'a>),
    Disconnect,
    /// The user's data as far as it is there, and whether the unit is the last of its sequence.
    Data {
        data: &'a [u8],
        last: bool,
    },
}

/// The selectors of a connection; `None` if not given.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tsaps<'a> {
    pub calling: Option<&'a [u8]>,
    pub called: Option<&'a [u8]>,
}

/// The unit at the start of some bytes, or why there is none.
pub enum Unpacked<'a> {
    No,
    Short,
    /// The unit and the TPKT's length, which may exceed the bytes.
    Unit(Unit<'a>, usize),
}

/// Takes a TPKT and its COTP header apart.
pub fn unpack<'a>(bytes: &'a [u8], context: &Context) -> Unpacked<'a> {
    if context.transport != Transport::Tcp {
        return Unpacked::No;
    }
    let &[version, reserved, high, low, header, kind, ..] = bytes else {
        return if START.starts_with(bytes.get(..2).unwrap_or(bytes)) { Unpacked::Short } else { Unpacked::No };
    };
    let total = usize::from(u16::from_be_bytes([high, low]));
    if [version, reserved] != START || total < HEADER_BYTES + 1 + usize::from(header) {
        return Unpacked::No;
    }
    if kind == DATA {
        return match bytes.get(6) {
            _ if header != DATA_LENGTH => Unpacked::No,
            None => Unpacked::Short,
            Some(&number) if number & !LAST == 0 => {
                let data = bytes.get(DATA_OFFSET..total.min(bytes.len())).unwrap_or_default();
                Unpacked::Unit(Unit::Data { data, last: number & LAST != 0 }, total)
            }
            Some(_) => Unpacked::No,
        };
    }
    // Some stacks put one byte behind a disconnect's header; every other unit ends with its header.
    let slack = total - (HEADER_BYTES + 1 + usize::from(header));
    if total > CONNECT_BYTES_MAX || slack > usize::from(kind == DISCONNECT) {
        return Unpacked::No;
    }
    let Some(unit) = bytes.get(..total) else { return if known(kind) { Unpacked::Short } else { Unpacked::No } };
    match (kind, parameters(unit)) {
        (CONNECT, Some(tsaps)) if unit.get(6..8) == Some(&[0, 0]) => Unpacked::Unit(Unit::Connect(tsaps), total),
        (CONFIRM, Some(tsaps)) => Unpacked::Unit(Unit::Confirm(tsaps), total),
        (DISCONNECT, _) if header >= 6 => Unpacked::Unit(Unit::Disconnect, total),
        _ => Unpacked::No,
    }
}

const fn known(kind: u8) -> bool {
    matches!(kind, CONNECT | CONFIRM | DISCONNECT)
}

/// The parameters of a connect or confirm, in any order; they must end exactly with the unit.
fn parameters(unit: &[u8]) -> Option<Tsaps<'_>> {
    let mut tsaps = Tsaps::default();
    let mut rest = unit.get(11..)?;
    while let &[code, length, ref after @ ..] = rest {
        let (value, next) = after.split_at_checked(length.into())?;
        match code {
            CALLING_TSAP if value.len() <= TSAP_BYTES_MAX => tsaps.calling = Some(value),
            CALLED_TSAP if value.len() <= TSAP_BYTES_MAX => tsaps.called = Some(value),
            // Size, version, checksum and the like: codes from 80 on (X.224 section 13.2.3).
            0x80..=0xff if code != CALLING_TSAP && code != CALLED_TSAP => {}
            _ => return None,
        }
        rest = next;
    }
    rest.is_empty().then_some(tsaps)
}

/// Who claims a connection with this called TSAP; off the port only the unmistakable ones are claimed.
fn claimant(tsaps: &Tsaps, on_port: bool) -> Option<Claim> {
    match *tsaps.called? {
        // Siemens: connection type PG, OP or basic, then rack and slot.
        [0x01..=0x03, _] => Some(Claim::S7comm),
        [b'S', b'I', b'M', b'A', b'T', b'I', b'C', b'-', ..] => Some(Claim::S7commPlus),
        _ if !on_port => None,
        // IEC 61850 stacks: 0000, 0001, one byte, or four.
        [_] | [0x00, _] | [0x00, 0x00, _] | [0x00, 0x00, _, _] => Some(Claim::Mms),
        _ => Some(Claim::S7comm),
    }
}

/// The verdict on a unit without user's data, from the parser that speaks for `claim`.
pub fn connection(unit: &Unit, total: usize, claim: Claim, context: &Context) -> Verdict {
    let remembered = claim.remembered(context.memory);
    let none_remembered = context.memory & CLAIM_BITS == 0;
    let claims = |tsaps: &Tsaps| claimant(tsaps, context.on_port) == Some(claim);
    let either = |name, code: u8| match context.sender {
        Sender::Server => Message { role: Role::Either, ..Message::answer(claim.name(), total, name, code.into()) },
        _ => Message { role: Role::Either, ..Message::request(claim.name(), total, Intent::Identify, name, code.into()) },
    };
    let message = match unit {
        Unit::Connect(tsaps) if claims(tsaps) => Message::request(claim.name(), total, Intent::Identify, CONNECT_NAME, CONNECT.into()),
        // Off the port other stacks connect alike: who it is, the next message tells.
        Unit::Connect(Tsaps { calling: Some(_), called: Some(_) }) if !context.on_port => return Verdict::Common(total),
        // A confirm need not repeat the TSAPs. Then, with the request unclaimed, it says nothing: a controller also confirms remote desktop's.
        Unit::Confirm(tsaps) if remembered || (none_remembered && claims(tsaps)) => {
            Message::answer(claim.name(), total, CONNECT_NAME, CONFIRM.into())
        }
        Unit::Disconnect if remembered => either("iso-disconnect", DISCONNECT),
        // Siemens' clients acknowledge with empty data units.
        Unit::Data { data: [], .. } if remembered && total == DATA_OFFSET => either("iso-empty-data", DATA),
        _ => return Verdict::No,
    };
    Verdict::Message(message.remembering((context.memory & !CLAIM_BITS) | claim as u16))
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hex, off_port, on_port};
    use super::*;

    fn claimants(bytes: &str, context: &Context) -> Vec<&'static str> {
        let bytes = hex(bytes);
        [Claim::S7comm, Claim::S7commPlus, Claim::Mms]
            .into_iter()
            .filter_map(|claim| match unpack(&bytes, context) {
                Unpacked::Unit(unit, total) => match connection(&unit, total, claim, context) {
                    Verdict::Message(message) => Some(message.protocol),
                    _ => None,
                },
                _ => None,
            })
            .collect()
    }

    #[test]
    fn exactly_one_protocol_claims_a_connection() {
        let context = on_port(Sender::Client);
        for (bytes, name) in [
            ("0300001611e00000001400c1020100c2020102c0010a", "s7comm"),
            ("0300001611e00000000100c0010ac1020100c2020200", "s7comm"),
            ("0300001611e00000000100c1020000c2020001c0010a", "mms"),
            ("0300001611e00000000100c1024d57c2024d57c0010a", "s7comm"),
            ("030000231ee00000000100c1020600c20f53494d415449432d524f4f542d4553c0010a", "s7comm-plus"),
        ] {
            assert_eq!(claimants(bytes, &context), [name], "{bytes}");
        }
    }

    #[test]
    fn remote_desktop_is_not_claimed() {
        for bytes in ["0300000b06e00000000000", "030000130ee000000000000100080003000000"] {
            assert!(claimants(bytes, &on_port(Sender::Client)).is_empty(), "{bytes}");
        }
        let cookie = [&hex("0300002722e00000000000")[..], b"Cookie: mstshash=hello\r\n\0\0\0\0"].concat();
        assert!(matches!(unpack(&cookie, &on_port(Sender::Client)), Unpacked::No));
    }

    #[test]
    fn off_the_port_only_plain_selectors_are_claimed() {
        let context = off_port(Sender::Client);
        assert_eq!(claimants("0300001611e00000001400c1020100c2020102c0010a", &context), ["s7comm"]);
        let other = "0300001611e00000000100c1020000c2020001c0010a";
        assert!(claimants(other, &context).is_empty());
        let bytes = hex(other);
        let Unpacked::Unit(unit, total) = unpack(&bytes, &context) else { panic!("a whole unit") };
        assert_eq!(connection(&unit, total, Claim::Mms, &context), Verdict::Common(22));
    }

    #[test]
    fn the_answer_goes_to_who_claimed_the_connection() {
        let confirm = "0300001611d00014000100c0010ac1020100c2020102";
        let bare = "0300000e09d00014000100c0010a";
        assert_eq!(claimants(confirm, &on_port(Sender::Server)), ["s7comm"]);
        assert!(claimants(bare, &on_port(Sender::Server)).is_empty());
        let asked = Context { memory: Claim::Mms as u16, ..on_port(Sender::Server) };
        assert_eq!(claimants(bare, &asked), ["mms"]);
        assert_eq!(claimants("0300000c0680000100010000", &asked), ["mms"]);
        assert_eq!(claimants("0300000702f000", &asked), ["mms"]);
    }

    #[test]
    fn parameters_that_do_not_end_with_the_unit_are_refused() {
        assert!(matches!(unpack(&hex("0300001611e00000001400c1020100c2020102c0020a"), &on_port(Sender::Client)), Unpacked::No));
        assert!(matches!(unpack(&hex("0300001711e00000001400c1020100c2020102c0010a00"), &on_port(Sender::Client)), Unpacked::No));
    }
}
