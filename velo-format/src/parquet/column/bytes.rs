//! Columns of text and bytes.

use std::cmp::Ordering;
use std::ops::Range;

use ::parquet::basic::Encoding;
use ::parquet::data_type::ByteArray;
use ::parquet::file::statistics::{Statistics, ValueStatistics};
use arrow_array::cast::AsArray;
use arrow_array::{
    Array, BinaryArray, BinaryViewArray, LargeBinaryArray, LargeStringArray, StringArray,
    StringViewArray,
};
use arrow_schema::DataType;
use velo_core::{Error, ErrorKind, Result};

use super::bounds::{Bounds, cut_least, cut_most};
use super::levels::Levels;
use super::pages::{DictionaryPage, EncodedColumn, PageFacts, Pages};
use super::prefix::rank;
use super::table::NumberedBytes;
use super::{ColumnEncoder, Settings, hybrid};

/// Encodes a column of text or bytes.
pub(super) struct BytesEncoder {
    settings: Settings,
    /// Whether the bytes are text.
    text: bool,
    pages: Pages,
    levels: Levels,
    values: Values,
    bounds: Bounds<Vec<u8>>,
    body: Vec<u8>,
}

/// The values of the open page.
enum Values {
    /// As they are: the length in four bytes, then the value.
    Plain(Plain),
    Numbered(Dictionary),
    /// Plain, after the dictionary grew beyond its limit.
    Outgrown(Plain, NumberedBytes),
}

#[derive(Default)]
struct Plain {
    body: Vec<u8>,
    /// Bytes of the values without their lengths.
    bytes: usize,
    /// Where in `body` the least and the greatest value are.
    least: Option<(u64, Range<usize>)>,
    most: Option<(u64, Range<usize>)>,
}

#[derive(Default)]
struct Dictionary {
    table: NumberedBytes,
    indices: Vec<u32>,
    bytes: usize,
}

impl BytesEncoder {
    pub(super) fn new(text: bool, settings: Settings, pages: Pages) -> Self {
        let values = match settings.dictionary {
            true => Values::Numbered(Dictionary::default()),
            false => Values::Plain(Plain::default()),
        };
        Self {
            text,
            pages,
            levels: Levels::new(settings.nullable),
            settings,
            values,
            bounds: Bounds::new(),
            body: Vec::new(),
        }
    }

    fn write_values<'a>(
        &mut self,
        array: &dyn Array,
        value: impl Fn(usize) -> &'a [u8],
    ) -> Result<()> {
        let nulls = array.nulls().filter(|nulls| nulls.null_count() > 0);
        let mut at = 0;
        while at < array.len() {
            let most = (self.settings.page_rows.max(1) - self.levels.rows()).min(array.len() - at);
            let rows = at..at + most;
            let valid = |row: &usize| nulls.is_none_or(|nulls| nulls.is_valid(*row));
            let settings = &self.settings;
            let (taken, is_large) = match &mut self.values {
                Values::Plain(plain) | Values::Outgrown(plain, _) => fill(rows, valid, |row| {
                    plain.push(value(row))?;
                    Ok(plain.body.len() >= settings.page_bytes)
                })?,
                Values::Numbered(dictionary) => fill(rows, valid, |row| {
                    dictionary.push(value(row))?;
                    Ok(dictionary.size() > settings.dictionary_bytes)
                })?,
            };
            let nulls = nulls.map(|nulls| nulls.slice(at, taken));
            self.levels.add(taken, nulls.as_ref());
            at += taken;
            if self.levels.rows() >= self.settings.page_rows || is_large {
                self.flush()?;
            }
        }
        Ok(())
    }

    /// Finishes the open page.
    fn flush(&mut self) -> Result<()> {
        self.body.clear();
        let (rows, nulls) = (self.levels.rows(), self.levels.nulls());
        self.levels.flush(&mut self.body);
        let (encoding, bounds, value_bytes) = match &mut self.values {
            Values::Plain(plain) | Values::Outgrown(plain, _) => {
                let (bounds, bytes) = (plain.bounds(), plain.bytes);
                self.body.extend_from_slice(&plain.body);
                plain.clear();
                (Encoding::PLAIN, bounds, bytes)
            }
            Values::Numbered(dictionary) => {
                let (bounds, bytes) = (dictionary.bounds(), dictionary.bytes);
                dictionary.flush(&mut self.body);
                (self.settings.index_encoding, bounds, bytes)
            }
        };
        let cut = bounds
            .as_ref()
            .filter(|_| self.pages.wants_bounds())
            .map(|(least, most)| {
                let whole = || most.clone();
                (
                    cut_least(least, self.text).to_vec(),
                    cut_most(most, self.text).unwrap_or_else(whole),
                )
            });
        if let Some((least, most)) = bounds {
            self.bounds.add(least, most);
        }
        self.pages.add(
            &self.body,
            PageFacts {
                rows,
                nulls,
                encoding,
                bounds: cut,
                value_bytes: Some(value_bytes as i64),
            },
        )?;
        self.leave_large_dictionary();
        Ok(())
    }

    fn leave_large_dictionary(&mut self) {
        if let Values::Numbered(dictionary) = &mut self.values
            && dictionary.size() > self.settings.dictionary_bytes
        {
            let table = std::mem::take(&mut dictionary.table);
            self.values = Values::Outgrown(Plain::default(), table);
        }
    }

    fn statistics(&self, nulls: u64) -> Statistics {
        let (mut least, mut most, mut exact) = (None, None, (true, true));
        if let Some((whole_least, whole_most)) = self.bounds.column() {
            let short = cut_least(&whole_least, self.text).to_vec();
            exact.0 = short.len() == whole_least.len();
            least = Some(ByteArray::from(short));
            let short = cut_most(&whole_most, self.text);
            exact.1 = short.as_ref().is_none_or(|short| *short == whole_most);
            most = Some(ByteArray::from(short.unwrap_or(whole_most)));
        }
        Statistics::ByteArray(
            ValueStatistics::new(least, most, None, Some(nulls), false)
                .with_min_is_exact(exact.0)
                .with_max_is_exact(exact.1),
        )
    }
}

/// Adds the rows that have a value until `push` says that the page is large enough; gives the number
/// of rows gone through, and whether it is.
fn fill(
    rows: Range<usize>,
    valid: impl Fn(&usize) -> bool,
    mut push: impl FnMut(usize) -> Result<bool>,
) -> Result<(usize, bool)> {
    let start = rows.start;
    for row in rows.clone() {
        if valid(&row) && push(row)? {
            return Ok((row + 1 - start, true));
        }
    }
    Ok((rows.len(), false))
}

impl Plain {
    fn push(&mut self, value: &[u8]) -> Result<()> {
        self.body.extend_from_slice(&length(value)?.to_le_bytes());
        let start = self.body.len();
        self.body.extend_from_slice(value);
        self.bytes += value.len();
        let place = start..self.body.len();
        let rank = rank(value);
        let order = |known: &Option<(u64, Range<usize>)>| {
            let (known_rank, known) = known.as_ref()?;
            let by_bytes = || value.cmp(&self.body[known.clone()]);
            Some(rank.cmp(known_rank).then_with(by_bytes))
        };
        let (is_least, is_most) = (
            order(&self.least).is_none_or(Ordering::is_lt),
            order(&self.most).is_none_or(Ordering::is_gt),
        );
        if is_least {
            self.least = Some((rank, place.clone()));
        }
        if is_most {
            self.most = Some((rank, place));
        }
        Ok(())
    }

    fn bounds(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let ((_, least), (_, most)) = (self.least.as_ref()?, self.most.as_ref()?);
        Some((
            self.body[least.clone()].to_vec(),
            self.body[most.clone()].to_vec(),
        ))
    }

    fn clear(&mut self) {
        self.body.clear();
        (self.bytes, self.least, self.most) = (0, None, None);
    }
}

impl Dictionary {
    /// Gives the size of the dictionary's page.
    fn size(&self) -> usize {
        self.table.bytes() + 4 * self.table.len()
    }

    fn push(&mut self, value: &[u8]) -> Result<()> {
        length(value)?;
        self.bytes += value.len();
        self.indices.push(self.table.number(value));
        Ok(())
    }

    /// Gives the least and the greatest value among those of the page.
    fn bounds(&self) -> Option<(Vec<u8>, Vec<u8>)> {
        let mut present = vec![false; self.table.len()];
        self.indices
            .iter()
            .for_each(|number| present[*number as usize] = true);
        let values = || {
            let numbers = (0..present.len()).filter(|number| present[*number]);
            numbers.map(|number| self.table.value(number))
        };
        Some((values().min()?.to_vec(), values().max()?.to_vec()))
    }

    fn flush(&mut self, body: &mut Vec<u8>) {
        let width = hybrid::width(self.table.len().saturating_sub(1));
        body.push(width);
        hybrid::encode(&self.indices, width, body);
        self.indices.clear();
        self.bytes = 0;
    }
}

/// Pages have lengths of 31 bits.
fn length(value: &[u8]) -> Result<u32> {
    let fits = i32::try_from(value.len()).ok();
    let length =
        fits.ok_or_else(|| Error::new(ErrorKind::InvalidData, "a value is longer than 2 GiB"));
    length.map(i32::cast_unsigned)
}

impl ColumnEncoder for BytesEncoder {
    fn write(&mut self, array: &dyn Array) -> Result<()> {
        match array.data_type() {
            DataType::Utf8 => {
                let texts: &StringArray = array.as_string();
                self.write_values(array, |row| texts.value(row).as_bytes())
            }
            DataType::LargeUtf8 => {
                let texts: &LargeStringArray = array.as_string();
                self.write_values(array, |row| texts.value(row).as_bytes())
            }
            DataType::Utf8View => {
                let texts: &StringViewArray = array.as_string_view();
                self.write_values(array, |row| texts.value(row).as_bytes())
            }
            DataType::Binary => {
                let bytes: &BinaryArray = array.as_binary();
                self.write_values(array, |row| bytes.value(row))
            }
            DataType::LargeBinary => {
                let bytes: &LargeBinaryArray = array.as_binary();
                self.write_values(array, |row| bytes.value(row))
            }
            DataType::BinaryView => {
                let bytes: &BinaryViewArray = array.as_binary_view();
                self.write_values(array, |row| bytes.value(row))
            }
            _ => Err(Error::new(ErrorKind::Unexpected, "column is not of bytes")),
        }
    }

    fn memory(&self) -> usize {
        let open = match &self.values {
            Values::Plain(plain) => plain.body.len(),
            Values::Numbered(dictionary) => {
                dictionary.table.memory() + dictionary.indices.len() * 4
            }
            Values::Outgrown(plain, table) => plain.body.len() + table.memory(),
        };
        self.pages.memory() + open
    }

    fn close(mut self: Box<Self>) -> Result<EncodedColumn> {
        if self.levels.rows() > 0 {
            self.flush()?;
        }
        let dictionary = match &self.values {
            Values::Plain(_) => None,
            Values::Numbered(Dictionary { table, .. }) | Values::Outgrown(_, table) => {
                let page = DictionaryPage {
                    values: table.len(),
                    body: table.plain(),
                };
                Some((page, self.settings.dictionary_encoding))
            }
        };
        let order = self.bounds.order();
        let nulls = self.pages.nulls();
        let statistics = self.statistics(nulls);
        self.pages.close(dictionary, order, statistics)
    }
}
