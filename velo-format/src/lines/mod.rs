//! Plain text: each line is a row of one column of text.
//!
//! # Reading
//! The column is `value`, unless `schema=` gives it another name. A line ends with a line feed, or
//! a carriage return and a line feed; a carriage return elsewhere is data. Behind the last line
//! feed there is another line only if something stands there. An empty line is an empty string. A
//! byte order mark in front is skipped; a line that is not UTF-8 is a bad row.
//!
//! With `whole_file` all of a file is one row, its line ends included; an empty file has none.
//!
//! # Writing
//! One column of text, each value on its line. What would read back as something else is refused:
//! null, a line feed in a value, a carriage return at its end.

mod decode;
mod options;
#[cfg(test)]
mod tests;
mod whole;
mod write;

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use velo_core::{Error, ErrorKind, Result};

use crate::{
    DecodeRequest, Decoder, Inference, Inferred, Prologue, ReadOptions, Splitting, StreamFormat,
    parse_columns,
};

pub use options::TextReadOptions;
pub use write::TextOutput;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Longest `max_line_length`: the text of a batch has 32-bit offsets.
const MAX_LINE: u64 = 1 << 30;

/// Plain text, for reading.
#[derive(Debug)]
pub struct TextLines {
    schema: SchemaRef,
    max_line: usize,
    whole_file: bool,
}

impl TextLines {
    /// Prepares to read plain text.
    ///
    /// # Errors
    /// `Config` for columns other than one of text, or a `max_line_length` over 1 GiB.
    pub fn new(options: &ReadOptions) -> Result<Self> {
        let common = &options.common;
        if common.max_line_length.0 > MAX_LINE {
            return Err(Error::new(ErrorKind::Config, "longest line is too long")
                .with("option", "max_line_length")
                .with("value", common.max_line_length)
                .with_hint("1GiB is the most"));
        }
        let columns = |text: &Option<String>| text.as_deref().map(parse_columns).transpose();
        let name = match columns(&common.schema)? {
            None => "value".to_owned(),
            Some(columns) => match <[_; 1]>::try_from(columns) {
                Ok([(name, DataType::Utf8)]) => name,
                _ => return Err(one_column("schema")),
            },
        };
        let types = columns(&common.types)?.unwrap_or_default();
        let fits = |(of, kind): &(String, DataType)| *of == name && *kind == DataType::Utf8;
        if !types.iter().all(fits) {
            return Err(one_column("types"));
        }
        Ok(Self {
            schema: Arc::new(Schema::new(vec![Field::new(name, DataType::Utf8, true)])),
            max_line: common.max_line_length.0 as usize,
            whole_file: options.text.whole_file,
        })
    }
}

fn one_column(option: &'static str) -> Error {
    Error::new(
        ErrorKind::Config,
        "plain text is one column, whose type is text",
    )
    .with("option", option)
    .with_hint("leave it out, or name the column as schema=line:text")
}

/// Refuses a line over the longest allowed length; `start` is where it starts.
fn check_length(length: usize, most: usize, start: u64) -> Result<()> {
    if length <= most {
        return Ok(());
    }
    Err(
        Error::new(ErrorKind::InvalidData, "line is longer than allowed")
            .with("max_line_length", most)
            .with("byte", start)
            .with_hint("max_line_length= allows more, if this is text"),
    )
}

impl StreamFormat for TextLines {
    fn prologue(&self, head: &[u8], whole: bool) -> Result<Option<Prologue>> {
        if let [0xff, 0xfe, ..] | [0xfe, 0xff, ..] = head {
            return Err(Error::new(ErrorKind::InvalidData, "text is UTF-16")
                .with_hint("convert it to UTF-8, for example with iconv -f UTF-16 -t UTF-8"));
        }
        let marked = head.starts_with(BYTE_ORDER_MARK);
        if !marked && !whole && BYTE_ORDER_MARK.starts_with(head) {
            return Ok(None);
        }
        Ok(Some(Prologue {
            header: Arc::default(),
            bytes: if marked { 3 } else { 0 },
            columns: None,
        }))
    }

    fn infer(&self, _prologue: &Prologue) -> Box<dyn Inference> {
        Box::new(Known(Arc::clone(&self.schema)))
    }

    fn splitting(&self, _prologue: &Prologue) -> Splitting {
        match self.whole_file {
            true => Splitting::Whole,
            false => Splitting::Newline,
        }
    }

    fn decoder(&self, request: DecodeRequest) -> Result<Box<dyn Decoder>> {
        Ok(match self.whole_file {
            true => Box::new(whole::WholeDecoder::new(self.max_line, request)),
            false => Box::new(decode::LineDecoder::new(self.max_line, request)),
        })
    }
}

/// Columns that need not be found.
struct Known(SchemaRef);

impl Inference for Known {
    fn update(&mut self, bytes: &[u8], _last: bool) -> Result<usize> {
        Ok(bytes.len())
    }

    fn window(&mut self, _bytes: &[u8], _reaches_end: bool) {}

    fn finish(self: Box<Self>) -> Result<Inferred> {
        Ok(Inferred {
            declared: false,
            schema: self.0,
            notes: Vec::new(),
        })
    }
}
