//! Lines of clear text: telnet (RFC 854), and whatever else is typed or shown line by line.

/// Longest line that is told in one piece. Shells take 4,096 bytes (POSIX `LINE_MAX` is 2,048); a longer one is told in several.
pub const LINE_BYTES_MAX: usize = 2048;

/// Telnet's commands (RFC 854).
const IAC: u8 = 255;
const WILL: u8 = 251;
const DONT: u8 = 254;
const SUBNEGOTIATION: u8 = 250;
const SUBNEGOTIATION_END: u8 = 240;

/// What erases the character before it.
const BACKSPACE: u8 = 0x08;
const DELETE: u8 = 0x7f;
const ESCAPE: u8 = 0x1b;
/// Bytes of the first segment that are looked at.
const LOOKED_AT_MAX: usize = 64;

/// Where in a command of telnet, or in an escape sequence, the next byte stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum State {
    #[default]
    Text,
    /// Behind IAC.
    Command,
    /// Behind WILL, WON'T, DO or DON'T.
    Option,
    Subnegotiation,
    /// Behind IAC in a subnegotiation.
    SubnegotiationCommand,
    /// Behind ESC.
    Escape,
    /// In a control sequence (ECMA-48 section 5.4), which ends with a byte from `@` to `~`.
    Sequence,
}

/// Whether these first bytes of a side are telnet: it begins to negotiate.
pub fn begins(first: &[u8]) -> bool {
    matches!(first, [IAC, WILL..=DONT, _, ..])
}

/// Whether these first bytes are text as people type and machines show it: ASCII, blanks, line ends, UTF-8.
pub fn is_text(first: &[u8]) -> bool {
    let text = |&byte: &u8| matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n' | BACKSPACE | ESCAPE | 0x80..=0xf4);
    let looked_at = &first[..first.len().min(LOOKED_AT_MAX)];
    let ascii = looked_at.iter().filter(|byte| byte.is_ascii()).count();
    !first.is_empty() && looked_at.iter().all(text) && 2 * ascii >= looked_at.len()
}

/// Cuts one side of a conversation into lines: without telnet's commands and a terminal's control sequences, and with erased characters
/// erased. A line ends with CR, LF or NUL; empty ones are not told.
#[derive(Debug, Default)]
pub struct Lines {
    state: State,
    line: Vec<u8>,
}

impl Lines {
    /// Takes the next bytes, and gives each line that they complete.
    pub fn push(&mut self, bytes: &[u8], mut line: impl FnMut(&[u8])) {
        for &byte in bytes {
            self.state = match (self.state, byte) {
                (State::Text, IAC) => State::Command,
                (State::Text, ESCAPE) => State::Escape,
                (State::Text, b'\r' | b'\n' | 0) => {
                    self.tell(&mut line);
                    State::Text
                }
                (State::Text, BACKSPACE | DELETE) => {
                    self.line.pop();
                    State::Text
                }
                (State::Text, _) => {
                    self.add(byte, &mut line);
                    State::Text
                }
                (State::Command, WILL..=DONT) => State::Option,
                (State::Command, SUBNEGOTIATION) => State::Subnegotiation,
                (State::Command, IAC) => {
                    self.add(byte, &mut line);
                    State::Text
                }
                (State::Command | State::Option, _) => State::Text,
                (State::Subnegotiation, IAC) => State::SubnegotiationCommand,
                (State::SubnegotiationCommand, SUBNEGOTIATION_END) => State::Text,
                (State::Subnegotiation | State::SubnegotiationCommand, _) => State::Subnegotiation,
                (State::Escape, b'[') => State::Sequence,
                (State::Sequence, b' '..=b'?') => State::Sequence,
                // A line end is one wherever it stands, so that no sequence hides the next line.
                (State::Escape | State::Sequence, b'\r' | b'\n') => {
                    self.tell(&mut line);
                    State::Text
                }
                (State::Escape | State::Sequence, _) => State::Text,
            };
        }
    }

    /// The side is over, or waits for the other: what stands without a line end is told.
    pub fn flush(&mut self, mut line: impl FnMut(&[u8])) {
        self.tell(&mut line);
    }

    /// Bytes of memory held.
    pub fn held_bytes(&self) -> usize {
        self.line.capacity()
    }

    fn add(&mut self, byte: u8, line: &mut impl FnMut(&[u8])) {
        if self.line.len() == LINE_BYTES_MAX {
            self.tell(line);
        }
        self.line.push(byte);
    }

    fn tell(&mut self, line: &mut impl FnMut(&[u8])) {
        if !self.line.is_empty() {
            line(&self.line);
            self.line.clear();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn lines(pieces: &[&[u8]]) -> Vec<String> {
        let mut reader = Lines::default();
        let mut told = Vec::new();
        for piece in pieces {
            reader.push(piece, |line| told.push(String::from_utf8_lossy(line).into_owned()));
        }
        reader.flush(|line| told.push(String::from_utf8_lossy(line).into_owned()));
        assert!(reader.held_bytes() <= LINE_BYTES_MAX);
        told
    }

    #[test]
    fn lines_end_with_any_line_end() {
        assert_eq!(lines(&[b"enable\r\nsystem\r\0shell\nsh\0\r\n\r\nrest"]), ["enable", "system", "shell", "sh", "rest"]);
    }

    #[test]
    fn commands_of_telnet_are_no_text() {
        let bytes = b"\xff\xfd\x18\xff\xfb\x01lo\xff\xf1gin: \xff\xfa\x18\0vt100\xff\xff\xff\xf0ro\xff\xffot\n";
        assert_eq!(lines(&[bytes]), [String::from_utf8_lossy(b"login: ro\xffot")]);
    }

    #[test]
    fn what_was_erased_is_gone() {
        assert_eq!(lines(&[b"wgt\x08et\x7ftt x\n\x08\x1b[1;31mred\x1b[0m\x1bM\n\x1b[\nnext"]), ["wgett x", "red", "next"]);
    }

    #[test]
    fn long_lines_are_told_in_pieces() {
        let told = lines(&[&[b'a'; 2 * LINE_BYTES_MAX + 1]]);
        assert_eq!(told.iter().map(String::len).collect::<Vec<_>>(), [LINE_BYTES_MAX, LINE_BYTES_MAX, 1]);
    }

    #[test]
    fn telnet_and_text_are_known_by_their_beginning() {
        assert!(begins(b"\xff\xfd\x01\xff\xfd\x1f") && !begins(b"\xff\xd8\xff\xe0") && !begins(b"\xff\xfb"));
        assert!(is_text(b"BusyBox v1.19.3\r\n") && is_text("größer\n".as_bytes()));
        assert!(!is_text(b"") && !is_text(b"\x16\x03\x01\0") && !is_text("\u{4f60}\u{597d}".repeat(9).as_bytes()));
    }

    proptest! {
        #[test]
        fn pieces_change_nothing(bytes in prop::collection::vec(prop_oneof![any::<u8>(), Just(IAC), Just(b'\n'), Just(ESCAPE)], 0..200), cut in 0usize..200) {
            let (head, tail) = bytes.split_at(cut.min(bytes.len()));
            prop_assert_eq!(lines(&[head, tail]), lines(&[&bytes]));
        }
    }
}
