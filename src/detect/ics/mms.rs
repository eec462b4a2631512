//! Manufacturing Message Specification (ISO 9506), as IEC 61850-8-1 and ICCP/TASE.2 (IEC 60870-6) use it: inside ISO session, presentation
//! and association layers over ISO-on-TCP. ICCP is told by the names it reads and writes, and then keeps its name for the conversation.

use super::ber::{Element, element};
use super::protocol::{Context, Intent, Message, Protocol, Role, Sender, Starts, Strength, Verdict, tcp};
use super::text::disclose;
use super::tpkt::{self, CLAIM_BITS, Claim, DATA_OFFSET, START, Unit, Unpacked};

pub static PROTOCOL: Protocol =
    Protocol { name: "mms", ports: &[tcp(102)], strength: Strength::Anywhere, starts: Starts::Bytes(&[START]), sector: "energy", parse };

/// Session units (ISO 8327-1 section 8.3): connect, accept, finish, disconnect, abort.
const SESSION_CONNECT: u8 = 0x0d;
const SESSION_ACCEPT: u8 = 0x0e;
const SESSION_FINISH: u8 = 0x09;
const SESSION_DISCONNECT: u8 = 0x0a;
const SESSION_ABORT: u8 = 0x19;
/// Give tokens and data transfer, both empty, before every data unit.
const SESSION_DATA: [u8; 4] = [0x01, 0x00, 0x01, 0x00];
/// Presentation user data, fully encoded (ISO 8823-1), and the context identifier that carries MMS in every known stack.
const USER_DATA: u8 = 0x61;
const SEQUENCE: u8 = 0x30;
const INTEGER: u8 = 0x02;
const MMS_CONTEXT: &[u8] = &[0x03];
const SINGLE_ASN1: u8 = 0xa0;
/// OID 1.0.9506 in BER, without its last two parts: 2.1 is MMS's abstract syntax, 2.3 its application context (ISO 9506-2); older stacks
/// answer with 1.1.
const MMS_OID: [u8; 5] = [0x06, 0x05, 0x28, 0xca, 0x22];
/// Where an association's OID must stand, from the session unit's first byte.
const OID_WITHIN_BYTES: usize = 240;
/// How much of a message is searched for names.
const NAMES_WITHIN_BYTES: usize = 256;
/// Memory: ICCP names were seen.
const ICCP: u16 = 0x0100;
/// Memory: this side's last data unit was not the last of its sequence.
const CLIENT_UNFINISHED: u16 = 0x0200;
const SERVER_UNFINISHED: u16 = 0x0400;
/// Service number of identify.
const IDENTIFY: u8 = 2;

/// Names that only ICCP uses (IEC 60870-6-503; four implementations agree).
const ICCP_NAMES: &[&[u8]] = &[
    b"TASE2_Version",
    b"Supported_Features",
    b"Bilateral_Table_ID",
    b"DSConditions_Detected",
    b"Event_Code_Detected",
    b"Next_DSTransfer_Set",
    b"Transfer_Set_Name",
    b"Transfer_Set_Time_Stamp",
    b"Transfer_Report_ACK",
    b"Transfer_Report_NACK",
];

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    let (data, last, total) = match tpkt::unpack(bytes, context) {
        Unpacked::No => return Verdict::No,
        Unpacked::Short => return Verdict::Short,
        Unpacked::Unit(Unit::Data { data, last }, total) if total > DATA_OFFSET => (data, last, total),
        Unpacked::Unit(unit, total) => return tpkt::connection(&unit, total, Claim::Mms, context),
    };
    let remembered = Claim::Mms.remembered(context.memory);
    let side = if context.sender == Sender::Server { SERVER_UNFINISHED } else { CLIENT_UNFINISHED };
    let iccp_before = remembered && context.memory & ICCP != 0;
    let found = if remembered && context.memory & side != 0 {
        let continuation = Message::request(PROTOCOL.name, total, Intent::Identify, "continuation", 0);
        Found::Message(Message { role: Role::Either, ..continuation }, false)
    } else {
        session(bytes, data, last, total, remembered)
    };
    match found {
        Found::Message(message, iccp) => {
            let iccp = iccp || iccp_before;
            let kept = if remembered { context.memory & !CLAIM_BITS & !side } else { 0 };
            let memory = kept | Claim::Mms as u16 | if iccp { ICCP } else { 0 } | if last { 0 } else { side };
            let protocol = if iccp { "iccp" } else { PROTOCOL.name };
            Verdict::Message(Message { protocol, memory, ..message })
        }
        Found::Unreadable if bytes.len() < total => Verdict::Short,
        Found::Unreadable | Found::Nothing => Verdict::No,
    }
}

/// What stands in a data unit.
// It lives on the stack for the length of one call, like a verdict.
#[allow(clippy::large_enum_variant)]
enum Found {
    /// The message, and whether ICCP's names stand in it.
    Message(Message, bool),
    /// The structure ends before it tells: too short, if more belongs to it.
    Unreadable,
    Nothing,
}

fn session(bytes: &[u8], data: &[u8], last: bool, total: usize, remembered: bool) -> Found {
    let &[kind, length, ..] = data else {
        return if data.first().is_none_or(|&kind| matches!(kind, 0x01 | 0x09 | 0x0a | 0x0d | 0x0e | 0x19)) {
            Found::Unreadable
        } else {
            Found::Nothing
        };
    };
    if let Some(pdu) = bare(data, total, remembered) {
        return mms(bytes, &pdu, total);
    }
    let name = PROTOCOL.name;
    let exact = usize::from(length) + 2 + DATA_OFFSET == total || length == 0xff;
    match kind {
        SESSION_ACCEPT if remembered => Found::Message(Message::answer(name, total, "initiate", 0xa9), false),
        SESSION_CONNECT | SESSION_ACCEPT if exact || !last => match oid(data) {
            true if kind == SESSION_CONNECT => Found::Message(Message::request(name, total, Intent::Identify, "initiate", 0xa8), false),
            true => Found::Message(Message::answer(name, total, "initiate", 0xa9), false),
            false if data.len() < OID_WITHIN_BYTES => Found::Unreadable,
            false => Found::Nothing,
        },
        // The end of an association has no OID: it counts only where the association was seen.
        SESSION_FINISH | SESSION_DISCONNECT if exact && remembered => Found::Message(end(total, "release", kind), false),
        SESSION_ABORT if exact && remembered => Found::Message(end(total, "abort", kind), false),
        _ if SESSION_DATA.starts_with(data.get(..SESSION_DATA.len()).unwrap_or(data)) => presentation(bytes, data, last, total),
        _ => Found::Nothing,
    }
}

/// What ends an association, or answers that: either side may do either.
fn end(total: usize, name: &'static str, kind: u8) -> Message {
    Message { role: Role::Either, ..Message::request(PROTOCOL.name, total, Intent::Identify, name, kind.into()) }
}

/// An MMS unit directly in the transport, without session and presentation, as some stacks and test tools send it: an initiate with its
/// parameters (ISO 9506-2: proposed version, services supported), or in a conversation that is known for MMS a confirmed unit. The
/// element fills the transport unit to the byte.
fn bare(data: &[u8], total: usize, remembered: bool) -> Option<Element<'_>> {
    let pdu = element(data)?;
    let fills = pdu.total.is_some_and(|bytes| bytes + DATA_OFFSET == total);
    let initiates = matches!(pdu.tag, 0xa8 | 0xa9) && pdu.content.windows(5).any(|window| matches!(window, [0xa4, _, 0x80, 1 | 2, _]));
    (fills && (initiates || remembered && matches!(pdu.tag, 0xa0..=0xa4))).then_some(pdu)
}

/// Whether an association is MMS's.
fn oid(data: &[u8]) -> bool {
    let within = data.get(..OID_WITHIN_BYTES).unwrap_or(data);
    within.windows(MMS_OID.len() + 2).any(|window| matches!(window.strip_prefix(&MMS_OID), Some([1 | 2, 1 | 3])))
}

/// Unwraps presentation user data: 61 { 30 { 02 01 03, A0 { MMS } } }.
fn presentation(bytes: &[u8], data: &[u8], last: bool, total: usize) -> Found {
    let encoded = data.get(SESSION_DATA.len()..).unwrap_or_default();
    let Some(user_data) = element(encoded) else {
        return if encoded.first().is_none_or(|&tag| tag == USER_DATA) { Found::Unreadable } else { Found::Nothing };
    };
    let expected = total.checked_sub(DATA_OFFSET + SESSION_DATA.len());
    if user_data.tag != USER_DATA || (last && user_data.total.is_some() && user_data.total != expected) {
        return Found::Nothing;
    }
    let Some(list) = element(user_data.content) else { return Found::Unreadable };
    let Some(identifier) = element(list.content) else { return Found::Unreadable };
    if list.tag != SEQUENCE || identifier.tag != INTEGER || !MMS_CONTEXT.starts_with(identifier.content) {
        return Found::Nothing;
    }
    let Some(value) = element(identifier.rest(list.content)) else { return Found::Unreadable };
    let Some(pdu) = element(value.content) else { return Found::Unreadable };
    if value.tag != SINGLE_ASN1 {
        return Found::Nothing;
    }
    mms(bytes, &pdu, total)
}

/// An MMS PDU by its tag (ISO 9506-2 section 7).
fn mms(bytes: &[u8], pdu: &Element, total: usize) -> Found {
    let protocol = PROTOCOL.name;
    let code = u32::from(pdu.tag);
    let request = |name, intent| Found::Message(Message::request(protocol, total, intent, name, code), false);
    let answer = |name, error| Found::Message(Message { error, ..Message::answer(protocol, total, name, code) }, false);
    match pdu.tag {
        0xa0 => match confirmed(pdu) {
            Some(service) => Found::Message(confirmed_request(pdu, &service, total), iccp(pdu.content)),
            None => Found::Unreadable,
        },
        0xa1 => match confirmed(pdu) {
            Some(service) => Found::Message(confirmed_response(bytes, &service, total), false),
            // Simple servers leave the service out.
            None if bytes.len() >= total => answer("confirmed-response", false),
            None => Found::Unreadable,
        },
        0xa2 => answer("confirmed-error", true),
        0xa3 => Found::Message(Message::answer(protocol, total, "information-report", code), iccp(pdu.content)),
        0xa4 => answer("reject", true),
        0x85 => request("cancel", Intent::Read),
        0x86 => answer("cancel", false),
        0xa7 => answer("cancel", true),
        0xa8 => request("initiate", Intent::Identify),
        0xa9 => answer("initiate", false),
        0xaa => answer("initiate", true),
        0x8b | 0x8c => Found::Message(end(total, "conclude", pdu.tag), false),
        0xad => Found::Message(Message { error: true, ..end(total, "conclude", pdu.tag) }, false),
        _ => Found::Nothing,
    }
}

/// The service element of a confirmed request or response: after the invoke identifier and, rarely, a list of modifiers.
fn confirmed<'a>(pdu: &Element<'a>) -> Option<Element<'a>> {
    let invoke = element(pdu.content).filter(|invoke| invoke.tag == INTEGER)?;
    let rest = invoke.rest(pdu.content);
    let service = element(rest)?;
    if service.tag == SEQUENCE { element(service.rest(rest)) } else { Some(service) }
}

fn confirmed_request(pdu: &Element, service: &Element, total: usize) -> Message {
    let (name, intent) = refined(service.number, pdu.content).unwrap_or(self::service(service.number));
    Message::request(PROTOCOL.name, total, intent, name, service.number.into())
}

fn confirmed_response(bytes: &[u8], service: &Element, total: usize) -> Message {
    let mut message = Message::answer(PROTOCOL.name, total, self::service(service.number).0, service.number.into());
    if service.number == IDENTIFY {
        disclose_identity(&mut message, bytes, service.content);
    }
    message
}

/// Vendor, model and revision of an identify response (ISO 9506-2, Identify-Response).
fn disclose_identity(message: &mut Message, bytes: &[u8], identity: &[u8]) {
    // The identity is the innermost and last thing in the message, so it ends where the message ends.
    let Some(mut at) = message.bytes.min(bytes.len()).checked_sub(identity.len()) else { return };
    let mut rest = identity;
    while let Some(item) = element(rest) {
        let field = match item.tag {
            0x80 => "vendor",
            0x81 => "model",
            0x82 => "firmware",
            _ => return,
        };
        disclose(message, bytes, field, at + item.content_offset, item.content.len());
        let Some(total) = item.total else { return };
        at += total;
        rest = item.rest(rest);
    }
}

fn contains(content: &[u8], name: &[u8]) -> bool {
    content.get(..NAMES_WITHIN_BYTES).unwrap_or(content).windows(name.len()).any(|window| window == name)
}

fn iccp(content: &[u8]) -> bool {
    ICCP_NAMES.iter().any(|name| contains(content, name))
}

/// Reads and writes whose names tell more than the service does: IEC 61850's functional constraints, ICCP's objects.
fn refined(service: u8, content: &[u8]) -> Option<(&'static str, Intent)> {
    match service {
        4 if contains(content, b"TASE2_Version") || contains(content, b"Supported_Features") => Some(("read", Intent::Identify)),
        5 if contains(content, b"$CO$") => Some(("operate", Intent::Write)),
        5 if contains(content, b"$BR$") || contains(content, b"$RP$") => Some(("report-subscription", Intent::Read)),
        5 if contains(content, b"$SP$") || contains(content, b"$SE$") || contains(content, b"$SG$") => {
            Some(("write-setting", Intent::Write))
        }
        5 if contains(content, b"DSTransmissionPars") || contains(content, b"Transfer_Set") => {
            Some(("transfer-set-activation", Intent::Read))
        }
        _ => None,
    }
}

/// Confirmed services by number (ISO 9506-2, ConfirmedServiceRequest).
fn service(number: u8) -> (&'static str, Intent) {
    use Intent::{Control, Identify, Read, Write};
    match number {
        0 => ("status", Identify),
        1 => ("get-name-list", Read),
        IDENTIFY => ("identify", Identify),
        3 => ("rename", Write),
        4 => ("read", Read),
        5 => ("write", Write),
        6 => ("get-variable-access-attributes", Read),
        7 | 8 | 11 | 14 => ("define", Write),
        10 | 13 | 16 => ("delete-definition", Write),
        12 => ("get-named-variable-list-attributes", Read),
        15 | 37 | 45 | 49 | 55 | 61 => ("get-attributes", Read),
        17 => ("input", Write),
        18 => ("output", Write),
        19 => ("take-control", Write),
        20 => ("relinquish-control", Write),
        21 | 22 => ("semaphore", Write),
        23..=25 | 50 | 56 | 60 | 68 => ("report-status", Read),
        26..=28 => ("domain-download", Control),
        29..=31 => ("domain-upload", Control),
        32..=35 => ("domain-load-store", Control),
        36 => ("delete-domain", Control),
        38 => ("create-program-invocation", Control),
        39 => ("delete-program-invocation", Control),
        40 => ("start", Control),
        41 => ("stop", Control),
        42 => ("resume", Control),
        43 => ("reset", Control),
        44 => ("kill", Control),
        46 => ("obtain-file", Control),
        47 | 48 | 51..=54 | 57..=59 | 62 => ("event", Write),
        63 | 64 => ("alarm-summary", Read),
        65 => ("read-journal", Read),
        66 | 67 | 69 | 70 => ("journal", Write),
        71 => ("get-capability-list", Identify),
        72 => ("file-open", Control),
        73 => ("file-read", Control),
        74 => ("file-close", Control),
        75 => ("file-rename", Control),
        76 => ("file-delete", Control),
        77 => ("file-directory", Read),
        _ => ("", Read),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{disclosed, hex, message, never_in_noise, never_panics, off_port, on_port};
    use super::*;

    const IDENTIFY_REQUEST: &str = "0300001b 02f080 01000100 610e300c020103a007 a0050201018200";
    const IDENTIFY_ANSWER: &str = "0300002b 02f080 01000100 611e301c020103a017 a1150201 01a210 800341424381044d4f444c 8203312e30";
    const CONCLUDE: &str = "03000016 02f080 01000100 61093007020103a0028b00";
    /// A session connect of 40 bytes that names MMS's application context.
    const INITIATE: &str = "0300002a 02f080 0d21 05061301001601021402000233020001 c10f 310d 0607 a107 0605 28ca220203 00 00";

    fn initiate() -> Vec<u8> {
        let mut bytes = hex(INITIATE);
        let length = bytes.len();
        bytes[3] = length as u8;
        bytes[8] = length as u8 - 9;
        bytes
    }

    /// A confirmed request with this service and content.
    fn confirmed_request(service: &[u8], content: &[u8]) -> Vec<u8> {
        let wrap = |tag: &[u8], content: &[u8]| [tag, &[content.len() as u8], content].concat();
        let pdu = wrap(&[0xa0], &[&hex("020101")[..], &wrap(service, content)].concat());
        let list = wrap(&[0x30], &[&hex("020103")[..], &wrap(&[0xa0], &pdu)].concat());
        let data = [&hex("01000100")[..], &wrap(&[0x61], &list)].concat();
        [&[3, 0, 0, data.len() as u8 + 7, 2, 0xf0, 0x80], &data[..]].concat()
    }

    #[test]
    fn the_association_is_told_by_its_oid() {
        let request = message(&PROTOCOL, &initiate(), off_port(Sender::Unknown));
        assert_eq!((request.role, request.intent, request.function.name), (Role::Request, Intent::Identify, "initiate"));
        let mut other = initiate();
        let at = other.windows(2).position(|window| window == [0xca, 0x22]).unwrap();
        other[at] = 0xcb;
        assert_eq!(parse(&other, &on_port(Sender::Client)), Verdict::No);
        assert_eq!(parse(&initiate()[..20], &on_port(Sender::Client)), Verdict::Short);
    }

    #[test]
    fn services_are_graded() {
        for (service, name, intent) in [
            (&[0x82][..], "identify", Intent::Identify),
            (&[0xa1], "get-name-list", Intent::Read),
            (&[0xa4], "read", Intent::Read),
            (&[0xa5], "write", Intent::Write),
            (&[0xbf, 0x29], "stop", Intent::Control),
            (&[0xbf, 0x48], "file-open", Intent::Control),
        ] {
            let request = message(&PROTOCOL, &confirmed_request(service, &[]), off_port(Sender::Unknown));
            assert_eq!((request.function.name, request.intent, request.role), (name, intent, Role::Request));
        }
    }

    #[test]
    fn names_refine_a_write() {
        for (content, name, intent) in [
            (&b"XCBR1$CO$Pos$Oper"[..], "operate", Intent::Write),
            (b"LLN0$BR$brcb01$RptEna", "report-subscription", Intent::Read),
            (b"PTOC1$SE$StrVal", "write-setting", Intent::Write),
        ] {
            let request = message(&PROTOCOL, &confirmed_request(&[0xa5], content), on_port(Sender::Client));
            assert_eq!((request.function.name, request.intent), (name, intent));
        }
    }

    #[test]
    fn iccp_names_name_the_rest_of_the_conversation() {
        let first = message(&PROTOCOL, &confirmed_request(&[0xa4], b"TASE2_Version"), on_port(Sender::Client));
        assert_eq!((first.protocol, first.intent), ("iccp", Intent::Identify));
        let context = Context { memory: first.memory, ..on_port(Sender::Client) };
        assert_eq!(message(&PROTOCOL, &hex(CONCLUDE), context).protocol, "iccp");
        assert_eq!(message(&PROTOCOL, &hex(CONCLUDE), on_port(Sender::Client)).protocol, "mms");
    }

    #[test]
    fn the_identify_answer_discloses() {
        let bytes = hex(IDENTIFY_ANSWER);
        let answer = message(&PROTOCOL, &bytes, on_port(Sender::Server));
        assert_eq!((answer.role, answer.function.name), (Role::Answer, "identify"));
        assert_eq!(disclosed(&answer, &bytes, "vendor"), Some("ABC"));
        assert_eq!(disclosed(&answer, &bytes, "model"), Some("MODL"));
        assert_eq!(disclosed(&answer, &bytes, "firmware"), Some("1.0"));
    }

    #[test]
    fn near_misses_are_refused() {
        for bytes in [
            "0300001b 02f080 01000100 610f300c020103a007 a0050201018200",
            "0300001b 02f080 01000100 610e300c020101a007 a0050201018200",
            "0300001b 02f080 01000200 610e300c020103a007 a0050201018200",
            "0300001b 02f080 01000100 610e300c020103a007 b0050201018200",
        ] {
            assert_eq!(parse(&hex(bytes), &on_port(Sender::Client)), Verdict::No, "{bytes}");
        }
    }

    #[test]
    fn a_unit_that_is_not_the_last_is_continued() {
        let mut first = confirmed_request(&[0xa4], b"some name");
        first[6] = 0x00;
        let begun = message(&PROTOCOL, &first, on_port(Sender::Client));
        let context = Context { memory: begun.memory, ..on_port(Sender::Client) };
        let next = message(&PROTOCOL, &hex("0300000a02f080010203"), context);
        assert_eq!((begun.function.name, next.function.name), ("read", "continuation"));
        assert_eq!(parse(&hex("0300000a02f080010203"), &Context { memory: next.memory, ..context }), Verdict::No);
    }

    #[test]
    fn hostile_bytes_do_not_panic() {
        never_panics(&PROTOCOL, &[IDENTIFY_REQUEST, IDENTIFY_ANSWER, CONCLUDE, INITIATE, "0300001611e00000000100c1020000c2020001c0010a"]);
    }

    #[test]
    fn noise_is_not_mms() {
        never_in_noise(&PROTOCOL, &["0300", "0300001b02f080", "0300001b02f080010001"]);
    }
}
