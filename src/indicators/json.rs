//! Lists in JSON, as one text or an object a line: a STIX bundle, MISP events, the exports of abuse.ch, pulses of OTX, indicators of ECS. What it is shows in its members, whatever their order.

use std::borrow::Cow;
use std::cell::Cell;
use std::fmt;
use std::io;
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::collect::{Collector, Facts};
use super::columns::{Role, Shape, role};
use super::input::{Input, Line};
use super::list::Format;
use super::named::Named;
use super::value::Value as Indicator;
use super::{misp, stix};

/// Levels of objects in objects that are looked through for indicators.
const DEPTH_MAX: usize = 6;
/// Members that hold values without more, as texts. Anything else that a list of texts may be of, such as references, names nobody.
const TEXTS: [&str; 22] = [
    "",
    "data",
    "list",
    "items",
    "entries",
    "indicators",
    "iocs",
    "ips",
    "ip",
    "ipv4",
    "ipv6",
    "addresses",
    "ip_addresses",
    "domains",
    "hostnames",
    "hosts",
    "urls",
    "hashes",
    "md5",
    "sha1",
    "sha256",
    "blocklist",
];

/// Reads JSON texts, one after the other. Objects are looked at one by one, so that only the largest has to fit into memory.
pub(super) fn read(input: &mut Input<'_>, into: &mut Collector<'_>) -> serde_json::Result<()> {
    let line = input.counter();
    let mut stix = stix::Bundle::default();
    let mut reading = serde_json::Deserializer::from_reader(input);
    loop {
        Top(Walk { line: line.clone(), text: b"", into, stix: &mut stix }).deserialize(&mut reading)?;
        // What stands behind is the next text, or wrong, which reading it tells.
        if reading.end().is_ok() {
            break;
        }
    }
    stix.finish(into);
    Ok(())
}

/// Reads an object a line. A line that is none is refused, and the next one read.
pub(super) fn lines(input: &mut Input<'_>, into: &mut Collector<'_>) -> io::Result<()> {
    let number = input.counter();
    let mut stix = stix::Bundle::default();
    while let Some(line) = input.line()? {
        let line = match line {
            Line::Text(line) => line.trim_ascii(),
            Line::TooLong => {
                into.refuse(number.get(), "a line of more than 65536 bytes", b"");
                continue;
            }
        };
        if line.is_empty() {
            continue;
        }
        let Ok(value) = serde_json::from_slice::<Value>(line) else {
            into.refuse(number.get(), "a line that is no JSON", line);
            continue;
        };
        Walk { line: number.clone(), text: line, into, stix: &mut stix }.any(&value, "", 0);
    }
    stix.finish(into);
    Ok(())
}

struct Walk<'a, 'b, 'c> {
    line: Rc<Cell<u32>>,
    /// The whole line, of an object a line; else empty.
    text: &'a [u8],
    into: &'a mut Collector<'b>,
    stix: &'c mut stix::Bundle,
}

impl Walk<'_, '_, '_> {
    /// An object of any of the forms. `key` is the member that it stands under, if any.
    fn object(&mut self, value: &Value, key: &str, depth: usize) {
        let line = self.line.get();
        let has = |name: &str| value.get(name).is_some();
        if let Some(event) = value.get("Event") {
            misp::event(event, line, self.into);
        } else if value.get("Attribute").is_some_and(Value::is_array) || has("Orgc") {
            // Of a feed's manifest, the events' heads.
            misp::event(value, line, self.into);
        } else if let Some(attribute) = value.get("Attribute").filter(|attribute| attribute.is_object()) {
            misp::lone_attribute(attribute, line, self.into);
        } else if has("to_ids") && has("category") {
            misp::lone_attribute(value, line, self.into);
        } else if value.get("id").and_then(Value::as_str).is_some_and(|id| id.contains("--")) {
            self.stix.object(value, line, self.into);
        } else if has("matching_attributes") && has("list") {
            self.into.unsupported(line, "a list of what is good", value["name"].as_str().unwrap_or_default().as_bytes());
        } else if value.get("indicators").is_some_and(Value::is_array) {
            self.pulse(value, depth);
        } else if let Some(flat) = ecs(value) {
            named(&flat, key, line, self.text, self.into);
        } else if value.get("type").and_then(Value::as_str) == Some("metadata") {
            // Spamhaus ends its lists so.
            let written_s = value.get("timestamp").and_then(Value::as_u64).and_then(|seconds| u32::try_from(seconds).ok());
            let list = self.into.list();
            list.written_s = list.written_s.or(written_s);
        } else if !named(value, key, line, self.text, self.into) {
            self.members(value, depth);
        }
    }

    /// An object that is no indicator may have some within.
    fn members(&mut self, value: &Value, depth: usize) {
        let nested = |value: &&Value| value.is_object() || value.is_array();
        let members = value.as_object().into_iter().flatten().filter(|(_, value)| nested(value)).collect::<Vec<_>>();
        if members.is_empty() || depth >= DEPTH_MAX {
            return self.into.refuse(self.line.get(), "an object of no form that is known", value.to_string().as_bytes());
        }
        for (key, value) in members {
            self.any(value, key, depth + 1);
        }
    }

    /// A pulse of AlienVault's Open Threat Exchange: its family is that of its indicators.
    fn pulse(&mut self, pulse: &Value, depth: usize) {
        if pulse.get("name").is_some() {
            self.into.list().format = Format::Otx;
        }
        let family = pulse.get("malware_families").and_then(|families| families.get(0));
        let family = family.and_then(|family| family.as_str().or_else(|| family.get("display_name")?.as_str()));
        self.into.added = family.is_some().then(Vec::new);
        self.any(&pulse["indicators"], "indicators", depth + 1);
        if let (Some(added), Some(family)) = (self.into.added.take(), family) {
            self.into.name_family(&added, family.as_bytes());
        }
    }

    fn any(&mut self, value: &Value, key: &str, depth: usize) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.any(value, key, depth)),
            Value::Object(_) => self.object(value, key, depth),
            Value::String(text) if TEXTS.contains(&key) => {
                self.into.take(Indicator::of(text.as_bytes()), &Facts::default(), self.line.get(), text.as_bytes());
            }
            _ => {}
        }
    }
}

/// An indicator of the Elastic Common Schema (`threat.indicator.*`) as members with the names of columns. Nothing if the object has none.
fn ecs(value: &Value) -> Option<Value> {
    const MEMBERS: [(&str, &str); 13] = [
        ("ip", "/ip"),
        ("port", "/port"),
        ("url", "/url/full"),
        ("url", "/url/original"),
        ("domain", "/url/domain"),
        ("sha256", "/file/hash/sha256"),
        ("sha1", "/file/hash/sha1"),
        ("md5", "/file/hash/md5"),
        ("first_seen", "/first_seen"),
        ("last_seen", "/last_seen"),
        ("confidence", "/confidence"),
        ("ip", "/ip/0"),
        ("domain", "/domain"),
    ];
    let indicator =
        value.pointer("/threat/indicator").or_else(|| value.get("threat.indicator")).filter(|indicator| indicator.is_object())?;
    let mut flat = serde_json::Map::new();
    for (name, place) in MEMBERS {
        if let Some(value) = indicator.pointer(place).filter(|value| value.is_string() || value.is_number()) {
            flat.entry(name).or_insert_with(|| value.clone());
        }
    }
    Some(flat.into())
}

/// Members with the names of columns. Whether there was a value among them. `text` is how it is written, if that is at hand.
fn named(value: &Value, key: &str, line: u32, text: &[u8], into: &mut Collector<'_>) -> bool {
    let members = value.as_object().into_iter().flatten();
    let mut shape = Shape::default();
    let texts: Vec<(Role, Cow<'_, str>)> = members
        .filter_map(|(name, value)| {
            let text = match value {
                Value::String(text) => text.into(),
                Value::Number(_) | Value::Bool(_) => value.to_string().into(),
                _ => return None,
            };
            role(name.as_bytes()).inspect(|&role| shape.add(role, name.as_bytes())).map(|role| (role, text))
        })
        .collect();
    if !shape.has_value() {
        return false;
    }
    let whole = if text.is_empty() { Cow::Owned(value.to_string().into_bytes()) } else { Cow::Borrowed(text) };
    // Whom an autonomous system belongs to has a name, which is none the worse for it.
    if value.get("asn").is_some() && value.get("asname").is_some() && texts.iter().all(|(role, _)| *role == Role::Domain) {
        into.unsupported(line, "an autonomous system", &whole);
        return true;
    }
    let mut fields = Named::new();
    for (role, text) in &texts {
        fields.set(*role, text.as_bytes());
    }
    fields.set(Role::Number, key.as_bytes());
    if into.list().is_empty() && into.list().format != Format::Otx {
        into.list().format = shape.format();
    }
    fields.collect(into, line, &whole);
    true
}

/// The text as a whole.
struct Top<'a, 'b, 'c>(Walk<'a, 'b, 'c>);

impl<'de> DeserializeSeed<'de> for Top<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Top<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a STIX bundle, a MISP event, or an array or map of indicators")
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut values: A) -> Result<(), A::Error> {
        while let Some(value) = values.next_element::<Value>()? {
            self.0.any(&value, "", 0);
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        // An object that is told by what may come late in it is looked at as a whole.
        let mut bare = serde_json::Map::new();
        while let Some(key) = members.next_key::<String>()? {
            match key.as_str() {
                "objects" => {
                    self.0.into.list().format = Format::Stix;
                    members.next_value_seed(Objects(&mut self.0))?;
                }
                "Event" => misp::event(&members.next_value()?, self.0.line.get(), self.0.into),
                "spec_version" | "query_status" => {
                    members.next_value::<IgnoredAny>()?;
                }
                "Attribute"
                | "Object"
                | "Tag"
                | "list"
                | "indicators"
                | "malware_families"
                | "matching_attributes"
                | "threat"
                | "event" => {
                    bare.insert(key, members.next_value()?);
                }
                _ => match members.next_value()? {
                    value @ (Value::Array(_) | Value::Object(_)) => {
                        self.0.any(&value, if key == "data" || key == "response" { "" } else { &key }, 1);
                    }
                    value => _ = bare.insert(key, value),
                },
            }
        }
        let looked_at = ["Attribute", "Object", "list", "indicators", "threat"].into_iter().any(|name| bare.contains_key(name));
        let bare = Value::from(bare);
        if bare.get("Attribute").is_some() || bare.get("Object").is_some() {
            misp::event(&bare, self.0.line.get(), self.0.into);
        } else if looked_at || bare.get("type").and_then(Value::as_str) == Some("indicator") {
            self.0.object(&bare, "", 0);
        } else {
            // A single indicator; or the head of what has been read.
            let line = self.0.line.get();
            named(&bare, "", line, b"", self.0.into);
        }
        Ok(())
    }
}

/// The objects of a bundle.
struct Objects<'o, 'a, 'b, 'c>(&'o mut Walk<'a, 'b, 'c>);

impl<'de> DeserializeSeed<'de> for Objects<'_, '_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        from.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Objects<'_, '_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array of STIX objects")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut values: A) -> Result<(), A::Error> {
        while let Some(value) = values.next_element::<Value>()? {
            self.0.stix.object(&value, self.0.line.get(), self.0.into);
        }
        Ok(())
    }
}
