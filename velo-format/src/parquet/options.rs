//! Options of Parquet.

use ::parquet::basic::{BrotliLevel, Compression as PageCompression, GzipLevel, ZstdLevel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use velo_core::Result;

use crate::codec::Chosen;
use crate::{Codec, WriteOptions};

/// Options of writing Parquet.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ParquetWriteOptions {
    /// Rows in a row group at most.
    pub row_group_rows: usize,
}

impl Default for ParquetWriteOptions {
    fn default() -> Self {
        Self {
            row_group_rows: 122_880,
        }
    }
}

/// Gives the codec of the pages as the writer names it.
pub(super) fn page_compression(options: &WriteOptions) -> Result<PageCompression> {
    let chosen = Chosen::of(options)?;
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
