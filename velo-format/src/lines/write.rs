//! Writing plain text.

use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, Schema, SchemaRef};
use velo_core::{Error, ErrorKind, Result};

use crate::text::{RowFormat, Strings, Text, TextChunks, TextCompression, TextFile, indirect};
use crate::{ChunkEncoder, FileEncoder, Format, OutputFormat, Sink, WriteOptions};

/// Plain text as an output.
pub struct TextOutput {
    compression: TextCompression,
}

impl TextOutput {
    /// Checks the options.
    ///
    /// # Errors
    /// `Config` naming the option.
    ///
    /// ```
    /// use velo_format::{OutputFormat, WriteOptions, lines::TextOutput};
    /// let output = TextOutput::new(&WriteOptions::default())?;
    /// assert_eq!(output.extension(), "txt");
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn new(options: &WriteOptions) -> Result<Self> {
        Ok(Self {
            compression: TextCompression::new(&options.common)?,
        })
    }
}

impl OutputFormat for TextOutput {
    fn check(&self, schema: &Schema) -> Result<()> {
        let [field] = &schema.fields()[..] else {
            return Err(
                Error::new(ErrorKind::Unsupported, "plain text holds one column")
                    .with("columns", schema.fields().len())
                    .with_hint("choose one with columns=, or write csv or jsonl"),
            );
        };
        if is_text(field.data_type()) {
            return Ok(());
        }
        Err(
            Error::new(ErrorKind::Unsupported, "plain text holds text alone")
                .with("column", field.name())
                .with("type", field.data_type())
                .with_hint("read it as text (types=), or write csv or jsonl"),
        )
    }

    fn chunks(&self, schema: &SchemaRef) -> Result<Box<dyn ChunkEncoder>> {
        self.check(schema)?;
        let chunks = TextChunks::new(Lines(schema.clone()), schema, self.compression)?;
        Ok(Box::new(chunks))
    }

    fn file(&self, _schema: &SchemaRef, out: Sink) -> Result<Box<dyn FileEncoder>> {
        let file = TextFile::start(Format::Text, self.compression, &[], out)?;
        Ok(Box::new(file))
    }

    fn extension(&self) -> String {
        self.compression.extension("txt")
    }
}

fn is_text(kind: &DataType) -> bool {
    match kind {
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => true,
        DataType::Dictionary(_, values) => is_text(values),
        _ => false,
    }
}

/// Values, each on its line.
struct Lines(SchemaRef);

impl Lines {
    fn refuse(&self, what: &'static str, hint: &'static str) -> Error {
        let error = Error::new(ErrorKind::InvalidData, what).with_hint(hint);
        match self.0.fields().first() {
            Some(field) => error.with("column", field.name()),
            None => error,
        }
    }

    fn write_line(&self, line: &[u8], text: &mut Text) -> Result<()> {
        if memchr::memchr(b'\n', line).is_some() || line.ends_with(b"\r") {
            return Err(self.refuse(
                "a value with a line end in it is not one line of text",
                "write csv or jsonl",
            ));
        }
        text.bytes(line);
        text.byte(b'\n');
        Ok(())
    }
}

impl RowFormat for Lines {
    fn format(&self) -> Format {
        Format::Text
    }

    fn write_rows(&self, rows: &RecordBatch, text: &mut Text) -> Result<()> {
        let columns = rows.columns().iter();
        columns
            .into_iter()
            .try_for_each(|column| self.write_column(column, text))
    }

    fn write_column(&self, column: &dyn Array, text: &mut Text) -> Result<()> {
        if column.logical_null_count() > 0 {
            return Err(self.refuse(
                "plain text has no spelling of null",
                "leave those rows out with filter=, or write csv or jsonl",
            ));
        }
        if let Some(strings) = Strings::new(column) {
            return (0..column.len()).try_for_each(|row| self.write_line(strings.get(row), text));
        }
        let Some((rows, values)) = indirect(column) else {
            return Ok(());
        };
        let Some(strings) = Strings::new(values) else {
            return Ok(());
        };
        rows.into_iter()
            .try_for_each(|row| self.write_line(strings.get(row), text))
    }
}
