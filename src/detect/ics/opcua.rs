//! OPC UA binary over TCP (IEC 62541-6, OPC 10000-6 section 7.1).

use super::fields::{self, Fields, Reading, Refusal, require};
use super::functions::{self, Line};
use super::protocol::Intent::{Connect, Control, Identify, Read, Write};
use super::protocol::{Context, Message, Protocol, Role, Sender, Starts, Strength, Verdict, tcp};

/// Only the registered ports: the many others in use lie among ephemeral ports, and the bytes are recognised there all the same.
pub static PROTOCOL: Protocol = Protocol {
    name: NAME,
    ports: &[tcp(4840), tcp(4843)],
    strength: Strength::Anywhere,
    starts: Starts::Bytes(&[b"HELF", b"ACKF", b"ERRF", b"RHEF", b"OPNF", b"MSGF", b"MSGC", b"MSGA", b"CLOF"]),
    sector: "manufacturing",
    parse,
};

const NAME: &str = "opcua";

/// The largest message chunk believed: 16 MiB, the largest limit that common servers set.
const CHUNK_BYTES_MAX: usize = 16 << 20;
/// The longest endpoint URL (section 7.1.2.3: "shall be less than 4,096 bytes").
const URL_BYTES_MAX: usize = 4_096;
/// Message header, channel and token identifier, sequence number, request identifier: the body stands behind them.
const BODY_AT: usize = 24;
/// What every security policy's name begins with (OPC 10000-7).
const POLICY: &[u8] = b"http://opcfoundation.org/UA/SecurityPolicy#";

/// Memory: the conversation has been recognised.
const SEEN: u16 = 1;
/// Memory: the channel has another policy than `None`; bodies may be cipher text.
const SECURED: u16 = 2;
/// Memory: a request's, or an answer's, next chunk continues a body.
const REQUEST_GOES_ON: u16 = 4;
const ANSWER_GOES_ON: u16 = 8;

const OPEN_CHANNEL: u32 = 446;
const CLOSE_CHANNEL: u32 = 452;
const FIND_SERVERS: u32 = 422;
const GET_ENDPOINTS: u32 = 428;
const SERVICE_FAULT: u32 = 397;
/// From here on an answer's identifier is its request's plus one, before it plus three (NodeIds.csv).
const LATE_IDS: u32 = 12_000;

/// The `…_Encoding_DefaultBinary` node identifiers of the requests (NodeIds.csv).
const REQUESTS: &[Line] = &[
    (FIND_SERVERS, Identify, "find-servers"),
    (GET_ENDPOINTS, Identify, "get-endpoints"),
    (437, Control, "register-server"),
    (OPEN_CHANNEL, Identify, "open-channel"),
    (CLOSE_CHANNEL, Identify, "close-channel"),
    (461, Identify, "create-session"),
    (467, Identify, "activate-session"),
    (473, Identify, "close-session"),
    (479, Identify, "cancel"),
    (488, Control, "add-nodes"),
    (494, Control, "add-references"),
    (500, Control, "delete-nodes"),
    (506, Control, "delete-references"),
    (527, Read, "browse"),
    (533, Read, "browse-next"),
    (554, Read, "translate-browse-paths"),
    (560, Read, "register-nodes"),
    (566, Read, "unregister-nodes"),
    (615, Read, "query-first"),
    (621, Read, "query-next"),
    (631, Read, "read"),
    (664, Read, "history-read"),
    (673, Write, "write"),
    (700, Write, "history-update"),
    (712, Control, "call"),
    (751, Read, "create-monitored-items"),
    (763, Read, "modify-monitored-items"),
    (769, Read, "set-monitoring-mode"),
    (775, Read, "set-triggering"),
    (781, Read, "delete-monitored-items"),
    (787, Read, "create-subscription"),
    (793, Read, "modify-subscription"),
    (799, Read, "set-publishing-mode"),
    (826, Read, "publish"),
    (832, Read, "republish"),
    (841, Read, "transfer-subscriptions"),
    (847, Read, "delete-subscriptions"),
    (12_208, Identify, "find-servers-on-network"),
    (12_211, Control, "register-server-2"),
];

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    fields::verdict(read(&Fields::new(bytes, context)))
}

fn read(fields: &Fields) -> Reading {
    require(fields.is_tcp())?;
    let head = &fields.bytes[..fields.len().min(4)];
    require(PROTOCOL.starts.bytes().iter().any(|start| start.starts_with(head)))?;
    let size = usize::try_from(fields.le32(4)?).map_err(|_| Refusal::No)?;
    require((16..=CHUNK_BYTES_MAX).contains(&size))?;
    let memory = fields.context.memory | SEEN;
    match head {
        b"HELF" => hello(fields, size, memory),
        b"RHEF" => reverse_hello(fields, size, memory),
        b"ACKF" => {
            require(size == 28)?;
            Ok(Message { memory, ..Message::answer(NAME, size, "acknowledge", 0) })
        }
        b"ERRF" => {
            let reason = fields.le32(12)?;
            require(reason == u32::MAX && size == 16 || reason as usize == size - 16)?;
            Ok(Message { error: true, memory, ..Message::answer(NAME, size, "error", fields.le32(8)?) })
        }
        b"OPNF" => open(fields, size, memory),
        b"CLOF" => {
            require(fields.context.memory != 0 || fields.context.on_port || body_type(fields, BODY_AT)? == Some(CLOSE_CHANNEL))?;
            Ok(Message { memory, ..Message::request(NAME, size, Identify, "close-channel", CLOSE_CHANNEL) })
        }
        _ => message(fields, size, memory),
    }
}

/// HEL: version, buffer sizes, limits, then the URL of the endpoint that the client wants (section 7.1.2.3). Scanners leave the URL out:
/// that is believed on the port.
fn hello(fields: &Fields, size: usize, memory: u16) -> Reading {
    let declared = fields.le32(28)?;
    let url_bytes = if declared == u32::MAX { 0 } else { declared as usize };
    require(url_bytes <= URL_BYTES_MAX && size == 32 + url_bytes)?;
    if url_bytes > 0 {
        fields.expect(32, b"opc.")?;
    }
    require(url_bytes > 0 || fields.context.on_port)?;
    Ok(Message { memory, ..Message::request(NAME, size, Identify, "hello", 0) })
}

/// RHE: the server calls the client; the URI of the server, then the URL (section 7.1.2.6).
fn reverse_hello(fields: &Fields, size: usize, memory: u16) -> Reading {
    let uri_bytes = fields.le32(8)? as usize;
    require(uri_bytes <= URL_BYTES_MAX && size >= 16 + uri_bytes)?;
    let url_bytes = fields.le32(12 + uri_bytes)? as usize;
    require(size == 16 + uri_bytes + url_bytes)?;
    fields.expect(16 + uri_bytes, b"opc.")?;
    let mut message = Message { memory, ..Message::answer(NAME, size, "reverse-hello", 0) };
    fields.disclose_text(&mut message, "uri", 12, uri_bytes);
    Ok(message)
}

/// OPN: channel, then the policy's URI, the sender's certificate and the receiver's thumbprint, each with its length (section 6.7.2.3).
fn open(fields: &Fields, size: usize, memory: u16) -> Reading {
    let policy_bytes = fields.le32(12)? as usize;
    require((POLICY.len()..=255).contains(&policy_bytes) && 16 + policy_bytes <= size)?;
    fields.expect(16, POLICY)?;
    let policy = fields.slice(16, policy_bytes)?;
    let request = Message { memory, ..Message::request(NAME, size, Identify, "open-channel", OPEN_CHANNEL) };
    if &policy[POLICY.len()..] != b"None" {
        return Ok(fields::either(Message { memory: memory | SECURED, ..request }, fields.context));
    }
    // Certificate and thumbprint are absent or empty without security; the sequence header has eight bytes.
    let body_at = 16 + policy_bytes + 8 + 8;
    match body_type(fields, body_at)? {
        Some(OPEN_CHANNEL) => Ok(request),
        Some(id) if id == OPEN_CHANNEL + 3 => Ok(Message { memory, ..Message::answer(NAME, size, "open-channel", id) }),
        Some(SERVICE_FAULT) => Ok(Message { error: true, memory, ..Message::answer(NAME, size, "open-channel", SERVICE_FAULT) }),
        _ => Ok(fields::either(request, fields.context)),
    }
}

/// The numeric type identifier of a body in namespace 0: four-byte or full encoding (section 5.2.2.9).
fn body_type(fields: &Fields, at: usize) -> Reading<Option<u32>> {
    Ok(match fields.slice(at, 4)? {
        [1, 0, low, high] => Some(u32::from(u16::from_le_bytes([*low, *high]))),
        [2, 0, 0, _] => Some(fields.le32(at + 3)?),
        _ => None,
    })
}

/// MSG: a service request or its answer, told apart by the body's type.
fn message(fields: &Fields, size: usize, memory: u16) -> Reading {
    require(size >= BODY_AT)?;
    let known = fields.context.memory != 0;
    let chunk = fields.u8(3)?;
    let (going_on, answer_going_on) = (memory & REQUEST_GOES_ON != 0, memory & ANSWER_GOES_ON != 0);
    let continues = match fields.context.sender {
        Sender::Client => going_on,
        Sender::Server => answer_going_on,
        Sender::Unknown => going_on || answer_going_on,
    };
    if chunk == b'A' {
        require(known || fields.context.on_port)?;
        let memory = memory & !(REQUEST_GOES_ON | ANSWER_GOES_ON);
        return Ok(fields::either(Message { memory, ..Message::request(NAME, size, Identify, "abort", 0) }, fields.context));
    }
    let goes_on = |memory: u16, bit: u16| if chunk == b'C' { memory | bit } else { memory & !bit };
    if continues {
        let bit = if fields.context.sender == Sender::Server || !going_on { ANSWER_GOES_ON } else { REQUEST_GOES_ON };
        let next = Message { memory: goes_on(memory, bit), ..Message::request(NAME, size, Identify, "next-chunk", 0) };
        return Ok(if bit == ANSWER_GOES_ON { Message { role: Role::Answer, intent: Connect, ..next } } else { next });
    }
    let kind = body_type(fields, BODY_AT)?;
    if let Some(id) = kind {
        if let Some((intent, name)) = functions::find(REQUESTS, id) {
            return Ok(Message { memory: goes_on(memory, REQUEST_GOES_ON), ..Message::request(NAME, size, intent, name, id) });
        }
        if let Some(name) = answered(id) {
            let mut answer = Message::answer(NAME, size, name, id);
            answer.error = id == SERVICE_FAULT;
            answer.memory = goes_on(memory, ANSWER_GOES_ON);
            disclose_application(fields, id, &mut answer);
            return Ok(answer);
        }
    }
    // No table has it: cipher text, or a rare service. Neither is evidence where nothing else is.
    require(known || fields.context.on_port)?;
    let bit = if fields.context.sender == Sender::Server { ANSWER_GOES_ON } else { REQUEST_GOES_ON };
    let memory = goes_on(memory, bit);
    let unknown = match kind {
        Some(id) if memory & SECURED == 0 => Message::request(NAME, size, Read, "", id),
        _ => Message::request(NAME, size, Identify, "secured-message", 0),
    };
    Ok(fields::either(Message { memory, ..unknown }, fields.context))
}

/// The name of the request that a type identifier answers.
fn answered(id: u32) -> Option<&'static str> {
    if id == SERVICE_FAULT {
        return Some("service-fault");
    }
    let distance = if id > LATE_IDS { 1 } else { 3 };
    functions::find(REQUESTS, id.checked_sub(distance)?).map(|(_, name)| name)
}

/// The application that the first entry of a FindServers or GetEndpoints answer describes (OPC 10000-4 sections 5.4.2, 5.4.4, 7.1).
fn disclose_application(fields: &Fields, id: u32, answer: &mut Message) {
    let Some(endpoints) = (match id {
        _ if id == GET_ENDPOINTS + 3 => Some(true),
        _ if id == FIND_SERVERS + 3 => Some(false),
        _ => None,
    }) else {
        return;
    };
    // Type (4), then the response header: time (8), handle (4), result (4), no diagnostics (1), no string table (4), no extension (3).
    let header_at = BODY_AT + 4;
    if fields.u8(header_at + 16) != Ok(0) || !matches!(fields.le32(header_at + 17), Ok(0 | u32::MAX)) {
        return;
    }
    let mut at = header_at + 24 + 4;
    if endpoints {
        let Some((_, end)) = string(fields, at) else { return };
        at = end;
    }
    for field in ["uri", "product"] {
        let Some((bytes, end)) = string(fields, at) else { return };
        fields.disclose_text(answer, field, at + 4, bytes);
        at = end;
    }
    // The name is a localized text: bit 0 a locale precedes, bit 1 the text is there.
    let Ok(mask) = fields.u8(at) else { return };
    at += 1;
    if mask & 1 != 0 {
        let Some((_, end)) = string(fields, at) else { return };
        at = end;
    }
    if mask & 2 != 0
        && let Some((bytes, _)) = string(fields, at)
    {
        fields.disclose_text(answer, "name", at + 4, bytes);
    }
}

/// The string at `at`: its length, and where it ends. Absent strings have the length -1 (section 5.2.2.4).
fn string(fields: &Fields, at: usize) -> Option<(usize, usize)> {
    let length = fields.le32(at).ok()?;
    let bytes = if length == u32::MAX { 0 } else { length as usize };
    let end = at.checked_add(4)?.checked_add(bytes)?;
    (end <= fields.len()).then_some((bytes, end))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::protocol::Intent;
    use crate::detect::ics::testing::{self, datagram, disclosures, hex, off_port, on_port};

    const HELLO: &str = "48454c463000000000000000000001000001000000000000000000001000 00006f70632e7463703a2f2f613a34383430";
    const ACKNOWLEDGE: &str = "41434b461c0000000000000000000100000100000000000000000000";
    const ENDPOINTS: &str = "4d53474655000000010000000100000002000000020000000100ac010000000000000000000001000000 00000000ffffffff\
        00000000000000100000006f70632e7463703a2f2f613a34383430ffffffffffffffff";

    /// A MSG chunk with a body of that type, 16 zero bytes long.
    fn service(id: u16) -> Vec<u8> {
        let mut bytes = hex("4d5347462c000000010000000100000002000000020000000100");
        bytes.extend(id.to_le_bytes());
        bytes.extend([0; 16]);
        bytes
    }

    fn opening(policy: &str, id: u16) -> Vec<u8> {
        let mut bytes = b"OPNF\0\0\0\0\0\0\0\0".to_vec();
        let name = [POLICY, policy.as_bytes()].concat();
        bytes.extend((name.len() as u32).to_le_bytes());
        bytes.extend(name);
        bytes.extend([0xff; 8]);
        bytes.extend([1, 0, 0, 0, 1, 0, 0, 0, 1, 0]);
        bytes.extend(id.to_le_bytes());
        let size = bytes.len() as u32;
        bytes[4..8].copy_from_slice(&size.to_le_bytes());
        bytes
    }

    fn endpoints_answer() -> Vec<u8> {
        let mut bytes = hex("4d534746000000000100000001000000020000000200 00000100af01");
        bytes.extend([0; 16]);
        bytes.extend(hex("00ffffffff00000001000000"));
        for text in ["opc.tcp://a:4840", "urn:plc", "http://acme"] {
            bytes.extend((text.len() as u32).to_le_bytes());
            bytes.extend(text.as_bytes());
        }
        bytes.extend(b"\x02\x04\0\0\0Mill");
        let size = bytes.len() as u32;
        bytes[4..8].copy_from_slice(&size.to_le_bytes());
        bytes
    }

    fn elsewhere() -> Context {
        off_port(Sender::Unknown)
    }

    fn request(bytes: &[u8]) -> (&'static str, Intent) {
        testing::request(&PROTOCOL, bytes, &elsewhere())
    }

    #[test]
    fn sessions_identify() {
        assert_eq!(request(&hex(HELLO)), ("hello", Intent::Identify));
        assert_eq!(request(&opening("None", 446)), ("open-channel", Intent::Identify));
        assert_eq!(request(&hex(ENDPOINTS)), ("get-endpoints", Intent::Identify));
        assert_eq!(request(&service(461)), ("create-session", Intent::Identify));
    }

    #[test]
    fn services_are_graded_by_their_type() {
        assert_eq!(request(&service(527)), ("browse", Intent::Read));
        assert_eq!(request(&service(631)), ("read", Intent::Read));
        assert_eq!(request(&service(673)), ("write", Intent::Write));
        assert_eq!(request(&service(712)), ("call", Intent::Control));
        assert_eq!(request(&service(12_211)), ("register-server-2", Intent::Control));
    }

    #[test]
    fn answers_are_told_by_their_bytes() {
        for bytes in [hex(ACKNOWLEDGE), service(634), service(12_209), opening("None", 449)] {
            assert_eq!(testing::message(&PROTOCOL, &bytes, elsewhere()).role, Role::Answer);
        }
        assert!(testing::message(&PROTOCOL, &service(397), elsewhere()).error);
    }

    #[test]
    fn endpoints_disclose_the_application() {
        assert_eq!(disclosures(&PROTOCOL, &endpoints_answer(), &elsewhere()), ["uri=urn:plc", "product=http://acme", "name=Mill"]);
    }

    #[test]
    fn cipher_text_stays_at_identify() {
        let opened = testing::message(&PROTOCOL, &opening("Basic256Sha256", 446), on_port(Sender::Client));
        let context = Context { memory: opened.memory, ..on_port(Sender::Client) };
        assert_eq!(testing::request(&PROTOCOL, &service(4_711), &context), ("secured-message", Intent::Identify));
        assert_eq!(testing::request(&PROTOCOL, &service(4_711), &on_port(Sender::Client)), ("", Intent::Read));
    }

    #[test]
    fn a_later_chunk_is_no_service_of_its_own() {
        let mut first = service(673);
        first[3] = b'C';
        let began = testing::message(&PROTOCOL, &first, on_port(Sender::Client));
        let context = Context { memory: began.memory, ..on_port(Sender::Client) };
        assert_eq!(testing::request(&PROTOCOL, &service(712), &context), ("next-chunk", Intent::Identify));
        let answer = Context { sender: Sender::Server, ..context };
        assert_eq!(testing::message(&PROTOCOL, &service(676), answer).function.name, "write");
    }

    #[test]
    fn near_misses_are_refused() {
        let mut other_url = hex(HELLO);
        other_url[32] = b'h';
        let mut other_length = hex(HELLO);
        other_length[28] = 0x11;
        for bytes in [other_url, other_length, service(4_711), b"HELP".to_vec(), b"GET / HTTP/1.1\r\n".to_vec()] {
            assert_eq!((PROTOCOL.parse)(&bytes, &elsewhere()), Verdict::No);
        }
        assert_eq!((PROTOCOL.parse)(&hex(HELLO), &datagram(Sender::Client)), Verdict::No);
    }

    #[test]
    fn a_large_write_is_decided_by_its_first_bytes() {
        let mut bytes = service(673);
        bytes[4..8].copy_from_slice(&100_000_u32.to_le_bytes());
        assert_eq!(testing::message(&PROTOCOL, &bytes, elsewhere()).bytes, 100_000);
    }

    #[test]
    fn hostile_bytes_never_panic() {
        let samples = [
            hex(HELLO),
            hex(ACKNOWLEDGE),
            hex(ENDPOINTS),
            service(673),
            opening("None", 446),
            opening("Basic256", 449),
            endpoints_answer(),
        ];
        testing::never_panics(&PROTOCOL, &samples);
        testing::waits(&PROTOCOL, &samples, &elsewhere());
    }

    #[test]
    fn noise_is_not_believed() {
        testing::never_in_noise(&PROTOCOL, &[]);
    }
}
