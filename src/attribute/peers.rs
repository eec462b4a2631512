//! Remote hosts that may speak to home's equipment, by a list of the user's: a maintainer's, a control centre's.

use serde::Deserialize;

use super::Network;
use super::listed::{Listed, Said};
use super::sectors::checked;
use crate::addr::Addr;

/// What is permitted to a peer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Peer {
    pub name: String,
    /// The home networks that it may speak to; none: any.
    to: Vec<Network>,
}

impl Peer {
    /// Whether it may speak to a target.
    pub fn may_reach(&self, target: Addr) -> bool {
        self.to.is_empty() || self.to.iter().any(|network| network.contains(target))
    }
}

/// A list of peers: lines of network, name, and what it may reach (networks with blanks between them; nothing: all of home); or TOML with
/// `[[peer]]` tables of `networks`, `name` and `to`.
pub type Peers = Listed<Peer>;

/// The list as TOML.
#[derive(Deserialize)]
pub struct File {
    #[serde(default)]
    peer: Vec<Entry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    networks: Vec<String>,
    name: String,
    #[serde(default)]
    to: Vec<String>,
}

fn peer<'a>(name: &str, to: impl Iterator<Item = &'a str>) -> Result<Peer, String> {
    let parse = |text: &str| text.parse().map_err(|wrong| format!("'{}': {wrong}", super::excerpt(text.as_bytes())));
    Ok(Peer { name: checked("name", name)?, to: to.map(parse).collect::<Result<_, _>>()? })
}

impl Said for Peer {
    const COLUMNS: &'static [&'static str] = &["name", "to"];
    type File = File;

    fn from_fields(fields: &[&str]) -> Result<Self, String> {
        match fields {
            [name] => peer(name, std::iter::empty()),
            [name, to] => peer(name, to.split_whitespace()),
            _ => Err(format!("a line has a network, a name and what it may reach, not {} fields", fields.len() + 1)),
        }
    }

    fn from_file(file: File) -> Vec<(Vec<String>, Result<Self, String>)> {
        file.peer.into_iter().map(|entry| (entry.networks, peer(&entry.name, entry.to.iter().map(String::as_str)))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::super::listed::tests::read;
    use super::*;

    #[test]
    fn a_peer_reaches_what_it_may() {
        let text = "network,name,to\n192.0.2.0/28,vendor,10.1.0.0/16 10.2.0.7\n198.51.100.9,control centre\n";
        let list = read::<Peer>("p.csv", text).unwrap();
        let may = |source: &str, target: &str| {
            list.of(source.parse().unwrap()).filter(|peer| peer.may_reach(target.parse().unwrap())).map(|peer| peer.name.as_str())
        };
        assert_eq!(may("192.0.2.3", "10.1.9.9"), Some("vendor"));
        assert_eq!(may("192.0.2.3", "10.2.0.7"), Some("vendor"));
        assert_eq!(may("192.0.2.3", "10.2.0.8"), None);
        assert_eq!(may("198.51.100.9", "10.2.0.8"), Some("control centre"));
        assert_eq!(may("203.0.113.1", "10.1.9.9"), None);
    }

    #[test]
    fn a_wrong_target_is_named() {
        let error = read::<Peer>("p.toml", "[[peer]]\nnetworks = [\"192.0.2.1\"]\nname = \"v\"\nto = [\"10.0.0.1/8\"]\n").unwrap_err();
        assert!(error.to_string().contains("10.0.0.1/8"), "{error}");
    }
}
