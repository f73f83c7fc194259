//! Parquet as a whole, both directions.

mod damage;
mod pruning;
mod round_trip;
mod samples;
mod settings;
mod twin;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use velo_core::Result;

use crate::harness::written_when_full;
use crate::parquet::{Parquet, ParquetOutput};
use crate::{
    OutputFormat, RandomFormat, RandomInput, RandomRequest, ReadAt, ReadOptions, WriteOptions,
};

/// Writes as a caller does: a chunk whenever one is full, and the rest at the end.
fn write(options: &WriteOptions, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Bytes> {
    let output = ParquetOutput::new(options)?;
    Ok(written_when_full(&output, schema, batches)?.into())
}

fn open(file: impl ReadAt + 'static) -> Result<Arc<dyn RandomInput>> {
    Parquet::new(&ReadOptions::default())?.open(Arc::new(file))
}

fn request(unit: usize) -> RandomRequest {
    RandomRequest {
        unit,
        rows: 0..u64::MAX,
        projection: None,
        predicate: None,
        batch_rows: 1000,
        views: false,
    }
}

fn read(input: &dyn RandomInput, request: RandomRequest) -> Result<Vec<RecordBatch>> {
    input.read(request)?.collect()
}

fn read_all(input: &dyn RandomInput) -> Result<RecordBatch> {
    let mut batches = Vec::new();
    for unit in 0..input.units().units.len() {
        batches.extend(read(input, request(unit))?);
    }
    Ok(concat_batches(&input.units().schema, &batches)?)
}
