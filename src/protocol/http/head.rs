//! Heads: where one ends, its first line, and its fields.

use std::mem::MaybeUninit;

use memchr::memchr;

/// Fields that httparse takes at once. More of them are read one by one.
const FIELDS_AT_ONCE: usize = 48;
/// Fields of one head that are looked at. Servers take 100 (Apache's `LimitRequestFields`) to some hundreds.
pub const FIELDS_MAX: usize = 512;
/// Bytes of one head. Servers take 8 KiB a line (Apache, nginx), browsers 256 KiB a head; more than this is not waited for.
pub const HEAD_BYTES_MAX: usize = 64 * 1024;

/// The first line of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestLine<'a> {
    pub method: &'a [u8],
    pub target: &'a [u8],
    /// HTTP/1.1 or later.
    pub modern: bool,
    /// The head is not as RFC 9112 wants it.
    pub odd: bool,
}

/// The first line of a response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StatusLine {
    pub status: u16,
    /// HTTP/1.1 or later.
    pub modern: bool,
    /// The head is not as RFC 9112 wants it.
    pub odd: bool,
}

/// Bytes up to and with the empty line that ends a head; `None` if it is not there. Line ends may lack their carriage return (RFC 9112
/// section 2.2).
pub fn end(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        at += memchr(b'\n', bytes.get(at..)?)? + 1;
        match bytes.get(at..)? {
            [b'\n', ..] => return Some(at + 1),
            [b'\r', b'\n', ..] => return Some(at + 2),
            _ => {}
        }
    }
}

/// Looks for the end of a head that comes in pieces, without looking at a byte twice.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct EndFinder {
    /// Bytes of `\n\r\n` that stand at the end of what was looked at.
    matched: u8,
}

impl EndFinder {
    /// Bytes of this piece up to and with the empty line that ends the head; `None` if it does not end here.
    pub fn find(&mut self, piece: &[u8]) -> Option<usize> {
        let mut at = 0;
        while at < piece.len() {
            match (self.matched, piece[at]) {
                (1 | 2, b'\n') => {
                    self.matched = 0;
                    return Some(at + 1);
                }
                (_, b'\n') => self.matched = 1,
                (1, b'\r') => self.matched = 2,
                _ => {
                    self.matched = 0;
                    at += memchr(b'\n', &piece[at..]).unwrap_or(piece.len() - at);
                    continue;
                }
            }
            at += 1;
        }
        None
    }
}

/// Methods that begin a request without a look at the rest of its line (the registry of RFC 9110 section 18.2, WebDAV included).
const METHODS: [&[u8]; 22] = [
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"PUT ",
    b"OPTIONS ",
    b"DELETE ",
    b"PATCH ",
    b"CONNECT ",
    b"TRACE ",
    b"PROPFIND ",
    b"PROPPATCH ",
    b"MKCOL ",
    b"COPY ",
    b"MOVE ",
    b"LOCK ",
    b"UNLOCK ",
    b"SEARCH ",
    b"REPORT ",
    b"MERGE ",
    b"CHECKOUT ",
    b"DEBUG ",
    b"TRACK ",
];
/// Bytes of the longest method that is looked for.
const METHOD_BYTES_MAX: usize = 24;

/// Whether bytes begin a request, as far as they go.
pub fn begins_request(bytes: &[u8]) -> bool {
    let Some(&first) = bytes.first() else { return false };
    if !first.is_ascii_uppercase() {
        return false;
    }
    // What browsers ask for, nearly always.
    if bytes.starts_with(b"GET /") {
        return true;
    }
    if METHODS.iter().any(|method| method.starts_with(&bytes[..bytes.len().min(method.len())])) {
        let Some(space) = memchr(b' ', bytes) else { return true };
        // SIP and RTSP share method names, but not the form of targets.
        return match bytes.get(space + 1..).unwrap_or_default() {
            [] => true,
            [b'/' | b'*' | b'?', ..] => true,
            target if bytes.starts_with(b"CONNECT ") => target[0].is_ascii_alphanumeric() || target[0] == b'[',
            target => {
                let absolute = target.len().min(b"http".len());
                target[..absolute].eq_ignore_ascii_case(&b"http"[..absolute]) || version_follows(target)
            }
        };
    }
    // A method that is not registered: the whole line must be there.
    let token = bytes.iter().take(METHOD_BYTES_MAX).position(|byte| !byte.is_ascii_uppercase() && !b"-_".contains(byte));
    token.is_some_and(|at| bytes[at] == b' ') && version_follows(bytes)
}

/// Whether the line that begins here ends with a version of HTTP.
fn version_follows(bytes: &[u8]) -> bool {
    let line = memchr(b'\n', bytes).map_or(bytes, |end| &bytes[..end]);
    let line = line.trim_ascii_end();
    line.len() > 9 && line[line.len() - 9..].starts_with(b" HTTP/")
}

/// Whether bytes begin a response, as far as they go.
pub fn begins_response(bytes: &[u8]) -> bool {
    let len = bytes.len().min(5);
    len > 0 && bytes[..len].eq_ignore_ascii_case(&b"HTTP/"[..len])
}

/// Bytes of a status line's version, `HTTP/1.1` (RFC 9112 section 2.3).
const VERSION_BYTES: usize = 8;

/// Whether bytes begin a message of a side: a request, or a status line as far as beyond its version.
pub fn begins_message(bytes: &[u8], by_client: bool) -> bool {
    if by_client { begins_request(bytes) } else { bytes.len() > VERSION_BYTES && begins_response(bytes) }
}

/// Reads the head of a request; every field is shown to `visit` in its order.
pub fn request<'a>(head: &'a [u8], mut visit: impl FnMut(&'a [u8], &'a [u8])) -> Option<RequestLine<'a>> {
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS_AT_ONCE];
    let mut parsed = httparse::Request::new(&mut []);
    let mut config = httparse::ParserConfig::default();
    config.allow_multiple_spaces_in_request_line_delimiters(true);
    match config.parse_request_with_uninit_headers(&mut parsed, head, &mut fields) {
        Ok(httparse::Status::Complete(_)) => {
            for field in parsed.headers.iter() {
                visit(field.name.as_bytes(), field.value);
            }
            Some(RequestLine {
                method: parsed.method?.as_bytes(),
                target: parsed.path?.as_bytes(),
                modern: parsed.version == Some(1),
                odd: false,
            })
        }
        _ => odd_request(head, visit),
    }
}

/// Reads the head of a request as browsers send nearly all of them: GET in HTTP/1.1, of printable ASCII, laid out in one way. Returns its
/// target and how many bytes it has, whatever stands behind it; `None` if it is not whole or another look is needed, for which whatever
/// was shown to `visit` is to be forgotten. What it tells is what [`request`] would, at half the cost.
pub fn plain_get<'a>(bytes: &'a [u8], mut visit: impl FnMut(&'a [u8], &'a [u8])) -> Option<(&'a [u8], usize)> {
    let is_printable = |text: &[u8]| text.iter().fold(true, |all, &byte| all & byte.wrapping_sub(b' ').lt(&(0x7f - b' ')));
    let is_name = |text: &[u8]| text.iter().fold(true, |all, &byte| all & (byte.is_ascii_alphanumeric() | (byte == b'-')));
    let mut at = memchr(b'\n', bytes)? + 1;
    let target = bytes[..at - 1].strip_prefix(b"GET ")?.strip_suffix(b" HTTP/1.1\r")?;
    if target.is_empty() || !is_printable(target) || memchr(b' ', target).is_some() {
        return None;
    }
    for _ in 0..FIELDS_AT_ONCE {
        let rest = &bytes[at..];
        if rest.starts_with(b"\r\n") {
            return Some((target, at + 2));
        }
        let end = memchr(b'\n', rest)?;
        let line = rest[..end].strip_suffix(b"\r")?;
        let colon = memchr(b':', line).filter(|&colon| colon > 0 && is_name(&line[..colon]))?;
        let value = line[colon..].strip_prefix(b": ")?;
        if matches!(value, [b' ', ..] | [.., b' ']) || !is_printable(value) {
            return None;
        }
        visit(&line[..colon], value);
        at += end + 1;
    }
    None
}

/// Reads the head of a response; every field is shown to `visit` in its order.
pub fn response<'a>(head: &'a [u8], mut visit: impl FnMut(&'a [u8], &'a [u8])) -> Option<StatusLine> {
    let mut fields = [const { MaybeUninit::uninit() }; FIELDS_AT_ONCE];
    let mut parsed = httparse::Response::new(&mut []);
    let config = httparse::ParserConfig::default();
    match config.parse_response_with_uninit_headers(&mut parsed, head, &mut fields) {
        Ok(httparse::Status::Complete(_)) => {
            for field in parsed.headers.iter() {
                visit(field.name.as_bytes(), field.value);
            }
            Some(StatusLine { status: parsed.code?, modern: parsed.version == Some(1), odd: false })
        }
        _ => odd_response(head, visit),
    }
}

fn odd_request<'a>(head: &'a [u8], visit: impl FnMut(&'a [u8], &'a [u8])) -> Option<RequestLine<'a>> {
    let (line, rest) = split_line(head);
    let space = memchr(b' ', line)?;
    let (method, target) = (&line[..space], line[space..].trim_ascii());
    let version = target.iter().rposition(|&byte| byte == b' ').filter(|&at| target[at + 1..].starts_with(b"HTTP/"));
    let (target, version) = match version {
        Some(at) => (target[..at].trim_ascii_end(), &target[at + 1..]),
        None => (target, &b""[..]),
    };
    each_field(rest, visit);
    Some(RequestLine { method, target, modern: is_modern(version), odd: true })
}

/// As browsers do: whatever begins with `HTTP/` and has a number behind its first space.
fn odd_response<'a>(head: &'a [u8], visit: impl FnMut(&'a [u8], &'a [u8])) -> Option<StatusLine> {
    let (line, rest) = split_line(head);
    if !begins_response(line) {
        return None;
    }
    let mut words = line.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty());
    let version = words.next()?;
    let status = words.next().unwrap_or_default();
    let digits = status.iter().take(3).take_while(|byte| byte.is_ascii_digit());
    let status = digits.fold(0, |status, digit| status * 10 + u16::from(digit - b'0'));
    each_field(rest, visit);
    Some(StatusLine { status, modern: is_modern(version), odd: true })
}

fn is_modern(version: &[u8]) -> bool {
    version.get(5..).is_some_and(|version| version > &b"1.0"[..])
}

fn split_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match memchr(b'\n', bytes) {
        Some(end) => (bytes[..end].strip_suffix(b"\r").unwrap_or(&bytes[..end]), &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

pub(super) fn each_field<'a>(mut rest: &'a [u8], mut visit: impl FnMut(&'a [u8], &'a [u8])) {
    for _ in 0..FIELDS_MAX {
        let (line, more) = split_line(rest);
        rest = more;
        if line.is_empty() {
            return;
        }
        // A line that goes on from the one before (RFC 9112 section 5.2) decides nothing that is looked for here.
        if line[0] == b' ' || line[0] == b'\t' {
            continue;
        }
        if let Some(colon) = memchr(b':', line) {
            visit(line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_head_ends_with_an_empty_line_whatever_ends_its_lines() {
        assert_eq!(end(b"GET / HTTP/1.1\r\nHost: a\r\n\r\nbody"), Some(27));
        assert_eq!(end(b"GET / HTTP/1.1\nHost: a\n\nbody"), Some(24));
        assert_eq!(end(b"GET / HTTP/1.1\r\nHost: a\r\n\r"), None);
        assert_eq!(end(b"GET / HTTP/1.1\r\n"), None);
        assert_eq!(end(b""), None);
    }

    #[test]
    fn the_end_is_found_in_pieces_where_it_is_found_at_once() {
        for text in [&b"a: b\r\n\r\nrest"[..], b"a: b\n\nrest", b"a\r\n\rb\n\r\nrest", b"a\n\r\r\n\nrest", b"\n\n", b"no end\r\n"] {
            let whole = end(text);
            assert_eq!(EndFinder::default().find(text), whole);
            for cut in 0..=text.len() {
                let mut finder = EndFinder::default();
                let found = finder.find(&text[..cut]).or_else(|| finder.find(&text[cut..]).map(|at| cut + at));
                assert_eq!(found, whole, "{} at {cut}", text.escape_ascii());
            }
        }
    }

    #[test]
    fn requests_are_told_from_what_looks_like_them() {
        for yes in [
            &b"GET /"[..],
            b"G",
            b"POST http://a/ HTTP/1.1\r\n",
            b"CONNECT a:443 HTTP/1.1\r\n",
            b"OPTIONS * HTTP/1.1",
            b"BREW /pot HTTP/1.1\r\n",
            b"GET index.html HTTP/1.0\r\n",
        ] {
            assert!(begins_request(yes), "{}", yes.escape_ascii());
        }
        for no in [
            &b""[..],
            b"OPTIONS sip:a@b SIP/2.0\r\n",
            b"OPTIONS rtsp://a RTSP/1.0\r\n",
            b"EHLO example.net\r\n",
            b"SSH-2.0-x\r\n",
            b"BREW /pot\r\n",
            b"get / HTTP/1.1",
            b"\x16\x03\x01",
        ] {
            assert!(!begins_request(no), "{}", no.escape_ascii());
        }
        assert!(begins_response(b"HTTP/1.1 200 OK") && begins_response(b"HT") && !begins_response(b"XTTP"));
    }

    #[test]
    fn heads_are_read_strictly_and_then_as_browsers_do() {
        let mut fields = Vec::new();
        let line = request(b"GET /a?b HTTP/1.1\r\nHost: x\r\nA:  b \r\n\r\n", |name, value| fields.push((name, value))).unwrap();
        assert_eq!((line.method, line.target, line.modern, line.odd), (&b"GET"[..], &b"/a?b"[..], true, false));
        assert_eq!(fields, [(&b"Host"[..], &b"x"[..]), (b"A", b"b")]);

        let mut fields = Vec::new();
        let line = response(b"HTTP/1.1 200 OK\r\nTransfer-Encoding : chunked\r\nno colon\r\n\r\n", |n, v| fields.push((n, v))).unwrap();
        assert_eq!((line.status, line.odd), (200, true));
        assert_eq!(fields, [(&b"Transfer-Encoding"[..], &b"chunked"[..])]);
        assert_eq!(response(b"ICY 200 OK\r\n\r\n", |_, _| ()), None);
    }

    proptest! {
        #[test]
        fn a_plain_request_is_read_as_any_other(
            parts in proptest::collection::vec("GET |/a|[?]b|[!-~]{1,3}| |HTTP/1.[01]|\r\n|\n|A|a-B|: |:|\t|[\\x00-\\xff]", 0..24),
            plain in any::<bool>(),
        ) {
            let text = parts.concat().into_bytes();
            let beginning: &[u8] = if plain { b"GET /a HTTP/1.1\r\nHost: x\r\n" } else { b"" };
            let text = [beginning, &text, b"\r\n\r\n", &text].concat();
            let mut fields = Vec::new();
            if let Some((target, used)) = plain_get(&text, |name, value| fields.push((name, value))) {
                prop_assert_eq!(Some(used), end(&text));
                let mut all = Vec::new();
                let line = request(&text[..used], |name, value| all.push((name, value)));
                prop_assert_eq!(line, Some(RequestLine { method: b"GET", target, modern: true, odd: false }));
                prop_assert_eq!(fields, all);
            } else {
                prop_assert!(!parts.is_empty() || !plain);
            }
        }
    }

    #[test]
    fn ten_thousand_fields_are_bounded() {
        let mut head = b"GET / HTTP/1.1\r\n".to_vec();
        for at in 0..10_000 {
            head.extend_from_slice(format!("X-{at}: y\r\n").as_bytes());
        }
        head.extend_from_slice(b"\r\n");
        let mut seen = 0;
        let line = request(&head, |_, _| seen += 1).unwrap();
        assert!(line.odd);
        assert_eq!(seen, FIELDS_MAX);
    }
}
