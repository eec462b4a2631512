//! Which files a path on the command line stands for.

use std::path::{Path, PathBuf};

use super::IndicatorError;

/// Files that go with lists and are none, by the beginning of their names.
const BESIDE: [&str; 4] = ["readme", "license", "licence", "notice"];

/// Files as they are named; folders by what is in them, at any depth, in the order of names.
pub(super) fn list_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, IndicatorError> {
    let mut files = Vec::new();
    for path in paths {
        if !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        search(path, &mut files)?;
        if files.len() == before {
            return Err(IndicatorError::EmptyFolder { path: path.clone() });
        }
        files[before..].sort();
    }
    Ok(files)
}

/// Links to folders are not followed: they may go in circles. Hidden files are none of ours.
fn search(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), IndicatorError> {
    let failed = |cause| IndicatorError::Read { path: folder.into(), cause };
    for entry in folder.read_dir().map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().to_lowercase();
        if name.starts_with('.') {
            continue;
        }
        let path = entry.path();
        if entry.file_type().map_err(failed)?.is_dir() {
            search(&path, files)?;
        } else if is_feed_cache(&path) {
            continue;
        } else if path.is_file() && !BESIDE.iter().any(|beside| name.starts_with(beside)) {
            files.push(path);
        }
    }
    Ok(())
}

/// A MISP feed has a file of digests of its attributes' texts beside its manifest, for finding an event: no digest of any file.
fn is_feed_cache(path: &Path) -> bool {
    path.file_name().is_some_and(|name| name == "hashes.csv") && path.with_file_name("manifest.json").exists()
}
