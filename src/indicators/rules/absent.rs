//! No rules: the program was built without them.

use std::path::PathBuf;

use super::{RuleFile, RulesError};

/// There are none.
#[derive(Debug)]
pub enum Rules {}

/// There is none.
pub enum Scan<'a> {
    #[doc(hidden)]
    Never(&'a Rules),
}

impl Rules {
    /// # Errors
    /// Always: see [`RulesError::Absent`].
    pub fn open(_files: &[PathBuf]) -> Result<Self, RulesError> {
        Err(RulesError::Absent)
    }

    pub fn files(&self) -> &[RuleFile] {
        match *self {}
    }

    pub fn scan(&self) -> Scan<'_> {
        match *self {}
    }

    pub fn skip(&self, _files: u64) {
        match *self {}
    }

    pub fn skipped(&self) -> u64 {
        match *self {}
    }
}

impl Scan<'_> {
    pub fn matched(&mut self, _bytes: &[u8]) -> Option<Vec<String>> {
        let Scan::Never(rules) = self;
        match **rules {}
    }
}
