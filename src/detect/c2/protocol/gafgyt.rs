//! Gafgyt (Bashlite, Qbot): text lines. A bot says what it is built for, the controller `PING`s and orders with `!*` (the published source,
//! `client.c`: `BUILD`, `PING`, `PONG`, `!* UDP`, `!* SCANNER ON`).

use super::{Heads, Verdict, lines};

/// Orders that its versions know, behind `!* ` (or another mark).
const ORDERS: [&str; 26] = [
    "UDP",
    "TCP",
    "STD",
    "HOLD",
    "JUNK",
    "HTTP",
    "CNC",
    "SCANNER",
    "SCAN",
    "TELNET",
    "KILLATTK",
    "LOLNOGTFO",
    "GETLOCALIP",
    "STOP",
    "XMAS",
    "VSE",
    "SYN",
    "ACK",
    "STOMP",
    "COMBO",
    "CRUSH",
    "PHATWONK",
    "UPDATE",
    "UPDATER",
    "BOTKILL",
    "GTFOFAG",
];
/// What bots open with, in its versions.
const HELLOS: [&str; 5] = ["BUILD ", "ARCH ", "BOT ", "INFECTED ", "REPORT "];

pub fn judge(heads: &Heads<'_>) -> Verdict {
    let text = |bytes: &[u8]| bytes.iter().all(|byte| byte.is_ascii_graphic() || b" \t\r\n\x1b".contains(byte));
    if !text(heads.client) || !text(heads.server) {
        return Verdict::No;
    }
    let hello =
        lines(heads.client).next().is_some_and(|line| HELLOS.iter().any(|hello| line.starts_with(hello.as_bytes()) && line.len() <= 64));
    let ponged = lines(heads.client).any(|line| line == b"PONG" || line == b"PONG!");
    let pinged = lines(heads.server).any(|line| line == b"PING");
    let ordered = lines(heads.server).any(is_order);
    match (hello, pinged && ponged, ordered) {
        (true, true, _) | (true, _, true) | (_, true, true) => Verdict::Certain,
        (false, false, true) => Verdict::Suspect,
        // Without a word of its own it may be any protocol of lines.
        _ if heads.client.len() < 4 || hello || pinged || ponged => Verdict::Perhaps,
        _ => Verdict::No,
    }
}

/// `!* UDP 192.0.2.1 80 60 32 0 10`: the mark, an order, and what belongs to it.
fn is_order(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"!*").or_else(|| line.strip_prefix(b"!@")) else { return false };
    let mut words = rest.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.next().is_some_and(|order| ORDERS.iter().any(|known| order == known.as_bytes()))
}
