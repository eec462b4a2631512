//! DNS messages in place (RFC 1035): questions and answers, read as far as somebody asks, without a copy.
//!
//! [`Message::read`] takes a datagram; over TCP, [`frame`] finds the messages (RFC 7766 section 8).

mod name;
#[cfg(test)]
mod tests;

pub use name::{Labels, NAME_BYTES_MAX, Name, NameText, TEXT_BYTES_MAX};

use crate::protocol::cursor::Cursor;

/// Types (IANA, DNS Parameters).
pub mod kinds {
    pub const A: u16 = 1;
    pub const NS: u16 = 2;
    pub const CNAME: u16 = 5;
    pub const NULL: u16 = 10;
    pub const PTR: u16 = 12;
    pub const MX: u16 = 15;
    pub const TXT: u16 = 16;
    pub const AAAA: u16 = 28;
    pub const SRV: u16 = 33;
    pub const OPT: u16 = 41;
    pub const HTTPS: u16 = 65;
    pub const ANY: u16 = 255;
}

/// Response codes (RFC 1035 section 4.1.1).
pub mod codes {
    pub const NO_ERROR: u8 = 0;
    pub const SERVER_FAILURE: u8 = 2;
    /// The name does not exist.
    pub const NAME_ERROR: u8 = 3;
    pub const REFUSED: u8 = 5;
}

/// The class of the Internet (RFC 1035 section 3.2.4).
pub const INTERNET: u16 = 1;
/// Bytes of the header.
pub const HEADER_BYTES: usize = 12;
/// Shortest question and shortest record: a root name, and the fixed fields.
const QUESTION_BYTES_MIN: usize = 5;
const RECORD_BYTES_MIN: usize = 11;
/// Highest operation code in use (IANA): stateful operations.
const OPERATION_MAX: u8 = 6;
/// The bit that is reserved and must be zero.
const RESERVED: u16 = 0x0040;
/// Questions that are read: no server answers more than one (RFC 9619).
const QUESTIONS_MAX: u16 = 4;
/// Records that are read of a message.
pub const RECORDS_MAX: u16 = 256;

/// A message. Names and records are read when they are asked for.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    pub bytes: &'a [u8],
    pub id: u16,
    /// An answer, not a question.
    pub is_response: bool,
    /// 0: a standard query.
    pub operation: u8,
    /// See [`codes`]; 0 in a question.
    pub code: u8,
    /// The answer did not fit: what is missing comes over TCP.
    pub is_truncated: bool,
    pub questions: u16,
    /// Records that the message says it has in each of its sections.
    pub answers: u16,
    pub authorities: u16,
    pub additionals: u16,
}

/// What is asked for.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    pub name: Name<'a>,
    /// See [`kinds`].
    pub kind: u16,
    pub class: u16,
}

/// A record of an answer.
#[derive(Clone, Copy, Debug)]
pub struct Record<'a> {
    pub name: Name<'a>,
    /// See [`kinds`].
    pub kind: u16,
    pub class: u16,
    /// For so many seconds it may be remembered.
    pub ttl_s: u32,
    pub data: Data<'a>,
    /// Bytes of the data as sent.
    pub data_bytes: u16,
}

/// The data of a record.
#[derive(Clone, Copy, Debug)]
pub enum Data<'a> {
    A([u8; 4]),
    Aaaa([u8; 16]),
    /// Of CNAME, NS and PTR.
    Name(Name<'a>),
    /// Preference, and the mail server.
    Mx(u16, Name<'a>),
    /// Of TXT: strings, each behind its length; see [`strings`].
    Text(&'a [u8]),
    /// Of NULL and all others, as sent; what does not fit its type is here, too.
    Other(&'a [u8]),
}

impl<'a> Message<'a> {
    /// Nothing if these bytes are no message: the header is senseless, or says more than there can be.
    #[inline]
    pub fn read(bytes: &'a [u8]) -> Option<Self> {
        let &[id0, id1, f0, f1, q0, q1, n0, n1, a0, a1, x0, x1, ..] = bytes else { return None };
        let flags = u16::from_be_bytes([f0, f1]);
        let [questions, answers, authorities, additionals] = [[q0, q1], [n0, n1], [a0, a1], [x0, x1]].map(u16::from_be_bytes);
        let operation = f0 >> 3 & 0x0f;
        let least = HEADER_BYTES
            + usize::from(questions) * QUESTION_BYTES_MIN
            + (usize::from(answers) + usize::from(authorities) + usize::from(additionals)) * RECORD_BYTES_MIN;
        let is_truncated = f0 & 0x02 != 0;
        let fits = least <= bytes.len() || is_truncated;
        if flags & RESERVED != 0 || operation > OPERATION_MAX || questions > QUESTIONS_MAX || !fits {
            return None;
        }
        Some(Message {
            bytes,
            id: u16::from_be_bytes([id0, id1]),
            is_response: f0 & 0x80 != 0,
            operation,
            code: f1 & 0x0f,
            is_truncated,
            questions,
            answers,
            authorities,
            additionals,
        })
    }

    /// The first question, which is the only one in practice.
    #[inline]
    pub fn question(&self) -> Option<Question<'a>> {
        if self.questions == 0 {
            return None;
        }
        self.question_at(HEADER_BYTES).map(|(question, _)| question)
    }

    /// The question at an offset, and where it ends.
    fn question_at(&self, at: usize) -> Option<(Question<'a>, usize)> {
        let name = Name::new(self.bytes, at);
        let end = name.end()?;
        let mut left = Cursor(self.bytes.get(end..)?);
        Some((Question { name, kind: left.u16()?, class: left.u16()? }, end + 4))
    }

    /// The records of the answer section, in their order, as far as they are whole.
    #[inline]
    pub fn answers(&self) -> Records<'a> {
        let mut at = Some(HEADER_BYTES);
        for _ in 0..self.questions {
            at = at.and_then(|at| self.question_at(at)).map(|(_, end)| end);
        }
        Records { message: self.bytes, at: at.unwrap_or(self.bytes.len()), left: self.answers.min(RECORDS_MAX) }
    }
}

/// Records, one after the other.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    message: &'a [u8],
    at: usize,
    left: u16,
}

impl<'a> Iterator for Records<'a> {
    type Item = Record<'a>;

    fn next(&mut self) -> Option<Record<'a>> {
        self.left = self.left.checked_sub(1)?;
        let record = self.read();
        if record.is_none() {
            self.left = 0;
        }
        record
    }
}

impl<'a> Records<'a> {
    fn read(&mut self) -> Option<Record<'a>> {
        let name = Name::new(self.message, self.at);
        let end = name.end()?;
        let mut left = Cursor(self.message.get(end..)?);
        let (kind, class, ttl_s) = (left.u16()?, left.u16()?, left.u32()?);
        let data = left.vector16()?;
        self.at = self.message.len() - left.0.len();
        let data_at = self.at - data.len();
        Some(Record { name, kind, class, ttl_s, data: typed(self.message, kind, data, data_at), data_bytes: data.len() as u16 })
    }
}

fn typed<'a>(message: &'a [u8], kind: u16, data: &'a [u8], at: usize) -> Data<'a> {
    // A name has to end where the data ends.
    let name = |skip: usize| Some(Name::new(message, at + skip)).filter(|name| name.end() == Some(at + data.len()));
    let known = match kind {
        kinds::A => data.try_into().ok().map(Data::A),
        kinds::AAAA => data.try_into().ok().map(Data::Aaaa),
        kinds::CNAME | kinds::NS | kinds::PTR => name(0).map(Data::Name),
        kinds::MX => data.first_chunk().and_then(|&preference| name(2).map(|name| Data::Mx(u16::from_be_bytes(preference), name))),
        kinds::TXT => Some(Data::Text(data)),
        _ => None,
    };
    known.unwrap_or(Data::Other(data))
}

/// The strings of TXT data (RFC 1035 section 3.3.14), as far as they are whole.
pub fn strings(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut left = Cursor(text);
    std::iter::from_fn(move || left.vector8())
}

/// The first message of a TCP stream, and what follows it. Nothing while it is incomplete.
pub fn frame(stream: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut left = Cursor(stream);
    let message = left.vector16()?;
    Some((message, left.0))
}
