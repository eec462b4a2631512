//! What a packet makes of its conversation, and what it means there.

use crate::attribute::Country;
use crate::decode::{Header, Transport, flags, marks};

use super::state::{Entry, Pulse, Rest, State, facts};
use super::step::{Seen, Step, bit_if, seen};

/// How far sequence and acknowledgement numbers move between two packets of one sender in a living connection, at most: the largest window
/// without scaling is 65,535 bytes, with scaling 2^30 (RFC 7323); 2^24 holds a burst of captured packets on a fast path and leaves a forger
/// a chance of 1 in 128 per number.
pub(super) const NUMBERS_STEP_MAX: u32 = 1 << 24;

/// The port of QUIC servers (RFC 9114 section 3.1: HTTP/3 is offered on 443).
const QUIC_PORT: u16 = 443;
/// Packets of one side from which on a conversation can be QUIC's, and how many values the five bits that header protection covers (RFC 9001
/// section 5.4.1) must have had by then. A tool that repeats one payload has one value; random payloads have the fixed bit (RFC 9000 section
/// 17) 16 times in a row once in 65,536 conversations, and lose it with the next packets.
const QUIC_PACKETS: u32 = 16;
const QUIC_VALUES: u32 = 8;
/// A packet did not look like QUIC's.
const NOT_QUIC: u32 = u32::MAX;

/// A packet as the table of conversations sees it.
#[derive(Clone, Copy)]
pub struct Arrival<'a> {
    pub header: &'a Header,
    pub conversation: u64,
    pub source_low: bool,
    /// The slice, in seconds.
    pub now_s: u32,
    /// When the window begins, in seconds.
    pub window_start_s: u32,
    /// The first byte of the payload, 0 if there is none.
    pub first_byte: u8,
    /// An ICMP error that quotes this conversation; its own sender is the one the quoted packet was sent to, or a router before it.
    pub quoted: bool,
}

impl Entry {
    /// A new one, of which only the ends' countries are known.
    #[inline(always)]
    pub(super) fn between(low_country: Country, high_country: Country) -> Self {
        Entry { pulse: Pulse { low_country, high_country, ..Pulse::default() }, rest: Rest::default() }
    }

    #[inline(always)]
    pub(super) fn step(&mut self, packet: &Arrival<'_>, place: u32) -> Seen {
        let header = packet.header;
        let fresh = self.pulse.state == State::Free;
        // Read before anything is written: they stay, and a read in other pieces than the writes would wait for all of them.
        let (low_country, high_country) = (self.pulse.low_country, self.pulse.high_country);
        // Of an error the quoted packet's sender is the receiver; as an act of the conversation it comes from the other side. The hash's
        // order was made from the quoted packet, so the error's sender is the opposite of it.
        let source_low = packet.source_low != packet.quoted;
        if fresh {
            self.pulse.facts = if source_low { facts::LOW_OPENED } else { 0 };
        }
        let by_opener = (self.pulse.facts & facts::LOW_OPENED != 0) == source_low;
        let step = if header.transport == Transport::Tcp && !packet.quoted && !header.has(marks::LATER_FRAGMENT) {
            self.tcp_step(header, packet.now_s, by_opener, source_low)
        } else {
            let (entry, step) = self.other_step(packet, by_opener);
            *self = entry;
            step
        };
        // A new opening may have turned the conversation round.
        let by_opener = (self.pulse.facts & facts::LOW_OPENED != 0) == source_low;
        let spoke = if by_opener { facts::OPENER_SPOKE } else { facts::CALLED_SPOKE };
        let first_payload = header.payload_bytes > 0 && !packet.quoted && self.pulse.facts & spoke == 0;
        if first_payload {
            self.pulse.facts |= spoke;
        }
        let new_in_window = fresh && self.pulse.last_s == 0 || self.pulse.last_s < packet.window_start_s;
        self.pulse.last_s = packet.now_s;
        let proved = if by_opener { facts::OPENER_PROVED } else { facts::CALLED_PROVED };
        let (source_country, target_country) = if source_low { (low_country, high_country) } else { (high_country, low_country) };
        let facts = bit_if(by_opener, seen::BY_OPENER)
            | bit_if(self.pulse.facts & facts::OPENING_SEEN != 0, seen::OPENING_SEEN)
            | bit_if(self.pulse.facts & proved != 0 && !packet.quoted, seen::SOURCE_PROVED)
            | bit_if(new_in_window, seen::NEW_IN_WINDOW)
            | bit_if(first_payload, seen::FIRST_PAYLOAD)
            | bit_if(self.pulse.state.is_two_way(), seen::TWO_WAY)
            | bit_if(self.pulse.facts & facts::FIRST_CONTACT != 0, seen::FIRST_CONTACT);
        Seen { step, facts, source_country, target_country, place }
    }

    /// Of what is no TCP segment. By value: if a function were told where the entry is, it would have to be in memory for segments, too,
    /// and to wait there: it is written in bytes and read whole.
    #[inline(never)]
    fn other_step(mut self, packet: &Arrival<'_>, by_opener: bool) -> (Self, Step) {
        let step = if packet.quoted {
            self.error_step(by_opener)
        } else if packet.header.has(marks::LATER_FRAGMENT) {
            self.fragment_step(by_opener)
        } else {
            self.datagram_step(packet.header, by_opener, packet.first_byte)
        };
        (self, step)
    }

    fn error_step(&mut self, by_opener: bool) -> Step {
        if !by_opener && matches!(self.pulse.state, State::OneWay | State::Opening) {
            self.pulse.state = State::Refused;
            return Step::Refused;
        }
        // About a packet that was seen: nothing that nobody asked for.
        if self.pulse.state == State::Free { Step::Unasked } else { Step::Ongoing }
    }

    #[inline(always)]
    fn open(&mut self, header: &Header, source_low: bool) -> Step {
        let Pulse { last_s, low_country, high_country, .. } = self.pulse;
        let facts = facts::OPENING_SEEN | if source_low { facts::LOW_OPENED } else { 0 };
        self.pulse = Pulse { last_s, state: State::Opening, facts, low_country, high_country };
        // The payload detector ends what it read, and begins anew.
        self.rest = Rest { opener_seq: header.seq, reader: self.rest.reader, ..Rest::default() };
        Step::Syn
    }

    #[inline(always)]
    fn tcp_step(&mut self, header: &Header, now_s: u32, by_opener: bool, source_low: bool) -> Step {
        use flags::{ACK, FIN, RST, SYN};
        let set = header.tcp_flags;
        if set & SYN != 0 && set & (ACK | RST | FIN) == 0 {
            let again = by_opener
                && matches!(self.pulse.state, State::Opening | State::Answered | State::Refused)
                && self.rest.opener_seq == header.seq;
            // A SYN that a living conversation repeats or overlaps with is no new opening.
            let at_once = again && self.is_at_once(now_s);
            if again && !at_once {
                return Step::SynAgain;
            }
            let step = self.open(header, source_low);
            self.pulse.facts |= if at_once { facts::REPEATED } else { 0 };
            step
        } else if set & SYN != 0 && set & ACK != 0 && set & RST == 0 {
            self.syn_ack(header, by_opener)
        } else if set & RST != 0 {
            self.reset(header, by_opener)
        } else {
            self.segment(header, by_opener)
        }
    }

    /// Whether a SYN that repeats another was repeated in this second already. A stack waits for a second before it repeats one (RFC 6298 section
    /// 2.1), or half of one after a reset; a mirror may show each frame twice. All beyond are a tool's that sends one packet over and over.
    #[inline(always)]
    fn is_at_once(&mut self, now_s: u32) -> bool {
        let before = self.pulse.last_s == now_s && self.pulse.facts & facts::REPEATED != 0;
        self.pulse.facts |= facts::REPEATED;
        before
    }

    #[inline(always)]
    fn syn_ack(&mut self, header: &Header, by_opener: bool) -> Step {
        match self.pulse.state {
            State::Opening | State::HalfSeen if !by_opener && header.ack == self.rest.opener_seq.wrapping_add(1) => {
                let early = self.pulse.state == State::HalfSeen;
                self.rest.called_seq = header.seq;
                self.pulse.state = if early { State::TwoWay } else { State::Answered };
                self.pulse.facts |= facts::CALLED_PROVED;
                Step::SynAck
            }
            // A second answer, or one that comes after the end: home asked for it all the same.
            State::Answered | State::HalfSeenMidway | State::Closed | State::Refused => Step::Ongoing,
            two_way if two_way.is_two_way() => Step::Ongoing,
            State::Free => {
                // Only this side is seen, or nobody asked: the one called is the sender.
                self.pulse.facts ^= facts::LOW_OPENED;
                self.pulse.facts |= facts::ANSWER_SEEN;
                self.pulse.state = State::OneWay;
                self.rest.called_seq = header.ack;
                self.rest.opener_seq = header.seq;
                Step::Stray
            }
            _ => Step::Stray,
        }
    }

    #[inline(always)]
    fn reset(&mut self, header: &Header, by_opener: bool) -> Step {
        match self.pulse.state {
            State::Opening if !by_opener => {
                self.pulse.state = State::Refused;
                Step::Refused
            }
            State::OneWay if !by_opener => {
                self.pulse.state = State::Refused;
                Step::Refused
            }
            State::Answered if by_opener => {
                self.pulse.state = State::Closed;
                Step::Aborted
            }
            State::Refused | State::Closed => Step::Ongoing,
            // It answers the SYN+ACK that came before it, whose acknowledgement number it repeats (RFC 9293 section 3.10.7): the SYN was lost.
            State::OneWay if self.pulse.facts & facts::ANSWER_SEEN != 0 && header.seq == self.rest.called_seq => {
                self.pulse.state = State::Closed;
                Step::Aborted
            }
            State::OneWay => Step::Stray,
            State::Free => {
                self.pulse.state = State::OneWay;
                (self.rest.opener_seq, self.rest.called_seq) = (header.seq, header.ack);
                Step::Stray
            }
            _ => {
                self.pulse.state = State::Closed;
                Step::Closed
            }
        }
    }

    /// A segment that neither opens nor resets.
    #[inline(always)]
    fn segment(&mut self, header: &Header, by_opener: bool) -> Step {
        let fin = header.tcp_flags & flags::FIN != 0;
        match self.pulse.state {
            State::Answered if by_opener && self.rest.completes(header.tcp_flags, header.ack) => {
                let exact = header.ack == self.rest.called_seq.wrapping_add(1) || header.payload_bytes > 0;
                self.pulse.state = State::TwoWay;
                self.pulse.facts |= if exact { facts::OPENER_PROVED } else { 0 };
                Step::Completed
            }
            State::Opening if by_opener && header.seq == self.rest.opener_seq.wrapping_add(1) && header.tcp_flags & flags::ACK != 0 => {
                self.pulse.state = State::HalfSeen;
                Step::CompletedUnseen
            }
            State::Opening if !by_opener => {
                // Data before its SYN+ACK was seen: the mirror lost it.
                self.pulse.state = State::TwoWay;
                Step::SynAck
            }
            State::TwoWay | State::OpenerEnded | State::CalledEnded | State::Ended | State::HalfSeen | State::Answered => {
                if fin {
                    self.pulse.state = self.pulse.state.ended(by_opener);
                    return Step::Closed;
                }
                Step::Ongoing
            }
            State::Closed => Step::Ongoing,
            State::Opening | State::Refused => Step::Stray,
            State::OneWay if !by_opener => {
                self.pulse.state = State::TwoWay;
                // Each has acknowledged what the other sent: both numbers fit, so neither is blind.
                let fits = header.ack.wrapping_sub(self.rest.opener_seq) <= NUMBERS_STEP_MAX
                    && self.rest.called_seq.wrapping_sub(header.seq).wrapping_add(NUMBERS_STEP_MAX) <= 2 * NUMBERS_STEP_MAX;
                if fits {
                    self.pulse.facts |= facts::OPENER_PROVED | facts::CALLED_PROVED;
                }
                Step::Answer
            }
            State::HalfSeenMidway if !by_opener => {
                self.pulse.state = State::TwoWay;
                Step::Ongoing
            }
            State::HalfSeenMidway => {
                // A tool that sends random numbers from one port looks alive once in a while: it is asked every time.
                let goes_on = self.goes_on(header);
                (self.rest.opener_seq, self.rest.called_seq) = (header.seq, header.ack);
                if goes_on { Step::Ongoing } else { Step::Stray }
            }
            State::OneWay => {
                let goes_on = self.goes_on(header);
                (self.rest.opener_seq, self.rest.called_seq) = (header.seq, header.ack);
                if !goes_on {
                    return Step::Stray;
                }
                self.pulse.state = State::HalfSeenMidway;
                Step::Resumed
            }
            State::Free => {
                self.pulse.state = State::OneWay;
                (self.rest.opener_seq, self.rest.called_seq) = (header.seq, header.ack);
                Step::Stray
            }
        }
    }

    /// Whether the numbers move on as those of a living connection do, of which only this side is seen. A number that never moves is a
    /// tool's.
    #[inline(always)]
    fn goes_on(&self, header: &Header) -> bool {
        let seq_step = header.seq.wrapping_sub(self.rest.opener_seq);
        let ack_step = header.ack.wrapping_sub(self.rest.called_seq);
        seq_step <= NUMBERS_STEP_MAX && ack_step <= NUMBERS_STEP_MAX && (seq_step, ack_step) != (0, 0)
    }

    /// Later fragments have no ports: those of two hosts by one protocol are one conversation.
    fn fragment_step(&mut self, by_opener: bool) -> Step {
        match self.pulse.state {
            two_way if two_way.is_two_way() => Step::Ongoing,
            State::OneWay if !by_opener => {
                self.pulse.state = State::TwoWay;
                Step::Ongoing
            }
            _ => {
                self.pulse.state = State::OneWay;
                Step::Fragment
            }
        }
    }

    /// Whether the side that is seen goes on as a QUIC server does: home asked for it, and the mirror does not show what home sends.
    fn speaks_quic(&mut self, header: &Header, first_byte: u8) -> bool {
        if header.transport != Transport::Udp || header.source_port != QUIC_PORT || self.rest.called_seq == NOT_QUIC {
            return false;
        }
        let (long, fixed) = (first_byte & 0x80 != 0, first_byte & 0x40 != 0);
        if !fixed {
            self.rest.called_seq = NOT_QUIC;
            return false;
        }
        self.rest.opener_seq |= u32::from(!long) << (first_byte & 0x1f);
        self.rest.called_seq = (self.rest.called_seq + 1).min(QUIC_PACKETS);
        self.rest.called_seq == QUIC_PACKETS && self.rest.opener_seq.count_ones() >= QUIC_VALUES
    }

    fn datagram_step(&mut self, header: &Header, by_opener: bool, first_byte: u8) -> Step {
        if header.transport == Transport::Icmp {
            match (header.source.is_v4(), header.icmp_type) {
                (true, 8 | 13 | 15 | 17) | (false, 128) => {}
                (true, 0 | 14 | 16 | 18) | (false, 129) if self.pulse.state != State::Free && !by_opener => {}
                _ => {
                    if self.pulse.state == State::Free {
                        self.pulse.state = State::OneWay;
                    }
                    return Step::Unasked;
                }
            }
        }
        match self.pulse.state {
            State::Free => {
                self.pulse.state = State::OneWay;
                self.pulse.facts |= facts::OPENING_SEEN;
                self.speaks_quic(header, first_byte);
                Step::First
            }
            State::OneWay if by_opener => match self.speaks_quic(header, first_byte) {
                true => Step::Ongoing,
                false => Step::More,
            },
            State::Refused if by_opener => Step::More,
            State::OneWay | State::Refused => {
                self.pulse.state = State::TwoWay;
                Step::Answer
            }
            _ => Step::Ongoing,
        }
    }
}
