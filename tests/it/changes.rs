//! A change stream of many tables: interleaved, a huge transaction, a schema change inside.

use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use arrow_schema::{DataType, Field, Schema};
use velo_core::memory::Memory;
use velo_core::{Batch, ColumnChange, SchemaChange};
use velo_testkit::data::numbered;
use velo_testkit::models::ChangeStream;
use velo_testkit::same_rows_in_any_order;

use crate::running::Running;

fn of<'b>(batches: &'b [Batch], stream: &str) -> Vec<Batch> {
    let wanted = |batch: &&'b Batch| batch.stream().name() == stream;
    batches.iter().filter(wanted).cloned().collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn interleaved_tables_and_a_huge_transaction_arrive_once() {
    let (log, memory) = (ChangeStream::default(), Memory::new("shop"));
    let copy = Running::start(log.source(), &memory, 2);
    let rows = |table: &str, first| numbered(table, first, 50).unwrap();
    log.transaction([rows("orders", 0), rows("items", 0), rows("orders", 50)]);
    log.keep_alive();
    let huge = (1..200).flat_map(|n| [rows("orders", n * 100), rows("items", n * 100)]);
    log.transaction(huge);
    copy.reaches(3 * 50 + 199 * 2 * 50).await;
    copy.stop().await;
    for table in ["orders", "items"] {
        let (expected, found) = (of(&log.batches(), table), of(&memory.batches(), table));
        same_rows_in_any_order(&expected, &found).unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_change_comes_before_the_first_row_that_has_it() {
    let (log, memory) = (ChangeStream::default(), Memory::new("shop"));
    let before = numbered("orders", 0, 10).unwrap();
    let (columns, fields) = (before.rows().columns(), before.stream().schema().fields());
    let note: ArrayRef = Arc::new(StringArray::from(vec!["new"; 10]));
    let columns = columns.iter().cloned().chain([note]).collect();
    let added = Arc::new(Field::new("note", DataType::Utf8, true));
    let schema = Schema::new(fields.iter().cloned().chain([added]).collect::<Vec<_>>());
    let stream = Arc::new(before.stream().next_version(Arc::new(schema)));
    let rows = RecordBatch::try_new(stream.schema().clone(), columns).unwrap();
    let after = Batch::new(stream.clone(), rows).unwrap();
    let change = SchemaChange {
        stream,
        columns: vec![ColumnChange::Added {
            name: "note".into(),
        }],
    };
    log.schema_change([before], change, [after]);
    let copy = Running::start(log.source(), &memory, 1);
    copy.reaches(20).await;
    copy.stop().await;
    let versions: Vec<u32> = memory
        .batches()
        .iter()
        .map(|b| b.stream().version())
        .collect();
    assert!(
        versions.is_sorted() && versions.contains(&0),
        "{versions:?}"
    );
    assert_eq!(
        memory.batches().iter().map(Batch::num_rows).sum::<usize>(),
        20
    );
}
