//! Floods begin, go on and end: change detection per victim and method over merged slices.

mod block;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use crate::addr::Addr;
use crate::attribute::{Attribution, Country, Direction};
use crate::conclude::{Conclusions, Detail, Event, EventId, RowKey, SLICE_NS, Share, State};
use crate::dispatch::Entries;
use crate::huge;
use crate::keyed::Keyed;
use crate::settings;
use crate::tally::Distinct;

use super::evidence::Evidence;
use super::method::{Act, Method};
use super::record::{FloodTally, Part, Record, Sum};
use super::reflector::ANSWER_BYTES_MIN;
use super::verdict::{Spoofing, Verdict, judge};

/// Cells of the coarse pass that finds the few victims worth a look among a slice's records. Two victims in one cell only cost a look; a
/// sweep through a /16 leaves one touch in each.
const COARSE_CELLS: usize = 1 << 16;
/// Packets towards one cell in one slice that make its victims worth a look: as many as a host gets of a flood that goes over a whole block.
const COARSE_MIN: i32 = 4;
/// Packets of one victim in one slice from which on it is watched by itself: well under the lowest threshold, so that the CUSUM sees a flood's
/// beginning.
const WATCHED_MIN: u64 = 10;
/// Victims times methods that are watched at a time: 4,096 with little traffic cost a megabyte.
const WATCHES_MAX: usize = 4096;
/// Records and sums of a slice from which on all cells are emptied at once rather than one by one: a sixteenth of the cells, which are as
/// many cache lines as all cells have.
const CLEAR_ALL_FROM: usize = COARSE_CELLS / 16;
/// Records ahead of the one at work that are brought into the cache, and half as far ahead their victims' sums.
const AHEAD: usize = 16;
/// Of these, how many may hold evidence: at most a megabyte each with a full sample.
const EVIDENCE_MAX: usize = 64;
/// Slices without a packet after which a victim is no longer watched.
const WATCH_IDLE_S: u32 = 60;

/// Fixed point of the CUSUM: 2^-16. Non-parametric CUSUM after Wang, Zhang, Shin, "Detecting SYN Flooding Attacks", INFOCOM 2002; here per
/// service and second.
const ONE: i64 = 1 << 16;
/// Weight of the past in the mean of completions, in 1/1000: 0.95 a slice. Chosen: a mean over some 20 s follows the hour, and hardly a
/// flood's first seconds.
const PAST_PER_MILLE: i64 = 950;
/// Share of a server's completions that may stay unfinished in peace, in percent. Chosen, with room for scans and lost packets: it is the upper
/// bound of the peaceful mean that the CUSUM needs (`a` of Wang, Zhang, Shin).
const SLACK_PERCENT: i64 = 50;
/// How far the CUSUM may rise above its threshold: it bounds how long an alarm lingers.
const CUSUM_MAX_TIMES: i64 = 4;
/// Distinct sources from which on SYNs over random ports at a moderate rate are a flood and no scan.
const ANY_PORT_SOURCES: u64 = 200;
/// Sources up to which SYNs over many ports may be a scan, however fast: a scanner may have decoys, nmap's manual shows a handful.
const SCANNERS_MAX: u64 = 16;
/// SYNs per port from which on they are none: a scanner asks each port once, and again a few times if it gets no answer.
const ASKED_MAX: u64 = 4;
/// Later fragments of one packet at most: 65,535 bytes in pieces of 1,480 (RFC 791 section 3.2, an MTU of 1,500).
const FRAGMENTS_MAX: u64 = 44;
/// How many times as many packets a second as of other datagrams a flood needs that looks like a resolver's small answers: where a mirror
/// shows one direction, home's own questions are not seen. As many as let any flood begin at once.
const ANSWERS_TIMES: u64 = 4;
/// Share of a flood's packets that makes it one source's, or one point of entry's.
const ONE_SOURCE_PERCENT: u64 = 95;
/// Sources named in an event.
const TOP_MAX: usize = 10;
/// Ports named in an event.
const TOP_PORTS: usize = 8;

/// What an event says of a flood.
#[derive(Clone, Debug, Serialize)]
pub struct FloodDetail {
    pub method: &'static str,
    pub ports: Vec<u16>,
    pub peak_pps: u64,
    pub sources: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
    pub spoofed: Spoofing,
    pub countries: Vec<CountryShare>,
    pub top: Vec<TopSource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reflector_protocol: Option<&'static str>,
    /// Share of handshakes that completed, in thousandths; SYN floods only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_per_mille: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<EntryShare>,
    /// The block of addresses that is flooded, where it is not one host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
}

/// A country's part in a flood.
#[derive(Clone, Debug, Serialize)]
pub struct CountryShare {
    pub country: &'static str,
    pub sources: u64,
    pub packets: u64,
}

/// A source's part in a flood.
#[derive(Clone, Debug, Serialize)]
pub struct TopSource {
    pub ip: String,
    pub country: &'static str,
    pub packets: u64,
}

/// A point of entry's part in a flood.
#[derive(Clone, Debug, Serialize)]
pub struct EntryShare {
    pub entry: String,
    pub packets: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct Key {
    /// The flooded host, or the lowest address of its block.
    victim: Addr,
    method: Method,
    /// The flood goes over a block of addresses.
    block: bool,
}

/// Cells for the ports of one victim in one slice. Ports that share a cell are added up, which only ever makes the busiest port look busier:
/// by the share of 256 that random ports have.
const PORT_CELLS: usize = 256;

/// SYNs less completions by port.
type Ports = [i32; PORT_CELLS];

/// One slice of one victim and method. Thousands of victims may have one, so it is small.
struct Slice {
    key: Key,
    packets: u64,
    bytes: u64,
    again: u64,
    complete: u64,
    /// Only where they decide whether a flood begins.
    ports: Option<Box<Ports>>,
    /// Packets by direction: sources at home and abroad may flood one victim, and which packet comes first depends on the workers.
    directions: [u64; Direction::COUNT],
    /// The victim's evidence, while a slice is added to it.
    evidence: Option<Box<Evidence>>,
    /// Evidence was added to.
    decides: bool,
    /// The place of the slice of the victim's block plus one, if it belongs to one.
    block: u32,
    /// Of a block: what is known of its services.
    services: Option<Box<Services>>,
}

/// The services of a block, as far as single records tell.
#[derive(Default)]
struct Services {
    distinct: Distinct,
    packets: u64,
}

const _: () = assert!(size_of::<Slice>() <= 2 * 64, "looking at a record costs two cache lines");

struct Watch {
    /// CUSUM in fixed point.
    cusum: i64,
    /// Mean completions a slice in fixed point.
    completions: i64,
    /// Slices in a row over the threshold.
    streak: u64,
    last_s: u32,
    /// Unfinished and all SYNs of the last three slices.
    unfinished: [(i64, i64); 3],
    evidence: Option<Box<Evidence>>,
    direction: Direction,
    peak_pps: u64,
    open: Option<Open>,
}

struct Open {
    id: EventId,
    /// The flood's method when it began: a reflection without marks is an ordinary UDP flood.
    method: Method,
    quiet_s: u64,
    /// The last slice with an attack.
    last_s: u32,
    /// Whether a window's rows already have its beginning.
    started_counted: bool,
}

/// A record or a sum of one worker, and the place of its victim's slice.
#[derive(Clone, Copy)]
struct Worthy {
    part: u32,
    number: u32,
    place: u32,
}

/// The reporter's side of the flood detector.
pub struct FloodBoard {
    keyed: Keyed,
    watches: BTreeMap<Key, Watch>,
    /// Attack packets less completions of one slice, by victim.
    coarse: Vec<i32>,
    /// By cell: the place of the last of its victims in `slices`, plus one.
    last: Vec<u32>,
    slices: Vec<Slice>,
    places: HashMap<Key, u32, foldhash::fast::FixedState>,
    /// Records worth a look.
    worthy: Vec<Worthy>,
    /// The same of sums.
    worthy_sums: Vec<Worthy>,
}

impl FloodBoard {
    pub fn new(keyed: Keyed) -> Self {
        FloodBoard {
            keyed,
            watches: BTreeMap::new(),
            coarse: vec![0; COARSE_CELLS],
            last: vec![0; COARSE_CELLS],
            slices: Vec::new(),
            places: HashMap::default(),
            worthy: Vec::new(),
            worthy_sums: Vec::new(),
        }
    }

    fn cell(keyed: &Keyed, victim: Addr) -> usize {
        keyed.addr(victim) as usize & (COARSE_CELLS - 1)
    }

    /// Takes a slice's merged tally and concludes.
    pub fn slice(&mut self, now_s: u32, tally: &mut FloodTally, out: &mut Conclusions<'_>) {
        *out.evicted += tally.evicted;
        self.expire(now_s, out);
        if tally.is_empty() {
            return;
        }
        self.gather(tally);
        self.adopt_fragments();
        self.gather_blocks(&out.settings.flood);
        let mut order: Vec<usize> = (0..self.slices.len()).collect();
        order.sort_unstable_by_key(|&place| self.slices[place].key);
        let mut holding = self.watches.values().filter(|watch| watch.evidence.is_some()).count();
        for &place in &order {
            self.update(now_s, place, &mut holding, out);
        }
        self.collect(tally);
        for place in order {
            if self.slices[place].decides {
                self.decide(now_s, place, out);
            }
        }
        self.clear_cells(tally);
        self.tell_flooded(out);
        self.slices.clear();
        self.places.clear();
    }

    /// Only the cells that were used: most slices of a quiet line use a handful.
    fn clear_cells(&mut self, tally: &FloodTally) {
        for slice in &self.slices {
            self.last[Self::cell(&self.keyed, slice.key.victim)] = 0;
        }
        if tally.parts().map(|part| part.glances.len() + part.sums.len()).sum::<usize>() >= CLEAR_ALL_FROM {
            self.coarse.fill(0);
            return;
        }
        let records = tally.parts().flat_map(|part| &part.glances).map(|glance| usize::from(glance.cell));
        let sums = tally.parts().flat_map(|part| &part.sums).map(|sum| usize::from(sum.cell));
        let watched = self.watches.keys().map(|key| Self::cell(&self.keyed, key.victim));
        for cell in records.chain(sums).chain(watched) {
            self.coarse[cell] = 0;
        }
    }

    /// Two passes over the records and the sums: which cells are worth a look, then sums per victim and method in those.
    fn gather(&mut self, tally: &FloodTally) {
        self.worthy.clear();
        self.worthy_sums.clear();
        for glance in tally.parts().flat_map(|part| &part.glances) {
            self.coarse[usize::from(glance.cell)] += i32::from(glance.weight);
        }
        for sum in tally.parts().flat_map(|part| &part.sums) {
            self.coarse[usize::from(sum.cell)] += (sum.packets - sum.packets.min(sum.complete)) as i32;
        }
        for (key, watch) in &self.watches {
            if watch.open.is_some() || watch.cusum > 0 {
                self.coarse[Self::cell(&self.keyed, key.victim)] = COARSE_MIN;
            }
        }
        for (part, of) in tally.parts().zip(0u32..) {
            self.gather_part(part, of);
        }
    }

    fn gather_part(&mut self, part: &Part, of: u32) {
        for (number, (glance, record)) in part.glances.iter().zip(&part.records).enumerate() {
            self.foresee(part, number);
            let cell = usize::from(glance.cell);
            if self.coarse[cell] < COARSE_MIN {
                continue;
            }
            let key = Key::of(record.victim, record.method);
            let place = self.place(cell, key);
            self.slices[place].add(record);
            self.worthy.push(Worthy { part: of, number: number as u32, place: place as u32 });
        }
        for (number, sum) in part.sums.iter().enumerate() {
            let cell = usize::from(sum.cell);
            if self.coarse[cell] < COARSE_MIN {
                continue;
            }
            let place = self.place(cell, Key::of(sum.victim, sum.method));
            self.slices[place].add_sum(sum);
            self.worthy_sums.push(Worthy { part: of, number: number as u32, place: place as u32 });
        }
    }

    /// Brings what the records behind this one will need into the cache.
    #[inline]
    fn foresee(&self, part: &Part, number: usize) {
        let worthy = |number: usize| part.glances.get(number).is_some_and(|glance| self.coarse[usize::from(glance.cell)] >= COARSE_MIN);
        if worthy(number + AHEAD)
            && let Some(record) = part.records.get(number + AHEAD)
        {
            huge::prefetch(record);
        }
        if worthy(number + AHEAD / 2)
            && let Some(glance) = part.glances.get(number + AHEAD / 2)
            && let Some(place) = (self.last[usize::from(glance.cell)] as usize).checked_sub(1)
            && let Some(slice) = self.slices.get(place)
        {
            huge::prefetch_whole(slice);
        }
    }

    /// The place of a victim's slice, made if it isn't there.
    fn place(&mut self, cell: usize, key: Key) -> usize {
        if let Some(place) = (self.last[cell] as usize).checked_sub(1)
            && self.slices[place].key == key
        {
            return place;
        }
        let slices = &mut self.slices;
        let place = *self.places.entry(key).or_insert_with(|| {
            slices.push(Slice::new(key));
            slices.len() as u32 - 1
        });
        self.last[cell] = place + 1;
        place as usize
    }

    /// Later fragments have no ports. They are the tails of reflectors' answers, or of another flood's packets, where the victim has enough of
    /// those; a flood of fragments alone stays one.
    fn adopt_fragments(&mut self) {
        for place in 0..self.slices.len() {
            let Key { victim, method, .. } = self.slices[place].key;
            if !matches!(method, Method::Fragment | Method::TcpFragment) {
                continue;
            }
            let is_open = |key: &Key| self.watches.get(key).is_some_and(|watch| watch.open.is_some());
            let open = self.watches.iter().filter(|(_, watch)| watch.open.is_some()).map(|(key, _)| (*key, 0));
            let own = self.slices.iter().map(|slice| (slice.key, slice.packets));
            let fragments = self.slices[place].packets;
            let alone = is_open(&self.slices[place].key);
            let host = own
                .chain(open)
                .filter(|(other, _)| other.victim == victim && !other.block && other.method.has_fragments(method))
                .filter(|(other, packets)| match other.method {
                    Method::Reflection(_) => true,
                    _ => is_open(other) || !alone && packets * FRAGMENTS_MAX >= fragments,
                })
                .min_by_key(|(other, packets)| {
                    let reflection = matches!(other.method, Method::Reflection(_));
                    (std::cmp::Reverse(reflection), std::cmp::Reverse(is_open(other)), std::cmp::Reverse(*packets), *other)
                })
                .map(|(key, _)| key);
            let Some(host) = host else { continue };
            let (packets, bytes, directions) = {
                let slice = &mut self.slices[place];
                (std::mem::take(&mut slice.packets), std::mem::take(&mut slice.bytes), slice.directions)
            };
            let adopter = self.place(Self::cell(&self.keyed, victim), host);
            for (mine, theirs) in self.slices[adopter].directions.iter_mut().zip(directions) {
                *mine += theirs;
            }
            self.slices[adopter].packets += packets;
            self.slices[adopter].bytes += bytes;
            for worthy in &mut self.worthy {
                if worthy.place as usize == place {
                    worthy.place = adopter as u32;
                }
            }
        }
    }

    /// Moves the victim's change detection on by one slice.
    fn update(&mut self, now_s: u32, place: usize, holding: &mut usize, out: &Conclusions<'_>) {
        let limits = &out.settings.flood;
        let slice = &self.slices[place];
        let key = slice.key;
        let has_room = self.watches.len() < WATCHES_MAX;
        let watch = match self.watches.entry(key) {
            Entry::Occupied(watch) => watch.into_mut(),
            Entry::Vacant(_) if slice.packets < WATCHED_MIN || !has_room => return,
            Entry::Vacant(free) => free.insert(Watch::new(slice.direction(), limits.cusum_floor_per_s as i64)),
        };
        watch.pass_to(now_s);
        watch.last_s = now_s;
        watch.direction = slice.direction();
        watch.step(slice, &key, limits);
        if watch.cusum > 0 || watch.streak > 0 || watch.open.is_some() {
            if watch.evidence.is_none() && *holding < EVIDENCE_MAX {
                watch.evidence = Some(Box::default());
                *holding += 1;
            }
        } else {
            watch.evidence = None;
            watch.peak_pps = 0;
        }
        if watch.evidence.is_some() {
            watch.peak_pps = watch.peak_pps.max(slice.packets);
        }
        // Ordinary traffic after a flood's end is none of it.
        let slice = &mut self.slices[place];
        let tail = watch.open.is_some() && 8 * slice.rate(key.method) < key.threshold(limits) as i64;
        slice.evidence = if tail { None } else { watch.evidence.take() };
        slice.decides = slice.evidence.is_some();
        // Fewer packets than a port needs are too few, however they are spread.
        if slice.decides && watch.open.is_none() && key.method == Method::Syn && !key.block && slice.fresh() >= limits.syn_unfinished_per_s
        {
            slice.ports = Some(Box::new([0; PORT_CELLS]));
        }
    }

    /// The third pass: evidence for the victims that need it.
    fn collect(&mut self, tally: &FloodTally) {
        for worthy in &self.worthy {
            let &Worthy { part, number, place } = worthy;
            let slice = &mut self.slices[place as usize];
            if let Some(evidence) = &mut slice.evidence
                && let Some(record) = tally.part(part as usize).and_then(|part| part.records.get(number as usize))
            {
                evidence.add(record);
                slice.count_port(record);
            }
            block::collect(&mut self.slices, &self.keyed, tally, worthy);
        }
        for worthy in &self.worthy_sums {
            let &Worthy { part, number, place } = worthy;
            let slice = &mut self.slices[place as usize];
            if let Some(evidence) = &mut slice.evidence
                && let Some(sum) = tally.part(part as usize).and_then(|part| part.sums.get(number as usize))
            {
                evidence.add_sum(sum);
                if let Some(ports) = &mut slice.ports {
                    ports[port_cell(sum.port)] += sum.packets as i32 - sum.complete as i32;
                }
            }
            block::collect_sum(&mut self.slices, tally, worthy);
        }
        for slice in &mut self.slices {
            if let Some(evidence) = slice.evidence.take()
                && let Some(watch) = self.watches.get_mut(&slice.key)
            {
                watch.evidence = Some(evidence);
            }
        }
    }

    fn decide(&mut self, now_s: u32, place: usize, out: &mut Conclusions<'_>) {
        let limits = &out.settings.flood;
        let slice = &self.slices[place];
        let key = slice.key;
        let Some(watch) = self.watches.get_mut(&key) else { return };
        let Some(evidence) = watch.evidence.as_mut() else { return };
        evidence.trim();
        let sources = evidence.sources().0;
        let rate = slice.rate(key.method);
        if let Some(open) = &mut watch.open {
            if rate >= key.threshold(limits).div_ceil(2) as i64 {
                open.last_s = now_s;
                open.quiet_s = 0;
            }
            return;
        }
        let begins = match key.method {
            Method::Syn if !key.block => watch.syn_begins(slice, limits, sources),
            _ => (watch.streak >= limits.slices || rate >= 4 * key.threshold(limits) as i64) && slice.is_spread(sources, limits),
        };
        let Some(evidence) = watch.evidence.as_ref() else { return };
        if !begins || evidence.packets == 0 {
            return;
        }
        let method = match key.method {
            Method::Reflection(_) if !amplifies(key.method, evidence, limits) => {
                let times = if mostly_marked(evidence) { ANSWERS_TIMES } else { 1 };
                if rate < (times * limits.udp_per_s) as i64 {
                    return;
                }
                Method::Udp
            }
            method => method,
        };
        let protocol = method.reflector_protocol().unwrap_or_else(|| method.name());
        let what = if key.block { format!("{protocol} {}", block::network(key.victim)) } else { protocol.into() };
        let id = EventId::of(method.kind(), Addr::NONE, key.victim, evidence.first_ns, &what);
        watch.open = Some(Open { id, method, quiet_s: 0, last_s: now_s, started_counted: false });
    }

    /// Ends what has been quiet for long enough by `now_s`, and forgets idle victims.
    fn expire(&mut self, now_s: u32, out: &mut Conclusions<'_>) {
        let quiet_s = out.settings.flood.quiet_s as u32;
        let mut ended = Vec::new();
        self.watches.retain(|key, watch| {
            if let Some(open) = &watch.open {
                if now_s.saturating_sub(open.last_s) <= quiet_s {
                    return true;
                }
                ended.push(*key);
                return true;
            }
            now_s.saturating_sub(watch.last_s) <= WATCH_IDLE_S
        });
        for key in ended {
            if let Some(watch) = self.watches.get_mut(&key) {
                watch.report(key, State::Ended, out);
                watch.end();
            }
        }
    }

    /// A window ends: what goes on is written with what it has so far.
    pub fn window_end(&mut self, out: &mut Conclusions<'_>) {
        for (key, watch) in &mut self.watches {
            watch.report(*key, State::Ongoing, out);
        }
    }

    /// The input ends, and with it all that goes on.
    pub fn finish(&mut self, out: &mut Conclusions<'_>) {
        for (key, watch) in &mut self.watches {
            watch.report(*key, State::Ended, out);
            watch.end();
        }
    }
}

fn port_cell(port: u16) -> usize {
    usize::from(port ^ port >> 8) % PORT_CELLS
}

impl Slice {
    fn new(key: Key) -> Self {
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

    fn add(&mut self, record: &Record) {
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
    fn count_port(&mut self, record: &Record) {
        if let Some(ports) = self.ports.as_mut().filter(|_| record.method == self.key.method) {
            ports[port_cell(record.port)] += match record.act {
                Act::Attack => 1,
                Act::Complete | Act::Answered => -1,
                Act::Again | Act::Disowned => 0,
            };
        }
    }

    fn add_sum(&mut self, sum: &Sum) {
        self.directions[sum.direction.index()] += u64::from(sum.packets);
        self.packets += u64::from(sum.packets) + u64::from(sum.again);
        self.again += u64::from(sum.again);
        self.complete += u64::from(sum.complete);
        self.bytes += sum.bytes;
    }

    /// Packets that repeat none.
    fn fresh(&self) -> u64 {
        self.packets - self.again
    }

    /// The direction of most packets.
    fn direction(&self) -> Direction {
        Direction::ALL
            .into_iter()
            .max_by_key(|direction| (self.directions[direction.index()], std::cmp::Reverse(*direction)))
            .unwrap_or(Direction::External)
    }

    /// SYNs that neither repeat nor completed, over all ports.
    fn unfinished(&self) -> i64 {
        self.fresh() as i64 - self.complete as i64
    }

    fn unfinished_top_port(&self) -> i64 {
        self.ports.as_ref().and_then(|ports| ports.iter().copied().max()).unwrap_or(0).into()
    }

    fn rate(&self, method: Method) -> i64 {
        match method {
            Method::Syn => self.unfinished(),
            _ => self.packets as i64 - self.complete as i64,
        }
    }
}

impl Key {
    /// Of a host.
    fn of(victim: Addr, method: Method) -> Self {
        Key { victim, method, block: false }
    }

    /// The packets a second from which on such a flood can begin.
    fn threshold(&self, limits: &settings::flood) -> u64 {
        if self.block { block::limit(self.method, limits) } else { threshold(self.method, limits) }
    }
}

/// The packets a second from which on a flood of one host by this method can begin.
fn threshold(method: Method, limits: &settings::flood) -> u64 {
    match method {
        Method::Syn => limits.syn_unfinished_per_s,
        Method::Udp => limits.udp_per_s,
        Method::Icmp => limits.icmp_per_s,
        Method::Fragment | Method::TcpFragment => limits.fragment_per_s,
        Method::Reflection(_) => limits.amplification_per_s,
        _ => limits.tcp_per_s,
    }
}

/// Whether most packets bear the protocol's mark.
fn mostly_marked(evidence: &Evidence) -> bool {
    2 * evidence.marked >= evidence.recorded.max(1)
}

/// Whether unasked answers are amplification: most bear the protocol's mark, or many reflectors send large ones. Everybody asks for answers
/// to names, and whoever abuses those asks for large ones (Rossow, NDSS 2014): they must be both.
fn amplifies(method: Method, evidence: &Evidence, limits: &settings::flood) -> bool {
    let large = evidence.bytes >= u64::from(ANSWER_BYTES_MIN) * evidence.packets;
    let names = method.reflector_protocol() == Some("dns");
    mostly_marked(evidence) && (large || !names) || evidence.sources().0 >= limits.reflectors && large
}

impl Watch {
    fn new(direction: Direction, floor: i64) -> Self {
        Watch {
            cusum: 0,
            completions: floor * ONE / 4,
            streak: 0,
            last_s: 0,
            unfinished: [(0, 0); 3],
            evidence: None,
            direction,
            peak_pps: 0,
            open: None,
        }
    }

    /// Lets the slices pass in which nothing came.
    fn pass_to(&mut self, now_s: u32) {
        let missed = now_s.saturating_sub(self.last_s).saturating_sub(1);
        if self.last_s != 0 && missed > 0 {
            self.streak = 0;
            self.unfinished = [(0, 0); 3];
            // Each empty slice takes c from the CUSUM.
            self.cusum = (self.cusum - i64::from(missed) * ONE * SLACK_PERCENT / 100).max(0);
            if self.open.is_none() && self.cusum == 0 {
                self.evidence = None;
                self.peak_pps = 0;
            }
        }
    }

    fn step(&mut self, slice: &Slice, key: &Key, limits: &settings::flood) {
        if key.method != Method::Syn || key.block {
            let rate = slice.rate(key.method).max(0) as u64;
            let over = rate >= key.threshold(limits);
            self.streak = if over { self.streak + 1 } else { 0 };
            // The slice in which a flood begins is seldom whole: keep what may turn out to be its beginning.
            self.cusum = if over || 4 * rate >= key.threshold(limits) { ONE } else { 0 };
            return;
        }
        let mean = (self.completions / ONE).max(limits.cusum_floor_per_s as i64);
        let unfinished = slice.unfinished();
        let excess = (unfinished * ONE - mean * ONE * SLACK_PERCENT / 100) / mean;
        let most = CUSUM_MAX_TIMES * limits.cusum_threshold as i64 * ONE;
        self.cusum = (self.cusum + excess).clamp(0, most);
        self.unfinished = [self.unfinished[1], self.unfinished[2], (unfinished, slice.fresh() as i64)];
        if self.open.is_none() {
            self.completions = (self.completions * PAST_PER_MILLE + slice.complete as i64 * ONE * (1000 - PAST_PER_MILLE)) / 1000;
        }
    }

    fn syn_begins(&self, slice: &Slice, limits: &settings::flood, sources: u64) -> bool {
        let (unfinished, all) = self.unfinished.iter().fold((0, 0), |sum, slice| (sum.0 + slice.0, sum.1 + slice.1));
        // Where all ports are asked, each cell has its share of them.
        let share = slice.unfinished().max(0) / PORT_CELLS as i64;
        let busiest = self.evidence.as_ref().map_or(0, |evidence| evidence.busiest_port());
        let one_port = slice.unfinished_top_port() - share >= limits.syn_unfinished_per_s as i64 && busiest >= limits.syn_unfinished_per_s;
        let any_port = slice.unfinished() >= limits.syn_any_port_per_s as i64
            || slice.unfinished() >= limits.syn_any_port_per_s as i64 / 10 && sources >= ANY_PORT_SOURCES;
        self.cusum > limits.cusum_threshold as i64 * ONE
            && (one_port || any_port && !self.may_scan(sources))
            && unfinished * 100 >= all * limits.syn_unfinished_percent as i64
    }

    /// Whether these may be the SYNs of a scan that goes over the ports: few sources, and no port has had more than its answers take.
    fn may_scan(&self, sources: u64) -> bool {
        let asked = self.evidence.as_ref().is_some_and(|evidence| evidence.recorded <= ASKED_MAX * evidence.ports.len() as u64);
        sources <= SCANNERS_MAX && asked
    }

    fn end(&mut self) {
        self.open = None;
        self.evidence = None;
        self.cusum = 0;
        self.streak = 0;
        self.peak_pps = 0;
        self.unfinished = [(0, 0); 3];
    }

    /// Writes the event and adds its part of the window to the rows.
    fn report(&mut self, key: Key, state: State, out: &mut Conclusions<'_>) {
        let (Some(open), Some(evidence)) = (&mut self.open, &mut self.evidence) else { return };
        let spoofing = judge(evidence, open.method);
        let spoofed = spoofing.verdict == Verdict::Spoofed;
        let kind = open.method.kind();
        let started = !open.started_counted;
        open.started_counted = true;

        let mut window = Share { started, ..Share::default() };
        let mut rows: BTreeMap<(Country, Attribution, u8), Share> = BTreeMap::new();
        let none = Share { started, ..Share::default() };
        // Where addresses say nothing, the point of entry does.
        let mut through: [Vec<(u8, u64, u64)>; 2] = Default::default();
        for (&(entry, reserved), by) in &mut evidence.entries {
            let (packets, bytes) = by.take();
            through[usize::from(reserved)].push((entry, packets, bytes));
        }
        let counted = Country::all().zip(&mut evidence.countries).map(|(country, by)| (country, false, by));
        for (country, reserved, by) in counted.chain([(Country::NONE, true, &mut evidence.reserved)]).filter(|(.., by)| by.packets > 0) {
            let (packets, bytes) = by.take();
            let place = match (reserved, spoofed) {
                (true, _) => (Country::NONE, Attribution::Reserved, 0),
                (false, true) => (Country::NONE, Attribution::Spoofed, 0),
                (false, false) => (country, Attribution::unproved(country), 0),
            };
            for share in [&mut window, rows.entry(place).or_insert(none)] {
                share.packets += packets;
                share.bytes += bytes;
            }
        }
        out.rows.total(kind, window);
        for attribution in [Attribution::Spoofed, Attribution::Reserved] {
            let Some(mut rest) = rows.remove(&(Country::NONE, attribution, 0)) else { continue };
            for &(entry, packets, bytes) in &through[usize::from(attribution == Attribution::Reserved)] {
                rest.packets -= packets.min(rest.packets);
                rest.bytes -= bytes.min(rest.bytes);
                rows.insert((Country::NONE, attribution, entry), Share { packets, bytes, ..none });
            }
            if rest.packets > 0 || through[usize::from(attribution == Attribution::Reserved)].is_empty() {
                rows.insert((Country::NONE, attribution, 0), rest);
            }
        }
        for ((country, attribution, entry), share) in rows {
            let row_key = RowKey { kind, direction: self.direction, country, attribution, benign: false };
            let mine = |source: &&super::evidence::Source| {
                let reserved = source.attribution == Attribution::Reserved;
                (reserved == (attribution == Attribution::Reserved))
                    && (spoofed || reserved || source.country == country)
                    && (source.entry == entry || !matches!(attribution, Attribution::Spoofed | Attribution::Reserved))
            };
            let sources: Vec<Addr> = evidence.attackers().filter(mine).map(|source| source.addr).collect();
            out.rows.part_by_entry(row_key, entry, share, sources, [key.victim]);
        }
        out.events.push(self.event(key, state, spoofing, out.entries));
    }

    fn event(&self, key: Key, state: State, spoofing: Spoofing, names: Option<&Entries>) -> Event {
        let (Some(open), Some(evidence)) = (&self.open, &self.evidence) else {
            unreachable!("only an open flood is written, and it holds evidence")
        };
        let spoofed = spoofing.verdict == Verdict::Spoofed;
        let (sources, estimated) = evidence.sources();
        let mut attackers: Vec<_> = evidence.attackers().collect();
        attackers.sort_unstable_by_key(|source| (std::cmp::Reverse(source.packets), source.addr));
        // A few ordinary packets beside a flood don't make it one of many sources.
        let only = attackers
            .first()
            .filter(|source| sources == 1 || !estimated && source.packets * 100 >= evidence.packets * ONE_SOURCE_PERCENT)
            .map(|source| (source.addr, source.country, source.attribution));
        let mut by_country: BTreeMap<Country, (usize, u64)> = BTreeMap::new();
        if !spoofed {
            for (country, by) in
                evidence.by_country().chain([(Country::NONE, &evidence.reserved)].into_iter().filter(|(_, by)| by.packets > 0))
            {
                by_country.entry(country).or_default().1 += by.packets;
            }
            for source in &attackers {
                by_country.entry(source.country).or_default().0 += 1;
            }
        }
        let mut countries: Vec<CountryShare> = by_country
            .into_iter()
            .map(|(country, (sampled, packets))| CountryShare { country: country.code(), sources: evidence.scaled(sampled).0, packets })
            .collect();
        countries.sort_by_key(|share| (std::cmp::Reverse(share.packets), share.country));
        let mut ports: Vec<(u64, u16)> = evidence.ports.iter().map(|(&port, &packets)| (packets, port)).collect();
        ports.sort_unstable_by_key(|&(packets, port)| (std::cmp::Reverse(packets), port));
        let mut entries: Vec<EntryShare> = Vec::new();
        for (&(entry, _), by) in &evidence.entries {
            let name = names.and_then(|names| names.name(entry)).unwrap_or_default();
            match entries.last_mut().filter(|last| last.entry == name) {
                Some(last) => last.packets += by.packets,
                None => entries.push(EntryShare { entry: name.into(), packets: by.packets }),
            }
        }
        let method = open.method;
        let (source_country, attribution) = match only {
            Some((_, country, attribution)) => (country, attribution),
            None if spoofed => (Country::NONE, Attribution::Spoofed),
            None => (Country::NONE, Attribution::Plausible),
        };
        Event {
            id: open.id,
            kind: method.kind(),
            state,
            start_ns: evidence.first_ns,
            end_ns: evidence.last_ns,
            source: only.map(|(addr, ..)| addr),
            source_country,
            target: Some(key.victim).filter(|_| !key.block),
            target_port: ports.first().filter(|&&(packets, port)| port != 0 && 2 * packets > evidence.packets).map(|&(_, port)| port),
            transport: method.transport(),
            protocol: method.reflector_protocol(),
            direction: self.direction,
            attribution,
            benign: None,
            entry: entries
                .iter()
                .find(|share| share.packets * 100 >= evidence.packets * ONE_SOURCE_PERCENT)
                .map(|share| share.entry.clone()),
            packets: evidence.packets,
            bytes: evidence.bytes,
            detail: Detail::Flood(FloodDetail {
                method: method.name(),
                ports: ports.iter().filter(|&&(_, port)| port != 0).take(TOP_PORTS).map(|&(_, port)| port).collect(),
                peak_pps: self.peak_pps,
                sources,
                estimated,
                spoofed: spoofing,
                countries,
                top: attackers
                    .iter()
                    .take(TOP_MAX)
                    .map(|source| TopSource {
                        ip: source.addr.to_string(),
                        country: if spoofed { Country::NONE.code() } else { source.country.code() },
                        packets: source.packets,
                    })
                    .collect(),
                reflector_protocol: method.reflector_protocol(),
                completed_per_mille: (method == Method::Syn).then(|| evidence.complete * 1000 / (evidence.packets - evidence.again).max(1)),
                entries,
                network: key.block.then(|| block::network(key.victim)),
            }),
        }
    }
}

const _: () = assert!(SLICE_NS == 1_000_000_000, "thresholds are per second, and a slice is one");
