//! A message (RFC 5322) and its parts (RFC 2045, RFC 2046), read line by line.

use super::decode::{Base64, quoted_printable};
use super::lines::{End, Piece};
use super::parameter::{main_value, parameter};

/// Multipart bodies and messages within each other that are followed.
const DEPTH_MAX: usize = 8;
/// Longest header field that is read, folded lines included.
const FIELD_BYTES_MAX: usize = 2048;
/// Longest boundary (RFC 2046 section 5.1.1).
const BOUNDARY_BYTES_MAX: usize = 70;

/// What a part is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Attachment<'a> {
    /// Decoded; empty if it has no name.
    pub file_name: &'a [u8],
    /// Without its parameters; empty if it is not said.
    pub content_type: &'a [u8],
}

/// What is told of a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event<'a> {
    /// An attachment begins: a part with a name, or of a type that is no text.
    Begin(Attachment<'a>),
    /// Decoded bytes of it.
    Data(&'a [u8]),
    /// It is over, seen to its end or not.
    End { complete: bool },
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Encoding {
    /// 7bit, 8bit, binary, and whatever is unknown.
    #[default]
    None,
    QuotedPrintable,
    Base64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    #[default]
    Header,
    /// In a part that is told.
    Told,
    /// In what is not: text, preambles, epilogues.
    Passed,
}

/// Reads one message.
#[derive(Debug, Default)]
pub struct Message {
    state: State,
    /// Of the multipart bodies around the part, the outermost first.
    boundaries: Vec<Vec<u8>>,
    /// Messages within messages.
    depth: usize,
    field: Vec<u8>,
    content_type: Vec<u8>,
    file_name: Vec<u8>,
    is_attachment: bool,
    boundary: Option<Vec<u8>>,
    encoding: Encoding,
    base64: Base64,
    /// A line end that belongs to the part, unless a boundary follows.
    held: &'static [u8],
    plain: Vec<u8>,
    /// Something of the part is missing.
    flawed: bool,
}

impl Message {
    /// Takes a line, or a piece of one.
    pub fn line(&mut self, piece: Piece<'_>, event: &mut impl FnMut(Event<'_>)) {
        if piece.starts && self.delimits(piece.bytes, event) {
            return;
        }
        match self.state {
            State::Header => self.header(piece, event),
            State::Told => self.body(piece, event),
            State::Passed => {}
        }
    }

    /// Some of it is missing.
    pub fn missing(&mut self) {
        self.flawed = true;
        if self.state == State::Header {
            self.state = State::Passed;
        }
    }

    /// The message is over, seen to its end or not.
    pub fn end(&mut self, complete: bool, event: &mut impl FnMut(Event<'_>)) {
        if self.state == State::Told && !self.held.is_empty() {
            event(Event::Data(self.held));
        }
        self.close(complete, event);
        *self = Message::default();
    }

    pub fn held_bytes(&self) -> usize {
        let boundaries = self.boundaries.iter().map(Vec::capacity).sum::<usize>();
        boundaries + self.field.capacity() + self.content_type.capacity() + self.file_name.capacity() + self.plain.capacity()
    }

    /// The part is over.
    fn close(&mut self, complete: bool, event: &mut impl FnMut(Event<'_>)) {
        if std::mem::replace(&mut self.state, State::Passed) == State::Told {
            event(Event::End { complete: complete && !self.flawed });
        }
        self.held = b"";
    }

    /// Whether the line stands between parts; then the next part begins, or the parts are over.
    fn delimits(&mut self, line: &[u8], event: &mut impl FnMut(Event<'_>)) -> bool {
        let Some(text) = line.strip_prefix(b"--") else { return false };
        // An outer boundary ends inner parts as well (RFC 2046 section 5.1.2).
        for level in (0..self.boundaries.len()).rev() {
            let Some(rest) = text.strip_prefix(&self.boundaries[level][..]) else { continue };
            let is_last = rest.starts_with(b"--");
            if !(is_last || rest.trim_ascii_end().is_empty()) {
                continue;
            }
            self.close(true, event);
            self.boundaries.truncate(if is_last { level } else { level + 1 });
            if !is_last {
                self.begin_header();
            }
            return true;
        }
        false
    }

    fn begin_header(&mut self) {
        self.state = State::Header;
        self.field.clear();
        self.content_type.clear();
        self.file_name.clear();
        self.is_attachment = false;
        self.boundary = None;
        self.encoding = Encoding::None;
        self.base64 = Base64::default();
        self.flawed = false;
    }

    fn header(&mut self, piece: Piece<'_>, event: &mut impl FnMut(Event<'_>)) {
        let goes_on = !piece.starts || matches!(piece.bytes.first(), Some(b' ' | b'\t'));
        if !goes_on {
            self.take_field();
        }
        if piece.starts && piece.bytes.is_empty() {
            self.begin_body(event);
            return;
        }
        let room = FIELD_BYTES_MAX.saturating_sub(self.field.len());
        self.field.extend_from_slice(&piece.bytes[..piece.bytes.len().min(room)]);
    }

    /// A whole field.
    fn take_field(&mut self) {
        let field = std::mem::take(&mut self.field);
        if let Some(colon) = field.iter().position(|&byte| byte == b':') {
            let (name, value) = (field[..colon].trim_ascii(), field[colon + 1..].trim_ascii());
            if name.eq_ignore_ascii_case(b"Content-Type") {
                self.content_type = main_value(value).to_ascii_lowercase();
                let is_multipart = self.content_type.starts_with(b"multipart/");
                let boundary = parameter(value, "boundary").filter(|boundary| (1..=BOUNDARY_BYTES_MAX).contains(&boundary.len()));
                self.boundary = boundary.filter(|_| is_multipart);
                // The older place of the name; that of the disposition goes first.
                if let Some(file_name) = parameter(value, "name").filter(|_| self.file_name.is_empty()) {
                    self.file_name = file_name;
                }
            } else if name.eq_ignore_ascii_case(b"Content-Disposition") {
                self.is_attachment = main_value(value).eq_ignore_ascii_case(b"attachment");
                if let Some(file_name) = parameter(value, "filename") {
                    self.file_name = file_name;
                }
            } else if name.eq_ignore_ascii_case(b"Content-Transfer-Encoding") {
                self.encoding = match &main_value(value).to_ascii_lowercase()[..] {
                    b"base64" => Encoding::Base64,
                    b"quoted-printable" => Encoding::QuotedPrintable,
                    _ => Encoding::None,
                };
            }
        }
        self.field = field;
        self.field.clear();
    }

    /// Behind the header: parts, a message, or the bytes themselves.
    fn begin_body(&mut self, event: &mut impl FnMut(Event<'_>)) {
        if let Some(boundary) = self.boundary.take() {
            self.state = State::Passed;
            if self.boundaries.len() < DEPTH_MAX {
                self.boundaries.push(boundary);
            }
            return;
        }
        let is_plain = self.encoding == Encoding::None;
        if self.content_type == b"message/rfc822" && is_plain && self.depth < DEPTH_MAX {
            self.depth += 1;
            self.begin_header();
            return;
        }
        // A multipart body without a usable boundary has no parts.
        let is_text = self.content_type.is_empty() || [&b"text/"[..], b"multipart/"].iter().any(|kind| self.content_type.starts_with(kind));
        if self.is_attachment || !self.file_name.is_empty() || !is_text {
            self.state = State::Told;
            event(Event::Begin(Attachment { file_name: &self.file_name, content_type: &self.content_type }));
        } else {
            self.state = State::Passed;
        }
    }

    fn body(&mut self, piece: Piece<'_>, event: &mut impl FnMut(Event<'_>)) {
        let end: &'static [u8] = match piece.end {
            End::Crlf => b"\r\n",
            End::Lf => b"\n",
            End::None => b"",
        };
        let mut data = |bytes: &[u8]| {
            if !bytes.is_empty() {
                event(Event::Data(bytes));
            }
        };
        match self.encoding {
            Encoding::Base64 => self.base64.feed(piece.bytes, data),
            Encoding::None => {
                data(self.held);
                data(piece.bytes);
                self.held = end;
            }
            Encoding::QuotedPrintable => {
                data(self.held);
                let hard = quoted_printable(piece.bytes, &mut self.plain);
                data(&self.plain);
                self.held = if hard { end } else { b"" };
            }
        }
    }
}
