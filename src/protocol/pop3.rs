//! POP3 (RFC 1939) as far as mail that is fetched depends on it: commands and their replies in order, and the messages among these.

use crate::protocol::smtp::{Event, Goes, Letter, Lines};

/// Commands that wait for their replies, at most: pipelining clients send some dozen (RFC 2449 section 6.6).
const WAITING_MAX: usize = 256;

/// Whether a server's first bytes greet so. Others answer with `+OK` alone.
pub fn greets(first: &[u8]) -> bool {
    first.starts_with(b"+OK ")
}

/// Whether a client's first bytes are a command that may follow the greeting.
pub fn is_command(first: &[u8]) -> bool {
    const VERBS: [&[u8]; 8] = [b"USER", b"APOP", b"AUTH", b"CAPA", b"STLS", b"QUIT", b"NOOP", b"UTF8"];
    let ends = matches!(first.get(4), None | Some(b' ' | b'\r' | b'\n'));
    ends && VERBS.iter().any(|verb| first.get(..4).is_some_and(|word| word.eq_ignore_ascii_case(verb)))
}

/// What a reply to a command is made of, if it is a success.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reply {
    Line,
    Lines,
    Message,
    Encrypted,
}

/// What the server's next bytes are.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
enum Phase {
    #[default]
    Status,
    Listing,
    Message,
    Encrypted,
}

/// Reads a session.
#[derive(Debug, Default)]
pub struct Session {
    phase: Phase,
    /// By whether the client sent them.
    lines: [Lines; 2],
    /// Of commands without a reply so far, the oldest first.
    waiting: Vec<Reply>,
    /// The client's next line goes on with its command (RFC 5034 section 4).
    goes_on: bool,
    letter: Letter,
}

impl Session {
    /// Takes the next bytes of one side, and gives what they tell of attachments.
    pub fn push(&mut self, by_client: bool, bytes: &[u8], mut event: impl FnMut(Event<'_>)) -> Goes {
        if by_client {
            self.client(bytes);
        } else {
            self.server(bytes, &mut event);
        }
        if self.phase == Phase::Encrypted { Goes::Encrypted } else { Goes::On }
    }

    /// Bytes of one side are missing. Which reply is whose is not known then, but within a message.
    pub fn missing(&mut self, by_client: bool) {
        self.lines[usize::from(by_client)] = Lines::default();
        match self.phase {
            Phase::Message if !by_client => self.letter.missing(),
            _ => self.waiting.clear(),
        }
    }

    /// The session is over.
    pub fn finish(&mut self, mut event: impl FnMut(Event<'_>)) {
        self.letter.end(false, &mut event);
    }

    fn client(&mut self, bytes: &[u8]) {
        let Session { lines, waiting, goes_on, .. } = self;
        lines[1].push(bytes, |piece| {
            if piece.starts && !std::mem::take(goes_on) && waiting.len() < WAITING_MAX {
                waiting.push(reply_to(piece.bytes));
            }
            true
        });
    }

    fn server(&mut self, bytes: &[u8], event: &mut impl FnMut(Event<'_>)) {
        let mut left = bytes;
        while !left.is_empty() && self.phase != Phase::Encrypted {
            let taken = if self.phase == Phase::Message {
                let (taken, over) = self.letter.take_dotted(left, event);
                if over {
                    self.phase = Phase::Status;
                }
                taken
            } else {
                self.answer(left)
            };
            left = &left[taken..];
        }
    }

    /// Lines, until one changes what follows.
    fn answer(&mut self, bytes: &[u8]) -> usize {
        let Session { phase, lines, waiting, goes_on, letter } = self;
        lines[0].push(bytes, |piece| {
            if !piece.starts {
                return true;
            }
            if *phase == Phase::Listing {
                if piece.bytes == b"." {
                    *phase = Phase::Status;
                }
                return true;
            }
            let accepted = piece.bytes.starts_with(b"+OK");
            if !accepted && piece.bytes.first() == Some(&b'+') {
                *goes_on = true;
            } else if accepted || piece.bytes.starts_with(b"-ERR") {
                // The greeting answers nothing.
                let reply = if waiting.is_empty() { Reply::Line } else { waiting.remove(0) };
                *phase = match reply {
                    Reply::Lines if accepted => Phase::Listing,
                    Reply::Message if accepted => {
                        letter.begin();
                        Phase::Message
                    }
                    Reply::Encrypted if accepted => Phase::Encrypted,
                    _ => Phase::Status,
                };
            }
            matches!(phase, Phase::Status | Phase::Listing)
        })
    }
}

fn reply_to(command: &[u8]) -> Reply {
    let mut words = command.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let verb = words.next().unwrap_or_default().to_ascii_uppercase();
    let alone = words.next().is_none();
    match &verb[..] {
        b"RETR" => Reply::Message,
        b"LIST" | b"UIDL" if alone => Reply::Lines,
        b"CAPA" | b"TOP" => Reply::Lines,
        b"AUTH" if alone => Reply::Lines,
        b"STLS" => Reply::Encrypted,
        _ => Reply::Line,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MAIL: &[u8] = b"Content-Type: application/zip; name=a.zip\r\nContent-Transfer-Encoding: base64\r\n\r\nYWJj\r\n.\r\n";

    /// Attachments of a session, as they are told.
    fn told(said: &[(bool, &[u8])]) -> (Vec<String>, Goes) {
        let (mut session, mut told, mut goes) = (Session::default(), Vec::new(), Goes::On);
        let note = |told: &mut Vec<String>, event: Event<'_>| told.push(format!("{event:?}"));
        for (by_client, bytes) in said {
            goes = session.push(*by_client, bytes, |event| note(&mut told, event));
        }
        session.finish(|event| note(&mut told, event));
        (told, goes)
    }

    #[test]
    fn messages_are_told_from_lists() {
        let list = b"+OK 2 messages\r\n1 90\r\n2 90\r\n.\r\n";
        let (told, _) = told(&[
            (false, b"+OK ready\r\n"),
            (true, b"AUTH PLAIN\r\n"),
            (false, b"+ \r\n"),
            (true, b"AGEAYg==\r\n"),
            (false, b"+OK\r\n"),
            (true, b"LIST\r\nUIDL 1\r\nRETR 9\r\nRETR 1\r\nQUIT\r\n"),
            (false, list),
            (false, b"+OK 1 x\r\n-ERR no such message\r\n+OK 90 octets\r\n"),
            (false, MAIL),
            (false, b"+OK bye\r\n"),
        ]);
        assert_eq!(told.len(), 3, "{told:?}");
        assert!(told[0].contains("Begin") && told[1].contains("[97, 98, 99]") && told[2].contains("complete: true"), "{told:?}");
    }

    #[test]
    fn a_message_that_breaks_off_is_incomplete_and_tls_ends_it() {
        let whole = [b"+OK\r\n".as_slice(), MAIL].concat();
        let (told_of, _) = told(&[(false, b"+OK ready\r\n"), (true, b"RETR 1\r\n"), (false, &whole[..whole.len() - 5])]);
        assert!(told_of.last().is_some_and(|last| last.contains("complete: false")), "{told_of:?}");
        assert_eq!(told(&[(false, b"+OK ready\r\n"), (true, b"STLS\r\n"), (false, b"+OK go\r\n")]).1, Goes::Encrypted);
        assert_eq!(told(&[(false, b"+OK ready\r\n"), (true, b"STLS\r\n"), (false, b"-ERR no\r\n")]).1, Goes::On);
    }

    #[test]
    fn how_it_begins() {
        assert!(greets(b"+OK Dovecot ready.\r\n") && !greets(b"+OK\r\n") && !greets(b"* OK\r\n"));
        assert!(is_command(b"capa\r\n") && is_command(b"USER a\r\n") && !is_command(b"USERS") && !is_command(b"*1\r\n"));
    }
}
