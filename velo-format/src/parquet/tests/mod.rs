//! Parquet as a whole, both directions.

mod damage;
mod pruning;
mod round_trip;
mod samples;
mod settings;
mod twin;

use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use arrow_array::RecordBatch;
use arrow_schema::SchemaRef;
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use velo_core::Result;

use crate::parquet::{Parquet, ParquetOutput};
use crate::{
    OutputFormat, RandomFormat, RandomInput, RandomRequest, ReadAt, ReadOptions, WriteOptions,
};

/// A sink whose bytes can be looked at afterwards.
#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes as a caller does: a chunk whenever one is full, and the rest at the end.
fn write(options: &WriteOptions, schema: &SchemaRef, batches: &[RecordBatch]) -> Result<Bytes> {
    let output = ParquetOutput::new(options)?;
    let out = Shared::default();
    let mut file = output.file(schema, Box::new(out.clone()))?;
    let mut chunks = output.chunks(schema)?;
    for batch in batches {
        chunks.write(batch)?;
        while chunks.is_full() {
            file.append(chunks.finish()?)?;
        }
    }
    while chunks.rows() > 0 {
        file.append(chunks.finish()?)?;
    }
    let rows: usize = batches.iter().map(RecordBatch::num_rows).sum();
    assert_eq!(file.rows(), rows as u64);
    let length = file.finish()?;
    let bytes = std::mem::take(&mut *out.0.lock().unwrap());
    assert_eq!(length, bytes.len() as u64);
    Ok(bytes.into())
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
