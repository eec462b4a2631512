//! MISP events (draft-dulaunoy-misp-core-format): attributes that are meant for detection, of the event and of its objects.

use serde_json::Value as Json;

use super::collect::{Collector, Facts};
use super::entry::{Kind, Usage};
use super::list::Format;
use super::named::usage_of;
use super::time::seconds;
use super::value::{NoValue, Value};

/// Puts an event's attributes into the list at work. Without attributes it is the head of an event, as manifests have it.
pub(super) fn event(event: &Json, line: u32, into: &mut Collector<'_>) {
    into.list().format = Format::Misp;
    let tags = tags(event);
    // The day of what happened; an attribute's own times are nearer.
    let day_s = time(event, "date");
    let changed_s = time(event, "timestamp");
    let whole = Event { family: family(&tags), usage: usage_of(tags.join(" ").as_bytes()), day_s, changed_s };
    let attributes = |of: &Json| of.get("Attribute").and_then(Json::as_array).cloned().unwrap_or_default();
    let objects = event.get("Object").and_then(Json::as_array).into_iter().flatten();
    for attribute in attributes(event).iter().chain(&objects.flat_map(attributes).collect::<Vec<_>>()) {
        whole.attribute(attribute, line, into);
    }
}

/// Puts an attribute into the list at work that stands without its event.
pub(super) fn lone_attribute(attribute: &Json, line: u32, into: &mut Collector<'_>) {
    into.list().format = Format::Misp;
    let nothing = Event { family: String::new(), usage: Usage::Unspecified, day_s: None, changed_s: None };
    nothing.attribute(attribute, line, into);
}

/// What holds for all attributes of an event.
struct Event {
    family: String,
    usage: Usage,
    day_s: Option<u32>,
    changed_s: Option<u32>,
}

impl Event {
    fn attribute(&self, attribute: &Json, line: u32, into: &mut Collector<'_>) {
        let text = |name: &str| attribute.get(name).and_then(Json::as_str).unwrap_or_default();
        let (kind, value) = (text("type"), text("value"));
        if is_true(attribute.get("deleted")) {
            return;
        }
        if !is_true(attribute.get("to_ids")) {
            return into.unsupported(line, "not meant for detection (to_ids)", value.as_bytes());
        }
        let tags = tags(attribute);
        let own_family = family(&tags);
        let said = match usage_of(tags.join(" ").as_bytes()) {
            Usage::Controller | Usage::Delivery | Usage::Sinkhole => usage_of(tags.join(" ").as_bytes()),
            _ => self.usage,
        };
        let category = text("category");
        let delivers = category == "Payload delivery";
        let facts = Facts {
            family: if own_family.is_empty() { self.family.as_bytes() } else { own_family.as_bytes() },
            first_s: time(attribute, "first_seen").or(self.day_s),
            last_s: time(attribute, "last_seen").or(time(attribute, "timestamp")).or(self.changed_s).or(self.day_s),
            exact: kind.starts_with("hostname"),
            ..Facts::default()
        };
        // What tags say goes first, then what the type and the category mean.
        let place = match said {
            Usage::Controller | Usage::Delivery | Usage::Sinkhole => said,
            _ if delivers => Usage::Delivery,
            _ if kind.starts_with("ip-dst") => Usage::Controller,
            _ if kind.starts_with("ip-src") => Usage::Other,
            _ => Usage::Unspecified,
        };
        let (first, second) = value.split_once('|').map_or((value, None), |(first, second)| (first, Some(second)));
        let port = second.filter(|_| kind.ends_with("|port")).and_then(|port| port.parse().ok());
        let mut take =
            |value: Result<Value, NoValue>, usage: Usage| into.take(value, &Facts { usage, port, ..facts }, line, text("value").as_bytes());
        match kind {
            "ip-dst" | "ip-src" | "ip-dst|port" | "ip-src|port" => take(Value::address_or_network(first.as_bytes()), place),
            "domain" | "hostname" | "hostname|port" => take(Value::domain(first.as_bytes()), place),
            "domain|ip" => {
                take(Value::domain(first.as_bytes()), place);
                take(Value::address_or_network(second.unwrap_or_default().as_bytes()), place);
            }
            "url" => take(Value::url(value.as_bytes()), place),
            "md5" => take(Value::digest(Kind::Md5, value.as_bytes()), Usage::Sample),
            "sha1" => take(Value::digest(Kind::Sha1, value.as_bytes()), Usage::Sample),
            "sha256" => take(Value::digest(Kind::Sha256, value.as_bytes()), Usage::Sample),
            "filename|md5" | "malware-sample" => take(Value::digest(Kind::Md5, second.unwrap_or_default().as_bytes()), Usage::Sample),
            "filename|sha1" => take(Value::digest(Kind::Sha1, second.unwrap_or_default().as_bytes()), Usage::Sample),
            "filename|sha256" => take(Value::digest(Kind::Sha256, second.unwrap_or_default().as_bytes()), Usage::Sample),
            "ja3-fingerprint-md5" => take(Value::digest(Kind::Ja3, value.as_bytes()), Usage::Controller),
            "x509-fingerprint-sha1" => take(Value::digest(Kind::CertificateSha1, value.as_bytes()), Usage::Controller),
            _ => into.unsupported(line, "an attribute of a type that is not matched against", value.as_bytes()),
        }
    }
}

/// A truth, or a number or text that stands for it.
fn is_true(value: Option<&Json>) -> bool {
    match value {
        Some(Json::Bool(is_so)) => *is_so,
        Some(Json::Number(number)) => number.as_u64() == Some(1),
        Some(Json::String(text)) => text == "1" || text == "true",
        _ => false,
    }
}

fn time(of: &Json, name: &str) -> Option<u32> {
    match of.get(name)? {
        Json::String(text) => seconds(text.as_bytes()),
        Json::Number(number) => u32::try_from(number.as_u64()?).ok(),
        _ => None,
    }
}

fn tags(of: &Json) -> Vec<&str> {
    let tags = of.get("Tag").and_then(Json::as_array).into_iter().flatten();
    tags.filter_map(|tag| tag.get("name")?.as_str()).collect()
}

/// The malware that a tag names: `misp-galaxy:malpedia="Emotet"` and its like, without the number that ATT&CK puts behind.
fn family(tags: &[&str]) -> String {
    const GALAXIES: [&str; 9] = ["malpedia", "tool", "ransomware", "botnet", "rat", "stealer", "banker", "backdoor", "mitre-malware"];
    let named = tags.iter().find_map(|tag| {
        let (galaxy, name) = tag.strip_prefix("misp-galaxy:")?.split_once('=')?;
        GALAXIES.contains(&galaxy).then(|| name.trim_matches('"'))
    });
    let name = named.unwrap_or_default();
    name.split_once(" - S").map_or(name, |(name, _)| name).into()
}
