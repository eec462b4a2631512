//! The whole pipeline in this process, with the records it writes.

use std::io::{self, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, LazyLock, Mutex};

use wherefrom::attribute::{Database, Home};
use wherefrom::cli::{CommonArgs, RunArgs};
use wherefrom::config::Config;
use wherefrom::detect::{Shared, ics};
use wherefrom::keyed::Keyed;
use wherefrom::pipeline::{self, Pipeline, RunError};
use wherefrom::report::{Ndjson, ReportError, Reporter};
use wherefrom::source::{Files, FilesOptions, Input};

/// Made once: each would take a quarter of a second.
static DATABASE: LazyLock<Arc<Database>> = LazyLock::new(|| Arc::new(Database::embedded()));
static LOOKUP: LazyLock<Arc<ics::Lookup>> = LazyLock::new(|| Arc::new(ics::Lookup::new()));
static CONFIG: LazyLock<Config> = LazyLock::new(|| {
    let empty = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let common = CommonArgs { config: Some(empty.path().into()), ..CommonArgs::default() };
    Config::new(&common, None).expect("the defaults are a configuration")
});

/// Bytes that are still there after their writer is gone.
#[derive(Clone, Default)]
pub struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    /// Takes out what was written.
    pub fn take(&self) -> Vec<u8> {
        std::mem::take(&mut self.0.lock().expect("no writer panics"))
    }
}

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().expect("no writer panics").extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Replays an input with the settings that hold where nothing is said; the records as NDJSON, and how it ended.
pub fn replay(input: Input, workers: usize) -> (Vec<u8>, Result<(), RunError>) {
    let record = CONFIG.run_record(&RunArgs::default(), vec!["replayed".into()], None).expect("no lists are named");
    let shared = Shared { keyed: Keyed::fixed(), database: DATABASE.clone(), lookup: LOOKUP.clone(), window_s: CONFIG.window_s };
    let kept = Kept::default();
    let reporter =
        Reporter::new(record, CONFIG.settings.clone(), &shared, vec![Box::new(Ndjson::new(kept.clone(), ReportError::Stdout))], false);
    let stop = Arc::new(AtomicBool::new(false));
    let frames = Arc::new(AtomicU64::new(0));
    let pipeline = Pipeline { shared, home: Home::private(), workers, stop, frames };
    let done = pipeline::run(pipeline, input, reporter);
    (kept.take(), done)
}

/// Replays a file.
pub fn replay_file(path: &Path, workers: usize) -> (Vec<u8>, Result<(), RunError>) {
    match Files::open(&[path.into()], &FilesOptions::default()) {
        Ok(files) => replay(Input::Files(Box::new(files)), workers),
        Err(error) => (Vec::new(), Err(error.into())),
    }
}
