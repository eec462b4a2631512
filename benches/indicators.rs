//! Lists of indicators: how long two million entries take to load, with the memory that it takes, and look-ups of what is on a list and what is not.

use std::fmt::Write;
use std::sync::LazyLock;

use divan::counter::ItemsCount;
use divan::{AllocProfiler, Bencher, black_box};
use wherefrom::addr::Addr;
use wherefrom::indicators::Indicators;
use wherefrom::settings::indicator as Settings;

#[global_allocator]
static ALLOCATOR: AllocProfiler = AllocProfiler::system();

fn main() {
    divan::main();
}

/// Entries of a list that is loaded.
const ENTRIES: u64 = 2_000_000;
/// Entries of the list that is asked: four kinds of value by turns.
const ASKED: u64 = 1_000_000;
/// Look-ups in one sample.
const LOOK_UPS: u64 = 100_000;
/// A second at which every entry of the lists holds: 2026-11-25T00:00:00Z.
const EVENT_S: u32 = 1_795_564_800;

/// A number without pattern, the same in every run (splitmix64).
fn mixed(place: u64) -> u64 {
    let mut mixed = place.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

/// Distinct ones, strewn over 11.0.0.0 to 74.255.255.255: an odd factor reaches every number of 30 bits once.
fn address(place: u64) -> Addr {
    Addr::v4(0x0b00_0000 + ((place as u32).wrapping_mul(0x9e37_79b1) & 0x3fff_ffff))
}

fn domain(place: u64) -> String {
    format!("h{:x}.d{:x}.example", mixed(place) >> 48, place)
}

fn url(place: u64) -> String {
    format!("http://{}:8080/{:x}/bin.sh", address(place), mixed(place))
}

fn sha256(place: u64) -> [u8; 32] {
    let mut digest = [0; 32];
    for (part, bytes) in (0..).zip(digest.chunks_exact_mut(8)) {
        bytes.copy_from_slice(&mixed(4 * place + part).to_be_bytes());
    }
    digest
}

/// A value a line: addresses, names, URLs and digests by turns.
fn plain(entries: u64) -> String {
    let mut text = String::new();
    for place in 0..entries {
        let written = match place % 4 {
            0 => writeln!(text, "{}", address(place)),
            1 => writeln!(text, "{}", domain(place)),
            2 => writeln!(text, "{}", url(place)),
            _ => {
                sha256(place).iter().for_each(|byte| _ = write!(text, "{byte:02x}"));
                writeln!(text)
            }
        };
        written.expect("a string takes all");
    }
    text
}

/// Columns as URLhaus has them.
fn urlhaus(entries: u64) -> String {
    let mut text = String::from("# id,dateadded,url,url_status,last_online,threat,tags,urlhaus_link,reporter\n");
    for place in 0..entries {
        let (day, id) = (1 + place % 24, 3_000_000 + place);
        writeln!(
            text,
            "\"{id}\",\"2026-11-{day:02} 08:00:00\",\"{}\",\"online\",\"\",\"malware_download\",\"elf,mirai\",\"https://urlhaus.abuse.ch/url/{id}/\",\"anonymous\"",
            url(place)
        )
        .expect("a string takes all");
    }
    text
}

/// Columns as ThreatFox has them; addresses with ports of which no two are alike for long.
fn threatfox(entries: u64) -> String {
    let mut text = String::from(
        "# \"first_seen_utc\",\"ioc_id\",\"ioc_value\",\"ioc_type\",\"threat_type\",\"fk_malware\",\"malware_alias\",\"malware_printable\",\"last_seen_utc\",\"confidence_level\",\"is_compromised\",\"reference\",\"tags\",\"anonymous\",\"reporter\"\n",
    );
    for place in 0..entries {
        let (number, day) = (mixed(place), 1 + place % 24);
        let (port, family, confidence) = (1 + number % 65_535, number >> 32 & 0xff, 25 * (1 + (number >> 40) % 4));
        writeln!(
            text,
            "\"2026-11-{day:02} 08:00:00\", \"{place}\", \"{}:{port}\", \"ip:port\", \"botnet_cc\", \"win.f{family}\", \"None\", \"Family {family}\", \"\", \"{confidence}\", \"False\", \"None\", \"\", \"0\", \"anonymous\"",
            address(place)
        )
        .expect("a string takes all");
    }
    text
}

fn read(text: &str) -> Indicators {
    Indicators::from_bytes("list", text.as_bytes(), &Settings::default()).expect("every line is a value")
}

#[divan::bench(args = ["plain", "urlhaus", "threatfox"], sample_count = 3, sample_size = 1)]
fn load(bencher: Bencher, form: &str) {
    let text = match form {
        "plain" => plain(ENTRIES),
        "urlhaus" => urlhaus(ENTRIES),
        _ => threatfox(ENTRIES),
    };
    bencher.counter(ItemsCount::new(ENTRIES)).bench(|| {
        let known = read(&text);
        assert_eq!(known.lists()[0].len(), ENTRIES);
        known
    });
}

static KNOWN: LazyLock<Indicators> = LazyLock::new(|| read(&plain(ASKED)));

/// Values of one kind, whose places in the list of [`plain`] have this remainder: those that the list has, in no order, or as many beyond its end.
fn values<T>(remainder: u64, listed: bool, value: impl Fn(u64) -> T) -> Vec<T> {
    let beyond = if listed { 0 } else { ASKED };
    (0..LOOK_UPS).map(|place| value(beyond + mixed(place) % (ASKED / 4) * 4 + remainder)).collect()
}

/// Looks every value up, and makes sure that the answers are what they should be.
fn every<T: Sync>(bencher: Bencher, values: &[T], listed: bool, is_listed: impl Fn(&T) -> bool + Sync) {
    let expected = if listed { values.len() } else { 0 };
    assert_eq!(values.iter().filter(|value| is_listed(value)).count(), expected);
    bencher.counter(ItemsCount::new(values.len())).bench(|| values.iter().filter(|value| is_listed(black_box(value))).count());
}

#[divan::bench(args = [true, false])]
fn address_listed(bencher: Bencher, listed: bool) {
    every(bencher, &values(0, listed, address), listed, |&addr| KNOWN.address(addr, 443, EVENT_S).is_some());
}

#[divan::bench(args = [true, false])]
fn domain_listed(bencher: Bencher, listed: bool) {
    every(bencher, &values(1, listed, domain), listed, |name| KNOWN.domain(name.as_bytes(), EVENT_S).is_some());
}

#[divan::bench(args = [true, false])]
fn url_listed(bencher: Bencher, listed: bool) {
    every(bencher, &values(2, listed, url), listed, |url| KNOWN.url(url.as_bytes(), EVENT_S).is_some());
}

#[divan::bench(args = [true, false])]
fn sha256_listed(bencher: Bencher, listed: bool) {
    every(bencher, &values(3, listed, sha256), listed, |digest| KNOWN.sha256(digest, EVENT_S).is_some());
}
