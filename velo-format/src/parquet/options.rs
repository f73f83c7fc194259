//! Options of Parquet.

use ::parquet::basic::{BrotliLevel, Compression as PageCompression, GzipLevel, ZstdLevel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use velo_core::{Error, ErrorKind, Result};

use crate::{Compression, WriteOptions};

/// Codec of the pages inside a Parquet file, or of the buffers of Arrow data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// None.
    Uncompressed,
    /// Snappy: fast.
    Snappy,
    /// Zstandard: small.
    Zstd,
    /// LZ4: in Parquet without frames, in Arrow with them.
    #[serde(alias = "lz4")]
    Lz4Raw,
    /// Gzip.
    Gzip,
    /// Brotli.
    Brotli,
}

/// Options of writing Parquet.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ParquetWriteOptions {
    /// Codec of the pages of Parquet (snappy when neither this nor `compression` is set), or of the
    /// buffers of Arrow (lz4, zstd, uncompressed).
    pub codec: Option<Codec>,
    /// Level of the codec, in its own scale: zstd 1 to 22, gzip 1 to 9, brotli 0 to 11.
    pub codec_level: Option<i32>,
    /// Rows in a row group at most.
    pub row_group_rows: usize,
}

impl Default for ParquetWriteOptions {
    fn default() -> Self {
        Self {
            codec: None,
            codec_level: None,
            row_group_rows: 122_880,
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
