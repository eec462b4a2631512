//! Scans begin, go on and end: the threshold random walk per source over merged lanes.

use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use foldhash::fast::FixedState;
use serde::Serialize;

use crate::addr::Addr;
use crate::attribute::{Direction, Home};
use crate::conclude::{Conclusions, Course, Detail, Event, EventId, SLICE_NS, Silence, State};
use crate::decode::Transport;
use crate::dispatch::site;
use crate::keyed::Keyed;
use crate::settings;
use crate::tally::Distinct;

use super::group::{Groups, Part};
use super::memory::{Outcome, Record, ScanTally};
use super::method::{Distances, Method, distances, tool_marks, unicornscan_key};

/// Sources that the reporter follows at a time. When full, the quarter that is worth least makes room.
const FOLLOWED_MAX: usize = 16_384;
/// Ports of one source that are counted apart, and targets.
const PORTS_MAX: usize = 64;
const TARGETS_MAX: usize = 32;
/// Ports named in an event.
const PORTS_NAMED: usize = 16;
/// First contacts of a tool's mark that make a scan: by chance three 16-bit marks in a row are 1 in 2^48.
const TOOL_CONTACTS: u64 = 3;
/// A scan with no more contacts than this an hour is slow.
const SLOW_PER_HOUR: u64 = 120;

/// What an event says of a scan.
#[derive(Clone, Debug, Serialize)]
pub struct ScanDetail {
    pub shape: &'static str,
    pub method: Method,
    pub tool: &'static str,
    pub targets: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
    pub ports: BTreeMap<String, u64>,
    pub distinct_ports: u64,
    pub contacts: u64,
    pub failures: u64,
    pub slow: bool,
    /// Unused home addresses, with their ports, that it touched.
    #[serde(skip_serializing_if = "is_zero")]
    pub dark: u64,
    /// Sources that share the work; distributed scans only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub members: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub countries: Vec<Part>,
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// Contacts and outcomes. Failures are what neither succeeded nor is too young to have failed.
#[derive(Clone, Debug, Default)]
struct Walk {
    contacts: u64,
    successes: u64,
    /// Connections in which somebody said something.
    spoken: u64,
    /// Contacts of the last slices that are still open.
    young: Vec<(u32, u64)>,
    targets: Distinct,
    ports: Distinct,
    /// Targets of contacts that are known by their number only.
    unseen_targets: u64,
}

impl Walk {
    /// Distinct targets, for comparisons with small numbers.
    fn targets_at_least(&self) -> u64 {
        self.targets.at_least().saturating_add(self.unseen_targets)
    }

    fn contact(&mut self, now_s: u32, count: u64) {
        self.contacts += count;
        match self.young.last_mut() {
            Some((slice, young)) if *slice == now_s => *young += count,
            _ => self.young.push((now_s, count)),
        }
    }

    /// An outcome closes the oldest open contact: which one it is makes no difference to the sum.
    fn close(&mut self) {
        if let Some(at) = self.young.iter().position(|&(_, young)| young > 0) {
            self.young[at].1 -= 1;
        }
    }

    fn grow_old(&mut self, now_s: u32, answer_s: u32) {
        self.young.retain(|&(slice, young)| young > 0 && slice.saturating_add(answer_s) > now_s);
    }

    /// Contacts that may yet be answered.
    fn young(&self) -> u64 {
        self.young.iter().map(|&(_, young)| young).sum()
    }

    fn failures(&self) -> u64 {
        self.contacts.saturating_sub(self.successes).saturating_sub(self.young())
    }

    /// Failures less successes.
    fn position(&self) -> i64 {
        self.failures() as i64 - self.successes as i64
    }
}

/// Walks under a few keys, in the order in which they were met. A source mostly goes on where it was.
struct Few<K> {
    walks: Vec<(K, Walk)>,
    last: usize,
}

impl<K> Default for Few<K> {
    fn default() -> Self {
        Few { walks: Vec::new(), last: 0 }
    }
}

impl<K: Copy + PartialEq> Few<K> {
    /// The walk of a key; made if there is room for it.
    fn of(&mut self, key: K, most: usize) -> Option<&mut Walk> {
        if self.walks.get(self.last).is_none_or(|(known, _)| *known != key) {
            match self.walks.iter().position(|(known, _)| *known == key) {
                Some(place) => self.last = place,
                None if self.walks.len() < most => {
                    self.walks.push((key, Walk::default()));
                    self.last = self.walks.len() - 1;
                }
                None => return None,
            }
        }
        self.walks.get_mut(self.last).map(|(_, walk)| walk)
    }

    fn values(&self) -> impl Iterator<Item = &Walk> {
        self.walks.iter().map(|(_, walk)| walk)
    }
}

struct Followed {
    site: Addr,
    /// The address seen first.
    source: Addr,
    one_address: bool,
    course: Course,
    whole: Walk,
    /// The first ports and targets, each with its own walk.
    by_port: Few<(Transport, u16)>,
    by_target: Few<Addr>,
    methods: [u64; Method::COUNT],
    /// Marks that every contact bears, and the contacts that were looked at.
    tool: u8,
    marked: u64,
    first_seq: Option<u32>,
    nmap_seq: bool,
    /// The first contact's distances, and whether all have shared them so far.
    distances: Distances,
    mirai: bool,
    masscan: bool,
    /// unicornscan's key by the first contact, and whether all have shared it so far.
    key: u32,
    unicornscan: bool,
    estimated: bool,
    /// Unused addresses and ports that it touched.
    dark: Distinct,
    /// The first targets, for the distinct targets of rows.
    targets: Vec<Addr>,
    open: Option<EventId>,
    /// Already among those that this slice has touched.
    touched: bool,
}

/// The reporter's side.
pub struct ScanBoard {
    keyed: Keyed,
    dark: Option<Arc<Home>>,
    /// Places in `followed`.
    places: HashMap<Key, usize, FixedState>,
    followed: Vec<Followed>,
    /// Sources to look at again when their contacts have had time for an answer, by when that is.
    due: BTreeMap<u32, Vec<Key>>,
    touched: Vec<usize>,
    silence: Silence,
    groups: Groups,
}

type Key = (Addr, Direction);

/// Targets kept of a scan for its rows' distinct counts; beyond it the event's own estimate stands.
const ROW_TARGETS_MAX: usize = 512;

impl ScanBoard {
    pub fn new(keyed: Keyed, dark: Option<Arc<Home>>) -> Self {
        ScanBoard {
            keyed,
            dark,
            places: HashMap::default(),
            followed: Vec::new(),
            due: BTreeMap::new(),
            touched: Vec::new(),
            silence: Silence::default(),
            groups: Groups::default(),
        }
    }

    /// Takes a slice's merged tally and concludes.
    pub fn slice(&mut self, now_s: u32, tally: &mut ScanTally, out: &mut Conclusions<'_>) {
        self.look_again(now_s, out);
        self.expire(now_s, out);
        self.touched.clear();
        for record in tally.records.iter() {
            let key = (site(record.source), record.direction);
            // Ports of a host under flood are touched by the flood.
            if !out.flooded.is_empty() && out.flooded.contains(&record.target) {
                if let Some(&place) = self.places.get(&key) {
                    self.followed[place].floods(record);
                }
                continue;
            }
            if matches!(record.outcome, Outcome::Contact | Outcome::SoftContact | Outcome::Alone) {
                self.groups.contact(&self.keyed, now_s, key.0, record);
            }
            if record.outcome == Outcome::Alone {
                continue;
            }
            let place = match self.places.get(&key) {
                Some(&place) => place,
                // An outcome of what made room in the meantime.
                None if matches!(record.outcome, Outcome::Success | Outcome::Refused | Outcome::Aborted) => continue,
                None => {
                    if self.followed.len() >= FOLLOWED_MAX {
                        self.make_room(out);
                    }
                    self.followed.push(Followed::new(record));
                    self.places.insert(key, self.followed.len() - 1);
                    self.followed.len() - 1
                }
            };
            let followed = &mut self.followed[place];
            if !std::mem::replace(&mut followed.touched, true) {
                self.touched.push(place);
            }
            if record.outcome == Outcome::Success && record.count > 0 {
                self.groups.answered(key.0, record.direction, record.transport, record.port);
            }
            followed.add(&self.keyed, now_s, record);
            let contact = matches!(record.outcome, Outcome::Contact | Outcome::SoftContact);
            if contact && self.dark.as_ref().is_some_and(|dark| dark.contains(record.target)) {
                followed.dark.add(self.keyed.words(record.target.0, u64::from(record.port)));
            }
        }
        // What many share is looked at before what one does alone.
        let (followed, places) = (&mut self.followed, &self.places);
        self.groups.look(now_s, out, |source, direction, contacts| {
            places.get(&(source, direction)).and_then(|&place| followed.get_mut(place)).is_some_and(|followed| followed.join(contacts))
        });
        let due_s = now_s.saturating_add(out.settings.scan.answer_s as u32);
        for &place in &self.touched {
            let Some(followed) = self.followed.get_mut(place) else { continue };
            followed.touched = false;
            followed.decide(now_s, &out.settings.scan, &mut self.groups);
            if followed.open.is_none() {
                self.due.entry(due_s).or_default().push(followed.key());
            }
            followed.tell(out);
        }
    }

    fn look_again(&mut self, now_s: u32, out: &mut Conclusions<'_>) {
        while let Some(entry) = self.due.first_entry() {
            if *entry.key() > now_s {
                break;
            }
            let due_s = *entry.key();
            for key in entry.remove() {
                if let Some(&place) = self.places.get(&key) {
                    self.followed[place].decide(due_s, &out.settings.scan, &mut self.groups);
                    self.followed[place].tell(out);
                }
            }
        }
    }

    fn expire(&mut self, now_s: u32, out: &mut Conclusions<'_>) {
        if !self.silence.is_due(now_s) {
            return;
        }
        let quiet_s = out.settings.scan.quiet_s as u32;
        let memory_s = out.settings.scan.memory_s as u32;
        let over = |followed: &Followed| {
            let idle_s = now_s.saturating_sub(followed.course.last_s);
            if followed.open.is_none() { idle_s > memory_s } else { idle_s > quiet_s.max(followed.usual_gap_s().saturating_mul(4)) }
        };
        let keys: Vec<Key> = self.followed.iter().filter(|followed| over(followed)).map(Followed::key).collect();
        self.end(keys, out);
    }

    /// Ends these sources, in their order.
    fn end(&mut self, mut keys: Vec<Key>, out: &mut Conclusions<'_>) {
        keys.sort_unstable();
        for key in keys {
            let Some(place) = self.places.remove(&key) else { continue };
            let mut followed = self.followed.swap_remove(place);
            if let Some(moved) = self.followed.get(place) {
                self.places.insert(moved.key(), place);
            }
            followed.report(State::Ended, out);
        }
    }

    /// The quarter that is worth least makes room: those that succeeded somewhere, with the fewest failures, the longest silent.
    fn make_room(&mut self, out: &mut Conclusions<'_>) {
        // Places move: what this slice has touched is looked at now.
        for &place in &self.touched {
            if let Some(followed) = self.followed.get_mut(place) {
                followed.touched = false;
            }
        }
        self.touched.clear();
        let mut worth: Vec<_> = self
            .followed
            .iter()
            .map(|f| (f.open.is_some(), f.whole.successes == 0, f.whole.failures(), f.course.last_s, f.key()))
            .collect();
        worth.sort_unstable();
        worth.truncate(FOLLOWED_MAX / 4);
        *out.evicted += worth.len() as u64;
        self.end(worth.into_iter().map(|(.., key)| key).collect(), out);
    }

    /// The first contacts of a source whose scan goes on, as far as they are its own and not a group's.
    pub fn scans(&self, source: Addr) -> Option<u64> {
        let site = site(source);
        let followed = |direction: &Direction| self.places.get(&(site, *direction)).map(|&place| &self.followed[place]);
        let open = Direction::ALL.iter().filter_map(followed).find(|followed| followed.open.is_some());
        open.map(|followed| followed.whole.contacts).or_else(|| self.groups.holds(site).then_some(0))
    }

    /// The places in the order of their sources.
    fn in_order(&self) -> Vec<usize> {
        let mut places: Vec<usize> = (0..self.followed.len()).collect();
        places.sort_unstable_by_key(|&place| self.followed[place].key());
        places
    }

    /// A window ends.
    pub fn window_end(&mut self, out: &mut Conclusions<'_>) {
        self.groups.window_end(out);
        for place in self.in_order() {
            let followed = &mut self.followed[place];
            if followed.course.has_grown() {
                followed.report(State::Ongoing, out);
            }
        }
    }

    /// The input ends: contacts still open have failed as far as anybody will know.
    pub fn finish(&mut self, out: &mut Conclusions<'_>) {
        for place in self.in_order() {
            let followed = &mut self.followed[place];
            followed.decide(u32::MAX, &out.settings.scan, &mut self.groups);
            followed.tell(out);
            followed.report(State::Ended, out);
        }
        self.groups.finish(out);
        self.followed.clear();
        self.places.clear();
        self.due.clear();
    }
}

impl Followed {
    fn new(record: &Record) -> Self {
        Followed {
            site: site(record.source),
            source: record.source,
            one_address: true,
            course: Course::new(record.time_ns, record.country, record.direction, record.attribution),
            whole: Walk::default(),
            by_port: Few::default(),
            by_target: Few::default(),
            methods: [0; Method::COUNT],
            tool: u8::MAX,
            marked: 0,
            first_seq: None,
            nmap_seq: true,
            distances: Distances::default(),
            mirai: true,
            masscan: true,
            key: 0,
            unicornscan: true,
            estimated: false,
            dark: Distinct::default(),
            targets: Vec::new(),
            open: None,
            touched: false,
        }
    }

    /// The target is under flood, and this source takes part: its contacts there before the flood was noticed were the flood's beginning.
    fn floods(&mut self, record: &Record) {
        let there = self.by_target.walks.iter().find(|(target, _)| *target == record.target).map_or(0, |(_, walk)| walk.contacts);
        if self.open.is_none() && there > 0 && 2 * there >= self.whole.contacts {
            *self = Followed { touched: self.touched, ..Followed::new(record) };
        }
    }

    fn key(&self) -> Key {
        (self.site, self.course.direction)
    }

    fn add(&mut self, keyed: &Keyed, now_s: u32, record: &Record) {
        self.course.add(now_s, record.time_ns, record.packets, record.bytes, record.attribution);
        self.one_address &= record.source == self.source;
        let count = u64::from(record.count);
        let mut none = Walk::default();
        let mut no_target = Walk::default();
        let by_port = self.by_port.of((record.transport, record.port), PORTS_MAX).unwrap_or(&mut none);
        // A source that goes through a network has no target of its own.
        let many = self.by_target.walks.len() >= TARGETS_MAX && self.whole.targets.at_least() >= 2 * TARGETS_MAX as u64;
        let by_target = if many || matches!(record.outcome, Outcome::Beyond | Outcome::Earlier) {
            None
        } else {
            self.by_target.of(record.target, TARGETS_MAX)
        };
        let by_target = by_target.unwrap_or(&mut no_target);
        let walks = [&mut self.whole, by_port, by_target];
        match record.outcome {
            Outcome::Contact | Outcome::SoftContact => {
                let target = keyed.addr(record.target);
                let service = keyed.words(u128::from(record.port), record.transport as u64);
                // Silence after a datagram of its own kind says little of home's clients; from abroad nobody has business with a silent host.
                let counts = record.outcome == Outcome::Contact || record.direction == Direction::Inbound;
                for walk in walks {
                    if counts {
                        walk.contact(now_s, 1);
                    }
                    walk.targets.add(target);
                    walk.ports.add(service);
                }
                self.methods[record.method as usize] += 1;
                self.tool &= record.tool;
                self.marked += 1;
                let distances = match record.target.as_v4() {
                    Some(target) if record.transport == Transport::Tcp => distances(target, record.port, record.seq, record.ip_id),
                    _ => {
                        (self.mirai, self.masscan) = (false, false);
                        Distances::default()
                    }
                };
                let key = match record.target.as_v4() {
                    Some(target) if record.method == Method::Syn => {
                        Some(unicornscan_key(target, record.port, record.source_port, record.seq))
                    }
                    _ => None,
                };
                self.unicornscan &= key.is_some_and(|key| self.first_seq.is_none() || key == self.key);
                self.key = key.unwrap_or_default();
                match self.first_seq {
                    None => (self.first_seq, self.distances) = (Some(record.seq), distances),
                    Some(first) => {
                        self.mirai &= distances.mirai == self.distances.mirai;
                        self.masscan &= distances.masscan == self.distances.masscan;
                        let mixed = first ^ record.seq;
                        self.nmap_seq &= mixed >> 16 == mixed & 0xffff;
                    }
                }
                if self.targets.len() < ROW_TARGETS_MAX {
                    self.targets.push(record.target);
                }
            }
            Outcome::Alone => {}
            Outcome::Beyond => {
                let [whole, by_port, _] = walks;
                whole.contact(now_s, count);
                by_port.contact(now_s, count);
                self.methods[record.method as usize] += count;
                self.estimated = true;
            }
            Outcome::Earlier => {
                let [whole, by_port, _] = walks;
                for walk in [whole, by_port] {
                    walk.contacts += count;
                    walk.successes += count;
                    walk.unseen_targets += count;
                }
                self.methods[record.method as usize] += count;
                self.estimated = true;
            }
            Outcome::Success => {
                for walk in walks {
                    if count > 0 {
                        walk.successes += count;
                        walk.close();
                    }
                }
            }
            Outcome::Spoken => {
                for walk in walks {
                    walk.spoken += 1;
                }
            }
            Outcome::Refused => walks.into_iter().for_each(Walk::close),
            Outcome::Aborted => {
                for walk in walks {
                    walk.successes = walk.successes.saturating_sub(1);
                }
            }
        }
    }

    fn decide(&mut self, now_s: u32, limits: &settings::scan, groups: &mut Groups) {
        let answer_s = limits.answer_s as u32;
        self.whole.grow_old(now_s, answer_s);
        if self.open.is_some() {
            return;
        }
        for (_, walk) in &mut self.by_port.walks {
            walk.grow_old(now_s, answer_s);
        }
        for (_, walk) in &mut self.by_target.walks {
            walk.grow_old(now_s, answer_s);
        }
        if self.is_scan(limits) && !groups.holds(self.site) {
            groups.alone(self.site);
            let target = if self.vertical() { self.main_target() } else { None };
            self.open =
                Some(EventId::of("scan", self.site, target.unwrap_or(Addr::NONE), self.course.first_ns, self.course.direction.name()));
        }
    }

    /// Gives up an event of its own for one that is shared, if most of its contacts are shared and no window has its event yet.
    fn join(&mut self, shared: u64) -> bool {
        let joins = !self.course.started() && self.whole.contacts <= 2 * shared;
        if joins {
            self.open = None;
        }
        joins
    }

    /// Tells the other detectors of a scan over ports.
    fn tell(&self, out: &mut Conclusions<'_>) {
        if self.open.is_some() && self.shape() != "horizontal" {
            out.port_scanners.insert(self.site);
        }
    }

    fn is_scan(&self, limits: &settings::scan) -> bool {
        let walk = limits.walk as i64;
        let horizontal = self.by_port.values().any(|port| port.position() >= walk && port.targets.at_least() >= limits.targets);
        // Connections to many hosts in which nobody says anything: whoever has business says what.
        let silent = self.by_port.walks.iter().filter(|((transport, _), _)| *transport == Transport::Tcp).any(|(_, port)| {
            port.targets_at_least() >= limits.silent_targets
                && port.spoken * 10 <= port.contacts
                && port.contacts - port.young() >= limits.silent_targets
        });
        let over_ports = self.whole.position() >= 2 * walk && self.whole.targets.at_least() >= limits.targets && self.whole.successes == 0;
        let vertical = self
            .by_target
            .values()
            .any(|target| target.ports.at_least() >= limits.ports && 2 * target.failures() >= target.contacts && target.position() >= walk);
        let marked = self.tool_name() != "unknown"
            && !matches!(self.tool_name(), "nmap")
            && self.marked >= TOOL_CONTACTS
            && (self.whole.targets.at_least() >= TOOL_CONTACTS || self.whole.ports.at_least() >= TOOL_CONTACTS);
        // Nobody has business with an address that nobody uses; one may be mistyped, and a client tries again.
        let dark = self.dark.at_least() >= limits.dark_contacts;
        horizontal || silent || over_ports || vertical || marked || dark
    }

    fn tool_name(&self) -> &'static str {
        if self.marked < 2 {
            return "unknown";
        }
        let syn = self.methods[Method::Syn as usize] > 0;
        match self.tool {
            _ if self.mirai && self.several_targets() => "mirai",
            _ if self.marked < TOOL_CONTACTS => "unknown",
            tool if tool & tool_marks::ZMAP != 0 => "zmap",
            _ if self.masscan && (self.distances.masscan == 0 || self.marked > TOOL_CONTACTS) => "masscan",
            _ if self.unicornscan => "unicornscan",
            tool if tool & tool_marks::HPING3 != 0 && syn => "hping3",
            tool if tool & tool_marks::NMAP != 0 && self.nmap_seq => "nmap",
            _ => "unknown",
        }
    }

    /// A target's address in the sequence number shows only where targets differ.
    fn several_targets(&self) -> bool {
        self.whole.targets.at_least() >= 2 && (self.distances.mirai == 0 || self.marked >= TOOL_CONTACTS)
    }

    fn vertical(&self) -> bool {
        self.shape() == "vertical"
    }

    /// Horizontal, vertical and block as in Staniford, Hoagland, McAlerney, Journal of Computer Security 2002; the bounds after the Zeek package
    /// bro-simple-scan: up to five ports are an address scan.
    fn shape(&self) -> &'static str {
        let (targets, ports) = (self.whole.targets.count(), self.whole.ports.count());
        if targets <= 2 && ports >= 3 {
            "vertical"
        } else if ports <= 5 {
            "horizontal"
        } else if targets >= 5 && ports >= 6 && self.whole.contacts * 10 >= 3 * targets * ports {
            "block"
        } else if ports > targets {
            "vertical"
        } else {
            "horizontal"
        }
    }

    /// Distinct targets. An estimate may exceed what is possible, as there are no more than contacts; the figure does not.
    fn targets_count(&self) -> u64 {
        let count = self.whole.targets.count() + self.whole.unseen_targets;
        if self.whole.targets.is_estimate() { count.min(self.marked.max(self.whole.contacts)) } else { count }
    }

    fn main_target(&self) -> Option<Addr> {
        self.by_target.walks.iter().max_by_key(|(addr, walk)| (walk.contacts, Reverse(*addr))).map(|(addr, _)| *addr)
    }

    fn main_method(&self) -> Method {
        let most = Method::ALL.into_iter().max_by_key(|&method| (self.methods[method as usize], Reverse(method)));
        most.unwrap_or(Method::Other)
    }

    fn span_s(&self) -> u64 {
        (self.course.last_ns - self.course.first_ns) / SLICE_NS
    }

    /// The mean time between two contacts so far, in seconds.
    fn usual_gap_s(&self) -> u32 {
        (self.span_s() / self.whole.contacts.max(1)) as u32
    }

    fn report(&mut self, state: State, out: &mut Conclusions<'_>) {
        let Some(id) = self.open else { return };
        let benign = out.benign.scanner(self.source).map(str::to_string);
        self.course.count(out.rows, "scan", benign.is_some(), self.source, self.targets.iter().copied());
        let shape = self.shape();
        let span_s = self.span_s();
        let mut ports: Vec<_> = self.by_port.walks.iter().filter(|(_, walk)| walk.targets.count() > 0).collect();
        ports.sort_by_key(|((transport, port), walk)| (Reverse(walk.targets.count()), *transport, *port));
        let method = self.main_method();
        let only_port = match self.by_port.walks[..] {
            [((_, port), _)] => Some(port),
            _ => None,
        };
        out.events.push(Event {
            id,
            kind: "scan",
            state,
            start_ns: self.course.first_ns,
            end_ns: self.course.last_ns,
            source: Some(if self.one_address { self.source } else { self.site }),
            source_country: self.course.country,
            target: if self.whole.targets.count() == 1 { self.main_target() } else { None },
            target_port: only_port.filter(|&port| port != 0),
            transport: method.transport(),
            protocol: None,
            direction: self.course.direction,
            attribution: self.course.attribution(),
            benign,
            entry: None,
            packets: self.course.packets,
            bytes: self.course.bytes,
            detail: Detail::Scan(ScanDetail {
                shape,
                method,
                tool: self.tool_name(),
                targets: self.targets_count(),
                estimated: self.estimated || self.whole.targets.is_estimate(),
                ports: ports
                    .into_iter()
                    .take(PORTS_NAMED)
                    .map(|((transport, port), walk)| (name_of(*transport, *port), walk.targets.count()))
                    .collect(),
                distinct_ports: self.whole.ports.count(),
                contacts: self.whole.contacts,
                failures: self.whole.failures(),
                slow: span_s >= 600 && self.whole.contacts * 3600 <= SLOW_PER_HOUR * span_s,
                dark: self.dark.count(),
                members: None,
                countries: Vec::new(),
            }),
        });
    }
}

/// `tcp/502`; `icmp` for what has no ports.
pub(super) fn name_of(transport: Transport, port: u16) -> String {
    match transport {
        Transport::Tcp => format!("tcp/{port}"),
        Transport::Udp => format!("udp/{port}"),
        Transport::Sctp => format!("sctp/{port}"),
        Transport::Icmp => "icmp".into(),
        Transport::Other | Transport::Link => "other".into(),
    }
}
