//! Rules compiled once, at start.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use sha2::{Digest, Sha256};
use yara_x::{Compiler, Scanner, SourceCode};

use super::{FILE_S, NAME_BYTES, NAMES_MAX, RuleFile, RulesError, SLICE_BYTES};
use crate::protocol::digits;
use crate::report::printable;

/// Compiled rules of all files.
pub struct Rules {
    files: Vec<RuleFile>,
    compiled: yara_x::Rules,
    skipped: AtomicU64,
}

impl std::fmt::Debug for Rules {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rules").field("files", &self.files).field("skipped", &self.skipped).finish_non_exhaustive()
    }
}

impl Rules {
    /// Compiles the rules of these files; two files may have rules of the same name.
    ///
    /// # Errors
    /// A file that cannot be read, and rules that do not compile, with file, line and column.
    pub fn open(paths: &[PathBuf]) -> Result<Self, RulesError> {
        let mut compiler = Compiler::new();
        let mut files = Vec::new();
        for (number, path) in paths.iter().enumerate() {
            let bytes = fs::read(path).map_err(|cause| RulesError::Read { path: path.clone(), cause })?;
            let digest = digits::written(&Sha256::digest(&bytes));
            if let Some(folder) = path.parent() {
                compiler.add_include_dir(folder);
            }
            compiler.new_namespace(&number.to_string());
            compiler
                .add_source(SourceCode::from(bytes.as_slice()).with_origin(path.display().to_string()))
                .map_err(|error| RulesError::Compile(error.to_string()))?;
            let name = path.file_name().unwrap_or(path.as_os_str()).to_string_lossy().into_owned();
            files.push(RuleFile { name, rules: 0, sha256: digest });
        }
        let compiled = compiler.build();
        for (number, file) in files.iter_mut().enumerate() {
            let namespace = number.to_string();
            file.rules = compiled.iter().filter(|rule| rule.namespace() == namespace).count();
        }
        Ok(Rules { files, compiled, skipped: AtomicU64::new(0) })
    }

    pub fn files(&self) -> &[RuleFile] {
        &self.files
    }

    /// Begins to scan the files of one slice.
    pub fn scan(&self) -> Scan<'_> {
        let mut scanner = Scanner::new(&self.compiled);
        scanner.set_timeout(Duration::from_secs(FILE_S));
        Scan { rules: self, scanner, left: SLICE_BYTES }
    }

    /// So many files were not scanned.
    pub fn skip(&self, files: u64) {
        self.skipped.fetch_add(files, Ordering::Relaxed);
    }

    /// How many files were not scanned.
    pub fn skipped(&self) -> u64 {
        self.skipped.load(Ordering::Relaxed)
    }
}

/// The scanning of one slice's files.
pub struct Scan<'a> {
    rules: &'a Rules,
    scanner: Scanner<'a>,
    left: u64,
}

impl Scan<'_> {
    /// The names of the rules that a file matches, sorted and fit to be shown; nothing if it was not scanned, which is counted.
    pub fn matched(&mut self, bytes: &[u8]) -> Option<Vec<String>> {
        let Some(left) = self.left.checked_sub(bytes.len() as u64) else {
            self.rules.skip(1);
            return None;
        };
        self.left = left;
        let Ok(found) = self.scanner.scan(bytes) else {
            self.rules.skip(1);
            return None;
        };
        let names: BTreeSet<String> = found
            .matching_rules()
            .map(|rule| {
                let name = rule.identifier().as_bytes();
                printable(name.get(..NAME_BYTES).unwrap_or(name))
            })
            .collect();
        Some(names.into_iter().take(NAMES_MAX).collect())
    }
}
