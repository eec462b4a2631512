//! A larger collection of captures, where there is one beside the project.

use std::path::{Path, PathBuf};

/// Those of the named captures that the collection beside the project has; says so if there are none.
pub fn collection(names: &[&str]) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/captures");
    let found: Vec<PathBuf> = names.iter().map(|name| folder.join(name)).filter(|path| path.is_file()).collect();
    if found.is_empty() {
        eprintln!("skipped: there is no collection of captures at {}", folder.display());
    }
    found
}
