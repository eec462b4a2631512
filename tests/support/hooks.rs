//! A sink that keeps nothing, and does what a test wants when it is told something.

use wherefrom::report::{CaptureRecord, CountRecord, EventRecord, ReportError, RunRecord, Sink};

type Hook = Box<dyn FnMut() -> Result<(), ReportError> + Send>;

/// What to do at the beginning of a run, at the end of each window, and at the end.
pub struct Hooks {
    pub run: Hook,
    pub capture: Hook,
    pub finish: Hook,
}

impl Default for Hooks {
    fn default() -> Self {
        Hooks { run: Box::new(|| Ok(())), capture: Box::new(|| Ok(())), finish: Box::new(|| Ok(())) }
    }
}

impl Sink for Hooks {
    fn run(&mut self, _: &RunRecord) -> Result<(), ReportError> {
        (self.run)()
    }

    fn event(&mut self, _: &EventRecord<'_>) -> Result<(), ReportError> {
        Ok(())
    }

    fn count(&mut self, _: &CountRecord<'_>) -> Result<(), ReportError> {
        Ok(())
    }

    fn capture(&mut self, _: &CaptureRecord<'_>) -> Result<(), ReportError> {
        (self.capture)()
    }

    fn finish(&mut self) -> Result<(), ReportError> {
        (self.finish)()
    }
}
