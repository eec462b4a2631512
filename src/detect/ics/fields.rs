//! Fields of a message that may end anywhere: a byte that is not there is told apart from a byte that is wrong.

use super::protocol::{Context, DISCLOSED_MAX, Disclosed, Form, Intent, Message, Role, Sender, Verdict};
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

/// A function table's line: code, how far it goes, and the name to print.
pub type Line = (u32, Intent, &'static str);

/// The line of a code, if the table has one.
pub fn find(table: &'static [Line], code: u32) -> Option<(Intent, &'static str)> {
    table.iter().find(|line| line.0 == code).map(|line| (line.1, line.2))
}

/// The line of a code. A code that no table has is a read without a name: its number is printed, it is never dropped.
pub fn grade(table: &'static [Line], code: u32) -> (Intent, &'static str) {
    find(table, code).unwrap_or((Intent::Read, ""))
}

/// Marks a message whose bytes look the same in both directions: by the sender it is graded as a request, or not at all.
pub fn either(mut message: Message, context: &Context) -> Message {
    message.role = Role::Either;
    if context.sender == Sender::Server {
        message.intent = Intent::Connect;
    }
    message
}

/// Notes a piece of what an answer tells, in the first free place; what does not fit is left out.
pub fn disclose(message: &mut Message, field: &'static str, offset: usize, bytes: usize) {
    disclose_as(message, Form::Text, field, offset, bytes);
}

/// The same of a piece that is written out in this form.
pub fn disclose_as(message: &mut Message, form: Form, field: &'static str, offset: usize, bytes: usize) {
    let (Ok(offset), Ok(bytes)) = (u16::try_from(offset), u16::try_from(bytes)) else { return };
    if bytes == 0 {
        return;
    }
    if let Some(place) = message.disclosed[..DISCLOSED_MAX].iter_mut().find(|place| place.field.is_empty()) {
        *place = Disclosed { form, field, offset, bytes };
    }
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
            disclose(message, field, offset, bytes);
        }
    }
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
    fn places_for_disclosures_run_out_quietly() {
        let mut message = Message::answer("test", 8, "", 0);
        for _ in 0..DISCLOSED_MAX + 2 {
            disclose(&mut message, "name", 1, 2);
        }
        assert!(message.disclosed.iter().all(|piece| piece.field == "name"));
    }
}
