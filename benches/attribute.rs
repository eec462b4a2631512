//! Addresses to countries: lookups per second, and how long the table takes to build at start.

use divan::counter::ItemsCount;
use divan::{Bencher, black_box};
use wherefrom::addr::Addr;
use wherefrom::attribute::{Country, Database, Home, reserved};

fn main() {
    divan::main();
}

/// Addresses looked up in one sample: enough that they don't stay in the nearest caches.
const ADDRESSES: usize = 1 << 20;

/// Numbers without pattern, the same in every run (splitmix64).
fn numbers() -> impl Iterator<Item = u64> {
    (1u64..).map(|place| {
        let mut mixed = place.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    })
}

fn addresses_v4() -> Vec<Addr> {
    numbers().take(ADDRESSES).map(|number| Addr::v4(number as u32)).collect()
}

/// Within the blocks of the five registries, 2001::/16 and 2400::/12 to 2c00::/12.
fn addresses_v6() -> Vec<Addr> {
    const BLOCKS: [u128; 6] = [0x2001, 0x2400, 0x2600, 0x2800, 0x2a00, 0x2c00];
    let address = |number: u64| BLOCKS[(number % 6) as usize] << 112 | u128::from(number >> 8) << 56;
    numbers().take(ADDRESSES).map(|number| Addr::v6(address(number))).collect()
}

fn every<T>(bencher: Bencher, addresses: &[Addr], look_up: impl Fn(Addr) -> T + Sync) {
    bencher.counter(ItemsCount::new(addresses.len())).bench(|| {
        for &addr in addresses {
            black_box(look_up(addr));
        }
    });
}

#[divan::bench]
fn country_v4(bencher: Bencher) {
    let table = Database::embedded().table;
    every(bencher, &addresses_v4(), |addr| table.country(addr));
}

#[divan::bench]
fn country_v6(bencher: Bencher) {
    let table = Database::embedded().table;
    every(bencher, &addresses_v6(), |addr| table.country(addr));
}

#[divan::bench]
fn home_v4(bencher: Bencher) {
    let home = Home::private();
    every(bencher, &addresses_v4(), |addr| home.contains(addr));
}

#[divan::bench]
fn home_v6(bencher: Bencher) {
    let home = Home::private();
    every(bencher, &addresses_v6(), |addr| home.contains(addr));
}

#[divan::bench]
fn home_by_country_v4(bencher: Bencher) {
    let country = Country::from_code("NL").expect("NL is a country");
    let home = Home::new(Vec::new()).expect("nothing contradicts itself").with_country(country, Database::embedded().table);
    every(bencher, &addresses_v4(), |addr| home.contains(addr));
}

#[divan::bench]
fn reserved_v4(bencher: Bencher) {
    every(bencher, &addresses_v4(), reserved);
}

#[divan::bench]
fn start() -> Database {
    Database::embedded()
}
