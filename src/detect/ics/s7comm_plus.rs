//! S7comm-plus: Siemens S7-1200 and S7-1500. Siemens publishes nothing; fields and codes follow icsnpp's parser (CISA, `icsnpp-s7comm`) and
//! 1,296 captured frames. From TIA Portal V17 on it runs inside TLS: then only the connection is seen.

use super::protocol::{Context, Intent, Message, Protocol, Role, Sender, Starts, Strength, Verdict, tcp};
use super::tpkt::{self, CLAIM_BITS, Claim, DATA_OFFSET, START, Unit, Unpacked};

pub static PROTOCOL: Protocol = Protocol {
    name: "s7comm-plus",
    ports: &[tcp(102)],
    strength: Strength::Anywhere,
    starts: Starts::Bytes(&[START]),
    sector: "manufacturing",
    parse,
};

const NAME: &str = PROTOCOL.name;
/// First byte of header and trailer.
const MAGIC: u8 = 0x72;
/// Header: magic, version, length of what follows. The trailer repeats magic and version and adds two zeros.
const HEADER_BYTES: usize = 4;
const TRAILER_BYTES: usize = 4;
/// Version 3 puts a digest before the message: its length, then as many bytes.
const DIGEST_VERSION: u8 = 3;
const DIGEST_LENGTH: u8 = 0x20;
const DIGEST_BYTES: usize = 33;
/// Kinds of message.
const REQUEST: u8 = 0x31;
const RESPONSE: u8 = 0x32;
/// As captured in answer to set-variable.
const SHORT_RESPONSE: u8 = 0x02;
const NOTIFICATION: u8 = 0x33;
/// From the opcode: opcode, two zeros, function.
const FUNCTION_OFFSET: usize = 3;
const CREATE_OBJECT: u16 = 0x04ca;
const DELETE_OBJECT: u16 = 0x04d4;
/// Memory: the session object exists, so that further objects are program blocks.
const SESSION: u16 = 0x0100;
/// Memory: the last frame of this side was a fragment, and the next one continues it. A fragment has no trailer.
const CLIENT_FRAGMENT: u16 = 0x0200;
const SERVER_FRAGMENT: u16 = 0x0400;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    match tpkt::unpack(bytes, context) {
        Unpacked::No => Verdict::No,
        Unpacked::Short => Verdict::Short,
        Unpacked::Unit(Unit::Data { data, .. }, total) if total > DATA_OFFSET => frame(bytes, data, total, context),
        Unpacked::Unit(unit, total) => tpkt::connection(&unit, total, Claim::S7commPlus, context),
    }
}

fn frame(bytes: &[u8], data: &[u8], total: usize, context: &Context) -> Verdict {
    let complete = bytes.len() >= total;
    let short = if complete { Verdict::No } else { Verdict::Short };
    let &[magic, version, high, low, ..] = data else {
        return if data.first().is_none_or(|&magic| magic == MAGIC) { short } else { Verdict::No };
    };
    let length = usize::from(u16::from_be_bytes([high, low]));
    let body_end = DATA_OFFSET + HEADER_BYTES + length;
    let fragment = total == body_end;
    if magic != MAGIC || !matches!(version, 1..=3) || !(fragment || total == body_end + TRAILER_BYTES) {
        return Verdict::No;
    }
    if let Some(trailer) = bytes.get(body_end..total)
        && !fragment
        && trailer != [MAGIC, version, 0, 0]
    {
        return Verdict::No;
    }
    let side = if context.sender == Sender::Server { SERVER_FRAGMENT } else { CLIENT_FRAGMENT };
    let kept = (context.memory & !CLAIM_BITS & !side) | Claim::S7commPlus as u16 | if fragment { side } else { 0 };
    if Claim::S7commPlus.remembered(context.memory) && context.memory & side != 0 {
        // The opcode stood in the first fragment.
        let continuation = Message::request(NAME, total, Intent::Identify, "continuation", 0).remembering(kept);
        return Verdict::Message(Message { role: Role::Either, ..continuation });
    }
    let opcode_at = if version == DIGEST_VERSION && data.get(HEADER_BYTES) == Some(&DIGEST_LENGTH) { DIGEST_BYTES } else { 0 };
    let Some(&[opcode, z0, z1, f0, f1]) =
        data.get(HEADER_BYTES + opcode_at..).and_then(|body| body.first_chunk::<{ FUNCTION_OFFSET + 2 }>())
    else {
        return short;
    };
    let code = u16::from_be_bytes([f0, f1]);
    match opcode {
        REQUEST | RESPONSE | SHORT_RESPONSE if (z0, z1) != (0, 0) => Verdict::No,
        REQUEST => Verdict::Message(request(code, total, kept)),
        RESPONSE | SHORT_RESPONSE => Verdict::Message(Message::answer(NAME, total, function(code, false).0, code.into()).remembering(kept)),
        NOTIFICATION => Verdict::Message(Message::answer(NAME, total, "notification", 0).remembering(kept)),
        _ => Verdict::No,
    }
}

fn request(code: u16, total: usize, kept: u16) -> Message {
    let (name, intent) = function(code, kept & SESSION != 0);
    let session = if code == CREATE_OBJECT { SESSION } else { 0 };
    Message::request(NAME, total, intent, name, code.into()).remembering(kept | session)
}

/// Name and intent. The first object of a connection is its session; those after it are program blocks.
fn function(code: u16, session: bool) -> (&'static str, Intent) {
    use Intent::{Control, Identify, Read, Write};
    let object = if session { Control } else { Identify };
    match code {
        CREATE_OBJECT => ("create-object", object),
        DELETE_OBJECT => ("delete-object", object),
        0x04bb => ("explore", Read),
        0x04f2 => ("set-variable", Write),
        0x0524 => ("get-link", Identify),
        0x0542 => ("set-multi-variables", Write),
        0x054c => ("get-multi-variables", Read),
        0x0556 => ("begin-sequence", Control),
        0x0560 => ("end-sequence", Control),
        0x056b => ("invoke", Control),
        0x0586 => ("get-var-substreamed", Read),
        _ => ("", Read),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{hex, message, never_in_noise, never_panics, off_port, on_port};
    use super::*;

    const CREATE: &str = "0300001b 02f080 7201000c 31000004ca00000001000000 72010000";
    const CREATE_ANSWER: &str = "0300001b 02f080 7201000c 32000004ca00000001000000 72010000";
    const SET: &str = "0300001b 02f080 7202000c 31000005420000000200000 0 72020000";
    const INVOKE_V3: &str = "0300003c 02f080 7203002d 20 000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f
        310000056b00000003000000 72030000";

    #[test]
    fn functions_are_graded() {
        for (bytes, name, intent) in [
            (CREATE, "create-object", Intent::Identify),
            (SET, "set-multi-variables", Intent::Write),
            (INVOKE_V3, "invoke", Intent::Control),
        ] {
            let request = message(&PROTOCOL, &hex(bytes), off_port(Sender::Unknown));
            assert_eq!((request.function.name, request.intent, request.role), (name, intent, Role::Request));
        }
    }

    #[test]
    fn responses_are_answers() {
        let answer = message(&PROTOCOL, &hex(CREATE_ANSWER), off_port(Sender::Unknown));
        assert_eq!((answer.role, answer.function.code), (Role::Answer, 0x04ca));
        let short = message(&PROTOCOL, &hex(&CREATE_ANSWER.replace("32000004ca", "02000004f2")), off_port(Sender::Unknown));
        assert_eq!((short.role, short.function.name), (Role::Answer, "set-variable"));
    }

    #[test]
    fn objects_after_the_session_are_program_blocks() {
        let session = message(&PROTOCOL, &hex(CREATE), on_port(Sender::Client));
        let block = message(&PROTOCOL, &hex(CREATE), Context { memory: session.memory, ..on_port(Sender::Client) });
        assert_eq!((session.intent, block.intent), (Intent::Identify, Intent::Control));
    }

    #[test]
    fn a_fragment_is_continued_by_the_same_side() {
        let fragment = message(&PROTOCOL, &hex("03000017 02f080 7202000c 31000005420000000200000 0"), on_port(Sender::Client));
        let next = hex("03000017 02f080 72020008 0102030405060708 72020000");
        let context = Context { memory: fragment.memory, ..on_port(Sender::Client) };
        let last = message(&PROTOCOL, &next, context);
        assert_eq!((fragment.function.name, last.function.name), ("set-multi-variables", "continuation"));
        assert_eq!(parse(&next, &Context { memory: last.memory, ..context }), Verdict::No);
        assert_eq!(parse(&next, &Context { sender: Sender::Server, ..context }), Verdict::No);
    }

    #[test]
    fn near_misses_are_refused() {
        for bytes in [
            "0300001b 02f080 7201000d 31000004ca00000001000000 72010000",
            "0300001b 02f080 7204000c 31000004ca00000001000000 72040000",
            "0300001b 02f080 7201000c 31000004ca00000001000000 72020000",
            "0300001b 02f080 7201000c 34000004ca00000001000000 72010000",
            "0300001b 02f080 7201000c 31010004ca00000001000000 72010000",
        ] {
            assert_eq!(parse(&hex(bytes), &on_port(Sender::Client)), Verdict::No, "{bytes}");
        }
        assert_eq!(parse(&hex(CREATE)[..15], &on_port(Sender::Client)), Verdict::Short);
    }

    #[test]
    fn hostile_bytes_do_not_panic() {
        never_panics(&PROTOCOL, &[CREATE, CREATE_ANSWER, INVOKE_V3, "0300001611e00000001400c1020100c2020102c0010a"]);
    }

    #[test]
    fn noise_is_not_s7comm_plus() {
        never_in_noise(&PROTOCOL, &["0300", "030000", "0300001b02f080"]);
    }
}
