//! Runs of addresses in other notations than a prefix: `192.0.2.1-192.0.2.9`, `192.0.2.0/255.255.255.0`; and networks that name nobody.

use super::value::{NoValue, Value};
use crate::addr::Addr;
use crate::attribute::{Network, NetworkError};

/// The networks of a run from one address to another, both included. Nothing if the text is none.
pub(super) fn networks(text: &[u8]) -> Option<Vec<Result<Value, NoValue>>> {
    let dash = text.iter().position(|&byte| byte == b'-')?;
    let (first, last) = (address(&text[..dash])?, address(&text[dash + 1..])?);
    if first.is_v4() != last.is_v4() || first > last {
        return Some(vec![Err(NoValue("a run of addresses that ends before it begins"))]);
    }
    let bits = if first.is_v4() { 32 } else { 128 };
    let mut networks = Vec::new();
    let mut next = first.0;
    loop {
        // The widest network that begins here and ends no later.
        let mut host_bits = next.trailing_zeros().min(bits);
        while host_bits > 0 && (host_bits == 128 || last.0 - next < (1 << host_bits) - 1) {
            host_bits -= 1;
        }
        networks.push(network(Addr(next), (bits - host_bits) as u8));
        match next.checked_add(1 << host_bits) {
            Some(after) if after <= last.0 => next = after,
            _ => return Some(networks),
        }
    }
}

/// An address with a mask in place of a prefix. Nothing if the texts are none.
pub(super) fn masked(addr: &[u8], mask: &[u8]) -> Option<Result<Value, NoValue>> {
    let (addr, mask) = (address(addr)?, address(mask)?.as_v4()?);
    let prefix = mask.leading_ones();
    // The hosts that wildcards leave open are the zeros of a mask, at its end.
    (addr.is_v4() && mask.count_ones() == prefix && prefix > 0).then(|| network(addr, prefix as u8))
}

/// Whether a network is all of one that anybody may have at home, or that no host is in: RFC 6890 section 2.2.2, RFC 5771, RFC 1112. Lists of what
/// must not come in from outside have those beside what is bad; a host within is listed like any other.
pub(super) fn is_everybodys(network: Network) -> bool {
    const EVERYBODYS: [(u32, u8); 8] = [
        (0x0000_0000, 8),
        (0x0a00_0000, 8),
        (0x6440_0000, 10),
        (0x7f00_0000, 8),
        (0xa9fe_0000, 16),
        (0xac10_0000, 12),
        (0xc0a8_0000, 16),
        (0xf000_0000, 4),
    ];
    // Multicast, all of it or a part.
    network.first().as_v4().is_some_and(|first| first >> 28 == 0xe)
        || EVERYBODYS.iter().any(|&(first, prefix)| network.prefix() <= prefix && network.contains(Addr::v4(first)))
}

fn address(text: &[u8]) -> Option<Addr> {
    str::from_utf8(text.trim_ascii()).ok()?.parse().ok()
}

fn network(first: Addr, prefix: u8) -> Result<Value, NoValue> {
    match Network::new(first, prefix) {
        Ok(network) | Err(NetworkError::HostBits(network)) => Value::of_network(network),
        Err(_) => Err(NoValue("no IP address")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(text: &str) -> Option<Vec<String>> {
        let text_of = |value: Result<Value, NoValue>| match value {
            Ok(Value::Address(addr, None)) => addr.to_string(),
            Ok(Value::Network(network)) => network.to_string(),
            Ok(_) => "another value".into(),
            Err(NoValue(reason)) => reason.into(),
        };
        Some(networks(text.as_bytes())?.into_iter().map(text_of).collect())
    }

    #[test]
    fn a_run_is_cut_into_networks() {
        assert_eq!(texts("14.1.1.1-14.1.1.4").unwrap(), ["14.1.1.1", "14.1.1.2/31", "14.1.1.4"]);
        assert_eq!(texts("14.1.3.0 - 14.1.3.255").unwrap(), ["14.1.3.0/24"]);
        assert_eq!(texts("2001:db8::-2001:db8::f").unwrap(), ["2001:db8::/124"]);
        assert_eq!(texts("14.1.1.9-14.1.1.1").unwrap(), ["a run of addresses that ends before it begins"]);
        assert_eq!(texts("0.0.0.0-255.255.255.255").unwrap(), ["a network too wide to be meant"]);
        assert_eq!((texts("a-b.example"), texts("14.1.1.1-x"), texts("")), (None, None, None));
    }

    #[test]
    fn a_mask_is_a_prefix() {
        let masked = |addr: &str, mask: &str| super::masked(addr.as_bytes(), mask.as_bytes());
        assert!(matches!(masked("14.1.2.0", "255.255.255.0"), Some(Ok(Value::Network(network))) if network.to_string() == "14.1.2.0/24"));
        assert!(matches!(masked("14.1.2.7", "255.255.255.255"), Some(Ok(Value::Address(..)))));
        assert!(masked("14.1.2.0", "14.1.2.255").is_none() && masked("14.1.2.0", "0.0.0.255").is_none());
    }

    proptest! {
        #[test]
        fn every_address_of_a_run_and_no_other_is_in_its_networks(first: u32, more in 0u32..5_000) {
            let first = first.clamp(0x0100_0000, u32::MAX - 5_000);
            let last = first + more;
            let text = format!("{}-{}", Addr::v4(first), Addr::v4(last));
            let sizes = networks(text.as_bytes()).unwrap().into_iter().map(|value| match value {
                Ok(Value::Network(network)) => (network.last().0 - network.first().0) as u64 + 1,
                // What no host has is refused by itself.
                _ => 1,
            });
            prop_assert_eq!(sizes.sum::<u64>(), u64::from(more) + 1);
        }

        #[test]
        fn any_text_is_read_or_refused(text in "[0-9a-f.:-]{0,40}") {
            let _ = networks(text.as_bytes());
        }
    }
}
