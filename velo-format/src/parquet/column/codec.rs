//! Compression of pages.

use std::io::Write;

use ::parquet::basic::Compression;
use flate2::Compression as GzipLevel;
use flate2::write::GzEncoder;
use velo_core::{Error, ErrorKind, Result};

/// A codec with its state, which serves page after page.
pub(super) enum PageCodec {
    Uncompressed,
    Snappy {
        encoder: Box<snap::raw::Encoder>,
        /// Room for the largest page so far.
        room: Vec<u8>,
    },
    Zstd(zstd::bulk::Compressor<'static>),
    Gzip(GzipLevel),
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
            Compression::GZIP(level) => Self::Gzip(GzipLevel::new(level.compression_level())),
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
            Self::Gzip(level) => {
                // A bare header: DuckDB refuses pages whose header has an extra field, such as the
                // members of our text files have.
                let mut gzip = GzEncoder::new(Vec::new(), *level);
                gzip.write_all(page).map_err(failed)?;
                gzip.finish().map_err(failed)
            }
        }
    }
}

fn failed(error: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::new(ErrorKind::Unexpected, "compress a page").with_source(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_pages_have_a_bare_header() {
        let level = ::parquet::basic::GzipLevel::try_new(6).unwrap();
        let mut codec = PageCodec::new(Compression::GZIP(level)).unwrap().unwrap();
        let page = b"a page".repeat(100);
        let found = codec.compress(&page).unwrap();
        // Magic, method 8, no flags (RFC 1952, section 2.3).
        assert_eq!(found[..4], [0x1f, 0x8b, 8, 0]);
        let mut back = Vec::new();
        let mut decoder = flate2::read::GzDecoder::new(&found[..]);
        std::io::Read::read_to_end(&mut decoder, &mut back).unwrap();
        assert_eq!(back, page);
    }
}
