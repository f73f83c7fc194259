//! Writing CSV so that it reads back as the same rows.
//!
//! A null is the unquoted null spelling (by default nothing at all), and no other value is ever
//! written that way: an empty string is a pair of quotes, and a string that spells null, or that
//! readers commonly take for null (`NA`, `N/A`, `NULL`, `null`, `\N`), is quoted. Quoted are also
//! strings with a delimiter, a quote, a line feed, carriage return or lower control character, with
//! a blank at either end, or with a byte order mark in front. Quoting says nothing of a type.
//!
//! A null in a file of one column is a blank line (unless the null spelling says otherwise): there
//! a reader must not skip blank lines. With two columns or more no line is blank.

mod dialect;

use std::sync::Arc;

use arrow_array::{Array, RecordBatch, new_empty_array};
use arrow_buffer::NullBuffer;
use arrow_schema::{Schema, SchemaRef};
use velo_core::{Error, ErrorKind, Result};

use self::dialect::Dialect;
use crate::text::{
    RowFormat, Scalar, Strings, Text, TextChunks, TextCompression, TextFile, indirect, unsupported,
};
use crate::{ChunkEncoder, FileEncoder, Format, OutputFormat, Sink, WriteOptions};

const NESTED: &str = "write jsonl or parquet, which hold lists, structs and maps";
const INTERVAL: &str = "make it a duration, or text, before it is written";

/// CSV as an output.
pub struct CsvOutput {
    dialect: Arc<Dialect>,
    header: bool,
    compression: TextCompression,
}

impl CsvOutput {
    /// Checks the options.
    ///
    /// # Errors
    /// `Config` naming the option.
    ///
    /// ```
    /// use velo_format::{OutputFormat, WriteOptions, csv::CsvOutput};
    /// let output = CsvOutput::new(&WriteOptions::default())?;
    /// assert_eq!(output.extension(), "csv");
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn new(options: &WriteOptions) -> Result<Self> {
        Ok(Self {
            dialect: Arc::new(Dialect::new(&options.csv)?),
            header: options.csv.header,
            compression: TextCompression::new(&options.common)?,
        })
    }
}

impl OutputFormat for CsvOutput {
    fn check(&self, schema: &Schema) -> Result<()> {
        if schema.fields().is_empty() {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "rows without columns cannot be written as csv",
            )
            .with_hint("write jsonl or parquet"));
        }
        for field in schema.fields() {
            let column = new_empty_array(field.data_type());
            Column::new(&column).map_err(|e| e.with("column", field.name()))?;
        }
        Ok(())
    }

    fn chunks(&self, schema: &SchemaRef) -> Result<Box<dyn ChunkEncoder>> {
        self.check(schema)?;
        let rows = CsvRows(self.dialect.clone());
        let chunks = TextChunks::new(rows, schema, self.compression)?;
        Ok(Box::new(chunks))
    }

    fn file(&self, schema: &SchemaRef, out: Sink) -> Result<Box<dyn FileEncoder>> {
        let mut text = Text::new(256);
        if self.header {
            for field in schema.fields() {
                self.dialect
                    .write_string(field.name().as_bytes(), &mut text);
                text.byte(self.dialect.delimiter());
            }
            text.replace_last(b'\n');
        }
        let header = text.as_slice();
        let file = TextFile::start(Format::Csv, self.compression, header, out)?;
        Ok(Box::new(file))
    }

    fn extension(&self) -> String {
        let name = match self.dialect.delimiter() {
            b'\t' => "tsv",
            _ => "csv",
        };
        self.compression.extension(name)
    }
}

struct CsvRows(Arc<Dialect>);

impl RowFormat for CsvRows {
    fn format(&self) -> Format {
        Format::Csv
    }

    fn write_rows(&self, rows: &RecordBatch, text: &mut Text) -> Result<()> {
        let dialect = &*self.0;
        let columns: Vec<Column<'_>> = rows
            .columns()
            .iter()
            .map(|column| Column::new(column))
            .collect::<Result<_>>()?;
        for row in 0..rows.num_rows() {
            for column in &columns {
                column.write(row, dialect, text);
                text.byte(dialect.delimiter());
            }
            text.replace_last(b'\n');
        }
        Ok(())
    }

    fn write_column(&self, column: &dyn Array, text: &mut Text) -> Result<()> {
        let values = Column::new(column)?;
        (0..column.len()).for_each(|row| values.write(row, &self.0, text));
        Ok(())
    }
}

/// A column whose values are taken out of their array.
struct Column<'a> {
    nulls: Option<&'a NullBuffer>,
    values: Values<'a>,
}

enum Values<'a> {
    Null,
    Scalar(Scalar<'a>),
    /// Floats and decimals.
    Number(Scalar<'a>),
    /// Base64, which can be empty or spell null.
    Binary(Scalar<'a>),
    Strings(Strings<'a>),
    /// A dictionary or runs: the row of the inner column for each row.
    Indirect(Vec<usize>, Box<Column<'a>>),
}

impl<'a> Column<'a> {
    fn new(array: &'a dyn Array) -> Result<Self> {
        let kind = array.data_type();
        let values = if kind.is_null() {
            Values::Null
        } else if matches!(kind, arrow_schema::DataType::Interval(_)) {
            return Err(unsupported(kind, INTERVAL));
        } else if let Some(strings) = Strings::new(array) {
            Values::Strings(strings)
        } else if let Some(scalar) = Scalar::new(array) {
            match scalar.is_binary() {
                true => Values::Binary(scalar),
                false if kind.is_floating() || kind.is_decimal() => Values::Number(scalar),
                false => Values::Scalar(scalar),
            }
        } else if let Some((rows, values)) = indirect(array) {
            let inner = if values.is_empty() {
                Self {
                    nulls: None,
                    values: Values::Null,
                }
            } else {
                Self::new(values)?
            };
            Values::Indirect(rows, Box::new(inner))
        } else {
            return Err(unsupported(kind, NESTED));
        };
        Ok(Self {
            nulls: array.nulls(),
            values,
        })
    }

    #[inline(always)]
    fn write(&self, row: usize, dialect: &Dialect, text: &mut Text) {
        if self.nulls.is_some_and(|nulls| nulls.is_null(row)) {
            return dialect.write_null(text);
        }
        match &self.values {
            Values::Scalar(scalar) => {
                let start = text.len();
                scalar.write(row, text);
                if dialect.scalars_need_care() {
                    dialect.settle(start, text);
                }
            }
            Values::Number(scalar) => {
                let start = text.len();
                scalar.write(row, text);
                if dialect.scalars_need_care() {
                    dialect.settle_number(start, text);
                }
            }
            Values::Strings(strings) => {
                let start = text.len();
                let special = strings.copy(row, text, dialect.special());
                if special || dialect.needs_quotes(text.since(start)) {
                    text.truncate(start);
                    dialect.quote(strings.get(row), text);
                }
            }
            Values::Binary(scalar) => {
                let start = text.len();
                scalar.write(row, text);
                dialect.settle(start, text);
            }
            Values::Null => dialect.write_null(text),
            Values::Indirect(rows, inner) => inner.write_indirect(rows[row], dialect, text),
        }
    }

    #[inline(never)]
    fn write_indirect(&self, row: usize, dialect: &Dialect, text: &mut Text) {
        self.write(row, dialect, text);
    }
}
