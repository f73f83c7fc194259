//! From the columns that a kind has to those that were asked for.

use std::sync::Arc;

use arrow_array::{
    ArrayRef, RecordBatch, RecordBatchOptions, StringArray, StructArray, UInt64Array,
};
use arrow_schema::{DataType, Field, Fields, SchemaRef};
use arrow_select::filter::filter_record_batch;
use velo_core::{Batch, Predicate, ReadRequest, Result, Span, StreamInfo};

use crate::convert::{Numbers, Recipe};

const METADATA: &str = "_metadata";

/// Describes the column `_metadata`.
pub(super) fn metadata_field() -> Field {
    Field::new(METADATA, DataType::Struct(metadata_fields()), false)
}

fn metadata_fields() -> Fields {
    Fields::from(vec![
        Field::new("split", DataType::Utf8, false),
        Field::new("row_number", DataType::UInt64, false),
    ])
}

/// Counts rows from 1, as for files.
fn metadata(span: &Span, rows: usize) -> StructArray {
    let split = std::iter::repeat_n(span.split.as_str(), rows);
    let numbers = (span.first + 1..).take(rows);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(StringArray::from_iter_values(split)),
        Arc::new(UInt64Array::from_iter_values(numbers)),
    ];
    StructArray::new(metadata_fields(), columns, None)
}

/// Which columns to make, which rows to keep of them, and what to yield.
pub(super) struct Shape {
    recipe: Recipe,
    /// Places of the generated columns to make.
    made: Vec<usize>,
    /// What is there once they are made, the metadata last.
    wide: SchemaRef,
    metadata: bool,
    filter: Option<Arc<Predicate>>,
    /// Places in `wide` of the columns to yield.
    order: Vec<usize>,
    stream: Arc<StreamInfo>,
}

impl Shape {
    /// Finds out what a request needs.
    ///
    /// # Errors
    /// `InvalidInput` for an unknown column.
    pub(super) fn new(
        recipe: Recipe,
        stream: &Arc<StreamInfo>,
        request: &ReadRequest,
    ) -> Result<Self> {
        let all = stream.schema().fields().len();
        let wanted = match &request.projection {
            None => (0..all).collect(),
            Some(names) => stream.positions(names)?,
        };
        let filtered = request.filter.iter().flat_map(|filter| filter.columns());
        let filtered: Vec<String> = filtered.map(str::to_owned).collect();
        let filtered = stream.positions(&filtered)?;
        let needed = |at: &usize| wanted.contains(at) || filtered.contains(at);
        let places: Vec<usize> = (0..all).filter(needed).collect();
        let is_metadata = |at: usize| stream.schema().field(at).name() == METADATA;
        let metadata = places.last().is_some_and(|at| is_metadata(*at));
        let order = wanted
            .iter()
            .filter_map(|at| places.iter().position(|place| place == at));
        Ok(Self {
            recipe,
            wide: Arc::new(stream.schema().project(&places)?),
            order: order.collect(),
            made: places.into_iter().filter(|at| !is_metadata(*at)).collect(),
            metadata,
            filter: request.filter.clone(),
            stream: match &request.projection {
                None => stream.clone(),
                Some(names) => Arc::new(stream.project(names)?),
            },
        })
    }

    /// Makes the rows of a span that were asked for.
    ///
    /// # Errors
    /// `InvalidInput` for a condition whose literals do not fit the columns.
    pub(super) fn batch(&self, numbers: &Numbers, span: Span) -> Result<Batch> {
        let mut columns = self.recipe.columns(numbers, &self.made)?;
        if self.metadata {
            columns.push(Arc::new(metadata(&span, numbers.count)));
        }
        let options = RecordBatchOptions::new().with_row_count(Some(numbers.count));
        let mut rows = RecordBatch::try_new_with_options(self.wide.clone(), columns, &options)?;
        if let Some(filter) = &self.filter {
            rows = filter_record_batch(&rows, &filter.evaluate(&rows)?)?;
        }
        let facts = self.metadata.then(|| rows.columns().last()).flatten();
        let facts: Option<StructArray> =
            facts.and_then(|facts| facts.as_any().downcast_ref().cloned());
        let batch = Batch::new(self.stream.clone(), rows.project(&self.order)?)?;
        let batch = batch.with_span(span);
        match facts {
            Some(facts) => batch.with_metadata(facts),
            None => Ok(batch),
        }
    }
}
