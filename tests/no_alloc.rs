//! Capture and worker threads allocate nothing once they are warm: a counting allocator watches a capture that is replayed over and over.

mod support {
    pub mod border;
    pub mod engine;
}

use std::alloc::{GlobalAlloc, Layout, System};
use std::backtrace::Backtrace;
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

use support::border::border;
use support::engine;
use wherefrom::report::{CaptureRecord, CountRecord, EventRecord, ReportError, RunRecord, Sink};
use wherefrom::source::{Files, FilesOptions, Frame, Input, LinkType, PcapWriter, Synthetic, SyntheticOptions, Traffic};

/// How a thread's allocations are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Its name has not been looked at.
    New,
    /// Counted: the capture thread, the workers.
    Hot,
    /// Not counted: reporter, test harness; and whoever is looking at itself.
    Cold,
}

/// Allocations whose way is looked at: that takes a millisecond and more in a debug build.
const LOOKED_AT_MAX: u64 = 2_000;

thread_local! {
    static ROLE: Cell<Role> = const { Cell::new(Role::New) };
}
static WATCHING: AtomicBool = AtomicBool::new(false);
static ALLOCATIONS: AtomicU64 = AtomicU64::new(0);
/// Where counted allocations came from, with their number.
static PLACES: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());
/// One run at a time: the counters are the process's.
static TURN: Mutex<()> = Mutex::new(());

struct Counting;

// SAFETY: every call goes to the system's allocator with the arguments as they came; what is done besides touches only counters, and
// allocates in turn only while this thread's role is `Cold`, so that it never comes back here a second time.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        note();
        // SAFETY: the caller's promises are passed on.
        unsafe { System.realloc(pointer, layout, size) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn note() {
    if !WATCHING.load(Ordering::Relaxed) {
        return;
    }
    // A thread that is ending has no role any more, and no hot path either.
    let _ = ROLE.try_with(|role| {
        if role.get() == Role::New {
            role.set(Role::Cold);
            let is_worker = thread::current().name().is_some_and(|name| name.starts_with("worker-"));
            role.set(if is_worker { Role::Hot } else { Role::Cold });
        }
        if role.get() == Role::Hot {
            role.set(Role::Cold);
            if ALLOCATIONS.fetch_add(1, Ordering::Relaxed) < LOOKED_AT_MAX {
                remember();
            }
            role.set(Role::Hot);
        }
    });
}

/// Keeps the way to an allocation, as far as it leads through the sensor.
fn remember() {
    let trace = Backtrace::force_capture().to_string();
    let mut lines = trace.lines().map(str::trim).peekable();
    let mut way = String::new();
    while let Some(line) = lines.next() {
        let at = lines.peek().filter(|next| next.starts_with("at ")).map_or("", |next| *next);
        if let Some(start) = line.find("wherefrom::") {
            way += &format!("    {} {at}\n", &line[start..]);
        }
    }
    *PLACES.lock().expect("no holder panics").entry(way).or_default() += 1;
}

/// Watches from the end of one window to the end of another. Every thread is past a window when its record is written.
struct Watch {
    from: usize,
    to: usize,
    windows: usize,
}

impl Sink for Watch {
    fn run(&mut self, _: &RunRecord) -> Result<(), ReportError> {
        Ok(())
    }

    fn event(&mut self, _: &EventRecord<'_>) -> Result<(), ReportError> {
        Ok(())
    }

    fn count(&mut self, _: &CountRecord<'_>) -> Result<(), ReportError> {
        Ok(())
    }

    fn capture(&mut self, _: &CaptureRecord<'_>) -> Result<(), ReportError> {
        self.windows += 1;
        WATCHING.store((self.from..self.to).contains(&self.windows), Ordering::Relaxed);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ReportError> {
        assert!(self.windows > self.to, "the input has {} windows, and the watch ends with number {}", self.windows, self.to);
        Ok(())
    }
}

/// Replays with this thread as the capture thread; no allocation may be counted between the windows.
fn allocates_nothing(input: Input, window_s: u32, from: usize, to: usize) {
    let _turn = TURN.lock().unwrap_or_else(|broken| broken.into_inner());
    ALLOCATIONS.store(0, Ordering::Relaxed);
    ROLE.set(Role::Hot);
    let done = engine::run(input, 2, window_s, Box::new(Watch { from, to, windows: 0 }));
    WATCHING.store(false, Ordering::Relaxed);
    ROLE.set(Role::Cold);
    done.unwrap();
    let places = std::mem::take(&mut *PLACES.lock().expect("no holder panics"));
    let shown: Vec<String> = places.iter().map(|(way, times)| format!("{times} times:\n{way}")).collect();
    assert_eq!(ALLOCATIONS.load(Ordering::Relaxed), 0, "allocations on the hot path, by where they were made:\n{}", shown.join("\n"));
}

/// Writes a capture several times in a row, each copy later by `period_s`.
fn write_repeated(from: &Path, to: &Path, copies: u64, period_s: u64) {
    let mut writer = PcapWriter::create(to, LinkType::ETHERNET).unwrap();
    for copy in 0..copies {
        let mut files = Files::open(&[from.into()], &FilesOptions::default()).unwrap();
        while let Some(frame) = files.next_frame().unwrap() {
            writer.write(&Frame { time_ns: frame.time_ns + copy * period_s * 1_000_000_000, ..frame }).unwrap();
        }
    }
    writer.finish().unwrap();
}

#[test]
fn a_border_over_and_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("repeated.pcap");
    // Five windows a copy. The first two copies warm up; the last window is the end of the run, where threads wind up.
    write_repeated(&border(), &path, 4, 300);
    let files = Files::open(&[path], &FilesOptions::default()).unwrap();
    allocates_nothing(Input::Files(Box::new(files)), 60, 10, 19);
}

#[test]
fn made_up_traffic() {
    let options = SyntheticOptions {
        frames: 60_000,
        frames_per_second: 1_000,
        mixture: vec![
            (Traffic::Conversations { clients: 500, servers: 20 }, 50),
            (Traffic::SynFlood { sources: 100_000 }, 25),
            (Traffic::Scan { scanners: 8, targets: 2_000, port: 23 }, 15),
            (Traffic::IcsProbes { probers: 12, devices: 9 }, 5),
            (Traffic::Dns { clients: 50 }, 5),
        ],
        ..SyntheticOptions::default()
    };
    allocates_nothing(Input::Synthetic(Box::new(Synthetic::new(options))), 5, 6, 11);
}
