//! What the protocols' tests share: reading vectors, contexts, and hostile variations of a sample.

use super::protocol::{Context, Message, Protocol, Sender, Verdict};
use crate::decode::Transport;

/// Bytes written in hexadecimal; blanks are for the eye.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

/// A TCP stream on the protocol's own port.
pub const fn on_port(sender: Sender) -> Context {
    Context { transport: Transport::Tcp, on_port: true, sender, whole: false, memory: 0 }
}

/// A TCP stream on any other port.
pub const fn off_port(sender: Sender) -> Context {
    Context { on_port: false, ..on_port(sender) }
}

/// A whole datagram on the protocol's own port.
pub const fn datagram(sender: Sender) -> Context {
    Context { transport: Transport::Udp, whole: true, ..on_port(sender) }
}

/// The message, or a panic that shows what the parser said.
pub fn message(protocol: &Protocol, bytes: &[u8], context: &Context) -> Message {
    match (protocol.parse)(bytes, context) {
        Verdict::Message(message) => message,
        other => panic!("{}: {other:?} for {bytes:02x?}", protocol.name),
    }
}

/// What a disclosed field says.
pub fn disclosed<'a>(message: &Message, bytes: &'a [u8], field: &str) -> Option<&'a str> {
    let found = message.disclosed.iter().find(|disclosed| disclosed.field == field)?;
    let start = usize::from(found.offset);
    std::str::from_utf8(&bytes[start..start + usize::from(found.bytes)]).ok()
}

/// A small generator (xorshift), so that a failure repeats.
pub struct Random(pub u64);

impl Random {
    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    pub fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// Every context that a caller can give.
fn contexts() -> Vec<Context> {
    let mut contexts = Vec::new();
    for sender in [Sender::Client, Sender::Server, Sender::Unknown] {
        for memory in [0, 1, 2, 3, 0x0102, 0x0302, 0xffff] {
            for context in [on_port(sender), off_port(sender), datagram(sender), Context { on_port: false, ..datagram(sender) }] {
                contexts.push(Context { memory, ..context });
            }
        }
    }
    contexts
}

/// Mutations per sample of [`torture`].
const MUTATIONS: usize = 3000;

/// Parses every prefix and many mutations of each sample in every context: none may panic, and no message may be empty or name text
/// outside the bytes.
pub fn torture(protocol: &Protocol, samples: &[&str]) {
    let contexts = contexts();
    let check = |bytes: &[u8], context: &Context| {
        if let Verdict::Message(message) = (protocol.parse)(bytes, context) {
            assert!(message.bytes > 0);
            assert!(message.disclosed.iter().all(|text| usize::from(text.offset) + usize::from(text.bytes) <= bytes.len()));
        }
    };
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for sample in samples {
        let sample = hex(sample);
        for end in 0..=sample.len() {
            contexts.iter().for_each(|context| check(&sample[..end], context));
        }
        for _ in 0..MUTATIONS {
            let mut mutated = sample.clone();
            for _ in 0..=random.below(3) {
                let at = random.below(mutated.len());
                mutated[at] = random.next() as u8;
            }
            mutated.truncate(1 + random.below(sample.len()));
            check(&mutated, &contexts[random.below(contexts.len())]);
        }
    }
}

/// Payloads per protocol of [`nothing_in_noise`].
const NOISE: usize = 300_000;

/// Parses random payloads off the protocol's port, half of them beginning with a plausible prefix: none may be a message.
pub fn nothing_in_noise(protocol: &Protocol, prefixes: &[&str]) {
    let prefixes: Vec<Vec<u8>> = prefixes.iter().map(|prefix| hex(prefix)).collect();
    let mut random = Random(0x2545_f491_4f6c_dd1d);
    let mut payload = Vec::with_capacity(512);
    for round in 0..NOISE {
        payload.clear();
        if round % 2 == 1 && !prefixes.is_empty() {
            payload.extend_from_slice(&prefixes[random.below(prefixes.len())]);
        }
        // Short payloads meet fixed lengths more often than long ones do.
        let length = if round % 4 < 2 { random.below(24) } else { random.below(400) };
        payload.extend((0..length).map(|_| random.next() as u8));
        for sender in [Sender::Client, Sender::Server, Sender::Unknown] {
            for context in [off_port(sender), Context { on_port: false, ..datagram(sender) }] {
                let verdict = (protocol.parse)(&payload, &context);
                assert!(!matches!(verdict, Verdict::Message(_)), "{}: {verdict:?} for {payload:02x?}", protocol.name);
            }
        }
    }
}
