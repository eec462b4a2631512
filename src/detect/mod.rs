//! A packet is judged.

pub mod ics;
