//! Records as a reader of NDJSON sees them.

use serde_json::Value;

/// Parses NDJSON; every line must be one object.
pub fn records(text: &[u8]) -> Vec<Value> {
    let lines = text.split(|&byte| byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(line)))).collect()
}
