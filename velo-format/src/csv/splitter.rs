//! Following records without decoding them.

use super::dialect::Dialect;
use super::mask::BLOCK;
use super::scan::{Marks, Scanner, State};
use crate::Splitter;

/// Finds records' ends by the same scan as the decoder.
pub(super) struct CsvSplitter {
    scanner: Scanner,
    blank_is_record: bool,
}

impl CsvSplitter {
    pub(super) fn new(dialect: &Dialect, columns: usize) -> Self {
        Self {
            scanner: Scanner::new(dialect, State::RecordStart),
            blank_is_record: columns == 1,
        }
    }
}

impl Splitter for CsvSplitter {
    fn scan(&mut self, block: &[u8]) -> (u64, Option<usize>) {
        let (mut records, mut end) = (0, None);
        let mut count = |at: usize, marks: Marks| {
            records += u64::from(marks.records.count_ones());
            if self.blank_is_record {
                records += u64::from(marks.blanks.count_ones());
            }
            if let Some(last) = marks.lines.checked_ilog2() {
                end = Some(at + last as usize + 1);
            }
        };
        let (blocks, rest) = block.as_chunks::<BLOCK>();
        for (at, bytes) in blocks.iter().enumerate() {
            count(at * BLOCK, self.scanner.block(bytes));
        }
        count(blocks.len() * BLOCK, self.scanner.bytes(rest));
        (records, end)
    }
}
