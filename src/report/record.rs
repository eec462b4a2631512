//! The records of the contract, as they are written: one JSON object each.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Serialize, Serializer};

use super::ecs::EcsExtras;
use super::terminal::counted;
use crate::addr::Addr;
use crate::attribute::{Country, Direction};
use crate::conclude::{DeliveryRow, Detail, Ended, Event, EventId, Excerpt, Row, RowKey, State, Targeted};
use crate::detect::payload::Readings;
use crate::health::Dropped;
use crate::indicators::List;
use crate::indicators::rules::RuleFile;
use crate::tally::Distinct;

/// Event time as RFC 3339 in UTC with microseconds.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Time(pub u64);

impl std::fmt::Display for Time {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // 2^64 nanoseconds end in the year 2554, within jiff's range; whole microseconds, so that nothing is rounded up.
        let micros = i64::try_from(self.0 / 1000).unwrap_or(i64::MAX);
        write!(f, "{:.6}", Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX))
    }
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// One row of a window.
#[derive(Clone, Debug, Serialize)]
pub struct CountRecord<'a> {
    pub record: &'static str,
    pub sensor: &'a str,
    pub window_start: Time,
    pub window_end: Time,
    pub direction: &'static str,
    pub country: &'static str,
    pub attribution: &'static str,
    pub benign: bool,
    pub kind: &'static str,
    pub events: u64,
    pub started: u64,
    pub packets: u64,
    pub bytes: u64,
    pub sources: u64,
    pub targets: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
    /// The point of entry, where it has a name and the addresses say nothing of where the packets came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub entry: Option<&'a str>,
}

impl<'a> CountRecord<'a> {
    pub fn new(sensor: &'a str, window: (Time, Time), key: &RowKey, row: &Row) -> Self {
        CountRecord {
            record: "count",
            sensor,
            window_start: window.0,
            window_end: window.1,
            direction: key.direction.name(),
            country: key.country.code(),
            attribution: key.attribution.name(),
            benign: key.benign,
            kind: key.kind,
            events: row.events,
            started: row.started,
            packets: row.packets,
            bytes: row.bytes,
            sources: possible(&row.sources, row.packets),
            targets: possible(&row.targets, row.packets),
            estimated: row.sources.is_estimate() || row.targets.is_estimate(),
            entry: None,
        }
    }
}

/// How many distinct ones there are: an estimate may exceed what is possible, since each took a packet at least.
pub(super) fn possible(distinct: &Distinct, packets: u64) -> u64 {
    if distinct.is_estimate() { distinct.count().min(packets) } else { distinct.count() }
}

/// Figures of one kind over a whole window, which count an event once.
#[derive(Clone, Copy, Debug, Default, Serialize)]
pub struct KindTotal {
    pub events: u64,
    pub started: u64,
    pub packets: u64,
    pub bytes: u64,
    pub sources: u64,
    pub targets: u64,
}

/// How far the sources of one kind's events aim at industrial equipment, over the events that ended in a window.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct TargetedTotal {
    /// Events of one source abroad each.
    pub events: u64,
    /// Sum of their indices. Sums add up over windows; divided by the events they are the mean.
    pub index_sum: f64,
}

impl TargetedTotal {
    /// Of events and the sum in thousandths.
    pub fn new((events, thousandths): (u64, u64)) -> Self {
        TargetedTotal { events, index_sum: thousandths as f64 / 1000.0 }
    }
}

/// Contacts with industrial equipment that have ended in a window, by sector and intent.
#[derive(Clone, Debug, Serialize)]
pub struct SectorRecord<'a> {
    pub kind: &'static str,
    pub direction: &'static str,
    pub sector: &'a str,
    /// The sector is the protocol's usual one, not the user's word.
    pub guess: bool,
    pub intent: &'static str,
    pub contacts: u64,
}

impl<'a> SectorRecord<'a> {
    pub fn new(ended: &'a Ended, contacts: u64) -> Self {
        let Ended { kind, direction, sector, guess, intent } = ended;
        SectorRecord { kind, direction: direction.name(), sector, guess: *guess, intent, contacts }
    }
}

/// Latency from capture to conclusion, in microseconds; live only.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Latency {
    pub p50: u64,
    pub p99: u64,
    pub max: u64,
}

/// The sensor's own health in one window.
#[derive(Clone, Debug, Serialize)]
pub struct CaptureRecord<'a> {
    pub record: &'static str,
    pub sensor: &'a str,
    pub window_start: Time,
    pub window_end: Time,
    pub frames: u64,
    pub bytes: u64,
    pub decoded: u64,
    pub refused: BTreeMap<&'static str, u64>,
    pub dropped: Dropped,
    pub late: u64,
    pub totals: BTreeMap<&'static str, KindTotal>,
    /// How far the sources of events that ended in this window aim at industrial equipment, by kind.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub targeted: BTreeMap<&'static str, TargetedTotal>,
    /// Contacts with industrial equipment that have ended in this window.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub sectors: Vec<SectorRecord<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency_us: Option<Latency>,
    pub workers: usize,
    pub evicted: u64,
    /// What was not read of payload, or not wholly.
    #[serde(skip_serializing_if = "is_default")]
    pub reading: Readings,
    /// Events beyond the limit of one window that were counted and not written.
    #[serde(skip_serializing_if = "is_zero")]
    pub events_unwritten: u64,
    /// Windows without frames before this one.
    #[serde(skip_serializing_if = "is_zero")]
    pub gap_windows: u64,
    /// Files that came from abroad, whether bad or not.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deliveries: Vec<DeliveryRow>,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// The transport of a frame without IP.
pub(super) const ETHERNET: &str = "ethernet";

#[derive(Clone, Debug, Serialize)]
struct EcsEvent {
    kind: &'static str,
    id: EventId,
    action: &'static str,
    start: Time,
    end: Time,
    /// Nanoseconds.
    duration: u64,
    /// 1 (a touch) to 4 (control of a plant, a flood).
    severity: u8,
}

#[derive(Clone, Debug, Serialize)]
struct EcsGeo {
    country_iso_code: &'static str,
    country_name: &'static str,
}

#[derive(Clone, Debug, Serialize)]
struct EcsEnd {
    #[serde(skip_serializing_if = "Option::is_none")]
    ip: Option<Addr>,
    /// Where there is no IP: `ip` then is the link-local address that belongs to it.
    #[serde(skip_serializing_if = "Option::is_none")]
    mac: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    #[serde(skip_serializing_if = "Option::is_none")]
    geo: Option<EcsGeo>,
}

impl EcsEnd {
    fn is_empty(&self) -> bool {
        self.ip.is_none() && self.port.is_none() && self.geo.is_none()
    }
}

#[derive(Clone, Debug, Serialize)]
struct EcsNetwork {
    transport: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    protocol: Option<&'static str>,
    direction: &'static str,
    packets: u64,
    bytes: u64,
}

#[derive(Clone, Debug, Serialize)]
struct EcsObserver<'a> {
    name: &'a str,
    r#type: &'static str,
    product: &'static str,
    version: &'static str,
}

#[derive(Clone, Debug, Serialize)]
struct Own<'a> {
    attribution: &'static str,
    state: State,
    #[serde(skip_serializing_if = "Option::is_none")]
    benign: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    entry: Option<&'a str>,
    /// How far the source aims at industrial equipment; of one source abroad.
    #[serde(skip_serializing_if = "Option::is_none")]
    targeted: Option<Targeted>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence: Option<&'a Excerpt>,
    #[serde(flatten)]
    detail: &'a Detail,
}

/// One event in the Elastic Common Schema.
#[derive(Clone, Debug, Serialize)]
pub struct EventRecord<'a> {
    record: &'static str,
    #[serde(rename = "@timestamp")]
    timestamp: Time,
    event: EcsEvent,
    #[serde(skip_serializing_if = "EcsEnd::is_empty")]
    source: EcsEnd,
    #[serde(skip_serializing_if = "EcsEnd::is_empty")]
    destination: EcsEnd,
    network: EcsNetwork,
    observer: EcsObserver<'a>,
    #[serde(flatten)]
    extras: EcsExtras<'a>,
    wherefrom: Own<'a>,
}

impl<'a> EventRecord<'a> {
    pub fn new(sensor: &'a str, event: &'a Event, targeted: Option<Targeted>) -> Self {
        let mac = |addr: Option<Addr>| addr.filter(|_| event.transport == ETHERNET).and_then(Addr::mac);
        EventRecord {
            record: "event",
            timestamp: Time(event.end_ns),
            event: EcsEvent {
                kind: if matches!(&event.detail, Detail::Ics(ics) if ics.peer.is_some()) { "event" } else { "alert" },
                id: event.id,
                action: event.kind,
                start: Time(event.start_ns),
                end: Time(event.end_ns),
                duration: event.end_ns.saturating_sub(event.start_ns),
                severity: severity(event),
            },
            source: EcsEnd {
                ip: event.source,
                mac: mac(event.source),
                port: None,
                geo: (event.source.is_some() && event.source_country != Country::NONE)
                    .then(|| EcsGeo { country_iso_code: event.source_country.code(), country_name: event.source_country.name() }),
            },
            destination: EcsEnd { ip: event.target, mac: mac(event.target), port: event.target_port, geo: None },
            network: EcsNetwork {
                transport: event.transport,
                protocol: event.protocol,
                direction: event.direction.name(),
                packets: event.packets,
                bytes: event.bytes,
            },
            observer: EcsObserver { name: sensor, r#type: "sensor", product: "wherefrom", version: env!("CARGO_PKG_VERSION") },
            extras: EcsExtras::of(&event.detail),
            wherefrom: Own {
                attribution: event.attribution.name(),
                state: event.state,
                benign: event.benign.as_deref(),
                entry: event.entry.as_deref(),
                targeted,
                evidence: event.detail.evidence(),
                detail: &event.detail,
            },
        }
    }
}

impl EventRecord<'_> {
    pub fn id(&self) -> EventId {
        self.event.id
    }

    pub fn action(&self) -> &'static str {
        self.event.action
    }

    pub fn packets(&self) -> u64 {
        self.network.packets
    }

    /// From abroad to home.
    pub fn is_inbound(&self) -> bool {
        self.network.direction == Direction::Inbound.name()
    }

    /// The source's country, `ZZ` where there is none.
    pub fn country(&self) -> &'static str {
        self.source.geo.as_ref().map_or(Country::NONE.code(), |geo| geo.country_iso_code)
    }

    pub fn source(&self) -> Option<Addr> {
        self.source.ip
    }

    pub fn target(&self) -> Option<Addr> {
        self.destination.ip
    }

    /// Of the file that the event is about.
    pub fn sha256(&self) -> Option<&str> {
        self.extras.sha256()
    }

    /// The event in one line, for a person.
    pub fn line(&self) -> String {
        let country = self.country();
        let name = |end: &EcsEnd| end.mac.clone().or(end.ip.map(|ip| ip.to_string()));
        let source = name(&self.source).map_or_else(|| "many sources".into(), |name| format!("{name} ({country})"));
        let target = name(&self.destination).unwrap_or_else(|| "many targets".into());
        let what = match self.wherefrom.detail {
            Detail::Flood(flood) => {
                let verdict = match flood.spoofed.verdict {
                    crate::detect::flood::Verdict::Spoofed => "forged sources",
                    crate::detect::flood::Verdict::Genuine => "genuine sources",
                    crate::detect::flood::Verdict::Unclear => "sources unclear",
                };
                format!("{}, {verdict}, peak {} packets/s", number(flood.sources, "sources"), flood.peak_pps)
            }
            Detail::Backscatter(answers) => format!("answers to {}", number(answers.addresses, "home addresses")),
            Detail::Scan(scan) => {
                format!("{} by {}, {}, tool {}", scan.shape, scan.method.name(), number(scan.targets, "targets"), scan.tool)
            }
            Detail::Webshell(webshell) => {
                let answered = webshell.answered.map_or_else(|| "not answered".into(), |status| format!("answered {status}"));
                format!("{} {}: {}, {answered}", webshell.stage, webshell.shell, webshell.path)
            }
            Detail::Ics(ics) => format!("{}: {}{}", ics.protocol, ics.intent, if ics.answered { ", answered" } else { "" }),
            Detail::Malware(malware) => {
                let known = [malware.how, malware.r#type, malware.grade].into_iter().flatten().collect::<Vec<_>>().join(", ");
                let rules = if malware.rules.is_empty() { String::new() } else { format!(" ({})", malware.rules.join(", ")) };
                format!("{} {known}{rules} {}", malware.stage, malware.url.as_deref().unwrap_or_default()).trim_end().to_string()
            }
            Detail::C2(c2) => {
                let named = c2.family.as_deref().or(c2.indicator.as_deref()).or(c2.doubt).unwrap_or_default();
                format!("{named} by {}, {}", c2.channel, number(c2.contacts, "contacts"))
            }
        };
        let packets = number(self.network.packets, "packets");
        format!("{:<16} {source} → {target}: {what} ({packets})", self.event.action)
    }
}

/// 1: a touch, backscatter, a permitted peer, a webshell suspect; 2: identification, a scan, a suspect of malware or control, a webshell refused or looked for;
/// 3: reading, a flood, a command line that would fetch malware; 4: writing or control of a plant, malware delivered, a host controlled, a webshell.
pub(super) fn severity(event: &Event) -> u8 {
    match &event.detail {
        Detail::Backscatter(_) => 1,
        Detail::Scan(_) => 2,
        Detail::Flood(_) => 3,
        // Whoever is permitted does no harm by what it does every day.
        Detail::Ics(ics) if ics.peer.is_some() => 1,
        Detail::Webshell(_) => match event.kind {
            "webshell" => 4,
            "webshell_attempt" => 2,
            _ => 1,
        },
        Detail::Ics(ics) => match ics.intent {
            "connect" => 1,
            "identify" => 2,
            "read" => 3,
            _ => 4,
        },
        // Suspects weigh less than what is known.
        Detail::Malware(malware) if event.kind == "malware" && malware.stage == "sample" => 4,
        Detail::Malware(_) => {
            if event.kind == "malware_attempt" {
                3
            } else {
                2
            }
        }
        Detail::C2(_) => {
            if event.kind == "c2" {
                4
            } else {
                2
            }
        }
    }
}

/// What produced the figures: the first line of every output.
#[derive(Clone, Debug, Serialize)]
pub struct RunRecord {
    pub record: &'static str,
    pub sensor: String,
    pub version: &'static str,
    pub input: Vec<String>,
    pub home: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub home_country: Option<&'static str>,
    /// Unused home networks.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub dark: Vec<String>,
    /// The points of entry that have names, with what each is told by.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<String>,
    pub window_s: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub filter: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    pub workers: usize,
    pub settings: BTreeMap<&'static str, u64>,
    pub geo: GeoRecord,
    pub lists: Vec<ListRecord>,
}

/// The geo database in force.
#[derive(Clone, Debug, Serialize)]
pub struct GeoRecord {
    pub name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub build_date: Option<String>,
    pub sha256: String,
}

/// A list in force.
#[derive(Clone, Debug, Serialize)]
pub struct ListRecord {
    pub name: String,
    /// How it is written, or what it is.
    pub kind: &'static str,
    pub entries: u64,
    /// When it was written, YYYY-MM-DD, as far as that can be told.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub date: Option<String>,
    /// Lines that could not be understood.
    #[serde(skip_serializing_if = "is_zero")]
    pub refused: u64,
    /// Entries of a kind that is not matched against.
    #[serde(skip_serializing_if = "is_zero")]
    pub unsupported: u64,
    pub sha256: String,
}

impl ListRecord {
    /// Of a list of networks, of this kind.
    pub fn of_networks(kind: &'static str, name: &str, date: Option<String>, entries: usize, sha256: &str) -> Self {
        ListRecord { name: name.into(), kind, entries: entries as u64, date, refused: 0, unsupported: 0, sha256: sha256.into() }
    }

    /// Of a file of rules.
    pub fn of_rules(file: &RuleFile) -> Self {
        ListRecord::of_networks("yara", &file.name, None, file.rules, &file.sha256)
    }

    /// Of a list of indicators.
    pub fn new(list: &List) -> Self {
        ListRecord {
            name: list.name.clone(),
            kind: list.format.name(),
            entries: list.len(),
            date: list.date_s().map(date),
            refused: list.refused,
            unsupported: list.unsupported,
            sha256: list.sha256.clone(),
        }
    }
}

/// How many, with their plural or singular name.
fn number(many: u64, plural: &'static str) -> String {
    format!("{many} {}", counted(many, plural))
}

/// The day of a second since the epoch, YYYY-MM-DD.
pub fn date(seconds: u32) -> String {
    // All of 32 bits lie within jiff's range.
    let time = Timestamp::from_second(seconds.into()).unwrap_or(Timestamp::MAX);
    time.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_six_digits_and_are_cut_not_rounded() {
        assert_eq!(Time(0).to_string(), "1970-01-01T00:00:00.000000Z");
        assert_eq!(Time(1_777_593_600_123_456_999).to_string(), "2026-05-01T00:00:00.123456Z");
    }

    #[test]
    fn no_time_is_out_of_range() {
        assert!(Time(u64::MAX).to_string().starts_with("2554-"));
    }
}
