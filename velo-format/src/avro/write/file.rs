//! A container: the header, then blocks with the marker behind each.

use velo_core::{Error, ErrorKind, Result};

use super::super::codec::BlockCodec;
use super::super::header::{MAGIC, SYNC};
use super::block::BlocksBody;
use super::node::{bytes, long};
use crate::{Chunk, FileEncoder, Sink};

/// So many bytes of the first block make the marker.
const TELLING: usize = 64 << 10;

/// Lays blocks behind each other.
pub(super) struct AvroFile {
    /// The header up to the marker, until it is written.
    header: Vec<u8>,
    /// The marker, once there is a block to make it of.
    sync: Option<[u8; SYNC]>,
    out: Sink,
    bytes: u64,
    rows: u64,
}

impl AvroFile {
    pub(super) fn new(schema: &str, codec: BlockCodec, out: Sink) -> Self {
        let mut header = MAGIC.to_vec();
        long(2, &mut header);
        for (key, value) in [("avro.schema", schema), ("avro.codec", codec.name())] {
            bytes(key.as_bytes(), &mut header);
            bytes(value.as_bytes(), &mut header);
        }
        long(0, &mut header);
        Self {
            header,
            sync: None,
            out,
            bytes: 0,
            rows: 0,
        }
    }

    /// Writes the header if that has not been done; gives the marker.
    fn start(&mut self, first: &[u8]) -> Result<[u8; SYNC]> {
        if let Some(sync) = self.sync {
            return Ok(sync);
        }
        let telling = first.iter().take(TELLING);
        let sync = hash(self.header.iter().chain(telling));
        let mut header = std::mem::take(&mut self.header);
        header.extend(sync);
        self.write(&header)?;
        self.sync = Some(sync);
        Ok(sync)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(failed)?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }
}

impl FileEncoder for AvroFile {
    fn append(&mut self, chunk: Chunk) -> Result<()> {
        let body = chunk.body.downcast::<BlocksBody>();
        let body = body
            .map_err(|_| Error::new(ErrorKind::Unexpected, "chunk is not made of avro blocks"))?;
        let Some(first) = body.ends.first() else {
            return Ok(());
        };
        let sync = self.start(&body.bytes[..*first])?;
        let mut start = 0;
        for end in &body.ends {
            self.write(&body.bytes[start..*end])?;
            self.write(&sync)?;
            start = *end;
        }
        self.rows += chunk.rows;
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn rows(&self) -> u64 {
        self.rows
    }

    fn finish(mut self: Box<Self>) -> Result<u64> {
        self.start(&[])?;
        self.out.flush().map_err(failed)?;
        Ok(self.bytes)
    }
}

fn failed(cause: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, "write avro").with_source(cause)
}

/// FNV-1a with 128 bits. A marker need not be random but must not stand in the data by chance.
fn hash<'b>(bytes: impl Iterator<Item = &'b u8>) -> [u8; SYNC] {
    const PRIME: u128 = 0x0000_0000_0100_0000_0000_0000_0000_013b;
    const BASIS: u128 = 0x6c62_272e_07bb_0142_62b8_2175_6295_c58d;
    let step = |hash: u128, byte: &u8| (hash ^ u128::from(*byte)).wrapping_mul(PRIME);
    bytes.fold(BASIS, step).to_be_bytes()
}
