//! The evidence behind one event: values, thresholds, and the packets that decided.
//!
//! Nothing of this is kept while traffic is watched. The captures are replayed with the same settings: once as they were, for the event's
//! last record; once in windows of a second, for the second in which the event was there for the first time; and once frame by frame, for
//! the packets. It asks an event for nothing but its record, so it explains every kind there is.

mod concern;
mod packets;
mod text;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;

pub use packets::{Packets, Shown};

use crate::report::{CaptureRecord, CountRecord, EventRecord, ReportError, RunRecord, Sink, Time};
use crate::settings::{self, Settings};
use crate::source::{Files, SourceError};
use concern::Concern;

/// Everything that is known of why an event is one.
#[derive(Debug, Serialize)]
pub struct Explanation {
    /// The event in one line.
    pub summary: String,
    /// The event's last record.
    pub event: Value,
    /// The second by whose end the event was decided, and its record then; nothing where it cannot be told from its end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decided: Option<Decision>,
    /// The settings of the detector that found it.
    pub thresholds: Vec<Threshold>,
    pub packets: Packets,
}

/// The event when it was there for the first time.
#[derive(Debug, Serialize)]
pub struct Decision {
    /// The end of the slice behind which it stands.
    pub by: Time,
    pub event: Value,
}

/// One setting in force.
#[derive(Debug, Serialize)]
pub struct Threshold {
    pub name: &'static str,
    pub value: u64,
    pub unit: &'static str,
    pub meaning: &'static str,
}

/// Why an event cannot be explained.
#[derive(Debug, thiserror::Error)]
pub enum ExplainError {
    #[error("no event {id} comes of these captures with these settings; {events} others do")]
    NoSuchEvent { id: String, events: usize },
    #[error("{0}")]
    Source(#[from] SourceError),
}

/// What a replay says of one event.
#[derive(Default)]
struct Seen {
    first: Option<(String, Value)>,
    last: Option<(String, Value)>,
    /// The end of the window with the first record.
    first_by: Option<Time>,
    others: std::collections::BTreeSet<String>,
}

/// A sink that watches for one event.
struct Watch {
    id: String,
    seen: Arc<Mutex<Seen>>,
    /// Set when the first record is there, to end the replay.
    enough: Option<Arc<AtomicBool>>,
}

/// Records of other events whose names are kept for the error: enough to say that there are some.
const OTHERS_MAX: usize = 100_000;

impl Sink for Watch {
    fn run(&mut self, _: &RunRecord) -> Result<(), ReportError> {
        Ok(())
    }

    fn event(&mut self, record: &EventRecord<'_>) -> Result<(), ReportError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let id = record.id().to_string();
        if id != self.id {
            if seen.others.len() < OTHERS_MAX {
                seen.others.insert(id);
            }
            return Ok(());
        }
        let value = serde_json::to_value(record).map_err(|cause| ReportError::Stdout(cause.into()))?;
        let told = (record.line(), value);
        seen.first.get_or_insert_with(|| told.clone());
        seen.last = Some(told);
        Ok(())
    }

    fn count(&mut self, _: &CountRecord<'_>) -> Result<(), ReportError> {
        Ok(())
    }

    fn capture(&mut self, record: &CaptureRecord<'_>) -> Result<(), ReportError> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.first.is_some() && seen.first_by.is_none() {
            seen.first_by = Some(record.window_end);
            if let Some(enough) = &self.enough {
                enough.store(true, Ordering::Relaxed);
            }
        }
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ReportError> {
        Ok(())
    }
}

/// Explains an event. `replay` runs the captures through the pipeline in windows of so many seconds until it is told to stop; `frames` opens
/// them once more.
///
/// # Errors
/// No such event, or whatever a replay ends with.
pub fn explain<E: From<ExplainError> + From<SourceError>>(
    id: &str,
    window_s: u32,
    settings: &Settings,
    replay: impl Fn(u32, Box<dyn Sink>, Arc<AtomicBool>) -> Result<(), E>,
    frames: impl FnOnce() -> Result<Files, SourceError>,
) -> Result<Explanation, E> {
    let watch = |window_s: u32, early: bool| {
        let (seen, stop) = (Arc::new(Mutex::new(Seen::default())), Arc::new(AtomicBool::new(false)));
        let sink = Watch { id: id.into(), seen: seen.clone(), enough: early.then(|| stop.clone()) };
        replay(window_s, Box::new(sink), stop)?;
        Ok::<Seen, E>(std::mem::take(&mut *seen.lock().unwrap_or_else(PoisonError::into_inner)))
    };
    let whole = watch(window_s, false)?;
    let Some((summary, event)) = whole.last else {
        return Err(ExplainError::NoSuchEvent { id: id.escape_default().to_string(), events: whole.others.len() }.into());
    };
    let early = watch(1, true)?;
    let decided = early.first.zip(early.first_by).map(|((_, event), by)| Decision { by, event });
    let concern = Concern::of(&event);
    let packets = Packets::read(frames()?, &concern, decided.as_ref().map(|decided| decided.by))?;
    Ok(Explanation { summary, thresholds: thresholds(&event, settings), event, decided, packets })
}

/// The settings of the detector that an event's detail names: a detector's settings bear the name of its part of the record.
fn thresholds(event: &Value, settings: &Settings) -> Vec<Threshold> {
    let own = &event["wherefrom"];
    let of_event = |setting: &&settings::Setting| setting.name.split_once('.').is_some_and(|(group, _)| own.get(group).is_some());
    let threshold = |setting: &settings::Setting| Threshold {
        name: setting.name,
        value: settings.value(setting),
        unit: setting.unit,
        meaning: setting.doc.trim(),
    };
    settings::ALL.iter().filter(of_event).map(threshold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thresholds_are_those_of_the_detector_that_the_record_names() {
        let event = serde_json::json!({"wherefrom": {"attribution": "plausible", "backscatter": {}}});
        let names: Vec<&str> = thresholds(&event, &Settings::default()).iter().map(|threshold| threshold.name).collect();
        assert!(names.contains(&"backscatter.packets") && names.iter().all(|name| name.starts_with("backscatter.")), "{names:?}");
    }
}
