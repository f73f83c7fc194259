//! Writing a JSON array: chunks of elements, with commas between.

use arrow_array::{Array, RecordBatch};
use arrow_schema::{Schema, SchemaRef};
use velo_core::Result;

use crate::jsonl::JsonLinesOutput;
use crate::jsonl::write::JsonRows;
use crate::text::{Frame, RowFormat, Text, TextChunks, TextFile};
use crate::{ChunkEncoder, FileEncoder, Format, OutputFormat, Sink, WriteOptions};

const FRAME: Frame = Frame {
    first: b"[\n",
    between: b",\n",
    last: b"\n]\n",
    empty: b"[]\n",
};

/// A JSON array as an output.
pub struct JsonArrayOutput {
    lines: JsonLinesOutput,
}

impl JsonArrayOutput {
    /// Checks the options.
    ///
    /// # Errors
    /// `Config` naming the option.
    ///
    /// ```
    /// use velo_format::{OutputFormat, WriteOptions, jsonl::JsonArrayOutput};
    /// let output = JsonArrayOutput::new(&WriteOptions::default())?;
    /// assert_eq!(output.extension(), "json");
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn new(options: &WriteOptions) -> Result<Self> {
        let lines = JsonLinesOutput::new(options)?;
        Ok(Self { lines })
    }
}

impl OutputFormat for JsonArrayOutput {
    fn check(&self, schema: &Schema) -> Result<()> {
        self.lines.check(schema)
    }

    fn chunks(&self, schema: &SchemaRef) -> Result<Box<dyn ChunkEncoder>> {
        self.check(schema)?;
        let elements = Elements(self.lines.rows(schema));
        let chunks = TextChunks::new(elements, schema, self.lines.compression)?;
        Ok(Box::new(chunks))
    }

    fn file(&self, _schema: &SchemaRef, out: Sink) -> Result<Box<dyn FileEncoder>> {
        let file = TextFile::framed(Format::JsonArray, self.lines.compression, FRAME, out)?;
        Ok(Box::new(file))
    }

    fn extension(&self) -> String {
        self.lines.compression.extension("json")
    }
}

/// Rows with a comma and a line feed between them.
struct Elements(JsonRows);

impl RowFormat for Elements {
    fn format(&self) -> Format {
        Format::JsonArray
    }

    fn text(&self, capacity: usize) -> Text {
        self.0.text(capacity)
    }

    fn write_rows(&self, rows: &RecordBatch, text: &mut Text) -> Result<()> {
        self.0.write_objects(rows, text, |text| {
            if text.len() > 0 {
                text.byte(b',');
                text.byte(b'\n');
            }
        })
    }

    fn write_column(&self, column: &dyn Array, text: &mut Text) -> Result<()> {
        self.0.write_column(column, text)
    }
}
