//! LZ4 in its frame format (LZ4 Frame Format Description 1.6), any number of frames.

use std::hash::Hasher;
use std::io::{self, Read, Write};

use lz4_flex::block::{decompress_into, decompress_into_with_dict};
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};
use twox_hash::XxHash32;
use velo_core::{Error, ErrorKind, Result};

use super::{Algorithm, Input, PieceCompressor, at_end, corrupt, refuse_level, unsupported};

const MAGIC: u32 = 0x184d_2204;
const LEGACY: u32 = 0x184c_2102;
/// Magic numbers of frames that decoders pass over, without their last four bits.
const SKIPPED: u32 = 0x184d_2a50;
/// How far linked blocks look back.
const WINDOW: usize = 64 << 10;

pub(super) const ALGORITHM: Algorithm = Algorithm {
    open: |input, _| Ok(Box::new(Lz4Reader::new(input))),
    cut: None,
    compressor: |level| {
        refuse_level("lz4", level)?;
        Ok(Box::new(Lz4Compressor))
    },
};

struct Lz4Reader {
    input: Input,
    frame: Option<Frame>,
    compressed: Vec<u8>,
    /// The block that is being given out, and how far.
    plain: Vec<u8>,
    given: usize,
}

/// What a frame's header says, and what has come of the frame so far.
struct Frame {
    /// Largest block, decompressed and compressed, in bytes: at most 4 MiB.
    largest: usize,
    /// Blocks look back into those before them.
    linked: bool,
    block_checksums: bool,
    size: Option<u64>,
    checksum: Option<XxHash32>,
    length: u64,
    /// The last bytes before the next block, where blocks are linked.
    window: Vec<u8>,
}

impl Lz4Reader {
    fn new(input: Input) -> Self {
        Self {
            input,
            frame: None,
            compressed: Vec::new(),
            plain: Vec::new(),
            given: 0,
        }
    }

    /// Decompresses the next block that holds anything; says whether there is one.
    fn advance(&mut self) -> io::Result<bool> {
        loop {
            let Some(frame) = &mut self.frame else {
                if at_end(&mut self.input)? {
                    return Ok(false);
                }
                self.frame = Frame::begin(&mut self.input)?;
                continue;
            };
            let (compressed, plain) = (&mut self.compressed, &mut self.plain);
            if !frame.block(&mut self.input, compressed, plain)? {
                self.frame = None;
            } else if !self.plain.is_empty() {
                self.given = 0;
                return Ok(true);
            }
        }
    }
}

impl Read for Lz4Reader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.given == self.plain.len() && !self.advance()? {
            return Ok(0);
        }
        let left = &self.plain[self.given..];
        let count = left.len().min(buffer.len());
        buffer[..count].copy_from_slice(&left[..count]);
        self.given += count;
        Ok(count)
    }
}

impl Frame {
    /// Reads a frame's header; `None` for a frame that was passed over.
    fn begin(input: &mut Input) -> io::Result<Option<Self>> {
        let magic = number(input)?;
        if magic & !0xf == SKIPPED {
            let length = u64::from(number(input)?);
            let passed = io::copy(&mut input.take(length), &mut io::sink())?;
            return match passed == length {
                true => Ok(None),
                false => Err(io::ErrorKind::UnexpectedEof.into()),
            };
        }
        if magic == LEGACY {
            return Err(unsupported("are in the legacy format; lz4 -d reads them"));
        }
        if magic != MAGIC {
            return Err(corrupt("other bytes stand where a frame should begin"));
        }
        let mut header = vec![0; 2];
        input.read_exact(&mut header)?;
        let (flags, sizes) = (header[0], header[1]);
        if flags >> 6 != 1 || flags & 0b10 != 0 || sizes & 0b1000_1111 != 0 {
            return Err(corrupt("a frame's header has reserved bits"));
        }
        let size = flags & 0b1000 != 0;
        let dictionary = flags & 0b1 != 0;
        header.resize(
            2 + usize::from(size) * 8 + usize::from(dictionary) * 4 + 1,
            0,
        );
        input.read_exact(&mut header[2..])?;
        let (fields, check) = header.split_at(header.len() - 1);
        if (hash(fields) >> 8) as u8 != check[0] {
            return Err(corrupt("a frame's header has another checksum"));
        }
        if dictionary {
            return Err(unsupported("need a dictionary"));
        }
        let largest = match sizes >> 4 {
            at @ 4..=7 => 1 << (8 + 2 * at),
            _ => return Err(corrupt("a frame's header has an unknown size of blocks")),
        };
        let size = fields.get(2..10).and_then(|bytes| bytes.try_into().ok());
        Ok(Some(Self {
            largest,
            linked: flags & 0b10_0000 == 0,
            block_checksums: flags & 0b1_0000 != 0,
            size: size.map(u64::from_le_bytes),
            checksum: (flags & 0b100 != 0).then(|| XxHash32::with_seed(0)),
            length: 0,
            window: Vec::new(),
        }))
    }

    /// Reads and decompresses the next block; says whether there was one.
    fn block(
        &mut self,
        input: &mut Input,
        compressed: &mut Vec<u8>,
        plain: &mut Vec<u8>,
    ) -> io::Result<bool> {
        const STORED: u32 = 1 << 31;
        let header = number(input)?;
        if header == 0 {
            return self.end(input).map(|()| false);
        }
        let length = (header & !STORED) as usize;
        if length > self.largest {
            return Err(corrupt("a block is larger than its frame allows"));
        }
        compressed.resize(length, 0);
        input.read_exact(compressed)?;
        if self.block_checksums && number(input)? != hash(compressed) {
            return Err(corrupt("a block has another checksum"));
        }
        if header & STORED != 0 {
            std::mem::swap(compressed, plain);
        } else {
            plain.resize(self.largest, 0);
            let decompressed = match self.linked {
                true => decompress_into_with_dict(compressed, plain, &self.window),
                false => decompress_into(compressed, plain),
            };
            let length = decompressed.map_err(|error| corrupt(&error.to_string()))?;
            plain.truncate(length);
        }
        self.length += plain.len() as u64;
        if let Some(checksum) = &mut self.checksum {
            checksum.write(plain);
        }
        if self.linked {
            self.window
                .extend_from_slice(&plain[plain.len().saturating_sub(WINDOW)..]);
            let beyond = self.window.len().saturating_sub(WINDOW);
            self.window.drain(..beyond);
        }
        Ok(true)
    }

    /// Checks what stands behind the last block.
    fn end(&mut self, input: &mut Input) -> io::Result<()> {
        if self.size.is_some_and(|size| size != self.length) {
            return Err(corrupt("a frame has another length than its header says"));
        }
        match &self.checksum {
            Some(checksum) if u64::from(number(input)?) != checksum.finish() => {
                Err(corrupt("a frame has another checksum"))
            }
            _ => Ok(()),
        }
    }
}

fn number(input: &mut Input) -> io::Result<u32> {
    let mut bytes = [0; 4];
    input.read_exact(&mut bytes)?;
    Ok(u32::from_le_bytes(bytes))
}

fn hash(bytes: &[u8]) -> u32 {
    XxHash32::oneshot(0, bytes)
}

/// Makes frames of independent blocks with size and checksum.
struct Lz4Compressor;

impl PieceCompressor for Lz4Compressor {
    fn compress(&mut self, piece: &[u8]) -> Result<Vec<u8>> {
        let failed = |error| Error::new(ErrorKind::Unexpected, "compress lz4").with_source(error);
        let info = FrameInfo::new()
            .block_mode(BlockMode::Independent)
            .block_size(BlockSize::Max256KB)
            .content_size(Some(piece.len() as u64))
            .content_checksum(true);
        let mut encoder = FrameEncoder::with_frame_info(info, Vec::with_capacity(piece.len() / 2));
        encoder.write_all(piece).map_err(failed)?;
        encoder.finish().map_err(|error| failed(error.into()))
    }
}
