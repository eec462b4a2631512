//! Ciphers of webshell clients under keys that are known: those that the clients come with, and those that many of their users take.
//!
//! Behinder and Godzilla encipher with AES-128 or by exclusive or, under the first 16 hexadecimal digits of a password's MD5 (their sources;
//! Behinder's password is `rebeyond`, Godzilla's is `key`). What a known plain text proves needs no key at all where the cipher is exclusive or:
//! the key's bytes are hexadecimal digits.

use aes::Aes128Dec;
use aes::cipher::{Array, BlockCipherDecrypt, KeyInit};
use md5::{Digest, Md5};

use super::encoding::is_ascii_text;

const KEY_BYTES: usize = 16;
/// A key of AES-128.
pub type Key = [u8; KEY_BYTES];

/// Keys, each the first 16 hexadecimal digits of the MD5 of the word behind it.
pub const KEYS: [(&Key, &str); 12] = [
    (b"e45e329feb5d925b", "rebeyond"),
    (b"3c6e0b8a9c15224a", "key"),
    (b"1a1dc91c907325c6", "pass"),
    (b"5f4dcc3b5aa765d6", "password"),
    (b"21232f297a57a5a7", "admin"),
    (b"e10adc3949ba59ab", "123456"),
    (b"0cc175b9c0f1b6a8", "a"),
    (b"9dd4e461268c8034", "x"),
    (b"dfff0a7fa1a55c8c", "cmd"),
    (b"098f6bcd4621d373", "test"),
    (b"63a9f0ea7bb98050", "root"),
    (b"2591c98b70119fe6", "shell"),
];

/// What came out under a known key.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Plain {
    /// Text: a script, or JSON.
    Text,
    /// A Java class.
    Class,
    /// A .NET assembly.
    Assembly,
    /// A gzip stream, as Godzilla packs its arguments.
    Gzip,
}

/// A gzip head as `gzencode` of PHP and `GZIPOutputStream` of Java write it: deflate, no flags, no time, no level (RFC 1952 section 2.3).
const GZIP: [u8; 9] = [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0];
/// A class file: its magic, and a minor version of zero (Java virtual machine specification section 4.1).
const CLASS: [u8; 6] = [0xca, 0xfe, 0xba, 0xbe, 0, 0];
/// The head of an assembly as every linker writes it.
const ASSEMBLY: [u8; 8] = [b'M', b'Z', 0x90, 0, 3, 0, 0, 0];
/// Bytes of text that chance does not bring: 32 bytes out of 256, of which 98 are text, come once in 10^13.
const TEXT_BYTES: usize = 32;

fn plain(bytes: &[u8]) -> Option<Plain> {
    if bytes.starts_with(&GZIP[..8]) {
        Some(Plain::Gzip)
    } else if bytes.starts_with(&CLASS) {
        Some(Plain::Class)
    } else if bytes.starts_with(&ASSEMBLY) {
        Some(Plain::Assembly)
    } else if bytes.len() >= TEXT_BYTES && is_ascii_text(&bytes[..TEXT_BYTES]) {
        Some(Plain::Text)
    } else {
        None
    }
}

/// Deciphers the beginning of `cipher` under every known key, by AES in blocks, chained from zero or from the key, and by exclusive or.
pub fn decipher(cipher: &[u8]) -> Option<Plain> {
    opened_by(cipher).map(|(plain, _)| plain)
}

/// The same, with the word that the key comes of.
pub fn opened_by(cipher: &[u8]) -> Option<(Plain, &'static str)> {
    KEYS.iter().find_map(|&(key, word)| Some((under(key, cipher)?, word)))
}

/// The word of the key that Godzilla comes with.
pub const GODZILLAS: &str = "key";

/// The same under keys that were seen.
pub fn decipher_under(keys: &[Key], cipher: &[u8]) -> Option<Plain> {
    keys.iter().filter(|key| key[0] != 0).find_map(|key| under(key, cipher))
}

fn under(key: &Key, cipher: &[u8]) -> Option<Plain> {
    let mut head = [0; 2 * KEY_BYTES];
    let len = cipher.len().min(head.len());
    for (at, byte) in head[..len].iter_mut().enumerate() {
        *byte = cipher[at] ^ key[(at + 1) & 15];
    }
    // Plain text under exclusive or must not have been text before: most text stays text under a key of text.
    let found = plain(&head[..len]).filter(|&found| found != Plain::Text || !is_ascii_text(&cipher[..len]));
    if found.is_some() || cipher.len() < KEY_BYTES {
        return found;
    }
    let aes = Aes128Dec::new(&Array::from(*key));
    let mut blocks = [Array::from([0; KEY_BYTES]); 2];
    for (block, bytes) in blocks.iter_mut().zip(cipher.chunks_exact(KEY_BYTES)) {
        block.copy_from_slice(bytes);
        aes.decrypt_block(block);
    }
    let whole = cipher.len() >= 2 * KEY_BYTES;
    let second_chained: [u8; KEY_BYTES] = std::array::from_fn(|at| blocks[1][at] ^ cipher[at]);
    let first_keyed: [u8; KEY_BYTES] = std::array::from_fn(|at| blocks[0][at] ^ key[at]);
    [(&blocks[0][..], &blocks[1][..]), (&blocks[0][..], &second_chained[..]), (&first_keyed[..], &second_chained[..])].into_iter().find_map(
        |(first, second)| {
            head[..KEY_BYTES].copy_from_slice(first);
            head[KEY_BYTES..].copy_from_slice(second);
            plain(if whole { &head } else { &head[..KEY_BYTES] })
        },
    )
}

/// Whether bytes are a gzip stream under exclusive or with a key of hexadecimal digits, whichever it is: nine known bytes give nine of the
/// key's, and chance makes them all digits once in 2^36.
pub fn is_masked_gzip(cipher: &[u8]) -> bool {
    cipher.len() > GZIP.len() + 8 && cipher.iter().zip(GZIP).all(|(&byte, known)| matches!(byte ^ known, b'0'..=b'9' | b'a'..=b'f'))
}

/// Bytes of text under an unknown key, at least: 16 of each byte of the key.
const MASKED_TEXT_BYTES: usize = 256;

/// Whether bytes are ASCII text under exclusive or with a key of hexadecimal digits, whichever it is, and not text without it.
pub fn is_masked_text(cipher: &[u8]) -> bool {
    if cipher.len() < MASKED_TEXT_BYTES || !cipher.is_ascii() || is_ascii_text(cipher) {
        return false;
    }
    (0..KEY_BYTES).all(|column| {
        b"0123456789abcdef".iter().any(|&digit| {
            let mut letters = 0;
            let mut count = 0;
            let is_text = cipher[column..].iter().step_by(KEY_BYTES).all(|&byte| {
                let byte = byte ^ digit;
                count += 1;
                letters += usize::from(byte.is_ascii_alphanumeric() || matches!(byte, b' ' | b'_' | b'$' | b'(' | b')' | b';' | b'='));
                is_ascii_text(&[byte])
            });
            // Most of a program's characters are these; of characters at random half are.
            is_text && letters * 10 >= count * 7
        })
    })
}

/// The first 16 hexadecimal digits of the MD5 of a parameter's name and a key: what Godzilla's answers begin with (its source).
fn affix(parameter: &[u8], key: &Key) -> u64 {
    let digest = Md5::new().chain_update(parameter).chain_update(key).finalize();
    digest.iter().take(8).fold(0, |affix, &byte| affix << 8 | u64::from(byte))
}

/// Whether an answer's affix is that of a parameter under a known key.
pub fn is_known_affix(parameter: &[u8], found: u64) -> bool {
    KEYS.iter().any(|&(key, _)| affix(parameter, key) == found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::testing::{Random, hex};
    use crate::detect::webshell::encoding::base64;

    fn unbase64(text: &str) -> Vec<u8> {
        let mut out = Vec::new();
        assert!(base64(text.as_bytes(), &mut out));
        out
    }

    fn masked(text: &[u8], key: &[u8]) -> Vec<u8> {
        text.iter().enumerate().map(|(at, byte)| byte ^ key[(at + 1) & 15]).collect()
    }

    #[test]
    fn keys_are_those_of_their_words() {
        for (key, word) in KEYS {
            let digits: String = Md5::digest(word).iter().map(|byte| format!("{byte:02x}")).collect();
            assert_eq!(digits.as_bytes()[..16], key[..], "{word}");
        }
    }

    #[test]
    fn the_affixes_of_the_default_are_known() {
        assert_eq!(affix(b"pass", b"3c6e0b8a9c15224a"), 0x11cd_6a87_5898_4163);
        assert!(is_known_affix(b"pass", 0x11cd_6a87_5898_4163) && !is_known_affix(b"pas", 0x11cd_6a87_5898_4163));
    }

    #[test]
    fn known_keys_open_what_clients_send() {
        // `assert|eval(base64_decode('ZXJyb3JfcmVw` under AES-128-CBC from zero, and under exclusive or, with Behinder's default key.
        let text = b"assert|eval(base64_decode('ZXJyb3JfcmVw";
        let aes = unbase64("3Mn1yNMtoZViV5wotQHPJm7cRWHP6PMjLILVEpbUrN5WygKtUlR1wc6m8iE0QldY");
        assert_eq!(decipher(&aes), Some(Plain::Text));
        assert_eq!(decipher(&masked(text, b"e45e329feb5d925b")), Some(Plain::Text));
        // Godzilla: gzip of `methodName…test` under exclusive or with its default key.
        let gzip = unbase64("fL1tMGI4YTljMf5/H/2pfJJ9qX0HWgBZAxl8Hxw1YctaFDUjYjhh");
        assert_eq!(decipher(&gzip), Some(Plain::Gzip));
        assert!(is_masked_gzip(&gzip));
        // A class file's first block under AES-128-ECB with `key`'s key: made with another implementation.
        assert_eq!(decipher(&hex("82d3f13bb90a6b359188b0b2056554e2")), Some(Plain::Class));
        // An assembly's, chained from Behinder's default key.
        assert_eq!(decipher(&hex("cc8d33f1d32eccb3f971093a822fcc5c")), Some(Plain::Assembly));
    }

    #[test]
    fn exclusive_or_needs_no_key() {
        let code = b"function run($pms){ return evalFunc(); } $parameters = array(); $_SES = array(); if (isset($pms)) { formatParameter($pms); } ".repeat(4);
        assert!(is_masked_text(&masked(&code, b"0f1e2d3c4b5a6978")));
        assert!(!is_masked_text(&code));
        let mut gzip = GZIP.to_vec();
        gzip.extend([3, 0xcb, 0x4d, 0x2d, 0xc9, 0xc8, 0x4f, 0xf1, 0x4b, 0xcc]);
        assert!(is_masked_gzip(&masked(&gzip, b"0f1e2d3c4b5a6978")) && !is_masked_gzip(&gzip));
    }

    #[test]
    fn chance_is_nothing() {
        let mut random = Random(0x5eed);
        let mut bytes = [0; 512];
        for _ in 0..2_000 {
            random.fill(&mut bytes);
            assert!(decipher(&bytes).is_none() && !is_masked_gzip(&bytes) && !is_masked_text(&bytes));
        }
        for bytes in [&b""[..], b"x", &[0; 15], &[0; 16], &[0xff; 31]] {
            assert!(decipher(bytes).is_none() && !is_masked_gzip(bytes));
        }
        assert_eq!(decipher(b"{\"id\":1,\"name\":\"a plain text of an ordinary kind\"}"), None);
    }
}
