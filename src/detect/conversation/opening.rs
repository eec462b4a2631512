//! The way of nearly all packets of an attack that change anything: a bare SYN of a conversation that nobody knows yet.

use crate::attribute::Country;
use crate::decode::{Transport, flags};
use crate::dispatch::batch::{Item, bits};

use super::state::{Entry, Pulse, Rest, State, facts};
use super::step::{Seen, Step, seen};

/// Whether an item is a bare SYN, of which it holds all: it carries nothing, and asks for a connection.
#[inline(always)]
pub fn is_opening(item: &Item) -> bool {
    let set = item.tcp_flags() & (flags::SYN | flags::ACK | flags::RST | flags::FIN);
    (item.transport() == Transport::Tcp) & (set == flags::SYN) & (item.payload_bytes == 0) & (item.bits & bits::HEADER == 0)
}

impl Entry {
    /// The conversation that a bare SYN opens, and what the SYN means in it: what [`Entry::step`] would make of a free place.
    #[inline(always)]
    pub(super) fn opened(item: &Item, now_s: u32, (source, target): (Country, Country), place: u32) -> (Self, Seen) {
        let source_low = item.bits & bits::SOURCE_LOW != 0;
        let (low_country, high_country) = if source_low { (source, target) } else { (target, source) };
        let facts = facts::OPENING_SEEN | if source_low { facts::LOW_OPENED } else { 0 };
        let pulse = Pulse { last_s: now_s, state: State::Opening, facts, low_country, high_country };
        let facts = seen::BY_OPENER | seen::OPENING_SEEN | seen::NEW_IN_WINDOW;
        let seen = Seen { step: Step::Syn, facts, source_country: source, target_country: target, place };
        (Entry { pulse, rest: Rest { opener_seq: item.seq(), ..Rest::default() } }, seen)
    }
}
