//! QUIC: the hello that its first datagrams show.

use crate::protocol::quic::Initials;
use crate::protocol::tls::Progress;

use super::super::listener::Listener;
use super::super::web::{Goes, Room};

/// A QUIC connection, up to its hello.
#[derive(Debug)]
pub struct Initial {
    pub client_low: bool,
    client: Initials,
}

impl Initial {
    pub fn new(client_low: bool) -> Self {
        Initial { client_low, client: Initials::default() }
    }

    pub fn bytes<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, datagram: &[u8]) -> Goes {
        if !by_client {
            return Goes::On;
        }
        let progress = self.client.push(datagram, |hello| room.listener.quic(room.tally, room.ends, &hello));
        if progress == Progress::More { Goes::On } else { Goes::Over }
    }
}
