//! What one source's event adds up to from packet to packet, and how much of it the rows of past windows already have.

use crate::attribute::{Attribution, Country, Direction};

use super::rows::{RowKey, Rows, Share};
use crate::addr::Addr;

/// What the rows have of an event so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Counted(Share);

impl Counted {
    /// Whether rows have the event's beginning.
    pub fn started(&self) -> bool {
        self.0.started
    }

    /// The event's packets that rows have.
    pub fn packets(&self) -> u64 {
        self.0.packets
    }

    /// What has come since, given the event's packets and bytes from its beginning on; from now on the rows have it.
    pub fn take(&mut self, packets: u64, bytes: u64) -> Share {
        let share = Share { started: !self.0.started, packets: packets - self.0.packets, bytes: bytes - self.0.bytes };
        self.0 = Share { started: true, packets, bytes };
        share
    }
}

/// The sums of an event of one source. They are the same in whatever order its packets are added.
#[derive(Clone, Debug)]
pub struct Course {
    pub country: Country,
    pub direction: Direction,
    proved: bool,
    reserved: bool,
    pub first_ns: u64,
    pub last_ns: u64,
    /// The last slice that added something.
    pub last_s: u32,
    pub packets: u64,
    pub bytes: u64,
    counted: Counted,
}

impl Course {
    /// Begins at a time, with nothing added yet. Whether the source's address is reserved is known from the start.
    pub fn new(time_ns: u64, country: Country, direction: Direction, attribution: Attribution) -> Self {
        Course {
            country,
            direction,
            proved: false,
            reserved: attribution == Attribution::Reserved,
            first_ns: time_ns,
            last_ns: time_ns,
            last_s: 0,
            packets: 0,
            bytes: 0,
            counted: Counted::default(),
        }
    }

    /// Adds what came at a time: packets, bytes, and how far the source's address can be trusted by them.
    pub fn add(&mut self, now_s: u32, time_ns: u64, packets: u32, bytes: u32, attribution: Attribution) {
        self.last_s = self.last_s.max(now_s);
        self.first_ns = self.first_ns.min(time_ns);
        self.last_ns = self.last_ns.max(time_ns);
        self.packets += u64::from(packets);
        self.bytes += u64::from(bytes);
        self.proved |= attribution == Attribution::Proved;
    }

    /// How far the source's country can be trusted by all that came.
    pub fn attribution(&self) -> Attribution {
        match (self.proved, self.reserved) {
            (true, _) => Attribution::Proved,
            (false, true) => Attribution::Reserved,
            (false, false) => Attribution::unproved(self.country),
        }
    }

    /// Whether the rows of some window have the event.
    pub fn started(&self) -> bool {
        self.counted.started()
    }

    /// Whether there are packets that no window's rows have.
    pub fn has_grown(&self) -> bool {
        self.packets > self.counted.packets()
    }

    /// Adds what the rows don't have yet to those of the open window.
    pub fn count(&mut self, rows: &mut Rows, kind: &'static str, benign: bool, source: Addr, targets: impl IntoIterator<Item = Addr>) {
        let share = self.counted.take(self.packets, self.bytes);
        let key = RowKey { kind, direction: self.direction, country: self.country, attribution: self.attribution(), benign };
        rows.event(key, share, [source], targets);
    }

    /// The same of an event that has no source: one that a host's own questions show.
    pub fn count_without_source(&mut self, rows: &mut Rows, kind: &'static str, targets: impl IntoIterator<Item = Addr>) {
        let share = self.counted.take(self.packets, self.bytes);
        let key = RowKey { kind, direction: self.direction, country: Country::NONE, attribution: Attribution::Unknown, benign: false };
        rows.event(key, share, [], targets);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keyed::Keyed;

    fn course(attribution: Attribution) -> Course {
        Course::new(5, Country::NONE, Direction::Inbound, attribution)
    }

    #[test]
    fn each_packet_is_counted_in_one_window() {
        let mut rows = Rows::new(Keyed::fixed());
        let mut course = course(Attribution::Unknown);
        course.add(1, 7, 2, 120, Attribution::Unknown);
        assert!(course.has_grown() && !course.started());
        course.count(&mut rows, "scan", false, Addr::v4(1), [Addr::v4(2)]);
        assert!(!course.has_grown() && course.started());
        course.add(2, 3, 1, 60, Attribution::Unknown);
        assert_eq!((course.first_ns, course.last_ns, course.last_s), (3, 7, 2));
        course.count(&mut rows, "scan", false, Addr::v4(1), [Addr::v4(3)]);
        // Nothing is left to count, and nothing is.
        course.count(&mut rows, "scan", false, Addr::v4(1), []);
        let (_, row) = rows.iter().next().unwrap();
        assert_eq!((row.events, row.started, row.packets, row.bytes), (2, 1, 3, 180));
        assert_eq!((row.sources.count(), row.targets.count()), (1, 2));
    }

    #[test]
    fn one_proof_suffices() {
        let mut course = course(Attribution::Unknown);
        assert_eq!(course.attribution(), Attribution::Unknown);
        course.add(1, 5, 1, 60, Attribution::Proved);
        course.add(1, 5, 1, 60, Attribution::Unknown);
        assert_eq!(course.attribution(), Attribution::Proved);
        assert_eq!(self::course(Attribution::Reserved).attribution(), Attribution::Reserved);
    }
}
