//! Certificates that programs of controllers make by themselves, unless their user changes it. Public knowledge of long standing; whoever
//! wants to can make one that says the same, so it is a suspect's.

use crate::protocol::tls::Certificate;

/// SHA-1 of the certificate that Cobalt Strike comes with.
const COBALT_STRIKE: [u8; 20] =
    [0x6e, 0xce, 0x5e, 0xce, 0x41, 0x92, 0x68, 0x3d, 0x2d, 0x84, 0xe2, 0x5b, 0x0b, 0xa7, 0xe0, 0x4f, 0x9c, 0xb7, 0xeb, 0x7c];

/// Common names, and whose they are.
const NAMES: [(&str, &str); 6] = [
    ("AsyncRAT Server", "asyncrat"),
    ("Quasar Server CA", "quasar"),
    ("Orcus Server", "orcus"),
    ("DcRat Server", "dcrat"),
    ("DcRat", "dcrat"),
    ("VenomRAT", "venomrat"),
];

/// The family whose program made a certificate.
pub fn family(certificate: &Certificate<'_>) -> Option<&'static str> {
    if certificate.sha1() == COBALT_STRIKE {
        return Some("cobalt-strike");
    }
    let names = certificate.names()?;
    NAMES.iter().find(|(name, _)| [names.subject, names.issuer].contains(&name.as_bytes())).map(|(_, family)| *family)
}
