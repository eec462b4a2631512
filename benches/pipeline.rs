//! What each stage adds, beside libpcap's own loop over the same file in the same run. Only ratios within one run mean anything.

use std::path::PathBuf;
use std::sync::{Arc, LazyLock};

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use tempfile::TempDir;
use wherefrom::attribute::{Database, Home};
use wherefrom::decode::decode;
use wherefrom::dispatch::Dispatch;
use wherefrom::keyed::Keyed;
use wherefrom::source::{Files, FilesOptions, Frame, Input, Synthetic, SyntheticOptions, Traffic};

mod support;

const FRAMES: u64 = 1_000_000;
/// 10-gigabit line rate has 14.9 million smallest frames a second; three seconds of event time exercise the slices all the same.
const FRAMES_PER_SECOND: u64 = 333_000;

/// The capture, made once; the folder goes with the process.
static CAPTURE: LazyLock<(TempDir, PathBuf)> = LazyLock::new(|| {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("small-frames.pcap");
    let mixture = vec![
        (Traffic::Conversations { clients: 200_000, servers: 2000 }, 70),
        (Traffic::SynFlood { sources: 1 << 24 }, 15),
        (Traffic::Scan { scanners: 200, targets: 65_536, port: 23 }, 10),
        (Traffic::IcsProbes { probers: 100, devices: 50 }, 5),
    ];
    let options = SyntheticOptions { frames: FRAMES, frames_per_second: FRAMES_PER_SECOND, ipv6_percent: 0, mixture, ..Default::default() };
    Synthetic::new(options).write_pcap(&path).expect("room for the capture");
    (folder, path)
});

static DATABASE: LazyLock<Arc<Database>> = LazyLock::new(|| Arc::new(Database::embedded()));

fn main() {
    divan::main();
}

fn files() -> Files {
    Files::open(std::slice::from_ref(&CAPTURE.1), &FilesOptions::default()).expect("a capture just written")
}

fn each(bencher: Bencher<'_, '_>, look: impl Fn(&Frame<'_>)) {
    LazyLock::force(&CAPTURE);
    bencher.counter(ItemsCount::new(FRAMES)).bench_local(|| {
        let mut files = files();
        while let Some(frame) = files.next_frame().expect("a whole capture") {
            look(&frame);
        }
    });
}

#[divan::bench(sample_count = 10)]
fn libpcap_null_loop(bencher: Bencher<'_, '_>) {
    LazyLock::force(&CAPTURE);
    bencher.counter(ItemsCount::new(FRAMES)).bench_local(|| {
        let mut capture = pcap::Capture::from_file(&CAPTURE.1).expect("a capture just written");
        while let Ok(packet) = capture.next_packet() {
            black_box(packet.data.len());
        }
    });
}

#[divan::bench(sample_count = 10)]
fn read(bencher: Bencher<'_, '_>) {
    each(bencher, |frame| {
        black_box(frame.bytes.len());
    });
}

#[divan::bench(sample_count = 10)]
fn read_decode(bencher: Bencher<'_, '_>) {
    each(bencher, |frame| {
        black_box(&decode(frame.link, frame.bytes, frame.wire_bytes));
    });
}

#[divan::bench(sample_count = 10)]
fn read_decode_dispatch(bencher: Bencher<'_, '_>) {
    let dispatch = Dispatch::new(Keyed::fixed(), Home::private());
    each(bencher, |frame| {
        if let Ok(header) = decode(frame.link, frame.bytes, frame.wire_bytes) {
            let at = usize::from(header.payload_offset);
            let payload = frame.bytes.get(at..at + usize::from(header.payload_bytes)).unwrap_or_default();
            black_box(dispatch.place(&header, payload));
        }
    });
}

/// Capture thread, one worker, reporter; with the making of the lanes' memory, which a longer run does not notice.
#[divan::bench(sample_count = 10)]
fn whole(bencher: Bencher<'_, '_>) {
    LazyLock::force(&CAPTURE);
    let database = DATABASE.clone();
    bencher.counter(ItemsCount::new(FRAMES)).bench_local(|| {
        support::run(Input::Files(Box::new(files())), Home::private(), database.clone(), Vec::new()).expect("a whole capture");
    });
}
