//! Addresses that have no country: IANA's special-purpose registries (RFC 6890 and updates), and what IANA never gave out.

use crate::addr::Addr;

/// The name of the special-purpose block that holds an address; nothing for an address that may have a country.
///
/// 6to4 (2002::/16) and NAT64 (64:ff9b::/96) addresses are judged by the IPv4 address they embed. Blocks that the registries call
/// globally reachable (AS112, AMT, 192.0.0.9, 192.0.0.10) are not named. All IPv6 outside of 2000::/3 is.
#[inline]
pub fn reserved(addr: Addr) -> Option<&'static str> {
    match addr.as_v4() {
        Some(bits) => reserved_v4(bits),
        None => reserved_v6(addr.0),
    }
}

/// Whether an address names many receivers: multicast of either family, or the limited broadcast address. Never a source.
#[inline]
pub fn is_group(addr: Addr) -> bool {
    match addr.as_v4() {
        Some(bits) => bits >> 28 == 0xe || bits == u32::MAX,
        None => addr.0 >> 120 == 0xff,
    }
}

/// Whether any address with this first octet is reserved: a bit for each. Nearly all addresses are done with here.
const OCTETS: [u64; 4] = {
    let mut octets = [0u64; 4];
    let mut octet = 0;
    while octet < 256 {
        if matches!(octet, 0 | 10 | 100 | 127 | 169 | 172 | 192 | 198 | 203 | 224..) {
            octets[octet / 64] |= 1 << (octet % 64);
        }
        octet += 1;
    }
    octets
};

/// [`reserved`] of an IPv4 address.
#[inline(always)]
pub(super) fn reserved_v4(bits: u32) -> Option<&'static str> {
    let octet = bits >> 24;
    if OCTETS[(octet / 64) as usize] >> (octet % 64) & 1 == 0 { None } else { reserved_v4_by_prefix(bits) }
}

#[inline(never)]
fn reserved_v4_by_prefix(bits: u32) -> Option<&'static str> {
    Some(match bits.to_be_bytes() {
        [0, ..] => "this network",
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => "private",
        [100, 64..=127, ..] => "carrier-grade NAT",
        [127, ..] => "loopback",
        [169, 254, ..] => "link-local",
        [192, 0, 0, 9 | 10] => return None,
        [192, 0, 0, _] => "IETF assignments",
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => "documentation",
        [192, 88, 99, _] => "6to4 relay",
        [198, 18..=19, ..] => "benchmarking",
        [224..=239, ..] => "multicast",
        [255, 255, 255, 255] => "broadcast",
        [240..=255, ..] => "reserved for future use",
        _ => return None,
    })
}

fn reserved_v6(bits: u128) -> Option<&'static str> {
    let groups = [(bits >> 112) as u16, (bits >> 96) as u16, (bits >> 80) as u16, (bits >> 64) as u16];
    Some(match groups {
        [0x2001, 0, ..] => "Teredo",
        [0x2001, 2, 0, _] => "benchmarking",
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0x0fff, ..] => "documentation",
        [0x2002, high, low, _] => return reserved_v4(u32::from(high) << 16 | u32::from(low)),
        [0x2000..=0x3fff, ..] => return None,
        [0, 0, 0, 0] if bits == 0 => "unspecified",
        [0, 0, 0, 0] if bits == 1 => "loopback",
        [0x64, 0xff9b, 0, 0] if bits >> 32 & 0xffff_ffff == 0 => return reserved_v4(bits as u32),
        [0x64, 0xff9b, 1, _] => "local NAT64",
        [0x100, 0, 0, 0] => "discard",
        [0xfc00..=0xfdff, ..] => "unique local",
        [0xfe80..=0xfebf, ..] => "link-local",
        [0xff00..=0xffff, ..] => "multicast",
        _ => "unallocated",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(text: &str) -> Option<&'static str> {
        reserved(text.parse().unwrap())
    }

    #[test]
    fn blocks_begin_and_end_where_the_registries_say() {
        for (first, last, block) in [
            ("0.0.0.0", "0.255.255.255", "this network"),
            ("10.0.0.0", "10.255.255.255", "private"),
            ("100.64.0.0", "100.127.255.255", "carrier-grade NAT"),
            ("127.0.0.0", "127.255.255.255", "loopback"),
            ("169.254.0.0", "169.254.255.255", "link-local"),
            ("172.16.0.0", "172.31.255.255", "private"),
            ("192.0.2.0", "192.0.2.255", "documentation"),
            ("192.88.99.0", "192.88.99.255", "6to4 relay"),
            ("192.168.0.0", "192.168.255.255", "private"),
            ("198.18.0.0", "198.19.255.255", "benchmarking"),
            ("198.51.100.0", "198.51.100.255", "documentation"),
            ("203.0.113.0", "203.0.113.255", "documentation"),
            ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff", "local NAT64"),
            ("2001::", "2001:0:ffff:ffff:ffff:ffff:ffff:ffff", "Teredo"),
            ("2001:2::", "2001:2:0:ffff:ffff:ffff:ffff:ffff", "benchmarking"),
            ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"),
            ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff", "documentation"),
        ] {
            let (first, last): (Addr, Addr) = (first.parse().unwrap(), last.parse().unwrap());
            assert_eq!((reserved(first), reserved(last)), (Some(block), Some(block)), "{first}");
            assert_ne!(reserved(Addr(first.0.wrapping_sub(1))), Some(block), "before {first}");
            assert_ne!(reserved(Addr(last.0 + 1)), Some(block), "after {last}");
        }
    }

    #[test]
    fn single_addresses_and_open_ends() {
        for (text, block) in [
            ("224.0.0.0", Some("multicast")),
            ("239.255.255.255", Some("multicast")),
            ("240.0.0.0", Some("reserved for future use")),
            ("255.255.255.255", Some("broadcast")),
            ("192.0.0.8", Some("IETF assignments")),
            ("192.0.0.9", None),
            ("192.31.196.1", None),
            ("::", Some("unspecified")),
            ("::1", Some("loopback")),
            ("::2", Some("unallocated")),
            ("100::1", Some("discard")),
            ("1fff::", Some("unallocated")),
            ("4000::", Some("unallocated")),
            ("fd00::1", Some("unique local")),
            ("fe80::1", Some("link-local")),
            ("fec0::1", Some("unallocated")),
            ("ff02::1", Some("multicast")),
            ("2600::", None),
        ] {
            assert_eq!(name(text), block, "{text}");
        }
    }

    #[test]
    fn embedded_ipv4_decides() {
        assert_eq!(name("2002:808:808::1"), None);
        assert_eq!(name("2002:a00:1::1"), Some("private"));
        assert_eq!(name("64:ff9b::8.8.8.8"), None);
        assert_eq!(name("64:ff9b::127.0.0.1"), Some("loopback"));
        assert_eq!(name("64:ff9b::1:0:0"), Some("unallocated"));
    }

    #[test]
    fn the_named_blocks_are_13_80_percent_of_ipv4() {
        let named = (0..1u32 << 24).filter(|network| reserved_v4(network << 8 | 1).is_some()).count();
        assert_eq!((named as f64 / f64::from(1u32 << 24) * 10_000.0).round(), 1380.0);
    }

    #[test]
    fn groups_are_multicast_and_broadcast() {
        for text in ["224.0.0.1", "239.255.255.250", "255.255.255.255", "ff02::fb"] {
            assert!(is_group(text.parse().unwrap()), "{text}");
        }
        for text in ["223.255.255.255", "240.0.0.1", "fe80::1", "::ff00:0:0"] {
            assert!(!is_group(text.parse().unwrap()), "{text}");
        }
    }
}
