//! Decoding blocks of lines into batches.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, RecordBatchOptions, StringArray, new_null_array};
use arrow_buffer::{Buffer, OffsetBuffer, ScalarBuffer};
use arrow_schema::{DataType, SchemaRef};
use velo_core::{Error, ErrorKind, Result};

use super::check_length;
use crate::portion::portion_end;
use crate::{BadRow, DecodeRequest, Decoded, Decoder};

/// A batch is full at this many bytes of text: offsets have 31 bits.
const FULL_BYTES: usize = 128 << 20;

/// Decodes lines.
pub(super) struct LineDecoder {
    max_line: usize,
    schema: SchemaRef,
    batch_rows: usize,
    /// Offset in the input of the next byte that comes.
    position: u64,
    text: Column,
    row_starts: Option<Vec<u64>>,
    bad: Vec<BadRow>,
    records: usize,
}

/// A growing column of text that was checked.
pub(super) struct Column {
    data: Vec<u8>,
    offsets: Vec<i32>,
}

impl LineDecoder {
    pub(super) fn new(max_line: usize, request: DecodeRequest) -> Self {
        Self {
            max_line,
            schema: request.schema,
            batch_rows: request.batch_rows.max(1),
            position: request.start,
            text: Column::new(),
            row_starts: request.row_starts.then(Vec::new),
            bad: Vec::new(),
            records: 0,
        }
    }

    /// Decodes lines until the batch is full; gives the place behind the last one.
    fn decode_portion(&mut self, bytes: &[u8], start: u64) -> Result<usize> {
        let valid = simdutf8::basic::from_utf8(bytes).is_ok();
        let mut at = 0;
        let feeds = memchr::memchr_iter(b'\n', bytes);
        for feed in feeds.chain([bytes.len()]) {
            if self.is_full() || at == bytes.len() {
                break;
            }
            let line = &bytes[at..feed];
            check_length(line.len(), self.max_line, start + at as u64)?;
            let line = match feed == bytes.len() {
                true => line,
                false => line.strip_suffix(b"\r").unwrap_or(line),
            };
            self.line(line, start + at as u64, valid);
            at = (feed + 1).min(bytes.len());
        }
        Ok(at)
    }

    #[inline]
    fn line(&mut self, line: &[u8], start: u64, valid: bool) {
        let problem = match valid {
            true => None,
            false => not_text(line),
        };
        match problem {
            None => {
                self.text.push(line);
                if let Some(starts) = &mut self.row_starts {
                    starts.push(start);
                }
            }
            Some(at) => self
                .bad
                .push(bad_row(self.records, line, start, at, &self.schema)),
        }
        self.records += 1;
    }
}

/// Gives the place of the first byte that is not UTF-8.
pub(super) fn not_text(bytes: &[u8]) -> Option<usize> {
    let checked = simdutf8::compat::from_utf8(bytes);
    checked.err().map(|error| error.valid_up_to())
}

#[cold]
pub(super) fn bad_row(
    record: usize,
    line: &[u8],
    start: u64,
    at: usize,
    schema: &SchemaRef,
) -> BadRow {
    BadRow {
        block: None,
        record,
        record_start: start,
        byte: start + at as u64,
        column: schema.fields().first().map(|field| field.name().clone()),
        problem: "not valid UTF-8 (text)".to_owned(),
        hint: Some("convert it to UTF-8, for example with iconv".to_owned()),
        raw: line.to_vec(),
    }
}

impl Column {
    pub(super) fn new() -> Self {
        Self {
            data: Vec::new(),
            offsets: vec![0],
        }
    }

    #[inline]
    pub(super) fn push(&mut self, text: &[u8]) {
        self.data.extend_from_slice(text);
        // A batch is full, and the longest line much shorter, before offsets are.
        self.offsets.push(self.data.len() as i32);
    }

    pub(super) fn bytes(&self) -> usize {
        self.data.len()
    }

    /// Takes the rows, with null in columns that plain text does not have.
    pub(super) fn finish(&mut self, schema: &SchemaRef) -> Result<RecordBatch> {
        let rows = self.offsets.len() - 1;
        // The next batch will most likely be as long.
        let room = Vec::with_capacity(self.data.len());
        let data = Buffer::from_vec(std::mem::replace(&mut self.data, room));
        let mut next = Vec::with_capacity(self.offsets.len());
        next.push(0);
        let offsets = std::mem::replace(&mut self.offsets, next);
        let offsets = OffsetBuffer::new(ScalarBuffer::from(offsets));
        let text = StringArray::try_new(offsets, data, None).map_err(|error| {
            Error::new(ErrorKind::Unexpected, "build column").with_source(error)
        })?;
        let text: ArrayRef = Arc::new(text);
        let columns = schema.fields().iter().map(|field| match field.data_type() {
            DataType::Utf8 => Arc::clone(&text),
            other => new_null_array(other, rows),
        });
        let columns = columns.collect();
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let schema = Arc::clone(schema);
        Ok(RecordBatch::try_new_with_options(
            schema, columns, &options,
        )?)
    }
}

impl Decoder for LineDecoder {
    fn decode(&mut self, input: &[u8], last: bool) -> Result<usize> {
        let mut done = 0;
        while !self.is_full() {
            let place = self.position + done as u64;
            let check = |length| check_length(length, self.max_line, place);
            let Some(end) = portion_end(input, done, last, check)? else {
                break;
            };
            done += self.decode_portion(&input[done..end], self.position + done as u64)?;
        }
        self.position += done as u64;
        Ok(done)
    }

    fn records(&self) -> usize {
        self.records
    }

    fn is_full(&self) -> bool {
        self.records >= self.batch_rows || self.text.bytes() >= FULL_BYTES
    }

    fn take(&mut self) -> Result<Decoded> {
        self.records = 0;
        Ok(Decoded {
            resumable: true,
            rows: self.text.finish(&self.schema)?,
            bad: std::mem::take(&mut self.bad),
            row_starts: self
                .row_starts
                .as_mut()
                .map(std::mem::take)
                .unwrap_or_default(),
        })
    }
}
