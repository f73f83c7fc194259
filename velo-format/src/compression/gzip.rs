//! Gzip (RFC 1952), any number of members.

use std::io::{self, Read};

use flate2::bufread::GzDecoder;
use flate2::{Compress, Compression as Level, Crc, FlushCompress, Status};
use velo_core::{Error, ErrorKind, Result};

use super::ahead::{LARGEST, move_bytes};
use super::members::{Behind, Member, Members};
use super::{Algorithm, Input, PieceCompressor, check_level};

const MAGIC: [u8; 2] = [0x1f, 0x8b];
/// Flag of a header with an extra field, which is all that a member that tells its length has.
const EXTRA: u8 = 4;
/// The name of velo's own field in it: the member's length in four bytes, so that members longer
/// than the 64 KiB of BGZF can be found as well.
const LENGTH: [u8; 2] = *b"VL";
/// BGZF's field (SAM format, section 4.1): the member's length less one in two bytes.
const BLOCK_SIZE: [u8; 2] = *b"BC";
/// Shortest end of a member: no data, checksum, length.
const END: usize = 8;

pub(super) const ALGORITHM: Algorithm = Algorithm {
    open: |input, behind| Ok(Box::new(Members::<GzipMember>::new(input, behind))),
    cut: Some(cut),
    compressor: |level| Ok(Box::new(GzipCompressor::new(level)?)),
};

struct GzipMember(GzDecoder<Input>);

impl Member for GzipMember {
    const BEHIND: Behind = Behind {
        first: MAGIC[0],
        padding: 1,
        goes_on: false,
    };

    fn begin(input: Input) -> Self {
        Self(GzDecoder::new(input))
    }

    fn into_input(self) -> Input {
        self.0.into_inner()
    }
}

impl Read for GzipMember {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

/// Moves a member that tells its length.
fn cut(input: &mut Input, member: &mut Vec<u8>) -> io::Result<Option<usize>> {
    const FIXED: usize = 12;
    let start = member.len();
    if !move_bytes(input, FIXED, member)? {
        return Ok(None);
    }
    let header = &member[start..];
    if header[..2] != MAGIC || header[2..4] != [8, EXTRA] {
        return Ok(None);
    }
    let extra = usize::from(u16::from_le_bytes([header[10], header[11]]));
    if !move_bytes(input, extra, member)? {
        return Ok(None);
    }
    let Some(length) = told_length(&member[start + FIXED..]) else {
        return Ok(None);
    };
    let before = FIXED + extra;
    if length < before + END || length > LARGEST || !move_bytes(input, length - before, member)? {
        return Ok(None);
    }
    let last = member.last_chunk::<4>().copied().unwrap_or_default();
    Ok(usize::try_from(u32::from_le_bytes(last)).ok())
}

/// Finds a member's length among the fields of its header.
fn told_length(mut fields: &[u8]) -> Option<usize> {
    loop {
        let (head, rest) = fields.split_first_chunk::<4>()?;
        let length = usize::from(u16::from_le_bytes([head[2], head[3]]));
        let (value, others) = rest.split_at_checked(length)?;
        match ([head[0], head[1]], value) {
            (BLOCK_SIZE, [a, b]) => return Some(usize::from(u16::from_le_bytes([*a, *b])) + 1),
            (LENGTH, [a, b, c, d]) => {
                return usize::try_from(u32::from_le_bytes([*a, *b, *c, *d])).ok();
            }
            _ => fields = others,
        }
    }
}

/// Makes members; the state of the algorithm is reused.
struct GzipCompressor {
    deflate: Compress,
}

impl GzipCompressor {
    fn new(level: Option<i32>) -> Result<Self> {
        let level = check_level(level.unwrap_or(6), 1, 9)?;
        Ok(Self {
            deflate: Compress::new(Level::new(level.unsigned_abs()), false),
        })
    }
}

impl PieceCompressor for GzipCompressor {
    fn compress(&mut self, piece: &[u8]) -> Result<Vec<u8>> {
        // Method 8, no time, unknown system: equal pieces give equal members. The length comes last.
        let mut member = vec![MAGIC[0], MAGIC[1], 8, EXTRA, 0, 0, 0, 0, 0, 255];
        member.extend([8, 0, LENGTH[0], LENGTH[1], 4, 0, 0, 0, 0, 0]);
        let length = member.len() - 4..member.len();
        self.deflate.reset();
        let mut rest = piece;
        loop {
            member.reserve(rest.len() / 3 + 1024);
            let before = self.deflate.total_in();
            let finish = FlushCompress::Finish;
            let status = self
                .deflate
                .compress_vec(rest, &mut member, finish)
                .map_err(|error| {
                    Error::new(ErrorKind::Unexpected, "compress gzip").with_source(error)
                })?;
            let taken = usize::try_from(self.deflate.total_in() - before).unwrap_or(rest.len());
            rest = &rest[taken..];
            if status == Status::StreamEnd {
                break;
            }
        }
        let mut checksum = Crc::new();
        checksum.update(piece);
        member.extend_from_slice(&checksum.sum().to_le_bytes());
        // RFC 1952: the length modulo 2^32, which `Crc` counts just so.
        member.extend_from_slice(&checksum.amount().to_le_bytes());
        // A piece beyond 4 GiB says 0, which no reader takes for a length.
        let whole = u32::try_from(member.len()).unwrap_or_default();
        member[length].copy_from_slice(&whole.to_le_bytes());
        Ok(member)
    }
}
