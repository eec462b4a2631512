//! A worker's turn: the packets of every `workers`-th lane, from the first packet to the last seal.

use crossbeam_channel::{Receiver, Sender};

use crate::detect::{Lanes, Moment, Shared, SliceTally};
use crate::dispatch::LANES;
use crate::dispatch::batch::{Batch, Item, Seal};
use crate::dispatch::ring::FromCapture;
use crate::huge;
use crate::tally::TrafficTally;

/// Items that take each step of their way together: few enough for a step's cache lines to come at the same time, and enough for them to
/// come while a step of other items is done. Memory answers in some 150 ns, an item takes 50 to 200; of groups of 10 at the same distances all
/// lines are asked for at once, which takes a hundredth more time.
const GROUP: usize = 5;
/// Groups ahead of the one at work that have come into the cache as far as their conversations, which tell what they need besides.
const MORE_AHEAD: usize = 2;
/// Groups ahead whose conversations are brought into the cache.
const TOUCH_AHEAD: usize = 4;
/// Groups ahead that are brought into the cache themselves, from memory.
const ITEMS_AHEAD: usize = 8;

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

    /// Works on a batch. What its last items leave room for is done ahead for the first ones of the next batch, if that has come.
    fn observe(&mut self, shared: &Shared, batch: &Batch, from: &FromCapture) {
        let Memory { lanes, traffic, tally, foreseen, .. } = self;
        let moment = Moment::of(batch, shared);
        let groups = batch.items.len().div_ceil(GROUP);
        if !std::mem::take(foreseen) {
            (0..ITEMS_AHEAD).for_each(|number| group(batch, number).iter().for_each(huge::prefetch));
            (0..TOUCH_AHEAD).for_each(|number| lanes.touch(group(batch, number), shared));
            (0..MORE_AHEAD).for_each(|number| lanes.touch_more(batch, group(batch, number), shared));
        }
        if let Some(next) = from.next() {
            huge::prefetch(next);
        }
        let mut next = None;
        for number in 0..groups {
            // Whether the next batch has come is asked once, before the first step that reaches into it.
            if number == groups.saturating_sub(ITEMS_AHEAD) {
                next = from.next();
            }
            let ahead = |steps: usize| match (number + steps).checked_sub(groups) {
                None => Some((batch, group(batch, number + steps))),
                Some(number) => next.map(|next| (next, group(next, number))),
            };
            if let Some((_, items)) = ahead(ITEMS_AHEAD) {
                items.iter().for_each(huge::prefetch);
            }
            if let Some((_, items)) = ahead(TOUCH_AHEAD) {
                lanes.touch(items, shared);
            }
            if let Some((batch, items)) = ahead(MORE_AHEAD) {
                lanes.touch_more(batch, items, shared);
            }
            lanes.observe(shared, tally, traffic, batch, group(batch, number), moment);
        }
        *foreseen = next.is_some();
    }
}

/// The items of a batch that take their steps together, by the group's number; none behind the last.
#[inline(always)]
fn group(batch: &Batch, number: usize) -> &[Item] {
    batch.items.chunks(GROUP).nth(number).unwrap_or_default()
}
