//! The digests of a body by which lists know files.

use md5::Md5;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use crate::protocol::carried::Body;

/// Digests of a body, as far as it has come.
#[derive(Clone, Debug)]
pub struct Digests {
    sha256: Sha256,
    /// SHA-1 and MD5, where a list has them.
    older: Option<(Sha1, Md5)>,
}

impl Digests {
    /// Of an empty body; `older` if SHA-1 and MD5 are asked for, too.
    pub fn new(older: bool) -> Self {
        Digests { sha256: Sha256::new(), older: older.then(|| (Sha1::new(), Md5::new())) }
    }

    pub fn update(&mut self, bytes: &[u8]) {
        self.sha256.update(bytes);
        if let Some((sha1, md5)) = &mut self.older {
            sha1.update(bytes);
            md5.update(bytes);
        }
    }

    /// A body with the digests of all that has come.
    pub fn of<'a>(&self, body: Body<'a>) -> Body<'a> {
        let older = self.older.clone();
        let (sha1, md5) = older.map_or((None, None), |(sha1, md5)| (Some(sha1.finalize().into()), Some(md5.finalize().into())));
        Body { sha256: Some(self.sha256.clone().finalize().into()), sha1, md5, ..body }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digests_are_those_of_the_standards() {
        let mut digests = Digests::new(true);
        digests.update(b"a");
        digests.update(b"bc");
        let body = digests.of(Body::default());
        // RFC 1321 appendix A.5, FIPS 180-4's examples.
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(body.md5.map(|digest| hex(&digest)).unwrap(), "900150983cd24fb0d6963f7d28e17f72");
        assert_eq!(body.sha1.map(|digest| hex(&digest)).unwrap(), "a9993e364706816aba3e25717850c26c9cd0d89d");
        assert!(body.sha256.map(|digest| hex(&digest)).unwrap().starts_with("ba7816bf8f01cfea414140de5dae2223"));
        assert_eq!(Digests::new(false).of(Body::default()).md5, None);
    }
}
