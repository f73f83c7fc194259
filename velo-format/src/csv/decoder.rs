//! Records into batches.

use std::sync::Arc;

use arrow_array::{ArrayRef, BooleanArray, RecordBatch, RecordBatchOptions, new_null_array};
use arrow_schema::{DataType, Field, SchemaRef};
use arrow_select::filter::filter_record_batch;
use velo_core::{Error, ErrorKind, Result};

use super::dialect::Dialect;
use super::explicit::Explicit;
use super::records::{Fault, Limits, Records};
use crate::column::{ColumnBuilder, column_builder, comma_column_builder, expectation};
use crate::encoding::NOT_UTF8;
use crate::{BadRow, DecodeRequest, Decoded, Decoder, Places};

/// A batch is full with this many bytes of input, so that offsets into text stay within 32 bits.
const BATCH_BYTES: usize = 256 << 20;

/// What decoders of one input share.
pub(super) struct Settings {
    pub(super) dialect: Arc<Dialect>,
    pub(super) explicit: Explicit,
    pub(super) record_bytes: usize,
    /// What was guessed, for the summary.
    pub(super) notes: Vec<String>,
}

/// Decodes records of one input or a part of it.
pub(super) struct CsvDecoder {
    dialect: Arc<Dialect>,
    record_bytes: usize,
    schema: SchemaRef,
    names: Arc<[String]>,
    columns: Vec<Column>,
    batch_rows: usize,
    records: Records,
    /// Where the next byte stands in the input.
    position: u64,
    bytes: usize,
    count: usize,
    rows: usize,
    /// Rows that were appended and turned out bad.
    dropped: Vec<usize>,
    bad: Vec<BadRow>,
    row_starts: Option<Vec<u64>>,
}

/// A column of the batch.
struct Column {
    data_type: DataType,
    /// Its place among the input's fields, and what builds it; `None` if the input has no such
    /// column.
    source: Option<(usize, Box<dyn ColumnBuilder>)>,
    hint: String,
}

impl CsvDecoder {
    pub(super) fn new(settings: &Settings, request: DecodeRequest) -> Result<Self> {
        let own_names = || {
            request
                .schema
                .fields()
                .iter()
                .map(|field| field.name().clone())
        };
        let names = request
            .columns
            .clone()
            .unwrap_or_else(|| own_names().collect());
        let places = Places::new(names.iter().map(String::as_str));
        let fields = request.schema.fields().iter();
        let columns = fields.map(|field| Column::new(settings, field, places.get(field.name())));
        let columns = columns.collect::<Result<_>>()?;
        Ok(Self {
            columns,
            dialect: settings.dialect.clone(),
            record_bytes: settings.record_bytes,
            schema: request.schema,
            names,
            batch_rows: request.batch_rows.max(1),
            records: Records::default(),
            position: request.start,
            bytes: 0,
            count: 0,
            rows: 0,
            dropped: Vec::new(),
            bad: Vec::new(),
            row_starts: request.row_starts.then(Vec::new),
        })
    }

    /// Appends what was read from `window`.
    fn append(&mut self, window: &[u8]) {
        for fault in std::mem::take(&mut self.records.faults) {
            let column = fault.field.and_then(|field| self.names.get(field).cloned());
            let bad = self.bad_row(window, fault, column);
            self.bad.push(bad);
        }
        let mut refused = Vec::new();
        for (at, column) in self.columns.iter_mut().enumerate() {
            let found = column.append(&self.records, &self.dialect, window);
            refused.extend(found.into_iter().map(|row| (row, column.field(), at)));
        }
        refused.sort_unstable();
        // The leftmost column of a row speaks for it.
        refused.dedup_by_key(|(row, _, _)| *row);
        for (row, field, column) in refused {
            self.refuse(window, row, field, column);
        }
        self.note_starts();
        self.rows += self.records.len();
        self.count += self.records.count;
    }

    fn refuse(&mut self, window: &[u8], row: usize, field: usize, column: usize) {
        let place = self.records.row(row);
        let start = self.records.field_start(place, 0);
        let mut byte = self.records.field_start(place, field);
        let fields = self.records.fields(window, field);
        let column = &self.columns[column];
        if let (DataType::Utf8, Some((text, unquoted))) = (&column.data_type, fields.get(row)) {
            let sound = simdutf8::compat::from_utf8(text).map_err(|error| error.valid_up_to());
            byte += usize::from(!unquoted) + sound.err().unwrap_or_default();
        }
        let fault = Fault {
            number: place.number,
            start,
            end: start + self.records.raw(place, window).len(),
            byte,
            field: Some(field),
            problem: expectation(&column.data_type),
            hint: Some(match column.data_type {
                DataType::Utf8 => NOT_UTF8.to_owned(),
                _ => column.hint.clone(),
            }),
        };
        let bad = self.bad_row(window, fault, self.names.get(field).cloned());
        self.bad.push(bad);
        self.dropped.push(self.rows + row);
    }

    fn bad_row(&self, window: &[u8], fault: Fault, column: Option<String>) -> BadRow {
        BadRow {
            record: self.count + fault.number,
            record_start: self.position + fault.start as u64,
            byte: self.position + fault.byte as u64,
            column,
            problem: fault.problem,
            hint: fault.hint,
            raw: window[fault.start..fault.end].to_vec(),
            block: None,
        }
    }

    fn note_starts(&mut self) {
        if let Some(starts) = &mut self.row_starts {
            let records = &self.records;
            let start = |row| records.field_start(records.row(row), 0) as u64;
            starts.extend((0..records.len()).map(|row| self.position + start(row)));
        }
    }

    fn batch(&mut self) -> Result<RecordBatch> {
        let rows = self.rows;
        let arrays = self.columns.iter_mut().map(|column| column.finish(rows));
        let arrays: Vec<ArrayRef> = arrays.collect::<Result<_>>()?;
        let options = RecordBatchOptions::new().with_row_count(Some(rows));
        let refused = |error| Error::new(ErrorKind::Unexpected, "build batch").with_source(error);
        let batch = RecordBatch::try_new_with_options(self.schema.clone(), arrays, &options);
        let batch = batch.map_err(refused)?;
        if self.dropped.is_empty() {
            return Ok(batch);
        }
        let mut keep = vec![true; rows];
        for row in self.dropped.drain(..) {
            keep[row] = false;
        }
        if let Some(starts) = &mut self.row_starts {
            let mut kept = keep.iter();
            starts.retain(|_| kept.next().copied().unwrap_or(true));
        }
        filter_record_batch(&batch, &BooleanArray::from(keep)).map_err(refused)
    }
}

impl Decoder for CsvDecoder {
    fn decode(&mut self, input: &[u8], last: bool) -> Result<usize> {
        let mut consumed = 0;
        while consumed < input.len() && !self.is_full() {
            let rest = &input[consumed..];
            let limits = Limits {
                records: self.batch_rows - self.count,
                record_bytes: self.record_bytes,
                last,
            };
            let stride = self.names.len().max(1);
            let used = match self.records.read(&self.dialect, stride, rest, limits) {
                Ok(0) => break,
                Ok(used) => used,
                // What was read before is given out first; the next call comes to this again.
                Err(_) if consumed > 0 => break,
                Err(error) => return Err(error.with("byte", self.position)),
            };
            self.append(&rest[..used]);
            self.position += used as u64;
            self.bytes += used;
            consumed += used;
        }
        Ok(consumed)
    }

    fn records(&self) -> usize {
        self.count
    }

    fn is_full(&self) -> bool {
        self.count >= self.batch_rows || self.bytes >= BATCH_BYTES
    }

    fn take(&mut self) -> Result<Decoded> {
        let rows = self.batch()?;
        let mut bad = std::mem::take(&mut self.bad);
        bad.sort_by_key(|bad| bad.record);
        let row_starts = self.row_starts.as_mut().map(std::mem::take);
        (self.count, self.rows, self.bytes) = (0, 0, 0);
        Ok(Decoded {
            rows,
            bad,
            row_starts: row_starts.unwrap_or_default(),
            resumable: true,
        })
    }
}

impl Column {
    fn new(settings: &Settings, field: &Field, place: Option<usize>) -> Result<Self> {
        let name = field.name();
        let spelling = settings.explicit.spelling(name);
        let choose = match settings.dialect.decimal_comma {
            true => comma_column_builder,
            false => column_builder,
        };
        let builder = choose(field.data_type(), spelling).map_err(|error| {
            error
                .with("column", name)
                .with_hint("csv holds no nested values; read the column as text")
        })?;
        Ok(Self {
            data_type: field.data_type().clone(),
            source: place.map(|place| (place, builder)),
            hint: settings.explicit.hint(name),
        })
    }

    fn field(&self) -> usize {
        self.source.as_ref().map_or(0, |(field, _)| *field)
    }

    /// Appends the column's field of all good records; gives the rows whose text is bad.
    fn append(&mut self, records: &Records, dialect: &Dialect, window: &[u8]) -> Vec<usize> {
        let Some((field, builder)) = &mut self.source else {
            return Vec::new();
        };
        let fields = records.fields(window, *field).with_nulls(dialect.nulls());
        let mut refused = Vec::new();
        builder.append_fields(&fields, &mut refused);
        let is_null = |row: usize| {
            self.data_type != DataType::Utf8
                && matches!(fields.get(row), Some((text, true)) if dialect.is_usual_null(text))
        };
        let rows = refused.into_iter().map(|row| row as usize);
        rows.filter(|row| !is_null(*row)).collect()
    }

    fn finish(&mut self, rows: usize) -> Result<ArrayRef> {
        match &mut self.source {
            Some((_, builder)) => builder.finish(),
            None => Ok(new_null_array(&self.data_type, rows)),
        }
    }
}
