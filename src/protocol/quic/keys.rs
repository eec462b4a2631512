//! The keys of a client's Initial packets, which everybody can derive (RFC 9001 section 5.2), and what they open.

use aes_gcm::aead::{AeadInOut, KeyInit};
use aes_gcm::aes::Aes128;
use aes_gcm::aes::cipher::BlockCipherEncrypt;
use aes_gcm::{Aes128Gcm, Nonce, Tag};
use hkdf::Hkdf;
use sha2::Sha256;

/// What differs between the versions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Version {
    salt: &'static [u8; 20],
    /// Labels of the key, the vector, and of header protection.
    labels: [&'static str; 3],
    /// The long packet type of an Initial.
    pub initial: u8,
    /// The long packet type of a Retry, which has no length.
    pub retry: u8,
}

/// RFC 9001 section 5.2.
const V1: Version = Version {
    salt: &[0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a],
    labels: ["tls13 quic key", "tls13 quic iv", "tls13 quic hp"],
    initial: 0,
    retry: 3,
};
/// RFC 9369 section 3.
const V2: Version = Version {
    salt: &[0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9],
    labels: ["tls13 quicv2 key", "tls13 quicv2 iv", "tls13 quicv2 hp"],
    initial: 1,
    retry: 0,
};
/// draft-ietf-quic-tls-29 section 5.2.
const DRAFT_29: Version = Version {
    salt: &[0xaf, 0xbf, 0xec, 0x28, 0x99, 0x93, 0xd2, 0x4c, 0x9e, 0x97, 0x86, 0xf1, 0x9c, 0x61, 0x11, 0xe0, 0x43, 0x90, 0xa8, 0x99],
    ..V1
};
/// draft-ietf-quic-tls-23 section 5.2.
const DRAFT_23: Version = Version {
    salt: &[0xc3, 0xee, 0xf7, 0x12, 0xc7, 0x2e, 0xbb, 0x5a, 0x11, 0xa7, 0xd2, 0x43, 0x2b, 0xb4, 0x63, 0x65, 0xbe, 0xf9, 0xf5, 0x02],
    ..V1
};

impl Version {
    /// By its number on the wire; drafts are 0xff000000 and their number. Nothing if it is unknown.
    pub fn of(number: u32) -> Option<Self> {
        match number {
            1 | 0xff00_0021..=0xff00_0022 => Some(V1),
            0x6b33_43cf => Some(V2),
            0xff00_001d..=0xff00_0020 => Some(DRAFT_29),
            0xff00_0017..=0xff00_001c => Some(DRAFT_23),
            _ => None,
        }
    }
}

/// What opens a client's Initial packets.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Keys {
    pub key: [u8; 16],
    pub vector: [u8; 12],
    pub header: [u8; 16],
}

/// Bytes of the tag behind a packet (RFC 9001 section 5.3).
pub const TAG_BYTES: usize = 16;
/// The sample that masks the header is taken where a packet number of the longest kind would end (RFC 9001 section 5.4.2).
const NUMBER_BYTES_MAX: usize = 4;
const SAMPLE_BYTES: usize = 16;

impl Keys {
    /// From the destination identifier of the client's first packet.
    pub fn client(version: Version, destination: &[u8]) -> Self {
        let (_, initial) = Hkdf::<Sha256>::extract(Some(version.salt), destination);
        let mut secret = [0; 32];
        expand(&initial, "tls13 client in", &mut secret);
        let secret = from_secret(&secret);
        let mut keys = Keys { key: [0; 16], vector: [0; 12], header: [0; 16] };
        let [key, vector, header] = version.labels;
        expand(&secret, key, &mut keys.key);
        expand(&secret, vector, &mut keys.vector);
        expand(&secret, header, &mut keys.header);
        keys
    }

    /// Opens a packet in place: `packet` begins with its first byte and ends with its tag, the packet number stands at `number_at`. Gives
    /// the frames; nothing if it was not sealed with these keys, and then `packet` is spoilt.
    pub fn open<'p>(&self, packet: &'p mut [u8], number_at: usize) -> Option<&'p [u8]> {
        let sample = packet.get(number_at + NUMBER_BYTES_MAX..)?.first_chunk::<SAMPLE_BYTES>()?;
        let mut mask = (*sample).into();
        Aes128::new(&self.header.into()).encrypt_block(&mut mask);
        // A long header hides the low four bits of its first byte (RFC 9001 section 5.4.1).
        packet[0] ^= mask[0] & 0x0f;
        let number_bytes = usize::from(packet[0] & 0x03) + 1;
        let mut nonce = self.vector;
        let masked = packet[number_at..number_at + number_bytes].iter_mut().zip(&mask[1..]);
        for ((byte, mask), nonce) in masked.zip(&mut nonce[12 - number_bytes..]) {
            *byte ^= mask;
            *nonce ^= *byte;
        }
        let (header, sealed) = packet.split_at_mut(number_at + number_bytes);
        let (text, tag) = sealed.split_at_mut(sealed.len().checked_sub(TAG_BYTES)?);
        let tag: Tag = Tag::try_from(&*tag).ok()?;
        let cipher = Aes128Gcm::new(&self.key.into());
        cipher.decrypt_inout_detached(&Nonce::from(nonce), header, (&mut *text).into(), &tag).ok()?;
        Some(text)
    }
}

fn from_secret(secret: &[u8; 32]) -> Hkdf<Sha256> {
    Hkdf::from_prk(secret).expect("a secret is as long as its digest")
}

/// HKDF-Expand-Label with an empty context (RFC 8446 section 7.1): length, label, context, the last two behind their lengths.
fn expand(secret: &Hkdf<Sha256>, label: &'static str, output: &mut [u8]) {
    let length = (output.len() as u16).to_be_bytes();
    secret.expand_multi_info(&[&length, &[label.len() as u8], label.as_bytes(), &[0]], output).expect("no key is longer than 255 digests");
}
