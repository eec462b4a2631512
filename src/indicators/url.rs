//! URLs in one form, so that what a list has and what a request asked for are the same bytes.
//!
//! Case and percent-encoding normalisation, dot segments and default ports as in RFC 3986 section 6.2; the fragment and what stands before
//! `@` never reach a server and are left out. The query is kept. What a browser does about bytes that stand in no URL is done too: they are encoded.

use std::io::Write;
use std::net::{Ipv4Addr, Ipv6Addr};

use crate::addr::Addr;
use crate::keyed::Keyed;
use crate::protocol::digits;

use super::domain;

/// Most bytes of a URL in its one form. Longer ones are refused.
pub(super) const URL_BYTES_MAX: usize = 2048;
/// Most bytes of a name that is looked at without being taken apart: longer ones are rare, and read as well.
const PLAIN_BYTES_MAX: usize = 64;
/// Ports that need not be said: RFC 9110 section 4.2, RFC 1738 section 3.2, RFC 3617 section 3.
const DEFAULT_PORTS: [(&[u8], u16); 4] = [(b"http", 80), (b"https", 443), (b"ftp", 21), (b"tftp", 69)];

/// Who serves a URL, in one form.
// Made for one question at a time and never kept: a box would cost more than the room.
#[allow(clippy::large_enum_variant)]
pub(super) enum Host {
    Name(domain::Name),
    Address(Addr),
}

impl Host {
    fn new(text: &[u8]) -> Option<Self> {
        if let [b'[', inside @ .., b']'] = text {
            let addr: Ipv6Addr = str::from_utf8(inside).ok()?.parse().ok()?;
            return Some(Host::Address(Addr::v6(addr.into())));
        }
        let name = domain::in_ascii(text)?;
        // No top-level domain ends with a digit: most names need not be asked.
        let numeric = name.bytes().last().is_some_and(u8::is_ascii_digit);
        let addr = if numeric { str::from_utf8(name.bytes()).ok().and_then(|text| text.parse::<Ipv4Addr>().ok()) } else { None };
        Some(addr.map_or(Host::Name(name), |addr| Host::Address(Addr::v4(addr.into()))))
    }

    /// Of an authority, such as a `Host` field has.
    fn of_authority(text: &[u8]) -> Option<Self> {
        Host::new(host_and_port(&text[..authority_bytes(text)])?.0)
    }

    /// The hash of an authority's host. Of what is no name it may be anything.
    pub fn hash_of_authority(text: &[u8], keyed: &Keyed) -> Option<u64> {
        // Nearly all are a name and nothing else: those need not be taken apart. What ends with a letter is no address.
        let mut lower = [0; PLAIN_BYTES_MAX];
        if let Some(lower) = lower.get_mut(..text.len())
            && text.last().is_some_and(u8::is_ascii_alphabetic)
        {
            let mut plain = true;
            for (to, from) in lower.iter_mut().zip(text) {
                plain &= from.is_ascii_alphanumeric() | (*from == b'-') | (*from == b'.');
                *to = from.to_ascii_lowercase();
            }
            if plain {
                return Some(keyed.bytes(lower));
            }
        }
        Host::of_authority(text).map(|host| host.hash(keyed))
    }

    /// Its keyed hash: of an address that of the address itself.
    pub fn hash(&self, keyed: &Keyed) -> u64 {
        match self {
            Host::Name(name) => keyed.bytes(name.bytes()),
            Host::Address(addr) => keyed.addr(*addr),
        }
    }
}

/// A URL taken apart.
pub(super) struct Parts<'a> {
    scheme: &'a [u8],
    pub host: Host,
    /// With the colon before it, if there is one.
    port: &'a [u8],
    /// What is behind, without the fragment.
    rest: &'a [u8],
    /// The address stood in brackets.
    bracketed: bool,
}

impl<'a> Parts<'a> {
    /// Nothing if it is no URL with a host.
    pub fn of(text: &'a [u8]) -> Option<Self> {
        let text = text.trim_ascii();
        let colon = text.iter().position(|&byte| byte == b':')?;
        let (scheme, rest) = (&text[..colon], text[colon..].strip_prefix(b"://")?);
        if !scheme.first()?.is_ascii_alphabetic() || !scheme.iter().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(byte)) {
            return None;
        }
        let rest = &rest[..rest.iter().position(|&byte| byte == b'#').unwrap_or(rest.len())];
        let (authority, rest) = rest.split_at(authority_bytes(rest));
        let (host, port) = host_and_port(authority)?;
        Some(Parts { scheme, host: Host::new(host)?, port, rest, bracketed: host.first() == Some(&b'[') })
    }
}

/// How long the authority is that a text begins with.
fn authority_bytes(text: &[u8]) -> usize {
    text.iter().position(|byte| b"/?\\#".contains(byte)).unwrap_or(text.len())
}

/// An authority without the user: the host, and the port with its colon.
fn host_and_port(authority: &[u8]) -> Option<(&[u8], &[u8])> {
    let after_user = authority.iter().rposition(|&byte| byte == b'@').map_or(0, |at| at + 1);
    let authority = &authority[after_user..];
    let colon = match authority.first() {
        Some(b'[') => authority.iter().position(|&byte| byte == b']')? + 1,
        _ => authority.iter().position(|&byte| byte == b':').unwrap_or(authority.len()),
    };
    Some(authority.split_at(colon))
}

/// A URL in its one form.
pub(super) struct Canonical {
    bytes: [u8; URL_BYTES_MAX],
    len: usize,
}

impl Canonical {
    /// Room for one. It is written where it stands: to return it would be to copy all of the room, again and again.
    #[inline]
    pub fn room() -> Self {
        Canonical { bytes: [0; URL_BYTES_MAX], len: 0 }
    }

    /// Writes a URL from its parts. Nothing if it is too long, or its port is none.
    pub fn write_parts(&mut self, parts: &Parts<'_>) -> Option<&[u8]> {
        self.len = 0;
        for byte in parts.scheme {
            self.push(byte.to_ascii_lowercase())?;
        }
        let scheme_bytes = self.len;
        self.extend(b"://")?;
        match &parts.host {
            Host::Name(name) => self.extend(name.bytes())?,
            Host::Address(addr) if parts.bracketed => self.write(format_args!("[{}]", Ipv6Addr::from(addr.0)))?,
            Host::Address(addr) => match addr.as_v4() {
                // Without the standard library's formatting, which takes longer than all else of a URL.
                Some(bits) => self.dotted(bits.to_be_bytes())?,
                None => self.write(format_args!("{addr}"))?,
            },
        }
        self.port(parts.port, scheme_bytes)?;
        let query = parts.rest.iter().position(|&byte| byte == b'?').unwrap_or(parts.rest.len());
        self.path(&parts.rest[..query])?;
        self.encoded(&parts.rest[query..])?;
        Some(&self.bytes[..self.len])
    }

    fn push(&mut self, byte: u8) -> Option<()> {
        *self.bytes.get_mut(self.len)? = byte;
        self.len += 1;
        Some(())
    }

    fn extend(&mut self, bytes: &[u8]) -> Option<()> {
        self.bytes.get_mut(self.len..self.len + bytes.len())?.copy_from_slice(bytes);
        self.len += bytes.len();
        Some(())
    }

    fn dotted(&mut self, octets: [u8; 4]) -> Option<()> {
        for (place, octet) in octets.into_iter().enumerate() {
            if place > 0 {
                self.push(b'.')?;
            }
            if octet >= 100 {
                self.push(b'0' + octet / 100)?;
            }
            if octet >= 10 {
                self.push(b'0' + octet / 10 % 10)?;
            }
            self.push(b'0' + octet % 10)?;
        }
        Some(())
    }

    fn write(&mut self, text: std::fmt::Arguments<'_>) -> Option<()> {
        let mut room = &mut self.bytes[self.len..];
        let before = room.len();
        room.write_fmt(text).ok()?;
        self.len += before - room.len();
        Some(())
    }

    /// The port, with its colon, unless it need not be said.
    fn port(&mut self, port: &[u8], scheme_bytes: usize) -> Option<()> {
        match port {
            [] | [b':'] => Some(()),
            [b':', digits @ ..] => {
                let digits = digits.iter().all(u8::is_ascii_digit).then_some(digits)?;
                let port: u16 = str::from_utf8(digits).ok()?.parse().ok()?;
                let scheme = &self.bytes[..scheme_bytes];
                if DEFAULT_PORTS.iter().any(|&(of, default)| of == scheme && default == port) {
                    return Some(());
                }
                let zeros = digits.iter().take(digits.len() - 1).take_while(|&&digit| digit == b'0').count();
                self.push(b':')?;
                self.extend(&digits[zeros..])
            }
            _ => None,
        }
    }

    /// The path, one segment after the other (RFC 3986 section 5.2.4). A backslash is a slash, as browsers have it.
    fn path(&mut self, path: &[u8]) -> Option<()> {
        let begin = self.len;
        let path = path.strip_prefix(b"/").or_else(|| path.strip_prefix(b"\\")).unwrap_or(path);
        let mut segments = path.split(|byte| b"/\\".contains(byte)).peekable();
        while let Some(segment) = segments.next() {
            let last = segments.peek().is_none();
            self.push(b'/')?;
            let at = self.len;
            self.encoded(segment)?;
            let up = match &self.bytes[at..self.len] {
                b"." => 0,
                b".." => 1,
                _ => continue,
            };
            // Without the segment and its slash; what the last one leaves ends with a slash.
            self.len = at - 1;
            if up == 1 {
                let kept = self.bytes[begin..self.len].iter().rposition(|&byte| byte == b'/').unwrap_or(0);
                self.len = begin + kept;
            }
            if last {
                self.push(b'/')?;
            }
        }
        Some(())
    }

    /// Unreserved bytes as they are, all others that are encoded in capital letters, and those that stand in no URL encoded.
    fn encoded(&mut self, text: &[u8]) -> Option<()> {
        let mut rest = text;
        loop {
            let plain = rest.iter().position(|&byte| !STANDS[usize::from(byte)]).unwrap_or(rest.len());
            self.extend(&rest[..plain])?;
            let Some((&byte, after)) = rest[plain..].split_first() else { return Some(()) };
            rest = after;
            let (value, was_encoded) = match digits::byte(after).filter(|_| byte == b'%') {
                Some(meant) => {
                    rest = &after[2..];
                    (meant, true)
                }
                None => (byte, false),
            };
            if is_unreserved(value) || !was_encoded && value == b'%' {
                self.push(value)?;
            } else {
                self.extend(&[b'%', hex_digit(value >> 4), hex_digit(value & 15)])?;
            }
        }
    }
}

/// RFC 3986 section 2.3.
const fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}

/// By byte: whether it stands in a URL as it is, and means nothing else there.
const STANDS: [bool; 256] = {
    let mut stands = [false; 256];
    let mut byte = 0x21;
    while byte < 0x7f {
        stands[byte as usize] = !matches!(byte, b'"' | b'<' | b'>' | b'`' | b'{' | b'}' | b'^' | b'|' | b'%');
        byte += 1;
    }
    stands
};

fn hex_digit(value: u8) -> u8 {
    if value < 10 { b'0' + value } else { b'A' + value - 10 }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of_bytes(text: &[u8]) -> Option<Vec<u8>> {
        Canonical::room().write_parts(&Parts::of(text)?).map(<[u8]>::to_vec)
    }

    fn canonical(text: &str) -> Option<String> {
        of_bytes(text.as_bytes()).map(|url| String::from_utf8(url).unwrap())
    }

    #[test]
    fn urls_get_one_form() {
        for (from, expected) in [
            ("HTTP://Evil.Example.:80", "http://evil.example/"),
            ("https://evil.example:443/a#part", "https://evil.example/a"),
            ("http://evil.example:0080/", "http://evil.example/"),
            ("http://evil.example:8080?q=A%2fb%7e", "http://evil.example:8080/?q=A%2Fb~"),
            ("http://user:pass@1.2.3.4/x y", "http://1.2.3.4/x%20y"),
            ("http://evil.example/a/./b/../c//d/..", "http://evil.example/a/c//"),
            ("http://evil.example/../../a", "http://evil.example/a"),
            ("http://evil.example/%2e%2E/b", "http://evil.example/b"),
            ("http://evil.example\\a\\b", "http://evil.example/a/b"),
            ("http://evil.example/100%", "http://evil.example/100%"),
            ("http://evil.example/\u{e4}", "http://evil.example/%C3%A4"),
            ("http://b\u{fc}cher.example/", "http://xn--bcher-kva.example/"),
            ("http://[2001:DB8:0::1]:8080/", "http://[2001:db8::1]:8080/"),
            ("ftp://evil.example:21/x", "ftp://evil.example/x"),
            ("tftp://1.2.3.4:69/x", "tftp://1.2.3.4/x"),
        ] {
            assert_eq!(canonical(from).as_deref(), Some(expected), "{from}");
        }
    }

    #[test]
    fn what_names_no_host_is_refused() {
        for text in [
            "",
            "evil.example/x",
            "http://",
            "http:///x",
            "http://[::1",
            "http://[x]/",
            "1http://a/",
            "http://a:x/",
            "http://a:99999/",
            "mailto:a@b",
        ] {
            assert_eq!(canonical(text), None, "{text}");
        }
        assert_eq!(canonical(&format!("http://a.example/{}", "x".repeat(URL_BYTES_MAX))), None);
    }

    #[test]
    fn a_host_has_one_hash_however_it_is_written() {
        let keyed = Keyed::fixed();
        let of_url = |text: &str| Parts::of(text.as_bytes()).map(|parts| parts.host.hash(&keyed));
        let of_host = |text: &str| Host::hash_of_authority(text.as_bytes(), &keyed);
        for (url, host) in [
            ("HTTP://Evil.Example.:80/x", "evil.example"),
            ("http://evil.example/", "EVIL.example"),
            ("http://evil.example/", "evil.example."),
            ("http://evil_1.example/", "Evil_1.example"),
            ("http://user:pass@evil.example:8080?q", "user@EVIL.example:1/x"),
            ("http://b\u{fc}cher.example/", "xn--bcher-kva.example"),
            ("http://[2001:DB8:0::1]:8080/", "[2001:db8::1]"),
            ("ftp://192.0.2.7:21/x", "192.0.2.7"),
        ] {
            assert!(of_url(url).is_some());
            assert_eq!(of_url(url), of_host(host), "{url}");
        }
        assert_eq!(of_url("tftp://192.0.2.7/"), Some(keyed.addr(Addr::v4(0xc000_0207))));
        assert_eq!(of_host("[x]"), None);
    }

    proptest! {
        #[test]
        fn the_one_form_is_its_own(text in "(http|FTP)://[a-zA-Z.:0-9@\\[\\]]{1,12}[/?#%.a-zA-Z0-9 \\\\]{0,30}") {
            if let Some(once) = canonical(&text) {
                prop_assert_eq!(canonical(&once), Some(once.clone()));
            }
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = of_bytes(&bytes);
            let _ = of_bytes(&[b"http://", &bytes[..]].concat());
        }
    }
}
