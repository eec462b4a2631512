//! The debug agent of VxWorks (WDB) over Sun RPC (RFC 5531). Big-endian u32: transaction, 0 call, RPC version 2, program 55555555, agent
//! version 1, procedure, credentials, verifier, then checksum, size and sequence. Answer: transaction, 1, 0 accepted, verifier, 0 success.

use super::fields::{self, be32};
use super::functions::{self, Line};
use super::protocol::Intent::{Control, Identify, Read};
use super::protocol::{Context, Disclosed, Message, Protocol, Starts, Strength, Verdict, udp};
use super::text::text;
use crate::decode::Transport;

pub static PROTOCOL: Protocol =
    Protocol { name: NAME, ports: &[udp(17185)], strength: Strength::Port, starts: Starts::Unused, sector: "embedded", parse };

const NAME: &str = "wdb-rpc";

const CALL: u32 = 0;
const ANSWER: u32 = 1;
const RPC_VERSION: u32 = 2;
const PROGRAM: u32 = 0x5555_5555;
const AGENT_VERSION: u32 = 1;
/// Call header with empty credentials and verifier.
const CALL_BYTES: usize = 40;
/// Answer header: transaction, direction, status, verifier, acceptance.
const ANSWER_BYTES: usize = 24;
/// Where the target's own information begins: behind the answer's header, checksum, size and error.
const TARGET_AT: usize = ANSWER_BYTES + 12;
const PROCEDURE_CONNECT: u32 = 1;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    if context.transport != Transport::Udp {
        return Verdict::No;
    }
    let verdict = match be32(bytes, 4) {
        Some(CALL) => call(bytes),
        Some(ANSWER) => answer(bytes, context),
        Some(_) => Some(Verdict::No),
        None => None,
    };
    verdict.unwrap_or_else(|| fields::too_few(context))
}

fn call(bytes: &[u8]) -> Option<Verdict> {
    if be32(bytes, 8)? != RPC_VERSION || be32(bytes, 12)? != PROGRAM || be32(bytes, 16)? != AGENT_VERSION {
        return Some(Verdict::No);
    }
    let procedure = be32(bytes, 20)?;
    bytes.get(..CALL_BYTES)?;
    let (intent, name) = functions::grade(PROCEDURES, procedure);
    // An answer does not repeat its procedure: it is kept in the conversation's memory, plus one.
    let memory = u16::try_from(procedure).unwrap_or(0).saturating_add(1);
    Some(Verdict::Message(Message { memory, ..Message::request(NAME, bytes.len(), intent, name, procedure) }))
}

/// An answer names no program: without a call before it, only what comes from the agent's port is believed.
fn answer(bytes: &[u8], context: &Context) -> Option<Verdict> {
    let accepted = be32(bytes, 8)?;
    let success = be32(bytes, 20)?;
    if (context.memory == 0 && !fields::from_server(context)) || accepted > 1 || success > 5 || !bytes.len().is_multiple_of(4) {
        return Some(Verdict::No);
    }
    let procedure = u32::from(context.memory.saturating_sub(1));
    let name = if context.memory == 0 { "" } else { functions::grade(PROCEDURES, procedure).1 };
    let error = accepted != 0 || success != 0;
    let mut message = Message { error, memory: context.memory, ..Message::answer(NAME, bytes.len(), name, procedure) };
    if !error && (context.memory == 0 || procedure == PROCEDURE_CONNECT) {
        let (firmware, model) = target(bytes).unwrap_or_default();
        message.disclosed[0] = firmware;
        message.disclosed[1] = model;
    }
    Some(Verdict::Message(message))
}

/// The target's version of VxWorks and its board. XDR: agent version (string), packet size, mode, run-time type, run-time version
/// (string), processor, four flags and sizes, board name (string).
fn target(bytes: &[u8]) -> Option<(Disclosed, Disclosed)> {
    let (_, after_agent) = xdr_string(bytes, TARGET_AT)?;
    let (version, after_version) = xdr_string(bytes, after_agent + 12)?;
    let (board, _) = xdr_string(bytes, after_version + 20)?;
    let shown = |field, (at, room): (usize, usize)| text(field, bytes, at, room);
    Some((shown("firmware", version), shown("model", board)))
}

/// An XDR string (RFC 4506 section 4.11): offset and length of its text, and where the next item begins.
fn xdr_string(bytes: &[u8], at: usize) -> Option<((usize, usize), usize)> {
    let length = be32(bytes, at)? as usize;
    let end = (at + 4).checked_add(length)?.checked_next_multiple_of(4)?;
    (end <= bytes.len()).then_some(((at + 4, length), end))
}

const PROCEDURES: &[Line] = &[
    (0, Identify, "target-ping"),
    (1, Identify, "target-connect"),
    (2, Identify, "target-disconnect"),
    (3, Control, "target-mode-set"),
    (4, Identify, "target-mode-get"),
    (10, Read, "memory-read"),
    (11, Control, "memory-write"),
    (12, Control, "memory-fill"),
    (13, Control, "memory-move"),
    (14, Read, "memory-checksum"),
    (15, Control, "memory-protect"),
    (16, Control, "cache-update"),
    (17, Read, "memory-scan"),
    (18, Control, "memory-write-many"),
    (30, Control, "context-create"),
    (31, Control, "context-kill"),
    (32, Control, "context-suspend"),
    (33, Control, "context-resume"),
    (40, Read, "registers-get"),
    (41, Control, "registers-set"),
    (51, Read, "virtual-io-read"),
    (52, Control, "virtual-io-write"),
    (60, Control, "eventpoint-add"),
    (61, Control, "eventpoint-delete"),
    (70, Read, "event-get"),
    (80, Control, "context-continue"),
    (81, Control, "context-step"),
    (90, Control, "function-call"),
    (100, Read, "evaluate-gopher"),
    (110, Control, "direct-call"),
];

#[cfg(test)]
mod tests {
    use super::super::protocol::{Intent, Role, Sender};
    use super::super::testing::{datagram, hex, message, never_panics, told};
    use super::*;

    const CONNECT: &str = "1a09faba 00000000 00000002 55555555 00000001 00000001 0000000000000000 0000000000000000 ff5512c6 0000003c 00000001 00000002 00000000 00000000";
    const CONNECTED: &str = "1a09faba 00000001 00000000 0000000000000000 00000000 ffff1234 00000078 00000000 \
        00000004 312e3000 000005dc 00000001 00000001 00000006 352e342e3200 0000 00000051 00000001 00000001 00001000 000004d2 \
        00000005 4d5631303000 0000";

    fn grade(procedure: &str) -> (Role, Intent, &'static str) {
        let found = message(&PROTOCOL, &hex(&CONNECT.replace("00000001 00000001", procedure)), datagram(Sender::Unknown));
        (found.role, found.intent, found.function.name)
    }

    #[test]
    fn procedures_are_graded() {
        assert_eq!(grade("00000001 00000001"), (Role::Request, Intent::Identify, "target-connect"));
        assert_eq!(grade("00000001 0000000a"), (Role::Request, Intent::Read, "memory-read"));
        assert_eq!(grade("00000001 0000000b"), (Role::Request, Intent::Control, "memory-write"));
        assert_eq!(grade("00000001 0000005a"), (Role::Request, Intent::Control, "function-call"));
        assert_eq!(grade("00000001 00000077"), (Role::Request, Intent::Read, ""));
    }

    #[test]
    fn the_target_says_what_it_is() {
        let asked = message(&PROTOCOL, &hex(CONNECT), datagram(Sender::Client));
        let bytes = hex(CONNECTED);
        let found = message(&PROTOCOL, &bytes, Context { memory: asked.memory, ..datagram(Sender::Server) });
        assert_eq!((found.role, found.function.name), (Role::Answer, "target-connect"));
        assert_eq!(told(&found, &bytes, "firmware"), "5.4.2");
        assert_eq!(told(&found, &bytes, "model"), "MV100");
    }

    #[test]
    fn an_answer_needs_a_call_or_the_agents_port() {
        assert_eq!(parse(&hex(CONNECTED), &datagram(Sender::Client)), Verdict::No);
        assert_eq!(message(&PROTOCOL, &hex(CONNECTED), datagram(Sender::Server)).role, Role::Answer);
    }

    #[test]
    fn other_programs_and_versions_are_refused() {
        for (from, to) in [("55555555", "000186a0"), ("00000002 5", "00000003 5"), ("55555555 00000001", "55555555 00000002")] {
            assert_eq!(parse(&hex(&CONNECT.replacen(from, to, 1)), &datagram(Sender::Client)), Verdict::No);
        }
        assert_eq!(parse(&hex(CONNECT)[..36], &datagram(Sender::Client)), Verdict::No);
    }

    #[test]
    fn hostile_bytes() {
        never_panics(&PROTOCOL, &[CONNECT, CONNECTED]);
    }
}
