//! What happens to traffic between the wire and the sensor: losses, one direction, tags, cuts.

use std::io;
use std::path::Path;

use wherefrom::source::{Frame, LinkType, PcapWriter};

use super::case::Scene;
use super::frames::Random;
use super::world::is_home;

/// A flaw of the place where the capture was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Variation {
    Clean,
    /// Percent of frames that are missing.
    Loss(u64),
    /// Only what goes towards home is seen.
    TowardsHome,
    /// IEEE 802.1Q, one tag or two.
    Tagged(u8),
    /// So many bytes of each frame.
    Cut(u32),
    /// Several at once: a tag, 96 bytes of each frame, and every twentieth missing.
    Poor,
}

impl Variation {
    pub const ALL: [Variation; 10] = [
        Variation::Clean,
        Variation::Loss(1),
        Variation::Loss(5),
        Variation::Loss(20),
        Variation::TowardsHome,
        Variation::Tagged(1),
        Variation::Tagged(2),
        Variation::Cut(64),
        Variation::Cut(96),
        Variation::Poor,
    ];

    pub fn name(self) -> String {
        match self {
            Variation::Clean => "clean".into(),
            Variation::Loss(percent) => format!("loss {percent} %"),
            Variation::TowardsHome => "towards home".into(),
            Variation::Tagged(tags) => format!("{tags} tags"),
            Variation::Cut(bytes) => format!("cut {bytes}"),
            Variation::Poor => "tag, loss 5 %, cut 96".into(),
        }
    }

    /// Whether the scene's attacks can be seen at all this way.
    pub fn applies(self, scene: &Scene) -> bool {
        let attacks = || scene.trace.frames.iter().filter(|frame| frame.attack > 0);
        match self {
            Variation::TowardsHome => attacks().all(|frame| is_home(frame.target)),
            // 64 bytes end within the TCP header of IPv6, before its flags.
            Variation::Cut(64) => attacks().all(|frame| frame.source.is_v4()),
            _ => true,
        }
    }

    /// Writes what the sensor gets to see; returns the indices of the frames that it sees.
    pub fn write(self, scene: &Scene, path: &Path) -> io::Result<Vec<usize>> {
        let mut random = Random::named(&self.name());
        let mut writer = PcapWriter::create(path, LinkType::ETHERNET)?;
        let mut seen = Vec::with_capacity(scene.trace.frames.len());
        let mut tagged = Vec::new();
        for (index, frame) in scene.trace.frames.iter().enumerate() {
            let mut bytes = &scene.trace.bytes[frame.at..frame.at + frame.bytes as usize];
            let mut wire_bytes = frame.bytes;
            let (loss, tags, most) = match self {
                Variation::Clean | Variation::TowardsHome => (0, 0, u32::MAX),
                Variation::Loss(percent) => (percent, 0, u32::MAX),
                Variation::Tagged(tags) => (0, tags, u32::MAX),
                Variation::Cut(most) => (0, 0, most),
                Variation::Poor => (5, 1, 96),
            };
            if loss > 0 && random.chance(loss) || self == Variation::TowardsHome && !is_home(frame.target) {
                continue;
            }
            if tags > 0 {
                tagged.clear();
                tagged.extend(&bytes[..12]);
                for tag in (0..tags).rev() {
                    tagged.extend([if tag == 1 { 0x88 } else { 0x81 }, if tag == 1 { 0xa8 } else { 0 }, 0, 7 + tag]);
                }
                tagged.extend(&bytes[12..]);
                bytes = &tagged;
                wire_bytes += 4 * u32::from(tags);
            }
            bytes = &bytes[..bytes.len().min(most as usize)];
            writer.write(&Frame { time_ns: frame.time_ns, wire_bytes, link: LinkType::ETHERNET, interface: 0, bytes })?;
            seen.push(index);
        }
        writer.finish()?;
        Ok(seen)
    }
}
