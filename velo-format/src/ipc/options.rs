//! Which of the options say how buffers are compressed.

use arrow_ipc::writer::IpcWriteOptions;
use arrow_ipc::{CompressionType, MetadataVersion};
use velo_core::Result;

use super::error::unwritable;
use crate::codec::Chosen;
use crate::{Codec, WriteOptions};

/// Buffers start at multiples of this, which every processor's vectors like.
pub(super) const ALIGNMENT: usize = 64;

/// Reads the options of writing; `compression` and `codec` mean the same.
pub(super) fn write_options(options: &WriteOptions) -> Result<IpcWriteOptions> {
    let chosen = Chosen::of(options, Codec::Uncompressed)?;
    let compression = match chosen.codec {
        Codec::Uncompressed => None,
        Codec::Lz4Raw => Some(CompressionType::LZ4_FRAME),
        Codec::Zstd => Some(CompressionType::ZSTD),
        _ => return Err(chosen.refuse("arrow", "codecs of arrow: uncompressed, lz4, zstd")),
    };
    chosen.no_level()?;
    IpcWriteOptions::try_new(ALIGNMENT, false, MetadataVersion::V5)
        .and_then(|options| options.try_with_compression(compression))
        .map_err(unwritable)
}
