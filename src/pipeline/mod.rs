//! From frames to records: the only folder that starts and stops threads, and the order in which they end.
//!
//! The capture owns the clock. When event time passes the end of a slice, it puts a seal behind the slice's packets in every queue;
//! each worker hands its tallies over at the seal, and the reporter puts the tallies of one seal together. So which worker saw what, and when
//! in wall-clock time, cannot change an answer. Which thread does what is the crew's affair.

mod capture;
mod crew;
mod reporting;
mod worker;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::thread;

use crossbeam_channel::bounded;

use crate::attribute::Home;
use crate::detect::Shared;
use crate::dispatch::LANES;
use crate::dispatch::ring::ring;
use crate::report::{ReportError, Reporter};
use crate::source::{Input, SourceError};

use capture::Capture;
use crew::Crew;
use reporting::{Reporting, Sealed};
use worker::Worker;

pub use crew::Gone;

/// Tallies of one worker under way to the reporter: how far a worker may run ahead of it, in slices.
const TALLIES_UNDER_WAY: usize = 1;

/// Why a run ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("{0}")]
    Source(#[from] SourceError),
    #[error("{0}")]
    Report(#[from] ReportError),
    #[error("{0}")]
    Gone(#[from] Gone),
    #[error("a thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// What the pipeline needs to run.
pub struct Pipeline {
    pub shared: Shared,
    pub home: Home,
    /// Parts that the lanes are shared out to, each worked on by one thread at a time.
    pub workers: usize,
    /// Threads that share the work, that of the capture included: as many as there are cores to use. One is enough, and more than a part
    /// each, the capture and the reporter are never started.
    pub threads: usize,
    /// Set from outside to end the run early and in order.
    pub stop: Arc<AtomicBool>,
    /// Frames so far, for a progress bar.
    pub frames: Arc<AtomicU64>,
    /// The process ends with this run: what workers and reporter remember is left for the system to take, which is quicker than giving it
    /// back piece by piece.
    pub ends_process: bool,
}

/// Runs a source to its end. What came before an error is counted and reported all the same.
///
/// # Errors
/// The source's error, or the reporter's.
pub fn run(pipeline: Pipeline, input: Input, reporter: Reporter) -> Result<(), RunError> {
    let Pipeline { shared, home, workers, threads, stop, frames, ends_process } = pipeline;
    let count = workers.clamp(1, LANES);
    let (marks_in, marks_out) = bounded(TALLIES_UNDER_WAY);
    let (mut to_workers, mut workers, mut sealed) = (Vec::new(), Vec::new(), Vec::new());
    for number in 0..count {
        let (to, from) = ring();
        let (full_in, full_out) = bounded(TALLIES_UNDER_WAY);
        let (empty_in, empty_out) = bounded(TALLIES_UNDER_WAY + 1);
        to_workers.push(to);
        workers.push(Worker::new((number, count), &shared, from, full_in, empty_out, !ends_process));
        sealed.push(Sealed { full: full_out, empty: empty_in });
    }
    let mut crew = Crew::new(workers, Reporting::new(reporter, marks_out, sealed, ends_process));
    // An interface must be listened to whatever else there is to do: its thread does nothing else, so the others are not one fewer for it.
    let is_live = matches!(input, Input::Live(_));
    let beside = if is_live { count + 1 } else { (threads.max(1) - 1).min(count + 1) };
    let captured = thread::scope(|scope| {
        let crew = &crew;
        for number in 0..beside {
            let serve = move || {
                let _leaving = crew.leaving();
                // Whoever has panicked says so itself.
                let _ = crew.serve(number);
            };
            let started = thread::Builder::new().name(format!("crew-{number}")).spawn_scoped(scope, serve);
            if let Err(error) = started {
                crew.abandon();
                return Err(RunError::Thread(error));
            }
        }
        let _leaving = crew.leaving();
        if is_live {
            crew.warm();
        }
        let captured = Capture::new((&shared, home), &input, (to_workers, marks_in), crew, frames).all(input, &stop);
        crew.captured();
        // What is left is concluded by all.
        crew.serve(0)?;
        captured
    });
    let reported = crew.reported();
    if ends_process {
        // The tables that all share are kept by those that nobody lets go.
        std::mem::forget((crew, shared.clone()));
    }
    // A reporter that cannot write ends the capture too; its reason is the one to tell.
    reported?;
    captured
}
