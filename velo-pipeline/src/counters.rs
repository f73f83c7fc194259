//! What a running copy has done so far, readable while it runs.

use std::sync::atomic::{AtomicU64, Ordering};

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
    /// Rows and rejected rows as they were at the last commit.
    settled: [AtomicU64; 2],
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

    pub(crate) fn add_rows(&self, rows: usize) {
        self.rows.fetch_add(rows as u64, Ordering::Relaxed);
    }

    pub(crate) fn take_rows(&self, rows: u64) {
        self.rows.fetch_sub(rows, Ordering::Relaxed);
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
