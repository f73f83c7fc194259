//! Compression of whole files: gzip and Zstandard, both directions.
//!
//! Reading takes any number of gzip members or Zstandard frames one after the other. Writing makes
//! one whole member or frame of each piece, with a checksum, so that pieces compressed side by side
//! are a valid file once they are laid end to end.

mod gzip;
mod zstd;

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use velo_core::{Error, ErrorKind, Result};

use crate::Compression;
use gzip::{GzipCompressor, GzipReader};
use zstd::{ZstdCompressor, ZstdReader};

/// Compressed bytes asked from the input at once.
const INPUT_BLOCK: usize = 128 * 1024;

/// Decompresses a stream while it is read.
///
/// An input that ends early fails with `UnexpectedEof`, a damaged one with `InvalidData`, also when
/// it is empty, as `gzip -d` and `zstd -d` have it: an empty file was never compressed. Zeros after
/// the last gzip member are padding and are passed over; any other bytes there are an error.
/// Errors of `input` itself come through unchanged.
///
/// # Errors
/// `Unsupported` for Snappy, which is a codec of Parquet's pages; `Io` for want of memory.
pub fn decompressor(
    compression: Compression,
    input: Box<dyn Read + Send>,
) -> Result<Box<dyn Read + Send>> {
    let block = |input| BufReader::with_capacity(INPUT_BLOCK, Source(input));
    Ok(match compression {
        Compression::None => input,
        Compression::Gzip => Box::new(GzipReader::new(block(input))),
        Compression::Zstd => Box::new(ZstdReader::new(block(input))?),
        Compression::Snappy => return Err(snappy(ErrorKind::Unsupported)),
    })
}

/// Compresses pieces of a file, each into a whole gzip member or Zstandard frame.
///
/// ```
/// use velo_format::{Compression, compression::Compressor};
/// let mut compressor = Compressor::new(Compression::Zstd, None)?;
/// let mut file = compressor.compress(b"id\n")?;
/// file.extend(compressor.compress(b"1\n")?);
/// # Ok::<(), velo_core::Error>(())
/// ```
pub struct Compressor(Algorithm);

enum Algorithm {
    None,
    Gzip(GzipCompressor),
    Zstd(ZstdCompressor),
}

impl Compressor {
    /// Sets up the algorithm; the level is in its own scale, 6 for gzip and 3 for Zstandard when
    /// none is given.
    ///
    /// # Errors
    /// `Config` naming `compression_level` and its range, or `compression` for Snappy.
    pub fn new(compression: Compression, level: Option<i32>) -> Result<Self> {
        Ok(Self(match compression {
            Compression::None if level.is_some() => {
                return Err(Error::new(ErrorKind::Config, "a level needs a compression")
                    .with("option", "compression_level")
                    .with_hint("set compression=gzip or compression=zstd"));
            }
            Compression::None => Algorithm::None,
            Compression::Gzip => {
                let level = check_level(level.unwrap_or(6), 1, 9)?;
                Algorithm::Gzip(GzipCompressor::new(level.unsigned_abs()))
            }
            Compression::Zstd => {
                let level = check_level(level.unwrap_or(3), 1, 22)?;
                Algorithm::Zstd(ZstdCompressor::new(level)?)
            }
            Compression::Snappy => return Err(snappy(ErrorKind::Config)),
        }))
    }

    /// Compresses a piece.
    ///
    /// # Errors
    /// `Io` for want of memory.
    pub fn compress(&mut self, piece: &[u8]) -> Result<Vec<u8>> {
        match &mut self.0 {
            Algorithm::None => Ok(piece.to_vec()),
            Algorithm::Gzip(gzip) => gzip.compress(piece),
            Algorithm::Zstd(zstd) => zstd.compress(piece),
        }
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match &self.0 {
            Algorithm::None => "Compressor(none)",
            Algorithm::Gzip(_) => "Compressor(gzip)",
            Algorithm::Zstd(_) => "Compressor(zstd)",
        })
    }
}

fn check_level(level: i32, least: i32, most: i32) -> Result<i32> {
    if (least..=most).contains(&level) {
        return Ok(level);
    }
    Err(Error::new(ErrorKind::Config, "level is out of range")
        .with("option", "compression_level")
        .with("value", level)
        .with_hint(format!("levels are {least} to {most}")))
}

fn snappy(kind: ErrorKind) -> Error {
    Error::new(
        kind,
        "snappy compresses pages of parquet files, not whole files",
    )
    .with("option", "compression")
    .with_hint("compressions of whole files are gzip and zstd")
}

/// The compressed input; marks its own failures, so that they are told from damaged data.
struct Source(Box<dyn Read + Send>);

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer).map_err(|error| match error.kind() {
            io::ErrorKind::Interrupted => error,
            kind => io::Error::new(kind, SourceFailed(error)),
        })
    }
}

#[derive(Debug)]
struct SourceFailed(io::Error);

impl fmt::Display for SourceFailed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl std::error::Error for SourceFailed {}

type Input = BufReader<Source>;

/// Unwraps a failure of the input; whatever else a decoder complains of is damaged data.
fn blame(error: io::Error, early: &'static str, corrupt: &'static str) -> io::Error {
    match error.downcast::<SourceFailed>() {
        Ok(failed) => failed.0,
        Err(error) => match error.kind() {
            io::ErrorKind::Interrupted => error,
            io::ErrorKind::UnexpectedEof => io::Error::new(io::ErrorKind::UnexpectedEof, early),
            _ => io::Error::new(io::ErrorKind::InvalidData, format!("{corrupt}: {error}")),
        },
    }
}

/// Says whether the input has ended.
fn at_end(input: &mut Input) -> io::Result<bool> {
    input.fill_buf().map(<[u8]>::is_empty)
}

#[cfg(test)]
mod tests;
