//! UTF-16 as UTF-8: what PowerShell and Excel write. It is known by its byte-order mark alone; without one it is not read.

use std::io::{self, BufRead, Read};

/// Which byte of a unit goes first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Order {
    Little,
    Big,
}

/// What the byte-order mark at the head says (RFC 2781 section 3.2). UTF-32 in little-endian order begins the same, with zeros after it.
pub(super) fn order(head: &[u8]) -> Option<Order> {
    match head {
        [0xff, 0xfe, 0, 0, ..] => None,
        [0xff, 0xfe, ..] => Some(Order::Little),
        [0xfe, 0xff, ..] => Some(Order::Big),
        _ => None,
    }
}

/// A stream of UTF-16, without its mark, as one of UTF-8. Half a pair becomes U+FFFD, and so does half a unit at the end.
pub(super) struct Utf16<R> {
    inner: R,
    order: Order,
    /// The first half of a pair whose second has not come.
    high: Option<u16>,
    /// Encoded and not read yet: at most two characters.
    out: [u8; 8],
    from: usize,
    to: usize,
}

impl<R: BufRead> Utf16<R> {
    pub fn new(inner: R, order: Order) -> Self {
        Utf16 { inner, order, high: None, out: [0; 8], from: 0, to: 0 }
    }

    /// The next unit; nothing at the end.
    fn unit(&mut self) -> io::Result<Option<u16>> {
        let mut unit = [0; 2];
        let mut have = 0;
        while have < 2 {
            let Some(&byte) = self.inner.fill_buf()?.first() else { break };
            unit[have] = byte;
            have += 1;
            self.inner.consume(1);
        }
        Ok(match (have, self.order) {
            (0, _) => None,
            (1, _) => Some(char::REPLACEMENT_CHARACTER as u16),
            (_, Order::Little) => Some(u16::from_le_bytes(unit)),
            (_, Order::Big) => Some(u16::from_be_bytes(unit)),
        })
    }

    fn put(&mut self, character: char) {
        self.to += character.encode_utf8(&mut self.out[self.to..]).len();
    }

    /// Encodes what the next unit completes, which is nothing after the first half of a pair. Whether there was one.
    fn step(&mut self) -> io::Result<bool> {
        (self.from, self.to) = (0, 0);
        let unit = self.unit()?;
        let high = self.high.take();
        if let (Some(high), Some(low @ 0xdc00..=0xdfff)) = (high, unit) {
            let code = 0x1_0000 + ((u32::from(high) - 0xd800) << 10) + (u32::from(low) - 0xdc00);
            self.put(char::from_u32(code).unwrap_or(char::REPLACEMENT_CHARACTER));
            return Ok(true);
        }
        if high.is_some() {
            self.put(char::REPLACEMENT_CHARACTER);
        }
        match unit {
            Some(high @ 0xd800..=0xdbff) => self.high = Some(high),
            Some(unit) => self.put(char::from_u32(unit.into()).unwrap_or(char::REPLACEMENT_CHARACTER)),
            None => return Ok(high.is_some()),
        }
        Ok(true)
    }
}

impl<R: BufRead> Read for Utf16<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < buffer.len() {
            if self.from == self.to && !self.step()? {
                break;
            }
            let bytes = (self.to - self.from).min(buffer.len() - written);
            buffer[written..written + bytes].copy_from_slice(&self.out[self.from..self.from + bytes]);
            self.from += bytes;
            written += bytes;
        }
        Ok(written)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(bytes: &[u8], order: Order) -> String {
        let mut text = Vec::new();
        Utf16::new(bytes, order).read_to_end(&mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn halves_become_replacements() {
        assert_eq!(read(b"a\0\x3d\xd8b\0", Order::Little), "a\u{fffd}b");
        assert_eq!(read(b"\0a\xd8\x3d", Order::Big), "a\u{fffd}");
        assert_eq!(read(b"\xdc\0\0", Order::Big), "\u{fffd}\u{fffd}");
    }

    #[test]
    fn the_order_is_told_by_the_mark_alone() {
        assert_eq!(order(b"\xff\xfea\0"), Some(Order::Little));
        assert_eq!(order(b"\xfe\xff\0a"), Some(Order::Big));
        assert_eq!((order(b"\xff\xfe\0\0a"), order(b"a\0b\0"), order(b"")), (None, None, None));
    }

    proptest! {
        #[test]
        fn any_text_comes_back(text in "\\PC{0,40}") {
            let units: Vec<u16> = text.encode_utf16().collect();
            prop_assert_eq!(&read(&units.iter().flat_map(|unit| unit.to_le_bytes()).collect::<Vec<_>>(), Order::Little), &text);
            prop_assert_eq!(read(&units.iter().flat_map(|unit| unit.to_be_bytes()).collect::<Vec<_>>(), Order::Big), text);
        }

        #[test]
        fn any_bytes_are_read(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            read(&bytes, Order::Little);
            read(&bytes, Order::Big);
        }
    }
}
