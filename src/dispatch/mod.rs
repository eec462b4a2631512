//! A packet finds its worker: direction, conversation, lane.

pub mod batch;
mod entry;
mod payloads;
mod quote;
pub mod ring;

pub use entry::{Door, Doors, ENTRIES_MAX, Entries, mac};
pub use quote::{Quote, quoted};

use crate::addr::Addr;
use crate::attribute::{Home, is_group};
use crate::decode::{Header, Plain, Transport};
use crate::keyed::Keyed;
use batch::bits;

/// Lanes. What has an order (memory) or a bound is kept per lane, never per worker, so that answers don't depend on the number of workers.
/// 64 keep a lane's tables large enough to be fair and are as many workers as one capture can feed.
pub const LANES: usize = 64;

/// Where a packet belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Keyed hash of the conversation, the same for both directions.
    pub conversation: u64,
    /// Keyed hash of the packet's source.
    pub source: u64,
    /// Keyed hash of the packet's target.
    pub target: u64,
    pub lane: u8,
    /// See [`bits`].
    pub bits: u8,
}

/// IPv6 hosts of one /64 share a lane and are one source: a host may take as many addresses of its /64 as it likes (RFC 4291, RFC 8981).
const V6_SITE: u128 = !0 << 64;

/// The address that stands for a source: itself for IPv4, its /64 for IPv6.
#[inline]
pub fn site(addr: Addr) -> Addr {
    if addr.is_v4() { addr } else { Addr(addr.0 & V6_SITE) }
}

/// Finds the lane of packets.
pub struct Dispatch {
    keyed: Keyed,
    home: Home,
}

impl Dispatch {
    pub fn new(keyed: Keyed, home: Home) -> Self {
        Dispatch { keyed, home }
    }

    /// The keyed hash of an address, as [`Place::source`] has it.
    pub fn hash(&self, addr: Addr) -> u64 {
        self.keyed.addr(addr)
    }

    /// Where the packet belongs. All that one foreign host does with home meets in one lane; conversations with no end or both ends at home
    /// go by the pair of hosts. An ICMP error goes where the conversation it quotes goes.
    pub fn place(&self, header: &Header, payload: &[u8]) -> Place {
        match header.transport {
            Transport::Icmp => self.place_icmp(header, payload),
            Transport::Link => self.place_link(header),
            transport => {
                let homes = (self.home.contains(header.source), self.home.contains(header.target));
                self.place_between((header.source, header.target), homes, (header.source_port, header.target_port), transport)
            }
        }
    }

    /// The same for a plain packet.
    #[inline(always)]
    pub fn place_plain(&self, plain: &Plain) -> Place {
        let wire = &plain.wire;
        let (source, target) = (Addr::v4(wire.source()), Addr::v4(wire.target()));
        let homes = self.home.contains_v4(wire.source(), wire.target());
        self.place_between((source, target), homes, (wire.source_port(), wire.target_port()), plain.transport)
    }

    /// Neither which end is home nor anything else is asked in a branch: traffic would make the processor guess it wrong.
    #[inline(always)]
    fn place_between(
        &self,
        (source, target): (Addr, Addr),
        (source_home, target_home): (bool, bool),
        ports: (u16, u16),
        transport: Transport,
    ) -> Place {
        let target_home = target_home | source_home & is_group(target);
        let (source_hash, target_hash) = (self.keyed.addr(source), self.keyed.addr(target));
        let (conversation, source_low) = self.keyed.conversation(source_hash, target_hash, ports, transport as u8);
        // Of the two ends the one that is not home, or both.
        let source_counts = u64::from(!source_home | target_home);
        let target_counts = u64::from(!target_home | source_home);
        let anchor =
            (self.site_hash(source, source_hash) * source_counts).wrapping_add(self.site_hash(target, target_hash) * target_counts);
        let bits = sides(source_home, target_home, source_low);
        Place { conversation, source: source_hash, target: target_hash, lane: lane(anchor), bits }
    }

    /// Of ICMP: an echo's identifier stands for its ports, and an error is about the conversation that it quotes.
    #[cold]
    fn place_icmp(&self, header: &Header, payload: &[u8]) -> Place {
        let id = (header.seq >> 16) as u16;
        let (source, target, ports, transport) = match quoted(header, payload) {
            Some(quote) => (quote.source, quote.target, quote.ports(), quote.transport),
            None => (header.source, header.target, (id, id), Transport::Icmp),
        };
        let (first, second) = (self.keyed.addr(source), self.keyed.addr(target));
        let (conversation, source_low) = self.keyed.conversation(first, second, ports, transport as u8);
        let anchor = match (self.home.contains(source), self.home.contains(target)) {
            (false, true) => self.site_hash(source, first),
            (true, false) => self.site_hash(target, second),
            _ => self.site_hash(source, first).wrapping_add(self.site_hash(target, second)),
        };
        let source_home = self.home.contains(header.source);
        let target_home = self.home.contains(header.target) || source_home && is_group(header.target);
        Place {
            conversation,
            source: self.keyed.addr(header.source),
            target: self.keyed.addr(header.target),
            lane: lane(anchor),
            bits: sides(source_home, target_home, source_low),
        }
    }

    /// Of a frame without IP: it never came from afar, so both ends are home.
    #[cold]
    fn place_link(&self, header: &Header) -> Place {
        let (source, target) = (self.keyed.addr(header.source), self.keyed.addr(header.target));
        let ports = (header.source_port, header.target_port);
        let (conversation, source_low) = self.keyed.conversation(source, target, ports, header.transport as u8);
        Place { conversation, source, target, lane: lane(source.wrapping_add(target)), bits: sides(true, true, source_low) }
    }

    /// The hash of the address that stands for a source, given that of the address itself.
    #[inline]
    fn site_hash(&self, addr: Addr, hash: u64) -> u64 {
        if addr.is_v4() { hash } else { self.keyed.addr(site(addr)) }
    }
}

#[inline]
fn lane(anchor: u64) -> u8 {
    // The low bits choose buckets.
    (anchor >> 32) as u8 & (LANES - 1) as u8
}

#[inline]
fn sides(source_home: bool, target_home: bool, source_low: bool) -> u8 {
    (u8::from(source_home) * bits::SOURCE_HOME) | (u8::from(target_home) * bits::TARGET_HOME) | (u8::from(source_low) * bits::SOURCE_LOW)
}

const _: () = assert!(LANES.is_power_of_two() && LANES <= 256);
