//! Floods: SYN, UDP, ICMP, other TCP, and amplification; who is hit, by what, and whether the sources are forged.
//!
//! A lane hands over the packets that floods are made of (`record`), the reporter watches each victim and method (`board`), keeps
//! `evidence` while something is going on, and says at the end what the sources are worth (`verdict`).

mod board;
mod evidence;
mod method;
mod record;
mod reflector;
mod verdict;

pub use board::{FloodBoard, FloodDetail};
pub use method::{flags_method, reflector_name};
pub use record::{FloodMemory, FloodTally};
pub use verdict::{Spoofing, Verdict};
