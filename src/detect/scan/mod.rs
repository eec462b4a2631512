//! Scans: who contacts services that do not answer. First contacts and their outcomes per source, judged by the threshold random walk of
//! Jung, Paxson, Berger and Balakrishnan (IEEE S&P 2004).

mod alone;
mod board;
mod followed;
mod group;
mod memory;
mod method;
#[cfg(test)]
mod tests;
mod walk;
mod warm;

pub use board::ScanBoard;
pub use followed::ScanDetail;
pub(crate) use memory::{ContactBucket, Kept, SourceBucket};
pub use memory::{ScanMemory, ScanTally};
pub(crate) use warm::WarmBucket;
