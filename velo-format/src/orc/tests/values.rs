use arrow_array::cast::AsArray;
use arrow_array::types::{Decimal128Type, Int16Type, Int32Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_schema::{DataType, TimeUnit};
use velo_core::{ErrorKind, Predicate};

use super::*;
use crate::harness::written;
use crate::jsonl::JsonLinesOutput;
use crate::{Compression, Format, WriteOptions};

/// Looks at every value of the rows that the files of all codecs have.
fn check_small(rows: &RecordBatch, count: usize) {
    assert_eq!(rows.num_rows(), count);
    let ids = rows.column(0).as_primitive::<Int64Type>();
    let jumps = rows.column(1).as_primitive::<Int32Type>();
    let peaks = rows.column(2).as_primitive::<Int64Type>();
    let (names, kinds) = (rows.column(3).as_string::<i32>(), rows.column(4));
    let kinds = kinds.as_string::<i32>();
    let lists = rows.column(5).as_list::<i32>();
    for n in 0..count {
        assert_eq!(ids.value(n), n as i64);
        assert_eq!(
            i64::from(jumps.value(n)),
            (n * n * 7919 % 10007) as i64 - 5000
        );
        let peak = if n % 97 == 5 { 1 << 40 } else { n as i64 % 11 };
        assert_eq!(peaks.value(n), peak);
        assert_eq!(names.is_null(n), n % 7 == 3);
        if names.is_valid(n) {
            assert_eq!(names.value(n), format!("name {n} é"));
        }
        assert_eq!(kinds.is_null(n), n % 5 == 1);
        if kinds.is_valid(n) {
            assert_eq!(kinds.value(n), ["red", "green", ""][n % 3]);
        }
        assert_eq!(lists.is_null(n), n % 11 == 4);
        if lists.is_valid(n) {
            let list = lists.value(n);
            let list = list.as_primitive::<Int16Type>().values();
            assert!(list.iter().copied().eq(0..(n % 4) as i16), "{n}");
        }
    }
}

#[test]
fn every_codec_of_pyarrow_is_read() {
    for (codec, count) in [
        ("uncompressed", 300),
        ("zlib", 1500),
        ("snappy", 1500),
        ("lz4", 300),
        ("zstd", 1500),
    ] {
        let input = open(file(&format!("{codec}.orc"))).unwrap();
        assert_eq!(input.units().units[0].rows, count as u64);
        check_small(&read_all(&*input).unwrap(), count);
    }
}

#[test]
fn every_type_of_pyarrow_is_read() {
    let input = open(file("types.orc")).unwrap();
    let rows = read_all(&*input).unwrap();
    let output = JsonLinesOutput::new(&WriteOptions::default()).unwrap();
    let found = written(&output, &rows.schema(), std::slice::from_ref(&rows)).unwrap();
    let lines = |text: &[u8]| -> Vec<serde_json::Value> {
        let lines = std::str::from_utf8(text).unwrap().lines();
        lines
            .map(|line| serde_json::from_str(line).unwrap())
            .collect()
    };
    let (found, expected) = (lines(&found), lines(&file("types.jsonl")));
    assert_eq!(expected.len(), 3);
    for (found, expected) in found.iter().zip(&expected) {
        for (name, value) in expected.as_object().unwrap() {
            assert_eq!(&found[name], value, "{name}");
        }
    }
    assert_eq!(found, expected);
    let large = rows.column_by_name("large").unwrap();
    let large = large.as_primitive::<Decimal128Type>();
    assert_eq!(large.value(0), 1 - 10_i128.pow(38));
    let schema = rows.schema();
    let kind = |name: &str| schema.field_with_name(name).unwrap().data_type().clone();
    assert_eq!(
        kind("local"),
        DataType::Timestamp(TimeUnit::Nanosecond, None)
    );
    assert_eq!(
        kind("instant"),
        DataType::Timestamp(TimeUnit::Nanosecond, Some("UTC".into()))
    );
    assert_eq!(kind("small"), DataType::Decimal128(10, 2));
    assert_eq!(kind("byte"), DataType::Int8);
}

#[test]
fn rows_and_columns_come_as_asked() {
    let input = open(file("stripes.orc")).unwrap();
    let units: Vec<u64> = input.units().units.iter().map(|unit| unit.rows).collect();
    assert_eq!(units, [1000, 1000, 1000, 500, 500]);
    let whole = read_all(&*input).unwrap();
    assert_eq!(whole.num_rows(), 4000);
    for (unit, rows, batch_rows) in [
        (0, 0..1000, 1000),
        (1, 0..1000, 7),
        (2, 999..1000, 100),
        (2, 250..650, 100),
        (3, 123..u64::MAX, 8192),
        (4, 17..17, 10),
        (4, 600..700, 10),
    ] {
        let names: [Option<Vec<&str>>; 4] = [
            None,
            Some(vec!["list", "id"]),
            Some(vec!["text"]),
            Some(vec![]),
        ];
        for names in names {
            let start = 1000 * unit.min(3) + 500 * (unit - unit.min(3));
            let from = rows.start.min(units[unit]) as usize;
            let length = rows.end.min(units[unit]) as usize - from;
            let expected = whole.slice(start + from, length);
            let place = |name: &&str| expected.schema().index_of(name).unwrap();
            let expected = match &names {
                None => expected,
                Some(names) => {
                    let places: Vec<usize> = names.iter().map(place).collect();
                    expected.project(&places).unwrap()
                }
            };
            let names = names.map(|names| names.into_iter().map(str::to_owned).collect());
            let batches = input.read(RandomRequest {
                rows: rows.clone(),
                projection: names,
                batch_rows,
                ..request(unit)
            });
            let batches: Vec<RecordBatch> = batches.unwrap().map(|batch| batch.unwrap()).collect();
            let largest = batches.iter().map(RecordBatch::num_rows).max();
            assert!(largest.unwrap_or_default() <= batch_rows);
            let found = concat_batches(&expected.schema(), &batches).unwrap();
            assert_eq!(found, expected, "{unit} {rows:?} {batch_rows}");
        }
    }
}

#[test]
fn what_is_asked_wrongly_is_named() {
    let input = open(file("stripes.orc")).unwrap();
    let refused = |request| input.read(request).err().unwrap();
    let error = refused(request(5));
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.report().contains("stripe 5"), "{}", error.report());
    let error = refused(RandomRequest {
        projection: Some(["more".to_owned()].into()),
        ..request(0)
    });
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.report().contains("more"), "{}", error.report());
    let known: Predicate = "id > 5000".parse().unwrap();
    assert_eq!(input.prune(&known).unwrap(), [true; 5]);
    let unknown: Predicate = "more > 5000".parse().unwrap();
    let error = input.prune(&unknown).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
}

#[test]
fn a_file_without_rows_has_columns() {
    let input = open(file("empty.orc")).unwrap();
    assert_eq!(input.units().units.len(), 0);
    assert_eq!(input.units().schema.fields().len(), 6);
}

#[test]
fn a_type_that_velo_does_not_have_is_named() {
    let error = open(file("union.orc")).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let report = error.report();
    for word in ["either", "uniontype", "struct"] {
        assert!(report.contains(word), "{report}");
    }
}

#[test]
fn nanoseconds_below_zero_are_refused() {
    let error = read_all(&*open(file("early.orc")).unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.report().contains("pyarrow"), "{}", error.report());
}

#[test]
fn writing_and_compression_around_the_file_are_refused() {
    let error = Format::Orc.output(&WriteOptions::default()).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.report().contains("parquet"), "{}", error.report());
    let mut options = ReadOptions::default();
    options.common.compression = Some(Compression::Gzip);
    let error = Orc::new(&options).err().unwrap();
    assert_eq!(error.kind(), ErrorKind::Config);
}

#[test]
fn orc_is_told_from_text_by_its_first_bytes() {
    for name in ["empty", "lz4", "types", "uncompressed", "zlib"] {
        let found = crate::detect(&file(&format!("{name}.orc"))[..8]);
        assert_eq!(found.format, Some(Format::Orc), "{name}");
    }
    for text in ["ORCID,name", "ORC\n1\n2\n3", "ORCHARD\tté"] {
        assert_eq!(crate::detect(&text.as_bytes()[..8]).format, None, "{text}");
    }
    assert_eq!(crate::detect_name("a/b.ORC").format, Some(Format::Orc));
}
