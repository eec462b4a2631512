//! Parts of the Elastic Common Schema that only some events have.

use serde::Serialize;

use super::indicator::EcsThreat;
use crate::conclude::Detail;

#[derive(Clone, Debug, Serialize)]
struct EcsHash<'a> {
    sha256: &'a str,
}

#[derive(Clone, Debug, Serialize)]
struct EcsFile<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<EcsHash<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mime_type: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
}

#[derive(Clone, Debug, Serialize)]
struct EcsUrl<'a> {
    original: &'a str,
}

#[derive(Clone, Debug, Serialize)]
struct EcsTlsClient<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ja3: Option<&'a str>,
}

#[derive(Clone, Debug, Serialize)]
struct EcsTls<'a> {
    client: EcsTlsClient<'a>,
}

/// What an event has of the file that was delivered, the URL, the TLS client, and the list that knows it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct EcsExtras<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<EcsFile<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<EcsUrl<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tls: Option<EcsTls<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    threat: Option<EcsThreat<'a>>,
}

impl<'a> EcsExtras<'a> {
    /// Of the file.
    pub fn sha256(&self) -> Option<&'a str> {
        self.file.as_ref().and_then(|file| file.hash.as_ref()).map(|hash| hash.sha256)
    }

    pub fn of(detail: &'a Detail) -> Self {
        match detail {
            Detail::Malware(malware) => {
                let hash = malware.sha256.as_deref().map(|sha256| EcsHash { sha256 });
                let file = malware.size.map(|size| EcsFile {
                    hash,
                    name: malware.name.as_deref(),
                    mime_type: malware.mime_type.as_deref(),
                    size: Some(size),
                });
                let url = malware.url.as_deref();
                let value = if malware.grade == Some("url") { url } else { malware.sha256.as_deref() };
                let threat = malware.indicator.as_ref().map(|indicator| EcsThreat::new(indicator, value));
                EcsExtras { file, url: url.map(|original| EcsUrl { original }), tls: None, threat }
            }
            Detail::C2(c2) => {
                let client = EcsTlsClient { server_name: c2.server_name.as_deref(), ja3: c2.ja3.as_deref() };
                let tls = (c2.server_name.is_some() || c2.ja3.is_some()).then_some(EcsTls { client });
                let threat = c2.known.as_ref().map(|indicator| EcsThreat::new(indicator, c2.indicator.as_deref()));
                EcsExtras { file: None, url: None, tls, threat }
            }
            _ => EcsExtras::default(),
        }
    }
}
