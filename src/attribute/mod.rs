//! One gets a place: from an address to a country, and how far that can be trusted.

mod attribution;
mod benign;
mod country;
mod database;
mod direction;
mod embedded;
mod home;
mod iso3166;
mod mmdb;
mod network;
mod ranges;
mod reserved;
mod span;
mod table;

pub use attribution::Attribution;
pub use benign::{Benign, BenignError};
pub use country::Country;
pub use database::{Database, DatabaseError, Minimum};
pub use direction::Direction;
pub use home::{Home, HomeEntry, HomeError};
pub use network::{Network, NetworkError};
pub use reserved::{is_group, reserved};
pub use span::Span;
pub use table::GeoTable;

/// Bytes of a wrong line that an error message repeats.
const EXCERPT_BYTES: usize = 80;

/// Text from a file, made safe and short for an error message.
fn excerpt(text: &[u8]) -> String {
    let cut = &text[..text.len().min(EXCERPT_BYTES)];
    format!("{}{}", cut.escape_ascii(), if cut.len() < text.len() { "…" } else { "" })
}
