//! Which rows come, and with which columns.

use std::sync::Arc;

use arrow_array::{Array, StructArray};
use velo_core::{DataSource, ReadRequest};
use velo_generator::checksums;

use crate::{numbers, open, read, request, splits};

#[tokio::test]
async fn splits_have_every_row_once() {
    for (rows, parts) in [
        (0, 1),
        (1, 1),
        (10_000, 1),
        (0, 3),
        (2, 3),
        (10_001, 3),
        (7, 7),
    ] {
        let source = open(&format!("test://event?rows={rows}&splits={parts}"));
        let mut found = Vec::new();
        for split in splits(&source).await {
            let mut reader = source.create_reader(request(&split)).await.unwrap();
            let own = numbers(&read(&mut *reader, usize::MAX).await);
            assert!(own.iter().all(|row| *row as u64 % parts == split.order));
            found.extend(own);
        }
        found.sort_unstable();
        assert!(
            found.into_iter().eq(0..rows),
            "{rows} rows in {parts} splits"
        );
    }
}

#[tokio::test]
async fn an_endless_source_goes_on() {
    let source = open("test://sensor?batch_size=1000&splits=2");
    assert!(!source.capabilities().bounded);
    let split = &splits(&source).await[1];
    let mut reader = source.create_reader(request(split)).await.unwrap();
    let found = numbers(&read(&mut *reader, 100_000).await);
    assert!(
        found
            .iter()
            .copied()
            .eq((0..100_000).map(|row| 2 * row + 1))
    );
}

#[tokio::test]
async fn every_kind_has_its_columns_key_and_right_checksums() {
    let columns = [
        ("user", "seq,id,name,age,email,active,created_at,checksum"),
        ("event", "seq,event_type,user_id,timestamp,page,checksum"),
        (
            "order",
            "seq,order_id,user_id,product,quantity,amount,coupon,paid,ordered_at,checksum",
        ),
        (
            "sensor",
            "seq,sensor_id,temperature,humidity,healthy,timestamp,checksum",
        ),
    ];
    for (kind, expected) in columns {
        let source = open(&format!("test://{kind}?rows=500"));
        let stream = source.streams().await.unwrap().remove(0);
        assert_eq!(
            (stream.name(), stream.keys()),
            (kind, &["seq".to_owned()][..])
        );
        assert_eq!(source.estimate().await.unwrap().rows, Some(500));
        let split = &splits(&source).await[0];
        let mut reader = source.create_reader(request(split)).await.unwrap();
        for batch in read(&mut *reader, 500).await {
            let rows = batch.rows();
            let schema = rows.schema();
            let names = schema.fields().iter().map(|field| field.name().as_str());
            assert_eq!(names.collect::<Vec<_>>().join(","), expected);
            let (checksum, values) = rows.columns().split_last().unwrap();
            let again = checksums(values, rows.num_rows()).unwrap();
            assert_eq!(checksum.as_ref(), &again as &dyn Array);
        }
    }
}

#[tokio::test]
async fn metadata_say_where_a_row_comes_from() {
    let source = open("test://user?rows=9&splits=2&metadata=true");
    let split = &splits(&source).await[1];
    let request = ReadRequest {
        projection: Some(Arc::from(["_metadata".to_owned(), "seq".to_owned()])),
        filter: Some(Arc::new("seq > 4".parse().unwrap())),
        ..request(split)
    };
    let mut reader = source.create_reader(request).await.unwrap();
    let batches = read(&mut *reader, 9).await;
    assert_eq!(numbers(&batches), [5, 7]);
    let facts: &StructArray = batches[0].metadata().unwrap();
    assert_eq!(batches[0].rows().column(0).as_ref(), facts as &dyn Array);
    let record = batches[0].record(0).unwrap();
    assert_eq!(record.metadata("row_number").unwrap().to_string(), "3");
    assert_eq!(record.metadata("split").unwrap().to_string(), "1");
}

#[tokio::test]
async fn batches_stay_within_the_budget() {
    let source = open("test://order?rows=100000&batch_size=1000000000000");
    let split = &splits(&source).await[0];
    let budget = velo_core::Budget::new(1 << 20);
    let request = ReadRequest::new(split.clone(), budget.clone());
    let mut reader = source.create_reader(request).await.unwrap();
    for _ in 0..20 {
        for batch in read(&mut *reader, 1).await {
            assert!(batch.rows().get_array_memory_size() <= 256 << 10);
            assert!(budget.used() > 0);
        }
    }
    assert_eq!(budget.used(), 0);
}
