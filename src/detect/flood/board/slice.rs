//! What one victim got by one method in one slice.

use crate::addr::Addr;
use crate::attribute::Direction;
use crate::detect::flood::evidence::Evidence;
use crate::detect::flood::method::{Act, Method};
use crate::detect::flood::record::{Record, Sum};
use crate::settings;
use crate::tally::Distinct;

use super::block;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(super) struct Key {
    /// The flooded host, or the lowest address of its block.
    pub(super) victim: Addr,
    pub(super) method: Method,
    /// The flood goes over a block of addresses.
    pub(super) block: bool,
}

impl Key {
    /// Of a host.
    pub(super) fn of(victim: Addr, method: Method) -> Self {
        Key { victim, method, block: false }
    }

    /// The packets a second from which on such a flood can begin.
    pub(super) fn threshold(&self, limits: &settings::flood) -> u64 {
        if self.block { block::limit(self.method, limits) } else { threshold(self.method, limits) }
    }
}

/// The packets a second from which on a flood of one host by this method can begin.
pub(super) fn threshold(method: Method, limits: &settings::flood) -> u64 {
    match method {
        Method::Syn => limits.syn_unfinished_per_s,
        Method::Udp => limits.udp_per_s,
        Method::Icmp => limits.icmp_per_s,
        Method::Fragment | Method::TcpFragment => limits.fragment_per_s,
        Method::Reflection(_) => limits.amplification_per_s,
        _ => limits.tcp_per_s,
    }
}

/// Cells for the ports of one victim in one slice. Ports that share a cell are added up, which only ever makes the busiest port look busier:
/// by the share of 256 that random ports have.
pub(super) const PORT_CELLS: usize = 256;

/// SYNs less completions by port.
type Ports = [i32; PORT_CELLS];

pub(super) fn port_cell(port: u16) -> usize {
    usize::from(port ^ port >> 8) % PORT_CELLS
}

/// One slice of one victim and method. Thousands of victims may have one, so it is small.
pub(super) struct Slice {
    pub(super) key: Key,
    pub(super) packets: u64,
    pub(super) bytes: u64,
    pub(super) again: u64,
    pub(super) complete: u64,
    /// Only where they decide whether a flood begins.
    pub(super) ports: Option<Box<Ports>>,
    /// Packets by direction: sources at home and abroad may flood one victim, and which packet comes first depends on the workers.
    pub(super) directions: [u64; Direction::COUNT],
    /// The victim's evidence, while a slice is added to it.
    pub(super) evidence: Option<Box<Evidence>>,
    /// Evidence was added to.
    pub(super) decides: bool,
    /// The place of the slice of the victim's block plus one, if it belongs to one.
    pub(super) block: u32,
    /// Of a block: what is known of its services.
    pub(super) services: Option<Box<Services>>,
}

/// The services of a block, as far as single records tell.
#[derive(Default)]
pub(super) struct Services {
    pub(super) distinct: Distinct,
    pub(super) packets: u64,
}

const _: () = assert!(size_of::<Slice>() <= 2 * 64, "looking at a record costs two cache lines");

impl Slice {
    pub(super) fn new(key: Key) -> Self {
        Slice {
            key,
            packets: 0,
            bytes: 0,
            again: 0,
            complete: 0,
            ports: None,
            directions: [0; Direction::COUNT],
            evidence: None,
            decides: false,
            block: 0,
            services: None,
        }
    }

    pub(super) fn add(&mut self, record: &Record) {
        self.directions[record.direction.index()] += 1;
        match record.act {
            Act::Attack => {
                self.packets += 1;
                self.bytes += u64::from(record.bytes);
            }
            Act::Again => {
                self.packets += 1;
                self.bytes += u64::from(record.bytes);
                self.again += 1;
            }
            Act::Complete | Act::Answered => self.complete += 1,
            Act::Disowned => {}
        }
    }

    /// Counts a record by its port, where ports are counted; a fragment that the victim's flood has adopted has none.
    pub(super) fn count_port(&mut self, record: &Record) {
        if let Some(ports) = self.ports.as_mut().filter(|_| record.method == self.key.method) {
            ports[port_cell(record.port)] += match record.act {
                Act::Attack => 1,
                Act::Complete | Act::Answered => -1,
                Act::Again | Act::Disowned => 0,
            };
        }
    }

    pub(super) fn add_sum(&mut self, sum: &Sum) {
        self.directions[sum.direction.index()] += u64::from(sum.packets);
        self.packets += u64::from(sum.packets) + u64::from(sum.again);
        self.again += u64::from(sum.again);
        self.complete += u64::from(sum.complete);
        self.bytes += sum.bytes;
    }

    /// Packets that repeat none.
    pub(super) fn fresh(&self) -> u64 {
        self.packets - self.again
    }

    /// The direction of most packets.
    pub(super) fn direction(&self) -> Direction {
        Direction::ALL
            .into_iter()
            .max_by_key(|direction| (self.directions[direction.index()], std::cmp::Reverse(*direction)))
            .unwrap_or(Direction::External)
    }

    /// SYNs that neither repeat nor completed, over all ports.
    pub(super) fn unfinished(&self) -> i64 {
        self.fresh() as i64 - self.complete as i64
    }

    pub(super) fn unfinished_top_port(&self) -> i64 {
        self.ports.as_ref().and_then(|ports| ports.iter().copied().max()).unwrap_or(0).into()
    }

    pub(super) fn rate(&self, method: Method) -> i64 {
        match method {
            Method::Syn => self.unfinished(),
            _ => self.packets as i64 - self.complete as i64,
        }
    }
}
