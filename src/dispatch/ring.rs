//! The bounded queue between the capture thread and one worker, and the way back of empty batches.
//!
//! Single producer, single consumer. A full ring makes a file source wait and a live source drop; an empty one makes the worker wait. Both
//! spin only briefly: on shared cores a pure spin takes the time from the very thread that is waited for.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ringbuf::HeapRb;
use ringbuf::traits::{Consumer, Producer, Split};

use super::batch::Batch;

/// Batches under way to one worker. With [`super::batch::BATCH_PACKETS`] packets each, 4,096 packets of slack: a worker that starts
/// or is put aside for a few milliseconds holds nobody up.
pub const RING_BATCHES: usize = 32;

const SPINS: u32 = 64;
const YIELDS: u32 = 32;
/// How long a waiting thread sleeps between looks, once spinning and yielding brought nothing.
const NAP: Duration = Duration::from_micros(50);

/// Waits a little longer each time it is asked.
#[derive(Default)]
pub struct Patience(u32);

impl Patience {
    pub fn wait(&mut self) {
        match self.0 {
            n if n < SPINS => std::hint::spin_loop(),
            n if n < SPINS + YIELDS => std::thread::yield_now(),
            _ => std::thread::sleep(NAP),
        }
        self.0 = self.0.saturating_add(1);
    }
}

type Half = ringbuf::HeapProd<Box<Batch>>;
type OtherHalf = ringbuf::HeapCons<Box<Batch>>;

/// The capture thread's end.
pub struct ToWorker {
    full: Half,
    empty: OtherHalf,
    /// Empty batches at hand. The one that came back last is the first to be used again: while the worker keeps up, a few batches go to
    /// and fro and stay in the caches, and the others are never touched.
    // Batches travel through the rings as they are: in boxes.
    #[allow(clippy::vec_box)]
    at_hand: Vec<Box<Batch>>,
    gone: Arc<AtomicBool>,
}

/// The worker's end.
pub struct FromCapture {
    full: OtherHalf,
    empty: Half,
    gone: Arc<AtomicBool>,
}

/// The worker ended before its time, which only a defect does.
#[derive(Debug, thiserror::Error)]
#[error("a worker thread stopped before the end of the input; this is a defect of the sensor, please report it with the capture")]
pub struct WorkerGone;

/// A ring with all the batches it will ever hold.
pub fn ring() -> (ToWorker, FromCapture) {
    let (full_in, full_out) = HeapRb::new(RING_BATCHES).split();
    // There is room for every batch, in the ring as at hand.
    let (empty_in, empty_out) = HeapRb::new(RING_BATCHES + 2).split();
    let mut at_hand = Vec::with_capacity(RING_BATCHES + 2);
    at_hand.extend((0..RING_BATCHES + 1).map(|_| Box::new(Batch::with_room())));
    let gone = Arc::new(AtomicBool::new(false));
    (ToWorker { full: full_in, empty: empty_out, at_hand, gone: gone.clone() }, FromCapture { full: full_out, empty: empty_in, gone })
}

impl ToWorker {
    /// An empty batch, if there is one.
    pub fn try_take(&mut self) -> Option<Box<Batch>> {
        self.at_hand.extend(self.empty.pop_iter());
        self.at_hand.pop()
    }

    /// An empty batch; waits for the worker to give one back.
    ///
    /// # Errors
    /// [`WorkerGone`] if the worker has ended.
    pub fn take(&mut self) -> Result<Box<Batch>, WorkerGone> {
        let mut patience = Patience::default();
        loop {
            if let Some(batch) = self.try_take() {
                return Ok(batch);
            }
            if self.gone.load(Ordering::Acquire) {
                return Err(WorkerGone);
            }
            patience.wait();
        }
    }

    /// Hands a batch over; waits for room.
    ///
    /// # Errors
    /// [`WorkerGone`] if the worker has ended.
    pub fn push(&mut self, mut batch: Box<Batch>) -> Result<(), WorkerGone> {
        let mut patience = Patience::default();
        while let Err(back) = self.full.try_push(batch) {
            if self.gone.load(Ordering::Acquire) {
                return Err(WorkerGone);
            }
            batch = back;
            patience.wait();
        }
        Ok(())
    }
}

impl FromCapture {
    /// The next batch, or nothing when the capture thread has ended and the ring is empty.
    pub fn pop(&mut self) -> Option<Box<Batch>> {
        let mut patience = Patience::default();
        loop {
            if let Some(batch) = self.full.try_pop() {
                return Some(batch);
            }
            if self.gone.load(Ordering::Acquire) {
                // What was pushed before the flag was set is visible now.
                return self.full.try_pop();
            }
            patience.wait();
        }
    }

    /// The batch that will be popped next, if it has come already.
    pub fn next(&self) -> Option<&Batch> {
        self.full.first().map(Box::as_ref)
    }

    /// Gives a batch back, emptied.
    pub fn give_back(&mut self, mut batch: Box<Batch>) {
        batch.clear();
        // There is room for every batch that exists.
        let _ = self.empty.try_push(batch);
    }
}

impl Drop for ToWorker {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Release);
    }
}

impl Drop for FromCapture {
    fn drop(&mut self) {
        self.gone.store(true, Ordering::Release);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_arrive_in_order_and_come_back() {
        let (mut to, mut from) = ring();
        std::thread::scope(|threads| {
            threads.spawn(move || {
                for slice in 0..1000 {
                    let mut batch = to.take().unwrap();
                    batch.seal = Some(super::super::batch::Seal { slice, window_ends: false, last: false });
                    to.push(batch).unwrap();
                }
            });
            let mut expected = 0;
            while let Some(batch) = from.pop() {
                assert_eq!(batch.seal.unwrap().slice, expected);
                expected += 1;
                from.give_back(batch);
            }
            assert_eq!(expected, 1000);
        });
    }

    #[test]
    fn a_worker_that_is_gone_is_an_error_and_not_a_wait() {
        let (mut to, from) = ring();
        drop(from);
        while to.try_take().is_some() {}
        assert!(to.take().is_err());
    }
}
