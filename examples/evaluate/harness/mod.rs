//! The evaluation: labelled traffic through the whole pipeline, and a table of what was found.

mod benign;
mod case;
mod floods;
mod frames;
mod judge;
mod mixtures;
mod reflected;
mod run;
mod scans;
#[path = "../../../benches/support/mod.rs"]
mod support;
mod vary;
mod world;

use std::collections::BTreeMap;
use std::fmt;

use judge::{Figures, judge, share};
use vary::Variation;
use world::World;

/// What came out of all runs.
#[derive(Default)]
pub struct Evaluation {
    pub figures: BTreeMap<String, Figures>,
    pub runs: u64,
    /// By case and what was wrong.
    failures: BTreeMap<(String, String), Repeated>,
}

/// One thing that was wrong with a case.
struct Repeated {
    /// Under which variations, and how often under each.
    variations: Vec<(String, u64)>,
    /// What was reported the first time.
    detail: String,
}

/// Runs every case whose name and variation are wanted.
///
/// # Errors
/// A capture that cannot be written or read.
pub fn evaluate(wanted: impl Fn(&str, &str) -> bool) -> anyhow::Result<Evaluation> {
    let world = World::new();
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("case.pcap");
    let mut evaluation = Evaluation::default();
    for case in [floods::cases(), reflected::cases(), scans::cases(), mixtures::cases(), benign::cases()].into_iter().flatten() {
        let mut variations = Variation::ALL.into_iter().filter(|variation| wanted(&case.name, &variation.name())).peekable();
        if variations.peek().is_none() {
            continue;
        }
        let scene = case.scene(&world);
        for variation in variations.filter(|variation| variation.applies(&scene)) {
            let seen = variation.write(&scene, &path)?;
            let verdict = judge(&world, &scene, &seen, &run::replay(&world, &path)?);
            evaluation.runs += 1;
            for (kind, figures) in verdict.figures {
                evaluation.figures.entry(kind).or_default().add(figures);
            }
            for failure in verdict.failures {
                let new = || Repeated { variations: Vec::new(), detail: failure.detail };
                let known = &mut evaluation.failures.entry((case.name.clone(), failure.what)).or_insert_with(new).variations;
                match known.last_mut() {
                    Some((name, times)) if *name == variation.name() => *times += 1,
                    _ => known.push((variation.name(), 1)),
                }
            }
        }
    }
    Ok(evaluation)
}

impl fmt::Display for Evaluation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<14} {:>6} {:>7} {:>9} {:>10} {:>10} {:>10} {:>9} {:>13}",
            "kind", "cases", "recall", "precision", "attributes", "start, s", "end, s", "countries", "verdict right"
        )?;
        for (kind, figures) in &self.figures {
            let verdicts = match figures.verdicts {
                (_, 0) => "".into(),
                (right, all) => format!("{:.3} of {all}", share(right, all)),
            };
            writeln!(
                f,
                "{kind:<14} {:>6} {:>7.3} {:>9.3} {:>10.3} {:>10.2} {:>10.2} {:>9.4} {verdicts:>13}",
                figures.expected,
                figures.recall(),
                figures.precision(),
                share(figures.attributes.0, figures.attributes.1),
                median(&figures.start_ms) as f64 / 1000.0,
                median(&figures.end_ms) as f64 / 1000.0,
                figures.country_error(),
            )?;
        }
        let failed: usize = self.failures.values().map(|repeated| repeated.variations.len()).sum();
        writeln!(f, "\n{} runs; {failed} failures", self.runs)?;
        let mut last = "";
        for ((case, what), Repeated { variations, detail }) in &self.failures {
            if case != last {
                writeln!(f, "\n{case}")?;
                last = case;
            }
            let variations: Vec<String> =
                variations.iter().map(|(name, times)| if *times > 1 { format!("{name}: {times} times") } else { name.clone() }).collect();
            writeln!(f, "  {what} [{}]: {detail}", variations.join(", "))?;
        }
        Ok(())
    }
}

/// The middle of the magnitudes, in milliseconds; 0 of none.
fn median(values: &[i64]) -> i64 {
    let mut values: Vec<i64> = values.iter().map(|value| value.abs()).collect();
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}
