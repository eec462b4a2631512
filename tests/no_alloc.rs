//! Capture and workers allocate nothing once they are warm: a counting allocator watches a capture that is replayed over and over.
//! Any thread may do the reporter's work in between, which allocates as it likes: an allocation's way tells whose it is.

mod support {
    pub mod border;
    pub mod engine;
    pub mod hooks;
}

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;

use support::border::border;
use support::engine;
use support::hooks::Hooks;
use wherefrom::source::{Files, FilesOptions, Frame, Input, LinkType, PcapWriter, Synthetic, SyntheticOptions, Traffic};

/// How a thread's allocations are taken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// Its name has not been looked at.
    New,
    /// Noted: a thread of the pipeline.
    Hot,
    /// Not noted: the test harness; and whoever is looking at itself.
    Cold,
}

/// What the reporter's turn is called, and where it is written: one of the two is on the way to each of its allocations.
const REPORTER: [&str; 2] = ["::pipeline::reporting::", "pipeline/reporting.rs:"];

thread_local! {
    static ROLE: Cell<Role> = const { Cell::new(Role::New) };
}
static WATCHING: AtomicBool = AtomicBool::new(false);
/// Return addresses on the way to each place of allocation, with how often it was taken.
static WAYS: Mutex<BTreeMap<Vec<usize>, u64>> = Mutex::new(BTreeMap::new());
/// One run at a time: what is noted is the process's.
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
            let is_crew = thread::current().name().is_some_and(|name| name.starts_with("crew-"));
            role.set(if is_crew { Role::Hot } else { Role::Cold });
        }
        if role.get() == Role::Hot {
            role.set(Role::Cold);
            let mut way = Vec::new();
            backtrace::trace(|frame| {
                way.push(frame.ip() as usize);
                true
            });
            *WAYS.lock().expect("no holder panics").entry(way).or_default() += 1;
            role.set(Role::Hot);
        }
    });
}

/// The places of the sensor's source on a way, innermost first; where the build has no lines to tell, the functions.
fn places(way: &[usize]) -> Vec<String> {
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut places = Vec::new();
    for &address in way {
        backtrace::resolve(address as *mut _, |symbol| {
            let name = symbol.name().map(|name| name.to_string()).unwrap_or_default();
            if let Some(file) = symbol.filename().and_then(|file| file.strip_prefix(&source).ok()) {
                places.push(format!("{}:{}", file.display(), symbol.lineno().unwrap_or(0)));
            } else if name.contains("wherefrom::") {
                places.push(name);
            }
        });
    }
    places
}

/// Watches from the end of one window to the end of another. Every thread is past a window when its record is written.
fn watch(from: usize, to: usize) -> Hooks {
    let windows = Arc::new(AtomicUsize::new(0));
    let seen = windows.clone();
    let capture = move || {
        let window = seen.fetch_add(1, Ordering::Relaxed) + 1;
        WATCHING.store((from..to).contains(&window), Ordering::Relaxed);
        Ok(())
    };
    let finish = move || {
        let windows = windows.load(Ordering::Relaxed);
        assert!(windows > to, "the input has {windows} windows, and the watch ends with number {to}");
        Ok(())
    };
    Hooks { capture: Box::new(capture), finish: Box::new(finish), ..Hooks::default() }
}

/// Replays with this thread as the capture thread; nothing but the reporter may allocate between the windows.
fn allocates_nothing(input: Input, window_s: u32, from: usize, to: usize) {
    let _turn = TURN.lock().unwrap_or_else(|broken| broken.into_inner());
    ROLE.set(Role::Hot);
    let done = engine::run(input, 2, 2, window_s, Box::new(watch(from, to)));
    WATCHING.store(false, Ordering::Relaxed);
    ROLE.set(Role::Cold);
    done.unwrap();
    let ways = std::mem::take(&mut *WAYS.lock().expect("no holder panics"));
    let ways = ways.iter().map(|(way, times)| (places(way), times));
    let (reporters, others): (Vec<_>, Vec<_>) =
        ways.partition(|(way, _)| way.iter().any(|place| REPORTER.iter().any(|reporter| place.contains(reporter))));
    assert!(!reporters.is_empty(), "the reporter allocates: if none is seen, nothing was watched");
    let shown: Vec<String> = others.iter().map(|(way, times)| format!("{times} times: {}", way.join(" < "))).collect();
    assert!(shown.is_empty(), "allocations on the hot path, by where they were made:\n{}", shown.join("\n"));
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
