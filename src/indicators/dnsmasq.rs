//! Configuration of resolvers: dnsmasq's (`address=/evil.example/0.0.0.0`, its manual under `--address` and `--server`) and Unbound's
//! (`local-zone: "evil.example" always_nxdomain`, unbound.conf(5)).
//!
//! A name that is answered with nothing, or with no host at all, is blocked. One that is given an address, or that others are asked for, is the
//! network's own.

use super::collect::{Collector, Facts};
use super::value::{Value, is_nowhere};

/// Settings of dnsmasq by which a file is known.
const DNSMASQ: [&[u8]; 5] = [b"address=/", b"server=/", b"local=/", b"ipset=/", b"nftset=/"];
const UNBOUND: [&[u8]; 3] = [b"local-zone:", b"local-data:", b"server:"];
/// Types of Unbound's zones that answer nothing of use whatever else is said of them.
const BLOCKING: [&[u8]; 8] =
    [b"always_nxdomain", b"always_nodata", b"always_null", b"always_refuse", b"always_deny", b"refuse", b"deny", b"inform_deny"];

pub(super) fn is_dnsmasq(line: &[u8]) -> bool {
    DNSMASQ.iter().any(|setting| line.starts_with(setting))
}

pub(super) fn is_unbound(line: &[u8]) -> bool {
    UNBOUND.iter().any(|setting| line.starts_with(setting))
}

/// Reads a line of dnsmasq's.
pub(super) fn dnsmasq(line: &[u8], number: u32, into: &mut Collector<'_>) {
    let words = line.split(|byte| byte.is_ascii_whitespace()).next().unwrap_or_default();
    let setting = words.iter().position(|&byte| byte == b'=').map(|at| (&words[..at], &words[at + 1..]));
    let Some((setting, [b'/', rest @ ..])) = setting else {
        return into.unsupported(number, "a setting that lists nothing", line);
    };
    let end = rest.iter().rposition(|&byte| byte == b'/').unwrap_or(0);
    let (names, target) = (&rest[..end], rest.get(end + 1..).unwrap_or_default());
    match setting {
        b"address" if matches!(target, b"" | b"#") || is_nowhere(target) => {}
        b"local" | b"server" if target.is_empty() => {}
        b"address" => return into.unsupported(number, "a name that is given an address", line),
        b"local" | b"server" => return into.unsupported(number, "a name that others are asked for", line),
        _ => return into.unsupported(number, "a setting that lists nothing", line),
    }
    for name in names.split(|&byte| byte == b'/') {
        into.take(Value::domain(name), &Facts::default(), number, line);
    }
}

/// Reads a line of Unbound's.
pub(super) fn unbound(line: &[u8], number: u32, into: &mut Collector<'_>) {
    let rest = |setting: &[u8]| line.strip_prefix(setting).map(<[u8]>::trim_ascii);
    if let Some(rest) = rest(b"local-zone:") {
        return match quoted(rest) {
            Some((name, kind)) if BLOCKING.contains(&kind) => into.take(Value::domain(name), &Facts::default(), number, line),
            // What it answers with is said in data of its own.
            Some((_, kind)) if kind == b"redirect" => {}
            _ => into.unsupported(number, "a zone that is answered", line),
        };
    }
    if let Some((data, _)) = rest(b"local-data:").and_then(quoted) {
        let words: Vec<&[u8]> = data.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect();
        return match (words.first(), words.last()) {
            (Some(name), Some(target)) if is_nowhere(target) => into.take(Value::domain(name), &Facts::default(), number, line),
            _ => into.unsupported(number, "a name that is given an address", line),
        };
    }
    if line != b"server:" {
        into.unsupported(number, "a setting that lists nothing", line);
    }
}

/// A text in quotes, without them, and what stands behind it; without quotes, a word.
fn quoted(text: &[u8]) -> Option<(&[u8], &[u8])> {
    let (from, end) = match text {
        [b'"' | b'\'', inside @ ..] => (inside, inside.iter().position(|byte| *byte == text[0])?),
        _ => (text, text.iter().position(u8::is_ascii_whitespace)?),
    };
    Some((&from[..end], from[end + 1..].trim_ascii()))
}
