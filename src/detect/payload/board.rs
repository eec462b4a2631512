//! The reporter's side of what was read: the detectors' boards, and how reading went.

use crate::conclude::Conclusions;
use crate::detect::Shared;

use super::{ListenerBoards, PayloadTally};

/// The boards of every detector of payload.
pub struct PayloadBoard {
    boards: ListenerBoards,
}

impl PayloadBoard {
    pub fn new(shared: &Shared) -> Self {
        PayloadBoard { boards: ListenerBoards::new(shared) }
    }

    /// A slice is complete.
    pub fn slice(&mut self, now_s: u32, tally: &mut PayloadTally, out: &mut Conclusions<'_>) {
        out.readings.add(&tally.readings);
        self.boards.slice(now_s, &mut tally.listeners, out);
    }

    /// A window ends.
    pub fn window_end(&mut self, out: &mut Conclusions<'_>) {
        self.boards.window_end(out);
    }

    /// The input ends.
    pub fn finish(&mut self, out: &mut Conclusions<'_>) {
        self.boards.finish(out);
    }
}
