//! All records, one JSON object a line.

use std::io::{BufWriter, Write};

use serde::Serialize;

use super::lines::{line, lines};
use super::{CaptureRecord, CountRecord, EventRecord, ReportError, RunRecord, Sink};

/// Bytes gathered before they are written.
const BUFFER_BYTES: usize = 256 * 1024;

/// Writes every record to one stream.
pub struct Ndjson<W: Write + Send> {
    out: BufWriter<W>,
    line: Vec<u8>,
    error: fn(std::io::Error) -> ReportError,
}

impl<W: Write + Send> Ndjson<W> {
    /// `error` names the stream in errors.
    pub fn new(out: W, error: fn(std::io::Error) -> ReportError) -> Self {
        Ndjson { out: BufWriter::with_capacity(BUFFER_BYTES, out), line: Vec::new(), error }
    }

    fn write(&mut self, record: &impl Serialize) -> Result<(), ReportError> {
        self.line.clear();
        line(&mut self.line, record).map_err(self.error)?;
        self.out.write_all(&self.line).map_err(self.error)
    }
}

impl<W: Write + Send> Sink for Ndjson<W> {
    fn run(&mut self, record: &RunRecord) -> Result<(), ReportError> {
        self.write(record)
    }

    fn event(&mut self, record: &EventRecord<'_>) -> Result<(), ReportError> {
        self.write(record)
    }

    fn events(&mut self, records: &[EventRecord<'_>]) -> Result<(), ReportError> {
        lines(records, |text| self.out.write_all(text)).map_err(self.error)
    }

    fn count(&mut self, record: &CountRecord<'_>) -> Result<(), ReportError> {
        self.write(record)
    }

    fn capture(&mut self, record: &CaptureRecord<'_>) -> Result<(), ReportError> {
        self.write(record)?;
        // A window is told when it is complete, whoever listens at the other end of the pipe.
        self.out.flush().map_err(self.error)
    }

    fn finish(&mut self) -> Result<(), ReportError> {
        self.out.flush().map_err(self.error)
    }
}
