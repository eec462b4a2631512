//! Industrial protocols that stand directly in Ethernet frames: GOOSE, sampled values, PROFINET's discovery, EtherCAT.
//!
//! They are never routed, so what is seen of them was sent inside the network that is watched. They repeat themselves up to thousands of
//! times a second: a lane hands over the first message of a kind in a slice as it comes, and the others as one sum.

use crate::addr::Addr;
use crate::attribute::Attribution;
use crate::decode::marks;
use crate::detect::packet::Packet;

use super::memory::{IcsTally, Record, Told};
use super::protocol::{Context, Intent, Message, Role, Sender, Verdict};
use super::{LINK_PROTOCOLS, PROTOCOLS, ethercat};

/// Kinds of messages told apart in one lane and slice. A kind beyond them is handed over message by message.
const KINDS_MAX: usize = 32;

/// The bit of a link-local address that says that its MAC address is one the vendor gave (RFC 4291 section 2.5.1, inverted in the MAC).
const UNIVERSAL: u128 = 0x02 << 56;
/// The bit of a MAC address that makes it a group's (IEEE 802 section 8.2.2), where it stands in [`Addr::of_mac`].
const GROUP: u128 = 0x01 << 56;

/// Whether a station's address is a group's.
pub fn is_group(station: Addr) -> bool {
    station.0 & GROUP != 0
}

/// What makes messages of one kind: the conversation, who sent it, and what it says.
type Kind = (u64, bool, Role, u32);

/// A lane's sums of the open slice.
pub struct LinkMemory {
    sums: Vec<(Kind, Record)>,
}

impl LinkMemory {
    pub fn new() -> Self {
        LinkMemory { sums: Vec::with_capacity(KINDS_MAX) }
    }

    /// Takes note of a frame; what it returns is to be handed over, with what the message disclosed.
    pub fn observe(&mut self, packet: &Packet<'_>) -> Option<(Record, Message)> {
        let header = packet.header;
        let place = LINK_PROTOCOLS.iter().position(|(ether_type, _)| *ether_type == header.target_port)?;
        let context = Context {
            transport: crate::decode::Transport::Other,
            on_port: true,
            sender: Sender::Unknown,
            whole: !header.has(marks::CUT),
            cut: header.has(marks::CUT),
            fresh: false,
            memory: 0,
        };
        let (ether_type, protocol) = LINK_PROTOCOLS[place];
        let Verdict::Message(message) = (protocol.parse)(packet.payload, &context) else { return None };
        let kind = (packet.conversation, packet.source_low, message.role, message.function.code);
        if let Some((_, sum)) = self.sums.iter_mut().find(|(known, _)| *known == kind) {
            sum.time_ns = packet.time_ns;
            sum.packets += 1;
            sum.messages += 1;
            sum.bytes = sum.bytes.saturating_add(packet.wire_bytes);
            return None;
        }
        let is_answer = message.role == Role::Answer;
        // An EtherCAT frame comes back to its master, with the address marked as changed on the way; nobody answers in their own name. And
        // what a station tells a group unasked answers nobody.
        let (client, server, told) = match (is_answer, ether_type == ethercat::ETHERTYPE) {
            (true, true) => (Addr(header.source.0 | UNIVERSAL), header.target, Told::Answer),
            (true, false) if !is_group(header.target) => (header.target, header.source, Told::Answer),
            _ => (header.source, header.target, Told::Request),
        };
        let record = Record {
            client,
            server,
            time_ns: packet.time_ns,
            packets: 1,
            bytes: packet.wire_bytes,
            messages: 1,
            port: header.target_port,
            transport: header.transport,
            told,
            index: (PROTOCOLS.len() + place) as u8,
            protocol: message.protocol,
            intent: if is_answer { Intent::Identify } else { message.intent },
            function: message.function,
            error: message.error,
            sufficient: true,
            first: false,
            contacts: 0,
            client_country: packet.seen.source_country,
            direction: packet.direction,
            attribution: Attribution::Unknown,
            disclosures: (0, 0),
            claimed: None,
        };
        if self.sums.len() < KINDS_MAX {
            self.sums.push((kind, Record { packets: 0, bytes: 0, messages: 0, ..record }));
        }
        Some((record, message))
    }

    /// The slice ends: the sums are handed over.
    pub fn seal(&mut self, lane: u8, tally: &mut IcsTally) {
        for (_, sum) in self.sums.drain(..) {
            if sum.packets > 0 {
                tally.records.push(lane, sum);
            }
        }
    }
}
