//! Bytes read from front to back, big-endian, without a way to read beyond their end.

/// What is left to read. Every read takes from the front, or gives nothing and leaves all where it was.
#[derive(Clone, Copy, Debug)]
pub struct Cursor<'a>(pub &'a [u8]);

impl<'a> Cursor<'a> {
    /// The next `bytes` bytes.
    #[inline]
    pub fn take(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let (head, rest) = self.0.split_at_checked(bytes)?;
        self.0 = rest;
        Some(head)
    }

    #[inline]
    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    #[inline]
    pub fn u8(&mut self) -> Option<u8> {
        self.array().map(|[byte]| byte)
    }

    #[inline]
    pub fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_be_bytes)
    }

    #[inline]
    pub fn u24(&mut self) -> Option<u32> {
        self.array().map(|[high, middle, low]| u32::from_be_bytes([0, high, middle, low]))
    }

    #[inline]
    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    /// Bytes behind a length of one byte.
    #[inline]
    pub fn vector8(&mut self) -> Option<&'a [u8]> {
        let before = *self;
        let taken = self.u8().and_then(|bytes| self.take(usize::from(bytes)));
        self.or_back(taken, before)
    }

    /// Bytes behind a length of two bytes.
    #[inline]
    pub fn vector16(&mut self) -> Option<&'a [u8]> {
        let before = *self;
        let taken = self.u16().and_then(|bytes| self.take(usize::from(bytes)));
        self.or_back(taken, before)
    }

    /// Bytes behind a length of three bytes.
    #[inline]
    pub fn vector24(&mut self) -> Option<&'a [u8]> {
        let before = *self;
        let taken = self.u24().and_then(|bytes| self.take(bytes as usize));
        self.or_back(taken, before)
    }

    fn or_back(&mut self, taken: Option<&'a [u8]>, before: Self) -> Option<&'a [u8]> {
        if taken.is_none() {
            *self = before;
        }
        taken
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_from_the_front_and_never_beyond_the_end() {
        let mut cursor = Cursor(&[1, 0, 2, 0, 0, 3, 0, 0, 0, 4, 1, 7, 0, 9]);
        assert_eq!((cursor.u8(), cursor.u16(), cursor.u24(), cursor.u32()), (Some(1), Some(2), Some(3), Some(4)));
        assert_eq!(cursor.vector8(), Some(&[7][..]));
        assert_eq!((cursor.vector16(), cursor.vector24(), cursor.u24()), (None, None, None));
        assert_eq!(cursor.0, [0, 9], "a vector whose bytes are missing takes nothing");
        assert_eq!((cursor.u16(), cursor.u8(), cursor.is_empty()), (Some(9), None, true));
    }
}
