//! Lists in JSON: a STIX bundle, MISP events, the exports of abuse.ch. What it is shows in its members, whatever their order.

use std::cell::Cell;
use std::fmt;
use std::io::Read;
use std::rc::Rc;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::Value;

use super::collect::Collector;
use super::input::Input;
use super::list::Format;
use super::named::{Named, Role, Shape, role};
use super::{misp, stix};

/// Reads one JSON text. Objects are looked at one after the other, so that only the largest has to fit into memory.
pub(super) fn read<R: Read>(input: &mut Input<R>, into: &mut Collector<'_>) -> serde_json::Result<()> {
    let line = input.counter();
    let mut stix = stix::Bundle::default();
    let mut reading = serde_json::Deserializer::from_reader(input);
    Top(Walk { line, into, stix: &mut stix }).deserialize(&mut reading)?;
    reading.end()?;
    stix.finish(into);
    Ok(())
}

struct Walk<'a, 'b, 'c> {
    line: Rc<Cell<u32>>,
    into: &'a mut Collector<'b>,
    stix: &'c mut stix::Bundle,
}

impl Walk<'_, '_, '_> {
    /// An object of any of the forms. `key` is the member that it stands under, if any.
    fn object(&mut self, value: &Value, key: &str) {
        let line = self.line.get();
        if let Some(event) = value.get("Event") {
            misp::event(event, line, self.into);
        } else if value.get("Attribute").is_some() || value.get("Orgc").is_some() {
            // Of a feed's manifest, the events' heads.
            misp::event(value, line, self.into);
        } else if value.get("id").and_then(Value::as_str).is_some_and(|id| id.contains("--")) {
            self.stix.object(value, line, self.into);
        } else {
            named(value, key, line, self.into);
        }
    }

    fn any(&mut self, value: &Value, key: &str) {
        match value {
            Value::Array(values) => values.iter().for_each(|value| self.object(value, key)),
            Value::Object(_) => self.object(value, key),
            _ => {}
        }
    }
}

/// Members with the names of columns.
fn named(value: &Value, key: &str, line: u32, into: &mut Collector<'_>) {
    let members = value.as_object().into_iter().flatten();
    let texts: Vec<(Role, String)> = members
        .filter_map(|(name, value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(_) | Value::Bool(_) => value.to_string(),
                _ => return None,
            };
            role(name.as_bytes()).map(|role| (role, text))
        })
        .collect();
    let mut shape = Shape::default();
    let mut fields = Named::new();
    for (role, text) in &texts {
        shape.add(*role);
        fields.set(*role, text.as_bytes());
    }
    if !shape.is_list() {
        return into.refuse(line, "an object of no form that is known", value.to_string().as_bytes());
    }
    fields.set(Role::Number, key.as_bytes());
    if into.list().is_empty() {
        into.list().format = shape.format();
    }
    fields.collect(into, line, value.to_string().as_bytes());
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
            self.0.object(&value, "");
        }
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        // An event without its envelope is told by its attributes, which may come before what they need.
        let mut bare = serde_json::Map::new();
        while let Some(key) = members.next_key::<String>()? {
            match key.as_str() {
                "objects" => {
                    self.0.into.list().format = Format::Stix;
                    members.next_value_seed(Objects(&mut self.0))?;
                }
                "Event" => misp::event(&members.next_value()?, self.0.line.get(), self.0.into),
                "Attribute" | "Object" | "info" | "date" | "timestamp" | "Tag" => {
                    bare.insert(key, members.next_value()?);
                }
                "spec_version" | "type" | "id" | "query_status" => {
                    members.next_value::<IgnoredAny>()?;
                }
                _ => self.0.any(&members.next_value()?, if key == "data" || key == "response" { "" } else { &key }),
            }
        }
        if bare.contains_key("Attribute") || bare.contains_key("Object") {
            misp::event(&bare.into(), self.0.line.get(), self.0.into);
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
