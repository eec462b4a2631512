//! Elements of the Basic Encoding Rules (ITU-T X.690 section 8.1), read where the bytes stand and as far as they are there.

/// Length octets that are followed: four bytes count more than any message holds.
const LENGTH_OCTETS_MAX: usize = 4;
/// Low bits of the first tag octet that say that the number follows in further octets.
const HIGH_NUMBER: u8 = 0x1f;

/// One element: tag, length, content.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Element<'a> {
    /// The first tag octet: class, constructed bit, and the number if below 31.
    pub tag: u8,
    /// The tag's number; only numbers up to 127 are read.
    pub number: u8,
    /// The content as far as it is there.
    pub content: &'a [u8],
    /// Bytes of tag, length and content by the length field; `None` for the indefinite form.
    pub total: Option<usize>,
    /// Where the content begins, from the element's first byte.
    pub content_offset: usize,
}

/// The element that begins at the first byte. `None`: its header is not all there, or no header.
pub fn element(bytes: &[u8]) -> Option<Element<'_>> {
    let &tag = bytes.first()?;
    let (number, length_at) = match tag & HIGH_NUMBER {
        HIGH_NUMBER => (bytes.get(1).copied().filter(|&number| number < 0x80)?, 2),
        number => (number, 1),
    };
    let first = bytes.get(length_at).copied()?;
    let (length, content_offset) = match usize::from(first & 0x7f) {
        length if first < 0x80 => (Some(length), length_at + 1),
        0 => (None, length_at + 1),
        octets if octets <= LENGTH_OCTETS_MAX => {
            let field = bytes.get(length_at + 1..length_at + 1 + octets)?;
            (Some(field.iter().fold(0, |length, &octet| length << 8 | usize::from(octet))), length_at + 1 + octets)
        }
        _ => return None,
    };
    let there = bytes.get(content_offset..)?;
    let content = length.and_then(|length| there.get(..length)).unwrap_or(there);
    Some(Element { tag, number, content, total: length.map(|length| content_offset + length), content_offset })
}

impl<'a> Element<'a> {
    /// The bytes after this element, of those it was read from; empty if the element reaches beyond them.
    pub fn rest(&self, bytes: &'a [u8]) -> &'a [u8] {
        self.total.and_then(|total| bytes.get(total..)).unwrap_or_default()
    }
}

/// A BER length of at most four bytes: where the value begins, and how long it is (ITU-T X.690 section 8.1.3).
pub fn ber_length(bytes: &[u8], at: usize) -> Option<(usize, usize)> {
    let first = *bytes.get(at)?;
    let more = usize::from(first & 0x7f);
    if first < 0x80 {
        return Some((at + 1, first.into()));
    }
    // The indefinite form (80) and lengths past 32 bits have no use in a frame: an impossible length makes the caller refuse.
    if !(1..=4).contains(&more) {
        return Some((at + 1, u32::MAX as usize));
    }
    let digits = bytes.get(at + 1..at + 1 + more)?;
    Some((at + 1 + more, digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_and_long_lengths() {
        let short = element(&[0x02, 0x01, 0x03, 0xa0]).unwrap();
        assert_eq!((short.tag, short.content, short.total), (0x02, &[0x03][..], Some(3)));
        assert_eq!(short.rest(&[0x02, 0x01, 0x03, 0xa0]), [0xa0]);
        let long = element(&[0xa0, 0x82, 0x01, 0x00, 0x7f]).unwrap();
        assert_eq!((long.total, long.content_offset, long.content), (Some(260), 4, &[0x7f][..]));
    }

    #[test]
    fn high_tag_numbers() {
        let file_open = element(&[0xbf, 0x48, 0x00]).unwrap();
        assert_eq!((file_open.tag, file_open.number, file_open.total), (0xbf, 72, Some(3)));
    }

    #[test]
    fn headers_that_are_not_there() {
        for bytes in [&[][..], &[0x30], &[0xbf], &[0xbf, 0x48], &[0x30, 0x82, 0x01], &[0x30, 0x89, 0, 0], &[0xbf, 0xff, 0x00]] {
            assert_eq!(element(bytes), None, "{bytes:02x?}");
        }
        assert_eq!(element(&[0x61, 0x80, 0x30]).unwrap().total, None);
    }

    #[test]
    fn ber_lengths_in_both_forms() {
        assert_eq!(ber_length(&[0x30, 5], 1), Some((2, 5)));
        assert_eq!(ber_length(&[0x82, 1, 2], 0), Some((3, 258)));
        assert_eq!(ber_length(&[0x82, 1], 0), None);
        assert_eq!(ber_length(&[0x80], 0), Some((1, u32::MAX as usize)));
    }
}
