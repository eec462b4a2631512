//! Lists in JSON, as one text or an object a line: a STIX bundle, MISP events, the exports of abuse.ch, pulses of OTX, indicators of ECS. What it is shows in its members, whatever their order.

use std::borrow::Cow;
use std::cell::Cell;
use std::io;
use std::rc::Rc;

use serde::de::{Error as _, Unexpected};

use super::blocks::{self, Block, Reading};
use super::collect::{Collector, Facts};
use super::input::Input;
use super::list::Format;
use super::members::{Members, Told};
use super::stream::Stream;
use super::tree::Json;
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
    let (mut stix, mut known) = (stix::Bundle::default(), Members::default());
    let mut stream = Stream::new(input);
    loop {
        Walk { line: line.clone(), text: b"", into, stix: &mut stix, known: &mut known }.top(&mut stream)?;
        // What stands behind is the next text, or wrong, which reading it tells.
        if stream.peek()?.is_none() {
            break;
        }
    }
    stix.finish(into);
    Ok(())
}

/// Reads an object a line. A line that is none is refused, and the next one read.
pub(super) fn lines(input: &mut Input<'_>, into: &mut Collector<'_>) -> io::Result<()> {
    blocks::read(input, into, Lines::default())
}

/// What objects before say of those that come.
#[derive(Default)]
pub(super) struct Lines {
    stix: stix::Bundle,
    known: Members,
    number: Rc<Cell<u32>>,
}

impl Reading for Lines {
    fn line(&mut self, line: &[u8], number: u32, into: &mut Collector<'_>) {
        let line = line.trim_ascii();
        if line.is_empty() {
            return;
        }
        let Ok(value) = Json::whole(line) else { return into.refuse(number, "a line that is no JSON", line) };
        self.number.set(number);
        let Lines { stix, known, number } = self;
        Walk { line: number.clone(), text: line, into, stix, known }.any(&value, b"", 0);
    }

    fn stands_alone(&self, into: &mut Collector<'_>) -> bool {
        // Whose list it is shows in the first entries.
        !into.list().is_empty() && self.stix.is_empty()
    }

    fn alone(&self) -> impl Fn(&Block, &mut Collector<'_>) -> bool + Sync {
        |block, into| {
            let mut lines = Lines::default();
            block.each(into, |line, number, into| {
                lines.line(line, number, into);
                lines.stix.is_empty()
            })
        }
    }

    fn finish(self, into: &mut Collector<'_>) {
        self.stix.finish(into);
    }
}

struct Walk<'a, 'b, 'c> {
    line: Rc<Cell<u32>>,
    /// The whole line, of an object a line; else empty.
    text: &'a [u8],
    into: &'a mut Collector<'b>,
    stix: &'c mut stix::Bundle,
    known: &'c mut Members,
}

impl Walk<'_, '_, '_> {
    /// An object of any of the forms. `key` is the member that it stands under, if any.
    fn object(&mut self, value: &Json<'_>, key: &[u8], depth: usize) {
        let line = self.line.get();
        let told = Told::of(value);
        let has = |by: Told| told.has(by);
        let attribute = value.get("Attribute").filter(|_| has(Told::ATTRIBUTE));
        if let Some(event) = value.get("Event").filter(|_| has(Told::EVENT)) {
            misp::event(event, line, self.into);
        } else if attribute.is_some_and(Json::is_array) || has(Told::ORGC) {
            // Of a feed's manifest, the events' heads.
            misp::event(value, line, self.into);
        } else if let Some(attribute) = attribute.filter(|attribute| attribute.is_object()) {
            misp::lone_attribute(attribute, line, self.into);
        } else if has(Told::TO_IDS) && has(Told::CATEGORY) {
            misp::lone_attribute(value, line, self.into);
        } else if has(Told::ID) && value.get("id").and_then(Json::as_bytes).is_some_and(stix::Bundle::is_id) {
            self.stix.object(value, line, self.into);
        } else if has(Told::MATCHING_ATTRIBUTES) && has(Told::LIST) {
            self.into.unsupported(line, "a list of what is good", value.text("name").as_bytes());
        } else if has(Told::INDICATORS) && value.get("indicators").is_some_and(Json::is_array) {
            self.pulse(value, depth);
        } else if let Some(flat) = Some(value).filter(|_| has(Told::THREAT)).and_then(ecs) {
            self.named(&flat, key);
        } else if has(Told::TYPE) && value.text("type") == "metadata" {
            // Spamhaus ends its lists so.
            let written_s = value.get("timestamp").and_then(Json::as_u64).and_then(|seconds| u32::try_from(seconds).ok());
            let list = self.into.list();
            list.written_s = list.written_s.or(written_s);
        } else if !self.named(value, key) {
            self.members(value, depth);
        }
    }

    /// An object that is no indicator may have some within.
    fn members(&mut self, value: &Json<'_>, depth: usize) {
        let Json::Object(members) = value else { return };
        let mut nested: Vec<_> = members.iter().filter(|(_, value)| value.is_object() || value.is_array()).collect();
        if nested.is_empty() || depth >= DEPTH_MAX {
            return self.into.refuse(self.line.get(), "an object of no form that is known", value.written().as_bytes());
        }
        nested.sort_by_key(|(name, _)| name);
        for (key, value) in nested {
            self.any(value, key, depth + 1);
        }
    }

    /// A pulse of AlienVault's Open Threat Exchange: its family is that of its indicators.
    fn pulse(&mut self, pulse: &Json<'_>, depth: usize) {
        self.into.added = Some(Vec::new());
        if pulse.get("name").is_some() {
            self.into.list().format = Format::Otx;
        }
        if let Some(indicators) = pulse.get("indicators") {
            self.any(indicators, b"indicators", depth + 1);
        }
        self.end_pulse(pulse);
    }

    /// Says of what indicators have been put in what the pulse's head says.
    fn end_pulse(&mut self, pulse: &Json<'_>) {
        if pulse.get("name").is_some() {
            self.into.list().format = Format::Otx;
        }
        let family = pulse.array("malware_families").first();
        let family = family.and_then(|family| family.as_bytes().or_else(|| family.get("display_name")?.as_bytes()));
        if let (Some(added), Some(family)) = (self.into.added.take(), family) {
            self.into.name_family(added, family);
        }
    }

    fn any(&mut self, value: &Json<'_>, key: &[u8], depth: usize) {
        match value {
            Json::Array(values) => values.iter().for_each(|value| self.any(value, key, depth)),
            Json::Object(_) => self.object(value, key, depth),
            Json::Text(text) if TEXTS.iter().any(|name| name.as_bytes() == key) => {
                let text = text.as_bytes();
                self.into.take(Indicator::of(text), &Facts::default(), self.line.get(), text);
            }
            _ => {}
        }
    }

    fn named(&mut self, value: &Json<'_>, key: &[u8]) -> bool {
        self.known.collect(value, key, self.line.get(), self.text, self.into)
    }

    /// A text as a whole.
    fn top(&mut self, stream: &mut Stream<'_, '_>) -> serde_json::Result<()> {
        match stream.peek()? {
            Some(b'[') => self.items(stream, b"", 0),
            Some(b'{') => self.top_object(stream),
            _ => {
                let error = stream.value(|value| {
                    let expected = "a STIX bundle, a MISP event, or an array or map of indicators";
                    serde_json::Error::invalid_type(unexpected(&value), &expected)
                })?;
                Err(stream.wrong(error))
            }
        }
    }

    /// The values of an array that may be of any form. Events of MISP may be of any length.
    fn items(&mut self, stream: &mut Stream<'_, '_>, under: &[u8], depth: usize) -> serde_json::Result<()> {
        stream.elements(|stream| {
            if stream.opens(b"Event")? { self.wrapped_event(stream) } else { stream.value(|value| self.any(&value, under, depth)) }
        })
    }

    /// An object around an event, as searches give it.
    fn wrapped_event(&mut self, stream: &mut Stream<'_, '_>) -> serde_json::Result<()> {
        stream.members(|stream, key| if key == b"Event" { self.event(stream) } else { stream.value(|_| ()) })
    }

    fn top_object(&mut self, stream: &mut Stream<'_, '_>) -> serde_json::Result<()> {
        // An object that is told by what may come late in it is looked at as a whole, but for what may be long.
        let mut bare = Vec::new();
        let mut event: Option<misp::Open> = None;
        let mut pulse = false;
        let mut looked_at = false;
        stream.members(|stream, key| {
            let is_array = stream.peek()? == Some(b'[');
            match &key[..] {
                b"objects" if is_array => {
                    self.into.list().format = Format::Stix;
                    stream.elements(|stream| stream.value(|value| self.stix.object(&value, self.line.get(), self.into)))?;
                }
                b"objects" => {
                    let error = stream.value(|value| serde_json::Error::invalid_type(unexpected(&value), &"an array of STIX objects"))?;
                    return Err(stream.wrong(error));
                }
                b"Event" => self.event(stream)?,
                b"spec_version" | b"query_status" => stream.value(|_| ())?,
                b"Attribute" | b"Object" => {
                    let event = event.get_or_insert_with(|| misp::Open::new(self.into));
                    self.of_event(stream, &key, event)?;
                }
                b"indicators" if is_array => {
                    (pulse, looked_at) = (true, true);
                    self.into.added.get_or_insert_default();
                    stream.elements(|stream| stream.value(|value| self.any(&value, b"indicators", 1)))?;
                }
                b"Tag" | b"list" | b"indicators" | b"malware_families" | b"matching_attributes" | b"threat" | b"event" => {
                    looked_at |= matches!(&key[..], b"list" | b"indicators" | b"threat");
                    let value = stream.value(|value| value.into_owned())?;
                    bare.push((Cow::Owned(key), value));
                }
                _ => {
                    let under: &[u8] = if matches!(&key[..], b"data" | b"response") { b"" } else { &key };
                    if is_array {
                        return self.items(stream, under, 1);
                    }
                    let scalar = stream.value(|value| {
                        if !value.is_object() {
                            return Some(value.into_owned());
                        }
                        self.any(&value, under, 1);
                        None
                    })?;
                    bare.extend(scalar.map(|value| (Cow::Owned(key), value)));
                }
            }
            Ok(())
        })?;
        let bare = Json::Object(bare);
        if let Some(event) = event {
            event.close(&bare, self.into);
        } else if pulse {
            self.end_pulse(&bare);
        } else if looked_at || bare.text("type") == "indicator" {
            self.object(&bare, b"", 0);
        } else {
            // A single indicator; or the head of what has been read.
            self.named(&bare, b"");
        }
        Ok(())
    }

    /// A MISP event of any length: what holds for all its attributes may come behind them. What is no object has none.
    fn event(&mut self, stream: &mut Stream<'_, '_>) -> serde_json::Result<()> {
        if stream.peek()? != Some(b'{') {
            return stream.value(|event| misp::event(&event, self.line.get(), self.into));
        }
        let mut event = misp::Open::new(self.into);
        let mut head = Vec::new();
        stream.members(|stream, key| {
            match &key[..] {
                b"Attribute" | b"Object" => self.of_event(stream, &key, &mut event)?,
                b"Tag" | b"date" | b"timestamp" => {
                    let value = stream.value(|value| value.into_owned())?;
                    head.push((Cow::Owned(key), value));
                }
                _ => stream.value(|_| ())?,
            }
            Ok(())
        })?;
        event.close(&Json::Object(head), self.into);
        Ok(())
    }

    /// The attributes of an event, or the objects that have some, each in its turn; what is no array of them has none.
    fn of_event(&mut self, stream: &mut Stream<'_, '_>, key: &[u8], event: &mut misp::Open) -> serde_json::Result<()> {
        if stream.peek()? != Some(b'[') {
            return stream.value(|_| ());
        }
        let take = if key == b"Attribute" { misp::Open::attribute } else { misp::Open::object };
        stream.elements(|stream| stream.value(|value| take(event, &value, self.line.get(), self.into)))
    }
}

fn unexpected<'a>(value: &'a Json<'_>) -> Unexpected<'a> {
    match value {
        Json::Null => Unexpected::Unit,
        Json::Bool(is_so) => Unexpected::Bool(*is_so),
        Json::Number(_) => Unexpected::Other("a number"),
        Json::Text(text) => Unexpected::Str(text),
        Json::Array(_) => Unexpected::Seq,
        Json::Object(_) => Unexpected::Map,
    }
}

/// An indicator of the Elastic Common Schema (`threat.indicator.*`) as members with the names of columns. Nothing if the object has none.
fn ecs<'a>(value: &Json<'a>) -> Option<Json<'a>> {
    const MEMBERS: [(&str, &[&str]); 13] = [
        ("ip", &["ip"]),
        ("port", &["port"]),
        ("url", &["url", "full"]),
        ("url", &["url", "original"]),
        ("domain", &["url", "domain"]),
        ("sha256", &["file", "hash", "sha256"]),
        ("sha1", &["file", "hash", "sha1"]),
        ("md5", &["file", "hash", "md5"]),
        ("first_seen", &["first_seen"]),
        ("last_seen", &["last_seen"]),
        ("confidence", &["confidence"]),
        ("ip", &["ip", "0"]),
        ("domain", &["domain"]),
    ];
    let indicator =
        value.at(&["threat", "indicator"]).or_else(|| value.get("threat.indicator")).filter(|indicator| indicator.is_object())?;
    let mut flat = Json::Object(Vec::with_capacity(MEMBERS.len()));
    for (name, place) in MEMBERS {
        if flat.get(name).is_none()
            && let Some(value @ (Json::Text(_) | Json::Number(_))) = indicator.at(place)
            && let Json::Object(members) = &mut flat
        {
            members.push((Cow::Borrowed(name.as_bytes()), value.clone()));
        }
    }
    Some(flat)
}
