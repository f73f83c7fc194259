//! Snappy in its framing format, any number of streams.
//!
//! The format has no end mark: an input that is cut where a chunk ends cannot be told from a whole
//! one.

use std::io::Write;

use snap::read::FrameDecoder;
use snap::write::FrameEncoder;
use velo_core::{Error, ErrorKind, Result};

use super::{Algorithm, PieceCompressor, refuse_level};

/// What every stream begins with; alone it is a stream that holds nothing.
const STREAM: &[u8] = b"\xff\x06\x00\x00sNaPpY";

pub(super) const ALGORITHM: Algorithm = Algorithm {
    open: |input, _| Ok(Box::new(FrameDecoder::new(input))),
    cut: None,
    compressor: |level| {
        refuse_level("snappy", level)?;
        Ok(Box::new(SnappyCompressor))
    },
};

/// Makes streams.
struct SnappyCompressor;

impl PieceCompressor for SnappyCompressor {
    fn compress(&mut self, piece: &[u8]) -> Result<Vec<u8>> {
        if piece.is_empty() {
            return Ok(STREAM.to_vec());
        }
        let mut encoder = FrameEncoder::new(Vec::with_capacity(piece.len() / 2));
        let failed =
            |error| Error::new(ErrorKind::Unexpected, "compress snappy").with_source(error);
        encoder.write_all(piece).map_err(failed)?;
        encoder
            .into_inner()
            .map_err(|error| failed(error.into_error()))
    }
}
