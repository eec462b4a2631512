//! Why a source cannot go on: the thing, the place and what was found there, in words for the person at the command line.

use std::fmt;
use std::io;

use super::LinkType;

/// An error of the operator's input, as opposed to a frame that cannot be decoded: that is data, and counted.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error("{file}: cannot be opened: {cause}")]
    Open { file: String, cause: io::Error },
    #[error("{file}: is empty; a capture file has at least a header")]
    Empty { file: String },
    #[error("{file}: is not a capture file: it begins with the bytes {}, which is neither pcap nor pcapng", Hex(.magic))]
    NotCapture { file: String, magic: Box<[u8]> },
    #[error("{file}: ends after {have} bytes, within its header of {need} bytes. No frames were counted")]
    CutHeader { file: String, have: usize, need: usize },
    #[error("{file}: is a pcap file of version {major}.{minor}; versions 2.0 to 2.4 can be read")]
    PcapVersion { file: String, major: u16, minor: u16 },
    #[error("{folder}: holds no capture files; the names of such end in {endings}")]
    EmptyFolder { folder: String, endings: String },
    #[error("no capture files were named")]
    NoFiles,
    #[error("{0}")]
    Broken(Box<Broken>),
    #[error("{file}: is one of more than {limit} files whose times overlap; join some of them first, as with mergecap")]
    Overlap { file: String, limit: usize },
    #[error("the filter '{expression}' cannot be used on frames of link type {}: {reason}", .link.0)]
    Filter { expression: String, link: LinkType, reason: String },
    #[error("there is no interface '{interface}'; there are: {known}")]
    NoInterface { interface: String, known: String },
    #[error(
        "{interface}: no permission to capture ({reason}); run as root, or allow it once: sudo setcap cap_net_raw,cap_net_admin=eip {program}"
    )]
    NoPermission { interface: String, reason: String, program: String },
    #[error("{interface}: capture failed: {reason}")]
    Live { interface: String, reason: String },
}

/// A file that can be read up to a place and not beyond. Everything before the place has been delivered.
#[derive(Debug)]
pub struct Broken {
    pub file: String,
    /// What is counted by `number`: records of a pcap file, blocks of a pcapng file; or the header, which is not counted.
    pub unit: &'static str,
    /// From 1; 0 for the header.
    pub number: u64,
    /// Where the unit begins, in bytes from the start of the file, or of what a compressed file holds.
    pub offset: u64,
    /// The file is compressed, so offsets are those of the decompressed stream.
    pub decompressed: bool,
    pub flaw: Flaw,
    /// Frames of this file that came before.
    pub frames: u64,
}

/// What is wrong with a record or block.
#[derive(Debug)]
pub enum Flaw {
    /// Longer than what is left of the file. Both in bytes; `end` is the length of the whole file.
    Beyond { claimed: u64, end: u64 },
    /// The file ends within the fixed part; `end` is its length in bytes.
    Cut { end: u64 },
    /// More captured bytes than a frame of this link type can have.
    TooLong { claimed: u32, limit: u32 },
    /// A block length that is not a multiple of four or too small for the block's fixed part.
    BlockLength { claimed: u32 },
    /// A block that is looked at, with more beside its frame than can be kept.
    BlockTooLong { claimed: u32, limit: u32 },
    /// A block whose two length fields differ.
    Trailer { head: u32, tail: u32 },
    /// More captured bytes than the block around them has room for.
    Overfull { claimed: u32, room: u32 },
    /// An option that runs past its block's end.
    Option { code: u16 },
    /// A packet of an interface that the section has not described.
    Interface { named: u32, described: usize },
    /// More interfaces than can be kept.
    Interfaces { limit: usize },
    /// A section that begins with no valid byte-order magic.
    ByteOrder { magic: u32 },
    /// A pcapng version that nobody has defined.
    PcapngVersion { major: u16, minor: u16 },
    /// The operating system would not read on.
    Read(io::Error),
    /// The compressed stream is corrupt or cut short.
    Compression { format: &'static str, cause: io::Error },
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Flaw::Beyond { claimed, end } => write!(f, "claims {claimed} bytes; the file ends after {end}"),
            Flaw::Cut { end } => write!(f, "is cut within its header; the file ends after {end}"),
            Flaw::TooLong { claimed, limit } => {
                write!(f, "claims {claimed} bytes; a frame has at most {limit}")
            }
            Flaw::BlockLength { claimed } => write!(f, "claims a length of {claimed} bytes, which such a block cannot have"),
            Flaw::BlockTooLong { claimed, limit } => write!(f, "claims a length of {claimed} bytes; such a block has at most {limit}"),
            Flaw::Trailer { head, tail } => write!(f, "claims {head} bytes at its head and {tail} at its end"),
            Flaw::Overfull { claimed, room } => write!(f, "claims {claimed} captured bytes, but has room for {room}"),
            Flaw::Option { code } => write!(f, "has an option {code} that runs past the block's end"),
            Flaw::Interface { named, described } => {
                write!(f, "names interface {named}; the section describes {described} before it")
            }
            Flaw::Interfaces { limit } => write!(f, "is one interface description too many; at most {limit} can be kept"),
            Flaw::ByteOrder { magic } => write!(f, "begins a section with {magic:#010x} in place of the byte-order magic"),
            Flaw::PcapngVersion { major, minor } => {
                write!(f, "begins a section of pcapng version {major}.{minor}; versions 1.0 and 1.2 can be read")
            }
            Flaw::Read(cause) => write!(f, "cannot be read: {cause}"),
            Flaw::Compression { format, cause } => write!(f, "cannot be decompressed; the {format} data is corrupt or cut short: {cause}"),
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Broken { file, unit, number, offset, decompressed, flaw, frames } = self;
        let stream = if *decompressed { " of the decompressed stream" } else { "" };
        let number = if *number == 0 { String::new() } else { format!(" {number}") };
        let counted = if *frames == 1 { "frame was" } else { "frames were" };
        write!(f, "{file}: {unit}{number} at byte {offset}{stream} {flaw}. {frames} {counted} counted")
    }
}

/// Bytes in hexadecimal, separated by spaces.
struct Hex<'a>(&'a [u8]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let space = if index == 0 { "" } else { " " };
            write!(f, "{space}{byte:02x}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_broken_file_says_where_and_what() {
        let broken = Broken {
            file: "capture.pcap".into(),
            unit: "record",
            number: 1042,
            offset: 88310,
            decompressed: false,
            flaw: Flaw::Beyond { claimed: 1514, end: 88402 },
            frames: 1041,
        };
        let text = SourceError::Broken(Box::new(broken)).to_string();
        assert_eq!(text, "capture.pcap: record 1042 at byte 88310 claims 1514 bytes; the file ends after 88402. 1041 frames were counted");
    }

    #[test]
    fn a_foreign_file_shows_its_first_bytes() {
        let error = SourceError::NotCapture { file: "a.zip".into(), magic: Box::new(*b"PK\x03\x04") };
        assert!(error.to_string().contains("50 4b 03 04"), "{error}");
    }
}
