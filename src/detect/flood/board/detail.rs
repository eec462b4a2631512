//! What an event says of a flood.

use serde::Serialize;

use crate::detect::flood::verdict::Spoofing;

/// What an event says of a flood.
#[derive(Clone, Debug, Serialize)]
pub struct FloodDetail {
    pub method: &'static str,
    pub ports: Vec<u16>,
    pub peak_pps: u64,
    pub sources: u64,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub estimated: bool,
    pub spoofed: Spoofing,
    pub countries: Vec<CountryShare>,
    pub top: Vec<TopSource>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reflector_protocol: Option<&'static str>,
    /// Share of handshakes that completed, in thousandths; SYN floods only.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub completed_per_mille: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<EntryShare>,
    /// The block of addresses that is flooded, where it is not one host.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub network: Option<String>,
}

/// A country's part in a flood.
#[derive(Clone, Debug, Serialize)]
pub struct CountryShare {
    pub country: &'static str,
    pub sources: u64,
    pub packets: u64,
}

/// A source's part in a flood.
#[derive(Clone, Debug, Serialize)]
pub struct TopSource {
    pub ip: String,
    pub country: &'static str,
    pub packets: u64,
}

/// A point of entry's part in a flood.
#[derive(Clone, Debug, Serialize)]
pub struct EntryShare {
    pub entry: String,
    pub packets: u64,
}
