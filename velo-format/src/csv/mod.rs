//! Comma-separated values: RFC 4180 and what people make of it.
//!
//! What the RFC leaves open, and what is read beyond it:
//!
//! - Records end with a line feed, or a carriage return and a line feed; a carriage return
//!   elsewhere is data. The last record needs no line end.
//! - A quote is special only as a field's first byte; elsewhere in an unquoted field it is data.
//!   Text behind a closing quote makes a bad row (to the record's end its quotes are data), and so
//!   does a quote that is never closed.
//! - Blank lines are left out, except in an input of one column, where they are rows of null.
//! - An empty unquoted field is null; a quoted empty one is the empty string, which is a bad value
//!   in a column that is not text. NA, N/A, NULL, null and `\N`, unquoted, are null in columns that
//!   are not text; the option `null` replaces all of this in all columns.
//! - A column whose type was inferred takes only values that mean the same as their text: `007` in
//!   a column of integers is a bad row and not 7. A type that the user has named takes it.
//!
//! # Examples
//!
//! ```
//! use velo_format::csv::Csv;
//! use velo_format::{DecodeRequest, ReadOptions, StreamFormat};
//!
//! let csv = Csv::new(&ReadOptions::default())?;
//! let bytes = b"id,name\n1,\"a, b\"\n2,\n";
//! let prologue = csv.prologue(bytes, true)?.unwrap_or_default();
//! let body = &bytes[prologue.bytes as usize..];
//! let mut inference = csv.infer(&prologue);
//! inference.update(body, true)?;
//! let schema = inference.finish()?.schema;
//! let mut decoder = csv.decoder(DecodeRequest {
//!     schema,
//!     columns: prologue.columns,
//!     header: prologue.header,
//!     batch_rows: 8192,
//!     start: prologue.bytes,
//!     row_starts: false,
//! })?;
//! decoder.decode(body, true)?;
//! let decoded = decoder.take()?;
//! assert_eq!(decoded.rows.num_rows(), 2);
//! assert_eq!(decoded.rows.column(1).null_count(), 1);
//! # Ok::<(), velo_core::Error>(())
//! ```

mod decoder;
mod dialect;
mod explicit;
mod header;
mod index;
mod infer;
pub(crate) mod mask;
mod options;
mod quoted;
mod records;
mod scan;
mod sniff;
mod splitter;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use velo_core::{Error, ErrorKind, Result};

pub use options::{CsvReadOptions, CsvWriteOptions, DecimalSeparator, Ragged};
pub use write::CsvOutput;

use self::decoder::{CsvDecoder, Settings};
use self::dialect::Dialect;
use self::explicit::Explicit;
use self::infer::CsvInference;
use self::splitter::CsvSplitter;
use crate::{
    DecodeRequest, Decoder, Inference, Prologue, ReadOptions, Settled, Splitting, StreamFormat,
};

/// Longest record that can be asked for: places within a window are 32 bits wide.
const MAX_RECORD: u64 = 1 << 30;

/// CSV, to be read.
pub struct Csv {
    settings: Arc<Settings>,
    options: CsvReadOptions,
}

impl Csv {
    /// Validates the options.
    ///
    /// # Errors
    /// `Config` naming the option.
    pub fn new(options: &ReadOptions) -> Result<Self> {
        let record_bytes = options.common.max_line_length.0;
        if record_bytes == 0 || record_bytes > MAX_RECORD {
            return Err(
                Error::new(ErrorKind::Config, "records of that length cannot be read")
                    .with("option", "max_line_length")
                    .with_hint("csv takes up to 1 GiB"),
            );
        }
        Ok(Self {
            settings: Arc::new(Settings {
                dialect: Arc::new(Dialect::new(&options.csv)?),
                explicit: Explicit::new(&options.common)?,
                record_bytes: record_bytes as usize,
                notes: Vec::new(),
            }),
            options: options.csv.clone(),
        })
    }
}

impl StreamFormat for Csv {
    fn settle(&self, head: &[u8], whole: bool) -> Result<Settled> {
        if !sniff::is_open(&self.options) {
            return Ok(Settled::AsItIs);
        }
        let Some(start) = header::skip(&self.options, head, whole) else {
            return Ok(Settled::More);
        };
        let Some((sample, all)) = sniff::sample(&head[start..], whole) else {
            return Ok(Settled::More);
        };
        let found = sniff::sniff(&self.settings, &self.options, sample, all)?;
        let settings = Settings {
            dialect: Arc::new(Dialect::new(&found.options)?),
            explicit: self.settings.explicit.clone(),
            record_bytes: self.settings.record_bytes,
            notes: found.notes,
        };
        Ok(Settled::To {
            dialect: sniff::spelled(&found.options),
            reason: found.reasons.join(", "),
            format: Arc::new(Self {
                settings: Arc::new(settings),
                options: found.options,
            }),
        })
    }

    fn prologue(&self, head: &[u8], whole: bool) -> Result<Option<Prologue>> {
        header::read(&self.settings, &self.options, head, whole)
    }

    fn infer(&self, prologue: &Prologue) -> Box<dyn Inference> {
        let names = prologue.columns.clone().unwrap_or_default();
        Box::new(CsvInference::new(self.settings.clone(), names))
    }

    fn splitting(&self, prologue: &Prologue) -> Splitting {
        if self.settings.dialect.quote.is_none() {
            return Splitting::Newline;
        }
        let columns = prologue.columns.as_ref().map_or(0, |columns| columns.len());
        Splitting::Scan(Box::new(CsvSplitter::new(&self.settings.dialect, columns)))
    }

    fn decoder(&self, request: DecodeRequest) -> Result<Box<dyn Decoder>> {
        Ok(Box::new(CsvDecoder::new(&self.settings, request)?))
    }
}
