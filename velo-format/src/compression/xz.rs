//! Xz (The .xz File Format 1.2), any number of streams with padding between them.

use std::io::{self, Read, Write};

use lzma_rust2::{XzOptions, XzReader, XzWriter};
use velo_core::{Error, ErrorKind, Result};

use super::members::{Behind, Member, Members};
use super::{Algorithm, Input, PieceCompressor, check_level, unsupported};

/// Largest memory of a stream's decoder, in KiB: a dictionary of 128 MiB, twice what `xz -9` asks
/// for, and what goes with it.
const MEMORY: u32 = (128 << 10) + 1024;
/// Smallest dictionary of the format.
const SMALLEST: u32 = 4096;

pub(super) const ALGORITHM: Algorithm = Algorithm {
    open: |input, behind| Ok(Box::new(Members::<XzStream>::new(input, behind))),
    cut: None,
    compressor: |level| Ok(Box::new(XzCompressor::new(level)?)),
};

struct XzStream(XzReader<Input>);

impl Member for XzStream {
    const BEHIND: Behind = Behind {
        first: 0xfd,
        padding: 4,
        goes_on: true,
    };

    fn begin(input: Input) -> Self {
        // Streams are told apart here: the library's own way of it fails where a block of input
        // ends between them.
        Self(XzReader::new_mem_limit(input, false, MEMORY))
    }

    fn into_input(self) -> Input {
        self.0.into_inner()
    }
}

impl Read for XzStream {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::OutOfMemory => {
                unsupported("need a dictionary over 128 MiB; compress them with xz -9 or less")
            }
            _ => error,
        })
    }
}

/// Makes streams.
struct XzCompressor(u32);

impl XzCompressor {
    fn new(level: Option<i32>) -> Result<Self> {
        let level = check_level(level.unwrap_or(6), 0, 9)?;
        Ok(Self(level.unsigned_abs()))
    }
}

impl PieceCompressor for XzCompressor {
    fn compress(&mut self, piece: &[u8]) -> Result<Vec<u8>> {
        let mut options = XzOptions::with_preset(self.0);
        // A dictionary beyond the piece costs memory and time and finds nothing.
        let length = u32::try_from(piece.len()).unwrap_or(u32::MAX);
        let dictionary = &mut options.lzma_options.dict_size;
        *dictionary = (*dictionary).min(length.max(SMALLEST));
        let compress = || {
            let mut writer = XzWriter::new(Vec::with_capacity(piece.len() / 4), options)?;
            writer.write_all(piece)?;
            writer.finish()
        };
        compress()
            .map_err(|error| Error::new(ErrorKind::Unexpected, "compress xz").with_source(error))
    }
}
