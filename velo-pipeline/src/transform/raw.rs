//! Rejected rows as bytes: the row that came in, as JSON.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use arrow_array::{RecordBatch, UInt32Array};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_select::take::take_record_batch;
use serde_json::{Map, Value};
use velo_core::{Error, ErrorKind, Result};
use velo_format::jsonl::JsonLinesOutput;
use velo_format::{OutputFormat, WriteOptions};

/// Gives each of some rows as one JSON object.
///
/// Rows that JSON has no exact form for (NaN, two columns of one name) have all their values as
/// text.
///
/// # Errors
/// `Unexpected` when a row cannot be written at all.
pub(crate) fn rows(batch: &RecordBatch, picked: &[u32]) -> Result<Vec<Arc<[u8]>>> {
    let rows = take_record_batch(batch, &UInt32Array::from(picked.to_vec()))?;
    if let Ok(bytes) = encoded(&rows) {
        let lines = bytes.strip_suffix(b"\n").unwrap_or(&bytes);
        let lines: Vec<Arc<[u8]>> = lines.split(|byte| *byte == b'\n').map(Arc::from).collect();
        if lines.len() == picked.len() {
            return Ok(lines);
        }
    }
    (0..rows.num_rows()).map(|row| shown(&rows, row)).collect()
}

fn encoded(rows: &RecordBatch) -> Result<Vec<u8>> {
    let output = JsonLinesOutput::new(&WriteOptions::default())?;
    let schema = rows.schema();
    let bytes = Shared::default();
    let mut file = output.file(&schema, Box::new(bytes.clone()))?;
    let mut chunks = output.chunks(&schema)?;
    chunks.write(rows)?;
    while chunks.rows() > 0 {
        file.append(chunks.finish()?)?;
    }
    file.finish()?;
    let mut bytes = bytes.0.lock().unwrap_or_else(PoisonError::into_inner);
    Ok(std::mem::take(&mut *bytes))
}

fn shown(rows: &RecordBatch, row: usize) -> Result<Arc<[u8]>> {
    let options = FormatOptions::default();
    let schema = rows.schema();
    let mut object = Map::new();
    for (field, column) in schema.fields().iter().zip(rows.columns()) {
        let value = match column.is_null(row) {
            true => Value::Null,
            false => {
                let formatter = ArrayFormatter::try_new(column, &options)?;
                Value::String(formatter.value(row).to_string())
            }
        };
        object.insert(field.name().clone(), value);
    }
    let bytes = serde_json::to_vec(&object).map_err(|error| {
        Error::new(ErrorKind::Unexpected, "write a rejected row").with_source(error)
    })?;
    Ok(bytes.into())
}

/// Memory to write to that is read afterwards.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut held = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        held.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use arrow_array::{ArrayRef, Float64Array, StringArray};

    use super::*;

    fn batch(floats: Vec<f64>) -> RecordBatch {
        let text: ArrayRef = Arc::new(StringArray::from(vec!["a\nb"; floats.len()]));
        let floats: ArrayRef = Arc::new(Float64Array::from(floats));
        RecordBatch::try_from_iter([("text", text), ("float", floats)]).unwrap()
    }

    #[test]
    fn a_row_is_one_object() {
        let rows = rows(&batch(vec![0.5, 1.5, 2.5]), &[0, 2]).unwrap();
        assert_eq!(&*rows[1], br#"{"text":"a\nb","float":2.5}"#);
        assert_eq!(rows.len(), 2);
    }

    #[test]
    fn a_number_that_json_does_not_have_is_text() {
        let rows = rows(&batch(vec![0.5, f64::NAN]), &[1]).unwrap();
        assert_eq!(&*rows[0], br#"{"float":"NaN","text":"a\nb"}"#);
    }
}
