//! Zstandard (RFC 8878), any number of frames.

use std::io::{self, Read};

use velo_core::{Error, ErrorKind, Result};
use zstd::bulk::Compressor;
use zstd::stream::read::Decoder;

use super::{Algorithm, Input, PieceCompressor, check_level, unsupported};

/// Frames may look back so far, as a power of two: 128 MiB, which every level of `zstd` without
/// `--long` keeps to and its decoder allows without options.
const WINDOW_LOG: u32 = 27;

pub(super) const ALGORITHM: Algorithm = Algorithm {
    open: |input| Ok(Box::new(ZstdReader::new(input)?)),
    compressor: |level| Ok(Box::new(ZstdCompressor::new(level)?)),
};

struct ZstdReader(Decoder<'static, Input>);

impl ZstdReader {
    fn new(input: Input) -> io::Result<Self> {
        let mut decoder = Decoder::with_buffer(input)?;
        decoder.window_log_max(WINDOW_LOG)?;
        Ok(Self(decoder))
    }
}

impl Read for ZstdReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // The library's own words are all that its errors carry here.
        const TOO_LARGE: &str = "Frame requires too much memory";
        self.0.read(buffer).map_err(|error| {
            if error.to_string().starts_with(TOO_LARGE) {
                return unsupported("need a window over 128 MiB; compress them without --long");
            }
            error
        })
    }
}

/// Makes frames with content size and checksum; the state of the algorithm is reused.
struct ZstdCompressor(Compressor<'static>);

impl ZstdCompressor {
    fn new(level: Option<i32>) -> Result<Self> {
        let level = check_level(level.unwrap_or(3), 1, 22)?;
        let mut compressor = Compressor::new(level).map_err(failed)?;
        compressor.include_checksum(true).map_err(failed)?;
        compressor.include_contentsize(true).map_err(failed)?;
        Ok(Self(compressor))
    }
}

impl PieceCompressor for ZstdCompressor {
    fn compress(&mut self, piece: &[u8]) -> Result<Vec<u8>> {
        self.0.compress(piece).map_err(failed)
    }
}

fn failed(error: io::Error) -> Error {
    Error::new(ErrorKind::Unexpected, "compress zstd").with_source(error)
}
