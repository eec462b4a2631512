//! Multipart bodies in pieces of any size (RFC 2046 section 5.1, RFC 7578).

use memchr::memmem;

use super::head;

/// Characters of a boundary, at most (RFC 2046 section 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;
/// Bytes of one part's head.
const HEAD_BYTES_MAX: usize = 4 * 1024;
/// Parts of one body that are read. PHP takes 20 files and 1,000 fields (`max_file_uploads`, `max_input_vars`).
pub const PARTS_MAX: usize = 64;

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Before the first boundary.
    Before,
    /// Behind a boundary: the rest of its line.
    Line,
    Head,
    Data,
    Over,
}

/// What stands in a body.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event<'a> {
    /// A part begins: its head, with the empty line; at most `HEAD_BYTES_MAX`.
    Head(&'a [u8]),
    /// Bytes of the part.
    Data(&'a [u8]),
    /// The part is whole.
    End,
}

/// A reader of one multipart body.
#[derive(Debug)]
pub struct Multipart {
    /// `\n--` and the boundary. The carriage return before it is not asked for: servers do not all.
    mark: Vec<u8>,
    state: State,
    /// What may be the beginning of something.
    kept: Vec<u8>,
    parts: usize,
}

/// The parameter of a field's value, without its quotes: `boundary`, `name`, `filename`.
pub fn parameter<'a>(value: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let mut rest = value;
    loop {
        let at = next_semicolon(rest)?;
        rest = rest[at + 1..].trim_ascii_start();
        let equals = memchr::memchr(b'=', rest)?;
        let found = rest[..equals].trim_ascii();
        let text = rest[equals + 1..].trim_ascii_start();
        if found.eq_ignore_ascii_case(name.as_bytes()) {
            return Some(unquoted(text));
        }
    }
}

/// A parameter's value, which may be quoted. Single quotes are PHP's (`main/rfc1867.c`).
fn unquoted(text: &[u8]) -> &[u8] {
    match text {
        [b'"', quoted @ ..] => &quoted[..closing_quote(quoted)],
        [b'\'', quoted @ ..] if quoted.contains(&b'\'') => &quoted[..memchr::memchr(b'\'', quoted).unwrap_or(quoted.len())],
        plain => plain[..next_semicolon(plain).unwrap_or(plain.len())].trim_ascii_end(),
    }
}

/// The name of a file in a `Content-Disposition`, as the servers read it that would store it: the last one that is given, be it `filename` or
/// `filename*` (RFC 8187, its percent-encoding left as it is), and whatever stands around its equals sign.
pub fn file_name(value: &[u8]) -> Option<&[u8]> {
    let mut rest = value;
    let mut last = None;
    while let Some(at) = next_semicolon(rest) {
        rest = rest[at + 1..].trim_ascii_start();
        let Some(equals) = memchr::memchr(b'=', rest) else { break };
        let found = rest[..equals].trim_ascii();
        let behind = rest[equals + 1..].trim_ascii_start();
        let text = behind.strip_prefix(b"=").unwrap_or(behind);
        if found.eq_ignore_ascii_case(b"filename") {
            last = Some(unquoted(text));
        } else if found.eq_ignore_ascii_case(b"filename*") {
            let extended = unquoted(text);
            let mut marks = memchr::memchr_iter(b'\'', extended);
            last = Some(marks.nth(1).map_or(extended, |mark| &extended[mark + 1..]));
        }
    }
    last
}

/// Where the next semicolon outside of quotes stands.
fn next_semicolon(bytes: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match bytes.get(at)? {
            b';' => return Some(at),
            b'"' => at += 1 + closing_quote(&bytes[at + 1..]),
            _ => {}
        }
        at += 1;
    }
}

fn closing_quote(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' => return at,
            b'\\' if bytes.get(at + 1) == Some(&b'"') => at += 2,
            _ => at += 1,
        }
    }
    bytes.len()
}

/// The boundary of a multipart body, by its `Content-Type`.
pub fn boundary(content_type: &[u8]) -> Option<&[u8]> {
    let kind = content_type.get(..10)?;
    let boundary = parameter(content_type, "boundary").filter(|_| kind.eq_ignore_ascii_case(b"multipart/"))?;
    (!boundary.is_empty() && boundary.len() <= BOUNDARY_BYTES_MAX).then_some(boundary)
}

impl Multipart {
    pub fn new(boundary: &[u8]) -> Self {
        // The first boundary may stand at the very beginning: a line end is put before it.
        Multipart { mark: [b"\n--", boundary].concat(), state: State::Before, kept: b"\n".to_vec(), parts: 0 }
    }

    /// Whether the last boundary was seen.
    pub fn is_over(&self) -> bool {
        self.state == State::Over
    }

    /// Takes the next bytes of the body.
    pub fn feed(&mut self, bytes: &[u8], mut sink: impl FnMut(Event<'_>)) {
        if self.state == State::Over {
            return;
        }
        let mut kept = std::mem::take(&mut self.kept);
        kept.extend_from_slice(bytes);
        let mut rest = &kept[..];
        loop {
            let more = match self.state {
                State::Before => self.before(&mut rest),
                State::Line => self.line(&mut rest),
                State::Head => self.head(&mut rest, &mut sink),
                State::Data => self.data(&mut rest, &mut sink),
                State::Over => {
                    rest = &[];
                    false
                }
            };
            if !more {
                break;
            }
        }
        let used = kept.len() - rest.len();
        kept.drain(..used);
        self.kept = kept;
    }

    /// Where the next mark begins, or from where on it may.
    fn find(&self, bytes: &[u8]) -> Result<usize, usize> {
        if let Some(at) = memmem::find(bytes, &self.mark) {
            return Ok(at);
        }
        let tail = bytes.len().saturating_sub(self.mark.len() - 1);
        let may = (tail..bytes.len()).find(|&at| self.mark.starts_with(&bytes[at..]));
        let may = may.unwrap_or(bytes.len());
        // The carriage return before a mark is the mark's.
        Err(if may > 0 && bytes[may - 1] == b'\r' { may - 1 } else { may })
    }

    fn before(&mut self, rest: &mut &[u8]) -> bool {
        match self.find(rest) {
            Ok(at) => {
                *rest = &rest[at + self.mark.len()..];
                self.state = State::Line;
                true
            }
            Err(may) => {
                *rest = &rest[may..];
                false
            }
        }
    }

    fn line(&mut self, rest: &mut &[u8]) -> bool {
        if rest.starts_with(b"--") {
            self.state = State::Over;
            *rest = &[];
            return false;
        }
        match memchr::memchr(b'\n', rest) {
            Some(end) if rest[..end].iter().all(u8::is_ascii_whitespace) => {
                *rest = &rest[end + 1..];
                self.parts += 1;
                self.state = if self.parts > PARTS_MAX { State::Over } else { State::Head };
                true
            }
            // A longer boundary that begins alike, or a line that never ends: no boundary of ours.
            Some(_) => {
                self.state = State::Before;
                true
            }
            None if rest.len() > HEAD_BYTES_MAX => {
                self.state = State::Over;
                *rest = &[];
                false
            }
            None => false,
        }
    }

    fn head(&mut self, rest: &mut &[u8], sink: &mut impl FnMut(Event<'_>)) -> bool {
        // A part without fields begins with an empty line.
        let none = [&b"\r\n"[..], b"\n"].into_iter().find(|line| rest.starts_with(line)).map(<[u8]>::len);
        let end = none.or_else(|| head::end(rest)).or((rest.len() > HEAD_BYTES_MAX).then_some(HEAD_BYTES_MAX));
        let Some(end) = end.map(|end| end.min(HEAD_BYTES_MAX)) else { return false };
        sink(Event::Head(&rest[..end]));
        *rest = &rest[end..];
        self.state = State::Data;
        true
    }

    fn data(&mut self, rest: &mut &[u8], sink: &mut impl FnMut(Event<'_>)) -> bool {
        match self.find(rest) {
            Ok(at) => {
                let data = &rest[..at];
                let data = data.strip_suffix(b"\r").unwrap_or(data);
                if !data.is_empty() {
                    sink(Event::Data(data));
                }
                sink(Event::End);
                *rest = &rest[at + self.mark.len()..];
                self.state = State::Line;
                true
            }
            Err(may) => {
                if may > 0 {
                    sink(Event::Data(&rest[..may]));
                }
                *rest = &rest[may..];
                false
            }
        }
    }
}

/// Shows the fields of a part's head. A line that begins with white space goes on from the one before (RFC 5322 section 2.2.3): the value
/// then has line ends within.
pub fn fields<'a>(part_head: &'a [u8], mut visit: impl FnMut(&'a [u8], &'a [u8])) {
    let goes_on = |at: usize| matches!(part_head.get(at), Some(b' ' | b'\t'));
    let mut from = 0;
    for end in memchr::memchr_iter(b'\n', part_head).chain([part_head.len()]) {
        if end > from && goes_on(end + 1) {
            continue;
        }
        let line = part_head.get(from..end).unwrap_or_default().trim_ascii();
        from = end + 1;
        if line.is_empty() {
            return;
        }
        if let Some(colon) = memchr::memchr(b':', line) {
            visit(line[..colon].trim_ascii(), line[colon + 1..].trim_ascii());
        }
    }
}

/// The whole parts of a body that is all there: their heads and data.
pub fn split<'a>(body: &'a [u8], boundary: &[u8]) -> Vec<(&'a [u8], &'a [u8])> {
    let mark = [b"--", boundary].concat();
    let mut starts: Vec<usize> = memmem::find_iter(body, &mark).filter(|&at| at == 0 || body[at - 1] == b'\n').collect();
    starts.truncate(PARTS_MAX + 1);
    let mut parts = Vec::new();
    for pair in starts.windows(2) {
        let text = &body[pair[0] + mark.len()..pair[1] - 1];
        let text = text.strip_suffix(b"\r").unwrap_or(text);
        let Some(line) = memchr::memchr(b'\n', text).filter(|&end| text[..end].iter().all(u8::is_ascii_whitespace)) else { continue };
        let text = &text[line + 1..];
        let none = [&b"\r\n"[..], b"\n"].into_iter().find(|line| text.starts_with(line)).map(<[u8]>::len);
        if let Some(end) = none.or_else(|| head::end(text)) {
            parts.push((&text[..end], &text[end..]));
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// A part's head, its data, and whether its end was seen.
    type Read = (Vec<u8>, Vec<u8>, bool);

    fn read(body: &[u8], cuts: &[usize]) -> (Vec<Read>, bool) {
        let mut multipart = Multipart::new(b"B");
        let mut parts: Vec<Read> = Vec::new();
        let mut from = 0;
        for to in cuts.iter().map(|&cut| cut.min(body.len())).chain([body.len()]) {
            multipart.feed(&body[from..to.max(from)], |event| match event {
                Event::Head(head) => parts.push((head.to_vec(), Vec::new(), false)),
                Event::Data(data) => parts.last_mut().unwrap().1.extend_from_slice(data),
                Event::End => parts.last_mut().unwrap().2 = true,
            });
            from = to.max(from);
        }
        (parts, multipart.is_over())
    }

    const BODY: &[u8] = b"preamble\r\n--B\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\none\r\n--Bx is data\r\n--B \r\n\r\n\r\n--B\nX: y\n\ntwo\n--B--\r\nepilogue";

    #[test]
    fn parts_are_told_from_what_looks_like_their_ends() {
        let (parts, over) = read(BODY, &[]);
        assert!(over);
        assert_eq!(parts.len(), 3, "{parts:?}");
        assert_eq!(parts[2], (b"X: y\n\n".to_vec(), b"two".to_vec(), true));
        assert_eq!(read(b"--B\r\nA: b\r\n\r\nunfinished", &[]), (vec![(b"A: b\r\n\r\n".to_vec(), b"unfinished".to_vec(), false)], false));
    }

    #[test]
    fn a_whole_body_is_split_alike() {
        let body = b"--B\r\nA: b\r\n\r\none\r\n--B\r\n\r\n\r\n--B--\r\n";
        assert_eq!(split(body, b"B"), [(&b"A: b\r\n\r\n"[..], &b"one"[..]), (b"\r\n", b"")]);
        assert_eq!(split(b"no parts", b"B"), []);
    }

    #[test]
    fn parameters_are_found_in_and_out_of_quotes() {
        let value = b"form-data; name=\"a;b\"; filename=\"x\\\"y.php\"; other=plain ;last=z";
        assert_eq!(parameter(value, "name"), Some(&b"a;b"[..]));
        assert_eq!(parameter(value, "FileName"), Some(&b"x\\\"y.php"[..]));
        assert_eq!(parameter(value, "other"), Some(&b"plain"[..]));
        assert_eq!(parameter(value, "last"), Some(&b"z"[..]));
        assert_eq!(parameter(value, "none"), None);
        assert_eq!(boundary(b"multipart/form-data; boundary=----WebKit7MA"), Some(&b"----WebKit7MA"[..]));
        assert_eq!(boundary(b"text/plain; boundary=x"), None);
        assert_eq!(boundary(&[&b"multipart/mixed; boundary="[..], &[b'x'; 71]].concat()), None);
    }

    #[test]
    fn a_file_has_the_last_name_it_is_given() {
        for (value, name) in [
            ("form-data; name=\"f\"; filename=\"a.jpg\"; filename=\"a.php\"", "a.php"),
            ("form-data; name=f; filename=a.php", "a.php"),
            ("form-data; name='f'; filename='a;b.php'", "a;b.php"),
            ("form-data; filename==\"a.php\"", "a.php"),
            ("form-data; filename=\"a.jpg\"; filename*=UTF-8''a%2Ephp", "a%2Ephp"),
            ("form-data; filename*=plain.php", "plain.php"),
            ("form-data;\r\n filename=\"a.php\"", "a.php"),
            ("form-data; filename=it's.txt", "it's.txt"),
        ] {
            assert_eq!(file_name(value.as_bytes()), Some(name.as_bytes()), "{value}");
        }
        assert_eq!(file_name(b"form-data; name=\"filename=x\""), None);
    }

    #[test]
    fn fields_go_on_over_lines() {
        let mut seen = Vec::new();
        fields(b"A: b\r\n c\r\nD:e\nF: g\r\n\r\nH: i", |name, value| seen.push((name.to_vec(), value.to_vec())));
        let is = |name: &[u8], value: &[u8]| (name.to_vec(), value.to_vec());
        assert_eq!(seen, [is(b"A", b"b\r\n c"), is(b"D", b"e"), is(b"F", b"g")]);
    }

    #[test]
    fn parts_and_heads_are_bounded() {
        let (parts, over) = read(&b"--B\r\n\r\nx\r\n".repeat(10_000), &[]);
        assert!(parts.len() <= PARTS_MAX && over);
        let (parts, _) = read(&[&b"--B\r\n"[..], &b"A: b\r\n".repeat(10_000)].concat(), &[]);
        assert_eq!(parts[0].0.len(), HEAD_BYTES_MAX);
    }

    proptest! {
        #[test]
        fn pieces_change_nothing(body in prop_oneof![
            Just(BODY.to_vec()),
            "((\r?\n)?--B(--)?(\r?\n)?(\r?\n)?|[ab\r\n-]{0,6}){0,12}".prop_map(String::into_bytes),
        ], cuts in proptest::collection::vec(0usize..160, 0..10)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            prop_assert_eq!(read(&body, &[]), read(&body, &cuts));
        }
    }
}
