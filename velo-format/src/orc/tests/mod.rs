//! ORC files as a whole: see `tests/data/orc/make.py`.

mod damage;
mod values;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_select::concat::concat_batches;
use bytes::Bytes;
use velo_core::Result;

use crate::orc::Orc;
use crate::{RandomFormat, RandomInput, RandomRequest, ReadAt, ReadOptions};

fn file(name: &str) -> Bytes {
    std::fs::read(format!("tests/data/orc/{name}"))
        .unwrap()
        .into()
}

fn open(file: impl ReadAt + 'static) -> Result<Arc<dyn RandomInput>> {
    Orc::new(&ReadOptions::default())?.open(Arc::new(file))
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
