//! How fast URIs are parsed, and records built and read.

#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;
use std::sync::Arc;

use arrow_schema::{DataType, Field, Schema};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use velo_core::{Batch, StreamInfo, StreamRecord, Uri};

fn uri(c: &mut Criterion) {
    let mut group = c.benchmark_group("uri");
    group.throughput(Throughput::Elements(1));
    let text = "kafka://a:9092,b:9092/topic?group_id=g";
    group.bench_function("parse", |b| b.iter(|| Uri::parse(black_box(text)).unwrap()));
    group.finish();
}

const RECORDS: usize = 8192;

fn stream() -> Arc<StreamInfo> {
    let schema = Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("customer", DataType::Utf8, true),
        Field::new("price", DataType::Float64, true),
        Field::new("paid", DataType::Boolean, true),
        Field::new("day", DataType::Date32, true),
    ]);
    Arc::new(StreamInfo::new("orders", Arc::new(schema)))
}

fn build(stream: &Arc<StreamInfo>) -> Batch {
    let records: Vec<_> = (0..RECORDS as i64)
        .map(|id| {
            StreamRecord::new(stream)
                .with("id", id)
                .and_then(|record| record.with("customer", "Brandt & Daughters"))
                .and_then(|record| record.with("price", 12.5))
                .and_then(|record| record.with("paid", true))
                .and_then(|record| record.with("day", velo_core::FieldValue::Date(15_706)))
                .unwrap()
        })
        .collect();
    StreamRecord::to_batch(stream, &records).unwrap()
}

fn records(c: &mut Criterion) {
    let stream = stream();
    let mut group = c.benchmark_group("record");
    group.throughput(Throughput::Elements(RECORDS as u64));
    group.bench_function("build", |b| b.iter(|| build(black_box(&stream))));
    let batch = build(&stream);
    group.bench_function("read", |b| {
        b.iter(|| {
            for record in batch.records() {
                black_box(record.unwrap());
            }
        });
    });
    group.bench_function("build and read", |b| {
        b.iter(|| {
            for record in build(black_box(&stream)).records() {
                black_box(record.unwrap());
            }
        });
    });
    group.finish();
}

criterion_group!(benches, uri, records);
criterion_main!(benches);
