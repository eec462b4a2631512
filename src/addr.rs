//! An address, IPv4 or IPv6, in sixteen bytes.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use serde::{Serialize, Serializer};

/// An IPv4 or IPv6 address as one number. IPv4 stands in its IPv4-mapped form (`::ffff:0:0/96`, RFC 4291 section 2.5.5.2),
/// so that both families share tables and comparisons; a mapped address never occurs on the wire (RFC 6890), so nothing is lost.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Addr(pub u128);

const MAPPED: u128 = 0xffff_0000_0000;
/// `fe80::/64`.
const LINK_LOCAL: u128 = 0xfe80 << 112;

impl Addr {
    /// The unspecified IPv6 address, which stands for "no address".
    pub const NONE: Addr = Addr(0);

    #[inline]
    pub const fn v4(bits: u32) -> Self {
        Addr(MAPPED | bits as u128)
    }

    #[inline]
    pub const fn v6(bits: u128) -> Self {
        Addr(bits)
    }

    /// The 32 bits of an IPv4 address, or nothing for IPv6.
    #[inline]
    pub const fn as_v4(self) -> Option<u32> {
        if self.0 >> 32 == 0xffff { Some(self.0 as u32) } else { None }
    }

    /// The link-local address that a host forms of its MAC address (modified EUI-64: RFC 4291 section 2.5.6 and appendix A). It stands for a
    /// host in an Ethernet frame without IP.
    pub const fn of_mac(mac: [u8; 6]) -> Self {
        let [a, b, c, d, e, f] = mac;
        Addr(LINK_LOCAL | u64::from_be_bytes([a ^ 0x02, b, c, 0xff, 0xfe, d, e, f]) as u128)
    }

    /// The MAC address that a link-local address was formed of, as ECS writes it: `00-00-5E-00-53-23` (RFC 7042). Nothing for other addresses.
    pub fn mac(self) -> Option<String> {
        let [a, b, c, 0xff, 0xfe, d, e, f] = (self.0 as u64).to_be_bytes() else { return None };
        let mac = [a ^ 0x02, b, c, d, e, f];
        (self.0 >> 64 == LINK_LOCAL >> 64).then(|| mac.map(|byte| format!("{byte:02X}")).join("-"))
    }

    #[inline]
    pub const fn is_v4(self) -> bool {
        self.0 >> 32 == 0xffff
    }

    /// The sixteen bytes that sketches and keyed hashes take.
    #[inline]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl From<Addr> for IpAddr {
    fn from(addr: Addr) -> IpAddr {
        match addr.as_v4() {
            Some(bits) => IpAddr::V4(Ipv4Addr::from(bits)),
            None => IpAddr::V6(Ipv6Addr::from(addr.0)),
        }
    }
}

impl From<IpAddr> for Addr {
    fn from(ip: IpAddr) -> Addr {
        match ip {
            IpAddr::V4(v4) => Addr::v4(v4.into()),
            IpAddr::V6(v6) => Addr(v6.into()),
        }
    }
}

impl fmt::Display for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        IpAddr::from(*self).fmt(f)
    }
}

impl Serialize for Addr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl fmt::Debug for Addr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::str::FromStr for Addr {
    type Err = std::net::AddrParseError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        text.parse::<IpAddr>().map(Addr::from)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_goes_there_and_back() {
        for text in ["202.112.10.5", "2001:da8::1", "::1", "0.0.0.0", "255.255.255.255"] {
            assert_eq!(text.parse::<Addr>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn a_mac_address_goes_there_and_back() {
        let addr = Addr::of_mac([0, 0, 0x5e, 0, 0x53, 0x23]);
        assert_eq!(addr.to_string(), "fe80::200:5eff:fe00:5323");
        assert_eq!(addr.mac().as_deref(), Some("00-00-5E-00-53-23"));
        assert_eq!(("fe80::1".parse::<Addr>().unwrap().mac(), Addr::v4(1).mac()), (None, None));
    }

    #[test]
    fn families_are_told_apart() {
        assert_eq!("1.2.3.4".parse::<Addr>().unwrap().as_v4(), Some(0x0102_0304));
        assert_eq!("2001:db8::1".parse::<Addr>().unwrap().as_v4(), None);
    }
}
