//! A network in CIDR notation.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::span::Span;
use crate::addr::Addr;

/// A network: all addresses that share a prefix. A single address is a network of its own.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Network {
    first: Addr,
    /// Leading bits that are fixed: 0 to 32 for IPv4, 0 to 128 for IPv6.
    prefix: u8,
}

/// What is wrong with the text of a network.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum NetworkError {
    #[error("no IP address")]
    Address,
    #[error("the prefix length must be 0 to {0}")]
    Prefix(u8),
    #[error("bits are set beyond the prefix; the network is {0}")]
    HostBits(Network),
}

impl Network {
    /// # Errors
    ///
    /// A prefix longer than the address, and bits set beyond it.
    pub fn new(addr: Addr, prefix: u8) -> Result<Self, NetworkError> {
        let longest = width(addr);
        let host_bits = longest.checked_sub(prefix).ok_or(NetworkError::Prefix(longest))?;
        let first = Addr(addr.0 & !low_bits(host_bits));
        let network = Network { first, prefix };
        if first == addr { Ok(network) } else { Err(NetworkError::HostBits(network)) }
    }

    pub const fn first(self) -> Addr {
        self.first
    }

    pub const fn last(self) -> Addr {
        Addr(self.first.0 | low_bits(width(self.first) - self.prefix))
    }

    pub const fn prefix(self) -> u8 {
        self.prefix
    }

    pub fn contains(self, addr: Addr) -> bool {
        addr.is_v4() == self.first.is_v4() && (self.first..=self.last()).contains(&addr)
    }

    /// The network's addresses as numbers: of 32 bits for IPv4, of 128 for IPv6.
    pub(super) fn span<V>(self, value: V, line: u32) -> Span<V> {
        let number = |addr: Addr| addr.as_v4().map_or(addr.0, u128::from);
        Span { first: number(self.first), last: number(self.last()), value, line }
    }
}

/// Bits of an address of the family.
const fn width(addr: Addr) -> u8 {
    if addr.is_v4() { 32 } else { 128 }
}

const fn low_bits(bits: u8) -> u128 {
    if bits >= 128 { u128::MAX } else { (1 << bits) - 1 }
}

impl FromStr for Network {
    type Err = NetworkError;

    /// Takes `192.0.2.0/24`, `2001:db8::/32`, or a single address.
    fn from_str(text: &str) -> Result<Self, NetworkError> {
        let (addr, prefix) = match text.split_once('/') {
            Some((addr, prefix)) => (addr, Some(prefix)),
            None => (text, None),
        };
        let addr: Addr = addr.parse().map_err(|_| NetworkError::Address)?;
        let longest = width(addr);
        let prefix = match prefix {
            Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| NetworkError::Prefix(longest))?
            }
            Some(_) => return Err(NetworkError::Prefix(longest)),
            None => longest,
        };
        Network::new(addr, prefix)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.first, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_there_and_back() {
        for text in ["192.0.2.0/24", "0.0.0.0/0", "10.1.2.3/32", "2001:db8::/32", "::/0", "fe80::1/128"] {
            assert_eq!(text.parse::<Network>().unwrap().to_string(), text);
        }
        assert_eq!("10.1.2.3".parse::<Network>().unwrap().to_string(), "10.1.2.3/32");
    }

    #[test]
    fn a_network_contains_its_ends_and_nothing_beyond() {
        let network: Network = "192.0.2.0/24".parse().unwrap();
        let inside = ["192.0.2.0", "192.0.2.255"];
        let outside = ["192.0.1.255", "192.0.3.0", "::192.0.2.1"];
        assert!(inside.iter().all(|text| network.contains(text.parse().unwrap())));
        assert!(!outside.iter().any(|text| network.contains(text.parse().unwrap())));
        assert!(!"::/0".parse::<Network>().unwrap().contains("192.0.2.1".parse().unwrap()));
    }

    #[test]
    fn wrong_text_says_what_is_wrong() {
        for (text, wrong) in [
            ("10.0.0/8", "no IP address"),
            ("", "no IP address"),
            ("10.0.0.0/33", "the prefix length must be 0 to 32"),
            ("10.0.0.0/+8", "the prefix length must be 0 to 32"),
            ("10.0.0.0/", "the prefix length must be 0 to 32"),
            ("::/129", "the prefix length must be 0 to 128"),
            ("10.1.2.3/8", "bits are set beyond the prefix; the network is 10.0.0.0/8"),
        ] {
            assert_eq!(text.parse::<Network>().unwrap_err().to_string(), wrong, "{text}");
        }
    }
}
