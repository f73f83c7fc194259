//! How a text file is compressed as a whole.

use velo_core::Result;

use crate::compression::Compressor;
use crate::{CommonWriteOptions, Compression};

/// Algorithm and level, checked.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextCompression {
    algorithm: Compression,
    level: Option<i32>,
}

impl TextCompression {
    /// Checks the options.
    pub(crate) fn new(options: &CommonWriteOptions) -> Result<Self> {
        let algorithm = options.compression.unwrap_or(Compression::None);
        let level = options.compression_level;
        Compressor::new(algorithm, level)?;
        Ok(Self { algorithm, level })
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
