//! The splits that are being read, with their last marks.

use std::collections::{BTreeMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use velo_core::{Mark, SplitId};

/// Splits that are shown by name; all others are shown together.
const NAMED: usize = 100;

/// What is open now.
#[derive(Debug, Default)]
pub(crate) struct Splits(Mutex<Open>);

#[derive(Debug, Default)]
struct Open {
    splits: BTreeMap<SplitId, Arc<Mutex<State>>>,
    /// The first ones of the run: a name that was shown once stays, so that a million files make
    /// no more than so many time series.
    named: HashSet<SplitId>,
}

#[derive(Debug)]
struct State {
    mark: Option<Mark>,
    marked: Instant,
    /// When it had nothing left to be read, or was opened.
    caught_up: Instant,
}

/// One open split, in the hands of its lane.
#[derive(Debug)]
pub(crate) struct Following(Arc<Mutex<State>>);

/// How far one split, or several together, is behind.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Lag {
    /// Its name; `None` for all that have none of their own.
    pub(crate) split: Option<SplitId>,
    /// Where it stands; `None` before its first mark and for several.
    pub(crate) offset: Option<String>,
    /// Since its last mark; the longest of several.
    pub(crate) age: Duration,
    /// Rows that the source still holds, where it knows; added up over several.
    pub(crate) rows: Option<u64>,
    /// The same in bytes.
    pub(crate) bytes: Option<u64>,
    /// How far it is behind in time; the longest of several.
    pub(crate) seconds: Option<f64>,
}

impl Splits {
    /// Follows a split from now on.
    pub(crate) fn open(&self, id: &SplitId) -> Following {
        let now = Instant::now();
        let state = Arc::new(Mutex::new(State {
            mark: None,
            marked: now,
            caught_up: now,
        }));
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.named.len() < NAMED && !open.named.contains(id) {
            open.named.insert(id.clone());
        }
        open.splits.insert(id.clone(), state.clone());
        Following(state)
    }

    /// Follows a split no longer; a lane of an earlier attempt ends nothing of a later one.
    pub(crate) fn close(&self, id: &SplitId, following: &Following) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let same = |known: &Arc<_>| Arc::ptr_eq(known, &following.0);
        if open.splits.get(id).is_some_and(same) {
            open.splits.remove(id);
        }
    }

    pub(crate) fn clear(&self) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.splits.clear();
    }

    pub(crate) fn count(&self) -> u64 {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        open.splits.len() as u64
    }

    /// Gives how far each named split is behind, then all others together.
    pub(crate) fn lags(&self, now: Instant) -> Vec<Lag> {
        let open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (mut named, mut other): (Vec<Lag>, Option<Lag>) = (Vec::new(), None);
        for (id, state) in &open.splits {
            let state = state.lock().unwrap_or_else(PoisonError::into_inner);
            let lag = state.lag(now);
            if open.named.contains(id) {
                let mark = state.mark.as_ref();
                named.push(Lag {
                    split: Some(id.clone()),
                    offset: mark.map(|mark| mark.offset.to_string()),
                    ..lag
                });
            } else {
                other = Some(other.map_or(lag.clone(), |all| all.and(&lag)));
            }
        }
        named.extend(other);
        named
    }
}

impl Following {
    /// Learns how far the split has come.
    pub(crate) fn marked(&self, mark: &Mark) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.marked = Instant::now();
        if mark.lag == Some(0) || mark.lag_bytes == Some(0) {
            state.caught_up = state.marked;
        }
        state.mark = Some(mark.clone());
    }
}

impl State {
    fn lag(&self, now: Instant) -> Lag {
        let mark = self.mark.as_ref();
        let (rows, bytes) = mark.map_or((None, None), |mark| (mark.lag, mark.lag_bytes));
        let behind = match (rows, bytes) {
            (Some(0), _) | (_, Some(0)) => Some(false),
            (None, None) => None,
            _ => Some(true),
        };
        let watermark = mark.and_then(|mark| mark.watermark);
        let seconds = match (behind, watermark) {
            (Some(false), _) => Some(0.0),
            (_, Some(watermark)) => Some(since(watermark)),
            (Some(true), None) => Some(now.duration_since(self.caught_up).as_secs_f64()),
            (None, None) => None,
        };
        Lag {
            split: None,
            offset: None,
            age: now.duration_since(self.marked),
            rows,
            bytes,
            seconds,
        }
    }
}

/// Gives the seconds since a point in time in microseconds since 1970.
fn since(micros: i64) -> f64 {
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    (now.as_secs_f64() - micros as f64 / 1e6).max(0.0)
}

impl Lag {
    /// Says whether something is known to be left.
    pub(crate) fn is_behind(&self) -> bool {
        self.rows.is_some_and(|rows| rows > 0) || self.bytes.is_some_and(|bytes| bytes > 0)
    }

    fn and(self, other: &Self) -> Self {
        let sum = |a: Option<u64>, b: Option<u64>| match (a, b) {
            (Some(a), Some(b)) => Some(a.saturating_add(b)),
            (one, None) | (None, one) => one,
        };
        let longest = match (self.seconds, other.seconds) {
            (Some(a), Some(b)) => Some(a.max(b)),
            (one, None) | (None, one) => one,
        };
        Self {
            split: None,
            offset: None,
            age: self.age.max(other.age),
            rows: sum(self.rows, other.rows),
            bytes: sum(self.bytes, other.bytes),
            seconds: longest,
        }
    }
}

#[cfg(test)]
mod tests {
    use velo_core::SourceOffset;
    use velo_core::memory::MemoryOffset;

    use super::*;

    fn mark(id: &str, lag: Option<u64>, lag_bytes: Option<u64>) -> Mark {
        let offset = SourceOffset::seal(MemoryOffset {
            partition: 0,
            row: 7,
        });
        Mark {
            lag,
            lag_bytes,
            ..Mark::new(id.into(), offset)
        }
    }

    #[test]
    fn t158_a_million_splits_are_a_hundred_and_the_rest() {
        let splits = Splits::default();
        for number in 0..1_000_000_u32 {
            let id = SplitId::from(number.to_string());
            let following = splits.open(&id);
            following.marked(&mark(id.as_str(), Some(2), Some(3)));
            // Half of them end at once, as files do.
            if number % 2 == 0 {
                splits.close(&id, &following);
            }
        }
        let lags = splits.lags(Instant::now());
        assert_eq!(lags.len(), 51);
        let other = &lags[50];
        assert_eq!((other.split.clone(), other.offset.clone()), (None, None));
        assert_eq!(other.rows, Some(2 * (500_000 - 50)));
        assert_eq!(other.bytes, Some(3 * (500_000 - 50)));
    }

    #[test]
    fn time_behind_is_since_nothing_was_left() {
        let splits = Splits::default();
        let id = SplitId::from("a");
        let following = splits.open(&id);
        let later = Instant::now() + Duration::from_secs(60);
        let seconds = || splits.lags(later)[0].seconds;
        assert_eq!(seconds(), None);
        following.marked(&mark("a", None, Some(5)));
        assert!(seconds().is_some_and(|seconds| seconds >= 59.0));
        following.marked(&mark("a", None, Some(0)));
        assert_eq!(seconds(), Some(0.0));
        let watermark = Some(i64::MAX);
        following.marked(&Mark {
            watermark,
            ..mark("a", Some(9), None)
        });
        assert_eq!(seconds(), Some(0.0));
        // What an earlier attempt had open is not what is open now.
        let again = splits.open(&id);
        splits.close(&id, &following);
        assert_eq!(splits.lags(later).len(), 1);
        splits.close(&id, &again);
        assert!(splits.lags(later).is_empty());
    }
}
