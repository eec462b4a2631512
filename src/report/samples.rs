//! The folder of `--save-samples`: files by their SHA-256, which nobody can run or change, within bounds that hold for the folder and not
//! only for one run.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::ReportError;
use crate::conclude::{Sample, Samples};
use crate::settings::Settings;

/// Of the folder, where it is made: its owner's alone.
const FOLDER_MODE: u32 = 0o700;
/// Of a sample: its owner may read it, nobody may run it.
const SAMPLE_MODE: u32 = 0o400;

/// The folder, and how full it is.
#[derive(Debug)]
pub struct SampleFolder {
    folder: PathBuf,
    files: u64,
    bytes: u64,
    files_max: u64,
    bytes_max: u64,
    unsaved: Arc<AtomicU64>,
}

impl SampleFolder {
    /// Opens a folder, which is made if it isn't there. The samples that it holds count towards its bounds.
    ///
    /// # Errors
    /// A folder that cannot be made or read.
    pub fn open(folder: &Path, settings: &Settings) -> Result<Self, ReportError> {
        let error = |cause| ReportError::File { path: folder.into(), cause };
        DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder).map_err(error)?;
        let (mut files, mut bytes) = (0, 0);
        for entry in fs::read_dir(folder).map_err(error)? {
            let entry = entry.map_err(error)?;
            if is_sample(&entry.file_name().to_string_lossy()) {
                files += 1;
                bytes += entry.metadata().map_err(error)?.len();
            }
        }
        let limits = &settings.samples;
        Ok(SampleFolder { folder: folder.into(), files, bytes, files_max: limits.files, bytes_max: limits.bytes, unsaved: Arc::default() })
    }

    /// Saves what is not there yet, as far as there is room.
    ///
    /// # Errors
    /// A file that cannot be written.
    pub fn save(&mut self, samples: &mut Samples) -> Result<(), ReportError> {
        self.unsaved.fetch_add(std::mem::take(&mut samples.unsaved), Ordering::Relaxed);
        samples.kept.drain(..).try_for_each(|sample| self.save_one(&sample))
    }

    fn save_one(&mut self, sample: &Sample) -> Result<(), ReportError> {
        let path = self.folder.join(sample.sha256.iter().map(|byte| format!("{byte:02x}")).collect::<String>());
        // A link that leads nowhere is there, too.
        if path.symlink_metadata().is_ok() {
            return Ok(());
        }
        let bytes = sample.bytes.len() as u64;
        if self.files >= self.files_max || self.bytes.saturating_add(bytes) > self.bytes_max {
            self.unsaved.fetch_add(1, Ordering::Relaxed);
            return Ok(());
        }
        let aside = path.with_extension("part");
        let write = || {
            let mut file = create(&aside)?;
            file.write_all(&sample.bytes)?;
            fs::rename(&aside, &path)
        };
        write().map_err(|cause| {
            // A full disk should not be left with half a sample on it.
            let _ = fs::remove_file(&aside);
            ReportError::File { path: path.clone(), cause }
        })?;
        (self.files, self.bytes) = (self.files + 1, self.bytes + bytes);
        Ok(())
    }

    /// Deliveries that were wanted and not saved, since a bound was reached: to be looked at when the run is over.
    pub fn unsaved(&self) -> Arc<AtomicU64> {
        self.unsaved.clone()
    }
}

/// A new file: never one that is there, nor one that a link leads to. What an earlier run left unfinished makes room.
fn create(path: &Path) -> io::Result<File> {
    let create = || OpenOptions::new().write(true).create_new(true).mode(SAMPLE_MODE).open(path);
    match create() {
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {
            fs::remove_file(path)?;
            create()
        }
        created => created,
    }
}

/// Whether a file is named as samples are.
fn is_sample(name: &str) -> bool {
    name.len() == 64 && name.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn sample(name: u8, bytes: usize) -> Samples {
        Samples { kept: vec![Sample { sha256: [name; 32], bytes: vec![name; bytes] }], unsaved: 0 }
    }

    fn settings(files: u64, bytes: u64) -> Settings {
        let mut settings = Settings::default();
        (settings.samples.files, settings.samples.bytes) = (files, bytes);
        settings
    }

    #[test]
    fn the_bounds_hold_for_the_folder_over_runs() {
        let parent = tempfile::tempdir().unwrap();
        let path = parent.path().join("a/samples");
        for (run, saved) in [(1, 2), (2, 0)] {
            let mut folder = SampleFolder::open(&path, &settings(2, 1000)).unwrap();
            for name in [run * 10, run * 10 + 1, run * 10 + 2] {
                folder.save(&mut sample(name, 100)).unwrap();
            }
            assert_eq!(folder.unsaved().load(Ordering::Relaxed), 3 - saved, "run {run}");
        }
        assert_eq!(fs::read_dir(&path).unwrap().count(), 2);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, FOLDER_MODE);
        let mut folder = SampleFolder::open(&path, &settings(9, 299)).unwrap();
        folder.save(&mut sample(77, 100)).unwrap();
        folder.save(&mut sample(78, 99)).unwrap();
        assert_eq!((folder.unsaved().load(Ordering::Relaxed), fs::read_dir(&path).unwrap().count()), (1, 3));
    }

    #[test]
    fn what_is_there_is_left_and_what_was_unfinished_is_begun_anew() {
        let folder = tempfile::tempdir().unwrap();
        let name = "07".repeat(32);
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "mine").unwrap();
        std::os::unix::fs::symlink(&elsewhere, folder.path().join(format!("{name}.part"))).unwrap();
        let mut samples = SampleFolder::open(folder.path(), &Settings::default()).unwrap();
        samples.save(&mut sample(7, 5)).unwrap();
        samples.save(&mut sample(7, 9)).unwrap();
        let path = folder.path().join(&name);
        assert_eq!(fs::read(&path).unwrap(), [7; 5]);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o7777, SAMPLE_MODE);
        assert_eq!(fs::read_to_string(&elsewhere).unwrap(), "mine");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 2);
    }
}
