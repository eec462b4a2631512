//! Scans: who contacts services that do not answer. First contacts and their outcomes per source, judged by the threshold random walk of
//! Jung, Paxson, Berger and Balakrishnan (IEEE S&P 2004).

mod board;
mod group;
mod memory;
mod method;

pub use board::{ScanBoard, ScanDetail};
pub(crate) use memory::{ContactBucket, Kept, SourceBucket};
pub use memory::{ScanMemory, ScanTally};
