//! Conversations in none of the protocols that have a reader: their first bytes, for whoever knows more protocols.

use crate::stream::{Blocks, Chain};

use super::listener::{HEARD_BYTES, Listener, Spoken};
use super::web::Room;

/// Bytes that one side may send before nobody listens any more: enough for the opening and a few commands of a controller.
const SPOKEN_BYTES_MAX: u32 = 64 * 1024;

/// What was said so far.
#[derive(Debug, Default)]
pub struct Unknown {
    /// By whether the client said it.
    heads: [Chain; 2],
    spoken: [u32; 2],
}

impl Unknown {
    /// Fresh bytes of one side. Returns whether somebody still listens.
    pub fn hear<L: Listener>(&mut self, room: &mut Room<'_, L>, by_client: bool, fresh: &[u8], datagram: bool) -> bool {
        let mine = usize::from(by_client);
        let take = HEARD_BYTES.saturating_sub(self.heads[mine].len()).min(fresh.len());
        room.blocks.append(&mut self.heads[mine], &fresh[..take]);
        self.spoken[mine] = self.spoken[mine].saturating_add(fresh.len() as u32);
        let scratch = &mut *room.scratch;
        scratch.clear();
        room.blocks.copy(&self.heads[1], scratch);
        let client_bytes = scratch.len();
        room.blocks.copy(&self.heads[0], scratch);
        let (client, server) = scratch.split_at(client_bytes);
        let wanted = room.listener.spoken(room.tally, room.ends, &Spoken { by_client, fresh, grown: take > 0, client, server, datagram });
        wanted && self.spoken[mine] < SPOKEN_BYTES_MAX
    }

    /// Gives back what it kept.
    pub fn drop_all(&mut self, blocks: &mut Blocks) {
        self.heads.iter_mut().for_each(|head| blocks.free(head));
    }
}
