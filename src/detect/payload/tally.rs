//! What one worker hands over of all that it read.

use serde::Serialize;

/// How reading went: what was not read, and why.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Readings {
    /// Conversations that made room before their time.
    pub evicted: u64,
    /// Holes in streams that were given up, and the bytes missing in them.
    pub gaps: u64,
    pub gap_bytes: u64,
    /// Times that a bound was reached and something was not kept: a segment behind a hole, a part of a body.
    pub over_budget: u64,
    /// Bodies that were not coded as their heads say, or out of which too much came.
    pub undecoded: u64,
    /// Messages on whose bounds receivers would disagree.
    pub ambiguous: u64,
}

impl Readings {
    /// Adds another worker's.
    pub fn add(&mut self, other: &Self) {
        self.evicted += other.evicted;
        self.gaps += other.gaps;
        self.gap_bytes += other.gap_bytes;
        self.over_budget += other.over_budget;
        self.undecoded += other.undecoded;
        self.ambiguous += other.ambiguous;
    }
}

/// What the readers and whoever listens to them hand over.
#[derive(Default)]
pub struct ReadingTally<T> {
    pub listeners: T,
    pub readings: Readings,
}
