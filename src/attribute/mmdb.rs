//! Reads an MMDB file (MaxMind DB file format specification 2.0).

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;

use jiff::Timestamp;
use jiff::tz::TimeZone;
use maxminddb::{LookupResult, MaxMindDbError, Reader, WithinOptions, path};

use super::database::{DatabaseError, Found};
use super::network::Network;
use super::{Country, excerpt};
use crate::addr::Addr;

/// What stands before the metadata, in the last 128 KiB of the file (section "Database Metadata").
const MARKER: &[u8] = b"\xab\xcd\xefMaxMind.com";
const MARKER_WITHIN_BYTES: usize = 128 << 10;

/// Whether the bytes are an MMDB file.
pub(super) fn is_mmdb(bytes: &[u8]) -> bool {
    let end = &bytes[bytes.len().saturating_sub(MARKER_WITHIN_BYTES)..];
    end.windows(MARKER.len()).any(|window| window == MARKER)
}

/// Reads every network with its `country_code`, `country.iso_code` or `country`. Of IPv4 that an IPv6 tree holds under several
/// prefixes, only that of `::/96` is read.
///
/// # Errors
///
/// A file that breaks the format, and a record whose code is none.
pub(super) fn read(path: &Path, bytes: Vec<u8>) -> Result<Found, DatabaseError> {
    let broken = |reason: String| DatabaseError::Mmdb { path: path.into(), reason };
    let failed = |error: MaxMindDbError| broken(error.to_string().escape_debug().to_string());
    let reader = Reader::from_source(bytes).map_err(failed)?;
    let metadata = reader.metadata();
    let mut found = Found { name: Some(metadata.database_type.clone()), build_date: date(metadata.build_epoch), ..Found::default() };
    // Many networks share a record: it is decoded once.
    let mut known: HashMap<usize, Country> = HashMap::new();
    for result in reader.networks(WithinOptions::default()).map_err(failed)? {
        let result = result.map_err(failed)?;
        let network = result.network().map_err(failed)?;
        let country = match result.offset().and_then(|offset| known.get(&offset)) {
            Some(&country) => country,
            None => {
                let code = code(&result).map_err(failed)?.unwrap_or_default();
                let country = found.country(code);
                let country = country.ok_or_else(|| broken(format!("{network} has no country code but '{}'", excerpt(code.as_bytes()))))?;
                known.extend(result.offset().map(|offset| (offset, country)));
                country
            }
        };
        let (addr, prefix) = match network.network() {
            IpAddr::V6(v6) if u128::from(v6) >> 32 == 0 && network.prefix() >= 96 => {
                (Addr::v4(u128::from(v6) as u32), network.prefix() - 96)
            }
            addr => (addr.into(), network.prefix()),
        };
        let span = Network::new(addr, prefix).map_err(|error| broken(error.to_string()))?.span(country, 0);
        let family = if addr.is_v4() { &mut found.v4 } else { &mut found.v6 };
        // Joined at once: databases of cities cut a country into millions of networks.
        match family.last_mut() {
            Some(before) if before.value == country && before.last.checked_add(1) == Some(span.first) => before.last = span.last,
            _ => family.push(span),
        }
    }
    Ok(found)
}

/// The code of a record: flat as ip-location-db writes it, nested as MaxMind and DB-IP do, or a bare `country` as IPinfo does.
fn code<'a>(result: &LookupResult<'a, Vec<u8>>) -> Result<Option<&'a str>, MaxMindDbError> {
    if let Some(code) = result.decode_path(&path!["country_code"])? {
        return Ok(Some(code));
    }
    match result.decode_path(&path!["country", "iso_code"]) {
        Ok(code) => Ok(code),
        Err(_) => result.decode_path(&path!["country"]),
    }
}

fn date(epoch: u64) -> Option<String> {
    let time = Timestamp::from_second(epoch.try_into().ok()?).ok()?;
    Some(TimeZone::UTC.to_datetime(time).date().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Bytes of the data section (section "MMDB Data Section"): a control byte with type and size, then the value.
    fn text(text: &str) -> Vec<u8> {
        [&[2 << 5 | text.len() as u8], text.as_bytes()].concat()
    }

    fn map(pairs: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut bytes = vec![7 << 5 | pairs.len() as u8];
        pairs.iter().for_each(|(key, value)| bytes.extend([text(key), value.clone()].concat()));
        bytes
    }

    fn u16(value: u16) -> Vec<u8> {
        [&[5 << 5 | 2][..], &value.to_be_bytes()].concat()
    }

    fn u32(value: u32) -> Vec<u8> {
        [&[6 << 5 | 4][..], &value.to_be_bytes()].concat()
    }

    fn u64(value: u64) -> Vec<u8> {
        // An extended type: the second byte is the type less seven.
        [&[8, 9 - 7][..], &value.to_be_bytes()].concat()
    }

    /// A tree of 24-bit records over `networks` (address bits from the top, prefix length, record), `aliases` being prefixes that
    /// lead to the node of `::/96`.
    fn file(version: u16, networks: &[(u128, u32, Vec<u8>)], aliases: &[(u128, u32)]) -> Vec<u8> {
        const EMPTY: u32 = u32::MAX;
        const DATA: u32 = 1 << 31;
        let mut nodes = vec![[EMPTY; 2]];
        let mut data = Vec::new();
        let lead = |nodes: &mut Vec<[u32; 2]>, bits: u128, prefix: u32, target: u32| {
            let mut node = 0;
            for depth in 0..prefix {
                let side = (bits >> (127 - depth) & 1) as usize;
                if depth + 1 == prefix {
                    nodes[node][side] = target;
                } else if nodes[node][side] == EMPTY {
                    nodes.push([EMPTY; 2]);
                    nodes[node][side] = nodes.len() as u32 - 1;
                    node = nodes.len() - 1;
                } else {
                    node = nodes[node][side] as usize;
                }
            }
        };
        for (bits, prefix, record) in networks {
            lead(&mut nodes, *bits, *prefix, DATA | data.len() as u32);
            data.extend(record);
        }
        let mut ipv4 = 0;
        for _ in 0..96 {
            ipv4 = if aliases.is_empty() { 0 } else { nodes[ipv4 as usize][0] };
        }
        for &(bits, prefix) in aliases {
            lead(&mut nodes, bits, prefix, ipv4);
        }
        let count = nodes.len() as u32;
        let record = |value: u32| match value {
            EMPTY => count,
            value if value & DATA != 0 => count + 16 + (value & !DATA),
            value => value,
        };
        let tree = nodes.iter().flatten().flat_map(|&value| record(value).to_be_bytes()[1..].to_vec()).collect();
        let metadata = map(&[
            ("binary_format_major_version", u16(2)),
            ("binary_format_minor_version", u16(0)),
            ("build_epoch", u64(1_781_654_400)),
            ("database_type", text("Hand-Made")),
            ("description", map(&[])),
            ("ip_version", u16(version)),
            ("languages", vec![0, 11 - 7]),
            ("node_count", u32(count)),
            ("record_size", u16(24)),
        ]);
        [tree, vec![0; 16], data, MARKER.to_vec(), metadata].concat()
    }

    fn found(bytes: Vec<u8>) -> Result<Found, String> {
        assert!(is_mmdb(&bytes));
        read(Path::new("FILE"), bytes).map_err(|error| error.to_string())
    }

    fn v4(a: u8, b: u8) -> u128 {
        u128::from(u32::from_be_bytes([a, b, 0, 0]))
    }

    fn lines(found: &Found) -> Vec<String> {
        found.v4.iter().chain(&found.v6).map(|span| format!("{:x}-{:x} {}", span.first, span.last, span.value)).collect()
    }

    #[test]
    fn each_way_to_write_a_code_is_read() {
        let records = [
            map(&[("country_code", text("NL"))]),
            map(&[("continent", map(&[])), ("country", map(&[("geoname_id", u32(7)), ("iso_code", text("US"))]))]),
            map(&[("country", text("CN"))]),
            map(&[("city", text("nowhere"))]),
        ];
        let networks: Vec<_> = (0..).zip(records).map(|(place, record)| (v4(10, place) << 96, 16, record)).collect();
        let found = found(file(4, &networks, &[])).unwrap();
        assert_eq!(lines(&found), ["a000000-a00ffff NL", "a010000-a01ffff US", "a020000-a02ffff CN", "a030000-a03ffff ZZ"]);
        assert_eq!((found.name.as_deref(), found.build_date.as_deref()), (Some("Hand-Made"), Some("2026-06-17")));
    }

    #[test]
    fn ipv4_within_an_ipv6_tree_is_read_once() {
        let record = |code| map(&[("country_code", text(code))]);
        let networks = [(v4(10, 0), 112, record("NL")), (0x2a00 << 112, 16, record("US"))];
        let aliases = [(0xffff << 32, 96), (0x2002 << 112, 16)];
        assert_eq!(
            lines(&found(file(6, &networks, &aliases)).unwrap()),
            ["a000000-a00ffff NL", format!("2a00{0}-2a00{1} US", "0".repeat(28), "f".repeat(28)).as_str()]
        );
    }

    #[test]
    fn neighbours_of_one_country_are_joined() {
        let record = |city| map(&[("city", text(city)), ("country", text("NL"))]);
        let networks = [(v4(10, 0) << 96, 16, record("one")), (v4(10, 1) << 96, 16, record("two")), (v4(10, 3) << 96, 16, record("three"))];
        assert_eq!(lines(&found(file(4, &networks, &[])).unwrap()), ["a000000-a01ffff NL", "a030000-a03ffff NL"]);
    }

    #[test]
    fn a_code_that_is_none_is_an_error() {
        let networks = [(v4(10, 0) << 96, 16, map(&[("country_code", text("Nether\n"))]))];
        assert_eq!(
            found(file(4, &networks, &[])).err().unwrap(),
            "geo database FILE: no usable MMDB file: 10.0.0.0/16 has no country code but 'Nether\\n'"
        );
    }

    #[test]
    fn a_cut_file_is_an_error() {
        let networks = [(v4(10, 0) << 96, 16, map(&[("country_code", text("NL"))]))];
        let whole = file(4, &networks, &[]);
        assert!(!is_mmdb(&whole[..100]));
        assert!(found(whole[..whole.len() - 5].to_vec()).err().unwrap().starts_with("geo database FILE: no usable MMDB file: "));
    }

    proptest! {
        #[test]
        fn damage_never_panics(changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..4)) {
            let networks = [(v4(10, 0), 112, map(&[("country_code", text("NL"))])), (0x2a00 << 112, 16, map(&[("country", text("US"))]))];
            let mut bytes = file(6, &networks, &[(0xffff << 32, 96)]);
            for (place, value) in changes {
                let place = place.index(bytes.len());
                bytes[place] = value;
            }
            let _ = read(Path::new("FILE"), bytes);
        }
    }
}
