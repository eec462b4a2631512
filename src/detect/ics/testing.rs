//! What the tests of the parsers share: contexts, hexadecimal samples, and the check that no bytes make a parser panic.

use super::protocol::{Context, Message, Protocol, Sender, Strength, Verdict};
use crate::decode::Transport;

/// A whole datagram on the protocol's port.
pub const fn datagram(sender: Sender) -> Context {
    Context { transport: Transport::Udp, on_port: true, sender, whole: true, memory: 0 }
}

/// The head of a TCP stream on the protocol's port.
pub const fn stream(sender: Sender) -> Context {
    Context { transport: Transport::Tcp, on_port: true, sender, whole: false, memory: 0 }
}

/// The payload of an Ethernet frame.
pub const fn link() -> Context {
    Context { transport: Transport::Other, on_port: true, sender: Sender::Unknown, whole: true, memory: 0 }
}

/// The bytes of a hexadecimal text; blanks are allowed.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).expect("a hexadecimal digit")).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

/// The message that the protocol's parser must find.
pub fn message(protocol: &Protocol, bytes: &[u8], context: Context) -> Message {
    match (protocol.parse)(bytes, &context) {
        Verdict::Message(message) => message,
        other => panic!("{}: {other:?} for {bytes:02x?}", protocol.name),
    }
}

/// The disclosed text of a field.
pub fn disclosed<'a>(message: &Message, bytes: &'a [u8], field: &str) -> &'a str {
    let found = message.disclosed.iter().find(|d| d.field == field).expect("the field is disclosed");
    std::str::from_utf8(&bytes[usize::from(found.offset)..][..usize::from(found.bytes)]).expect("text")
}

/// xorshift64*: the same bytes on every run (Vigna, "An experimental exploration of Marsaglia's xorshift generators, scrambled").
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() >> 33) as usize % limit
    }

    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

/// Every context a parser can meet.
pub fn contexts() -> impl Iterator<Item = Context> {
    let transports = [Transport::Tcp, Transport::Udp, Transport::Other];
    transports.into_iter().flat_map(|transport| {
        [Sender::Client, Sender::Server, Sender::Unknown].into_iter().flat_map(move |sender| {
            [(true, true), (true, false), (false, true), (false, false)].into_iter().flat_map(move |(on_port, whole)| {
                [0, 1, 33].into_iter().map(move |memory| Context { transport, on_port, sender, whole, memory })
            })
        })
    })
}

/// Parses in every context; panics if a message makes no progress or discloses what is not there.
fn parse_everywhere(protocol: &Protocol, bytes: &[u8]) {
    for context in contexts() {
        if let Verdict::Message(message) = (protocol.parse)(bytes, &context) {
            assert!(message.bytes > 0, "{}: a message of no bytes for {bytes:02x?}", protocol.name);
            for disclosed in message.disclosed {
                assert!(usize::from(disclosed.offset) + usize::from(disclosed.bytes) <= bytes.len(), "{}: {disclosed:?}", protocol.name);
            }
        }
    }
}

/// Every prefix and several thousand mutations of the samples, in every context.
pub fn never_panics(protocol: &Protocol, samples: &[&str]) {
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for sample in samples {
        let sample = hex(sample);
        for end in 0..=sample.len() {
            parse_everywhere(protocol, &sample[..end]);
        }
        for _ in 0..2_000 {
            let mut mutated = sample.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(mutated.len());
                mutated[at] = match random.below(3) {
                    0 => 0,
                    1 => 0xff,
                    _ => random.next() as u8,
                };
            }
            mutated.truncate(random.below(mutated.len()) + 1);
            parse_everywhere(protocol, &mutated);
        }
    }
}

/// A million random payloads off the port, half of them with a first piece that the protocol begins with: a strong protocol accepts none.
pub fn never_matches_chance(protocol: &Protocol) {
    assert_eq!(protocol.strength, Strength::Anywhere);
    let mut random = Random(0x1234_5678_9abc_def1);
    let mut payload = [0; 300];
    for round in 0..1_000_000 {
        let length = random.below(64);
        let bytes = &mut payload[..length];
        random.fill(bytes);
        if round % 2 == 0 && !protocol.starts.is_empty() {
            let start = protocol.starts[random.below(protocol.starts.len())];
            let common = start.len().min(length);
            bytes[..common].copy_from_slice(&start[..common]);
        }
        let udp = Context { transport: Transport::Udp, on_port: false, sender: Sender::Unknown, whole: true, memory: 0 };
        let tcp = Context { transport: Transport::Tcp, whole: false, ..udp };
        for context in [udp, tcp] {
            let verdict = (protocol.parse)(bytes, &context);
            assert!(!matches!(verdict, Verdict::Message(_)), "{}: {verdict:?} for {bytes:02x?}", protocol.name);
        }
    }
}
