//! Reading JSON lines that look like TPC-H's lineitem.

#![allow(missing_docs, clippy::unwrap_used)]

use std::fmt::Write as _;
use std::hint::black_box;
use std::sync::Arc;

use arrow_schema::{Field, Schema, SchemaRef};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use velo_format::jsonl::JsonLines;
use velo_format::{DecodeRequest, Prologue, ReadOptions, StreamFormat, parse_columns};

const BLOCK: usize = 256 << 10;
const COLUMNS: &str = "l_orderkey:int64,l_partkey:int64,l_suppkey:int64,l_linenumber:int64,\
    l_quantity:float64,l_extendedprice:float64,l_discount:float64,l_tax:float64,\
    l_returnflag:text,l_linestatus:text,l_shipdate:date,l_commitdate:date,l_receiptdate:date,\
    l_shipinstruct:text,l_shipmode:text,l_comment:text";

/// Makes rows; `blank` stands behind each comma and colon.
fn lineitem(rows: u64, blank: &str) -> Vec<u8> {
    let mut text = String::new();
    let mut seed = 1_u64;
    let mut next = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (seed >> 33) % below
    };
    let names: Vec<_> = COLUMNS
        .split(',')
        .map(|pair| pair.split(':').next().unwrap())
        .collect();
    for row in 0..rows {
        let date = |days: u64| {
            format!(
                "\"199{}-{:02}-{:02}\"",
                days % 8,
                days % 12 + 1,
                days % 28 + 1
            )
        };
        let comment = "carefully final deposits detect slyly across the furiously ";
        let from = next(10) as usize;
        let values = [
            (row / 4 + 1).to_string(),
            next(50_000).to_string(),
            next(2_500).to_string(),
            (row % 4 + 1).to_string(),
            format!("{}.0", next(50) + 1),
            format!("{}.{:02}", next(100_000), next(100)),
            format!("0.{:02}", next(10)),
            format!("0.{:02}", next(8)),
            "\"N\"".to_owned(),
            "\"O\"".to_owned(),
            date(next(1_000)),
            date(next(1_000)),
            date(next(1_000)),
            "\"DELIVER IN PERSON\"".to_owned(),
            "\"TRUCK\"".to_owned(),
            format!("\"{}\"", &comment[from..from + 10 + next(34) as usize]),
        ];
        for (place, (name, value)) in names.iter().zip(&values).enumerate() {
            let before = if place == 0 { "{" } else { "," };
            let before_name = if place == 0 { "" } else { blank };
            write!(text, "{before}{before_name}\"{name}\":{blank}{value}").unwrap();
        }
        text.push_str("}\n");
    }
    text.into_bytes()
}

fn schema(columns: &str) -> SchemaRef {
    let columns = parse_columns(columns).unwrap();
    let fields = columns
        .into_iter()
        .map(|(name, kind)| Field::new(name, kind, true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn decode(format: &JsonLines, request: &DecodeRequest, input: &[u8]) -> usize {
    let mut decoder = format.decoder(request.clone()).unwrap();
    let (mut from, mut to, mut rows) = (0, 0, 0);
    while from < input.len() {
        to = (to + BLOCK).min(input.len());
        loop {
            from += decoder.decode(&input[from..to], to == input.len()).unwrap();
            if !decoder.is_full() {
                break;
            }
            rows += black_box(decoder.take().unwrap().rows).num_rows();
        }
    }
    rows + decoder.take().unwrap().rows.num_rows()
}

fn decoding(criterion: &mut Criterion) {
    let format = JsonLines::new(&ReadOptions::default()).unwrap();
    let all = DecodeRequest {
        schema: schema(COLUMNS),
        columns: None,
        header: Arc::default(),
        batch_rows: 8_192,
        start: 0,
        row_starts: false,
    };
    let names = all.schema.fields().iter().map(|field| field.name().clone());
    let two = DecodeRequest {
        schema: schema("l_orderkey:int64,l_comment:text"),
        columns: Some(names.collect()),
        header: Arc::default(),
        ..all.clone()
    };
    let mut group = criterion.benchmark_group("jsonl/decode");
    for (name, request, blank) in [
        ("lineitem", &all, ""),
        ("lineitem with blanks", &all, " "),
        ("two columns of lineitem", &two, ""),
    ] {
        let input = lineitem(50_000, blank);
        group.throughput(Throughput::Bytes(input.len() as u64));
        assert_eq!(decode(&format, request, &input), 50_000);
        group.bench_function(name, |bench| {
            bench.iter(|| decode(&format, request, &input))
        });
    }
    group.finish();
}

fn inferring(criterion: &mut Criterion) {
    let format = JsonLines::new(&ReadOptions::default()).unwrap();
    let input = lineitem(20_000, "");
    let mut group = criterion.benchmark_group("jsonl/infer");
    group.throughput(Throughput::Bytes(input.len() as u64));
    group.bench_function("lineitem", |bench| {
        bench.iter(|| {
            let mut inference = format.infer(&Prologue::default());
            inference.update(&input, true).unwrap();
            inference.finish().unwrap()
        });
    });
    group.finish();
}

criterion_group!(benches, decoding, inferring);
criterion_main!(benches);
