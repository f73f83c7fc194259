//! Reading CSV: rows like those of TPC-H's lineitem, with and without quotes.
#![allow(clippy::unwrap_used)]

use std::fmt::Write;
use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use velo_format::csv::Csv;
use velo_format::{DecodeRequest, Prologue, ReadOptions, Splitting, StreamFormat};

const BLOCK: usize = 256 << 10;

fn lineitem(rows: u64, quotes: bool) -> Vec<u8> {
    let mut text = "orderkey,partkey,suppkey,linenumber,quantity,extendedprice,discount,tax,\
        returnflag,linestatus,shipdate,commitdate,receiptdate,shipinstruct,shipmode,comment\n"
        .to_owned();
    let mark = if quotes { "\"" } else { "" };
    let mut random = 42_u64;
    let mut next = |below: u64| {
        random = random
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (random >> 33) % below
    };
    for row in 0..rows {
        let (part, supplier, quantity) = (next(200_000), next(10_000), next(50));
        let (cents, month, day) = (next(10_000_000), next(12) + 1, next(28) + 1);
        let comment =
            &"carefully final deposits detect slyly against the even"[..10 + next(40) as usize];
        let _ = writeln!(
            text,
            "{row},{part},{supplier},{},{quantity}.00,{}.{:02},0.0{},0.0{},N,O,1996-{month:02}-{day:02},\
             1997-{month:02}-{day:02},1998-{month:02}-{day:02},{mark}DELIVER IN PERSON{mark},TRUCK,{mark}{comment}{mark}",
            row % 7,
            cents / 100,
            cents % 100,
            next(10),
            next(9),
        );
    }
    text.into_bytes()
}

fn decode(csv: &Csv, prologue: &Prologue, schema: &arrow_schema::SchemaRef, bytes: &[u8]) -> usize {
    let request = DecodeRequest {
        schema: schema.clone(),
        columns: prologue.columns.clone(),
        header: prologue.header.clone(),
        batch_rows: 8192,
        start: prologue.bytes,
        row_starts: false,
    };
    let mut decoder = csv.decoder(request).unwrap();
    let (mut at, mut rows) = (prologue.bytes as usize, 0);
    while at < bytes.len() {
        let end = bytes.len().min(at + BLOCK);
        at += decoder.decode(&bytes[at..end], end == bytes.len()).unwrap();
        if decoder.is_full() || at == bytes.len() {
            rows += black_box(decoder.take().unwrap()).rows.num_rows();
        }
    }
    rows
}

fn csv(criterion: &mut Criterion) {
    let csv = Csv::new(&ReadOptions::default()).unwrap();
    let mut group = criterion.benchmark_group("csv");
    group.sample_size(20);
    for (name, quotes) in [("plain", false), ("quoted", true)] {
        let bytes = lineitem(100_000, quotes);
        let prologue = csv.prologue(&bytes, true).unwrap().unwrap();
        let body = &bytes[prologue.bytes as usize..];
        let mut inference = csv.infer(&prologue);
        inference.update(body, true).unwrap();
        let schema = inference.finish().unwrap().schema;
        group.throughput(Throughput::Bytes(bytes.len() as u64));
        group.bench_function(format!("decode {name}"), |bencher| {
            bencher.iter(|| decode(&csv, &prologue, &schema, &bytes));
        });
        group.bench_function(format!("infer {name}"), |bencher| {
            bencher.iter(|| csv.infer(&prologue).update(body, true));
        });
        group.bench_function(format!("split {name}"), |bencher| {
            bencher.iter(|| {
                let Splitting::Scan(mut splitter) = csv.splitting(&prologue) else {
                    return 0;
                };
                body.chunks(BLOCK)
                    .map(|block| splitter.scan(block).0)
                    .sum::<u64>()
            });
        });
    }
    group.finish();
}

criterion_group!(benches, csv);
criterion_main!(benches);
