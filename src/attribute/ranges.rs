//! Reads a text table of ranges: `first,last,CC` or `network,CC`, addresses as text or as integers.

use std::path::Path;

use super::database::{DatabaseError, Found};
use super::network::Network;
use super::span::Span;
use super::{Country, excerpt};
use crate::addr::Addr;

/// Reads lines of `first,last,CC` or `network,CC`, fields quoted or not; more may follow. Integers up to 4,294,967,295 are IPv4.
/// Empty lines and lines that begin with `#` are passed over; a first line whose first two fields hold no digit and no colon is a
/// header.
pub(super) fn read(path: &Path, bytes: &[u8]) -> Result<Found, DatabaseError> {
    let mut found = Found::default();
    let mut first = true;
    for (line, text) in (1u32..).zip(bytes.split(|&byte| byte == b'\n')) {
        let text = text.trim_ascii();
        if text.is_empty() || text.starts_with(b"#") || std::mem::take(&mut first) && is_header(text) {
            continue;
        }
        let (from, to, value) =
            parse(text, &mut found).map_err(|reason| DatabaseError::Line { path: path.into(), line, reason, text: excerpt(text) })?;
        match (from.as_v4(), to.as_v4()) {
            (Some(from), Some(to)) => found.v4.push(Span { first: from.into(), last: to.into(), value, line }),
            _ => found.v6.push(Span { first: from.0, last: to.0, value, line }),
        }
    }
    Ok(found)
}

fn is_header(line: &[u8]) -> bool {
    line.split(|&byte| byte == b',').take(2).all(|field| !field.iter().any(|&byte| byte.is_ascii_digit() || byte == b':'))
}

/// The ends of a line's range, and its country. The fields that count hold neither commas nor quotes.
fn parse(line: &[u8], found: &mut Found) -> Result<(Addr, Addr, Country), &'static str> {
    let mut fields = line.split(|&byte| byte == b',').map(|field| match field.trim_ascii() {
        [b'"', field @ .., b'"'] | field => str::from_utf8(field).map_err(|_| "not UTF-8"),
    });
    let mut field = || fields.next().unwrap_or(Err("too few fields"));
    let start = field()?;
    let (from, to) = if start.contains('/') {
        let network: Network = start.parse().map_err(|_| "no network in the first field")?;
        (network.first(), network.last())
    } else {
        ends(start, field()?)?
    };
    let country = found.country(field()?).ok_or("no country code")?;
    Ok((from, to, country))
}

/// The ends of a range, of one family and in order.
fn ends(first: &str, last: &str) -> Result<(Addr, Addr), &'static str> {
    let (from, to) = match (first.parse::<u128>(), last.parse::<u128>()) {
        (Ok(from), Ok(to)) => match (u32::try_from(from), u32::try_from(to)) {
            (Ok(from), Ok(to)) => (Addr::v4(from), Addr::v4(to)),
            _ => (Addr(from), Addr(to)),
        },
        _ => (first.parse().map_err(|_| "no address in the first field")?, last.parse().map_err(|_| "no address in the second field")?),
    };
    if from.is_v4() != to.is_v4() {
        return Err("IPv4 and IPv6 in one range");
    }
    if from > to { Err("the range ends before it begins") } else { Ok((from, to)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What was read, as `first-last CC` for each range, or the error.
    fn text(bytes: &[u8]) -> String {
        match read(Path::new("FILE"), bytes) {
            Err(error) => error.to_string(),
            Ok(found) => {
                let v4 = found.v4.iter().map(|s| (Addr::v4(s.first as u32), Addr::v4(s.last as u32), s.value));
                let v6 = found.v6.iter().map(|s| (Addr(s.first), Addr(s.last), s.value));
                v4.chain(v6).map(|(first, last, country)| format!("{first}-{last} {country}")).collect::<Vec<_>>().join("; ")
            }
        }
    }

    #[test]
    fn every_form_of_line_is_read() {
        for (line, expected) in [
            ("1.0.0.0,1.0.0.255,NL", "1.0.0.0-1.0.0.255 NL"),
            ("2001:db8::,2001:db8::ff,nl,rest", "2001:db8::-2001:db8::ff NL"),
            ("\"16777216\",\"16777471\",\"AU\",\"Australia\"", "1.0.0.0-1.0.0.255 AU"),
            ("42540488241204005274814694018844196864,42540488241204005274814694018844196865,JP", "2001:1::-2001:1::1 JP"),
            ("281470698520576,281470698520831,AU", "1.0.0.0-1.0.0.255 AU"),
            ("1.0.0.0/24 , NL", "1.0.0.0-1.0.0.255 NL"),
            ("2001:db8::/127,NL", "2001:db8::-2001:db8::1 NL"),
            ("0,16777215,-", "0.0.0.0-0.255.255.255 ZZ"),
            ("1.0.0.0,1.0.0.255,EU", "1.0.0.0-1.0.0.255 ZZ"),
            ("1.0.0.0,1.0.0.255,", "1.0.0.0-1.0.0.255 ZZ"),
        ] {
            assert_eq!(text(line.as_bytes()), expected, "{line}");
        }
    }

    #[test]
    fn headers_comments_and_empty_lines_are_passed_over() {
        assert_eq!(text(b"# note\nstart,end,country\r\n\r\n1.0.0.0,1.0.0.1,NL\r\n#\n"), "1.0.0.0-1.0.0.1 NL");
        assert_eq!(text(b"network,country_code\n1.0.0.0/31,NL\n"), "1.0.0.0-1.0.0.1 NL");
        assert_eq!(text(b""), "");
    }

    #[test]
    fn unknown_codes_are_remembered() {
        let found = read(Path::new("FILE"), b"1.0.0.0/24,QQ\n1.0.1.0/24,qq\n").unwrap();
        assert_eq!(found.unknown_codes.into_iter().collect::<Vec<_>>(), ["QQ"]);
    }

    #[test]
    fn a_broken_line_is_named_with_its_number_and_text() {
        for (line, reason) in [
            ("1.0.0,1.0.0.1,NL", "no address in the first field"),
            ("1.0.0.0,1.0.0.256,NL", "no address in the second field"),
            ("1.0.0.9,1.0.0.1,NL", "the range ends before it begins"),
            ("1.0.0.0,::1,NL", "IPv4 and IPv6 in one range"),
            ("0,281470698520831,AU", "IPv4 and IPv6 in one range"),
            ("1.0.0.0/33,NL", "no network in the first field"),
            ("1.0.0.0,1.0.0.1", "too few fields"),
            ("1.0.0.0/24", "too few fields"),
            ("1.0.0.0,1.0.0.1,Netherlands", "no country code"),
            ("start,end,country", "no address in the first field"),
        ] {
            let bytes = format!("1.0.0.0,1.0.0.1,NL\n\n{line}\n");
            assert_eq!(text(bytes.as_bytes()), format!("geo database FILE, line 3: {reason}: '{line}'"));
        }
    }

    #[test]
    fn a_quoted_text_is_escaped_and_cut() {
        let mut bytes = b"\x1b[2J\xff1,".to_vec();
        bytes.resize(500, b'x');
        let error = text(&bytes);
        assert!(
            error.starts_with("geo database FILE, line 1: not UTF-8: '\\x1b[2J\\xff1,xxx") && error.ends_with("x…'") && error.len() < 200,
            "{error}"
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let _ = read(Path::new("FILE"), &bytes);
        }
    }
}
