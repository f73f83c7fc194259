//! Avro as a format to write.

mod block;
mod canonical;
mod file;
mod node;
mod schema;

use arrow_schema::{Schema, SchemaRef};
use velo_core::{ByteSize, Error, ErrorKind, Result};

use self::block::Blocks;
use self::file::AvroFile;
use super::codec::BlockCompression;
use crate::{ChunkEncoder, FileEncoder, OutputFormat, Sink, WriteOptions};

/// Sizes that blocks may have.
const SMALLEST_BLOCK: u64 = 1 << 10;
const LARGEST_BLOCK: u64 = 16 << 20;

/// Writes Avro object container files.
///
/// | column | Avro |
/// |---|---|
/// | null, boolean | null, boolean |
/// | int8, int16, int32, uint8, uint16 | int |
/// | int64, uint32 | long |
/// | uint64 | decimal(20,0) on bytes |
/// | float16, float32; float64 | float; double |
/// | decimals | decimal on bytes |
/// | text; binary; binary of fixed size | string; bytes; fixed |
/// | date (32 or 64 bits) | date |
/// | time(s), time(ms); time(us) | time-millis; time-micros |
/// | timestamp(s), (ms), (us), (ns) with a zone | timestamp-millis, -millis, -micros, -nanos |
/// | the same without a zone | local-timestamp-millis, -millis, -micros, -nanos |
/// | lists; map with text as keys; struct | array; map; record |
/// | dictionary | its values |
///
/// A nullable column is a union with null. Instants keep their moment and lose the name of their
/// zone. What Avro has no type for is `Unsupported`: time(ns), durations, intervals, unions, maps
/// with other keys, decimals of negative scale; and so are names that are not of letters, digits
/// and underscores. A value that does not fit is `InvalidData`: a date64 within a day, a
/// timestamp(s) or date64 beyond the range.
#[derive(Debug, Clone)]
pub struct AvroOutput {
    compression: BlockCompression,
    block_size: usize,
}

impl AvroOutput {
    /// Opens the format for writing.
    ///
    /// `compression` and `compression_level` mean the blocks, like `codec` and `codec_level`.
    ///
    /// # Errors
    /// `Config` for a codec that is named twice or that Avro does not have, for a level that it
    /// does not have, and for a `block_size` out of range.
    ///
    /// ```
    /// use velo_format::{OutputFormat, WriteOptions, avro::AvroOutput};
    /// let output = AvroOutput::new(&WriteOptions::default())?;
    /// assert_eq!(output.extension(), "avro");
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn new(options: &WriteOptions) -> Result<Self> {
        let ByteSize(size) = options.avro.block_size;
        if !(SMALLEST_BLOCK..=LARGEST_BLOCK).contains(&size) {
            return Err(
                Error::new(ErrorKind::Config, "blocks of that size are not written")
                    .with("option", "block_size")
                    .with("value", options.avro.block_size)
                    .with_hint("sizes are 1KiB to 16MiB"),
            );
        }
        Ok(Self {
            compression: BlockCompression::new(options)?,
            block_size: usize::try_from(size).unwrap_or(usize::MAX),
        })
    }
}

impl OutputFormat for AvroOutput {
    fn check(&self, schema: &Schema) -> Result<()> {
        schema::of(schema).map(drop)
    }

    fn chunks(&self, schema: &SchemaRef) -> Result<Box<dyn ChunkEncoder>> {
        self.check(schema)?;
        let blocks = Blocks::new(schema.clone(), self.compression, self.block_size);
        Ok(Box::new(blocks))
    }

    fn file(&self, schema: &SchemaRef, out: Sink) -> Result<Box<dyn FileEncoder>> {
        let json = schema::of(schema)?;
        Ok(Box::new(AvroFile::new(&json, self.compression.codec, out)))
    }

    fn extension(&self) -> String {
        "avro".to_owned()
    }
}
