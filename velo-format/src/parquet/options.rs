//! Options of Parquet.

use ::parquet::basic::{BrotliLevel, Compression as PageCompression, GzipLevel, ZstdLevel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use velo_core::{ByteSize, Result};

use crate::codec::Chosen;
use crate::{Codec, WriteOptions};

/// Which columns get a dictionary.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Dictionary {
    /// Those of which a row group's first rows show that it pays.
    #[default]
    Auto,
    /// All, until the dictionary is larger than its page may be.
    On,
    /// None.
    Off,
}

/// For what least and greatest values and numbers of nulls are kept, by which readers leave out
/// what they need not read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Statistics {
    /// For nothing.
    None,
    /// For each column of a row group.
    Chunk,
    /// For each page as well.
    #[default]
    Page,
}

/// Version of the data pages.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub enum PageVersion {
    /// Read by everything.
    #[default]
    #[serde(rename = "1")]
    One,
    /// Levels outside the compressed part, and delta encodings where there is no dictionary.
    #[serde(rename = "2")]
    Two,
}

/// Options of writing Parquet.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ParquetWriteOptions {
    /// Rows in a row group at most.
    pub row_group_rows: usize,
    /// Memory that an open row group takes at most, encoded as far as it is: wide rows come in
    /// groups of fewer rows.
    pub row_group_size: ByteSize,
    /// Size of a data page, before compression, from which on the next one is begun.
    pub page_size: ByteSize,
    /// Which columns get a dictionary: by their first rows, all, none.
    pub dictionary: Dictionary,
    /// Size of a dictionary from which on a column goes on without.
    pub dictionary_page_size: ByteSize,
    /// Least and greatest values and numbers of nulls: none, for row groups, for pages too.
    pub statistics: Statistics,
    /// Columns with a Bloom filter in each row group, by which readers find out that it lacks a
    /// value: `id,name`; columns in a struct as `address.city`.
    pub bloom_filter: Option<Vec<String>>,
    /// Share of values that a Bloom filter wrongly lets pass, above 0 and below 1: less takes more
    /// room.
    pub bloom_filter_fpp: f64,
    /// Encoding of some columns, which then have no dictionary:
    /// `id:delta_binary_packed,price:byte_stream_split`; also plain, delta_length_byte_array,
    /// delta_byte_array, rle.
    pub column_encoding: Option<Vec<String>>,
    /// Version of the data pages.
    pub parquet_version: PageVersion,
}

impl Default for ParquetWriteOptions {
    fn default() -> Self {
        Self {
            row_group_rows: 122_880,
            row_group_size: ByteSize(64 << 20),
            page_size: ByteSize(1 << 20),
            dictionary: Dictionary::Auto,
            dictionary_page_size: ByteSize(1 << 20),
            statistics: Statistics::Page,
            bloom_filter: None,
            bloom_filter_fpp: 0.05,
            column_encoding: None,
            parquet_version: PageVersion::One,
        }
    }
}

/// Gives the codec of the pages as the writer names it.
pub(super) fn page_compression(options: &WriteOptions) -> Result<PageCompression> {
    let chosen = Chosen::of(options, Codec::Snappy)?;
    let unknown = |_| chosen.refuse_level("the codec does not know this level".to_owned());
    Ok(match chosen.codec {
        Codec::Zstd => {
            let level = chosen.level(1, 22, 3)?;
            PageCompression::ZSTD(ZstdLevel::try_new(level).map_err(unknown)?)
        }
        Codec::Gzip => {
            let level = chosen.level(1, 9, 6)?.unsigned_abs();
            PageCompression::GZIP(GzipLevel::try_new(level).map_err(unknown)?)
        }
        Codec::Brotli => {
            let level = chosen.level(0, 11, 1)?.unsigned_abs();
            PageCompression::BROTLI(BrotliLevel::try_new(level).map_err(unknown)?)
        }
        Codec::Deflate | Codec::Bzip2 | Codec::Xz => {
            let hint = "codecs of parquet: uncompressed, snappy, zstd, lz4_raw, gzip, brotli";
            return Err(chosen.refuse("parquet", hint));
        }
        Codec::Uncompressed | Codec::Snappy | Codec::Lz4Raw => {
            chosen.no_level()?;
            match chosen.codec {
                Codec::Snappy => PageCompression::SNAPPY,
                Codec::Lz4Raw => PageCompression::LZ4_RAW,
                _ => PageCompression::UNCOMPRESSED,
            }
        }
    })
}
