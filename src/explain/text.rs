//! An explanation as a person reads it.

use std::fmt;

use serde_json::Value;

use super::{Explanation, Shown};

/// Parts of a record that say nothing of the evidence.
const SKIPPED: [&str; 4] = ["record", "@timestamp", "observer", "event"];

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let event = &self.event["event"];
        writeln!(f, "{}  {}\n", plain(&event["id"]), self.summary)?;
        writeln!(f, "first packet  {}", plain(&event["start"]))?;
        if let Some(decided) = &self.decided {
            writeln!(f, "decided by    {}", decided.by)?;
        }
        writeln!(f, "last packet   {}\n", plain(&event["end"]))?;

        writeln!(f, "Values, in the end{}", if self.decided.is_some() { " and, where they differ, at the decision" } else { "" })?;
        let early = self.decided.as_ref().map(|decided| flat(&decided.event));
        for (name, value) in flat(&self.event) {
            let before = early.as_ref().and_then(|early| early.iter().find(|(known, _)| *known == name)).map(|(_, value)| value);
            match before {
                Some(before) if *before != value => writeln!(f, "  {name} = {value}  (then {before})")?,
                _ => writeln!(f, "  {name} = {value}")?,
            }
        }

        if !self.thresholds.is_empty() {
            writeln!(f, "\nThresholds")?;
        }
        for threshold in &self.thresholds {
            writeln!(f, "  {} = {} {}: {}", threshold.name, threshold.value, threshold.unit, threshold.meaning)?;
        }

        let packets = &self.packets;
        writeln!(
            f,
            "\nPackets: {} of {} frames concern the event, {} of them had come when it was decided",
            packets.concern, packets.frames, packets.before_decision
        )?;
        list(f, "the first", &packets.first)?;
        list(f, "the last before the decision", &packets.deciding)?;
        list(f, "the last", &packets.last)
    }
}

fn list(f: &mut fmt::Formatter<'_>, title: &str, shown: &[Shown]) -> fmt::Result {
    if !shown.is_empty() {
        writeln!(f, "  {title}")?;
    }
    for packet in shown {
        writeln!(f, "  {:>9}  {}  {}", packet.frame, packet.time, packet.text)?;
    }
    Ok(())
}

/// A text without its quotes. Letters that a terminal would obey are escaped.
fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text
            .chars()
            .flat_map(|letter| {
                let obeyed = letter.is_control() || !letter.is_ascii();
                if obeyed { letter.escape_default().collect::<Vec<char>>() } else { vec![letter] }
            })
            .collect(),
        other => other.to_string(),
    }
}

/// A record as names and values. What has a name, a value and a threshold stands in one line.
fn flat(event: &Value) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    for (name, value) in event.as_object().into_iter().flatten().filter(|(name, _)| !SKIPPED.contains(&name.as_str())) {
        walk(name, value, &mut lines);
    }
    lines
}

fn walk(name: &str, value: &Value, lines: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) if fields.contains_key("name") && fields.contains_key("threshold") => {
            let rest: Vec<String> = fields
                .iter()
                .filter(|(key, _)| !matches!(key.as_str(), "name" | "value" | "threshold"))
                .map(|(key, value)| format!("{key} {}", plain(value)))
                .collect();
            let told = format!("{} (threshold {}; {})", plain(&fields["value"]), plain(&fields["threshold"]), rest.join(", "));
            let name = name.rsplit_once('[').map_or(name, |(name, _)| name);
            lines.push((format!("{name}.{}", plain(&fields["name"])), told));
        }
        Value::Object(fields) => fields.iter().for_each(|(key, value)| walk(&format!("{name}.{key}"), value, lines)),
        Value::Array(items) if items.iter().any(Value::is_object) => {
            items.iter().enumerate().for_each(|(place, item)| walk(&format!("{name}[{place}]"), item, lines));
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            lines.push((name.into(), items.join(", ")));
        }
        other => lines.push((name.into(), plain(other))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_becomes_names_and_values() {
        let event = serde_json::json!({
            "record": "event",
            "network": {"packets": 7},
            "wherefrom": {"flood": {"ports": [80, 81], "signs": [{"name": "ttl_values", "value": 1.0, "threshold": 100.0, "forged": false}]}},
        });
        let lines: Vec<String> = flat(&event).into_iter().map(|(name, value)| format!("{name} = {value}")).collect();
        assert_eq!(
            lines,
            [
                "network.packets = 7",
                "wherefrom.flood.ports = 80, 81",
                "wherefrom.flood.signs.ttl_values = 1.0 (threshold 100.0; forged false)"
            ]
        );
    }

    #[test]
    fn a_terminal_obeys_nothing_of_it() {
        assert_eq!(plain(&Value::String("a\u{1b}[2J\u{202e}b".into())), "a\\u{1b}[2J\\u{202e}b");
    }
}
