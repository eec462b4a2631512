//! The certificate that a server shows in the clear, up to TLS 1.2: its digests, and whose it says it is.

use sha1::Sha1;
use sha2::{Digest, Sha256};

/// Tags of the Distinguished Encoding Rules (ITU-T X.690).
const INTEGER: u8 = 0x02;
const OBJECT_IDENTIFIER: u8 = 0x06;
const SEQUENCE: u8 = 0x30;
const SET: u8 = 0x31;
/// `[0] EXPLICIT Version` (RFC 5280 section 4.1).
const VERSION: u8 = 0xa0;
/// `id-at-commonName`, 2.5.4.3 (RFC 5280 appendix A.1).
const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];

/// A leaf certificate in place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Certificate<'a> {
    /// As sent: the Distinguished Encoding Rules' form.
    pub der: &'a [u8],
}

/// What a certificate says about itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Names<'a> {
    /// Big-endian, as encoded.
    pub serial: &'a [u8],
    /// The first common name of each; empty if there is none. Any bytes may stand in it.
    pub issuer: &'a [u8],
    pub subject: &'a [u8],
}

impl<'a> Certificate<'a> {
    /// SHA-1 of the whole certificate, by which lists know it.
    pub fn sha1(&self) -> [u8; 20] {
        Sha1::digest(self.der).into()
    }

    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.der).into()
    }

    /// Serial number and common names (RFC 5280 section 4.1); nothing if it is no certificate.
    pub fn names(&self) -> Option<Names<'a>> {
        let mut outer = Der(self.der).inside(SEQUENCE)?;
        let mut body = outer.inside(SEQUENCE)?;
        if body.0.first() == Some(&VERSION) {
            body.next()?;
        }
        let serial = body.expect(INTEGER)?;
        body.expect(SEQUENCE)?;
        let issuer = common_name(body.inside(SEQUENCE)?);
        body.expect(SEQUENCE)?;
        let subject = common_name(body.inside(SEQUENCE)?);
        Some(Names { serial, issuer, subject })
    }
}

/// The first common name of a distinguished name: a sequence of sets of pairs of type and value.
fn common_name<'a>(mut name: Der<'a>) -> &'a [u8] {
    while let Some(mut set) = name.inside(SET) {
        while let Some(mut pair) = set.inside(SEQUENCE) {
            if pair.expect(OBJECT_IDENTIFIER) == Some(COMMON_NAME) {
                return pair.next().map_or(&[], |(_, value)| value);
            }
        }
    }
    &[]
}

/// Elements in their order: tag, length, content.
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    /// The next element's tag and content.
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&tag, rest) = self.0.split_first()?;
        let (&first, rest) = rest.split_first()?;
        // Short form; else the number of bytes that hold the length (X.690 section 8.1.3). Certificates need two, and fit in three.
        let (bytes, rest) = match first {
            0..=0x7f => (usize::from(first), rest),
            0x81..=0x83 => {
                let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
                (length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)), rest)
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(bytes)?;
        self.0 = rest;
        Some((tag, content))
    }

    fn expect(&mut self, tag: u8) -> Option<&'a [u8]> {
        self.next().filter(|&(found, _)| found == tag).map(|(_, content)| content)
    }

    fn inside(&mut self, tag: u8) -> Option<Self> {
        self.expect(tag).map(Der)
    }
}
