//! Writing Parquet: velo's row groups against parquet's own writer, on rows like TPC-H's lineitem.

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
}

fn lineitem() -> Vec<RecordBatch> {
    const WORDS: [&str; 16] = [
        "furiously",
        "quickly",
        "final",
        "deposits",
        "sleep",
        "carefully",
        "the",
        "blithely",
        "requests",
        "ironic",
        "pending",
        "foxes",
        "accounts",
        "regular",
        "packages",
        "across",
    ];
    let mut random = Random(42);
    let (mut order, mut line) = (0, 0);
    let batch = |_| {
        let mut column = |one: &mut dyn FnMut(&mut Random) -> i64| -> ArrayRef {
            Arc::new(Int64Array::from_iter_values(
                (0..BATCH).map(|_| one(&mut random)),
            ))
        };
        let (mut orders, mut lines) = (Vec::new(), Vec::new());
        let keys = column(&mut |random| {
            if line == 0 {
                order += 1 + i64::from(order % 8 == 7) * 24;
                line = 1 + random.below(7) as i64;
            }
            orders.push(order);
            lines.push(line);
            line -= 1;
            order
        });
        let parts = column(&mut |random| random.below(50_000) as i64);
        let suppliers = column(&mut |random| random.below(2_500) as i64);
        let lines: ArrayRef = Arc::new(Int64Array::from(lines));
        let mut float = |limit, scale: f64| -> ArrayRef {
            let one = |_| random.below(limit) as f64 / scale;
            Arc::new(Float64Array::from_iter_values((0..BATCH).map(one)))
        };
        let quantity = float(50, 1.0);
        let price = float(10_000_000, 100.0);
        let discount = float(11, 100.0);
        let tax = float(9, 100.0);
        let mut text = |choices: &[&str]| -> ArrayRef {
            let one = |_| random.pick(choices);
            Arc::new(StringArray::from_iter_values((0..BATCH).map(one)))
        };
        let returned = text(&["A", "N", "R"]);
        let status = text(&["F", "O"]);
        let instruct = text(&[
            "COLLECT COD",
            "DELIVER IN PERSON",
            "NONE",
            "TAKE BACK RETURN",
        ]);
        let mode = text(&["AIR", "FOB", "MAIL", "RAIL", "REG AIR", "SHIP", "TRUCK"]);
        let mut date = || -> ArrayRef {
            let one = |_| 8_000 + random.below(2_500) as i32;
            Arc::new(Date32Array::from_iter_values((0..BATCH).map(one)))
        };
        let dates = [date(), date(), date()];
        let comments = (0..BATCH).map(|_| {
            let words = (0..2 + random.below(6)).map(|_| random.pick(&WORDS));
            words.collect::<Vec<_>>().join(" ")
        });
        let comment: ArrayRef = Arc::new(StringArray::from_iter_values(comments));
        let [shipped, committed, received] = dates;
        RecordBatch::try_from_iter([
            ("l_orderkey", keys),
            ("l_partkey", parts),
            ("l_suppkey", suppliers),
            ("l_linenumber", lines),
            ("l_quantity", quantity),
            ("l_extendedprice", price),
            ("l_discount", discount),
            ("l_tax", tax),
            ("l_returnflag", returned),
            ("l_linestatus", status),
            ("l_shipdate", shipped),
            ("l_commitdate", committed),
            ("l_receiptdate", received),
            ("l_shipinstruct", instruct),
            ("l_shipmode", mode),
            ("l_comment", comment),
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
