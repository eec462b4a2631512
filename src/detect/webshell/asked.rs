//! A request as a webshell sees it: a path, and parameters from wherever they come.

use memchr::memmem;

use super::cipher::Key;
use super::encoding::{PARAMETERS_MAX, base64, compact, parameters, percent, scanned};
use super::name::{Language, is_script};
use super::quoted::{enclosed, quoted, unescape, unescape_markup};
use crate::protocol::carried::Request;

/// How a request's body is declared.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Declared {
    /// `application/x-www-form-urlencoded`.
    Form,
    /// `multipart/…`.
    Parts,
    /// `application/octet-stream`, or nothing said.
    Bytes,
    /// Anything else: JSON, text, XML.
    Other,
}

/// Where a parameter stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    Query,
    Form,
    Part,
    /// A string of a JSON body.
    Json,
    /// A text between two tags of an XML body, by the name of the tag before it.
    Xml,
    Cookie,
}

/// A parameter with its value, undone from percent-encoding.
#[derive(Clone, Copy, Debug)]
pub struct Parameter<'a> {
    pub place: Place,
    pub name: &'a [u8],
    pub value: &'a [u8],
}

/// Room to work in, kept from request to request.
#[derive(Default)]
pub struct Room {
    value: Vec<u8>,
    /// For whoever looks through a whole body.
    pub text: Vec<u8>,
    pub plain: Vec<u8>,
    pub code: Vec<u8>,
    pub more: Vec<u8>,
    /// Keys that answers gave lately, for whoever agrees on one in clear text; zeroes where there is none.
    pub agreed: [Key; AGREED],
    next_agreed: usize,
}

/// Keys that are remembered.
const AGREED: usize = 8;

/// A request, with what is asked of it again and again.
pub struct Asked<'a> {
    pub request: &'a Request<'a>,
    /// Without scheme, host and query.
    pub path: &'a [u8],
    pub query: &'a [u8],
    /// The path leads to a script.
    pub script: Option<Language>,
    pub declared: Declared,
    pub body: &'a [u8],
    /// Nobody vouches for the client: neither a session nor credentials come with the request.
    pub stranger: bool,
}

/// Path and query of a request's target, which may be in absolute form (RFC 9112 section 3.2).
pub fn split(target: &[u8]) -> (&[u8], &[u8]) {
    let scheme = if target.starts_with(b"/") { None } else { memmem::find(target.get(..16).unwrap_or(target), b"://") };
    let origin = match scheme {
        Some(at) => {
            let authority = &target[at + 3..];
            &authority[memchr::memchr2(b'/', b'?', authority).unwrap_or(authority.len())..]
        }
        None => target,
    };
    let end = memchr::memchr(b'#', origin).unwrap_or(origin.len());
    match memchr::memchr(b'?', &origin[..end]) {
        Some(at) => (&origin[..at], &origin[at + 1..end]),
        None => (&origin[..end], &[]),
    }
}

impl<'a> Asked<'a> {
    pub fn new(request: &'a Request<'a>) -> Self {
        let (path, query) = split(request.target);
        let declared =
            match request.field("Content-Type").map(|value| value.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii()) {
                Some(kind) if kind.eq_ignore_ascii_case(b"application/x-www-form-urlencoded") => Declared::Form,
                Some(kind) if kind.get(..10).is_some_and(|kind| kind.eq_ignore_ascii_case(b"multipart/")) => Declared::Parts,
                Some(kind) if kind.eq_ignore_ascii_case(b"application/octet-stream") => Declared::Bytes,
                None | Some([]) => Declared::Bytes,
                Some(_) => Declared::Other,
            };
        Asked {
            request,
            path,
            query,
            script: is_script(path),
            declared,
            body: scanned(request.body.head),
            stranger: !request.has_credentials() && request.field("Cookie").is_none_or(|value| value.is_empty()),
        }
    }

    pub fn is_post(&self) -> bool {
        self.request.method == b"POST"
    }

    /// Whether the client says where it comes from, as programs in a browser do, or who it is, as services do.
    pub fn says_who(&self) -> bool {
        let said = ["Origin", "X-Requested-With", "Authorization", "Sec-Fetch-Mode", "X-API-Key"];
        said.iter().any(|name| self.request.field(name).is_some())
    }

    /// The body as a form's text: declared as one, or not declared and of the looks of one.
    pub fn form(&self) -> &'a [u8] {
        match self.declared {
            Declared::Form => self.body,
            Declared::Bytes
                if self.body.iter().take(64).any(|&byte| byte == b'=') && self.body.iter().take(64).all(|byte| byte.is_ascii_graphic()) =>
            {
                self.body
            }
            _ => &[],
        }
    }

    /// Gives every parameter to `look`, until it finds something.
    pub fn find<T>(&self, room: &mut Room, mut look: impl FnMut(&Parameter<'_>, &mut Room) -> Option<T>) -> Option<T> {
        let mut value = std::mem::take(&mut room.value);
        let found = self.each(&mut value, &mut |parameter| look(parameter, room));
        room.value = value;
        found
    }

    fn each<T>(&self, value: &mut Vec<u8>, look: &mut dyn FnMut(&Parameter<'_>) -> Option<T>) -> Option<T> {
        for (place, text) in [(Place::Query, self.query), (Place::Form, self.form())] {
            for (name, raw) in parameters(text) {
                percent(raw, true, value);
                if let Some(found) = look(&Parameter { place, name, value }) {
                    return Some(found);
                }
            }
        }
        for part in self.request.parts.iter().take(PARAMETERS_MAX).filter(|part| part.file_name.is_none()) {
            if let Some(found) = look(&Parameter { place: Place::Part, name: part.name, value: scanned(part.body.head) }) {
                return Some(found);
            }
        }
        if self.declared == Declared::Other && matches!(self.body.trim_ascii_start().first(), Some(b'{' | b'[')) {
            let mut rest = self.body;
            let mut name = &b""[..];
            for _ in 0..2 * PARAMETERS_MAX {
                let Some((raw, behind)) = quoted(rest) else {
                    break;
                };
                rest = behind;
                if rest.trim_ascii_start().starts_with(b":") {
                    name = raw;
                    continue;
                }
                unescape(raw, value);
                if let Some(found) = look(&Parameter { place: Place::Json, name, value }) {
                    return Some(found);
                }
            }
        }
        if matches!(self.declared, Declared::Other | Declared::Bytes) && self.body.trim_ascii_start().starts_with(b"<") {
            let mut rest = self.body;
            for _ in 0..2 * PARAMETERS_MAX {
                let Some((name, raw, behind)) = enclosed(rest) else { break };
                rest = behind;
                unescape_markup(raw, value);
                if !value.is_empty()
                    && let Some(found) = look(&Parameter { place: Place::Xml, name, value })
                {
                    return Some(found);
                }
            }
        }
        for cookie in self.request.field("Cookie").unwrap_or_default().split(|&byte| byte == b';').take(PARAMETERS_MAX) {
            let cookie = cookie.trim_ascii_start();
            let Some(at) = memchr::memchr(b'=', cookie) else {
                continue;
            };
            percent(&cookie[at + 1..], false, value);
            if let Some(found) = look(&Parameter { place: Place::Cookie, name: &cookie[..at], value }) {
                return Some(found);
            }
        }
        None
    }

    /// Whether there is a parameter of this name, as sent, in whatever case.
    pub fn has_parameter(&self, name: &[u8]) -> bool {
        parameters(self.query).chain(parameters(self.form())).any(|(found, _)| found.eq_ignore_ascii_case(name))
            || self.request.parts.iter().take(PARAMETERS_MAX).any(|part| part.name.eq_ignore_ascii_case(name))
    }

    /// The value of a parameter of query or form, as sent.
    pub fn parameter(&self, name: &[u8]) -> Option<&'a [u8]> {
        parameters(self.query).chain(parameters(self.form())).find(|(found, _)| *found == name).map(|(_, value)| value)
    }

    /// A header field says this, in whatever case.
    pub fn field_has(&self, name: &str, text: &[u8]) -> bool {
        self.request.field(name).is_some_and(|value| value.to_ascii_lowercase().windows(text.len().max(1)).any(|window| window == text))
    }
}

impl Room {
    /// Remembers a key that an answer gave.
    pub fn agree(&mut self, key: Key) {
        if !self.agreed.contains(&key) {
            self.agreed[self.next_agreed] = key;
            self.next_agreed = (self.next_agreed + 1) % AGREED;
        }
    }

    /// Lays out code the same way however it was written (see `compact`), and gives it.
    pub fn compacted(&mut self, code: &[u8]) -> &[u8] {
        compact(code, &mut self.code);
        &self.code
    }

    /// Undoes base64, if the bytes are nothing else.
    pub fn unbase64(&mut self, text: &[u8]) -> Option<&[u8]> {
        base64(text, &mut self.plain).then_some(&self.plain[..])
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{get, post};
    use super::*;

    #[test]
    fn targets_are_split() {
        assert_eq!(split(b"/a/b.php?x=1&y=2"), (&b"/a/b.php"[..], &b"x=1&y=2"[..]));
        assert_eq!(split(b"http://h.example:80/a?b#c"), (&b"/a"[..], &b"b"[..]));
        assert_eq!(split(b"http://h.example"), (&b""[..], &b""[..]));
        assert_eq!(split(b"/r?u=http://x/"), (&b"/r"[..], &b"u=http://x/"[..]));
        assert_eq!(split(b""), (&b""[..], &b""[..]));
    }

    /// Every parameter: its place, name and value.
    fn parameters(asked: &Asked<'_>) -> Vec<(Place, String, String)> {
        let mut seen = Vec::new();
        let none: Option<()> = asked.find(&mut Room::default(), |parameter, _| {
            let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
            seen.push((parameter.place, text(parameter.name), text(parameter.value)));
            None
        });
        assert!(none.is_none());
        seen
    }

    #[test]
    fn parameters_come_from_query_form_and_cookie() {
        let sent = post("/x.php?q=1", "application/x-www-form-urlencoded", b"a=%41+b&c").with("Cookie", "s=%7a; t=2");
        let request = sent.request();
        let asked = Asked::new(&request);
        let seen = parameters(&asked);
        let is = |place, name: &str, value: &str| (place, name.to_string(), value.to_string());
        let expected = [
            is(Place::Query, "q", "1"),
            is(Place::Form, "a", "A b"),
            is(Place::Form, "c", ""),
            is(Place::Cookie, "s", "z"),
            is(Place::Cookie, "t", "2"),
        ];
        assert_eq!(seen, expected);
        assert!(!asked.stranger && asked.has_parameter(b"A") && asked.script.is_some());
    }

    #[test]
    fn strings_of_json_are_parameters() {
        let sent = post("/x.php", "application/json", b"{\"a\\\"b\":\"c\\/\\u003c\\n\", \"n\": 7, \"l\":[\"d\", \"e");
        let request = sent.request();
        let seen: Vec<String> = parameters(&Asked::new(&request)).into_iter().map(|(.., value)| value).collect();
        assert_eq!(seen, ["c/<\n", "d", "e"]);
    }

    #[test]
    fn texts_of_xml_are_parameters() {
        let sent = post("/x.jsp", "text/xml", b"<?xml version=\"1.0\"?>\n<a b=\"1\"><c>id &lt;&#39;x</c> <d/><e><![CDATA[<%x%>]]></e>t<f");
        let request = sent.request();
        let seen = parameters(&Asked::new(&request));
        let is = |name: &str, value: &str| (Place::Xml, name.to_string(), value.to_string());
        assert_eq!(seen, [is("c", "id <'x"), is("e", "<%x%>"), is("", "t")]);
    }

    #[test]
    fn a_body_that_is_no_form_has_no_parameters() {
        let sent = post("/x.php", "application/json", b"{\"a\":\"b=c\"}");
        let request = sent.request();
        assert_eq!(Asked::new(&request).form(), b"");
        let sent = get("/x.php");
        assert!(Asked::new(&sent.request()).stranger);
    }
}
