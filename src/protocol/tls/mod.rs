//! TLS as far as it is in the clear: both hellos with their fingerprints, and the server's certificate up to version 1.2.
//!
//! [`Handshakes`] reads one direction of a connection from its first byte, in whatever pieces it comes; [`Message`] is what it finds.

pub mod certificate;
pub mod hello;
pub mod ja3;
pub mod ja4;
#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;

pub use certificate::Certificate;
pub use hello::{ClientHello, ServerHello};

use crate::protocol::cursor::Cursor;

/// Content types (RFC 8446 section 5.1).
const CHANGE_CIPHER_SPEC: u8 = 20;
const ALERT: u8 = 21;
const HANDSHAKE: u8 = 22;
/// Handshake types (RFC 8446 section 4, RFC 5246 section 7.4).
const CLIENT_HELLO: u8 = 1;
const SERVER_HELLO: u8 = 2;
const CERTIFICATE: u8 = 11;
const CERTIFICATE_STATUS: u8 = 22;
const SUPPLEMENTAL_DATA: u8 = 23;

const RECORD_HEADER_BYTES: usize = 5;
const MESSAGE_HEADER_BYTES: usize = 4;
/// Longest record: 2^14 bytes and what encryption may add (RFC 5246 section 6.2.3).
const RECORD_BYTES_MAX: usize = (1 << 14) + 2048;
/// Longest message that is kept. Hellos have some hundred bytes, with post-quantum keys 2 KiB; of certificates, the first is what counts.
pub const MESSAGE_BYTES_MAX: usize = 16 << 10;
/// Messages of a direction that are looked at: two hellos, certificate, status, and room for what is skipped.
const MESSAGES_MAX: u8 = 8;

/// What is found in a direction.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Message<'a> {
    ClientHello(ClientHello<'a>),
    ServerHello(ServerHello<'a>),
    /// The first of the certificates: the sender's own.
    Certificate(Certificate<'a>),
}

/// How far a direction has been read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Progress {
    /// Go on.
    More,
    /// There is nothing more to see: what follows is encrypted, or of no interest.
    Done,
    /// This is no TLS, or it is broken.
    Not,
}

/// Whether these first bytes of a direction are a handshake's. `None` while there are too few to say.
pub fn begins(first: &[u8]) -> Option<bool> {
    // Content type, version 3.0 to 3.4, length, and the type of the first message.
    match *first {
        [HANDSHAKE, 3, 0..=4, _, _, message, ..] => Some(matches!(message, CLIENT_HELLO | SERVER_HELLO)),
        [] | [HANDSHAKE] | [HANDSHAKE, 3] | [HANDSHAKE, 3, 0..=4] | [HANDSHAKE, 3, 0..=4, _] | [HANDSHAKE, 3, 0..=4, _, _] => None,
        _ => Some(false),
    }
}

/// Reads one direction of a connection. Holds nothing but a message that came in pieces, and that up to [`MESSAGE_BYTES_MAX`].
#[derive(Debug)]
pub struct Handshakes {
    progress: Progress,
    header: [u8; RECORD_HEADER_BYTES],
    header_bytes: u8,
    /// Bytes of the open record that are still to come.
    record_left: u16,
    /// Messages begun.
    messages: u8,
    /// The cipher changed: what follows is encrypted, unless it is the second pair of hellos of version 1.3.
    changed: bool,
    /// Whole length of the open message; 0 while its header is incomplete.
    wanted: u32,
    /// Bytes of the last message that are thrown away.
    skip: u32,
    /// The open message, with its header, as far as it has come.
    kept: Vec<u8>,
}

impl Default for Handshakes {
    fn default() -> Self {
        Handshakes {
            progress: Progress::More,
            header: [0; RECORD_HEADER_BYTES],
            header_bytes: 0,
            record_left: 0,
            messages: 0,
            changed: false,
            wanted: 0,
            skip: 0,
            kept: Vec::new(),
        }
    }
}

impl Handshakes {
    /// Takes the next bytes, and gives each message that they complete.
    pub fn push(&mut self, bytes: &[u8], mut found: impl FnMut(Message<'_>)) -> Progress {
        let mut left = bytes;
        while !left.is_empty() && self.progress == Progress::More {
            if self.record_left == 0 {
                left = self.take_header(left);
                continue;
            }
            let (part, rest) = left.split_at(left.len().min(usize::from(self.record_left)));
            left = rest;
            self.record_left -= part.len() as u16;
            if self.header[0] == HANDSHAKE {
                self.take_handshake(part, &mut found);
            }
        }
        if self.progress != Progress::More {
            self.kept = Vec::new();
        }
        self.progress
    }

    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// Bytes of memory held.
    pub fn held_bytes(&self) -> usize {
        self.kept.capacity()
    }

    fn take_header<'b>(&mut self, bytes: &'b [u8]) -> &'b [u8] {
        let have = usize::from(self.header_bytes);
        let (part, rest) = bytes.split_at(bytes.len().min(RECORD_HEADER_BYTES - have));
        self.header[have..have + part.len()].copy_from_slice(part);
        self.header_bytes += part.len() as u8;
        if usize::from(self.header_bytes) < RECORD_HEADER_BYTES {
            return rest;
        }
        self.header_bytes = 0;
        let [kind, major, _, high, low] = self.header;
        let length = u16::from_be_bytes([high, low]);
        self.record_left = length;
        let first = self.messages == 0;
        let open = !self.kept.is_empty() || self.wanted > 0 || self.skip > 0;
        self.progress = match kind {
            _ if major != 3 || usize::from(length) > RECORD_BYTES_MAX => Progress::Not,
            HANDSHAKE if length > 0 => Progress::More,
            // A message goes on in the next record of its kind, and nothing may stand between them (RFC 8446 section 5.1).
            _ if open => Progress::Not,
            // A server may warn before it greets (RFC 6066 section 3).
            ALERT => Progress::More,
            // In 1.3 it says nothing (RFC 8446 appendix D.4), and may stand between the first hello and the second.
            CHANGE_CIPHER_SPEC if !first => {
                self.changed = true;
                Progress::More
            }
            _ if first => Progress::Not,
            _ => Progress::Done,
        };
        rest
    }

    /// Takes a piece of a record of handshakes.
    fn take_handshake(&mut self, piece: &[u8], found: &mut impl FnMut(Message<'_>)) {
        let mut left = piece;
        while !left.is_empty() && self.progress == Progress::More {
            if self.skip > 0 {
                let skipped = left.len().min(self.skip as usize);
                self.skip -= skipped as u32;
                left = &left[skipped..];
            } else if self.wanted > 0 {
                left = self.take_rest(left, found);
            } else if self.kept.is_empty() && left.len() >= MESSAGE_HEADER_BYTES {
                self.begin(left[0], length(left));
                // In place, if it is whole.
                if let Some((message, rest)) = left.split_at_checked(self.wanted as usize).filter(|_| self.wanted > 0) {
                    self.wanted = 0;
                    self.tell(message, found);
                    left = rest;
                }
            } else {
                let (part, rest) = left.split_at(left.len().min(MESSAGE_HEADER_BYTES - self.kept.len()));
                self.kept.extend_from_slice(part);
                left = rest;
                if let [kind, _, _, _] = self.kept[..] {
                    self.begin(kind, length(&self.kept));
                }
            }
        }
    }

    /// Adds to the open message, and tells it once it is complete, or as much of it as is kept.
    fn take_rest<'b>(&mut self, bytes: &'b [u8], found: &mut impl FnMut(Message<'_>)) -> &'b [u8] {
        let kept_max = (self.wanted as usize).min(MESSAGE_BYTES_MAX);
        self.kept.reserve_exact(kept_max.saturating_sub(self.kept.len()));
        let (part, rest) = bytes.split_at(bytes.len().min(kept_max.saturating_sub(self.kept.len())));
        self.kept.extend_from_slice(part);
        if self.kept.len() >= kept_max {
            let message = std::mem::take(&mut self.kept);
            self.skip = self.wanted - kept_max as u32;
            self.wanted = 0;
            self.tell(&message, found);
        }
        rest
    }

    /// A message begins, with so many bytes behind its header. One that is not to be looked at ends the reading.
    fn begin(&mut self, kind: u8, body_bytes: usize) {
        let bytes = MESSAGE_HEADER_BYTES + body_bytes;
        let hello = matches!(kind, CLIENT_HELLO | SERVER_HELLO);
        // Before the certificate may stand what is neither (RFC 4680 supplemental data); after it nothing is looked at.
        let known = hello || (!self.changed && matches!(kind, CERTIFICATE | CERTIFICATE_STATUS | SUPPLEMENTAL_DATA));
        self.progress = if self.messages == 0 && !hello || hello && bytes > MESSAGE_BYTES_MAX {
            Progress::Not
        } else if !known || self.messages >= MESSAGES_MAX {
            Progress::Done
        } else {
            Progress::More
        };
        if self.progress == Progress::More {
            self.messages += 1;
            self.wanted = bytes as u32;
        }
    }

    fn tell(&mut self, message: &[u8], found: &mut impl FnMut(Message<'_>)) {
        let body = &message[MESSAGE_HEADER_BYTES..];
        match message[0] {
            CLIENT_HELLO => match ClientHello::read(body) {
                Some(hello) => found(Message::ClientHello(hello)),
                None => self.progress = Progress::Not,
            },
            SERVER_HELLO => match ServerHello::read(body) {
                Some(hello) => {
                    found(Message::ServerHello(hello));
                    if hello.hides_the_rest() && !hello.retry {
                        self.progress = Progress::Done;
                    }
                }
                None => self.progress = Progress::Not,
            },
            CERTIFICATE => {
                // The list's length, then each certificate behind its own.
                let mut list = Cursor(body);
                if let Some(der) = list.u24().and_then(|_| list.vector24()).filter(|der| !der.is_empty()) {
                    found(Message::Certificate(Certificate { der }));
                }
                self.progress = Progress::Done;
            }
            _ => {}
        }
    }
}

/// Bytes of the body, from a message's header (RFC 8446 section 4).
fn length(header: &[u8]) -> usize {
    u32::from_be_bytes([0, header[1], header[2], header[3]]) as usize
}
