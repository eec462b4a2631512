//! Gh0st RAT and its many kin: a tag, the length of the whole message, that of what is packed in it, and a zlib stream. The tag is another
//! one in nearly every variant; that the lengths agree with the bytes is the test (Norman, "The many faces of Gh0st Rat", 2012).

use std::io::Read;

use super::{Heads, Verdict};
use crate::detect::payload::HEARD_BYTES;

/// Tags of variants, in bytes.
const TAG_BYTES: std::ops::RangeInclusive<usize> = 3..=16;
/// The tag's usual length: `Gh0st`.
const TAG_USUAL: usize = 5;
/// What one message unpacks to, at most.
const UNPACKED_MAX: u64 = 16 * 1024 * 1024;
/// Of a message that is whole, as much is unpacked.
const UNPACKED_CHECKED: u64 = 64 * 1024;

pub fn judge(heads: &Heads<'_>) -> Verdict {
    match (message(heads.client), message(heads.server)) {
        (Begins::Message(tag, checked), Begins::Message(other, answered)) if tag == other => {
            if checked || answered {
                Verdict::Certain
            } else {
                Verdict::Suspect
            }
        }
        (Begins::Message(tag, true), Begins::Short) if tag == b"Gh0st" => Verdict::Suspect,
        (Begins::Message(..), Begins::Short) | (Begins::Short, Begins::Message(..) | Begins::Short) => Verdict::Perhaps,
        _ => Verdict::No,
    }
}

/// What a side's bytes begin with.
#[derive(PartialEq, Eq, Debug)]
enum Begins<'a> {
    No,
    Short,
    /// Its tag, and whether what is packed was unpacked to the length that it states.
    Message(&'a [u8], bool),
}

fn message(head: &[u8]) -> Begins<'_> {
    let longest = *TAG_BYTES.end() + 10;
    for tag in TAG_BYTES {
        let Some(fields) = head.get(tag..tag + 10) else { break };
        let number = |at: usize| u32::from_le_bytes([fields[at], fields[at + 1], fields[at + 2], fields[at + 3]]);
        let (total, unpacked) = (u64::from(number(0)), u64::from(number(4)));
        let zlib = fields[8] == 0x78 && matches!(fields[9], 0x01 | 0x5e | 0x9c | 0xda);
        let header = tag as u64 + 8;
        if !zlib || total <= header || total > UNPACKED_MAX || unpacked == 0 || unpacked > UNPACKED_MAX {
            continue;
        }
        let end = usize::try_from(total).unwrap_or(usize::MAX);
        // A tag of other bytes than text is one only of the usual length, and if all that is packed is there to be checked.
        let named = head[..tag].iter().all(u8::is_ascii_graphic);
        if !named && (tag != TAG_USUAL || head.len() < end) {
            continue;
        }
        if let Some(whole) = head.get(tag + 8..end) {
            // The next message has the same tag.
            let next = head.get(end..end + tag).is_none_or(|next| next == &head[..tag]);
            return if next && unpacks(whole, unpacked) { Begins::Message(&head[..tag], true) } else { Begins::No };
        }
        // What could be checked is waited for.
        return if end <= HEARD_BYTES { Begins::Short } else { Begins::Message(&head[..tag], false) };
    }
    let tag_like = head.iter().take(*TAG_BYTES.start()).all(u8::is_ascii_graphic);
    // The high byte of the length is 0, and a line of text has none.
    let zero = head.len() < *TAG_BYTES.end() + 4 || head.iter().take(*TAG_BYTES.end() + 4).any(|&byte| byte == 0);
    let line = head.ends_with(b"\n") && !head.contains(&0);
    if head.len() < longest && tag_like && zero && !line { Begins::Short } else { Begins::No }
}

fn unpacks(packed: &[u8], stated: u64) -> bool {
    let mut limited = flate2::read::ZlibDecoder::new(packed).take(UNPACKED_CHECKED);
    std::io::copy(&mut limited, &mut std::io::sink()).is_ok_and(|bytes| bytes == stated.min(UNPACKED_CHECKED))
}
