//! Rules of Suricata and Snort (Suricata, "Rules Format"), as far as they name an address, a name, a URL or a fingerprint: the rule sets that abuse.ch and
//! Emerging Threats publish beside their lists. What else a rule asks for, payload above all, is not matched against.

use super::collect::{Collector, Facts};
use super::entry::Kind;
use super::named::usage_of;
use super::value::Value;

/// What rules do with what they fit, but for `pass`.
const ACTIONS: [&[u8]; 7] = [b"alert", b"drop", b"reject", b"rejectsrc", b"rejectdst", b"rejectboth", b"block"];
/// Words before the options: action, protocol, address, port, direction, address, port.
const HEADER_WORDS: usize = 7;

/// Where a text is looked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Place {
    /// Anywhere in the payload, or somewhere that no indicator names.
    Payload,
    /// A name that is asked for, or that a hello has.
    Name,
    Host,
    Uri,
    Ja3,
    Certificate,
}

/// What a keyword says: where the texts behind it are looked for, or the text before it.
enum Keyword {
    Behind(Place),
    Before(Place),
}

fn keyword(name: &[u8]) -> Option<Keyword> {
    Some(match name {
        b"dns.query" | b"dns_query" | b"dns.query.name" | b"tls.sni" | b"tls_sni" | b"quic.sni" => Keyword::Behind(Place::Name),
        b"http.host" | b"http.host.raw" => Keyword::Behind(Place::Host),
        b"http.uri" | b"http.uri.raw" => Keyword::Behind(Place::Uri),
        b"ja3.hash" | b"ja3_hash" => Keyword::Behind(Place::Ja3),
        b"tls.cert_fingerprint" | b"tls_cert_fingerprint" => Keyword::Behind(Place::Certificate),
        b"http_host" | b"http_raw_host" => Keyword::Before(Place::Host),
        b"http_uri" | b"http_raw_uri" => Keyword::Before(Place::Uri),
        // Other buffers: `http.method`, `file.data`, `http_header`.
        b"pkt_data" | b"file_data" => Keyword::Behind(Place::Payload),
        _ if name.contains(&b'.') => Keyword::Behind(Place::Payload),
        _ if name.starts_with(b"http_") => Keyword::Before(Place::Payload),
        _ => return None,
    })
}

pub(super) fn is_line(line: &[u8]) -> bool {
    header(line).is_some_and(|(words, _)| words[0] == b"pass" || ACTIONS.contains(&words[0]))
}

/// The words before the options, and the options.
fn header(line: &[u8]) -> Option<([&[u8]; HEADER_WORDS], &[u8])> {
    let at = memchr::memchr(b'(', line)?;
    let options = line[at + 1..].trim_ascii_end().strip_suffix(b")")?;
    let mut depth = 0_usize;
    let separates = |byte: &u8| {
        depth = match byte {
            b'[' => depth + 1,
            b']' => depth.saturating_sub(1),
            _ => depth,
        };
        byte.is_ascii_whitespace() && depth == 0
    };
    let words: Vec<&[u8]> = line[..at].split(separates).filter(|word| !word.is_empty()).collect();
    let words: [&[u8]; HEADER_WORDS] = words.try_into().ok()?;
    matches!(words[4], b"->" | b"<>" | b"<-").then_some((words, options))
}

/// Reads a rule.
pub(super) fn line(line: &[u8], number: u32, into: &mut Collector<'_>) {
    let Some((words, options)) = header(line) else { return into.refuse(number, "no rule of Suricata", line) };
    if !ACTIONS.contains(&words[0]) {
        return into.unsupported(number, "a rule that lets through", line);
    }
    let rule = Rule::of(options);
    let facts = Facts { usage: usage_of(&rule.message), ..Facts::default() };
    let values: Vec<_> = rule.values().collect();
    if !values.is_empty() {
        return values.into_iter().for_each(|value| into.take(value, &facts, number, line));
    }
    let mut named = false;
    for (addresses, port) in [(words[2], None), (words[5], port(words[6]))] {
        for address in literals(addresses).filter(|_| rule.texts.is_empty()) {
            named = true;
            into.take_addresses(address, &Facts { port, ..facts }, number, line);
        }
    }
    if !named {
        into.unsupported(number, "a rule about more than an address, a name, a URL or a fingerprint", line);
    }
}

/// Addresses that are written out in a rule's header; those of variables, and those that are excepted, name nobody.
fn literals(group: &[u8]) -> impl Iterator<Item = &[u8]> {
    let inside = group.strip_prefix(b"[").and_then(|group| group.strip_suffix(b"]")).unwrap_or(group);
    let plain = !group.starts_with(b"!") && !inside.contains(&b'!') && !inside.contains(&b'[');
    inside.split(|&byte| byte == b',').map(<[u8]>::trim_ascii).filter(move |word| plain && !word.starts_with(b"$") && *word != b"any")
}

/// The one port that a rule is about.
fn port(word: &[u8]) -> Option<u16> {
    str::from_utf8(word).ok()?.parse().ok()
}

/// A rule's options, as far as they matter here.
#[derive(Default)]
struct Rule {
    message: Vec<u8>,
    /// What must be there, and where.
    texts: Vec<(Place, Vec<u8>)>,
}

impl Rule {
    fn of(options: &[u8]) -> Self {
        let mut rule = Rule::default();
        let mut place = Place::Payload;
        for option in split(options) {
            let at = memchr::memchr(b':', option).unwrap_or(option.len());
            let (name, value) = (option[..at].trim_ascii(), option.get(at + 1..).unwrap_or_default().trim_ascii());
            match name {
                b"msg" => rule.message = text(value).unwrap_or_default(),
                b"content" | b"uricontent" if !value.starts_with(b"!") => {
                    let place = if name == b"uricontent" { Place::Uri } else { place };
                    rule.texts.extend(text(value).map(|text| (place, text)));
                }
                b"pcre" => rule.texts.push((Place::Payload, Vec::new())),
                // A value of its own: SSLBL's rules.
                b"tls.fingerprint" => rule.texts.extend(text(value).map(|text| (Place::Certificate, text))),
                name => match keyword(name) {
                    Some(Keyword::Behind(behind)) => place = behind,
                    Some(Keyword::Before(before)) => rule.texts.last_mut().into_iter().for_each(|last| last.0 = before),
                    None => {}
                },
            }
        }
        rule
    }

    fn at(&self, place: Place) -> impl Iterator<Item = &[u8]> {
        self.texts.iter().filter(move |(at, _)| *at == place).map(|(_, text)| &text[..])
    }

    /// What the texts name. A host with a path is a URL.
    fn values(&self) -> impl Iterator<Item = Result<Value, super::value::NoValue>> {
        let bare = |name: &[u8]| name.strip_prefix(b".").unwrap_or(name).to_vec();
        let digits = |text: &[u8]| text.iter().copied().filter(|&byte| byte != b':').collect::<Vec<u8>>();
        let names = self.at(Place::Name).map(move |name| Value::domain(&bare(name)));
        let path = self.at(Place::Uri).find(|path| path.starts_with(b"/"));
        let part = self.at(Place::Uri).next().is_some();
        let hosts = self.at(Place::Host).filter(move |_| path.is_some() || !part).map(move |host| match path {
            Some(path) => Value::url(&[b"http://", host, path].concat()),
            None => Value::of(&bare(host)),
        });
        let clients = self.at(Place::Ja3).map(|hash| Value::digest(Kind::Ja3, hash));
        let certificates = self.at(Place::Certificate).map(move |hash| Value::digest(Kind::CertificateSha1, &digits(hash)));
        names.chain(hosts).chain(clients).chain(certificates)
    }
}

/// The options: parted by semicolons, but for those in quotes or behind a backslash.
fn split(options: &[u8]) -> impl Iterator<Item = &[u8]> {
    let (mut quoted, mut escaped) = (false, false);
    options
        .split(move |&byte| {
            let ends = byte == b';' && !quoted && !escaped;
            quoted ^= byte == b'"' && !escaped;
            escaped = byte == b'\\' && !escaped;
            ends
        })
        .map(<[u8]>::trim_ascii)
}

/// A text in quotes, with its bytes in hexadecimal between bars, and its escapes. Nothing if it is none.
fn text(value: &[u8]) -> Option<Vec<u8>> {
    let inside = value.strip_prefix(b"\"")?;
    let inside = &inside[..memchr::memrchr(b'"', inside)?];
    let mut text = Vec::with_capacity(inside.len());
    for (number, part) in inside.split(|&byte| byte == b'|').enumerate() {
        if number % 2 == 0 {
            let mut escaped = false;
            for &byte in part {
                escaped = byte == b'\\' && !escaped;
                if !escaped {
                    text.push(byte);
                }
            }
            continue;
        }
        for pair in part.split(u8::is_ascii_whitespace).filter(|pair| !pair.is_empty()) {
            text.push(u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok()?);
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_is_told_by_its_header() {
        assert!(is_line(b"alert tcp $HOME_NET any -> [1.2.3.4, 5.6.7.0/24] 443 (msg:\"x\"; sid:1;)"));
        assert!(is_line(b"pass ip 1.2.3.4 any <> any any (sid:2;)"));
        for line in
            ["alert", "alert tcp any any -> any (sid:1;)", "alert.example", "alert tcp any any any any any (x)", "alert tcp a b -> c d (x"]
        {
            assert!(!is_line(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn texts_are_what_they_stand_for() {
        assert_eq!(text(br#""a|2e 2F|b\"\;\\""#).unwrap(), b"a./b\";\\");
        assert_eq!(text(b"\"a|zz|\""), None);
        assert_eq!(text(b"a"), None);
    }

    #[test]
    fn addresses_are_those_that_are_written_out() {
        let of = |group: &str| literals(group.as_bytes()).map(|word| String::from_utf8_lossy(word).into_owned()).collect::<Vec<_>>();
        assert_eq!(of("[1.2.3.4, 5.6.7.0/24]"), ["1.2.3.4", "5.6.7.0/24"]);
        assert_eq!(of("1.2.3.4"), ["1.2.3.4"]);
        for group in ["$HOME_NET", "any", "!1.2.3.4", "[1.2.3.4,!5.6.7.8]", "[$A,$B]"] {
            assert!(of(group).is_empty(), "{group}");
        }
    }

    #[test]
    fn no_rule_panics() {
        let rule = br#"alert tcp [1.2.3.4] any -> any 443 (msg:"a\"b"; content:"|41 4|x"; http_host; tls.fingerprint:"aa:b"; pcre:"/x/";)"#;
        for end in 0..rule.len() {
            if let Some((_, options)) = header(&rule[..end]) {
                Rule::of(options).values().for_each(drop);
            }
            Rule::of(&rule[end..]).values().for_each(drop);
        }
    }
}
