//! Arrow files and streams as a whole, both directions.

mod damage;
mod round_trip;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_schema::{DataType, SchemaRef};
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use velo_core::Result;
use velo_testkit::data;

use crate::Codec;
use crate::harness::written;
use crate::ipc::{ArrowFile, ArrowFileOutput, ArrowStream, ArrowStreamOutput};
use crate::{RandomFormat, RandomInput, RandomRequest, ReadAt, ReadOptions, WriteOptions};

const CODECS: [Codec; 3] = [Codec::Uncompressed, Codec::Lz4Raw, Codec::Zstd];

fn options(codec: Codec) -> WriteOptions {
    let mut options = WriteOptions::default();
    options.codec.codec = Some(codec);
    options
}

/// Every type that velo carries, dictionaries apart, which are written as values.
fn kinds() -> Vec<DataType> {
    let mut kinds = data::supported_types();
    kinds.retain(|kind| !matches!(kind, DataType::Dictionary(..)));
    kinds
}

fn write_file(codec: Codec, batches: &[RecordBatch]) -> Result<Bytes> {
    let output = ArrowFileOutput::new(&options(codec))?;
    written(&output, &batches[0].schema(), batches).map(Bytes::from)
}

fn write_stream(codec: Codec, batches: &[RecordBatch]) -> Result<Vec<u8>> {
    let output = ArrowStreamOutput::new(&options(codec))?;
    written(&output, &batches[0].schema(), batches)
}

fn open(bytes: impl ReadAt + 'static) -> Result<Arc<dyn RandomInput>> {
    ArrowFile::new(&ReadOptions::default())?.open(Arc::new(bytes))
}

fn stream() -> ArrowStream {
    ArrowStream::new(&ReadOptions::default()).unwrap()
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

fn read_all(input: &dyn RandomInput) -> Result<RecordBatch> {
    let mut batches = Vec::new();
    for unit in 0..input.units().units.len() {
        for batch in input.read(request(unit))? {
            batches.push(batch?);
        }
    }
    Ok(concat_batches(&input.units().schema, &batches)?)
}

fn all_of(batches: &[RecordBatch]) -> (SchemaRef, RecordBatch) {
    let schema = batches[0].schema();
    let all = concat_batches(&schema, batches).unwrap();
    (schema, all)
}
