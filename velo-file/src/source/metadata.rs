//! The column `_metadata`: from which file and row each row comes.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, StringArray, StructArray, TimestampMicrosecondArray, UInt64Array, new_null_array,
};
use arrow_schema::{DataType, Field, Fields, TimeUnit};

use super::file::Found;

pub(super) const COLUMN: &str = "_metadata";

fn fields() -> Fields {
    let time = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    Fields::from(vec![
        Field::new("path", DataType::Utf8, false),
        Field::new("row_number", DataType::UInt64, false),
        Field::new("byte_offset", DataType::UInt64, true),
        Field::new("size", DataType::UInt64, false),
        Field::new("mtime", time, false),
    ])
}

/// Describes the column.
pub(super) fn field() -> Field {
    Field::new(COLUMN, DataType::Struct(fields()), false)
}

/// Builds the column for some rows of a file.
///
/// `numbers` count the file's records from 1, bad ones included; `starts` are their places in
/// bytes, in what the file holds decompressed, or nothing for a format without such places.
pub(super) fn column(file: &Found, numbers: Vec<u64>, starts: Vec<u64>) -> StructArray {
    let rows = numbers.len();
    let starts: ArrayRef = if starts.len() == rows {
        Arc::new(UInt64Array::from(starts))
    } else {
        new_null_array(&DataType::UInt64, rows)
    };
    let mtime = TimestampMicrosecondArray::from(vec![file.modified.div_euclid(1000); rows]);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(std::iter::repeat_n(
            &file.path, rows,
        ))),
        Arc::new(UInt64Array::from(numbers)),
        starts,
        Arc::new(UInt64Array::from(vec![file.size; rows])),
        Arc::new(mtime.with_timezone("UTC")),
    ];
    StructArray::new(fields(), columns, None)
}
