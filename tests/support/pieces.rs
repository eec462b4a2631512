//! The payloads of a capture: what each end of a TCP connection sent, in order, and datagrams. A reassembler of its own, simple and without
//! bounds, so that readers are tried without the sensor's.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use wherefrom::addr::Addr;
use wherefrom::decode::{self, Transport, flags, marks};
use wherefrom::source::{Files, FilesOptions};

/// Sender, receiver, their ports: one direction of a conversation.
pub type Way = (Addr, Addr, u16, u16);

/// How far a sequence number may be ahead to be of the same connection.
const AHEAD_MAX: u32 = 1 << 24;

/// One direction of a TCP connection, while it is put together.
#[derive(Default)]
struct Side {
    next: Option<u32>,
    waiting: BTreeMap<u32, Vec<u8>>,
}

/// Gives the payloads of a capture in its order: `piece(way, is_tcp, starts, bytes)`, of TCP the bytes in sequence, each once; `starts` with a
/// SYN's direction. A hole ends a direction. False if the capture cannot be read.
pub fn pieces(capture: &Path, mut piece: impl FnMut(Way, bool, bool, &[u8])) -> bool {
    let Ok(mut files) = Files::open(&[capture.into()], &FilesOptions::default()) else { return false };
    let mut sides: HashMap<Way, Side> = HashMap::new();
    while let Ok(Some(frame)) = files.next_frame() {
        let Ok(header) = decode::decode(frame.link, frame.bytes, frame.wire_bytes) else { continue };
        if header.has(marks::LATER_FRAGMENT) || header.has(marks::HEADER_CUT) {
            continue;
        }
        let from = usize::from(header.payload_offset);
        let payload = &frame.bytes[from..from + usize::from(header.payload_bytes)];
        let way = (header.source, header.target, header.source_port, header.target_port);
        match header.transport {
            Transport::Udp if !payload.is_empty() => piece(way, false, false, payload),
            Transport::Tcp => {
                if header.tcp_flags & flags::SYN != 0 {
                    sides.insert(way, Side { next: Some(header.seq.wrapping_add(1)), waiting: BTreeMap::new() });
                    piece(way, true, true, &[]);
                    continue;
                }
                if payload.is_empty() {
                    continue;
                }
                let side = sides.entry(way).or_default();
                let mut next = *side.next.get_or_insert(header.seq);
                side.waiting.entry(header.seq).or_insert_with(|| payload.to_vec());
                while let Some((&seq, _)) = side.waiting.iter().find(|(seq, _)| next.wrapping_sub(**seq) < AHEAD_MAX) {
                    let bytes = side.waiting.remove(&seq).unwrap_or_default();
                    let known = next.wrapping_sub(seq) as usize;
                    if let Some(fresh) = bytes.get(known..).filter(|fresh| !fresh.is_empty()) {
                        piece(way, true, false, fresh);
                        next = next.wrapping_add(fresh.len() as u32);
                    }
                }
                side.next = Some(next);
            }
            _ => {}
        }
    }
    true
}
