//! Capture files written: classic pcap in nanoseconds, little-endian.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use super::pcap::MAGIC_NANOSECONDS;
use super::{Frame, LinkType};

/// A pcap file that grows frame by frame. All its frames have one link type.
pub struct PcapWriter<W: Write> {
    out: W,
}

impl PcapWriter<BufWriter<File>> {
    /// Creates a file, or empties the one there is.
    pub fn create(path: &Path, link: LinkType) -> io::Result<Self> {
        PcapWriter::new(BufWriter::new(File::create(path)?), link)
    }
}

impl<W: Write> PcapWriter<W> {
    /// Writes the file header (draft-ietf-opsawg-pcap section 4).
    pub fn new(mut out: W, link: LinkType) -> io::Result<Self> {
        out.write_all(&MAGIC_NANOSECONDS.to_le_bytes())?;
        out.write_all(&2u16.to_le_bytes())?;
        out.write_all(&4u16.to_le_bytes())?;
        for field in [0, 0, link.captured_max(), link.0.into()] {
            out.write_all(&field.to_le_bytes())?;
        }
        Ok(PcapWriter { out })
    }

    /// Appends a frame. Times beyond the year 2106 wrap: the format has 32 bits for the seconds.
    pub fn write(&mut self, frame: &Frame<'_>) -> io::Result<()> {
        let (seconds, fraction) = (frame.time_ns / 1_000_000_000, frame.time_ns % 1_000_000_000);
        for field in [seconds as u32, fraction as u32, frame.bytes.len() as u32, frame.wire_bytes] {
            self.out.write_all(&field.to_le_bytes())?;
        }
        self.out.write_all(frame.bytes)
    }

    /// Writes out what is buffered.
    pub fn finish(mut self) -> io::Result<W> {
        self.out.flush()?;
        Ok(self.out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::samples::read_all;

    #[test]
    fn what_is_written_is_read() {
        let mut writer = PcapWriter::new(Vec::new(), LinkType::RAW).unwrap();
        let time_ns = 1_700_000_000_123_456_789;
        writer.write(&Frame { time_ns, wire_bytes: 99, link: LinkType::RAW, interface: 0, bytes: b"abc" }).unwrap();
        let (frames, error) = read_all("written", writer.finish().unwrap());
        assert_eq!(error, None);
        let [frame] = &frames[..] else { panic!("{frames:?}") };
        assert_eq!((frame.time_ns, frame.wire_bytes, frame.link, &frame.bytes[..]), (time_ns, 99, LinkType::RAW, &b"abc"[..]));
    }
}
