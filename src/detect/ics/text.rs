//! Text that a device tells of itself, as it stands in an answer.

use super::protocol::{Disclosed, Form, Message};

/// Shortest run of printable bytes that counts as text where a structure does not mark it: below that, binary data looks like text by chance.
const RUN_BYTES_MIN: usize = 4;

fn printable(byte: u8) -> bool {
    (0x20..0x7f).contains(&byte)
}

/// Notes a piece of what an answer tells, in the first free place; what does not fit is left out.
pub fn note(message: &mut Message, field: &'static str, offset: usize, bytes: usize) {
    note_as(message, Form::Text, field, offset, bytes);
}

/// The same of a piece that is written out in this form.
pub fn note_as(message: &mut Message, form: Form, field: &'static str, offset: usize, bytes: usize) {
    let (Ok(offset), Ok(bytes)) = (u16::try_from(offset), u16::try_from(bytes)) else { return };
    if bytes == 0 {
        return;
    }
    if let Some(place) = message.disclosed.iter_mut().find(|place| place.field.is_empty()) {
        *place = Disclosed { form, field, offset, bytes };
    }
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

/// Notes the text at `start`, without the blanks and zeros around it, in the message's next free place. Text that is empty, not printable
/// or beyond the bytes is left out.
pub fn disclose(message: &mut Message, bytes: &[u8], field: &'static str, start: usize, length: usize) {
    let Some(content) = start.checked_add(length).and_then(|end| bytes.get(start..end)) else { return };
    let padding = |&byte: &u8| byte == 0 || byte == b' ';
    let leading = content.iter().take_while(|byte| padding(byte)).count();
    let trailing = content.iter().rev().take_while(|byte| padding(byte)).count();
    disclose_piece(message, bytes, field, start + leading, length.saturating_sub(leading + trailing));
}

/// Notes a piece of a text as it stands, blanks included: consecutive entries of one field are one text that something interrupts.
pub fn disclose_piece(message: &mut Message, bytes: &[u8], field: &'static str, start: usize, length: usize) {
    let Some(text) = start.checked_add(length).and_then(|end| bytes.get(start..end)) else { return };
    if text.is_empty() || !text.iter().copied().all(printable) {
        return;
    }
    let (Ok(offset), Ok(bytes)) = (u16::try_from(start), u16::try_from(length)) else { return };
    if let Some(free) = message.disclosed.iter_mut().find(|disclosed| disclosed.field.is_empty()) {
        *free = Disclosed { form: Form::Text, field, offset, bytes };
    }
}

/// Notes the longest printable run between `start` and `end`, if it is long enough to be meant as text.
pub fn disclose_longest(message: &mut Message, bytes: &[u8], field: &'static str, start: usize, end: usize) {
    let Some(content) = bytes.get(start..end.min(bytes.len())) else { return };
    let (mut best, mut run_start) = ((0, 0), 0);
    for (at, &byte) in content.iter().enumerate() {
        if !printable(byte) {
            run_start = at + 1;
        } else if at + 1 - run_start > best.1 {
            best = (run_start, at + 1 - run_start);
        }
    }
    if best.1 >= RUN_BYTES_MIN {
        disclose(message, bytes, field, start + best.0, best.1);
    }
}

#[cfg(test)]
mod tests {
    use super::super::protocol::DISCLOSED_MAX;
    use super::*;

    fn first(message: &Message) -> (&'static str, u16, u16) {
        let Disclosed { field, offset, bytes, .. } = message.disclosed[0];
        (field, offset, bytes)
    }

    #[test]
    fn padding_is_trimmed() {
        let mut message = Message::answer("test", 8, "", 0);
        disclose(&mut message, b"\x01\0 ab\0\0", "name", 1, 6);
        assert_eq!(first(&message), ("name", 3, 2));
    }

    #[test]
    fn binary_and_missing_text_is_left_out() {
        let mut message = Message::answer("test", 8, "", 0);
        disclose(&mut message, b"a\x01b", "name", 0, 3);
        disclose(&mut message, b"abc", "name", 1, 3);
        disclose(&mut message, b"   ", "name", 0, 3);
        assert_eq!(first(&message), ("", 0, 0));
    }

    #[test]
    fn the_longest_run_wins() {
        let mut message = Message::answer("test", 8, "", 0);
        disclose_longest(&mut message, b"abcd\xffefghi\x00", "name", 0, 11);
        assert_eq!(first(&message), ("name", 5, 5));
        let mut message = Message::answer("test", 8, "", 0);
        disclose_longest(&mut message, b"abc\xffde", "name", 0, 6);
        assert_eq!(first(&message), ("", 0, 0));
    }

    #[test]
    fn text_is_trimmed_and_refused_if_not_printable() {
        assert_eq!(text("name", b"..  ab \0cd", 2, 8), Disclosed { form: Form::Text, field: "name", offset: 4, bytes: 2 });
        assert_eq!(text("name", b"a\x01b", 0, 3), Disclosed::default());
        assert_eq!(text("name", b"ab", 7, 3), Disclosed::default());
    }

    #[test]
    fn places_for_disclosures_run_out_quietly() {
        let mut message = Message::answer("test", 8, "", 0);
        for _ in 0..DISCLOSED_MAX + 2 {
            note(&mut message, "name", 1, 2);
        }
        assert!(message.disclosed.iter().all(|piece| piece.field == "name"));
    }
}
