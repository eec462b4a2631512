//! Modbus/TCP (Modbus Application Protocol V1.1b3, Messaging on TCP/IP V1.0b).

use super::protocol::{Context, Protocol, Strength, Verdict, tcp, udp};

pub static PROTOCOL: Protocol = Protocol {
    name: "modbus",
    ports: &[tcp(502), udp(502)],
    strength: Strength::Port,
    starts: &[],
    sector: "manufacturing",
    parse,
};

fn parse(_bytes: &[u8], _context: &Context) -> Verdict {
    Verdict::No
}
