//! What is carried in clear text besides HTTP, and what QUIC shows: one reader a file.

mod fetched;
mod files;
mod mail;
mod names;
mod quic;
#[cfg(test)]
mod tests;
mod text;

use crate::protocol::{dns, imap, pop3, quic as datagrams, smtp};

use super::listener::Listener;
use super::reader::Talk;
use super::unknown::Unknown;
use super::web::{Goes, Room};
use fetched::Fetched;
use files::{Control, Datagrams, Stored};
use mail::Mail;
use names::Stream;
use quic::Initial;
use text::{Opening, Typed};

pub use names::datagram;

/// A reader of one conversation.
#[derive(Debug)]
pub enum Clear {
    Quic(Initial),
    /// DNS over TCP.
    Names(Stream),
    Fetched(Box<Fetched>),
    /// A server has greeted as those of mail and FTP do; its client has not spoken yet.
    Opening(Opening),
    Mail(Box<Mail>),
    /// FTP's control connection.
    Control(Control),
    /// A file on a connection of its own.
    Stored(Box<Stored>),
    Tftp(Box<Datagrams>),
    /// Lines of clear text.
    Typed(Box<Typed>),
}

impl Clear {
    /// Who reads a conversation whose side `low` begins with these bytes; nobody here if nothing.
    pub fn decide<L: Listener>(room: &mut Room<'_, L>, talk: &Talk, low: bool, bytes: &[u8]) -> Option<Self> {
        let by_opener = low == talk.opener_low;
        if talk.datagrams {
            if datagrams::begins(bytes) {
                return Some(Clear::Quic(Initial::new(low)));
            }
            return Datagrams::decide(room, talk, low, bytes).map(|reader| Clear::Tftp(Box::new(reader)));
        }
        if dns::frame(bytes).is_some_and(|(message, _)| names::is_asked(message)) {
            return Some(Clear::Names(Stream::new(if by_opener { low } else { !low })));
        }
        if !by_opener && (smtp::greets(bytes) || pop3::greets(bytes) || imap::greets(bytes)) {
            return Some(Clear::Opening(Opening::new(talk.opener_low, bytes)));
        }
        if smtp::begins(bytes) {
            return Some(Clear::Mail(Box::new(Mail::new(low))));
        }
        Typed::begins(bytes).then(|| Clear::Typed(Box::new(Typed::new(Unknown::default()))))
    }

    /// The reader of a connection that was announced: what it carries is a file, whatever it looks like.
    pub fn announced<L: Listener>(room: &mut Room<'_, L>, talk: &Talk) -> Option<Self> {
        Stored::decide(room, talk).map(|stored| Clear::Stored(Box::new(stored)))
    }

    /// Whether the client is the lower end.
    pub fn client_low(&self, talk: &Talk) -> bool {
        match self {
            Clear::Quic(reader) => reader.client_low,
            Clear::Names(reader) => reader.client_low,
            Clear::Mail(reader) => reader.client_low,
            Clear::Stored(reader) => reader.client_low,
            Clear::Tftp(reader) => reader.client_low,
            Clear::Opening(_) | Clear::Fetched(_) | Clear::Control(_) | Clear::Typed(_) => talk.opener_low,
        }
    }

    /// Takes the next bytes of one side.
    pub fn bytes<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, bytes: &[u8]) -> Goes {
        match self {
            Clear::Quic(reader) => reader.bytes(room, by_client, bytes),
            Clear::Names(reader) => reader.bytes(room, by_client, bytes),
            Clear::Opening(reader) => match reader.bytes(room, by_client, bytes) {
                Some(next) => {
                    *self = next;
                    self.bytes(room, by_client, bytes)
                }
                None => Goes::On,
            },
            Clear::Mail(reader) => reader.bytes(room, by_client, bytes),
            Clear::Fetched(reader) => reader.bytes(room, by_client, bytes),
            Clear::Control(reader) => reader.bytes(room, by_client, bytes),
            Clear::Stored(reader) => reader.bytes(room, by_client, bytes),
            Clear::Tftp(reader) => reader.bytes(room, by_client, bytes),
            Clear::Typed(reader) => reader.bytes(room, by_client, bytes),
        }
    }

    /// Bytes of one side are missing: so many, if that is known.
    pub fn missing<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, bytes: Option<u32>) -> Goes {
        match self {
            // Where the next message begins is unknown.
            Clear::Names(_) => return Goes::Over,
            Clear::Mail(reader) => reader.missing(room, by_client, bytes),
            Clear::Fetched(reader) => reader.missing(room, by_client, bytes),
            Clear::Control(reader) => reader.missing(by_client),
            Clear::Stored(reader) => reader.missing(),
            Clear::Quic(_) | Clear::Opening(_) | Clear::Tftp(_) | Clear::Typed(_) => {}
        }
        Goes::On
    }

    /// One side has sent its last byte.
    pub fn end<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool) -> Goes {
        match self {
            Clear::Stored(reader) => reader.end(room, by_client),
            _ => Goes::On,
        }
    }

    /// The conversation is over, or nobody reads on.
    pub fn finish<L: Listener>(self, room: &mut Room<'_, L>) {
        match self {
            Clear::Mail(mut reader) => reader.finish(room),
            Clear::Fetched(mut reader) => reader.finish(room),
            Clear::Stored(mut reader) => reader.finish(room),
            Clear::Tftp(mut reader) => reader.finish(room),
            Clear::Typed(mut reader) => reader.finish(room),
            Clear::Opening(mut reader) => reader.finish(room),
            Clear::Names(mut reader) => reader.finish(room),
            Clear::Quic(_) | Clear::Control(_) => {}
        }
    }
}
