//! Writing: record batches encoded side by side, laid into a file or a stream.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch};
use arrow_cast::cast;
use arrow_ipc::convert::IpcSchemaEncoder;
use arrow_ipc::writer::{
    CompressionContext, DictionaryTracker, IpcDataGenerator, IpcWriteOptions, write_message,
};
use arrow_ipc::{Block, FooterBuilder, MetadataVersion};
use arrow_schema::{Schema, SchemaRef};
use arrow_select::concat::concat_batches;
use flatbuffers::FlatBufferBuilder;
use velo_core::{Error, ErrorKind, Result};

use super::carried;
use super::error::unwritable;
use super::options::{ALIGNMENT, write_options};
use super::stream::size;
use crate::parquet::plain_schema;
use crate::{Chunk, ChunkEncoder, FileEncoder, OutputFormat, Sink, WriteOptions};

/// Magic and two bytes to make it eight.
const BEGINNING: &[u8] = b"ARROW1\0\0";
const MAGIC: &[u8] = b"ARROW1";
/// Continuation, and a length of zero.
const END: [u8; 8] = [0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0];
/// Rows and bytes at which a record batch is full.
const FULL_ROWS: usize = 65_536;
const FULL_BYTES: usize = 16 << 20;

/// Writes Arrow files.
#[derive(Debug, Clone)]
pub struct ArrowFileOutput {
    options: IpcWriteOptions,
}

/// Writes Arrow streams.
#[derive(Debug, Clone)]
pub struct ArrowStreamOutput {
    options: IpcWriteOptions,
}

impl ArrowFileOutput {
    /// Checks the options.
    ///
    /// # Errors
    /// `Config` for a codec that Arrow does not have, and for levels.
    ///
    /// ```
    /// use velo_format::{OutputFormat, WriteOptions, ipc::ArrowFileOutput};
    /// let output = ArrowFileOutput::new(&WriteOptions::default())?;
    /// assert_eq!(output.extension(), "arrow");
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn new(options: &WriteOptions) -> Result<Self> {
        let options = write_options(options)?;
        Ok(Self { options })
    }
}

impl ArrowStreamOutput {
    /// Checks the options.
    ///
    /// # Errors
    /// `Config` for a codec that Arrow does not have, and for levels.
    ///
    /// ```
    /// use velo_format::{OutputFormat, WriteOptions, ipc::ArrowStreamOutput};
    /// let output = ArrowStreamOutput::new(&WriteOptions::default())?;
    /// assert_eq!(output.extension(), "arrows");
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn new(options: &WriteOptions) -> Result<Self> {
        let options = write_options(options)?;
        Ok(Self { options })
    }
}

impl OutputFormat for ArrowFileOutput {
    fn check(&self, schema: &Schema) -> Result<()> {
        carried::check(schema)
    }

    fn chunks(&self, schema: &SchemaRef) -> Result<Box<dyn ChunkEncoder>> {
        Ok(Box::new(Encoder::new(schema, &self.options)?))
    }

    fn file(&self, schema: &SchemaRef, out: Sink) -> Result<Box<dyn FileEncoder>> {
        let writer = Writer::start(schema, &self.options, BEGINNING, out)?;
        Ok(Box::new(File {
            writer,
            blocks: Vec::new(),
        }))
    }

    fn extension(&self) -> String {
        "arrow".to_owned()
    }
}

impl OutputFormat for ArrowStreamOutput {
    fn check(&self, schema: &Schema) -> Result<()> {
        carried::check(schema)
    }

    fn chunks(&self, schema: &SchemaRef) -> Result<Box<dyn ChunkEncoder>> {
        Ok(Box::new(Encoder::new(schema, &self.options)?))
    }

    fn file(&self, schema: &SchemaRef, out: Sink) -> Result<Box<dyn FileEncoder>> {
        let writer = Writer::start(schema, &self.options, &[], out)?;
        Ok(Box::new(Stream { writer }))
    }

    fn extension(&self) -> String {
        "arrows".to_owned()
    }
}

/// A record batch as it stands in the file.
struct Encoded {
    bytes: Vec<u8>,
    metadata: usize,
    body: usize,
}

/// Makes record batches.
struct Encoder {
    /// The columns that come, and the same without dictionaries.
    given: SchemaRef,
    schema: SchemaRef,
    options: IpcWriteOptions,
    compression: CompressionContext,
    parts: Vec<RecordBatch>,
    rows: usize,
    bytes: usize,
}

impl Encoder {
    fn new(schema: &SchemaRef, options: &IpcWriteOptions) -> Result<Self> {
        carried::check(schema)?;
        Ok(Self {
            given: Arc::clone(schema),
            schema: plain_schema(schema),
            options: options.clone(),
            compression: CompressionContext::default(),
            parts: Vec::new(),
            rows: 0,
            bytes: 0,
        })
    }

    /// Brings rows to the file's columns: values for dictionaries.
    fn plain(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let (given, wanted) = (rows.schema_ref().fields(), self.given.fields());
        let same = given.len() == wanted.len()
            && (given.iter().zip(wanted)).all(|(one, other)| one.data_type() == other.data_type());
        if !same {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "rows have other columns than the file",
            ));
        }
        let pairs = self.schema.fields().iter().zip(rows.columns());
        let columns = pairs.map(|(field, column)| -> Result<ArrayRef> {
            if !field.is_nullable() && column.logical_null_count() > 0 {
                let problem = "a null in a column that has no nulls";
                let error = Error::new(ErrorKind::InvalidData, problem);
                return Err(error.with("column", field.name()));
            }
            match column.data_type() == field.data_type() {
                true => Ok(Arc::clone(column)),
                false => Ok(cast(column, field.data_type())?),
            }
        });
        let columns = columns.collect::<Result<_>>()?;
        let options = arrow_array::RecordBatchOptions::new().with_row_count(Some(rows.num_rows()));
        let schema = Arc::clone(&self.schema);
        Ok(RecordBatch::try_new_with_options(
            schema, columns, &options,
        )?)
    }

    fn encode(&mut self, rows: &RecordBatch) -> Result<Encoded> {
        // Nothing to track: there are no dictionaries.
        let mut tracker = DictionaryTracker::new(true);
        let (_, batch) = IpcDataGenerator::default()
            .encode(rows, &mut tracker, &self.options, &mut self.compression)
            .map_err(unwritable)?;
        let mut bytes = Vec::with_capacity(batch.ipc_message.len() + batch.arrow_data.len() + 128);
        let written = write_message(&mut bytes, batch, &self.options);
        let (metadata, body) = written.map_err(unwritable)?;
        Ok(Encoded {
            bytes,
            metadata,
            body,
        })
    }
}

impl ChunkEncoder for Encoder {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        let rows = self.plain(rows)?;
        self.rows += rows.num_rows();
        self.bytes += size(&rows);
        self.parts.push(rows);
        Ok(())
    }

    fn rows(&self) -> u64 {
        self.rows as u64
    }

    fn memory(&self) -> usize {
        self.bytes
    }

    fn is_full(&self) -> bool {
        self.rows >= FULL_ROWS || self.bytes >= FULL_BYTES
    }

    /// Makes one record batch, or several of batches that are large already.
    fn finish(&mut self) -> Result<Chunk> {
        let parts = std::mem::take(&mut self.parts);
        let rows = std::mem::take(&mut self.rows) as u64;
        let bytes = std::mem::take(&mut self.bytes);
        let parts = match parts.len() > 1 && bytes < 8 * FULL_BYTES {
            true => vec![concat_batches(&self.schema, &parts)?],
            false => parts,
        };
        let encoded: Vec<Encoded> = parts
            .iter()
            .map(|part| self.encode(part))
            .collect::<Result<_>>()?;
        Ok(Chunk {
            rows,
            bytes: encoded.iter().map(|part| part.bytes.len() as u64).sum(),
            body: Box::new(encoded),
        })
    }
}

/// What files and streams have in common: a schema, and record batches behind it.
struct Writer {
    schema: SchemaRef,
    out: Sink,
    bytes: u64,
    rows: u64,
}

impl Writer {
    fn start(
        schema: &SchemaRef,
        options: &IpcWriteOptions,
        beginning: &[u8],
        out: Sink,
    ) -> Result<Self> {
        carried::check(schema)?;
        let mut writer = Self {
            schema: plain_schema(schema),
            out,
            bytes: 0,
            rows: 0,
        };
        let mut tracker = DictionaryTracker::new(true);
        let schema = IpcDataGenerator::default().schema_to_bytes_with_dictionary_tracker(
            &writer.schema,
            &mut tracker,
            options,
        );
        let mut bytes = beginning.to_vec();
        let start = bytes.len() + END.len();
        // So much that the record batches behind it are aligned.
        let end = (start + schema.ipc_message.len()).next_multiple_of(ALIGNMENT);
        bytes.extend(&END[..4]);
        bytes.extend(((end - start) as u32).to_le_bytes());
        bytes.extend(&schema.ipc_message);
        bytes.resize(end, 0);
        writer.write(&bytes)?;
        Ok(writer)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let written = self.out.write_all(bytes);
        written
            .map_err(|cause| Error::new(ErrorKind::Io, "write arrow data").with_source(cause))?;
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    /// Appends a chunk; gives where its record batches stand.
    fn append(&mut self, chunk: Chunk) -> Result<Vec<Block>> {
        let encoded = chunk.body.downcast::<Vec<Encoded>>().map_err(|_| {
            Error::new(ErrorKind::Unexpected, "chunk is of another format").with("format", "arrow")
        })?;
        let mut blocks = Vec::with_capacity(encoded.len());
        for part in *encoded {
            let (metadata, body) = (part.metadata as i32, part.body as i64);
            blocks.push(Block::new(self.bytes as i64, metadata, body));
            self.write(&part.bytes)?;
        }
        self.rows += chunk.rows;
        Ok(blocks)
    }

    fn finish(mut self, end: &[u8]) -> Result<u64> {
        self.write(&END)?;
        self.write(end)?;
        let flushed = self.out.flush();
        flushed
            .map_err(|cause| Error::new(ErrorKind::Io, "write arrow data").with_source(cause))?;
        Ok(self.bytes)
    }
}

/// A stream that record batches are appended to.
struct Stream {
    writer: Writer,
}

impl FileEncoder for Stream {
    fn append(&mut self, chunk: Chunk) -> Result<()> {
        self.writer.append(chunk).map(drop)
    }

    fn bytes(&self) -> u64 {
        self.writer.bytes
    }

    fn rows(&self) -> u64 {
        self.writer.rows
    }

    fn finish(self: Box<Self>) -> Result<u64> {
        self.writer.finish(&[])
    }
}

/// A file that record batches are appended to.
struct File {
    writer: Writer,
    blocks: Vec<Block>,
}

impl File {
    /// Makes the index with everything behind it.
    fn index(&self) -> Vec<u8> {
        let mut builder = FlatBufferBuilder::new();
        let blocks = builder.create_vector(&self.blocks);
        let no_dictionaries = builder.create_vector::<Block>(&[]);
        let schema = IpcSchemaEncoder::new().schema_to_fb_offset(&mut builder, &self.writer.schema);
        let mut footer = FooterBuilder::new(&mut builder);
        footer.add_version(MetadataVersion::V5);
        footer.add_schema(schema);
        footer.add_dictionaries(no_dictionaries);
        footer.add_recordBatches(blocks);
        let footer = footer.finish();
        builder.finish(footer, None);
        let mut index = builder.finished_data().to_vec();
        let length = index.len() as i32;
        index.extend(length.to_le_bytes());
        index.extend(MAGIC);
        index
    }
}

impl FileEncoder for File {
    fn append(&mut self, chunk: Chunk) -> Result<()> {
        let blocks = self.writer.append(chunk)?;
        self.blocks.extend(blocks);
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.writer.bytes
    }

    fn rows(&self) -> u64 {
        self.writer.rows
    }

    fn finish(self: Box<Self>) -> Result<u64> {
        let index = self.index();
        self.writer.finish(&index)
    }
}
