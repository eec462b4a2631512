//! Parameters of MIME header fields: plain, quoted, continued and encoded (RFC 2045 section 5.1, RFC 2231, RFC 2047).

use crate::protocol::digits::escaped;

/// Longest value that is told.
pub const VALUE_BYTES_MAX: usize = 256;
/// Pieces of a continued value (RFC 2231 section 3) that are put together.
const PIECES_MAX: usize = 10;

/// A field's value without its parameters, and what follows it.
pub fn main_value(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii()
}

/// The value of a parameter. Percent signs and encoded words are undone, the bytes stay in their character set.
pub fn parameter(field: &[u8], name: &str) -> Option<Vec<u8>> {
    let mut pieces: [Option<(&[u8], bool)>; PIECES_MAX] = [None; PIECES_MAX];
    let mut left = next_parameter(field);
    while let Some(rest) = left {
        let (pair, following) = match end_of_parameter(rest) {
            Some(end) => (&rest[..end], Some(&rest[end + 1..])),
            None => (rest, None),
        };
        left = following;
        let Some(equals) = pair.iter().position(|&byte| byte == b'=') else { continue };
        let (key, value) = (pair[..equals].trim_ascii(), pair[equals + 1..].trim_ascii());
        let Some((base, suffix)) = key.split_at_checked(name.len()) else { continue };
        if !base.eq_ignore_ascii_case(name.as_bytes()) {
            continue;
        }
        let (number, encoded) = match suffix {
            b"" => (0, false),
            b"*" => (0, true),
            [b'*', digit @ b'0'..=b'9'] => (usize::from(digit - b'0'), false),
            [b'*', digit @ b'0'..=b'9', b'*'] => (usize::from(digit - b'0'), true),
            _ => continue,
        };
        // An encoded value goes before a plain one of the same name (RFC 2231 section 4).
        if pieces[number].is_none_or(|(_, is_encoded)| encoded && !is_encoded) {
            pieces[number] = Some((value, encoded));
        }
    }
    pieces[0]?;
    let mut whole = Vec::new();
    for (number, &(value, encoded)) in pieces.iter().map_while(Option::as_ref).enumerate() {
        let plain = unquoted(value);
        if encoded {
            // The first piece says character set and language, each before an apostrophe.
            let mut text = &plain[..];
            if number == 0
                && let Some(at) = text.iter().position(|&byte| byte == b'\'')
                && let Some(second) = text[at + 1..].iter().position(|&byte| byte == b'\'')
            {
                text = &text[at + second + 2..];
            }
            escaped(text, b'%', None, &mut whole);
        } else {
            words(&plain, &mut whole);
        }
    }
    whole.truncate(VALUE_BYTES_MAX);
    Some(whole)
}

/// What stands behind the first semicolon outside of quotes.
fn next_parameter(field: &[u8]) -> Option<&[u8]> {
    end_of_parameter(field).map(|end| &field[end + 1..])
}

/// Where the next semicolon outside of quotes stands.
fn end_of_parameter(text: &[u8]) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    text.iter().position(|&byte| {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b';' => return !quoted,
            _ => {}
        }
        false
    })
}

fn unquoted(value: &[u8]) -> Vec<u8> {
    let Some(inside) = value.strip_prefix(b"\"") else { return value.to_vec() };
    let mut plain = Vec::with_capacity(inside.len());
    let mut bytes = inside.iter();
    while let Some(&byte) = bytes.next() {
        match byte {
            b'"' => break,
            b'\\' => plain.extend(bytes.next()),
            _ => plain.push(byte),
        }
    }
    plain
}

/// Undoes encoded words, `=?charset?B?…?=` and `=?charset?Q?…?=` (RFC 2047). They do not belong into parameters, but stand there.
fn words(text: &[u8], plain: &mut Vec<u8>) {
    let mut left = text;
    while let Some(start) = left.windows(2).position(|pair| pair == b"=?") {
        let Some((encoding, content, rest)) = word(&left[start + 2..]) else {
            plain.extend_from_slice(&left[..start + 2]);
            left = &left[start + 2..];
            continue;
        };
        plain.extend_from_slice(left[..start].trim_ascii());
        match encoding {
            b'B' | b'b' => super::decode::Base64::default().feed(content, |bytes| plain.extend_from_slice(bytes)),
            _ => {
                let spaced: Vec<u8> = content.iter().map(|&byte| if byte == b'_' { b' ' } else { byte }).collect();
                escaped(&spaced, b'=', None, plain);
            }
        }
        left = rest;
    }
    plain.extend_from_slice(left);
}

/// Encoding and content of an encoded word, behind its first two characters, and what follows it.
fn word(text: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let charset = text.iter().position(|&byte| byte == b'?')?;
    let &[encoding @ (b'B' | b'b' | b'Q' | b'q'), b'?', ref rest @ ..] = &text[charset + 1..] else { return None };
    let end = rest.windows(2).position(|pair| pair == b"?=")?;
    Some((encoding, &rest[..end], &rest[end + 2..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_names_are_read_however_they_are_written() {
        let cases: [(&str, &str); 12] = [
            ("attachment; filename=a.exe", "a.exe"),
            ("attachment; FileName=\"a;b \\\"c\\\".exe\"; size=3", "a;b \"c\".exe"),
            ("attachment; filename*=utf-8''%e2%82%ac%20rates.doc", "€ rates.doc"),
            ("attachment; filename=plain.doc; filename*=utf-8'en'real.doc", "real.doc"),
            ("attachment; filename*0=\"invoice_\"; filename*1=\"2026.exe\"", "invoice_2026.exe"),
            ("attachment; filename*1=b; filename*0=a", "ab"),
            ("attachment; filename*0*=utf-8''%61; filename*1=%61; filename*2*=%62", "a%61b"),
            ("attachment; filename=\"=?utf-8?B?aW52b2ljZS5leGU=?=\"", "invoice.exe"),
            ("attachment; filename=\"=?utf-8?q?a=5Fb_c?= =?utf-8?q?.js?=\"", "a_b c.js"),
            ("attachment; filename=\"=?broken\"", "=?broken"),
            ("attachment; filename*=no_apostrophe%41", "no_apostropheA"),
            ("attachment; filename=100%", "100%"),
        ];
        for (field, name) in cases {
            assert_eq!(
                parameter(field.as_bytes(), "filename").map(|name| String::from_utf8_lossy(&name).into_owned()).as_deref(),
                Some(name)
            );
        }
        assert_eq!(parameter(b"attachment; xfilename=a; filename*10=b; filename*1=c", "filename"), None);
        assert_eq!(main_value(b" Multipart/Mixed ; boundary=x"), b"Multipart/Mixed");
    }
}
