//! What the tests of the parsers share: contexts, samples in hexadecimal, and the checks that no bytes make a parser panic and that chance
//! is not taken for a protocol.

use std::borrow::Borrow;

use super::protocol::{Context, Intent, Message, Protocol, Role, Sender, Verdict};
use crate::decode::Transport;

/// A TCP stream on the protocol's own port.
pub const fn on_port(sender: Sender) -> Context {
    Context { transport: Transport::Tcp, on_port: true, sender, whole: false, cut: false, fresh: false, memory: 0 }
}

/// A TCP stream on any other port.
pub const fn off_port(sender: Sender) -> Context {
    Context { on_port: false, ..on_port(sender) }
}

/// A whole datagram on the protocol's own port.
pub const fn datagram(sender: Sender) -> Context {
    Context { transport: Transport::Udp, whole: true, ..on_port(sender) }
}

/// A whole datagram on any other port.
pub const fn datagram_off_port(sender: Sender) -> Context {
    Context { on_port: false, ..datagram(sender) }
}

/// The payload of an Ethernet frame.
pub const fn link() -> Context {
    Context { transport: Transport::Other, on_port: true, sender: Sender::Unknown, whole: true, cut: false, fresh: false, memory: 0 }
}

/// The bytes of a hexadecimal text; blanks are allowed.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).expect("a hexadecimal digit") as u8).collect();
    assert!(digits.len().is_multiple_of(2), "half a byte in {text}");
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// A sample message, as bytes or as hexadecimal text.
pub trait Sample {
    fn bytes(&self) -> Vec<u8>;
}

impl Sample for &str {
    fn bytes(&self) -> Vec<u8> {
        hex(self)
    }
}

impl Sample for &String {
    fn bytes(&self) -> Vec<u8> {
        hex(self)
    }
}

impl Sample for Vec<u8> {
    fn bytes(&self) -> Vec<u8> {
        self.clone()
    }
}

/// The message that the protocol's parser must find.
#[track_caller]
pub fn message(protocol: &Protocol, bytes: &[u8], context: impl Borrow<Context>) -> Message {
    match (protocol.parse)(bytes, context.borrow()) {
        Verdict::Message(message) => message,
        other => panic!("{}: {other:?} for {bytes:02x?}", protocol.name),
    }
}

/// A request's function and intent.
#[track_caller]
pub fn request(protocol: &Protocol, bytes: &[u8], context: &Context) -> (&'static str, Intent) {
    let message = message(protocol, bytes, context);
    assert_ne!(message.role, Role::Answer, "{message:?}");
    (message.function.name, message.intent)
}

/// What a disclosed field says, if it is disclosed.
pub fn disclosed<'a>(message: &Message, bytes: &'a [u8], field: &str) -> Option<&'a str> {
    let found = message.disclosed.iter().find(|disclosed| disclosed.field == field)?;
    std::str::from_utf8(&bytes[usize::from(found.offset)..][..usize::from(found.bytes)]).ok()
}

/// What a disclosed field says.
#[track_caller]
pub fn told<'a>(message: &Message, bytes: &'a [u8], field: &str) -> &'a str {
    disclosed(message, bytes, field).expect("the field is disclosed, and text")
}

/// The texts that an answer discloses, as `field=text`.
#[track_caller]
pub fn disclosures(protocol: &Protocol, bytes: &[u8], context: &Context) -> Vec<String> {
    let pieces = message(protocol, bytes, context).disclosed;
    let text = |offset: u16, length: u16| String::from_utf8_lossy(&bytes[usize::from(offset)..usize::from(offset + length)]).into_owned();
    pieces.iter().filter(|p| !p.field.is_empty()).map(|p| format!("{}={}", p.field, text(p.offset, p.bytes))).collect()
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
        (self.next() >> 33) as usize % limit.max(1)
    }

    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            let word = self.next().to_le_bytes();
            chunk.copy_from_slice(&word[..chunk.len()]);
        }
    }
}

/// What a parser may have left in a conversation.
const MEMORIES: [u16; 8] = [0, 1, 2, 3, 33, 0x0101, 0x0302, u16::MAX];

/// Every context a parser can meet.
pub fn contexts() -> impl Iterator<Item = Context> {
    let transports = [Transport::Tcp, Transport::Udp, Transport::Other];
    transports.into_iter().flat_map(|transport| {
        [Sender::Client, Sender::Server, Sender::Unknown].into_iter().flat_map(move |sender| {
            [(true, true), (true, false), (false, true), (false, false)].into_iter().flat_map(move |(on_port, whole)| {
                MEMORIES.into_iter().map(move |memory| Context { transport, on_port, sender, whole, cut: false, fresh: false, memory })
            })
        })
    })
}

/// What holds for every message: it makes progress, an answer has no intent of its own, and what it discloses is there.
fn check(protocol: &Protocol, bytes: &[u8], context: &Context) {
    let Verdict::Message(message) = (protocol.parse)(bytes, context) else { return };
    assert!(message.bytes > 0, "{}: a message of no bytes for {bytes:02x?}", protocol.name);
    assert!(message.role != Role::Answer || message.intent == Intent::Connect, "{}: a graded answer: {message:?}", protocol.name);
    for disclosed in message.disclosed {
        assert!(usize::from(disclosed.offset) + usize::from(disclosed.bytes) <= bytes.len(), "{}: {disclosed:?}", protocol.name);
    }
}

/// Mutations per sample of [`never_panics`].
const MUTATIONS: usize = 10_000;

/// Every prefix of the samples in every context, and ten thousand mutations of each.
pub fn never_panics(protocol: &Protocol, samples: &[impl Sample]) {
    let contexts: Vec<Context> = contexts().collect();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for sample in samples {
        let sample = sample.bytes();
        for end in 0..=sample.len() {
            contexts.iter().for_each(|context| check(protocol, &sample[..end], context));
        }
        for _ in 0..MUTATIONS {
            let mut mutated = sample.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(mutated.len());
                mutated[at] = [0x00, 0xff, 0x7f, 0x80, random.next() as u8][random.below(5)];
            }
            if random.below(2) == 0 {
                mutated.truncate(random.below(mutated.len()) + 1);
            }
            check(protocol, &mutated, &contexts[random.below(contexts.len())]);
        }
    }
}

/// On a stream, no prefix of these messages may be refused: it is short, or already enough.
#[track_caller]
pub fn waits(protocol: &Protocol, samples: &[Vec<u8>], context: &Context) {
    for sample in samples {
        for end in 0..sample.len() {
            let verdict = (protocol.parse)(&sample[..end], context);
            assert_ne!(verdict, Verdict::No, "{}: refuses the first {end} bytes of {sample:02x?}", protocol.name);
        }
    }
}

/// Payloads per protocol of [`never_in_noise`].
const NOISE: usize = 300_000;

/// Random payloads off the port, most of which begin as the protocol's messages do or with one of these pieces (hexadecimal): none may be a
/// message.
#[track_caller]
pub fn never_in_noise(protocol: &Protocol, pieces: &[&str]) {
    let starts: Vec<Vec<u8>> =
        protocol.starts.bytes().iter().map(|start| start.to_vec()).chain(pieces.iter().map(|piece| hex(piece))).collect();
    let mut random = Random(0x1234_5678_9abc_def1);
    let mut payload = [0; 400];
    for round in 0..NOISE {
        // Short payloads meet fixed lengths more often than long ones do.
        let length = if round % 4 < 3 { random.below(64) } else { random.below(payload.len()) };
        let bytes = &mut payload[..length];
        random.fill(bytes);
        if !round.is_multiple_of(5) && !starts.is_empty() {
            let start = &starts[random.below(starts.len())];
            let common = start.len().min(length);
            bytes[..common].copy_from_slice(&start[..common]);
        }
        let sender = [Sender::Client, Sender::Server, Sender::Unknown][random.below(3)];
        for context in [off_port(sender), datagram_off_port(sender)] {
            let verdict = (protocol.parse)(bytes, &context);
            assert!(!matches!(verdict, Verdict::Message(_)), "{}: {verdict:?} for {bytes:02x?}", protocol.name);
        }
    }
}
