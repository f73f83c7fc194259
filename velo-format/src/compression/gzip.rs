//! Gzip (RFC 1952), any number of members.

use std::io::{self, BufRead, Read};

use flate2::bufread::GzDecoder;
use flate2::{Compress, Compression as Level, Crc, FlushCompress, Status};
use velo_core::{Error, ErrorKind, Result};

use super::{Input, at_end, blame};

const EARLY: &str = "gzip data end early";
const CORRUPT: &str = "gzip data are corrupt";
const MAGIC: [u8; 2] = [0x1f, 0x8b];

pub(super) struct GzipReader(State);

enum State {
    /// Before the first member (the decoder reads its header as soon as it is made).
    Fresh(Input),
    Member(Box<GzDecoder<Input>>),
    Ended,
}

impl GzipReader {
    pub(super) fn new(input: Input) -> Self {
        Self(State::Fresh(input))
    }

    fn advance(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            match std::mem::replace(&mut self.0, State::Ended) {
                State::Ended => return Ok(0),
                State::Fresh(mut input) => {
                    if at_end(&mut input)? {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    self.0 = State::Member(Box::new(GzDecoder::new(input)));
                }
                State::Member(mut member) => match member.read(buffer) {
                    Ok(0) => {
                        if next_member(member.get_mut())? {
                            self.0 = State::Member(Box::new(GzDecoder::new(member.into_inner())));
                        }
                    }
                    result => {
                        self.0 = State::Member(member);
                        return result;
                    }
                },
            }
        }
    }
}

impl Read for GzipReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        self.advance(buffer)
            .map_err(|error| blame(error, EARLY, CORRUPT))
    }
}

/// Passes over zeros behind a member (tapes and block devices pad with them); says whether
/// another member follows.
fn next_member(input: &mut Input) -> io::Result<bool> {
    let mut padded = false;
    loop {
        let bytes = input.fill_buf()?;
        let Some(&first) = bytes.first() else {
            return Ok(false);
        };
        let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
        if zeros > 0 {
            padded = true;
            input.consume(zeros);
        } else if first == MAGIC[0] && !padded {
            return Ok(true);
        } else {
            let behind = "other bytes follow the last member";
            return Err(io::Error::new(io::ErrorKind::InvalidData, behind));
        }
    }
}

/// Makes members; the state of the algorithm is reused.
pub(super) struct GzipCompressor {
    deflate: Compress,
}

impl GzipCompressor {
    pub(super) fn new(level: u32) -> Self {
        Self {
            deflate: Compress::new(Level::new(level), false),
        }
    }

    pub(super) fn compress(&mut self, piece: &[u8]) -> Result<Vec<u8>> {
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
