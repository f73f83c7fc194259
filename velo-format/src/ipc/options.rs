//! Which of the options say how buffers are compressed.

use arrow_ipc::writer::IpcWriteOptions;
use arrow_ipc::{CompressionType, MetadataVersion};
use velo_core::{Error, ErrorKind, Result};

use super::error::unwritable;
use crate::parquet::Codec;
use crate::{Compression, WriteOptions};

/// Buffers start at multiples of this, which every processor's vectors like.
pub(super) const ALIGNMENT: usize = 64;

/// Reads the options of writing; `compression` and `codec` mean the same.
pub(super) fn write_options(options: &WriteOptions) -> Result<IpcWriteOptions> {
    let codec = match (options.parquet.codec, options.common.compression) {
        (Some(codec), None) => codec,
        (Some(codec @ Codec::Zstd), Some(Compression::Zstd)) => codec,
        (Some(codec @ Codec::Uncompressed), Some(Compression::None)) => codec,
        (Some(_), Some(_)) => {
            return Err(refuse(
                "compression",
                "for arrow it is codec: set that only",
            ));
        }
        (None, None | Some(Compression::None)) => Codec::Uncompressed,
        (None, Some(Compression::Zstd)) => Codec::Zstd,
        (None, Some(Compression::Gzip | Compression::Snappy)) => {
            return Err(refuse(
                "compression",
                "codec= takes lz4, zstd or uncompressed",
            ));
        }
    };
    let compression = match codec {
        Codec::Uncompressed => None,
        Codec::Lz4Raw => Some(CompressionType::LZ4_FRAME),
        Codec::Zstd => Some(CompressionType::ZSTD),
        Codec::Snappy | Codec::Gzip | Codec::Brotli => {
            return Err(refuse("codec", "arrow has lz4, zstd and uncompressed"));
        }
    };
    for (option, level) in [
        ("codec_level", options.parquet.codec_level),
        ("compression_level", options.common.compression_level),
    ] {
        if level.is_some() {
            return Err(refuse(
                option,
                "leave it out: its codecs have one level here",
            ));
        }
    }
    IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5)
        .and_then(|options| options.try_with_compression(compression))
        .map_err(unwritable)
}

fn refuse(option: &'static str, hint: &'static str) -> Error {
    Error::new(ErrorKind::Config, "arrow cannot be compressed in this way")
        .with("option", option)
        .with_hint(hint)
}
