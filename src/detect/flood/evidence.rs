//! What is known of one flood: sums that are exact, and a fair sample of its sources.

use std::collections::{BTreeMap, HashMap};

use crate::addr::Addr;
use crate::attribute::{Attribution, Country, Direction};

use super::method::Act;
use super::record::{Record, Sum, signs};

/// Share of copies in a capture that shows each packet twice: half, but for those that it lost.
const DOUBLED_PERCENT: std::ops::RangeInclusive<u64> = 40..=55;

/// Sources in the sample: those with the smallest keyed hashes, which is a uniform sample of the distinct sources. 4,096 give the number of
/// distinct sources to 1.6 % (1 / sqrt(k - 2): Beyer and others, SIGMOD 2007).
pub const SAMPLE_MAX: usize = 4096;

/// Nanoseconds within which a source's next packet may be a copy of its last: a switch that mirrors a packet where it comes in and where it goes
/// out shows it twice within its own delay, which is microseconds. A stack waits for 200 ms at least before it repeats a SYN (Linux's
/// `TCP_RTO_MIN`), and much longer as it does not know the way yet (RFC 6298 section 2.1: a second).
const COPY_NS: u64 = 200_000;

/// Ports that are counted beside the map, by their low bits.
const RUNS: usize = 8;

/// What is known of one source in the sample. Exact: whoever is in the sample was in it from its first packet on.
#[derive(Clone, Copy, Debug)]
pub struct Source {
    pub addr: Addr,
    pub country: Country,
    pub attribution: Attribution,
    pub packets: u64,
    pub bytes: u64,
    pub again: u32,
    pub complete: u32,
    /// Packets that came so soon behind one of their size to the same port that they may be copies of it.
    pub copies: u32,
    pub last_ns: u64,
    pub last: (u32, u16),
    pub ttl: u8,
    pub ttl_varies: bool,
    /// The least number of the points of entry that it came through: one source counts in one row.
    pub entry: u8,
}

/// Packets and bytes of one country.
#[derive(Clone, Copy, Default, Debug)]
pub struct ByCountry {
    pub packets: u64,
    pub bytes: u64,
    /// Of these, what earlier windows' rows already have.
    pub counted_packets: u64,
    pub counted_bytes: u64,
}

impl ByCountry {
    fn add(&mut self, packets: u64, bytes: u64) {
        self.packets += packets;
        self.bytes += bytes;
    }

    /// What earlier windows' rows don't have yet; from now on they have it.
    pub fn take(&mut self) -> (u64, u64) {
        let since = (self.packets - self.counted_packets, self.bytes - self.counted_bytes);
        (self.counted_packets, self.counted_bytes) = (self.packets, self.bytes);
        since
    }
}

/// The sums and the sample.
#[derive(Clone, Debug)]
pub struct Evidence {
    pub first_ns: u64,
    pub last_ns: u64,
    pub packets: u64,
    pub bytes: u64,
    pub again: u64,
    pub complete: u64,
    pub disowned: u64,
    pub marked: u64,
    pub serial: u64,
    /// Attack packets of which single records were seen; the rest are in the sums only.
    pub recorded: u64,
    /// By [`Country::index`]; reserved addresses apart.
    pub countries: Vec<ByCountry>,
    pub reserved: ByCountry,
    /// Every port: there are 65,536 at most, and a bound would keep whichever came first.
    pub ports: HashMap<u16, u64, foldhash::fast::FixedState>,
    /// Packets of some ports that are not yet in `ports`: floods have few ports, and mostly one.
    runs: [(u16, u64); RUNS],
    /// By the number of the point of entry and whether the source is reserved; without what came through none that has a name.
    pub entries: BTreeMap<(u8, bool), ByCountry>,
    pub ttls: [u64; 4],
    pub sample: HashMap<u64, Source, foldhash::fast::FixedState>,
    /// Hashes from here on are not sampled.
    pub threshold: u64,
}

impl Default for Evidence {
    fn default() -> Self {
        Evidence {
            first_ns: u64::MAX,
            last_ns: 0,
            packets: 0,
            bytes: 0,
            again: 0,
            complete: 0,
            disowned: 0,
            marked: 0,
            serial: 0,
            recorded: 0,
            countries: vec![ByCountry::default(); Country::COUNT],
            reserved: ByCountry::default(),
            ports: HashMap::default(),
            runs: [(0, 0); RUNS],
            entries: BTreeMap::new(),
            ttls: [0; 4],
            sample: HashMap::default(),
            threshold: u64::MAX,
        }
    }
}

impl Evidence {
    /// Adds one packet.
    pub fn add(&mut self, record: &Record) {
        let attack = u64::from(record.act == Act::Attack);
        let again = u64::from(record.act == Act::Again);
        if attack + again > 0 {
            self.first_ns = self.first_ns.min(record.time_ns);
            self.last_ns = self.last_ns.max(record.time_ns);
            self.packets += 1;
            self.bytes += u64::from(record.bytes);
            let reserved = record.attribution == Attribution::Reserved;
            let country = if reserved { &mut self.reserved } else { &mut self.countries[record.country.index()] };
            country.add(1, u64::from(record.bytes));
            self.count_port(record.port, 1);
            if record.entry != 0 {
                self.entries.entry((record.entry, reserved)).or_default().add(1, u64::from(record.bytes));
            }
            self.ttls[usize::from(record.ttl) / 64] |= 1 << (record.ttl % 64);
        }
        self.recorded += attack;
        self.again += again;
        self.complete += u64::from(matches!(record.act, Act::Complete | Act::Answered));
        self.disowned += u64::from(record.act == Act::Disowned);
        self.marked += u64::from(record.has(signs::MARKED));
        self.serial += u64::from(record.has(signs::SERIAL));
        let hash = record.source_hash;
        if hash >= self.threshold || matches!(record.act, Act::Disowned | Act::Answered) {
            return;
        }
        let source = self.sample.entry(hash).or_insert(Source {
            addr: record.source,
            country: record.country,
            attribution: record.attribution,
            packets: 0,
            bytes: 0,
            again: 0,
            complete: 0,
            copies: 0,
            last_ns: 0,
            last: (0, 0),
            ttl: record.ttl,
            ttl_varies: false,
            entry: record.entry,
        });
        // What one host abroad sends comes through one lane, in its order.
        if attack + again > 0 && record.direction == Direction::Inbound {
            let alike = source.packets > 0 && source.last == (record.bytes, record.port);
            source.copies += u32::from(alike && record.time_ns.saturating_sub(source.last_ns) <= COPY_NS);
            (source.last_ns, source.last) = (record.time_ns, (record.bytes, record.port));
        }
        source.entry = source.entry.min(record.entry);
        source.packets += attack + again;
        source.bytes += u64::from(record.bytes) * (attack + again);
        source.again += again as u32;
        source.complete += u32::from(record.act == Act::Complete);
        source.ttl_varies |= source.ttl != record.ttl;
    }

    /// Whether the capture shows each packet twice: about every other one may be a copy of the one before.
    pub fn is_doubled(&self) -> bool {
        let (copies, packets) = self.attackers().fold((0, 0), |sum, source| (sum.0 + u64::from(source.copies), sum.1 + source.packets));
        copies * 100 >= packets * *DOUBLED_PERCENT.start() && copies * 100 <= packets * *DOUBLED_PERCENT.end()
    }

    /// Adds what had no room as records.
    pub fn add_sum(&mut self, sum: &Sum) {
        let packets = u64::from(sum.packets) + u64::from(sum.again);
        self.packets += packets;
        self.bytes += sum.bytes;
        self.again += u64::from(sum.again);
        self.complete += u64::from(sum.complete);
        let country = &mut self.countries[sum.country.index()];
        country.add(packets, sum.bytes);
        if sum.entry != 0 {
            self.entries.entry((sum.entry, false)).or_default().add(packets, sum.bytes);
        }
        self.count_port(sum.port, packets);
    }

    fn count_port(&mut self, port: u16, packets: u64) {
        let run = usize::from(port ^ port >> 4) % RUNS;
        if self.runs[run].0 != port {
            let (before, packets) = std::mem::replace(&mut self.runs[run], (port, 0));
            self.end_run(before, packets);
        }
        self.runs[run].1 += packets;
    }

    /// Packets of the port that got most, several at once beyond the records apart.
    pub fn busiest_port(&self) -> u64 {
        self.ports.iter().filter(|&(&port, _)| port != 0).map(|(_, &packets)| packets).max().unwrap_or(0)
    }

    fn end_run(&mut self, port: u16, packets: u64) {
        if packets > 0 {
            *self.ports.entry(port).or_default() += packets;
        }
    }

    /// Cuts the sample back to its size. Called once a slice, so that the order of a slice's records does not matter.
    pub fn trim(&mut self) {
        for (port, packets) in std::mem::take(&mut self.runs) {
            self.end_run(port, packets);
        }
        if self.sample.len() > SAMPLE_MAX {
            let mut hashes: Vec<u64> = self.sample.keys().copied().collect();
            let (_, &mut cut, _) = hashes.select_nth_unstable(SAMPLE_MAX);
            self.threshold = cut;
            self.sample.retain(|&hash, _| hash < cut);
        }
    }

    /// What each country sent, those that sent something; reserved addresses have none and stand apart.
    pub fn by_country(&self) -> impl Iterator<Item = (Country, &ByCountry)> {
        Country::all().zip(&self.countries).filter(|(_, by)| by.packets > 0)
    }

    /// Distinct sources that sent attack packets, and whether that is an estimate.
    pub fn sources(&self) -> (u64, bool) {
        self.scaled(self.attackers().count())
    }

    /// Sources of the sample that sent attack packets, not only completed handshakes.
    pub fn attackers(&self) -> impl Iterator<Item = &Source> {
        self.sample.values().filter(|source| source.packets > 0)
    }

    /// A count over the sample as a count over all sources, and whether that is an estimate.
    pub fn scaled(&self, sampled: usize) -> (u64, bool) {
        if self.threshold == u64::MAX {
            return (sampled as u64, self.recorded + self.again < self.packets);
        }
        let share = self.threshold as f64 / u64::MAX as f64;
        ((sampled as f64 / share).round() as u64, true)
    }

    /// Distinct TTL values.
    pub fn ttl_values(&self) -> u32 {
        self.ttls.iter().map(|word| word.count_ones()).sum()
    }
}
