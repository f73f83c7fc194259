//! Zstandard (RFC 8878), any number of frames.

use std::io::{self, Read};

use velo_core::{Error, ErrorKind, Result};
use zstd::bulk::Compressor;
use zstd::stream::read::Decoder;

use super::{Input, at_end, blame};

const EARLY: &str = "zstd data end early";
const CORRUPT: &str = "zstd data are corrupt";

pub(super) struct ZstdReader {
    decoder: Decoder<'static, Input>,
    started: bool,
}

impl ZstdReader {
    pub(super) fn new(input: Input) -> Result<Self> {
        Ok(Self {
            decoder: Decoder::with_buffer(input)?,
            started: false,
        })
    }

    fn advance(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if !self.started {
            if at_end(self.decoder.get_mut())? {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            self.started = true;
        }
        self.decoder.read(buffer)
    }
}

impl Read for ZstdReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.advance(buffer)
            .map_err(|error| blame(error, EARLY, CORRUPT))
    }
}

/// Makes frames with content size and checksum; the state of the algorithm is reused.
pub(super) struct ZstdCompressor(Compressor<'static>);

impl ZstdCompressor {
    pub(super) fn new(level: i32) -> Result<Self> {
        let mut compressor = Compressor::new(level).map_err(failed)?;
        compressor.include_checksum(true).map_err(failed)?;
        compressor.include_contentsize(true).map_err(failed)?;
        Ok(Self(compressor))
    }

    pub(super) fn compress(&mut self, piece: &[u8]) -> Result<Vec<u8>> {
        self.0.compress(piece).map_err(failed)
    }
}

fn failed(error: io::Error) -> Error {
    Error::new(ErrorKind::Unexpected, "compress zstd").with_source(error)
}
