//! MISP events (draft-dulaunoy-misp-core-format): attributes that are meant for detection, of the event and of its objects.

use super::collect::{Collector, Facts};
use super::entry::{Kind, Usage};
use super::list::Format;
use super::named::usage_of;
use super::time::seconds;
use super::tree::Json;
use super::value::{NoValue, Value};

/// Puts an event's attributes into the list at work. Without attributes it is the head of an event, as manifests have it.
pub(super) fn event(event: &Json<'_>, line: u32, into: &mut Collector<'_>) {
    into.list().format = Format::Misp;
    let whole = Head::of(event, into);
    for attribute in event.array("Attribute").iter().chain(event.array("Object").iter().flat_map(|object| object.array("Attribute"))) {
        Attribute::read(attribute, line, &whole, into);
    }
}

/// Puts an attribute into the list at work that stands without its event.
pub(super) fn lone_attribute(attribute: &Json<'_>, line: u32, into: &mut Collector<'_>) {
    into.list().format = Format::Misp;
    Attribute::read(attribute, line, &Head::default(), into);
}

/// An event whose attributes come one by one, before what holds for all of them is known.
pub(super) struct Open {
    /// What was put in, each with what its attribute says.
    entries: Vec<((Kind, u32), Attribute)>,
}

impl Open {
    pub fn new(into: &mut Collector<'_>) -> Self {
        into.list().format = Format::Misp;
        Open { entries: Vec::new() }
    }

    pub fn attribute(&mut self, attribute: &Json<'_>, line: u32, into: &mut Collector<'_>) {
        let mut added = into.added.take().unwrap_or_default();
        added.clear();
        into.added = Some(added);
        let read = Attribute::read(attribute, line, &Head::default(), into);
        let added = into.added.take().unwrap_or_default();
        self.entries.extend(read.into_iter().flat_map(|read| added.iter().map(move |&entry| (entry, read))));
        into.added = Some(added);
    }

    pub fn object(&mut self, object: &Json<'_>, line: u32, into: &mut Collector<'_>) {
        object.array("Attribute").iter().for_each(|attribute| self.attribute(attribute, line, into));
    }

    /// Says of all attributes what the event says.
    pub fn close(self, event: &Json<'_>, into: &mut Collector<'_>) {
        into.added = None;
        let head = Head::of(event, into);
        if head == Head::default() {
            return;
        }
        for (entry, attribute) in self.entries {
            let (facts, family) = attribute.facts(&head, matches!(entry.0, Kind::Address | Kind::Network | Kind::Domain | Kind::Url));
            into.restate(entry, &facts, family);
        }
    }
}

/// What holds for all attributes of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Head {
    /// Its place among the families.
    family: u32,
    usage: Usage,
    /// The day of what happened; an attribute's own times are nearer.
    day_s: Option<u32>,
    changed_s: Option<u32>,
}

impl Default for Head {
    fn default() -> Self {
        Head { family: 0, usage: Usage::Unspecified, day_s: None, changed_s: None }
    }
}

impl Head {
    fn of(event: &Json<'_>, into: &mut Collector<'_>) -> Self {
        let (family, usage) = tagged(event, into);
        Head { family, usage, day_s: time(event, "date"), changed_s: time(event, "timestamp") }
    }
}

/// What an attribute says of its value, before its event is asked.
#[derive(Clone, Copy)]
struct Attribute {
    /// Its place among the families; 0 for none.
    family: u32,
    /// What its own tags say.
    usage: Usage,
    /// What its type and category mean, of a place.
    place: Usage,
    first_s: Option<u32>,
    last_s: Option<u32>,
}

/// What a tag says goes before what the type and the category mean.
fn is_decided(usage: Usage) -> bool {
    matches!(usage, Usage::Controller | Usage::Delivery | Usage::Sinkhole)
}

impl Attribute {
    /// What is said of its value with what the event says. Only of places do tags tell the use.
    fn facts(&self, head: &Head, of_place: bool) -> (Facts<'static>, u32) {
        let said = if is_decided(self.usage) { self.usage } else { head.usage };
        let facts = Facts {
            usage: if of_place && is_decided(said) { said } else { self.place },
            first_s: self.first_s.or(head.day_s),
            last_s: self.last_s.or(head.changed_s).or(head.day_s),
            ..Facts::default()
        };
        (facts, if self.family == 0 { head.family } else { self.family })
    }

    /// Puts an attribute's values into the list at work. Nothing if it is not meant for detection.
    fn read(attribute: &Json<'_>, line: u32, head: &Head, into: &mut Collector<'_>) -> Option<Self> {
        let (kind, value) = (attribute.text("type"), attribute.text("value"));
        let whole = value.as_bytes();
        if is_true(attribute.get("deleted")) {
            return None;
        }
        if !is_true(attribute.get("to_ids")) {
            into.unsupported(line, "not meant for detection (to_ids)", whole);
            return None;
        }
        let (own_family, own_usage) = tagged(attribute, into);
        let (first, second) = value.split_once('|').map_or((value, ""), |(first, second)| (first, second));
        let port = if kind.ends_with("|port") { second.parse().ok() } else { None };
        let (first, second) = (first.as_bytes(), second.as_bytes());
        let mut own = Attribute {
            family: own_family,
            usage: own_usage,
            place: match kind {
                _ if attribute.text("category") == "Payload delivery" => Usage::Delivery,
                _ if kind.starts_with("ip-dst") => Usage::Controller,
                _ if kind.starts_with("ip-src") => Usage::Other,
                _ => Usage::Unspecified,
            },
            first_s: time(attribute, "first_seen"),
            last_s: time(attribute, "last_seen").or(time(attribute, "timestamp")),
        };
        let read: [Option<Result<Value, NoValue>>; 2] = match kind {
            "ip-dst" | "ip-src" | "ip-dst|port" | "ip-src|port" => [Some(Value::address_or_network(first)), None],
            "domain" | "hostname" | "hostname|port" => [Some(Value::domain(first)), None],
            "domain|ip" => [Some(Value::domain(first)), Some(Value::address_or_network(second))],
            "url" => [Some(Value::url(whole)), None],
            "md5" => [Some(Value::digest(Kind::Md5, whole)), None],
            "sha1" => [Some(Value::digest(Kind::Sha1, whole)), None],
            "sha256" => [Some(Value::digest(Kind::Sha256, whole)), None],
            "filename|md5" | "malware-sample" => [Some(Value::digest(Kind::Md5, second)), None],
            "filename|sha1" => [Some(Value::digest(Kind::Sha1, second)), None],
            "filename|sha256" => [Some(Value::digest(Kind::Sha256, second)), None],
            "ja3-fingerprint-md5" => [Some(Value::digest(Kind::Ja3, whole)), None],
            "x509-fingerprint-sha1" => [Some(Value::digest(Kind::CertificateSha1, whole)), None],
            _ => [None, None],
        };
        let of_place = match read[0] {
            Some(Ok(Value::Digest(Kind::Ja3 | Kind::CertificateSha1, _))) => {
                own.place = Usage::Controller;
                false
            }
            Some(Ok(Value::Digest(..))) => {
                own.place = Usage::Sample;
                false
            }
            Some(_) => true,
            None => {
                into.unsupported(line, "an attribute of a type that is not matched against", whole);
                return None;
            }
        };
        let (facts, family) = own.facts(head, of_place);
        let facts = Facts { port, exact: kind.starts_with("hostname"), known_family: Some(family), ..facts };
        read.into_iter().flatten().for_each(|value| into.take(value, &facts, line, whole));
        Some(own)
    }
}

/// A truth, or a number or text that stands for it.
fn is_true(value: Option<&Json<'_>>) -> bool {
    match value {
        Some(Json::Bool(is_so)) => *is_so,
        Some(Json::Number(number)) => number.as_u64() == Some(1),
        Some(Json::Text(text)) => matches!(&**text, "1" | "true"),
        _ => false,
    }
}

fn time(of: &Json<'_>, name: &str) -> Option<u32> {
    match of.get(name)? {
        Json::Text(text) => seconds(text.as_bytes()),
        Json::Number(number) => u32::try_from(number.as_u64()?).ok(),
        _ => None,
    }
}

/// What tags say: the place of the family among all, and the use.
fn tagged(of: &Json<'_>, into: &mut Collector<'_>) -> (u32, Usage) {
    let tags: Vec<&str> = of.array("Tag").iter().filter_map(|tag| tag.get("name")?.as_str()).collect();
    if tags.is_empty() {
        return (0, Usage::Unspecified);
    }
    (into.family(family(&tags).as_bytes()), usage_of(tags.join(" ").as_bytes()))
}

/// The malware that a tag names: `misp-galaxy:malpedia="Emotet"` and its like, without the number that ATT&CK puts behind.
fn family<'a>(tags: &[&'a str]) -> &'a str {
    const GALAXIES: [&str; 9] = ["malpedia", "tool", "ransomware", "botnet", "rat", "stealer", "banker", "backdoor", "mitre-malware"];
    let named = tags.iter().find_map(|tag| {
        let (galaxy, name) = tag.strip_prefix("misp-galaxy:")?.split_once('=')?;
        GALAXIES.contains(&galaxy).then(|| name.trim_matches('"'))
    });
    let name = named.unwrap_or_default();
    name.split_once(" - S").map_or(name, |(name, _)| name)
}
