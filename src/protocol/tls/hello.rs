//! The two hellos, in place: what a client offers and what its server takes.

use crate::protocol::cursor::Cursor;

/// Extension types (IANA, TLS ExtensionType Values).
pub const SERVER_NAME: u16 = 0x0000;
pub const SUPPORTED_GROUPS: u16 = 0x000a;
pub const EC_POINT_FORMATS: u16 = 0x000b;
pub const SIGNATURE_ALGORITHMS: u16 = 0x000d;
pub const ALPN: u16 = 0x0010;
pub const SUPPORTED_VERSIONS: u16 = 0x002b;

/// Name type of a host name (RFC 6066 section 3).
const HOST_NAME: u8 = 0;
/// Longest host name (RFC 1035 section 2.3.4).
const HOST_NAME_BYTES_MAX: usize = 255;
/// High byte of every version since SSL 3.0.
const MAJOR_VERSION: u16 = 3;
const RANDOM_BYTES: usize = 32;
const SESSION_BYTES_MAX: usize = 32;
/// TLS 1.3 (RFC 8446 section 4.1.2).
const TLS_1_3: u16 = 0x0304;
/// The `random` of a ServerHello that asks for another ClientHello (RFC 8446 section 4.1.3): SHA-256 of "HelloRetryRequest".
const RETRY: [u8; RANDOM_BYTES] = [
    0xcf, 0x21, 0xad, 0x74, 0xe5, 0x9a, 0x61, 0x11, 0xbe, 0x1d, 0x8c, 0x02, 0x1e, 0x65, 0xb8, 0x91, 0xc2, 0xa2, 0x11, 0x16, 0x7a, 0xbb,
    0x8c, 0x5e, 0x07, 0x9e, 0x09, 0xe2, 0xc8, 0xa8, 0x33, 0x9c,
];

/// A value that clients send to see whether servers ignore what they do not know (RFC 8701 section 2): 0x0a0a, 0x1a1a, … 0xfafa.
pub const fn is_grease(value: u16) -> bool {
    value & 0x0f0f == 0x0a0a && value >> 8 == value & 0xff
}

/// A list of 16-bit values.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Values<'a>(&'a [u8]);

impl<'a> Values<'a> {
    pub fn iter(self) -> impl Iterator<Item = u16> + 'a {
        self.0.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]]))
    }

    /// Without those that only probe for tolerance.
    pub fn meant(self) -> impl Iterator<Item = u16> + 'a {
        self.iter().filter(|&value| !is_grease(value))
    }
}

/// Extensions in the order in which they were sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Extensions<'a>(&'a [u8]);

impl<'a> Extensions<'a> {
    /// Type and content of each.
    pub fn iter(self) -> impl Iterator<Item = (u16, &'a [u8])> {
        let mut left = Cursor(self.0);
        std::iter::from_fn(move || Some((left.u16()?, left.vector16()?)))
    }

    /// Types, without those that only probe for tolerance.
    pub fn meant(self) -> impl Iterator<Item = u16> {
        self.iter().map(|(kind, _)| kind).filter(|&kind| !is_grease(kind))
    }

    /// The content of the first of this type.
    pub fn get(self, kind: u16) -> Option<&'a [u8]> {
        self.iter().find(|&(found, _)| found == kind).map(|(_, content)| content)
    }

    /// The list of 16-bit values behind a length of two bytes that is the content of the first extension of this type.
    pub fn values(self, kind: u16) -> Values<'a> {
        self.get(kind).and_then(|content| Cursor(content).vector16()).map_or(Values::default(), Values)
    }

    /// They fill their block exactly.
    fn are_whole(self) -> bool {
        let mut left = Cursor(self.0);
        while !left.is_empty() {
            if left.u16().and_then(|_| left.vector16()).is_none() {
                return false;
            }
        }
        true
    }
}

/// What a client offers (RFC 8446 section 4.1.2; RFC 5246 section 7.4.1.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ClientHello<'a> {
    /// `legacy_version`, e.g. 0x0303.
    pub version: u16,
    pub ciphers: Values<'a>,
    pub extensions: Extensions<'a>,
    /// The extensions fill their place exactly. If not, those before the break are there, and no server would take the hello.
    pub is_whole: bool,
}

impl<'a> ClientHello<'a> {
    /// From the body of the handshake message; nothing if its lengths contradict each other before the extensions.
    pub fn read(body: &'a [u8]) -> Option<Self> {
        let mut left = Cursor(body);
        let version = left.u16()?;
        left.take(RANDOM_BYTES)?;
        let session = left.vector8()?;
        let ciphers = left.vector16()?;
        left.vector8()?;
        // A byte is too short to be the extensions' length: then there are none.
        let block = if left.0.len() < 2 { Some(&[][..]) } else { left.vector16().filter(|_| left.is_empty()) };
        let extensions = Extensions(block.unwrap_or_default());
        let fits = version >> 8 == MAJOR_VERSION && session.len() <= SESSION_BYTES_MAX && ciphers.len() % 2 == 0;
        let is_whole = block.is_some() && extensions.are_whole();
        fits.then_some(ClientHello { version, ciphers: Values(ciphers), extensions, is_whole })
    }

    /// The host that is asked for (RFC 6066 section 3), as sent.
    pub fn server_name(&self) -> Option<&'a [u8]> {
        let mut names = Cursor(Cursor(self.extensions.get(SERVER_NAME)?).vector16()?);
        while let (Some(kind), Some(name)) = (names.u8(), names.vector16()) {
            if kind == HOST_NAME {
                return (1..=HOST_NAME_BYTES_MAX).contains(&name.len()).then_some(name);
            }
        }
        None
    }

    /// The application protocols offered (RFC 7301 section 3.1), the preferred one first.
    pub fn application_protocols(&self) -> impl Iterator<Item = &'a [u8]> {
        let mut names = Cursor(self.extensions.get(ALPN).and_then(|content| Cursor(content).vector16()).unwrap_or_default());
        std::iter::from_fn(move || names.vector8())
    }

    /// The versions offered (RFC 8446 section 4.2.1); none if the extension is absent.
    pub fn supported_versions(&self) -> Values<'a> {
        self.extensions.get(SUPPORTED_VERSIONS).and_then(|content| Cursor(content).vector8()).map_or(Values::default(), Values)
    }

    /// Point formats (RFC 8422 section 5.1.2), a byte each.
    pub fn point_formats(&self) -> &'a [u8] {
        self.extensions.get(EC_POINT_FORMATS).and_then(|content| Cursor(content).vector8()).unwrap_or_default()
    }
}

/// What the server takes of it (RFC 8446 section 4.1.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ServerHello<'a> {
    /// `legacy_version`.
    pub version: u16,
    pub cipher: u16,
    pub extensions: Extensions<'a>,
    /// It asks for another ClientHello.
    pub retry: bool,
}

impl<'a> ServerHello<'a> {
    /// From the body of the handshake message; nothing if its lengths contradict each other.
    pub fn read(body: &'a [u8]) -> Option<Self> {
        let mut left = Cursor(body);
        let version = left.u16()?;
        let retry = left.take(RANDOM_BYTES)? == RETRY;
        let session = left.vector8()?;
        let cipher = left.u16()?;
        left.u8()?;
        let extensions = Extensions(if left.is_empty() { &[] } else { left.vector16()? });
        let fits = session.len() <= SESSION_BYTES_MAX && left.is_empty() && extensions.are_whole();
        fits.then_some(ServerHello { version, cipher, extensions, retry })
    }

    /// What follows is encrypted: version 1.3 was taken.
    pub fn hides_the_rest(&self) -> bool {
        self.extensions.get(SUPPORTED_VERSIONS) == Some(&TLS_1_3.to_be_bytes())
    }
}
