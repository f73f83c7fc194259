//! The copy loop over `memory://`.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use velo_core::memory::Memory;
use velo_core::{Batch, ErrorKind, Sink, Source, StreamInfo};
use velo_pipeline::Copy;

fn numbers(from: i64, to: i64) -> Batch {
    let n: ArrayRef = Arc::new(Int64Array::from_iter_values(from..to));
    let rows = RecordBatch::try_from_iter([("n", n)]).unwrap();
    Batch::new(Arc::new(StreamInfo::new("numbers", rows.schema())), rows).unwrap()
}

fn source_of(partitions: u32, rows: i64) -> Memory {
    let memory = Memory::new("from");
    for partition in 0..partitions {
        let from = i64::from(partition) * rows;
        memory.put(partition, numbers(from, from + rows));
    }
    memory
}

fn copy(from: &Memory, to: &Memory) -> Copy {
    Copy::new(Source::new(from.source()), Sink::new(to.sink()))
}

#[tokio::test(flavor = "multi_thread")]
async fn copies_every_row_of_every_split_once() {
    let (from, to) = (source_of(7, 10_000), Memory::new("to"));
    let mut job = copy(&from, &to);
    job.threads = 3;
    let summary = job.run().await.unwrap();
    assert_eq!(
        (summary.rows, summary.splits, summary.commits),
        (70_000, 7, 1)
    );
    let mut found: Vec<i64> = to
        .batches()
        .iter()
        .flat_map(|batch| {
            let column = batch.rows().column(0).clone();
            column
                .as_any()
                .downcast_ref::<Int64Array>()
                .unwrap()
                .values()
                .to_vec()
        })
        .collect();
    found.sort_unstable();
    assert!(found.into_iter().eq(0..70_000));
    assert_eq!(from.acknowledged().len(), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn filters_and_projects() {
    let (from, to) = (source_of(2, 100), Memory::new("to"));
    let mut job = copy(&from, &to);
    job.filter = Some(Arc::new("n >= 150".parse().unwrap()));
    job.columns = Some(Arc::from(["n".to_owned()]));
    assert_eq!(job.run().await.unwrap().rows, 50);
    let mut job = copy(&from, &to);
    job.columns = Some(Arc::from(["m".to_owned()]));
    assert_eq!(job.run().await.unwrap_err().kind(), ErrorKind::InvalidInput);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_copy_leaves_the_destination_as_it_was() {
    let (from, to) = (source_of(2, 100), Memory::new("to"));
    let job = copy(&from, &to);
    job.stop.now();
    assert_eq!(job.run().await.unwrap_err().kind(), ErrorKind::Aborted);
    assert_eq!(to.num_rows(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_without_rows_is_created_all_the_same() {
    let (from, to) = (Memory::new("from"), Memory::new("to"));
    from.put(0, numbers(0, 0));
    assert_eq!(copy(&from, &to).run().await.unwrap().rows, 0);
    let planned = velo_core::DataSource::streams(&to.source()).await.unwrap();
    assert_eq!(planned.len(), 1);
}
