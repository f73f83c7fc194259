//! What Bloom filters say of the values of a column: that one is certainly missing.

use std::sync::{Arc, Mutex, PoisonError};

use ::parquet::basic::Type as Physical;
use ::parquet::bloom_filter::Sbbf;
use ::parquet::file::metadata::{ColumnChunkMetaData, ParquetMetaData};
use arrow_schema::{DataType, Schema};
use velo_core::Literal;

use super::error::{fenced, unreadable};
use super::input::ParquetBytes;

/// A larger filter is not read.
const LARGEST: i32 = 32 << 20;
/// Answers that are kept.
const ANSWERS: usize = 256;

/// Asks the filters of one file, and keeps their answers.
pub(super) struct BloomFilters {
    bytes: ParquetBytes,
    answers: Mutex<Vec<Answer>>,
}

/// What the row groups say of a column and a literal.
struct Answer {
    column: String,
    literal: Literal,
    possible: Arc<[bool]>,
}

/// A value as filters know it.
enum Value<'l> {
    Int32(i32),
    Int64(i64),
    Bytes(&'l str),
}

impl BloomFilters {
    pub(super) fn new(bytes: ParquetBytes) -> Self {
        Self {
            bytes,
            answers: Mutex::default(),
        }
    }

    /// Says for each row group whether a column can have a value; `None` when nothing can be said.
    pub(super) fn possible(
        &self,
        schema: &Schema,
        file: &ParquetMetaData,
        column: &str,
        literal: &Literal,
    ) -> Option<Arc<[bool]>> {
        let field = schema.field_with_name(column).ok()?;
        let leaf = leaf(file, column)?;
        let physical = file
            .file_metadata()
            .schema_descr()
            .column(leaf)
            .physical_type();
        let value = value(field.data_type(), physical, literal)?;
        let chunks = || file.row_groups().iter().map(|group| group.column(leaf));
        if !chunks().any(has_filter) {
            return None;
        }
        let known = |answer: &&Answer| answer.column == column && answer.literal == *literal;
        if let Some(answer) = self.answers().iter().find(known) {
            return Some(answer.possible.clone());
        }
        let possible: Arc<[bool]> = chunks().map(|chunk| self.holds(chunk, &value)).collect();
        let mut answers = self.answers();
        if answers.len() < ANSWERS {
            answers.push(Answer {
                column: column.to_owned(),
                literal: literal.clone(),
                possible: possible.clone(),
            });
        }
        Some(possible)
    }

    fn answers(&self) -> std::sync::MutexGuard<'_, Vec<Answer>> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says whether a row group can hold a value; yes where its filter cannot be read.
    fn holds(&self, chunk: &ColumnChunkMetaData, value: &Value<'_>) -> bool {
        if !has_filter(chunk) {
            return true;
        }
        let bytes = self.bytes.another();
        let asked = fenced(|| {
            let filter = Sbbf::read_from_column_chunk(chunk, &bytes).map_err(unreadable)?;
            Ok(filter.is_none_or(|filter| match value {
                Value::Int32(value) => filter.check(value),
                Value::Int64(value) => filter.check(value),
                Value::Bytes(value) => filter.check(*value),
            }))
        });
        asked.unwrap_or(true)
    }
}

/// Says whether there is a filter whose length is known and bearable.
fn has_filter(chunk: &ColumnChunkMetaData) -> bool {
    let length = chunk.bloom_filter_length();
    chunk.bloom_filter_offset().is_some()
        && length.is_some_and(|length| (1..=LARGEST).contains(&length))
}

/// Finds the one leaf of a column that is no struct or list.
fn leaf(file: &ParquetMetaData, column: &str) -> Option<usize> {
    let leaves = file.file_metadata().schema_descr().columns();
    leaves.iter().position(|leaf| {
        let is_column = matches!(leaf.path().parts(), [only] if only == column);
        is_column && leaf.max_rep_level() == 0 && leaf.max_def_level() <= 1
    })
}

/// Spells a literal as filters do; `None` where that is not certain.
fn value<'l>(kind: &DataType, physical: Physical, literal: &'l Literal) -> Option<Value<'l>> {
    match (kind, physical, literal) {
        (DataType::Int32, Physical::INT32, Literal::Number(text)) => {
            text.parse().ok().map(Value::Int32)
        }
        (DataType::Int64, Physical::INT64, Literal::Number(text)) => {
            text.parse().ok().map(Value::Int64)
        }
        (
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View,
            Physical::BYTE_ARRAY,
            Literal::Text(text),
        ) => Some(Value::Bytes(text)),
        _ => None,
    }
}
