//! The whole of reading, through the interface that callers see.

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use arrow_select::concat::concat_batches;
use proptest::prelude::*;
use velo_core::{ByteSize, ErrorKind, FieldValue};

use super::{Csv, Ragged};
use crate::{
    BadRow, DecodeRequest, InferMode, Inferred, Prologue, ReadOptions, Splitting, StreamFormat,
};

#[derive(Debug, PartialEq)]
struct Read {
    rows: RecordBatch,
    bad: Vec<BadRow>,
    starts: Vec<u64>,
    records: usize,
}

fn csv(change: impl FnOnce(&mut ReadOptions)) -> Csv {
    let mut options = ReadOptions::default();
    change(&mut options);
    Csv::new(&options).unwrap()
}

fn prologue(csv: &Csv, bytes: &[u8]) -> Prologue {
    csv.prologue(bytes, true).unwrap().unwrap()
}

fn infer(csv: &Csv, bytes: &[u8]) -> Inferred {
    let prologue = prologue(csv, bytes);
    let mut inference = csv.infer(&prologue);
    inference
        .update(&bytes[prologue.bytes as usize..], true)
        .unwrap();
    inference.finish().unwrap()
}

/// Decodes `bytes[from..to]` as a caller does who reads `block` bytes at a time.
fn decode(
    csv: &Csv,
    (bytes, from, to): (&[u8], usize, usize),
    schema: &SchemaRef,
    (batch_rows, block): (usize, usize),
) -> Read {
    let prologue = prologue(csv, bytes);
    let request = DecodeRequest {
        schema: schema.clone(),
        columns: prologue.columns,
        header: prologue.header,
        batch_rows,
        start: from as u64,
        row_starts: true,
    };
    let mut decoder = csv.decoder(request).unwrap();
    let (mut at, mut end) = (from, to.min(from + block));
    let (mut batches, mut bad, mut starts, mut records) = (Vec::new(), Vec::new(), Vec::new(), 0);
    loop {
        let used = decoder.decode(&bytes[at..end], end == to).unwrap();
        at += used;
        let done = end == to && at == to;
        if decoder.is_full() || done {
            assert!(decoder.records() <= batch_rows);
            let before = records;
            records += decoder.records();
            let decoded = decoder.take().unwrap();
            batches.push(decoded.rows);
            starts.extend(decoded.row_starts);
            bad.extend(decoded.bad.into_iter().map(|bad| BadRow {
                record: bad.record + before,
                ..bad
            }));
        } else {
            assert!(used > 0 || end < to, "no progress");
            end = to.min(end + block);
        }
        if done {
            let rows = concat_batches(schema, &batches).unwrap();
            return Read {
                rows,
                bad,
                starts,
                records,
            };
        }
    }
}

fn read_all(csv: &Csv, bytes: &[u8]) -> Read {
    let schema = infer(csv, bytes).schema;
    let start = prologue(csv, bytes).bytes as usize;
    decode(
        csv,
        (bytes, start, bytes.len()),
        &schema,
        (usize::MAX, usize::MAX / 2),
    )
}

/// Spells rows for comparison: fields joined by `|`, null as `~`.
fn spell(rows: &RecordBatch) -> Vec<String> {
    let value = |column: usize, row| match FieldValue::read(rows.column(column), row).unwrap() {
        FieldValue::Null => "~".to_owned(),
        value => value.to_string(),
    };
    let row = |row| {
        let values: Vec<String> = (0..rows.num_columns()).map(|c| value(c, row)).collect();
        values.join("|")
    };
    (0..rows.num_rows()).map(row).collect()
}

fn text_schema(columns: usize) -> SchemaRef {
    let fields = (0..columns).map(|at| Field::new(format!("column_{at}"), DataType::Utf8, true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

type Change = fn(&mut ReadOptions);

const CASES: &[(Change, &str, &[&str])] = &[
    (|_| {}, "a,b\n1,x\n2,y\n", &["1|x", "2|y"]),
    (|_| {}, "a,b\r\n1,x\r\n2,y", &["1|x", "2|y"]),
    (|_| {}, "\u{feff}a,b\n1,x\n", &["1|x"]),
    (
        |_| {},
        "a,b\n1,\"x\"\"y\"\n2,\"x,\n\r\ny\"\n",
        &["1|x\"y", "2|x,\n\r\ny"],
    ),
    (|_| {}, "a,b\n1,\n2,\"\"\n", &["1|~", "2|"]),
    (
        |_| {},
        "a,b\n1,5\" disk\n2,a\"b\"\n",
        &["1|5\" disk", "2|a\"b\""],
    ),
    (|_| {}, "a,b\n\n1,x\n\r\n\n2,y\n\n", &["1|x", "2|y"]),
    (|_| {}, "a\n1\n\n2\n", &["1", "~", "2"]),
    (|_| {}, "a,b\n1,x\ry\n2,\r\n", &["1|x\ry", "2|~"]),
    (|_| {}, "a,b\n1,x\0y\n", &["1|x\0y"]),
    (
        |_| {},
        "a,b\n1,x\nNA,NA\n\\N,\"\"\n",
        &["1|x", "~|NA", "~|"],
    ),
    (
        |o| o.csv.null = Some(vec!["-".into()]),
        "a,b\n1,-\n-,\n",
        &["1|~", "~|"],
    ),
    (
        |o| o.csv.delimiter = Some("\\t".into()),
        "a\tb\n1\tx,y\n",
        &["1|x,y"],
    ),
    (
        |o| o.csv.quote = Some("none".into()),
        "a,b\n1,\"x\n",
        &["1|\"x"],
    ),
    (
        |o| o.csv.quote = Some("'".into()),
        "a,b\n1,'x,''y'\n",
        &["1|x,'y"],
    ),
    (
        |o| o.csv.escape = Some("\\".into()),
        "a,b\n1,\"x\\\",y\"\n",
        &["1|x\",y"],
    ),
    (
        |o| o.csv.comment = Some("#".into()),
        "#c,\"\na,b\n#\n1,#\n# 2,y\n",
        &["1|#"],
    ),
    (
        |o| o.csv.skip_lines = 2,
        "junk\n\"junk\na,b\n1,x\n",
        &["1|x"],
    ),
    (
        |o| o.csv.header = Some(false),
        "1,x\n2,y\n",
        &["1|x", "2|y"],
    ),
    (
        |o| o.csv.ragged = Ragged::Fill,
        "a,b\n1\n2,y\n",
        &["1|~", "2|y"],
    ),
    (
        |o| o.common.infer = InferMode::Off,
        "a,b\n1,007\n",
        &["1|007"],
    ),
];

#[test]
fn reads_rfc_4180_and_its_relatives() {
    for (change, text, expected) in CASES {
        let read = read_all(&csv(change), text.as_bytes());
        assert_eq!(spell(&read.rows), *expected, "{text:?}");
        assert_eq!(read.bad, [], "{text:?}");
    }
}

#[test]
fn names_columns() {
    let names = |change: fn(&mut ReadOptions), text: &str| {
        let prologue = csv(change).prologue(text.as_bytes(), true);
        prologue.map(|found| found.unwrap().columns.unwrap().join("|"))
    };
    assert_eq!(names(|_| {}, "a,,\"b\"\"c\"").unwrap(), "a|column_1|b\"c");
    assert_eq!(
        names(|o| o.csv.header = Some(false), "1,2\n").unwrap(),
        "column_0|column_1"
    );
    assert_eq!(names(|_| {}, "").unwrap(), "");
    let twice = names(|_| {}, "a,b,a\n").unwrap_err();
    assert_eq!(twice.context("column"), Some("a"));
    assert_eq!(
        names(|_| {}, "a,\"b\n").unwrap_err().kind(),
        ErrorKind::InvalidData
    );
    let schema: fn(&mut ReadOptions) = |o| {
        o.csv.header = Some(false);
        o.common.schema = Some("id:int64,name:text".into());
    };
    assert_eq!(names(schema, "1,x\n").unwrap(), "id|name");
    assert!(names(schema, "1\n").is_err());
    assert_eq!(csv(|_| {}).prologue(b"\xef\xbb", false).unwrap(), None);
    assert_eq!(csv(|_| {}).prologue(b"a,b", false).unwrap(), None);
}

/// The text, and of its bad row: record, byte, column, problem, hint.
type BadCase = (
    &'static str,
    usize,
    u64,
    Option<&'static str>,
    &'static str,
    Option<&'static str>,
);

const BAD_ROWS: &[BadCase] = &[
    (
        "a,b\n1,x\nx1,y\n",
        1,
        8,
        Some("a"),
        "not a whole number (int64)",
        Some("types=a:text"),
    ),
    (
        "a,b\n1,x\n\"x1\",y\n",
        1,
        8,
        Some("a"),
        "not a whole number (int64)",
        Some("types=a:text"),
    ),
    (
        "a,b\n1,x\n\"\",y\n",
        1,
        8,
        Some("a"),
        "not a whole number (int64)",
        Some("types=a:text"),
    ),
    (
        "a,b\n1\n",
        0,
        5,
        None,
        "row has 1 field, expected 2",
        Some("ragged=fill takes missing fields for null"),
    ),
    (
        "a,b\n1,2,3\n",
        0,
        8,
        None,
        "row has 3 fields, expected 2",
        None,
    ),
    (
        "a,b\n1,\"x\"y\n2,z\n",
        0,
        9,
        Some("b"),
        "text stands behind a closing quote",
        None,
    ),
    (
        "a,b\n1,\"x\n2,z\n",
        0,
        6,
        Some("b"),
        "a quote is opened here and never closed",
        None,
    ),
];

#[test]
fn bad_rows_say_where_and_what() {
    let types = |o: &mut ReadOptions| o.common.types = Some("a:int64,b:text".into());
    for (text, record, byte, column, problem, hint) in BAD_ROWS {
        let read = read_all(&csv(types), text.as_bytes());
        let [bad] = &read.bad[..] else {
            panic!("{text:?} {:?}", read.bad)
        };
        let found = (
            bad.record,
            bad.byte,
            bad.column.as_deref(),
            bad.problem.as_str(),
            bad.hint.as_deref(),
        );
        assert_eq!(
            found,
            (*record, *byte, *column, *problem, *hint),
            "{text:?}"
        );
        assert_eq!(read.rows.num_rows(), read.records - 1);
        let start = bad.record_start as usize;
        assert_eq!(bad.raw, text.as_bytes()[start..start + bad.raw.len()]);
    }
}

#[test]
fn text_that_is_no_utf8_is_a_bad_row() {
    let read = read_all(&csv(|_| {}), b"a,b\n1,\"\xc3\xa9\"\n2,\"ab\xff\"\n3,\xc3\n");
    assert_eq!(spell(&read.rows), ["1|é"]);
    let places: Vec<_> = read.bad.iter().map(|bad| (bad.byte, bad.record)).collect();
    assert_eq!(places, [(16, 1), (21, 2)]);
}

#[test]
fn a_type_found_is_never_lossy() {
    use DataType::{Boolean, Date32, Decimal128, Float64, Int64, Timestamp, UInt64, Utf8};
    let us = |zone: Option<&str>| Timestamp(TimeUnit::Microsecond, zone.map(Into::into));
    for (values, expected) in [
        ("1 2 -3", Int64),
        ("1 0 -0", Float64),
        ("007 8", Utf8),
        ("+1 2", Utf8),
        ("1 18446744073709551615", UInt64),
        ("-1 18446744073709551615", Decimal128(38, 0)),
        (
            "1 99999999999999999999999999999999999999",
            Decimal128(38, 0),
        ),
        ("1 999999999999999999999999999999999999999", Utf8),
        ("1.5 2 1.50", Float64),
        ("1e5 2", Float64),
        ("0.1 9007199254740993", Decimal128(38, 1)),
        ("0.10000000000000000001", Decimal128(38, 20)),
        ("0.10000000000000000001 -0.0", Utf8),
        ("1e400", Utf8),
        ("1.5 NaN -inf", Float64),
        ("NaN inf", Utf8),
        ("true FALSE True", Boolean),
        ("true 1", Utf8),
        ("yes no", Utf8),
        ("2024-01-31 1969-12-31", Date32),
        ("2024-01-31 2024-02-30", Utf8),
        ("2024-01-31T10:00:00", us(None)),
        (
            "2024-01-31T10:00:00Z 2024-01-31T10:00:00+02:00",
            us(Some("UTC")),
        ),
        ("2024-01-31T10:00:00Z 2024-01-31T10:00:00", Utf8),
        (
            "2024-01-31T10:00:00.1234567",
            Timestamp(TimeUnit::Nanosecond, None),
        ),
        ("9999-01-31T10:00:00.1234567", Utf8),
        ("9999-01-31T10:00:00.123456", us(None)),
        ("2024-01-31 2024-01-31T10:00:00", Utf8),
        ("NA NA", Utf8),
        ("1 NA", Int64),
        ("1 \"2\" \"\"", Utf8),
        ("1 n/a", Utf8),
    ] {
        let text = format!("x,y\n{},\n", values.replace(' ', ",\n"));
        let inferred = infer(&csv(|_| {}), text.as_bytes());
        assert_eq!(inferred.schema.field(0).data_type(), &expected, "{values}");
        let read = read_all(&csv(|_| {}), text.as_bytes());
        assert_eq!(read.bad, [], "{values}");
    }
}

#[test]
fn a_later_value_is_never_changed_to_fit() {
    for (sample, later) in [
        ("1", "007"),
        ("1", "+7"),
        ("1", "1.0"),
        ("0.5", "0.12345678901234567890"),
        ("true", "1"),
    ] {
        let text = format!("x\n{sample}\n");
        let csv = csv(|_| {});
        let schema = infer(&csv, text.as_bytes()).schema;
        let text = format!("{text}{later}\n");
        let read = decode(&csv, (text.as_bytes(), 2, text.len()), &schema, (10, 100));
        assert_eq!((read.rows.num_rows(), read.bad.len()), (1, 1), "{later}");
        assert_eq!(
            read.bad[0].hint.as_deref(),
            Some("types=x:text, or infer=full")
        );
    }
}

#[test]
fn what_the_user_names_wins() {
    let text = b"id,zip\n1,007\n";
    let with = |types: &str| csv(|o| o.common.types = Some(types.into()));
    assert_eq!(spell(&read_all(&with("zip:int32"), text).rows), ["1|7"]);
    let inference = with("zpi:int32").infer(&prologue(&with("zpi:int32"), text));
    assert_eq!(
        inference.finish().unwrap_err().hint(),
        Some("did you mean `zip`?")
    );
    let schema = |schema: &str| csv(|o| o.common.schema = Some(schema.into()));
    assert_eq!(
        spell(&read_all(&schema("zip:text,id:int8"), text).rows),
        ["007|1"]
    );
    let partial = schema("id:int8");
    assert!(partial.infer(&prologue(&partial, text)).finish().is_err());
    let list = schema("id:list(text),zip:text");
    let columns = prologue(&list, text).columns;
    let schema = list.infer(&prologue(&list, text)).finish().unwrap().schema;
    let request = DecodeRequest {
        schema,
        columns,
        header: Arc::default(),
        batch_rows: 1,
        start: 0,
        row_starts: false,
    };
    assert_eq!(
        list.decoder(request).err().unwrap().kind(),
        ErrorKind::Unsupported
    );
}

#[test]
fn notes_tell_of_nulls() {
    let inferred = infer(&csv(|_| {}), b"a,b,c\n1,NA,\nNULL,x,\nNA,y,\n");
    assert_eq!(
        inferred.notes,
        [
            "column a: NA, NULL taken as null",
            "column c has no values in the sample: read as text"
        ]
    );
}

#[test]
fn columns_not_asked_for_are_not_read() {
    let text = b"a,b,c\nx,1,y\n";
    let fields = vec![
        Field::new("c", DataType::Utf8, true),
        Field::new("late", DataType::Int64, true),
    ];
    let schema = Arc::new(Schema::new(fields));
    let read = decode(&csv(|_| {}), (text, 6, text.len()), &schema, (10, 100));
    assert_eq!(spell(&read.rows), ["y|~"]);
    let none = Arc::new(Schema::empty());
    let read = decode(&csv(|_| {}), (text, 6, text.len()), &none, (10, 100));
    assert_eq!(read.rows.num_rows(), 1);
}

#[test]
fn a_record_over_the_limit_ends_the_reading() {
    let csv = csv(|o| o.common.max_line_length = ByteSize(8));
    for text in ["a,b\n1,2\n\"34567890\n", "a,b\n1,2\n3,4567890\n5,6\n"] {
        for block in [1, 3, 100] {
            let request = DecodeRequest {
                schema: text_schema(0),
                columns: prologue(&csv, text.as_bytes()).columns,
                header: Arc::default(),
                batch_rows: 10,
                start: 4,
                row_starts: false,
            };
            let mut decoder = csv.decoder(request).unwrap();
            let (mut at, mut end) = (4, 4);
            let error = loop {
                end = text.len().min(end + block);
                match decoder.decode(&text.as_bytes()[at..end], end == text.len()) {
                    Ok(used) => at += used,
                    Err(error) => break error,
                }
            };
            assert_eq!(
                (at, decoder.records(), error.context("byte")),
                (8, 1, Some("8"))
            );
        }
    }
}

#[test]
fn a_window_from_the_middle_is_read_only_where_it_is_clear() {
    let csv = csv(|_| {});
    let mut text = "id,note\n".to_owned();
    for row in 0..50 {
        text += &format!("{row},\"a, {row}\n\"\"b\"\", c\"\n");
    }
    let bytes = text.as_bytes();
    let prologue = prologue(&csv, bytes);
    for from in 8..bytes.len() - 200 {
        let mut inference = csv.infer(&prologue);
        inference.window(&bytes[from..], true);
        let schema = inference.finish().unwrap().schema;
        assert_eq!(schema.field(0).data_type(), &DataType::Int64, "{from}");
        assert_eq!(schema.field(1).data_type(), &DataType::Utf8, "{from}");
    }
}

/// Field texts and structure in all sorts of disorder.
fn hostile() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b",".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\"".to_vec()),
        Just(b"\"\"".to_vec()),
        Just(b"\",\"".to_vec()),
        Just(b"\"x,\ny\",1\n".to_vec()),
        Just(b"12,ab\n".to_vec()),
        Just(b"1,2\n3,4\n5,6\n".to_vec()),
        Just(b"1,2\n3,4\n5,\"6,\"\"\"\n7,8\n9,0\n".to_vec()),
        Just(b"\\".to_vec()),
        Just(b"#".to_vec()),
        Just(b"\r".to_vec()),
        Just(b"NA".to_vec()),
        Just(b"\xc3\xa9".to_vec()),
        Just(b"\xc3".to_vec()),
        prop::collection::vec(any::<u8>(), 0..3),
        Just(b"a longer text with nothing in it".to_vec()),
    ];
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn blocks_batches_and_splits_make_no_difference(
        bytes in hostile(),
        (batch_rows, block) in (1_usize..9, 1_usize..120),
        (escape, comment, fill, columns) in (any::<bool>(), any::<bool>(), any::<bool>(), 1_usize..4),
    ) {
        let csv = csv(|o| {
            o.csv.header = Some(true);
            o.csv.escape = escape.then(|| "\\".into());
            o.csv.comment = comment.then(|| "#".into());
            o.csv.ragged = if fill { Ragged::Fill } else { Ragged::Error };
        });
        let mut text = text_schema(columns).fields().iter().map(|f| f.name().as_str()).collect::<Vec<_>>().join(",").into_bytes();
        text.push(b'\n');
        let start = text.len();
        text.extend_from_slice(&bytes);
        let mut fields = text_schema(columns).fields().to_vec();
        fields[0] = Arc::new(Field::new("column_0", DataType::Int64, true));
        let schema = Arc::new(Schema::new(fields));
        let whole = decode(&csv, (&text, start, text.len()), &schema, (usize::MAX, text.len()));
        prop_assert_eq!(&decode(&csv, (&text, start, text.len()), &schema, (batch_rows, block)), &whole);

        let Splitting::Scan(mut splitter) = csv.splitting(&prologue(&csv, &text)) else { panic!() };
        let (mut at, mut from, mut records) = (start, start, 0);
        let mut parts: Vec<Read> = Vec::new();
        while at < text.len() {
            let to = text.len().min(at + block);
            let (count, end) = splitter.scan(&text[at..to]);
            records += count as usize;
            if let Some(end) = end {
                parts.push(decode(&csv, (&text, from, at + end), &schema, (batch_rows, block)));
                from = at + end;
            }
            at = to;
        }
        let read = |parts: &[Read]| parts.iter().map(|part| part.records).sum::<usize>();
        prop_assert_eq!(read(&parts), records);
        parts.push(decode(&csv, (&text, from, text.len()), &schema, (batch_rows, block)));
        prop_assert_eq!(read(&parts), whole.records);
        let rows = concat_batches(&schema, parts.iter().map(|part| &part.rows)).unwrap();
        prop_assert_eq!(rows, whole.rows);
        let bad = parts.iter().flat_map(|part| &part.bad).map(|bad| (bad.byte, &bad.raw));
        prop_assert!(bad.eq(whole.bad.iter().map(|bad| (bad.byte, &bad.raw))));
        prop_assert!(parts.iter().flat_map(|part| &part.starts).eq(&whole.starts));
    }

    #[test]
    fn what_is_written_is_read(
        rows in prop::collection::vec((any::<Option<i64>>(), any::<Option<f64>>(), prop::option::of("[a\",\n\ré#]{0,12}")), 1..40),
        quotes in prop::collection::vec(any::<bool>(), 120),
        return_feed: bool,
    ) {
        let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
        let maybe = |text: Option<String>, quote: bool| match text {
            Some(text) if quote => quoted(&text),
            text => text.unwrap_or_default(),
        };
        let feed = if return_feed { "\r\n" } else { "\n" };
        let mut text = format!("i,f,t{feed}");
        for (at, (i, f, t)) in rows.iter().enumerate() {
            let (i, f) = (i.map(|i| i.to_string()), f.map(|f| f.to_string()));
            text += &maybe(i, quotes[3 * at]);
            text += ",";
            text += &maybe(f, quotes[3 * at + 1]);
            text += ",";
            text += &t.as_deref().map(quoted).unwrap_or_default();
            text += feed;
        }
        let csv = csv(|o| o.common.types = Some("i:int64,f:float64,t:text".into()));
        let read = read_all(&csv, text.as_bytes());
        prop_assert_eq!(&read.bad, &[]);
        let ints = read.rows.column(0).as_primitive::<arrow_array::types::Int64Type>();
        let floats = read.rows.column(1).as_primitive::<arrow_array::types::Float64Type>();
        let bits = |values: Vec<Option<f64>>| values.into_iter().map(|v| v.map(|v| if v.is_nan() { 1 } else { v.to_bits() })).collect::<Vec<_>>();
        prop_assert_eq!(ints.iter().collect::<Vec<_>>(), rows.iter().map(|r| r.0).collect::<Vec<_>>());
        prop_assert_eq!(bits(floats.iter().collect()), bits(rows.iter().map(|r| r.1).collect()));
        prop_assert!(read.rows.column(2).as_string::<i32>().iter().eq(rows.iter().map(|r| r.2.as_deref())));
    }

    #[test]
    fn inference_takes_anything(bytes in hostile(), block in 1_usize..50, header: bool) {
        let csv = csv(|o| o.csv.header = Some(header));
        let Ok(Some(prologue)) = csv.prologue(&bytes, true) else { return Ok(()) };
        let mut inference = csv.infer(&prologue);
        inference.window(&bytes[bytes.len() / 2..], true);
        let mut at = prologue.bytes as usize;
        let mut end = at;
        while at < bytes.len() {
            end = bytes.len().min(end + block);
            at += inference.update(&bytes[at..end], end == bytes.len()).unwrap();
        }
        let _ = inference.finish();
    }
}
