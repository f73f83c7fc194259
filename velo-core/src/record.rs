//! The row view of a batch, in both directions.

mod build;

use std::sync::Arc;

use arrow_array::ArrayRef;
use arrow_schema::SchemaRef;

use crate::{Batch, Error, ErrorKind, FieldValue, Op, Result, StreamInfo};

/// One row with names: read out of a batch, or filled to be written.
///
/// Fields are in the order of the schema; one that was not set is null. Values borrow from the
/// batch they were read from; [`into_owned`](Self::into_owned) cuts them loose.
///
/// ```
/// use std::sync::Arc;
/// use arrow_schema::{DataType, Field, Schema};
/// use velo_core::{StreamInfo, StreamRecord};
/// let schema = Arc::new(Schema::new(vec![
///     Field::new("id", DataType::Int64, false),
///     Field::new("note", DataType::Utf8, true),
/// ]));
/// let stream = Arc::new(StreamInfo::new("orders", schema));
///
/// let record = StreamRecord::new(&stream).with("id", 7_i64)?.with("note", "fragile")?;
/// let batch = StreamRecord::to_batch(&stream, &[record])?;
///
/// let record = batch.record(0)?;
/// assert_eq!(record.get("id").and_then(|id| id.as_i64()), Some(7));
/// assert_eq!(record.get("note").and_then(|note| note.as_str()), Some("fragile"));
/// # Ok::<(), velo_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct StreamRecord<'a> {
    schema: SchemaRef,
    values: Vec<FieldValue<'a>>,
    op: Option<Op>,
    metadata: Vec<(Arc<str>, FieldValue<'a>)>,
}

impl<'a> StreamRecord<'a> {
    /// Starts a record of a stream, with every field null.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// let stream = velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert_eq!(velo_core::StreamRecord::new(&stream).values().len(), 0);
    /// ```
    #[must_use]
    pub fn new(stream: &StreamInfo) -> Self {
        let schema = stream.schema().clone();
        let values = vec![FieldValue::Null; schema.fields().len()];
        Self {
            schema,
            values,
            op: None,
            metadata: Vec::new(),
        }
    }

    /// Sets a field.
    ///
    /// # Errors
    /// `InvalidInput` with the nearest name when there is no such column.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{StreamInfo, StreamRecord};
    /// let stream = StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert!(StreamRecord::new(&stream).with("id", 1_i64).is_err());
    /// ```
    pub fn with(mut self, name: &str, value: impl Into<FieldValue<'a>>) -> Result<Self> {
        let Some((at, _)) = self.schema.column_with_name(name) else {
            let names = self
                .schema
                .fields()
                .iter()
                .map(|field| field.name().as_str());
            let error = Error::new(ErrorKind::InvalidInput, "no such column").with("column", name);
            return Err(match crate::nearest(name, names) {
                Some(name) => error.with_hint(format!("did you mean `{name}`?")),
                None => error,
            });
        };
        self.values[at] = value.into();
        Ok(self)
    }

    /// Says what happened to the row.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{Op, StreamInfo, StreamRecord};
    /// # let stream = StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert_eq!(StreamRecord::new(&stream).with_op(Op::Delete).op(), Op::Delete);
    /// ```
    #[must_use]
    pub fn with_op(mut self, op: Op) -> Self {
        self.op = Some(op);
        self
    }

    /// Gives a field; `None` when there is no such column.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{StreamInfo, StreamRecord};
    /// # let stream = StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert!(StreamRecord::new(&stream).get("id").is_none());
    /// ```
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&FieldValue<'a>> {
        let (at, _) = self.schema.column_with_name(name)?;
        self.values.get(at)
    }

    /// Gives the values in the order of the columns.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{StreamInfo, StreamRecord};
    /// # let stream = StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert!(StreamRecord::new(&stream).values().is_empty());
    /// ```
    #[must_use]
    pub fn values(&self) -> &[FieldValue<'a>] {
        &self.values
    }

    /// Gives names and values in the order of the columns.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{StreamInfo, StreamRecord};
    /// # let stream = StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert_eq!(StreamRecord::new(&stream).fields().count(), 0);
    /// ```
    pub fn fields(&self) -> impl Iterator<Item = (&str, &FieldValue<'a>)> {
        let names = self
            .schema
            .fields()
            .iter()
            .map(|field| field.name().as_str());
        names.zip(&self.values)
    }

    /// Gives what happened to the row; an insert where nothing was said.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{Op, StreamInfo, StreamRecord};
    /// # let stream = StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert_eq!(StreamRecord::new(&stream).op(), Op::Insert);
    /// ```
    #[must_use]
    pub fn op(&self) -> Op {
        self.op.unwrap_or(Op::Insert)
    }

    /// Gives a fact about the row: `timestamp`, `offset`, `partition`, `headers`, `path`, as far
    /// as the source was asked for them.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{StreamInfo, StreamRecord};
    /// # let stream = StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// assert!(StreamRecord::new(&stream).metadata("offset").is_none());
    /// ```
    #[must_use]
    pub fn metadata(&self, name: &str) -> Option<&FieldValue<'a>> {
        self.metadata
            .iter()
            .find(|(known, _)| **known == *name)
            .map(|(_, value)| value)
    }

    /// Copies what is borrowed, so that the record outlives its batch.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{StreamInfo, StreamRecord};
    /// # let stream = StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty()));
    /// let owned: StreamRecord<'static> = StreamRecord::new(&stream).into_owned();
    /// ```
    #[must_use]
    pub fn into_owned(self) -> StreamRecord<'static> {
        let metadata = self
            .metadata
            .into_iter()
            .map(|(name, value)| (name, value.into_owned()));
        StreamRecord {
            schema: self.schema,
            values: self
                .values
                .into_iter()
                .map(FieldValue::into_owned)
                .collect(),
            op: self.op,
            metadata: metadata.collect(),
        }
    }

    /// Makes a batch of records.
    ///
    /// # Errors
    /// `InvalidInput` naming the column when a value has another type than its column, does not
    /// fit it without loss, or is null where the column may not be.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{StreamInfo, StreamRecord};
    /// # let stream = Arc::new(StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty())));
    /// assert_eq!(StreamRecord::to_batch(&stream, &[])?.num_rows(), 0);
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn to_batch(stream: &Arc<StreamInfo>, records: &[StreamRecord<'_>]) -> Result<Batch> {
        build::to_batch(stream, records)
    }
}

impl Batch {
    /// Gives one row with names, values borrowed from the columns.
    ///
    /// # Errors
    /// `InvalidInput` beyond the end; `Unsupported` for a type without a row view.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # let stream = Arc::new(velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty())));
    /// assert!(velo_core::Batch::empty(stream).record(0).is_err());
    /// ```
    pub fn record(&self, row: usize) -> Result<StreamRecord<'_>> {
        if row >= self.num_rows() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                "row is beyond the end of the batch",
            ));
        }
        let columns = self.rows().columns().iter();
        let values = columns.map(|column| FieldValue::read(column, row));
        let metadata = match self.metadata() {
            None => Vec::new(),
            Some(facts) => facts
                .fields()
                .iter()
                .zip(facts.columns())
                .map(|(field, column)| fact(field.name(), column, row))
                .collect::<Result<_>>()?,
        };
        Ok(StreamRecord {
            schema: self.stream().schema().clone(),
            values: values.collect::<Result<_>>()?,
            op: self.changes().map(|changes| changes.ops[row]),
            metadata,
        })
    }

    /// Goes through the rows with names.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # let stream = Arc::new(velo_core::StreamInfo::new("t", Arc::new(arrow_schema::Schema::empty())));
    /// assert_eq!(velo_core::Batch::empty(stream).records().count(), 0);
    /// ```
    pub fn records(&self) -> impl Iterator<Item = Result<StreamRecord<'_>>> {
        (0..self.num_rows()).map(|row| self.record(row))
    }
}

fn fact<'a>(name: &str, column: &'a ArrayRef, row: usize) -> Result<(Arc<str>, FieldValue<'a>)> {
    Ok((Arc::from(name), FieldValue::read(column, row)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use arrow_array::{Int64Array, RecordBatch, StructArray, UInt64Array};
    use arrow_schema::{DataType, Field};

    #[test]
    fn metadata_and_ops_show_in_the_row_view() {
        let id: ArrayRef = Arc::new(Int64Array::from(vec![1]));
        let rows = RecordBatch::try_from_iter([("id", id)]).unwrap();
        let stream = Arc::new(StreamInfo::new("t", rows.schema()));
        let field = Arc::new(Field::new("offset", DataType::UInt64, false));
        let offset: ArrayRef = Arc::new(UInt64Array::from(vec![9]));
        let batch = Batch::new(stream, rows)
            .unwrap()
            .with_metadata(StructArray::from(vec![(field, offset)]))
            .unwrap()
            .with_changes(crate::Changes::new(vec![Op::Delete]))
            .unwrap();
        let record = batch.record(0).unwrap();
        assert_eq!(record.op(), Op::Delete);
        assert_eq!(record.metadata("offset").unwrap().as_i64(), Some(9));
    }
}
