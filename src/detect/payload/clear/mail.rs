//! Mail: its attachments.

use crate::protocol::carried::Carrier;
use crate::protocol::smtp::{self, Event, Session};

use super::super::listener::Listener;
use super::super::web::{Goes, Room};
use super::files::File;

/// A mail session.
#[derive(Debug)]
pub struct Mail {
    pub client_low: bool,
    session: Session,
    attachment: Option<File>,
}

impl Mail {
    pub fn new(client_low: bool) -> Self {
        Mail { client_low, session: Session::default(), attachment: None }
    }

    /// Behind the server's greeting.
    pub fn greeted(client_low: bool) -> Self {
        let mut mail = Mail::new(client_low);
        mail.session.greeted();
        mail
    }

    pub fn bytes<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, bytes: &[u8]) -> Goes {
        let attachment = &mut self.attachment;
        match self.session.push(by_client, bytes, |event| take(attachment, room, Carrier::Smtp, event)) {
            smtp::Goes::On => Goes::On,
            smtp::Goes::Encrypted => Goes::Anew,
        }
    }

    pub fn missing<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, bytes: Option<u32>) {
        let attachment = &mut self.attachment;
        if by_client && let Some(file) = attachment {
            file.miss();
        }
        self.session.missing(by_client, bytes, |event| take(attachment, room, Carrier::Smtp, event));
    }

    pub fn finish<L: Listener>(&mut self, room: &mut Room<'_, L>) {
        let attachment = &mut self.attachment;
        self.session.finish(|event| take(attachment, room, Carrier::Smtp, event));
    }
}

/// Takes what a session tells of attachments: those that are sent come from the client, those that are fetched from the server.
pub fn take<L: Listener>(open: &mut Option<File>, room: &mut Room<'_, L>, carrier: Carrier, event: Event<'_>) {
    match (event, open) {
        (Event::Begin(attachment), open) => {
            let (file_name, content_type) = (attachment.file_name.to_vec(), attachment.content_type.to_vec());
            *open = Some(File::named(room, carrier, carrier == Carrier::Smtp, file_name, content_type));
        }
        (Event::Data(bytes), Some(file)) => file.take(room, bytes),
        (Event::End { complete }, open) => {
            if let Some(mut file) = open.take() {
                file.end(room, complete);
            }
        }
        (Event::Data(_), None) => {}
    }
}
