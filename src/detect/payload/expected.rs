//! Data connections that a control connection announced: where they will be opened to, and which file comes on them.

use crate::addr::Addr;
use crate::protocol::carried::Carrier;

/// Announcements kept per lane. Each is used within seconds.
const EXPECTED: usize = 64;
/// Seconds after which an announcement is forgotten: servers give up on a data connection sooner.
const EXPECTED_S: u32 = 120;

/// A data connection that was announced.
#[derive(Clone, Debug)]
pub struct Expected {
    pub carrier: Carrier,
    /// Keyed hash of the conversation that announced it.
    pub control: u64,
    /// Who listens, and where.
    pub listener: Addr,
    pub port: u16,
    /// Who will open it.
    pub peer: Addr,
    /// The listener is the client of the control connection.
    pub at_client: bool,
    /// The file is sent by that client.
    pub by_client: bool,
    /// The file's URL; empty as long as no file was asked for.
    pub url: Vec<u8>,
    pub since_s: u32,
}

/// The announcements of a lane, the oldest first.
#[derive(Debug, Default)]
pub struct Announced {
    list: Vec<Expected>,
}

impl Announced {
    /// Takes note of one. The place of the oldest is taken if there is no other.
    pub fn add(&mut self, expected: Expected) {
        let now_s = expected.since_s;
        let same = |other: &Expected| (other.listener, other.port, other.peer) == (expected.listener, expected.port, expected.peer);
        self.list.retain(|other| now_s.saturating_sub(other.since_s) < EXPECTED_S && !same(other));
        if self.list.len() == EXPECTED {
            self.list.remove(0);
        }
        self.list.push(expected);
    }

    #[inline]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The last one of a control connection.
    pub fn last_of(&mut self, control: u64) -> Option<&mut Expected> {
        self.list.iter_mut().rev().find(|expected| expected.control == control)
    }

    /// Takes out the one that a connection between these ends meets.
    #[inline]
    pub fn take(&mut self, listener: Addr, port: u16, peer: Addr, carrier: Carrier, now_s: u32) -> Option<Expected> {
        if self.list.is_empty() {
            return None;
        }
        let at = self.list.iter().position(|expected| {
            (expected.listener, expected.port, expected.peer, expected.carrier) == (listener, port, peer, carrier)
                && now_s.saturating_sub(expected.since_s) < EXPECTED_S
        })?;
        Some(self.list.remove(at))
    }
}
