//! Lists without form: a value a line, with or without something behind it; hosts files.

use super::collect::{Collector, Facts};
use super::entry::Kind;
use super::fields::{SEPARATORS, fields};
use super::lines::Heading;
use super::list::Format;
use super::range;
use super::time::seconds;
use super::value::{NoValue, Value, is_nowhere};

/// Whether a line is of a hosts file: a name that is led nowhere.
pub(super) fn is_hosts(line: &[u8]) -> bool {
    let mut words = words(line);
    words.next().is_some_and(is_nowhere) && words.next().is_some()
}

fn words(line: &[u8]) -> impl Iterator<Item = &[u8]> {
    line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty())
}

/// One value: the first word of the line, or the first field that is a value. Of a line of a hosts file, the names after the address.
pub(super) fn line(line: &[u8], number: u32, heading: &Heading, into: &mut Collector<'_>) {
    let facts = Facts { usage: heading.usage(), ..Facts::default() };
    // Sequences in YAML.
    let line = line.strip_prefix(b"- ").unwrap_or(line);
    let mut words = words(line);
    let first = words.next().unwrap_or_default();
    // Most lines are a value and nothing else.
    let alone = first.len() == line.len();
    let has_name = !alone && words.next().is_some_and(|second| !second.starts_with(b"#"));
    if has_name && (is_nowhere(first) || into.list().format == Format::Hosts) {
        return hosts(line, number, &facts, into);
    }
    if let [b'!', ..] = first {
        return into.unsupported(number, "an exception", line);
    }
    if (!alone || first.contains(&b'-'))
        && let Some(networks) = run(line, first)
    {
        return networks.into_iter().for_each(|network| into.take(network, &facts, number, line));
    }
    let is_url = || first.windows(3).any(|three| three == b"://");
    let separator = SEPARATORS.into_iter().find(|sign| first.contains(sign) || *sign == b'\t' && !alone && line.contains(sign));
    // Spamhaus puts a semicolon behind the network.
    let separator = separator.filter(|&sign| first.contains(&b'"') || sign == b'\t' || !is_url()).filter(|_| !first.ends_with(b";"));
    if let Some(separator) = separator.or(first.contains(&b'"').then_some(b',')) {
        return row(line, separator, number, heading, &facts, into);
    }
    let text = first.strip_suffix(b";").unwrap_or(first);
    if text.contains(&b'|') && !is_url() {
        return pair(text, number, heading, &facts, line, into);
    }
    into.take(meant(Value::of(text), heading), &facts, number, line);
}

/// What a digest is of, as far as the list's head tells.
fn meant(value: Result<Value, NoValue>, heading: &Heading) -> Result<Value, NoValue> {
    match value {
        Ok(Value::Digest(Kind::Md5, digest)) if heading.ja3 => Ok(Value::Digest(Kind::Ja3, digest)),
        Ok(Value::Digest(Kind::Sha1, digest)) if heading.certificates || heading.publisher == Format::Sslbl => {
            Ok(Value::Digest(Kind::CertificateSha1, digest))
        }
        value => value,
    }
}

/// The names of a line of a hosts file. Those without a dot are the host's own.
fn hosts(line: &[u8], number: u32, facts: &Facts<'_>, into: &mut Collector<'_>) {
    let line = line.split(|&byte| byte == b'#').next().unwrap_or_default();
    let mut words = words(line);
    let first = words.next().unwrap_or_default();
    for name in words.filter(|name| name.contains(&b'.') && !name.ends_with(b".localdomain") && !is_nowhere(name)) {
        if is_nowhere(first) {
            into.take(Value::domain(name), facts, number, line);
        } else {
            into.unsupported(number, "a name that is given an address", line);
        }
    }
}

/// A run of addresses: `a-b`, `a - b`, and a network with a mask behind it. PeerGuardian's lists have a description and a colon before it.
fn run(line: &[u8], first: &[u8]) -> Option<Vec<Result<Value, NoValue>>> {
    let line = line.split(|&byte| byte == b'#' || byte == b';').next().unwrap_or_default();
    let begins_as_address = first.first().is_some_and(|byte| byte.is_ascii_hexdigit() || *byte == b':');
    let behind_colon = || line.iter().rposition(|&byte| byte == b':').map(|at| &line[at + 1..]);
    if begins_as_address && let Some(networks) = range::networks(line).or_else(|| range::networks(first)) {
        return Some(networks);
    }
    if begins_as_address && let Some(network) = words(line).nth(1).and_then(|second| range::masked(first, second)) {
        return Some(vec![network]);
    }
    behind_colon().and_then(range::networks)
}

/// A row of a table that does not say what its columns hold: its first value. A row of nothing but addresses, or of digests, is all of them.
fn row(line: &[u8], separator: u8, number: u32, heading: &Heading, facts: &Facts<'_>, into: &mut Collector<'_>) {
    let dated = |field: &[u8]| seconds(field).is_some();
    let mut values = fields(line, separator).filter(|field| !field.is_empty() && !dated(field)).map(|field| Value::of(&field));
    let Some(first) = values.find(Result::is_ok) else {
        return into.refuse(number, "no field is an address, a name, a URL or a digest", line);
    };
    let is_plain = |value: &Result<Value, NoValue>| matches!(value, Ok(Value::Address(..) | Value::Network(_) | Value::Digest(..)));
    let others: Vec<_> = values.take_while(is_plain).collect();
    let columns = fields(line, separator).filter(|field| !field.is_empty()).count();
    let whole = separator == b',' && is_plain(&first) && columns == 1 + others.len();
    into.take(meant(first, heading), facts, number, line);
    for other in others.into_iter().filter(|_| whole) {
        into.take(meant(other, heading), facts, number, line);
    }
}

/// Two parts of one thing, as MISP writes them: an address and its port, a file's name and digest, a name and its address.
fn pair(text: &[u8], number: u32, heading: &Heading, facts: &Facts<'_>, line: &[u8], into: &mut Collector<'_>) {
    let mut parts = text.split(|&byte| byte == b'|');
    let (first, second, more) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default(), parts.next().is_some());
    let port = str::from_utf8(second).ok().and_then(|digits| digits.parse().ok());
    match (Value::of(first), Value::of(second)) {
        (Ok(value @ Value::Address(..)), Err(_)) if !more && port.is_some() => {
            into.take(Ok(value), &Facts { port, ..*facts }, number, line)
        }
        (Ok(name @ Value::Domain(_)), Ok(addr @ Value::Address(..))) if !more => {
            into.take(Ok(name), facts, number, line);
            into.take(Ok(addr), facts, number, line);
        }
        (_, digest @ Ok(Value::Digest(..))) if !more => into.take(meant(digest, heading), facts, number, line),
        _ => into.refuse(number, "neither an address nor a name, URL or digest", line),
    }
}
