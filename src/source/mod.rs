//! Bytes come in: capture files, standard input, interfaces, synthetic traffic.

/// One frame as it was captured, borrowed from the source until the next call.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    /// Event time, in nanoseconds since the Unix epoch.
    pub time_ns: u64,
    /// The frame's length on the wire, in bytes; at least `bytes.len()`.
    pub wire_bytes: u32,
    /// The link type of the interface that captured it (tcpdump.org/linktypes.html).
    pub link: LinkType,
    /// Which of the capture's interfaces, counted over all files of a run; saturates.
    pub interface: u16,
    /// The captured bytes.
    pub bytes: &'a [u8],
}

/// A link type number as capture files carry it (LINKTYPE_ values, tcpdump.org/linktypes.html).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Hash)]
pub struct LinkType(pub u16);

impl LinkType {
    pub const NULL: LinkType = LinkType(0);
    pub const ETHERNET: LinkType = LinkType(1);
    pub const PPP: LinkType = LinkType(9);
    pub const RAW: LinkType = LinkType(101);
    pub const LOOP: LinkType = LinkType(108);
    pub const LINUX_SLL: LinkType = LinkType(113);
    pub const IPV4: LinkType = LinkType(228);
    pub const IPV6: LinkType = LinkType(229);
    pub const LINUX_SLL2: LinkType = LinkType(276);
}
