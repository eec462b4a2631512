//! Small readings that the parsers share: a number at a place, a claimed length against what is there, a function's name and grade.

use super::protocol::{Context, Disclosed, Form, Intent, Sender, Verdict};
use crate::decode::Transport;

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

/// A BER length of at most four bytes: where the value begins, and how long it is (ITU-T X.690 section 8.1.3).
pub fn ber_length(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let first = *bytes.get(at)?;
    let more = usize::from(first & 0x7f);
    if first < 0x80 {
        return Some((at + 1, first.into()));
    }
    // The indefinite form (80) and lengths past 32 bits have no use in a frame: an impossible length makes the caller refuse.
    if !(1..=4).contains(&more) {
        return Some((at + 1, u32::MAX as usize));
    }
    let digits = bytes.get(at + 1..at + 1 + more)?;
    Some((at + 1 + more, digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit))))
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

/// A protocol's function codes with the name to print and the grade.
pub type Functions = [(u32, &'static str, Intent)];

/// Name and grade of a function code. A code that no table has is printed by its number and counts as a read.
pub fn look_up(functions: &Functions, code: u32) -> (&'static str, Intent) {
    functions.iter().find(|(known, ..)| *known == code).map_or(("", Intent::Read), |&(_, name, intent)| (name, intent))
}

/// A text field of at most `room` bytes at `at`: up to the first NUL, blanks around it left out; unused if nothing printable stands there.
pub fn text(field: &'static str, bytes: &[u8], at: usize, room: usize) -> Disclosed {
    let given = bytes.get(at..bytes.len().min(at.saturating_add(room))).unwrap_or_default();
    let upto_nul = given.split(|byte| *byte == 0).next().unwrap_or_default();
    let trimmed = upto_nul.trim_ascii();
    let offset = at + (upto_nul.len() - upto_nul.trim_ascii_start().len());
    match (u16::try_from(offset), u16::try_from(trimmed.len())) {
        (Ok(offset), Ok(length)) if length > 0 && !trimmed.iter().any(u8::is_ascii_control) => {
            Disclosed { form: Form::Text, field, offset, bytes: length }
        }
        _ => Disclosed::default(),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{datagram, on_port};
    use super::*;

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
    fn ber_lengths_in_both_forms() {
        assert_eq!(ber_length(&[0x30, 5], 1), Some((2, 5)));
        assert_eq!(ber_length(&[0x82, 1, 2], 0), Some((3, 258)));
        assert_eq!(ber_length(&[0x82, 1], 0), None);
        assert_eq!(ber_length(&[0x80], 0), Some((1, u32::MAX as usize)));
    }

    #[test]
    fn a_datagram_is_one_message_a_stream_may_be_several() {
        assert_eq!(fit(2, &[0; 3], &datagram(Sender::Client)), Fit::Wrong);
        assert_eq!(fit(4, &[0; 3], &datagram(Sender::Client)), Fit::Wrong);
        assert_eq!(fit(4, &[0; 3], &Context { whole: false, ..datagram(Sender::Client) }), Fit::Begun);
        assert_eq!(fit(2, &[0; 3], &on_port(Sender::Client)), Fit::Whole);
        assert_eq!(fit(4, &[0; 3], &on_port(Sender::Client)), Fit::Begun);
    }

    #[test]
    fn text_is_trimmed_and_refused_if_not_printable() {
        assert_eq!(text("name", b"..  ab \0cd", 2, 8), Disclosed { form: Form::Text, field: "name", offset: 4, bytes: 2 });
        assert_eq!(text("name", b"a\x01b", 0, 3), Disclosed::default());
        assert_eq!(text("name", b"ab", 7, 3), Disclosed::default());
    }
}
