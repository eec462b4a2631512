//! Channels become events: one for each controller and each host that it holds.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;
use serde::Serialize;

use crate::addr::Addr;
use crate::attribute::{Attribution, Country, Direction};
use crate::conclude::{Conclusions, Course, Detail, Event, EventId, Evidence, Excerpt, Silence, State};
use crate::decode::Transport;
use crate::detect::Shared;
use crate::indicators::{Hit, Indicators, Usage};
use crate::protocol::digits;
use crate::report::{Indicator, printable};

use super::beacon::{self, Beacon};
use super::memory::{C2Tally, Channel, Channelled, Contact, Doubt, Named};
use super::names::{Found, Names, What};

/// Names that hosts were told, with where they lead, kept at a time.
const LED_MAX: usize = 65_536;
/// Intervals of one channel that its interval and jitter are taken from.
const INTERVALS_MAX: usize = 256;
/// Ports of one channel that are told apart.
const PORTS_MAX: usize = 16;

/// What an event says of a channel.
#[derive(Clone, Debug, Default, Serialize)]
pub struct C2Detail {
    /// `address`, `http`, `tls`, `dns` or `protocol`.
    pub channel: &'static str,
    /// The listed value.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub indicator: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub list: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub family: Option<String>,
    /// Conversations.
    pub contacts: u64,
    /// Median time between two, in seconds; absent where there are fewer than three.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interval_s: Option<f64>,
    /// Median distance from it, as a share of it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub jitter: Option<f64>,
    /// The controller's ports, if there are several.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ports: Vec<u16>,
    /// The controller's address is a victim's, by the list.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub compromised: bool,
    /// Why it is a suspect: `lookup`, `beacon`, `dga`, `tunnel`, `sinkhole`, `inbound`, `protocol`, `certificate`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doubt: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beacon: Option<BeaconDetail>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub names: Option<NamesDetail>,
    #[serde(skip)]
    pub server_name: Option<String>,
    #[serde(skip)]
    pub ja3: Option<String>,
    #[serde(skip)]
    pub known: Option<Indicator>,
    #[serde(skip)]
    pub evidence: Option<Excerpt>,
}

/// The parts of a beacon's score, each from 0 to 1.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct BeaconDetail {
    pub score: f64,
    pub timestamp: f64,
    pub size: f64,
    pub duration: f64,
    pub histogram: f64,
}

/// What questions for names come to.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct NamesDetail {
    pub questions: u64,
    /// Distinct domains that do not exist, or distinct names below the domain.
    pub distinct: u64,
    /// Share of answers that say that there is no such name, in percent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing_percent: Option<u64>,
    /// Mean length of a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name_bytes: Option<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct Key {
    kind: &'static str,
    controller: Option<Addr>,
    host: Addr,
    /// Of suspects: why.
    doubt: &'static str,
}

/// A channel so far.
struct Case {
    id: EventId,
    course: Course,
    channel: Channel,
    port: Option<u16>,
    ports: Vec<u16>,
    transport: Transport,
    hit: Option<Hit>,
    indicator: Vec<u8>,
    family: Option<&'static str>,
    server_name: Vec<u8>,
    ja3: Option<[u8; 16]>,
    evidence: Option<Box<Evidence>>,
    contacts: u64,
    last_contact_ns: u64,
    intervals: Vec<f64>,
    beacon: Option<beacon::Score>,
    names: Option<NamesDetail>,
}

/// Where a name led a host, until when.
#[derive(Clone, Copy)]
struct Led {
    name: u32,
    until_s: u32,
    /// From when on.
    since_ns: u64,
}

/// The reporter's side.
pub struct C2Board {
    indicators: Arc<Indicators>,
    cases: BTreeMap<Key, Case>,
    /// By host and address.
    led: HashMap<(Addr, Addr), Led, FixedState>,
    /// Listed names that were asked for, and what the lists say of them.
    asked: Vec<(Vec<u8>, Hit)>,
    names: Names,
    silence: Silence,
}

impl C2Board {
    pub fn new(shared: &Shared) -> Self {
        C2Board {
            indicators: shared.indicators.clone(),
            cases: BTreeMap::new(),
            led: HashMap::default(),
            asked: Vec::new(),
            names: Names::default(),
            silence: Silence::default(),
        }
    }

    /// A slice is complete.
    pub fn slice(&mut self, now_s: u32, tally: &mut C2Tally, out: &mut Conclusions<'_>) {
        *out.evicted += tally.evicted;
        for record in tally.channels.iter() {
            self.channel(now_s, record, out);
        }
        // What led somewhere comes before who went there.
        for named in tally.named.iter() {
            self.named(now_s, named, out);
        }
        for contact in tally.contacts.iter() {
            self.contact(now_s, contact, out);
        }
        for beacon in tally.beacons.iter() {
            self.beacon(now_s, beacon, out);
        }
        for &(host, answers) in tally.askers.iter() {
            self.names.answered(now_s, host, u64::from(answers));
        }
        for note in tally.notes.iter() {
            if let Some(found) = self.names.add(now_s, note, &out.settings.c2) {
                self.found(now_s, &found, out);
            }
        }
        *out.evicted += std::mem::take(&mut self.names.evicted);
        if self.silence.is_due(now_s) {
            self.led.retain(|_, led| led.until_s >= now_s);
            let (quiet_s, suspect_s) = (out.settings.c2.quiet_s as u32, out.settings.c2.suspect_quiet_s as u32);
            let over =
                |key: &Key, case: &Case| now_s.saturating_sub(case.course.last_s) > if key.kind == "c2" { quiet_s } else { suspect_s };
            let ended: Vec<Key> = self.cases.iter().filter(|(key, case)| over(key, case)).map(|(key, _)| *key).collect();
            for key in ended {
                self.end(key, out);
            }
        }
    }

    fn case(&mut self, key: Key, start_ns: u64, country: Country, direction: Direction, out: &mut Conclusions<'_>) -> Option<&mut Case> {
        if !self.cases.contains_key(&key) && self.cases.len() as u64 >= out.settings.c2.channels {
            *out.evicted += 1;
            return None;
        }
        Some(self.cases.entry(key).or_insert_with(|| Case {
            id: EventId::of(key.kind, key.controller.unwrap_or(Addr::NONE), key.host, start_ns, key.doubt),
            course: Course::new(start_ns, country, direction, Attribution::unproved(country)),
            channel: Channel::Address,
            port: None,
            ports: Vec::new(),
            transport: Transport::Tcp,
            hit: None,
            indicator: Vec::new(),
            family: None,
            server_name: Vec::new(),
            ja3: None,
            evidence: None,
            contacts: 0,
            last_contact_ns: 0,
            intervals: Vec::new(),
            beacon: None,
            names: None,
        }))
    }

    fn channel(&mut self, now_s: u32, record: &Channelled, out: &mut Conclusions<'_>) {
        let key = match record.doubt {
            None => Key { kind: "c2", controller: Some(record.controller), host: record.host, doubt: "" },
            Some(doubt) => Key { kind: "c2_suspect", controller: Some(record.controller), host: record.host, doubt: doubt.name() },
        };
        // Nobody controls from a sinkhole: its country is none of the ranking.
        let country = if record.doubt == Some(Doubt::Sinkhole) { Country::NONE } else { record.country };
        let Some(case) = self.case(key, record.start_ns, country, record.direction, out) else { return };
        case.course.add(now_s, record.start_ns, record.packets, clamp(record.bytes), record.attribution);
        case.course.add(now_s, record.last_ns, 0, 0, record.attribution);
        if record.contact {
            case.contacted(record.start_ns);
        }
        case.shown(record.channel, record.port, record.transport, record.hit, &record.indicator);
        case.family = case.family.or(record.family);
        case.ja3 = case.ja3.or(record.ja3);
        if case.evidence.is_none() {
            case.evidence.clone_from(&record.evidence);
        }
        if case.server_name.is_empty() {
            case.server_name.clone_from(&record.server_name);
        }
    }

    /// A host was told where a listed name leads.
    fn named(&mut self, now_s: u32, named: &Named, out: &mut Conclusions<'_>) {
        let name = match self.asked.iter().position(|(name, _)| *name == named.name) {
            Some(at) => at,
            None if self.asked.len() < LED_MAX => {
                self.asked.push((named.name.clone(), named.hit));
                self.asked.len() - 1
            }
            None => {
                *out.evicted += 1;
                return;
            }
        };
        for &address in &named.addresses {
            if self.led.len() >= LED_MAX && !self.led.contains_key(&(named.client, address)) {
                *out.evicted += 1;
                continue;
            }
            let since_ns = self.led.get(&(named.client, address)).map_or(named.time_ns, |led| led.since_ns.min(named.time_ns));
            self.led.insert((named.client, address), Led { name: name as u32, until_s: now_s.saturating_add(named.ttl_s), since_ns });
        }
        // Until a contact follows, it is a question and no more.
        let doubt = if named.hit.usage == Usage::Sinkhole { "sinkhole" } else { "lookup" };
        let key = Key { kind: "c2_suspect", controller: None, host: named.client, doubt };
        let Some(case) = self.case(key, named.time_ns, Country::NONE, named.direction, out) else { return };
        case.course.add(now_s, named.time_ns, 1, named.bytes, Attribution::Unknown);
        case.shown(Channel::Dns, 53, Transport::Udp, Some(named.hit), &named.name);
    }

    /// A host talks with somebody: did a listed name lead there?
    fn contact(&mut self, now_s: u32, contact: &Contact, out: &mut Conclusions<'_>) {
        let Some(led) = self.led.get(&(contact.host, contact.server)).filter(|led| led.since_ns <= contact.time_ns && led.until_s >= now_s)
        else {
            return;
        };
        let Some((name, hit)) = self.asked.get(led.name as usize).cloned() else { return };
        let sinkhole = hit.usage == Usage::Sinkhole;
        let key = if sinkhole {
            Key { kind: "c2_suspect", controller: Some(contact.server), host: contact.host, doubt: Doubt::Sinkhole.name() }
        } else {
            Key { kind: "c2", controller: Some(contact.server), host: contact.host, doubt: "" }
        };
        let country = if sinkhole { Country::NONE } else { contact.country };
        // What another sign showed of this conversation counts it already.
        let counted = self.cases.get(&key).is_some_and(|case| case.channel != Channel::Dns);
        let Some(case) = self.case(key, contact.time_ns, country, contact.direction, out) else { return };
        if !counted {
            case.course.add(now_s, contact.time_ns, contact.packets, contact.bytes, contact.attribution);
            case.contacted(contact.time_ns);
        }
        case.shown(Channel::Dns, contact.port, contact.transport, Some(hit), &name);
        // The question was the channel's: it is no suspect any more.
        self.cases.remove(&Key { kind: "c2_suspect", controller: None, host: contact.host, doubt: "lookup" });
    }

    fn beacon(&mut self, now_s: u32, beacon: &Beacon, out: &mut Conclusions<'_>) {
        let Some(score) = beacon::score(beacon) else { return };
        if score.total * 100.0 < out.settings.c2.beacon_percent as f64 {
            return;
        }
        let key = Key { kind: "c2_suspect", controller: Some(beacon.server), host: beacon.host, doubt: "beacon" };
        let before = self.cases.get(&key).map_or(0, |case| case.contacts);
        let Some(case) = self.case(key, beacon.first_ns, beacon.country, Direction::Inbound, out) else { return };
        // Each call is a handshake at least, in which the server proved its address.
        let calls = u64::from(beacon.calls).saturating_sub(before);
        case.course.add(now_s, beacon.last_ns, u32::try_from(calls * 3).unwrap_or(u32::MAX), 0, Attribution::Proved);
        case.contacts = u64::from(beacon.calls);
        case.shown(Channel::Address, beacon.port, Transport::Tcp, None, b"");
        case.beacon = Some(score);
    }

    fn found(&mut self, now_s: u32, found: &Found, out: &mut Conclusions<'_>) {
        let (doubt, missing_percent, name_bytes) = match found.what {
            What::Made { missing_percent } => ("dga", Some(missing_percent), None),
            What::Carried { name_bytes } => ("tunnel", None, Some(name_bytes)),
        };
        let key = Key { kind: "c2_suspect", controller: None, host: found.host, doubt };
        let Some(case) = self.case(key, found.time_ns, Country::NONE, found.direction, out) else { return };
        let before = case.names.map_or(0, |names| names.questions);
        let more = u32::try_from(found.questions.saturating_sub(before)).unwrap_or(u32::MAX);
        case.course.add(now_s, found.time_ns, more, clamp(found.bytes), Attribution::Unknown);
        case.shown(Channel::Dns, 53, Transport::Udp, None, &found.domain);
        case.names = Some(NamesDetail { questions: found.questions, distinct: found.distinct, missing_percent, name_bytes });
    }

    fn end(&mut self, key: Key, out: &mut Conclusions<'_>) {
        let Some(mut case) = self.cases.remove(&key) else { return };
        // A pair whose channel is known needs no suspicion.
        if key.kind == "c2_suspect" && self.cases.contains_key(&Key { kind: "c2", doubt: "", ..key }) && !case.course.started() {
            return;
        }
        case.report(&key, &self.indicators, State::Ended, out);
    }

    /// A window ends.
    pub fn window_end(&mut self, out: &mut Conclusions<'_>) {
        let held: Vec<(Option<Addr>, Addr)> =
            self.cases.keys().filter(|key| key.kind == "c2").map(|key| (key.controller, key.host)).collect();
        for (key, case) in &mut self.cases {
            // A question may still be followed by a contact: it waits until its answer is old.
            let waits = key.doubt == "lookup" || key.kind == "c2_suspect" && held.binary_search(&(key.controller, key.host)).is_ok();
            if case.course.has_grown() && !waits {
                case.report(key, &self.indicators, State::Ongoing, out);
            }
        }
    }

    /// The input ends.
    pub fn finish(&mut self, out: &mut Conclusions<'_>) {
        // Suspects first: a channel that stands excuses them.
        let mut keys: Vec<Key> = self.cases.keys().copied().collect();
        keys.sort_unstable_by_key(|key| (std::cmp::Reverse(key.kind), *key));
        for key in keys {
            self.end(key, out);
        }
    }
}

fn clamp(bytes: u64) -> u32 {
    u32::try_from(bytes).unwrap_or(u32::MAX)
}

/// Three digits behind the point: a record says no more than is known.
fn rounded(number: f64) -> f64 {
    (number * 1000.0).round() / 1000.0
}

/// The median of some numbers.
fn median(numbers: &mut [f64]) -> Option<f64> {
    let middle = numbers.len() / 2;
    (!numbers.is_empty()).then(|| *numbers.select_nth_unstable_by(middle, f64::total_cmp).1)
}

impl Case {
    fn contacted(&mut self, time_ns: u64) {
        if self.contacts > 0 && self.intervals.len() < INTERVALS_MAX {
            self.intervals.push(time_ns.saturating_sub(self.last_contact_ns) as f64 / 1e9);
        }
        self.contacts += 1;
        self.last_contact_ns = self.last_contact_ns.max(time_ns);
    }

    /// Keeps what says most.
    fn shown(&mut self, channel: Channel, port: u16, transport: Transport, hit: Option<Hit>, indicator: &[u8]) {
        if self.port.is_none() || channel > self.channel {
            (self.channel, self.port, self.transport) = (channel, Some(port), transport);
            self.indicator = indicator.to_vec();
            self.hit = hit.or(self.hit);
        }
        if !self.ports.contains(&port) && self.ports.len() < PORTS_MAX {
            self.ports.push(port);
            self.ports.sort_unstable();
        }
    }

    /// Median interval and jitter of the contacts.
    fn rhythm(&self) -> Option<(f64, f64)> {
        if let Some(score) = &self.beacon {
            return Some((score.interval_s, score.jitter));
        }
        if self.intervals.len() < 2 {
            return None;
        }
        let interval = median(&mut self.intervals.clone())?;
        let mut distances: Vec<f64> = self.intervals.iter().map(|value| (value - interval).abs()).collect();
        let distance = median(&mut distances)?;
        Some((interval, if interval > 0.0 { distance / interval } else { 0.0 }))
    }

    fn report(&mut self, key: &Key, indicators: &Indicators, state: State, out: &mut Conclusions<'_>) {
        let source = key.controller.unwrap_or(Addr::NONE);
        let benign = key.controller.and_then(|addr| out.benign.scanner(addr)).map(str::to_string);
        if key.controller.is_some() {
            self.course.count(out.rows, key.kind, benign.is_some(), source, [key.host]);
        } else {
            self.course.count_without_source(out.rows, key.kind, [key.host]);
        }
        let text = |bytes: &[u8]| Some(printable(bytes)).filter(|text| !text.is_empty());
        let rhythm = self.rhythm();
        let family = self.hit.and_then(|hit| indicators.family(&hit).map(str::to_string));
        let score = |score: &beacon::Score| BeaconDetail {
            score: rounded(score.total),
            timestamp: rounded(score.timestamp),
            size: rounded(score.size),
            duration: rounded(score.duration),
            histogram: rounded(score.histogram),
        };
        out.events.push(Event {
            id: self.id,
            kind: key.kind,
            state,
            start_ns: self.course.first_ns,
            end_ns: self.course.last_ns,
            source: key.controller,
            source_country: self.course.country,
            target: Some(key.host),
            target_port: None,
            transport: if self.transport == Transport::Udp { "udp" } else { "tcp" },
            protocol: match self.channel {
                Channel::Http => Some("http"),
                Channel::Tls => Some("tls"),
                Channel::Dns if key.controller.is_none() => Some("dns"),
                _ => None,
            },
            direction: self.course.direction,
            attribution: self.course.attribution(),
            benign,
            entry: None,
            packets: self.course.packets,
            bytes: self.course.bytes,
            detail: Detail::C2(Box::new(C2Detail {
                channel: self.channel.name(),
                indicator: text(&self.indicator),
                list: self.hit.map(|hit| indicators.list(&hit).name.clone()),
                family: self.family.map(str::to_string).or(family).map(|name| printable(name.as_bytes())),
                contacts: self.contacts,
                interval_s: rhythm.map(|(interval, _)| rounded(interval)),
                jitter: rhythm.map(|(_, jitter)| rounded(jitter)),
                ports: self.ports.clone(),
                compromised: self.hit.is_some_and(|hit| hit.compromised),
                doubt: Some(key.doubt).filter(|doubt| !doubt.is_empty()),
                beacon: self.beacon.as_ref().map(score),
                names: self.names,
                server_name: text(&self.server_name),
                ja3: self.ja3.map(|print| digits::written(&print)),
                evidence: self.evidence.as_deref().map(Evidence::excerpt),
                known: self.hit.map(|hit| Indicator::of(&hit, indicators)),
            })),
        });
    }
}
