//! The whole pipeline in this process, for benches and the evaluation.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};

use wherefrom::attribute::{Benign, Database, Home};
use wherefrom::detect::{Keep, Shared, ics};
use wherefrom::indicators::Indicators;
use wherefrom::keyed::Keyed;
use wherefrom::pipeline::{self, Pipeline, RunError};
use wherefrom::report::{GeoRecord, Reporter, RunRecord, Sink};
use wherefrom::settings::Settings;
use wherefrom::source::Input;

/// Length of a window, in seconds: the default.
const WINDOW_S: u32 = 60;

/// Runs an input to its end with the default settings and one worker.
///
/// # Errors
/// The source's, or a sink's.
// Not every bench runs it with all protocols.
#[allow(dead_code)]
pub fn run(input: Input, home: Home, database: Arc<Database>, sinks: Vec<Box<dyn Sink>>) -> Result<(), RunError> {
    run_with(ics::Lookup::new(), input, home, database, sinks)
}

/// The same, with the industrial protocols of this look-up.
///
/// # Errors
/// The source's, or a sink's.
pub fn run_with(lookup: ics::Lookup, input: Input, home: Home, database: Arc<Database>, sinks: Vec<Box<dyn Sink>>) -> Result<(), RunError> {
    let shared = Shared {
        keyed: Keyed::fixed(),
        database,
        lookup: Arc::new(lookup),
        indicators: Arc::new(Indicators::none()),
        dark: None,
        entries: None,
        keep: Keep::default(),
        window_s: WINDOW_S,
    };
    let record = RunRecord {
        record: "run",
        sensor: "measured".into(),
        version: env!("CARGO_PKG_VERSION"),
        input: Vec::new(),
        home: Vec::new(),
        home_country: None,
        dark: Vec::new(),
        entries: Vec::new(),
        window_s: WINDOW_S,
        filter: None,
        limit: None,
        workers: 1,
        settings: Default::default(),
        geo: GeoRecord { name: String::new(), build_date: None, sha256: String::new() },
        lists: Vec::new(),
    };
    let reporter = Reporter::new(record, Settings::default(), Benign::embedded(), &shared, sinks, false);
    let pipeline = Pipeline {
        shared,
        home,
        workers: 1,
        threads: 2,
        stop: Arc::new(AtomicBool::new(false)),
        frames: Arc::new(AtomicU64::new(0)),
        ends_process: false,
    };
    pipeline::run(pipeline, input, reporter)
}
