//! Distributed scans: many sources that share the work, none of which is a scanner by itself.
//!
//! Sources with a few failed contacts each are put together by service and method. Scanners that draw targets at random hit some of them
//! twice: n contacts on N targets reach N (1 - e^(-n/N)) of them. Sources that divide the targets among themselves do not.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use serde::Serialize;

use crate::addr::Addr;
use crate::attribute::{Attribution, Country, Direction};
use crate::conclude::{Conclusions, Detail, Event, EventId, RowKey, Share, State};
use crate::decode::Transport;
use crate::keyed::Keyed;
use crate::settings;
use crate::tally::Distinct;

use super::followed::{ScanDetail, name_of};
use super::memory::Record;
use super::method::{Method, distances, tool_marks};

/// Groups under watch at a time.
const GROUPS_MAX: usize = 4096;
/// Sources of one group.
const MEMBERS_MAX: usize = 4096;
/// Contacts from which on a source is no small part of something larger.
const MEMBER_CONTACTS_MAX: u64 = 16;
/// Ports named in an event.
const PORTS_NAMED: usize = 16;
/// Targets of a member's contacts that are remembered: a contact that was told alone comes again when its source is handed over.
const TOLD: usize = 4;
/// Contacts over distinct targets up to which the targets are divided rather than drawn, in percent.
const OVERLAP_PERCENT_MAX: u64 = 120;

/// What a group is made of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Service {
    pub direction: Direction,
    pub transport: Transport,
    pub port: u16,
    pub method: Method,
    /// The targets' addresses stand in the sequence numbers: Mirai's bots choose between ports by themselves, and share one scan over them
    /// all. Its port is 0.
    pub mirai: bool,
}

impl Service {
    /// What a first contact is part of.
    pub fn of(record: &Record) -> Self {
        let &Record { direction, transport, method, port, .. } = record;
        let mirai = transport == Transport::Tcp && method == Method::Syn && record.target.as_v4() == Some(record.seq);
        Service { direction, transport, method, mirai, port: if mirai { 0 } else { port } }
    }
}

#[derive(Clone, Copy, Default)]
struct Member {
    country: Country,
    contacts: u64,
    packets: u64,
    bytes: u64,
    answered: u64,
    /// The source has a scan event of its own.
    alone: bool,
    /// Hashes of the first targets.
    told: [u32; TOLD],
}

struct Group {
    service: Service,
    first_ns: u64,
    last_ns: u64,
    last_s: u32,
    members: BTreeMap<Addr, Member>,
    targets: Distinct,
    /// Distinct targets by port.
    ports: BTreeMap<u16, Distinct>,
    /// Marks that all contacts bear.
    tool: u8,
    masscan: bool,
    contacts: u64,
    open: Option<EventId>,
    started_counted: bool,
    counted: BTreeMap<Country, (u64, u64)>,
}

/// A country's part in a distributed scan.
#[derive(Clone, Debug, Serialize)]
pub struct Part {
    pub country: &'static str,
    pub sources: u64,
    pub packets: u64,
}

/// The groups of the reporter.
#[derive(Default)]
pub struct Groups {
    groups: HashMap<Service, Group, FixedState>,
    ended: u64,
}

impl Groups {
    /// How many groups have ended so far.
    pub fn ended(&self) -> u64 {
        self.ended
    }

    /// Takes note of a first contact; `target` is the keyed hash of its target. Returns whether the source's next contact with the service
    /// matters, too: until a group ends, those of a source that has grown too large do not.
    pub fn contact(&mut self, keyed: &Keyed, now_s: u32, source: Addr, record: &Record, target: u64) -> bool {
        let service = Service::of(record);
        if !self.groups.contains_key(&service) && self.groups.len() >= GROUPS_MAX {
            return true;
        }
        let group = self.groups.entry(service).or_insert_with(|| Group {
            service,
            first_ns: record.time_ns,
            last_ns: record.time_ns,
            last_s: now_s,
            members: BTreeMap::new(),
            targets: Distinct::default(),
            ports: BTreeMap::new(),
            tool: u8::MAX,
            masscan: true,
            contacts: 0,
            open: None,
            started_counted: false,
            counted: BTreeMap::new(),
        });
        if group.members.len() >= MEMBERS_MAX && !group.members.contains_key(&source) {
            return true;
        }
        let member = group.members.entry(source).or_default();
        if member.contacts > MEMBER_CONTACTS_MAX {
            return false;
        }
        let told = keyed.words(record.target.0, record.port.into()) as u32 | 1;
        if member.told.contains(&told) {
            return true;
        }
        if let Some(free) = member.told.iter_mut().find(|free| **free == 0) {
            *free = told;
        }
        member.country = record.country;
        member.contacts += 1;
        member.packets += u64::from(record.packets.max(1));
        member.bytes += u64::from(record.bytes);
        group.contacts += 1;
        group.last_s = now_s;
        group.first_ns = group.first_ns.min(record.time_ns);
        group.last_ns = group.last_ns.max(record.time_ns);
        group.targets.add(target);
        group.tool &= record.tool;
        group.masscan &= record.transport == Transport::Tcp
            && record.target.as_v4().is_some_and(|target| distances(target, record.port, record.seq, record.ip_id).masscan == 0);
        if group.ports.len() < PORTS_NAMED || group.ports.contains_key(&record.port) {
            group.ports.entry(record.port).or_default().add(target);
        }
        true
    }

    /// Takes note of an answer to a member's contact.
    pub fn answered(&mut self, source: Addr, direction: Direction, transport: Transport, port: u16) {
        for method in [Method::Syn, Method::Connect, Method::Udp, Method::Icmp] {
            for (mirai, port) in [(false, port), (true, 0)] {
                let service = Service { direction, transport, port, method, mirai };
                if let Some(member) = self.groups.get_mut(&service).and_then(|group| group.members.get_mut(&source)) {
                    member.answered += 1;
                }
            }
        }
    }

    /// A source has a scan of its own.
    pub fn alone(&mut self, source: Addr) {
        for group in self.groups.values_mut() {
            if group.open.is_none()
                && let Some(member) = group.members.get_mut(&source)
            {
                member.alone = true;
            }
        }
    }

    /// Whether a source is part of a distributed scan.
    pub fn holds(&self, source: Addr) -> bool {
        self.groups.values().any(|group| group.open.is_some() && group.members.get(&source).is_some_and(|member| !member.alone))
    }

    /// Opens what has become a distributed scan, and ends what is over. `joins` is asked of sources with an event of their own, by their
    /// contacts in the group, whether they give it up for the shared one.
    pub fn look(&mut self, now_s: u32, out: &mut Conclusions<'_>, mut joins: impl FnMut(Addr, Direction, u64) -> bool) {
        let limits = &out.settings.scan;
        for group in self.groups.values_mut().filter(|group| group.open.is_none()) {
            if !group.could_be_scan(now_s, limits) {
                continue;
            }
            // Whether a source was found alone before the others came must not matter.
            let alone: Vec<Addr> =
                group.members.iter().filter(|(_, member)| member.alone && member.is_small()).map(|(addr, _)| *addr).collect();
            for addr in &alone {
                if let Some(member) = group.members.get_mut(addr) {
                    member.alone = !joins(*addr, group.service.direction, member.contacts);
                }
            }
            if group.is_scan(limits) {
                let what = if group.service.mirai { "mirai".into() } else { name_of(group.service.transport, group.service.port) };
                group.open = Some(EventId::of("scan", Addr::NONE, Addr::NONE, group.first_ns, &what));
            }
        }
        let over = |group: &Group| {
            let quiet_s = if group.open.is_some() { limits.quiet_s } else { limits.distributed_s };
            now_s.saturating_sub(group.last_s) > quiet_s as u32
        };
        let mut ended: Vec<Service> = self.groups.iter().filter(|(_, group)| over(group)).map(|(service, _)| *service).collect();
        ended.sort_unstable();
        self.ended += ended.len() as u64;
        for service in ended {
            if let Some(mut group) = self.groups.remove(&service) {
                group.report(State::Ended, out);
            }
        }
    }

    fn in_order(&self) -> Vec<Service> {
        let mut services: Vec<Service> = self.groups.keys().copied().collect();
        services.sort_unstable();
        services
    }

    /// A window ends.
    pub fn window_end(&mut self, out: &mut Conclusions<'_>) {
        for service in self.in_order() {
            if let Some(group) = self.groups.get_mut(&service) {
                group.report(State::Ongoing, out);
            }
        }
    }

    /// The input ends.
    pub fn finish(&mut self, out: &mut Conclusions<'_>) {
        for service in self.in_order() {
            if let Some(mut group) = self.groups.remove(&service) {
                group.report(State::Ended, out);
            }
        }
    }
}

impl Member {
    /// Few enough contacts to be a part of something larger.
    fn is_small(&self) -> bool {
        self.contacts <= MEMBER_CONTACTS_MAX
    }
}

impl Group {
    /// The small, silent parts: sources with a few contacts that were not answered.
    fn parts(&self) -> impl Iterator<Item = (&Addr, &Member)> {
        self.members.iter().filter(|(_, member)| !member.alone && member.is_small())
    }

    /// Whether there is enough to be looked at: what all its sources did, those with events of their own among them.
    fn could_be_scan(&self, now_s: u32, limits: &settings::scan) -> bool {
        if self.last_s != now_s {
            return false;
        }
        let enough = self.members.len() as u64 >= limits.distributed_sources && self.contacts >= limits.distributed_contacts;
        let divided = self.service.mirai || self.contacts * 100 <= self.targets.count() * OVERLAP_PERCENT_MAX;
        enough && divided && limits.distributed_s > 0 && self.small_sources() >= limits.distributed_sources
    }

    fn small_sources(&self) -> u64 {
        self.members.values().filter(|member| member.is_small()).count() as u64
    }

    fn is_scan(&self, limits: &settings::scan) -> bool {
        let (mut sources, mut contacts, mut answered) = (0, 0, 0);
        for (_, member) in self.parts() {
            sources += 1;
            contacts += member.contacts;
            answered += member.answered.min(member.contacts);
        }
        sources >= limits.distributed_sources && contacts >= limits.distributed_contacts && answered * 5 <= contacts
    }

    /// What made all its packets, if they tell.
    fn tool(&self) -> &'static str {
        match self.tool {
            _ if self.service.mirai => "mirai",
            tool if tool & tool_marks::ZMAP != 0 => "zmap",
            _ if self.masscan => "masscan",
            tool if tool & tool_marks::HPING3 != 0 && self.service.method == Method::Syn => "hping3",
            _ => "unknown",
        }
    }

    /// The port of most targets.
    fn main_port(&self) -> u16 {
        self.ports.iter().max_by_key(|(port, targets)| (targets.count(), std::cmp::Reverse(**port))).map_or(0, |(&port, _)| port)
    }

    fn report(&mut self, state: State, out: &mut Conclusions<'_>) {
        let Some(id) = self.open else { return };
        let started = !self.started_counted;
        let mut by_country: BTreeMap<Country, (u64, u64, u64)> = BTreeMap::new();
        let (mut sources, mut contacts, mut answered, mut packets, mut bytes) = (0, 0, 0, 0, 0);
        for (_, member) in self.parts() {
            let part = by_country.entry(member.country).or_default();
            *part = (part.0 + 1, part.1 + member.packets, part.2 + member.bytes);
            sources += 1;
            contacts += member.contacts;
            answered += member.answered.min(member.contacts);
            packets += member.packets;
            bytes += member.bytes;
        }
        let before: (u64, u64) = self.counted.values().fold((0, 0), |sum, counted| (sum.0 + counted.0, sum.1 + counted.1));
        if packets <= before.0 && state == State::Ongoing {
            return;
        }
        self.started_counted = true;
        for (&country, &(_, packets, bytes)) in &by_country {
            let counted = self.counted.insert(country, (packets, bytes)).unwrap_or_default();
            let attribution = Attribution::unproved(country);
            let key = RowKey { kind: "scan", direction: self.service.direction, country, attribution, benign: false };
            let share = Share { started, packets: packets.saturating_sub(counted.0), bytes: bytes.saturating_sub(counted.1) };
            let members = self.parts().filter(|(_, member)| member.country == country).map(|(addr, _)| *addr);
            out.rows.part(key, share, members, []);
        }
        let share = Share { started, packets: packets.saturating_sub(before.0), bytes: bytes.saturating_sub(before.1) };
        out.rows.total("scan", share);
        let mut countries: Vec<Part> =
            by_country.iter().map(|(country, &(sources, packets, _))| Part { country: country.code(), sources, packets }).collect();
        countries.sort_by_key(|part| (std::cmp::Reverse(part.sources), part.country));
        let span_s = (self.last_ns - self.first_ns) / 1_000_000_000;
        out.events.push(Event {
            id,
            kind: "scan",
            state,
            start_ns: self.first_ns,
            end_ns: self.last_ns,
            source: None,
            source_country: Country::NONE,
            target: None,
            target_port: Some(self.main_port()).filter(|&port| port != 0),
            transport: self.service.method.transport(),
            protocol: None,
            direction: self.service.direction,
            attribution: Attribution::Plausible,
            benign: None,
            entry: None,
            packets,
            bytes,
            detail: Detail::Scan(ScanDetail {
                shape: "distributed",
                method: self.service.method,
                tool: self.tool(),
                targets: self.targets.count(),
                estimated: self.targets.is_estimate(),
                ports: self.ports.iter().map(|(&port, targets)| (name_of(self.service.transport, port), targets.count())).collect(),
                distinct_ports: self.ports.len() as u64,
                contacts,
                failures: contacts - answered,
                slow: span_s >= 3600,
                dark: 0,
                members: Some(sources),
                countries,
            }),
        });
    }
}
