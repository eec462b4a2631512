//! A histogram over steps that grow by a tenth.

/// Steps: from 1 to 10^5.2, in seconds or in units of bytes a day and more than any size that matters.
pub const STEPS: usize = 128;
/// Factor from one step to the next.
const GROWTH: f64 = 1.1;

/// Counts by step; 16 bits each, which stay at the most they can hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Histogram([u16; STEPS]);

impl Default for Histogram {
    fn default() -> Self {
        Histogram([0; STEPS])
    }
}

/// The step of a value. Step 0 is all below 1.
fn step(value: f64) -> usize {
    if value < 1.0 { 0 } else { (1 + (value.ln() / GROWTH.ln()) as usize).min(STEPS - 1) }
}

/// The value in the middle of a step.
fn middle(step: usize) -> f64 {
    if step == 0 { 0.0 } else { GROWTH.powf(step as f64 - 0.5) }
}

impl Histogram {
    pub fn add(&mut self, value: f64) {
        let count = &mut self.0[step(value)];
        *count = count.saturating_add(1);
    }

    /// Adds another's counts.
    #[cfg(test)]
    pub fn merge(&mut self, other: &Histogram) {
        for (mine, theirs) in self.0.iter_mut().zip(&other.0) {
            *mine = mine.saturating_add(*theirs);
        }
    }

    pub fn count(&self) -> u64 {
        self.0.iter().map(|&count| u64::from(count)).sum()
    }

    /// The value below which a share of all lies, 0 to 1.
    pub fn quantile(&self, share: f64) -> f64 {
        self.rank(share, (0..STEPS).map(|step| (middle(step), self.0[step])))
    }

    /// The median of the distances from a value.
    pub fn median_distance(&self, from: f64) -> f64 {
        let mut distances: Vec<(f64, u16)> = (0..STEPS).map(|step| ((middle(step) - from).abs(), self.0[step])).collect();
        distances.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.rank(0.5, distances.into_iter())
    }

    fn rank(&self, share: f64, values: impl Iterator<Item = (f64, u16)>) -> f64 {
        let wanted = share * (self.count().saturating_sub(1)) as f64;
        let mut seen = 0.0;
        for (value, count) in values {
            seen += f64::from(count);
            if seen > wanted {
                return value;
            }
        }
        0.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(values: &[f64]) -> Histogram {
        let mut histogram = Histogram::default();
        values.iter().for_each(|&value| histogram.add(value));
        histogram
    }

    #[test]
    fn quantiles_are_right_to_a_step() {
        let histogram = of(&(1..=1000).map(f64::from).collect::<Vec<_>>());
        for (share, value) in [(0.25, 250.0), (0.5, 500.0), (0.75, 750.0)] {
            let found = histogram.quantile(share);
            assert!((found / value - 1.0).abs() < 0.06, "{share}: {found}");
        }
        assert_eq!(Histogram::default().quantile(0.5), 0.0);
    }

    #[test]
    fn parts_add_up_to_the_whole() {
        let (mut a, b) = (of(&[1.0, 5.0, 60.0]), of(&[60.0, 3600.0, 1e12]));
        a.merge(&b);
        assert_eq!(a, of(&[1.0, 5.0, 60.0, 60.0, 3600.0, 1e12]));
    }

    #[test]
    fn a_single_value_has_no_spread() {
        let histogram = of(&[60.0; 9]);
        assert_eq!(histogram.median_distance(histogram.quantile(0.5)), 0.0);
    }
}
