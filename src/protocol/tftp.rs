//! TFTP (RFC 1350), with the options of RFC 2347 to 2349 as far as a file's bytes depend on them.

/// Operation codes (RFC 1350 section 5, RFC 2347).
const READ: u16 = 1;
const WRITE: u16 = 2;
const DATA: u16 = 3;
const ACKNOWLEDGEMENT: u16 = 4;
const ERROR: u16 = 5;
const OPTIONS: u16 = 6;

/// Bytes of a block, unless another size was agreed on.
const BLOCK_BYTES: u16 = 512;
/// Sizes that may be agreed on (RFC 2348).
const BLOCK_BYTES_MIN: u16 = 8;
const BLOCK_BYTES_MAX: u16 = 65_464;
/// Longest file name that is believed.
const NAME_BYTES_MAX: usize = 512;

/// A datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packet<'a> {
    /// Somebody asks for a file, or to be allowed to send one.
    Request {
        write: bool,
        file: &'a [u8],
        block_bytes: u16,
    },
    Data {
        block: u16,
        bytes: &'a [u8],
    },
    Acknowledgement {
        block: u16,
    },
    /// Options that the server takes, in the place of block or acknowledgement 0.
    Options {
        block_bytes: u16,
    },
    Error,
}

impl<'a> Packet<'a> {
    /// Nothing if it is no such datagram.
    pub fn read(datagram: &'a [u8]) -> Option<Self> {
        let (&operation, rest) = datagram.split_first_chunk()?;
        let number = || rest.first_chunk().map(|&number| u16::from_be_bytes(number));
        match u16::from_be_bytes(operation) {
            operation @ (READ | WRITE) => {
                let (file, rest) = text(rest)?;
                let (mode, rest) = text(rest)?;
                let known = [&b"octet"[..], b"netascii", b"mail"].iter().any(|known| mode.eq_ignore_ascii_case(known));
                let named = (1..=NAME_BYTES_MAX).contains(&file.len());
                (known && named).then(|| Packet::Request { write: operation == WRITE, file, block_bytes: block_bytes(rest) })
            }
            DATA => Some(Packet::Data { block: number()?, bytes: &rest[2..] }),
            ACKNOWLEDGEMENT => number().filter(|_| rest.len() == 2).map(|block| Packet::Acknowledgement { block }),
            OPTIONS => Some(Packet::Options { block_bytes: block_bytes(rest) }),
            ERROR => number().filter(|_| rest.last() == Some(&0)).map(|_| Packet::Error),
            _ => None,
        }
    }
}

/// Bytes up to a NUL, and what follows it.
fn text(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let end = bytes.iter().position(|&byte| byte == 0)?;
    Some((&bytes[..end], &bytes[end + 1..]))
}

/// The size of blocks that stands among options: pairs of name and value.
fn block_bytes(options: &[u8]) -> u16 {
    let mut left = options;
    while let Some((name, rest)) = text(left)
        && let Some((value, rest)) = text(rest)
    {
        if name.eq_ignore_ascii_case(b"blksize") {
            let size = std::str::from_utf8(value).ok().and_then(|value| value.parse().ok());
            return size.filter(|size| (BLOCK_BYTES_MIN..=BLOCK_BYTES_MAX).contains(size)).unwrap_or(BLOCK_BYTES);
        }
        left = rest;
    }
    BLOCK_BYTES
}

/// What a block of data is to its file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Block<'a> {
    Next(&'a [u8]),
    /// The last one: it is shorter than the others.
    Last(&'a [u8]),
    /// It was here already.
    Repeated,
    /// Blocks before it are missing, and will not come: each is sent when the one before it was received.
    Ahead(&'a [u8]),
}

/// A file under way.
#[derive(Clone, Copy, Debug)]
pub struct Transfer {
    block_bytes: u16,
    next: u16,
}

impl Transfer {
    /// For a request. What size of blocks was asked for holds only if the server agrees.
    pub fn new() -> Self {
        Transfer { block_bytes: BLOCK_BYTES, next: 1 }
    }

    /// The server takes options.
    pub fn agree(&mut self, block_bytes: u16) {
        self.block_bytes = block_bytes;
    }

    /// Takes a block of data. Numbers go round (in practice; RFC 1350 has no word on it).
    pub fn take<'a>(&mut self, block: u16, bytes: &'a [u8]) -> Block<'a> {
        let ahead = block.wrapping_sub(self.next);
        if ahead >= 1 << 15 {
            return Block::Repeated;
        }
        self.next = block.wrapping_add(1);
        match (ahead, bytes.len() < usize::from(self.block_bytes)) {
            (0, true) => Block::Last(bytes),
            (0, false) => Block::Next(bytes),
            _ => Block::Ahead(bytes),
        }
    }
}

impl Default for Transfer {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn datagrams_are_read() {
        let read = |bytes: &'static [u8]| Packet::read(bytes);
        assert_eq!(read(b"\0\x01mips\0octet\0"), Some(Packet::Request { write: false, file: b"mips", block_bytes: 512 }));
        let sized = Packet::Request { write: true, file: b"a/b", block_bytes: 1428 };
        assert_eq!(read(b"\0\x02a/b\0OCTET\0tsize\x000\0blksize\x001428\0"), Some(sized));
        assert_eq!(read(b"\0\x01a\0octet\0blksize\x007\0"), Some(Packet::Request { write: false, file: b"a", block_bytes: 512 }));
        assert_eq!(read(b"\0\x03\0\x01abc"), Some(Packet::Data { block: 1, bytes: b"abc" }));
        assert_eq!(read(b"\0\x04\x01\x02"), Some(Packet::Acknowledgement { block: 258 }));
        assert_eq!(read(b"\0\x06blksize\x001024\0"), Some(Packet::Options { block_bytes: 1024 }));
        assert_eq!(read(b"\0\x05\0\x01File not found\0"), Some(Packet::Error));
        for bytes in [&b"\0"[..], b"\0\x01mips", b"\0\x01\0octet\0", b"\0\x01mips\0other\0", b"\0\x03\0", b"\0\x04\0\0\0", b"\0\x07"] {
            assert_eq!(Packet::read(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn blocks_make_a_file() {
        let mut transfer = Transfer::new();
        transfer.agree(8);
        assert_eq!(transfer.take(1, b"12345678"), Block::Next(b"12345678"));
        assert_eq!(transfer.take(1, b"12345678"), Block::Repeated);
        assert_eq!(transfer.take(3, b"12345678"), Block::Ahead(b"12345678"));
        assert_eq!(transfer.take(4, b""), Block::Last(b""));
    }

    #[test]
    fn block_numbers_go_round() {
        let mut transfer = Transfer { block_bytes: 8, next: u16::MAX };
        assert_eq!(transfer.take(u16::MAX, b"12345678"), Block::Next(b"12345678"));
        assert_eq!(transfer.take(0, b"1"), Block::Last(b"1"));
    }

    proptest! {
        #[test]
        fn no_bytes_panic(operation in 0u8..8, bytes in prop::collection::vec(any::<u8>(), 0..60)) {
            let _ = Packet::read(&[&[0, operation], &bytes[..]].concat());
            let _ = Packet::read(&bytes);
        }
    }
}
