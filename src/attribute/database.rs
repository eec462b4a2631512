//! Where countries come from: the ranges that come with the program, or a file of the operator's.

use super::embedded;
use super::table::GeoTable;

/// A table of countries, with what is needed to trace a figure back to it.
pub struct Database {
    pub table: GeoTable,
    pub name: String,
    /// Date of the data, `YYYY-MM-DD`, where the database says it.
    pub build_date: Option<String>,
    /// SHA-256 of what it was read from, in hexadecimal.
    pub sha256: String,
}

impl Database {
    /// The ranges that come with the program.
    pub fn embedded() -> Self {
        let ranges = embedded::unpack(embedded::PACKED).expect("the ranges in the program are whole: a unit test unpacks them");
        Database {
            table: GeoTable::new(ranges.v4, ranges.v6),
            name: ranges.name,
            build_date: Some(ranges.build_date),
            sha256: ranges.sha256.iter().map(|byte| format!("{byte:02x}")).collect(),
        }
    }
}
