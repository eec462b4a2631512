//! wherefrom: a packet capture sensor that says where attacks come from.
//!
//! ```text
//! source ──frames──▶ dispatch ──batches──▶ worker × N ──tallies, once a slice──▶ reporter ──records──▶ sinks
//! capture files,     decode, pick          observe, remember,                    merge, conclude,      terminal,
//! libpcap live       the lane              tally                                 attribute, window     stdout, files
//! ```
//!
//! # The map
//!
//! A packet passes the modules from top to bottom.
//!
//! - [`source`]: bytes come in, from capture files, an interface, or made up. It brings event time, the packets' own.
//! - [`decode`]: bytes become a [`decode::Header`], whatever is around the innermost addresses, or a reason why not.
//! - [`dispatch`]: a packet finds its lane and its worker, through [`dispatch::ring`] in batches that refer to its payload where it
//!   was read. A point of entry is told here.
//! - [`detect`]: a packet is judged. First its conversation says what it means, then each detector of the list looks at it:
//!   [`detect::flood`], [`detect::backscatter`], [`detect::scan`], [`detect::ics`]; and [`detect::payload`], which reads what is carried
//!   and tells it to detectors of its own: [`detect::malware`], [`detect::c2`], [`detect::webshell`].
//! - [`tally`]: what workers keep and hand over; it adds up in any order.
//! - [`conclude`]: many become one. Events with a beginning and an end, the rows of a window, how far a source aims at industry, the inventory of
//!   equipment.
//! - [`report`]: it goes out. Records, the sinks that write them, and the summary.
//!
//! Beside the way: [`protocol`] (what a conversation carries, read), [`stream`] (each side's bytes in order), [`attribute`] (an address's country,
//! home, sector, permitted peers, direction, and how far to trust them), [`indicators`] (lists of what others know to be bad), [`addr`], [`keyed`]
//! (every hash that traffic could try to steer), [`health`] (what was lost or refused), `huge` (memory for the large tables, and ways
//! past the caches and ahead into them).
//!
//! Around it: [`pipeline`] alone starts and stops the threads of a run, which share its work. [`cli`] holds flags as typed, [`settings`] every
//! threshold, [`config`] what both come to, and [`app`] makes a run of it. [`explain`] replays captures for the evidence behind one event.
//!
//! # What always holds
//!
//! 1. Nothing is lost unseen: frames = decoded + refused by reason, and the `traffic` rows of a window add up to the decoded. A replay never drops.
//! 2. The same capture gives the same answer, whatever the number of workers. Memory that depends on order, and every bound, belongs to one of
//!    [`dispatch::LANES`] lanes, never to a worker; what leaves a lane adds up in any order, or is sorted by lane before it is read.
//! 3. Memory has a ceiling that traffic cannot lift. What did not fit is counted as evicted.
//! 4. Bad input is data: no bytes make the sensor panic, and what is refused is counted with a reason.
//! 5. A figure says how sure it is: forged sources have no country, and estimates are marked.
//!
//! # What is absent
//!
//! No wall-clock time decides anything: it ends the slices of a silent interface, and says how late a live conclusion comes. No randomness,
//! save the key of [`keyed`] on live traffic. No threshold in a worker: detectors conclude behind the merge. No lock that
//! anybody waits for, and no name lookup, on the way of a packet. No network access, and no `unsafe` but in `huge`, which keeps large tables in huge
//! pages and writes past the caches what another core reads.

#![deny(unsafe_code)]

pub mod addr;
pub mod app;
pub mod attribute;
pub mod cli;
pub mod conclude;
pub mod config;
pub mod decode;
pub mod detect;
pub mod dispatch;
pub mod explain;
pub mod health;
mod huge;
pub mod indicators;
pub mod keyed;
pub mod pipeline;
pub mod protocol;
pub mod report;
pub mod settings;
pub mod source;
pub mod stream;
pub mod tally;
