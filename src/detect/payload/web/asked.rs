//! An ordinary request that nobody has answered yet: most conversations begin so, and many go no further. Its head is kept, and nothing else.

use crate::detect::payload::flow::{Flow, Wants};
use crate::detect::payload::listener::Listener;
use crate::protocol::http::framing::{Facts, Framing};
use crate::protocol::http::head;
use crate::stream::{Blocks, Parked};

use super::{Course, EXCHANGES, Phase, Room, Shelf, Web, keep, lead};

/// A request that was asked and not answered.
pub struct Asked {
    pub head: Parked,
    /// Behind it stands what begins no other.
    pub is_lost: bool,
}

/// Keeps the head of an ordinary request, if that is what these first bytes of a conversation are: whole, without a body, with nothing that
/// anybody wants, and with no other request behind it.
pub fn asked<L: Listener>(room: &mut Room<'_, L>, bytes: &[u8]) -> Option<Asked> {
    if room.shelf.open >= EXCHANGES {
        return None;
    }
    let mut facts = Facts::default();
    let (target, used) = head::plain_get(bytes, |name, value| facts.take(name, value))?;
    let (head, behind) = bytes.split_at(used);
    let behind = &behind[lead(behind)..];
    if !head::begins_request(head) || head::begins_request(behind) || facts.of_request() != Framing::None || facts.ambiguous {
        return None;
    }
    if room.wants_exchange(b"GET", target, facts.host, head) {
        // Nobody is asked twice.
        room.shelf.wanted = Some(true);
        return None;
    }
    room.shelf.open += 1;
    Some(Asked { head: keep(room.blocks, room.readings, head).into(), is_lost: !behind.is_empty() })
}

/// Gives back what is kept of a request that was asked and not answered.
pub fn forget(shelf: &mut Shelf, blocks: &mut Blocks, flow: &mut Flow) {
    blocks.free(&mut flow.head.take());
    shelf.open -= 1;
}

impl Web {
    /// Of a conversation in which a request was asked and not answered.
    pub fn of_asked(shelf: &mut Shelf, flow: &mut Flow) -> Self {
        let mut open = shelf.spare.pop().unwrap_or_default();
        open.start_ns = flow.start_ns;
        (open.packets_before, open.bytes_before) = (0, 0);
        (open.request.head, open.request.over) = (flow.head.take(), true);
        let client_low = flow.client_low;
        let course = |low: bool| {
            let is_lost = flow.sides[usize::from(low)].wants == Wants::Beginning;
            Course { phase: if is_lost { Phase::Lost } else { Phase::Head }, ..Course::default() }
        };
        let (ask, answer) = (course(client_low), course(!client_low));
        Web { client_low, ask, answer, first: Some(open), waiting: 1, asked: true, answered: false }
    }
}
