//! Gafgyt (Bashlite, Qbot): text lines. A bot says what it is built for, the controller sends `PING` and orders behind `!*`. As published
//! (`client.c` and `server.c` of 2014 and its many copies): the bot's `BUILD %s`, `BUILD %s:%s` and `PONG!`, the orders `GETLOCALIP`, `SCANNER ON`,
//! `HOLD`, `JUNK`, `UDP`, `TCP`, `STD`, `HTTP`, `CNC`, `COMBO`, `TELNET`, `KILLATTK`, `LOLNOGTFO`, `GTFOFAG`, `STOP`, `UDPFLOOD`, `TCPFLOOD`, `STDFLOOD`,
//! `UNKFLOOD`, `CNCFLOOD`. The other orders and marks are chosen, of the kind that copies add.

use super::{Heads, Verdict, lines};
use crate::detect::malware::dropper::url;

/// Orders that its versions know, behind `!* ` (or another mark).
const ORDERS: [&str; 34] = [
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
    "UDPFLOOD",
    "TCPFLOOD",
    "STDFLOOD",
    "UNKFLOOD",
    "CNCFLOOD",
    "HTTPFLOOD",
    "GTFODUP",
    "DUPES",
];
/// What bots open with, in its versions.
const HELLOS: [&str; 5] = ["BUILD ", "ARCH ", "BOT ", "INFECTED ", "REPORT "];
/// What a greeting in lower case must name, too: what the bot is built for.
const BUILT_FOR: [&str; 14] =
    ["mips", "mpsl", "mipsel", "arm", "x86", "i586", "i686", "ppc", "powerpc", "sh4", "superh", "m68k", "sparc", "spc"];

pub fn judge(heads: &Heads<'_>) -> Verdict {
    let text = |bytes: &[u8]| bytes.iter().all(|byte| byte.is_ascii_graphic() || b" \t\r\n\x1b".contains(byte));
    if !text(heads.client) || !text(heads.server) {
        return Verdict::No;
    }
    let hello = lines(heads.client).next().is_some_and(is_hello);
    let ponged = lines(heads.client).any(|line| line.eq_ignore_ascii_case(b"PONG") || line.eq_ignore_ascii_case(b"PONG!"));
    let pinged = lines(heads.server).any(|line| line.eq_ignore_ascii_case(b"PING"));
    let ordered = lines(heads.server).any(is_order);
    // Under another mark than its own, only beside its other words.
    let aimed = (hello || pinged && ponged) && lines(heads.server).any(is_aimed);
    let ordered = ordered || aimed;
    match (hello, pinged && ponged, ordered) {
        (true, true, _) | (true, _, true) | (_, true, true) => Verdict::Certain,
        (false, false, true) => Verdict::Suspect,
        // Without a word of its own it may be any protocol of lines.
        _ if heads.client.len() < 4 || hello || pinged || ponged => Verdict::Perhaps,
        _ => Verdict::No,
    }
}

fn is_hello(line: &[u8]) -> bool {
    let begins = |hello: &&&str| line.get(..hello.len()).is_some_and(|start| start.eq_ignore_ascii_case(hello.as_bytes()));
    let Some(hello) = HELLOS.iter().find(begins).filter(|_| line.len() <= 64) else { return false };
    let built_for = || {
        let rest = line[hello.len()..].to_ascii_lowercase();
        BUILT_FOR.iter().any(|known| rest.split(|byte| !byte.is_ascii_alphanumeric()).any(|word| word.starts_with(known.as_bytes())))
    };
    line.starts_with(hello.as_bytes()) || built_for()
}

/// `.udp 192.0.2.1 80 60`: an order behind any mark, and an address.
fn is_aimed(line: &[u8]) -> bool {
    let marks = line.iter().take_while(|byte| byte.is_ascii_punctuation()).count();
    let mut words = line[marks..].split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let order = words.next().is_some_and(|order| ORDERS.iter().any(|known| order.eq_ignore_ascii_case(known.as_bytes())));
    (1..=2).contains(&marks) && order && words.next().is_some_and(url::is_address)
}

/// `!* UDP 192.0.2.1 80 60 32 0 10`: the mark, an order, and what belongs to it.
fn is_order(line: &[u8]) -> bool {
    let Some(rest) = line.strip_prefix(b"!*").or_else(|| line.strip_prefix(b"!@")) else { return false };
    let mut words = rest.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    words.next().is_some_and(|order| ORDERS.iter().any(|known| order == known.as_bytes()))
}
