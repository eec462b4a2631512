//! TCP segments, put in order: what comes next goes to the reader, what is ahead waits, and what nobody has use for passes.

use crate::decode::flags;
use crate::detect::packet::Packet;
use crate::protocol::http::head;
use crate::stream::Place;

use super::flow::{Flow, State, Wants, marks};
use super::listener::Listener;
use super::turn::{Came, Turn, owner};

/// Bytes of one side that wait behind a hole, at most: as much as a window without scaling (RFC 9293 section 3.1).
const WAITING_BYTES_MAX: usize = 64 * 1024;

impl Flow {
    /// Takes note of what a segment acknowledges.
    #[inline]
    pub fn acknowledge(&mut self, packet: &Packet<'_>) {
        let header = packet.header;
        if header.tcp_flags & flags::ACK != 0 {
            let theirs = self.side(!packet.source_low);
            if theirs.has_acked().is_none_or(|acked| header.ack.wrapping_sub(acked) < 1 << 31) {
                theirs.acked = header.ack;
                theirs.marks |= marks::ACKED;
            }
        }
    }

    /// Whether these bytes, which come next, pass unread.
    #[inline]
    fn passes(&mut self, low: bool, bytes: &[u8]) -> bool {
        let by_client = low == self.client_low;
        let side = self.side(low);
        match side.wants {
            Wants::All => false,
            Wants::Beginning => !head::begins_message(bytes, by_client),
            Wants::Later => match side.passing.checked_sub(bytes.len() as u32) {
                Some(left) => {
                    side.passing = left;
                    true
                }
                None => false,
            },
        }
    }
}

impl<L: Listener> Turn<'_, L> {
    /// A TCP segment of a flow.
    #[inline]
    pub fn segment(&mut self, packet: &Packet<'_>, at: u16) {
        let (header, low) = (packet.header, packet.source_low);
        let flow = self.flow(at);
        flow.acknowledge(packet);
        if !packet.payload.is_empty() {
            let payload = match flow.side(low).place(header.seq, packet.payload.len()) {
                Place::Next { repeated } => &packet.payload[repeated..],
                Place::Repeated => &[],
                Place::Ahead { missing } => self.ahead(packet, at, missing),
                Place::Elsewhere => {
                    self.elsewhere(at, low, header.seq);
                    packet.payload
                }
            };
            if !payload.is_empty() {
                self.take(at, low, payload, Some(packet));
            }
            let cut = u32::from(header.payload_claimed.saturating_sub(header.payload_bytes));
            if cut > 0 {
                let end = header.seq.wrapping_add(u32::from(header.payload_claimed));
                let missing = self.flow(at).side(low).order().missing_before(end);
                self.missing(at, low, missing.min(cut));
            }
        }
        if self.flow(at).side(low).is(marks::WAITS) {
            self.drain(at, low, None);
        }
        if header.tcp_flags & flags::FIN != 0 {
            let flow = self.flow(at);
            flow.fin[usize::from(low)] = header.seq.wrapping_add(u32::from(header.payload_claimed));
            flow.side(low).marks |= marks::FIN;
        }
        if self.flow(at).side(low).is(marks::FIN) {
            self.end(at, low);
        }
    }

    /// A segment before which bytes are missing. It waits, or returns what of it comes next because they will not come.
    #[inline(never)]
    fn ahead<'p>(&mut self, packet: &Packet<'p>, at: u16, missing: u32) -> &'p [u8] {
        let (seq, payload, low) = (packet.header.seq, packet.payload, packet.source_low);
        if self.flow(at).state == State::Asked {
            self.put_asked(at, packet);
        }
        let owner = owner(at, low);
        let side = *self.flow(at).side(low);
        // What the other side has got and was not seen here will not come again.
        let lost = side.has_acked().is_some_and(|acked| acked.wrapping_sub(seq) < 1 << 31);
        let waiting = if side.is(marks::WAITS) { self.lane.desk.held.bytes(owner) } else { 0 };
        let may_wait = !lost && waiting + payload.len() <= WAITING_BYTES_MAX;
        if may_wait {
            self.flow(at).side(low).marks |= marks::WAITS;
            let desk = &mut self.lane.desk;
            if desk.held.keep(&mut desk.blocks, owner, seq, payload) {
                return &[];
            }
        }
        self.tally.readings.over_budget += u64::from(!lost);
        let first = self.lane.desk.held.first(owner, side.order().next().unwrap_or(seq));
        let missing = first.map_or(missing, |first| side.order().missing_before(first).min(missing));
        self.missing(at, low, missing);
        self.drain(at, low, Some(seq));
        let end = seq.wrapping_add(payload.len() as u32);
        let left = self.flow(at).side(low).order().missing_before(end).min(payload.len() as u32);
        &payload[payload.len() - left as usize..]
    }

    /// A segment whose number has nothing to do with the stream so far: it goes on from there.
    fn elsewhere(&mut self, at: u16, low: bool, seq: u32) {
        let side = self.flow(at).side(low);
        side.jump(seq);
        if side.is(marks::WAITS) {
            side.marks &= !marks::WAITS;
            self.lane.desk.held.drop_all(&mut self.lane.desk.blocks, owner(at, low));
        }
        self.tally.readings.gaps += 1;
        self.came(at, low, Came::Missing(None));
    }

    /// Bytes that come next, in this packet or from behind a hole.
    #[inline]
    fn take(&mut self, at: u16, low: bool, bytes: &[u8], packet: Option<&Packet<'_>>) {
        let flow = self.flow(at);
        flow.side(low).advance(bytes.len() as u32);
        if flow.passes(low, bytes) {
            return;
        }
        if flow.state == State::Asked
            && let Some(packet) = packet
        {
            self.put_asked(at, packet);
        }
        self.came(at, low, Came::Bytes(bytes));
    }

    /// Bytes that will not come.
    fn missing(&mut self, at: u16, low: bool, bytes: u32) {
        if bytes == 0 {
            return;
        }
        self.flow(at).side(low).advance(bytes);
        self.tally.readings.gaps += 1;
        self.tally.readings.gap_bytes += u64::from(bytes);
        self.came(at, low, Came::Missing(Some(bytes)));
    }

    /// Takes what waited, as far as it comes next; up to a number all that waited, holes or not.
    #[inline(never)]
    pub fn drain(&mut self, at: u16, low: bool, until: Option<u32>) {
        let owner = owner(at, low);
        loop {
            let side = *self.flow(at).side(low);
            let Some(next) = side.order().next().filter(|_| side.is(marks::WAITS)) else { return };
            let mut late = std::mem::take(&mut self.lane.late);
            late.clear();
            let desk = &mut self.lane.desk;
            let found = desk.held.take(&mut desk.blocks, owner, next, &mut late);
            if found {
                // Whatever waits has a reader: see `ahead`.
                self.take(at, low, &late, None);
            }
            self.lane.late = late;
            if found {
                continue;
            }
            let Some(first) = self.lane.desk.held.first(owner, next) else {
                self.flow(at).side(low).marks &= !marks::WAITS;
                return;
            };
            // What the other side has got by now, or what must make room, is not waited for.
            let lost = side.has_acked().is_some_and(|acked| acked.wrapping_sub(first) < 1 << 31);
            let ends = until.is_some_and(|until| until.wrapping_sub(first) < 1 << 31);
            if !lost && !ends {
                return;
            }
            let missing = side.order().missing_before(first);
            if missing == 0 {
                self.lane.desk.held.drop_all(&mut self.lane.desk.blocks, owner);
                return;
            }
            self.missing(at, low, missing);
        }
    }

    /// A side's stream is over once all before its FIN has come.
    fn end(&mut self, at: u16, low: bool) {
        let flow = self.flow(at);
        let fin = flow.fin[usize::from(low)];
        let side = flow.side(low);
        if side.is(marks::ENDED) || side.order().next().is_some_and(|next| next != fin) {
            return;
        }
        side.marks |= marks::ENDED;
        self.came(at, low, Came::End);
    }
}
