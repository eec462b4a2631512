//! RITA's score of a pair: a quarter each for regular intervals, equal sizes, duration, and an even spread over the hours.

use super::histogram::Histogram;
use super::memory::{Beacon, HOURS};

/// Intervals and sizes that a score needs.
const VALUES_MIN: u64 = 3;
/// Spread of the quartiles below which their skew says nothing.
const QUARTILES_MIN: f64 = 10.0;
/// Hours that a duration counts from, and in a row that make the most of it (`min_hours_seen`, `ideal_consistent_hours` of its configuration).
const DURATION_HOURS_MIN: usize = 6;
const RUN_HOURS_FULL: f64 = 12.0;
/// Seconds that its histogram covers.
const DAY_S: f64 = 86_400.0;
/// Share of the busiest hour's calls within which hours count as alike, hours left out as outliers, and hours that a fit of two levels needs
/// (`mode_sensitivity`, `bimodal_outlier_removal`, `bimodal_min_hours_seen`).
const MODE_SHARE: f64 = 0.05;
const OUTLIER_HOURS: usize = 1;
const BIMODAL_HOURS_MIN: usize = 11;

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
    let covered_s = beacon.last_ns.saturating_sub(beacon.first_ns) as f64 / 1e9;
    let (duration, histogram) = (duration(&beacon.hours, covered_s), evenness(&beacon.hours).max(bimodal_fit(&beacon.hours)));
    let interval_s = beacon.intervals.quantile(0.5);
    let distance = beacon.intervals.median_distance(interval_s);
    Some(Score {
        total: nearest((timestamp + size + duration + histogram) / 4.0),
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
    nearest((1.0 - bowley.abs() + spread) / 2.0)
}

/// A figure as it is published: to three decimals, up or to the nearest.
fn up(share: f64) -> f64 {
    ((share * 1000.0).ceil() / 1000.0).min(1.0)
}

fn nearest(share: f64) -> f64 {
    ((share * 1000.0).round() / 1000.0).clamp(0.0, 1.0)
}

/// The share of the day between the first call and the last, or the longest run of hours, whichever is more; for six hours and more.
fn duration(hours: &[u16; HOURS], covered_s: f64) -> f64 {
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
    up(covered_s / DAY_S).max(up(longest as f64 / RUN_HOURS_FULL))
}

/// How well two levels fit the hours' counts: of the hours with calls, but for an outlier, the share that lies in the two commonest steps of a
/// twentieth of the busiest hour's.
fn bimodal_fit(hours: &[u16; HOURS]) -> f64 {
    let most = hours.iter().copied().max().unwrap_or_default();
    let seen = hours.iter().filter(|&&count| count > 0).count();
    if seen < BIMODAL_HOURS_MIN {
        return 0.0;
    }
    let width = (f64::from(most) * MODE_SHARE).ceil().max(1.0) as u16;
    let mut steps: Vec<u16> = hours.iter().filter(|&&count| count > 0).map(|count| count / width).collect();
    steps.sort_unstable();
    let mut counts: Vec<usize> = steps.chunk_by(|a, b| a == b).map(<[u16]>::len).collect();
    counts.sort_unstable_by(|a, b| b.cmp(a));
    let two: usize = counts.iter().take(2).sum();
    nearest(two as f64 / (seen - OUTLIER_HOURS).max(1) as f64)
}

/// What the coefficient of variation of the hours' counts leaves.
fn evenness(hours: &[u16; HOURS]) -> f64 {
    let mean = hours.iter().map(|&count| f64::from(count)).sum::<f64>() / HOURS as f64;
    if mean == 0.0 {
        return 0.0;
    }
    let variance = hours.iter().map(|&count| (f64::from(count) - mean).powi(2)).sum::<f64>() / HOURS as f64;
    nearest(1.0 - variance.sqrt() / mean)
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
        assert_eq!(duration(&hours, 0.0), 0.5);
        // The first call and the last, three quarters of a day apart.
        assert_eq!(duration(&hours, 64_800.0), 0.75);
    }

    /// The published formulas were computed apart from this code, in Python's floating point (`analysis/beacons.go` of activecm/rita, version 5: the
    /// functions `calculateCoefficientOfVariationScore`, `calculateBimodalFitScore` and `getDurationScore`), for days of these calls by hour.
    #[test]
    fn figures_are_those_of_the_published_formulas() {
        let days: [([u16; HOURS], f64, f64, f64, f64); 10] = [
            ([12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12, 12], 86100.0, 1.0, 1.0, 1.0),
            ([10, 30, 10, 30, 10, 30, 10, 30, 10, 30, 10, 30, 10, 30, 10, 30, 10, 30, 10, 30, 10, 30, 10, 30], 86100.0, 0.5, 1.0, 1.0),
            ([10, 10, 10, 10, 10, 10, 10, 10, 40, 40, 40, 40, 40, 40, 40, 40, 0, 0, 0, 0, 0, 0, 0, 0], 57000.0, 0.0, 1.0, 1.0),
            ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5], 39000.0, 0.0, 1.0, 0.917),
            ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 5, 5, 5, 5, 5, 5, 5, 5, 5, 5], 35000.0, 0.0, 0.0, 0.834),
            ([42, 20, 51, 84, 7, 10, 69, 13, 47, 75, 8, 65, 28, 5, 12, 56, 54, 9, 31, 12, 71, 55, 8, 73], 86000.0, 0.304, 0.391, 1.0),
            ([60, 60, 60, 60, 60, 60, 60, 60, 60, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 4, 200], 85000.0, 0.0, 1.0, 1.0),
            ([0, 0, 0, 1, 0, 9, 0, 0, 3, 3, 3, 0, 0, 0, 0, 1, 0, 9, 0, 0, 3, 3, 3, 0], 80000.0, 0.0, 0.0, 0.926),
            ([1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1], 86399.0, 1.0, 1.0, 1.0),
            (
                [100, 101, 100, 7, 100, 101, 100, 101, 103, 7, 101, 100, 103, 101, 100, 101, 103, 100, 100, 100, 101, 7, 7, 103],
                86399.0,
                0.589,
                0.87,
                1.0,
            ),
        ];
        for (hours, covered_s, even, fit, long) in days {
            let found = (evenness(&hours), bimodal_fit(&hours), duration(&hours, covered_s));
            assert_eq!(found, (even, fit, long), "{hours:?}");
        }
    }
}
