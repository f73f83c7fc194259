//! Decompressing and compressing text like a CSV of orders.

#![allow(clippy::unwrap_used, missing_docs)]

use std::hint::black_box;
use std::io::{Cursor, Read};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use velo_format::Compression;
use velo_format::compression::{Compressor, decompressor};

fn text() -> Vec<u8> {
    let mut state = 7_u64;
    let mut text = Vec::new();
    for row in 0..200_000_u64 {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        let (price, day) = ((state >> 33) % 10_000_000, (state >> 20) % 28 + 1);
        let line = format!(
            "{row},{},{}.{:02},1996-03-{day:02},DELIVER IN PERSON,TRUCK,carefully final deposits\n",
            (state >> 40) % 50_000,
            price / 100,
            price % 100,
        );
        text.extend_from_slice(line.as_bytes());
    }
    text
}

fn both_ways(criterion: &mut Criterion) {
    let text = text();
    let mut group = criterion.benchmark_group("compression");
    group
        .sample_size(10)
        .throughput(Throughput::Bytes(text.len() as u64));
    for (name, compression) in [("gzip", Compression::Gzip), ("zstd", Compression::Zstd)] {
        let mut compressor = Compressor::new(compression, None).unwrap();
        let file = compressor.compress(&text).unwrap();
        group.bench_function(format!("{name}/compress"), |bench| {
            bench.iter(|| black_box(compressor.compress(&text).unwrap().len()));
        });
        let mut buffer = vec![0; 256 * 1024];
        group.bench_function(format!("{name}/decompress"), |bench| {
            bench.iter(|| {
                let input = Box::new(Cursor::new(file.clone()));
                let mut input = decompressor(compression, input).unwrap();
                let mut total = 0;
                loop {
                    match input.read(&mut buffer).unwrap() {
                        0 => break total,
                        read => total += read,
                    }
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, both_ways);
criterion_main!(benches);
