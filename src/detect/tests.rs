//! Packets take short ways where they can, and come out where the long one leads.

use std::fmt::Debug;

use super::{Lanes, Moment, Shared, SliceTally};
use crate::attribute::Home;
use crate::conclude::SLICE_NS;
use crate::decode;
use crate::dispatch::batch::{Addressed, Batch, Seal};
use crate::dispatch::{Dispatch, LANES};
use crate::source::{Synthetic, SyntheticOptions, Traffic};
use crate::tally::TrafficTally;

/// All that a worker hands over of some traffic, slice by slice, in words.
fn told(traffic: Vec<(Traffic, u32)>, frames_per_second: u64, with_headers: bool) -> Vec<String> {
    let shared = Shared::for_tests();
    let dispatch = Dispatch::new(shared.keyed.clone(), Home::new(vec!["202.112.0.0/16".parse().unwrap()]).unwrap());
    let mut lanes = Lanes::new(&(0..LANES as u8).collect::<Vec<_>>(), &shared);
    let (mut tally, mut sums, mut batch) = (SliceTally::default(), TrafficTally::default(), Batch::default());
    let mut told = Vec::new();
    let options = SyntheticOptions { frames: 60_000, frames_per_second, mixture: traffic, ..Default::default() };
    let mut synthetic = Synthetic::new(options);
    while let Some(frame) = synthetic.next_frame() {
        let slice_s = (frame.time_ns / SLICE_NS) as u32;
        if batch.slice_s != slice_s {
            told.extend(seal(&shared, &mut lanes, &mut tally, &mut sums, &batch));
            batch.clear();
            batch.slice_s = slice_s;
        }
        let header = decode::decode(frame.link, frame.bytes, frame.wire_bytes).unwrap();
        let payload = &frame.bytes[usize::from(header.payload_offset)..][..usize::from(header.payload_bytes)];
        let place = dispatch.place(&header, payload);
        let to = Addressed {
            conversation: place.conversation,
            source_hash: place.source,
            since_slice_ns: (frame.time_ns % SLICE_NS) as u32,
            wire_bytes: frame.wire_bytes,
            bits: place.bits,
            entry: 0,
            lane: place.lane,
            target_low: place.target as u16,
        };
        match with_headers {
            true => batch.push_with_header(&header, to, payload),
            false => batch.push(&header, to, payload, None),
        }
    }
    told.extend(seal(&shared, &mut lanes, &mut tally, &mut sums, &batch));
    told
}

fn seal(shared: &Shared, lanes: &mut Lanes, tally: &mut SliceTally, sums: &mut TrafficTally, batch: &Batch) -> Vec<String> {
    batch.items.iter().for_each(|item| lanes.observe(shared, tally, sums, batch, item, Moment::of(batch, shared)));
    lanes.seal(tally, Seal { slice: batch.slice_s, window_ends: false, last: false });
    sums.settle();
    let flood: Vec<_> = tally.detectors.flood.parts().map(|part| (&part.records, &part.sums)).collect();
    let rows = sums.rows().into_iter().map(|row| {
        let ends = (row.sources.count(), row.targets.count());
        (row.direction, row.country, row.attribution, row.packets, row.bytes, ends)
    });
    let mut lines = lines("traffic", rows);
    lines.extend(self::lines("flood", flood));
    lines.extend(self::lines("scan", tally.detectors.scan.records.iter()));
    lines.extend(self::lines("ics", tally.detectors.ics.records.iter()));
    lines.push(format!("{} conversations made room", tally.evicted));
    crate::tally::Tally::clear(sums);
    tally.clear();
    lines
}

fn lines(of: &str, items: impl IntoIterator<Item = impl Debug>) -> Vec<String> {
    items.into_iter().map(|item| format!("{of}: {item:?}")).collect()
}

/// Whether packets that items hold come to the same as the same ones with their headers, which take the long way.
fn agree(mixture: Vec<(Traffic, u32)>, frames_per_second: u64) -> Vec<String> {
    let (short, long) = (told(mixture.clone(), frames_per_second, false), told(mixture, frames_per_second, true));
    let differs = short.iter().zip(&long).find(|(short, long)| short != long);
    assert!(short.len() == long.len() && differs.is_none(), "{differs:?}");
    short
}

#[test]
fn short_ways_lead_where_the_long_one_does() {
    let told = agree(
        vec![
            (Traffic::Conversations { clients: 300, servers: 20 }, 50),
            (Traffic::SynFlood { sources: 100_000 }, 30),
            (Traffic::Scan { scanners: 30, targets: 5000, port: 502 }, 10),
            (Traffic::Scan { scanners: 3, targets: 300, port: 80 }, 5),
            (Traffic::IcsProbes { probers: 10, devices: 50 }, 3),
            (Traffic::Dns { clients: 100 }, 2),
        ],
        20_000,
    );
    assert!(told.len() > 10_000, "{} lines", told.len());
}

#[test]
fn short_ways_lead_there_beyond_what_a_lane_hands_over_in_a_slice_too() {
    let told = agree(
        vec![
            (Traffic::SynFlood { sources: 5 }, 60),
            (Traffic::Scan { scanners: 3, targets: 50_000, port: 23 }, 30),
            (Traffic::Conversations { clients: 300, servers: 20 }, 10),
        ],
        1_000_000,
    );
    assert!(told.iter().any(|line| line.starts_with("flood") && line.contains("Sum {")), "packets beyond the records are added up");
    assert!(told.iter().any(|line| line.starts_with("scan") && line.contains("Beyond")), "contacts beyond the records are counted");
}
