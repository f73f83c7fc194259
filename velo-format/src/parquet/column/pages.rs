//! The pages of a column of a row group, and what the footer says of them.

use std::io::Write;

use ::parquet::basic::{BoundaryOrder, Compression, Encoding, PageType};
use ::parquet::column::page::{CompressedPage, Page, PageWriteSpec, PageWriter};
use ::parquet::column::writer::ColumnCloseResult;
use ::parquet::file::metadata::{
    ColumnChunkMetaData, ColumnIndexBuilder, OffsetIndexBuilder, PageEncodingStats,
};
use ::parquet::file::properties::{EnabledStatistics, WriterProperties};
use ::parquet::file::statistics::Statistics;
use ::parquet::file::writer::{SerializedPageWriter, TrackedWrite};
use ::parquet::schema::types::ColumnDescPtr;
use bytes::Bytes;
use velo_core::Result;

use super::codec::SharedCodec;
use crate::parquet::error::unwritable;

/// A column of a row group, finished.
pub(in crate::parquet) struct EncodedColumn {
    pub(in crate::parquet) bytes: Bytes,
    pub(in crate::parquet) close: ColumnCloseResult,
}

/// Data pages, one after the other, each compressed as soon as it is full.
pub(super) struct Pages {
    column: ColumnDescPtr,
    compression: Compression,
    codec: SharedCodec,
    statistics: EnabledStatistics,
    sink: Vec<u8>,
    /// Compressed and uncompressed bytes so far, headers included.
    sizes: (usize, usize),
    rows: usize,
    nulls: usize,
    /// Bytes of variable-length values, without their lengths.
    value_bytes: Option<i64>,
    encodings: Vec<PageEncodingStats>,
    column_index: ColumnIndexBuilder,
    offset_index: OffsetIndexBuilder,
}

/// What is known of a page besides its bytes.
pub(super) struct PageFacts {
    pub(super) rows: usize,
    pub(super) nulls: usize,
    pub(super) encoding: Encoding,
    /// The least and the greatest value as the column index has them; `None` where there is none.
    pub(super) bounds: Option<(Vec<u8>, Vec<u8>)>,
    /// Bytes of variable-length values, without their lengths.
    pub(super) value_bytes: Option<i64>,
}

/// A dictionary, as its page has it.
pub(super) struct DictionaryPage {
    pub(super) values: usize,
    pub(super) body: Vec<u8>,
}

impl Pages {
    pub(super) fn new(
        column: ColumnDescPtr,
        properties: &WriterProperties,
        codec: SharedCodec,
    ) -> Self {
        let statistics = properties.statistics_enabled(column.path());
        let mut column_index = ColumnIndexBuilder::new(column.physical_type());
        if statistics != EnabledStatistics::Page {
            column_index.to_invalid();
        }
        Self {
            compression: properties.compression(column.path()),
            codec,
            statistics,
            sink: Vec::new(),
            sizes: (0, 0),
            rows: 0,
            nulls: 0,
            value_bytes: None,
            encodings: Vec::new(),
            column_index,
            offset_index: OffsetIndexBuilder::new(),
            column,
        }
    }

    /// Says whether bounds of pages are wanted.
    pub(super) fn wants_bounds(&self) -> bool {
        self.column_index.valid()
    }

    /// Gives the memory of the finished pages.
    pub(super) fn memory(&self) -> usize {
        self.sink.len()
    }

    /// Compresses and adds a page: levels and values as version 1 has them.
    pub(super) fn add(&mut self, body: &[u8], facts: PageFacts) -> Result<()> {
        let nulls = facts.nulls as i64;
        if self.column_index.valid() {
            match facts.bounds {
                Some((least, most)) => self.column_index.append(false, least, most, nulls),
                None if facts.nulls == facts.rows => {
                    self.column_index
                        .append(true, Vec::new(), Vec::new(), nulls);
                }
                // Values without an order: nothing can be said of any page.
                None => self.column_index.to_invalid(),
            }
        }
        let page = Page::DataPage {
            buf: self.codec.compress(body)?.into(),
            num_values: facts.rows as u32,
            encoding: facts.encoding,
            def_level_encoding: Encoding::RLE,
            rep_level_encoding: Encoding::RLE,
            statistics: None,
        };
        let page = CompressedPage::new(page, body.len());
        let written = write_page(&mut self.sink, page)?;
        self.count(&written, PageType::DATA_PAGE, facts.encoding);
        let size = written.compressed_size as i32;
        self.offset_index
            .append_offset_and_size(written.offset as i64, size);
        self.offset_index.append_row_count(facts.rows as i64);
        self.offset_index
            .append_unencoded_byte_array_data_bytes(facts.value_bytes);
        self.rows += facts.rows;
        self.nulls += facts.nulls;
        if let Some(bytes) = facts.value_bytes {
            *self.value_bytes.get_or_insert(0) += bytes;
        }
        Ok(())
    }

    fn count(&mut self, written: &PageWriteSpec, page_type: PageType, encoding: Encoding) {
        self.sizes.0 += written.compressed_size;
        self.sizes.1 += written.uncompressed_size;
        match self.encodings.last_mut() {
            Some(last) if last.page_type == page_type && last.encoding == encoding => {
                last.count += 1;
            }
            _ => self.encodings.push(PageEncodingStats {
                page_type,
                encoding,
                count: 1,
            }),
        }
    }

    /// Gives the nulls of all pages.
    pub(super) fn nulls(&self) -> u64 {
        self.nulls as u64
    }

    /// Puts the dictionary before the pages and finishes the column.
    pub(super) fn close(
        mut self,
        dictionary: Option<(DictionaryPage, Encoding)>,
        order: BoundaryOrder,
        statistics: Statistics,
    ) -> Result<EncodedColumn> {
        let mut front = Vec::new();
        if let Some((page, encoding)) = dictionary {
            front = self.dictionary(page, encoding)?;
        }
        let pages = self.sink;
        let data_page = front.len() as i64;
        let bytes = match front.is_empty() {
            true => pages,
            false => [front, pages].concat(),
        };
        let mut encodings = vec![Encoding::RLE];
        encodings.extend(self.encodings.iter().map(|stats| stats.encoding));
        let mut metadata = ColumnChunkMetaData::builder(self.column)
            .set_compression(self.compression)
            .set_encodings(encodings)
            .set_page_encoding_stats(self.encodings)
            .set_total_compressed_size(self.sizes.0 as i64)
            .set_total_uncompressed_size(self.sizes.1 as i64)
            .set_num_values(self.rows as i64)
            .set_data_page_offset(data_page)
            .set_dictionary_page_offset((data_page > 0).then_some(0));
        if self.statistics != EnabledStatistics::None {
            metadata = metadata
                .set_statistics(statistics)
                .set_unencoded_byte_array_data_bytes(self.value_bytes);
        }
        self.column_index.set_boundary_order(order);
        let column_index = match self.column_index.valid() {
            true => Some(self.column_index.build().map_err(unwritable)?),
            false => None,
        };
        let mut offset_index = self.offset_index.build();
        for page in &mut offset_index.page_locations {
            page.offset += data_page;
        }
        Ok(EncodedColumn {
            close: ColumnCloseResult {
                bytes_written: bytes.len() as u64,
                rows_written: self.rows as u64,
                metadata: metadata.build().map_err(unwritable)?,
                bloom_filter: None,
                column_index,
                offset_index: Some(offset_index),
            },
            bytes: bytes.into(),
        })
    }

    fn dictionary(&mut self, page: DictionaryPage, encoding: Encoding) -> Result<Vec<u8>> {
        let compressed = Page::DictionaryPage {
            buf: self.codec.compress(&page.body)?.into(),
            num_values: page.values as u32,
            encoding,
            is_sorted: false,
        };
        let mut front = Vec::new();
        let compressed = CompressedPage::new(compressed, page.body.len());
        let written = write_page(&mut front, compressed)?;
        self.count(&written, PageType::DICTIONARY_PAGE, encoding);
        Ok(front)
    }
}

/// Appends a page. What tracks the bytes has a buffer of its own, which no column is to keep.
fn write_page(sink: &mut Vec<u8>, page: CompressedPage) -> Result<PageWriteSpec> {
    let start = sink.len() as u64;
    let mut tracked = TrackedWrite::new(sink);
    let mut written = SerializedPageWriter::new(&mut tracked)
        .write_page(page)
        .map_err(unwritable)?;
    tracked.flush()?;
    written.offset += start;
    Ok(written)
}
