//! What the protocols' tests share: contexts, hex, and attempts to break a parser.

use super::protocol::{Context, Intent, Message, Protocol, Role, Sender, Verdict};
use crate::decode::Transport;

/// A stream's context at its first message.
pub const fn stream(on_port: bool, sender: Sender) -> Context {
    Context { transport: Transport::Tcp, on_port, sender, whole: false, memory: 0 }
}

/// The context of a whole datagram.
pub const fn datagram(on_port: bool, sender: Sender) -> Context {
    Context { transport: Transport::Udp, on_port, sender, whole: true, memory: 0 }
}

/// Bytes from hexadecimal text; blanks are skipped.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.chars().filter(|c| !c.is_whitespace()).map(|c| c.to_digit(16).expect("a hexadecimal digit") as u8).collect();
    assert!(digits.len().is_multiple_of(2), "half a byte in {text}");
    digits.chunks(2).map(|pair| pair[0] << 4 | pair[1]).collect()
}

/// The message that the parser must find.
#[track_caller]
pub fn message(protocol: &Protocol, bytes: &[u8], context: &Context) -> Message {
    match (protocol.parse)(bytes, context) {
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

/// The texts that an answer discloses, as `field=text`.
#[track_caller]
pub fn disclosed(protocol: &Protocol, bytes: &[u8], context: &Context) -> Vec<String> {
    let pieces = message(protocol, bytes, context).disclosed;
    let text = |offset: u16, length: u16| String::from_utf8_lossy(&bytes[usize::from(offset)..usize::from(offset + length)]).into_owned();
    pieces.iter().filter(|p| !p.field.is_empty()).map(|p| format!("{}={}", p.field, text(p.offset, p.bytes))).collect()
}

/// Every context a parser can be called in.
fn contexts() -> impl Iterator<Item = Context> {
    let transports = [Transport::Tcp, Transport::Udp];
    let senders = [Sender::Client, Sender::Server, Sender::Unknown];
    transports.into_iter().flat_map(move |transport| {
        senders.into_iter().flat_map(move |sender| {
            (0..16_u16).map(move |bits| Context {
                transport,
                on_port: bits & 1 != 0,
                sender,
                whole: bits & 2 != 0,
                memory: [0, 1, 0x0101, u16::MAX][usize::from(bits >> 2)],
            })
        })
    })
}

/// Calls the parser in every context and checks what holds for every message.
fn check(protocol: &Protocol, bytes: &[u8]) {
    for context in contexts() {
        let Verdict::Message(message) = (protocol.parse)(bytes, &context) else { continue };
        assert!(message.bytes > 0, "{}: a message of no bytes: {bytes:02x?}", protocol.name);
        assert!(message.role != Role::Answer || message.intent == Intent::Connect, "{}: a graded answer: {message:?}", protocol.name);
        for piece in message.disclosed {
            assert!(usize::from(piece.offset) + usize::from(piece.bytes) <= bytes.len(), "{}: {piece:?} is outside", protocol.name);
        }
    }
}

/// Feeds every prefix of the samples, and 2,000 mutations of each: nothing may panic.
pub fn survives(protocol: &Protocol, samples: &[Vec<u8>]) {
    let mut noise = Noise(0x5eed);
    for sample in samples {
        for end in 0..=sample.len() {
            check(protocol, &sample[..end]);
        }
        for _ in 0..2_000 {
            let mut bytes = sample.clone();
            for _ in 0..=noise.below(3) {
                let at = noise.below(bytes.len());
                bytes[at] = [0x00, 0xff, 0x7f, 0x80, noise.next() as u8][noise.below(5)];
            }
            bytes.truncate(bytes.len() - noise.below(bytes.len() / 2 + 1));
            check(protocol, &bytes);
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

/// A million seeded payloads on a foreign port, four of five with one of the protocol's first bytes: none may be believed.
#[track_caller]
pub fn ignores_noise(protocol: &Protocol) {
    let mut noise = Noise(0xca9e);
    let mut bytes = [0; 96];
    for round in 0..1_000_000_usize {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&noise.next().to_le_bytes());
        }
        if !protocol.starts.is_empty() && !round.is_multiple_of(5) {
            let start = protocol.starts[noise.below(protocol.starts.len())];
            bytes[..start.len()].copy_from_slice(start);
        }
        let payload = &bytes[..4 + noise.below(bytes.len() - 3)];
        for context in [stream(false, Sender::Unknown), datagram(false, Sender::Unknown)] {
            let verdict = (protocol.parse)(payload, &context);
            assert!(!matches!(verdict, Verdict::Message(_)), "{}: {verdict:?} for {payload:02x?}", protocol.name);
        }
    }
}

/// A seeded generator (SplitMix64, Steele et al. 2014): tests must fail the same way twice.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit.max(1) as u64) as usize
    }
}
