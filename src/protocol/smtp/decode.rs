//! Transfer encodings of mail: base64 and quoted-printable (RFC 2045 section 6).

use crate::protocol::digits::{self, Sixes, escaped};

/// Bytes handed on at once.
const CHUNK_BYTES: usize = 510;

/// A base64 decoder. Whatever is not of the alphabet is passed over (RFC 2045 section 6.8); padding ends the data.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Base64 {
    sixes: Sixes,
    over: bool,
}

impl Base64 {
    /// Takes the next characters, and hands on the bytes that they complete.
    pub fn feed(&mut self, text: &[u8], mut out: impl FnMut(&[u8])) {
        let mut chunk = [0; CHUNK_BYTES];
        let mut filled = 0;
        for &byte in text {
            self.over |= byte == b'=';
            if self.over {
                break;
            }
            // The alphabet of URLs is none of mail's.
            let value = digits::base64(byte).filter(|_| !matches!(byte, b'-' | b'_'));
            if let Some(plain) = value.and_then(|value| self.sixes.push(value)) {
                chunk[filled] = plain;
                filled += 1;
                if filled == CHUNK_BYTES {
                    out(&chunk);
                    filled = 0;
                }
            }
        }
        if filled > 0 {
            out(&chunk[..filled]);
        }
    }
}

/// Decodes a line of quoted-printable (RFC 2045 section 6.7), without its line end. Whether the line end belongs to the data.
pub fn quoted_printable(line: &[u8], plain: &mut Vec<u8>) -> bool {
    plain.clear();
    let line = line.trim_ascii_end();
    let (line, hard) = match line.strip_suffix(b"=") {
        Some(line) => (line, false),
        None => (line, true),
    };
    escaped(line, b'=', None, plain);
    hard
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_is_decoded_in_pieces() {
        let decode = |pieces: &[&[u8]]| {
            let mut decoder = Base64::default();
            let mut plain = Vec::new();
            pieces.iter().for_each(|piece| decoder.feed(piece, |bytes| plain.extend_from_slice(bytes)));
            plain
        };
        // RFC 4648 section 10.
        for (text, plain) in [(&b""[..], &b""[..]), (b"Zg==", b"f"), (b"Zm8=", b"fo"), (b"Zm9v", b"foo"), (b"Zm9vYmFy", b"foobar")] {
            assert_eq!(decode(&[text]), plain);
        }
        assert_eq!(decode(&[b"Zm9", b" v\r\nY", b"mFy", b"=", b"Zm9v"]), b"foobar");
        assert_eq!(decode(&[&[b'A'; 4000]]), [0; 3000]);
    }

    #[test]
    fn quoted_printable_is_decoded_by_lines() {
        let mut plain = Vec::new();
        assert!(quoted_printable(b"a=3Db=zz=C3=A9  ", &mut plain));
        assert_eq!(plain, "a=b=zzé".as_bytes());
        assert!(!quoted_printable(b"soft=", &mut plain));
        assert_eq!(plain, b"soft");
    }
}
