//! Fields of a message that may end anywhere.
//!
//! A parser that demands one field after another reads [`Fields`], and `?` leaves it at the first that is wrong or missing: a byte that is not
//! there is told apart from a byte that is wrong. One that looks at a few places takes the plain functions, which say whether they are there.

use super::protocol::{Context, Intent, Message, Role, Sender, Verdict};
use super::text;
use crate::decode::Transport;

/// Why some bytes are not (yet) a message.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Refusal {
    /// Not this protocol.
    No,
    /// It may become a message when more of the stream is there.
    Short,
}

/// What reading comes to; `?` leaves the parser at the first field that is wrong or missing.
pub type Reading<T = Message> = Result<T, Refusal>;

/// The parser's answer for a reading.
pub fn verdict(reading: Reading) -> Verdict {
    match reading {
        Ok(message) => Verdict::Message(message),
        Err(Refusal::No) => Verdict::No,
        Err(Refusal::Short) => Verdict::Short,
    }
}

/// `No` unless `holds`.
pub fn require(holds: bool) -> Reading<()> {
    if holds { Ok(()) } else { Err(Refusal::No) }
}

/// Marks a message whose bytes look the same in both directions: by the sender it is graded as a request, or not at all.
pub fn either(mut message: Message, context: &Context) -> Message {
    message.role = Role::Either;
    if context.sender == Sender::Server {
        message.intent = Intent::Connect;
    }
    message
}

/// The bytes given to a parser, read by offset.
#[derive(Clone, Copy)]
pub struct Fields<'a> {
    pub bytes: &'a [u8],
    pub context: &'a Context,
}

impl<'a> Fields<'a> {
    pub const fn new(bytes: &'a [u8], context: &'a Context) -> Self {
        Fields { bytes, context }
    }

    /// What a missing byte means: on a stream and in a cut frame "wait", in a whole datagram "no".
    pub const fn missing(&self) -> Refusal {
        if self.context.whole { Refusal::No } else { Refusal::Short }
    }

    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    pub fn is_tcp(&self) -> bool {
        self.context.transport == Transport::Tcp
    }

    /// `length` bytes from `offset`.
    pub fn slice(&self, offset: usize, length: usize) -> Reading<&'a [u8]> {
        let end = offset.checked_add(length).ok_or(Refusal::No)?;
        self.bytes.get(offset..end).ok_or(self.missing())
    }

    pub fn u8(&self, offset: usize) -> Reading<u8> {
        self.bytes.get(offset).copied().ok_or(self.missing())
    }

    fn array<const N: usize>(&self, offset: usize) -> Reading<[u8; N]> {
        self.slice(offset, N)?.try_into().map_err(|_| Refusal::No)
    }

    pub fn be16(&self, offset: usize) -> Reading<u16> {
        self.array(offset).map(u16::from_be_bytes)
    }

    pub fn le16(&self, offset: usize) -> Reading<u16> {
        self.array(offset).map(u16::from_le_bytes)
    }

    pub fn be32(&self, offset: usize) -> Reading<u32> {
        self.array(offset).map(u32::from_be_bytes)
    }

    pub fn le32(&self, offset: usize) -> Reading<u32> {
        self.array(offset).map(u32::from_le_bytes)
    }

    /// Demands fixed bytes. The first wrong one decides, even if later ones are missing.
    pub fn expect(&self, offset: usize, wanted: &[u8]) -> Reading<()> {
        let there = self.bytes.get(offset..).unwrap_or_default();
        let common = there.len().min(wanted.len());
        require(there[..common] == wanted[..common])?;
        if common == wanted.len() { Ok(()) } else { Err(self.missing()) }
    }

    /// Demands that a message of `declared` bytes can begin here: in a whole datagram it ends where that ends, a cut datagram may have
    /// lost its end, on a stream the next message may follow.
    pub fn length(&self, declared: usize) -> Reading<()> {
        require(match self.context.transport {
            Transport::Tcp => true,
            _ if self.context.whole => declared == self.len(),
            _ => declared >= self.len(),
        })
    }

    /// The printable ASCII text at `offset`, at most `most` bytes, up to a NUL: its length, without blanks at the end. Nothing if another
    /// byte stands before the NUL.
    pub fn text(&self, offset: usize, most: usize) -> Option<usize> {
        let there = self.bytes.get(offset..)?;
        let field = &there[..there.len().min(most)];
        let end = field.iter().position(|&byte| byte == 0).unwrap_or(field.len());
        let text = field[..end].trim_ascii_end();
        (!text.is_empty() && text.iter().all(|byte| (0x20..0x7f).contains(byte))).then_some(text.len())
    }

    /// Discloses the text at `offset`, if there is one.
    pub fn disclose_text(&self, message: &mut Message, field: &'static str, offset: usize, most: usize) {
        if let Some(bytes) = self.text(offset, most) {
            text::note(message, field, offset, bytes);
        }
    }
}

/// A big-endian u16 at a byte offset; nothing if the bytes end before.
pub fn be16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|b| u16::from_be_bytes(*b))
}

/// A little-endian u16 at a byte offset; nothing if the bytes end before.
pub fn le16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|b| u16::from_le_bytes(*b))
}

/// A big-endian u32 at a byte offset; nothing if the bytes end before.
pub fn be32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_be_bytes(*b))
}

/// A little-endian u32 at a byte offset; nothing if the bytes end before.
pub fn le32(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|b| u32::from_le_bytes(*b))
}

/// How a message's claimed length agrees with the bytes at hand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fit {
    /// The whole message is there.
    Whole,
    /// The claim is possible, but its end is not there.
    Begun,
    /// No message of this length can be here.
    Wrong,
}

/// Compares a claimed length with what is there. A datagram holds one message, so lengths agree exactly; a stream may hold several, and
/// an Ethernet payload may be padded to 46 bytes (IEEE 802.3 clause 3.2.8).
pub fn fit(claimed: usize, bytes: &[u8], context: &Context) -> Fit {
    let have = bytes.len();
    if claimed > have {
        if context.whole { Fit::Wrong } else { Fit::Begun }
    } else if claimed < have && context.transport == Transport::Udp {
        Fit::Wrong
    } else {
        Fit::Whole
    }
}

/// The verdict on bytes that end too early: of a whole datagram nothing more will come.
pub fn too_few(context: &Context) -> Verdict {
    if context.whole { Verdict::No } else { Verdict::Short }
}

/// Whether bytes without a direction mark are to be read as an answer: requests are preferred where nothing tells.
pub fn from_server(context: &Context) -> bool {
    context.sender == Sender::Server
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::testing::{datagram, on_port};

    #[test]
    fn a_wrong_byte_decides_before_a_missing_one() {
        let context = on_port(Sender::Client);
        assert_eq!(Fields::new(b"FI", &context).expect(0, b"FINS"), Err(Refusal::Short));
        assert_eq!(Fields::new(b"FX", &context).expect(0, b"FINS"), Err(Refusal::No));
        assert_eq!(Fields::new(b"", &context).expect(2, b"FINS"), Err(Refusal::Short));
    }

    #[test]
    fn nothing_more_comes_after_a_whole_datagram() {
        let context = datagram(Sender::Client);
        assert_eq!(Fields::new(b"FI", &context).expect(0, b"FINS"), Err(Refusal::No));
        assert_eq!(Fields::new(b"FI", &context).be32(0), Err(Refusal::No));
    }

    #[test]
    fn a_cut_datagram_may_declare_more_but_not_less() {
        let cut = Context { whole: false, ..datagram(Sender::Client) };
        assert!(Fields::new(&[0; 8], &cut).length(9).is_ok());
        assert!(Fields::new(&[0; 8], &cut).length(7).is_err());
    }

    #[test]
    fn text_ends_at_the_nul_and_sheds_blanks() {
        let context = on_port(Sender::Server);
        assert_eq!(Fields::new(b"..CJ2M  \0x", &context).text(2, 8), Some(4));
        assert_eq!(Fields::new(b"\x01CJ2M", &context).text(0, 5), None);
    }

    #[test]
    fn numbers_past_the_end_are_absent() {
        assert_eq!(be16(&[1, 2], 0), Some(0x0102));
        assert_eq!(le16(&[1, 2], 0), Some(0x0201));
        assert_eq!(be32(&[0, 1, 2, 3, 4], 1), Some(0x0102_0304));
        assert_eq!(le32(&[1, 2, 3], 0), None);
        assert_eq!(be16(&[1, 2], 2), None);
        assert_eq!(be16(&[1, 2], usize::MAX), None);
    }

    #[test]
    fn a_datagram_is_one_message_a_stream_may_be_several() {
        assert_eq!(fit(2, &[0; 3], &datagram(Sender::Client)), Fit::Wrong);
        assert_eq!(fit(4, &[0; 3], &datagram(Sender::Client)), Fit::Wrong);
        assert_eq!(fit(4, &[0; 3], &Context { whole: false, ..datagram(Sender::Client) }), Fit::Begun);
        assert_eq!(fit(2, &[0; 3], &on_port(Sender::Client)), Fit::Whole);
        assert_eq!(fit(4, &[0; 3], &on_port(Sender::Client)), Fit::Begun);
    }
}
