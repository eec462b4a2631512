//! It goes out: windows are closed, records made, and every sink shows the same.

mod assets;
mod csv_counts;
mod directory;
mod ecs;
mod indicator;
mod lines;
mod ndjson;
mod ranking;
mod record;
mod samples;
mod summary;
mod terminal;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::SystemTime;

use hdrhistogram::Histogram;

pub use assets::AssetFile;
pub use directory::Directory;
pub use indicator::{Indicator, printable};
pub use ndjson::Ndjson;
pub use record::{
    CaptureRecord, CountRecord, EventRecord, GeoRecord, KindTotal, ListRecord, RunRecord, SectorRecord, TargetedTotal, Time, date,
};
pub use samples::SampleFolder;
pub use summary::Summary;
pub use terminal::Terminal;

use crate::attribute::{Direction, Lists};
use crate::conclude::{Aims, Asset, Conclusions, DeliveryRow, Detail, Event, RowKey, Rows, SLICE_NS, Samples, State, Targeted};
use crate::decode::Refused;
use crate::detect::payload::Readings;
use crate::detect::{Boards, Shared, SliceTally};
use crate::dispatch::Entries;
use crate::dispatch::batch::Seal;
use crate::health::SliceHealth;
use crate::settings::Settings;

/// Longest latency that is told apart, in microseconds: a minute.
const LATENCY_US_MAX: u64 = 60_000_000;

/// Why a record could not be written.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    #[error("{path}: cannot be written: {cause}", path = .path.display())]
    File { path: PathBuf, cause: std::io::Error },
    #[error("standard output: cannot be written: {0}")]
    Stdout(std::io::Error),
}

/// Where records go.
pub trait Sink: Send {
    fn run(&mut self, record: &RunRecord) -> Result<(), ReportError>;
    fn event(&mut self, record: &EventRecord<'_>) -> Result<(), ReportError>;
    /// Several events in their order.
    fn events(&mut self, records: &[EventRecord<'_>]) -> Result<(), ReportError> {
        records.iter().try_for_each(|record| self.event(record))
    }
    fn count(&mut self, record: &CountRecord<'_>) -> Result<(), ReportError>;
    /// The last record of a window.
    fn capture(&mut self, record: &CaptureRecord<'_>) -> Result<(), ReportError>;
    /// A home host's industrial service, when the input has ended; most sinks leave it.
    fn asset(&mut self, _asset: &Asset) -> Result<(), ReportError> {
        Ok(())
    }
    /// The run ends.
    fn finish(&mut self) -> Result<(), ReportError>;
}

/// Events that become records before any is written.
const EVENTS_TOGETHER: usize = 4096;

/// Merges, concludes, writes: everything behind the workers.
pub struct Reporter {
    run: RunRecord,
    settings: Settings,
    entries: Option<Arc<Entries>>,
    lists: Lists,
    boards: Boards,
    rows: Rows,
    sinks: Vec<Box<dyn Sink>>,
    window_s: u32,
    window: SliceHealth,
    last_window: Option<u64>,
    aims: Aims,
    /// Sums of the indices of sources whose events ended in the window, in thousandths, by kind: events, sum.
    aimed: BTreeMap<&'static str, (u64, u64)>,
    assets: Vec<Asset>,
    evicted: u64,
    readings: Readings,
    written: Vec<(&'static str, u64)>,
    unwritten: u64,
    deliveries: Vec<DeliveryRow>,
    sample_folder: Option<SampleFolder>,
    samples: Samples,
    latency: Option<Histogram<u64>>,
    told_run: bool,
}

impl Reporter {
    /// `live` asks for latencies, which a replay has none of.
    pub fn new(
        run: RunRecord,
        settings: Settings,
        lists: impl Into<Lists>,
        shared: &Shared,
        sinks: Vec<Box<dyn Sink>>,
        live: bool,
    ) -> Self {
        Reporter {
            settings,
            entries: shared.entries.clone(),
            lists: lists.into(),
            boards: Boards::new(shared),
            rows: Rows::new(shared.keyed.clone()),
            sinks,
            window_s: shared.window_s,
            window: SliceHealth::default(),
            last_window: None,
            aims: Aims::default(),
            aimed: BTreeMap::new(),
            assets: Vec::new(),
            evicted: 0,
            readings: Readings::default(),
            written: Vec::new(),
            unwritten: 0,
            deliveries: Vec::new(),
            sample_folder: None,
            samples: Samples::default(),
            latency: live.then(|| Histogram::new_with_max(LATENCY_US_MAX, 2).ok()).flatten(),
            told_run: false,
            run,
        }
    }

    /// Saves samples into a folder.
    #[must_use]
    pub fn with_samples(self, folder: SampleFolder) -> Self {
        Reporter { sample_folder: Some(folder), ..self }
    }

    /// Takes what all workers have of one slice.
    ///
    /// # Errors
    /// A sink that cannot write.
    pub fn slice(&mut self, seal: Seal, health: &SliceHealth, tally: &mut SliceTally) -> Result<(), ReportError> {
        self.tell_run()?;
        self.window.add(health);
        self.evicted += tally.evicted;
        let mut events = Vec::new();
        let (mut flooded, mut port_scanners) = (BTreeMap::new(), BTreeSet::new());
        let mut out = Conclusions {
            rows: &mut self.rows,
            events: &mut events,
            settings: &self.settings,
            entries: self.entries.as_deref(),
            benign: &self.lists.benign,
            sectors: &self.lists.sectors,
            peers: &self.lists.peers,
            flooded: &mut flooded,
            port_scanners: &mut port_scanners,
            aims: &mut self.aims,
            assets: &mut self.assets,
            deliveries: &mut self.deliveries,
            samples: &mut self.samples,
            unwritten: &mut self.unwritten,
            evicted: &mut self.evicted,
            readings: &mut self.readings,
        };
        self.boards.slice(seal.slice, &mut tally.detectors, &mut out);
        if seal.last {
            self.boards.finish(&mut out);
        } else if seal.window_ends {
            self.boards.window_end(&mut out);
        }
        match &mut self.sample_folder {
            Some(folder) => folder.save(&mut self.samples)?,
            // They were only scanned.
            None => self.samples = Samples::default(),
        }
        self.write_events(&events)?;
        if let Some(latency) = &mut self.latency {
            let end_ns = (u64::from(seal.slice) + 1) * SLICE_NS;
            let now_ns = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64);
            latency.saturating_record(now_ns.saturating_sub(end_ns) / 1000);
        }
        if seal.window_ends || seal.last {
            self.close_window(seal, tally)?;
        }
        Ok(())
    }

    fn tell_run(&mut self) -> Result<(), ReportError> {
        if !std::mem::replace(&mut self.told_run, true) {
            for sink in &mut self.sinks {
                sink.run(&self.run)?;
            }
        }
        Ok(())
    }

    /// Writes events in the order of their time; of each kind as many as a window may have, the gravest first, then the largest.
    fn write_events(&mut self, events: &[Event]) -> Result<(), ReportError> {
        for event in events {
            if let (Some(source), Detail::Scan(scan)) = (event.source, &event.detail) {
                self.aims.scanned(source, scan.contacts);
            }
        }
        for event in events.iter().filter(|event| event.state == State::Ended) {
            if let Some(targeted) = self.targeted(event) {
                let (ended, sum) = self.aimed.entry(event.kind).or_default();
                (*ended, *sum) = (*ended + 1, *sum + (targeted.index * 1000.0).round() as u64);
            }
        }
        let limit = self.settings.output.events_per_window;
        let mut ranked: Vec<&Event> = events.iter().collect();
        ranked.sort_by_cached_key(|event| {
            (event.kind, std::cmp::Reverse((record::severity(event), event.packets)), event.start_ns, event.id)
        });
        let mut kept: Vec<&Event> = Vec::with_capacity(ranked.len());
        for event in ranked {
            let place = match self.written.iter().position(|(kind, _)| *kind == event.kind) {
                Some(place) => place,
                None => {
                    self.written.push((event.kind, 0));
                    self.written.len() - 1
                }
            };
            if self.written[place].1 < limit {
                self.written[place].1 += 1;
                kept.push(event);
            } else {
                self.unwritten += 1;
            }
        }
        kept.sort_unstable_by_key(|event| (event.start_ns, event.kind, event.id));
        for kept in kept.chunks(EVENTS_TOGETHER) {
            let targeted: Vec<_> = kept.iter().map(|event| self.targeted(event)).collect();
            let record = |(&event, targeted)| EventRecord::new(&self.run.sensor, event, targeted);
            let records: Vec<_> = kept.iter().zip(targeted).map(record).collect();
            self.sinks.iter_mut().try_for_each(|sink| sink.events(&records))?;
        }
        Ok(())
    }

    /// How far the source of an event aims at industrial equipment; of one source abroad, whatever it did.
    fn targeted(&mut self, event: &Event) -> Option<Targeted> {
        let source = event.source.filter(|_| event.direction == Direction::Inbound)?;
        if let Some(contacts) = self.boards.scans(source) {
            self.aims.scanned(source, contacts);
        }
        Some(self.aims.of(source))
    }

    fn close_window(&mut self, seal: Seal, tally: &SliceTally) -> Result<(), ReportError> {
        let number = u64::from(seal.slice / self.window_s);
        let health = std::mem::take(&mut self.window);
        let (start_s, end_s) = (number * u64::from(self.window_s), (number + 1) * u64::from(self.window_s));
        let window = (Time(start_s * SLICE_NS), Time(end_s * SLICE_NS));
        let decoded = health.frames - health.refused_sum();
        debug_assert_eq!(tally.traffic.packets(), decoded, "the rows of kind traffic sum to the decoded frames");
        for row in tally.traffic.rows() {
            let key =
                RowKey { kind: "traffic", direction: row.direction, country: row.country, attribution: row.attribution, benign: false };
            let into = self.rows.row(key);
            into.packets += row.packets;
            into.bytes += row.bytes;
            into.sources = row.sources;
            into.targets = row.targets;
        }
        for (key, entry, row) in self.rows.by_entry() {
            let entry = self.entries.as_ref().and_then(|entries| entries.name(entry));
            let record = CountRecord { entry, ..CountRecord::new(&self.run.sensor, window, key, row) };
            for sink in &mut self.sinks {
                sink.count(&record)?;
            }
        }
        let totals = self.rows.totals().map(|(kind, row)| {
            let (sources, targets) = (record::possible(&row.sources, row.packets), record::possible(&row.targets, row.packets));
            (kind, KindTotal { events: row.events, started: row.started, packets: row.packets, bytes: row.bytes, sources, targets })
        });
        let record = CaptureRecord {
            record: "capture",
            sensor: &self.run.sensor,
            window_start: window.0,
            window_end: window.1,
            frames: health.frames,
            bytes: health.bytes,
            decoded,
            refused: Refused::ALL.iter().map(|&reason| (reason.name(), health.refused[reason as usize])).collect(),
            dropped: health.dropped,
            late: health.late,
            totals: totals.collect(),
            targeted: std::mem::take(&mut self.aimed).into_iter().map(|(kind, sums)| (kind, TargetedTotal::new(sums))).collect(),
            sectors: self.rows.contacts().map(|(ended, contacts)| SectorRecord::new(ended, contacts)).collect(),
            latency_us: self.latency.as_ref().map(|latency| record::Latency {
                p50: latency.value_at_quantile(0.5),
                p99: latency.value_at_quantile(0.99),
                max: latency.max(),
            }),
            workers: self.run.workers,
            evicted: std::mem::take(&mut self.evicted),
            reading: std::mem::take(&mut self.readings),
            events_unwritten: std::mem::take(&mut self.unwritten),
            gap_windows: self.last_window.map_or(0, |last| number.saturating_sub(last + 1)),
            deliveries: std::mem::take(&mut self.deliveries),
        };
        for sink in &mut self.sinks {
            sink.capture(&record)?;
        }
        if let Some(latency) = &mut self.latency {
            latency.reset();
        }
        self.last_window = Some(number);
        self.rows.clear();
        self.written.clear();
        Ok(())
    }

    /// The run ends: what the sinks keep back is written.
    ///
    /// # Errors
    /// A sink that cannot write.
    pub fn finish(&mut self) -> Result<(), ReportError> {
        self.tell_run()?;
        for sink in &mut self.sinks {
            for asset in &self.assets {
                sink.asset(asset)?;
            }
            sink.finish()?;
        }
        Ok(())
    }
}
