//! JSON lines: one JSON object (RFC 8259) on each line.
//!
//! # Reading
//! Keys are columns. A key that is missing, and `null`, is null. Blank lines, white space around a
//! record and carriage returns are nothing; a byte order mark in front is skipped. Whatever else
//! RFC 8259 does not allow makes a bad row, and so do a key that stands twice, a key that no
//! column was found for (but see `ignore_unknown_fields`), half a surrogate pair, and objects and
//! arrays more than 128 levels deep.
//!
//! Types that are found from a sample change no value of it:
//!
//! | values | type |
//! |---|---|
//! | whole numbers of 64 bits | `int64` |
//! | longer ones | `decimal(38,0)`, beyond 38 digits text |
//! | numbers with fraction or exponent, and `-0` | `float64` if none loses a digit, else a decimal, else text |
//! | strings that are all `YYYY-MM-DD` | `date` |
//! | strings that are all timestamps (`2024-12-31T23:59:59.5`, or a blank for the `T`) without a zone | `timestamp(us)`, with more than six digits of a second `timestamp(ns)` |
//! | strings that are all timestamps with `Z` or an offset | the same in UTC |
//! | other strings, such that look like numbers included | text |
//! | arrays; of empty ones alone | list; list of text |
//! | objects, unless all are empty or they have over 1,000 different keys | struct |
//! | several of these kinds, or null alone | text |
//!
//! In a text column a string stands for itself and anything else for its JSON as it is written, so
//! numbers keep their spelling. In a column of another type a string is read as text of that type
//! where the type has no JSON form of its own (dates, times, binary) or was given by `types=` or
//! `schema=`. Binary is base64.

mod array;
mod column;
mod decode;
mod evidence;
mod fast;
mod infer;
mod nested;
mod number;
mod options;
mod predict;
mod problem;
mod row;
mod string;
mod token;
mod values;
mod write;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema, SchemaRef};
use velo_core::{Error, ErrorKind, Result};

use crate::{
    DecodeRequest, Decoder, InferMode, Inference, Prologue, ReadOptions, Splitting, StreamFormat,
    parse_columns,
};

pub use array::{JsonArray, JsonArrayOutput};
pub use options::{JsonReadOptions, JsonWriteOptions};
pub use write::JsonLinesOutput;

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// Longest `max_line_length`: the text of a batch has 32-bit offsets.
const MAX_RECORD: u64 = 1 << 30;

/// JSON lines, for reading.
#[derive(Debug)]
pub struct JsonLines {
    settings: Arc<Settings>,
}

/// The options as decoding needs them.
#[derive(Debug)]
struct Settings {
    schema: Option<SchemaRef>,
    types: Vec<(String, DataType)>,
    infer: InferMode,
    max_record: usize,
    ignore_unknown_fields: bool,
}

impl JsonLines {
    /// Prepares to read JSON lines.
    ///
    /// # Errors
    /// `Config` for a type that is not known, or a `max_line_length` over 1 GiB.
    pub fn new(options: &ReadOptions) -> Result<Self> {
        let common = &options.common;
        let columns = |text: &Option<String>| text.as_deref().map(parse_columns).transpose();
        let schema = columns(&common.schema)?.map(|columns| {
            let fields = columns
                .into_iter()
                .map(|(name, kind)| Field::new(name, kind, true));
            Arc::new(Schema::new(fields.collect::<Vec<_>>()))
        });
        if common.max_line_length.0 > MAX_RECORD {
            return Err(Error::new(ErrorKind::Config, "longest record is too long")
                .with("option", "max_line_length")
                .with("value", common.max_line_length)
                .with_hint("1GiB is the most"));
        }
        Ok(Self {
            settings: Arc::new(Settings {
                schema,
                types: columns(&common.types)?.unwrap_or_default(),
                infer: common.infer,
                max_record: common.max_line_length.0 as usize,
                ignore_unknown_fields: options.json.ignore_unknown_fields,
            }),
        })
    }
}

impl Settings {
    /// Says whether the user gave the column's type.
    fn is_explicit(&self, name: &str) -> bool {
        self.schema.is_some() || self.given(name).is_some()
    }

    /// Gives the column's type in `types=`.
    fn given(&self, name: &str) -> Option<&DataType> {
        let found = self.types.iter().find(|(known, _)| known == name);
        found.map(|(_, kind)| kind)
    }

    /// Refuses a record over the longest allowed length; `start` is where it starts.
    fn check_length(&self, length: usize, start: Option<u64>) -> Result<()> {
        if length <= self.max_record {
            return Ok(());
        }
        let error = Error::new(ErrorKind::InvalidData, "record is longer than allowed")
            .with("max_line_length", self.max_record)
            .with_hint("max_line_length= allows more, if these are JSON lines");
        Err(match start {
            Some(start) => error.with("byte", start),
            None => error,
        })
    }
}

impl StreamFormat for JsonLines {
    fn prologue(&self, head: &[u8], whole: bool) -> Result<Option<Prologue>> {
        let mark = head.starts_with(BYTE_ORDER_MARK);
        if !mark && !whole && BYTE_ORDER_MARK.starts_with(head) {
            return Ok(None);
        }
        let mark = if mark { BYTE_ORDER_MARK.len() } else { 0 };
        let blank = |byte: &&u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let blanks = head[mark..].iter().take_while(blank).count();
        Ok(Some(Prologue {
            bytes: (mark + blanks) as u64,
            columns: None,
            header: Arc::default(),
        }))
    }

    fn infer(&self, _prologue: &Prologue) -> Box<dyn Inference> {
        Box::new(infer::JsonInference::new(Arc::clone(&self.settings)))
    }

    fn splitting(&self, _prologue: &Prologue) -> Splitting {
        Splitting::Newline
    }

    /// Starts to decode at a record's first byte.
    ///
    /// Of `request.columns` those that `request.schema` leaves out are checked and skipped.
    /// `None` says that the schema names every column there is.
    fn decoder(&self, request: DecodeRequest) -> Result<Box<dyn Decoder>> {
        let decoder = decode::JsonDecoder::new(Arc::clone(&self.settings), request)?;
        Ok(Box::new(decoder))
    }
}
