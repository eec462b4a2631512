//! Reputation lists as Suricata reads them (its manual, "IP Reputation Format"): `address,category,score`, with the categories in a file of their
//! own: `number,name,description`.

use super::collect::{Collector, Facts};
use super::entry::Usage;
use super::fields::fields;
use super::named::usage_of;
use super::value::Value;

/// Scores go from 1 to this.
const SCORE_MAX: u8 = 127;
/// Categories are numbered from 1 to this.
const CATEGORY_MAX: u8 = 60;

/// A line that names a category.
pub(super) fn category(line: &[u8]) -> Option<(u8, String)> {
    let mut fields = fields(line, b',');
    let number = number(&fields.next()?).filter(|number| (1..=CATEGORY_MAX).contains(number))?;
    let name = fields.next()?;
    let named = name.first()?.is_ascii_alphabetic() && fields.next().is_some();
    named.then(|| (number, String::from_utf8_lossy(&name).into_owned()))
}

/// Whether a line is a value with a category and a score.
pub(super) fn is_entry(line: &[u8]) -> bool {
    let mut fields = fields(line, b',');
    let value = fields.next().is_some_and(|value| Value::of(&value).is_ok());
    let numbers = [fields.next(), fields.next()].map(|field| field.and_then(|field| number(&field)));
    value && fields.next().is_none() && matches!(numbers, [Some(1..=CATEGORY_MAX), Some(0..=SCORE_MAX)])
}

/// An address, network or name with its category and score.
pub(super) fn entry(line: &[u8], at: u32, into: &mut Collector<'_>) {
    let mut fields = fields(line, b',');
    let value = fields.next().unwrap_or_default();
    let mut next = || fields.next().and_then(|field| number(&field));
    let (Some(category), Some(score)) = (next(), next()) else {
        return into.refuse(at, "no category and score behind the value", line);
    };
    let name = into.categories.get(&category).cloned().unwrap_or_default();
    let facts = Facts {
        usage: usage(&name),
        confidence: Some((u32::from(score.min(SCORE_MAX)) * 100 / u32::from(SCORE_MAX)) as u8),
        ..Facts::default()
    };
    into.take(Value::of(&value), &facts, at, line);
}

/// What a category's name means. The names are free; those of the common lists tell. An address in any other category is no controller.
fn usage(name: &str) -> Usage {
    let has = |word: &str| name.to_ascii_lowercase().contains(word);
    if has("blackhole") || has("sinkhole") {
        Usage::Sinkhole
    } else if has("drivebysrc") || has("exe_source") || has("malware") || has("fakeav") {
        Usage::Delivery
    } else {
        match usage_of(name.as_bytes()) {
            Usage::Unspecified => Usage::Other,
            usage => usage,
        }
    }
}

fn number(text: &[u8]) -> Option<u8> {
    str::from_utf8(text).ok()?.parse().ok()
}
