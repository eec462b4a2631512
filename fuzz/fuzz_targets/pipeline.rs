//! The whole pipeline on a pcap file of fuzzed frames: each is a link-layer frame, with so many milliseconds since the one before.

#![no_main]

use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, LazyLock};

use libfuzzer_sys::{Corpus, fuzz_target};
use wherefrom::attribute::{Benign, Database, Home};
use wherefrom::cli::{CommonArgs, RunArgs};
use wherefrom::config::Config;
use wherefrom::detect::{Shared, ics};
use wherefrom::indicators::Indicators;
use wherefrom::keyed::Keyed;
use wherefrom::pipeline::{self, Pipeline};
use wherefrom::report::{Ndjson, ReportError, Reporter};
use wherefrom::source::{Files, FilesOptions, Frame, Input, LinkType, PcapWriter};

/// 2026-05-01T00:00:00Z.
const START_NS: u64 = 1_777_593_600_000_000_000;
/// A pipeline's memory is set up anew for each input: longer ones are worth more.
const FRAMES_MIN: usize = 2;

static DATABASE: LazyLock<Arc<Database>> = LazyLock::new(|| Arc::new(Database::embedded()));
static LOOKUP: LazyLock<Arc<ics::Lookup>> = LazyLock::new(|| Arc::new(ics::Lookup::new()));
static INDICATORS: LazyLock<Arc<Indicators>> = LazyLock::new(|| Arc::new(Indicators::none()));
static CONFIG: LazyLock<Config> = LazyLock::new(|| Config::new(&CommonArgs::default(), None).expect("the defaults are a configuration"));
static FILE: LazyLock<PathBuf> = LazyLock::new(|| std::env::temp_dir().join(format!("wherefrom-fuzz-{}.pcap", std::process::id())));

/// Frames from bytes: a length, a time in steps of ten milliseconds, so many bytes.
fn frames(mut bytes: &[u8]) -> Vec<(u64, &[u8])> {
    let mut frames = Vec::new();
    while let [length, time, rest @ ..] = bytes {
        let (frame, after) = rest.split_at(usize::from(*length).min(rest.len()));
        frames.push((u64::from(*time) * 10_000_000, frame));
        bytes = after;
    }
    frames
}

fn write(frames: &[(u64, &[u8])]) -> std::io::Result<()> {
    let mut writer = PcapWriter::create(&FILE, LinkType::ETHERNET)?;
    let mut time_ns = START_NS;
    for &(later_ns, bytes) in frames {
        time_ns += later_ns;
        writer.write(&Frame { time_ns, wire_bytes: bytes.len() as u32, link: LinkType::ETHERNET, interface: 0, bytes })?;
    }
    writer.finish()?.flush()
}

fn replay(bytes: &[u8]) -> Corpus {
    let frames = frames(bytes);
    if frames.len() < FRAMES_MIN {
        return Corpus::Reject;
    }
    write(&frames).expect("the temporary folder takes a file");
    let files = Files::open(&[FILE.clone()], &FilesOptions::default()).expect("what was written is read");
    let record = CONFIG.run_record(&RunArgs::default(), vec!["fuzzed.pcap".into()], None);
    let shared = Shared {
        keyed: Keyed::fixed(),
        database: DATABASE.clone(),
        lookup: LOOKUP.clone(),
        indicators: INDICATORS.clone(),
        dark: None,
        entries: None,
        keep: Default::default(),
        window_s: CONFIG.window_s,
    };
    let sink = Box::new(Ndjson::new(std::io::sink(), ReportError::Stdout));
    let reporter = Reporter::new(record, CONFIG.settings.clone(), Benign::embedded(), &shared, vec![sink], false);
    let (stop, frames) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let pipeline = Pipeline { shared, home: Home::private(), workers: 1, threads: 1, stop, frames, ends_process: false };
    pipeline::run(pipeline, Input::Files(Box::new(files)), reporter).expect("a whole file is read to its end");
    Corpus::Keep
}

fuzz_target!(|bytes: &[u8]| -> Corpus { replay(bytes) });
