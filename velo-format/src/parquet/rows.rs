//! Which rows of a row group are read.

use std::ops::Range;

use ::parquet::arrow::arrow_reader::RowSelection;

/// Ranges of rows to read of a row group, ascending.
pub(super) struct Rows {
    ranges: Vec<Range<usize>>,
    total: usize,
}

impl Rows {
    pub(super) fn clamped(range: &Range<u64>, total: u64) -> Self {
        let total = usize::try_from(total).unwrap_or(usize::MAX);
        let clamp = |row| usize::try_from(row).map_or(total, |row: usize| row.min(total));
        let range = clamp(range.start)..clamp(range.end);
        Self {
            ranges: vec![range],
            total,
        }
    }

    /// Keeps what lies in the wanted ranges too.
    pub(super) fn keep(&mut self, wanted: Vec<Range<usize>>) {
        let Some(all) = self.ranges.pop() else { return };
        let cut = |one: Range<usize>| one.start.max(all.start)..one.end.min(all.end);
        self.ranges = wanted.into_iter().map(cut).collect();
        self.ranges.retain(|range| !range.is_empty());
    }

    pub(super) fn count(&self) -> usize {
        self.ranges.iter().map(ExactSizeIterator::len).sum()
    }

    pub(super) fn selection(&self) -> RowSelection {
        let filled = self.ranges.iter().filter(|range| !range.is_empty());
        RowSelection::from_consecutive_ranges(filled.cloned(), self.total)
    }

    /// Leaves out rows at the start.
    pub(super) fn skip(&mut self, mut rows: usize) {
        for range in &mut self.ranges {
            let skipped = rows.min(range.len());
            range.start += skipped;
            rows -= skipped;
        }
    }
}
