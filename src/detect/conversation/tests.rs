use proptest::prelude::*;

use super::state::{IDLE_ENDED_S, IDLE_TWO_WAY_S, Pulse, State};
use super::table::worth;
use super::*;
use crate::addr::Addr;
use crate::attribute::Country;
use crate::decode::{Header, Transport, flags};
use crate::detect::lane::Moment;
use crate::dispatch::batch::{Addressed, Batch, bits};

const CONVERSATION: u64 = 0x7700;
/// The lower end's initial sequence number, and the higher end's.
const SEQS: [u32; 2] = [1000, 5000];

/// Two ends of one conversation, of which the lower one opens it.
struct Talk {
    conversations: Conversations,
    now_s: u32,
}

/// One segment or datagram.
#[derive(Clone, Copy, Debug)]
struct Sent {
    /// Which of several conversations that stand in one bucket.
    of: u64,
    by_low: bool,
    transport: Transport,
    tcp_flags: u8,
    /// Whether it acknowledges what the other side began with.
    fits: bool,
    payload: bool,
}

impl Sent {
    fn segment(by_low: bool, tcp_flags: u8) -> Self {
        Sent { of: 0, by_low, transport: Transport::Tcp, tcp_flags, fits: true, payload: false }
    }

    fn conversation(&self) -> u64 {
        CONVERSATION | self.of << 32
    }

    fn header(&self) -> Header {
        let (low, high) = (Addr::v4(0x0102_0304), Addr::v4(0xca70_0001));
        let (own, other) = if self.by_low { (SEQS[0], SEQS[1]) } else { (SEQS[1], SEQS[0]) };
        let (source, target) = if self.by_low { (low, high) } else { (high, low) };
        let mut header = Header::between(source, target, self.transport);
        (header.source_port, header.target_port) = if self.by_low { (40_000, 80) } else { (80, 40_000) };
        (header.seq, header.ack) = (own, if self.fits { other.wrapping_add(1) } else { 7 });
        header.tcp_flags = if self.transport == Transport::Tcp { self.tcp_flags } else { 0 };
        (header.payload_bytes, header.payload_claimed) = (u16::from(self.payload), u16::from(self.payload));
        header
    }
}

impl Talk {
    fn new() -> Self {
        Talk { conversations: Conversations::new(1), now_s: 1_000_000 }
    }

    fn moment(&self) -> Moment {
        Moment { now_s: self.now_s, window_start_s: self.now_s - self.now_s % 60 }
    }

    /// What the short way says of a packet, which it may leave to the long one.
    fn short(&mut self, sent: Sent) -> Option<Seen> {
        let moment = self.moment();
        let mut batch = Batch::default();
        let to = Addressed {
            conversation: sent.conversation(),
            source_hash: 1,
            since_slice_ns: 0,
            wire_bytes: 60,
            bits: if sent.by_low { bits::SOURCE_LOW } else { 0 },
            entry: 0,
            lane: 0,
            target_low: 0,
        };
        batch.push(&sent.header(), to, &[0; 1][..usize::from(sent.payload)], None);
        let item = &batch.items[0];
        let ongoing = self.conversations.ongoing(0, item, moment).map(|going| going.seen());
        let opens = ongoing.is_none() && is_opening(item);
        let nowhere = || (Country::NONE, Country::NONE);
        if opens { self.conversations.open(0, item, moment.now_s, nowhere) } else { ongoing }
    }

    fn long(&mut self, sent: Sent) -> Seen {
        let Moment { now_s, window_start_s } = self.moment();
        let arrival = Arrival {
            header: &sent.header(),
            conversation: sent.conversation(),
            source_low: sent.by_low,
            now_s,
            window_start_s,
            first_byte: 0,
            quoted: false,
        };
        self.conversations.observe(0, &arrival, || (Country::NONE, Country::NONE))
    }

    fn step(&mut self, by_low: bool, tcp_flags: u8) -> Step {
        let sent = Sent::segment(by_low, tcp_flags);
        self.short(sent).unwrap_or_else(|| self.long(sent)).step
    }

    /// Opens a connection.
    fn open(&mut self) {
        assert_eq!(self.step(true, flags::SYN), Step::Syn);
        assert_eq!(self.step(false, flags::SYN | flags::ACK), Step::SynAck);
        assert_eq!(self.step(true, flags::ACK), Step::Completed);
    }

    /// Whether the conversation is still known after so many seconds.
    fn is_known_after(&mut self, seconds: u32) -> bool {
        self.now_s += seconds;
        self.step(true, flags::ACK) == Step::Ongoing
    }
}

const FIN_ACK: u8 = flags::FIN | flags::ACK;

#[test]
fn a_connection_that_both_sides_have_ended_is_forgotten_soon() {
    for first in [true, false] {
        let mut talk = Talk::new();
        talk.open();
        assert_eq!(talk.step(first, FIN_ACK), Step::Closed);
        assert_eq!(talk.step(!first, FIN_ACK), Step::Closed);
        assert!(talk.is_known_after(IDLE_ENDED_S));
        assert!(!talk.is_known_after(IDLE_ENDED_S + 1));
    }
}

#[test]
fn a_connection_that_one_side_has_ended_goes_on() {
    for by_low in [true, false] {
        let mut talk = Talk::new();
        talk.open();
        // Said again, it is still one side.
        for _ in 0..3 {
            assert_eq!(talk.step(by_low, FIN_ACK), Step::Closed);
        }
        assert!(talk.is_known_after(IDLE_TWO_WAY_S));
    }
}

#[test]
fn what_has_ended_makes_room_before_what_is_under_way() {
    let pulse = |state| Pulse { last_s: 100, state, ..Pulse::default() };
    let under_way = worth(&pulse(State::TwoWay), 1, 110);
    assert!(worth(&pulse(State::Ended), u64::MAX, 110) < under_way);
    assert!(worth(&pulse(State::Ended), u64::MAX, 110) > worth(&pulse(State::Opening), 1, 110));
    assert!(worth(&pulse(State::Ended), u64::MAX, 117) < worth(&pulse(State::Refused), 1, 117));
}

fn sent() -> impl Strategy<Value = Sent> {
    use flags::{ACK, FIN, PSH, RST, SYN};
    let tcp_flags =
        prop::sample::select(vec![SYN, SYN | ACK, ACK, ACK, ACK, PSH | ACK, FIN | ACK, FIN | ACK, RST, RST | ACK, 0, FIN, SYN | FIN]);
    let transport = prop::sample::select(vec![Transport::Tcp, Transport::Tcp, Transport::Tcp, Transport::Udp]);
    let of = prop::sample::select(vec![0u64, 0, 0, 1, 2, 3, 4, 5]);
    (of, any::<bool>(), transport, tcp_flags, prop::bool::weighted(0.8), prop::bool::weighted(0.3))
        .prop_map(|(of, by_low, transport, tcp_flags, fits, payload)| Sent { of, by_low, transport, tcp_flags, fits, payload })
}

proptest! {
    /// Nearly all packets take the short way, and it must never say anything else than the long one.
    #[test]
    fn the_short_way_says_what_the_long_one_would(
        opens in any::<bool>(),
        packets in prop::collection::vec((sent(), prop::sample::select(vec![0u32, 0, 0, 1, 17, 80, 700])), 1..40),
    ) {
        let (mut both, mut long) = (Talk::new(), Talk::new());
        if opens {
            both.open();
            long.open();
        }
        for (sent, pause_s) in packets {
            both.now_s += pause_s;
            long.now_s += pause_s;
            let by_both = both.short(sent).unwrap_or_else(|| both.long(sent));
            prop_assert_eq!(format!("{by_both:?}"), format!("{:?}", long.long(sent)));
            prop_assert_eq!(both.conversations.evicted, long.conversations.evicted);
        }
    }
}

#[test]
fn a_syn_that_is_sent_over_and_over_is_no_retransmission() {
    let mut talk = Talk::new();
    assert_eq!(talk.step(true, flags::SYN), Step::Syn);
    // As a mirror shows it that copies each frame.
    assert_eq!(talk.step(true, flags::SYN), Step::SynAgain);
    for wait_s in [1, 2, 4, 8] {
        talk.now_s += wait_s;
        assert_eq!(talk.step(true, flags::SYN), Step::SynAgain, "a stack repeats it after {wait_s} s");
    }
    for answer in [flags::SYN | flags::ACK, flags::RST] {
        let mut talk = Talk::new();
        let steps: Vec<Step> = (0..6)
            .map(|_| {
                let step = talk.step(true, flags::SYN);
                talk.step(false, answer);
                step
            })
            .collect();
        assert_eq!(steps[..2], [Step::Syn, Step::SynAgain]);
        assert!(steps[2..].iter().all(|&step| step == Step::Syn), "{steps:?}");
    }
}
