//! The reporter's turn: puts the tallies of one seal together, concludes, and writes.

use crossbeam_channel::{Receiver, Sender};

use crate::detect::SliceTally;
use crate::dispatch::batch::Seal;
use crate::health::SliceHealth;
use crate::report::{ReportError, Reporter};

/// A slice's end, as the reporter learns of it.
pub(super) struct Mark {
    pub seal: Seal,
    pub health: SliceHealth,
}

/// Slices of one worker, and the way back of its empty tallies.
pub(super) struct Sealed {
    pub full: Receiver<Box<SliceTally>>,
    pub empty: Sender<Box<SliceTally>>,
}

/// The reporter, and what has come for it.
pub(super) struct Reporting {
    /// Until the end.
    reporter: Option<Reporter>,
    marks: Receiver<Mark>,
    workers: Vec<Sealed>,
    /// The slice to report next.
    mark: Option<Mark>,
    /// Its tallies, of the workers in their order, as far as they have come.
    // Tallies travel as they are: in boxes.
    #[allow(clippy::vec_box)]
    tallies: Vec<Box<SliceTally>>,
    ended: Result<(), ReportError>,
    /// See [`super::Pipeline::ends_process`].
    ends_process: bool,
}

impl Reporting {
    pub(super) fn new(reporter: Reporter, marks: Receiver<Mark>, workers: Vec<Sealed>, ends_process: bool) -> Self {
        let tallies = Vec::with_capacity(workers.len());
        Reporting { reporter: Some(reporter), marks, workers, mark: None, tallies, ended: Ok(()), ends_process }
    }

    /// Whether a slice's mark and all its tallies have come.
    pub(super) fn is_due(&mut self) -> bool {
        if self.is_over() {
            return false;
        }
        if self.mark.is_none() {
            self.mark = self.marks.try_recv().ok();
        }
        while self.mark.is_some() && self.tallies.len() < self.workers.len() {
            match self.workers[self.tallies.len()].full.try_recv() {
                Ok(tally) => self.tallies.push(tally),
                Err(_) => return false,
            }
        }
        self.mark.is_some()
    }

    /// Reports the slice that is due, and after the last one what remains to be said.
    pub(super) fn report(&mut self) {
        let (Some(reporter), Some(mark)) = (&mut self.reporter, self.mark.take()) else { return };
        let reported = slice(reporter, &mark, &mut self.tallies);
        for (worker, mut tally) in self.workers.iter().zip(self.tallies.drain(..)) {
            tally.clear();
            // There is room for every tally that exists; a worker that has ended needs none.
            let _ = worker.empty.try_send(tally);
        }
        if mark.seal.last || reported.is_err() {
            self.ended = reported.and_then(|()| reporter.finish());
            let reporter = self.reporter.take();
            if self.ends_process {
                std::mem::forget(reporter);
            }
        }
    }

    /// Whether there will be nothing more to report.
    pub(super) fn is_over(&self) -> bool {
        self.reporter.is_none()
    }

    /// How it ended; told once.
    pub(super) fn ended(&mut self) -> Result<(), ReportError> {
        std::mem::replace(&mut self.ended, Ok(()))
    }
}

fn slice(reporter: &mut Reporter, mark: &Mark, tallies: &mut [Box<SliceTally>]) -> Result<(), ReportError> {
    let [merged, others @ ..] = tallies else { return Ok(()) };
    others.iter_mut().for_each(|other| merged.append(other));
    let reported = reporter.slice(mark.seal, &mark.health, merged);
    others.iter_mut().rev().for_each(|other| merged.give_back(other));
    reported
}
