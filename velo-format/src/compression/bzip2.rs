//! Bzip2, any number of streams.

use std::io::{self, Read, Write};

use bzip2::Compression as Level;
use bzip2::bufread::BzDecoder;
use bzip2::write::BzEncoder;
use velo_core::{Error, ErrorKind, Result};

use super::members::{Behind, Member, Members};
use super::{Algorithm, Input, PieceCompressor, check_level};

pub(super) const ALGORITHM: Algorithm = Algorithm {
    open: |input, behind| Ok(Box::new(Members::<BzipStream>::new(input, behind))),
    cut: None,
    compressor: |level| Ok(Box::new(BzipCompressor::new(level)?)),
};

struct BzipStream(BzDecoder<Input>);

impl Member for BzipStream {
    const BEHIND: Behind = Behind {
        first: b'B',
        padding: 0,
        goes_on: false,
    };

    fn begin(input: Input) -> Self {
        Self(BzDecoder::new(input))
    }

    fn into_input(self) -> Input {
        self.0.into_inner()
    }
}

impl Read for BzipStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

/// Makes streams.
struct BzipCompressor(Level);

impl BzipCompressor {
    fn new(level: Option<i32>) -> Result<Self> {
        let level = check_level(level.unwrap_or(9), 1, 9)?;
        Ok(Self(Level::new(level.unsigned_abs())))
    }
}

impl PieceCompressor for BzipCompressor {
    fn compress(&mut self, piece: &[u8]) -> Result<Vec<u8>> {
        let mut encoder = BzEncoder::new(Vec::with_capacity(piece.len() / 4), self.0);
        let finished = encoder.write_all(piece).and_then(|()| encoder.finish());
        finished
            .map_err(|error| Error::new(ErrorKind::Unexpected, "compress bzip2").with_source(error))
    }
}
