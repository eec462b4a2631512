//! STIX patterns (STIX 2.1 section 9), as far as they compare for equality.
//!
//! `[a = 'x' OR b = 'y'] OR [c IN ('z', 'w')]` is a list of values. Of comparisons joined by `AND`, an address with a port is
//! one value, and a file with a digest is the digest. Whatever else narrows or widens a pattern makes its part unsupported, never matched by halves.

use super::entry::Kind;
use super::value::{NoValue, Value};

/// Most values of one pattern.
const VALUES_MAX: usize = 4096;

/// A value, and the port that it goes with.
type Found = (Result<Value, NoValue>, Option<u16>);
/// How far a comparison decides before others, and how its text is read.
type Reading = (u8, fn(&str) -> Result<Value, NoValue>);

/// What a pattern comes to.
#[derive(Default)]
pub(super) struct Read {
    pub values: Vec<Found>,
    /// Why a part of it was left out.
    pub unsupported: Option<&'static str>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Token {
    /// `[`, `]`, `(`, `)`, `,`, `=`.
    Mark(u8),
    Text(String),
    /// An object path, a keyword or a number.
    Word(String),
}

/// Reads a pattern.
pub(super) fn read(text: &str) -> Read {
    let mut read = Read::default();
    if let Some(value) = single(text) {
        read.values.push((value, None));
        return read;
    }
    let Some(tokens) = tokens(text) else {
        read.unsupported = Some("a pattern that cannot be read");
        return read;
    };
    let mut rest = &tokens[..];
    loop {
        let Some(end) = rest.iter().position(|token| *token == Token::Mark(b']')).filter(|_| rest[0] == Token::Mark(b'[')) else {
            read.unsupported = Some("a pattern that cannot be read");
            break;
        };
        let mut alternatives = Vec::new();
        for alternative in split(&rest[1..end], "OR") {
            match conjunction(alternative) {
                Some(values) => alternatives.extend(values),
                None => read.unsupported = Some("a pattern of more than comparisons for equality"),
            }
        }
        rest = &rest[end + 1..];
        // AND, FOLLOWEDBY and qualifiers say that one observation is not enough.
        let joined = matches!(rest.first(), Some(Token::Word(word)) if word.as_str() == "OR");
        if !rest.is_empty() && !joined {
            read.unsupported = Some("a pattern of several observations");
            return Read { values: Vec::new(), ..read };
        }
        read.values.extend(alternatives);
        rest = rest.get(1..).unwrap_or_default();
        if !joined {
            break;
        }
        if read.values.len() > VALUES_MAX || rest.is_empty() {
            read.unsupported = Some("a pattern that cannot be read");
            break;
        }
    }
    read
}

/// Comparisons that must all hold. Nothing if they are more than one value.
fn conjunction(tokens: &[Token]) -> Option<Vec<Found>> {
    let comparisons = split(tokens, "AND").into_iter().map(comparison).collect::<Option<Vec<_>>>()?;
    let port = comparisons.iter().find(|(path, _)| path == "network-traffic:dst_port");
    let port = match port.map(|(_, values)| &values[..]) {
        Some([port]) => Some(port.parse::<u16>().ok()?),
        Some(_) => return None,
        None => None,
    };
    let mut found: Option<(u8, Vec<Result<Value, NoValue>>)> = None;
    for (path, values) in &comparisons {
        let read = match path.as_str() {
            "network-traffic:dst_port" | "network-traffic:protocols[*]" | "network-traffic:protocols[0]" => continue,
            // A file is its content: its name and size say no more.
            "file:name" | "file:size" if comparisons.iter().any(|(path, _)| path.starts_with("file:hashes.")) => continue,
            path => reading(path)?,
        };
        let values = values.iter().map(|text| read.1(text)).collect();
        // Of several digests of one file, the strongest; of anything else, one.
        found = match found {
            None => Some((read.0, values)),
            Some((rank, _)) if rank == 4 || read.0 == 4 => return None,
            Some((rank, _)) if rank < read.0 => Some((read.0, values)),
            weaker => weaker,
        };
    }
    Some(found?.1.into_iter().map(|value| (value, port)).collect())
}

/// How the values of an object path are read; nothing if they are not matched against.
fn reading(path: &str) -> Option<Reading> {
    Some(match path {
        "ipv4-addr:value" | "ipv6-addr:value" => (4, |text| Value::address_or_network(text.as_bytes())),
        "network-traffic:dst_ref.value" => (4, |text| Value::of(text.as_bytes())),
        "domain-name:value" => (4, |text| Value::domain(text.as_bytes())),
        "url:value" => (4, |text| Value::url(text.as_bytes())),
        "file:hashes.SHA-256" | "file:hashes.SHA256" => (3, |text| Value::digest(Kind::Sha256, text.as_bytes())),
        "file:hashes.SHA-1" | "file:hashes.SHA1" => (2, |text| Value::digest(Kind::Sha1, text.as_bytes())),
        "file:hashes.MD5" => (1, |text| Value::digest(Kind::Md5, text.as_bytes())),
        "x509-certificate:hashes.SHA-1" => (4, |text| Value::digest(Kind::CertificateSha1, text.as_bytes())),
        _ => return None,
    })
}

/// The value of a pattern that is one comparison as everybody writes it, with nothing to be undone in it: it needs no tokens.
fn single(pattern: &str) -> Option<Result<Value, NoValue>> {
    let (path, text) = pattern.strip_prefix('[')?.strip_suffix("']")?.split_once(" = '")?;
    if memchr::memchr2(b'\'', b'\\', text.as_bytes()).is_some() {
        return None;
    }
    // The only strings in a path that counts are names of digests, at its end.
    let (_, read) = match path.split_once(".'") {
        Some(("file:hashes", "SHA-256'")) => reading("file:hashes.SHA-256")?,
        Some(("file:hashes", "SHA-1'")) => reading("file:hashes.SHA-1")?,
        Some(("file:hashes", "MD5'")) => reading("file:hashes.MD5")?,
        _ => reading(path)?,
    };
    Some(read(text))
}

/// `path = value` or `path IN (value, …)`.
fn comparison(tokens: &[Token]) -> Option<(String, Vec<String>)> {
    let (Token::Word(path), rest) = tokens.split_first()? else { return None };
    let value = |token: &Token| match token {
        Token::Text(text) | Token::Word(text) => Some(text.clone()),
        Token::Mark(_) => None,
    };
    let values = match rest {
        [Token::Mark(b'='), one] => vec![value(one)?],
        [Token::Word(word), Token::Mark(b'('), inside @ .., Token::Mark(b')')] if word == "IN" => inside
            .split(|token| *token == Token::Mark(b','))
            .map(|one| if let [one] = one { value(one) } else { None })
            .collect::<Option<_>>()?,
        _ => return None,
    };
    Some((path.clone(), values))
}

fn split<'a>(tokens: &'a [Token], word: &str) -> Vec<&'a [Token]> {
    tokens.split(|token| matches!(token, Token::Word(found) if found == word)).collect()
}

/// Nothing if the text ends within a string, holds a mark that stands for no equality, or is empty.
fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        match first {
            '[' | ']' | '(' | ')' | ',' | '=' => {
                tokens.push(Token::Mark(first as u8));
                rest = &rest[1..];
            }
            '\'' => {
                let (string, after) = string(rest)?;
                tokens.push(Token::Text(string));
                rest = after;
            }
            _ => {
                let (word, after) = word(rest)?;
                tokens.push(Token::Word(word));
                rest = after;
            }
        }
        rest = rest.trim_start();
    }
    (!tokens.is_empty()).then_some(tokens)
}

/// A string in single quotes, in which a backslash stands before a quote or a backslash.
fn string(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut chars = text.char_indices().skip(1);
    while let Some((at, char)) = chars.next() {
        match char {
            '\'' => return Some((out, &text[at + 1..])),
            '\\' => out.push(chars.next()?.1),
            _ => out.push(char),
        }
    }
    None
}

/// A word; an object path may have strings and indexes in it: `file:hashes.'SHA-256'`, `protocols[*]`.
fn word(text: &str) -> Option<(String, &str)> {
    let mut out = String::new();
    let mut rest = text;
    while let Some(char) = rest.chars().next() {
        match char {
            'a'..='z' | 'A'..='Z' | '0'..='9' | '_' | '-' | '.' | ':' | '+' => {
                out.push(char);
                rest = &rest[1..];
            }
            '\'' if out.ends_with('.') => {
                let (part, after) = string(rest)?;
                out.push_str(&part);
                rest = after;
            }
            '[' if !out.is_empty() => {
                let end = rest.find(']')?;
                out.push_str(&rest[..=end]);
                rest = &rest[end + 1..];
            }
            _ => break,
        }
    }
    (!out.is_empty()).then_some((out, rest))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(pattern: &str) -> String {
        let read = read(pattern);
        let mut out: Vec<String> = read
            .values
            .iter()
            .map(|(value, port)| {
                let value = match value {
                    Ok(Value::Address(addr, own)) => format!("{addr} {own:?}"),
                    Ok(Value::Network(network)) => network.to_string(),
                    Ok(Value::Domain(name)) => String::from_utf8_lossy(name.bytes()).into(),
                    Ok(Value::Url(url)) => String::from_utf8_lossy(url.bytes()).into(),
                    Ok(Value::Digest(kind, digest)) => format!("{} {:02x}", kind.name(), digest[0]),
                    Err(NoValue(reason)) => (*reason).into(),
                };
                port.map_or(value.clone(), |port| format!("{value} port {port}"))
            })
            .collect();
        out.extend(read.unsupported.map(|_| "unsupported".into()));
        out.join("; ")
    }

    #[test]
    fn comparisons_for_equality_are_values() {
        let (md5, sha256) = ("ab".repeat(16), "cd".repeat(32));
        for (pattern, expected) in [
            ("[ipv4-addr:value = '1.2.3.4']", "1.2.3.4 None"),
            ("[ipv4-addr:value='1.2.3.0/24']", "1.2.3.0/24"),
            ("[ipv6-addr:value = '2001:db8::1']", "2001:db8::1 None"),
            ("[domain-name:value = 'Evil.example']", "evil.example"),
            ("[url:value = 'http://evil.example/it\\'s']", "http://evil.example/it's"),
            ("[domain-name:value = 'a.example' OR domain-name:value = 'b.example']", "a.example; b.example"),
            ("[ipv4-addr:value = '1.2.3.4'] OR [url:value = 'http://a.example']", "1.2.3.4 None; http://a.example/"),
            ("[ipv4-addr:value IN ('1.2.3.4', '1.2.3.5')]", "1.2.3.4 None; 1.2.3.5 None"),
            ("[network-traffic:dst_ref.value = '1.2.3.4' AND network-traffic:dst_port = 443]", "1.2.3.4 None port 443"),
            (
                "[network-traffic:dst_port = 443 AND network-traffic:protocols[*] = 'tcp' AND network-traffic:dst_ref.value = '1.2.3.4']",
                "1.2.3.4 None port 443",
            ),
            (&format!("[file:hashes.MD5 = '{md5}' AND file:hashes.'SHA-256' = '{sha256}' AND file:name = 'x']"), "sha256 cd"),
            (&format!("[file:hashes.'MD5' = '{md5}']"), "md5 ab"),
        ] {
            assert_eq!(text(pattern), expected, "{pattern}");
        }
    }

    #[test]
    fn everything_else_is_unsupported() {
        for (pattern, expected) in [
            ("", "unsupported"),
            ("[ipv4-addr:value = '1.2.3.4", "unsupported"),
            ("ipv4-addr:value = '1.2.3.4'", "unsupported"),
            ("[ipv4-addr:value != '1.2.3.4']", "unsupported"),
            ("[domain-name:value LIKE '%.example']", "unsupported"),
            ("[file:name = 'x.exe']", "unsupported"),
            ("[ipv4-addr:value = '1.2.3.4' AND domain-name:value = 'a.example']", "unsupported"),
            ("[ipv4-addr:value = '1.2.3.4'] FOLLOWEDBY [ipv4-addr:value = '1.2.3.5']", "unsupported"),
            ("[ipv4-addr:value = '1.2.3.4'] REPEATS 5 TIMES", "unsupported"),
            ("[ipv4-addr:value = '1.2.3.4' OR file:name = 'x']", "1.2.3.4 None; unsupported"),
            ("[NOT ipv4-addr:value = '1.2.3.4']", "unsupported"),
            ("[ipv4-addr:value = '1.2.3.4'] OR", "1.2.3.4 None; unsupported"),
            ("]", "unsupported"),
        ] {
            assert_eq!(text(pattern), expected, "{pattern}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read(text in "\\PC{0,40}", close in "[\\[\\]()=',a-zA-Z:. ]{0,40}") {
            let _ = read(&text);
            let _ = read(&close);
        }
    }
}
