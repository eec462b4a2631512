//! Which files a path on the command line stands for.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::SourceError;
use super::reader::STANDARD_INPUT;

/// Endings of capture files, and what compression adds to them.
const ENDINGS: [&str; 4] = ["pcap", "pcapng", "cap", "dmp"];
const COMPRESSED: [&str; 2] = ["gz", "zst"];

/// The files themselves, and what folders hold at any depth, by name. A folder without capture files is an error; a file that is
/// named is taken whatever its ending.
pub fn capture_files(paths: &[PathBuf]) -> Result<Vec<PathBuf>, SourceError> {
    let mut files = Vec::new();
    for path in paths {
        if path.as_os_str() == STANDARD_INPUT || !path.is_dir() {
            files.push(path.clone());
            continue;
        }
        let before = files.len();
        search(path, &mut files)?;
        if files.len() == before {
            let endings = ENDINGS.map(|ending| format!(".{ending}")).join(", ");
            let endings = format!("{endings}, also with .{}", COMPRESSED.join(" or ."));
            return Err(SourceError::EmptyFolder { folder: path.display().to_string(), endings });
        }
    }
    files.sort();
    files.dedup();
    if files.is_empty() { Err(SourceError::NoFiles) } else { Ok(files) }
}

/// Adds the capture files of a folder. Links to folders are not followed: they may go in circles.
fn search(folder: &Path, files: &mut Vec<PathBuf>) -> Result<(), SourceError> {
    let unreadable = |cause| SourceError::Open { file: folder.display().to_string(), cause };
    for entry in folder.read_dir().map_err(unreadable)? {
        let entry = entry.map_err(unreadable)?;
        let path = entry.path();
        if entry.file_type().map_err(unreadable)?.is_dir() {
            search(&path, files)?;
        } else if is_capture_name(&path) && path.is_file() {
            files.push(path);
        }
    }
    Ok(())
}

fn is_capture_name(path: &Path) -> bool {
    let among =
        |ending: Option<&OsStr>, list: &[&str]| ending.is_some_and(|ending| list.iter().any(|&known| ending.eq_ignore_ascii_case(known)));
    if among(path.extension(), &COMPRESSED) {
        path.file_stem().is_some_and(|stem| among(Path::new(stem).extension(), &ENDINGS))
    } else {
        among(path.extension(), &ENDINGS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_captures_from_other_files() {
        for name in ["a.pcap", "a.PCAP", "a.b.pcapng", "a.cap.gz", "a.dmp.zst"] {
            assert!(is_capture_name(Path::new(name)), "{name}");
        }
        for name in ["a.json", "pcap", "a.gz", "a.pcap.bz2", "a.txt.gz", "a.pcap1"] {
            assert!(!is_capture_name(Path::new(name)), "{name}");
        }
    }

    #[test]
    fn folders_are_searched_through_and_files_are_taken_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("deep/deeper")).unwrap();
        for name in ["b.pcap", "deep/deeper/a.cap.gz", "deep/notes.txt"] {
            std::fs::write(folder.path().join(name), b"").unwrap();
        }
        let paths = [folder.path().to_owned(), folder.path().join("b.pcap"), folder.path().join("deep/notes.txt")];
        let found = capture_files(&paths).unwrap();
        let expected = ["b.pcap", "deep/deeper/a.cap.gz", "deep/notes.txt"].map(|name| folder.path().join(name));
        assert_eq!(found, expected);
    }

    #[test]
    fn a_folder_without_captures_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = capture_files(&[folder.path().to_owned()]).unwrap_err().to_string();
        assert!(
            error.contains("holds no capture files; the names of such end in .pcap, .pcapng, .cap, .dmp, also with .gz or .zst"),
            "{error}"
        );
    }
}
