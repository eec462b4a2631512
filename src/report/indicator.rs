//! What a list says of a value, as the Elastic Common Schema has it, and texts from the wire made safe.

use serde::Serialize;

use crate::indicators::{Hit, Indicators, Kind};

/// Bytes of a text from the wire that a record has, before it is escaped.
const TEXT_BYTES: usize = 512;

/// A text from the wire for a person or a record: what is no printable ASCII is escaped, what is long is cut.
pub fn printable(text: &[u8]) -> String {
    let cut = &text[..text.len().min(TEXT_BYTES)];
    cut.iter()
        .map(|&byte| if byte.is_ascii_graphic() || byte == b' ' { char::from(byte).to_string() } else { byte.escape_ascii().to_string() })
        .collect()
}

/// The entry of a list that an event rests on: ECS `threat`, without the value, which the event has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Indicator {
    pub kind: Kind,
    pub confidence: Option<u8>,
    pub reference: String,
    pub list: String,
    pub family: Option<String>,
}

impl Indicator {
    pub fn of(hit: &Hit, indicators: &Indicators) -> Self {
        Indicator {
            kind: hit.kind,
            confidence: hit.confidence,
            reference: indicators.reference(hit),
            list: indicators.list(hit).name.clone(),
            family: indicators.family(hit).map(|name| printable(name.as_bytes())),
        }
    }
}

#[derive(Clone, Debug, Serialize)]
struct EcsIndicator<'a> {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    confidence: Option<&'static str>,
    reference: &'a str,
}

#[derive(Clone, Debug, Serialize)]
struct EcsName<'a> {
    name: &'a str,
}

/// ECS `threat`.
#[derive(Clone, Debug, Serialize)]
pub struct EcsThreat<'a> {
    indicator: EcsIndicator<'a>,
    feed: EcsName<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    software: Option<EcsName<'a>>,
}

impl<'a> EcsThreat<'a> {
    /// Of an entry and the value that met it.
    pub fn new(indicator: &'a Indicator, value: Option<&'a str>) -> Self {
        EcsThreat {
            indicator: EcsIndicator {
                r#type: match indicator.kind {
                    Kind::Address | Kind::Network
                        if value.is_some_and(|value| value.starts_with('[') || value.matches(':').count() > 1) =>
                    {
                        "ipv6-addr"
                    }
                    Kind::Address | Kind::Network => "ipv4-addr",
                    Kind::Domain => "domain-name",
                    Kind::Url => "url",
                    Kind::CertificateSha1 => "x509-certificate",
                    Kind::Md5 | Kind::Sha1 | Kind::Sha256 => "file",
                    Kind::Ja3 => "software",
                },
                name: value,
                // ECS' scale of words.
                confidence: indicator.confidence.map(|percent| match percent {
                    0 => "None",
                    1..=33 => "Low",
                    34..=66 => "Medium",
                    _ => "High",
                }),
                reference: &indicator.reference,
            },
            feed: EcsName { name: &indicator.list },
            software: indicator.family.as_deref().map(|name| EcsName { name }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_the_wire_comes_unescaped() {
        assert_eq!(printable(b"/a b\x1b[2J\r\n\xff"), "/a b\\x1b[2J\\r\\n\\xff");
        assert_eq!(printable(&[b'a'; 4096]).len(), TEXT_BYTES);
    }
}
