//! Response policy zones (draft-vixie-dnsop-dns-rpz-00): a DNS zone whose owners say what is asked for, and whose data says what to answer.
//!
//! Names that are answered with nothing, or with no host, are blocked (sections 3.1 and 3.6), and so are answers that have an address (`rpz-ip`,
//! section 4.3). Passing through is the opposite; names that are led elsewhere may be led to a page of a search engine for children.

use super::collect::{Collector, Facts};
use super::value::{NoValue, Value, is_nowhere};

/// Classes, which say nothing here (RFC 1035 section 3.2.4).
const CLASSES: [&[u8]; 2] = [b"IN", b"in"];
/// Where a blocked name leads: nowhere, to nothing, dropped, and over TCP alone.
const BLOCKING: [&[u8]; 4] = [b".", b"*.", b"rpz-drop.", b"rpz-tcp-only."];

/// A zone at work.
#[derive(Default)]
pub(super) struct Zone {
    /// The zone's own name with a dot before it and none behind; empty if it does not say.
    origin: Vec<u8>,
    /// Whom a line without an owner speaks of.
    owner: Vec<u8>,
    /// Brackets that are open: the numbers of a start of authority.
    open: usize,
}

/// Whether a line is one of a zone: a directive, a start of authority, or a name that is another's.
pub(super) fn is_line(line: &[u8]) -> bool {
    if line.starts_with(b"$TTL") || line.starts_with(b"$ORIGIN") {
        return true;
    }
    // An owner, perhaps a time to live and a class, a type.
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).skip(1).skip_while(|word| is_beside(word));
    matches!(words.next(), Some(b"SOA" | b"CNAME" | b"soa" | b"cname"))
}

fn is_beside(word: &[u8]) -> bool {
    CLASSES.contains(&word) || !word.is_empty() && word.iter().all(u8::is_ascii_digit)
}

impl Zone {
    /// Reads a line, with the blanks at its head: they stand for the owner before.
    pub fn line(&mut self, line: &[u8], number: u32, into: &mut Collector<'_>) {
        let line = line.split(|&byte| byte == b';').next().unwrap_or_default();
        let was_open = self.open > 0;
        let brackets = |sign: u8| line.iter().filter(|&&byte| byte == sign).count();
        self.open = (self.open + brackets(b'(')).saturating_sub(brackets(b')'));
        let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).peekable();
        if was_open || words.peek().is_none() {
            return;
        }
        if line[0] == b'$' {
            if let (Some(b"$ORIGIN"), Some(origin)) = (words.next(), words.next()) {
                self.origin = [b".", origin.strip_suffix(b".").unwrap_or(origin)].concat().to_ascii_lowercase();
            }
            return;
        }
        if !line[0].is_ascii_whitespace() {
            self.owner.clear();
            self.owner.extend_from_slice(words.next().unwrap_or_default());
        }
        let kind = words.find(|word| !is_beside(word)).unwrap_or_default().to_ascii_uppercase();
        let target = words.next().unwrap_or_default();
        let blocks = match &kind[..] {
            b"SOA" | b"NS" | b"TXT" => return,
            b"CNAME" if target.eq_ignore_ascii_case(b"rpz-passthru.") => return into.unsupported(number, "passed through", line),
            b"CNAME" => BLOCKING.contains(&&target.to_ascii_lowercase()[..]),
            b"A" | b"AAAA" => is_nowhere(target),
            _ => return into.refuse(number, "a record of no policy", line),
        };
        if !blocks {
            return into.unsupported(number, "a name that is led elsewhere", line);
        }
        let owner = self.owner.to_ascii_lowercase();
        let owner = owner.strip_suffix(b".").unwrap_or(&owner);
        let owner = owner.strip_suffix(&self.origin[..]).unwrap_or(owner);
        if let Some(trigger) = owner.strip_suffix(b".rpz-ip") {
            return into.take(address(trigger), &Facts::default(), number, line);
        }
        if [&b".rpz-client-ip"[..], b".rpz-nsip", b".rpz-nsdname"].iter().any(|trigger| owner.ends_with(trigger)) {
            return into.unsupported(number, "a trigger that is not matched against", line);
        }
        let facts = Facts { exact: !owner.starts_with(b"*."), ..Facts::default() };
        into.take(Value::domain(owner), &facts, number, line);
    }
}

/// `24.0.2.0.192` is 192.0.2.0/24, and `128.1.zz.2001` is 2001::1 (section 4.1.1).
fn address(trigger: &[u8]) -> Result<Value, NoValue> {
    let mut parts: Vec<&str> = str::from_utf8(trigger).unwrap_or_default().split('.').collect();
    let prefix = parts.remove(0);
    parts.reverse();
    let (text, longest) = if parts.len() == 4 && !parts.contains(&"zz") {
        (parts.join("."), "32")
    } else {
        let groups = parts.join(":").replace("zz", "");
        (
            if groups.starts_with(':') {
                format!(":{groups}")
            } else if groups.ends_with(':') {
                format!("{groups}:")
            } else {
                groups
            },
            "128",
        )
    };
    if prefix == longest { Value::address_or_network(text.as_bytes()) } else { Value::network(format!("{text}/{prefix}").as_bytes()) }
}
