//! Writing JSON lines.
//!
//! Numbers are written with all their digits, also 64-bit integers and decimals; times, dates and
//! binary (base64) are strings, maps are objects. Map keys that are not strings become strings; a
//! key that stands twice in a map stands twice in the object. NaN and infinities are errors: JSON
//! has no number for them, and null would be another value.

mod node;
mod string;

use arrow_array::{Array, RecordBatch, new_empty_array};
use arrow_schema::{Schema, SchemaRef};
use velo_core::{Error, ErrorKind, Result};

use self::node::{Node, Nulls, Object};
use crate::text::{RowFormat, Text, TextChunks, TextCompression, TextFile};
use crate::{ChunkEncoder, FileEncoder, Format, OutputFormat, Sink, WriteOptions};

/// JSON lines as an output.
pub struct JsonLinesOutput {
    nulls: Nulls,
    pub(super) compression: TextCompression,
}

impl JsonLinesOutput {
    /// Checks the options.
    ///
    /// # Errors
    /// `Config` naming the option.
    ///
    /// ```
    /// use velo_format::{OutputFormat, WriteOptions, jsonl::JsonLinesOutput};
    /// let output = JsonLinesOutput::new(&WriteOptions::default())?;
    /// assert_eq!(output.extension(), "jsonl");
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn new(options: &WriteOptions) -> Result<Self> {
        Ok(Self {
            nulls: match options.json.write_nulls {
                true => Nulls::Written,
                false => Nulls::LeftOut,
            },
            compression: TextCompression::new(&options.common)?,
        })
    }
}

impl JsonLinesOutput {
    /// Writes rows of these columns.
    pub(super) fn rows(&self, schema: &SchemaRef) -> JsonRows {
        JsonRows {
            schema: schema.clone(),
            nulls: self.nulls,
        }
    }
}

impl OutputFormat for JsonLinesOutput {
    fn check(&self, schema: &Schema) -> Result<()> {
        let mut names = std::collections::HashSet::new();
        for field in schema.fields() {
            if !names.insert(field.name()) {
                return Err(Error::new(
                    ErrorKind::Unsupported,
                    "two columns of one name cannot be told apart in an object",
                )
                .with("column", field.name())
                .with_hint("rename one of them, or write csv"));
            }
            let column = new_empty_array(field.data_type());
            Node::new(&column, self.nulls).map_err(|e| e.with("column", field.name()))?;
        }
        Ok(())
    }

    fn chunks(&self, schema: &SchemaRef) -> Result<Box<dyn ChunkEncoder>> {
        self.check(schema)?;
        let chunks = TextChunks::new(self.rows(schema), schema, self.compression)?;
        Ok(Box::new(chunks))
    }

    fn file(&self, _schema: &SchemaRef, out: Sink) -> Result<Box<dyn FileEncoder>> {
        let file = TextFile::start(Format::Jsonl, self.compression, &[], out)?;
        Ok(Box::new(file))
    }

    fn extension(&self) -> String {
        self.compression.extension("jsonl")
    }
}

/// Rows as objects.
pub(super) struct JsonRows {
    schema: SchemaRef,
    nulls: Nulls,
}

impl JsonRows {
    /// Writes each row's object behind what `before` writes.
    #[inline]
    pub(super) fn write_objects(
        &self,
        rows: &RecordBatch,
        text: &mut Text,
        before: impl Fn(&mut Text),
    ) -> Result<()> {
        let object = Object::new(self.schema.fields(), rows.columns(), self.nulls)?;
        for row in 0..rows.num_rows() {
            before(text);
            object.write(row, text);
        }
        Ok(())
    }
}

impl RowFormat for JsonRows {
    fn format(&self) -> Format {
        Format::Jsonl
    }

    fn text(&self, capacity: usize) -> Text {
        Text::new(capacity).finite_only()
    }

    fn write_rows(&self, rows: &RecordBatch, text: &mut Text) -> Result<()> {
        let object = Object::new(self.schema.fields(), rows.columns(), self.nulls)?;
        for row in 0..rows.num_rows() {
            object.write(row, text);
            text.byte(b'\n');
        }
        Ok(())
    }

    fn write_column(&self, column: &dyn Array, text: &mut Text) -> Result<()> {
        let node = Node::new(column, self.nulls)?;
        (0..column.len()).for_each(|row| node.write(row, text));
        Ok(())
    }
}
