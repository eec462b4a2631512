//! Mail that is fetched: its attachments.

use crate::protocol::carried::Carrier;
use crate::protocol::smtp::Goes as Session;
use crate::protocol::{imap, pop3};

use super::super::listener::Listener;
use super::super::web::{Goes, Room};
use super::files::File;
use super::mail::take;

/// A session in which mail is fetched, by the protocol.
#[derive(Debug)]
pub enum Fetched {
    Pop3(pop3::Session, Option<File>),
    Imap(imap::Session, Option<File>),
}

impl Fetched {
    pub fn pop3() -> Self {
        Fetched::Pop3(pop3::Session::default(), None)
    }

    pub fn imap() -> Self {
        Fetched::Imap(imap::Session::default(), None)
    }

    pub fn bytes<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, bytes: &[u8]) -> Goes {
        let goes = match self {
            Fetched::Pop3(session, open) => session.push(by_client, bytes, |event| take(open, room, Carrier::Pop3, event)),
            Fetched::Imap(session, open) => session.push(by_client, bytes, |event| take(open, room, Carrier::Imap, event)),
        };
        match goes {
            Session::On => Goes::On,
            Session::Encrypted => Goes::Anew,
        }
    }

    pub fn missing<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, bytes: Option<u32>) {
        let (Fetched::Pop3(_, open) | Fetched::Imap(_, open)) = &mut *self;
        if !by_client && let Some(file) = open {
            file.miss();
        }
        match self {
            Fetched::Pop3(session, _) => session.missing(by_client),
            Fetched::Imap(session, open) => session.missing(by_client, bytes, |event| take(open, room, Carrier::Imap, event)),
        }
    }

    pub fn finish<L: Listener>(&mut self, room: &mut Room<'_, L>) {
        match self {
            Fetched::Pop3(session, open) => session.finish(|event| take(open, room, Carrier::Pop3, event)),
            Fetched::Imap(session, open) => session.finish(|event| take(open, room, Carrier::Imap, event)),
        }
    }
}
