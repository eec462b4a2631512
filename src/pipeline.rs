//! The only file that starts and stops threads: capture here, workers, reporter; and the order in which they end.
//!
//! The capture thread owns the clock. When event time passes the end of a slice, it puts a seal behind the slice's packets in every queue;
//! each worker hands its tallies over at the seal, and the reporter puts the tallies of one seal together. So which worker saw what, and
//! when in wall-clock time, cannot change an answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, Sender, bounded};

use crate::attribute::Home;
use crate::conclude::SLICE_NS;
use crate::decode::{self, Header, Plain};
use crate::detect::{Lanes, Moment, Shared, SliceTally};
use crate::dispatch::batch::{Addressed, Batch, Seal, bits};
use crate::dispatch::ring::{FromCapture, ToWorker, WorkerGone, ring};
use crate::dispatch::{Dispatch, Doors, LANES};
use crate::health::{Dropped, SliceHealth};
use crate::huge;
use crate::report::{ReportError, Reporter};
use crate::source::{Frame, Input, LinkType, Polled, SourceError};
use crate::tally::TrafficTally;

/// Tallies of one worker under way to the reporter: how far a worker may run ahead of it, in slices.
const TALLIES_UNDER_WAY: usize = 1;
/// Items ahead of the one at work whose conversations are brought into the cache: memory answers in some 150 ns, an item takes 50.
const TOUCH_AHEAD: usize = 20;
/// Items ahead whose conversation has come into the cache, and tells what they need besides.
const MORE_AHEAD: usize = 10;
/// Items ahead of the one at work that are brought into the cache themselves, from the capture thread's.
const ITEMS_AHEAD: usize = 40;
/// Frames between two looks at whether somebody wants the run to stop, and at live statistics.
const LOOK_EVERY_FRAMES: u64 = 4096;
/// A live interface may be silent: after so much wall-clock time without a frame the slice ends all the same.
const SILENCE: Duration = Duration::from_secs(2);

/// Why a run ended before its end.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    #[error("{0}")]
    Source(#[from] SourceError),
    #[error("{0}")]
    Report(#[from] ReportError),
    #[error("{0}")]
    Worker(#[from] WorkerGone),
    #[error("a thread cannot be started: {0}")]
    Thread(std::io::Error),
}

/// What the pipeline needs to run.
pub struct Pipeline {
    pub shared: Shared,
    pub home: Home,
    pub workers: usize,
    /// Set from outside to end the run early and in order.
    pub stop: Arc<AtomicBool>,
    /// Frames so far, for a progress bar.
    pub frames: Arc<AtomicU64>,
    /// The process ends with this run: what the reporter remembers is left for the system to take, which is quicker than giving it back
    /// piece by piece.
    pub ends_process: bool,
}

/// Runs a source to its end. What came before an error is counted and reported all the same.
///
/// # Errors
/// The source's error, or the reporter's.
pub fn run(pipeline: Pipeline, input: Input, reporter: Reporter) -> Result<(), RunError> {
    let Pipeline { shared, home, workers, stop, frames, ends_process } = pipeline;
    let workers = workers.clamp(1, LANES);
    let (marks_in, marks_out) = bounded(TALLIES_UNDER_WAY);
    let mut to_workers = Vec::new();
    let mut from_capture = Vec::new();
    for _ in 0..workers {
        let (to, from) = ring();
        to_workers.push(to);
        from_capture.push(from);
    }
    thread::scope(|threads| {
        let mut sealed = Vec::new();
        for (number, from) in from_capture.into_iter().enumerate() {
            let (full_in, full_out) = bounded(TALLIES_UNDER_WAY);
            let (empty_in, empty_out) = bounded(TALLIES_UNDER_WAY + 1);
            sealed.push(Sealed { full: full_out, empty: empty_in });
            let shared = &shared;
            let name = format!("worker-{number}");
            let started =
                thread::Builder::new().name(name).spawn_scoped(threads, move || work(number, workers, shared, from, &full_in, &empty_out));
            started.map_err(RunError::Thread)?;
        }
        let reporting = thread::Builder::new().name("reporter".into()).spawn_scoped(threads, move || {
            let mut reporter = reporter;
            let done = report(&mut reporter, &marks_out, &sealed);
            if ends_process {
                std::mem::forget(reporter);
            }
            done
        });
        let reporting = reporting.map_err(RunError::Thread)?;
        let dispatch = Dispatch::new(shared.keyed.clone(), home);
        let mut capture = Capture {
            dispatch,
            doors: shared.entries.clone().map(|entries| Doors::new(entries, input.interface_names())),
            owners: std::array::from_fn(|lane| (lane % workers) as u8),
            window_s: shared.window_s,
            batches: Vec::new(),
            to_workers,
            marks: marks_in,
            slice_s: None,
            slice_start_ns: 0,
            slice_ns: 0,
            health: SliceHealth::default(),
            frames,
        };
        let captured = capture.all(input, &stop);
        drop(capture);
        let reported = match reporting.join() {
            Ok(reported) => reported,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        // A reporter that cannot write ends the capture too; its reason is the one to tell.
        reported?;
        captured
    })
}

/// Slices of one worker, and the way back of its empty tallies.
struct Sealed {
    full: Receiver<Box<SliceTally>>,
    empty: Sender<Box<SliceTally>>,
}

/// A slice's end, as the reporter learns of it.
struct Mark {
    seal: Seal,
    health: SliceHealth,
}

struct Capture {
    dispatch: Dispatch,
    /// Where points of entry have names.
    doors: Option<Doors>,
    /// The worker of each lane.
    owners: [u8; LANES],
    window_s: u32,
    // Batches travel through the rings as they are: in boxes.
    #[allow(clippy::vec_box)]
    batches: Vec<Box<Batch>>,
    to_workers: Vec<ToWorker>,
    marks: Sender<Mark>,
    /// The open slice.
    slice_s: Option<u32>,
    /// When it begins, and how long it is: 0 if none is open.
    slice_start_ns: u64,
    slice_ns: u64,
    health: SliceHealth,
    frames: Arc<AtomicU64>,
}

impl Capture {
    fn all(&mut self, mut input: Input, stop: &AtomicBool) -> Result<(), RunError> {
        for to in &mut self.to_workers {
            self.batches.push(to.take()?);
        }
        let ended = self.until_end(&mut input, stop);
        // Whatever ended it: what was captured is concluded.
        self.drops(&mut input);
        if let Some(slice_s) = self.slice_s {
            self.seal(slice_s, true, true)?;
        } else {
            self.seal(0, false, true)?;
        }
        ended
    }

    fn until_end(&mut self, input: &mut Input, stop: &AtomicBool) -> Result<(), RunError> {
        let live = matches!(input, Input::Live(_));
        let mut since_look = 0u64;
        let mut last_frame = SystemTime::now();
        loop {
            match input.poll()? {
                Polled::Frame(frame) => {
                    self.frame(frame)?;
                    since_look += 1 + input.burst(LOOK_EVERY_FRAMES, |frame| self.frame(frame))?;
                    if since_look < LOOK_EVERY_FRAMES {
                        continue;
                    }
                    last_frame = if live { SystemTime::now() } else { last_frame };
                }
                Polled::Idle => {
                    // What is in the batches must not wait for the next frame.
                    if last_frame.elapsed().unwrap_or_default() > SILENCE {
                        self.advance_to(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs() as u32 - 1)?;
                    }
                }
                Polled::End => return Ok(()),
            }
            self.frames.fetch_add(since_look, Ordering::Relaxed);
            since_look = 0;
            if live {
                self.drops(input);
            }
            if stop.load(Ordering::Relaxed) {
                return Ok(());
            }
        }
    }

    /// What the kernel and the interface dropped since the last look.
    fn drops(&mut self, input: &mut Input) {
        if let Input::Live(live) = input
            && let Ok(stats) = live.stats()
        {
            self.health.dropped = Dropped { kernel: stats.dropped_by_kernel, interface: stats.dropped_by_interface, queue: 0 };
        }
    }

    #[inline(always)]
    fn frame(&mut self, frame: Frame<'_>) -> Result<(), RunError> {
        let Frame { time_ns, wire_bytes, link, interface, bytes } = frame;
        let since_slice_ns = time_ns.wrapping_sub(self.slice_start_ns);
        // A plain frame of the open slice stands in registers until it is in the batch. All else goes another way.
        if since_slice_ns < self.slice_ns
            && self.doors.is_none()
            && link == LinkType::ETHERNET
            && let Some(plain) = Plain::read(bytes)
        {
            self.health.frames += 1;
            self.health.bytes += u64::from(wire_bytes);
            let place = self.dispatch.place_plain(&plain);
            let at = usize::from(plain.payload_offset);
            let payload = bytes.get(at..at + usize::from(plain.payload_bytes)).unwrap_or_default();
            let worker = usize::from(self.owners[usize::from(place.lane) % LANES]);
            let batch = &mut self.batches[worker];
            let to = Addressed {
                conversation: place.conversation,
                source_hash: place.source,
                since_slice_ns: since_slice_ns as u32,
                wire_bytes,
                lane: place.lane,
                bits: place.bits,
                entry: 0,
            };
            batch.push_plain(&plain, to, payload);
            if batch.is_full() { self.hand_over(worker) } else { Ok(()) }
        } else {
            self.other(time_ns, wire_bytes, link, interface, bytes)
        }
    }

    /// A frame of another slice than the open one, one that is not plain, or one whose point of entry has to be told.
    // Takes the frame's fields one by one: by reference they would have to be in memory whichever way is taken.
    #[inline(never)]
    fn other(&mut self, time_ns: u64, wire_bytes: u32, link: LinkType, interface: u16, bytes: &[u8]) -> Result<(), RunError> {
        let slice_s = (time_ns / SLICE_NS) as u32;
        let frame = &Frame { time_ns, wire_bytes, link, interface, bytes };
        let mut late = 0;
        match self.slice_s {
            Some(open_s) if slice_s > open_s => self.advance_to(slice_s)?,
            Some(open_s) if slice_s < open_s => {
                self.health.late += 1;
                late = bits::LATE;
            }
            Some(_) => {}
            None => self.open(slice_s),
        }
        // A late frame counts as one of the open slice's beginning.
        let since_slice_ns = time_ns.saturating_sub(self.slice_start_ns) as u32;
        self.health.frames += 1;
        self.health.bytes += u64::from(wire_bytes);
        match decode::decode(link, bytes, wire_bytes) {
            Ok(header) => self.take(&header, frame, since_slice_ns, late),
            Err(reason) => {
                self.health.refuse(reason);
                Ok(())
            }
        }
    }

    fn take(&mut self, header: &Header, frame: &Frame<'_>, since_slice_ns: u32, late: u8) -> Result<(), RunError> {
        let at = usize::from(header.payload_offset);
        let payload = frame.bytes.get(at..at + usize::from(header.payload_bytes)).unwrap_or_default();
        let place = self.dispatch.place(header, payload);
        let entry = self.doors.as_mut().map_or(0, |doors| doors.of(frame, header));
        let worker = usize::from(self.owners[usize::from(place.lane) % LANES]);
        let batch = &mut self.batches[worker];
        let to = Addressed {
            conversation: place.conversation,
            source_hash: place.source,
            since_slice_ns,
            wire_bytes: frame.wire_bytes,
            lane: place.lane,
            bits: place.bits | late,
            entry,
        };
        batch.push(header, to, payload);
        if batch.is_full() {
            self.hand_over(worker)?;
        }
        Ok(())
    }

    #[cold]
    #[inline(never)]
    fn hand_over(&mut self, worker: usize) -> Result<(), RunError> {
        let mut empty = self.to_workers[worker].take()?;
        empty.slice_s = self.slice_s.unwrap_or_default();
        let full = std::mem::replace(&mut self.batches[worker], empty);
        Ok(self.to_workers[worker].push(full)?)
    }

    /// Event time has reached another slice: the open one ends. A gap of any length is one step.
    #[cold]
    fn advance_to(&mut self, slice_s: u32) -> Result<(), RunError> {
        if let Some(open_s) = self.slice_s
            && slice_s > open_s
        {
            self.seal(open_s, open_s / self.window_s != slice_s / self.window_s, false)?;
            self.open(slice_s);
        }
        Ok(())
    }

    fn open(&mut self, slice_s: u32) {
        self.slice_s = Some(slice_s);
        (self.slice_start_ns, self.slice_ns) = (u64::from(slice_s) * SLICE_NS, SLICE_NS);
        for batch in &mut self.batches {
            batch.slice_s = slice_s;
        }
    }

    fn seal(&mut self, slice: u32, window_ends: bool, last: bool) -> Result<(), RunError> {
        let seal = Seal { slice, window_ends, last };
        for worker in 0..self.batches.len() {
            self.batches[worker].seal = Some(seal);
            self.hand_over(worker)?;
        }
        let health = std::mem::take(&mut self.health);
        self.health.dropped = health.dropped;
        self.marks.send(Mark { seal, health }).map_err(|_| WorkerGone)?;
        Ok(())
    }
}

/// A worker: every `workers`-th lane, from the first packet to the last seal.
fn work(
    number: usize,
    workers: usize,
    shared: &Shared,
    mut from: FromCapture,
    full: &Sender<Box<SliceTally>>,
    empty: &Receiver<Box<SliceTally>>,
) {
    let numbers: Vec<u8> = (number..LANES).step_by(workers).map(|lane| lane as u8).collect();
    let mut lanes = Lanes::new(&numbers, shared);
    let mut traffic: Box<TrafficTally> = Box::default();
    let mut tally: Box<SliceTally> = Box::default();
    // Made here, for the workers start at the same time; afterwards they come back from the reporter.
    let mut spare: Vec<Box<SliceTally>> = (0..TALLIES_UNDER_WAY).map(|_| Box::default()).collect();
    while let Some(batch) = from.pop() {
        observe(&mut lanes, shared, &mut tally, &mut traffic, &batch, &from);
        if let Some(seal) = batch.seal {
            lanes.seal(&mut tally, seal);
            if seal.window_ends || seal.last {
                traffic.settle();
                std::mem::swap(&mut tally.traffic, &mut traffic);
            }
            let next = match spare.pop() {
                Some(next) => next,
                None => match empty.recv() {
                    Ok(next) => next,
                    Err(_) => return,
                },
            };
            let sealed = std::mem::replace(&mut tally, next);
            if full.send(sealed).is_err() || seal.last {
                return;
            }
        }
        from.give_back(batch);
    }
}

fn observe(lanes: &mut Lanes, shared: &Shared, tally: &mut SliceTally, traffic: &mut TrafficTally, batch: &Batch, from: &FromCapture) {
    let items = &batch.items;
    let moment = Moment::of(batch, shared);
    // These may have come before, with the batch before this one; all at once they come quickly anyway.
    items.iter().take(ITEMS_AHEAD).for_each(huge::prefetch);
    for item in items.iter().take(TOUCH_AHEAD) {
        lanes.touch(item);
    }
    for item in items.iter().take(MORE_AHEAD) {
        lanes.touch_more(batch, item, shared);
    }
    if let Some(next) = from.next() {
        huge::prefetch(next);
    }
    for (place, item) in items.iter().enumerate() {
        if let Some(ahead) = items.get(place + ITEMS_AHEAD) {
            huge::prefetch(ahead);
        }
        if let Some(ahead) = items.get(place + TOUCH_AHEAD) {
            lanes.touch(ahead);
        }
        if let Some(ahead) = items.get(place + MORE_AHEAD) {
            lanes.touch_more(batch, ahead, shared);
        }
        // The first items of the next batch come while this one is at work.
        if place == items.len() / 2
            && let Some(next) = from.next()
        {
            next.items.iter().take(ITEMS_AHEAD).for_each(huge::prefetch);
        }
        lanes.observe(shared, tally, traffic, batch, item, moment);
    }
}

/// The reporter: puts the tallies of one seal together, concludes, and writes.
fn report(reporter: &mut Reporter, marks: &Receiver<Mark>, sealed: &[Sealed]) -> Result<(), ReportError> {
    for mark in marks {
        let mut tallies = Vec::with_capacity(sealed.len());
        for sealed_by in sealed {
            // A worker that is gone before its last seal has panicked; joining it tells.
            let Ok(tally) = sealed_by.full.recv() else { return Ok(()) };
            tallies.push(tally);
        }
        let [merged, others @ ..] = &mut tallies[..] else { return Ok(()) };
        others.iter_mut().for_each(|other| merged.append(other));
        reporter.slice(mark.seal, &mark.health, merged)?;
        others.iter_mut().rev().for_each(|other| merged.give_back(other));
        for (sealed_by, mut tally) in sealed.iter().zip(tallies) {
            tally.clear();
            let _ = sealed_by.empty.send(tally);
        }
    }
    reporter.finish()
}
