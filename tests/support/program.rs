//! The program as a user runs it.

use std::ffi::OsStr;
use std::process::{Command, Output};

/// Runs the program to its end, with a working folder that holds no configuration file of anybody's.
pub fn wherefrom<S: AsRef<OsStr>>(arguments: impl IntoIterator<Item = S>) -> Output {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    Command::new(env!("CARGO_BIN_EXE_wherefrom")).current_dir(folder.path()).args(arguments).output().expect("the program starts")
}
