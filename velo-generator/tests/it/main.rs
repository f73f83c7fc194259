//! What the contract does not ask: the rows of splits, positions of other rows, the pace.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod pace;
mod positions;
mod rows;

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use velo_core::{
    Batch, Budget, DataReader, DataSource, Event, ReadRequest, Split, SplitChange, Uri,
};
use velo_generator::GeneratorSource;

fn open(uri: &str) -> GeneratorSource {
    GeneratorSource::from_uri(&Uri::parse(uri).unwrap()).unwrap()
}

async fn splits(source: &GeneratorSource) -> Vec<Arc<Split>> {
    let mut enumerator = source.splits(None).await.unwrap();
    let Some(SplitChange::Added { splits, .. }) = enumerator.next().await.unwrap() else {
        panic!("no splits");
    };
    splits
}

fn request(split: &Arc<Split>) -> ReadRequest {
    ReadRequest::new(split.clone(), Budget::new(64 << 20))
}

/// Reads up to the end, or at least so many rows.
async fn read(reader: &mut dyn DataReader, rows: usize) -> Vec<Batch> {
    let (mut batches, mut found) = (Vec::new(), 0);
    while found < rows {
        match reader.read().await.unwrap() {
            Some(Event::Rows(batch)) => {
                found += batch.num_rows();
                batches.push(batch);
            }
            Some(_) => {}
            None => break,
        }
    }
    batches
}

fn numbers(batches: &[Batch]) -> Vec<i64> {
    let columns = batches.iter().map(|batch| {
        let column = batch.rows().column_by_name("seq").unwrap();
        column.as_primitive::<Int64Type>().values().to_vec()
    });
    columns.flatten().collect()
}
