//! Compressed chunks (ORC 1, "Compression").

use std::io::Read;

use flate2::bufread::DeflateDecoder;
use orc_rust::proto::CompressionKind;
use velo_core::{Error, ErrorKind, Result};

use super::error::wrong;

/// A chunk's length has 23 bits, and none is longer compressed than not.
const LARGEST_CHUNK: u64 = 1 << 23;
const DEFAULT_CHUNK: u64 = 256 << 10;
/// Length of a chunk, and whether it is compressed.
const HEADER: usize = 3;
/// Into chunks of this size bytes are laid that are not compressed.
const PLAIN_CHUNK: usize = 4 << 20;
/// The binary logarithm of the largest window of zstandard, 128 MiB.
const ZSTD_WINDOW: u32 = 27;

/// How a file's chunks are compressed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunks {
    codec: CompressionKind,
    /// The most that a chunk has once decompressed.
    size: usize,
}

impl Chunks {
    /// Takes the codec and the chunks' size from the postscript.
    pub(super) fn new(codec: i32, size: Option<u64>) -> Result<Self> {
        let refuse = |codec: &str| {
            Err(
                Error::new(ErrorKind::Unsupported, "codec of the orc file is not read")
                    .with("codec", codec)
                    .with_hint("codecs read: none, zlib, snappy, lz4, zstd"),
            )
        };
        let codec = match CompressionKind::try_from(codec) {
            Ok(CompressionKind::Lzo) => return refuse("lzo"),
            Ok(codec) => codec,
            Err(_) => return refuse(&codec.to_string()),
        };
        match size.unwrap_or(DEFAULT_CHUNK) {
            size @ 1..=LARGEST_CHUNK => Ok(Self {
                codec,
                size: size as usize,
            }),
            _ if codec == CompressionKind::None => Ok(Self { codec, size: 0 }),
            _ => Err(wrong("its chunks are said to be empty or over 8 MiB")),
        }
    }

    /// Says whether chunks are compressed.
    pub(super) fn is_compressed(self) -> bool {
        self.codec != CompressionKind::None
    }

    /// Decompresses a stream, to `most` bytes.
    pub(super) fn decompress(self, stream: Vec<u8>, most: u64) -> Result<Vec<u8>> {
        let too_long = || {
            Error::new(
                ErrorKind::Unsupported,
                "an orc stripe or footer is too large",
            )
            .with("bytes at most", most)
            .with_hint("write it with smaller stripes")
        };
        if !self.is_compressed() {
            return match stream.len() as u64 > most {
                true => Err(too_long()),
                false => Ok(stream),
            };
        }
        let mut plain = Vec::new();
        let mut rest = stream.as_slice();
        while !rest.is_empty() {
            let (header, behind) = rest
                .split_first_chunk::<HEADER>()
                .ok_or_else(|| wrong("a chunk is cut short"))?;
            let header = u32::from_le_bytes([header[0], header[1], header[2], 0]);
            let length = (header >> 1) as usize;
            if length > behind.len() {
                return Err(wrong("a chunk is cut short"));
            }
            let (chunk, behind) = behind.split_at(length);
            match header & 1 {
                1 => plain.extend_from_slice(chunk),
                _ => self.decompress_chunk(chunk, &mut plain)?,
            }
            if plain.len() as u64 > most {
                return Err(too_long());
            }
            rest = behind;
        }
        Ok(plain)
    }

    fn decompress_chunk(self, chunk: &[u8], plain: &mut Vec<u8>) -> Result<()> {
        let start = plain.len();
        match self.codec {
            CompressionKind::Zlib => self.read(&mut DeflateDecoder::new(chunk), plain),
            CompressionKind::Zstd => {
                let mut decoder =
                    zstd::stream::read::Decoder::with_buffer(chunk).map_err(|_| wrong(BROKEN))?;
                let limited = decoder.window_log_max(ZSTD_WINDOW);
                limited.map_err(|_| wrong(BROKEN))?;
                self.read(&mut decoder, plain)
            }
            CompressionKind::Snappy => {
                let length = snap::raw::decompress_len(chunk).map_err(|_| wrong(BROKEN))?;
                if length > self.size {
                    return Err(wrong(TOO_LONG));
                }
                plain.resize(start + length, 0);
                let written = snap::raw::Decoder::new().decompress(chunk, &mut plain[start..]);
                written.map(drop).map_err(|_| wrong(BROKEN))
            }
            CompressionKind::Lz4 => {
                plain.resize(start + self.size, 0);
                let written = lz4_flex::block::decompress_into(chunk, &mut plain[start..]);
                plain.truncate(start + written.map_err(|_| wrong(BROKEN))?);
                Ok(())
            }
            CompressionKind::None | CompressionKind::Lzo => Err(wrong(BROKEN)),
        }
    }

    fn read(self, input: &mut dyn Read, plain: &mut Vec<u8>) -> Result<()> {
        let read = input.take(self.size as u64 + 1).read_to_end(plain);
        match read.map_err(|_| wrong(BROKEN))? > self.size {
            true => Err(wrong(TOO_LONG)),
            false => Ok(()),
        }
    }
}

const BROKEN: &str = "a chunk does not decompress";
const TOO_LONG: &str = "a chunk is longer than the file says of its chunks";

/// Lays bytes into chunks that are not compressed; gives their length with the headers.
pub(super) fn lay(plain: &[u8], chunks: &mut Vec<u8>) -> u64 {
    let start = chunks.len();
    for chunk in plain.chunks(PLAIN_CHUNK) {
        let header = (chunk.len() as u32) << 1 | 1;
        chunks.extend_from_slice(&header.to_le_bytes()[..HEADER]);
        chunks.extend_from_slice(chunk);
    }
    (chunks.len() - start) as u64
}
