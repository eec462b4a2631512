//! STIX 2.1 (OASIS Standard, 10 June 2021): indicators of a bundle, and the malware that relationships say they indicate.
//!
//! A pattern is taken as far as it compares for equality ([`super::pattern`]). An indicator without `valid_until` holds without end
//! (section 4.7); one that is revoked or of something benign is left out.

use std::collections::HashMap;

use serde_json::Value as Json;

use super::collect::{Collector, Facts};
use super::entry::{Kind, Usage};
use super::list::Format;
use super::named::usage_of;
use super::pattern;
use super::time::seconds;

/// What has to wait for the bundle's end: names come after what they name.
#[derive(Default)]
pub(super) struct Bundle {
    /// Entries of an indicator, by its id.
    entries: HashMap<String, Vec<(Kind, u32)>>,
    /// Names of malware and tools, by id.
    names: HashMap<String, String>,
    /// Which indicator indicates what.
    indicates: Vec<(String, String)>,
}

impl Bundle {
    pub fn object(&mut self, object: &Json, line: u32, into: &mut Collector<'_>) {
        let text = |name: &str| object.get(name).and_then(Json::as_str).unwrap_or_default();
        into.list().format = Format::Stix;
        match text("type") {
            "indicator" => self.indicator(object, line, into),
            "malware" | "tool" => {
                self.names.insert(text("id").into(), text("name").into());
            }
            "relationship" if text("relationship_type") == "indicates" => {
                self.indicates.push((text("source_ref").into(), text("target_ref").into()));
            }
            _ => {}
        }
    }

    fn indicator(&mut self, object: &Json, line: u32, into: &mut Collector<'_>) {
        let text = |name: &str| object.get(name).and_then(Json::as_str).unwrap_or_default();
        let words = |name: &str| object.get(name).and_then(Json::as_array).into_iter().flatten().filter_map(Json::as_str);
        let id = text("id");
        if object.get("revoked") == Some(&Json::Bool(true)) {
            return into.unsupported(line, "revoked", id.as_bytes());
        }
        if words("indicator_types").any(|word| word == "benign") {
            return into.unsupported(line, "of something benign", id.as_bytes());
        }
        if !matches!(text("pattern_type"), "" | "stix") {
            return into.unsupported(line, "a pattern in another language", id.as_bytes());
        }
        let phases = object.get("kill_chain_phases").and_then(Json::as_array).into_iter().flatten();
        let phases = phases.filter_map(|phase| phase.get("phase_name")?.as_str());
        let said: Vec<&str> = phases.chain(words("labels")).chain([text("name"), text("description")]).collect();
        let usage = match usage_of(said.join(" ").as_bytes()) {
            _ if words("indicator_types").any(|word| word == "anonymization") => Usage::Other,
            Usage::Other => Usage::Unspecified,
            usage => usage,
        };
        let Some(from_s) = seconds(text("valid_from").as_bytes()) else {
            return into.refuse(line, "an indicator without a valid_from", id.as_bytes());
        };
        let facts = Facts {
            usage,
            confidence: object
                .get("confidence")
                .and_then(Json::as_u64)
                .and_then(|percent| u8::try_from(percent).ok())
                .filter(|&p| p <= 100),
            compromised: words("indicator_types").any(|word| word == "compromised"),
            // The end is the first moment at which it holds no more.
            valid: Some((from_s, seconds(text("valid_until").as_bytes()).map_or(u32::MAX, |until_s| until_s.saturating_sub(1)))),
            exact: true,
            ..Facts::default()
        };
        let read = pattern::read(text("pattern"));
        into.added = Some(Vec::new());
        for (value, port) in read.values {
            into.take(value, &Facts { port, ..facts }, line, text("pattern").as_bytes());
        }
        let added = into.added.take().unwrap_or_default();
        if !added.is_empty() {
            self.entries.insert(id.into(), added);
        }
        if let Some(reason) = read.unsupported {
            into.unsupported(line, reason, text("pattern").as_bytes());
        }
    }

    /// Names what indicators indicate.
    pub fn finish(self, into: &mut Collector<'_>) {
        for (indicator, malware) in &self.indicates {
            if let (Some(entries), Some(name)) = (self.entries.get(indicator), self.names.get(malware)) {
                into.name_family(entries, name.as_bytes());
            }
        }
    }
}
