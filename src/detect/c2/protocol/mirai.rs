//! Mirai: a bot says `00 00 00 01` and its name, then `00 00` about every minute, which the controller says back; attacks are sent behind
//! their length (jgamblin/Mirai-Source-Code, `mirai/bot/main.c`, `mirai/cnc/main.go`, `mirai/cnc/attack.go`; Antonakakis and others, USENIX Security
//! 2017). The fourth byte is the bot's version, and its controller takes any but 0.

use super::{Heads, Verdict};

/// Longest name of a bot (`id_buf` in `bot/main.c`).
const NAME_MAX: usize = 32;
/// Highest version of a bot (chosen; its own is 1). Of another than its own, a name must be given.
const VERSION_MAX: u8 = 9;
/// Kinds of attack that its descendants have, at most (chosen); its own are 0 to 10.
const VECTOR_MAX: u8 = 63;
/// Longest duration of an attack in seconds (chosen); its own controller takes 3,600 (`cnc/attack.go`).
const DURATION_MAX: u32 = 3600 * 24;

pub fn judge(heads: &Heads<'_>) -> Verdict {
    let fits = |at: usize, byte: u8| if at < 3 { byte == 0 } else { (1..=VERSION_MAX).contains(&byte) };
    if !heads.client.iter().take(4).enumerate().all(|(at, &byte)| fits(at, byte)) {
        return Verdict::No;
    }
    let is_first = heads.client.get(3) == Some(&1);
    let Some(&length) = heads.client.get(4) else { return Verdict::Perhaps };
    let length = usize::from(length);
    let name = &heads.client[5..heads.client.len().min(5 + length)];
    if length > NAME_MAX || length == 0 && !is_first || !name.iter().all(u8::is_ascii_graphic) {
        return Verdict::No;
    }
    let rest = heads.client.get(5 + length..).unwrap_or_default();
    if rest.iter().any(|&byte| byte != 0) {
        return Verdict::No;
    }
    let Some((messages, attacks)) = messages(heads.server) else { return Verdict::No };
    // A name that is empty says little: then the dialogue must go on for longer. An attack's order is seldom chance.
    let pings = rest.len() / 2;
    let named = length > 0 && name.len() == length;
    let kept_to = messages >= 1 && pings >= 1 && (named || pings >= 2 && messages >= 2);
    if kept_to || attacks >= 1 && (named || pings >= 1) { Verdict::Certain } else { Verdict::Perhaps }
}

/// Whole messages of a controller, pings and attacks, and how many are attacks. Nothing if one is neither.
fn messages(server: &[u8]) -> Option<(usize, usize)> {
    let (mut at, mut count, mut attacks) = (0, 0, 0);
    while let Some(length) = server.get(at..at + 2) {
        let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
        if length == 0 {
            (at, count) = (at + 2, count + 1);
            continue;
        }
        match server.get(at + 2..at + length) {
            Some(attack) if is_attack(attack) => (at, count, attacks) = (at + length, count + 1, attacks + 1),
            // Not whole yet: its beginning must fit all the same.
            None if length <= 4096 => break,
            _ => return None,
        }
    }
    Some((count, attacks))
}

/// Duration, vector, targets with their prefixes, and options.
fn is_attack(attack: &[u8]) -> bool {
    let Some((&[a, b, c, d, vector, targets], mut rest)) = attack.split_first_chunk::<6>() else { return false };
    if u32::from_be_bytes([a, b, c, d]) > DURATION_MAX || vector > VECTOR_MAX || targets == 0 {
        return false;
    }
    for _ in 0..targets {
        match rest.split_first_chunk::<5>() {
            Some((target, after)) if target[4] <= 32 => rest = after,
            _ => return false,
        }
    }
    let Some((&options, mut rest)) = rest.split_first() else { return true };
    for _ in 0..options {
        match rest.split_first_chunk::<2>() {
            Some((option, after)) if after.len() >= usize::from(option[1]) => rest = &after[usize::from(option[1])..],
            _ => return false,
        }
    }
    rest.is_empty()
}
