//! Decompression of pages, to exactly the length that their headers say.

use std::io::Read;

use ::parquet::basic::Compression;
use ::parquet::errors::{ParquetError, Result};
use flate2::read::MultiGzDecoder;
use lz4_flex::frame::FrameDecoder;

/// A codec with its state, which serves page after page.
pub(super) enum Decompressor {
    Uncompressed,
    Snappy,
    Gzip,
    Brotli,
    Zstd(zstd::bulk::Decompressor<'static>),
    /// Blocks with two lengths before each, as Hadoop writes them, or what other writers took the
    /// name for.
    Lz4,
    Lz4Raw,
}

/// What a byte of the smallest block of each codec can stand for at most; above it a length is a
/// lie, and no memory is taken for it.
const SNAPPY_RATIO: usize = 24;
const LZ4_RATIO: usize = 256;
const GZIP_RATIO: usize = 1040;
/// Bytes that may stand for more than the ratio says, since blocks have a start.
const SLACK: usize = 1024;

impl Decompressor {
    pub(super) fn new(compression: Compression) -> Result<Self> {
        Ok(match compression {
            Compression::UNCOMPRESSED => Self::Uncompressed,
            Compression::SNAPPY => Self::Snappy,
            Compression::GZIP(_) => Self::Gzip,
            Compression::BROTLI(_) => Self::Brotli,
            Compression::ZSTD(_) => Self::Zstd(zstd::bulk::Decompressor::new()?),
            Compression::LZ4 => Self::Lz4,
            Compression::LZ4_RAW => Self::Lz4Raw,
            Compression::LZO => {
                return Err(ParquetError::NYI("pages compressed with LZO".to_owned()));
            }
        })
    }

    /// Says that pages are as they are.
    pub(super) fn is_none(&self) -> bool {
        matches!(self, Self::Uncompressed)
    }

    /// Appends what the bytes stand for, which is `length` bytes.
    ///
    /// Memory is taken for `length` bytes at most, and by codecs with a largest ratio for no more
    /// than it allows.
    pub(super) fn decompress(
        &mut self,
        bytes: &[u8],
        length: usize,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        let ratio = match self {
            Self::Snappy => SNAPPY_RATIO,
            Self::Lz4 | Self::Lz4Raw => LZ4_RATIO,
            Self::Gzip => GZIP_RATIO,
            Self::Uncompressed | Self::Brotli | Self::Zstd(_) => usize::MAX,
        };
        if length > bytes.len().saturating_mul(ratio).saturating_add(SLACK) {
            return Err(other_length());
        }
        let start = out.len();
        let decompressed = match self {
            Self::Uncompressed => {
                out.extend_from_slice(bytes);
                bytes.len()
            }
            Self::Snappy => {
                if snap::raw::decompress_len(bytes).map_err(damaged)? != length {
                    return Err(other_length());
                }
                out.resize(start + length, 0);
                snap::raw::Decoder::new()
                    .decompress(bytes, &mut out[start..])
                    .map_err(damaged)?
            }
            Self::Gzip => read(MultiGzDecoder::new(bytes), length, out)?,
            Self::Brotli => read(brotli::Decompressor::new(bytes, BLOCK), length, out)?,
            Self::Zstd(zstd) => {
                let plain = zstd.decompress(bytes, length)?;
                let decompressed = plain.len();
                match start {
                    0 => *out = plain,
                    _ => out.extend_from_slice(&plain),
                }
                decompressed
            }
            Self::Lz4 => lz4(bytes, length, out)?,
            Self::Lz4Raw => lz4_raw(bytes, length, out)?,
        };
        match decompressed == length {
            true => Ok(()),
            false => Err(other_length()),
        }
    }
}

const BLOCK: usize = 16 << 10;

/// Reads a byte more than there should be, and no further.
fn read(from: impl Read, length: usize, out: &mut Vec<u8>) -> Result<usize> {
    out.reserve(length);
    Ok(from.take(length as u64 + 1).read_to_end(out)?)
}

fn lz4_raw(bytes: &[u8], length: usize, out: &mut Vec<u8>) -> Result<usize> {
    let start = out.len();
    out.resize(start + length, 0);
    lz4_flex::decompress_into(bytes, &mut out[start..]).map_err(damaged)
}

/// Tries the three things that writers have understood by LZ4.
fn lz4(bytes: &[u8], length: usize, out: &mut Vec<u8>) -> Result<usize> {
    let start = out.len();
    out.resize(start + length, 0);
    if hadoop(bytes, &mut out[start..]).is_some() {
        return Ok(length);
    }
    out.truncate(start);
    if let Ok(read) = read(FrameDecoder::new(bytes), length, out)
        && read == length
    {
        return Ok(length);
    }
    out.truncate(start);
    lz4_raw(bytes, length, out)
}

/// Decompresses blocks, each behind its two lengths in big endian: decompressed and compressed.
fn hadoop(mut bytes: &[u8], mut out: &mut [u8]) -> Option<()> {
    while !bytes.is_empty() {
        let (plain, rest) = bytes.split_first_chunk()?;
        let (stored, rest) = rest.split_first_chunk()?;
        let plain = u32::from_be_bytes(*plain) as usize;
        let (block, rest) = rest.split_at_checked(u32::from_be_bytes(*stored) as usize)?;
        let (into, behind) = out.split_at_mut_checked(plain)?;
        if lz4_flex::decompress_into(block, into).ok()? != plain {
            return None;
        }
        (bytes, out) = (rest, behind);
    }
    out.is_empty().then_some(())
}

fn damaged(error: impl std::error::Error + Send + Sync + 'static) -> ParquetError {
    ParquetError::External(Box::new(error))
}

fn other_length() -> ParquetError {
    ParquetError::General("a page has another length than its header says".to_owned())
}
