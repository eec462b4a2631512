//! The rankings of a run: which countries deliver malware, which control home's hosts, which plant and use web shells.

use std::collections::BTreeMap;

use super::terminal::{counted, grouped};
use super::{CaptureRecord, EventRecord};
use crate::keyed::Keyed;
use crate::tally::{Distinct, Tally};

/// Countries of one ranking that are shown.
const COUNTRIES_MAX: usize = 10;
/// Types of files that are shown.
const FILES_MAX: usize = 15;

/// A ranking: of what kind, its title, and what its sources, targets and events are.
struct Ranking {
    kind: &'static str,
    title: &'static str,
    sources: &'static str,
    targets: &'static str,
    events: &'static str,
}

const RANKINGS: [Ranking; 3] = [
    Ranking { kind: "malware", title: "Countries that malware came from", sources: "servers", targets: "hosts", events: "deliveries" },
    Ranking { kind: "c2", title: "Countries that control hosts", sources: "controllers", targets: "hosts held", events: "channels" },
    Ranking {
        kind: "webshell",
        title: "Countries that plant and use web shells",
        sources: "operators",
        targets: "sites",
        events: "dealings",
    },
];

/// Distinct things of one country.
#[derive(Clone, Debug, Default)]
struct Share {
    events: Distinct,
    sources: Distinct,
    targets: Distinct,
    samples: Distinct,
}

impl Share {
    fn add(&mut self, other: &Share) {
        self.events.merge(&other.events);
        self.sources.merge(&other.sources);
        self.targets.merge(&other.targets);
        self.samples.merge(&other.samples);
    }
}

/// Files of one type from one country.
#[derive(Clone, Copy, Debug, Default)]
struct Files {
    deliveries: u64,
    bytes: u64,
    samples: u64,
}

/// Adds up what comes from abroad. A host that is held from two countries counts in both, so totals are kept apart.
#[derive(Clone, Debug, Default)]
pub struct Rankings {
    shares: BTreeMap<(&'static str, &'static str), Share>,
    files: BTreeMap<(&'static str, &'static str), Files>,
}

impl Rankings {
    pub fn event(&mut self, record: &EventRecord<'_>) {
        let Some(ranking) = RANKINGS.iter().find(|ranking| ranking.kind == record.action()) else { return };
        if !record.is_inbound() {
            return;
        }
        let keyed = Keyed::fixed();
        let share = self.shares.entry((ranking.kind, record.country())).or_default();
        share.events.add(keyed.bytes(record.id().to_string().as_bytes()));
        let (source, target) = (record.source().map(|addr| addr.to_string()), record.target().map(|addr| addr.to_string()));
        let sample = record.sha256();
        for (distinct, text) in
            [(&mut share.sources, source.as_deref()), (&mut share.targets, target.as_deref()), (&mut share.samples, sample)]
        {
            if let Some(text) = text {
                distinct.add(keyed.bytes(text.as_bytes()));
            }
        }
    }

    pub fn capture(&mut self, record: &CaptureRecord<'_>) {
        for row in &record.deliveries {
            let files = self.files.entry((row.country, row.r#type)).or_default();
            files.deliveries += row.deliveries;
            files.bytes += row.bytes;
            files.samples = files.samples.max(row.samples_so_far);
        }
    }

    /// For a person; empty if nothing came.
    pub fn text(&self) -> String {
        RANKINGS.iter().map(|ranking| self.of(ranking)).collect::<String>() + &self.files()
    }

    fn of(&self, ranking: &Ranking) -> String {
        let mut all = Share::default();
        let mut rows: Vec<(&str, &Share)> = Vec::new();
        for ((_, country), share) in self.shares.iter().filter(|((kind, _), _)| *kind == ranking.kind) {
            all.add(share);
            rows.push((country, share));
        }
        if rows.is_empty() {
            return String::new();
        }
        rows.sort_by_key(|(country, share)| {
            (std::cmp::Reverse((share.sources.count(), share.targets.count(), share.events.count())), *country)
        });
        let line = |share: &Share| {
            let samples = share.samples.count();
            let samples =
                if samples > 0 { format!(", {} distinct {}", grouped(samples), counted(samples, "samples")) } else { String::new() };
            let (sources, targets, events) = (share.sources.count(), share.targets.count(), share.events.count());
            format!(
                "{:>8} {}, {:>8} {}, {:>8} {}{samples}\n",
                grouped(sources),
                counted(sources, ranking.sources),
                grouped(targets),
                counted(targets, ranking.targets),
                grouped(events),
                counted(events, ranking.events)
            )
        };
        let mut text = format!("\n{}\n", ranking.title);
        for (country, share) in rows.iter().take(COUNTRIES_MAX) {
            text += &format!("  {country:<3} {}", line(share));
        }
        if rows.len() > COUNTRIES_MAX {
            text += &format!("  … and {} more countries\n", rows.len() - COUNTRIES_MAX);
        }
        text + &format!("  all {}", line(&all))
    }

    fn files(&self) -> String {
        if self.files.is_empty() {
            return String::new();
        }
        let mut rows: Vec<_> = self.files.iter().collect();
        rows.sort_by_key(|(key, files)| (std::cmp::Reverse((files.deliveries, files.bytes)), *key));
        let mut text = "\nFiles from abroad that can carry a program, whether bad or not\n".to_string();
        for ((country, kind), files) in rows.iter().take(FILES_MAX) {
            text += &format!(
                "  {country:<3} {kind:<12} {:>8} {}, {:>8} distinct, {:>15} bytes\n",
                grouped(files.deliveries),
                counted(files.deliveries, "deliveries"),
                grouped(files.samples),
                grouped(files.bytes)
            );
        }
        if rows.len() > FILES_MAX {
            let rest: u64 = rows[FILES_MAX..].iter().map(|(_, files)| files.deliveries).sum();
            text += &format!("  … and {} more rows, {} deliveries\n", rows.len() - FILES_MAX, grouped(rest));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(ids: &[&str], sources: &[&str], targets: &[&str]) -> Share {
        let keyed = Keyed::fixed();
        let mut share = Share::default();
        ids.iter().for_each(|text| share.events.add(keyed.bytes(text.as_bytes())));
        sources.iter().for_each(|text| share.sources.add(keyed.bytes(text.as_bytes())));
        targets.iter().for_each(|text| share.targets.add(keyed.bytes(text.as_bytes())));
        share
    }

    #[test]
    fn a_host_held_from_two_countries_counts_once_in_all() {
        let mut rankings = Rankings::default();
        rankings.shares.insert(("c2", "NL"), share(&["1", "2"], &["a", "b"], &["h", "i"]));
        rankings.shares.insert(("c2", "VN"), share(&["3"], &["c"], &["h"]));
        let text = rankings.text();
        let lines: Vec<&str> = text.lines().filter(|line| line.contains("controller")).collect();
        assert!(lines[0].contains("NL") && lines[0].contains("2 controllers") && lines[0].contains("2 hosts held"), "{text}");
        assert!(lines[1].contains("VN") && lines[1].contains("1 controller,") && lines[1].contains("1 host held,"), "{text}");
        assert!(lines[2].contains("all") && lines[2].contains("3 controllers") && lines[2].contains("2 hosts held"), "{text}");
    }

    #[test]
    fn without_anything_there_is_no_text() {
        assert_eq!(Rankings::default().text(), "");
    }
}
