//! Who reads a conversation, and between whom it is.

use crate::addr::Addr;
use crate::attribute::{Country, Direction};
use crate::detect::packet::Packet;
use crate::protocol::carried::Ends;
use crate::protocol::http::head;

use super::clear::Clear;
use super::flow::Flow;
use super::listener::Listener;
use super::secure::{self, Secure};
use super::unknown::Unknown;
use super::web::{Room, Web};

/// One end of a conversation.
#[derive(Clone, Copy, Debug)]
pub struct End {
    pub addr: Addr,
    pub port: u16,
    pub country: Country,
}

/// Between whom a conversation is.
#[derive(Clone, Copy, Debug)]
pub struct Talk {
    pub conversation: u64,
    /// Whoever opened it is the lower end.
    pub opener_low: bool,
    /// From the higher to the lower end.
    direction_to_low: Direction,
    pub datagrams: bool,
    /// The slice in which its first bytes came.
    pub since_s: u32,
    /// By whether the end is the lower one.
    pub sides: [End; 2],
}

impl Talk {
    /// Of a packet of the conversation.
    pub fn new(flow: &Flow, packet: &Packet<'_>) -> Self {
        let (source, target) = ends_of(packet);
        Talk {
            conversation: flow.conversation,
            opener_low: flow.opener_low,
            direction_to_low: if packet.source_low { packet.direction.reversed() } else { packet.direction },
            datagrams: flow.datagrams,
            since_s: packet.now_s,
            sides: if packet.source_low { [target, source] } else { [source, target] },
        }
    }

    /// The two ends, where the client is the lower end or not, and how far it has come.
    pub fn ends(&self, flow: &Flow, client_low: bool) -> Ends {
        let direction = if client_low { self.direction_to_low.reversed() } else { self.direction_to_low };
        let (client, server) = (&self.sides[usize::from(client_low)], &self.sides[usize::from(!client_low)]);
        flow.fill(between(client, server, direction, self.conversation), client_low)
    }
}

fn ends_of(packet: &Packet<'_>) -> (End, End) {
    let (header, seen) = (packet.header, &packet.seen);
    let source = End { addr: header.source, port: header.source_port, country: seen.source_country };
    (source, End { addr: header.target, port: header.target_port, country: seen.target_country })
}

fn between(client: &End, server: &End, direction: Direction, conversation: u64) -> Ends {
    Ends {
        client: client.addr,
        server: server.addr,
        client_port: client.port,
        server_port: server.port,
        client_country: client.country,
        server_country: server.country,
        direction,
        client_proved: false,
        server_proved: false,
        conversation,
        start_ns: 0,
        now_ns: 0,
        packets: 0,
        bytes: 0,
    }
}

/// The ends of a packet that says all there is to say.
pub fn alone(packet: &Packet<'_>, by_client: bool) -> Ends {
    let (source, target) = ends_of(packet);
    let proved = packet.seen.source_proved();
    let (client, server, direction) =
        if by_client { (source, target, packet.direction) } else { (target, source, packet.direction.reversed()) };
    Ends {
        client_proved: by_client && proved,
        server_proved: !by_client && proved,
        start_ns: packet.time_ns,
        now_ns: packet.time_ns,
        packets: 1,
        bytes: u64::from(packet.wire_bytes),
        ..between(&client, &server, direction, packet.conversation)
    }
}

/// Who reads what a conversation carries.
#[derive(Debug, Default)]
pub enum Reader {
    /// Nothing was seen yet: the first bytes are missing.
    #[default]
    Undecided,
    /// None of the protocols that have a reader.
    Unknown(Unknown),
    Web(Web),
    Secure(Secure),
    /// Another protocol in clear text.
    Clear(Clear),
}

impl Reader {
    /// Who reads a conversation whose side `low` begins with these bytes.
    pub fn decide<L: Listener>(room: &mut Room<'_, L>, talk: &Talk, low: bool, bytes: &[u8]) -> Reader {
        if talk.datagrams {
            Clear::decide(room, talk, low, bytes).map_or_else(|| Reader::Unknown(Unknown::default()), Reader::Clear)
        } else if let Some(clear) = Clear::announced(room, talk) {
            Reader::Clear(clear)
        } else if head::begins_message(bytes, true) {
            Reader::Web(Web::new(low))
        } else if head::begins_message(bytes, false) {
            Reader::Web(Web::new(!low))
        } else if let Some(by_client) = secure::begins(bytes) {
            Reader::Secure(Secure::new(low == by_client))
        } else {
            Clear::decide(room, talk, low, bytes).map_or_else(|| Reader::Unknown(Unknown::default()), Reader::Clear)
        }
    }

    /// Whether the client is the lower end.
    pub fn client_low(&self, talk: &Talk) -> bool {
        match self {
            Reader::Web(web) => web.client_low,
            Reader::Secure(secure) => secure.client_low,
            Reader::Clear(clear) => clear.client_low(talk),
            Reader::Undecided | Reader::Unknown(_) => talk.opener_low,
        }
    }

    /// The conversation is over, or nobody reads on.
    pub fn finish<L: Listener>(self, room: &mut Room<'_, L>) {
        match self {
            Reader::Web(mut web) => web.finish(room),
            Reader::Secure(mut secure) => secure.finish(room),
            Reader::Clear(clear) => clear.finish(room),
            Reader::Unknown(mut unknown) => unknown.drop_all(room.blocks),
            Reader::Undecided => {}
        }
    }
}
