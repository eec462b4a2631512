//! Addresses that are never a controller, whatever a list says: public resolvers, edges of content delivery networks, sinkholes.
//!
//! Malware asks public resolvers and hides behind delivery networks like everybody else, and lists pick their addresses up; a sinkhole is where defenders
//! have led the infected. Counting their countries as the attackers' would be wrong.

use std::path::Path;

use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::addr::Addr;
use crate::attribute::Network;
use crate::protocol::digits;

/// The list that comes with the program.
const EMBEDDED: &str = include_str!("../../data/known-good.toml");

/// What is wrong with a list.
#[derive(Debug, thiserror::Error)]
pub enum KnownGoodError {
    #[error("{file}: {cause}")]
    Read { file: String, cause: std::io::Error },
    #[error("{file}: {cause}")]
    Toml { file: String, cause: Box<toml::de::Error> },
    #[error("{file}: '{name}': '{text}' is no network: {wrong}")]
    Range { file: String, name: String, text: String, wrong: String },
}

/// What an address is good for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Good {
    /// Answers anybody's DNS questions.
    Resolver,
    /// The edge of a content delivery network: whoever is behind it is not at this address.
    Cdn,
    /// Held by defenders in a controller's place.
    Sinkhole,
}

impl Good {
    pub fn name(self) -> &'static str {
        match self {
            Good::Resolver => "resolver",
            Good::Cdn => "cdn",
            Good::Sinkhole => "sinkhole",
        }
    }
}

#[derive(Deserialize)]
struct File {
    name: String,
    date: Option<String>,
    #[serde(default)]
    group: Vec<Group>,
}

#[derive(Deserialize)]
struct Group {
    name: String,
    kind: Good,
    #[serde(default)]
    ranges: Vec<String>,
}

/// A list of such addresses by their networks.
#[derive(Debug)]
pub struct KnownGood {
    /// What the list calls itself.
    pub name: String,
    /// Its day, if it says.
    pub date: Option<String>,
    /// SHA-256 of the list, in hexadecimal.
    pub sha256: String,
    networks: Vec<(Network, Good)>,
}

impl KnownGood {
    /// The list that comes with the program.
    ///
    /// # Panics
    /// Never: a unit test reads it.
    pub fn embedded() -> Self {
        Self::parse("known-good.toml", EMBEDDED).expect("the list in the program is whole: a unit test reads it")
    }

    /// Reads a list in the form of the one that comes with the program.
    ///
    /// # Errors
    /// A file that cannot be read or understood, with the place.
    pub fn open(path: &Path) -> Result<Self, KnownGoodError> {
        let file = path.display().to_string();
        match std::fs::read_to_string(path) {
            Ok(text) => Self::parse(&file, &text),
            Err(cause) => Err(KnownGoodError::Read { file, cause }),
        }
    }

    fn parse(file: &str, text: &str) -> Result<Self, KnownGoodError> {
        let list: File = toml::from_str(text).map_err(|cause| KnownGoodError::Toml { file: file.into(), cause: Box::new(cause) })?;
        let mut networks = Vec::new();
        for group in list.group {
            for text in group.ranges {
                let network = text.parse::<Network>().map_err(|wrong| KnownGoodError::Range {
                    file: file.into(),
                    name: group.name.escape_default().to_string(),
                    text: text.escape_default().to_string(),
                    wrong: wrong.to_string(),
                })?;
                networks.push((network, group.kind));
            }
        }
        let sha256 = digits::written(&Sha256::digest(text.as_bytes()));
        Ok(KnownGood { name: list.name, date: list.date, sha256, networks })
    }

    /// How many networks it has.
    pub fn len(&self) -> usize {
        self.networks.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.networks.is_empty()
    }

    /// What an address is good for. Asked of what is about to be accused, so that the list is walked through.
    pub fn of(&self, addr: Addr) -> Option<Good> {
        self.networks.iter().find(|(network, _)| network.contains(addr)).map(|&(_, good)| good)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_in_the_program_knows_each_kind() {
        let list = KnownGood::embedded();
        for (addr, expected) in [
            ("8.8.8.8", Some(Good::Resolver)),
            ("2606:4700:4700::1111", Some(Good::Resolver)),
            ("104.16.1.1", Some(Good::Cdn)),
            ("151.101.1.1", Some(Good::Cdn)),
            ("199.2.137.5", Some(Good::Sinkhole)),
            ("192.0.2.1", None),
        ] {
            assert_eq!(list.of(addr.parse().unwrap()), expected, "{addr}");
        }
    }

    #[test]
    fn a_wrong_range_is_named() {
        let text = "name = \"mine\"\n[[group]]\nname = \"us\"\nkind = \"cdn\"\nranges = [\"10.0.0.0/40\"]\n";
        let error = KnownGood::parse("mine.toml", text).unwrap_err().to_string();
        assert!(error.contains("mine.toml") && error.contains("us") && error.contains("10.0.0.0/40"), "{error}");
        let error = KnownGood::parse("mine.toml", &text.replace("cdn", "pub")).unwrap_err().to_string();
        assert!(error.contains("mine.toml") && error.contains("pub"), "{error}");
    }
}
