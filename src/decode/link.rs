//! Link layers: whatever stands between the first byte of a frame and its IP header.

use crate::addr::Addr;
use crate::source::LinkType;

use super::packet::{Header, Transport};
use super::place::Place;
use super::refused::Refused;
use super::{host, ip, mpls, ppp, transport, wireless};

/// EtherTypes (IANA "IEEE 802 Numbers").
pub(super) mod ether_type {
    pub const IPV4: u16 = 0x0800;
    pub const IPV6: u16 = 0x86dd;
    /// IEEE 802.1Q customer tag.
    pub const VLAN: u16 = 0x8100;
    /// IEEE 802.1ad service tag.
    pub const SERVICE_VLAN: u16 = 0x88a8;
    /// Service tags of switches older than 802.1ad.
    pub const OLD_SERVICE_VLAN: u16 = 0x9100;
    pub const OLD_SERVICE_VLAN_2: u16 = 0x9200;
    pub const OLD_SERVICE_VLAN_3: u16 = 0x9300;
    pub const TRANSPARENT_BRIDGING: u16 = 0x6558;
    pub const PPP: u16 = 0x880b;
    pub const MPLS: u16 = 0x8847;
    pub const MPLS_MULTICAST: u16 = 0x8848;
    pub const PPPOE_SESSION: u16 = 0x8864;
    /// IEEE 802.1ah provider backbone service tag.
    pub const BACKBONE: u16 = 0x88e7;
    /// High-availability seamless redundancy, IEC 62439-3.
    pub const HSR: u16 = 0x892f;
    /// Tag of a virtual network interface, between a switch and its extender.
    pub const VN_TAG: u16 = 0x8926;
    /// PROFINET's real-time frames, IEC 61158-6-10.
    pub const PROFINET: u16 = 0x8892;
    /// EtherCAT, IEC 61158-4-12.
    pub const ETHERCAT: u16 = 0x88a4;
    /// GOOSE and sampled values, IEC 61850-8-1 and 61850-9-2.
    pub const GOOSE: u16 = 0x88b8;
    pub const SAMPLED_VALUES: u16 = 0x88ba;
    /// Up to here: the field is the length of an IEEE 802.3 frame.
    pub const LENGTH_MAX: u16 = 1500;
}

/// Link type numbers that `LinkType` has no name for (tcpdump.org/linktypes.html).
mod number {
    /// Raw IP as some systems number it (OpenBSD: 14, others: 12).
    pub const RAW_12: u16 = 12;
    pub const RAW_14: u16 = 14;
    /// PPP in HDLC-like framing, or Cisco's.
    pub const PPP_HDLC: u16 = 50;
    pub const PPP_ETHER: u16 = 51;
    pub const CISCO_HDLC: u16 = 104;
    pub const IEEE802_11: u16 = 105;
    pub const IEEE802_11_RADIOTAP: u16 = 127;
    pub const PPP_WITH_DIRECTION: u16 = 204;
    pub const NFLOG: u16 = 239;
    /// Hilscher netANALYZER: four bytes, then Ethernet.
    pub const NETANALYZER: u16 = 240;
    /// The same with Ethernet's preamble and start-of-frame delimiter.
    pub const NETANALYZER_TRANSPARENT: u16 = 241;
}

/// A frame of the given link type.
///
/// # Errors
/// [`Refused::UnknownLinkType`], [`Refused::NotIp`], and whatever is wrong further in.
#[cold]
#[inline(never)]
pub(super) fn frame(link: LinkType, place: Place<'_>) -> Result<Header, Refused> {
    match link {
        LinkType::ETHERNET => ethernet(place),
        LinkType::RAW | LinkType(number::RAW_12 | number::RAW_14) => ip::any_version(place),
        LinkType::IPV4 => ip::ipv4(place),
        LinkType::IPV6 => ip::ipv6(place),
        LinkType::LINUX_SLL => host::linux_cooked(place),
        LinkType::LINUX_SLL2 => host::linux_cooked_v2(place),
        LinkType::NULL | LinkType::LOOP => host::loopback(place),
        LinkType::PPP => ppp::frame(place),
        LinkType(number::PPP_HDLC | number::CISCO_HDLC) => ppp::hdlc(place),
        LinkType(number::PPP_WITH_DIRECTION) => ppp::frame(place.skip(1)?),
        LinkType(number::PPP_ETHER) => ppp::over_ethernet(place),
        LinkType(number::NFLOG) => host::nflog(place),
        LinkType(number::IEEE802_11) => wireless::frame(place),
        LinkType(number::IEEE802_11_RADIOTAP) => wireless::radiotap(place),
        LinkType(number::NETANALYZER) => ethernet(place.skip(4)?),
        LinkType(number::NETANALYZER_TRANSPARENT) => ethernet(place.skip(4 + 8)?),
        LinkType(_) => Err(Refused::UnknownLinkType),
    }
}

/// An Ethernet frame from its target address on.
pub(super) fn ethernet(place: Place<'_>) -> Result<Header, Refused> {
    let ([.., e0, e1], payload) = place.take::<14>()?;
    match by_ether_type(u16::from_be_bytes([*e0, *e1]), payload) {
        Err(Refused::NotIp) => industrial(place),
        decoded => decoded,
    }
}

/// An Ethernet frame without IP: that of an industrial protocol, tagged or not, is decoded as what goes from one station to another.
fn industrial(place: Place<'_>) -> Result<Header, Refused> {
    let (&[t0, t1, t2, t3, t4, t5, s0, s1, s2, s3, s4, s5, e0, e1], mut place) = place.take::<14>()?;
    let mut kind = u16::from_be_bytes([e0, e1]);
    loop {
        match kind {
            ether_type::PROFINET | ether_type::ETHERCAT | ether_type::GOOSE | ether_type::SAMPLED_VALUES => break,
            kind if is_tag(kind) => {
                let (&[c0, c1, _, _], _) = place.take::<4>()?;
                place = place.tagged(u16::from_be_bytes([c0, c1])).skip(2)?;
            }
            ether_type::HSR => place = place.skip(4)?,
            _ => return Err(Refused::NotIp),
        }
        let (&next, behind) = place.take::<2>()?;
        (kind, place) = (u16::from_be_bytes(next), behind);
    }
    let (source, target) = (Addr::of_mac([s0, s1, s2, s3, s4, s5]), Addr::of_mac([t0, t1, t2, t3, t4, t5]));
    let mut header = Header {
        source_port: kind,
        target_port: kind,
        vlan: place.vlan,
        marks: place.marks,
        ttl: 0,
        ..Header::between(source, target, Transport::Link)
    };
    transport::payload(&mut header, place, 0);
    Ok(header)
}

/// Whether an Ethernet frame that carries IP, or tags before it, may begin here.
pub(super) fn is_plausible(place: Place<'_>) -> bool {
    match place.rest() {
        &[_, _, _, _, _, _, _, _, _, _, _, _, e0, e1, ..] => {
            let kind = u16::from_be_bytes([e0, e1]);
            matches!(kind, ether_type::IPV4 | ether_type::IPV6 | ether_type::MPLS | ether_type::PPPOE_SESSION) || is_tag(kind)
        }
        _ => false,
    }
}

const fn is_tag(kind: u16) -> bool {
    matches!(
        kind,
        ether_type::VLAN
            | ether_type::SERVICE_VLAN
            | ether_type::OLD_SERVICE_VLAN
            | ether_type::OLD_SERVICE_VLAN_2
            | ether_type::OLD_SERVICE_VLAN_3
    )
}

/// What follows an EtherType, tags and all.
pub(super) fn by_ether_type(mut kind: u16, mut place: Place<'_>) -> Result<Header, Refused> {
    // Each turn takes a tag off the frame, so the frame's length bounds the loop.
    loop {
        match kind {
            ether_type::IPV4 => return ip::ipv4(place),
            ether_type::IPV6 => return ip::ipv6(place),
            ether_type::MPLS | ether_type::MPLS_MULTICAST => return mpls::labels(place),
            ether_type::PPPOE_SESSION => return ppp::over_ethernet(place),
            ether_type::PPP => return ppp::frame(place),
            ether_type::TRANSPARENT_BRIDGING => return ethernet(place.descend(0)?),
            // Four bytes of service identifier, then the customer's frame (IEEE 802.1Q clause 9.7).
            ether_type::BACKBONE => return ethernet(place.skip(4)?.descend(0)?),
            kind if is_tag(kind) => {
                let (&[c0, c1, _, _], _) = place.take::<4>()?;
                place = place.tagged(u16::from_be_bytes([c0, c1])).skip(2)?;
            }
            // Path and size, sequence number (IEC 62439-3 clause 5.6); virtual interfaces and flags (IEEE 802.1BR, Cisco's draft).
            ether_type::HSR | ether_type::VN_TAG => place = place.skip(4)?,
            0..=ether_type::LENGTH_MAX => return logical_link(place.bound(usize::from(kind))),
            _ => return Err(Refused::NotIp),
        }
        let (&next, behind) = place.take::<2>()?;
        (kind, place) = (u16::from_be_bytes(next), behind);
    }
}

/// IEEE 802.2 logical link control, with or without a subnetwork access protocol header (RFC 1042).
pub(super) fn logical_link(place: Place<'_>) -> Result<Header, Refused> {
    let (link, behind) = place.take::<3>()?;
    match link {
        [0xaa, 0xaa, 0x03] => {
            let (&[o0, o1, o2, e0, e1], payload) = behind.take::<5>()?;
            // The second organization is for bridged tunnelling (IEEE 802.1H). A level, since tags may lead back here.
            match [o0, o1, o2] {
                [0, 0, 0] | [0, 0, 0xf8] => by_ether_type(u16::from_be_bytes([e0, e1]), payload.descend(0)?),
                _ => Err(Refused::NotIp),
            }
        }
        // The service access point of IP itself.
        [0x06, 0x06, 0x03] => ip::ipv4(behind),
        _ => Err(Refused::NotIp),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::{assert_inner, ethernet, tcp_frame, tcp_packet, whole};
    use super::*;

    fn with(front: &[u8]) -> Vec<u8> {
        [front, &tcp_packet()].concat()
    }

    #[test]
    fn the_outermost_vlan_stands() {
        let tag = [&[0xe0, 7, 0x81, 0, 0, 9, 8, 0], &tcp_packet()[..]].concat();
        for kind in [0x8100, 0x88a8, 0x9100, 0x9200, 0x9300] {
            assert_eq!(assert_inner(LinkType::ETHERNET, &ethernet(kind, &tag)).vlan, 7, "{kind:#x}");
        }
        assert_eq!(assert_inner(LinkType::ETHERNET, &ethernet(0x8100, &with(&[0x0f, 0xff, 8, 0]))).vlan, 4095);
        assert_eq!(assert_inner(LinkType::ETHERNET, &tcp_frame()).vlan, 0);
    }

    #[test]
    fn a_stack_of_many_tags_is_passed_over() {
        let tags = [0, 5, 0x81, 0].repeat(300);
        assert_eq!(whole(LinkType::ETHERNET, &ethernet(0x8100, &tags)), Err(Refused::Truncated));
        assert_eq!(assert_inner(LinkType::ETHERNET, &ethernet(0x8100, &[&tags[..], &[0, 6, 8, 0], &tcp_packet()].concat())).vlan, 5);
    }

    #[test]
    fn redundancy_and_interface_tags_are_passed_over() {
        for kind in [0x892f, 0x8926] {
            assert_inner(LinkType::ETHERNET, &ethernet(kind, &with(&[0, 0x40, 0, 1, 8, 0])));
        }
    }

    #[test]
    fn a_backbone_frame_holds_a_frame() {
        assert_inner(LinkType::ETHERNET, &ethernet(0x88e7, &[&[0, 0, 0, 1], &tcp_frame()[..]].concat()));
    }

    #[test]
    fn the_length_of_an_ieee_802_3_frame_bounds_it() {
        let frame = ethernet(8, &with(&[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]));
        assert_eq!(whole(LinkType::ETHERNET, &frame), Err(Refused::Truncated));
    }

    #[test]
    fn frames_that_lead_back_to_themselves_end() {
        let turn = [0xaa, 0xaa, 3, 0, 0, 0, 0x81, 0, 0, 5, 5, 0xdc];
        assert_eq!(whole(LinkType::ETHERNET, &ethernet(1500, &turn.repeat(100_000))), Err(Refused::TooDeep));
        assert_eq!(whole(LinkType::ETHERNET, &ethernet(0x6558, &ethernet(0x6558, &[]).repeat(100_000))), Err(Refused::TooDeep));
    }

    #[test]
    fn other_organizations_protocols_are_not_ip() {
        // Cisco discovery protocol.
        assert_eq!(whole(LinkType::ETHERNET, &ethernet(48, &with(&[0xaa, 0xaa, 3, 0, 0, 0x0c, 0x20, 0]))), Err(Refused::NotIp));
    }

    #[test]
    fn industrial_frames_without_ip_go_from_station_to_station() {
        let plain = ethernet(0x88b8, b"goose");
        let tagged = ethernet(0x8100, &[&[0x80, 5, 0x88, 0xb8], &b"goose"[..]].concat());
        let redundant = ethernet(0x892f, &[&[0, 0x40, 0, 1, 0x88, 0xb8], &b"goose"[..]].concat());
        for (frame, vlan) in [(plain, 0), (tagged, 5), (redundant, 0)] {
            let header = whole(LinkType::ETHERNET, &frame).unwrap();
            assert_eq!((header.transport, header.source_port, header.target_port, header.vlan), (Transport::Link, 0x88b8, 0x88b8, vlan));
            let mac = |bytes: &[u8]| Addr::of_mac(bytes.try_into().unwrap());
            assert_eq!((header.target, header.source), (mac(&frame[..6]), mac(&frame[6..12])));
            assert_eq!(&frame[usize::from(header.payload_offset)..], b"goose");
        }
        for other in [0x0806, 0x88cc, 0x88b9] {
            assert_eq!(whole(LinkType::ETHERNET, &ethernet(other, b"other")), Err(Refused::NotIp), "{other:#x}");
        }
    }

    #[test]
    fn raw_ip_under_all_its_numbers() {
        for link in [12, 14, 101, 228] {
            assert_inner(LinkType(link), &tcp_packet());
        }
    }

    #[test]
    fn net_analyzer_frames_hold_ethernet() {
        assert_inner(LinkType(240), &[&[0; 4], &tcp_frame()[..]].concat());
        assert_inner(LinkType(241), &[&[0; 4][..], &[0x55; 7], &[0xd5], &tcp_frame()].concat());
    }
}
