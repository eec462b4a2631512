//! One victim and method, watched from slice to slice: whether a flood begins, goes on, or has ended, and the event that it is.

use std::collections::BTreeMap;

use crate::addr::Addr;
use crate::attribute::{Attribution, Country, Direction};
use crate::conclude::{Conclusions, Detail, Event, EventId, RowKey, SLICE_NS, Share, State};
use crate::detect::flood::evidence::{Evidence, Source};
use crate::detect::flood::method::Method;
use crate::detect::flood::verdict::{Spoofing, Verdict, judge};
use crate::dispatch::Entries;
use crate::settings;

use super::block;
use super::detail::{CountryShare, EntryShare, FloodDetail, TopSource};
use super::slice::{Key, PORT_CELLS, Slice};

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
pub(super) const ANY_PORT_SOURCES: u64 = 200;
/// The same of sources that do not repeat each other's ports, as decoys do: nmap takes up to 128 of those.
const OWN_PORTS_SOURCES: u64 = 50;
/// Sources up to which SYNs over many ports may be a scan, however fast: a scanner may have decoys, nmap's manual shows a handful.
const SCANNERS_MAX: u64 = 16;
/// SYNs per port from which on they are none: a scanner asks each port once, and again a few times if it gets no answer.
const ASKED_MAX: u64 = 4;
/// Share of a flood's packets that makes it one source's, or one point of entry's.
const ONE_SOURCE_PERCENT: u64 = 95;
/// Sources named in an event.
const TOP_MAX: usize = 10;
/// Ports named in an event.
const TOP_PORTS: usize = 8;

pub(super) struct Watch {
    /// CUSUM in fixed point.
    pub(super) cusum: i64,
    /// Mean completions a slice in fixed point.
    pub(super) completions: i64,
    /// Slices in a row over the threshold.
    pub(super) streak: u64,
    /// Slices over the threshold with no more than a pulse's time between them, and the last of these.
    pub(super) pulses: u64,
    pub(super) pulse_s: u32,
    pub(super) last_s: u32,
    /// Unfinished and all SYNs of the last three slices.
    pub(super) unfinished: [(i64, i64); 3],
    pub(super) evidence: Option<Box<Evidence>>,
    pub(super) direction: Direction,
    pub(super) peak_pps: u64,
    pub(super) open: Option<Open>,
}

pub(super) struct Open {
    pub(super) id: EventId,
    /// The flood's method when it began: a reflection without marks is an ordinary UDP flood.
    pub(super) method: Method,
    /// It began by pulses, which quiet seconds are between.
    pub(super) pulsing: bool,
    pub(super) quiet_s: u64,
    /// The slice in which it was noticed.
    pub(super) noticed_s: u32,
    /// The last slice with an attack.
    pub(super) last_s: u32,
    /// Whether a window's rows already have its beginning.
    pub(super) started_counted: bool,
}

impl Watch {
    pub(super) fn new(direction: Direction, floor: i64) -> Self {
        Watch {
            cusum: 0,
            completions: floor * ONE / 4,
            streak: 0,
            pulses: 0,
            pulse_s: 0,
            last_s: 0,
            unfinished: [(0, 0); 3],
            evidence: None,
            direction,
            peak_pps: 0,
            open: None,
        }
    }

    /// Lets the slices pass in which nothing came.
    pub(super) fn pass_to(&mut self, now_s: u32, limits: &settings::flood) {
        if now_s.saturating_sub(self.pulse_s) > limits.pulse_s as u32 {
            self.pulses = 0;
        }
        let missed = now_s.saturating_sub(self.last_s).saturating_sub(1);
        if self.last_s != 0 && missed > 0 {
            self.streak = 0;
            self.unfinished = [(0, 0); 3];
            // Each empty slice takes c from the CUSUM.
            self.cusum = (self.cusum - i64::from(missed) * ONE * SLACK_PERCENT / 100).max(0);
            if self.open.is_none() && self.cusum == 0 && self.pulses == 0 {
                self.evidence = None;
                self.peak_pps = 0;
            }
        }
    }

    pub(super) fn step(&mut self, slice: &Slice, key: &Key, limits: &settings::flood) {
        if key.method != Method::Syn || key.block {
            let rate = slice.rate(key.method).max(0) as u64;
            let over = rate >= key.threshold(limits);
            self.streak = if over { self.streak + 1 } else { 0 };
            if over {
                (self.pulses, self.pulse_s) = (self.pulses + 1, self.last_s);
            }
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

    /// Whether a flood by any method but SYN has gone on for long enough to begin, in a row or in pulses.
    pub(super) fn lasts(&self, limits: &settings::flood) -> bool {
        self.streak >= limits.slices || self.pulses > limits.slices && self.pulse_s == self.last_s
    }

    /// Seconds of quiet that end what is open here.
    pub(super) fn quiet_s(&self, limits: &settings::flood) -> u32 {
        let pulsing = self.open.as_ref().is_some_and(|open| open.pulsing);
        (if pulsing { limits.quiet_s.max(limits.pulse_s) } else { limits.quiet_s }) as u32
    }

    pub(super) fn syn_begins(&self, slice: &Slice, limits: &settings::flood, sources: u64) -> bool {
        let (unfinished, all) = self.unfinished.iter().fold((0, 0), |sum, slice| (sum.0 + slice.0, sum.1 + slice.1));
        // A busy server's clients go on being served beside the flood; a rush of new ones is more than those.
        let ordinary = self.unfinished.len() as i64 * self.completions / ONE;
        // Where all ports are asked, each cell has its share of them.
        let share = slice.unfinished().max(0) / PORT_CELLS as i64;
        let busiest = self.evidence.as_ref().map_or(0, |evidence| evidence.busiest_port());
        let one_port = slice.unfinished_top_port() - share >= limits.syn_unfinished_per_s as i64 && busiest >= limits.syn_unfinished_per_s;
        let any_port = slice.unfinished() >= limits.syn_any_port_per_s as i64
            || slice.unfinished() >= limits.syn_any_port_per_s as i64 / 10 && (sources >= ANY_PORT_SOURCES || self.have_own_ports(sources));
        self.cusum > limits.cusum_threshold as i64 * ONE
            && (one_port || any_port && !self.may_scan(sources))
            && unfinished * 100 >= (all - ordinary) * limits.syn_unfinished_percent as i64
    }

    /// Whether many sources ask for ports as they come, and not for the same.
    fn have_own_ports(&self, sources: u64) -> bool {
        sources >= OWN_PORTS_SOURCES && self.evidence.as_ref().is_some_and(|evidence| evidence.recorded <= 2 * evidence.ports.len() as u64)
    }

    /// Whether these may be the SYNs of a scan that goes over the ports: few sources, and no port has had more than its answers take.
    pub(super) fn may_scan(&self, sources: u64) -> bool {
        let asked = self.evidence.as_ref().is_some_and(|evidence| evidence.recorded <= ASKED_MAX * evidence.ports.len() as u64);
        sources <= SCANNERS_MAX && asked
    }

    pub(super) fn end(&mut self) {
        self.open = None;
        self.evidence = None;
        self.cusum = 0;
        (self.streak, self.pulses) = (0, 0);
        self.peak_pps = 0;
        self.unfinished = [(0, 0); 3];
    }

    /// Writes the event and adds its part of the window to the rows.
    pub(super) fn report(&mut self, key: Key, state: State, out: &mut Conclusions<'_>) {
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
            let mine = |source: &&Source| {
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

    pub(super) fn event(&self, key: Key, state: State, spoofing: Spoofing, names: Option<&Entries>) -> Event {
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
