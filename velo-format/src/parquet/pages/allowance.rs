//! What the pages and the batches of a reader may have of memory.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

/// What the pages that are open at once, one for each column with its dictionary, may have, in
/// bytes.
pub(super) const MOST_OPEN: usize = 512 << 20;
/// What the values of a batch may have, in bytes, as far as few bytes of a page can stand for many
/// of them: values of a dictionary, lists, values of a fixed length that are null; and what its pages
/// have. A batch of more is read again with fewer rows.
const MOST_BATCH: usize = 64 << 20;

/// Counts bytes; all columns of a reader share it.
#[derive(Debug)]
pub(in crate::parquet) struct Allowance {
    most: usize,
    open: AtomicUsize,
    /// What every batch takes.
    lasting: AtomicUsize,
    /// What this batch takes beside.
    spent: AtomicUsize,
    batch: AtomicUsize,
    exceeded: AtomicBool,
}

impl Allowance {
    /// What a single row may have of that, in bytes.
    pub(in crate::parquet) const MOST_ROW: usize = 256 << 20;

    /// Allows what a batch of so many rows may have.
    pub(super) fn new(batch_rows: usize) -> Self {
        Self {
            most: if batch_rows > 1 {
                MOST_BATCH
            } else {
                Self::MOST_ROW
            },
            open: AtomicUsize::new(0),
            lasting: AtomicUsize::new(0),
            spent: AtomicUsize::new(0),
            batch: AtomicUsize::new(0),
            exceeded: AtomicBool::new(false),
        }
    }

    /// Starts the next batch.
    pub(in crate::parquet) fn begin(&self) {
        self.spent.store(0, Ordering::Relaxed);
        self.batch.fetch_add(1, Ordering::Relaxed);
    }

    /// Says whether the batch was given up because it is too large.
    pub(in crate::parquet) fn is_exceeded(&self) -> bool {
        self.exceeded.load(Ordering::Relaxed)
    }

    /// Says which batch it is.
    pub(super) fn batch(&self) -> usize {
        self.batch.load(Ordering::Relaxed)
    }

    /// Replaces a page by another; says whether that is allowed.
    pub(super) fn replace(&self, before: usize, now: usize) -> bool {
        self.open.fetch_sub(before, Ordering::Relaxed);
        self.open.fetch_add(now, Ordering::Relaxed) + now <= MOST_OPEN
    }

    /// Takes bytes for this batch; says whether that is allowed.
    pub(super) fn spend(&self, bytes: usize) -> bool {
        self.take(&self.spent, bytes)
    }

    /// Takes bytes for this batch and all that follow; says whether that is allowed.
    pub(super) fn keep(&self, bytes: usize) -> bool {
        self.take(&self.lasting, bytes)
    }

    fn take(&self, from: &AtomicUsize, bytes: usize) -> bool {
        // A batch is read by one thread, so nothing happens between these.
        from.store(
            from.load(Ordering::Relaxed).saturating_add(bytes),
            Ordering::Relaxed,
        );
        let all = self.spent.load(Ordering::Relaxed);
        let all = all.saturating_add(self.lasting.load(Ordering::Relaxed));
        let fits = all <= self.most;
        self.exceeded.fetch_or(!fits, Ordering::Relaxed);
        fits
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_counted_until_they_are_replaced() {
        let allowance = Allowance::new(1);
        assert!(allowance.replace(0, MOST_OPEN));
        assert!(allowance.replace(MOST_OPEN, MOST_OPEN - 10));
        assert!(!allowance.replace(0, 11));
        assert!(allowance.replace(11, 10));
    }

    #[test]
    fn a_batch_has_its_own_bytes_and_those_of_every_batch() {
        let allowance = Allowance::new(100);
        assert!(allowance.keep(MOST_BATCH / 2));
        assert!(allowance.spend(MOST_BATCH / 2));
        allowance.begin();
        assert!(allowance.spend(MOST_BATCH / 2));
        assert!(!allowance.is_exceeded());
        assert!(!allowance.spend(1));
        assert!(allowance.is_exceeded());
        assert!(!Allowance::new(1).keep(usize::MAX));
    }
}
