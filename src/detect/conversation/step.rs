//! What a packet means in its conversation.

use crate::attribute::Country;

/// What a packet means in its conversation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Step {
    /// TCP: a SYN that opens a conversation.
    Syn,
    /// TCP: the same SYN again.
    SynAgain,
    /// TCP: the SYN+ACK that answers it.
    SynAck,
    /// TCP: the handshake is done and the opener proved its address.
    Completed,
    /// TCP: the opener goes on as if the handshake were done, but its answer was not seen: nothing is proved.
    CompletedUnseen,
    /// TCP: the target resets an attempt. Any: an ICMP error came back for it.
    Refused,
    /// TCP: the opener resets after the SYN+ACK, without having completed.
    Aborted,
    /// TCP: FIN or RST of a conversation.
    Closed,
    /// TCP of which one side is seen in mid-conversation: the second packet, which goes on from the first as a real stack does.
    Resumed,
    /// A packet of a conversation in which both sides talk, or one side goes on as real stacks do.
    Ongoing,
    /// TCP without a conversation: no SYN, and nothing that fits.
    Stray,
    /// UDP, ICMP echo, SCTP, others: the first packet.
    First,
    /// More of the same side, unanswered.
    More,
    /// The first answer.
    Answer,
    /// ICMP that belongs to nothing: an echo reply nobody asked for, an error about nothing we saw.
    Unasked,
    /// A later fragment, which has no ports, where none came the other way.
    Fragment,
}

/// A packet in its conversation: eight bytes, made for every packet.
#[derive(Clone, Copy, Debug)]
pub struct Seen {
    pub step: Step,
    pub(super) facts: u8,
    pub source_country: Country,
    pub target_country: Country,
    /// Where the conversation stands in the table; see [`Conversations::tag`].
    pub(super) place: u32,
}

/// Bits of [`Seen::facts`].
pub(super) mod seen {
    pub const BY_OPENER: u8 = 0x01;
    pub const OPENING_SEEN: u8 = 0x02;
    pub const SOURCE_PROVED: u8 = 0x04;
    pub const NEW_IN_WINDOW: u8 = 0x08;
    pub const FIRST_PAYLOAD: u8 = 0x10;
    pub const TWO_WAY: u8 = 0x20;
    pub const FIRST_CONTACT: u8 = 0x40;
}

/// A packet without a conversation in the table.
pub(super) const NOWHERE: u32 = u32::MAX;

/// A bit where something holds, without a branch.
#[inline]
pub(super) fn bit_if(holds: bool, bit: u8) -> u8 {
    u8::from(holds) * bit
}

impl Seen {
    /// The same with other countries: of an ICMP error, whose sender may be a router that the conversation does not know.
    pub fn with_countries(self, source_country: Country, target_country: Country) -> Self {
        Seen { source_country, target_country, ..self }
    }

    /// The packet was sent by whoever opened the conversation.
    #[inline]
    pub fn by_opener(&self) -> bool {
        self.facts & seen::BY_OPENER != 0
    }

    /// The opener is known from an opening packet, not guessed from the first one seen.
    pub fn opening_seen(&self) -> bool {
        self.facts & seen::OPENING_SEEN != 0
    }

    /// The sender has proved to hold its address.
    #[inline]
    pub fn source_proved(&self) -> bool {
        self.facts & seen::SOURCE_PROVED != 0
    }

    /// The first packet of this conversation in the open window.
    #[inline]
    pub fn new_in_window(&self) -> bool {
        self.facts & seen::NEW_IN_WINDOW != 0
    }

    /// The first payload bytes of the sender in this conversation.
    pub fn first_payload(&self) -> bool {
        self.facts & seen::FIRST_PAYLOAD != 0
    }

    /// Both sides have sent something.
    pub fn two_way(&self) -> bool {
        self.facts & seen::TWO_WAY != 0
    }

    /// The conversation's opening was its opener's first contact with the service; see [`Conversations::mark_first_contact`].
    #[inline]
    pub fn first_contact(&self) -> bool {
        self.facts & seen::FIRST_CONTACT != 0
    }

    /// Where the conversation stands, if it is in the table.
    #[inline]
    pub fn place(&self) -> Option<u32> {
        (self.place != NOWHERE).then_some(self.place)
    }
}
