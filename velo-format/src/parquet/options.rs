//! Options of Parquet.

use ::parquet::basic::{BrotliLevel, Compression as PageCompression, GzipLevel, ZstdLevel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use velo_core::{ByteSize, Error, ErrorKind, Result};

use crate::{Compression, WriteOptions};

/// Codec of the pages inside a Parquet file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// None.
    Uncompressed,
    /// Snappy: fast.
    Snappy,
    /// Zstandard: small.
    Zstd,
    /// LZ4 without frames.
    Lz4Raw,
    /// Gzip.
    Gzip,
    /// Brotli.
    Brotli,
}

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
    /// Codec of the pages; snappy when neither this nor `compression` is set.
    pub codec: Option<Codec>,
    /// Level of the codec, in its own scale: zstd 1 to 22, gzip 1 to 9, brotli 0 to 11.
    pub codec_level: Option<i32>,
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
            codec: None,
            codec_level: None,
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

/// Finds the codec of the pages and its level among the options of two names for each.
pub(super) fn page_compression(options: &WriteOptions) -> Result<PageCompression> {
    let common = &options.common;
    let named = match common.compression {
        None => None,
        Some(Compression::None) => Some(Codec::Uncompressed),
        Some(Compression::Gzip) => Some(Codec::Gzip),
        Some(Compression::Zstd) => Some(Codec::Zstd),
        Some(Compression::Snappy) => Some(Codec::Snappy),
        Some(Compression::Lz4) => Some(Codec::Lz4Raw),
        Some(other @ (Compression::Bzip2 | Compression::Xz)) => {
            return Err(
                Error::new(ErrorKind::Config, "pages of parquet are not compressed so")
                    .with("option", "compression")
                    .with("value", other.name())
                    .with_hint("codec=zstd makes them small"),
            );
        }
    };
    let codec = one_of("codec", options.parquet.codec, "compression", named)?;
    let (level, other) = (options.parquet.codec_level, common.compression_level);
    let level = one_of("codec_level", level, "compression_level", other)?;
    let option = if options.parquet.codec_level.is_some() {
        "codec_level"
    } else {
        "compression_level"
    };
    with_level(codec.unwrap_or(Codec::Snappy), level, option)
}

fn one_of<T: PartialEq>(
    name: &'static str,
    value: Option<T>,
    other_name: &'static str,
    other: Option<T>,
) -> Result<Option<T>> {
    if value.is_some() && other.is_some() && value != other {
        return Err(Error::new(
            ErrorKind::Config,
            "two options say different things of the pages",
        )
        .with("option", name)
        .with("other option", other_name)
        .with_hint(format!("for parquet they are the same: set {name} only")));
    }
    Ok(value.or(other))
}

fn with_level(codec: Codec, level: Option<i32>, option: &'static str) -> Result<PageCompression> {
    let refuse = |hint: &'static str| {
        Error::new(ErrorKind::Config, "level is out of range for the codec")
            .with("option", option)
            .with("value", level.unwrap_or_default())
            .with_hint(hint)
    };
    let within = |least: i32, most: i32, default: i32, hint: &'static str| {
        let level = level.unwrap_or(default);
        let fits = (least..=most).contains(&level);
        fits.then_some(level).ok_or_else(|| refuse(hint))
    };
    let unknown = "the codec does not know this level";
    Ok(match codec {
        Codec::Zstd => {
            let level = within(1, 22, 3, "levels of zstd are 1 to 22")?;
            PageCompression::ZSTD(ZstdLevel::try_new(level).map_err(|_| refuse(unknown))?)
        }
        Codec::Gzip => {
            let level = within(1, 9, 6, "levels of gzip are 1 to 9")?.unsigned_abs();
            PageCompression::GZIP(GzipLevel::try_new(level).map_err(|_| refuse(unknown))?)
        }
        Codec::Brotli => {
            let level = within(0, 11, 1, "levels of brotli are 0 to 11")?.unsigned_abs();
            PageCompression::BROTLI(BrotliLevel::try_new(level).map_err(|_| refuse(unknown))?)
        }
        _ if level.is_some() => return Err(refuse("only zstd, gzip and brotli have levels")),
        Codec::Uncompressed => PageCompression::UNCOMPRESSED,
        Codec::Snappy => PageCompression::SNAPPY,
        Codec::Lz4Raw => PageCompression::LZ4_RAW,
    })
}
