//! Floods that go over a block of addresses, so that no host gets enough of it to be flooded by itself ("carpet bombing").
//!
//! A block is a /24 of IPv4 and a /64 of IPv6: the smallest networks that are announced and assigned (RFC 7454 section 6.1.3, RFC 6177).

use std::collections::BTreeMap;

use crate::addr::Addr;
use crate::conclude::{Conclusions, SLICE_NS};
use crate::detect::flood::method::{Act, Method};
use crate::detect::flood::record::FloodTally;
use crate::keyed::Keyed;
use crate::settings;

use super::slice::{Key, Slice, threshold};
use super::watch::ANY_PORT_SOURCES;
use super::{FloodBoard, Worthy};

/// How many times as much as one host a block must get. Chosen: four flooded hosts' worth.
const BLOCK_TIMES: u64 = 4;
/// The same of SYNs, of which a host bears few: a block has clients whose servers are down, and scanners.
const BLOCK_SYNS_TIMES: u64 = 20;
/// Packets per service in one second up to which they may be a scanner's: it asks once, and once more.
const ASKED_MAX: u64 = 2;
/// Bytes per frame from which on datagrams over many ports are no scanner's: nearly all probes of nmap's list are shorter (`nmap-payloads`), and
/// longer ones, such as QUIC's first packets, go to a port or two.
const PROBE_BYTES_MAX: u64 = 300;
/// Hosts that must share it: fewer are told one by one, as soon as one gets enough.
const HOSTS_MIN: u64 = 8;
/// Share of the threshold from which on a block is looked at: the slice in which a flood begins is seldom whole.
const LOOK_SHARE: u64 = 4;
/// Bits of an address that tell hosts of a block apart.
const HOST_BITS_V4: u32 = 8;
const HOST_BITS_V6: u32 = 64;

/// The lowest address of a host's block.
fn lowest(host: Addr) -> Addr {
    let bits = if host.is_v4() { HOST_BITS_V4 } else { HOST_BITS_V6 };
    Addr(host.0 >> bits << bits)
}

/// A block as networks are written.
pub fn network(lowest: Addr) -> String {
    format!("{lowest}/{}", if lowest.is_v4() { 32 - HOST_BITS_V4 } else { 128 - HOST_BITS_V6 })
}

/// The packets a second from which on a flood of a block by this method can begin.
pub fn limit(method: Method, limits: &settings::flood) -> u64 {
    let times = if method == Method::Syn { BLOCK_SYNS_TIMES } else { BLOCK_TIMES };
    threshold(method, limits).saturating_mul(times)
}

/// What a block got in one slice.
#[derive(Default)]
struct Sum {
    rate: i64,
    hosts: u64,
    /// The place of its slice plus one.
    place: u32,
}

impl FloodBoard {
    /// The block of a slice's victim, unless the victim is flooded by itself.
    fn block_of(&self, slice: &Slice, limits: &settings::flood) -> Option<Key> {
        let Key { victim, method, .. } = slice.key;
        let rate = slice.rate(method);
        let alone = rate >= threshold(method, limits) as i64 || self.watches.get(&slice.key).is_some_and(|watch| watch.open.is_some());
        let whole = !matches!(method, Method::Fragment | Method::TcpFragment);
        (rate > 0 && whole && !alone).then(|| Key { victim: lowest(victim), method, block: true })
    }

    /// Adds up what hosts of one block got, none of which is flooded by itself.
    pub(super) fn gather_blocks(&mut self, limits: &settings::flood) {
        let hosts = self.slices.len();
        let keys: Vec<Option<Key>> = self.slices.iter().map(|slice| self.block_of(slice, limits)).collect();
        let mut blocks: BTreeMap<Key, Sum> = BTreeMap::new();
        for (slice, key) in self.slices.iter().zip(&keys) {
            if let Some(key) = *key {
                let sum = blocks.entry(key).or_default();
                sum.rate += slice.rate(key.method);
                sum.hosts += 1;
            }
        }
        blocks.retain(|key, sum| {
            let much = LOOK_SHARE * sum.rate as u64 >= key.threshold(limits) && sum.hosts >= HOSTS_MIN;
            much || self.watches.get(key).is_some_and(|watch| watch.open.is_some())
        });
        if blocks.is_empty() {
            return;
        }
        for (place, key) in keys.into_iter().enumerate() {
            let Some(key) = key else { continue };
            let Some(sum) = blocks.get_mut(&key) else { continue };
            if sum.place == 0 {
                self.slices.push(Slice { services: Some(Box::default()), ..Slice::new(key) });
                sum.place = self.slices.len() as u32;
            }
            let (own, blocks) = self.slices.split_at_mut(hosts);
            own[place].block = sum.place;
            blocks[sum.place as usize - 1 - hosts].add_host(&own[place]);
        }
    }

    /// Tells the other detectors who is under flood.
    pub(super) fn tell_flooded(&self, out: &mut Conclusions<'_>) {
        let mut tell = |victim: Addr, since_ns: u64| {
            let since = out.flooded.entry(victim).or_insert(since_ns);
            *since = since_ns.min(*since);
        };
        let slices = out.settings.flood.slices as u32;
        for (key, watch) in &self.watches {
            let (Some(open), Some(evidence)) = (&watch.open, &watch.evidence) else { continue };
            // What a scan left behind may stand before the flood in the evidence.
            let since_ns = evidence.first_ns.max(u64::from(open.noticed_s.saturating_sub(slices)) * SLICE_NS);
            if !key.block {
                tell(key.victim, since_ns);
                continue;
            }
            if key.victim.is_v4() {
                (0..1 << HOST_BITS_V4).for_each(|host| tell(Addr(key.victim.0 | host), since_ns));
            }
            let hosts = self.slices.iter().map(|slice| slice.key.victim).filter(|&victim| lowest(victim) == key.victim);
            hosts.for_each(|host| tell(host, since_ns));
        }
    }
}

/// The slice of the block that a record's victim belongs to.
fn block_at(slices: &mut [Slice], place: u32) -> Option<&mut Slice> {
    let block = slices[place as usize].block as usize;
    slices.get_mut(block.checked_sub(1)?)
}

/// Adds a record to the evidence of its victim's block.
pub fn collect(slices: &mut [Slice], keyed: &Keyed, tally: &FloodTally, worthy: &Worthy) {
    let Some(block) = block_at(slices, worthy.place) else { return };
    if let Some(evidence) = &mut block.evidence
        && let Some(record) = tally.part(worthy.part as usize).and_then(|part| part.records.get(worthy.number as usize))
    {
        evidence.add(record);
        if let Some(services) = block.services.as_mut().filter(|_| record.act == Act::Attack) {
            services.distinct.add(keyed.words(record.victim.0, record.port.into()));
            services.packets += 1;
        }
    }
}

/// The same of a sum.
pub fn collect_sum(slices: &mut [Slice], tally: &FloodTally, worthy: &Worthy) {
    let Some(block) = block_at(slices, worthy.place) else { return };
    if let Some(evidence) = &mut block.evidence
        && let Some(sum) = tally.part(worthy.part as usize).and_then(|part| part.sums.get(worthy.number as usize))
    {
        evidence.add_sum(sum);
    }
}

impl Slice {
    /// Adds what a host of the block got.
    fn add_host(&mut self, host: &Slice) {
        self.packets += host.packets;
        self.bytes += host.bytes;
        self.again += host.again;
        self.complete += host.complete;
        for (mine, theirs) in self.directions.iter_mut().zip(host.directions) {
            *mine += theirs;
        }
    }

    /// Whether what goes over a block is a flood and no scan of it, nor the traffic of its clients: a scanner asks each service once
    /// or twice, and of a rush of clients most are served. One host's slice always is.
    pub(super) fn is_spread(&self, sources: u64, limits: &settings::flood) -> bool {
        let Some(services) = &self.services else { return true };
        let unserved = self.rate(self.key.method) * 100 >= self.fresh() as i64 * limits.syn_unfinished_percent as i64;
        let datagrams = matches!(self.key.method, Method::Udp | Method::Reflection(_));
        let large = datagrams && self.bytes > PROBE_BYTES_MAX * self.packets;
        unserved && (sources >= ANY_PORT_SOURCES || large || services.packets > ASKED_MAX * services.distinct.count())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn large_answers_over_a_block_are_no_scan() {
        let is_spread = |bytes: u64| {
            let key = Key { victim: Addr::v4(0xcb00_7100), method: Method::Reflection(0), block: true };
            let mut slice = Slice { packets: 1000, bytes: 1000 * bytes, services: Some(Box::default()), ..Slice::new(key) };
            let services = slice.services.as_mut().unwrap();
            (0..1000).for_each(|service| services.distinct.add(Keyed::fixed().words(service, 0)));
            services.packets = 1000;
            slice.is_spread(60, &settings::flood::default())
        };
        assert!(is_spread(1200));
        assert!(!is_spread(60), "a scanner from port 53");
    }

    #[test]
    fn hosts_share_a_block() {
        assert_eq!(network(lowest(Addr::v4(0xcb00_71fe))), "203.0.113.0/24");
        assert_eq!(lowest(Addr::v4(0xcb00_71fe)), lowest(Addr::v4(0xcb00_7101)));
        assert_ne!(lowest(Addr::v4(0xcb00_71fe)), lowest(Addr::v4(0xcb00_70fe)));
        let host: Addr = "2001:db8:1:2::99".parse().unwrap();
        assert_eq!(network(lowest(host)), "2001:db8:1:2::/64");
    }
}
