//! A packet finds its worker: direction, conversation, lane.

pub mod batch;
mod quote;
pub mod ring;

pub use quote::{Quote, quoted};

use crate::addr::Addr;
use crate::attribute::{Home, is_group};
use crate::decode::{Header, Transport, marks};
use crate::keyed::Keyed;
use batch::bits;

/// Lanes. What has an order (memory) or a bound is kept per lane, never per worker, so that answers don't depend on the number of workers.
/// 64 keep a lane's tables large enough to be fair and are as many workers as one capture thread can feed.
pub const LANES: usize = 64;

/// Where a packet belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Keyed hash of the conversation, the same for both directions.
    pub conversation: u64,
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

    /// Where the packet belongs. All that one foreign host does with home meets in one lane; conversations with no end or both ends at home
    /// go by the pair of hosts. An ICMP error goes where the conversation it quotes goes.
    #[inline]
    pub fn place(&self, header: &Header, payload: &[u8]) -> Place {
        let source_home = self.home.contains(header.source);
        let target_home = self.home.contains(header.target) || source_home && is_group(header.target);
        let sides = u8::from(source_home) * bits::SOURCE_HOME | u8::from(target_home) * bits::TARGET_HOME;
        let ports = match header.transport {
            _ if header.has(marks::LATER_FRAGMENT) => (0, 0),
            Transport::Tcp | Transport::Udp | Transport::Sctp => (header.source_port, header.target_port),
            Transport::Icmp => {
                if let Some(quote) = quoted(header, payload) {
                    let ends = Ends { source: quote.source, target: quote.target, ports: quote.ports(), transport: quote.transport };
                    return self.place_ends(&ends, (self.home.contains(quote.source), self.home.contains(quote.target)), sides);
                }
                ((header.seq >> 16) as u16, (header.seq >> 16) as u16)
            }
            Transport::Other => (0, 0),
        };
        let ends = Ends { source: header.source, target: header.target, ports, transport: header.transport };
        self.place_ends(&ends, (source_home, target_home), sides)
    }

    #[inline]
    fn place_ends(&self, ends: &Ends, home: (bool, bool), sides: u8) -> Place {
        let &Ends { source, target, ports, transport } = ends;
        let source_low = (source, ports.0) <= (target, ports.1);
        let (low, high) = if source_low { (source, target) } else { (target, source) };
        let (low_port, high_port) = if source_low { ports } else { (ports.1, ports.0) };
        let narrow = u64::from(low_port) << 32 | u64::from(high_port) << 16 | transport as u64;
        let anchor = match home {
            (false, true) => self.keyed.addr(site(source)),
            (true, false) => self.keyed.addr(site(target)),
            _ => self.keyed.pair(site(source.min(target)), site(source.max(target)), 0),
        };
        Place {
            conversation: self.keyed.pair(low, high, narrow),
            lane: (anchor >> 32) as u8 & (LANES - 1) as u8,
            bits: sides | if source_low { bits::SOURCE_LOW } else { 0 },
        }
    }
}

/// The two ends of a conversation as one packet has them.
struct Ends {
    source: Addr,
    target: Addr,
    ports: (u16, u16),
    transport: Transport,
}

const _: () = assert!(LANES.is_power_of_two() && LANES <= 256);
