//! One gets a place: from an address to a country, and how far that can be trusted.

mod attribution;
mod benign;
mod country;
mod database;
mod direction;
mod embedded;
mod home;
mod iso3166;
mod listed;
mod mmdb;
mod network;
mod peers;
mod ranges;
mod reserved;
mod sectors;
mod span;
mod table;

pub use attribution::Attribution;
pub use benign::{Benign, BenignError};
pub use country::Country;
pub use database::{Database, DatabaseError, Minimum};
pub use direction::Direction;
pub use home::{Home, HomeEntry, HomeError};
pub use listed::{ListError, Listed};
pub use network::{Network, NetworkError};
pub use peers::{Peer, Peers};
pub use reserved::{is_group, reserved};
pub use sectors::{Sectors, Site};
pub use span::Span;
pub use table::{GeoTable, SharedTable};

/// The lists of networks that conclusions are made with.
pub struct Lists {
    /// Research scanners, which are marked.
    pub benign: Benign,
    /// Sectors of home's networks; empty unless the user gives a list.
    pub sectors: Sectors,
    /// Remote hosts that may speak to home's equipment; empty unless the user gives a list.
    pub peers: Peers,
}

impl Lists {
    /// Those in force: what kind of list, name, networks, hash.
    pub fn named(&self) -> impl Iterator<Item = (&'static str, &str, usize, &str)> {
        let Lists { benign, sectors, peers } = self;
        let all = [
            ("research-scanners", benign.name.as_str(), benign.len(), benign.sha256.as_str()),
            ("sectors", &sectors.name, sectors.len(), &sectors.sha256),
            ("peers", &peers.name, peers.len(), &peers.sha256),
        ];
        all.into_iter().filter(|(_, name, ..)| !name.is_empty())
    }
}

impl From<Benign> for Lists {
    fn from(benign: Benign) -> Self {
        Lists { benign, sectors: Sectors::default(), peers: Peers::default() }
    }
}

/// Bytes of a wrong line that an error message repeats.
const EXCERPT_BYTES: usize = 80;

/// Text from a file, made safe and short for an error message.
fn excerpt(text: &[u8]) -> String {
    let cut = &text[..text.len().min(EXCERPT_BYTES)];
    format!("{}{}", cut.escape_ascii(), if cut.len() < text.len() { "…" } else { "" })
}
