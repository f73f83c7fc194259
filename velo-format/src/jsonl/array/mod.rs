//! JSON arrays: one array of objects (RFC 8259), of any length, written in any way.
//!
//! # Reading
//! The elements are read as [JSON lines](super) are: the same types, the same bad rows. What is
//! wrong with the array itself ends the reading: a comma too many or too few, text behind it, and
//! above all a missing `]`, which shows that the input is incomplete.
//!
//! # Writing
//! One element on each line; no rows are `[]`.

mod decode;
mod elements;
mod infer;
#[cfg(test)]
mod tests;
mod write;

use std::sync::Arc;

use velo_core::{Error, ErrorKind, Result};

use self::decode::ArrayDecoder;
use self::elements::is_blank;
use self::infer::ArrayInference;
use super::decode::JsonDecoder;
use super::{JsonLines, Settings};
use crate::{DecodeRequest, Decoder, Inference, Prologue, ReadOptions, Splitting, StreamFormat};

pub use write::JsonArrayOutput;

/// A JSON array, for reading.
#[derive(Debug)]
pub struct JsonArray {
    lines: JsonLines,
}

impl JsonArray {
    /// Prepares to read a JSON array.
    ///
    /// # Errors
    /// `Config` for a type that is not known, or a `max_line_length` over 1 GiB.
    pub fn new(options: &ReadOptions) -> Result<Self> {
        let lines = JsonLines::new(options)?;
        Ok(Self { lines })
    }

    fn settings(&self) -> Arc<Settings> {
        Arc::clone(&self.lines.settings)
    }
}

impl StreamFormat for JsonArray {
    /// Reads up to the array's `[`; what follows it must be there as well.
    fn prologue(&self, head: &[u8], whole: bool) -> Result<Option<Prologue>> {
        let Some(before) = self.lines.prologue(head, whole)? else {
            return Ok(None);
        };
        let start = usize::try_from(before.bytes).unwrap_or(usize::MAX);
        let refuse = |at: usize, what: &'static str| {
            Err(Error::new(ErrorKind::InvalidData, what).with("byte", at))
        };
        match head.get(start) {
            Some(b'[') => {}
            None if !whole => return Ok(None),
            None => return refuse(start, "not a JSON array: there is nothing"),
            Some(_) => {
                return refuse(start, "not a JSON array: it does not begin with `[`")
                    .map_err(|error| error.with_hint("format=jsonl reads one object per line"));
            }
        }
        let first = head[start + 1..].iter().position(|byte| !is_blank(*byte));
        match first {
            None if !whole => Ok(None),
            None => Err(decode::endless(head.len() as u64)),
            Some(at) if head[start + 1 + at] == b',' => refuse(
                start + 1 + at,
                "not a valid JSON array: no element before this comma",
            ),
            Some(_) => Ok(Some(Prologue {
                header: Arc::default(),
                bytes: before.bytes + 1,
                columns: None,
            })),
        }
    }

    fn infer(&self, prologue: &Prologue) -> Box<dyn Inference> {
        Box::new(ArrayInference::new(self.settings(), prologue.bytes))
    }

    fn splitting(&self, _prologue: &Prologue) -> Splitting {
        Splitting::Whole
    }

    fn decoder(&self, request: DecodeRequest) -> Result<Box<dyn Decoder>> {
        let lines = JsonDecoder::new(self.settings(), request)?;
        Ok(Box::new(ArrayDecoder::new(lines)))
    }
}
