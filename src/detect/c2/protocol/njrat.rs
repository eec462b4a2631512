//! njRAT (Bladabindi): each message behind its length in decimal digits and a zero byte; a bot opens with `ll` and its fields between
//! separators, mostly `|'|'|` (Fidelis, "njRAT Uncovered", 2013). Before version 0.7 messages ended with `[endof]` instead.

use super::{Heads, Verdict};
use crate::detect::malware::kind::contains;

/// Digits of a length.
const DIGITS_MAX: usize = 7;
/// Bytes of a separator.
const SEPARATOR_BYTES: std::ops::RangeInclusive<usize> = 3..=16;
/// Fields of a bot's first message (name, host, user, date, …), at least.
const FIELDS_MIN: usize = 5;

pub fn judge(heads: &Heads<'_>) -> Verdict {
    if let Some(fields) = heads.client.strip_prefix(b"lv") {
        let old = contains(fields, b"|'|'|") && contains(heads.client, b"[endof]");
        return match (old, heads.server.is_empty()) {
            (true, true) => Verdict::Suspect,
            (true, false) if contains(heads.server, b"[endof]") || contains(heads.server, b"|'|'|") => Verdict::Certain,
            _ => Verdict::Perhaps,
        };
    }
    let Some((length, payload)) = framed(heads.client) else {
        return if heads.client.len() <= DIGITS_MAX && heads.client.iter().all(u8::is_ascii_digit) {
            Verdict::Perhaps
        } else {
            Verdict::No
        };
    };
    let first = &payload[..payload.len().min(length)];
    let opens = first.get(..2).is_none_or(|kind| kind == b"ll");
    if !opens {
        return Verdict::No;
    }
    if first.len() < length {
        return Verdict::Perhaps;
    }
    if first.get(2..).map_or(0, fields) < FIELDS_MIN {
        return Verdict::No;
    }
    match server(heads.server) {
        None => Verdict::No,
        Some(0) => Verdict::Suspect,
        Some(_) => Verdict::Certain,
    }
}

/// A length and what follows it.
fn framed(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let end = bytes.iter().take(DIGITS_MAX + 1).position(|&byte| byte == 0)?;
    let digits = bytes.get(..end).filter(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))?;
    let length = digits.iter().fold(0, |sum, digit| sum * 10 + usize::from(digit - b'0'));
    Some((length, &bytes[end + 1..]))
}

/// Fields between separators: whatever stands first and comes again.
fn fields(text: &[u8]) -> usize {
    let is = |separator: &[u8]| text.windows(separator.len()).filter(|window| *window == separator).count();
    SEPARATOR_BYTES.filter_map(|len| text.get(..len)).map(is).max().unwrap_or(0)
}

/// Whole messages of a controller. Nothing if they are not framed.
fn server(bytes: &[u8]) -> Option<usize> {
    let (mut rest, mut count) = (bytes, 0);
    while !rest.is_empty() {
        let Some((length, payload)) = framed(rest) else {
            return (rest.len() <= DIGITS_MAX && rest.iter().all(u8::is_ascii_digit)).then_some(count);
        };
        let Some(after) = payload.get(length..) else { break };
        (rest, count) = (after, count + 1);
    }
    Some(count)
}
