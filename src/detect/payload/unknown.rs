//! Conversations in none of the protocols that have a reader: their first bytes, for whoever knows more protocols.

use crate::stream::{Blocks, Chain};

use super::listener::{HEARD_BYTES, Listener, Spoken};
use crate::protocol::carried::Ends;

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
    // Every argument is another part of the lane, and all are needed at once.
    #[allow(clippy::too_many_arguments)]
    pub fn hear<L: Listener>(
        &mut self,
        blocks: &mut Blocks,
        scratch: &mut Vec<u8>,
        listener: &mut L,
        tally: &mut L::Tally,
        ends: &Ends,
        by_client: bool,
        fresh: &[u8],
        datagram: bool,
    ) -> bool {
        let mine = usize::from(by_client);
        let room = HEARD_BYTES.saturating_sub(self.heads[mine].len()).min(fresh.len());
        blocks.append(&mut self.heads[mine], &fresh[..room]);
        self.spoken[mine] = self.spoken[mine].saturating_add(fresh.len() as u32);
        scratch.clear();
        blocks.copy(&self.heads[1], scratch);
        let client_bytes = scratch.len();
        blocks.copy(&self.heads[0], scratch);
        let (client, server) = scratch.split_at(client_bytes);
        let wanted = listener.spoken(tally, ends, &Spoken { by_client, fresh, client, server, datagram });
        wanted && self.spoken[mine] < SPOKEN_BYTES_MAX
    }

    /// Gives back what it kept.
    pub fn drop_all(&mut self, blocks: &mut Blocks) {
        self.heads.iter_mut().for_each(|head| blocks.free(head));
    }
}
