//! Codecs of blocks (Avro 1.12, "Required Codecs" and "Optional Codecs").

use std::io::{Read, Write};

use bzip2::read::BzDecoder;
use bzip2::write::BzEncoder;
use flate2::bufread::DeflateDecoder;
use flate2::write::DeflateEncoder;
use lzma_rust2::{XzOptions, XzReader, XzWriter};
use velo_core::{Error, ErrorKind, Result};

use crate::Codec;
use crate::WriteOptions;
use crate::codec::Chosen;
use crate::fence::fenced_read;

/// Memory that xz may ask for, in KiB: the dictionary of its highest level has 64 MiB.
const XZ_MEMORY: u32 = 128 << 10;
/// The binary logarithm of the largest window of zstandard, 128 MiB.
const ZSTD_WINDOW: u32 = 27;
const CHECKSUM: usize = 4;

/// A codec as headers name it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum BlockCodec {
    Null,
    Deflate,
    Snappy,
    Zstandard,
    Bzip2,
    Xz,
}

/// Why a block does not decompress.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Failure {
    /// It has more bytes than allowed.
    TooLong,
    /// What is wrong with it.
    Corrupt(&'static str),
}

impl BlockCodec {
    /// Finds a codec by the name in a header.
    pub(super) fn of_name(name: &[u8]) -> Result<Self> {
        Ok(match name {
            b"null" | b"" => Self::Null,
            b"deflate" => Self::Deflate,
            b"snappy" => Self::Snappy,
            b"zstandard" => Self::Zstandard,
            b"bzip2" => Self::Bzip2,
            b"xz" => Self::Xz,
            other => {
                let name = String::from_utf8_lossy(&other[..other.len().min(32)]);
                let error = Error::new(ErrorKind::Unsupported, "codec of the blocks is not known");
                return Err(error
                    .with("codec", name.escape_debug())
                    .with_hint("codecs read: null, deflate, snappy, zstandard, bzip2, xz"));
            }
        })
    }

    /// Gives the name that headers have.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Deflate => "deflate",
            Self::Snappy => "snappy",
            Self::Zstandard => "zstandard",
            Self::Bzip2 => "bzip2",
            Self::Xz => "xz",
        }
    }

    /// Decompresses a block into `body`, to `most` bytes.
    pub(super) fn decompress(
        self,
        block: &[u8],
        most: usize,
        body: &mut Vec<u8>,
    ) -> std::result::Result<(), Failure> {
        body.clear();
        fenced_read(|| Ok(self.fill(block, most, body))).unwrap_or(Err(Failure::Corrupt(BROKEN)))
    }

    fn fill(
        self,
        block: &[u8],
        most: usize,
        body: &mut Vec<u8>,
    ) -> std::result::Result<(), Failure> {
        match self {
            Self::Null if block.len() > most => Err(Failure::TooLong),
            Self::Null => {
                body.extend_from_slice(block);
                Ok(())
            }
            Self::Snappy => snappy(block, most, body),
            Self::Deflate => read(&mut DeflateDecoder::new(block), most, body),
            Self::Bzip2 => read(&mut BzDecoder::new(block), most, body),
            Self::Xz => read(
                &mut XzReader::new_mem_limit(block, false, XZ_MEMORY),
                most,
                body,
            ),
            Self::Zstandard => {
                let mut decoder = zstd::stream::read::Decoder::with_buffer(block)
                    .map_err(|_| Failure::Corrupt(BROKEN))?;
                let limited = decoder.window_log_max(ZSTD_WINDOW);
                limited.map_err(|_| Failure::Corrupt(BROKEN))?;
                read(&mut decoder, most, body)
            }
        }
    }
}

const BROKEN: &str = "a block does not decompress";

fn read(input: &mut dyn Read, most: usize, body: &mut Vec<u8>) -> std::result::Result<(), Failure> {
    let read = input.take(most as u64 + 1).read_to_end(body);
    read.map_err(|_| Failure::Corrupt(BROKEN))?;
    match body.len() > most {
        true => Err(Failure::TooLong),
        false => Ok(()),
    }
}

/// Raw snappy with the checksum of what was compressed behind it, high bytes first.
fn snappy(block: &[u8], most: usize, body: &mut Vec<u8>) -> std::result::Result<(), Failure> {
    let Some((compressed, checksum)) = block.split_last_chunk::<CHECKSUM>() else {
        return Err(Failure::Corrupt("a block is too short for its checksum"));
    };
    let length = snap::raw::decompress_len(compressed);
    let length = length.map_err(|_| Failure::Corrupt(BROKEN))?;
    if length > most {
        return Err(Failure::TooLong);
    }
    body.resize(length, 0);
    let written = snap::raw::Decoder::new().decompress(compressed, body);
    let written = written.map_err(|_| Failure::Corrupt(BROKEN))?;
    body.truncate(written);
    match crc32fast::hash(body) == u32::from_be_bytes(*checksum) {
        true => Ok(()),
        false => Err(Failure::Corrupt("a block has another checksum than said")),
    }
}

/// A codec to write with, and its level in its own scale.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BlockCompression {
    pub(super) codec: BlockCodec,
    level: u32,
}

impl BlockCompression {
    /// Finds the codec among the options.
    ///
    /// # Errors
    /// `Config` for a codec that Avro does not have, and for a level that the codec does not have.
    pub(super) fn new(options: &WriteOptions) -> Result<Self> {
        let chosen = Chosen::of(options, Codec::Snappy)?;
        let (codec, level) = match chosen.codec {
            Codec::Uncompressed => (BlockCodec::Null, None),
            Codec::Snappy => (BlockCodec::Snappy, None),
            Codec::Deflate => (BlockCodec::Deflate, Some(chosen.level(1, 9, 6)?)),
            Codec::Zstd => (BlockCodec::Zstandard, Some(chosen.level(1, 22, 3)?)),
            Codec::Bzip2 => (BlockCodec::Bzip2, Some(chosen.level(1, 9, 9)?)),
            Codec::Xz => (BlockCodec::Xz, Some(chosen.level(0, 9, 6)?)),
            Codec::Lz4Raw | Codec::Gzip | Codec::Brotli => {
                let hint = "codecs of avro: uncompressed, snappy, zstd, deflate, bzip2, xz";
                return Err(chosen.refuse("avro", hint));
            }
        };
        if level.is_none() {
            chosen.no_level()?;
        }
        Ok(Self {
            codec,
            level: level.unwrap_or_default().unsigned_abs(),
        })
    }

    /// Compresses a block behind what `out` holds.
    ///
    /// # Errors
    /// `Unexpected` when the codec fails.
    pub(super) fn compress(self, body: &[u8], out: &mut Vec<u8>) -> Result<()> {
        self.encode(body, out).map_err(|error| {
            Error::new(ErrorKind::Unexpected, "compress a block")
                .with("codec", self.codec.name())
                .with_source(error)
        })
    }

    fn encode(self, body: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
        match self.codec {
            BlockCodec::Null => out.extend_from_slice(body),
            BlockCodec::Snappy => {
                out.extend(snap::raw::Encoder::new().compress_vec(body)?);
                out.extend(crc32fast::hash(body).to_be_bytes());
            }
            BlockCodec::Deflate => {
                let mut encoder = DeflateEncoder::new(out, flate2::Compression::new(self.level));
                encoder.write_all(body)?;
                encoder.finish()?;
            }
            BlockCodec::Zstandard => {
                let level = self.level.cast_signed();
                out.extend(zstd::bulk::compress(body, level)?);
            }
            BlockCodec::Bzip2 => {
                let mut encoder = BzEncoder::new(out, bzip2::Compression::new(self.level));
                encoder.write_all(body)?;
                encoder.finish()?;
            }
            BlockCodec::Xz => {
                let mut encoder = XzWriter::new(out, XzOptions::with_preset(self.level))?;
                encoder.write_all(body)?;
                encoder.finish()?;
            }
        }
        Ok(())
    }
}
