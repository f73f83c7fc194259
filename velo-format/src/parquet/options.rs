//! Options of Parquet.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Codec of the pages inside a Parquet file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Codec {
    /// None.
    Uncompressed,
    /// Snappy: fast.
    #[default]
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

/// Options of writing Parquet.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ParquetWriteOptions {
    /// Codec of the pages.
    pub codec: Codec,
    /// Level of the codec, in its own scale.
    pub codec_level: Option<i32>,
    /// Rows in a row group at most.
    pub row_group_rows: usize,
}

impl Default for ParquetWriteOptions {
    fn default() -> Self {
        Self {
            codec: Codec::Snappy,
            codec_level: None,
            row_group_rows: 122_880,
        }
    }
}
