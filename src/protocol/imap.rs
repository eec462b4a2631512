//! IMAP (RFC 9051) as far as mail that is fetched depends on it: the literals of a server's answers, of which some are whole messages.

use crate::protocol::smtp::{Event, Goes, Letter, Lines};

/// Digits of a literal's length that are believed: no server sends a terabyte.
const SIZE_DIGITS_MAX: usize = 12;
/// Bytes before a literal's length that say what it is.
const BEFORE_BYTES: usize = 64;

/// Whether a server's first bytes greet so (RFC 9051 section 7.1).
pub fn greets(first: &[u8]) -> bool {
    first.starts_with(b"* OK") || first.starts_with(b"* PREAUTH")
}

/// Whether a client's first bytes are a command: a tag and a word.
pub fn is_command(first: &[u8]) -> bool {
    let line = first.split(|&byte| byte == b'\r' || byte == b'\n').next().unwrap_or_default();
    let mut words = line.split(|&byte| byte == b' ');
    let (tag, verb) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let is_tag = (1..=32).contains(&tag.len()) && tag.iter().all(u8::is_ascii_alphanumeric);
    is_tag && verb.len() >= 2 && verb.iter().all(u8::is_ascii_alphabetic)
}

/// What the server's next bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Phase {
    #[default]
    Line,
    /// So many bytes of a literal.
    Literal {
        left: u64,
        message: bool,
    },
    Encrypted,
}

/// Reads a session.
#[derive(Debug, Default)]
pub struct Session {
    phase: Phase,
    /// By whether the client sent them.
    lines: [Lines; 2],
    /// STARTTLS was sent, and is not answered yet.
    asked_encryption: bool,
    letter: Letter,
}

impl Session {
    /// Takes the next bytes of one side, and gives what they tell of attachments.
    pub fn push(&mut self, by_client: bool, bytes: &[u8], mut event: impl FnMut(Event<'_>)) -> Goes {
        if by_client {
            let Session { lines, asked_encryption, .. } = self;
            lines[1].push(bytes, |piece| {
                *asked_encryption |= piece.starts
                    && piece.bytes.split(|&byte| byte == b' ').nth(1).is_some_and(|verb| verb.eq_ignore_ascii_case(b"STARTTLS"));
                true
            });
        } else {
            self.server(bytes, &mut event);
        }
        if self.phase == Phase::Encrypted { Goes::Encrypted } else { Goes::On }
    }

    /// Bytes of one side are missing: so many, if that is known.
    pub fn missing(&mut self, by_client: bool, bytes: Option<u32>, mut event: impl FnMut(Event<'_>)) {
        self.lines[usize::from(by_client)] = Lines::default();
        if by_client {
            return;
        }
        if let Phase::Literal { left, message } = self.phase {
            let bytes = bytes.map_or(u64::MAX, u64::from);
            if bytes < left {
                self.letter.missing();
                self.phase = Phase::Literal { left: left - bytes, message };
            } else {
                self.letter.end(false, &mut event);
                self.phase = Phase::Line;
            }
        }
    }

    /// The session is over.
    pub fn finish(&mut self, mut event: impl FnMut(Event<'_>)) {
        self.letter.end(false, &mut event);
    }

    fn server(&mut self, bytes: &[u8], event: &mut impl FnMut(Event<'_>)) {
        let mut rest = bytes;
        while !rest.is_empty() {
            match self.phase {
                Phase::Encrypted => return,
                Phase::Literal { left, message } => {
                    let (part, behind) = rest.split_at(usize::try_from(left).unwrap_or(usize::MAX).min(rest.len()));
                    rest = behind;
                    if message {
                        self.letter.take(part, event);
                    }
                    let left = left - part.len() as u64;
                    self.phase = Phase::Literal { left, message };
                    if left == 0 {
                        if message {
                            self.letter.end(true, event);
                        }
                        self.phase = Phase::Line;
                    }
                }
                Phase::Line => {
                    let taken = self.answer(rest);
                    rest = &rest[taken..];
                }
            }
        }
    }

    /// Lines, until one ends with a literal's length.
    fn answer(&mut self, bytes: &[u8]) -> usize {
        let Session { phase, lines, asked_encryption, .. } = self;
        lines[0].push(bytes, |piece| {
            if let Some((left, message)) = literal(piece.bytes).filter(|(left, _)| *left > 0) {
                *phase = Phase::Literal { left, message };
            } else if *asked_encryption && piece.starts && !piece.bytes.starts_with(b"*") {
                let accepted = piece.bytes.split(|&byte| byte == b' ').nth(1).is_some_and(|word| word.eq_ignore_ascii_case(b"OK"));
                *asked_encryption = false;
                *phase = if accepted { Phase::Encrypted } else { Phase::Line };
            }
            *phase == Phase::Line
        })
    }
}

/// The length of the literal that a line ends with, `{310}`, and whether it is a whole message: `BODY[]`, or `RFC822` of older clients.
fn literal(line: &[u8]) -> Option<(u64, bool)> {
    let line = line.strip_suffix(b"}")?;
    let open = line.iter().rposition(|&byte| byte == b'{')?;
    let digits = line.get(open + 1..).filter(|digits| (1..=SIZE_DIGITS_MAX).contains(&digits.len()))?;
    let left = std::str::from_utf8(digits).ok()?.parse().ok()?;
    let before = line[open.saturating_sub(BEFORE_BYTES)..open].trim_ascii_end().to_ascii_uppercase();
    Some((left, [&b" BODY[]"[..], b"(BODY[]", b" RFC822", b"(RFC822"].iter().any(|name| before.ends_with(name))))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &[u8] = b"Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\nYWJj";

    fn told(said: &[(bool, &[u8])]) -> (Vec<String>, Goes) {
        let (mut session, mut told, mut goes) = (Session::default(), Vec::new(), Goes::On);
        for (by_client, bytes) in said {
            goes = session.push(*by_client, bytes, |event| told.push(format!("{event:?}")));
        }
        session.finish(|event| told.push(format!("{event:?}")));
        (told, goes)
    }

    fn fetched(item: &str) -> Vec<u8> {
        [format!("* 1 FETCH (UID 1 {item} {{{}}}\r\n", MAIL.len()).as_bytes(), MAIL, b" FLAGS (\\Seen))\r\na3 OK done\r\n"].concat()
    }

    #[test]
    fn whole_messages_are_told() {
        for item in ["BODY[]", "RFC822", "body[]"] {
            let answer = fetched(item);
            let (told, _) =
                told(&[(false, b"* OK ready\r\n"), (true, b"a3 FETCH 1 x\r\n"), (false, &answer[..70]), (false, &answer[70..])]);
            assert_eq!(told.len(), 3, "{told:?}");
            assert!(told[1].contains("[97, 98, 99]") && told[2].contains("complete: true"), "{told:?}");
        }
        for item in ["BODY[HEADER]", "BODY[]<0>", "BODY[2]", "X-BODY"] {
            assert!(told(&[(false, b"* OK ready\r\n"), (false, &fetched(item))]).0.is_empty(), "{item}");
        }
    }

    #[test]
    fn tls_ends_it() {
        assert_eq!(told(&[(true, b"a STARTTLS\r\n"), (false, b"* x\r\na OK go\r\n")]).1, Goes::Encrypted);
        assert_eq!(told(&[(true, b"a STARTTLS\r\n"), (false, b"a NO\r\n")]).1, Goes::On);
    }

    #[test]
    fn how_it_begins() {
        assert!(greets(b"* OK [CAPABILITY IMAP4rev1] x\r\n") && greets(b"* PREAUTH") && !greets(b"*1\r\n"));
        assert!(is_command(b"a1 CAPABILITY\r\n") && is_command(b"1 login a b\r\n"));
        assert!(!is_command(b"*1\r\n$4\r\n") && !is_command(b"hello\r\n"));
    }
}
