//! Bots that are led in chat rooms (RFC 1459): on ports where chat is not, under names that say country, system and a number, taking orders.
//!
//! Any of these makes a suspect. Certain is who bears such a name and takes such an order, or says that it does what it was ordered.

use super::{Heads, Verdict, lines};
use crate::detect::malware::dropper::url;
use crate::detect::malware::kind::{contains, find};

/// Ports on which chat is ordinary (RFC 7194, IANA).
const CHAT_PORTS: std::ops::RangeInclusive<u16> = 6660..=7000;
/// Orders of well-known families that no person gives in a room, whatever follows: Kaiten's own (`kaiten.c`, as published: `TSUNAMI`, `PAN`,
/// `UNKNOWN`, `GETSPOOFS`, `SPOOFS`, `KILLALL`), and those of SDBot's and Agobot's kin (Barford and Yegneswaran, "An Inside Look at Botnets", 2007:
/// `advscan`, `ddos.`, `udpflood`, `synflood`, `httpflood`); the others of that kind are chosen.
const ORDERS: [&str; 15] = [
    "tsunami",
    "pan",
    "unknown",
    "getspoofs",
    "spoofs",
    "killall",
    "advscan",
    "asc",
    "ddos",
    "udpflood",
    "synflood",
    "httpflood",
    "tcpflood",
    "ackflood",
    "icmpflood",
];
/// Orders that are words of people, too: they need an address or a URL behind them.
const AIMED: [&str; 14] =
    ["udp", "tcp", "syn", "ack", "icmp", "http", "std", "get", "download", "update", "server", "scan", "flood", "login"];
/// Whom Kaiten's orders are for when they are for all, and its further orders behind that (`kaiten.c`: `SH`, `IRC`, `GET`, `VERSION`, `NICK`, …).
const TO_ALL: &[u8] = b"!*";
const TO_ALL_ORDERS: [&str; 12] = ["sh", "irc", "get", "version", "nick", "enable", "disable", "server", "move", "udp", "bash", "help"];
/// Orders of bots in Perl behind an at sign, behind whom they are for (ShellBot, pBot: `!bot @system`).
const AT_ORDERS: [&str; 16] = [
    "system",
    "portscan",
    "nmap",
    "back",
    "conback",
    "cback",
    "download",
    "udpflood",
    "tcpflood",
    "httpflood",
    "sqlflood",
    "google",
    "spread",
    "rootable",
    "clean",
    "killme",
];
/// What bots say of what they do: Kaiten's (`kaiten.c`: `Packeting %s.`, `Tsunami heading for %s.`, `Unknowning %s.`, `Panning %s.`), ShellBot's.
const REPLIES: [&[u8]; 7] = [b"packeting ", b"heading for ", b"unknowning ", b"panning ", b"kaiten wa goraku", b"attacking", b"flooding"];
/// What a room's bots wait for before an order.
const MARKS: &[u8] = b"!.*@$-~";

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
        told && find(&line[1..], b" :").is_some_and(|at| is_order(&line[at + 3..], named || !CHAT_PORTS.contains(&heads.port)))
    });
    let replied = ordered && lines(heads.client).filter(|line| begins(line, "NOTICE ") || begins(line, "PRIVMSG ")).any(is_reply);
    match (named, ordered) {
        (true, true) => Verdict::Certain,
        _ if replied => Verdict::Certain,
        (_, true) | (true, _) if !CHAT_PORTS.contains(&heads.port) || ordered => Verdict::Suspect,
        _ => Verdict::Perhaps,
    }
}

/// `!* TSUNAMI 192.0.2.1 60`, `.udpflood 192.0.2.1`, `!bot @udp 192.0.2.1 80`: a mark, perhaps whom it is for, and an order.
/// `strange` says that chat is not what is to be expected here.
fn is_order(text: &[u8], strange: bool) -> bool {
    if !text.first().is_some_and(|first| MARKS.contains(first)) {
        return false;
    }
    let mut words = text.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).peekable();
    let is = |list: &[&str], word: &[u8]| list.iter().any(|known| word.eq_ignore_ascii_case(known.as_bytes()));
    let mut apart = text.splitn(3, u8::is_ascii_whitespace);
    if let (Some(first), Some(second)) = (apart.next(), apart.next())
        && (first == TO_ALL && is(&TO_ALL_ORDERS, second)
            || first.first() == Some(&b'!') && second.strip_prefix(b"@").is_some_and(|order| is(&AT_ORDERS, order)))
    {
        return true;
    }
    let bare = |word: &[u8]| {
        let marks = word.iter().take_while(|byte| MARKS.contains(byte)).count();
        word[marks..].to_ascii_lowercase()
    };
    for _ in 0..2 {
        let Some(word) = words.next().map(bare) else { break };
        // `ddos.syn` is an order of `ddos`.
        let order = word.split(|&byte| byte == b'.').next().unwrap_or_default();
        let aimed = words.peek().is_some_and(|next| is_aim(next, strange));
        if ORDERS.iter().any(|known| order == known.as_bytes()) || aimed && AIMED.iter().any(|known| order == known.as_bytes()) {
            return true;
        }
    }
    false
}

/// What the name of a program ends with, as those end that bots are told to fetch.
const PROGRAMS: [&[u8]; 6] = [b".exe", b".scr", b".dll", b".bat", b".sh", b".elf"];

/// An address; a program's URL; or any URL, which people tell the bots of their rooms, too.
fn is_aim(word: &[u8], strange: bool) -> bool {
    let ends = |ending: &[u8]| word.len() >= ending.len() && word[word.len() - ending.len()..].eq_ignore_ascii_case(ending);
    let program = || PROGRAMS.iter().any(|ending| ends(ending));
    contains(word, b"://") && (strange || program()) || url::is_address(word.split(|&byte| byte == b':').next().unwrap_or_default())
}

fn is_reply(line: &[u8]) -> bool {
    let lower = line.to_ascii_lowercase();
    REPLIES.iter().any(|reply| contains(&lower, reply))
}

/// Digits of the number in a name that lists what the bot runs on.
const NUMBER_DIGITS_MIN: usize = 5;

/// `[USA|XP|483920]`, `DEU-7-x64-91827`, `n{CN|U|W7}abcdef`: parts between marks, one of two or three capitals, and digits or a word at the end.
fn is_bot_name(nick: &[u8]) -> bool {
    let parts: Vec<&[u8]> = nick.split(|byte| !byte.is_ascii_alphanumeric()).filter(|part| !part.is_empty()).collect();
    let country = parts.iter().any(|part| matches!(part.len(), 2 | 3) && part.iter().all(u8::is_ascii_uppercase));
    let number = parts.last().is_some_and(|part| part.len() >= 4);
    // `A5|x|1|1234567|web1`: Muhstik's, without a country (Lacework, "Meet Muhstik", 2020).
    let listed: Vec<&[u8]> = nick.split(|&byte| byte == b'|').filter(|part| !part.is_empty()).collect();
    let long = |part: &&[u8]| part.len() >= NUMBER_DIGITS_MIN && part.iter().all(u8::is_ascii_digit);
    parts.len() >= 3 && country && number || listed.len() >= 4 && listed.iter().any(long)
}
