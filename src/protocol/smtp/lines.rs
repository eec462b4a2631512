//! Bytes cut into lines, as long as lines may be.

/// Longest piece of a line. Mail keeps lines below 1,000 bytes (RFC 5321 section 4.5.3.1.6); longer ones come in pieces.
pub const PIECE_BYTES_MAX: usize = 1024;

/// How a piece ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Crlf,
    /// LF alone.
    Lf,
    /// The line goes on.
    None,
}

/// A line, or a piece of one that is too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Piece<'a> {
    /// Without the line end.
    pub bytes: &'a [u8],
    /// It begins a line.
    pub starts: bool,
    pub end: End,
}

/// Cuts bytes into lines. The pieces do not depend on how the bytes come.
#[derive(Debug, Default)]
pub struct Lines {
    kept: Vec<u8>,
    /// The line has begun in an earlier piece.
    begun: bool,
}

impl Lines {
    /// Takes bytes, and gives what they complete until `piece` says no. Returns how many bytes were taken.
    pub fn push(&mut self, bytes: &[u8], mut piece: impl FnMut(Piece<'_>) -> bool) -> usize {
        let mut left = bytes;
        while !left.is_empty() {
            let window = &left[..left.len().min(PIECE_BYTES_MAX - self.kept.len())];
            let (take, ended) = match window.iter().position(|&byte| byte == b'\n') {
                Some(at) => (at + 1, true),
                None => (window.len(), false),
            };
            let (part, rest) = left.split_at(take);
            left = rest;
            let is_full = self.kept.len() + take == PIECE_BYTES_MAX;
            if !ended && !is_full {
                self.kept.extend_from_slice(part);
                break;
            }
            let starts = !std::mem::replace(&mut self.begun, !ended);
            let goes_on = if self.kept.is_empty() {
                piece(cut(part, starts))
            } else {
                self.kept.extend_from_slice(part);
                let goes_on = piece(cut(&self.kept, starts));
                self.kept.clear();
                goes_on
            };
            if !goes_on {
                break;
            }
        }
        bytes.len() - left.len()
    }

    /// The bytes are over: what stands without a line end is given.
    pub fn flush(&mut self, piece: impl FnOnce(Piece<'_>)) {
        let starts = !std::mem::take(&mut self.begun);
        if !self.kept.is_empty() {
            piece(Piece { bytes: &self.kept, starts, end: End::None });
            self.kept.clear();
        }
    }

    pub fn held_bytes(&self) -> usize {
        self.kept.capacity()
    }
}

fn cut(bytes: &[u8], starts: bool) -> Piece<'_> {
    if let Some(bytes) = bytes.strip_suffix(b"\r\n") {
        Piece { bytes, starts, end: End::Crlf }
    } else if let Some(bytes) = bytes.strip_suffix(b"\n") {
        Piece { bytes, starts, end: End::Lf }
    } else {
        Piece { bytes, starts, end: End::None }
    }
}
