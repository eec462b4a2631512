//! Lines of clear text, and greetings that leave open what follows.

use crate::protocol::telnet::{self, Lines};
use crate::protocol::{ftp, imap, pop3, smtp};

use super::super::listener::Listener;
use super::super::unknown::Unknown;
use super::super::web::{Goes, Room};
use super::Clear;
use super::fetched::Fetched;
use super::files::Control;
use super::mail::Mail;

/// Bytes of one side in which lines are looked for: a dropper comes at the beginning of a session, and echoes a program within this.
const TYPED_BYTES_MAX: u32 = 1 << 20;

/// Somebody types, and is shown something.
#[derive(Debug)]
pub struct Typed {
    /// By whether the client sent them.
    lines: [Lines; 2],
    bytes: [u32; 2],
    /// For whoever listens to bytes; gone once nobody does.
    unknown: Option<Unknown>,
}

impl Typed {
    /// Whether these first bytes are telnet or text. SSH begins with a line of text, and goes on encrypted.
    pub fn begins(bytes: &[u8]) -> bool {
        (telnet::begins(bytes) || telnet::is_text(bytes)) && !bytes.starts_with(b"SSH-")
    }

    /// Goes on from what was heard before it was known that lines come.
    pub fn new(unknown: Unknown) -> Self {
        Typed { lines: Default::default(), bytes: [0; 2], unknown: Some(unknown) }
    }

    pub fn bytes<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, bytes: &[u8]) -> Goes {
        if let Some(unknown) = &mut self.unknown
            && !unknown.hear(room, by_client, bytes, false)
        {
            unknown.drop_all(room.blocks);
            self.unknown = None;
        }
        let side = usize::from(by_client);
        self.bytes[side] = self.bytes[side].saturating_add(bytes.len() as u32);
        self.lines[side].push(bytes, |line| room.listener.line(room.tally, room.ends, line, by_client));
        if self.bytes[side] < TYPED_BYTES_MAX { Goes::On } else { Goes::Over }
    }

    pub fn finish<L: Listener>(&mut self, room: &mut Room<'_, L>) {
        for (side, lines) in self.lines.iter_mut().enumerate() {
            lines.flush(|line| room.listener.line(room.tally, room.ends, line, side == 1));
        }
        if let Some(unknown) = &mut self.unknown {
            unknown.drop_all(room.blocks);
        }
    }
}

/// A server has greeted: with code 220, as those of mail and FTP do and others, or as those from which mail is fetched.
#[derive(Debug)]
pub struct Opening {
    client_low: bool,
    greeting: Greeting,
    unknown: Unknown,
}

/// How a server greeted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Greeting {
    Code,
    Pop3,
    Imap,
}

impl Opening {
    /// Behind a server's first bytes.
    pub fn new(client_low: bool, first: &[u8]) -> Self {
        let greeting = if pop3::greets(first) {
            Greeting::Pop3
        } else if imap::greets(first) {
            Greeting::Imap
        } else {
            Greeting::Code
        };
        Opening { client_low, greeting, unknown: Unknown::default() }
    }

    /// Who reads on, once the client has spoken.
    pub fn bytes<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, bytes: &[u8]) -> Option<Clear> {
        if !by_client {
            self.unknown.hear(room, by_client, bytes, false);
            return None;
        }
        let next = match self.greeting {
            Greeting::Code if smtp::begins(bytes) => Clear::Mail(Box::new(Mail::greeted(self.client_low))),
            Greeting::Code if ftp::is_command(bytes) => Clear::Control(Control::default()),
            Greeting::Pop3 if pop3::is_command(bytes) => Clear::Fetched(Box::new(Fetched::pop3())),
            Greeting::Imap if imap::is_command(bytes) => Clear::Fetched(Box::new(Fetched::imap())),
            _ => return Some(Clear::Typed(Box::new(Typed::new(std::mem::take(&mut self.unknown))))),
        };
        self.unknown.drop_all(room.blocks);
        Some(next)
    }

    pub fn finish<L: Listener>(&mut self, room: &mut Room<'_, L>) {
        self.unknown.drop_all(room.blocks);
    }
}
