//! Who talks to whom: a bounded table of conversations per lane, and what each packet means in its conversation.
//!
//! Every detector asks the same questions of a packet (is it the first of its conversation, an answer, the end of a handshake, a stray?), so
//! they are answered once, here.

mod entry;
mod ongoing;
mod opening;
mod state;
mod step;
mod table;
#[cfg(test)]
mod tests;

pub use entry::Arrival;
pub use ongoing::Going;
pub use opening::is_opening;
pub use step::{Seen, Step};
pub(crate) use table::Bucket;
pub use table::{CALLED_STRAYED, Coming, Conversations, OPENER_STRAYED, UNWANTED};
