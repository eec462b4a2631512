//! A folder with the records by kind, or single files of one kind: each is written aside and renamed into place, so that whoever looks finds
//! all of it or nothing. Nobody waits for the disk: after a power failure a run is repeated.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;

use super::csv_counts::{self, COLUMNS};
use super::lines::{line, lines};
use super::{CaptureRecord, CountRecord, EventRecord, ReportError, RunRecord, Sink};

/// A file under another name until it is complete.
pub(super) struct Aside {
    path: PathBuf,
    aside: PathBuf,
    out: BufWriter<File>,
    line: Vec<u8>,
}

impl Aside {
    pub(super) fn create(path: PathBuf) -> Result<Self, ReportError> {
        let mut aside = path.clone().into_os_string();
        aside.push(".part");
        let aside = PathBuf::from(aside);
        match File::create(&aside) {
            Ok(file) => Ok(Aside { path, aside, out: BufWriter::new(file), line: Vec::new() }),
            Err(cause) => Err(ReportError::File { path: aside, cause }),
        }
    }

    pub(super) fn error(&self) -> impl Fn(std::io::Error) -> ReportError + use<> {
        let path = self.path.clone();
        move |cause| ReportError::File { path: path.clone(), cause }
    }

    pub(super) fn line(&mut self, record: &impl Serialize) -> Result<(), ReportError> {
        self.line.clear();
        line(&mut self.line, record).and_then(|()| self.out.write_all(&self.line)).map_err(self.error())
    }

    pub(super) fn keep(mut self) -> Result<(), ReportError> {
        let error = self.error();
        self.out.flush().map_err(&error)?;
        fs::rename(&self.aside, &self.path).map_err(error)
    }
}

/// What goes into files.
#[derive(Default)]
pub struct Directory {
    run: Option<PathBuf>,
    events: Option<Aside>,
    counts: Option<csv::Writer<Aside>>,
    counts_ndjson: Option<Aside>,
    capture: Option<Aside>,
}

impl Write for Aside {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.out.write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.out.flush()
    }
}

impl Directory {
    /// `run.json`, `counts.csv`, `events.ndjson` and `capture.ndjson` in a folder, which is made if it isn't there.
    ///
    /// # Errors
    /// A folder or file that cannot be made.
    pub fn create(folder: &Path) -> Result<Self, ReportError> {
        fs::create_dir_all(folder).map_err(|cause| ReportError::File { path: folder.into(), cause })?;
        let files =
            Directory::files(Some(&folder.join("events.ndjson")), Some(&folder.join("counts.csv")), Some(&folder.join("capture.ndjson")))?;
        Ok(Directory { run: Some(folder.join("run.json")), ..files })
    }

    /// Single files. Counts are CSV, unless the name ends in `.ndjson` or `.json`.
    ///
    /// # Errors
    /// A file that cannot be made.
    pub fn files(events: Option<&Path>, counts: Option<&Path>, capture: Option<&Path>) -> Result<Self, ReportError> {
        let aside = |path: Option<&Path>| path.map(|path| Aside::create(path.into())).transpose();
        let json = counts.and_then(Path::extension).is_some_and(|ending| ending == "ndjson" || ending == "json");
        let mut directory = Directory { events: aside(events)?, capture: aside(capture)?, ..Directory::default() };
        if json {
            directory.counts_ndjson = aside(counts)?;
        } else if let Some(file) = aside(counts)? {
            let error = file.error();
            let mut out = csv::Writer::from_writer(file);
            out.write_record(COLUMNS).map_err(|cause| error(cause.into()))?;
            directory.counts = Some(out);
        }
        Ok(directory)
    }
}

impl Sink for Directory {
    fn run(&mut self, record: &RunRecord) -> Result<(), ReportError> {
        if let Some(path) = self.run.take() {
            let mut file = Aside::create(path)?;
            file.line(record)?;
            file.keep()?;
        }
        for file in [&mut self.events, &mut self.counts_ndjson, &mut self.capture].into_iter().flatten() {
            file.line(record)?;
        }
        Ok(())
    }

    fn event(&mut self, record: &EventRecord<'_>) -> Result<(), ReportError> {
        self.events.as_mut().map_or(Ok(()), |file| file.line(record))
    }

    fn events(&mut self, records: &[EventRecord<'_>]) -> Result<(), ReportError> {
        let Some(file) = &mut self.events else { return Ok(()) };
        lines(records, |text| file.out.write_all(text)).map_err(file.error())
    }

    fn count(&mut self, record: &CountRecord<'_>) -> Result<(), ReportError> {
        if let Some(out) = &mut self.counts {
            let error = out.get_ref().error();
            csv_counts::write(out, record).map_err(|cause| error(cause.into()))?;
        }
        self.counts_ndjson.as_mut().map_or(Ok(()), |file| file.line(record))
    }

    fn capture(&mut self, record: &CaptureRecord<'_>) -> Result<(), ReportError> {
        self.capture.as_mut().map_or(Ok(()), |file| file.line(record))
    }

    fn finish(&mut self) -> Result<(), ReportError> {
        if let Some(out) = self.counts.take() {
            let error = out.get_ref().error();
            let file = out.into_inner().map_err(|cause| error(cause.into_error()))?;
            file.keep()?;
        }
        for file in [self.events.take(), self.counts_ndjson.take(), self.capture.take()].into_iter().flatten() {
            file.keep()?;
        }
        Ok(())
    }
}
