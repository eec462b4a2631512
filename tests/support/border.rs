//! The capture that ships with the project.

use std::path::{Path, PathBuf};

/// Five minutes at a border: ordinary traffic, and one attack of each kind.
pub fn border() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("captures/border.pcap")
}
