//! JA4: how a TLS client greets, told so that shuffling what it offers changes nothing (FoxIO, "JA4: TLS Client Fingerprinting", technical
//! details; BSD-3-Clause). Written from the specification. Its siblings are under another licence, and are not here.

use sha2::{Digest, Sha256};

use super::hello::{ALPN, ClientHello, SERVER_NAME, SIGNATURE_ALGORITHMS, is_grease};

/// The fingerprint's text: ten characters, then two times twelve hexadecimal digits, with `_` between.
pub type Ja4 = [u8; 36];

/// What carried the hello; its value is the fingerprint's first character.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Carried {
    Tcp = b't',
    Quic = b'q',
}

const HEX: &[u8; 16] = b"0123456789abcdef";
/// Two digits: higher counts are told as this.
const COUNT_MAX: usize = 99;
/// Bytes of a digest that are told.
const TOLD_BYTES: usize = 6;
/// Values that are sorted in place; longer lists, which no real client sends, are sorted on the heap.
const SORTED_MAX: usize = 128;

/// The fingerprint of a hello.
pub fn client(hello: &ClientHello<'_>, carried: Carried) -> Ja4 {
    let mut text = [b'_'; 36];
    text[0] = carried as u8;
    text[1..3].copy_from_slice(version(hello));
    text[3] = if hello.extensions.get(SERVER_NAME).is_some() { b'd' } else { b'i' };
    text[4..6].copy_from_slice(&count(hello.ciphers.meant()));
    text[6..8].copy_from_slice(&count(hello.extensions.meant()));
    text[8..10].copy_from_slice(&protocol(hello));
    text[11..23].copy_from_slice(&ciphers(hello));
    text[24..36].copy_from_slice(&extensions(hello));
    text
}

fn version(hello: &ClientHello<'_>) -> &'static [u8; 2] {
    match hello.supported_versions().meant().max().unwrap_or(hello.version) {
        0x0304 => b"13",
        0x0303 => b"12",
        0x0302 => b"11",
        0x0301 => b"10",
        0x0300 => b"s3",
        0x0002 => b"s2",
        _ => b"00",
    }
}

fn count(values: impl Iterator<Item = u16>) -> [u8; 2] {
    let count = values.count().min(COUNT_MAX) as u8;
    [b'0' + count / 10, b'0' + count % 10]
}

/// First and last character of the first application protocol; of its hexadecimal form, if one of the two is neither letter nor digit.
fn protocol(hello: &ClientHello<'_>) -> [u8; 2] {
    match hello.application_protocols().next() {
        Some(&[ref first, .., ref last]) | Some(&[ref first @ ref last]) => {
            if first.is_ascii_alphanumeric() && last.is_ascii_alphanumeric() {
                [*first, *last]
            } else {
                [HEX[usize::from(first >> 4)], HEX[usize::from(last & 0x0f)]]
            }
        }
        _ => *b"00",
    }
}

fn ciphers(hello: &ClientHello<'_>) -> [u8; 2 * TOLD_BYTES] {
    let mut digest = Sha256::new();
    if !sorted(hello.ciphers.meant(), &mut digest) {
        return [b'0'; 2 * TOLD_BYTES];
    }
    told(digest)
}

fn extensions(hello: &ClientHello<'_>) -> [u8; 2 * TOLD_BYTES] {
    let mut digest = Sha256::new();
    let any = sorted(hello.extensions.meant().filter(|&kind| kind != SERVER_NAME && kind != ALPN), &mut digest);
    if !any {
        return [b'0'; 2 * TOLD_BYTES];
    }
    let mut separator = b"_";
    for algorithm in hello.extensions.values(SIGNATURE_ALGORITHMS).iter().filter(|&algorithm| !is_grease(algorithm)) {
        digest.update(separator);
        digest.update(hex(algorithm));
        separator = b",";
    }
    told(digest)
}

/// Hashes the values in ascending order as four hexadecimal digits each, joined with commas. False if there are none.
fn sorted(values: impl Iterator<Item = u16>, digest: &mut Sha256) -> bool {
    let mut first = [0; SORTED_MAX];
    let mut held = 0;
    let mut all = Vec::new();
    for value in values {
        if held == SORTED_MAX && all.is_empty() {
            all.extend_from_slice(&first);
        }
        match first.get_mut(held) {
            Some(place) => {
                *place = value;
                held += 1;
            }
            None => all.push(value),
        }
    }
    let list = if all.is_empty() { &mut first[..held] } else { &mut all[..] };
    list.sort_unstable();
    for (number, &value) in list.iter().enumerate() {
        if number > 0 {
            digest.update(b",");
        }
        digest.update(hex(value));
    }
    !list.is_empty()
}

fn hex(value: u16) -> [u8; 4] {
    [12, 8, 4, 0].map(|shift| HEX[usize::from(value >> shift & 0x0f)])
}

fn told(digest: Sha256) -> [u8; 2 * TOLD_BYTES] {
    let mut text = [0; 2 * TOLD_BYTES];
    for (pair, byte) in text.chunks_exact_mut(2).zip(digest.finalize()) {
        pair.copy_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 0x0f)]]);
    }
    text
}
