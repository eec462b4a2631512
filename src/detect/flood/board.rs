//! Floods begin, go on and end: change detection per victim and method over merged slices.

mod block;
mod detail;
mod slice;
mod watch;

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use crate::addr::Addr;
use crate::conclude::{Conclusions, EventId, State};
use crate::huge;
use crate::keyed::Keyed;
use crate::settings;

use super::evidence::Evidence;
use super::method::Method;
use super::record::{FloodTally, Part};
use super::reflector::ANSWER_BYTES_MIN;

pub use detail::FloodDetail;
use slice::{Key, PORT_CELLS, Slice, port_cell};
use watch::{Open, Watch};

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
/// Of these, how many may hold evidence: at most a megabyte each with a full sample.
const EVIDENCE_MAX: usize = 64;
/// Records and sums of a slice from which on all cells are emptied at once rather than one by one: a sixteenth of the cells, which are as
/// many cache lines as all cells have.
const CLEAR_ALL_FROM: usize = COARSE_CELLS / 16;
/// Records ahead of the one at work that are brought into the cache, and half as far ahead their victims' sums.
const AHEAD: usize = 16;
/// Slices without a packet after which a victim is no longer watched.
const WATCH_IDLE_S: u32 = 60;
/// Later fragments of one packet at most: 65,535 bytes in pieces of 1,480 (RFC 791 section 3.2, an MTU of 1,500).
const FRAGMENTS_MAX: u64 = 44;
/// How many times as many packets a second as of other datagrams a flood needs that looks like a resolver's small answers: where a mirror
/// shows one direction, home's own questions are not seen. As many as let any flood begin at once.
const ANSWERS_TIMES: u64 = 4;

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
        watch.pass_to(now_s, limits);
        watch.last_s = now_s;
        watch.direction = slice.direction();
        watch.step(slice, &key, limits);
        if watch.cusum > 0 || watch.streak > 0 || watch.pulses > 0 || watch.open.is_some() {
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
        // Ordinary traffic after a flood's end is none of it, nor what comes between its pulses.
        let slice = &mut self.slices[place];
        let tail =
            (watch.open.is_some() || watch.cusum == 0 && watch.pulses > 0) && 8 * slice.rate(key.method) < key.threshold(limits) as i64;
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
        // Questions that are shown twice are answered once, and segments of connections from before the capture are not twice as many.
        let copies = if key.method != Method::Syn && evidence.is_doubled() { slice.packets as i64 / 2 } else { 0 };
        if rate - copies < key.threshold(limits) as i64 {
            return;
        }
        let begins = match key.method {
            Method::Syn if !key.block => watch.syn_begins(slice, limits, sources),
            _ => (watch.lasts(limits) || rate >= 4 * key.threshold(limits) as i64) && slice.is_spread(sources, limits),
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
        let pulsing = watch.streak < limits.slices && watch.pulses > limits.slices;
        watch.open = Some(Open { id, method, pulsing, quiet_s: 0, noticed_s: now_s, last_s: now_s, started_counted: false });
    }

    /// Ends what has been quiet for long enough by `now_s`, and forgets idle victims.
    fn expire(&mut self, now_s: u32, out: &mut Conclusions<'_>) {
        let limits = &out.settings.flood;
        let mut ended = Vec::new();
        self.watches.retain(|key, watch| {
            if let Some(open) = &watch.open {
                if now_s.saturating_sub(open.last_s) <= watch.quiet_s(limits) {
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
