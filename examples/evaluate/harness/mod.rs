//! The evaluation: labelled traffic through the whole pipeline, and a table of what was found.

mod benign;
mod case;
mod floods;
mod frames;
mod judge;
mod reflected;
mod run;
mod scans;
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
    /// By case and what was wrong: the variations, and what the first of them reported.
    failures: BTreeMap<(String, String), (Vec<String>, String)>,
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
    for case in [floods::cases(), reflected::cases(), scans::cases(), benign::cases()].into_iter().flatten() {
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
                let known = evaluation.failures.entry((case.name.clone(), failure.what)).or_insert_with(|| (Vec::new(), failure.detail));
                if known.0.last() != Some(&variation.name()) {
                    known.0.push(variation.name());
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
                figures.country_errors.iter().sum::<f64>() / figures.country_errors.len().max(1) as f64,
            )?;
        }
        writeln!(f, "\n{} runs; {} failures", self.runs, self.failures.values().map(|(variations, _)| variations.len()).sum::<usize>())?;
        let mut last = "";
        for ((case, what), (variations, detail)) in &self.failures {
            if case != last {
                writeln!(f, "\n{case}")?;
                last = case;
            }
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
