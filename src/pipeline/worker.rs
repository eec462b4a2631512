//! A worker's turn: the packets of every `workers`-th lane, from the first packet to the last seal.

use std::ops::Range;

use crossbeam_channel::{Receiver, Sender};

use crate::detect::{Lanes, Moment, Shared, SliceTally};
use crate::dispatch::LANES;
use crate::dispatch::batch::{Batch, Item, Seal};
use crate::dispatch::ring::FromCapture;
use crate::huge;
use crate::tally::TrafficTally;

/// How many items ahead of the one at work come into the cache themselves, from memory: twice as many as the next step reaches.
const ITEMS_AHEAD: usize = 40;
/// How many ahead their conversations are brought into the cache.
const TOUCH_AHEAD: usize = 20;
/// How many ahead have their conversations there, which tell what they need besides: enough for it to come meanwhile. Memory answers in some 150 ns,
/// an item takes 50 to 200. From 8 to 14, and twice and four times that above, made no difference.
const MORE_AHEAD: usize = 10;

/// Items that take each step together. By fives more cache lines were asked for at once than the processor can wait for, which took 5 to 10 % more
/// time; one by one, it had nothing else to do while it looked a line's page up, which took 3 % more. By threes is as good.
const TOGETHER: usize = 2;

pub(super) struct Worker<'a> {
    /// Its place among the workers, and how many there are.
    number: usize,
    workers: usize,
    shared: &'a Shared,
    from: FromCapture,
    /// Made by whoever takes the first turn, so that the workers' memories are made at the same time.
    memory: Option<Memory>,
    /// Whether the memory is given back after the last turn.
    gives_back: bool,
    /// A seal that has come, where the reporter still has the tally to go on with.
    held: Option<Seal>,
    full: Sender<Box<SliceTally>>,
    empty: Receiver<Box<SliceTally>>,
    is_over: bool,
}

/// What a worker remembers, and what it counts.
struct Memory {
    lanes: Lanes,
    traffic: Box<TrafficTally>,
    tally: Box<SliceTally>,
    /// Afterwards they come back from the reporter.
    // Tallies travel as they are: in boxes.
    #[allow(clippy::vec_box)]
    spare: Vec<Box<SliceTally>>,
    /// What the first items of the next batch need was brought into the cache with the last ones of the batch before.
    foreseen: bool,
}

impl<'a> Worker<'a> {
    pub(super) fn new(
        (number, workers): (usize, usize),
        shared: &'a Shared,
        from: FromCapture,
        full: Sender<Box<SliceTally>>,
        empty: Receiver<Box<SliceTally>>,
        gives_back: bool,
    ) -> Self {
        Worker { number, workers, shared, from, memory: None, gives_back, held: None, full, empty, is_over: false }
    }

    /// Whether there is anything to do that can be done.
    pub(super) fn is_due(&self) -> bool {
        !self.is_over && if self.held.is_some() { !self.empty.is_empty() } else { self.from.next().is_some() }
    }

    /// Works on what has come, until there is no more, a slice has ended, or it is `enough`.
    pub(super) fn work(&mut self, enough: impl Fn() -> bool) {
        let memory = self.memory.get_or_insert_with(|| Memory::new(self.number, self.workers, self.shared));
        loop {
            if let Some(seal) = self.held {
                let Some(next) = memory.spare.pop().or_else(|| self.empty.try_recv().ok()) else { return };
                self.held = None;
                // There is room for every tally that exists; and without a reporter the run is over.
                let _ = self.full.try_send(std::mem::replace(&mut memory.tally, next));
                self.is_over = seal.last;
                break;
            }
            let Some(batch) = self.from.pop() else { return };
            memory.observe(self.shared, &batch, &self.from);
            if let Some(seal) = batch.seal {
                memory.seal(seal);
                self.held = Some(seal);
            }
            // What was written past the caches is there for whoever has the next turn, or the tally.
            huge::fence();
            self.from.give_back(batch);
            if self.held.is_none() && enough() {
                return;
            }
        }
        if self.is_over {
            self.memory.take_if(|_| self.gives_back);
        }
    }
}

impl Memory {
    fn new(number: usize, workers: usize, shared: &Shared) -> Self {
        let lanes: Vec<u8> = (number..LANES).step_by(workers).map(|lane| lane as u8).collect();
        Memory {
            lanes: Lanes::new(&lanes, shared),
            traffic: Box::default(),
            tally: Box::default(),
            spare: (0..super::TALLIES_UNDER_WAY).map(|_| Box::default()).collect(),
            foreseen: false,
        }
    }

    fn seal(&mut self, seal: Seal) {
        self.lanes.seal(&mut self.tally, seal);
        if seal.window_ends || seal.last {
            self.traffic.settle();
            std::mem::swap(&mut self.tally.traffic, &mut self.traffic);
        }
    }

    /// Works on a batch, a few items at a time, each step ahead of the next. What the last items leave room for is done ahead for the first ones of
    /// the next batch, if that has come.
    fn observe(&mut self, shared: &Shared, batch: &Batch, from: &FromCapture) {
        let Memory { lanes, traffic, tally, foreseen, .. } = self;
        let moment = Moment::of(batch, shared);
        let items = &batch.items[..];
        if !std::mem::take(foreseen) {
            part(items, 0..ITEMS_AHEAD).iter().for_each(huge::prefetch);
            part(items, 0..TOUCH_AHEAD).iter().for_each(|item| lanes.touch(item, shared));
            part(items, 0..MORE_AHEAD).iter().for_each(|item| lanes.touch_more(batch, item, shared));
        }
        if let Some(next) = from.next() {
            huge::prefetch(next);
        }
        let mut next: Option<&Batch> = None;
        let mut begin = 0;
        // Each stretch ends where another step begins to reach into the next batch.
        for reach in [ITEMS_AHEAD, TOUCH_AHEAD, MORE_AHEAD, 0] {
            let end = items.len().saturating_sub(reach);
            let ahead = |steps: usize| match (begin + steps).checked_sub(items.len()) {
                None => Some((batch, part(items, begin + steps..end + steps))),
                Some(first) => next.map(|next| (next, part(&next.items, first..first + end - begin))),
            };
            let coming = ahead(ITEMS_AHEAD).map_or(&[][..], |(_, items)| items);
            let touched = ahead(TOUCH_AHEAD).map_or(&[][..], |(_, items)| items);
            let (whose, foreseen) = ahead(MORE_AHEAD).unwrap_or((batch, &[]));
            for (number, now) in items[begin..end].chunks(TOGETHER).enumerate() {
                let first = number * TOGETHER;
                for at in first..first + now.len() {
                    if let Some(item) = coming.get(at) {
                        huge::prefetch(item);
                    }
                    if let Some(item) = touched.get(at) {
                        lanes.touch(item, shared);
                    }
                }
                for at in first..first + now.len() {
                    if let Some(item) = foreseen.get(at) {
                        lanes.touch_more(whose, item, shared);
                    }
                }
                for item in now {
                    lanes.observe(shared, tally, traffic, batch, item, moment);
                }
            }
            begin = end;
            // Whether the next batch has come is asked once, before the first step that reaches into it.
            if reach == ITEMS_AHEAD {
                next = from.next();
            }
        }
        *foreseen = next.is_some();
    }
}

/// The items from one place to another, as far as there are any.
#[inline(always)]
fn part(items: &[Item], places: Range<usize>) -> &[Item] {
    items.get(places.start..places.end.min(items.len())).unwrap_or_default()
}
