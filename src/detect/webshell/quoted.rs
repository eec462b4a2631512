//! Texts within JSON and XML, without what their syntax puts around and into them.

use memchr::memmem;

/// The next string of a JSON text as sent, without its quotes, and what stands behind it (RFC 8259 section 7).
pub fn quoted(json: &[u8]) -> Option<(&[u8], &[u8])> {
    let rest = &json[memchr::memchr(b'"', json)? + 1..];
    let mut at = 0;
    while let Some(&byte) = rest.get(at) {
        match byte {
            b'"' => return Some((&rest[..at], &rest[at + 1..])),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
    // Cut off: what is there counts.
    Some((rest, &[]))
}

/// Undoes the escapes of a JSON string, of characters below U+0100, into `out`, which is emptied first.
pub fn unescape(raw: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut at = 0;
    while let Some(&byte) = raw.get(at) {
        at += 1;
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let Some(&escaped) = raw.get(at) else { break };
        at += 1;
        match escaped {
            b'n' => out.push(b'\n'),
            b'r' => out.push(b'\r'),
            b't' => out.push(b'\t'),
            b'u' => {
                let digits = raw.get(at..at + 4).and_then(|digits| std::str::from_utf8(digits).ok());
                if let Some(byte) =
                    digits.and_then(|digits| u8::from_str_radix(digits.get(2..).filter(|_| digits.starts_with("00"))?, 16).ok())
                {
                    out.push(byte);
                }
                at += 4;
            }
            other => out.push(other),
        }
    }
}

/// The next text of an XML document behind a tag, as sent and trimmed, with the name of that tag, and what stands behind it (XML 1.0, sections 2.4, 2.7
/// and 3.1).
pub fn enclosed(xml: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    const CDATA: &[u8] = b"<![CDATA[";
    let opened = &xml[memchr::memchr(b'<', xml)? + 1..];
    let close = memchr::memchr(b'>', opened)?;
    let name = &opened[..opened[..close].iter().position(|byte| byte.is_ascii_whitespace() || *byte == b'/').unwrap_or(close)];
    let text = opened[close + 1..].trim_ascii_start();
    if let Some(data) = text.strip_prefix(CDATA) {
        let end = memmem::find(data, b"]]>").unwrap_or(data.len());
        return Some((name, data[..end].trim_ascii(), &data[end..]));
    }
    let end = memchr::memchr(b'<', text).unwrap_or(text.len());
    Some((name, text[..end].trim_ascii(), &text[end..]))
}

/// The entities that every XML document knows (XML 1.0, section 4.6), and quotes by number.
const ENTITIES: [(&[u8], u8); 7] =
    [(b"&lt;", b'<'), (b"&gt;", b'>'), (b"&amp;", b'&'), (b"&quot;", b'"'), (b"&apos;", b'\''), (b"&#34;", b'"'), (b"&#39;", b'\'')];

/// Undoes the entities of a text of XML into `out`, which is emptied first.
pub fn unescape_markup(raw: &[u8], out: &mut Vec<u8>) {
    out.clear();
    let mut rest = raw;
    while let Some(at) = memchr::memchr(b'&', rest) {
        out.extend_from_slice(&rest[..at]);
        rest = &rest[at..];
        let found = ENTITIES.iter().find(|(entity, _)| rest.starts_with(entity));
        let (taken, byte) = found.map_or((1, b'&'), |&(entity, byte)| (entity.len(), byte));
        out.push(byte);
        rest = &rest[taken..];
    }
    out.extend_from_slice(rest);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entities_are_undone_once_and_others_stay() {
        let mut out = Vec::new();
        unescape_markup(b"&lt;%&quot;&amp;lt;&nbsp;&", &mut out);
        assert_eq!(out, b"<%\"&lt;&nbsp;&");
    }

    #[test]
    fn what_is_cut_off_counts() {
        assert_eq!(enclosed(b"<a>text"), Some((&b"a"[..], &b"text"[..], &b""[..])));
        assert_eq!(enclosed(b"<a><![CDATA[text"), Some((&b"a"[..], &b"text"[..], &b""[..])));
        assert_eq!((enclosed(b"<a"), enclosed(b"text"), quoted(b"text")), (None, None, None));
    }
}
