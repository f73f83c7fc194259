//! How fast rows are made: on one core, columns as they are, no batch handed on.

#![allow(missing_docs, clippy::unwrap_used)]

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use velo_generator::{Kind, Numbers, Recipe};

const ROWS: usize = 8192;

fn generator(c: &mut Criterion) {
    let mut group = c.benchmark_group("generate");
    group.throughput(Throughput::Elements(ROWS as u64));
    for kind in Kind::ALL {
        let recipe = Recipe {
            kind,
            seed: 1,
            epoch: 0,
        };
        let numbers = Numbers {
            first: 1_000_000,
            step: 1,
            count: ROWS,
        };
        group.bench_function(kind.name(), |b| {
            b.iter(|| recipe.rows(black_box(&numbers)).unwrap());
        });
    }
    group.finish();
}

criterion_group!(benches, generator);
criterion_main!(benches);
