//! What the industrial protocols cost: the whole pipeline over the same traffic with all of them, and with none.

use std::sync::{Arc, LazyLock};

use divan::Bencher;
use divan::counter::ItemsCount;
use wherefrom::attribute::{Database, Home};
use wherefrom::detect::ics::Lookup;
use wherefrom::source::{Input, Synthetic, SyntheticOptions, Traffic};

mod support;

const FRAMES: u64 = 500_000;
/// Event time, in frames a second.
const FRAMES_PER_SECOND: u64 = 333_000;

static DATABASE: LazyLock<Arc<Database>> = LazyLock::new(|| Arc::new(Database::embedded()));

fn main() {
    divan::main();
}

/// Ordinary connections with payload, and one packet in ten of somebody who asks a controller.
fn traffic() -> Synthetic {
    let mixture = vec![
        (Traffic::Conversations { clients: 20_000, servers: 2_000 }, 80),
        (Traffic::Dns { clients: 1_000 }, 10),
        (Traffic::IcsProbes { probers: 100, devices: 50 }, 10),
    ];
    Synthetic::new(SyntheticOptions { frames: FRAMES, frames_per_second: FRAMES_PER_SECOND, mixture, ..Default::default() })
}

fn run(bencher: Bencher<'_, '_>, lookup: fn() -> Lookup) {
    let database = DATABASE.clone();
    bencher.counter(ItemsCount::new(FRAMES)).bench_local(|| {
        let input = Input::Synthetic(Box::new(traffic()));
        support::run_with(lookup(), input, Home::private(), database.clone(), Vec::new()).expect("synthetic frames never fail");
    });
}

#[divan::bench(sample_count = 10)]
fn all_protocols(bencher: Bencher<'_, '_>) {
    run(bencher, Lookup::new);
}

#[divan::bench(sample_count = 10)]
fn no_protocols(bencher: Bencher<'_, '_>) {
    run(bencher, Lookup::none);
}
