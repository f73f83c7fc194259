//! Writing rows like those of TPC-H's lineitem as CSV and as JSON lines, on one core.

#![allow(clippy::expect_used)]

use std::hint::black_box;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, Date32Array, Decimal128Array, Float64Array, Int32Array, Int64Array, RecordBatch,
    StringArray, StringViewArray,
};
use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use velo_format::csv::CsvOutput;
use velo_format::jsonl::JsonLinesOutput;
use velo_format::{Compression, OutputFormat, WriteOptions};

const ROWS: usize = 8192;
const BATCHES: usize = 16;

const NAMES: [&str; 16] = [
    "l_orderkey",
    "l_partkey",
    "l_suppkey",
    "l_linenumber",
    "l_quantity",
    "l_extendedprice",
    "l_discount",
    "l_tax",
    "l_returnflag",
    "l_linestatus",
    "l_shipdate",
    "l_commitdate",
    "l_receiptdate",
    "l_shipinstruct",
    "l_shipmode",
    "l_comment",
];

/// How prices and strings lie in memory.
#[derive(Clone, Copy, PartialEq)]
enum Layout {
    FloatUtf8,
    FloatView,
    DecimalView,
}

struct Numbers(u64);

impl Numbers {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }

    fn pick(&mut self, words: &[&'static str]) -> &'static str {
        words[self.below(words.len() as u64) as usize]
    }

    /// Words as dbgen strings them together: about 27 bytes, a comma in every fifth.
    fn comment(&mut self) -> String {
        const WORDS: [&str; 8] = [
            "carefully",
            "furiously",
            "deposits",
            "foxes",
            "ironic",
            "sleep",
            "blithely",
            "pending",
        ];
        let mut text = self.pick(&WORDS).to_owned();
        for _ in 0..1 + self.below(4) {
            text.push_str(if self.below(12) == 0 { ", " } else { " " });
            text.push_str(self.pick(&WORDS));
        }
        text
    }
}

fn strings(layout: Layout, values: Vec<String>) -> ArrayRef {
    match layout {
        Layout::FloatUtf8 => Arc::new(StringArray::from(values)),
        _ => Arc::new(StringViewArray::from(values)),
    }
}

fn money(layout: Layout, cents: &[i64]) -> ArrayRef {
    match layout {
        Layout::DecimalView => {
            let values = cents.iter().map(|cents| i128::from(*cents));
            let array = Decimal128Array::from_iter_values(values);
            Arc::new(array.with_precision_and_scale(15, 2).expect("fits"))
        }
        _ => {
            let values = cents.iter().map(|cents| *cents as f64 / 100.0);
            Arc::new(Float64Array::from_iter_values(values))
        }
    }
}

fn lineitem(layout: Layout, numbers: &mut Numbers) -> RecordBatch {
    let rows = || 0..ROWS;
    let mut key = 1_000_000;
    let orders = rows().map(|row| {
        key += i64::from(row % 4 == 0);
        key
    });
    let orders: ArrayRef = Arc::new(Int64Array::from_iter_values(orders));
    let mut integers = |limit: u64| -> ArrayRef {
        let values = rows().map(|_| 1 + numbers.below(limit) as i64);
        Arc::new(Int64Array::from_iter_values(values))
    };
    let (parts, suppliers) = (integers(200_000), integers(10_000));
    let lines = rows().map(|_| 1 + numbers.below(7) as i32);
    let lines: ArrayRef = Arc::new(Int32Array::from_iter_values(lines));
    let mut cents = |least: i64, limit: u64, step: i64| {
        let values: Vec<i64> = rows()
            .map(|_| least + numbers.below(limit) as i64 * step)
            .collect();
        money(layout, &values)
    };
    let quantity = cents(100, 50, 100);
    let price = cents(90_000, 10_000_000, 1);
    let (discount, tax) = (cents(0, 11, 1), cents(0, 9, 1));
    let mut dates = || -> ArrayRef {
        let days = rows().map(|_| 8036 + numbers.below(2500) as i32);
        Arc::new(Date32Array::from_iter_values(days))
    };
    let (shipped, committed, received) = (dates(), dates(), dates());
    let mut words = |words: &[&'static str]| {
        strings(
            layout,
            rows().map(|_| numbers.pick(words).to_owned()).collect(),
        )
    };
    let (flag, status) = (words(&["R", "A", "N"]), words(&["O", "F"]));
    let instruct = words(&[
        "DELIVER IN PERSON",
        "COLLECT COD",
        "NONE",
        "TAKE BACK RETURN",
    ]);
    let mode = words(&["REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"]);
    let comment = strings(layout, rows().map(|_| numbers.comment()).collect());
    let columns = [
        orders, parts, suppliers, lines, quantity, price, discount, tax, flag, status, shipped,
        committed, received, instruct, mode, comment,
    ];
    RecordBatch::try_from_iter(NAMES.into_iter().zip(columns)).expect("columns of one length")
}

fn write(output: &dyn OutputFormat, batches: &[RecordBatch]) -> u64 {
    let mut chunks = output.chunks(batches[0].schema_ref()).expect("supported");
    let mut bytes = 0;
    for batch in batches {
        chunks.write(batch).expect("writable");
        if chunks.is_full() {
            bytes += black_box(chunks.finish().expect("finished")).bytes;
        }
    }
    bytes + chunks.finish().expect("finished").bytes
}

fn bench(criterion: &mut Criterion) {
    let plain = WriteOptions::default();
    let mut gzip = WriteOptions::default();
    gzip.common.compression = Some(Compression::Gzip);
    let outputs: [(&str, Box<dyn OutputFormat>); 3] = [
        ("csv", Box::new(CsvOutput::new(&plain).expect("options"))),
        (
            "jsonl",
            Box::new(JsonLinesOutput::new(&plain).expect("options")),
        ),
        ("csv.gz", Box::new(CsvOutput::new(&gzip).expect("options"))),
    ];
    for (layout, title) in [
        (Layout::FloatUtf8, "float64, utf8"),
        (Layout::FloatView, "float64, utf8view"),
        (Layout::DecimalView, "decimal(15,2), utf8view"),
    ] {
        let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
        let batches: Vec<_> = (0..BATCHES)
            .map(|_| lineitem(layout, &mut numbers))
            .collect();
        let mut group = criterion.benchmark_group(format!("lineitem ({title})"));
        group.sample_size(20);
        for ((name, output), plain) in outputs.iter().zip([0, 1, 0]) {
            let plain = write(outputs[plain].1.as_ref(), &batches);
            group.throughput(Throughput::Bytes(plain));
            group.bench_function(*name, |bencher| {
                bencher.iter(|| write(output.as_ref(), black_box(&batches)));
            });
        }
        group.finish();
    }
}

criterion_group!(benches, bench);
criterion_main!(benches);
