//! A flood from ten thousand forged sources beside one from ten million: time per packet and peak memory, each in a process of its own.

use std::process::Command;
use std::sync::Arc;
use std::time::Instant;

use wherefrom::attribute::{Database, Home};
use wherefrom::source::{Input, Synthetic, SyntheticOptions, Traffic};

mod support;

/// Drawn at random from 2^24, so many packets come from 10 million addresses: 2^24 × (1 - e^(-14.4/16.8)) = 9.7 million.
const FRAMES: u64 = 16_000_000;
/// Event time, in packets a second: two thirds of what a 1-gigabit line carries of the smallest frames.
const FRAMES_PER_SECOND: u64 = 1_000_000;
const FEW: u32 = 10_000;
const MANY: u32 = 1 << 24;
/// How a child process is told its number of sources.
const SOURCES: &str = "WHEREFROM_BENCH_SOURCES";

fn flood(sources: u32) -> Synthetic {
    Synthetic::new(SyntheticOptions {
        frames: FRAMES,
        frames_per_second: FRAMES_PER_SECOND,
        ipv6_percent: 0,
        mixture: vec![(Traffic::SynFlood { sources }, 90), (Traffic::Conversations { clients: 10_000, servers: 100 }, 10)],
        ..SyntheticOptions::default()
    })
}

/// Peak resident memory of this process, in MiB; 0 where the system does not say.
fn peak_mib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap_or_default();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap_or(0) / 1024
}

/// Measures one flood and prints what it took.
fn measure(sources: u32) {
    let begun = Instant::now();
    let mut made = flood(sources);
    while made.next_frame().is_some() {}
    let making = begun.elapsed();
    let database = Arc::new(Database::embedded());
    let begun = Instant::now();
    support::run(Input::Synthetic(Box::new(flood(sources))), Home::private(), database, Vec::new()).expect("synthetic frames never fail");
    let whole = begun.elapsed();
    let per_packet = |time: std::time::Duration| time.as_secs_f64() * 1e9 / FRAMES as f64;
    println!(
        "{sources:>10} addresses drawn from: {:>6.1} ns per packet, of which making it takes {:>6.1} ns; peak memory {} MiB",
        per_packet(whole),
        per_packet(making),
        peak_mib()
    );
}

fn main() {
    if let Some(sources) = std::env::var(SOURCES).ok().and_then(|text| text.parse().ok()) {
        measure(sources);
        return;
    }
    let program = std::env::current_exe().expect("the name of this program");
    for sources in [FEW, MANY] {
        let ended = Command::new(&program).env(SOURCES, sources.to_string()).status().expect("this program starts");
        assert!(ended.success(), "the measurement with {sources} sources failed");
    }
}
