//! TLS in a conversation: what both sides say before they encrypt.

use crate::protocol::tls::{self, Handshakes, Progress};

use super::listener::Listener;
use super::web::{Goes, Room};

/// Bytes of messages in pieces that one lane keeps: 8 MiB in all. A certificate has some kilobytes, and most come in pieces.
const HELD_BYTES_MAX: usize = 128 * 1024;

/// The state of one conversation.
#[derive(Debug)]
pub struct Secure {
    pub client_low: bool,
    /// By whether the side is the client's; `None` once nothing more of it is looked at.
    sides: [Option<Box<Handshakes>>; 2],
    held: usize,
}

/// Whether a side that begins so speaks TLS, and whether it is the client's.
pub fn begins(bytes: &[u8]) -> Option<bool> {
    const CLIENT_HELLO: u8 = 1;
    match tls::begins(bytes) {
        Some(true) => Some(bytes.get(5) == Some(&CLIENT_HELLO)),
        // Too few bytes to say: whoever speaks first is the client.
        None if bytes.len() > 1 => Some(true),
        _ => None,
    }
}

impl Secure {
    pub fn new(client_low: bool) -> Self {
        Secure { client_low, sides: [Some(Box::default()), Some(Box::default())], held: 0 }
    }

    /// Takes a side's next bytes.
    pub fn bytes<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, bytes: &[u8]) -> Goes {
        if let Some(side) = &mut self.sides[usize::from(by_client)] {
            let progress = side.push(bytes, |message| room.listener.tls(room.tally, room.ends, &message, by_client));
            if progress != Progress::More {
                self.sides[usize::from(by_client)] = None;
            }
        }
        self.account(room)
    }

    /// Some of a side is missing: what follows cannot be told from what was begun.
    pub fn missing<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool) -> Goes {
        self.sides[usize::from(by_client)] = None;
        self.account(room)
    }

    /// Keeps the lane's account of bytes that are held.
    fn account<L: Listener>(&mut self, room: &mut Room<'_, L>) -> Goes {
        let held: usize = self.sides.iter().flatten().map(|side| side.held_bytes()).sum();
        *room.held_secure = *room.held_secure + held - self.held;
        self.held = held;
        if *room.held_secure > HELD_BYTES_MAX {
            room.readings.over_budget += 1;
            return Goes::Over;
        }
        if self.sides.iter().all(Option::is_none) { Goes::Over } else { Goes::On }
    }

    /// Gives back what it keeps.
    pub fn finish<L: Listener>(&mut self, room: &mut Room<'_, L>) {
        self.sides = [None, None];
        self.account(room);
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Lab, Wants, told};
    use crate::protocol::tls::samples::{client_hello, records, server_hello, server_name};

    fn streams() -> (Vec<u8>, Vec<u8>) {
        (records(&client_hello(0x0303, &[0x1301], &[server_name("a.example")]), 100), records(&server_hello(0x0303, 0x1301, &[]), 100))
    }

    #[test]
    fn hellos_are_told_whatever_the_segments() {
        let (client, server) = streams();
        for bytes in [2, 7, 1000] {
            assert_eq!(told(Wants::All, &client, &server, bytes), ["hello to a.example by client true", "server hello by client false"]);
        }
    }

    #[test]
    fn handshakes_that_never_end_are_bounded() {
        let (client, _) = streams();
        let mut lab = Lab::new(Wants::All);
        lab.segment(true, 0, &client[..client.len() - 1], 0);
        lab.segment(true, client.len(), b"behind a hole", 0);
        assert_eq!(lab.finish().0, [""; 0]);
    }
}
