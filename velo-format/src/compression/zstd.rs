//! Zstandard (RFC 8878), any number of frames.

use std::io::{self, Read};

use velo_core::{Error, ErrorKind, Result};
use zstd::bulk::Compressor;
use zstd::stream::read::Decoder;

use super::ahead::{LARGEST, move_bytes};
use super::{Algorithm, Input, PieceCompressor, check_level, unsupported};

/// Frames may look back so far, as a power of two: 128 MiB, which every level of `zstd` without
/// `--long` keeps to and its decoder allows without options.
const WINDOW_LOG: u32 = 27;

pub(super) const ALGORITHM: Algorithm = Algorithm {
    open: |input, _| Ok(Box::new(ZstdReader::new(input)?)),
    cut: Some(cut),
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

/// Moves a frame by its header and those of its blocks, RFC 8878, section 3.1.
fn cut(input: &mut Input, frame: &mut Vec<u8>) -> io::Result<Option<usize>> {
    const MAGIC: [u8; 4] = [0x28, 0xb5, 0x2f, 0xfd];
    let start = frame.len();
    if !move_bytes(input, 5, frame)? || frame[start..start + 4] != MAGIC {
        return Ok(None);
    }
    let descriptor = frame[start + 4];
    let single_segment = descriptor & 0x20 != 0;
    let window = usize::from(!single_segment);
    let size = match descriptor >> 6 {
        0 => usize::from(single_segment),
        flag => 1 << flag,
    };
    // The bits are the length of a dictionary's number and one that is reserved.
    if descriptor & 0b1011 != 0 || !move_bytes(input, window + size, frame)? {
        return Ok(None);
    }
    let header = &frame[start + 5..];
    // A window over 8 MiB makes the decoder hold as much, whatever the frame holds.
    if !single_segment && header[0] >> 3 > 13 {
        return Ok(None);
    }
    let mut content = [0; 8];
    content[..size].copy_from_slice(&header[window..]);
    if u64::from_le_bytes(content) > LARGEST as u64 {
        return Ok(None);
    }
    cut_blocks(input, frame, descriptor & 0b100 != 0)
}

fn cut_blocks(input: &mut Input, frame: &mut Vec<u8>, checksum: bool) -> io::Result<Option<usize>> {
    const LARGEST_BLOCK: usize = 128 << 10;
    let mut plain = 0;
    loop {
        let at = frame.len();
        if !move_bytes(input, 3, frame)? {
            return Ok(None);
        }
        let header = &frame[at..];
        let header =
            usize::from(header[0]) | usize::from(header[1]) << 8 | usize::from(header[2]) << 16;
        let (last, length) = (header & 1 != 0, header >> 3);
        let (stored, holds) = match header >> 1 & 0b11 {
            // Stored, one byte repeated, compressed.
            0 => (length, length),
            1 => (1, length),
            2 => (length, LARGEST_BLOCK),
            _ => return Ok(None),
        };
        plain += holds;
        let too_large = length > LARGEST_BLOCK || plain > LARGEST;
        if too_large || !move_bytes(input, stored, frame)? {
            return Ok(None);
        }
        if last {
            let whole = !checksum || move_bytes(input, 4, frame)?;
            return Ok(whole.then_some(plain));
        }
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
