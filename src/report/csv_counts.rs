//! Count rows as CSV, under the names that the records have.

use std::io::Write;

use super::CountRecord;

/// The columns, in order.
pub const COLUMNS: [&str; 16] = [
    "sensor",
    "window_start",
    "window_end",
    "direction",
    "country",
    "attribution",
    "benign",
    "kind",
    "events",
    "started",
    "packets",
    "bytes",
    "sources",
    "targets",
    "estimated",
    "entry",
];

/// Writes one row.
pub fn write<W: Write>(out: &mut csv::Writer<W>, record: &CountRecord<'_>) -> csv::Result<()> {
    let row: [String; COLUMNS.len()] = [
        record.sensor.into(),
        record.window_start.to_string(),
        record.window_end.to_string(),
        record.direction.into(),
        record.country.into(),
        record.attribution.into(),
        record.benign.to_string(),
        record.kind.into(),
        record.events.to_string(),
        record.started.to_string(),
        record.packets.to_string(),
        record.bytes.to_string(),
        record.sources.to_string(),
        record.targets.to_string(),
        record.estimated.to_string(),
        record.entry.unwrap_or_default().into(),
    ];
    out.write_record(&row)
}
