//! Research scanners: who scans openly, to measure. Marked, never dropped: every figure can be read with and without them.

use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::Network;
use crate::addr::Addr;

/// The list that comes with the program.
const EMBEDDED: &str = include_str!("../../data/research-scanners.toml");

/// What is wrong with a list.
#[derive(Debug, thiserror::Error)]
pub enum BenignError {
    #[error("{file}: {cause}")]
    Read { file: String, cause: std::io::Error },
    #[error("{file}: {cause}")]
    Toml { file: String, cause: Box<toml::de::Error> },
    #[error("{file}: scanner '{name}': '{text}' is no network: {wrong}")]
    Range { file: String, name: String, text: String, wrong: String },
}

#[derive(Deserialize)]
struct File {
    name: String,
    #[serde(default)]
    scanner: Vec<Scanner>,
}

#[derive(Deserialize)]
struct Scanner {
    name: String,
    #[serde(default)]
    ranges: Vec<String>,
}

/// A list of research scanners by their networks.
#[derive(Debug)]
pub struct Benign {
    /// What the list calls itself.
    pub name: String,
    /// SHA-256 of the list, in hexadecimal.
    pub sha256: String,
    networks: Vec<(Network, String)>,
    /// By /16 of IPv4: whether a network has addresses there. Most of the sources asked about are nowhere near one.
    near: Box<[u64; WORDS]>,
}

/// Words of one bit for each /16 of IPv4.
const WORDS: usize = (1 << 16) / 64;

impl Benign {
    /// The list that comes with the program.
    ///
    /// # Panics
    /// Never: a unit test reads it.
    pub fn embedded() -> Self {
        Self::parse("research-scanners.toml", EMBEDDED).expect("the list in the program is whole: a unit test reads it")
    }

    /// Reads a list in the form of the one that comes with the program.
    ///
    /// # Errors
    /// A file that cannot be read or understood, with the place.
    pub fn open(path: &Path) -> Result<Self, BenignError> {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&file, &text),
            Err(cause) => Err(BenignError::Read { file, cause }),
        }
    }

    fn parse(file: &str, text: &str) -> Result<Self, BenignError> {
        let list: File = toml::from_str(text).map_err(|cause| BenignError::Toml { file: file.into(), cause: Box::new(cause) })?;
        let mut networks = Vec::new();
        for scanner in list.scanner {
            for text in scanner.ranges {
                let network = text.parse::<Network>().map_err(|wrong| BenignError::Range {
                    file: file.into(),
                    name: scanner.name.escape_default().to_string(),
                    text: text.escape_default().to_string(),
                    wrong: wrong.to_string(),
                })?;
                networks.push((network, scanner.name.clone()));
            }
        }
        let sha256 = Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
        let mut near = Box::new([0; WORDS]);
        for span in networks.iter().filter(|(network, _)| network.first().is_v4()).map(|(network, _)| network.span((), 0)) {
            for place in span.first as u32 >> 16..=span.last as u32 >> 16 {
                near[place as usize / 64] |= 1 << (place % 64);
            }
        }
        Ok(Benign { name: list.name, sha256, networks, near })
    }

    /// How many networks it has.
    pub fn len(&self) -> usize {
        self.networks.len()
    }

    /// Whether it names nobody.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    /// The scanner that an address belongs to.
    pub fn scanner(&self, addr: Addr) -> Option<&str> {
        if let Some(bits) = addr.as_v4()
            && self.near[(bits >> 22) as usize] & 1 << (bits >> 16 & 63) == 0
        {
            return None;
        }
        self.networks.iter().find(|(network, _)| network.contains(addr)).map(|(_, name)| name.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_in_the_program_names_its_scanners() {
        let list = Benign::embedded();
        assert!(!list.is_empty());
        assert_eq!(list.scanner("167.94.138.7".parse().unwrap()), Some("censys"));
        assert_eq!(list.scanner("2602:80d:1000::7".parse().unwrap()), Some("censys"));
        assert_eq!(list.scanner("74.82.47.9".parse().unwrap()), Some("shadowserver"));
        assert_eq!(list.scanner("66.240.192.138".parse().unwrap()), Some("shodan"));
        assert_eq!(list.scanner("66.240.192.139".parse().unwrap()), None);
        assert_eq!(list.scanner("8.8.8.8".parse().unwrap()), None);
    }

    #[test]
    fn a_wrong_range_is_named() {
        let text = "name = \"mine\"\n[[scanner]]\nname = \"us\"\nranges = [\"10.0.0.0/40\"]\n";
        let error = Benign::parse("mine.toml", text).unwrap_err().to_string();
        assert!(error.contains("mine.toml") && error.contains("us") && error.contains("10.0.0.0/40"), "{error}");
    }
}
