//! Smallest, largest and mean value over the last minute, hour and day, in bounded memory.

use std::collections::VecDeque;
use std::time::Duration;

use serde::Serialize;

/// Windows, each made of buckets of one length: 60 of a second, 60 of a minute, 96 of a quarter
/// of an hour.
const WINDOWS: [(&str, Duration, u64); 3] = [
    ("1m", Duration::from_secs(1), 60),
    ("1h", Duration::from_secs(60), 60),
    ("24h", Duration::from_secs(15 * 60), 96),
];

/// A value that is sampled over time.
///
/// A window ends with the bucket that now falls in, so that it is up to one bucket shorter than its
/// name. Time is told to it, as the time since any fixed moment, and does not go back.
///
/// ```
/// use std::time::Duration;
/// let mut rolling = velo_pipeline::Rolling::default();
/// rolling.add(Duration::from_secs(1), 10.0);
/// rolling.add(Duration::from_secs(2), 30.0);
/// let minute = &rolling.spans(Duration::from_secs(2))[0];
/// assert_eq!((minute.window, minute.min, minute.max, minute.mean), ("1m", 10.0, 30.0, 20.0));
/// assert!(rolling.spans(Duration::from_secs(70))[0].window == "1h");
/// ```
#[derive(Debug, Clone, Default)]
pub struct Rolling([VecDeque<Bucket>; WINDOWS.len()]);

#[derive(Debug, Clone, Copy)]
struct Bucket {
    number: u64,
    min: f64,
    max: f64,
    sum: f64,
    count: u64,
}

/// What a value was over a window.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Statistics {
    /// `1m`, `1h` or `24h`.
    pub window: &'static str,
    /// The smallest sample.
    pub min: f64,
    /// The largest sample.
    pub max: f64,
    /// The mean of all samples.
    pub mean: f64,
}

impl Rolling {
    /// Adds a sample; what is no number is left out.
    pub fn add(&mut self, now: Duration, value: f64) {
        if !value.is_finite() {
            return;
        }
        for ((_, length, count), ring) in WINDOWS.iter().zip(&mut self.0) {
            let number = bucket(now, *length);
            match ring.back_mut().filter(|last| last.number == number) {
                Some(last) => last.add(value),
                None => ring.push_back(Bucket {
                    number,
                    min: value,
                    max: value,
                    sum: value,
                    count: 1,
                }),
            }
            while ring.front().is_some_and(|old| old.number + count <= number) {
                ring.pop_front();
            }
        }
    }

    /// Gives the windows that have samples.
    #[must_use]
    pub fn spans(&self, now: Duration) -> Vec<Statistics> {
        let windows = WINDOWS.iter().zip(&self.0);
        let span =
            |((window, length, count), ring): (&(&'static str, _, u64), &VecDeque<Bucket>)| {
                let number = bucket(now, *length);
                let recent = ring.iter().filter(|known| known.number + count > number);
                let all = recent.copied().reduce(Bucket::and)?;
                Some(Statistics {
                    window,
                    min: all.min,
                    max: all.max,
                    mean: all.sum / all.count as f64,
                })
            };
        windows.filter_map(span).collect()
    }
}

fn bucket(now: Duration, length: Duration) -> u64 {
    now.as_secs() / length.as_secs()
}

impl Bucket {
    fn add(&mut self, value: f64) {
        self.min = self.min.min(value);
        self.max = self.max.max(value);
        self.sum += value;
        self.count += 1;
    }

    fn and(self, other: Self) -> Self {
        Self {
            number: other.number,
            min: self.min.min(other.min),
            max: self.max.max(other.max),
            sum: self.sum + other.sum,
            count: self.count + other.count,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The same, from all samples that ever were.
    fn told_by_history(history: &[(u64, f64)], now: u64) -> Vec<Statistics> {
        let window = |(window, length, count): &(&'static str, Duration, u64)| {
            let length = length.as_secs();
            let first = (now / length + 1).saturating_sub(*count) * length;
            let recent = history.iter().filter(|(at, _)| *at >= first);
            let values: Vec<f64> = recent.map(|(_, value)| *value).collect();
            (!values.is_empty()).then(|| Statistics {
                window,
                min: values.iter().copied().fold(f64::MAX, f64::min),
                max: values.iter().copied().fold(f64::MIN, f64::max),
                mean: values.iter().sum::<f64>() / values.len() as f64,
            })
        };
        WINDOWS.iter().filter_map(window).collect()
    }

    proptest! {
        #[test]
        fn agrees_with_its_history(
            steps in prop::collection::vec((0..400_u64, -1000..1000_i32), 1..400),
            later in 0..100_000_u64,
        ) {
            let (mut rolling, mut history, mut now) = (Rolling::default(), Vec::new(), 0);
            for (wait, value) in steps {
                now += wait;
                let value = f64::from(value);
                rolling.add(Duration::from_secs(now), value);
                history.push((now, value));
                let known = told_by_history(&history, now);
                let spans = rolling.spans(Duration::from_secs(now));
                for (span, known) in spans.iter().zip(&known) {
                    prop_assert_eq!((span.window, span.min, span.max), (known.window, known.min, known.max));
                    prop_assert!((span.mean - known.mean).abs() < 1e-6);
                }
                prop_assert_eq!(spans.len(), known.len());
                prop_assert!(rolling.0.iter().all(|ring| ring.len() <= 96));
            }
            now += later;
            let spans = rolling.spans(Duration::from_secs(now));
            prop_assert_eq!(spans.len(), told_by_history(&history, now).len());
        }
    }
}
