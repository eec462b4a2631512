//! The threads of a run share its work: each takes what is to be done and nobody is at.
//!
//! With a thread for each worker, one for the capture and one for the reporter, a machine with few cores has more threads than cores. Those
//! then wait for one another in naps too short for the system to move a waiting thread to a core that has become free: of two cores a
//! seventh of the time was lost. So there are as many threads as cores, and the capture, when a worker's ring is full, works on
//! that worker's batches instead of waiting for somebody to do it.
//!
//! Workers and reporter have an order of their own, so each is behind a lock that is only ever tried: who finds one taken looks for
//! something else. Who has done what, and when, cannot change an answer.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Duration;

use crate::huge;
use crate::report::ReportError;

use super::reporting::Reporting;
use super::worker::Worker;

/// Looks in vain before a thread yields, and before it sleeps.
const SPINS: u32 = 64;
const YIELDS: u32 = 32;
/// How long a thread that finds nothing to do sleeps between looks, and how often before it sleeps longer.
const NAP: Duration = Duration::from_micros(50);
const NAPS: u32 = 64;
/// The same on an interface where little happens: what comes in the meantime waits in the queues, which hold 4 ms at a million packets a
/// second.
const LONG_NAP: Duration = Duration::from_millis(2);

/// Waits a little longer each time it is asked: on shared cores a pure spin takes the time from the very thread that is waited for.
#[derive(Default)]
pub(super) struct Patience(u32);

impl Patience {
    pub(super) fn wait(&mut self) {
        match self.0 {
            n if n < SPINS => std::hint::spin_loop(),
            n if n < SPINS + YIELDS => std::thread::yield_now(),
            n if n < SPINS + YIELDS + NAPS => std::thread::sleep(NAP),
            _ => std::thread::sleep(LONG_NAP),
        }
        self.0 = self.0.saturating_add(1);
    }
}

/// The run is over before its time: the reporter could not write, or a thread has panicked.
#[derive(Debug, thiserror::Error)]
#[error("a worker stopped before the end of the input; this is a defect of the sensor, please report it with the capture")]
pub struct Gone;

/// What there is to do besides capturing.
pub(super) struct Crew<'a> {
    workers: Vec<Mutex<Worker<'a>>>,
    reporting: Mutex<Reporting>,
    /// Threads that find nothing to do at the moment.
    idle: AtomicUsize,
    /// Whether whoever finds nothing to do brings in memory that will be needed soon.
    warms: AtomicBool,
    /// Nothing is left to do.
    over: AtomicBool,
}

impl<'a> Crew<'a> {
    pub(super) fn new(workers: Vec<Worker<'a>>, reporting: Reporting) -> Self {
        let workers = workers.into_iter().map(Mutex::new).collect();
        Crew {
            workers,
            reporting: Mutex::new(reporting),
            idle: AtomicUsize::new(0),
            warms: AtomicBool::new(false),
            over: AtomicBool::new(false),
        }
    }

    /// Does what is to be done until nothing is left. Looks at the worker of this number first.
    ///
    /// # Errors
    /// [`Gone`] if another thread has panicked.
    pub(super) fn serve(&self, first: usize) -> Result<(), Gone> {
        let mut patience = Patience::default();
        let mut is_idle = false;
        while !self.is_over() {
            // First what holds up everybody when it is not done.
            let report = self.report()?;
            match if report.is_some() { report } else { self.find(first)? } {
                Some(task) => {
                    if std::mem::take(&mut is_idle) {
                        self.idle.fetch_sub(1, Ordering::Relaxed);
                    }
                    patience = Patience::default();
                    self.attend(task, || false);
                }
                None if self.warms.load(Ordering::Relaxed) && huge::warm() => {}
                None => {
                    if !std::mem::replace(&mut is_idle, true) {
                        self.idle.fetch_add(1, Ordering::Relaxed);
                    }
                    patience.wait();
                }
            }
        }
        Ok(())
    }

    /// Takes a hand in what is to be done, for as long as nobody else is free to: whether there was anything.
    ///
    /// # Errors
    /// [`Gone`] if another thread has panicked.
    pub(super) fn help(&self, first: usize) -> Result<bool, Gone> {
        // A report keeps who captures from capturing for milliseconds, and soon everybody has nothing to do: it is left to the others for as
        // long as there is anything else.
        let work = self.find(first)?;
        match if work.is_some() { work } else { self.report()? } {
            Some(task) => {
                self.attend(task, || self.idle.load(Ordering::Relaxed) > 0);
                Ok(true)
            }
            None => {
                // The queues are full, so there is more to come than a few packets.
                self.warm();
                Ok(huge::warm())
            }
        }
    }

    /// From now on whoever finds nothing to do brings in memory that will be needed soon: a page that is not there yet when a worker needs
    /// it holds up everybody.
    pub(super) fn warm(&self) {
        self.warms.store(true, Ordering::Relaxed);
    }

    /// Nothing more comes: what memory is not there yet will not be needed.
    pub(super) fn captured(&self) {
        self.warms.store(false, Ordering::Relaxed);
    }

    /// A slice to report, if there is one and nobody is at it.
    fn report(&self) -> Result<Option<Task<'_, 'a>>, Gone> {
        let reporting = free(&self.reporting)?;
        Ok(reporting.and_then(|mut reporting| reporting.is_due().then_some(Task::Report(reporting))))
    }

    /// Work on packets that nobody is at.
    fn find(&self, first: usize) -> Result<Option<Task<'_, 'a>>, Gone> {
        let (before, from) = self.workers.split_at(first % self.workers.len());
        for worker in from.iter().chain(before) {
            if let Some(worker) = free(worker)?
                && worker.is_due()
            {
                return Ok(Some(Task::Work(worker)));
            }
        }
        Ok(None)
    }

    fn attend(&self, task: Task<'_, 'a>, enough: impl Fn() -> bool) {
        match task {
            Task::Report(mut reporting) => {
                reporting.report();
                if reporting.is_over() {
                    self.over.store(true, Ordering::Release);
                }
            }
            Task::Work(mut worker) => worker.work(enough),
        }
    }

    /// Whether nothing is left to do.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(Ordering::Acquire)
    }

    /// Ends the run for all, for one thread cannot go on.
    pub(super) fn abandon(&self) {
        self.over.store(true, Ordering::Release);
    }

    /// Ends the run for all if this thread panics.
    pub(super) fn leaving(&self) -> Leaving<'_, 'a> {
        Leaving(self)
    }

    /// How the reporter ended.
    pub(super) fn reported(&mut self) -> Result<(), ReportError> {
        self.reporting.get_mut().unwrap_or_else(PoisonError::into_inner).ended()
    }
}

/// Kept by a thread while it is at work: the others must not wait for one that has panicked.
pub(super) struct Leaving<'c, 'a>(&'c Crew<'a>);

impl Drop for Leaving<'_, '_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.abandon();
        }
    }
}

/// Something to do, and the right to do it.
enum Task<'c, 'a> {
    Report(MutexGuard<'c, Reporting>),
    Work(MutexGuard<'c, Worker<'a>>),
}

/// What is behind a lock, if nobody is at it.
fn free<T>(lock: &Mutex<T>) -> Result<Option<MutexGuard<'_, T>>, Gone> {
    match lock.try_lock() {
        Ok(guard) => Ok(Some(guard)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Poisoned(_)) => Err(Gone),
    }
}
