//! A file replayed in this process, with the records that come of it.

use std::io::{self, Write};
use std::path::Path;
use std::sync::{Arc, Mutex};

use wherefrom::pipeline::RunError;
use wherefrom::report::{Ndjson, ReportError};
use wherefrom::source::{Files, FilesOptions, Input};

use super::engine;

/// Length of a window, in seconds, as where nothing is said.
const WINDOW_S: u32 = 60;

/// Bytes that are still there after their writer is gone.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Kept {
    /// Takes out what was written.
    fn take(&self) -> Vec<u8> {
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

/// Replays a file; the records as NDJSON, and how it ended.
pub fn replay_file(path: &Path, workers: usize, threads: usize) -> (Vec<u8>, Result<(), RunError>) {
    let files = match Files::open(&[path.into()], &FilesOptions::default()) {
        Ok(files) => files,
        Err(error) => return (Vec::new(), Err(error.into())),
    };
    let kept = Kept::default();
    let sink = Box::new(Ndjson::new(kept.clone(), ReportError::Stdout));
    let done = engine::run(Input::Files(Box::new(files)), workers, threads, WINDOW_S, sink);
    (kept.take(), done)
}
