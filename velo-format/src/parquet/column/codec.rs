//! Compression of pages.

use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};

use ::parquet::basic::Compression;
use flate2::Compression as GzipLevel;
use flate2::write::GzEncoder;
use velo_core::{Error, ErrorKind, Result};

/// A codec with its state, which serves page after page.
enum PageCodec {
    Uncompressed,
    Snappy {
        encoder: Box<snap::raw::Encoder>,
        /// Room for the largest page so far.
        room: Vec<u8>,
    },
    Zstd(zstd::bulk::Compressor<'static>),
    Gzip(GzipLevel),
}

/// The codecs of a row group.
///
/// A codec holds up to a megabyte, whatever it has compressed: columns with the same one share it.
#[derive(Default)]
pub(in crate::parquet) struct Codecs {
    known: Vec<(Compression, SharedCodec)>,
}

/// A codec of many columns, which are all encoded by one thread.
#[derive(Clone)]
pub(super) struct SharedCodec(Arc<Mutex<PageCodec>>);

impl Codecs {
    /// Gives a codec; `None` for those that are left to the parquet crate.
    ///
    /// # Errors
    /// `Unexpected` when it cannot be set up.
    pub(super) fn codec(&mut self, compression: Compression) -> Result<Option<SharedCodec>> {
        if let Some((_, codec)) = self.known.iter().find(|(known, _)| *known == compression) {
            return Ok(Some(codec.clone()));
        }
        let Some(codec) = PageCodec::new(compression)? else {
            return Ok(None);
        };
        let codec = SharedCodec(Arc::new(Mutex::new(codec)));
        self.known.push((compression, codec.clone()));
        Ok(Some(codec))
    }
}

impl SharedCodec {
    pub(super) fn compress(&self, page: &[u8]) -> Result<Vec<u8>> {
        let mut codec = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        codec.compress(page)
    }
}

impl PageCodec {
    /// Sets up a codec; `None` for those that are left to the parquet crate.
    fn new(compression: Compression) -> Result<Option<Self>> {
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

    fn compress(&mut self, page: &[u8]) -> Result<Vec<u8>> {
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
        let gzip = Compression::GZIP(level);
        let codec = Codecs::default().codec(gzip).unwrap().unwrap();
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
