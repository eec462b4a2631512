//! The way of nearly all packets: they change nothing in their conversation.

use crate::attribute::Country;
use crate::decode::{Transport, flags};
use crate::detect::lane::Moment;
use crate::dispatch::batch::{Item, bits};

use super::entry::NUMBERS_STEP_MAX;
use super::state::{Pulse, Rest, State, facts};
use super::step::{Seen, Step, bit_if, seen};

/// States in which a TCP segment without flags that turn it changes nothing, but for the one that completes the handshake; a bit for each.
const QUIET: u16 = 1 << State::TwoWay as u16
    | 1 << State::OpenerEnded as u16
    | 1 << State::CalledEnded as u16
    | 1 << State::Ended as u16
    | 1 << State::HalfSeen as u16
    | 1 << State::Closed as u16
    | 1 << State::Answered as u16;
/// The same for datagrams.
const QUIET_DATAGRAMS: u16 = 1 << State::TwoWay as u16;

/// TCP flags that change what a conversation is. FIN does not: each side ends for itself, and the conversation stays what it was.
const TURNING: u8 = flags::SYN | flags::RST;

/// A packet that changes nothing in its conversation.
#[derive(Clone, Copy)]
pub struct Going {
    /// As the packet leaves it.
    pulse: Pulse,
    place: u32,
    source_low: bool,
    by_opener: bool,
    /// One side ends with it.
    pub ends: bool,
}

impl Going {
    #[inline(always)]
    pub fn source_country(&self) -> Country {
        if self.source_low { self.pulse.low_country } else { self.pulse.high_country }
    }

    #[inline(always)]
    fn target_country(&self) -> Country {
        if self.source_low { self.pulse.high_country } else { self.pulse.low_country }
    }

    /// The sender has proved to hold its address.
    #[inline(always)]
    pub fn source_proved(&self) -> bool {
        let proved = if self.by_opener { facts::OPENER_PROVED } else { facts::CALLED_PROVED };
        self.pulse.facts & proved != 0
    }

    /// Where the conversation stands; see [`Conversations::tag`](super::Conversations::tag).
    #[inline(always)]
    pub fn place(&self) -> u32 {
        self.place
    }

    /// The packet in its conversation, as [`Entry::step`](super::state::Entry) would tell it.
    #[inline(always)]
    pub fn seen(&self) -> Seen {
        let facts = bit_if(self.pulse.state.is_two_way(), seen::TWO_WAY)
            | bit_if(self.by_opener, seen::BY_OPENER)
            | bit_if(self.source_proved(), seen::SOURCE_PROVED)
            | bit_if(self.pulse.facts & facts::OPENING_SEEN != 0, seen::OPENING_SEEN)
            | bit_if(self.pulse.facts & facts::FIRST_CONTACT != 0, seen::FIRST_CONTACT);
        Seen {
            step: if self.ends { Step::Closed } else { Step::Ongoing },
            facts,
            source_country: self.source_country(),
            target_country: self.target_country(),
            place: self.place,
        }
    }
}

impl Pulse {
    /// The way of nearly all packets: they go on with what is known, the window knows the conversation, and no flag changes anything.
    #[inline(always)]
    pub(super) fn ongoing(&mut self, item: &Item, moment: Moment, rest: &Rest, place: u32) -> Option<Going> {
        let source_low = item.bits & bits::SOURCE_LOW != 0;
        let by_opener = (self.facts & facts::LOW_OPENED != 0) == source_low;
        let spoke = if by_opener { facts::OPENER_SPOKE } else { facts::CALLED_SPOKE };
        // Sets of states, not a match: which state comes next is chance, and a jump by it would be guessed wrong.
        let tcp = item.transport() == Transport::Tcp;
        let quiet = (if tcp { QUIET } else { QUIET_DATAGRAMS }) >> self.state as u16 & 1 != 0;
        // All of it in one question, for the same reason.
        let plain = quiet
            & (item.tcp_flags() & TURNING == 0)
            & (self.last_s >= moment.window_start_s)
            & ((item.payload_bytes == 0) | (self.facts & spoke != 0))
            & (moment.now_s.saturating_sub(self.last_s) <= self.state.idle_s());
        if !plain || (by_opener & (self.state == State::Answered)) && rest.completes(item.tcp_flags(), item.ack()) {
            return None;
        }
        // Worked on in registers and put back: what was just written in pieces and is read whole would have to wait until it has reached the
        // cache, 13 ns for each packet.
        let mut pulse = Pulse { last_s: moment.now_s, ..*self };
        let ends = item.tcp_flags() & flags::FIN != 0 && self.state != State::Closed;
        if ends {
            pulse.state = self.state.ended(by_opener);
        }
        *self = pulse;
        Some(Going { pulse, place, source_low, by_opener, ends })
    }
}

impl Rest {
    /// Whether a segment of the opener acknowledges the SYN+ACK.
    #[inline(always)]
    pub(super) fn completes(&self, tcp_flags: u8, ack: u32) -> bool {
        tcp_flags & flags::ACK != 0 && ack.wrapping_sub(self.called_seq) <= NUMBERS_STEP_MAX && ack != self.called_seq
    }
}
