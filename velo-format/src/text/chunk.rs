//! Chunks of text: as many rows as make a piece worth compressing and writing.

use std::borrow::Cow;
use std::sync::Arc;

use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, SchemaRef};
use velo_core::{Error, ErrorKind, Result};

use super::buffer::{Problem, Text};
use super::compression::TextCompression;
use crate::compression::Compressor;
use crate::encoding::TextEncoder;
use crate::{Chunk, ChunkEncoder, Format};

/// Text at which a chunk is full. Small enough for a core's own cache, large enough that a
/// compressor loses little by starting anew.
const FULL: usize = 1 << 20;

/// Room beyond a full chunk for the batch that fills it.
const SPARE: usize = FULL / 4;

/// Writes rows as text.
pub(crate) trait RowFormat: Send + 'static {
    /// Says which format this is.
    fn format(&self) -> Format;

    /// Makes a buffer with the format's demands on values.
    fn text(&self, capacity: usize) -> Text {
        Text::new(capacity)
    }

    /// Writes all rows of a batch that has the columns this was made for.
    fn write_rows(&self, rows: &RecordBatch, text: &mut Text) -> Result<()>;

    /// Writes all values of a column, to find out what is wrong with it.
    fn write_column(&self, column: &dyn Array, text: &mut Text) -> Result<()>;
}

/// The body of a chunk: finished bytes of a file.
pub(crate) struct TextChunk {
    /// Whose rows these are.
    pub(crate) format: Format,
    /// The rows, compressed if the file is.
    pub(crate) bytes: Vec<u8>,
}

/// Makes chunks of text.
pub(crate) struct TextChunks<F> {
    format: F,
    schema: SchemaRef,
    encoder: TextEncoder,
    compressor: Option<Compressor>,
    text: Option<Text>,
    capacity: usize,
    rows: u64,
}

impl<F: RowFormat> TextChunks<F> {
    /// Makes chunks for a file that is compressed in this way.
    pub(crate) fn new(format: F, schema: &SchemaRef, compression: TextCompression) -> Result<Self> {
        Ok(Self {
            format,
            schema: schema.clone(),
            encoder: compression.encoder(),
            compressor: compression.compressor()?,
            text: None,
            capacity: FULL + SPARE,
            rows: 0,
        })
    }

    fn check_columns(&self, rows: &RecordBatch) -> Result<()> {
        let (given, wanted) = (rows.schema_ref(), &self.schema);
        let same = Arc::ptr_eq(given, wanted)
            || given.fields().len() == wanted.fields().len()
                && given
                    .fields()
                    .iter()
                    .zip(wanted.fields())
                    .all(|(given, wanted)| given.data_type().equals_datatype(wanted.data_type()));
        if same {
            return Ok(());
        }
        Err(Error::new(
            ErrorKind::Unexpected,
            "rows have other columns than the file",
        ))
    }

    #[cold]
    fn blame(&self, rows: &RecordBatch, problem: Problem) -> Error {
        let (message, hint) = match problem {
            Problem::NotFinite => (
                "NaN and infinity are no JSON numbers",
                "write csv or parquet, or make the column text",
            ),
            Problem::TimeOfDay => (
                "time of day lies outside the day",
                "make the column a duration or an integer",
            ),
        };
        let mut error = Error::new(ErrorKind::InvalidData, message).with_hint(hint);
        for (field, column) in self.schema.fields().iter().zip(rows.columns()) {
            let mut text = self.format.text(0);
            let written = self.format.write_column(column, &mut text);
            if written.is_ok() && text.take_problem() == Some(problem) {
                error = error.with("column", field.name());
                break;
            }
        }
        error
    }

    /// Finds the column with a character that the encoding does not have.
    #[cold]
    fn blame_character(&self, rows: &RecordBatch) -> Error {
        let error = self.encoder.refuse();
        for (field, column) in self.schema.fields().iter().zip(rows.columns()) {
            let mut text = self.format.text(0);
            let written = self.format.write_column(column, &mut text);
            if written.is_ok() && !self.encoder.takes(text.as_slice()) {
                return error.with("column", field.name());
            }
        }
        error
    }
}

impl<F: RowFormat> ChunkEncoder for TextChunks<F> {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        self.check_columns(rows)?;
        let mut text = match self.text.take() {
            Some(text) => text,
            None => self.format.text(self.capacity),
        };
        let before = text.len();
        let written = self.format.write_rows(rows, &mut text);
        let problem = text.take_problem();
        let foreign = !self.encoder.takes(text.since(before));
        if written.is_err() || problem.is_some() || foreign {
            text.truncate(before);
        } else {
            self.rows += rows.num_rows() as u64;
        }
        self.text = Some(text);
        match problem {
            Some(problem) => Err(self.blame(rows, problem)),
            None if foreign => Err(self.blame_character(rows)),
            None => written,
        }
    }

    fn rows(&self) -> u64 {
        self.rows
    }

    fn memory(&self) -> usize {
        self.text.as_ref().map_or(0, Text::capacity)
    }

    fn is_full(&self) -> bool {
        self.text.as_ref().is_some_and(|text| text.len() >= FULL)
    }

    fn finish(&mut self) -> Result<Chunk> {
        let mut bytes = Vec::new();
        if let Some(mut text) = self.text.take() {
            // Batches of one size make chunks of one size: the next buffer need not grow.
            self.capacity = self.capacity.max(text.len() + SPARE);
            let encoded = self.encoder.encode(text.as_slice())?;
            bytes = match (&mut self.compressor, encoded) {
                (None, Cow::Borrowed(_)) => text.into_vec(),
                (None, Cow::Owned(encoded)) => encoded,
                (Some(compressor), encoded) => {
                    let compressed = compressor.compress(&encoded)?;
                    drop(encoded);
                    text.truncate(0);
                    self.text = Some(text);
                    compressed
                }
            };
        }
        Ok(Chunk {
            rows: std::mem::take(&mut self.rows),
            bytes: bytes.len() as u64,
            body: Box::new(TextChunk {
                format: self.format.format(),
                bytes,
            }),
        })
    }
}

/// Refuses a type that a text format has no place for.
pub(crate) fn unsupported(kind: &DataType, hint: &'static str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "type cannot be written in this format",
    )
    .with("type", kind)
    .with_hint(hint)
}
