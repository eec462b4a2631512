//! CIP implicit messages: the cyclic inputs and outputs of EtherNet/IP (ODVA, CIP volume 2 section 2-6.4). From outside, a datagram drives
//! outputs.

use super::protocol::{Context, Intent, Message, Protocol, Role, Starts, Strength, Verdict, udp};
use crate::decode::Transport;

pub static PROTOCOL: Protocol =
    Protocol { name: "enip", ports: &[udp(2222)], strength: Strength::Port, starts: Starts::Unused, sector: "manufacturing", parse };

/// Two items; the first is a sequenced address (8002) of 8 bytes.
const HEAD: [u8; 6] = [0x02, 0x00, 0x02, 0x80, 0x08, 0x00];
/// The second is connected data (B1), little-endian.
const CONNECTED_DATA: [u8; 2] = [0xb1, 0x00];
/// Bytes before the data: head, connection and sequence, the second item's type and length.
const DATA_OFFSET: usize = HEAD.len() + 8 + 4;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    let Some((head, data)) = bytes.split_first_chunk::<DATA_OFFSET>() else { return Verdict::No };
    let &[.., t0, t1, l0, l1] = head;
    let length = usize::from(u16::from_le_bytes([l0, l1]));
    let fits = if context.whole { length == data.len() } else { length >= data.len() };
    if context.transport != Transport::Udp || !context.on_port || !head.starts_with(&HEAD) || [t0, t1] != CONNECTED_DATA || !fits {
        return Verdict::No;
    }
    // Both ends send from and to this port.
    let datagram = Message::request(PROTOCOL.name, DATA_OFFSET + length, Intent::Write, "io-data", u32::from(CONNECTED_DATA[0]));
    Verdict::Message(Message { role: Role::Either, ..datagram })
}

#[cfg(test)]
mod tests {
    use super::super::protocol::Sender;
    use super::super::testing::{datagram, hex, message, never_panics, on_port};
    use super::*;

    const IO: &str = "0200 0280 0800 01000200 03000000 b100 0600 010001000000";

    #[test]
    fn io_data_writes() {
        let io = message(&PROTOCOL, &hex(IO), datagram(Sender::Unknown));
        assert_eq!((io.protocol, io.function.name, io.intent, io.role), ("enip", "io-data", Intent::Write, Role::Either));
    }

    #[test]
    fn near_misses_are_refused() {
        for bytes in ["0200 0280 0800 01000200 03000000 b100 0700 010001000000", "0200 0280 0800 01000200 03000000 b200 0600 010001000000"]
        {
            assert_eq!(parse(&hex(bytes), &datagram(Sender::Client)), Verdict::No);
        }
        assert_eq!(parse(&hex(IO), &on_port(Sender::Client)), Verdict::No);
        assert_eq!(parse(&hex(IO), &Context { on_port: false, ..datagram(Sender::Client) }), Verdict::No);
    }

    #[test]
    fn hostile_bytes_do_not_panic() {
        never_panics(&PROTOCOL, &[IO]);
    }
}
