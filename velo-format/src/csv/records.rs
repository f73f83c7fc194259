//! Records of a window, told apart and taken into fields.

use velo_core::{Error, ErrorKind, Result};

use super::dialect::Dialect;
use super::index::Index;
use super::scan::State;
use super::{Ragged, quoted};
use crate::column::{Fields, Span, SpanKind};

/// How many bytes are looked at together, unless a record is longer: they stay in the cache.
const WINDOW: usize = 256 << 10;

/// With fewer fields than this for each quoted one, all fields are listed.
const FIELDS_FOR_EACH_QUOTED: usize = 4;

/// Instead of a number of fields: whatever a record has.
pub(super) const ANY_FIELDS: usize = 0;

/// The whole records at the front of some bytes.
#[derive(Debug, Default)]
pub(super) struct Records {
    index: Index,
    stride: usize,
    /// Whether every record is its fields between separators, but for those in `quoted`.
    regular: bool,
    /// The fields of regular records that start with a quote, by column: the record and the text.
    quoted: Vec<Vec<(u32, Span)>>,
    /// The good records, unless they are regular.
    rows: Vec<Row>,
    spans: Vec<Span>,
    side: Vec<u8>,
    /// How many records there are, faulty ones included.
    pub(super) count: usize,
    /// The faulty records, in order.
    pub(super) faults: Vec<Fault>,
}

/// A record among the good ones of a window.
#[derive(Debug, Clone, Copy)]
pub(super) struct Row {
    /// Its number among all records of the window.
    pub(super) number: usize,
    /// The separator before it, as a place in the index.
    separator: usize,
    fields: usize,
}

/// A record that cannot be taken into fields.
#[derive(Debug)]
pub(super) struct Fault {
    /// Its number among all records of the window.
    pub(super) number: usize,
    /// Where it starts and ends in the window.
    pub(super) start: usize,
    pub(super) end: usize,
    /// Where the trouble is in the window.
    pub(super) byte: usize,
    /// The field, where one is to blame.
    pub(super) field: Option<usize>,
    pub(super) problem: String,
    pub(super) hint: Option<String>,
}

/// What bounds a reading of records.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Records at most.
    pub(super) records: usize,
    /// Bytes of a record at most.
    pub(super) record_bytes: usize,
    /// Whether the input ends with the bytes given.
    pub(super) last: bool,
}

impl Records {
    /// Reads whole records of `stride` fields from the front of `bytes`, up to the limits or the
    /// size of a window; gives how many bytes they have, 0 if there is no whole record.
    pub(super) fn read(
        &mut self,
        dialect: &Dialect,
        stride: usize,
        bytes: &[u8],
        limits: Limits,
    ) -> Result<usize> {
        let mut size = WINDOW.min(bytes.len());
        loop {
            let window = &bytes[..size];
            let last = limits.last && size == bytes.len();
            self.index
                .build(dialect, State::RecordStart, window, limits.records, last);
            let too_long = size > limits.record_bytes;
            if self.index.consumed > 0 || size == bytes.len() || too_long {
                break;
            }
            size = bytes.len().min(size * 2);
        }
        let window = &bytes[..size];
        let too_long = match self.index.consumed {
            0 => (size > limits.record_bytes).then_some(0),
            _ if size > limits.record_bytes => {
                self.index.stop_before_longer(window, limits.record_bytes)
            }
            _ => None,
        };
        if too_long == Some(0) {
            return Err(Error::new(ErrorKind::InvalidData, "record is too long")
                .with("limit", limits.record_bytes)
                .with_hint("a quote may be missing; if not, raise max_line_length="));
        }
        self.take(dialect, stride, &window[..self.index.consumed]);
        Ok(self.index.consumed)
    }

    /// Gives the number of good records.
    pub(super) fn len(&self) -> usize {
        if self.regular {
            self.count
        } else {
            self.rows.len()
        }
    }

    /// Gives one field of all good records.
    pub(super) fn fields<'a>(&'a self, bytes: &'a [u8], field: usize) -> Fields<'a> {
        if self.regular {
            let quoted = self.quoted.get(field).map_or(&[][..], Vec::as_slice);
            Fields::separated(bytes, self.index.ends(), self.stride, field)
                .with_quoted(&self.side, quoted)
        } else {
            Fields::listed((bytes, &self.side), &self.spans, self.stride, field)
        }
    }

    /// Gives the fields of the first record, which may have any number.
    pub(super) fn fields_of_first(&self, bytes: &[u8]) -> Vec<Vec<u8>> {
        let field = |field| self.fields(bytes, field).get(0);
        let fields = (0..self.row(0).fields).filter_map(field);
        fields.map(|(text, _)| text.to_vec()).collect()
    }

    /// Gives a good record's place among all and in the window.
    pub(super) fn row(&self, row: usize) -> Row {
        if self.regular {
            Row {
                number: row,
                separator: row * self.stride,
                fields: self.stride,
            }
        } else {
            self.rows[row]
        }
    }

    /// Gives where a good record's field starts in the window.
    pub(super) fn field_start(&self, row: Row, field: usize) -> usize {
        let before = row.separator + field.min(row.fields);
        self.index.ends()[before].wrapping_add(1) as usize
    }

    /// Gives a good record's bytes without its line end.
    pub(super) fn raw<'a>(&self, row: Row, bytes: &'a [u8]) -> &'a [u8] {
        let end = self.index.ends()[row.separator + row.fields] as usize;
        without_return(&bytes[self.field_start(row, 0)..end], end < bytes.len())
    }

    fn take(&mut self, dialect: &Dialect, stride: usize, bytes: &[u8]) {
        self.stride = stride;
        self.rows.clear();
        self.spans.clear();
        self.side.clear();
        self.faults.clear();
        self.count = self.index.lines;
        self.regular = self.is_regular(dialect, bytes) && self.take_quoted(dialect, bytes);
        if !self.regular {
            self.side.clear();
            self.count = 0;
            self.list(dialect, bytes);
        }
    }

    fn is_regular(&self, dialect: &Dialect, bytes: &[u8]) -> bool {
        let ends = self.index.ends();
        let ends_line = |end: &u32| bytes.get(*end as usize).is_none_or(|byte| *byte == b'\n');
        self.stride != ANY_FIELDS
            && ends.len() - 1 == self.index.lines * self.stride
            && ends
                .iter()
                .skip(self.stride)
                .step_by(self.stride)
                .all(ends_line)
            && (dialect.comment.is_none() || !self.has_comment(dialect, bytes))
    }

    /// Takes the fields that start with a quote, if they are the exception and sound.
    fn take_quoted(&mut self, dialect: &Dialect, bytes: &[u8]) -> bool {
        self.quoted.iter_mut().for_each(Vec::clear);
        let (openings, ends) = (self.index.openings(), self.index.ends());
        if openings.len() * FIELDS_FOR_EACH_QUOTED > ends.len() {
            return false;
        }
        if !openings.is_empty() && self.quoted.len() < self.stride {
            self.quoted.resize_with(self.stride, Vec::new);
        }
        for opening in openings.iter().map(|opening| *opening as usize) {
            let (record, field) = (opening / self.stride, opening % self.stride);
            let start = ends[opening].wrapping_add(1) as usize;
            let end = ends[opening + 1] as usize;
            let ends_line = field + 1 == self.stride && end < bytes.len();
            let text = without_return(&bytes[start..end], ends_line);
            match quoted::take(dialect, text, start, &mut self.side) {
                Ok(span) => self.quoted[field].push((record as u32, span)),
                // The way through every field finds out what to say of it.
                Err(_) => return false,
            }
        }
        true
    }

    fn has_comment(&self, dialect: &Dialect, bytes: &[u8]) -> bool {
        let openings = self.index.ends().iter().step_by(self.stride);
        let mut starts = openings.map(|before| before.wrapping_add(1) as usize);
        starts.any(|start| dialect.is_comment(bytes.get(start..).unwrap_or_default()))
    }

    fn list(&mut self, dialect: &Dialect, bytes: &[u8]) {
        let mut separator = 0;
        while separator + 1 < self.index.ends().len() {
            let rest = &self.index.ends()[separator + 1..];
            let feed = |end: &u32| bytes.get(*end as usize).is_none_or(|byte| *byte == b'\n');
            let fields = 1 + rest.iter().position(feed).unwrap_or(rest.len() - 1);
            let row = Row {
                number: self.count,
                separator,
                fields,
            };
            separator += fields;
            self.list_line(dialect, bytes, row);
        }
    }

    fn list_line(&mut self, dialect: &Dialect, bytes: &[u8], row: Row) {
        let raw = self.raw(row, bytes);
        let blank = raw.is_empty() && self.stride != 1;
        if blank || dialect.is_comment(raw) {
            return;
        }
        self.count += 1;
        let spans = self.spans.len();
        match self.list_fields(dialect, bytes, row) {
            Ok(()) => self.rows.push(row),
            Err(fault) => {
                self.spans.truncate(spans);
                self.faults.push(fault);
            }
        }
    }

    fn list_fields(&mut self, dialect: &Dialect, bytes: &[u8], row: Row) -> Result<(), Fault> {
        let stride = match self.stride {
            ANY_FIELDS => row.fields,
            stride => stride,
        };
        for field in 0..row.fields {
            let start = self.field_start(row, field);
            let end = self.index.ends()[row.separator + field + 1] as usize;
            let ends_line = field + 1 == row.fields && end < bytes.len();
            let text = without_return(&bytes[start..end], ends_line);
            let span = quoted::take(dialect, text, start, &mut self.side);
            match span {
                Ok(span) if field < stride => self.spans.push(span),
                Ok(_) => {}
                Err((byte, problem)) => {
                    return Err(self.fault(bytes, row, (byte, Some(field)), problem.to_owned()));
                }
            }
        }
        let fill = dialect.ragged == Ragged::Fill && row.fields < stride;
        if row.fields == stride || fill {
            let missing = Span {
                start: 0,
                end: 0,
                kind: SpanKind::Missing,
            };
            let missing = std::iter::repeat_n(missing, stride - row.fields);
            self.spans.extend(missing);
            return Ok(());
        }
        Err(self.ragged(bytes, row))
    }

    fn ragged(&self, bytes: &[u8], row: Row) -> Fault {
        let fields = |count| if count == 1 { "field" } else { "fields" };
        let problem = format!(
            "row has {} {}, expected {}",
            row.fields,
            fields(row.fields),
            self.stride,
        );
        let at = self.field_start(row, row.fields.min(self.stride));
        let mut fault = self.fault(bytes, row, (at.min(bytes.len()), None), problem);
        if row.fields < self.stride {
            fault.byte = fault.end;
            fault.hint = Some("ragged=fill takes missing fields for null".to_owned());
        }
        fault
    }

    fn fault(
        &self,
        bytes: &[u8],
        row: Row,
        (byte, field): (usize, Option<usize>),
        problem: String,
    ) -> Fault {
        let start = self.field_start(row, 0);
        Fault {
            number: row.number,
            start,
            end: start + self.raw(row, bytes).len(),
            byte,
            field,
            problem,
            hint: None,
        }
    }
}

fn without_return(text: &[u8], before_feed: bool) -> &[u8] {
    match text {
        [text @ .., b'\r'] if before_feed => text,
        _ => text,
    }
}
