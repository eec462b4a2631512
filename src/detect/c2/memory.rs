//! A lane's memory of channels: conversations with a listed or recognised controller are followed, and calls are timed.

use std::collections::HashMap;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::addr::Addr;
use crate::attribute::{Attribution, Country, Direction};
use crate::conclude::{Evidence, SLICE_NS};
use crate::decode::Transport;
use crate::detect::conversation::Step;
use crate::detect::packet::Packet;
use crate::detect::payload::{Glance, HEARD_BYTES, Listener, Spoken};
use crate::detect::{Keep, Shared};
use crate::indicators::{Good, Hit, Holdings, Indicators, Usage};
use crate::keyed::Keyed;
use crate::protocol::carried::{Ends, Exchange};
use crate::protocol::digits;
use crate::protocol::dns::{Data, Message as Dns, NameText, TEXT_BYTES_MAX};
use crate::protocol::tls::{self, ja3};
use crate::tally::ByLane;

use super::beacon::{Beacon, Beacons, Opening};
use super::names::{self, Note};
use super::protocol::{self, Heads, Verdict};
use super::staging;

/// Conversations with controllers followed per lane: 16,384 in all.
const FOLLOWED: usize = 256;
/// Records of each kind of one lane in one slice.
const RECORDS_MAX: usize = 1024;
/// Hosts of one lane whose answered questions are counted apart in one slice.
const ASKERS_MAX: usize = 256;
/// Bytes of an indicator that are kept.
const INDICATOR_BYTES: usize = 256;
/// Longest time in seconds that an answer is remembered, whatever it says of itself; shortest, since programs keep answers longer than they should.
const TTL_S: std::ops::RangeInclusive<u32> = 300..=3600;
/// Ports that are called on by a clock everywhere (name and time service).
const CLOCKWORK_PORTS: [u16; 3] = [53, 123, 853];

/// What showed the channel. In the order of how much it says.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Channel {
    Address,
    Dns,
    Tls,
    Http,
    Protocol,
}

impl Channel {
    /// The name as it stands in records.
    pub const fn name(self) -> &'static str {
        match self {
            Channel::Address => "address",
            Channel::Dns => "dns",
            Channel::Tls => "tls",
            Channel::Http => "http",
            Channel::Protocol => "protocol",
        }
    }
}

/// Why something is a suspect and no more.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Doubt {
    /// The controller's address called home, and may have scanned.
    Inbound,
    /// The listed address is held by defenders.
    Sinkhole,
    /// It looks like the protocol and may be something else.
    Protocol,
    /// A certificate that a controller's program makes by itself.
    Certificate,
}

impl Doubt {
    /// The name as it stands in records.
    pub const fn name(self) -> &'static str {
        match self {
            Doubt::Inbound => "inbound",
            Doubt::Sinkhole => "sinkhole",
            Doubt::Protocol => "protocol",
            Doubt::Certificate => "certificate",
        }
    }
}

/// A channel, or what was added to one in a slice.
#[derive(Clone, Debug)]
pub struct Channelled {
    pub controller: Addr,
    pub host: Addr,
    pub port: u16,
    pub transport: Transport,
    pub channel: Channel,
    pub doubt: Option<Doubt>,
    pub hit: Option<Hit>,
    /// The listed value, as seen.
    pub indicator: Vec<u8>,
    /// By protocol.
    pub family: Option<&'static str>,
    pub server_name: Vec<u8>,
    pub ja3: Option<[u8; 16]>,
    /// What both sides said, where evidence is kept; of protocols.
    pub evidence: Option<Box<Evidence>>,
    /// The conversation begins with it.
    pub contact: bool,
    pub start_ns: u64,
    pub last_ns: u64,
    pub packets: u32,
    pub bytes: u64,
    pub country: Country,
    /// From the controller to the host.
    pub direction: Direction,
    pub attribution: Attribution,
}

/// A home host's conversation with somebody abroad in which both sides have spoken: a name may have led to it.
#[derive(Clone, Copy, Debug)]
pub struct Contact {
    pub host: Addr,
    pub server: Addr,
    pub port: u16,
    pub transport: Transport,
    pub country: Country,
    pub direction: Direction,
    pub attribution: Attribution,
    pub time_ns: u64,
    pub packets: u32,
    pub bytes: u32,
}

/// An answer for a listed name.
#[derive(Clone, Debug)]
pub struct Named {
    pub client: Addr,
    pub name: Vec<u8>,
    pub hit: Hit,
    /// Where it leads, if anywhere.
    pub addresses: Vec<Addr>,
    pub ttl_s: u32,
    pub time_ns: u64,
    pub direction: Direction,
    pub bytes: u32,
}

/// What one worker hands over at a slice's end.
#[derive(Default)]
pub struct C2Tally {
    pub channels: ByLane<Box<Channelled>>,
    pub contacts: ByLane<Contact>,
    pub named: ByLane<Box<Named>>,
    pub beacons: ByLane<Box<Beacon>>,
    pub notes: ByLane<Box<Note>>,
    pub askers: ByLane<(Addr, u32)>,
    pub evicted: u64,
}

impl C2Tally {
    pub fn clear(&mut self) {
        self.channels.clear();
        self.contacts.clear();
        self.named.clear();
        self.beacons.clear();
        self.notes.clear();
        self.askers.clear();
        self.evicted = 0;
    }

    pub fn append(&mut self, other: &mut Self) {
        self.channels.append(&mut other.channels);
        self.contacts.append(&mut other.contacts);
        self.named.append(&mut other.named);
        self.beacons.append(&mut other.beacons);
        self.notes.append(&mut other.notes);
        self.askers.append(&mut other.askers);
        self.evicted += other.evicted;
    }
}

/// A conversation that is followed.
#[derive(Debug)]
struct Followed {
    record: Channelled,
    host_spoke: bool,
    controller_spoke: bool,
    /// Its beginning was handed over.
    told: bool,
}

/// A lane's memory.
pub struct C2Memory {
    lane: u8,
    keyed: Keyed,
    indicators: Arc<Indicators>,
    holdings: Holdings,
    followed: HashMap<u64, Followed, FixedState>,
    beacons: Beacons,
    askers: Vec<(Addr, u32)>,
    records: usize,
    contacts: usize,
    notes: usize,
    keep: Keep,
}

/// Who is the controller of a conversation and who the host, and which way it goes.
struct Roles {
    controller: Addr,
    host: Addr,
    port: u16,
    country: Country,
    /// From the controller to the host.
    direction: Direction,
    proved: bool,
}

impl Roles {
    /// The server controls the client: so it is in all but a call from outside.
    fn server_controls(ends: &Ends) -> Self {
        Roles {
            controller: ends.server,
            host: ends.client,
            port: ends.server_port,
            country: ends.server_country,
            direction: ends.direction.reversed(),
            proved: ends.server_proved,
        }
    }
}

impl C2Memory {
    pub fn new(lane: u8, shared: &Shared) -> Self {
        C2Memory {
            lane,
            keyed: shared.keyed.clone(),
            indicators: shared.indicators.clone(),
            holdings: shared.indicators.holdings(),
            followed: HashMap::default(),
            beacons: Beacons::new(shared.keyed.clone()),
            askers: Vec::new(),
            records: 0,
            contacts: 0,
            notes: 0,
            keep: shared.keep,
        }
    }

    /// A conversation in which somebody answered: is one of its ends listed? Asked once for each.
    #[cold]
    fn opened(&mut self, packet: &Packet<'_>) {
        let event_s = packet.now_s;
        let (opener, called) = (packet.opener(), packet.called());
        let direction = packet.opening_direction();
        // Home's own addresses are nobody's controllers, whatever a list says.
        let outward = matches!(direction, Direction::Outbound | Direction::External);
        let inward = matches!(direction, Direction::Inbound | Direction::External);
        if outward && let Some(hit) = self.listed(called, packet.called_port(), event_s) {
            let doubt = self.sinkhole(called, Some(&hit)).then_some(Doubt::Sinkhole);
            let record = Self::of_packet(packet, called, opener, packet.called_port(), Channel::Address, doubt, hit);
            return self.follow(packet.conversation, record, false);
        }
        if inward && let Some(hit) = self.listed(opener, packet.opener_port(), event_s) {
            // Only where the list means the port that it called from is it more than a visitor.
            let doubt = if hit.port.is_some() { None } else { Some(Doubt::Inbound) };
            let record = Self::of_packet(packet, opener, called, packet.opener_port(), Channel::Address, doubt, hit);
            self.follow(packet.conversation, record, false);
        }
    }

    /// An address that a list names as a controller. Not if many stand behind it: whoever is meant, it is not who holds it.
    fn listed(&self, addr: Addr, port: u16, event_s: u32) -> Option<Hit> {
        self.indicators.address(addr, port, event_s).filter(controls).filter(|_| !self.stands_for_many(addr))
    }

    fn stands_for_many(&self, addr: Addr) -> bool {
        matches!(self.indicators.known_good().of(addr), Some(Good::Cdn | Good::Resolver))
    }

    /// Whether defenders hold an address, by the list or by what is known of it.
    fn sinkhole(&self, addr: Addr, hit: Option<&Hit>) -> bool {
        hit.is_some_and(|hit| hit.usage == Usage::Sinkhole) || self.indicators.known_good().of(addr) == Some(Good::Sinkhole)
    }

    fn of_packet(
        packet: &Packet<'_>,
        controller: Addr,
        host: Addr,
        port: u16,
        channel: Channel,
        doubt: Option<Doubt>,
        hit: Hit,
    ) -> Channelled {
        let by_controller = packet.header.source == controller;
        let handshake = packet.seen.step == Step::Completed;
        Channelled {
            controller,
            host,
            port,
            transport: packet.header.transport,
            channel,
            doubt,
            hit: Some(hit),
            indicator: match hit.port {
                Some(port) if controller.is_v4() => format!("{controller}:{port}").into_bytes(),
                Some(port) => format!("[{controller}]:{port}").into_bytes(),
                None => controller.to_string().into_bytes(),
            },
            family: None,
            server_name: Vec::new(),
            ja3: None,
            evidence: None,
            contact: true,
            start_ns: packet.time_ns,
            last_ns: packet.time_ns,
            // SYN and SYN+ACK came before what completes a handshake.
            packets: if handshake { 2 } else { 0 },
            bytes: if handshake { 2 * u64::from(packet.wire_bytes) } else { 0 },
            country: if by_controller { packet.seen.source_country } else { packet.seen.target_country },
            direction: if by_controller { packet.direction } else { packet.direction.reversed() },
            attribution: Attribution::Plausible,
        }
    }

    fn of_ends(&self, ends: &Ends, channel: Channel, hit: Option<Hit>, indicator: &[u8]) -> Channelled {
        let roles = Roles::server_controls(ends);
        // Whose address it is says nothing where many are behind it.
        let many = channel != Channel::Protocol && self.stands_for_many(roles.controller);
        Channelled {
            controller: roles.controller,
            host: roles.host,
            port: roles.port,
            transport: Transport::Tcp,
            channel,
            doubt: self.sinkhole(roles.controller, hit.as_ref()).then_some(Doubt::Sinkhole),
            hit,
            indicator: indicator[..indicator.len().min(INDICATOR_BYTES)].to_vec(),
            family: None,
            server_name: Vec::new(),
            ja3: None,
            evidence: None,
            contact: true,
            start_ns: ends.start_ns,
            last_ns: ends.now_ns,
            packets: ends.packets,
            bytes: ends.bytes,
            country: if many { Country::NONE } else { roles.country },
            direction: roles.direction,
            attribution: match (many, roles.proved) {
                (true, _) => Attribution::Unknown,
                (_, true) => Attribution::Proved,
                _ => Attribution::unproved(roles.country),
            },
        }
    }

    /// Begins to follow a conversation, or learns more of one that is followed. `spoken` says that both sides are known to have spoken.
    fn follow(&mut self, conversation: u64, record: Channelled, spoken: bool) {
        if let Some(known) = self.followed.get_mut(&conversation) {
            known.host_spoke |= spoken;
            known.controller_spoke |= spoken;
            let better = (record.doubt.is_none(), record.channel) > (known.record.doubt.is_none(), known.record.channel);
            if better {
                let Channelled { packets, bytes, start_ns, last_ns, contact, attribution, .. } = known.record;
                // What was counted so far stays counted; the conversation was already a contact if it was told.
                known.record =
                    Channelled { packets, bytes, start_ns, last_ns, contact, attribution: attribution.min(record.attribution), ..record };
            }
            return;
        }
        if self.followed.len() >= FOLLOWED {
            // The one that was silent for longest makes room.
            let oldest = self.followed.iter().min_by_key(|(hash, followed)| (followed.record.last_ns, **hash)).map(|(hash, _)| *hash);
            if let Some(oldest) = oldest {
                self.followed.remove(&oldest);
            }
        }
        self.followed.insert(conversation, Followed { record, host_spoke: spoken, controller_spoke: spoken, told: false });
    }

    /// A packet of a conversation that is followed.
    #[cold]
    fn heard(&mut self, packet: &Packet<'_>) {
        let Some(followed) = self.followed.get_mut(&packet.conversation) else { return };
        if packet.seen.step == Step::Completed && followed.told {
            // The same ports, another connection.
            (followed.told, followed.host_spoke, followed.controller_spoke) = (false, false, false);
            followed.record.start_ns = packet.time_ns;
        }
        let record = &mut followed.record;
        record.packets += 1;
        record.bytes += u64::from(packet.wire_bytes);
        record.last_ns = record.last_ns.max(packet.time_ns);
        let by_controller = packet.header.source == record.controller;
        if by_controller && record.country.is_some() {
            record.attribution = record.attribution.min(packet.source_attribution);
        }
        if !packet.payload.is_empty() {
            followed.controller_spoke |= by_controller;
            followed.host_spoke |= !by_controller;
        }
    }

    fn push(&mut self, tally: &mut C2Tally, record: Channelled) {
        if self.records >= RECORDS_MAX {
            tally.evicted += 1;
            return;
        }
        self.records += 1;
        tally.channels.push(self.lane, Box::new(record));
    }

    fn host_spoke(&mut self, conversation: u64) {
        if let Some(followed) = self.followed.get_mut(&conversation) {
            followed.host_spoke = true;
        }
    }

    /// Whether an answer is for a listed name, or leads over one.
    fn named(&mut self, tally: &mut C2Tally, ends: &Ends, message: &Dns<'_>, event_s: u32) {
        let mut text: NameText = [0; TEXT_BYTES_MAX];
        let mut found: Option<(Vec<u8>, Hit)> = None;
        let mut look = |name: &[u8]| {
            if found.is_none()
                && let Some(hit) = self.indicators.domain(name, event_s).filter(controls)
            {
                found = Some((name.to_vec(), hit));
            }
        };
        if let Some(name) = message.question().and_then(|question| question.name.write(&mut text)) {
            look(name);
        }
        let (mut addresses, mut ttl_s) = (Vec::new(), *TTL_S.end());
        for record in message.answers() {
            ttl_s = ttl_s.min(record.ttl_s);
            match record.data {
                Data::A(bytes) => addresses.push(Addr::v4(u32::from_be_bytes(bytes))),
                Data::Aaaa(bytes) => addresses.push(Addr::v6(u128::from_be_bytes(bytes))),
                Data::Name(name) => {
                    if let Some(name) = name.write(&mut text) {
                        look(name);
                    }
                }
                _ => {}
            }
        }
        if let Some((name, hit)) = found {
            if self.records >= RECORDS_MAX {
                tally.evicted += 1;
                return;
            }
            self.records += 1;
            // Nobody is reached at a reserved address: so do resolvers answer that block a name.
            addresses.retain(|addr| crate::attribute::reserved(*addr).is_none());
            let named = Named {
                client: ends.client,
                name,
                hit,
                addresses,
                ttl_s: ttl_s.clamp(*TTL_S.start(), *TTL_S.end()),
                time_ns: ends.now_ns,
                direction: ends.direction.reversed(),
                bytes: message.bytes.len() as u32,
            };
            tally.named.push(self.lane, Box::new(named));
        }
    }

    /// A call from home that is complete, for the clock.
    fn timed(&mut self, tally: &mut C2Tally, packet: &Packet<'_>) {
        let port = packet.called_port();
        if packet.opening_direction() != Direction::Outbound || CLOCKWORK_PORTS.contains(&port) || !packet.seen.opening_seen() {
            return;
        }
        let opening = Opening {
            host: packet.opener(),
            server: packet.called(),
            port,
            country: if packet.seen.by_opener() { packet.seen.target_country } else { packet.seen.source_country },
            time_ns: packet.time_ns,
            conversation: packet.conversation,
            first_seq: packet.header.seq,
        };
        if let Some(beacon) = self.beacons.open(&opening) {
            tally.beacons.push(self.lane, beacon);
        }
    }
}

/// Whether a list can mean a controller by it.
fn controls(hit: &Hit) -> bool {
    hit.usage.may_control() || hit.usage == Usage::Sinkhole
}

impl Listener for C2Memory {
    type Tally = C2Tally;

    #[inline]
    fn packet(&mut self, tally: &mut C2Tally, packet: &Packet<'_>) {
        let seen = &packet.seen;
        let tcp = packet.header.transport == Transport::Tcp;
        // Conversations that were under way when the capture began show no handshake: their first words do.
        let midway = tcp && !seen.opening_seen() && seen.first_payload() && seen.two_way();
        let answered = match seen.step {
            Step::Completed => tcp,
            Step::Answer => packet.header.transport == Transport::Udp,
            _ => midway,
        };
        if answered {
            if self.holdings.addresses {
                self.opened(packet);
            }
            if seen.step == Step::Completed {
                self.timed(tally, packet);
            }
        } else if seen.step == Step::Closed && tcp && seen.by_opener() && packet.direction == Direction::Outbound {
            let end = packet.header.seq.wrapping_add(u32::from(packet.header.payload_bytes));
            self.beacons.close(packet.header.source, packet.header.target, packet.conversation, end);
        }
        if !self.followed.is_empty() {
            self.heard(packet);
        }
        if seen.first_payload()
            && seen.two_way()
            && !seen.by_opener()
            && self.holdings.domains
            && matches!(packet.opening_direction(), Direction::Outbound | Direction::External)
        {
            self.contact(tally, packet);
        }
    }

    #[inline]
    fn hears_all(&self) -> bool {
        !self.followed.is_empty()
    }

    fn wants_exchange(&mut self, ends: &Ends, glance: &Glance<'_>) -> bool {
        (self.holdings.domains || self.holdings.urls) && self.host_or_url(ends, glance.host, glance.target).is_some()
            || ends.direction == Direction::Outbound && glance.method == b"GET" && staging::is_asked(glance.target)
    }

    fn exchange(&mut self, _tally: &mut C2Tally, ends: &Ends, exchange: &Exchange<'_>) {
        let Some(response) = exchange.response else { return };
        let (host, target) = (exchange.request.host, exchange.request.target);
        let asked = ends.direction == Direction::Outbound && exchange.request.method == b"GET" && staging::is_asked(target);
        if asked && response.status == 200 && staging::is_stage(response.body.head, response.body.bytes) {
            let mut record = self.of_ends(ends, Channel::Protocol, None, b"");
            (record.family, record.doubt) = (Some("http-stager"), record.doubt.or(Some(Doubt::Protocol)));
            record.evidence = self.keep.evidence(|| (target, response.body.head));
            self.follow(ends.conversation, record, true);
        }
        if !(self.holdings.domains || self.holdings.urls) {
            return;
        }
        if let Some((hit, by_url)) = self.host_or_url(ends, host, target) {
            let path = target.split(|&byte| byte == b'?').next().unwrap_or_default();
            let indicator = if by_url { [b"http://", host, path].concat() } else { host_name(host).to_vec() };
            let record = self.of_ends(ends, Channel::Http, Some(hit), &indicator);
            self.follow(ends.conversation, record, true);
        }
    }

    fn tls(&mut self, _tally: &mut C2Tally, ends: &Ends, message: &tls::Message<'_>, _by_client: bool) {
        if !matches!(ends.direction, Direction::Outbound | Direction::External) {
            return;
        }
        let event_s = (ends.now_ns / SLICE_NS) as u32;
        match message {
            tls::Message::ClientHello(hello) => {
                let name = hello.server_name().unwrap_or_default();
                let by_name = self.holdings.domains.then(|| self.indicators.domain(name, event_s)).flatten().filter(controls);
                let print = self.holdings.prints.then(|| ja3::client(hello));
                let by_print = || print.and_then(|print| self.indicators.ja3(&print, event_s)).filter(controls);
                if let Some(hit) = by_name.or_else(by_print) {
                    let mut record = self.of_ends(ends, Channel::Tls, Some(hit), name);
                    if by_name.is_none() {
                        record.indicator = print.map(|print| digits::written(&print).into_bytes()).unwrap_or_default();
                    }
                    record.server_name = name[..name.len().min(INDICATOR_BYTES)].to_vec();
                    record.ja3 = print;
                    self.follow(ends.conversation, record, false);
                    self.host_spoke(ends.conversation);
                }
            }
            tls::Message::Certificate(certificate) => {
                let digest = certificate.sha1();
                let hit = self.holdings.prints.then(|| self.indicators.certificate_sha1(&digest, event_s)).flatten().filter(controls);
                let own = super::certificates::family(certificate);
                if hit.is_some() || own.is_some() {
                    let mut record = self.of_ends(ends, Channel::Tls, hit, digits::written(&digest).as_bytes());
                    record.family = own.filter(|_| hit.is_none());
                    if hit.is_none() {
                        record.doubt = Some(Doubt::Certificate);
                    }
                    self.follow(ends.conversation, record, true);
                }
            }
            tls::Message::ServerHello(_) => {}
        }
    }

    fn dns(&mut self, tally: &mut C2Tally, ends: &Ends, message: &Dns<'_>) {
        if !message.is_response || message.operation != 0 || ends.direction == Direction::Inbound {
            return;
        }
        let event_s = (ends.now_ns / SLICE_NS) as u32;
        if self.holdings.domains {
            self.named(tally, ends, message, event_s);
        }
        match self.askers.iter().position(|(asker, _)| *asker == ends.client) {
            Some(at) => self.askers[at].1 += 1,
            None if self.askers.len() < ASKERS_MAX => self.askers.push((ends.client, 1)),
            None => tally.evicted += 1,
        }
        if let Some(note) = names::note(message, ends.client, &self.keyed) {
            if self.notes >= RECORDS_MAX {
                tally.evicted += 1;
                return;
            }
            self.notes += 1;
            let note = Note { time_ns: ends.now_ns, direction: ends.direction.reversed(), ..note };
            tally.notes.push(self.lane, Box::new(note));
        }
    }

    fn spoken(&mut self, _tally: &mut C2Tally, ends: &Ends, spoken: &Spoken<'_>) -> bool {
        if spoken.datagram {
            return false;
        }
        // Only their first bytes are judged, and as long as any come: whoever says a word at a time would have them judged all day.
        if !spoken.grown {
            return spoken.client.len().min(spoken.server.len()) < HEARD_BYTES;
        }
        let heads = Heads { client: spoken.client, server: spoken.server, port: ends.server_port };
        let (verdict, family) = protocol::judge(&heads);
        if verdict >= Verdict::Suspect {
            let mut record = self.of_ends(ends, Channel::Protocol, None, b"");
            record.family = Some(family);
            record.evidence = self.keep.evidence(|| (spoken.client, spoken.server));
            if verdict == Verdict::Suspect {
                record.doubt = record.doubt.or(Some(Doubt::Protocol));
            }
            self.follow(ends.conversation, record, true);
        }
        matches!(verdict, Verdict::Perhaps | Verdict::Suspect)
    }

    fn seal(&mut self, tally: &mut C2Tally) {
        (self.records, self.contacts, self.notes) = (0, 0, 0);
        tally.evicted += std::mem::take(&mut self.beacons.evicted);
        for asker in self.askers.drain(..) {
            tally.askers.push(self.lane, asker);
        }
        if self.followed.is_empty() {
            return;
        }
        let ready = |followed: &Followed| followed.host_spoke && followed.controller_spoke && followed.record.packets > 0;
        let mut ready: Vec<u64> = self.followed.iter().filter(|(_, followed)| ready(followed)).map(|(hash, _)| *hash).collect();
        ready.sort_unstable();
        for conversation in ready {
            let Some(followed) = self.followed.get_mut(&conversation) else { continue };
            let record = Channelled { contact: !followed.told, ..followed.record.clone() };
            followed.told = true;
            followed.record.packets = 0;
            followed.record.bytes = 0;
            followed.record.start_ns = followed.record.last_ns;
            self.push(tally, record);
        }
        self.records = 0;
    }
}

/// The host of a `Host` field, without its port.
fn host_name(host: &[u8]) -> &[u8] {
    match host.iter().rposition(|&byte| byte == b':') {
        Some(at) if host.first() != Some(&b'[') && host[at + 1..].iter().all(u8::is_ascii_digit) => &host[..at],
        _ => host,
    }
}

impl C2Memory {
    /// What a list says of a request: of its URL, or of its host.
    fn host_or_url(&self, ends: &Ends, host: &[u8], target: &[u8]) -> Option<(Hit, bool)> {
        if !matches!(ends.direction, Direction::Outbound | Direction::External) {
            return None;
        }
        let event_s = (ends.now_ns / SLICE_NS) as u32;
        if self.holdings.urls && target.first() == Some(&b'/') && self.indicators.may_list_url_of(host) {
            let url = [b"http://", host, target].concat();
            // A list of URLs that says nothing of their use mostly has what is delivered.
            if let Some(hit) = self.indicators.url(&url, event_s).filter(|hit| hit.usage == Usage::Controller) {
                return Some((hit, true));
            }
        }
        self.indicators.domain(host_name(host), event_s).filter(controls).map(|hit| (hit, false))
    }

    fn contact(&mut self, tally: &mut C2Tally, packet: &Packet<'_>) {
        if self.contacts >= RECORDS_MAX {
            tally.evicted += 1;
            return;
        }
        self.contacts += 1;
        let called = packet.called();
        let by_called = packet.header.source == called;
        tally.contacts.push(
            self.lane,
            Contact {
                host: packet.opener(),
                server: called,
                port: packet.called_port(),
                transport: packet.header.transport,
                country: if by_called { packet.seen.source_country } else { packet.seen.target_country },
                direction: packet.opening_direction().reversed(),
                attribution: if by_called { packet.source_attribution } else { Attribution::Plausible },
                time_ns: packet.time_ns,
                // The handshake's three, a word and its answer.
                packets: if packet.header.transport == Transport::Tcp { 5 } else { 2 },
                bytes: packet.wire_bytes,
            },
        );
    }
}
