//! One gets a place: from an address to a country, and how far that can be trusted.

mod country;
mod database;
mod embedded;
mod iso3166;
mod span;
mod table;

pub use country::Country;
pub use database::Database;
pub use table::GeoTable;
