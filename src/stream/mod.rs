//! Bytes in order: what one side of a TCP connection sent, put together again within bounds.
//!
//! [`Order`] says of each segment whether it is next, a repetition, or ahead of a hole; [`Blocks`] is the memory of one lane, in which
//! segments behind a hole and whatever else must be kept for a while have their place. Both are bounded, and nothing is guessed: what did not
//! come, or did not fit, is a gap, and the reader is told how long it is.
//!
//! # The policy
//!
//! Of bytes that come twice the first copy stands, as in the order of capture; so a repetition with other bytes changes nothing. Stacks
//! differ here (Novak and Sturges, "Target-Based TCP Stream Reassembly", 2007): a sender who counts on that difference is not followed.
//! Behind a hole segments wait until it is filled, or the other side acknowledges what lies beyond it (then only the capture lost it), or
//! the bound is reached.

mod blocks;
mod held;
mod order;

pub use blocks::{BLOCK_BYTES, Blocks, Chain, Parked};
pub use held::Held;
pub use order::{Order, Place};
