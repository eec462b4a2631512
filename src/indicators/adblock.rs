//! Filter lists of browsers and resolvers: `||evil.example^` (AdGuard, "DNS filtering rules syntax"; Adblock Plus, "How to write filters").
//!
//! Only rules that list a whole host are taken. An exception (`@@`) says that something is good, a rule of what a page shows names sites that
//! are none the worse for it, and a rule that its options narrow holds for a part of what it names: none of those is an indicator.

use super::collect::{Collector, Facts};
use super::value::Value;

/// Options that do not narrow a rule about a host: it is blocked whatever asks for it.
const WIDE_OPTIONS: [&[u8]; 6] = [b"all", b"document", b"doc", b"important", b"popup", b"match-case"];
/// What stands between sites and the elements of a page that a rule hides, or exempts.
const COSMETIC: [&str; 6] = ["##", "#@#", "#?#", "#$#", "#%#", "$$"];

/// Whether a line is of such a list, whatever stands around it. A single `!` is none: other lists except an address with it.
pub(super) fn is_line(line: &[u8]) -> bool {
    let header = |name: &str| line.get(1..=name.len()).is_some_and(|word| word.eq_ignore_ascii_case(name.as_bytes()));
    match line {
        [b'|', b'|', ..] | [b'@', b'@', ..] | [b'!', b' ', ..] | [b'!'] => true,
        [b'[', ..] => ["Adblock", "uBlock", "AdGuard"].into_iter().any(header),
        _ => false,
    }
}

/// Reads a rule.
pub(super) fn line(line: &[u8], number: u32, into: &mut Collector<'_>) {
    let has = |word: &str| line.windows(word.len()).any(|part| part == word.as_bytes());
    match line {
        [b'!' | b'[', ..] => return,
        [b'@', b'@', ..] => return into.unsupported(number, "an exception", line),
        _ if COSMETIC.into_iter().any(has) => return into.unsupported(number, "a rule of what a page shows", line),
        _ => {}
    }
    let (pattern, options) = match line.iter().rposition(|&byte| byte == b'$') {
        Some(at) => (&line[..at], &line[at + 1..]),
        None => (line, &[][..]),
    };
    if !options.is_empty() && !options.split(|&byte| byte == b',').all(|option| WIDE_OPTIONS.contains(&option)) {
        return into.unsupported(number, "a rule that its options narrow", line);
    }
    let host =
        pattern.strip_prefix(b"||").map(|host| host.strip_suffix(b"|").unwrap_or(host)).map(|host| host.strip_suffix(b"^").unwrap_or(host));
    let host = host.map(|host| host.strip_prefix(b"*.").unwrap_or(host));
    let exact = pattern.strip_prefix(b"|").and_then(|url| url.strip_suffix(b"|"));
    let value = match (host, exact) {
        (Some(host), _) if !host.iter().any(|byte| b"/*^|".contains(byte)) => Value::of(host),
        (None, Some(url)) if !url.iter().any(|byte| b"*^".contains(byte)) => Value::url(url),
        _ => return into.unsupported(number, "a pattern that more than one host or URL fits", line),
    };
    into.take(value, &Facts::default(), number, line);
}
