//! Compression of pages.

use ::parquet::basic::Compression;
use velo_core::{Error, ErrorKind, Result};

use crate::compression::Compressor;

/// A codec with its state, which serves page after page.
pub(super) enum PageCodec {
    Uncompressed,
    Snappy {
        encoder: Box<snap::raw::Encoder>,
        /// Room for the largest page so far.
        room: Vec<u8>,
    },
    Zstd(zstd::bulk::Compressor<'static>),
    Gzip(Compressor),
}

impl PageCodec {
    /// Sets up a codec; `None` for those that are left to the parquet crate.
    pub(super) fn new(compression: Compression) -> Result<Option<Self>> {
        Ok(Some(match compression {
            Compression::UNCOMPRESSED => Self::Uncompressed,
            Compression::SNAPPY => Self::Snappy {
                encoder: Box::new(snap::raw::Encoder::new()),
                room: Vec::new(),
            },
            Compression::ZSTD(level) => {
                let level = level.compression_level();
                Self::Zstd(zstd::bulk::Compressor::new(level).map_err(failed)?)
            }
            Compression::GZIP(level) => {
                let level = level.compression_level().cast_signed();
                Self::Gzip(Compressor::new(crate::Compression::Gzip, Some(level))?)
            }
            _ => return Ok(None),
        }))
    }

    pub(super) fn compress(&mut self, page: &[u8]) -> Result<Vec<u8>> {
        match self {
            Self::Uncompressed => Ok(page.to_vec()),
            Self::Snappy { encoder, room } => {
                let most = snap::raw::max_compress_len(page.len());
                if room.len() < most {
                    room.resize(most, 0);
                }
                let length = encoder.compress(page, room).map_err(failed)?;
                Ok(room[..length].to_vec())
            }
            Self::Zstd(zstd) => zstd.compress(page).map_err(failed),
            Self::Gzip(gzip) => gzip.compress(page),
        }
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Unexpected, "compress a page").with_source(error)
}
