//! Frames become items, and items batches. The capture owns the clock: it says where a slice ends.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Sender, TrySendError};

use crate::attribute::Home;
use crate::conclude::SLICE_NS;
use crate::decode::{self, Header, Plain};
use crate::detect::Shared;
use crate::dispatch::batch::{Addressed, Batch, Seal, bits};
use crate::dispatch::ring::ToWorker;
use crate::dispatch::{Dispatch, Doors, LANES};
use crate::health::{Dropped, SliceHealth};
use crate::source::{Block, Frame, Input, LinkType, Polled};

use super::RunError;
use super::crew::{Crew, Gone, Patience};
use super::reporting::Mark;

/// Frames between two looks at whether somebody wants the run to stop, and at live statistics.
const LOOK_EVERY_FRAMES: u64 = 4096;
/// A live interface may be silent: after so much wall-clock time without a frame the slice ends all the same.
const SILENCE: Duration = Duration::from_secs(2);

/// The input's way into the rings.
pub(super) struct Capture<'c, 'a> {
    dispatch: Dispatch,
    /// Where points of entry have names.
    doors: Option<Doors>,
    window_s: u32,
    /// The open batch of each worker: one alone, for each is as much as a core's caches hold beside the rest. With a batch for each lane,
    /// every payload was copied to where no cache held its place.
    // Batches travel through the rings as they are: in boxes.
    #[allow(clippy::vec_box)]
    batches: Vec<Box<Batch>>,
    /// By lane: the number of its worker.
    owners: [u8; LANES],
    to_workers: Vec<ToWorker>,
    marks: Sender<Mark>,
    /// The open slice.
    slice_s: Option<u32>,
    /// When it begins.
    slice_start_ns: u64,
    /// How long from then plain frames go the short way: 0 while none is open, or if the point of entry has to be told of every frame.
    plain_ns: u64,
    health: SliceHealth,
    frames: Arc<AtomicU64>,
    crew: &'c Crew<'a>,
    /// Whether it works on what is before the workers while they have no room. An interface's frames would be lost meanwhile.
    helps: bool,
}

impl<'c, 'a> Capture<'c, 'a> {
    pub(super) fn new(
        (shared, home): (&Shared, Home),
        input: &Input,
        (to_workers, marks): (Vec<ToWorker>, Sender<Mark>),
        crew: &'c Crew<'a>,
        frames: Arc<AtomicU64>,
    ) -> Self {
        Capture {
            dispatch: Dispatch::new(shared.keyed.clone(), home),
            doors: shared.entries.clone().map(|entries| Doors::new(entries, input.interface_names())),
            window_s: shared.window_s,
            batches: Vec::new(),
            owners: std::array::from_fn(|lane| (lane % to_workers.len()) as u8),
            to_workers,
            marks,
            slice_s: None,
            slice_start_ns: 0,
            plain_ns: 0,
            health: SliceHealth::default(),
            frames,
            crew,
            helps: !matches!(input, Input::Live(_)),
        }
    }

    /// Reads the input to its end.
    ///
    /// # Errors
    /// The source's, and [`Gone`].
    pub(super) fn all(&mut self, mut input: Input, stop: &AtomicBool) -> Result<(), RunError> {
        for worker in 0..self.to_workers.len() {
            let first = self.take_batch(worker)?;
            self.batches.push(first);
        }
        let ended = self.until_end(&mut input, stop);
        // Whatever ended it: what was captured is concluded.
        self.drops(&mut input);
        if self.slice_s.is_none() && matches!(input, Input::Live(_)) {
            self.silent()?;
        }
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
                    self.frame(frame, None)?;
                    since_look += 1 + self.burst(input)?;
                    if since_look < LOOK_EVERY_FRAMES {
                        continue;
                    }
                    last_frame = if live { SystemTime::now() } else { last_frame };
                }
                Polled::Idle => {
                    // What is in the batches must not wait for the next frame.
                    if last_frame.elapsed().unwrap_or_default() > SILENCE {
                        self.silent()?;
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

    /// Takes the frames that are at hand, and returns how many there were.
    // A function of its own: what the compiler has to keep in registers here is more than it has.
    #[inline(never)]
    fn burst(&mut self, input: &mut Input) -> Result<u64, Gone> {
        input.burst(LOOK_EVERY_FRAMES, |frame, block| self.frame(frame, block))
    }

    #[inline(always)]
    fn frame(&mut self, frame: Frame<'_>, block: Option<&Block>) -> Result<(), Gone> {
        let Frame { time_ns, wire_bytes, link, interface, bytes } = frame;
        let since_slice_ns = time_ns.wrapping_sub(self.slice_start_ns);
        // A plain frame of the open slice stands in registers until it is in the batch. All else goes another way.
        if since_slice_ns < self.plain_ns
            && link == LinkType::ETHERNET
            && let Some(plain) = Plain::read(bytes)
        {
            self.health.frames += 1;
            self.health.bytes += u64::from(wire_bytes);
            let place = self.dispatch.place_plain(&plain);
            let at = usize::from(plain.payload_offset);
            let payload = bytes.get(at..at + usize::from(plain.payload_bytes)).unwrap_or_default();
            let worker = self.owner(place.lane);
            let batch = &mut self.batches[worker];
            let to = Addressed {
                conversation: place.conversation,
                source_hash: place.source,
                since_slice_ns: since_slice_ns as u32,
                wire_bytes,
                bits: place.bits,
                entry: 0,
                lane: place.lane,
                target_low: place.target as u16,
            };
            batch.push_plain(&plain, to, payload, block);
            if batch.is_full() { self.hand_over(worker) } else { Ok(()) }
        } else {
            self.other(time_ns, wire_bytes, link, interface, bytes, block)
        }
    }

    /// A frame of another slice than the open one, one that is not plain, or one whose point of entry has to be told.
    // Takes the frame's fields one by one: by reference they would have to be in memory whichever way is taken.
    #[inline(never)]
    fn other(
        &mut self,
        time_ns: u64,
        wire_bytes: u32,
        link: LinkType,
        interface: u16,
        bytes: &[u8],
        block: Option<&Block>,
    ) -> Result<(), Gone> {
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
            Ok(header) => self.take(&header, (frame, block), since_slice_ns, late),
            Err(reason) => {
                self.health.refuse(reason);
                Ok(())
            }
        }
    }

    fn take(&mut self, header: &Header, (frame, block): (&Frame<'_>, Option<&Block>), since_slice_ns: u32, late: u8) -> Result<(), Gone> {
        let at = usize::from(header.payload_offset);
        let payload = frame.bytes.get(at..at + usize::from(header.payload_bytes)).unwrap_or_default();
        let place = self.dispatch.place(header, payload);
        let entry = self.doors.as_mut().map_or(0, |doors| doors.of(frame, header));
        let worker = self.owner(place.lane);
        let batch = &mut self.batches[worker];
        let to = Addressed {
            conversation: place.conversation,
            source_hash: place.source,
            since_slice_ns,
            wire_bytes: frame.wire_bytes,
            bits: place.bits | late,
            entry,
            lane: place.lane,
            target_low: place.target as u16,
        };
        batch.push(header, to, payload, block);
        if batch.is_full() {
            self.hand_over(worker)?;
        }
        Ok(())
    }

    /// The number of a lane's worker.
    #[inline(always)]
    fn owner(&self, lane: u8) -> usize {
        usize::from(self.owners[usize::from(lane) % LANES])
    }

    #[cold]
    #[inline(never)]
    fn hand_over(&mut self, worker: usize) -> Result<(), Gone> {
        let mut empty = self.take_batch(worker)?;
        empty.slice_s = self.slice_s.unwrap_or_default();
        let full = std::mem::replace(&mut self.batches[worker], empty);
        full.complete();
        self.to_workers[worker].push(full);
        Ok(())
    }

    /// An empty batch for a worker, which may have to give one back first.
    fn take_batch(&mut self, worker: usize) -> Result<Box<Batch>, Gone> {
        let mut patience = Patience::default();
        loop {
            if let Some(batch) = self.to_workers[worker].take() {
                return Ok(batch);
            }
            self.wait(worker, &mut patience)?;
        }
    }

    /// While nothing can be captured: works on what is before the workers, this one first, or waits a little.
    fn wait(&self, worker: usize, patience: &mut Patience) -> Result<(), Gone> {
        if self.crew.is_over() {
            return Err(Gone);
        }
        if self.helps && self.crew.help(worker)? {
            *patience = Patience::default();
        } else {
            patience.wait();
        }
        Ok(())
    }

    /// An interface is silent, so the clock on the wall says how far event time has come: a second less, for frames may be under way.
    #[cold]
    fn silent(&mut self) -> Result<(), Gone> {
        let now_s = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs().saturating_sub(1) as u32;
        if self.slice_s.is_none() {
            self.open(now_s);
        }
        self.advance_to(now_s)
    }

    /// Event time has reached another slice: the open one ends. A gap of any length is one step.
    #[cold]
    fn advance_to(&mut self, slice_s: u32) -> Result<(), Gone> {
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
        self.slice_start_ns = u64::from(slice_s) * SLICE_NS;
        self.plain_ns = if self.doors.is_none() { SLICE_NS } else { 0 };
        for batch in &mut self.batches {
            batch.slice_s = slice_s;
        }
    }

    fn seal(&mut self, slice: u32, window_ends: bool, last: bool) -> Result<(), Gone> {
        let seal = Seal { slice, window_ends, last };
        for worker in 0..self.to_workers.len() {
            self.batches[worker].seal = Some(seal);
            self.hand_over(worker)?;
        }
        let health = std::mem::take(&mut self.health);
        self.health.dropped = health.dropped;
        let mut mark = Mark { seal, health };
        let mut patience = Patience::default();
        while let Err(TrySendError::Full(back) | TrySendError::Disconnected(back)) = self.marks.try_send(mark) {
            mark = back;
            self.wait(0, &mut patience)?;
        }
        Ok(())
    }
}
