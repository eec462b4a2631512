//! Many become one: what the reporter's detectors conclude from merged tallies, and the rows of a window that they add up to.

mod asset;
mod course;
mod event;
mod evidence;
mod rows;
mod sample;
mod silence;
mod targeted;

pub use asset::Asset;
pub use course::{Counted, Course};
pub use event::{Detail, Event, EventId, State};
pub use evidence::{Evidence, Excerpt, around};
pub use rows::{Ended, Row, RowKey, Rows, Share};
pub use sample::{Sample, Samples};
pub use silence::Silence;
pub use targeted::{Aim, Aims, Targeted};

use std::collections::{BTreeMap, BTreeSet};

use crate::addr::Addr;
use crate::attribute::{Benign, Peers, Sectors};
use crate::detect::payload::Readings;
use crate::dispatch::Entries;
use crate::settings::Settings;

/// Files of one type that came from one country in a window, whether bad or not.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize)]
pub struct DeliveryRow {
    pub country: &'static str,
    pub r#type: &'static str,
    pub deliveries: u64,
    pub bytes: u64,
    /// Distinct files among those that were seen whole; beyond 64 an estimate.
    pub samples: u64,
    /// The same since the run began.
    pub samples_so_far: u64,
}

/// Nanoseconds of one slice: event time is cut into whole seconds.
pub const SLICE_NS: u64 = 1_000_000_000;

/// Where a detector puts what it concludes.
pub struct Conclusions<'a> {
    /// The rows of the open window.
    pub rows: &'a mut Rows,
    /// Events that ended, and at a window's end those that go on, in the order in which they were concluded.
    pub events: &'a mut Vec<Event>,
    pub settings: &'a Settings,
    /// Research scanners, which are marked.
    pub benign: &'a Benign,
    /// Points of entry that have names, if any.
    pub entries: Option<&'a Entries>,
    /// The sectors of home's networks.
    pub sectors: &'a Sectors,
    /// Remote hosts that may speak to home's equipment.
    pub peers: &'a Peers,
    /// Victims of floods that go on, and since when, in nanoseconds since the epoch: what touches them at the same time is the flood's.
    pub flooded: &'a mut BTreeMap<Addr, u64>,
    /// Sources whose scan over many ports was touched in this slice: what they touch is the scan's.
    pub port_scanners: &'a mut BTreeSet<Addr>,
    /// How far sources aim at industrial equipment.
    pub aims: &'a mut Aims,
    /// Home's industrial equipment, handed over when the input ends.
    pub assets: &'a mut Vec<Asset>,
    /// Files that came from abroad in the window, by country and type.
    pub deliveries: &'a mut Vec<DeliveryRow>,
    /// Files to be saved; none unless asked for.
    pub samples: &'a mut Samples,
    /// Events that are counted in rows and not written.
    pub unwritten: &'a mut u64,
    /// Things that did not fit into a bound and were dropped; counted in `capture` records.
    pub evicted: &'a mut u64,
    /// How the reading of payload went, since the window began.
    pub readings: &'a mut Readings,
}
