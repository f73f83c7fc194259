//! What a running copy has done so far, readable while it runs.
//!
//! - Numbers that move with every batch are atomics, here.
//! - `splits` are the open splits with their last marks, `life` is what changes with an epoch or a
//!   failure, `histogram` how long things took, `tap` hands out rows to whoever looks.

mod histogram;
mod life;
mod splits;
mod tap;

use std::sync::atomic::{AtomicU64, Ordering};

pub use histogram::{BOUNDS, Histogram};
pub(crate) use life::{Facts, Life, Phase, Refusals};
pub(crate) use splits::{Following, Lag, Splits};
pub use tap::Listening;
use tap::Tap;

/// Live figures of a copy; shared between the lanes and whoever shows progress.
///
/// ```
/// let counters = velo_pipeline::Counters::default();
/// assert_eq!(counters.rows(), 0);
/// ```
#[derive(Debug, Default)]
pub struct Counters {
    rows: AtomicU64,
    rejected: AtomicU64,
    bytes: AtomicU64,
    splits: AtomicU64,
    commits: AtomicU64,
    /// Rows out of the source, those that come again included.
    read: AtomicU64,
    /// Splits that were found and that no lane has yet.
    waiting: AtomicU64,
    /// Rows and rejected rows as they were at the last commit.
    settled: [AtomicU64; 2],
    pub(crate) open: Splits,
    pub(crate) life: Life,
    pub(crate) tap: Tap,
}

impl Counters {
    /// Gives the rows written.
    #[must_use]
    pub fn rows(&self) -> u64 {
        self.rows.load(Ordering::Relaxed)
    }

    /// Gives the rows that did not decode.
    #[must_use]
    pub fn rejected(&self) -> u64 {
        self.rejected.load(Ordering::Relaxed)
    }

    /// Gives the bytes read, as marks count them.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }

    /// Gives the splits read to their end.
    #[must_use]
    pub fn splits(&self) -> u64 {
        self.splits.load(Ordering::Relaxed)
    }

    /// Gives the commits done.
    #[must_use]
    pub fn commits(&self) -> u64 {
        self.commits.load(Ordering::Relaxed)
    }

    /// Gives the rows that came out of the source; rows that are read again count again.
    #[must_use]
    pub fn read(&self) -> u64 {
        self.read.load(Ordering::Relaxed)
    }

    /// Gives the splits that wait for a lane.
    #[must_use]
    pub fn waiting(&self) -> u64 {
        self.waiting.load(Ordering::Relaxed)
    }

    /// Gives the rows written and the rows rejected that are committed; neither ever falls.
    #[must_use]
    pub fn settled(&self) -> [u64; 2] {
        self.settled
            .each_ref()
            .map(|count| count.load(Ordering::Relaxed))
    }

    pub(crate) fn add_rows(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    pub(crate) fn take_rows(&self, rows: u64) {
        self.rows.fetch_sub(rows, Ordering::Relaxed);
    }

    pub(crate) fn add_read(&self, rows: u64) {
        self.read.fetch_add(rows, Ordering::Relaxed);
    }

    pub(crate) fn set_waiting(&self, splits: usize) {
        self.waiting.store(splits as u64, Ordering::Relaxed);
    }

    /// Notes that so many rows more are committed or kept as dead letters.
    pub(crate) fn settle(&self, written: u64, rejected: u64) {
        self.settled[0].fetch_add(written, Ordering::Relaxed);
        self.settled[1].fetch_add(rejected, Ordering::Relaxed);
    }

    /// Goes back to what was committed: the rest will come again.
    pub(crate) fn go_back(&self) {
        for (settled, live) in self.settled.iter().zip([&self.rows, &self.rejected]) {
            live.store(settled.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        self.open.clear();
    }

    pub(crate) fn add_rejected(&self) {
        self.rejected.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_bytes(&self, bytes: u64) {
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    pub(crate) fn add_split(&self) {
        self.splits.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn add_commit(&self) {
        self.commits.fetch_add(1, Ordering::Relaxed);
    }
}
