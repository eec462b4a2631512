//! A packet is judged: what each packet means in its conversation, and what detectors remember and hand over.
//!
//! A detector has three parts. Its *memory* lives in a lane, depends on the order of packets, and is bounded. Its *tally* is what a worker
//! hands over at the end of a slice; tallies of several workers are put together in any order. Its *board* stands with the reporter, sees
//! the whole of a slice, and concludes. To add one: a file with these three, and an entry in the list below, which says what it looks at: the
//! turns of conversations (how they begin, are answered and end, and what each side says first), what a bare SYN tells it when it opens one (a
//! turn that under attack most packets are, with a short way of its own), and what conversations carry while they go on.

pub mod backscatter;
pub mod c2;
mod conversation;
pub mod flood;
pub mod ics;
mod keep;
mod lane;
pub mod malware;
mod packet;
pub mod payload;
pub mod scan;
#[cfg(test)]
mod tests;
mod ways;
pub mod webshell;

pub use keep::Keep;
pub use lane::{Lanes, Moment, Shared, SliceTally};

/// The entries of the large tables.
pub(crate) mod tables {
    pub(crate) use super::conversation::Bucket;
    pub(crate) use super::payload::Flow;
    pub(crate) use super::scan::{ContactBucket, Kept, SourceBucket, WarmBucket};
}

use crate::addr::Addr;
use crate::conclude::Conclusions;
use conversation::Conversations;
use packet::Packet;

/// The end of a slice, as a lane's memories see it.
struct SliceEnd<'a> {
    conversations: &'a mut Conversations,
    /// The slice, in seconds.
    now_s: u32,
    /// The input ends with it.
    last: bool,
}

macro_rules! detectors {
    ($($name:ident: $memory:ty, $tally:ty, $board:ty;
       new($lanes:ident, $shared:ident) $new:expr, $new_board:expr;
       turns($m:ident, $lane:ident, $t:ident, $conversations:ident, $packet:ident) $observe:expr;
       opens($pm:ident, $plane:ident, $pt:ident, $ppacket:ident) $opens:expr;
       goes_on($om:ident, $olane:ident, $ot:ident, $oconversations:ident, $opacket:ident) $goes_on:expr;
       seal($sm:ident, $st:ident, $end:ident) $seal:expr;)+) => {
        /// Every detector's memory of a worker's lanes.
        pub struct DetectorMemories { $($name: $memory),+ }

        /// What one worker hands over for every detector.
        #[derive(Default)]
        pub struct DetectorTallies { $($name: $tally),+ }

        /// Every detector's side of the reporter, in the order of the list.
        pub struct Boards { $($name: $board),+ }

        impl DetectorMemories {
            fn new(lanes: &[u8], shared: &Shared) -> Self {
                DetectorMemories { $($name: { let ($lanes, $shared) = (lanes, shared); $new }),+ }
            }

            /// A packet at a turn of its conversation: one that begins it, answers, ends it, or is the first that a side says something with.
            #[inline]
            fn turns(&mut self, lane: usize, tallies: &mut DetectorTallies, conversations: &mut Conversations, packet: &Packet<'_>) {
                $({
                    let ($m, $lane, $t, $conversations, $packet) =
                        (&mut self.$name, lane, &mut tallies.$name, &mut *conversations, packet);
                    let _ = (&$t, &$conversations);
                    $observe
                })+
            }

            /// A bare SYN that opens a conversation: what [`DetectorMemories::turns`] would do, without those whom it tells nothing.
            #[inline(always)]
            fn opens(&mut self, lane: usize, tallies: &mut DetectorTallies, packet: &Packet<'_>) {
                $({
                    let ($pm, $plane, $pt, $ppacket) = (&mut self.$name, lane, &mut tallies.$name, packet);
                    let _ = (&$pm, &$plane, &$pt, &$ppacket);
                    $opens
                })+
            }

            /// A packet with payload, or the end of a side, in a conversation that goes on.
            #[inline]
            fn goes_on(&mut self, lane: usize, tallies: &mut DetectorTallies, conversations: &mut Conversations, packet: &Packet<'_>) {
                $({
                    let ($om, $olane, $ot, $oconversations, $opacket) =
                        (&mut self.$name, lane, &mut tallies.$name, &mut *conversations, packet);
                    let _ = (&$om, &$ot, &$oconversations, &$opacket);
                    $goes_on
                })+
            }

            fn seal(&mut self, tallies: &mut DetectorTallies, end: &mut SliceEnd<'_>) {
                $({ let ($sm, $st, $end) = (&mut self.$name, &mut tallies.$name, &mut *end); let _ = (&$st, &$end); $seal })+
            }
        }

        impl DetectorTallies {
            fn clear(&mut self) {
                $(self.$name.clear();)+
            }

            /// Takes over what another worker has handed over.
            pub fn append(&mut self, other: &mut Self) {
                $(self.$name.append(&mut other.$name);)+
            }
        }

        impl Boards {
            pub fn new(shared: &Shared) -> Self {
                Boards { $($name: { let $shared = shared; let _ = &$shared; $new_board }),+ }
            }

            /// A slice is complete.
            pub fn slice(&mut self, now_s: u32, tallies: &mut DetectorTallies, out: &mut Conclusions<'_>) {
                $(self.$name.slice(now_s, &mut tallies.$name, out);)+
            }

            /// A window ends.
            pub fn window_end(&mut self, out: &mut Conclusions<'_>) {
                $(self.$name.window_end(out);)+
            }

            /// The input ends.
            pub fn finish(&mut self, out: &mut Conclusions<'_>) {
                $(self.$name.finish(out);)+
            }
        }
    };
}

impl DetectorTallies {
    /// Gives back what [`DetectorTallies::append`] took over and did not copy.
    pub fn give_back(&mut self, other: &mut Self) {
        self.flood.give_back(&mut other.flood);
        self.scan.give_back(&mut other.scan);
        self.ics.give_back(&mut other.ics);
    }
}

impl Boards {
    /// The first contacts of a source whose scan goes on.
    pub fn scans(&self, source: Addr) -> Option<u64> {
        self.scan.scans(source)
    }
}

detectors! {
    flood: flood::FloodMemory, flood::FloodTally, flood::FloodBoard;
        new(lanes, shared)
            flood::FloodMemory::new(lanes.len(), shared.keyed.clone()),
            flood::FloodBoard::new(shared.keyed.clone());
        turns(memory, lane, tally, conversations, packet) {
            if memory.observe(lane, tally, packet) && let Some(place) = packet.seen.place() {
                conversations.mark_reflecting(place);
            }
        };
        opens(memory, lane, tally, packet) memory.opens(lane, tally, packet);
        goes_on(memory, lane, tally, _conversations, packet) {
            memory.goes_on(lane, tally, packet);
        };
        seal(memory, tally, _end) memory.seal(tally);
    scan: scan::ScanMemory, scan::ScanTally, scan::ScanBoard;
        new(lanes, shared)
            scan::ScanMemory::new(lanes, shared.keyed.clone(), shared.dark.clone()),
            scan::ScanBoard::new(shared.keyed.clone(), shared.dark.clone());
        turns(memory, lane, tally, conversations, packet) {
            let first = memory.observe(lane, tally, packet);
            packet.first.set(first);
            if first && let Some(place) = packet.seen.place() {
                conversations.mark_first_contact(place);
            }
        };
        opens(memory, lane, tally, packet) packet.first.set(memory.opens(lane, tally, packet));
        goes_on(_memory, _lane, _tally, _conversations, _packet) ();
        seal(memory, tally, end) memory.seal(tally, if end.last { u32::MAX } else { end.now_s });
    backscatter: Vec<backscatter::BackscatterMemory>, backscatter::BackscatterTally, backscatter::BackscatterBoard;
        new(lanes, shared)
            lanes.iter().map(|_| backscatter::BackscatterMemory::new(shared.keyed.clone())).collect(),
            backscatter::BackscatterBoard::default();
        turns(memory, lane, _tally, _conversations, packet) memory[lane].observe(packet);
        opens(_memory, _lane, _tally, _packet) ();
        goes_on(_memory, _lane, _tally, _conversations, _packet) ();
        seal(memory, tally, _end) memory.iter_mut().for_each(|lane| lane.seal(tally));
    ics: Vec<ics::IcsMemory>, ics::IcsTally, ics::IcsBoard;
        new(lanes, shared)
            lanes.iter().map(|&lane| ics::IcsMemory::new(lane, shared.lookup.clone())).collect(),
            ics::IcsBoard::new(shared.keyed.clone());
        turns(memory, lane, tally, conversations, packet) memory[lane].observe(tally, conversations, packet);
        opens(memory, lane, tally, packet) memory[lane].handshake(tally, packet);
        goes_on(memory, lane, tally, conversations, packet) memory[lane].observe(tally, conversations, packet);
        seal(memory, tally, _end) memory.iter_mut().for_each(|lane| lane.seal(tally));
    payload: payload::PayloadMemory, payload::PayloadTally, payload::PayloadBoard;
        new(lanes, shared)
            payload::PayloadMemory::of_lanes(lanes, shared),
            payload::PayloadBoard::new(shared);
        turns(memory, lane, tally, conversations, packet) memory.observe(lane, tally, conversations, packet);
        opens(_memory, _lane, _tally, _packet) ();
        goes_on(memory, lane, tally, conversations, packet) memory.observe(lane, tally, conversations, packet);
        seal(memory, tally, end) memory.seal(tally, end);
}
