//! What a conversation is at the moment, and what is kept of it.

use crate::attribute::Country;

/// Quiet time in seconds after which a conversation may be forgotten, by how much it is worth.
const IDLE_ONE_WAY_S: u32 = 75; // a SYN is repeated for up to 63 s (tcp_syn_retries = 6, initial RTO 1 s, RFC 6298)
pub(super) const IDLE_TWO_WAY_S: u32 = 600;
/// Both sides have said their last: a FIN whose acknowledgement was lost is repeated after 1, 3, 7 and 15 s (RFC 6298). Without this the
/// connections that are over would hold the room of those that begin: a million are over in 80 s where 13,000 a second are made.
pub(super) const IDLE_ENDED_S: u32 = 16;

#[derive(Clone, Copy, PartialEq, Eq, Debug, PartialOrd, Ord, Default)]
#[repr(u8)]
pub(super) enum State {
    /// Nothing: a free place.
    #[default]
    Free,
    /// TCP: the target refused. Others: an ICMP error came back.
    Refused,
    /// TCP: ended by FIN or RST.
    Closed,
    /// TCP: picked up in mid-conversation, one side seen. UDP, ICMP: not answered yet.
    OneWay,
    /// TCP: a SYN.
    Opening,
    /// TCP: SYN and SYN+ACK.
    Answered,
    /// TCP: the client went on after its SYN though no SYN+ACK was seen.
    HalfSeen,
    /// TCP: picked up in mid-conversation; one side is seen, and goes on as a living connection does.
    HalfSeenMidway,
    /// TCP: both sides have talked and sent their FIN.
    Ended,
    /// TCP: both sides talk, but the opener has sent its FIN.
    OpenerEnded,
    /// TCP: both sides talk, but the one called has sent its FIN.
    CalledEnded,
    /// Both sides talk. TCP: picked up in mid-conversation, or handshake seen. Others: answered.
    TwoWay,
}

/// Facts about a conversation that stay.
pub(super) mod facts {
    /// The lower end opened it.
    pub const LOW_OPENED: u8 = 0x01;
    /// The one who opened it was seen to send its first packet as an opening (SYN, or the first datagram), not in mid-conversation.
    pub const OPENING_SEEN: u8 = 0x02;
    /// Whoever opened it proved to hold its address.
    pub const OPENER_PROVED: u8 = 0x04;
    /// Whoever was called proved to hold its address.
    pub const CALLED_PROVED: u8 = 0x08;
    /// The opener sent payload.
    pub const OPENER_SPOKE: u8 = 0x10;
    /// The one called sent payload.
    pub const CALLED_SPOKE: u8 = 0x20;
    /// The opening was the opener's first contact with this service.
    pub const FIRST_CONTACT: u8 = 0x40;
    /// TCP: what was seen first is the SYN+ACK of the one called.
    pub const ANSWER_SEEN: u8 = 0x80;
    /// TCP, of what a SYN opened: it was repeated.
    pub const REPEATED: u8 = ANSWER_SEEN;
}

impl State {
    /// Quiet time after which the conversation may be forgotten, in seconds.
    #[inline]
    pub(super) fn idle_s(self) -> u32 {
        let idle_s = if self.is_two_way() { IDLE_TWO_WAY_S } else { IDLE_ONE_WAY_S };
        if self == State::Ended { IDLE_ENDED_S } else { idle_s }
    }

    /// Whether both sides have talked.
    #[inline]
    pub(super) fn is_two_way(self) -> bool {
        self >= State::Ended
    }

    /// What it becomes when one side sends its FIN.
    #[inline]
    pub(super) fn ended(self, by_opener: bool) -> Self {
        match (self, by_opener) {
            (State::TwoWay, true) => State::OpenerEnded,
            (State::TwoWay, false) => State::CalledEnded,
            (State::OpenerEnded, false) | (State::CalledEnded, true) => State::Ended,
            (same, _) => same,
        }
    }
}

/// What is kept of one conversation that every packet needs. Most need nothing else.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pulse {
    /// Last slice with a packet.
    pub(super) last_s: u32,
    pub(super) state: State,
    pub(super) facts: u8,
    pub(super) low_country: Country,
    pub(super) high_country: Country,
}

/// What is kept of one conversation besides.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Rest {
    /// TCP: the opener's initial sequence number; in mid-conversation the last sequence number of the side seen. UDP from QUIC's port, one
    /// side seen: a bit for each value that the protected bits of short headers had.
    pub(super) opener_seq: u32,
    /// TCP: the called side's initial sequence number; in mid-conversation the last acknowledgement number of the side seen. UDP from QUIC's
    /// port, one side seen: packets so far, or [`NOT_QUIC`].
    pub(super) called_seq: u32,
    /// The industrial detector's handle, 0 if none, [`UNWANTED`] if neither port is one of its services'.
    pub(super) tag: u16,
    /// The payload detector's handle, 0 if it has not decided yet, [`UNWANTED`] if it wants no more.
    pub(super) reader: u16,
}

/// All that is kept of one conversation.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Entry {
    pub(super) pulse: Pulse,
    pub(super) rest: Rest,
}
