//! A lane's memory of who calls whom, how often and how much: all calls of a home host to one foreign host meet in one lane.

use crate::addr::Addr;
use crate::attribute::Country;
use crate::keyed::Keyed;

use super::histogram::Histogram;

/// Hours of the day by which calls are told apart.
pub const HOURS: usize = 24;
/// Pairs kept per lane, in buckets of so many: 16,384 in all.
const PAIRS: usize = 256;
const WAYS: usize = 4;
/// Quiet seconds after which a pair is forgotten, and its calls are no longer of one day.
const MEMORY_S: u32 = 86_400;
/// Calls from which on a pair is judged; then again each time that there are an eighth more.
const CALLS_MIN: u32 = 16;

/// A pair of hosts.
#[derive(Clone, Copy, Debug)]
pub struct Beacon {
    pub host: Addr,
    pub server: Addr,
    pub port: u16,
    pub country: Country,
    pub calls: u32,
    pub first_ns: u64,
    pub last_ns: u64,
    /// Seconds between two calls.
    pub intervals: Histogram,
    /// Bytes sent in a call.
    pub sizes: Histogram,
    /// Calls by the hour of the day.
    pub hours: [u16; HOURS],
    /// The last call: its conversation, and the sequence number of its first byte.
    conversation: u64,
    first_seq: u32,
    /// Calls at which it is judged next.
    judged_at: u32,
}

impl Default for Beacon {
    fn default() -> Self {
        Beacon {
            host: Addr::NONE,
            server: Addr::NONE,
            port: 0,
            country: Country::NONE,
            calls: 0,
            first_ns: 0,
            last_ns: 0,
            intervals: Histogram::default(),
            sizes: Histogram::default(),
            hours: [0; HOURS],
            conversation: 0,
            first_seq: 0,
            judged_at: CALLS_MIN,
        }
    }
}

/// A call that a home host makes.
#[derive(Clone, Copy, Debug)]
pub struct Opening {
    pub host: Addr,
    pub server: Addr,
    pub port: u16,
    pub country: Country,
    pub time_ns: u64,
    pub conversation: u64,
    /// The sequence number of the first byte that the host sends.
    pub first_seq: u32,
}

/// The pairs of one lane.
pub struct Beacons {
    keyed: Keyed,
    pairs: Vec<Beacon>,
    /// Pairs that made room before their time.
    pub evicted: u64,
}

impl Beacons {
    pub fn new(keyed: Keyed) -> Self {
        Beacons { keyed, pairs: Vec::new(), evicted: 0 }
    }

    fn bucket(&mut self, host: Addr, server: Addr) -> &mut [Beacon] {
        if self.pairs.is_empty() {
            // A lane without calls costs nothing.
            self.pairs = vec![Beacon::default(); PAIRS];
        }
        let from = (self.keyed.pair(host, server, 0) as usize % (PAIRS / WAYS)) * WAYS;
        &mut self.pairs[from..from + WAYS]
    }

    /// A call begins. Returns the pair when it is time to judge it.
    pub fn open(&mut self, opening: &Opening) -> Option<Box<Beacon>> {
        let now_s = (opening.time_ns / crate::conclude::SLICE_NS) as u32;
        let bucket = self.bucket(opening.host, opening.server);
        let is = |beacon: &Beacon| beacon.host == opening.host && beacon.server == opening.server;
        let mut evicted = 0;
        let place = match bucket.iter().position(is) {
            Some(place) => place,
            None => {
                // Forgotten pairs make room first, then those of few calls, then the oldest.
                let worth =
                    |beacon: &Beacon| (!is_over(beacon, now_s), beacon.calls.min(CALLS_MIN), beacon.last_ns, beacon.host, beacon.server);
                let place = (0..WAYS).min_by_key(|&at| worth(&bucket[at])).unwrap_or(0);
                evicted = u64::from(bucket[place].calls > 1 && !is_over(&bucket[place], now_s));
                bucket[place] = Beacon::default();
                place
            }
        };
        let beacon = &mut bucket[place];
        if beacon.calls > 0 && is_over(beacon, now_s) {
            *beacon = Beacon::default();
        }
        if beacon.calls == 0 {
            (beacon.host, beacon.server, beacon.port, beacon.country) = (opening.host, opening.server, opening.port, opening.country);
            beacon.first_ns = opening.time_ns;
        } else {
            // RITA counts distinct seconds: calls of the same second are one.
            let apart_ns = opening.time_ns.saturating_sub(beacon.last_ns);
            if apart_ns >= crate::conclude::SLICE_NS {
                beacon.intervals.add(apart_ns as f64 / 1e9);
            }
        }
        beacon.calls = beacon.calls.saturating_add(1);
        let hour = &mut beacon.hours[(now_s / 3600) as usize % HOURS];
        *hour = hour.saturating_add(1);
        beacon.last_ns = beacon.last_ns.max(opening.time_ns);
        (beacon.conversation, beacon.first_seq) = (opening.conversation, opening.first_seq);
        let due = beacon.calls >= beacon.judged_at;
        if due {
            beacon.judged_at = beacon.calls + beacon.calls / 8;
        }
        let judged = due.then(|| Box::new(*beacon));
        self.evicted += evicted;
        judged
    }

    /// A call ends, with the sequence number behind the host's last byte.
    pub fn close(&mut self, host: Addr, server: Addr, conversation: u64, end_seq: u32) {
        if self.pairs.is_empty() {
            return;
        }
        let pair = self.bucket(host, server).iter_mut().find(|beacon| beacon.conversation == conversation && beacon.host == host);
        if let Some(beacon) = pair {
            beacon.sizes.add(f64::from(end_seq.wrapping_sub(beacon.first_seq)));
            beacon.conversation = 0;
        }
    }
}

fn is_over(beacon: &Beacon, now_s: u32) -> bool {
    now_s.saturating_sub((beacon.last_ns / crate::conclude::SLICE_NS) as u32) > MEMORY_S
}

#[cfg(test)]
mod tests {
    use super::super::score;
    use super::*;

    fn call(server: u32, time_s: u64) -> Opening {
        Opening {
            host: Addr::v4(1),
            server: Addr::v4(server),
            port: 443,
            country: Country::NONE,
            time_ns: time_s * 1_000_000_000,
            conversation: time_s + 1,
            first_seq: 1000,
        }
    }

    #[test]
    fn a_clock_is_judged_and_scores() {
        let mut beacons = Beacons::new(Keyed::fixed());
        let mut last = None;
        for n in 0..200 {
            let opening = call(2, 1_000_000 + n * 300);
            last = beacons.open(&opening).or(last);
            beacons.close(opening.host, opening.server, opening.conversation, 1500);
        }
        let beacon = last.unwrap();
        assert!(beacon.calls >= 150);
        assert!(score(&beacon).unwrap().total > 0.8);
    }

    #[test]
    fn few_calls_are_not_judged() {
        let mut beacons = Beacons::new(Keyed::fixed());
        assert!((0..u64::from(CALLS_MIN) - 1).all(|n| beacons.open(&call(2, n * 60)).is_none()));
    }

    #[test]
    fn many_pairs_take_no_more_room() {
        let mut beacons = Beacons::new(Keyed::fixed());
        for server in 0..10_000 {
            beacons.open(&call(server, 5));
            beacons.open(&call(server, 6));
        }
        assert_eq!(beacons.pairs.len(), PAIRS);
        assert!(beacons.evicted >= 10_000 - PAIRS as u64 - 1);
    }

    #[test]
    fn a_pair_begins_anew_after_a_day() {
        let mut beacons = Beacons::new(Keyed::fixed());
        beacons.open(&call(2, 0));
        beacons.open(&call(2, 200_000));
        assert_eq!(beacons.pairs.iter().map(|beacon| beacon.calls).max(), Some(1));
    }
}
