//! Command and control: who holds home's hosts.
//!
//! A channel is a conversation of a home host with a controller in which both sides spoke: the controller is known by a list (its address, a
//! name that led to it, a host or URL that was asked of it, its certificate or a client's fingerprint), or by a protocol that only controllers
//! speak ([`protocol`]). Its event has the controller as source, whoever called, and the host as target. What shows less is a suspect: a
//! question for a listed name, calls as by a clock ([`beacon`]), names that an algorithm made or that carry data (`names`), a visit from a listed
//! address. A sinkhole, the edge of a content network and a public resolver are nobody's controllers.
//!
//! An answer to a question and the conversation that it leads to are seen in different lanes: they are joined on the board, by host.

pub mod beacon;
mod board;
mod certificates;
mod memory;
mod names;
pub mod protocol;
mod staging;

pub use board::{C2Board, C2Detail};
pub use memory::{C2Memory, C2Tally};
