//! SMTP (RFC 5321) as far as attachments depend on it: commands, replies, DATA, BDAT (RFC 3030), pipelining (RFC 2920), STARTTLS (RFC 3207).

mod decode;
mod letter;
mod lines;
mod mime;
mod parameter;
#[cfg(test)]
mod tests;

pub use letter::Letter;
pub use lines::Lines;
pub use mime::{Attachment, Event};

/// Replies (RFC 5321 section 4.2.3).
const READY: u16 = 220;
const GO_ON: u16 = 354;
const REFUSED_MIN: u16 = 400;
/// Digits of a chunk's size that are believed: no server takes a mail of a terabyte.
const SIZE_DIGITS_MAX: usize = 12;

/// Whether a client's first bytes open a mail session.
pub fn begins(first: &[u8]) -> bool {
    [&b"EHLO "[..], b"HELO ", b"LHLO "].iter().any(|verb| first.len() >= verb.len() && first[..verb.len()].eq_ignore_ascii_case(verb))
}

/// Whether a server's first bytes greet, as SMTP and FTP do.
pub fn greets(first: &[u8]) -> bool {
    first.starts_with(b"220 ") || first.starts_with(b"220-")
}

/// Whether a session goes on in clear text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Goes {
    On,
    /// TLS begins.
    Encrypted,
}

/// What the client's next bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Phase {
    #[default]
    Commands,
    /// DATA was sent, and is not yet answered.
    Asked,
    /// A message, up to a line with one dot.
    Data,
    /// A piece of a message.
    Chunk {
        left: u64,
        last: bool,
    },
    /// STARTTLS was sent, and is not yet answered.
    Encrypting,
    Encrypted,
}

/// Reads a session.
#[derive(Debug, Default)]
pub struct Session {
    phase: Phase,
    /// Commands and replies, by whether the client sent them.
    lines: [Lines; 2],
    /// The server was heard at all.
    answers: bool,
    /// Commands that are not yet answered.
    owed: u32,
    letter: Letter,
    /// Pieces of a message came, and more are to come.
    chunked: bool,
}

impl Session {
    /// The server has greeted.
    pub fn greeted(&mut self) {
        self.answers = true;
    }

    /// Takes the next bytes of one side, and gives what they tell of attachments.
    pub fn push(&mut self, by_client: bool, bytes: &[u8], mut event: impl FnMut(Event<'_>)) -> Goes {
        if by_client {
            self.client(bytes, &mut event);
        } else {
            self.server(bytes);
        }
        if self.phase == Phase::Encrypted { Goes::Encrypted } else { Goes::On }
    }

    /// Bytes of one side are missing: so many, if that is known.
    pub fn missing(&mut self, by_client: bool, bytes: Option<u32>, mut event: impl FnMut(Event<'_>)) {
        if !by_client {
            self.lines[0] = Lines::default();
            // Which replies were lost is unknown: the next one counts as the last.
            self.owed = self.owed.min(1);
            return;
        }
        self.lines[1] = Lines::default();
        match (self.phase, bytes) {
            (Phase::Data, Some(_)) => self.letter.missing(),
            (Phase::Chunk { left, last }, Some(bytes)) if u64::from(bytes) < left => {
                self.letter.missing();
                self.phase = Phase::Chunk { left: left - u64::from(bytes), last };
            }
            _ => {
                self.letter.end(false, &mut event);
                self.phase = Phase::Commands;
            }
        }
    }

    /// The session is over.
    pub fn finish(&mut self, mut event: impl FnMut(Event<'_>)) {
        self.letter.end(false, &mut event);
    }

    /// Bytes of memory held.
    pub fn held_bytes(&self) -> usize {
        self.lines.iter().map(Lines::held_bytes).sum::<usize>() + self.letter.held_bytes()
    }

    fn client(&mut self, bytes: &[u8], event: &mut impl FnMut(Event<'_>)) {
        let mut left = bytes;
        while !left.is_empty() {
            if self.phase == Phase::Asked {
                // One way only, or a client that does not wait: its bytes say what they are.
                if self.answers && is_command(left) {
                    self.phase = Phase::Commands;
                } else {
                    self.begin_data();
                }
            }
            let taken = match self.phase {
                Phase::Data => self.data(left, event),
                Phase::Chunk { left: size, last } => self.chunk(left, size, last, event),
                Phase::Commands | Phase::Encrypting => self.commands(left, event),
                Phase::Asked | Phase::Encrypted => return,
            };
            left = &left[taken..];
        }
    }

    /// Command lines, until one changes what follows.
    fn commands(&mut self, bytes: &[u8], event: &mut impl FnMut(Event<'_>)) -> usize {
        let mut lines = std::mem::take(&mut self.lines[1]);
        let taken = lines.push(bytes, |piece| {
            if piece.starts {
                self.command(piece.bytes, event);
            }
            matches!(self.phase, Phase::Commands)
        });
        self.lines[1] = lines;
        taken
    }

    fn command(&mut self, line: &[u8], event: &mut impl FnMut(Event<'_>)) {
        self.owed = self.owed.saturating_add(1);
        let mut words = line.split(|&byte| byte == b' ').filter(|word| !word.is_empty());
        let verb = words.next().unwrap_or_default();
        self.phase = Phase::Commands;
        if verb.eq_ignore_ascii_case(b"DATA") {
            self.phase = Phase::Asked;
        } else if verb.eq_ignore_ascii_case(b"BDAT") {
            let size = words.next().filter(|size| size.len() <= SIZE_DIGITS_MAX);
            if let Some(left) = size.and_then(|size| std::str::from_utf8(size).ok()?.parse().ok()) {
                let last = words.next().is_some_and(|word| word.eq_ignore_ascii_case(b"LAST"));
                self.phase = Phase::Chunk { left, last };
                self.chunked = true;
                if left == 0 {
                    self.chunk_over(last, event);
                }
            }
        } else if verb.eq_ignore_ascii_case(b"STARTTLS") {
            self.phase = Phase::Encrypting;
        } else if self.chunked && [&b"RSET"[..], b"QUIT", b"EHLO", b"HELO"].iter().any(|known| verb.eq_ignore_ascii_case(known)) {
            self.chunked = false;
            self.letter.end(false, event);
        }
    }

    fn begin_data(&mut self) {
        self.letter.begin();
        self.phase = Phase::Data;
    }

    /// A message up to its last dot.
    fn data(&mut self, bytes: &[u8], event: &mut impl FnMut(Event<'_>)) -> usize {
        let (taken, over) = self.letter.take_dotted(bytes, event);
        if over {
            self.owed = self.owed.saturating_add(1);
            self.phase = Phase::Commands;
        }
        taken
    }

    /// Bytes of a piece of a message.
    fn chunk(&mut self, bytes: &[u8], left: u64, last: bool, event: &mut impl FnMut(Event<'_>)) -> usize {
        let take = bytes.len().min(usize::try_from(left).unwrap_or(usize::MAX));
        self.letter.take(&bytes[..take], event);
        let left = left - take as u64;
        self.phase = Phase::Chunk { left, last };
        if left == 0 {
            self.chunk_over(last, event);
        }
        take
    }

    fn chunk_over(&mut self, last: bool, event: &mut impl FnMut(Event<'_>)) {
        self.phase = Phase::Commands;
        if last {
            self.chunked = false;
            self.letter.end(true, event);
        }
    }

    fn server(&mut self, bytes: &[u8]) {
        self.answers = true;
        let mut lines = std::mem::take(&mut self.lines[0]);
        lines.push(bytes, |piece| {
            // Of several lines the last has a blank behind the code (RFC 5321 section 4.2.1).
            if let (true, Some((&code, rest))) = (piece.starts, piece.bytes.split_first_chunk::<3>())
                && rest.first() != Some(&b'-')
                && let Some(code) = std::str::from_utf8(&code).ok().and_then(|code| code.parse().ok())
            {
                self.reply(code);
            }
            true
        });
        self.lines[0] = lines;
    }

    fn reply(&mut self, code: u16) {
        self.owed = self.owed.saturating_sub(1);
        match self.phase {
            Phase::Asked if code == GO_ON => self.begin_data(),
            Phase::Asked if code >= REFUSED_MIN && self.owed == 0 => self.phase = Phase::Commands,
            Phase::Encrypting if self.owed == 0 => {
                self.phase = if code == READY { Phase::Encrypted } else { Phase::Commands };
            }
            _ => {}
        }
    }
}

/// Whether bytes begin with a command that may follow a refused DATA.
fn is_command(bytes: &[u8]) -> bool {
    const VERBS: [&[u8]; 9] = [b"RSET", b"QUIT", b"MAIL", b"RCPT", b"NOOP", b"EHLO", b"HELO", b"DATA", b"BDAT"];
    let ends = matches!(bytes.get(4), None | Some(b' ' | b'\r' | b'\n'));
    ends && VERBS.iter().any(|verb| bytes.len() >= 4 && bytes[..4].eq_ignore_ascii_case(verb))
}
