//! Streams and their readers: segments of one conversation, in any order, of any content, to a listener that wants everything.

#![no_main]

use libfuzzer_sys::fuzz_target;
use wherefrom::addr::Addr;
use wherefrom::attribute::Home;
use wherefrom::decode::{Header, Transport, flags};
use wherefrom::detect::payload::{Glance, Listener, Spoken, Survey};
use wherefrom::protocol::carried::{Delivery, Ends, Exchange};

struct Everything;

impl Listener for Everything {
    type Tally = u64;

    fn wants_exchange(&mut self, _ends: &Ends, _glance: &Glance<'_>) -> bool {
        true
    }

    fn wants_body(&mut self, _ends: &Ends, _first: &[u8]) -> bool {
        true
    }

    fn exchange(&mut self, told: &mut u64, _ends: &Ends, exchange: &Exchange<'_>) {
        assert!(exchange.request.body.head.len() as u64 <= exchange.request.body.bytes);
        *told += 1;
    }

    fn delivered(&mut self, told: &mut u64, _ends: &Ends, delivery: &Delivery<'_>) {
        assert!(delivery.body.sha256.is_none() || delivery.body.complete);
        *told += 1;
    }

    fn spoken(&mut self, _told: &mut u64, _ends: &Ends, spoken: &Spoken<'_>) -> bool {
        !spoken.fresh.is_empty()
    }
}

fuzz_target!(|segments: Vec<(u8, u16, &[u8])>| {
    let mut survey = Survey::new(Home::private(), || Everything);
    let (client, server) = (Addr::v4(0xc633_6407), Addr::v4(0x0a00_0009));
    for (place, (kind, seq, bytes)) in segments.into_iter().enumerate() {
        let by_client = kind & 1 == 0;
        let (source, target) = if by_client { (client, server) } else { (server, client) };
        let transport = if kind & 2 == 0 { Transport::Tcp } else { Transport::Udp };
        let mut header = Header::between(source, target, transport);
        (header.source_port, header.target_port) = if by_client { (40_000, 80) } else { (80, 40_000) };
        header.seq = u32::from(seq).wrapping_sub(1000);
        header.tcp_flags = match kind >> 2 & 7 {
            0 => flags::SYN,
            1 => flags::SYN | flags::ACK,
            2 => flags::FIN | flags::ACK,
            3 => flags::RST,
            _ => flags::ACK,
        };
        let bytes = &bytes[..bytes.len().min(4096)];
        header.payload_bytes = bytes.len() as u16;
        header.payload_claimed = bytes.len() as u16 + u16::from(kind >> 5);
        survey.packet(&header, bytes, 1_700_000_000_000_000_000 + place as u64 * 300_000_000, 54 + bytes.len() as u32);
    }
    survey.finish();
});
