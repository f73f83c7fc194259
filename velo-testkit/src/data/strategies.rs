//! Strategies for property tests; they shrink to fewer columns and fewer rows.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, Field, Schema, SchemaRef};
use proptest::prelude::{Strategy, any};
use proptest::{collection, sample};
use velo_core::{Batch, StreamInfo};

use super::{rows, supported_types};

/// Chooses one supported type.
///
/// ```
/// use proptest::strategy::Strategy;
/// let strategy = velo_testkit::data::types().prop_map(|of| of.to_string());
/// ```
pub fn types() -> impl Strategy<Value = DataType> + Clone {
    sample::select(supported_types())
}

/// Chooses columns `c0`, `c1`, … of supported types, at least one.
///
/// ```
/// let strategy = velo_testkit::data::schemas(10);
/// ```
pub fn schemas(columns: usize) -> impl Strategy<Value = SchemaRef> {
    collection::vec(types(), 1..=columns.max(1)).prop_map(|types| {
        let named = types.into_iter().enumerate();
        let fields = named.map(|(n, of)| Field::new(format!("c{n}"), of, true));
        Arc::new(Schema::new(fields.collect::<Vec<_>>()))
    })
}

/// Generates rows of some of these types, at most so many rows.
///
/// ```
/// use arrow_schema::DataType;
/// let strategy = velo_testkit::data::record_batches(vec![DataType::Utf8, DataType::Int64], 100);
/// ```
pub fn record_batches(
    types: Vec<DataType>,
    most_rows: usize,
) -> impl Strategy<Value = RecordBatch> {
    let columns = collection::vec(sample::select(types), 1..=4);
    let generate = |(types, count, seed): (Vec<DataType>, usize, u64)| {
        rows(&types, count, seed)
            .unwrap_or_else(|_| RecordBatch::new_empty(Arc::new(Schema::empty())))
    };
    (columns, 0..=most_rows, any::<u64>()).prop_map(generate)
}

/// Generates batches of the stream `generated`; see [`record_batches`].
///
/// ```
/// let strategy = velo_testkit::data::batches(velo_testkit::data::supported_types(), 100);
/// ```
pub fn batches(types: Vec<DataType>, most_rows: usize) -> impl Strategy<Value = Batch> {
    record_batches(types, most_rows).prop_filter_map("rows of their own schema", |rows| {
        let stream = StreamInfo::new("generated", rows.schema());
        Batch::new(Arc::new(stream), rows).ok()
    })
}
