//! STIX 2.1 (OASIS Standard, 10 June 2021): indicators of a bundle, and the malware that relationships say they indicate.
//!
//! A pattern is taken as far as it compares for equality ([`super::pattern`]). An indicator without `valid_until` holds without end
//! (section 4.7); one that is revoked or of something benign is left out.

use std::collections::HashMap;

use super::collect::{Collector, Facts, text_key};
use super::entry::{Kind, Usage};
use super::list::Format;
use super::named::usage_of_any;
use super::pattern;
use super::time::seconds;
use super::tree::Json;
use crate::protocol::digits::hexadecimal;

/// What has to wait for the bundle's end: names come after what they name.
#[derive(Default)]
pub(super) struct Bundle {
    /// Entries of indicators, each with its indicator's id. Two million of them are kept in a row, since a map would take as much as all else.
    entries: Vec<(Id, (Kind, u32))>,
    /// Names of malware and tools, by id.
    names: HashMap<Id, String>,
    /// Which indicator indicates what.
    indicates: Vec<(Id, Id)>,
    /// Of the indicator at work.
    added: Vec<(Kind, u32)>,
}

/// 128 bits of an id, in halves: of `indicator--` and a UUID those of the UUID, of anything else some of its SHA-256.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
struct Id([u64; 2]);

impl Id {
    fn new(id: &str) -> Self {
        let (head, uuid) = id.as_bytes().split_at(id.len().saturating_sub(UUID_BYTES));
        let digits = uuid.iter().enumerate().filter(|(place, _)| !matches!(place, 8 | 13 | 18 | 23));
        let read = digits.map(|(_, &digit)| hexadecimal(digit)).try_fold(0u128, |bits, digit| Some(bits << 4 | u128::from(digit?)));
        let bits = read.filter(|_| head.ends_with(b"--")).unwrap_or_else(|| text_key(id.as_bytes()));
        Id([(bits >> 64) as u64, bits as u64])
    }
}

/// Digits and dashes (RFC 9562 section 4).
const UUID_BYTES: usize = 36;

impl Bundle {
    /// Whether nothing waits for its end.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.names.is_empty() && self.indicates.is_empty()
    }

    /// Whether an id is of STIX: a type, two dashes and a UUID, by custom.
    pub fn is_id(id: &[u8]) -> bool {
        memchr::memmem::find(id, b"--").is_some()
    }

    pub fn object(&mut self, object: &Json<'_>, line: u32, into: &mut Collector<'_>) {
        let text = |name: &str| object.text(name);
        into.list().format = Format::Stix;
        match text("type") {
            "indicator" => self.indicator(object, line, into),
            "malware" | "tool" => {
                self.names.insert(Id::new(text("id")), text("name").into());
            }
            "relationship" if text("relationship_type") == "indicates" => {
                self.indicates.push((Id::new(text("source_ref")), Id::new(text("target_ref"))));
            }
            _ => {}
        }
    }

    fn indicator(&mut self, object: &Json<'_>, line: u32, into: &mut Collector<'_>) {
        let text = |name: &str| object.text(name);
        let words = |name: &str| object.array(name).iter().filter_map(Json::as_str);
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
        let phases = object.array("kill_chain_phases").iter().filter_map(|phase| phase.get("phase_name")?.as_str());
        let said: Vec<&str> = phases.chain(words("labels")).chain([text("name"), text("description")]).collect();
        let usage = match usage_of_any(&said) {
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
        self.added.clear();
        into.added = Some(std::mem::take(&mut self.added));
        for (value, port) in read.values {
            into.take(value, &Facts { port, ..facts }, line, text("pattern").as_bytes());
        }
        self.added = into.added.take().unwrap_or_default();
        if let [_, ..] = self.added[..] {
            let id = Id::new(id);
            self.entries.extend(self.added.iter().map(|&entry| (id, entry)));
        }
        if let Some(reason) = read.unsupported {
            into.unsupported(line, reason, text("pattern").as_bytes());
        }
    }

    /// Names what indicators indicate.
    pub fn finish(mut self, into: &mut Collector<'_>) {
        // Names go to the entries in the order of the relationships, which need no order among the entries of one id.
        if !self.indicates.is_empty() {
            self.entries.sort_unstable();
        }
        for (indicator, malware) in &self.indicates {
            let from = self.entries.partition_point(|(id, _)| id < indicator);
            let of_it = self.entries[from..].iter().take_while(|(id, _)| id == indicator).map(|&(_, entry)| entry);
            if let Some(name) = self.names.get(malware) {
                into.name_family(of_it, name.as_bytes());
            }
        }
    }
}
