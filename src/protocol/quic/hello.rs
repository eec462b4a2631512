//! The pieces of a hello, which come in any order and may overlap.

use crate::protocol::cursor::Cursor;
use crate::protocol::tls::ClientHello;

/// Longest hello that is put together. Those with post-quantum keys have some 2 KiB.
pub const HELLO_BYTES_MAX: usize = 4096;
const WORD_BITS: usize = u64::BITS as usize;
/// Handshake type of a ClientHello (RFC 8446 section 4).
const CLIENT_HELLO: u8 = 1;

/// This is no ClientHello, or one that is too long.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Broken;

/// The beginning of what the client sends, with holes.
#[derive(Debug)]
pub struct Pieces {
    bytes: [u8; HELLO_BYTES_MAX],
    /// A bit for each byte that is there.
    there: [u64; HELLO_BYTES_MAX / WORD_BITS],
}

impl Default for Pieces {
    fn default() -> Self {
        Pieces { bytes: [0; HELLO_BYTES_MAX], there: [0; HELLO_BYTES_MAX / WORD_BITS] }
    }
}

impl Pieces {
    /// Puts a piece in its place. Of bytes that come twice the first copy stands.
    pub fn put(&mut self, offset: u64, piece: &[u8]) {
        let Ok(offset) = usize::try_from(offset) else { return };
        for (at, &byte) in (offset..HELLO_BYTES_MAX).zip(piece) {
            let (word, bit) = (at / WORD_BITS, 1 << (at % WORD_BITS));
            if self.there[word] & bit == 0 {
                self.there[word] |= bit;
                self.bytes[at] = byte;
            }
        }
    }

    /// Bytes from the first one to the first hole.
    fn whole(&self) -> &[u8] {
        let words = self.there.iter().take_while(|&&word| word == u64::MAX).count();
        let rest = self.there.get(words).map_or(0, |word| word.trailing_ones() as usize);
        &self.bytes[..words * WORD_BITS + rest]
    }

    /// The hello, if it is complete.
    pub fn hello(&self) -> Result<Option<ClientHello<'_>>, Broken> {
        let mut left = Cursor(self.whole());
        let Some(kind) = left.u8() else { return Ok(None) };
        let Some(length) = left.u24() else { return Ok(None) };
        let length = length as usize;
        if kind != CLIENT_HELLO || length > HELLO_BYTES_MAX - 4 {
            return Err(Broken);
        }
        match left.take(length) {
            Some(body) => ClientHello::read(body).map(Some).ok_or(Broken),
            None => Ok(None),
        }
    }
}
