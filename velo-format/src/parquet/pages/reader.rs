//! The pages of one column chunk, one after the other.

use std::sync::Arc;

use ::parquet::basic::{Encoding, Type};
use ::parquet::column::page::{Page, PageMetadata, PageReader};
use ::parquet::errors::{ParquetError, Result};
use ::parquet::file::metadata::ColumnChunkMetaData;
use ::parquet::file::page_index::offset_index::PageLocation;
use ::parquet::file::reader::ChunkReader;
use bytes::Bytes;
use velo_core::{Error, ErrorKind};

use super::allowance::{Allowance, MOST_OPEN};
use super::counts::{Leaf, check_delta};
use super::days::are_reached;
use super::decompress::Decompressor;
use super::header::{Data, DataV2, Dictionary, Header, Kind};
use super::index::Index;
use crate::parquet::input::ParquetBytes;

/// Read for a header, whose length nobody knows beforehand; mostly under 100 bytes. The page itself
/// is then read in one piece.
const HEADER_BLOCK: u64 = 4 * 1024;
/// Longest header: statistics in it may repeat a long value twice.
const LONGEST_HEADER: u64 = 16 << 20;

/// What all columns of a reader share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) bytes: ParquetBytes,
    /// Longest page, in bytes, decompressed or not.
    pub(super) longest: usize,
    /// Most rows of a batch.
    pub(super) batch_rows: usize,
    pub(super) allowance: Arc<Allowance>,
}

pub(super) struct ColumnPages {
    shared: Shared,
    decompressor: Decompressor,
    leaf: Leaf,
    /// Where in the file the next page starts, and where the chunk ends.
    at: u64,
    end: u64,
    /// The header of the next page, where it has been looked at.
    next: Option<Header>,
    index: Option<Index>,
    /// Bytes of the dictionary and of the data page that are open.
    dictionary: usize,
    data: usize,
    /// Bytes of the longest value of the dictionary.
    longest_value: usize,
    /// The batch for which a page was read last.
    batch: usize,
}

impl ColumnPages {
    pub(super) fn new(
        shared: Shared,
        chunk: &ColumnChunkMetaData,
        locations: Option<&[PageLocation]>,
        rows: usize,
    ) -> Result<Self> {
        let column = chunk.column_descr();
        let (at, length) = chunk.byte_range();
        let end = at.saturating_add(length);
        let leaf = Leaf {
            kind: chunk.column_type(),
            width: usize::try_from(column.type_length()).unwrap_or(0),
            deepest_definition: column.max_def_level(),
            deepest_repetition: column.max_rep_level(),
        };
        Ok(Self {
            shared,
            decompressor: Decompressor::new(chunk.compression())?,
            leaf,
            at,
            end,
            next: None,
            index: locations.and_then(|locations| Index::new(locations, at..end, rows)),
            dictionary: 0,
            data: 0,
            longest_value: 0,
            batch: 0,
        })
    }

    /// Looks at the header of the next page; `None` behind the last.
    fn header(&mut self) -> Result<Option<&Header>> {
        while self.next.is_none() && self.at < self.end {
            let header = self.read_header()?;
            self.at += header.length as u64;
            let left = self.end - self.at;
            if header.stored as u64 > left {
                return Err(damaged("a page is longer than its column chunk"));
            }
            match header.kind {
                Kind::Other => self.at += header.stored as u64,
                _ => self.next = Some(header),
            }
        }
        Ok(self.next.as_ref())
    }

    fn read_header(&self) -> Result<Header> {
        let mut length = HEADER_BLOCK;
        loop {
            let most = (self.end - self.at).min(length);
            let bytes = self.shared.bytes.get_bytes(self.at, most as usize)?;
            match Header::read(&bytes) {
                Some(header) => return Ok(header),
                None if most < length || length >= LONGEST_HEADER => {
                    return Err(damaged("a page has no header that makes sense"));
                }
                None => length *= 16,
            }
        }
    }

    /// Takes the place of the page before, whose bytes nobody has any more.
    fn open(&mut self, header: &Header) -> Result<()> {
        let length = header.plain.max(header.stored);
        let place = self.shared.bytes.clone();
        if length > self.shared.longest {
            let error = Error::new(ErrorKind::InvalidData, "page is longer than allowed")
                .with("byte", self.at)
                .with("max_line_length", self.shared.longest)
                .with_hint("max_line_length= allows more, if the file is sound");
            return Err(place.fail(error));
        }
        let open = match header.kind {
            Kind::Dictionary(_) => &mut self.dictionary,
            _ => &mut self.data,
        };
        let before = std::mem::replace(open, length);
        if !self.shared.allowance.replace(before, length) {
            let error = Error::new(ErrorKind::InvalidData, "pages are longer than allowed")
                .with("allowed", MOST_OPEN)
                .with_hint("read fewer columns at once, if the file is sound");
            return Err(place.fail(error));
        }
        Ok(())
    }

    fn page(&mut self, header: Header) -> Result<Page> {
        self.open(&header)?;
        let stored = self.shared.bytes.get_bytes(self.at, header.stored)?;
        self.at += header.stored as u64;
        let plain = header.plain;
        match header.kind {
            Kind::Dictionary(header) => self.dictionary(header, stored, plain),
            Kind::Data(header) => self.data(header, stored, plain),
            Kind::DataV2(header) => self.data_v2(header, stored, plain),
            Kind::Other => Err(damaged("a page of no known kind")),
        }
    }

    fn dictionary(&mut self, header: Dictionary, stored: Bytes, plain: usize) -> Result<Page> {
        let buf = self.decompressed(stored, 0, plain)?;
        self.leaf.check_dictionary(&header, &buf)?;
        self.check_days(&buf)?;
        self.longest_value = self.leaf.longest(&buf);
        if !self.leaf.repeats() {
            let most = self.longest_value.saturating_mul(self.shared.batch_rows);
            allowed(self.shared.allowance.keep(most))?;
        }
        Ok(Page::DictionaryPage {
            buf,
            num_values: header.values,
            encoding: header.encoding,
            is_sorted: header.sorted,
        })
    }

    fn data(&mut self, header: Data, stored: Bytes, plain: usize) -> Result<Page> {
        self.spend(header.values, plain)?;
        let buf = self.decompressed(stored, 0, plain)?;
        let levels = [header.repetitions, header.definitions];
        let start = self.leaf.values_start(&buf, header.values, levels);
        check_delta(header.encoding, &buf[start..], header.values)?;
        if header.encoding == Encoding::PLAIN {
            self.check_days(&buf[start..])?;
        }
        Ok(Page::DataPage {
            buf,
            num_values: header.values,
            encoding: header.encoding,
            def_level_encoding: header.definitions,
            rep_level_encoding: header.repetitions,
            statistics: None,
        })
    }

    fn data_v2(&mut self, header: DataV2, stored: Bytes, plain: usize) -> Result<Page> {
        let levels = u64::from(header.definitions) + u64::from(header.repetitions);
        let levels = usize::try_from(levels).unwrap_or(usize::MAX);
        if levels > plain.min(stored.len()) || header.nulls > header.values {
            return Err(damaged("a page has longer levels than it has bytes"));
        }
        self.spend(header.values, plain)?;
        let buf = match header.compressed {
            true => self.decompressed(stored, levels, plain)?,
            false => stored,
        };
        check_delta(header.encoding, &buf[levels..], header.values)?;
        if header.encoding == Encoding::PLAIN {
            self.check_days(&buf[levels..])?;
        }
        Ok(Page::DataPageV2 {
            buf,
            num_values: header.values,
            encoding: header.encoding,
            num_nulls: header.nulls,
            num_rows: header.rows,
            def_levels_byte_len: header.definitions,
            rep_levels_byte_len: header.repetitions,
            is_compressed: header.compressed,
            statistics: None,
        })
    }

    /// Refuses timestamps of twelve bytes that would come out as others.
    fn check_days(&self, values: &[u8]) -> Result<()> {
        if self.leaf.kind != Type::INT96 || are_reached(values) {
            return Ok(());
        }
        let message = "timestamp of twelve bytes is outside the years 1677 to 2262";
        let error = Error::new(ErrorKind::InvalidData, message)
            .with("byte", self.at)
            .with_hint("nanoseconds reach no further; leave the column out");
        Err(self.shared.bytes.fail(error))
    }

    /// Counts what a page's values may take in the batch that it is read for.
    fn spend(&mut self, values: u32, plain: usize) -> Result<()> {
        if self.batch == 0 && !self.leaf.repeats() {
            // Nulls take as much room as values.
            let most = self.leaf.width.saturating_mul(self.shared.batch_rows);
            allowed(self.shared.allowance.keep(most))?;
        }
        let batch = std::mem::replace(&mut self.batch, self.shared.allowance.batch());
        let bytes = if self.leaf.repeats() {
            let each = self.longest_value.max(self.leaf.width).max(8);
            (values as usize).saturating_mul(each).saturating_add(plain)
        } else if batch == self.batch {
            plain
        } else {
            // Of the first page, the batch may have a part only.
            let part = self.shared.batch_rows as f64 / f64::from(values.max(1));
            (plain as f64 * part.min(1.0)) as usize
        };
        allowed(self.shared.allowance.spend(bytes))
    }

    /// Decompresses what stands behind the levels.
    fn decompressed(&mut self, stored: Bytes, levels: usize, plain: usize) -> Result<Bytes> {
        if self.decompressor.is_none() {
            return Ok(stored);
        }
        let mut page = stored[..levels].to_vec();
        // A page without values but nulls may have no bytes at all.
        if plain > levels {
            self.decompressor
                .decompress(&stored[levels..], plain - levels, &mut page)?;
        }
        Ok(page.into())
    }
}

impl PageReader for ColumnPages {
    fn get_next_page(&mut self) -> Result<Option<Page>> {
        self.header()?;
        let Some(header) = self.next.take() else {
            return Ok(None);
        };
        let is_data = !matches!(header.kind, Kind::Dictionary(_));
        let page = self.page(header)?;
        if let Some(index) = &mut self.index {
            index.pass(is_data);
        }
        Ok(Some(page))
    }

    fn peek_next_page(&mut self) -> Result<Option<PageMetadata>> {
        if self.next.is_none()
            && let Some(index) = &self.index
            && let Some((rows, _)) = index.page(self.at)
        {
            return Ok(Some(PageMetadata {
                num_rows: Some(rows),
                num_levels: None,
                is_dict: false,
            }));
        }
        let header = self.header()?;
        Ok(header.map(|header| match &header.kind {
            Kind::DataV2(page) => PageMetadata {
                num_rows: Some(page.rows as usize),
                num_levels: Some(page.values as usize),
                is_dict: false,
            },
            Kind::Data(page) => PageMetadata {
                num_rows: None,
                num_levels: Some(page.values as usize),
                is_dict: false,
            },
            Kind::Dictionary(_) | Kind::Other => PageMetadata {
                num_rows: None,
                num_levels: None,
                is_dict: true,
            },
        }))
    }

    fn skip_next_page(&mut self) -> Result<()> {
        if self.next.is_none()
            && let Some(index) = &mut self.index
            && let Some((_, after)) = index.page(self.at)
        {
            index.pass(true);
            self.at = after.unwrap_or(self.end);
            return Ok(());
        }
        self.header()?;
        if let Some(header) = self.next.take() {
            self.at += header.stored as u64;
            let is_data = !matches!(header.kind, Kind::Dictionary(_));
            if let Some(index) = &mut self.index {
                index.pass(is_data);
            }
        }
        Ok(())
    }

    fn at_record_boundary(&mut self) -> Result<bool> {
        // A page index counts rows, so no row stands in two pages; nor in those of version 2.
        let next = self.peek_next_page()?;
        Ok(self.index.is_some() || next.is_none_or(|page| page.num_rows.is_some()))
    }
}

impl Iterator for ColumnPages {
    type Item = Result<Page>;

    fn next(&mut self) -> Option<Self::Item> {
        self.get_next_page().transpose()
    }
}

impl Drop for ColumnPages {
    fn drop(&mut self) {
        let open = self.dictionary + self.data;
        self.shared.allowance.replace(open, 0);
    }
}

/// Ends a batch that is not allowed; its reader looks at the allowance for the reason.
fn allowed(is_allowed: bool) -> Result<()> {
    match is_allowed {
        true => Ok(()),
        false => Err(damaged("rows are longer than allowed")),
    }
}

fn damaged(what: &str) -> ParquetError {
    ParquetError::General(what.to_owned())
}
