//! The batches of one row group.

use std::sync::Arc;

use ::parquet::arrow::FieldLevels;
use ::parquet::arrow::arrow_reader::ParquetRecordBatchReader;
use ::parquet::file::metadata::ParquetMetaData;
use arrow_array::RecordBatch;
use velo_core::{Error, ErrorKind, Result};

use super::error::{corrupt, fenced, unreadable};
use super::input::ParquetBytes;
use super::pages::{Allowance, GroupPages};
use super::rows::Rows;

/// A row group and the columns that are read of it.
pub(super) struct Group {
    pub(super) bytes: ParquetBytes,
    pub(super) file: Arc<ParquetMetaData>,
    pub(super) levels: FieldLevels,
    pub(super) unit: usize,
    /// Longest page, in bytes.
    pub(super) longest_page: usize,
}

/// Batches of one request.
///
/// A few bytes of a page can stand for long rows: a batch that grows too large is given up, and read
/// again with fewer rows.
pub(super) struct Reading {
    group: Group,
    /// Rows that are still to come.
    rows: Rows,
    batch_rows: usize,
    /// Where each wanted column is among those read, if that is not the same order.
    order: Option<Vec<usize>>,
    reader: Option<Reader>,
    /// After the end or an error.
    ended: bool,
}

struct Reader {
    batches: ParquetRecordBatchReader,
    allowance: Arc<Allowance>,
}

impl Reading {
    pub(super) fn new(
        group: Group,
        rows: Rows,
        batch_rows: usize,
        order: Option<Vec<usize>>,
    ) -> Self {
        Self {
            group,
            rows,
            batch_rows: batch_rows.max(1),
            order,
            reader: None,
            ended: false,
        }
    }

    fn advance(&mut self) -> Result<Option<RecordBatch>> {
        if self.ended {
            return Ok(None);
        }
        let rows = loop {
            match self.batch() {
                Err(_) if self.is_exceeded() && self.batch_rows > 1 => {
                    self.batch_rows = (self.batch_rows / 4).max(1);
                    self.reader = None;
                }
                Err(_) if self.is_exceeded() => {
                    return Err(
                        Error::new(ErrorKind::InvalidData, "row is longer than allowed")
                            .with("allowed", Allowance::MOST_ROW),
                    );
                }
                read => break read?,
            }
        };
        let Some(rows) = rows else {
            self.ended = true;
            return match self.rows.count() {
                0 => Ok(None),
                _ => Err(corrupt().with_source("a row group has fewer rows than it says")),
            };
        };
        self.rows.skip(rows.num_rows());
        Ok(Some(match &self.order {
            None => rows,
            Some(order) => rows.project(order)?,
        }))
    }

    fn batch(&mut self) -> Result<Option<RecordBatch>> {
        let reader = match &mut self.reader {
            Some(reader) => reader,
            none => none.insert(self.group.reader(&self.rows, self.batch_rows)?),
        };
        reader.allowance.begin();
        Ok(reader.batches.next().transpose()?)
    }

    fn is_exceeded(&self) -> bool {
        let reader = self.reader.as_ref();
        reader.is_some_and(|reader| reader.allowance.is_exceeded())
    }
}

impl Group {
    fn reader(&self, rows: &Rows, batch_rows: usize) -> Result<Reader> {
        let pages = GroupPages::new(
            self.bytes.clone(),
            self.file.clone(),
            self.unit,
            self.longest_page,
            batch_rows,
        );
        let selection = Some(rows.selection());
        let batches = ParquetRecordBatchReader::try_new_with_row_groups(
            &self.levels,
            &pages,
            batch_rows,
            selection,
        );
        Ok(Reader {
            batches: batches.map_err(unreadable)?,
            allowance: pages.allowance(),
        })
    }
}

impl Iterator for Reading {
    type Item = Result<RecordBatch>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = fenced(|| self.advance());
        if next.is_err() {
            self.ended = true;
            self.reader = None;
        }
        next.map_err(|error| match self.group.bytes.take_failure() {
            Some(failure) => failure,
            None if error.kind() == ErrorKind::Unexpected => corrupt().with_source(error),
            None => error,
        })
        .transpose()
    }
}
