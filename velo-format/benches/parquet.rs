//! Writing Parquet: velo's row groups against parquet's own writer, on rows like TPC-H's lineitem.

#![allow(clippy::unwrap_used, clippy::print_stdout, missing_docs)]

use std::hint::black_box;
use std::io;
use std::sync::Arc;

use arrow_array::{ArrayRef, Date32Array, Float64Array, Int64Array, RecordBatch, StringArray};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use parquet::arrow::ArrowWriter;
use parquet::basic::Compression;
use parquet::file::properties::WriterProperties;
use velo_format::parquet::{Parquet, ParquetOutput};
use velo_format::{OutputFormat, RandomFormat, RandomRequest, ReadOptions, WriteOptions};

const ROWS: usize = 122_880;
const BATCH: usize = 8192;

struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) % limit
    }

    fn pick<'t>(&mut self, from: &[&'t str]) -> &'t str {
        from[self.below(from.len() as u64) as usize]
    }

    fn integers(&mut self, limit: u64) -> ArrayRef {
        let values = (0..BATCH).map(|_| self.below(limit) as i64);
        Arc::new(Int64Array::from_iter_values(values))
    }

    fn floats(&mut self, limit: u64, scale: f64) -> ArrayRef {
        let values = (0..BATCH).map(|_| self.below(limit) as f64 / scale);
        Arc::new(Float64Array::from_iter_values(values))
    }

    fn dates(&mut self) -> ArrayRef {
        let values = (0..BATCH).map(|_| 8_000 + self.below(2_500) as i32);
        Arc::new(Date32Array::from_iter_values(values))
    }

    fn texts(&mut self, choices: &[&str]) -> ArrayRef {
        let values = (0..BATCH).map(|_| self.pick(choices));
        Arc::new(StringArray::from_iter_values(values))
    }

    fn comments(&mut self) -> ArrayRef {
        let words = "furiously quickly final deposits sleep carefully the blithely requests ironic";
        let words: Vec<&str> = words.split(' ').collect();
        let values = (0..BATCH).map(|_| {
            let picked = (0..2 + self.below(6)).map(|_| self.pick(&words));
            picked.collect::<Vec<_>>().join(" ")
        });
        Arc::new(StringArray::from_iter_values(values))
    }

    /// Ascending order keys, each with one to seven lines.
    fn orders(&mut self, order: &mut i64) -> (ArrayRef, ArrayRef) {
        let (mut orders, mut lines) = (Vec::new(), Vec::new());
        while orders.len() < BATCH {
            *order += 1 + i64::from(*order % 8 == 7) * 24;
            for line in 0..1 + self.below(7) as i64 {
                orders.push(*order);
                lines.push(line);
            }
        }
        orders.truncate(BATCH);
        lines.truncate(BATCH);
        let (orders, lines) = (Int64Array::from(orders), Int64Array::from(lines));
        (Arc::new(orders), Arc::new(lines))
    }
}

fn lineitem() -> Vec<RecordBatch> {
    let mut random = Random(42);
    let mut order = 0;
    let batch = |_| {
        let (orders, lines) = random.orders(&mut order);
        let instructions = [
            "COLLECT COD",
            "DELIVER IN PERSON",
            "NONE",
            "TAKE BACK RETURN",
        ];
        let modes = ["AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"];
        RecordBatch::try_from_iter([
            ("l_orderkey", orders),
            ("l_partkey", random.integers(50_000)),
            ("l_suppkey", random.integers(2_500)),
            ("l_linenumber", lines),
            ("l_quantity", random.floats(50, 1.0)),
            ("l_extendedprice", random.floats(10_000_000, 100.0)),
            ("l_discount", random.floats(11, 100.0)),
            ("l_tax", random.floats(9, 100.0)),
            ("l_returnflag", random.texts(&["A", "N", "R"])),
            ("l_linestatus", random.texts(&["F", "O"])),
            ("l_shipdate", random.dates()),
            ("l_commitdate", random.dates()),
            ("l_receiptdate", random.dates()),
            ("l_shipinstruct", random.texts(&instructions)),
            ("l_shipmode", random.texts(&modes)),
            ("l_comment", random.comments()),
        ])
        .unwrap()
    };
    (0..ROWS / BATCH).map(batch).collect()
}

fn velo(batches: &[RecordBatch]) -> u64 {
    let output = ParquetOutput::new(&WriteOptions::default()).unwrap();
    let schema = batches[0].schema();
    let mut chunks = output.chunks(&schema).unwrap();
    let mut file = output.file(&schema, Box::new(io::sink())).unwrap();
    for batch in batches {
        chunks.write(batch).unwrap();
    }
    file.append(chunks.finish().unwrap()).unwrap();
    file.finish().unwrap()
}

fn arrow(batches: &[RecordBatch], out: &mut Vec<u8>) {
    let properties = WriterProperties::builder()
        .set_compression(Compression::SNAPPY)
        .build();
    let mut writer = ArrowWriter::try_new(out, batches[0].schema(), Some(properties)).unwrap();
    for batch in batches {
        writer.write(batch).unwrap();
    }
    writer.close().unwrap();
}

fn writing(criterion: &mut Criterion) {
    let batches = lineitem();
    let mut file = Vec::new();
    arrow(&batches, &mut file);
    println!(
        "bytes of one row group: velo {}, arrow {}",
        velo(&batches),
        file.len()
    );
    let mut group = criterion.benchmark_group("parquet/write");
    group
        .sample_size(20)
        .throughput(Throughput::Elements(ROWS as u64));
    group.bench_function("velo", |bench| bench.iter(|| black_box(velo(&batches))));
    group.bench_function("arrow", |bench| {
        bench.iter(|| {
            file.clear();
            arrow(black_box(&batches), &mut file);
        });
    });
    group.finish();
}

fn reading(criterion: &mut Criterion) {
    let mut file = Vec::new();
    arrow(&lineitem(), &mut file);
    let file = bytes::Bytes::from(file);
    let format = Parquet::new(&ReadOptions::default()).unwrap();
    let mut group = criterion.benchmark_group("parquet/read");
    group
        .sample_size(20)
        .throughput(Throughput::Elements(ROWS as u64));
    for (name, views) in [("plain", false), ("views", true)] {
        group.bench_function(name, |bench| {
            bench.iter(|| {
                let input = format.open(Arc::new(file.clone())).unwrap();
                let (rows, projection, predicate) = (0..ROWS as u64, None, None);
                let batch_rows = BATCH;
                let request = RandomRequest {
                    unit: 0,
                    rows,
                    projection,
                    predicate,
                    batch_rows,
                    views,
                };
                let batches = input.read(request).unwrap();
                batches
                    .map(|batch| batch.unwrap().num_rows())
                    .sum::<usize>()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, writing, reading);
criterion_main!(benches);
