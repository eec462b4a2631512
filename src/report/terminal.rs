//! For a person: a table per window that has attacks, and a summary that is understood at a glance.

use std::io::Write;

use super::{CaptureRecord, CountRecord, EventRecord, ReportError, RunRecord, Sink, Summary};
use crate::attribute::Direction;

/// Rows of one kind that a window's table shows; the rest is summed.
const ROWS_PER_KIND: usize = 5;
/// Countries of one kind that the summary shows.
const COUNTRIES_PER_KIND: usize = 10;

/// How far an industrial contact can go, in order.
const INTENTS: [&str; 5] = ["connect", "identify", "read", "write", "control"];

/// Writes tables as text.
pub struct Terminal<W: Write + Send> {
    out: W,
    rows: Vec<Line>,
    summary: Summary,
}

struct Line {
    kind: &'static str,
    direction: &'static str,
    country: &'static str,
    attribution: &'static str,
    events: u64,
    started: u64,
    packets: u64,
    sources: u64,
    entry: String,
}

impl<W: Write + Send> Terminal<W> {
    pub fn new(out: W) -> Self {
        Terminal { out, rows: Vec::new(), summary: Summary::default() }
    }

    fn print(&mut self, text: &str) -> Result<(), ReportError> {
        self.out.write_all(text.as_bytes()).and_then(|()| self.out.flush()).map_err(ReportError::Stdout)
    }

    fn window(&mut self, record: &CaptureRecord<'_>) -> String {
        let mut text = format!(
            "\n{} – {}  {} frames\n{:<16} {:<9} {:<7} {:<10} {:>7} {:>7} {:>10} {:>8}\n",
            clock(&record.window_start.to_string()),
            clock(&record.window_end.to_string()),
            grouped(record.frames),
            "kind",
            "direction",
            "country",
            "trust",
            "events",
            "new",
            "packets",
            "sources"
        );
        self.rows.sort_by_key(|row| (row.kind, row.direction, std::cmp::Reverse((row.events, row.packets)), row.country));
        for rows in self.rows.chunk_by(|a, b| (a.kind, a.direction) == (b.kind, b.direction)) {
            for row in rows.iter().take(ROWS_PER_KIND) {
                text += &format!(
                    "{:<16} {:<9} {:<7} {:<10} {:>7} {:>7} {:>10} {:>8}{}\n",
                    row.kind,
                    row.direction,
                    row.country,
                    row.attribution,
                    grouped(row.events),
                    grouped(row.started),
                    grouped(row.packets),
                    grouped(row.sources),
                    through(&row.entry)
                );
            }
            if let (Some(row), more @ 1..) = (rows.first(), rows.len().saturating_sub(ROWS_PER_KIND)) {
                text += &format!("{:<16} {:<9} … {more} more\n", row.kind, row.direction);
            }
        }
        text
    }

    /// A table of sectors by intent for each kind and direction of industrial contacts.
    fn sectors(&self) -> String {
        let mut text = String::new();
        let mut guessed = false;
        for ((kind, direction), sectors) in &self.summary.sectors {
            text += &format!("\n{kind} by sector, {direction}\n  {:<24}", "");
            for intent in INTENTS {
                text += &format!("{intent:>10}");
            }
            let mut sectors: Vec<_> = sectors.iter().collect();
            sectors.sort_by_key(|(sector, intents)| (std::cmp::Reverse(intents.values().sum::<u64>()), *sector));
            for ((sector, guess), intents) in sectors {
                guessed |= guess;
                text += &format!("\n  {:<24}", format!("{sector}{}", if *guess { " *" } else { "" }));
                for intent in INTENTS {
                    text += &format!("{:>10}", grouped(intents.get(intent).copied().unwrap_or_default()));
                }
            }
            text += "\n";
        }
        if guessed {
            text += "  * a guess: where the protocol is usual; --sectors FILE says what is where\n";
        }
        if !self.summary.sectors.is_empty() && !self.summary.targeted.is_empty() {
            let mean =
                |(kind, (events, sum)): (&&str, &(u64, f64))| format!("{kind} {:.3} ({})", sum / (*events).max(1) as f64, grouped(*events));
            let means: Vec<String> = self.summary.targeted.iter().map(mean).collect();
            text += &format!(
                "\nAim at industrial equipment, from 0 to 1, mean over the events (how many) of one source abroad: {}\n",
                means.join(", ")
            );
        }
        text
    }

    fn whole(&self) -> String {
        let summary = &self.summary;
        let mut text = format!("\nSummary: {} frames in {} windows", grouped(summary.frames), grouped(summary.windows));
        let refused: u64 = summary.refused.values().sum();
        text += &format!(", {} decoded, {} refused", grouped(summary.decoded), grouped(refused));
        if summary.late > 0 {
            text += &format!(", {} late", grouped(summary.late));
        }
        text += "\n";
        let reasons: Vec<String> = summary
            .refused
            .iter()
            .filter(|&(_, &count)| count > 0)
            .map(|(reason, count)| format!("{reason} {}", grouped(*count)))
            .collect();
        if !reasons.is_empty() {
            text += &format!("Refused: {}\n", reasons.join(", "));
        }
        if summary.evicted > 0 {
            text += &format!("Did not fit into the sensor's bounds: {}\n", grouped(summary.evicted));
        }
        if summary.places.is_empty() {
            return text + "No attacks.\n" + &summary.rankings.text();
        }
        if summary.places.keys().all(|&(_, direction)| direction == Direction::External.name()) {
            text += "All of it is between strangers: --home CIDR says which addresses are home.\n";
        }
        for ((kind, direction), places) in &summary.places {
            let started = summary.started.get(kind).copied().unwrap_or_default();
            let several = summary.places.keys().filter(|(of, _)| of == kind).count() > 1;
            let scope = if several { "in all directions" } else { "in all" };
            text += &format!("\n{kind}, {direction} ({} {scope})\n", grouped(started));
            let mut places: Vec<_> = places.iter().collect();
            places.sort_by_key(|(of, place)| (std::cmp::Reverse((place.started, place.packets)), *of));
            let widest = places.iter().map(|(_, place)| place.packets).max().unwrap_or(1).max(1);
            for ((country, attribution, entry), place) in places.iter().take(COUNTRIES_PER_KIND) {
                let bar = "█".repeat((place.packets * 24).div_ceil(widest) as usize);
                text += &format!(
                    "  {country}  {attribution:<10} {:>8} {:<6} {:>12} {:<7}  {bar}{}\n",
                    grouped(place.started),
                    counted(place.started, "events"),
                    grouped(place.packets),
                    counted(place.packets, "packets"),
                    through(entry)
                );
            }
            if places.len() > COUNTRIES_PER_KIND {
                let rest = &places[COUNTRIES_PER_KIND..];
                let started: u64 = rest.iter().map(|(_, place)| place.started).sum();
                text += &format!(
                    "  … {} more {}, {} {}\n",
                    rest.len(),
                    counted(rest.len() as u64, "rows"),
                    grouped(started),
                    counted(started, "events")
                );
            }
        }
        text += &self.sectors();
        text += &summary.rankings.text();
        if !summary.top.is_empty() {
            text += "\nLargest events\n";
            for top in &summary.top {
                text += &format!("  {}  {}\n", top.id, top.line);
            }
        }
        if summary.unwritten > 0 {
            let were = if summary.unwritten == 1 { "event was" } else { "events were" };
            text += &format!("{} more {were} counted and not listed.\n", grouped(summary.unwritten));
        }
        text
    }
}

/// A plural word that goes with a number: without its ending where there is one.
pub(super) fn counted(number: u64, word: &'static str) -> &'static str {
    match word {
        _ if number != 1 => word,
        "deliveries" => "delivery",
        "hosts held" => "host held",
        "home addresses" => "home address",
        word => word.strip_suffix('s').unwrap_or(word),
    }
}

/// The point of entry behind a row. Names are the operator's, and a terminal obeys none of them.
fn through(entry: &str) -> String {
    if entry.is_empty() { String::new() } else { format!("  through {}", entry.escape_debug()) }
}

/// Date and time to the second.
fn clock(time: &str) -> String {
    time.get(..19).unwrap_or(time).replace('T', " ")
}

/// Digits in groups of three.
pub(super) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

impl<W: Write + Send> Sink for Terminal<W> {
    fn run(&mut self, record: &RunRecord) -> Result<(), ReportError> {
        let built = record.geo.build_date.as_deref().unwrap_or("unknown date");
        let text = format!(
            "wherefrom {} on {}; home {}; countries by {} ({built})\n",
            record.version,
            record.input.join(", "),
            record.home.join(", "),
            record.geo.name
        );
        self.print(&text)
    }

    fn event(&mut self, record: &EventRecord<'_>) -> Result<(), ReportError> {
        self.summary.event(record);
        Ok(())
    }

    fn count(&mut self, record: &CountRecord<'_>) -> Result<(), ReportError> {
        self.summary.count(record);
        if record.kind != "traffic" {
            self.rows.push(Line {
                kind: record.kind,
                direction: record.direction,
                country: record.country,
                attribution: record.attribution,
                events: record.events,
                started: record.started,
                packets: record.packets,
                sources: record.sources,
                entry: record.entry.unwrap_or_default().to_string(),
            });
        }
        Ok(())
    }

    fn capture(&mut self, record: &CaptureRecord<'_>) -> Result<(), ReportError> {
        self.summary.capture(record);
        if !self.rows.is_empty() {
            let text = self.window(record);
            self.print(&text)?;
            self.rows.clear();
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ReportError> {
        let text = self.whole();
        self.print(&text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
