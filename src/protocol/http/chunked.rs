//! The chunked transfer coding (RFC 9112 section 7.1), in pieces of any size.

/// Bytes of a line of sizes and extensions, or of a trailer line, at most: Apache's and nginx's bounds are of this order.
const LINE_BYTES_MAX: u32 = 4096;
/// Bytes of all trailer lines.
const TRAILER_BYTES_MAX: u32 = 16 * 1024;
/// A chunk of this many bytes or more is no chunk: receivers count in signed 64-bit numbers at most.
const CHUNK_BYTES_MAX: u64 = 1 << 62;

#[derive(Clone, Copy, Debug, PartialEq, Eq, Default)]
enum State {
    /// Before the first digit of a size.
    #[default]
    Before,
    Digits,
    Extension,
    Data,
    /// The line end behind a chunk's data.
    Behind,
    /// A trailer line; `true` if it has bytes.
    Trailer(bool),
    Over,
    Broken,
}

/// What the next bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// So many bytes of data begin here.
    Data { at: usize, bytes: usize },
    /// All bytes are used and it goes on.
    More,
    /// The body is over; so many bytes are used.
    End { used: usize },
    /// This is no chunk; so many bytes are used.
    Broken { used: usize },
}

/// Where in a chunked body its reader is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Chunked {
    state: State,
    left: u64,
    line: u32,
    trailer: u32,
    /// Chunks begun.
    chunks: u32,
    /// Something was not as it ought to be, and some receivers would not take it.
    pub odd: bool,
}

impl Chunked {
    /// Whether no size has been read yet.
    pub fn is_first(&self) -> bool {
        self.chunks == 0
    }

    /// Reads on until data or an end.
    pub fn step(&mut self, bytes: &[u8]) -> Step {
        let mut at = 0;
        while let Some(&byte) = bytes.get(at) {
            match self.state {
                State::Data => {
                    let take = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len() - at);
                    self.left -= take as u64;
                    if self.left == 0 {
                        self.state = State::Behind;
                        self.line = 0;
                    }
                    return Step::Data { at, bytes: take };
                }
                State::Over => return Step::End { used: at },
                State::Broken => return Step::Broken { used: at },
                State::Before | State::Digits | State::Extension => self.size(byte),
                State::Behind => match byte {
                    b'\n' => {
                        self.odd |= self.line == 0;
                        self.size_next();
                    }
                    b'\r' if self.line == 0 => self.line = 1,
                    _ => self.state = State::Broken,
                },
                State::Trailer(has_bytes) => {
                    self.trailer += 1;
                    self.state = match byte {
                        b'\n' if !has_bytes => State::Over,
                        b'\n' => State::Trailer(false),
                        b'\r' => State::Trailer(has_bytes),
                        _ => State::Trailer(true),
                    };
                    if self.trailer > TRAILER_BYTES_MAX {
                        self.state = State::Broken;
                    }
                }
            }
            at += 1;
            match self.state {
                State::Over => return Step::End { used: at },
                State::Broken => return Step::Broken { used: at },
                _ => {}
            }
        }
        Step::More
    }

    fn size_next(&mut self) {
        (self.state, self.left, self.line) = (State::Before, 0, 0);
    }

    fn size(&mut self, byte: u8) {
        self.line += 1;
        if self.line > LINE_BYTES_MAX {
            self.state = State::Broken;
            return;
        }
        let digit = (byte as char).to_digit(16).map(u64::from);
        match (self.state, byte, digit) {
            (State::Before | State::Digits, _, Some(digit)) => {
                self.left = self.left.saturating_mul(16).saturating_add(digit);
                self.state = if self.left >= CHUNK_BYTES_MAX { State::Broken } else { State::Digits };
            }
            (State::Before, b' ' | b'\t', _) => self.odd = true,
            (State::Digits | State::Extension, b'\n', _) => {
                self.chunks = self.chunks.saturating_add(1);
                self.state = if self.left == 0 { State::Trailer(false) } else { State::Data };
            }
            (State::Digits, b';', _) => self.state = State::Extension,
            (State::Digits, b'\r', _) => self.state = State::Extension,
            (State::Digits, b' ' | b'\t', _) => {
                self.odd = true;
                self.state = State::Extension;
            }
            (State::Extension, _, _) => {}
            _ => self.state = State::Broken,
        }
    }

    /// So many bytes are missing. Returns how many of them were data, if it can go on behind them.
    pub fn miss(&mut self, bytes: u64) -> Option<u64> {
        if self.state != State::Data || bytes > self.left {
            self.state = State::Broken;
            return None;
        }
        self.left -= bytes;
        if self.left == 0 {
            self.state = State::Behind;
            self.line = 0;
        }
        Some(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The data of a body that comes in pieces, the bytes used, and how it ended.
    fn read(body: &[u8], cuts: &[usize]) -> (Vec<u8>, usize, Option<Step>, bool) {
        let (mut chunked, mut data, mut used) = (Chunked::default(), Vec::new(), 0);
        let mut from = 0;
        for to in cuts.iter().map(|&cut| cut.min(body.len())).chain([body.len()]) {
            while from < to {
                match chunked.step(&body[from..to]) {
                    Step::Data { at, bytes } => {
                        data.extend_from_slice(&body[from + at..from + at + bytes]);
                        from += at + bytes;
                        used = from;
                    }
                    Step::More => {
                        from = to;
                        used = from;
                    }
                    Step::End { used: more } => return (data, used.max(from) + more, Some(Step::End { used: 0 }), chunked.odd),
                    Step::Broken { .. } => return (data, used, Some(Step::Broken { used: 0 }), chunked.odd),
                }
            }
        }
        (data, used, None, chunked.odd)
    }

    #[test]
    fn data_extensions_and_trailers() {
        let body = b"4;name=\"v\"\r\nWiki\r\n6\r\npedia \r\nE\r\nin \r\n\r\nchunks.\r\n0\r\nExpires: now\r\n\r\nGET /";
        let (data, used, end, odd) = read(body, &[]);
        assert_eq!(data, b"Wikipedia in \r\n\r\nchunks.");
        assert_eq!((&body[used..], end, odd), (&b"GET /"[..], Some(Step::End { used: 0 }), false));
    }

    #[test]
    fn what_only_some_receivers_take_is_odd() {
        for odd in [&b"4\nWiki\n0\n\n"[..], b" 4\r\nWiki\r\n0\r\n\r\n", b"4 \r\nWiki\r\n0\r\n\r\n"] {
            let (data, _, end, is_odd) = read(odd, &[]);
            assert_eq!((&data[..], end), (&b"Wiki"[..], Some(Step::End { used: 0 })));
            assert!(is_odd, "{}", odd.escape_ascii());
        }
    }

    #[test]
    fn no_chunk_is_of_any_size() {
        for bad in [&b"8000000000000000\r\n"[..], b"fffffffffffffffffffffffff\r\n", b"-1\r\n", b"x\r\n", b"\r\n", b"4\r\nWikiX"] {
            assert_eq!(read(bad, &[]).2, Some(Step::Broken { used: 0 }), "{}", bad.escape_ascii());
        }
        let long = [b"1;".to_vec(), vec![b'x'; 10_000]].concat();
        assert_eq!(read(&long, &[]).2, Some(Step::Broken { used: 0 }));
        let trailers = [b"0\r\n".to_vec(), b"a: b\r\n".repeat(10_000)].concat();
        assert_eq!(read(&trailers, &[]).2, Some(Step::Broken { used: 0 }));
    }

    #[test]
    fn a_hole_within_data_is_passed() {
        let mut chunked = Chunked::default();
        assert_eq!(chunked.step(b"a\r\n01"), Step::Data { at: 3, bytes: 2 });
        assert_eq!(chunked.miss(5), Some(5));
        assert_eq!(chunked.step(b"789\r\n0\r\n\r\n"), Step::Data { at: 0, bytes: 3 });
        assert_eq!(chunked.miss(1), None);
    }

    proptest! {
        #[test]
        fn pieces_change_nothing(body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..200),
            "([1-9a-f]{1}(;x)?\r?\n[ -~]{0,15}\r\n){0,4}(0\r\n\r\n)?".prop_map(String::into_bytes),
        ], cuts in proptest::collection::vec(0usize..200, 0..8)) {
            let mut cuts = cuts;
            cuts.sort_unstable();
            let (whole, in_pieces) = (read(&body, &[]), read(&body, &cuts));
            prop_assert_eq!((whole.0, whole.2, whole.3), (in_pieces.0, in_pieces.2, in_pieces.3));
        }
    }
}
