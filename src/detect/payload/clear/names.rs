//! DNS: datagrams, which are told without a place among the conversations that are read, and streams.

use crate::detect::packet::Packet;
use crate::protocol::carried::Ends;
use crate::protocol::dns::{self, INTERNET, Message};
use crate::stream::Chain;

use super::super::listener::Listener;
use super::super::reader::alone;
use super::super::web::{Goes, Room};

/// Ports of what looks like DNS and asks only the local network: NetBIOS (RFC 1002), mDNS (RFC 6762), LLMNR (RFC 4795).
const LOCAL: [u16; 3] = [137, 5353, 5355];
/// Bytes of a message over TCP that are kept while it is incomplete.
const KEPT_BYTES_MAX: usize = 16 << 10;

/// Whether a message asks or answers something about a name of the Internet. Answers repeat the question (RFC 1035 section 4.1.2).
pub fn is_asked(bytes: &[u8]) -> bool {
    let question = Message::read(bytes).and_then(|message| message.question());
    question.is_some_and(|question| question.class == INTERNET && question.name.wire_bytes().is_some())
}

/// The message in a datagram, and between whom it passes; nothing if it is no DNS.
#[inline]
pub fn datagram<'a>(packet: &Packet<'a>) -> Option<(Message<'a>, Ends)> {
    let header = packet.header;
    let message = Message::read(packet.payload)?;
    if LOCAL.iter().any(|port| [header.source_port, header.target_port].contains(port)) || !is_asked(packet.payload) {
        return None;
    }
    let ends = alone(packet, !message.is_response);
    Some((message, ends))
}

/// DNS over TCP.
#[derive(Debug, Default)]
pub struct Stream {
    pub client_low: bool,
    /// By whether the client sent it: a message as far as it came, with its length.
    kept: [Chain; 2],
}

impl Stream {
    pub fn new(client_low: bool) -> Self {
        Stream { client_low, ..Stream::default() }
    }

    pub fn bytes<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, bytes: &[u8]) -> Goes {
        let kept = &mut self.kept[usize::from(by_client)];
        let Room { blocks, scratch, listener, tally, ends, readings, .. } = room;
        let mut left = bytes;
        if !kept.is_empty() {
            scratch.clear();
            blocks.copy(kept, scratch);
            scratch.extend_from_slice(bytes);
            blocks.free(kept);
            left = scratch;
        }
        while let Some((message, rest)) = dns::frame(left) {
            left = rest;
            match Message::read(message).filter(|_| is_asked(message)) {
                Some(message) => listener.dns(tally, ends, &message),
                None => return Goes::Over,
            }
        }
        if left.len() > KEPT_BYTES_MAX || blocks.append(kept, left) < left.len() {
            readings.over_budget += 1;
            return Goes::Over;
        }
        Goes::On
    }

    pub fn finish<L: Listener>(&mut self, room: &mut Room<'_, L>) {
        self.kept.iter_mut().for_each(|kept| room.blocks.free(kept));
    }
}
