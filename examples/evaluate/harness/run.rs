//! The pipeline in process: capture file in, records out.

use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, Mutex};

use serde::Serialize;
use serde_json::Value;
use wherefrom::detect::{Shared, ics};
use wherefrom::keyed::Keyed;
use wherefrom::pipeline::{self, Pipeline};
use wherefrom::report::{CaptureRecord, CountRecord, EventRecord, GeoRecord, ReportError, Reporter, RunRecord, Sink};
use wherefrom::settings::Settings;
use wherefrom::source::{Files, FilesOptions, Input};

use super::world::{World, home};

/// Length of a window, in seconds: the default.
const WINDOW_S: u32 = 60;

/// What a run said.
#[derive(Default)]
pub struct Records {
    /// The last record of each event.
    pub events: Vec<Value>,
    pub counts: Vec<Value>,
}

/// Keeps records in memory.
struct Memory(Arc<Mutex<Records>>);

impl Memory {
    fn keep(&self, record: impl Serialize, place: fn(&mut Records) -> &mut Vec<Value>) {
        let value = serde_json::to_value(record).expect("records are JSON");
        place(&mut self.0.lock().expect("no thread panics with it")).push(value);
    }
}

impl Sink for Memory {
    fn run(&mut self, _: &RunRecord) -> Result<(), ReportError> {
        Ok(())
    }

    fn event(&mut self, record: &EventRecord<'_>) -> Result<(), ReportError> {
        let mut records = self.0.lock().expect("no thread panics with it");
        records.events.retain(|event| event["event"]["id"] != record.id());
        drop(records);
        self.keep(record, |records| &mut records.events);
        Ok(())
    }

    fn count(&mut self, record: &CountRecord<'_>) -> Result<(), ReportError> {
        if record.kind != "traffic" {
            self.keep(record, |records| &mut records.counts);
        }
        Ok(())
    }

    fn capture(&mut self, _: &CaptureRecord<'_>) -> Result<(), ReportError> {
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ReportError> {
        Ok(())
    }
}

/// Replays a capture with the default settings.
pub fn replay(world: &World, path: &Path) -> anyhow::Result<Records> {
    let files = Files::open(&[path.to_path_buf()], &FilesOptions::default())?;
    let shared =
        Shared { keyed: Keyed::fixed(), database: world.database.clone(), lookup: Arc::new(ics::Lookup::new()), window_s: WINDOW_S };
    let run = RunRecord {
        record: "run",
        sensor: "evaluation".into(),
        version: env!("CARGO_PKG_VERSION"),
        input: Vec::new(),
        home: Vec::new(),
        home_country: None,
        window_s: WINDOW_S,
        filter: None,
        limit: None,
        workers: 1,
        settings: Default::default(),
        geo: GeoRecord { name: String::new(), build_date: None, sha256: String::new() },
        lists: Vec::new(),
    };
    let records = Arc::new(Mutex::new(Records::default()));
    let reporter = Reporter::new(run, Settings::default(), &shared, vec![Box::new(Memory(records.clone()))], false);
    let pipeline =
        Pipeline { shared, home: home(), workers: 1, stop: Arc::new(AtomicBool::new(false)), frames: Arc::new(AtomicU64::new(0)) };
    pipeline::run(pipeline, Input::Files(Box::new(files)), reporter)?;
    Ok(std::mem::take(&mut *records.lock().expect("no thread panics with it")))
}
