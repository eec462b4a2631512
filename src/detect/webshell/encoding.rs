//! What hides a script or a command in a request, undone: percent-encoding, base64, and the layout of code.

use memchr::memmem;

use crate::protocol::digits::{self, Sixes};

/// Bytes of a body, a value or a script that are looked at. Webshells and their requests say what they are in the first few hundred.
pub const SCAN_BYTES: usize = 16 * 1024;
/// Parameters of one form that are looked at.
pub const PARAMETERS_MAX: usize = 64;

/// Whether `needle` occurs.
pub fn has(haystack: &[u8], needle: &[u8]) -> bool {
    memmem::find(haystack, needle).is_some()
}

/// Whether one of them occurs.
pub fn has_any(haystack: &[u8], needles: &[&[u8]]) -> bool {
    needles.iter().any(|needle| has(haystack, needle))
}

/// The beginning of bytes, as far as it is looked at.
pub fn scanned(bytes: &[u8]) -> &[u8] {
    bytes.get(..SCAN_BYTES).unwrap_or(bytes)
}

/// Undoes percent-encoding into `out`, which is emptied first; with `plus`, a plus sign is a space (WHATWG URL standard,
/// application/x-www-form-urlencoded). What is no encoding stays as it is.
pub fn percent(bytes: &[u8], plus: bool, out: &mut Vec<u8>) {
    out.clear();
    digits::escaped(scanned(bytes), b'%', plus.then_some(b'+'), out);
}

/// Undoes base64 into `out`, which is emptied first, and says whether the bytes, as far as they are looked at, are nothing but base64
/// (RFC 4648 sections 4 and 5, with or without padding, in one line).
pub fn base64(bytes: &[u8], out: &mut Vec<u8>) -> bool {
    out.clear();
    let whole = bytes.len() <= SCAN_BYTES;
    let bytes = scanned(bytes);
    let padding = bytes.iter().rev().take_while(|&&byte| byte == b'=').count();
    let mut sixes = Sixes::default();
    for &byte in &bytes[..bytes.len() - padding] {
        let Some(value) = digits::base64(byte) else { return false };
        out.extend(sixes.push(value));
    }
    // A lone character at the end is no byte, and at most two pad.
    !out.is_empty() && (!whole || padding <= 2 && sixes.held() != 6)
}

/// The parameters of a form: names and values as sent.
pub fn parameters(form: &[u8]) -> impl Iterator<Item = (&[u8], &[u8])> {
    form.split(|&byte| byte == b'&').take(PARAMETERS_MAX).filter(|pair| !pair.is_empty()).map(|pair| match memchr::memchr(b'=', pair) {
        Some(at) => (&pair[..at], &pair[at + 1..]),
        None => (pair, &pair[pair.len()..]),
    })
}

/// Code without what its author may vary at will, into `out`, which is emptied first: in lower case, without comments, control characters
/// and the sign that silences errors in PHP, with white space only between two words, with `\u0041` as `A` (Java language
/// specification section 3.3).
pub fn compact(code: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let code = scanned(code);
    let (mut at, mut gap) = (0, false);
    // Behind the last end of a comment none ends; to look for it each time would cost the square of the length.
    let last_end = memmem::rfind(code, b"*/").unwrap_or(0);
    while let Some(&byte) = code.get(at) {
        let mut byte = byte;
        let mut width = 1;
        match (byte, code.get(at + 1)) {
            (b'/', Some(b'*')) => {
                let comment = if at + 2 <= last_end { memmem::find(&code[at + 2..], b"*/") } else { None };
                at += comment.map_or(2, |end| end + 4);
                continue;
            }
            (b'\\', Some(b'u')) => {
                let more = code[at + 2..].iter().take(8).take_while(|&&byte| byte == b'u').count();
                let number = code.get(at + 2 + more..at + 6 + more).and_then(digits::number);
                if let Some(number) = number.and_then(|number| u8::try_from(number).ok()) {
                    (byte, width) = (number, 6 + more);
                }
            }
            _ => {}
        }
        at += width;
        if byte <= b' ' || byte == 0x7f {
            gap = true;
            continue;
        }
        if byte == b'@' {
            continue;
        }
        if gap && is_word(byte) && out.last().is_some_and(|&last| is_word(last)) {
            out.push(b' ');
        }
        gap = false;
        out.push(byte.to_ascii_lowercase());
    }
}

/// Whether a byte can be part of a name in a program.
pub fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}

/// Whether bytes are text: no control characters but white space.
pub fn is_text(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte >= b' ' && byte != 0x7f || matches!(byte, b'\t' | b'\n' | b'\r'))
}

/// Whether bytes are ASCII text.
pub fn is_ascii_text(bytes: &[u8]) -> bool {
    bytes.is_ascii() && is_text(bytes)
}

/// Bytes for which the share of distinct ones says something.
const CIPHER_BYTES_MIN: usize = 64;

/// Whether bytes look enciphered: nearly as many distinct values as chance gives, and no share of any that chance does not give.
/// Of n bytes drawn at random from 256, 256·(1 − (255/256)^n) are distinct on average.
pub fn is_random(bytes: &[u8]) -> bool {
    if bytes.len() < CIPHER_BYTES_MIN {
        return false;
    }
    let mut counts = [0u32; 256];
    for &byte in bytes {
        counts[usize::from(byte)] += 1;
    }
    let distinct = counts.iter().filter(|&&count| count > 0).count() as f64;
    let expected = 256.0 * (1.0 - (255.0f64 / 256.0).powi(bytes.len().min(1 << 20) as i32));
    let mean = bytes.len() as f64 / 256.0;
    let most = f64::from(counts.iter().copied().max().unwrap_or_default());
    // Ten standard deviations of a Poisson count, and five for the smallest means.
    distinct >= 0.85 * expected && most <= mean + 10.0 * mean.sqrt() + 5.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::detect::ics::testing::Random;

    fn percent_of(text: &str) -> String {
        let mut out = Vec::new();
        percent(text.as_bytes(), true, &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    fn compact_of(text: &str) -> String {
        let mut out = Vec::new();
        compact(text.as_bytes(), &mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn percent_encoding_is_undone_and_broken_encoding_stays() {
        assert_eq!(percent_of("%40eval%28a+b%29"), "@eval(a b)");
        assert_eq!(percent_of("100%"), "100%");
        assert_eq!(percent_of("%4g%4"), "%4g%4");
    }

    #[test]
    fn base64_is_undone_with_and_without_padding() {
        let mut out = Vec::new();
        for (text, plain) in [("aWQ=", "id"), ("aWQ", "id"), ("d2hvYW1p", "whoami"), ("Pz8_", "???")] {
            assert!(base64(text.as_bytes(), &mut out), "{text}");
            assert_eq!(out, plain.as_bytes());
        }
        for text in ["", "=", "aWQ=x", "a b", "aWQ===", "aWQxa"] {
            assert!(!base64(text.as_bytes(), &mut out), "{text}");
        }
    }

    #[test]
    fn parameters_are_told_apart() {
        let found: Vec<_> = parameters(b"a=1&b=x=y&&c").collect();
        assert_eq!(found, [(&b"a"[..], &b"1"[..]), (b"b", b"x=y"), (b"c", b"")]);
    }

    #[test]
    fn the_layout_of_code_does_not_matter() {
        assert_eq!(compact_of("<?php  @EVAL /* x */ ( $_POST [ 'a' ] ) ;"), "<?php eval($_post['a']);");
        assert_eq!(compact_of("@eval\u{1}(base64_decode($_POST[z0]));"), "eval(base64_decode($_post[z0]));");
        assert_eq!(compact_of("eval request(\"x\")"), "eval request(\"x\")");
        assert_eq!(compact_of("\\u0052\\uu0075ntime.getRuntime"), "runtime.getruntime");
        assert_eq!(compact_of("a /* never closed"), "a never closed");
    }

    #[test]
    fn chance_looks_random_and_text_does_not() {
        let mut bytes = vec![0; 1024];
        Random(7).fill(&mut bytes);
        assert!(is_random(&bytes) && is_random(&bytes[..64]));
        let text: Vec<u8> = b"The library opens at eight. ".iter().copied().cycle().take(1024).collect();
        assert!(!is_random(&text) && !is_random(&bytes[..63]));
        assert!(!is_random(&[0; 4096]));
    }
}
