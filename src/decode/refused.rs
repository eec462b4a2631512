//! Why a frame could not be decoded. Counted per window in `capture` records, under these names.

macro_rules! reasons {
    ($($(#[$doc:meta])* $variant:ident = $name:literal),+ $(,)?) => {
        /// Why a frame was refused. The name is the key in `capture` records.
        #[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
        #[repr(u8)]
        pub enum Refused { $($(#[$doc])* $variant),+ }

        impl Refused {
            /// Every reason, in the order of the records.
            pub const ALL: &[Refused] = &[$(Refused::$variant),+];
            pub const COUNT: usize = Refused::ALL.len();

            /// The stable name, as it stands in records.
            pub const fn name(self) -> &'static str {
                match self { $(Refused::$variant => $name),+ }
            }
        }
    };
}

reasons! {
    /// The captured bytes end before the IP addresses do.
    Truncated = "truncated",
    /// The file's link type is not one that we decode.
    UnknownLinkType = "unknown_link_type",
    /// Not IP: ARP, spanning tree, LLDP and the like.
    NotIp = "not_ip",
    /// The IP version, header length or total length contradict each other or the frame.
    BadIpHeader = "bad_ip_header",
    /// An IPv6 extension header chain that never ends or lies about its length.
    BadExtension = "bad_extension",
    /// A TCP, UDP, ICMP or SCTP header that contradicts its own lengths.
    BadTransport = "bad_transport",
    /// Tunnels nested deeper than the limit.
    TooDeep = "too_deep",
    /// A tunnel header that contradicts itself.
    BadTunnel = "bad_tunnel",
}
