//! Compression of a whole piece of text.

use std::io::Write;

use flate2::write::GzEncoder;
use velo_core::{Error, ErrorKind, Result};

use crate::Compression;

/// Compresses pieces of text, each as a gzip member or a zstd frame of its own.
pub(crate) struct Compressor {
    compression: Compression,
    level: Option<i32>,
}

impl Compressor {
    /// Chooses algorithm and level.
    pub(crate) fn new(compression: Compression, level: Option<i32>) -> Result<Self> {
        let allowed = match compression {
            Compression::None => 0..=0,
            Compression::Gzip => 1..=9,
            Compression::Zstd => 1..=22,
        };
        match level {
            Some(level) if !allowed.contains(&level) => {
                Err(Error::new(ErrorKind::Config, "no such compression level")
                    .with("compression_level", level))
            }
            _ => Ok(Self { compression, level }),
        }
    }

    /// Compresses one piece.
    pub(crate) fn compress(&mut self, bytes: &[u8]) -> Result<Vec<u8>> {
        let compressed = match self.compression {
            Compression::None => Ok(bytes.to_vec()),
            Compression::Gzip => {
                let level = self.level.map_or(flate2::Compression::default(), |level| {
                    flate2::Compression::new(level.unsigned_abs())
                });
                let mut encoder = GzEncoder::new(Vec::new(), level);
                encoder.write_all(bytes).and_then(|()| encoder.finish())
            }
            Compression::Zstd => zstd::bulk::compress(bytes, self.level.unwrap_or(3)),
        };
        compressed.map_err(|e| Error::new(ErrorKind::Unexpected, "compress text").with_source(e))
    }
}
