//! Rules of YARA that delivered files are scanned with: in programs that were built with the feature `yara`.
//!
//! The engine is yara-x (VirusTotal), which brings a compiler with it and takes minutes to build. Without the feature there are no rules, and
//! whoever asks for some is told how to build a program that takes them.

#[cfg(not(feature = "yara"))]
mod absent;
#[cfg(feature = "yara")]
mod engine;

use std::path::PathBuf;

#[cfg(not(feature = "yara"))]
pub use absent::{Rules, Scan};
#[cfg(feature = "yara")]
pub use engine::{Rules, Scan};

/// Bytes that are scanned in one slice of a second, at most: what comes beyond is counted. By bytes and not by time, so that the answer
/// does not depend on the machine.
pub const SLICE_BYTES: u64 = 64 * 1024 * 1024;
/// Longest time in seconds that one file is scanned for; a file that takes longer is counted as not scanned.
pub const FILE_S: u64 = 30;
/// Names of rules that are told of one file, and bytes of each. YARA's identifiers have 128 at most.
pub const NAMES_MAX: usize = 16;
pub const NAME_BYTES: usize = 128;

/// One file of rules.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RuleFile {
    pub name: String,
    pub rules: usize,
    pub sha256: String,
}

/// Rules that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    #[error("{path}: {cause}", path = .path.display())]
    Read { path: PathBuf, cause: std::io::Error },
    #[error("these rules do not compile:\n{0}")]
    Compile(String),
    #[error("this program was built without YARA: --yara needs one built with `cargo build --release --features yara`")]
    Absent,
}
