//! EtherNet/IP (ODVA, CIP volume 2 chapter 2): sessions and explicit messages over TCP, discovery over UDP. All numbers are little-endian.
//! Both directions look alike; lengths, item types and CIP's reply bit tell them apart.

use super::cip;
use super::memory::HEAD_BYTES;
use super::protocol::{Context, Form, Function, Intent, Message, Protocol, Role, Sender, Starts, Strength, Verdict, tcp, udp};
use super::text::{disclose, note_as};
use crate::decode::Transport;

pub static PROTOCOL: Protocol = Protocol {
    name: "enip",
    ports: &[tcp(44818), udp(44818)],
    strength: Strength::AnywhereTwice,
    starts: Starts::Bytes(&[&[0x04, 0x00], &[0x63, 0x00], &[0x64, 0x00], &[0x65, 0x00], &[0x66, 0x00], &[0x6f, 0x00], &[0x70, 0x00]]),
    sector: "manufacturing",
    parse,
};

const NAME: &str = PROTOCOL.name;
/// Header: command, length of the rest, session, status, sender's context (8), options.
const HEADER_BYTES: usize = 24;
/// Commands.
const NOP: u16 = 0x00;
const LIST_SERVICES: u16 = 0x04;
const LIST_IDENTITY: u16 = 0x63;
const LIST_INTERFACES: u16 = 0x64;
const REGISTER_SESSION: u16 = 0x65;
const UNREGISTER_SESSION: u16 = 0x66;
const SEND_RR_DATA: u16 = 0x6f;
const SEND_UNIT_DATA: u16 = 0x70;
const INDICATE_STATUS: u16 = 0x72;
const CANCEL: u16 = 0x73;
const START_DTLS: u16 = 0xc8;
/// Protocol version 1, no options: the data of register-session.
const VERSION: [u8; 4] = [0x01, 0x00, 0x00, 0x00];
/// Items of the common packet format: null address, connected address, connected data, unconnected data.
const NULL_ADDRESS: u16 = 0x00;
const CONNECTED_ADDRESS: u16 = 0xa1;
const CONNECTED_DATA: u16 = 0xb1;
const UNCONNECTED_DATA: u16 = 0xb2;
const ITEMS: std::ops::RangeInclusive<u16> = 1..=4;
/// Where items begin behind interface handle, timeout and count; and how long each one's head is.
const ITEMS_OFFSET: usize = HEADER_BYTES + 8;
const ITEM_HEAD_BYTES: usize = 4;
/// Where list-identity's answer has its item's type, and behind socket address, vendor, type, code, revision, status and serial the name.
const IDENTITY_ITEM: u16 = 0x0c;
const IDENTITY_NAME_LENGTH: usize = 62;
/// Where the vendor's number (ODVA's list), the revision and the serial number stand there.
const IDENTITY_VENDOR: usize = 48;
const IDENTITY_REVISION: usize = 54;
const IDENTITY_SERIAL: usize = 58;

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|&word| u16::from_le_bytes(word))
}

/// The header's fields that decide.
struct Header {
    command: u16,
    length: usize,
    session: u32,
    status: u32,
}

/// What a message leaves: the conversation is EtherNet/IP's.
const KNOWN: u16 = 1;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    match read(bytes, context) {
        Verdict::Message(message) => Verdict::Message(message.remembering(KNOWN)),
        other => other,
    }
}

fn read(bytes: &[u8], context: &Context) -> Verdict {
    let Some(header) = bytes.first_chunk::<HEADER_BYTES>() else {
        let possible = word(bytes, 0).is_none_or(|command| name(command).is_some());
        return if possible && !context.whole { Verdict::Short } else { Verdict::No };
    };
    let &[c0, c1, n0, n1, s0, s1, s2, s3, e0, e1, e2, e3, _, _, _, _, _, _, _, _, o0, o1, o2, o3] = header;
    let header = Header {
        command: u16::from_le_bytes([c0, c1]),
        length: u16::from_le_bytes([n0, n1]).into(),
        session: u32::from_le_bytes([s0, s1, s2, s3]),
        status: u32::from_le_bytes([e0, e1, e2, e3]),
    };
    let total = HEADER_BYTES + header.length;
    let Some(name) = name(header.command) else { return Verdict::No };
    let discovery = matches!(header.command, LIST_SERVICES | LIST_IDENTITY | LIST_INTERFACES);
    if [o0, o1, o2, o3] != [0; 4]
        || (context.whole && total != bytes.len())
        || (context.transport == Transport::Udp && !discovery)
        || !status_known(header.status)
    {
        return Verdict::No;
    }
    if !context.on_port {
        // A foreign port: only whole messages of commands that have content, each followed by nothing or by another.
        let rest = bytes.get(total..).map(|rest| rest.is_empty() || word(rest, 0).is_some_and(|command| self::name(command).is_some()));
        match rest {
            _ if !(discovery || (REGISTER_SESSION..=SEND_UNIT_DATA).contains(&header.command)) => return Verdict::No,
            Some(true) => {}
            Some(false) => return Verdict::No,
            None => return Verdict::Short,
        }
    }
    let code = u32::from(header.command);
    let request = Message::request(NAME, total, Intent::Identify, name, code);
    let answer = Message { error: header.status != 0, ..Message::answer(NAME, total, name, code) };
    let either = Message { role: Role::Either, ..request };
    let message = match (header.command, header.length) {
        (_, 0) if header.status != 0 => answer,
        (LIST_SERVICES | LIST_IDENTITY | LIST_INTERFACES, 0) if header.status == 0 => request,
        (LIST_SERVICES | LIST_IDENTITY | LIST_INTERFACES, 2..) => return listing(bytes, &header, answer),
        (REGISTER_SESSION, 4) => match bytes.get(HEADER_BYTES..HEADER_BYTES + 4) {
            None => return Verdict::Short,
            Some(version) if version != VERSION && header.status == 0 => return Verdict::No,
            Some(_) if header.session == 0 && header.status == 0 => request,
            // A client that registers once more may still name the session of its last connection.
            Some(_) if header.status == 0 && context.sender == Sender::Client => request,
            Some(_) => answer,
        },
        (UNREGISTER_SESSION, 0) if header.session != 0 || context.on_port => request,
        (SEND_RR_DATA | SEND_UNIT_DATA, _) => return items(bytes, total, &header, &either, context),
        // Headers in which nothing but the command need be set, and a nop's is all zeros: only in a conversation that is known.
        (NOP | INDICATE_STATUS | CANCEL, _) if header.status == 0 && context.memory == KNOWN => either,
        (START_DTLS, _) if header.status == 0 => either,
        _ => return Verdict::No,
    };
    Verdict::Message(message)
}

fn name(command: u16) -> Option<&'static str> {
    Some(match command {
        NOP => "nop",
        LIST_SERVICES => "list-services",
        LIST_IDENTITY => "list-identity",
        LIST_INTERFACES => "list-interfaces",
        REGISTER_SESSION => "register-session",
        UNREGISTER_SESSION => "unregister-session",
        SEND_RR_DATA => "send-rr-data",
        SEND_UNIT_DATA => "send-unit-data",
        INDICATE_STATUS => "indicate-status",
        CANCEL => "cancel",
        START_DTLS => "start-dtls",
        _ => return None,
    })
}

/// Status codes of CIP volume 2 table 2-3.3; requests have 0.
fn status_known(status: u32) -> bool {
    matches!(status, 0..=3 | 0x64 | 0x65 | 0x69 | 0x6a)
}

/// The answer to a discovery command: a count of items, then the items.
fn listing(bytes: &[u8], header: &Header, answer: Message) -> Verdict {
    let Some(count) = word(bytes, HEADER_BYTES) else { return Verdict::Short };
    let item = word(bytes, HEADER_BYTES + 2);
    let mut message = answer;
    match (header.command, item) {
        (LIST_INTERFACES, _) if count == 0 && header.length == 2 => {}
        (_, None) => return Verdict::Short,
        (LIST_IDENTITY, Some(IDENTITY_ITEM)) if ITEMS.contains(&count) => {
            if let Some(&length) = bytes.get(IDENTITY_NAME_LENGTH) {
                disclose(&mut message, bytes, "product", IDENTITY_NAME_LENGTH + 1, length.into());
                note_as(&mut message, Form::HexLittle, "vendor_id", IDENTITY_VENDOR, 2);
                note_as(&mut message, Form::Dotted, "firmware", IDENTITY_REVISION, 2);
                note_as(&mut message, Form::HexLittle, "serial", IDENTITY_SERIAL, 4);
            }
        }
        (LIST_SERVICES | LIST_INTERFACES, Some(_)) if ITEMS.contains(&count) => {}
        _ => return Verdict::No,
    }
    Verdict::Message(message)
}

/// Send-rr-data and send-unit-data: interface handle 0, timeout, items; the data item holds CIP.
fn items(bytes: &[u8], total: usize, header: &Header, either: &Message, context: &Context) -> Verdict {
    let short = if bytes.len() < total { Verdict::Short } else { Verdict::No };
    let Some(&[h0, h1, h2, h3, _, _, c0, c1]) = bytes.get(HEADER_BYTES..ITEMS_OFFSET) else { return short };
    if [h0, h1, h2, h3] != [0; 4] || !ITEMS.contains(&u16::from_le_bytes([c0, c1])) {
        return Verdict::No;
    }
    let (Some(address), Some(address_bytes)) = (word(bytes, ITEMS_OFFSET), word(bytes, ITEMS_OFFSET + 2)) else { return short };
    let data_at = ITEMS_OFFSET + ITEM_HEAD_BYTES + usize::from(address_bytes);
    let sequence_bytes = match (header.command, address, address_bytes) {
        (SEND_RR_DATA, NULL_ADDRESS, 0) => 0,
        (SEND_UNIT_DATA, CONNECTED_ADDRESS, 4) => 2,
        _ => return Verdict::No,
    };
    let expected = if sequence_bytes == 0 { UNCONNECTED_DATA } else { CONNECTED_DATA };
    let (Some(data), Some(data_bytes)) = (word(bytes, data_at), word(bytes, data_at + 2)) else { return short };
    let cip_at = data_at + ITEM_HEAD_BYTES + sequence_bytes;
    let end = data_at + ITEM_HEAD_BYTES + usize::from(data_bytes);
    if data != expected || end > total || cip_at >= end {
        return Verdict::No;
    }
    let Some(message) = bytes.get(cip_at..end.min(bytes.len())).filter(|message| !message.is_empty()) else { return short };
    explicit(message, total, header, either, bytes.len() < total, context)
}

/// The CIP message inside.
fn explicit(message: &[u8], total: usize, header: &Header, either: &Message, cut: bool, context: &Context) -> Verdict {
    let &[service, ref rest @ ..] = message else { return Verdict::No };
    if service & cip::REPLY != 0 {
        let code = u32::from(service & !cip::REPLY) << 16;
        let refused = rest.get(1).is_some_and(|&status| status != 0);
        let answer = Message::answer(NAME, total, cip::reply_name(service), code);
        return Verdict::Message(Message { error: header.status != 0 || refused, ..answer });
    }
    // The embedded request that goes furthest may be the last one.
    if cut && !context.cut && total <= HEAD_BYTES && cip::wraps(message) {
        return Verdict::Short;
    }
    match cip::grade(message) {
        Some((Function { name, code }, intent)) => Verdict::Message(Message::request(NAME, total, intent, name, code)),
        None if cut => Verdict::Short,
        // Not an explicit message: data of a connection of another class.
        None if context.on_port && context.sender == Sender::Server => {
            Verdict::Message(Message { role: Role::Either, intent: Intent::Connect, ..*either })
        }
        None if context.on_port => Verdict::Message(Message { intent: Intent::Read, ..*either }),
        None => Verdict::No,
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{datagram, disclosed, hex, message, never_in_noise, never_panics, off_port, on_port};
    use super::*;

    const LIST_IDENTITY_REQUEST: &str = "6300 0000 00000000 00000000 00000000c1debed1 00000000";
    const REGISTER: &str = "6500 0400 00000000 00000000 0000000000000000 00000000 01000000";
    const REGISTER_ANSWER: &str = "6500 0400 62001000 00000000 0000000000000000 00000000 01000000";
    const GET_IDENTITY: &str = "6f001600 01000000 00000000 0000000000000000 00000000 00000000 0a00 0200 00000000 b2000600 010220012401";
    const STOP: &str =
        "70001c00 01002a00 00000000 0000000000000000 00000000 00000000 0100 0200 a1000400 224095ff b1000800 0600 0702208e2401";
    const IDENTITY: &str = "6300 3c00 305a315f 00000000 0000000000000000 00000000 0100 0c00 3600 0100 0002af12000000000000000000000000
        0100 0e00 3600 140b 6031 1a066c00 14 313735362d4c36312f42204c4f47495835353631 ff";
    const WRITE_REPLY: &str = "6f001400 62001000 00000000 3000000000000000 00000000 00000000 0800 0200 00000000 b2000400 cd000000";

    #[test]
    fn commands_are_graded() {
        for (bytes, name, intent) in [
            (LIST_IDENTITY_REQUEST, "list-identity", Intent::Identify),
            (REGISTER, "register-session", Intent::Identify),
            (GET_IDENTITY, "get-attributes", Intent::Identify),
            (STOP, "stop", Intent::Control),
        ] {
            for context in [on_port(Sender::Unknown), off_port(Sender::Client)] {
                let request = message(&PROTOCOL, &hex(bytes), context);
                assert_eq!((request.function.name, request.intent, request.role), (name, intent, Role::Request));
            }
        }
    }

    #[test]
    fn discovery_is_the_only_thing_on_udp() {
        assert_eq!(message(&PROTOCOL, &hex(LIST_IDENTITY_REQUEST), datagram(Sender::Client)).role, Role::Request);
        assert_eq!(parse(&hex(REGISTER), &datagram(Sender::Client)), Verdict::No);
        assert_eq!(parse(&hex("6300 0000 00000000 00000000 0000000000000000 00000000 00"), &datagram(Sender::Client)), Verdict::No);
    }

    #[test]
    fn identity_is_disclosed() {
        let bytes = hex(IDENTITY);
        let answer = message(&PROTOCOL, &bytes, datagram(Sender::Server));
        assert_eq!((answer.role, answer.error), (Role::Answer, false));
        assert_eq!(disclosed(&answer, &bytes, "product"), Some("1756-L61/B LOGIX5561"));
        let written = |field: &str| {
            let piece = answer.disclosed.iter().find(|piece| piece.field == field).unwrap();
            let mut out = [0; 32];
            let len = piece.write(&bytes, &mut out).unwrap();
            String::from_utf8_lossy(&out[..len]).into_owned()
        };
        assert_eq!(["vendor_id", "firmware", "serial"].map(written), ["0001", "20.11", "006c061a"]);
    }

    #[test]
    fn sessions_and_reply_bits_make_answers() {
        assert_eq!(message(&PROTOCOL, &hex(REGISTER_ANSWER), on_port(Sender::Unknown)).role, Role::Answer);
        let reply = message(&PROTOCOL, &hex(WRITE_REPLY), on_port(Sender::Unknown));
        assert_eq!((reply.role, reply.error), (Role::Answer, false));
        let refused = message(&PROTOCOL, &hex(&WRITE_REPLY.replace("cd000000", "cd000800")), on_port(Sender::Unknown));
        assert!(refused.error);
    }

    #[test]
    fn a_client_may_name_its_last_session() {
        let again = hex(REGISTER_ANSWER);
        assert_eq!(message(&PROTOCOL, &again, on_port(Sender::Client)).role, Role::Request);
        assert_eq!(message(&PROTOCOL, &again, on_port(Sender::Server)).role, Role::Answer);
    }

    #[test]
    fn near_misses_are_refused() {
        for bytes in [
            "6300 0000 00000000 00000000 0000000000000000 01000000",
            "6200 0000 00000000 00000000 0000000000000000 00000000",
            "6500 0400 00000000 00000000 0000000000000000 00000000 02000000",
            "6f001600 01000000 00000000 0000000000000000 00000000 01000000 0a00 0200 00000000 b2000600 010220012401",
            "6f001600 01000000 00000000 0000000000000000 00000000 00000000 0a00 0200 00000000 b2000700 010220012401",
        ] {
            assert_eq!(parse(&hex(bytes), &on_port(Sender::Client)), Verdict::No, "{bytes}");
        }
        assert_eq!(parse(&[0; 24], &off_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn zeros_are_a_nop_only_in_a_known_conversation() {
        for sender in [Sender::Client, Sender::Server, Sender::Unknown] {
            assert_eq!(parse(&[0; 48], &on_port(sender)), Verdict::No);
        }
        let left = message(&PROTOCOL, &hex(REGISTER), on_port(Sender::Client)).memory;
        let known = Context { memory: left, ..on_port(Sender::Client) };
        assert_eq!(message(&PROTOCOL, &[0; 48], known).function.name, "nop");
    }

    #[test]
    fn pieces_are_too_short_to_say() {
        let bytes = hex(STOP);
        for end in [1, 10, 24, 33, 46, 48] {
            assert_eq!(parse(&bytes[..end], &on_port(Sender::Client)), Verdict::Short, "{end}");
        }
    }

    #[test]
    fn embedded_requests_are_waited_for_unless_the_frame_was_cut() {
        let bytes = hex("6f003200 05000000 00000000 0000000000000000 00000000 00000000 0a00 0200 00000000 b2002200
            0a02 20022401 0200 0600 0e00 4c02 91026162 0100 4d02 91026162 c400 0100 05000000");
        let client = on_port(Sender::Client);
        for end in [46, 60, bytes.len() - 1] {
            assert_eq!(parse(&bytes[..end], &client), Verdict::Short, "{end}");
            assert_eq!(message(&PROTOCOL, &bytes[..end], Context { cut: true, ..client }).role, Role::Request);
        }
        assert_eq!(message(&PROTOCOL, &bytes, client).function.name, "write-tag");
    }

    #[test]
    fn hostile_bytes_do_not_panic() {
        never_panics(&PROTOCOL, &[LIST_IDENTITY_REQUEST, REGISTER, GET_IDENTITY, STOP, IDENTITY, WRITE_REPLY]);
    }

    #[test]
    fn noise_is_not_enip() {
        never_in_noise(&PROTOCOL, &["6300", "6500 0400", "6f00"]);
    }
}
