//! The bounded queue between the capture and one worker, and the way back of empty batches.
//!
//! Single producer, single consumer. Nobody waits here: who finds no batch looks for something else to do.

use ringbuf::HeapRb;
use ringbuf::traits::{Consumer, Producer, Split};

use super::batch::Batch;

/// Batches under way to one worker. With [`super::batch::BATCH_PACKETS`] packets each, 4,096 packets of slack: so often
/// at most does a thread turn from one to the other.
pub const RING_BATCHES: usize = 32;

type Half = ringbuf::HeapProd<Box<Batch>>;
type OtherHalf = ringbuf::HeapCons<Box<Batch>>;

/// The capture's end.
pub struct ToWorker {
    full: Half,
    empty: OtherHalf,
    /// Empty batches at hand. The one that came back last is the first to be used again: while the worker keeps up, a few batches go to
    /// and fro and stay in the caches, and the others are never touched.
    // Batches travel through the rings as they are: in boxes.
    #[allow(clippy::vec_box)]
    at_hand: Vec<Box<Batch>>,
}

/// The worker's end.
pub struct FromCapture {
    full: OtherHalf,
    empty: Half,
}

/// A ring with all the batches it will ever hold, besides the open one. How many are under way is bounded by how many there are: either way
/// has room for every one.
pub fn ring() -> (ToWorker, FromCapture) {
    let batches = RING_BATCHES + 1;
    let (full_in, full_out) = HeapRb::new(batches).split();
    let (empty_in, empty_out) = HeapRb::new(batches).split();
    let mut at_hand = Vec::with_capacity(batches);
    at_hand.extend((0..batches).map(|_| Box::new(Batch::with_room())));
    (ToWorker { full: full_in, empty: empty_out, at_hand }, FromCapture { full: full_out, empty: empty_in })
}

impl ToWorker {
    /// An empty batch, if there is one.
    pub fn take(&mut self) -> Option<Box<Batch>> {
        for mut batch in self.empty.pop_iter() {
            // Here and not by the worker: blocks are given back by the core that lent them, and whose cache holds how often.
            batch.clear();
            self.at_hand.push(batch);
        }
        self.at_hand.pop()
    }

    /// Hands a batch over.
    pub fn push(&mut self, batch: Box<Batch>) {
        let back = self.full.try_push(batch);
        debug_assert!(back.is_ok(), "there is room for every batch that exists");
    }
}

impl FromCapture {
    /// The next batch, if one has come.
    pub fn pop(&mut self) -> Option<Box<Batch>> {
        self.full.try_pop()
    }

    /// The batch that will be popped next, if it has come already.
    pub fn next(&self) -> Option<&Batch> {
        self.full.first().map(Box::as_ref)
    }

    /// Gives a batch back.
    pub fn give_back(&mut self, batch: Box<Batch>) {
        // There is room for every batch that exists.
        let _ = self.empty.try_push(batch);
    }
}

#[cfg(test)]
mod tests {
    use super::super::batch::Seal;
    use super::*;

    #[test]
    fn batches_arrive_in_order_and_come_back() {
        let (mut to, mut from) = ring();
        let mut at_hand = to.take().unwrap();
        std::thread::scope(|threads| {
            threads.spawn(move || {
                for slice in 0..1000 {
                    at_hand.seal = Some(Seal { slice, window_ends: false, last: false });
                    let next = loop {
                        match to.take() {
                            Some(next) => break next,
                            None => std::thread::yield_now(),
                        }
                    };
                    to.push(std::mem::replace(&mut at_hand, next));
                }
            });
            let mut expected = 0;
            while expected < 1000 {
                let Some(batch) = from.pop() else {
                    std::thread::yield_now();
                    continue;
                };
                assert_eq!(batch.seal.unwrap().slice, expected);
                expected += 1;
                from.give_back(batch);
            }
        });
    }

    #[test]
    fn the_ring_holds_every_batch_but_one() {
        let (mut to, mut from) = ring();
        let mut at_hand = to.take().unwrap();
        let mut pushed = 0;
        while let Some(next) = to.take() {
            to.push(std::mem::replace(&mut at_hand, next));
            pushed += 1;
        }
        assert_eq!(pushed, RING_BATCHES);
        let back = from.pop().unwrap();
        from.give_back(back);
        assert!(to.take().is_some());
    }
}
