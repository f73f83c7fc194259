//! How long something took, as counts of ranges.

use std::time::Duration;

/// The upper ends of the ranges, in seconds; what took longer is in a last range of its own.
pub const BOUNDS: [f64; 13] = [
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0, 300.0,
];

/// Durations, counted by range.
///
/// ```
/// use std::time::Duration;
/// let mut seconds = velo_pipeline::Histogram::default();
/// seconds.add(Duration::from_millis(20));
/// seconds.add(Duration::from_secs(999));
/// assert_eq!((seconds.count(), seconds.up_to(2), seconds.up_to(12)), (2, 1, 1));
/// assert_eq!(seconds.sum(), 999.02);
/// ```
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Histogram {
    counts: [u64; BOUNDS.len() + 1],
    sum: f64,
}

impl Histogram {
    /// Counts one duration.
    pub fn add(&mut self, took: Duration) {
        let seconds = took.as_secs_f64();
        let range = BOUNDS.partition_point(|bound| *bound < seconds);
        self.counts[range] += 1;
        self.sum += seconds;
    }

    /// Gives how many durations were counted.
    #[must_use]
    pub fn count(&self) -> u64 {
        self.counts.iter().sum()
    }

    /// Gives how many durations were no longer than the bound of this number.
    #[must_use]
    pub fn up_to(&self, bound: usize) -> u64 {
        self.counts.iter().take(bound + 1).sum()
    }

    /// Gives all durations together, in seconds.
    #[must_use]
    pub fn sum(&self) -> f64 {
        self.sum
    }
}
