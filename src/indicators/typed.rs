//! Values whose kind a word beside them says, and how sure somebody is of them.

use super::columns::{NAME_BYTES_MAX, in_one_spelling};
use super::entry::Kind;
use super::value::{NoValue, Value};

/// Nothing for a kind that is not matched against.
pub(super) type Typed = Option<Result<Value, NoValue>>;

/// A value whose kind a word says: those of ThreatFox, of Zeek's intelligence framework (its URLs have no scheme), of MISP, OTX and ECS, and what
/// others call them.
pub(super) fn typed(text: &[u8], kind: &[u8]) -> Typed {
    let mut lower = [0; NAME_BYTES_MAX];
    let lower = in_one_spelling(kind, &mut lower)?;
    // MISP joins two values with a sign that stands in neither.
    let part = |place: usize| text.split(|&byte| byte == b'|').nth(place).unwrap_or_default();
    Some(match lower {
        b"" | b"intel::url" | b"intel::file_hash" => Value::of(text),
        b"intel::addr" | b"intel::subnet" => Value::address_or_network(text),
        b"intel::domain" => Value::domain(text),
        b"intel::cert_hash" | b"x509_fingerprint_sha1" => Value::digest(Kind::CertificateSha1, text),
        b"ip:port" | b"ip" | b"ipv4" | b"ipv6" | b"ip_dst" | b"ip_src" | b"cidr" | b"address" | b"ipv4_addr" | b"ipv6_addr"
        | b"ip_address" | b"ipaddress" | b"ip4" | b"ip6" | b"network" | b"subnet" | b"ip_range" => Value::address_or_network(text),
        b"ip_dst|port" | b"ip_src|port" => address_and_port(part(0), part(1)),
        b"domain" | b"hostname" | b"fqdn" | b"domain_name" | b"domainname" | b"host" => host(text),
        b"domain|ip" | b"hostname|port" => Value::domain(part(0)),
        b"url" | b"uri" => Value::url(text),
        b"md5_hash" | b"md5" | b"filehash_md5" | b"hash_md5" | b"filemd5" => Value::digest(Kind::Md5, text),
        b"sha1_hash" | b"sha1" | b"filehash_sha1" | b"hash_sha1" | b"filesha1" => Value::digest(Kind::Sha1, text),
        b"sha256_hash" | b"sha256" | b"filehash_sha256" | b"hash_sha256" | b"filesha256" => Value::digest(Kind::Sha256, text),
        b"hash" | b"file" | b"filehash" | b"file_hash" => digest_of_any_kind(text),
        b"filename|md5" | b"malware_sample" => Value::digest(Kind::Md5, part(1)),
        b"filename|sha1" => Value::digest(Kind::Sha1, part(1)),
        b"filename|sha256" => Value::digest(Kind::Sha256, part(1)),
        b"ja3" | b"ja3_md5" | b"ja3_fingerprint_md5" => Value::digest(Kind::Ja3, text),
        _ => return None,
    })
}

fn address_and_port(addr: &[u8], port: &[u8]) -> Result<Value, NoValue> {
    let port = str::from_utf8(port).ok().and_then(|digits| digits.parse().ok());
    match Value::address_or_network(addr)? {
        Value::Address(addr, None) => Value::address(addr, port),
        value => Ok(value),
    }
}

/// Who serves something: a name, or an address.
pub(super) fn host(text: &[u8]) -> Result<Value, NoValue> {
    match Value::of(text)? {
        value @ (Value::Domain(_) | Value::Address(..)) => Ok(value),
        _ => Err(NoValue("neither a name nor an address")),
    }
}

pub(super) fn digest_of_any_kind(text: &[u8]) -> Result<Value, NoValue> {
    match Value::of(text)? {
        value @ Value::Digest(..) => Ok(value),
        _ => Err(NoValue("no MD5, SHA-1 or SHA-256")),
    }
}

/// How sure somebody is, from 0 to 100: a number, a part of one, or a word of STIX 2.1 appendix A (None, Low, Med, High) with the number it stands
/// for there.
pub(super) fn confidence(text: &[u8]) -> Option<u8> {
    let text = str::from_utf8(text).ok().filter(|text| !text.is_empty())?;
    if let Ok(percent) = text.parse::<u8>() {
        return (percent <= 100).then_some(percent);
    }
    let text = text.trim_end_matches(['%', ' ']);
    match text.to_ascii_lowercase().as_str() {
        "high" => return Some(85),
        "medium" | "med" => return Some(50),
        "low" => return Some(15),
        _ => {}
    }
    let number: f64 = text.parse().ok()?;
    let percent = if text.contains('.') && number <= 1.0 { number * 100.0 } else { number };
    (0.0..=100.0).contains(&percent).then_some(percent as u8)
}
