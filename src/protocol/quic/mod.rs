//! QUIC as far as everybody can read it: the ClientHello within a client's Initial packets (RFC 9000, RFC 9001; version 2: RFC 9369; and
//! the drafts from 23 on).
//!
//! [`Initials`] reads the datagrams of one client, in whatever order they come.

mod hello;
mod keys;
#[cfg(test)]
mod tests;

use crate::protocol::cursor::Cursor;
use crate::protocol::tls::{ClientHello, Progress};
use hello::Pieces;
use keys::{Keys, TAG_BYTES, Version};

pub use hello::HELLO_BYTES_MAX;

/// Header form and fixed bit of a long header (RFC 9000 section 17.2).
const LONG: u8 = 0xc0;
/// Longest connection identifier of these versions (RFC 9000 section 17.2).
const IDENTIFIER_BYTES_MAX: usize = 20;
/// Longest packet that is opened. Clients keep to what every path carries, and no Ethernet path carries more than 1,500 bytes.
const PACKET_BYTES_MAX: usize = 2048;
/// A client's first datagram is no shorter (RFC 9000 section 14.1).
pub const DATAGRAM_BYTES_MIN: usize = 1200;
/// Packets of a client that are opened, at most: a hello of 4 KiB needs four, and each may be repeated.
const PACKETS_MAX: u8 = 16;

/// Frames (RFC 9000 section 19).
mod frames {
    pub const PADDING: u64 = 0x00;
    pub const PING: u64 = 0x01;
    pub const ACK: u64 = 0x02;
    pub const ACK_ECN: u64 = 0x03;
    pub const CRYPTO: u64 = 0x06;
}

/// A packet with a long header and a length, in place.
struct Packet<'a> {
    version: Version,
    version_number: u32,
    /// An Initial; nothing else is opened.
    is_initial: bool,
    destination: &'a [u8],
    /// From the first byte to the last of the tag.
    bytes: &'a [u8],
    number_at: usize,
}

impl<'a> Packet<'a> {
    /// The first packet of these bytes, and the rest of them. Nothing if it has no long header of a known version, or no length.
    fn read(datagram: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut left = Cursor(datagram);
        let first = left.u8()?;
        if first & LONG != LONG {
            return None;
        }
        let version_number = left.u32()?;
        let version = Version::of(version_number)?;
        let kind = first >> 4 & 0x03;
        let (destination, source) = (left.vector8()?, left.vector8()?);
        if destination.len() > IDENTIFIER_BYTES_MAX || source.len() > IDENTIFIER_BYTES_MAX || kind == version.retry {
            return None;
        }
        let is_initial = kind == version.initial;
        if is_initial {
            let token = usize::try_from(variable(&mut left)?).ok()?;
            left.take(token)?;
        }
        let length = usize::try_from(variable(&mut left)?).ok()?;
        let number_at = datagram.len() - left.0.len();
        left.take(length)?;
        let (bytes, rest) = datagram.split_at(number_at + length);
        Some((Packet { version, version_number, is_initial, destination, bytes, number_at }, rest))
    }
}

/// A variable-length integer (RFC 9000 section 16).
fn variable(left: &mut Cursor<'_>) -> Option<u64> {
    let first = left.u8()?;
    let more = left.take((1 << (first >> 6)) - 1)?;
    Some(more.iter().fold(u64::from(first & 0x3f), |value, &byte| value << 8 | u64::from(byte)))
}

/// Whether a datagram looks like the first of a client: long enough, and it begins with an Initial of a known version.
#[inline]
pub fn begins(datagram: &[u8]) -> bool {
    datagram.len() >= DATAGRAM_BYTES_MIN && Packet::read(datagram).is_some_and(|(packet, _)| packet.is_initial)
}

/// The keys that have opened a packet, and how they were derived.
#[derive(Clone, Copy, Debug)]
struct Opened {
    version_number: u32,
    keys: Keys,
}

/// Reads the Initial packets of one client until its hello is complete. Holds [`HELLO_BYTES_MAX`] bytes at most.
#[derive(Debug, Default)]
pub struct Initials {
    opened: Option<Opened>,
    pieces: Option<Box<Pieces>>,
    packets: u8,
    done: bool,
}

impl Initials {
    /// Takes a datagram of the client, and gives the hello once it is complete.
    pub fn push(&mut self, datagram: &[u8], mut found: impl FnMut(ClientHello<'_>)) -> Progress {
        let mut left = datagram;
        // Initials come before other packets, and may be several (RFC 9000 section 12.2).
        while !self.done
            && let Some((packet, rest)) = Packet::read(left)
        {
            left = rest;
            if packet.is_initial {
                self.take(&packet, &mut found);
            }
        }
        self.progress()
    }

    /// [`Progress::Not`] as long as no packet could be opened.
    pub fn progress(&self) -> Progress {
        match (self.done, self.opened) {
            (true, _) => Progress::Done,
            (false, Some(_)) => Progress::More,
            (false, None) => Progress::Not,
        }
    }

    /// Bytes of memory held.
    pub fn held_bytes(&self) -> usize {
        self.pieces.as_ref().map_or(0, |_| size_of::<Pieces>())
    }

    fn take(&mut self, packet: &Packet<'_>, found: &mut impl FnMut(ClientHello<'_>)) {
        if packet.bytes.len() > PACKET_BYTES_MAX || packet.bytes.len() < packet.number_at + TAG_BYTES {
            return;
        }
        self.packets += 1;
        if self.packets > PACKETS_MAX {
            self.end();
            return;
        }
        let mut room = [0; PACKET_BYTES_MAX];
        // The keys stay when the client goes on with the server's identifier (RFC 9001 section 5.2); after a Retry they are new.
        if let Some(opened) = self.opened.filter(|opened| opened.version_number == packet.version_number)
            && let Some(text) = open(&opened.keys, packet, &mut room)
        {
            self.gather(text, found);
            return;
        }
        let keys = Keys::client(packet.version, packet.destination);
        if let Some(text) = open(&keys, packet, &mut room) {
            self.opened = Some(Opened { version_number: packet.version_number, keys });
            self.pieces = None;
            self.gather(text, found);
        }
    }

    /// Puts the pieces of the hello in their places.
    fn gather(&mut self, text: &[u8], found: &mut impl FnMut(ClientHello<'_>)) {
        let mut left = Cursor(text);
        while let Some(kind) = variable(&mut left) {
            let known = match kind {
                frames::PADDING | frames::PING => Some(()),
                frames::ACK | frames::ACK_ECN => skip_acknowledgement(&mut left, kind == frames::ACK_ECN),
                frames::CRYPTO => crypto(&mut left).map(|(offset, bytes)| {
                    self.pieces.get_or_insert_default().put(offset, bytes);
                }),
                _ => None,
            };
            if known.is_none() {
                break;
            }
        }
        let Some(pieces) = &self.pieces else { return };
        match pieces.hello() {
            Ok(Some(hello)) => {
                found(hello);
                self.end();
            }
            Ok(None) => {}
            Err(hello::Broken) => self.end(),
        }
    }

    fn end(&mut self) {
        self.done = true;
        self.pieces = None;
    }
}

/// The frames of a packet, if these keys open it.
fn open<'r>(keys: &Keys, packet: &Packet<'_>, room: &'r mut [u8; PACKET_BYTES_MAX]) -> Option<&'r [u8]> {
    let copy = &mut room[..packet.bytes.len()];
    copy.copy_from_slice(packet.bytes);
    keys.open(copy, packet.number_at)
}

/// Offset and bytes (RFC 9000 section 19.6).
fn crypto<'a>(left: &mut Cursor<'a>) -> Option<(u64, &'a [u8])> {
    let offset = variable(left)?;
    let length = usize::try_from(variable(left)?).ok()?;
    Some((offset, left.take(length)?))
}

/// Largest, delay, number of ranges, first range, then a gap and a range each; and three counters (RFC 9000 section 19.3).
fn skip_acknowledgement(left: &mut Cursor<'_>, counters: bool) -> Option<()> {
    variable(left)?;
    variable(left)?;
    let ranges = variable(left)?;
    variable(left)?;
    for _ in 0..ranges {
        variable(left)?;
        variable(left)?;
    }
    if counters {
        for _ in 0..3 {
            variable(left)?;
        }
    }
    Some(())
}
