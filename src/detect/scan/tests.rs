//! Slow scans through one lane, whose table of sources is turned over many times between two contacts of the scanner.

use super::memory::Outcome;
use crate::addr::Addr;
use crate::attribute::Home;
use crate::decode::{Header, Transport, flags};
use crate::detect::{Lanes, Moment, Shared, SliceTally};
use crate::dispatch::Dispatch;
use crate::dispatch::batch::{Addressed, Batch, Seal};
use crate::tally::{Tally, TrafficTally};

const HOUR_S: u64 = 3600;
const SCANNER: u32 = 0x1209_1614;
const HOME: u32 = 0xca70_0000;

/// One lane and what comes of it.
struct OneLane {
    shared: Shared,
    dispatch: Dispatch,
    lanes: Lanes,
    tally: SliceTally,
    traffic: TrafficTally,
    random: u64,
    /// Of the scanner: contacts by what they are told as, with their numbers.
    told: Vec<(Outcome, u32)>,
}

impl OneLane {
    fn new() -> Self {
        let shared = Shared::for_tests();
        let home = Home::new(vec!["202.112.0.0/16".parse().unwrap()]).unwrap();
        let lanes = Lanes::new(&[0], &shared);
        let dispatch = Dispatch::new(shared.keyed.clone(), home);
        let (tally, traffic) = (SliceTally::default(), TrafficTally::default());
        OneLane { shared, dispatch, lanes, tally, traffic, random: 7, told: Vec::new() }
    }

    fn random(&mut self) -> u32 {
        self.random = self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.random >> 32) as u32
    }

    fn syn(&mut self, at_s: u64, source: u32, target: u32, port: u16) {
        let mut header = Header::between(Addr::v4(source), Addr::v4(target), Transport::Tcp);
        (header.source_port, header.target_port, header.tcp_flags, header.seq) = (40_000, port, flags::SYN, 7);
        let place = self.dispatch.place(&header, &[]);
        let to = Addressed {
            conversation: place.conversation,
            source_hash: place.source,
            since_slice_ns: 0,
            wire_bytes: 60,
            bits: place.bits,
            entry: 0,
            lane: place.lane,
            target_low: place.target as u16,
        };
        let mut batch = Batch::default();
        batch.slice_s = at_s as u32;
        batch.push(&header, to, &[], None);
        let moment = Moment::of(&batch, &self.shared);
        for item in &batch.items {
            self.lanes.observe(&self.shared, &mut self.tally, &mut self.traffic, &batch, item, moment);
        }
    }

    /// The slice ends: what was told of the scanner is kept.
    fn seal(&mut self, at_s: u64) {
        self.lanes.seal(&mut self.tally, Seal { slice: at_s as u32, window_ends: false, last: false });
        let scanner = Addr::v4(SCANNER);
        let records = self.tally.detectors.scan.records.iter().filter(|record| record.source == scanner);
        self.told.extend(records.map(|record| (record.outcome, record.count)));
        self.tally.clear();
        self.traffic.clear();
    }

    /// Three times as many sources as the lane has places, each of which touches one service and never comes again.
    fn churn(&mut self, from_s: u64) {
        for n in 0..6144u64 {
            let (source, target, port) = (self.random() | 1, HOME | self.random() & 0xffff, 1 + (self.random() % 60_000) as u16);
            self.syn(from_s + n / 512, source, target, port);
            if n % 512 == 511 {
                self.seal(from_s + n / 512);
            }
        }
    }
}

#[test]
fn one_contact_an_hour_adds_up_while_other_sources_fill_the_table_again_and_again() {
    let mut lane = OneLane::new();
    for hour in 1..=48 {
        let now_s = 1_777_593_600 + hour * HOUR_S;
        lane.syn(now_s, SCANNER, HOME + 256 * hour as u32 + 1, 3389);
        lane.seal(now_s);
        lane.churn(now_s + 60);
        // In some hours forged sources flood one service, and in some others all ports of many hosts.
        if hour % 8 == 3 {
            for n in 0..20_000 {
                let source = lane.random();
                let (target, port) = if n % 2 == 0 { (HOME | 10, 443) } else { (HOME + n % 250, (n * 7) as u16) };
                lane.syn(now_s + 600 + u64::from(n / 4000), source, target, port);
            }
            lane.seal(now_s + 605);
        }
    }
    let contacts = lane.told.iter().filter(|(outcome, _)| *outcome == Outcome::Contact).count();
    let earlier: Vec<u32> = lane.told.iter().filter(|(outcome, _)| *outcome == Outcome::Beyond).map(|&(_, count)| count).collect();
    // The first three contacts, told once and as a number, and every one after them.
    assert_eq!((contacts, earlier), (45, vec![3]), "{:?}", lane.told);
}

#[test]
fn a_source_that_touches_one_service_again_and_again_is_none() {
    let mut lane = OneLane::new();
    for hour in 1..=12 {
        let now_s = 1_777_593_600 + hour * HOUR_S;
        lane.syn(now_s, SCANNER, HOME | 77, 3389);
        lane.churn(now_s + 60);
    }
    let of_itself: Vec<_> = lane.told.iter().filter(|(outcome, _)| *outcome != Outcome::Alone).collect();
    assert!(of_itself.is_empty(), "{of_itself:?}");
}
