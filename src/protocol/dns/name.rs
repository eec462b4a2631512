//! Domain names as they stand in a message, compressed or not.

use std::iter::FusedIterator;

/// Longest name, with the length bytes of its labels (RFC 1035 section 2.3.4).
pub const NAME_BYTES_MAX: usize = 255;
/// Longest text of a name: every byte of a label may need a backslash.
pub const TEXT_BYTES_MAX: usize = 2 * NAME_BYTES_MAX;
/// The two high bits of a length byte: 00 a label, 11 a pointer (RFC 1035 section 4.1.4).
const POINTER: u8 = 0xc0;
const LABEL_BYTES_MAX: u8 = 63;
/// Pointers of one name that are followed: no more than it can have labels.
const POINTERS_MAX: u8 = 127;

/// A name within a message. It is looked at only when it is asked.
#[derive(Clone, Copy, Debug)]
pub struct Name<'a> {
    message: &'a [u8],
    at: usize,
}

/// Room for a name's text.
pub type NameText = [u8; TEXT_BYTES_MAX];

impl<'a> Name<'a> {
    pub(super) fn new(message: &'a [u8], at: usize) -> Self {
        Name { message, at }
    }

    /// Its labels from the left. Ends at the first that is broken; a pointer must lead to what stands before it, so that none is followed
    /// in a circle.
    pub fn labels(self) -> Labels<'a> {
        Labels { message: self.message, at: self.at, lowest: self.at, left: NAME_BYTES_MAX, pointers_left: POINTERS_MAX, state: State::On }
    }

    /// In lower case (RFC 4343), labels joined with dots, without the last dot; a dot or a backslash within a label stands behind a backslash
    /// (RFC 1035 section 5.1), any other byte as it is. The root is empty. Nothing if the name is broken.
    pub fn write(self, text: &mut NameText) -> Option<&[u8]> {
        let mut labels = self.labels();
        let mut bytes = 0;
        for label in &mut labels {
            if bytes > 0 {
                text[bytes] = b'.';
                bytes += 1;
            }
            for &byte in label {
                if matches!(byte, b'.' | b'\\') {
                    text[bytes] = b'\\';
                    bytes += 1;
                }
                text[bytes] = byte.to_ascii_lowercase();
                bytes += 1;
            }
        }
        labels.is_whole().then(|| &text[..bytes])
    }

    /// Bytes of the name uncompressed, its length bytes included; nothing if the name is broken.
    pub fn wire_bytes(self) -> Option<usize> {
        let mut labels = self.labels();
        let bytes = labels.by_ref().map(|label| label.len() + 1).sum::<usize>() + 1;
        labels.is_whole().then_some(bytes)
    }

    /// Where what follows the name begins, without following pointers.
    pub(super) fn end(self) -> Option<usize> {
        let mut at = self.at;
        loop {
            match *self.message.get(at)? {
                0 => return Some(at + 1),
                length @ ..=LABEL_BYTES_MAX => at += 1 + usize::from(length),
                POINTER.. => return (at + 2 <= self.message.len()).then_some(at + 2),
                _ => return None,
            }
            if at - self.at >= NAME_BYTES_MAX {
                return None;
            }
        }
    }
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    On,
    Whole,
    Broken,
}

/// The labels of a name.
#[derive(Clone, Debug)]
pub struct Labels<'a> {
    message: &'a [u8],
    at: usize,
    /// Where the run of labels began that is being read: a pointer has to lead below it.
    lowest: usize,
    /// Bytes that the name may still have.
    left: usize,
    pointers_left: u8,
    state: State,
}

impl Labels<'_> {
    /// The name has been read to its end, and was in order.
    pub fn is_whole(&self) -> bool {
        self.state == State::Whole
    }
}

impl<'a> Iterator for Labels<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while self.state == State::On {
            self.state = State::Broken;
            match *self.message.get(self.at)? {
                0 => self.state = State::Whole,
                length @ ..=LABEL_BYTES_MAX => {
                    let length = usize::from(length);
                    let label = self.message.get(self.at + 1..self.at + 1 + length)?;
                    // The last length byte, the root's, has to fit as well.
                    self.left = self.left.checked_sub(1 + length).filter(|&left| left > 0)?;
                    self.at += 1 + length;
                    self.state = State::On;
                    return Some(label);
                }
                high @ POINTER.. => {
                    let target = usize::from(high & !POINTER) << 8 | usize::from(*self.message.get(self.at + 1)?);
                    self.pointers_left = self.pointers_left.checked_sub(1)?;
                    if target < self.lowest {
                        (self.at, self.lowest, self.state) = (target, target, State::On);
                    }
                }
                _ => {}
            }
        }
        None
    }
}

impl FusedIterator for Labels<'_> {}
