//! Lists and entries in words, for a person.

use std::fmt;

use super::{Hit, Indicators, List};
use crate::report::date;

impl fmt::Display for List {
    /// A line with what it is, one with what was not taken, and one for each of the first of those.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kinds: Vec<String> = self.by_kind().map(|(kind, count)| format!("{} {count}", kind.name())).collect();
        let day = |seconds: Option<u32>| seconds.map_or("unknown".into(), date);
        writeln!(f, "{}: {}, {} entries ({})", self.name.escape_debug(), self.format.name(), self.len(), kinds.join(", "))?;
        writeln!(f, "  written {}, latest entry {}, sha256 {}", day(self.written_s), day(self.newest_s), self.sha256)?;
        if self.refused + self.unsupported > 0 {
            writeln!(f, "  not understood {}, not supported {}", self.refused, self.unsupported)?;
        }
        for refusal in &self.refusals {
            writeln!(f, "  line {}: {}: '{}'", refusal.line, refusal.reason, refusal.text)?;
        }
        let unnamed = self.refused + self.unsupported - self.refusals.len() as u64;
        if unnamed > 0 { writeln!(f, "  and {unnamed} more") } else { Ok(()) }
    }
}

impl Indicators {
    /// Every entry for a value, a line each. Nothing if the text is no value.
    pub fn describe(&self, value: &str) -> Option<String> {
        let mut hits = self.lookup(value)?;
        hits.sort_by_key(|hit| (hit.list, hit.number));
        let good = value.parse().ok().and_then(|addr| self.known_good().of(addr));
        let mut text = good.map_or(String::new(), |good| format!("{value}: known good, a {}: never a controller\n", good.name()));
        if hits.is_empty() {
            text += &format!("{}: on no list\n", value.escape_debug());
        }
        for hit in hits {
            text += &format!("{}: {}\n", value.escape_debug(), self.entry(&hit));
        }
        Some(text)
    }

    fn entry(&self, hit: &Hit) -> String {
        let mut text = format!("{}, {}, {}", self.list(hit).name.escape_debug(), hit.kind.name(), hit.usage.name());
        if hit.extent > 0 && hit.kind == super::Kind::Network {
            text += &format!(" /{}", hit.extent);
        }
        if let Some(port) = hit.port {
            text += &format!(", port {port}");
        }
        if let Some(family) = self.family(hit) {
            text += &format!(", {family}");
        }
        if let Some(confidence) = hit.confidence {
            text += &format!(", confidence {confidence} %");
        }
        if hit.compromised {
            text += ", a victim's";
        }
        text += &match (hit.from_s, hit.until_s) {
            (0, u32::MAX) => ", always".into(),
            (0, until_s) => format!(", until {}", date(until_s)),
            (from_s, u32::MAX) => format!(", from {}", date(from_s)),
            (from_s, until_s) => format!(", from {} until {}", date(from_s), date(until_s)),
        };
        text + ", " + &self.reference(hit)
    }
}
