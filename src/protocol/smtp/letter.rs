//! A message by itself: as lines up to one with a dot, or as so many bytes.

use super::lines::{End, Lines, Piece};
use super::mime::{Event, Message};

/// A message on its way.
#[derive(Debug, Default)]
pub struct Letter {
    content: Lines,
    message: Message,
    /// The line before ended with CRLF, as it must before the dot.
    fresh: bool,
}

impl Letter {
    /// Its first line comes next.
    pub fn begin(&mut self) {
        self.fresh = true;
    }

    /// Takes bytes of it as they are.
    pub fn take(&mut self, bytes: &[u8], event: &mut impl FnMut(Event<'_>)) {
        let Letter { content, message, .. } = self;
        content.push(bytes, |piece| {
            message.line(piece, event);
            true
        });
    }

    /// Takes lines up to one with one dot (RFC 5321 section 4.5.2, RFC 1939 section 3). Returns how many bytes were taken, and whether it is over.
    pub fn take_dotted(&mut self, bytes: &[u8], event: &mut impl FnMut(Event<'_>)) -> (usize, bool) {
        let Letter { content, message, fresh } = self;
        let mut over = false;
        let taken = content.push(bytes, |piece| {
            let stuffed = *fresh && piece.starts && piece.bytes.first() == Some(&b'.');
            over = stuffed && piece.bytes == b"." && piece.end == End::Crlf;
            if !over {
                let plain = if stuffed { &piece.bytes[1..] } else { piece.bytes };
                message.line(Piece { bytes: plain, ..piece }, event);
            }
            *fresh = piece.end == End::Crlf;
            !over
        });
        if over {
            message.end(true, event);
        }
        (taken, over)
    }

    /// Some of it is missing.
    pub fn missing(&mut self) {
        self.content = Lines::default();
        self.message.missing();
    }

    /// It is over, seen to its end or not: a last line without an end belongs to it.
    pub fn end(&mut self, complete: bool, event: &mut impl FnMut(Event<'_>)) {
        let Letter { content, message, .. } = self;
        if complete {
            content.flush(|piece| message.line(piece, event));
        }
        *content = Lines::default();
        message.end(complete, event);
    }

    pub fn held_bytes(&self) -> usize {
        self.content.held_bytes() + self.message.held_bytes()
    }
}
