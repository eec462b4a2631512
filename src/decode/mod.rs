//! Bytes become a packet: from any link type to the innermost addresses, ports and payload.

mod packet;
mod refused;

pub use packet::{Header, Transport, flags, marks};
pub use refused::Refused;
