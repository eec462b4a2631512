//! What a text in a list names: an address, with or without a port, a network, a name, a URL or a digest.

use std::borrow::Cow;

use super::domain::{self, Name};
use super::entry::Kind;
use super::range;
use super::url::{Canonical, Host, Parts};
use crate::addr::Addr;
use crate::attribute::{Network, NetworkError};
use crate::protocol::digits;

/// Shortest prefixes of a network that a list can mean. Anything wider is a mistake that would list half the world.
const PREFIX_MIN_V4: u8 = 8;
const PREFIX_MIN_V6: u8 = 16;

/// What an entry of a list names.
// One at a time, for one line: its size is no matter, and a box would be an allocation for each.
#[allow(clippy::large_enum_variant)]
pub(super) enum Value {
    Address(Addr, Option<u16>),
    Network(Network),
    Domain(Name),
    Url(Url),
    /// The kind says of how many bytes: see [`digest_bytes`].
    Digest(Kind, [u8; 32]),
}

/// A URL in its one form, in no more room than it takes, and who serves it.
pub(super) struct Url {
    bytes: Box<[u8]>,
    pub host: Host,
}

impl Url {
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Why a text names nothing.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct NoValue(pub &'static str);

impl Value {
    /// Reads a text that does not say what it is.
    pub fn of(text: &[u8]) -> Result<Self, NoValue> {
        let text = rearmed(text.trim_ascii());
        if text.windows(3).any(|three| three == b"://") {
            return Self::url(&text);
        }
        if let Some(digest) = digest(&text) {
            return Ok(digest);
        }
        if let (Some(kind), digest) = named_digest(&text) {
            return Self::digest(kind, digest);
        }
        if let Some((addr, port)) = address_and_port(&text) {
            return Self::address(addr, port);
        }
        if let Some(slash) = text.iter().position(|&byte| byte == b'/') {
            if let Some(network) = range::masked(&text[..slash], &text[slash + 1..]) {
                return network;
            }
            return if address_and_port(&text[..slash]).is_some() && text[slash + 1..].iter().all(u8::is_ascii_digit) {
                Self::network(&text)
            } else {
                // A host and a path: browsers take it for http.
                Self::url(&[b"http://", &text[..]].concat())
            };
        }
        let (host, port) = split_port(&text);
        match (port, domain::listed(host)) {
            // A port of a name goes unused: what a name leads to is judged by the name.
            (Some(_), Some(name)) => Ok(Value::Domain(name)),
            _ => Self::domain(&text),
        }
    }

    pub fn address(addr: Addr, port: Option<u16>) -> Result<Self, NoValue> {
        let ip = std::net::IpAddr::from(addr);
        if ip.is_unspecified() || ip.is_loopback() || ip.is_multicast() || addr == Addr::v4(u32::MAX) {
            return Err(NoValue("an address that no single host on a network has"));
        }
        Ok(Value::Address(addr, port.filter(|&port| port != 0)))
    }

    /// An address, `address:port`, or a network.
    pub fn address_or_network(text: &[u8]) -> Result<Self, NoValue> {
        let text = rearmed(text.trim_ascii());
        match address_and_port(&text) {
            Some((addr, port)) => Self::address(addr, port),
            None => Self::network(&text),
        }
    }

    /// Bits beyond the prefix are ignored.
    pub fn network(text: &[u8]) -> Result<Self, NoValue> {
        let network = match str::from_utf8(text).map_err(|_| NoValue("not UTF-8"))?.parse::<Network>() {
            Ok(network) | Err(NetworkError::HostBits(network)) => network,
            Err(NetworkError::Address) => return Err(NoValue("no IP address")),
            Err(NetworkError::Prefix(_)) => return Err(NoValue("a prefix that is too long")),
        };
        Self::of_network(network)
    }

    pub fn of_network(network: Network) -> Result<Self, NoValue> {
        if network.first() == network.last() {
            return Self::address(network.first(), None);
        }
        let shortest = if network.first().is_v4() { PREFIX_MIN_V4 } else { PREFIX_MIN_V6 };
        if network.prefix() < shortest { Err(NoValue("a network too wide to be meant")) } else { Ok(Value::Network(network)) }
    }

    pub fn domain(text: &[u8]) -> Result<Self, NoValue> {
        domain::listed(&rearmed(text.trim_ascii())).map(Value::Domain).ok_or(NoValue("neither an address nor a name, URL or digest"))
    }

    pub fn url(text: &[u8]) -> Result<Self, NoValue> {
        let text = rearmed(text.trim_ascii());
        let mut room = Canonical::room();
        Parts::of(&text)
            .and_then(|parts| Some(Value::Url(Url { bytes: room.write_parts(&parts)?.into(), host: parts.host })))
            .ok_or(NoValue("no URL with a host, or a longer one than 2048 bytes"))
    }

    /// Of the bytes that the kind asks for, in hexadecimal digits.
    pub fn digest(kind: Kind, text: &[u8]) -> Result<Self, NoValue> {
        let bytes = digest_bytes(kind);
        let (_, text) = named_digest(text.trim_ascii());
        if text.len() != 2 * bytes {
            return Err(NoValue("a digest of the wrong length"));
        }
        hexadecimal(text).map(|digest| Value::Digest(kind, digest)).ok_or(NoValue("a digest that is not hexadecimal"))
    }
}

/// Bytes of a digest of the kind.
pub(super) fn digest_bytes(kind: Kind) -> usize {
    match kind {
        Kind::Sha256 => 32,
        Kind::Sha1 | Kind::CertificateSha1 => 20,
        _ => 16,
    }
}

/// A digest is known by its length.
fn digest(text: &[u8]) -> Option<Value> {
    let kind = match text.len() {
        32 => Kind::Md5,
        40 => Kind::Sha1,
        64 => Kind::Sha256,
        _ => return None,
    };
    hexadecimal(text).map(|digest| Value::Digest(kind, digest))
}

/// A digest that says which it is, as `sha256:…` or `SHA-1=…`, without the name. A text without a name comes back as it is.
fn named_digest(text: &[u8]) -> (Option<Kind>, &[u8]) {
    /// The longest name, `sha-256`.
    const NAME_BYTES_MAX: usize = 7;
    let head = &text[..text.len().min(NAME_BYTES_MAX + 1)];
    let Some(end) = head.iter().position(|byte| b":=".contains(byte)).filter(|_| matches!(head, [b'm' | b'M' | b's' | b'S', ..])) else {
        return (None, text);
    };
    let kind = match &head[..end].to_ascii_lowercase()[..] {
        b"md5" => Kind::Md5,
        b"sha1" | b"sha-1" => Kind::Sha1,
        b"sha256" | b"sha-256" => Kind::Sha256,
        _ => return (None, text),
    };
    (Some(kind), text[end + 1..].trim_ascii_start())
}

/// Whether a name is led nowhere by being led to this: no address, or the host that asks.
pub(super) fn is_nowhere(text: &[u8]) -> bool {
    let addr = str::from_utf8(text).ok().and_then(|text| text.parse::<std::net::IpAddr>().ok());
    addr.is_some_and(|addr| addr.is_unspecified() || addr.is_loopback())
}

/// Up to 32 bytes.
fn hexadecimal(text: &[u8]) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        *byte = digits::byte(pair)?;
    }
    Some(bytes)
}

/// `1.2.3.4`, `1.2.3.4:80`, `2001:db8::1`, `[2001:db8::1]:80`.
fn address_and_port(text: &[u8]) -> Option<(Addr, Option<u16>)> {
    // The longest: eight groups in brackets, with a port.
    if text.len() > 64 || !text.first().is_some_and(|&byte| byte.is_ascii_hexdigit() || byte == b'[' || byte == b':') {
        return None;
    }
    let text = str::from_utf8(text).ok()?;
    if let Ok(addr) = text.parse() {
        return Some((addr, None));
    }
    text.parse::<std::net::SocketAddr>().ok().map(|socket| (socket.ip().into(), Some(socket.port())))
}

fn split_port(text: &[u8]) -> (&[u8], Option<u16>) {
    let Some(colon) = text.iter().rposition(|&byte| byte == b':') else { return (text, None) };
    match str::from_utf8(&text[colon + 1..]).ok().and_then(|digits| digits.parse().ok()) {
        Some(port) => (&text[..colon], Some(port)),
        None => (text, None),
    }
}

/// What is put in so that nobody clicks, and what it stands for. All begin with a bracket.
const DISARMED: [(&str, &[u8]); 10] = [
    ("[.]", b"."),
    ("(.)", b"."),
    ("{.}", b"."),
    ("[dot]", b"."),
    ("(dot)", b"."),
    ("[DOT]", b"."),
    ("[:]", b":"),
    ("[/]", b"/"),
    ("[@]", b"@"),
    ("[://]", b"://"),
];
/// Without what is put in so that nobody clicks: `hxxp://evil[.]example`.
fn rearmed(text: &[u8]) -> Cow<'_, [u8]> {
    let hxxp = text.get(..4).is_some_and(|scheme| scheme.eq_ignore_ascii_case(b"hxxp"));
    if !hxxp && memchr::memchr3(b'[', b'(', b'{', text).is_none() {
        return text.into();
    }
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let put_in = DISARMED.iter().find_map(|(form, meant)| Some((rest.strip_prefix(form.as_bytes())?, *meant)));
        let (behind, meant) = put_in.unwrap_or((after, std::slice::from_ref(&byte)));
        out.extend_from_slice(meant);
        rest = behind;
    }
    if hxxp {
        out[1..3].copy_from_slice(b"tt");
    }
    out.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(from: &str) -> String {
        match Value::of(from.as_bytes()) {
            Ok(Value::Address(addr, port)) => format!("address {addr} {port:?}"),
            Ok(Value::Network(network)) => format!("network {network}"),
            Ok(Value::Domain(name)) => format!("domain {}", String::from_utf8_lossy(name.bytes())),
            Ok(Value::Url(url)) => format!("url {}", String::from_utf8_lossy(url.bytes())),
            Ok(Value::Digest(kind, digest)) => format!("{} {:02x}{:02x}", kind.name(), digest[0], digest[15]),
            Err(NoValue(reason)) => reason.into(),
        }
    }

    #[test]
    fn values_are_known_by_their_form() {
        let (md5, sha1) = ("44d88612fea8a8f36de82e1278abb02f", "3395856CE81F2B7382DEE72602F798B642F14140");
        for (from, expected) in [
            ("1.2.3.4", "address 1.2.3.4 None"),
            ("1.2.3.4:8080", "address 1.2.3.4 Some(8080)"),
            ("1.2.3.4:0", "address 1.2.3.4 None"),
            ("2001:db8::1", "address 2001:db8::1 None"),
            ("[2001:db8::1]:443", "address 2001:db8::1 Some(443)"),
            ("1[.]2[.]3[.]4[:]80", "address 1.2.3.4 Some(80)"),
            ("1.2.3.4/32", "address 1.2.3.4 None"),
            ("1.2.3.4/24", "network 1.2.3.0/24"),
            ("2001:db8::/32", "network 2001:db8::/32"),
            ("0.0.0.0/0", "a network too wide to be meant"),
            ("1.2.3.0/33", "a prefix that is too long"),
            ("127.0.0.1", "an address that no single host on a network has"),
            ("Evil.Example", "domain evil.example"),
            ("evil[.]example", "domain evil.example"),
            ("c2(.)evil[dot]example", "domain c2.evil.example"),
            ("hxxp[:]//evil{.}example[/]a", "url http://evil.example/a"),
            ("evil.example:8443", "domain evil.example"),
            ("hxxps://evil[.]example:443/x", "url https://evil.example/x"),
            ("http://1.2.3.4:80/x", "url http://1.2.3.4/x"),
            ("evil.example/x.exe", "url http://evil.example/x.exe"),
            ("1.2.3.4/x.exe", "url http://1.2.3.4/x.exe"),
            (md5, "md5 442f"),
            (sha1, "sha1 33b6"),
            (&"ab".repeat(32), "sha256 abab"),
            (&format!("sha256:{}", "AB".repeat(32)), "sha256 abab"),
            (&format!("MD5={md5}"), "md5 442f"),
            (&format!("SHA-1: {sha1}"), "sha1 33b6"),
            (&format!("sha256:{md5}"), "a digest of the wrong length"),
            ("md5:443", "a digest of the wrong length"),
            ("hxxps[://]evil[.]example/x", "url https://evil.example/x"),
            ("1.2.3.0/255.255.255.0", "network 1.2.3.0/24"),
            ("1.2.3.400", "neither an address nor a name, URL or digest"),
            ("word", "neither an address nor a name, URL or digest"),
            ("", "neither an address nor a name, URL or digest"),
        ] {
            assert_eq!(text(from), expected, "{from}");
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80), text in "[0-9a-fx:.\\[\\]/%*]{0,20}") {
            let _ = Value::of(&bytes);
            let _ = Value::of(text.as_bytes());
        }
    }
}
