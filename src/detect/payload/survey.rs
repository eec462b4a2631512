//! Reading without detecting: the readers of every lane, and one listener, over packets one after another.

use std::cell::Cell;

use crate::attribute::{Attribution, Country, Direction, Home};
use crate::conclude::SLICE_NS;
use crate::decode::Header;
use crate::detect::conversation::{Arrival, Conversations, Step};
use crate::detect::packet::Packet;
use crate::detect::{Keep, SliceEnd};
use crate::dispatch::batch::bits;
use crate::dispatch::{Dispatch, LANES};
use crate::keyed::Keyed;

use super::listener::Listener;
use super::memory::Reading;
use super::tally::{ReadingTally, Readings};

/// The readers of every lane.
pub struct Survey<L: Listener> {
    dispatch: Dispatch,
    conversations: Conversations,
    reading: Reading<L>,
    tally: ReadingTally<L::Tally>,
    now_s: u32,
}

impl<L: Listener> Survey<L>
where
    L::Tally: Default,
{
    /// With a listener for each lane.
    pub fn new(home: Home, listener: impl Fn() -> L) -> Self {
        Survey {
            dispatch: Dispatch::new(Keyed::fixed(), home),
            conversations: Conversations::new(LANES),
            reading: Reading::new((0..LANES).map(|_| listener()), Keep::default()),
            tally: ReadingTally::default(),
            now_s: 0,
        }
    }

    /// Reads a packet.
    pub fn packet(&mut self, header: &Header, payload: &[u8], time_ns: u64, wire_bytes: u32) {
        let now_s = (time_ns / SLICE_NS) as u32;
        if now_s > self.now_s {
            self.seal(false);
            self.now_s = now_s;
        }
        let place = self.dispatch.place(header, payload);
        let lane = usize::from(place.lane);
        let source_low = place.bits & bits::SOURCE_LOW != 0;
        let arrival = Arrival {
            header,
            conversation: place.conversation,
            source_low,
            now_s: self.now_s,
            window_start_s: 0,
            first_byte: 0,
            quoted: false,
        };
        let seen = self.conversations.observe(lane, &arrival, || (Country::NONE, Country::NONE));
        if seen.step == Step::Ongoing && header.payload_bytes == 0 {
            return;
        }
        let packet = Packet {
            header,
            payload,
            time_ns,
            now_s: self.now_s,
            wire_bytes,
            conversation: place.conversation,
            source_hash: place.source,
            target_hash: self.dispatch.hash(header.target),
            source_low,
            direction: Direction::of(place.bits & bits::SOURCE_HOME != 0, place.bits & bits::TARGET_HOME != 0),
            seen,
            source_attribution: Attribution::Unknown,
            entry: 0,
            flooded: Cell::new(false),
            first: Cell::new(false),
            contacts: Cell::new(0),
        };
        self.reading.observe(lane, &mut self.tally, &mut self.conversations, &packet);
    }

    fn seal(&mut self, last: bool) {
        let mut end = SliceEnd { conversations: &mut self.conversations, now_s: self.now_s, last };
        self.reading.seal(&mut self.tally, &mut end);
    }

    /// The input ends: what was told, and how reading went.
    pub fn finish(mut self) -> (L::Tally, Readings) {
        self.seal(true);
        (self.tally.listeners, self.tally.readings)
    }
}
