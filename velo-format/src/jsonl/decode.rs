//! Decoding blocks of lines into batches.

use std::sync::Arc;

use arrow_array::{RecordBatch, RecordBatchOptions};
use arrow_schema::SchemaRef;
use velo_core::Result;

use super::Settings;
use super::problem::{Parsed, Problem};
use super::row::Rows;
use super::token;
use crate::encoding::NOT_UTF8;
use crate::portion::portion_end;
use crate::{BadRow, DecodeRequest, Decoded, Decoder};

/// A batch is full at this many bytes of records: offsets of text have 31 bits.
const FULL_BYTES: usize = 128 << 20;

/// Decodes records of JSON lines.
pub(super) struct JsonDecoder {
    settings: Arc<Settings>,
    schema: SchemaRef,
    batch_rows: usize,
    rows: Rows,
    /// Offset in the input of the next byte that comes.
    position: u64,
    row_starts: Option<Vec<u64>>,
    bad: Vec<BadRow>,
    records: usize,
    /// Length of the records since the last `take`.
    bytes: usize,
}

/// Whole lines: the part of the caller's bytes that is being decoded.
struct Portion<'a> {
    bytes: &'a [u8],
    /// Offset in the input of its first byte.
    start: u64,
    valid_utf8: bool,
}

impl JsonDecoder {
    pub(super) fn new(settings: Arc<Settings>, request: DecodeRequest) -> Result<Self> {
        Ok(Self {
            rows: Rows::new(&settings, &request)?,
            settings,
            schema: request.schema,
            batch_rows: request.batch_rows.max(1),
            position: request.start,
            row_starts: request.row_starts.then(Vec::new),
            bad: Vec::new(),
            records: 0,
            bytes: 0,
        })
    }

    /// Gives the offset in the input of the next byte that comes.
    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Gives the number of bad rows since the last `take`.
    pub(super) fn bad_rows(&self) -> usize {
        self.bad.len()
    }

    /// Gives the bad rows from one on.
    pub(super) fn bad_from(&mut self, first: usize) -> &mut [BadRow] {
        self.bad.get_mut(first..).unwrap_or_default()
    }

    /// Refuses a record over the longest allowed length; `start` is where it starts.
    pub(super) fn check_length(&self, length: usize, start: u64) -> Result<()> {
        self.settings.check_length(length, Some(start))
    }

    /// Decodes lines until the batch is full; gives the place behind the last one.
    fn decode_portion(&mut self, portion: &Portion<'_>) -> Result<usize> {
        let bytes = portion.bytes;
        let mut at = 0;
        while !self.is_full() {
            at = skip_blank(bytes, at);
            if at == bytes.len() {
                break;
            }
            let start = at;
            at = match self.decode_record(portion, start) {
                Ok(end) => {
                    self.rows.accept();
                    if let Some(starts) = &mut self.row_starts {
                        starts.push(portion.start + start as u64);
                    }
                    end
                }
                Err(problem) => self.reject(portion, start, *problem),
            };
            self.settings
                .check_length(at - start, Some(portion.start + start as u64))?;
            self.records += 1;
            self.bytes += at - start;
        }
        Ok(at)
    }

    #[inline]
    fn decode_record(&mut self, portion: &Portion<'_>, start: usize) -> Parsed<usize> {
        if !portion.valid_utf8 {
            check_utf8(portion.bytes, start)?;
        }
        let end = self.rows.read(portion.bytes, start)?;
        if portion.bytes.get(end) == Some(&b'\n') {
            return Ok(end);
        }
        check_end(portion.bytes, end)
    }

    /// Keeps a bad record and gives the place of its line's end.
    #[cold]
    fn reject(&mut self, portion: &Portion<'_>, start: usize, problem: Problem) -> usize {
        self.rows.discard();
        let end = line_end(portion.bytes, start);
        let what = match problem.what {
            what if problem.at >= end && what.starts_with("not valid JSON") => {
                "not valid JSON: the record ends too early".into()
            }
            what => what,
        };
        let line = &portion.bytes[start..end];
        self.bad.push(BadRow {
            record: self.records,
            record_start: portion.start + start as u64,
            byte: portion.start + problem.at as u64,
            column: problem.column,
            problem: what.into_owned(),
            hint: problem.hint,
            raw: line.strip_suffix(b"\r").unwrap_or(line).to_vec(),
            block: None,
        });
        end
    }
}

impl Decoder for JsonDecoder {
    fn decode(&mut self, input: &[u8], last: bool) -> Result<usize> {
        let mut done = 0;
        while !self.is_full() {
            let check = |length| self.check_length(length, self.position + done as u64);
            let Some(end) = portion_end(input, done, last, check)? else {
                break;
            };
            let bytes = &input[done..end];
            let portion = Portion {
                bytes,
                start: self.position + done as u64,
                valid_utf8: simdutf8::basic::from_utf8(bytes).is_ok(),
            };
            done += self.decode_portion(&portion)?;
        }
        self.position += done as u64;
        Ok(done)
    }

    fn records(&self) -> usize {
        self.records
    }

    fn is_full(&self) -> bool {
        self.records >= self.batch_rows || self.bytes >= FULL_BYTES
    }

    fn take(&mut self) -> Result<Decoded> {
        let options = RecordBatchOptions::new().with_row_count(Some(self.rows.len()));
        let columns = self.rows.finish()?;
        let schema = Arc::clone(&self.schema);
        self.records = 0;
        self.bytes = 0;
        Ok(Decoded {
            rows: RecordBatch::try_new_with_options(schema, columns, &options)?,
            bad: std::mem::take(&mut self.bad),
            row_starts: self
                .row_starts
                .as_mut()
                .map(std::mem::take)
                .unwrap_or_default(),
            resumable: true,
        })
    }
}

/// Skips white space, line feeds included.
#[inline]
fn skip_blank(bytes: &[u8], mut at: usize) -> usize {
    while let Some(b'\n' | b' ' | b'\t' | b'\r') = bytes.get(at) {
        at += 1;
    }
    at
}

fn line_end(bytes: &[u8], start: usize) -> usize {
    let rest = &bytes[start..];
    start + memchr::memchr(b'\n', rest).unwrap_or(rest.len())
}

#[cold]
fn check_utf8(bytes: &[u8], start: usize) -> Parsed<()> {
    let line = &bytes[start..line_end(bytes, start)];
    match simdutf8::compat::from_utf8(line) {
        Ok(_) => Ok(()),
        Err(error) => {
            Err(Problem::new(start + error.valid_up_to(), "not valid UTF-8").with_hint(NOT_UTF8))
        }
    }
}

/// Checks that an object starts at `at`.
pub(super) fn check_opening(bytes: &[u8], at: usize) -> Parsed<()> {
    match bytes.get(at) {
        Some(b'{') => Ok(()),
        Some(b'[') => Err(Problem::new(at, "an array where an object is expected")
            .with_hint("format=json_array reads one array of objects")),
        _ => Err(Problem::new(at, "not a JSON object")),
    }
}

/// Checks that nothing but white space follows the object up to the line's end.
pub(super) fn check_end(bytes: &[u8], at: usize) -> Parsed<usize> {
    let end = token::skip_space(bytes, at);
    match bytes.get(end) {
        None | Some(b'\n') => Ok(end),
        Some(_) => Err(Problem::new(end, "more text behind the object")
            .with_hint("is a comma or a line feed missing?")),
    }
}
