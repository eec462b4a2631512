//! Threads share the work of a run: whoever does what, the answer is one, and nobody waits for a thread that has panicked.

mod support {
    pub mod border;
    pub mod engine;
    pub mod hooks;
    pub mod replay;
}

use std::panic::{AssertUnwindSafe, catch_unwind};

use support::border::border;
use support::engine;
use support::hooks::Hooks;
use support::replay::replay_file;
use wherefrom::pipeline::RunError;
use wherefrom::report::ReportError;
use wherefrom::source::{Files, FilesOptions, Input};

/// Any thread may do any work: how many there are must not show, be it one that does all or more than there is work for.
#[test]
fn any_number_of_threads() {
    let (expected, done) = replay_file(&border(), 1, 1);
    done.unwrap();
    assert!(!expected.is_empty());
    for (workers, threads) in [(1, 2), (1, 8), (3, 1), (3, 2), (3, 4), (8, 3), (8, 16)] {
        let (got, done) = replay_file(&border(), workers, threads);
        done.unwrap();
        assert!(expected == got, "another answer with {workers} workers and {threads} threads");
    }
}

#[test]
fn a_panic_ends_the_run_for_all_threads() {
    for threads in [1, 2, 4] {
        let files = Files::open(&[border()], &FilesOptions::default()).unwrap();
        // A defect that shows at the end of the first window.
        let broken = Hooks { capture: Box::new(|| panic!("a defect")), ..Hooks::default() };
        let run = || engine::run(Input::Files(Box::new(files)), 2, threads, 60, Box::new(broken));
        assert!(catch_unwind(AssertUnwindSafe(run)).is_err(), "{threads} threads went on without the reporter");
    }
}

#[test]
fn a_report_that_cannot_be_written_is_the_reason_told() {
    for threads in [1, 2, 4] {
        let files = Files::open(&[border()], &FilesOptions::default()).unwrap();
        let full = || Err(ReportError::Stdout(std::io::ErrorKind::StorageFull.into()));
        let sink = Hooks { run: Box::new(full), ..Hooks::default() };
        let ended = engine::run(Input::Files(Box::new(files)), 2, threads, 60, Box::new(sink));
        assert!(matches!(ended, Err(RunError::Report(_))), "{threads} threads: {ended:?}");
    }
}
