//! Compression of whole files: gzip, Zstandard, Snappy, LZ4, bzip2 and xz, both directions.
//!
//! Reading takes any number of members, frames or streams one after the other. Writing makes one
//! whole member, frame or stream of each piece, with a checksum, so that pieces compressed side by
//! side are a valid file once they are laid end to end.
//!
//! Members of gzip and frames of Zstandard that tell where they end, as those written here do, are
//! decompressed side by side when there are several.
//!
//! Memory has bounds that do not depend on the data: a window of Zstandard or a dictionary of xz
//! beyond 128 MiB is refused, blocks of LZ4 have 4 MiB at most, the others less than that; what is
//! decompressed ahead takes up to 24 MiB for each of at most 6 units.

mod ahead;
#[cfg(feature = "bzip2")]
mod bzip2;
mod gzip;
mod kind;
#[cfg(feature = "lz4")]
mod lz4;
mod members;
#[cfg(feature = "snappy")]
mod snappy;
#[cfg(feature = "xz")]
mod xz;
mod zstd;

use std::fmt;
use std::io::{self, BufRead, BufReader, Read};

use velo_core::{Error, ErrorKind, Result};

use crate::Compression;
use crate::fence::fenced_read;
use ahead::{Ahead, Cut, Open};

/// Compressed bytes asked from the input at once.
const INPUT_BLOCK: usize = 128 * 1024;

/// Decompresses a stream while it is read.
///
/// An input that ends early fails with `UnexpectedEof`, a damaged one with `InvalidData`, also when
/// it is empty, as `gzip -d` and `zstd -d` have it: an empty file was never compressed. What needs
/// more memory than the bounds of this module, or an extension that is not there, fails with
/// `Unsupported`. Zeros after a gzip member or an xz stream are padding and are passed over; any
/// other bytes behind the data are an error. Errors of `input` itself come through unchanged. After
/// an error nothing more is read.
///
/// # Errors
/// `Unsupported` for an algorithm that was left out of this build.
///
/// ```
/// use std::io::Read;
/// use velo_format::{Compression, compression::{Compressor, decompressor}};
/// let file = Compressor::new(Compression::Bzip2, None)?.compress(b"id\n1\n")?;
/// let mut text = String::new();
/// let input = Box::new(std::io::Cursor::new(file));
/// decompressor(Compression::Bzip2, input)?.read_to_string(&mut text)?;
/// assert_eq!(text, "id\n1\n");
/// # Ok::<(), velo_core::Error>(())
/// ```
pub fn decompressor(
    compression: Compression,
    input: Box<dyn Read + Send>,
) -> Result<Box<dyn Read + Send>> {
    decompressor_of(compression, input, ahead::threads())
}

/// Decompresses with so many threads where frames tell their ends; with one, none is started.
fn decompressor_of(
    compression: Compression,
    input: Box<dyn Read + Send>,
    threads: usize,
) -> Result<Box<dyn Read + Send>> {
    let Some(algorithm) = Algorithm::of(compression)? else {
        return Ok(input);
    };
    let input = BufReader::with_capacity(INPUT_BLOCK, Source(input));
    Ok(Box::new(Decompressor {
        name: compression.name(),
        threads,
        state: State::Fresh(algorithm, input),
    }))
}

/// Compresses pieces of a file, each into a whole member, frame or stream.
///
/// ```
/// use velo_format::{Compression, compression::Compressor};
/// let mut compressor = Compressor::new(Compression::Zstd, None)?;
/// let mut file = compressor.compress(b"id\n")?;
/// file.extend(compressor.compress(b"1\n")?);
/// # Ok::<(), velo_core::Error>(())
/// ```
pub struct Compressor {
    compression: Compression,
    pieces: Option<Box<dyn PieceCompressor>>,
}

impl Compressor {
    /// Sets up the algorithm; the level is in its own scale: gzip 1 to 9 (6 when none is given),
    /// Zstandard 1 to 22 (3), bzip2 1 to 9 (9), xz 0 to 9 (6); the others have none.
    ///
    /// # Errors
    /// `Config` naming `compression_level` and its range; `Unsupported` for an algorithm that was
    /// left out of this build.
    pub fn new(compression: Compression, level: Option<i32>) -> Result<Self> {
        let pieces = match Algorithm::of(compression)? {
            Some(algorithm) => Some((algorithm.compressor)(level)?),
            None if level.is_some() => {
                return Err(Error::new(ErrorKind::Config, "a level needs a compression")
                    .with("option", "compression_level")
                    .with_hint("set compression=gzip or compression=zstd"));
            }
            None => None,
        };
        Ok(Self {
            compression,
            pieces,
        })
    }

    /// Compresses a piece.
    ///
    /// # Errors
    /// `Io` for want of memory.
    pub fn compress(&mut self, piece: &[u8]) -> Result<Vec<u8>> {
        match &mut self.pieces {
            None => Ok(piece.to_vec()),
            Some(pieces) => pieces.compress(piece),
        }
    }
}

impl fmt::Debug for Compressor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Compressor({})", self.compression.name())
    }
}

/// An algorithm in both directions.
struct Algorithm {
    /// Starts to decompress an input that is not empty, or goes on behind a member.
    open: Open,
    /// Cuts members off, if they tell their ends.
    cut: Option<Cut>,
    /// Sets up compression at a level.
    compressor: fn(Option<i32>) -> Result<Box<dyn PieceCompressor>>,
}

/// Makes whole members, frames or streams.
trait PieceCompressor: Send {
    fn compress(&mut self, piece: &[u8]) -> Result<Vec<u8>>;
}

impl Algorithm {
    /// Finds the algorithm; `None` for no compression.
    fn of(compression: Compression) -> Result<Option<&'static Self>> {
        match compression {
            Compression::None => Ok(None),
            Compression::Gzip => Ok(Some(&gzip::ALGORITHM)),
            Compression::Zstd => Ok(Some(&zstd::ALGORITHM)),
            #[cfg(feature = "snappy")]
            Compression::Snappy => Ok(Some(&snappy::ALGORITHM)),
            #[cfg(feature = "lz4")]
            Compression::Lz4 => Ok(Some(&lz4::ALGORITHM)),
            #[cfg(feature = "bzip2")]
            Compression::Bzip2 => Ok(Some(&bzip2::ALGORITHM)),
            #[cfg(feature = "xz")]
            Compression::Xz => Ok(Some(&xz::ALGORITHM)),
            #[allow(unreachable_patterns, reason = "every feature may be on")]
            absent => Err(
                Error::new(ErrorKind::Unsupported, "compression is not in this build")
                    .with("compression", absent.name())
                    .with_hint(format!("build velo with the feature {}", absent.name())),
            ),
        }
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

#[cfg(any(feature = "snappy", feature = "lz4"))]
fn refuse_level(name: &'static str, level: Option<i32>) -> Result<()> {
    match level {
        None => Ok(()),
        Some(level) => Err(Error::new(ErrorKind::Config, "compression has no levels")
            .with("option", "compression_level")
            .with("value", level)
            .with_hint(format!("leave it out: {name} has one way to compress"))),
    }
}

/// Tells apart what went wrong, for every algorithm alike.
struct Decompressor {
    name: &'static str,
    threads: usize,
    state: State,
}

enum State {
    Fresh(&'static Algorithm, Input),
    Open(Box<dyn Read + Send>),
    Failed,
}

impl Decompressor {
    fn advance(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        // Nothing is read before the first call: making a decompressor waits for nobody.
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Fresh(algorithm, mut input) => {
                if at_end(&mut input)? {
                    return Err(io::ErrorKind::UnexpectedEof.into());
                }
                self.state = State::Open(match algorithm.cut {
                    Some(cut) if self.threads > 1 => {
                        Box::new(Ahead::new(cut, algorithm.open, input, self.threads))
                    }
                    _ => (algorithm.open)(input, false)?,
                });
            }
            other => self.state = other,
        }
        match &mut self.state {
            State::Open(open) => open.read(buffer),
            _ => Err(corrupt("reading went on behind an error")),
        }
    }

    /// Unwraps a failure of the input; whatever else a decoder complains of is damaged data.
    fn blame(&self, error: io::Error) -> io::Error {
        let name = self.name;
        let told = |kind, message: String| io::Error::new(kind, message);
        match error.downcast::<SourceFailed>() {
            Ok(failed) => failed.0,
            Err(error) => match error.kind() {
                kind @ io::ErrorKind::UnexpectedEof => told(kind, format!("{name} data end early")),
                kind @ io::ErrorKind::Unsupported => told(kind, format!("{name} data {error}")),
                _ => told(
                    io::ErrorKind::InvalidData,
                    format!("{name} data are corrupt: {error}"),
                ),
            },
        }
    }
}

impl Read for Decompressor {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        fenced_read(|| self.advance(buffer)).map_err(|error| {
            self.state = State::Failed;
            self.blame(error)
        })
    }
}

/// The compressed input; marks its own failures, so that they are told from damaged data.
struct Source(Box<dyn Read + Send>);

impl Read for Source {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match self.0.read(buffer) {
                // Decoders keep no place to go on from in the middle of a header.
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error)
                    if error
                        .get_ref()
                        .is_some_and(|cause| cause.is::<SourceFailed>()) =>
                {
                    return Err(error);
                }
                Err(error) => return Err(io::Error::new(error.kind(), SourceFailed(error))),
                read => return read,
            }
        }
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

/// Says whether the input has ended.
fn at_end(input: &mut Input) -> io::Result<bool> {
    input.fill_buf().map(<[u8]>::is_empty)
}

/// Says what is damaged.
fn corrupt(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, message)
}

/// Says what sound data have that is not read; goes behind "data".
fn unsupported(message: &str) -> io::Error {
    io::Error::new(io::ErrorKind::Unsupported, message)
}

#[cfg(test)]
mod tests;
