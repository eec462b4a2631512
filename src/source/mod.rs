//! Bytes come in: capture files, standard input, interfaces, synthetic traffic.

mod blocks;
mod error;
mod files;
mod filter;
mod folder;
mod input;
mod interface;
mod live;
mod pcap;
mod pcapng;
mod reader;
#[cfg(test)]
mod samples;
mod stream;
mod synthetic;
mod writer;

pub use blocks::Block;
pub use error::{Broken, Flaw, SourceError};
pub use files::{Files, FilesOptions};
pub use input::{Input, InterfaceNames, Polled};
pub use live::{Live, LiveOptions, LiveStats};
pub use reader::{CaptureReader, STANDARD_INPUT};
pub use synthetic::{Synthetic, SyntheticOptions, Traffic};
pub use writer::PcapWriter;

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

    /// The link type from the field of a capture file, whose upper half says other things (length of the frame check sequence and
    /// the like: draft-ietf-opsawg-pcap section 4). 12 and 14 are what BSD and OpenBSD systems wrote for raw IP (libpcap,
    /// `pcap-common.c`).
    pub const fn of_file(field: u32) -> LinkType {
        match field as u16 {
            DLT_RAW_LINUX | DLT_RAW_OPENBSD => LinkType::RAW,
            number => LinkType(number),
        }
    }

    /// The link type of a live capture, whose numbers (`DLT_`) differ from those in files for raw IP.
    pub const fn of_dlt(dlt: i32) -> LinkType {
        LinkType::of_file(dlt as u32)
    }

    /// The number that libpcap has for this link type in memory.
    pub const fn to_dlt(self) -> i32 {
        match self {
            LinkType::RAW => DLT_RAW_LINUX as i32,
            LinkType(number) => number as i32,
        }
    }

    /// The most bytes that a captured frame of this link type can have: what libpcap accepts (`max_snaplen_for_dlt`).
    pub const fn captured_max(self) -> u32 {
        match self.0 {
            231 => 128 * 1024 * 1024, // D-Bus, by the length limit of its messages
            279 => 8 * 1024 * 1024,   // Elektrobit high-speed capture and replay
            249 => 1024 * 1024,       // USBPcap
            _ => MAXIMUM_SNAPLEN,
        }
    }
}

/// libpcap's limit of a snap length, in bytes (`pcap-int.h`).
const MAXIMUM_SNAPLEN: u32 = 262_144;
/// `DLT_RAW` where it is not the number in files.
const DLT_RAW_LINUX: u16 = 12;
const DLT_RAW_OPENBSD: u16 = 14;
