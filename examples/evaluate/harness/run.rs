//! The pipeline in process: capture file in, records out.

use std::path::Path;
use std::sync::{Arc, Mutex};

use serde::Serialize;
use serde_json::Value;
use wherefrom::report::{CaptureRecord, CountRecord, EventRecord, ReportError, RunRecord, Sink};
use wherefrom::source::{Files, FilesOptions, Input};

use super::support;
use super::world::{World, home};

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
        records.events.retain(|event| event["event"]["id"] != record.id().to_string());
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
    let records = Arc::new(Mutex::new(Records::default()));
    support::run(Input::Files(Box::new(files)), home(), world.database.clone(), vec![Box::new(Memory(records.clone()))])?;
    Ok(std::mem::take(&mut *records.lock().expect("no thread panics with it")))
}
