//! What was reported beside what was there.

use std::collections::BTreeMap;

use serde_json::Value;

use super::case::{Expected, Scene};
use super::frames::SECOND;
use super::run::Records;
use super::world::World;

/// Seconds by which a record may miss an attack in time and still mean it.
const GRACE_NS: i64 = 3 * SECOND as i64;
/// A flood is to begin and end within two seconds of event time.
const PRECISE_NS: i64 = 2 * SECOND as i64;

/// Something that was not right.
pub struct Failure {
    /// What it is, without figures, so that several can be put together.
    pub what: String,
    /// What was reported.
    pub detail: String,
}

/// Figures of one kind.
#[derive(Default)]
pub struct Figures {
    pub expected: u64,
    pub found: u64,
    pub false_events: u64,
    pub attributes: (u64, u64),
    pub verdicts: (u64, u64),
    pub start_ms: Vec<i64>,
    pub end_ms: Vec<i64>,
    pub country_errors: Vec<f64>,
}

impl Figures {
    pub fn add(&mut self, other: Figures) {
        self.expected += other.expected;
        self.found += other.found;
        self.false_events += other.false_events;
        self.attributes = (self.attributes.0 + other.attributes.0, self.attributes.1 + other.attributes.1);
        self.verdicts = (self.verdicts.0 + other.verdicts.0, self.verdicts.1 + other.verdicts.1);
        self.start_ms.extend(other.start_ms);
        self.end_ms.extend(other.end_ms);
        self.country_errors.extend(other.country_errors);
    }

    pub fn recall(&self) -> f64 {
        share(self.found, self.expected)
    }

    /// The mean share of packets under a wrong country.
    pub fn country_error(&self) -> f64 {
        // Adding to zero keeps an empty sum from being a negative zero.
        0.0 + self.country_errors.iter().sum::<f64>() / self.country_errors.len().max(1) as f64
    }

    pub fn precision(&self) -> f64 {
        share(self.found, self.found + self.false_events)
    }
}

/// A share; of nothing it is 1, since nothing went wrong.
pub fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

/// One run's figures by kind, and what was not right.
#[derive(Default)]
pub struct Verdict {
    pub figures: BTreeMap<String, Figures>,
    pub failures: Vec<Failure>,
}

/// Judges a run's records against what of the scene was seen.
pub fn judge(world: &World, scene: &Scene, seen: &[usize], records: &Records) -> Verdict {
    let mut verdict = Verdict::default();
    let mut matched = vec![false; records.events.len()];
    for (number, expected) in scene.expected.iter().enumerate() {
        let label = number as u8 + 1;
        let mut span: Option<(i64, i64)> = None;
        for frame in seen.iter().map(|&index| &scene.trace.frames[index]).filter(|frame| frame.attack == label) {
            let at = frame.time_ns as i64;
            span = Some(span.map_or((at, at), |(start, _)| (start, at)));
        }
        let Some(span) = span else { continue };
        one(expected, span, records, &mut matched, &mut verdict);
    }
    for (event, _) in records.events.iter().zip(&matched).filter(|(_, matched)| !**matched) {
        let kind = text(&event["event"]["action"]);
        let source = text(&event["source"]["ip"]);
        // A scan that passes an industrial port touches it.
        let touch = kind == "ics_probe" && text(&event["wherefrom"]["ics"]["intent"]) == "connect";
        let by_scanner = scene.expected.iter().any(|expected| expected.source.is_some_and(|addr| addr.to_string() == source));
        // The answers of a flooded home host to forged addresses are backscatter too, seen from its side.
        let own_answers = kind == "backscatter" && text(&event["network"]["direction"]) == "outbound";
        if scene.allowed.contains(&kind.as_str()) || touch && by_scanner || own_answers {
            continue;
        }
        verdict.failures.push(Failure { what: format!("false {kind}"), detail: brief(event) });
        verdict.figures.entry(kind).or_default().false_events += 1;
    }
    countries(world, scene, seen, records, &mut verdict);
    verdict
}

fn one(expected: &Expected, span: (i64, i64), records: &Records, matched: &mut [bool], verdict: &mut Verdict) {
    let hits: Vec<usize> = (0..records.events.len()).filter(|&index| meets(&records.events[index], expected, span)).collect();
    let right = |event: &Value| expected.attributes.iter().filter(|(name, value)| attribute(event, name) == *value).count();
    let best = hits.iter().copied().max_by_key(|&index| (right(&records.events[index]), std::cmp::Reverse(index)));
    let figures = verdict.figures.entry(expected.kind.into()).or_default();
    figures.expected += 1;
    let Some(best) = best else {
        let instead: Vec<String> = records.events.iter().take(4).map(brief).collect();
        let detail = if instead.is_empty() { "nothing reported".into() } else { instead.join("; ") };
        verdict.failures.push(Failure { what: format!("missed {}", expected.kind), detail });
        return;
    };
    figures.found += 1;
    hits.iter().for_each(|&index| matched[index] = true);
    let event = &records.events[best];
    let (start, end) = (time(&event["event"]["start"]) - span.0, time(&event["event"]["end"]) - span.1);
    figures.start_ms.push(start / 1_000_000);
    figures.end_ms.push(end / 1_000_000);
    if expected.kind.ends_with("flood") || expected.kind == "amplification" {
        for (name, off) in [("start", start), ("end", end)] {
            if off.abs() > PRECISE_NS {
                let detail = format!("off by {:.1} s: {}", off as f64 / SECOND as f64, brief(event));
                verdict.failures.push(Failure { what: format!("{name} of {}", expected.kind), detail });
            }
        }
    }
    for (name, value) in &expected.attributes {
        let got = attribute(event, name);
        figures.attributes.0 += u64::from(got == *value);
        figures.attributes.1 += 1;
        if got != *value {
            verdict
                .failures
                .push(Failure { what: format!("{name} of {}", expected.kind), detail: format!("{got}, not {value}: {}", brief(event)) });
        }
    }
    if let Some(forged) = expected.forged {
        let spoofed = &event["wherefrom"]["flood"]["spoofed"];
        let (got, value) = (text(&spoofed["verdict"]), if forged { "spoofed" } else { "genuine" });
        figures.verdicts.0 += u64::from(got == value);
        figures.verdicts.1 += 1;
        if got != value {
            let signs: Vec<String> = spoofed["signs"]
                .as_array()
                .into_iter()
                .flatten()
                .map(|sign| format!("{}={}", text(&sign["name"]), sign["value"]))
                .collect();
            let detail = format!("{got}, not {value}: {} sources; {}", event["wherefrom"]["flood"]["sources"], signs.join(" "));
            verdict.failures.push(Failure { what: format!("verdict of {}", expected.kind), detail });
        }
    }
    if hits.len() > 1 {
        let all: Vec<String> = hits.iter().take(4).map(|&index| brief(&records.events[index])).collect();
        verdict
            .failures
            .push(Failure { what: format!("{} in pieces", expected.kind), detail: format!("{}: {}", hits.len(), all.join("; ")) });
    }
}

fn meets(event: &Value, expected: &Expected, span: (i64, i64)) -> bool {
    let (source, target) = (text(&event["source"]["ip"]), text(&event["destination"]["ip"]));
    let named = |addr: Option<wherefrom::addr::Addr>, text: &str| addr.is_none_or(|addr| addr.to_string() == text);
    let top = || event["wherefrom"]["flood"]["top"].as_array().into_iter().flatten().any(|top| named(expected.source, &text(&top["ip"])));
    let distributed = |(name, value): &(&str, String)| *name == "shape" && value == "distributed";
    text(&event["event"]["action"]) == expected.kind
        && time(&event["event"]["end"]) >= span.0 - GRACE_NS
        && time(&event["event"]["start"]) <= span.1 + GRACE_NS
        && (named(expected.source, &source) || top())
        && (target.is_empty() || named(expected.target, &target))
        && (!expected.attributes.iter().any(distributed) || attribute(event, "shape") == "distributed")
}

fn attribute(event: &Value, name: &str) -> String {
    let own = &event["wherefrom"];
    match name {
        "method" if own["scan"].is_object() => text(&own["scan"]["method"]),
        "method" => text(&own["flood"]["method"]),
        "protocol" => text(&own["flood"]["reflector_protocol"]),
        "direction" => text(&event["network"]["direction"]),
        _ => text(&own["scan"][name]),
    }
}

/// How much of the packets stands under wrong countries: half the sum of the differences of shares, 0 to 1, for each kind that was found.
fn countries(world: &World, scene: &Scene, seen: &[usize], records: &Records, verdict: &mut Verdict) {
    let mut truth: BTreeMap<&str, BTreeMap<String, u64>> = BTreeMap::new();
    for frame in seen.iter().map(|&index| &scene.trace.frames[index]) {
        if let Some(expected) = usize::from(frame.attack).checked_sub(1).and_then(|place| scene.expected.get(place)) {
            let country = if expected.forged == Some(true) { "ZZ" } else { world.country(frame.source) };
            *truth.entry(expected.kind).or_default().entry(country.into()).or_default() += 1;
        }
    }
    for (kind, truth) in truth {
        let mut reported: BTreeMap<String, u64> = BTreeMap::new();
        for row in records.counts.iter().filter(|row| text(&row["kind"]) == kind) {
            *reported.entry(text(&row["country"])).or_default() += row["packets"].as_u64().unwrap_or(0);
        }
        let Some(figures) = verdict.figures.get_mut(kind).filter(|figures| figures.found > 0 && figures.found == figures.expected) else {
            continue;
        };
        let (all_true, all_reported) = (truth.values().sum::<u64>(), reported.values().sum::<u64>());
        let names = truth.keys().chain(reported.keys().filter(|name| !truth.contains_key(*name)));
        let error = names
            .map(|name| {
                let share_of = |of: &BTreeMap<String, u64>, all: u64| share(of.get(name).copied().unwrap_or(0), all.max(1));
                (share_of(&truth, all_true) - share_of(&reported, all_reported)).abs()
            })
            .sum::<f64>()
            / 2.0;
        figures.country_errors.push(error);
        if error > 0.01 {
            let mut most: Vec<_> = reported.into_iter().collect();
            most.sort_by_key(|(_, packets)| std::cmp::Reverse(*packets));
            most.truncate(4);
            verdict
                .failures
                .push(Failure { what: format!("countries of {kind}"), detail: format!("{:.1} % wrong; reported {most:?}", error * 100.0) });
        }
    }
}

/// A string's or number's text; nothing for what is not there.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        other => other.to_string(),
    }
}

fn time(value: &Value) -> i64 {
    value.as_str().and_then(|text| text.parse::<jiff::Timestamp>().ok()).map_or(0, |at| at.as_nanosecond() as i64)
}

/// An event in a few words.
fn brief(event: &Value) -> String {
    let own = &event["wherefrom"];
    let mut line = format!("{} {}→{}", text(&event["event"]["action"]), text(&event["source"]["ip"]), text(&event["destination"]["ip"]));
    if let Some(port) = event["destination"]["port"].as_u64() {
        line += &format!(":{port}");
    }
    if let Some(flood) = own["flood"].as_object() {
        line += &format!(" {} {} sources {}", text(&flood["method"]), flood["sources"], text(&flood["spoofed"]["verdict"]));
    }
    if let Some(scan) = own["scan"].as_object() {
        line += &format!(" {} {} {} {} targets", text(&scan["shape"]), text(&scan["method"]), text(&scan["tool"]), scan["targets"]);
    }
    if let Some(ics) = own["ics"].as_object() {
        line += &format!(" {} {}", text(&ics["protocol"]), text(&ics["intent"]));
    }
    line + &format!(", {} {} packets", text(&event["network"]["direction"]), event["network"]["packets"])
}
