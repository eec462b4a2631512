//! Where countries come from: the ranges that come with the program, or a file of the operator's.

use std::collections::BTreeSet;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use thiserror::Error;

use super::span::{Conflict, Span, flatten};
use super::table::V6;
use super::{Country, GeoTable, SharedTable, embedded, mmdb, ranges};

/// A table of countries, with what is needed to trace a figure back to it.
pub struct Database {
    pub table: SharedTable,
    /// What the database calls itself; of a text file, the file's name.
    pub name: String,
    /// Date of the data, `YYYY-MM-DD`, where the database says it.
    pub build_date: Option<String>,
    /// SHA-256 in hexadecimal: of the file as it is on disk, or of the text table that what is embedded was packed from.
    pub sha256: String,
    /// The file; nothing for what comes with the program.
    pub path: Option<PathBuf>,
    /// Ranges of one country, neighbours joined.
    pub ranges_v4: usize,
    pub ranges_v6: usize,
    /// Two-character codes in the database that are no countries known here; their ranges have no country.
    pub unknown_codes: Vec<String>,
}

/// What a database must hold to be believed: a wrong or cut file would turn every source into an unknown one.
#[derive(Clone, Copy, Debug)]
pub struct Minimum {
    /// Ranges of both families.
    pub ranges: usize,
    /// IPv4 addresses that have a country.
    pub addresses_v4: u64,
}

impl Minimum {
    /// 1,000 ranges and 1 % of IPv4. Public databases of countries hold some hundred thousand ranges and over 80 % of IPv4.
    pub const PLAUSIBLE: Minimum = Minimum { ranges: 1000, addresses_v4: (1 << 32) / 100 };
    /// Takes any database.
    pub const NONE: Minimum = Minimum { ranges: 0, addresses_v4: 0 };
}

/// Bytes that a compressed database may unpack to: ten times the largest public one.
const UNPACKED_BYTES_MAX: u64 = 1 << 30;

/// Why a database cannot be used.
#[derive(Debug, Error)]
pub enum DatabaseError {
    #[error("geo database {path}: there is no such file")]
    Missing { path: PathBuf },
    #[error("geo database {path}: {source}")]
    Unreadable { path: PathBuf, source: io::Error },
    #[error("geo database {path}: compressed with xz; unpack it first with: xz -d {path}")]
    Xz { path: PathBuf },
    #[error("geo database {path}: unpacks to more than {UNPACKED_BYTES_MAX} bytes")]
    Huge { path: PathBuf },
    #[error("geo database {path}, line {line}: {reason}: '{text}'")]
    Line { path: PathBuf, line: u32, reason: &'static str, text: String },
    #[error("geo database {path}: lines {} and {} contradict each other: their ranges are equal or overlap without nesting", lines.0, lines.1)]
    Conflict { path: PathBuf, lines: (u32, u32) },
    #[error("geo database {path}: no usable MMDB file: {reason}")]
    Mmdb { path: PathBuf, reason: String },
    #[error(
        "geo database {path}: implausibly small: {ranges} ranges, {addresses_v4} IPv4 addresses with a country; the file is cut, or none of countries"
    )]
    Small { path: PathBuf, ranges: usize, addresses_v4: u64 },
}

/// What a reader of a file format found, before it is checked.
#[derive(Default)]
pub(super) struct Found {
    pub v4: Vec<Span<Country>>,
    pub v6: Vec<Span<Country>>,
    pub name: Option<String>,
    pub build_date: Option<String>,
    pub unknown_codes: BTreeSet<String>,
}

impl Found {
    /// The country of a code as databases write it: empty and `-` stand for none. Nothing for what is no code at all.
    pub fn country(&mut self, code: &str) -> Option<Country> {
        match Country::from_code(code) {
            Some(country) => Some(country),
            None if code.is_empty() || code == "-" => Some(Country::NONE),
            None if code.len() == 2 && code.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
                self.unknown_codes.insert(code.to_ascii_uppercase());
                Some(Country::NONE)
            }
            None => None,
        }
    }
}

impl Database {
    /// The ranges that come with the program.
    pub fn embedded() -> Self {
        const WHOLE: &str = "what comes with the program is whole: a unit test unpacks it";
        let packed = embedded::read(embedded::PACKED).expect(WHOLE);
        Database {
            ranges_v4: packed.ranges_v4,
            ranges_v6: packed.ranges_v6,
            name: packed.name.clone(),
            build_date: Some(packed.build_date.clone()),
            sha256: hexadecimal(&packed.sha256),
            path: None,
            unknown_codes: Vec::new(),
            table: SharedTable::in_background(move || {
                let v4 = packed.v4().expect(WHOLE);
                let v6 = move || V6::new(packed.v6().expect(WHOLE).ranges().expect(WHOLE).map(|range| range.expect(WHOLE)));
                GeoTable::ready(v4, v6)
            }),
        }
    }

    /// Reads an MMDB file (`country_code`, `country.iso_code` or `country`), or text with lines of `first,last,CC` or `network,CC`
    /// (more fields may follow; addresses as text or integers; with or without a header); either may be compressed with gzip or
    /// zstd. Where ranges nest, the smallest decides.
    ///
    /// # Errors
    ///
    /// A file that cannot be read or understood, contradicts itself, or holds less than `minimum`.
    pub fn open(path: &Path, minimum: Minimum) -> Result<Self, DatabaseError> {
        let raw = std::fs::read(path).map_err(|source| match source.kind() {
            io::ErrorKind::NotFound => DatabaseError::Missing { path: path.into() },
            _ => DatabaseError::Unreadable { path: path.into(), source },
        })?;
        let sha256 = hexadecimal(&Sha256::digest(&raw));
        let bytes = unpacked(path, raw)?;
        let found = if mmdb::is_mmdb(&bytes) { mmdb::read(path, bytes)? } else { ranges::read(path, &bytes)? };

        let flat = |spans| flatten(spans).map_err(|Conflict { lines }| DatabaseError::Conflict { path: path.into(), lines });
        let (v4, v6) = (flat(found.v4)?, flat(found.v6)?);
        let (ranges_v4, ranges_v6) = (v4.len(), v6.len());
        let table = GeoTable::new(v4, v6);
        let (ranges, addresses_v4) = (ranges_v4 + ranges_v6, table.coverage_v4());
        if ranges < minimum.ranges || addresses_v4 < minimum.addresses_v4 {
            return Err(DatabaseError::Small { path: path.into(), ranges, addresses_v4 });
        }
        let file_name = || path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        Ok(Database {
            table: table.into(),
            name: found.name.unwrap_or_else(file_name),
            build_date: found.build_date,
            sha256,
            path: Some(path.into()),
            ranges_v4,
            ranges_v6,
            unknown_codes: found.unknown_codes.into_iter().collect(),
        })
    }
}

/// Undoes gzip (RFC 1952) and zstd (RFC 8878), which their first bytes betray.
fn unpacked(path: &Path, raw: Vec<u8>) -> Result<Vec<u8>, DatabaseError> {
    let unreadable = |source| DatabaseError::Unreadable { path: path.into(), source };
    let mut reader: Box<dyn Read + '_> = match raw.as_slice() {
        [0x1f, 0x8b, ..] => Box::new(flate2::read::MultiGzDecoder::new(raw.as_slice())),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Box::new(zstd::Decoder::new(raw.as_slice()).map_err(unreadable)?),
        [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => return Err(DatabaseError::Xz { path: path.into() }),
        _ => return Ok(raw),
    };
    let mut bytes = Vec::new();
    reader.by_ref().take(UNPACKED_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(unreadable)?;
    if bytes.len() as u64 > UNPACKED_BYTES_MAX { Err(DatabaseError::Huge { path: path.into() }) } else { Ok(bytes) }
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn written(name: &str, bytes: &[u8]) -> (tempfile::TempDir, PathBuf) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        (dir, path)
    }

    fn error(bytes: &[u8], minimum: Minimum) -> String {
        let (_dir, path) = written("geo.csv", bytes);
        Database::open(&path, minimum).err().unwrap().to_string().replace(path.to_str().unwrap(), "FILE")
    }

    fn country(database: &Database, addr: &str) -> &'static str {
        database.table.country(addr.parse().unwrap()).code()
    }

    #[test]
    fn what_is_embedded_says_where_it_is_from() {
        let database = Database::embedded();
        assert_eq!((database.build_date.as_deref(), database.sha256.len(), database.ranges_v4), (Some("2026-06-17"), 64, 334_310));
        assert_eq!((country(&database, "8.8.8.8"), country(&database, "2001:4860:4860::8888")), ("US", "US"));
    }

    #[test]
    fn compressed_files_are_read() {
        let text = b"1.0.0.0,1.0.0.255,NL\n";
        let mut gzip = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        gzip.write_all(text).unwrap();
        for bytes in [text.to_vec(), gzip.finish().unwrap(), zstd::encode_all(text.as_slice(), 1).unwrap()] {
            let (_dir, path) = written("geo.csv", &bytes);
            let database = Database::open(&path, Minimum::NONE).unwrap();
            assert_eq!((database.name.as_str(), country(&database, "1.0.0.9"), database.build_date), ("geo.csv", "NL", None));
            assert_eq!(database.path, Some(path));
        }
    }

    #[test]
    fn the_hash_is_that_of_the_file() {
        let (_dir, path) = written("empty", b"");
        let hash = Database::open(&path, Minimum::NONE).unwrap().sha256;
        assert_eq!(hash, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    }

    #[test]
    fn nested_ranges_give_the_smallest_the_word() {
        let (_dir, path) = written("geo.csv", b"1.0.0.0/8,NL\n1.2.0.0/16,US\n");
        let database = Database::open(&path, Minimum::NONE).unwrap();
        assert_eq!((country(&database, "1.1.255.255"), country(&database, "1.2.0.0"), country(&database, "1.3.0.0")), ("NL", "US", "NL"));
        assert_eq!(database.ranges_v4, 3);
    }

    #[test]
    fn errors_name_the_file_and_the_way_out() {
        assert_eq!(
            error(b"1.0.0.0,1.0.0.255,NL\n", Minimum::PLAUSIBLE),
            "geo database FILE: implausibly small: 1 ranges, 256 IPv4 addresses with a country; the file is cut, or none of countries"
        );
        assert_eq!(error(b"\xfd7zXZ\0rest", Minimum::NONE), "geo database FILE: compressed with xz; unpack it first with: xz -d FILE");
        assert_eq!(
            error(b"1.0.0.0,1.0.0.9,NL\n1.0.0.5,1.0.0.20,US\n", Minimum::NONE),
            "geo database FILE: lines 1 and 2 contradict each other: their ranges are equal or overlap without nesting"
        );
        let missing = Database::open(Path::new("no/such/file"), Minimum::NONE).err().unwrap();
        assert_eq!(missing.to_string(), "geo database no/such/file: there is no such file");
        assert!(error(b"\x1f\x8bdamaged", Minimum::NONE).starts_with("geo database FILE: "));
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Database::open(dir.path(), Minimum::NONE), Err(DatabaseError::Unreadable { .. })));
    }
}
