//! Writing: row groups, made side by side, laid into a file.

use std::sync::Arc;

use ::parquet::arrow::ArrowSchemaConverter;
use ::parquet::arrow::add_encoded_arrow_schema_to_metadata;
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::SchemaDescriptor;
use arrow_schema::{Schema, SchemaRef};
use velo_core::{Error, ErrorKind, Result};

use super::chunk::{GroupColumn, RowGroupEncoder};
use super::error::unwritable;
use super::properties::GroupSettings;
use super::schema;
use crate::{Chunk, ChunkEncoder, FileEncoder, OutputFormat, Sink, WriteOptions};

/// Writes Parquet files.
#[derive(Debug, Clone)]
pub struct ParquetOutput {
    settings: Arc<GroupSettings>,
}

impl ParquetOutput {
    /// Opens the format for writing.
    ///
    /// `compression` and `compression_level` mean the pages, like `codec` and `codec_level`.
    ///
    /// # Errors
    /// `Config` for a codec that is named twice, for a level that it does not have, for row groups
    /// without rows, for sizes out of range, and for encodings that do not exist.
    pub fn new(options: &WriteOptions) -> Result<Self> {
        Ok(Self {
            settings: Arc::new(GroupSettings::new(options)?),
        })
    }
}

impl OutputFormat for ParquetOutput {
    fn check(&self, schema: &Schema) -> Result<()> {
        schema::check(schema)?;
        self.settings.check(&convert(schema)?)
    }

    fn chunks(&self, schema: &SchemaRef) -> Result<Box<dyn ChunkEncoder>> {
        self.check(schema)?;
        let encoder = RowGroupEncoder::new(schema.clone(), self.settings.clone())?;
        Ok(Box::new(encoder))
    }

    fn file(&self, schema: &SchemaRef, out: Sink) -> Result<Box<dyn FileEncoder>> {
        self.check(schema)?;
        let parquet = convert(schema)?;
        let mut properties = self.settings.properties(&parquet)?.build();
        add_encoded_arrow_schema_to_metadata(schema, &mut properties);
        let root = parquet.root_schema_ptr();
        let writer = SerializedFileWriter::new(out, root, Arc::new(properties));
        Ok(Box::new(ParquetFile {
            writer: writer.map_err(unwritable)?,
            rows: 0,
        }))
    }

    fn extension(&self) -> String {
        "parquet".to_owned()
    }
}

/// Gives the Parquet schema of an Arrow schema.
pub(super) fn convert(schema: &Schema) -> Result<SchemaDescriptor> {
    ArrowSchemaConverter::new()
        .convert(schema)
        .map_err(unwritable)
}

/// A file that row groups are appended to.
struct ParquetFile {
    writer: SerializedFileWriter<Sink>,
    rows: u64,
}

impl FileEncoder for ParquetFile {
    fn append(&mut self, chunk: Chunk) -> Result<()> {
        let columns = chunk
            .body
            .downcast::<Vec<GroupColumn>>()
            .map_err(|_| Error::new(ErrorKind::Unexpected, "chunk is not a parquet row group"))?;
        if chunk.rows == 0 {
            return Ok(());
        }
        let mut group = self.writer.next_row_group().map_err(unwritable)?;
        for column in *columns {
            column.append_to(&mut group)?;
        }
        group.close().map_err(unwritable)?;
        self.rows += chunk.rows;
        Ok(())
    }

    fn bytes(&self) -> u64 {
        self.writer.bytes_written() as u64
    }

    fn rows(&self) -> u64 {
        self.rows
    }

    fn finish(mut self: Box<Self>) -> Result<u64> {
        self.writer.finish().map_err(unwritable)?;
        self.writer.flush()?;
        Ok(self.bytes())
    }
}
