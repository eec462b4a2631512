//! A source that the reporter follows: what its contacts came to, whether that is a scan, and what its event says.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::addr::Addr;
use crate::attribute::Direction;
use crate::conclude::{Conclusions, Course, Detail, Event, EventId, SLICE_NS, State};
use crate::decode::Transport;
use crate::dispatch::site;
use crate::keyed::Keyed;
use crate::settings;
use crate::tally::Distinct;

use super::group::{Groups, Part, Service};
use super::memory::{Outcome, Record};
use super::method::{Distances, Method, distances, tool_marks, unicornscan_key};
use super::walk::{Few, Walk};

/// Ports of one source that are counted apart, and targets.
const PORTS_MAX: usize = 64;
const TARGETS_MAX: usize = 32;
/// Ports named in an event.
const PORTS_NAMED: usize = 16;
/// First contacts of a tool's mark that make a scan: by chance three 16-bit marks in a row are 1 in 2^48.
const TOOL_CONTACTS: u64 = 3;
/// Distinct ports that make contacts with a few hosts a scan of ports: a client asks for one service or two, also where they are down.
const FEW_HOSTS_PORTS: u64 = 5;
/// Share of contacts that have a target and a port of their own where a server speaks to its clients: more than estimates and clients that
/// happen to share a port take from it.
const SERVED_SHARE: (u64, u64) = (3, 4);
/// Share of the contacts on a port that must have failed where many of its targets did and others answered: half of a network may live,
/// and whoever watches over hosts or visits them knows that most do. Chosen.
const SWEPT_FAILED_SHARE: u64 = 4;
/// Failed contacts that a conversation makes up for where a home host calls abroad as clients do. With one peer in five there, it takes part in
/// something; who looks for hosts finds fewer that have something to say to it. Chosen.
const SPOKEN_WORTH: i64 = 4;
/// Bits of an address that tell hosts of a network apart: a /24 of IPv4, a /64 of IPv6.
const HOST_BITS_V4: u32 = 8;
const HOST_BITS_V6: u32 = 64;
/// Distinct ports from which on a home host may be one of many peers, each of which has a port of its own, and how many peers may come to one
/// port: clients have a few usual ports, and others draw theirs. Chosen.
const PEERS_PORTS: u64 = 16;
const PEERS_PER_PORT: u64 = 4;
/// How long before a flood's first packet its senders may have been seen: the slice in which it begins is seldom whole.
const FLOOD_BEGINS_NS: u64 = SLICE_NS;
/// A scan with no more contacts than this an hour is slow.
const SLOW_PER_HOUR: u64 = 120;
/// Targets kept of a scan for its rows' distinct counts; beyond it the event's own estimate stands.
const ROW_TARGETS_MAX: usize = 512;

/// What sources are told apart by.
pub type Key = (Addr, Direction);

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

/// What a source did on one port.
#[derive(Default)]
struct OnPort {
    walk: Walk,
    /// Empty while the source has touched no other port: then they are all its targets.
    targets: Distinct,
    /// The group that takes no more of the source's contacts here, as of which number of groups ended.
    full: Option<(Service, u64)>,
}

/// What a source did to one target.
#[derive(Default)]
struct OnTarget {
    walk: Walk,
    ports: Distinct,
}

/// A source with its contacts.
pub struct Followed {
    site: Addr,
    /// The address seen first.
    source: Addr,
    one_address: bool,
    pub course: Course,
    pub whole: Walk,
    /// All targets, and all ports.
    hosts: Distinct,
    services: Distinct,
    /// The first ports and targets, each with its own walk.
    by_port: Few<(Transport, u16), OnPort>,
    by_target: Few<Addr, OnTarget>,
    methods: [u64; Method::COUNT],
    /// Marks that every contact bears, and the contacts that were looked at.
    tool: u8,
    marked: u64,
    first_seq: Option<u32>,
    /// The first contact's source port, and whether all have shared it so far.
    source_port: u16,
    one_source_port: bool,
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
    pub dark: Distinct,
    /// The first targets, for the distinct targets of rows.
    targets: Vec<Addr>,
    pub open: Option<EventId>,
    /// Already among those that this slice has touched.
    pub touched: bool,
}

impl Followed {
    pub fn new(record: &Record) -> Self {
        Followed {
            site: site(record.source),
            source: record.source,
            one_address: true,
            course: Course::new(record.time_ns, record.country, record.direction, record.attribution),
            whole: Walk::default(),
            hosts: Distinct::default(),
            services: Distinct::default(),
            by_port: Few::default(),
            by_target: Few::default(),
            methods: [0; Method::COUNT],
            tool: u8::MAX,
            marked: 0,
            first_seq: None,
            source_port: record.source_port,
            one_source_port: true,
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
    pub fn floods(&mut self, record: &Record) {
        let there = self.by_target.walks.iter().find(|(target, _)| *target == record.target).map_or(0, |(_, target)| target.walk.contacts);
        if self.open.is_none() && there > 0 && 2 * there >= self.whole.contacts {
            *self = Followed { touched: self.touched, ..Followed::new(record) };
        }
    }

    /// Whether most of its contacts were with hosts that came under flood as it began, unless a window has an event of it already. Who scanned
    /// before is a scanner.
    pub fn is_of_flood(&self, flooded: &BTreeMap<Addr, u64>) -> bool {
        let by_then = self.course.first_ns.saturating_add(FLOOD_BEGINS_NS);
        let there = self.targets.iter().filter(|target| flooded.get(target).is_some_and(|&since_ns| by_then >= since_ns)).count();
        there > 0 && 2 * there >= self.targets.len() && !(self.open.is_some() && self.course.started())
    }

    pub fn key(&self) -> Key {
        (self.site, self.course.direction)
    }

    /// Brings what is known of a target into the cache before its turn.
    #[inline]
    pub fn touch(&self, target_hash: u64) {
        self.hosts.touch(target_hash);
        if let [_, .., (_, port)] = &self.by_port.walks[..] {
            port.targets.touch(target_hash);
        }
    }

    /// The place of a port's walk, if there is room for it.
    fn port_place(&mut self, key: (Transport, u16)) -> Option<usize> {
        let before = self.by_port.walks.len();
        let place = self.by_port.place(key, PORTS_MAX);
        if let (1, [(_, first), _]) = (before, &mut self.by_port.walks[..]) {
            first.targets = self.hosts.clone();
        }
        place
    }

    /// The targets of contacts on a port.
    fn targets_on<'a>(&'a self, port: &'a OnPort) -> &'a Distinct {
        if self.by_port.walks.len() == 1 { &self.hosts } else { &port.targets }
    }

    /// Takes note of a record; `target_hash` is the keyed hash of its target.
    pub fn add(&mut self, keyed: &Keyed, now_s: u32, record: &Record, target_hash: u64, groups: &mut Groups) {
        self.course.add(now_s, record.time_ns, record.packets, record.bytes, record.attribution);
        self.one_address &= record.source == self.source;
        let count = u64::from(record.count);
        let port = self.port_place((record.transport, record.port));
        // A source that goes through a network has no target of its own.
        let many = self.by_target.walks.len() >= TARGETS_MAX && self.hosts.at_least() >= 2 * TARGETS_MAX as u64;
        let target = if many || matches!(record.outcome, Outcome::Beyond | Outcome::Earlier) {
            None
        } else {
            self.by_target.place(record.target, TARGETS_MAX)
        };
        let several_ports = self.by_port.walks.len() > 1;
        let mut by_port = port.and_then(|place| self.by_port.get_mut(place));
        let mut by_target = target.and_then(|place| self.by_target.get_mut(place));
        if matches!(record.outcome, Outcome::Contact | Outcome::SoftContact) {
            let service = Service::of(record);
            let full = Some((service, groups.ended()));
            if by_port.as_ref().is_none_or(|port| port.full != full)
                && !groups.contact(keyed, now_s, self.site, record, target_hash)
                && let Some(port) = &mut by_port
            {
                port.full = full;
            }
            let port_hash = keyed.words(u128::from(record.port), record.transport as u64);
            self.hosts.add(target_hash);
            self.services.add(port_hash);
            if let Some(port) = by_port.as_mut().filter(|_| several_ports) {
                port.targets.add(target_hash);
            }
            if let Some(target) = &mut by_target {
                target.ports.add(port_hash);
            }
        }
        // Silence after a datagram of its own kind says little of home's clients; from abroad nobody has business with a silent host.
        let tells = record.outcome != Outcome::SoftContact || record.direction == Direction::Inbound;
        let walks = [Some(&mut self.whole), by_port.map(|port| &mut port.walk), by_target.map(|target| &mut target.walk)];
        for walk in walks.into_iter().flatten().filter(|_| tells) {
            match record.outcome {
                Outcome::Contact | Outcome::SoftContact | Outcome::Beyond => walk.contact(now_s, count),
                Outcome::Earlier => walk.earlier(count),
                Outcome::Success if count > 0 => walk.succeed(count),
                Outcome::Spoken => walk.spoken += 1,
                Outcome::Replied => walk.replied += 1,
                Outcome::Refused => walk.close(),
                Outcome::Aborted => walk.successes = walk.successes.saturating_sub(1),
                Outcome::Alone | Outcome::Success => {}
            }
        }
        match record.outcome {
            Outcome::Contact | Outcome::SoftContact => self.mark(record),
            Outcome::Beyond | Outcome::Earlier => {
                self.methods[record.method as usize] += count;
                self.estimated = true;
            }
            _ => {}
        }
    }

    /// Takes note of how a contact was made.
    fn mark(&mut self, record: &Record) {
        self.methods[record.method as usize] += 1;
        self.marked += 1;
        self.one_source_port &= record.source_port == self.source_port;
        // Most sources bear no tool's marks, which their first contacts tell.
        let may_bear = self.mirai | self.masscan | self.unicornscan | self.nmap_seq | (self.tool != 0);
        if may_bear {
            self.compare(record);
        }
        if self.targets.len() < ROW_TARGETS_MAX {
            self.targets.push(record.target);
        }
    }

    /// Compares the marks that a contact bears with those of the contacts before.
    fn compare(&mut self, record: &Record) {
        self.tool &= record.tool;
        let distances = match record.target.as_v4() {
            Some(target) if record.transport == Transport::Tcp => distances(target, record.port, record.seq, record.ip_id),
            _ => {
                (self.mirai, self.masscan) = (false, false);
                Distances::default()
            }
        };
        let key = match record.target.as_v4() {
            Some(target) if record.method == Method::Syn => Some(unicornscan_key(target, record.port, record.source_port, record.seq)),
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
    }

    pub fn decide(&mut self, now_s: u32, limits: &settings::scan, groups: &mut Groups) {
        let answer_s = limits.answer_s as u32;
        self.whole.grow_old(now_s, answer_s);
        if self.open.is_some() {
            return;
        }
        self.by_port.values_mut().for_each(|port| port.walk.grow_old(now_s, answer_s));
        self.by_target.values_mut().for_each(|target| target.walk.grow_old(now_s, answer_s));
        if self.is_scan(limits) && !groups.holds(self.site) {
            groups.alone(self.site);
            let target = if self.vertical() { self.main_target() } else { None };
            self.open =
                Some(EventId::of("scan", self.site, target.unwrap_or(Addr::NONE), self.course.first_ns, self.course.direction.name()));
        }
    }

    /// Gives up an event of its own for one that is shared, if most of its contacts are shared and no window has its event yet.
    pub fn join(&mut self, shared: u64) -> bool {
        let joins = !self.course.started() && self.whole.contacts <= 2 * shared;
        if joins {
            self.open = None;
        }
        joins
    }

    /// Tells the other detectors of a scan over ports.
    pub fn tell(&self, out: &mut Conclusions<'_>) {
        if self.open.is_some() && self.shape() != "horizontal" {
            out.port_scanners.insert(self.site);
        }
    }

    fn is_scan(&self, limits: &settings::scan) -> bool {
        let walk = limits.walk as i64;
        let (client, inbound) = (self.is_client(), self.course.direction == Direction::Inbound);
        let targets_min = |client: bool| if client { limits.client_targets.max(limits.targets) } else { limits.targets };
        let peers = client && self.has_peers();
        let horizontal = self.by_port.walks.iter().any(|((transport, _), port)| {
            let client = client && *transport == Transport::Tcp;
            let has_company = || port.walk.failures() as i64 - SPOKEN_WORTH * (port.walk.said() as i64) < walk && self.is_scattered();
            let takes_part = || client && (peers || has_company());
            port.walk.position() >= walk && self.targets_on(port).at_least() >= targets_min(client) && !takes_part()
        });
        // Many hosts that are not there, among others that are.
        let swept = inbound
            && self
                .by_port
                .values()
                .any(|OnPort { walk: on, .. }| on.failures() >= limits.silent_targets && SWEPT_FAILED_SHARE * on.failures() >= on.contacts);
        // Connections to many hosts in which nobody says anything.
        let by_tcp = self.by_port.walks.iter().filter(|((transport, _), _)| *transport == Transport::Tcp && !peers);
        let silent = by_tcp.map(|(_, port)| port).any(|port| {
            self.targets_on(port).at_least().saturating_add(port.walk.unseen_targets) >= limits.silent_targets
                && port.walk.is_silent(limits.silent_targets)
        });
        let over_ports = self.whole.position() >= 2 * walk
            && self.hosts.at_least() >= targets_min(client)
            && self.whole.successes == 0
            && !self.serves();
        let vertical = self.by_target.values().any(|OnTarget { walk: on, ports }| {
            ports.at_least() >= limits.ports && 2 * on.failures() >= on.contacts && on.position() >= walk
        });
        // The same of many ports of one host; and some ports of each of a few, most of which refuse.
        let over_tcp = inbound && !matches!(self.main_method(), Method::Udp | Method::Icmp);
        let silent_ports =
            self.by_target.values().any(|on| on.ports.at_least() >= limits.silent_targets && on.walk.is_silent(limits.silent_targets));
        let few_hosts = self.by_target.values().map(|on| on.ports.at_least()).sum::<u64>() >= limits.ports
            && self.services.at_least() >= FEW_HOSTS_PORTS
            && !self.serves()
            && 2 * self.whole.failures() >= self.whole.contacts
            && self.whole.position() >= 2 * walk;
        let marked = self.tool_name() != "unknown"
            && !matches!(self.tool_name(), "nmap")
            && self.marked >= TOOL_CONTACTS
            && (self.hosts.at_least() >= TOOL_CONTACTS || self.services.at_least() >= TOOL_CONTACTS);
        // Nobody has business with an address that nobody uses; one may be mistyped, and a client tries again.
        let dark = self.dark.at_least() >= limits.dark_contacts;
        horizontal || swept || silent || over_ports || vertical || over_tcp && (silent_ports || few_hosts) || marked || dark
    }

    /// Whether a home host calls abroad by its operating system, as clients do, which try again what is down.
    fn is_client(&self) -> bool {
        let of_tcp = |method: &Method| method.transport() == "tcp";
        let by_tcp: u64 = Method::ALL.iter().filter(|method| of_tcp(method)).map(|&method| self.methods[method as usize]).sum();
        self.course.direction == Direction::Outbound && 2 * self.methods[Method::Connect as usize] > by_tcp
    }

    /// Whether most targets, of those that are kept, stand in networks of their own, as those do that take part in something; a network that
    /// is gone through has many.
    fn is_scattered(&self) -> bool {
        let networks: BTreeSet<u128> =
            self.targets.iter().map(|target| target.0 >> if target.is_v4() { HOST_BITS_V4 } else { HOST_BITS_V6 }).collect();
        2 * networks.len() > self.targets.len()
    }

    /// Whether most hosts that it calls have a port of their own: file sharing and the like, where many that were there are gone.
    fn has_peers(&self) -> bool {
        let (hosts, services) = (self.hosts.count(), self.services.count());
        services >= PEERS_PORTS && services * PEERS_PER_PORT >= hosts && self.whole.contacts * 2 <= hosts * 3
    }

    /// Whether the source speaks from one port to many hosts, each at a port of its own, and opens no connection: so do a server to its clients,
    /// also when it ends what they have forgotten, and a peer to its peers, where what they send is not seen or their conversations began
    /// before. A scanner goes on with a port.
    fn serves(&self) -> bool {
        let most = |count: u64| count * SERVED_SHARE.1 >= self.marked * SERVED_SHARE.0;
        self.one_source_port
            && self.source_port != 0
            && matches!(self.main_method(), Method::Ack | Method::Udp | Method::Fin | Method::Maimon)
            && most(self.hosts.count())
            && most(self.services.count())
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
        self.hosts.at_least() >= 2 && (self.distances.mirai == 0 || self.marked >= TOOL_CONTACTS)
    }

    fn vertical(&self) -> bool {
        self.shape() == "vertical"
    }

    /// Horizontal, vertical and block as in Staniford, Hoagland, McAlerney, Journal of Computer Security 2002; the bounds after the Zeek package
    /// bro-simple-scan: up to five ports are an address scan.
    fn shape(&self) -> &'static str {
        let (targets, ports) = (self.hosts.count(), self.services.count());
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
        let count = self.hosts.count() + self.whole.unseen_targets;
        if self.hosts.is_estimate() { count.min(self.marked.max(self.whole.contacts)) } else { count }
    }

    fn main_target(&self) -> Option<Addr> {
        self.by_target.walks.iter().max_by_key(|(addr, target)| (target.walk.contacts, Reverse(*addr))).map(|(addr, _)| *addr)
    }

    fn main_method(&self) -> Method {
        let most = Method::ALL.into_iter().max_by_key(|&method| (self.methods[method as usize], Reverse(method)));
        most.unwrap_or(Method::Other)
    }

    fn span_s(&self) -> u64 {
        (self.course.last_ns - self.course.first_ns) / SLICE_NS
    }

    /// The mean time between two contacts so far, in seconds.
    pub fn usual_gap_s(&self) -> u32 {
        (self.span_s() / self.whole.contacts.max(1)) as u32
    }

    pub fn report(&mut self, state: State, out: &mut Conclusions<'_>) {
        let Some(id) = self.open else { return };
        let benign = out.benign.scanner(self.source).map(str::to_string);
        self.course.count(out.rows, "scan", benign.is_some(), self.source, self.targets.iter().copied());
        let shape = self.shape();
        let span_s = self.span_s();
        let mut ports: Vec<_> = self
            .by_port
            .walks
            .iter()
            .map(|((transport, port), on)| (self.targets_on(on).count(), *transport, *port))
            .filter(|&(targets, ..)| targets > 0)
            .collect();
        ports.sort_by_key(|&(targets, transport, port)| (Reverse(targets), transport, port));
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
            target: if self.hosts.count() == 1 { self.main_target() } else { None },
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
                estimated: self.estimated || self.hosts.is_estimate(),
                ports: ports.into_iter().take(PORTS_NAMED).map(|(targets, transport, port)| (name_of(transport, port), targets)).collect(),
                distinct_ports: self.services.count(),
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
pub fn name_of(transport: Transport, port: u16) -> String {
    match transport {
        Transport::Tcp => format!("tcp/{port}"),
        Transport::Udp => format!("udp/{port}"),
        Transport::Sctp => format!("sctp/{port}"),
        Transport::Icmp => "icmp".into(),
        Transport::Other | Transport::Link => "other".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::attribute::{Attribution, Country};

    /// A datagram to a host of 192.0.2.0/24.
    fn contact(host: u8, at_s: u64) -> Record {
        Record {
            source: Addr::v4(0x0102_0304),
            target: Addr::v4(0xc000_0200 | u32::from(host)),
            time_ns: at_s * SLICE_NS,
            packets: 1,
            bytes: 60,
            count: 1,
            seq: 0,
            ip_id: 0,
            port: 53,
            source_port: 40_000,
            transport: Transport::Udp,
            method: Method::Udp,
            outcome: Outcome::Contact,
            tool: 0,
            ttl: 57,
            country: Country::NONE,
            direction: Direction::Inbound,
            attribution: Attribution::Plausible,
        }
    }

    /// A source with these records.
    fn followed(at_s: u64, records: impl Iterator<Item = Record>) -> Followed {
        let keyed = Keyed::fixed();
        let mut followed = Followed::new(&contact(0, at_s));
        records.for_each(|record| followed.add(&keyed, at_s as u32, &record, keyed.addr(record.target), &mut Groups::default()));
        followed
    }

    /// A source that has touched so many hosts, from a second of the clock on.
    fn touched(hosts: u8, at_s: u64) -> Followed {
        followed(at_s, (0..hosts).map(|host| contact(host, at_s)))
    }

    #[test]
    fn some_ports_of_a_few_hosts_are_a_scan() {
        let is_scan = |hosts: u8, ports: u16, direction: Direction| {
            let syn = |host, port, outcome| Record {
                port,
                outcome,
                direction,
                // A port of its own for each, as connections have them.
                source_port: 40_000 + port,
                transport: Transport::Tcp,
                method: Method::Connect,
                ..contact(host, 1000)
            };
            let services = (0..hosts).flat_map(|host| (1..=ports).map(move |port| (host, port)));
            let records = services.flat_map(|(host, port)| [syn(host, port, Outcome::Contact), syn(host, port, Outcome::Refused)]);
            let mut source = followed(1000, records);
            source.course.direction = direction;
            source.decide(1001, &settings::scan::default(), &mut Groups::default());
            source.open.is_some()
        };
        assert!(is_scan(3, 14, Direction::Inbound));
        assert!(is_scan(4, 10, Direction::Inbound));
        assert!(!is_scan(3, 4, Direction::Inbound), "too few");
        assert!(!is_scan(3, 14, Direction::Outbound), "clients of what is down");
    }

    /// Whether a source is a scanner whose connections with these hosts, each in a network of its own, come to this.
    fn calls(direction: Direction, calls: impl Iterator<Item = (u8, u16, Option<Outcome>)>) -> bool {
        let records = calls.flat_map(|(host, port, outcome)| {
            let contact = Record {
                target: Addr::v4(0x5102_0005 + (u32::from(host) << 8)),
                port,
                direction,
                transport: Transport::Tcp,
                method: Method::Connect,
                source_port: 40_000 + u16::from(host),
                ..contact(host, 1000)
            };
            let answer = outcome.map(|outcome| Record { outcome, ..contact });
            let spoken =
                answer.filter(|answer| answer.outcome == Outcome::Success).map(|answer| Record { outcome: Outcome::Spoken, ..answer });
            [Some(contact), answer, spoken].into_iter().flatten()
        });
        let mut source = followed(1000, records);
        source.course.direction = direction;
        source.decide(1010, &settings::scan::default(), &mut Groups::default());
        source.open.is_some()
    }

    /// So many hosts at one port, of which one in so many answers.
    fn answering(hosts: u8, one_in: u8) -> impl Iterator<Item = (u8, u16, Option<Outcome>)> {
        (0..hosts).map(move |host| (host, 8333, (host % one_in == one_in - 1).then_some(Outcome::Success)))
    }

    #[test]
    fn clients_of_home_try_again_what_is_gone() {
        assert!(!calls(Direction::Outbound, answering(20, u8::MAX)), "pools that are down");
        assert!(calls(Direction::Inbound, answering(20, u8::MAX)), "nobody abroad has business with so many that are down");
        assert!(!calls(Direction::Outbound, answering(90, 4)), "a peer among peers");
        assert!(calls(Direction::Outbound, answering(90, 20)), "a worm finds few");
        assert!(calls(Direction::Outbound, answering(30, u8::MAX)));
    }

    #[test]
    fn peers_have_ports_of_their_own() {
        let swarm = |usual: u8| {
            let port = move |host: u8| if host % 3 < usual { 6881 } else { 10_000 + u16::from(host) };
            (0..90).map(move |host| (host, port(host), (host % 10 == 0).then_some(Outcome::Success)))
        };
        assert!(!calls(Direction::Outbound, swarm(1)));
        assert!(calls(Direction::Outbound, swarm(3)), "all at one port");
    }

    #[test]
    fn half_of_a_network_that_answers_does_not_make_up_for_the_other() {
        assert!(calls(Direction::Inbound, answering(60, 2)));
        assert!(!calls(Direction::Inbound, answering(40, 2)), "too few to tell from a monitor of what is down");
    }

    #[test]
    fn who_scanned_before_a_flood_is_none_of_its_senders() {
        let flood = |hosts: u8, since_s: u64| -> BTreeMap<Addr, u64> {
            (0..hosts).map(|host| (Addr::v4(0xc000_0200 | u32::from(host)), since_s * SLICE_NS)).collect()
        };
        assert!(touched(20, 1000).is_of_flood(&flood(20, 1000)));
        // The slice in which it begins is seldom whole.
        assert!(touched(20, 999).is_of_flood(&flood(20, 1000)));
        assert!(!touched(20, 998).is_of_flood(&flood(20, 1000)));
        assert!(touched(20, 1000).is_of_flood(&flood(10, 1000)));
        assert!(!touched(20, 1000).is_of_flood(&flood(9, 1000)));
        assert!(!touched(0, 1000).is_of_flood(&flood(20, 1000)));
    }
}
