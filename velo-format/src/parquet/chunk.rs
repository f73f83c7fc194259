//! One row group, encoded on one worker.

use std::io;
use std::sync::Arc;

use ::parquet::arrow::arrow_writer::{
    ArrowColumnChunk, ArrowColumnWriter, ArrowRowGroupWriterFactory, compute_leaves,
};
use ::parquet::file::properties::WriterProperties;
use ::parquet::file::writer::{SerializedFileWriter, SerializedRowGroupWriter};
use ::parquet::schema::types::{ColumnDescPtr, ColumnPath, SchemaDescriptor};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{Field, SchemaRef};
use velo_core::{Error, ErrorKind, Result};

use super::column::{self, Codecs, ColumnEncoder, EncodedColumn};
use super::dictionary::{self, SAMPLE_ROWS};
use super::error::unwritable;
use super::properties::GroupSettings;
use super::write::convert;
use crate::{Chunk, ChunkEncoder, Sink};

/// Values that are sampled at most, for files of many columns: the rows wait in memory.
const SAMPLE_VALUES: usize = 1 << 20;

/// Encodes row groups.
pub(super) struct RowGroupEncoder {
    schema: SchemaRef,
    parquet: SchemaDescriptor,
    settings: Arc<GroupSettings>,
    /// The first rows of the open row group, until it is decided how to write its columns.
    sample: Vec<RecordBatch>,
    /// One for each leaf column; none while rows are sampled.
    writers: Vec<ColumnWriter>,
    /// Rows in the open row group.
    rows: usize,
    /// Rows beyond the open row group, which is full.
    beyond: Option<RecordBatch>,
}

/// Encodes a leaf column.
enum ColumnWriter {
    Flat(Box<dyn ColumnEncoder>),
    /// The parquet crate's, which knows every type.
    Any(Box<ArrowColumnWriter>),
}

/// A leaf column, encoded.
pub(super) enum GroupColumn {
    Flat(EncodedColumn),
    Any(ArrowColumnChunk),
}

impl GroupColumn {
    fn bytes(&self) -> u64 {
        match self {
            Self::Flat(column) => column.close.bytes_written,
            Self::Any(column) => column.close().bytes_written,
        }
    }

    pub(super) fn append_to(self, group: &mut SerializedRowGroupWriter<'_, Sink>) -> Result<()> {
        match self {
            Self::Flat(column) => group.append_column(&column.bytes, column.close),
            Self::Any(column) => column.append_to_row_group(group),
        }
        .map_err(unwritable)
    }
}

impl ColumnWriter {
    fn memory(&self) -> usize {
        match self {
            Self::Flat(encoder) => encoder.memory(),
            Self::Any(writer) => writer.memory_size(),
        }
    }

    fn close(self) -> Result<GroupColumn> {
        Ok(match self {
            Self::Flat(encoder) => GroupColumn::Flat(encoder.close()?),
            Self::Any(writer) => GroupColumn::Any(writer.close().map_err(unwritable)?),
        })
    }
}

impl RowGroupEncoder {
    pub(super) fn new(schema: SchemaRef, settings: Arc<GroupSettings>) -> Result<Self> {
        Ok(Self {
            parquet: convert(&schema)?,
            schema,
            settings,
            sample: Vec::new(),
            writers: Vec::new(),
            rows: 0,
            beyond: None,
        })
    }

    /// Puts rows into the open row group as far as there is room, the rest aside.
    fn fill(&mut self, rows: &RecordBatch) -> Result<()> {
        let room = self.settings.rows - self.rows;
        let taken = rows.num_rows().min(room);
        let rest = rows.slice(taken, rows.num_rows() - taken);
        self.beyond = (rest.num_rows() > 0).then_some(rest);
        if taken == 0 {
            return Ok(());
        }
        self.rows += taken;
        let taken = rows.slice(0, taken);
        if !self.writers.is_empty() {
            return self.encode(&taken);
        }
        self.sample.push(taken);
        let wide = SAMPLE_VALUES / self.schema.fields().len().max(1);
        if self.rows >= SAMPLE_ROWS.min(wide) || self.rows >= self.settings.rows {
            self.start()?;
        }
        Ok(())
    }

    /// Decides how to write the columns by the sampled rows, and writes those.
    fn start(&mut self) -> Result<()> {
        let mut properties = self.settings.properties(&self.parquet)?;
        for (at, field) in self.schema.fields().iter().enumerate() {
            if !self.settings.decides_by_data(field.name()) {
                continue;
            }
            if let Some(pays) = dictionary::pays(&self.sample, at, self.settings.rows) {
                let path = ColumnPath::from(field.name().as_str());
                properties = properties.set_column_dictionary_enabled(path, pays);
            }
        }
        self.writers = self.writers(properties.build())?;
        for rows in std::mem::take(&mut self.sample) {
            self.encode(&rows)?;
        }
        Ok(())
    }

    fn writers(&self, properties: WriterProperties) -> Result<Vec<ColumnWriter>> {
        let mut codecs = Codecs::default();
        let leaves = self.parquet.num_columns();
        let own = |(leaf, column): (usize, &ColumnDescPtr)| {
            let field = self.schema.field(self.parquet.get_column_root_idx(leaf));
            column::encoder(field.data_type(), column, leaves, &properties, &mut codecs)
        };
        let columns = self.parquet.columns().iter().enumerate();
        let own: Vec<_> = columns.map(own).collect::<Result<_>>()?;
        if own.iter().all(Option::is_some) {
            return Ok(own.into_iter().flatten().map(ColumnWriter::Flat).collect());
        }
        let root = self.parquet.root_schema_ptr();
        // The factory takes schema and properties from a file, so it gets one that goes nowhere.
        let file = SerializedFileWriter::new(io::sink(), root, Arc::new(properties));
        let factory =
            ArrowRowGroupWriterFactory::new(&file.map_err(unwritable)?, self.schema.clone());
        let any = factory.create_column_writers(0).map_err(unwritable)?;
        let choose = |(own, any): (Option<_>, _)| match own {
            Some(encoder) => ColumnWriter::Flat(encoder),
            None => ColumnWriter::Any(Box::new(any)),
        };
        Ok(own.into_iter().zip(any).map(choose).collect())
    }

    fn encode(&mut self, rows: &RecordBatch) -> Result<()> {
        let mut writers = self.writers.iter_mut();
        for (field, array) in self.schema.fields().iter().zip(rows.columns()) {
            match writers.next() {
                None => {}
                Some(ColumnWriter::Flat(encoder)) => encoder
                    .write(array)
                    .map_err(|error| error.within("column", field.name()))?,
                Some(ColumnWriter::Any(first)) => {
                    let mut leaves = compute_leaves(field, array)
                        .map_err(unwritable)?
                        .into_iter();
                    if let Some(leaf) = leaves.next() {
                        first.write(&leaf).map_err(unwritable)?;
                    }
                    for leaf in leaves {
                        if let Some(ColumnWriter::Any(writer)) = writers.next() {
                            writer.write(&leaf).map_err(unwritable)?;
                        }
                    }
                }
            }
        }
        Ok(())
    }

    fn check(&self, rows: &RecordBatch) -> Result<()> {
        if rows.num_columns() != self.schema.fields().len() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "rows have another number of columns than the file",
            ));
        }
        let mut pairs = self.schema.fields().iter().zip(rows.columns());
        pairs.try_for_each(|(field, array)| check_column(field, array))
    }
}

fn check_column(field: &Field, array: &dyn Array) -> Result<()> {
    let wrong = |kind, problem| Err(Error::new(kind, problem).with("column", field.name()));
    if array.data_type() != field.data_type() {
        return wrong(
            ErrorKind::InvalidInput,
            "rows have another type than the file's column",
        );
    }
    if !field.is_nullable() && array.logical_null_count() > 0 {
        return wrong(
            ErrorKind::InvalidData,
            "a null in a column that has no nulls",
        );
    }
    Ok(())
}

impl ChunkEncoder for RowGroupEncoder {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        self.check(rows)?;
        match self.beyond.take() {
            None => self.fill(rows),
            // The row group was full already: the caller lets rows pile up.
            Some(beyond) => {
                let both = [beyond, rows.clone()];
                self.beyond = Some(arrow_select::concat::concat_batches(&self.schema, &both)?);
                Ok(())
            }
        }
    }

    fn rows(&self) -> u64 {
        let beyond = self.beyond.as_ref().map_or(0, RecordBatch::num_rows);
        (self.rows + beyond) as u64
    }

    fn memory(&self) -> usize {
        let encoded: usize = self.writers.iter().map(ColumnWriter::memory).sum();
        let waiting = self.sample.iter().chain(&self.beyond);
        encoded
            + waiting
                .map(RecordBatch::get_array_memory_size)
                .sum::<usize>()
    }

    fn is_full(&self) -> bool {
        self.rows >= self.settings.rows || self.memory() >= self.settings.bytes
    }

    fn finish(&mut self) -> Result<Chunk> {
        if self.writers.is_empty() && self.rows > 0 {
            self.start()?;
        }
        let writers = std::mem::take(&mut self.writers).into_iter();
        let columns: Vec<GroupColumn> = writers.map(ColumnWriter::close).collect::<Result<_>>()?;
        let chunk = Chunk {
            rows: std::mem::take(&mut self.rows) as u64,
            bytes: columns.iter().map(GroupColumn::bytes).sum(),
            body: Box::new(columns),
        };
        if let Some(beyond) = self.beyond.take() {
            self.fill(&beyond)?;
        }
        Ok(chunk)
    }
}
