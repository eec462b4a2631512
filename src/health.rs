//! What the sensor lost or refused: every frame is decoded, refused with a reason, or dropped and counted.

use serde::Serialize;

use crate::decode::Refused;

/// Frames that never reached the decoder, since the capture began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// The kernel's ring was full.
    pub kernel: u64,
    /// The interface or its driver.
    pub interface: u64,
    /// A worker's queue was full; live only, a replay waits.
    pub queue: u64,
}

/// The capture thread's figures of one slice.
#[derive(Clone, Debug, Default)]
pub struct SliceHealth {
    pub frames: u64,
    /// Bytes on the wire.
    pub bytes: u64,
    /// By reason, in the order of [`Refused::ALL`].
    pub refused: [u64; Refused::COUNT],
    /// Frames behind a closed slice.
    pub late: u64,
    /// Since the capture began.
    pub dropped: Dropped,
}

impl SliceHealth {
    /// Counts a frame that could not be decoded.
    pub fn refuse(&mut self, reason: Refused) {
        self.refused[reason as usize] += 1;
    }

    /// Frames refused for any reason.
    pub fn refused_sum(&self) -> u64 {
        self.refused.iter().sum()
    }

    /// Adds a slice to a window.
    pub fn add(&mut self, slice: &SliceHealth) {
        self.frames += slice.frames;
        self.bytes += slice.bytes;
        self.late += slice.late;
        for (mine, theirs) in self.refused.iter_mut().zip(slice.refused) {
            *mine += theirs;
        }
        self.dropped = slice.dropped;
    }
}
