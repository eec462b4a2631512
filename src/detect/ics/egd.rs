//! GE Ethernet Global Data: cyclic process data over UDP. Not published; layout as Wireshark's `egd` dissector has it.

use super::fields::{self, Fields, Reading, require};
use super::protocol::{Context, Intent, Message, Protocol, Starts, Strength, Verdict, udp};

pub static PROTOCOL: Protocol =
    Protocol { name: NAME, ports: &[udp(18246)], strength: Strength::Port, starts: Starts::Unused, sector: "energy", parse };

const NAME: &str = "egd";

/// Type 13, a data message, and version 1.
const DATA: [u8; 2] = [0x0d, 0x01];
/// Type, version, request, producer, exchange, time, status, configuration signature, reserved; then the data.
const HEADER_BYTES: usize = 32;
/// The most data one message carries.
const DATA_BYTES_MAX: usize = 1_400;
const NANOSECONDS: u32 = 1_000_000_000;
/// The largest status of a producer that nDPI accepts.
const STATUS_MAX: u32 = 30;

fn parse(bytes: &[u8], context: &Context) -> Verdict {
    fields::verdict(read(&Fields::new(bytes, context)))
}

/// The producer sends unasked: from outside that injects values into whoever consumes the exchange.
fn read(fields: &Fields) -> Reading {
    require(!fields.is_tcp() && fields.context.on_port)?;
    fields.expect(0, &DATA)?;
    let exchange = fields.le32(8)?;
    require(fields.le32(4)? != 0 && fields.le32(16)? < NANOSECONDS && fields.le32(20)? <= STATUS_MAX && fields.le32(28)? == 0)?;
    fields.u8(HEADER_BYTES)?;
    require(fields.len() <= HEADER_BYTES + DATA_BYTES_MAX)?;
    Ok(Message::request(NAME, fields.len(), Intent::Write, "produce-data", exchange))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::protocol::Sender;
    use crate::detect::ics::testing::{self, datagram, datagram_off_port, hex};

    const PRODUCED: &str = "0d0100010a0000010100000000000000000000000000000000000000000000000000000000000000";

    #[test]
    fn produced_data_write() {
        let found = testing::request(&PROTOCOL, &hex(PRODUCED), &datagram(Sender::Client));
        assert_eq!(found, ("produce-data", Intent::Write));
    }

    #[test]
    fn near_misses_are_refused() {
        let context = datagram(Sender::Client);
        for (at, value) in [(0, 0x0c), (1, 0x02), (20, 31), (28, 1), (19, 0xff)] {
            let mut bytes = hex(PRODUCED);
            bytes[at] = value;
            assert_eq!((PROTOCOL.parse)(&bytes, &context), Verdict::No, "byte {at}");
        }
        assert_eq!((PROTOCOL.parse)(&hex(PRODUCED)[..32], &context), Verdict::No);
        assert_eq!((PROTOCOL.parse)(&hex(PRODUCED), &datagram_off_port(Sender::Client)), Verdict::No);
    }

    #[test]
    fn hostile_bytes_never_panic() {
        testing::never_panics(&PROTOCOL, &[hex(PRODUCED)]);
    }
}
