//! Calls that come as by a clock: the score of RITA version 5 (Active Countermeasures, `analysis/beacons.go`), kept in bounded form per pair
//! of hosts.
//!
//! Intervals and sizes are kept in histograms whose steps grow by a tenth, so quartiles and medians are right to 5 %. Histograms of the same
//! pair add up. The histogram of hours is that of the clock's, and its day has 24 of them whatever the capture's length: RITA divides what it has
//! into 24. Updates, time servers, mail and monitors call in the same manner: a beacon is a suspect, never more.

mod histogram;
mod memory;
mod score;

pub use memory::{Beacon, Beacons, Opening};
pub use score::{Score, score};
