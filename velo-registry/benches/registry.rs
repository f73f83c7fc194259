//! How fast a URI becomes a source.

#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use velo_registry::create_source;

fn registry(c: &mut Criterion) {
    let mut group = c.benchmark_group("create_source");
    group.throughput(Throughput::Elements(1));
    for uri in [
        "file:///data/orders.csv",
        "file:///data/orders.csv?format=csv&delimiter=;",
    ] {
        group.bench_function(uri, |b| b.iter(|| create_source(black_box(uri)).unwrap()));
    }
    group.finish();
}

criterion_group!(benches, registry);
criterion_main!(benches);
