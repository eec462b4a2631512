//! By what packets a flood is made.

use crate::decode::{Header, Transport, flags};
use crate::detect::conversation::Step;
use crate::detect::packet::Packet;

use super::reflector::{REFLECTORS, reflector};

/// How a victim is flooded.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Hash)]
#[repr(u8)]
pub enum Method {
    Syn,
    SynAck,
    Ack,
    Rst,
    Fin,
    Null,
    Xmas,
    Udp,
    Icmp,
    /// Later fragments of datagrams.
    Fragment,
    /// Later fragments of TCP segments.
    TcpFragment,
    /// Answers of reflectors: an index into [`REFLECTORS`].
    Reflection(u8),
}

impl Method {
    /// A number for hashing.
    pub fn code(self) -> u64 {
        match self {
            Method::Syn => 0,
            Method::SynAck => 1,
            Method::Ack => 2,
            Method::Rst => 3,
            Method::Fin => 4,
            Method::Null => 5,
            Method::Xmas => 6,
            Method::Udp => 7,
            Method::Icmp => 8,
            Method::Fragment => 9,
            Method::TcpFragment => 10,
            Method::Reflection(index) => 16 + u64::from(index),
        }
    }

    /// The name as it stands in records.
    pub fn name(self) -> &'static str {
        match self {
            Method::Syn => "syn",
            Method::SynAck => "synack",
            Method::Ack => "ack",
            Method::Rst => "rst",
            Method::Fin => "fin",
            Method::Null => "null",
            Method::Xmas => "xmas",
            Method::Udp | Method::Reflection(_) => "udp",
            Method::Icmp => "icmp",
            Method::Fragment | Method::TcpFragment => "fragment",
        }
    }

    /// The kind of event that a flood by this method is.
    pub fn kind(self) -> &'static str {
        match self {
            Method::Syn => "syn_flood",
            Method::Udp | Method::Fragment => "udp_flood",
            Method::Icmp => "icmp_flood",
            Method::Reflection(_) => "amplification",
            _ => "tcp_flood",
        }
    }

    /// The transport as ECS names it.
    pub fn transport(self) -> &'static str {
        match self {
            Method::Udp | Method::Reflection(_) | Method::Fragment => "udp",
            Method::Icmp => "icmp",
            _ => "tcp",
        }
    }

    /// Whether whole packets by this method can be what a victim's later fragments belong to.
    pub fn has_fragments(self, fragment: Method) -> bool {
        match fragment {
            Method::Fragment => matches!(self, Method::Udp | Method::Reflection(_)),
            Method::TcpFragment => self.transport() == "tcp" && self != Method::TcpFragment,
            _ => false,
        }
    }

    /// The abused protocol of a reflection.
    pub fn reflector_protocol(self) -> Option<&'static str> {
        match self {
            Method::Reflection(index) => REFLECTORS.get(usize::from(index)).map(|reflector| reflector.name),
            _ => None,
        }
    }
}

/// What one packet says about a flood.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Act {
    /// One packet of the kind that floods are made of.
    Attack,
    /// A SYN that repeats an earlier one, as real stacks do.
    Again,
    /// A handshake that completed.
    Complete,
    /// A datagram that was answered.
    Answered,
    /// The "client" resets the SYN+ACK: its address lives and did not send the SYN.
    Disowned,
}

/// The method and act of a packet, or nothing if no flood could be made of it.
#[inline]
pub fn classify(packet: &Packet<'_>) -> Option<(Method, Act)> {
    let header = packet.header;
    match packet.seen.step {
        Step::Syn => Some((Method::Syn, Act::Attack)),
        Step::SynAgain => Some((Method::Syn, Act::Again)),
        Step::Completed | Step::CompletedUnseen => Some((Method::Syn, Act::Complete)),
        Step::Aborted => Some((Method::Syn, Act::Disowned)),
        Step::Stray => Some((stray(header), Act::Attack)),
        Step::First | Step::More if header.transport == Transport::Udp => {
            Some((reflector(header.source_port).map_or(Method::Udp, Method::Reflection), Act::Attack))
        }
        // An answer of the host that was called: what it answers is no flood to it.
        Step::Answer if header.transport == Transport::Udp && !packet.seen.by_opener() => Some((Method::Udp, Act::Answered)),
        // Pings have one method, in fragments or whole.
        Step::Fragment => Some(match header.transport {
            Transport::Icmp => (Method::Icmp, Act::Attack),
            Transport::Tcp => (Method::TcpFragment, Act::Attack),
            _ => (Method::Fragment, Act::Attack),
        }),
        // Whoever is pinged to death answers every ping, so answers don't excuse an echo request.
        _ if header.transport == Transport::Icmp && (packet.seen.by_opener() || packet.seen.step == Step::Unasked) => {
            Some((Method::Icmp, Act::Attack))
        }
        _ => None,
    }
}

/// The name of the method that a segment's flags belong to, as far as they tell: a SYN, or a segment without a connection.
pub fn flags_method(header: &Header) -> &'static str {
    if header.tcp_flags & (flags::SYN | flags::ACK | flags::RST) == flags::SYN { Method::Syn.name() } else { stray(header).name() }
}

/// The reflector protocol of a source port, as records name it.
pub fn reflector_name(source_port: u16) -> Option<&'static str> {
    reflector(source_port).and_then(|index| Method::Reflection(index).reflector_protocol())
}

/// The method of a segment without a connection, by its flags.
fn stray(header: &Header) -> Method {
    use flags::{ACK, FIN, PSH, RST, SYN, URG};
    match header.tcp_flags & (FIN | SYN | RST | PSH | ACK | URG) {
        0 => Method::Null,
        set if set & SYN != 0 => Method::SynAck,
        set if set & RST != 0 => Method::Rst,
        set if set & (FIN | PSH | URG) == FIN | PSH | URG => Method::Xmas,
        set if set & FIN != 0 => Method::Fin,
        _ => Method::Ack,
    }
}
