//! Pages as they stand in the file, made into pages as decoders take them.
//!
//! The parquet crate could do this, but it takes memory for what a page's header announces, lets
//! gzip and brotli grow beyond that, and believes how many values a page announces. So headers,
//! lengths and counts are checked here, and the crate decodes what is in the pages.

mod allowance;
mod counts;
mod days;
mod decompress;
mod header;
mod index;
mod reader;

use std::sync::Arc;

use ::parquet::arrow::arrow_reader::RowGroups;
use ::parquet::column::page::{PageIterator, PageReader};
use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::metadata::{ParquetMetaData, RowGroupMetaData};

pub(super) use self::allowance::Allowance;
use self::reader::{ColumnPages, Shared};
use super::input::ParquetBytes;

/// One row group of a file, for a reader of its columns.
pub(super) struct GroupPages {
    metadata: Arc<ParquetMetaData>,
    group: usize,
    shared: Shared,
}

impl GroupPages {
    /// Takes a row group that there is, for batches of so many rows; `longest` is what a page may
    /// have, in bytes.
    pub(super) fn new(
        bytes: ParquetBytes,
        metadata: Arc<ParquetMetaData>,
        group: usize,
        longest: usize,
        batch_rows: usize,
    ) -> Self {
        let allowance = Arc::new(Allowance::new(batch_rows));
        Self {
            metadata,
            group,
            shared: Shared {
                bytes,
                longest,
                batch_rows,
                allowance,
            },
        }
    }

    /// Gives what counts the memory of pages and batches.
    pub(super) fn allowance(&self) -> Arc<Allowance> {
        self.shared.allowance.clone()
    }

    fn group(&self) -> &RowGroupMetaData {
        self.metadata.row_group(self.group)
    }
}

impl RowGroups for GroupPages {
    fn num_rows(&self) -> usize {
        usize::try_from(self.group().num_rows()).unwrap_or(usize::MAX)
    }

    fn column_chunks(&self, column: usize) -> Result<Box<dyn PageIterator>> {
        let group = self.group();
        let chunk = group.columns().get(column).ok_or_else(|| {
            ParquetError::General("a row group has fewer columns than the schema".to_owned())
        })?;
        let index = self.metadata.offset_index();
        let locations = index
            .and_then(|index| index.get(self.group)?.get(column))
            .map(|index| index.page_locations().as_slice());
        let pages = ColumnPages::new(self.shared.clone(), chunk, locations, self.num_rows())?;
        Ok(Box::new(OneChunk(Some(pages))))
    }

    fn row_groups(&self) -> Box<dyn Iterator<Item = &RowGroupMetaData> + '_> {
        Box::new(std::iter::once(self.group()))
    }

    fn metadata(&self) -> &ParquetMetaData {
        &self.metadata
    }
}

struct OneChunk(Option<ColumnPages>);

impl Iterator for OneChunk {
    type Item = Result<Box<dyn PageReader>>;

    fn next(&mut self) -> Option<Self::Item> {
        let pages = self.0.take()?;
        Some(Ok(Box::new(pages)))
    }
}

impl PageIterator for OneChunk {}
