//! Gzip (RFC 1952), any number of members.

use std::io::{self, Read};

use flate2::bufread::GzDecoder;
use flate2::{Compress, Compression as Level, Crc, FlushCompress, Status};
use velo_core::{Error, ErrorKind, Result};

use super::members::{Behind, Member, Members};
use super::{Algorithm, Input, PieceCompressor, check_level};

const MAGIC: [u8; 2] = [0x1f, 0x8b];

pub(super) const ALGORITHM: Algorithm = Algorithm {
    open: |input| Ok(Box::new(Members::<GzipMember>::new(input))),
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
        // Method 8, no flags, no time, unknown system: equal pieces give equal members.
        let mut member = vec![MAGIC[0], MAGIC[1], 8, 0, 0, 0, 0, 0, 0, 255];
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
        Ok(member)
    }
}
