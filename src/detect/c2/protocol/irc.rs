//! Bots that are led in chat rooms (RFC 1459): on ports where chat is not, under names that say country, system and a number, taking orders.

use super::{Heads, Verdict, lines};
use crate::detect::malware::kind::contains;

/// Ports on which chat is ordinary (RFC 7194, IANA).
const CHAT_PORTS: std::ops::RangeInclusive<u16> = 6660..=7000;
/// Orders of well-known families (SDBot, Agobot, Kaiten), behind whatever mark they have.
const ORDERS: [&str; 16] = [
    "advscan",
    "asc ",
    "ddos",
    "udpflood",
    "synflood",
    "httpflood",
    "download http",
    "update http",
    "!udp ",
    "!tcp ",
    "!syn ",
    "!tsunami",
    "!pan ",
    "!unknown ",
    ".login ",
    "!*@",
];

pub fn judge(heads: &Heads<'_>) -> Verdict {
    let begins = |bytes: &[u8], word: &str| bytes.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()));
    let opens = ["NICK ", "USER ", "PASS ", "CAP LS"].iter().any(|word| begins(heads.client, word));
    if !opens {
        return if heads.client.len() < 5 { Verdict::Perhaps } else { Verdict::No };
    }
    let nick = lines(heads.client).find(|line| begins(line, "NICK ")).map(|line| line[5..].trim_ascii());
    let named = nick.is_some_and(is_bot_name);
    let ordered = lines(heads.server).any(|line| {
        let told = contains(line, b" PRIVMSG ") || contains(line, b" TOPIC ") || contains(line, b" 332 ");
        let lower = line.to_ascii_lowercase();
        told && ORDERS.iter().any(|order| contains(&lower, order.as_bytes()))
    });
    match (named, ordered) {
        (_, true) | (true, _) if !CHAT_PORTS.contains(&heads.port) || ordered => Verdict::Suspect,
        _ => Verdict::Perhaps,
    }
}

/// `[USA|XP|483920]`, `DEU-7-x64-91827`, `n{CN|U|W7}abcdef`: parts between marks, one of two or three capitals, and digits or a word at the end.
fn is_bot_name(nick: &[u8]) -> bool {
    let parts: Vec<&[u8]> = nick.split(|byte| !byte.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).collect();
    let country = parts.iter().any(|part| matches!(part.len(), 2 | 3) && part.iter().all(u8::is_ascii_uppercase));
    let number = parts.last().is_some_and(|part| part.len() >= 4);
    parts.len() >= 3 && country && number
}
