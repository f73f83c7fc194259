//! How a text file is encoded and compressed as a whole.

use velo_core::Result;

use crate::compression::Compressor;
use crate::encoding::TextEncoder;
use crate::{CommonWriteOptions, Compression};

/// Encoding, algorithm and level, checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextCompression {
    algorithm: Compression,
    level: Option<i32>,
    encoder: TextEncoder,
}

impl TextCompression {
    /// Checks the options.
    pub(crate) fn new(options: &CommonWriteOptions) -> Result<Self> {
        let algorithm = options.compression.unwrap_or(Compression::None);
        let level = options.compression_level;
        Compressor::new(algorithm, level)?;
        Ok(Self {
            algorithm,
            level,
            encoder: TextEncoder::new(options.encoding, options.invalid_bytes),
        })
    }

    /// Gives what turns the text into the file's encoding.
    pub(crate) fn encoder(self) -> TextEncoder {
        self.encoder
    }

    /// Sets up the algorithm, if there is one.
    pub(crate) fn compressor(self) -> Result<Option<Compressor>> {
        match self.algorithm {
            Compression::None => Ok(None),
            algorithm => Compressor::new(algorithm, self.level).map(Some),
        }
    }

    /// Gives the ending of a file's name with the compression's own behind it.
    pub(crate) fn extension(self, name: &str) -> String {
        match self.algorithm.ending() {
            Some(ending) => format!("{name}.{ending}"),
            None => name.to_owned(),
        }
    }
}
