//! Every parser of an industrial protocol, in every context. A message makes progress, and discloses only what is there.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefrom::decode::Transport;
use wherefrom::detect::ics::protocol::{Context, Sender, Verdict};
use wherefrom::detect::ics::{LINK_PROTOCOLS, PROTOCOLS};

const TRANSPORTS: [Transport; 3] = [Transport::Tcp, Transport::Udp, Transport::Other];
const SENDERS: [Sender; 3] = [Sender::Client, Sender::Server, Sender::Unknown];

/// A context from its number: two bits of yes or no, then a sender, a transport, and two more of yes or no.
fn context(number: u8, memory: u16) -> Context {
    let choice = usize::from(number >> 2);
    let rest = choice / (SENDERS.len() * TRANSPORTS.len());
    Context {
        transport: TRANSPORTS[choice / SENDERS.len() % TRANSPORTS.len()],
        sender: SENDERS[choice % SENDERS.len()],
        on_port: number & 1 != 0,
        whole: number & 2 != 0,
        cut: rest & 1 != 0,
        fresh: rest & 2 != 0,
        memory,
    }
}

fuzz_target!(|input: (u8, u8, u16, &[u8])| {
    let (index, number, memory, bytes) = input;
    let index = usize::from(index) % (PROTOCOLS.len() + LINK_PROTOCOLS.len());
    let protocol = PROTOCOLS.get(index).copied().unwrap_or_else(|| LINK_PROTOCOLS[index - PROTOCOLS.len()].1);
    if let Verdict::Message(message) = (protocol.parse)(bytes, &context(number, memory)) {
        assert!(message.bytes > 0, "{}: a message of no bytes", protocol.name);
        for disclosed in message.disclosed {
            let end = usize::from(disclosed.offset) + usize::from(disclosed.bytes);
            assert!(end <= bytes.len(), "{}: {} ends at {end} of {} bytes", protocol.name, disclosed.field, bytes.len());
        }
    }
});
