//! Writing: row groups, made side by side, laid into a file.

use std::sync::Arc;

use ::parquet::arrow::ArrowSchemaConverter;
use ::parquet::arrow::add_encoded_arrow_schema_to_metadata;
use ::parquet::basic::Compression as PageCompression;
use ::parquet::file::properties::{WriterProperties, WriterPropertiesBuilder};
use ::parquet::file::writer::SerializedFileWriter;
use ::parquet::schema::types::SchemaDescriptor;
use arrow_schema::{Schema, SchemaRef};
use velo_core::{Error, ErrorKind, Result};

use super::chunk::{GroupColumn, RowGroupEncoder};
use super::error::unwritable;
use super::options::page_compression;
use super::schema;
use crate::{Chunk, ChunkEncoder, FileEncoder, OutputFormat, Sink, WriteOptions};

/// Writes Parquet files.
#[derive(Debug, Clone)]
pub struct ParquetOutput {
    compression: PageCompression,
    row_group_rows: usize,
}

impl ParquetOutput {
    /// Opens the format for writing.
    ///
    /// `compression` and `compression_level` mean the pages, like `codec` and `codec_level`.
    ///
    /// # Errors
    /// `Config` for a codec that is named twice, for a level that it does not have, and for row
    /// groups without rows.
    pub fn new(options: &WriteOptions) -> Result<Self> {
        let row_group_rows = options.parquet.row_group_rows;
        if row_group_rows == 0 {
            return Err(Error::new(ErrorKind::Config, "a row group needs rows")
                .with("option", "row_group_rows")
                .with("value", row_group_rows)
                .with_hint("leave it out for 122880"));
        }
        Ok(Self {
            compression: page_compression(options)?,
            row_group_rows,
        })
    }
}

impl OutputFormat for ParquetOutput {
    fn check(&self, schema: &Schema) -> Result<()> {
        schema::check(schema)
    }

    fn chunks(&self, schema: &SchemaRef) -> Result<Box<dyn ChunkEncoder>> {
        self.check(schema)?;
        let (schema, compression) = (schema.clone(), self.compression);
        let encoder = RowGroupEncoder::new(schema, compression, self.row_group_rows)?;
        Ok(Box::new(encoder))
    }

    fn file(&self, schema: &SchemaRef, out: Sink) -> Result<Box<dyn FileEncoder>> {
        self.check(schema)?;
        let mut properties = properties(self.compression).build();
        add_encoded_arrow_schema_to_metadata(schema, &mut properties);
        let root = convert(schema)?.root_schema_ptr();
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

/// Starts the properties that a file and its row groups share.
pub(super) fn properties(compression: PageCompression) -> WriterPropertiesBuilder {
    WriterProperties::builder()
        .set_created_by(concat!("velo version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(compression)
        // Chunks are already cut.
        .set_max_row_group_row_count(None)
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
