//! A JSON text as a stream: arrays and objects are gone through one value at a time, so that only the largest value has to fit into memory.

use std::cell::Cell;
use std::fmt::Display;
use std::io;
use std::rc::Rc;

use serde::de::Error as _;
use serde_json::{Error, Result};

use super::input::Input;
use super::tree::Json;

/// What `serde_json` says of bytes that are no UTF-8.
const NO_UTF_8: &str = "invalid unicode code point";

/// Bytes within which the first name of an object shows, whatever blanks are before it.
const OPENING_BYTES: usize = 256;

/// The stream of an input's JSON. Lines are counted as they are gone past, not as they are read ahead.
pub(super) struct Stream<'i, 'a> {
    input: &'i mut Input<'a>,
    /// What was read and not gone past begins at `from`. A text, so that nobody has to ask again for each name and value whether it is one.
    buffer: String,
    from: usize,
    /// Bytes that were read and are not in the buffer: the beginning of a character.
    raw: Vec<u8>,
    /// Nothing comes after the buffer.
    ended: bool,
    /// What stands behind the buffer is no UTF-8.
    flawed: bool,
    /// Ends of lines that were gone past.
    lines: Rc<Cell<u32>>,
    /// Bytes since the last of those.
    column: usize,
}

impl<'i, 'a> Stream<'i, 'a> {
    pub fn new(input: &'i mut Input<'a>) -> Self {
        let lines = input.counter();
        Stream { input, buffer: String::new(), from: 0, raw: Vec::new(), ended: false, flawed: false, lines, column: 0 }
    }

    /// The next byte that is no blank, which is not gone past; nothing at the end.
    ///
    /// # Errors
    /// What reading gives.
    pub fn peek(&mut self) -> Result<Option<u8>> {
        loop {
            let rest = &self.buffer.as_bytes()[self.from..];
            let blanks = rest.iter().position(|byte| !b" \n\r\t".contains(byte));
            let next = blanks.map(|at| rest[at]);
            self.pass(blanks.unwrap_or(rest.len()));
            if next.is_some() || self.ended && !self.flawed {
                return Ok(next);
            }
            if self.flawed {
                return Err(self.wrong(NO_UTF_8));
            }
            self.fill()?;
        }
    }

    /// Goes past a sign.
    ///
    /// # Errors
    /// If something else comes next, or nothing.
    fn sign(&mut self, sign: u8, expected: &str) -> Result<()> {
        match self.peek()? {
            Some(next) if next == sign => {
                self.pass(1);
                Ok(())
            }
            next => Err(self.wrong(next.map_or("EOF while parsing a value", |_| expected))),
        }
    }

    /// Whether another value or member comes in the array or object that `close` ends, in which some have been read unless this is the `first`. Goes
    /// past what stands between them.
    ///
    /// # Errors
    /// If something else comes next, or nothing.
    fn another(&mut self, first: &mut bool, close: u8) -> Result<bool> {
        let expected = if close == b']' { "expected `,` or `]`" } else { "expected `,` or `}`" };
        if self.peek()? == Some(close) {
            self.pass(1);
            return Ok(false);
        }
        if !std::mem::replace(first, false) {
            self.sign(b',', expected)?;
            if self.peek()? == Some(close) {
                return Err(self.wrong("trailing comma"));
            }
        }
        Ok(true)
    }

    /// Whether an object comes next whose first member has a name, written as it is. Goes past blanks only.
    ///
    /// # Errors
    /// What reading gives.
    pub fn opens(&mut self, name: &[u8]) -> Result<bool> {
        self.peek()?;
        while self.buffer.len() - self.from < OPENING_BYTES && !self.ended {
            self.fill()?;
        }
        let Some(rest) = self.buffer.as_bytes()[self.from..].strip_prefix(b"{") else { return Ok(false) };
        let quoted = rest.trim_ascii_start().strip_prefix(b"\"");
        Ok(quoted.and_then(|rest| rest.strip_prefix(name)).is_some_and(|rest| rest.starts_with(b"\"")))
    }

    /// The name of a member; goes past the colon behind it.
    ///
    /// # Errors
    /// If there is none.
    fn name(&mut self) -> Result<Vec<u8>> {
        if self.peek()?.is_some_and(|next| next != b'"') {
            return Err(self.wrong("key must be a string"));
        }
        let name = self.value(|name| name.as_bytes().unwrap_or_default().to_vec())?;
        self.sign(b':', "expected `:`")?;
        Ok(name)
    }

    /// The values of an array, for `each` to read in their turn.
    ///
    /// # Errors
    /// If something else comes next, or nothing; and those of `each`.
    pub fn elements(&mut self, mut each: impl FnMut(&mut Self) -> Result<()>) -> Result<()> {
        self.sign(b'[', "expected an array")?;
        let mut first = true;
        while self.another(&mut first, b']')? {
            each(self)?;
        }
        Ok(())
    }

    /// The members of an object by their names, whose values are for `each` to read in their turn.
    ///
    /// # Errors
    /// If something else comes next, or nothing; and those of `each`.
    pub fn members(&mut self, mut each: impl FnMut(&mut Self, Vec<u8>) -> Result<()>) -> Result<()> {
        self.sign(b'{', "expected an object")?;
        let mut first = true;
        while self.another(&mut first, b'}')? {
            let name = self.name()?;
            each(self, name)?;
        }
        Ok(())
    }

    /// The next value, for `then` to look at when it has been gone past.
    ///
    /// # Errors
    /// What `serde_json` says of it, or reading.
    pub fn value<T>(&mut self, then: impl FnOnce(Json<'_>) -> T) -> Result<T> {
        self.peek()?;
        loop {
            let rest = &self.buffer[self.from..];
            // A number may go on behind what was read.
            let is_whole = |bytes: usize| bytes < rest.len() || self.ended;
            let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Json<'_>>();
            match values.next() {
                Some(Ok(value)) if is_whole(values.byte_offset()) => {
                    let bytes = values.byte_offset();
                    pass(rest.as_bytes(), bytes, &self.lines, &mut self.column);
                    self.from += bytes;
                    return Ok(then(value));
                }
                Some(Err(error)) if error.is_eof() && self.flawed => return Err(self.wrong(NO_UTF_8)),
                Some(Err(error)) if !error.is_eof() || self.ended => return Err(self.placed(&error)),
                None if self.ended => return Err(self.wrong("EOF while parsing a value")),
                _ => {}
            }
            self.fill()?;
        }
    }

    /// Reads on. What was gone past makes room; as much is read as is kept at least, so that a long value is not begun too often.
    fn fill(&mut self) -> Result<()> {
        self.buffer.drain(..self.from);
        self.from = 0;
        let enough = 2 * self.buffer.len() + 1;
        while self.buffer.len() < enough && !self.ended {
            self.ended = self.input.read_ahead(&mut self.raw).map_err(Error::io)? == 0;
            self.take_text();
        }
        Ok(())
    }

    /// Moves to the buffer what is whole characters of what was read.
    fn take_text(&mut self) {
        match str::from_utf8(&self.raw) {
            Ok(text) => {
                self.buffer.push_str(text);
                self.raw.clear();
            }
            Err(error) => {
                let whole: Vec<u8> = self.raw.drain(..error.valid_up_to()).collect();
                self.buffer.push_str(str::from_utf8(&whole).unwrap_or_default());
                self.flawed = self.ended || error.error_len().is_some();
                self.ended |= self.flawed;
            }
        }
    }

    fn pass(&mut self, bytes: usize) {
        pass(&self.buffer.as_bytes()[self.from..], bytes, &self.lines, &mut self.column);
        self.from += bytes;
    }

    /// An error about what comes next.
    pub fn wrong(&self, what: impl Display) -> Error {
        // `serde_json` takes the place out of the text.
        Error::custom(format_args!("{what} at line {} column {}", self.lines.get().saturating_add(1), self.column + 1))
    }

    /// An error about what comes next, which counts from there.
    fn placed(&self, error: &Error) -> Error {
        if error.classify() == serde_json::error::Category::Io {
            return Error::io(io::Error::other(error.to_string()));
        }
        let text = error.to_string();
        let what = text.rfind(" at line ").map_or(&text[..], |at| &text[..at]);
        let column = if error.line() <= 1 { self.column + error.column() } else { error.column() };
        Error::custom(format_args!("{what} at line {} column {column}", self.lines.get() as usize + error.line().max(1)))
    }
}

/// Counts lines and columns of bytes that are gone past.
fn pass(bytes: &[u8], many: usize, lines: &Cell<u32>, column: &mut usize) {
    let bytes = &bytes[..many];
    let Some(last) = memchr::memrchr(b'\n', bytes) else {
        *column += many;
        return;
    };
    let ends = memchr::memchr_iter(b'\n', bytes).count();
    lines.set(lines.get().saturating_add(ends as u32));
    *column = many - last - 1;
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Gives a byte at a time.
    struct Dribble<'a>(&'a [u8]);

    impl io::Read for Dribble<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            let most = into.len().min(1);
            self.0.read(&mut into[..most])
        }
    }

    #[test]
    fn the_first_name_of_an_object_shows_before_it_is_read() {
        for (text, expected) in [
            (r#"{"Event": {}}"#, true),
            ("  {\n\t \"Event\"", true),
            (r#"{"Events": {}}"#, false),
            (r#"{"a": 1, "Event": {}}"#, false),
            (r#"["Event"]"#, false),
            ("{", false),
            ("", false),
        ] {
            let mut input = Input::new(Dribble(text.as_bytes())).unwrap();
            let mut stream = Stream::new(&mut input);
            assert_eq!(stream.opens(b"Event").unwrap(), expected, "{text}");
            assert_eq!(stream.peek().unwrap(), text.trim_start().bytes().next());
        }
    }

    #[test]
    fn what_is_no_utf_8_is_told_where_it_comes() {
        let read = |bytes: &[u8]| {
            let mut input = Input::new(Dribble(bytes)).unwrap();
            let mut stream = Stream::new(&mut input);
            let mut values = Vec::new();
            loop {
                match stream.peek().and_then(|next| if next.is_some() { stream.value(|value| value.written()).map(Some) } else { Ok(None) })
                {
                    Ok(Some(value)) => values.push(value),
                    Ok(None) => return (values, None),
                    Err(error) => return (values, Some(error.to_string())),
                }
            }
        };
        let two = || vec!["\"\u{fc}\u{20ac}\"".to_string(), "2".to_string()];
        assert_eq!(read("\"\u{fc}\u{20ac}\" 2".as_bytes()), (two(), None));
        let error = Some("invalid unicode code point at line 2 column 1".to_string());
        assert_eq!(read(b"\"\xc3\xbc\xe2\x82\xac\" 2\n\xff"), (two(), error.clone()));
        assert_eq!(read(b"\"\xc3\xbc\xe2\x82\xac\" 2\n\"a\xff\""), (two(), error.clone()));
        assert_eq!(read(b"\"\xc3\xbc\xe2\x82\xac\" 2\n\xe2\x82"), (two(), error));
    }
}
