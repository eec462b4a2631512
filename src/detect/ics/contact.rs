//! A contact of one source with one target's industrial service in one protocol: what it adds up to, and what its event says.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::addr::Addr;
use crate::attribute::Site;
use crate::conclude::{Aim, Conclusions, Course, Detail, Ended, Event, EventId, State};
use crate::decode::Transport;

use super::memory::{Record, Text, Told};
use super::protocol::{Function, Intent};
use super::protocol_at;

/// Different functions counted apart in one contact.
const FUNCTIONS_MAX: usize = 64;
/// Fields that one device discloses, kept per contact.
const FIELDS_MAX: usize = 16;
/// Messages in a protocol with a weak signature that confirm it, whoever sent them.
const CONSISTENT_MESSAGES: u64 = 2;

/// The kind of a contact by somebody who has no business there, as far as anybody said.
const PROBE: &str = "ics_probe";
/// The kind of a permitted peer's contact.
const PEER: &str = "ics_peer";

/// What an event says of an industrial probe.
#[derive(Clone, Debug, Serialize)]
pub struct IcsDetail {
    pub protocol: &'static str,
    pub intent: &'static str,
    pub confirmed: bool,
    pub functions: BTreeMap<Cow<'static, str>, u64>,
    pub answered: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub exception: bool,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub disclosed: BTreeMap<&'static str, String>,
    pub sector: Sector,
    /// The source also sent what is none of the service's protocols.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub stray: bool,
    /// ATT&CK for ICS technique of the intent.
    pub technique: &'static str,
    /// The permitted peer that the source is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer: Option<String>,
}

/// The sector of a target: by the user's list, or the protocol's usual one as a guess.
#[derive(Clone, Debug, Serialize)]
pub struct Sector {
    pub name: Cow<'static, str>,
    pub guess: bool,
    /// The site, where the list names it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub site: Option<String>,
}

impl Sector {
    /// Of a target that was contacted in the protocol at this place in the table.
    pub fn of(target: Addr, index: u8, out: &Conclusions<'_>) -> Self {
        match out.sectors.of(target) {
            Some(Site { sector, name }) => Sector { name: sector.clone().into(), guess: false, site: name.clone() },
            None => Self::usual(index),
        }
    }

    /// The usual one of the protocol at this place in the table.
    pub fn usual(index: u8) -> Self {
        let usual = protocol_at(index).map_or("", |protocol| protocol.sector);
        Sector { name: usual.into(), guess: true, site: None }
    }
}

/// What a contact of these two is counted as, and the peer's name where it is a permitted one's.
pub fn kind(client: Addr, server: Addr, out: &Conclusions<'_>) -> (&'static str, Option<String>) {
    match out.peers.of(client).filter(|peer| peer.may_reach(server)) {
        Some(peer) => (PEER, Some(peer.name.clone())),
        None => (PROBE, None),
    }
}

/// ATT&CK for ICS techniques of the intents (MITRE, attack.mitre.org/matrices/ics): remote system discovery,
/// remote system information discovery, monitor process state, unauthorized command message, change operating mode.
fn technique(intent: Intent) -> &'static str {
    match intent {
        Intent::Connect => "T0846",
        Intent::Identify => "T0888",
        Intent::Read => "T0801",
        Intent::Write => "T0855",
        Intent::Control => "T0858",
    }
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    pub client: Addr,
    pub server: Addr,
    pub transport: Transport,
    pub port: u16,
    /// Empty for a contact that has not spoken.
    pub protocol: &'static str,
}

pub struct Contact {
    id: EventId,
    pub protocol: &'static str,
    /// It has spoken the protocol; else that is what its service speaks.
    pub speaks: bool,
    pub index: u8,
    pub course: Course,
    intent: Intent,
    functions: Functions,
    requests: u64,
    answers: u64,
    sufficient: bool,
    /// The port was closed each time so far.
    refused: bool,
    pub completed: bool,
    /// A first payload was none of the service's protocols.
    stray: bool,
    pub answered: bool,
    /// When the device first answered and last.
    pub answers_ns: (u64, u64),
    exception: bool,
    pub disclosed: BTreeMap<&'static str, String>,
    /// It has an event of its own.
    pub written: bool,
}

/// Functions with their counts, in the order in which they came. Nearly always there is one.
#[derive(Default)]
struct Functions {
    first: Option<(Function, u64)>,
    more: Vec<(Function, u64)>,
}

impl Functions {
    fn iter(&self) -> impl Iterator<Item = &(Function, u64)> {
        self.first.iter().chain(&self.more)
    }

    /// By their names, of which several codes may share one.
    fn by_name(&self) -> BTreeMap<Cow<'static, str>, u64> {
        let mut counts = BTreeMap::new();
        for (function, count) in self.iter() {
            *counts.entry(name_of(function)).or_default() += count;
        }
        counts
    }

    fn count(&mut self, function: Function, messages: u64) {
        if let Some((_, count)) = self.first.iter_mut().chain(&mut self.more).find(|(known, _)| *known == function) {
            *count += messages;
        } else if self.first.is_none() {
            self.first = Some((function, messages));
        } else if self.more.len() + 1 < FUNCTIONS_MAX {
            self.more.push((function, messages));
        }
    }
}

impl Contact {
    pub fn new(record: &Record) -> Self {
        Contact {
            id: EventId::of(PROBE, record.client, record.server, record.time_ns, &format!("{}/{:?}", record.port, record.transport)),
            protocol: record.protocol,
            speaks: false,
            index: record.index,
            course: Course::new(record.time_ns, record.client_country, record.direction, record.attribution),
            intent: Intent::Connect,
            functions: Functions::default(),
            requests: 0,
            answers: 0,
            sufficient: false,
            refused: false,
            completed: false,
            stray: false,
            answered: false,
            answers_ns: (u64::MAX, 0),
            exception: false,
            disclosed: BTreeMap::new(),
            written: false,
        }
    }

    /// The protocol that it speaks; empty if it has not spoken.
    #[inline]
    pub fn spoken(&self) -> &'static str {
        if self.speaks { self.protocol } else { "" }
    }

    /// Whether it went no further than a connection of ISO-on-TCP, which several protocols begin with.
    pub fn only_connected(&self) -> bool {
        self.functions.iter().all(|(function, _)| function.name == super::tpkt::CONNECT_NAME)
    }

    /// Whether a payload of the client, or the answer to one, proves the protocol. Of a weak signature one message does not, and an answer
    /// that nobody was seen to ask for is one.
    pub fn confirmed(&self) -> bool {
        self.sufficient || self.requests + self.answers >= CONSISTENT_MESSAGES
    }

    /// Adds a record, and what it says of the source's aim.
    pub fn take(&mut self, record: &Record, texts: &[Text], now_s: u32, out: &mut Conclusions<'_>) {
        let (requests, stray, answered) = (self.requests, self.stray, self.answered);
        self.add(record, texts, now_s);
        let mut note = |holds: bool, aim: Aim| {
            if holds {
                out.aims.note(record.client, record.contacts, aim);
            }
        };
        let untried = requests == 0 && !stray;
        note(untried && self.requests > 0, Aim::Right);
        note(untried && self.stray, Aim::Wrong);
        note(!answered && self.answered, Aim::Answered);
        note(self.confirmed() && record.told == Told::Request, Aim::Depth(self.intent as u8));
    }

    fn add(&mut self, record: &Record, texts: &[Text], now_s: u32) {
        self.course.add(now_s, record.time_ns, record.packets, record.bytes, record.attribution);
        match record.told {
            Told::Contact => {}
            Told::Refused => self.refused = true,
            Told::Completed => self.completed = true,
            Told::Misfit => self.stray = true,
            Told::Request => {
                self.requests += u64::from(record.messages);
                self.sufficient |= record.sufficient;
                self.intent = self.intent.max(record.intent);
                self.functions.count(record.function, record.messages.into());
            }
            Told::Answer => {
                self.answered = true;
                self.answers += u64::from(record.messages);
                self.sufficient |= record.sufficient;
                self.answers_ns = (self.answers_ns.0.min(record.time_ns), self.answers_ns.1.max(record.time_ns));
                self.exception |= record.error;
                // A device only answers what was asked: at least who it is.
                self.intent = self.intent.max(Intent::Identify);
            }
        }
        for text in texts {
            if self.disclosed.len() < FIELDS_MAX {
                self.disclosed.entry(text.field).or_insert_with(|| readable(text));
            }
        }
    }
}

/// A disclosed text without anything that could write into a terminal or a log.
fn readable(text: &Text) -> String {
    let bytes = text.bytes.get(..usize::from(text.len)).unwrap_or_default();
    String::from_utf8_lossy(bytes).chars().filter(|c| !c.is_control() && *c != '\u{fffd}').collect::<String>().trim().to_string()
}

impl Contact {
    pub fn rank(&self) -> (Intent, u64) {
        (if self.confirmed() { self.intent } else { Intent::Connect }, self.course.packets)
    }

    /// Whether it is a contact with a device: a closed port is none, and neither is a packet of a flood.
    pub fn counts(&self, key: &Key, flooded: bool) -> bool {
        !key.protocol.is_empty() || self.completed || !self.refused && !flooded || self.course.started()
    }

    pub fn report(&mut self, key: &Key, state: State, written: bool, out: &mut Conclusions<'_>) {
        let benign = out.benign.scanner(key.client).map(str::to_string);
        let (kind, peer) = kind(key.client, key.server, out);
        self.course.count(out.rows, kind, benign.is_some(), key.client, [key.server]);
        self.written |= written;
        let confirmed = self.confirmed();
        let intent = if confirmed { self.intent } else { Intent::Connect };
        let sector = Sector::of(key.server, self.index, out);
        if state == State::Ended {
            let (direction, sector) = (self.course.direction, sector.clone());
            out.rows.ended(Ended { kind, direction, sector: sector.name, guess: sector.guess, intent: intent.name() }, 1);
        }
        if !written {
            // Not before its end: it may yet be written.
            *out.unwritten += u64::from(state == State::Ended && !self.written);
            return;
        }
        out.events.push(Event {
            id: self.id,
            kind,
            state,
            start_ns: self.course.first_ns,
            end_ns: self.course.last_ns,
            source: Some(key.client),
            source_country: self.course.country,
            target: Some(key.server),
            target_port: (key.transport != Transport::Link).then_some(key.port),
            transport: transport_name(key.transport),
            protocol: Some(self.protocol),
            direction: self.course.direction,
            attribution: self.course.attribution(),
            benign,
            entry: None,
            packets: self.course.packets,
            bytes: self.course.bytes,
            detail: Detail::Ics(IcsDetail {
                protocol: self.protocol,
                intent: intent.name(),
                confirmed,
                functions: self.functions.by_name(),
                answered: self.answered,
                exception: self.exception,
                disclosed: self.disclosed.clone(),
                sector,
                stray: self.stray,
                technique: technique(intent),
                peer,
            }),
        });
    }
}

/// A transport as it stands in records.
pub fn transport_name(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "udp",
        Transport::Link => "ethernet",
        _ => "tcp",
    }
}

fn name_of(function: &Function) -> Cow<'static, str> {
    if function.name.is_empty() { format!("{:#x}", function.code).into() } else { function.name.into() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_that_share_a_name_are_counted_together() {
        let mut functions = Functions::default();
        for (name, code, messages) in [("job-control", 1, 111), ("read", 2, 1), ("job-control", 3, 1), ("", 0x2a, 5), ("", 0x2b, 6)] {
            functions.count(Function { name, code }, messages);
        }
        let counts = functions.by_name();
        let told: Vec<(&str, u64)> = counts.iter().map(|(name, count)| (name.as_ref(), *count)).collect();
        assert_eq!(told, [("0x2a", 5), ("0x2b", 6), ("job-control", 112), ("read", 1)]);
    }
}
