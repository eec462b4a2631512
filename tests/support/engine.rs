//! The whole pipeline in this process, with the settings that hold where nothing is said.

use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, LazyLock};

use wherefrom::attribute::{Benign, Database, Home};
use wherefrom::cli::{CommonArgs, RunArgs};
use wherefrom::config::Config;
use wherefrom::detect::{Shared, ics};
use wherefrom::indicators::Indicators;
use wherefrom::keyed::Keyed;
use wherefrom::pipeline::{self, Pipeline, RunError};
use wherefrom::report::{Reporter, Sink};
use wherefrom::source::Input;

/// Made once: each would take a quarter of a second.
static DATABASE: LazyLock<Arc<Database>> = LazyLock::new(|| Arc::new(Database::embedded()));
static LOOKUP: LazyLock<Arc<ics::Lookup>> = LazyLock::new(|| Arc::new(ics::Lookup::new()));
static INDICATORS: LazyLock<Arc<Indicators>> = LazyLock::new(|| Arc::new(Indicators::none()));
static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let empty = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let common = CommonArgs { config: Some(empty.path().into()), ..CommonArgs::default() };
    Config::new(&common, None).expect("the defaults are a configuration")
});

/// Runs an input through the pipeline with so many threads, in windows of so many seconds.
pub fn run(input: Input, workers: usize, threads: usize, window_s: u32, sink: Box<dyn Sink>) -> Result<(), RunError> {
    let record = CONFIG.run_record(&RunArgs::default(), vec!["replayed".into()], None);
    let shared = Shared {
        keyed: Keyed::fixed(),
        database: DATABASE.clone(),
        lookup: LOOKUP.clone(),
        indicators: INDICATORS.clone(),
        dark: None,
        entries: None,
        keep: Default::default(),
        window_s,
    };
    let reporter = Reporter::new(record, CONFIG.settings.clone(), Benign::embedded(), &shared, vec![sink], false);
    let stop = Arc::new(AtomicBool::new(false));
    let frames = Arc::new(AtomicU64::new(0));
    pipeline::run(Pipeline { shared, home: Home::private(), workers, threads, stop, frames, ends_process: false }, input, reporter)
}
