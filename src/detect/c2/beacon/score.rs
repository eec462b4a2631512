//! RITA's score of a pair: a quarter each for regular intervals, equal sizes, duration, and an even spread over the hours.

use super::histogram::Histogram;
use super::memory::{Beacon, HOURS};

/// Intervals and sizes that a score needs.
const VALUES_MIN: u64 = 3;
/// Spread of the quartiles below which their skew says nothing.
const QUARTILES_MIN: f64 = 10.0;
/// Hours that a duration counts from, and in a row that make the most of it.
const DURATION_HOURS_MIN: usize = 6;
const RUN_HOURS_FULL: f64 = 12.0;

/// A pair's figures, each from 0 to 1, and what they come from.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Score {
    pub total: f64,
    pub timestamp: f64,
    pub size: f64,
    pub duration: f64,
    pub histogram: f64,
    /// Median interval, in seconds, and the median distance from it as a share.
    pub interval_s: f64,
    pub jitter: f64,
}

/// The score of a pair; nothing while there are too few calls.
pub fn score(beacon: &Beacon) -> Option<Score> {
    if beacon.intervals.count() < VALUES_MIN {
        return None;
    }
    let timestamp = regularity(&beacon.intervals, 1.0);
    let size = if beacon.sizes.count() >= VALUES_MIN { regularity(&beacon.sizes, 0.0) } else { 0.0 };
    let (duration, histogram) = (duration(&beacon.hours), evenness(&beacon.hours));
    let interval_s = beacon.intervals.quantile(0.5);
    let distance = beacon.intervals.median_distance(interval_s);
    Some(Score {
        total: (timestamp + size + duration + histogram) / 4.0,
        timestamp,
        size,
        duration,
        histogram,
        interval_s,
        jitter: if interval_s > 0.0 { distance / interval_s } else { 0.0 },
    })
}

/// Mean of what the skew of the quartiles and the median distance from the median leave. `tiny` is the latter's score for a median below 1.
fn regularity(values: &Histogram, tiny: f64) -> f64 {
    let (low, median, high) = (values.quantile(0.25), values.quantile(0.5), values.quantile(0.75));
    let flat = high - low < QUARTILES_MIN || median == low || median == high;
    let bowley = if flat { 0.0 } else { (low + high - 2.0 * median) / (high - low) };
    let spread = if median < 1.0 { tiny } else { ((median - values.median_distance(median)) / median).max(0.0) };
    (1.0 - bowley.abs() + spread) / 2.0
}

/// The share of the day that is covered, or the longest run of hours; for six hours and more.
fn duration(hours: &[u16; HOURS]) -> f64 {
    let seen = hours.iter().filter(|&&count| count > 0).count();
    if seen < DURATION_HOURS_MIN {
        return 0.0;
    }
    // The day is a ring: a run may go over its end.
    let (mut run, mut longest) = (0, 0);
    for at in 0..2 * HOURS {
        run = if hours[at % HOURS] > 0 { run + 1 } else { 0 };
        longest = longest.max(run.min(HOURS));
    }
    (seen as f64 / HOURS as f64).max(longest as f64 / RUN_HOURS_FULL).min(1.0)
}

/// What the coefficient of variation of the hours' counts leaves.
fn evenness(hours: &[u16; HOURS]) -> f64 {
    let mean = hours.iter().map(|&count| f64::from(count)).sum::<f64>() / HOURS as f64;
    if mean == 0.0 {
        return 0.0;
    }
    let variance = hours.iter().map(|&count| (f64::from(count) - mean).powi(2)).sum::<f64>() / HOURS as f64;
    (1.0 - variance.sqrt() / mean).max(0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn beacon(intervals: &[f64], sizes: &[f64], hours: [u16; HOURS]) -> Beacon {
        let mut beacon = Beacon::default();
        beacon.hours = hours;
        intervals.iter().for_each(|&value| beacon.intervals.add(value));
        sizes.iter().for_each(|&value| beacon.sizes.add(value));
        beacon
    }

    #[test]
    fn a_clock_all_day_scores_full() {
        let score = score(&beacon(&[300.0; 288], &[120.0; 288], [12; HOURS])).unwrap();
        assert!(score.total > 0.99, "{score:?}");
        assert!((score.interval_s / 300.0 - 1.0).abs() < 0.06 && score.jitter == 0.0);
    }

    #[test]
    fn a_person_scores_low() {
        let intervals: Vec<f64> = (0..60).map(|n| 1.3_f64.powi(n % 30)).collect();
        let sizes: Vec<f64> = (0..60).map(|n| 100.0 * 1.25_f64.powi(n % 25)).collect();
        let mut hours = [0; HOURS];
        hours[9] = 50;
        hours[14] = 10;
        assert!(score(&beacon(&intervals, &sizes, hours)).unwrap().total < 0.4);
    }

    #[test]
    fn few_calls_have_no_score() {
        assert_eq!(score(&beacon(&[60.0; 2], &[], [0; HOURS])), None);
    }

    #[test]
    fn a_run_goes_over_midnight() {
        let mut hours = [0; HOURS];
        for hour in [21, 22, 23, 0, 1, 2] {
            hours[hour] = 1;
        }
        assert_eq!(duration(&hours), 0.5);
    }
}
