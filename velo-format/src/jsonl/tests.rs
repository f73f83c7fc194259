//! Reading JSON lines through the public interface.

mod hostile;
mod round_trip;

use std::sync::Arc;

use arrow_array::RecordBatch;
use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_schema::{DataType, Schema, SchemaRef, TimeUnit};
use arrow_select::concat::concat_batches;
use velo_core::ErrorKind;

use super::JsonLines;
use crate::{
    BadRow, DecodeRequest, InferMode, Inferred, Prologue, ReadOptions, StreamFormat, parse_columns,
};

fn options(change: impl FnOnce(&mut ReadOptions)) -> ReadOptions {
    let mut options = ReadOptions::default();
    change(&mut options);
    options
}

fn request(schema: &SchemaRef) -> DecodeRequest {
    DecodeRequest {
        schema: Arc::clone(schema),
        columns: None,
        header: Arc::default(),
        batch_rows: 1_000,
        start: 0,
        row_starts: true,
    }
}

fn schema(columns: &str) -> SchemaRef {
    let columns = parse_columns(columns).unwrap();
    let fields = columns
        .into_iter()
        .map(|(name, kind)| arrow_schema::Field::new(name, kind, true));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Everything that decoding gives, whatever the batches.
#[derive(Debug, PartialEq)]
struct Outcome {
    rows: RecordBatch,
    row_starts: Vec<u64>,
    bad: Vec<BadRow>,
}

/// Decodes `input`, fed in blocks of `block` bytes.
fn decode_in_blocks(
    format: &JsonLines,
    request: &DecodeRequest,
    input: &[u8],
    block: usize,
) -> Outcome {
    let mut decoder = format.decoder(request.clone()).unwrap();
    let (mut batches, mut row_starts, mut bad) = (Vec::new(), Vec::new(), Vec::new());
    let (mut from, mut to, mut records) = (0, 0, 0);
    loop {
        let consumed = decoder.decode(&input[from..to], to == input.len()).unwrap();
        from += consumed;
        let ended = to == input.len() && from == to;
        if decoder.is_full() || ended {
            let count = decoder.records();
            assert!(count <= request.batch_rows);
            let mut decoded = decoder.take().unwrap();
            assert_eq!(decoded.rows.num_rows() + decoded.bad.len(), count);
            decoded.bad.iter_mut().for_each(|row| row.record += records);
            records += count;
            batches.push(decoded.rows);
            row_starts.extend(decoded.row_starts);
            bad.extend(decoded.bad);
        } else {
            to = (to + block).min(input.len());
        }
        if ended {
            break;
        }
    }
    let rows = concat_batches(&request.schema, &batches).unwrap();
    Outcome {
        rows,
        row_starts,
        bad,
    }
}

fn decode(options: &ReadOptions, columns: &str, input: &str) -> Outcome {
    let format = JsonLines::new(options).unwrap();
    let whole = decode_in_blocks(
        &format,
        &request(&schema(columns)),
        input.as_bytes(),
        usize::MAX / 2,
    );
    let bits = decode_in_blocks(&format, &request(&schema(columns)), input.as_bytes(), 1);
    assert_eq!(whole, bits);
    whole
}

fn infer(options: &ReadOptions, input: &str) -> velo_core::Result<Inferred> {
    let format = JsonLines::new(options)?;
    let mut inference = format.infer(&Prologue::default());
    assert_eq!(inference.update(input.as_bytes(), true)?, input.len());
    inference.finish()
}

fn infer_type(values: &[&str]) -> DataType {
    let lines: Vec<_> = values
        .iter()
        .map(|value| format!("{{\"a\":{value}}}"))
        .collect();
    let inferred = infer(&ReadOptions::default(), &lines.join("\n")).unwrap();
    inferred.schema.field(0).data_type().clone()
}

#[test]
fn rows_become_columns() {
    let input = "\r\n{\"a\":1,\"b\":\"x\",\"c\":1.5}\r\n\n { \"c\" : 2, \"a\" : -3 } \n{}\n{\"b\":null,\"b2\":0}";
    let found = decode(
        &ReadOptions::default(),
        "a:int64,b:text,c:float64,b2:int64",
        input,
    );
    assert_eq!(found.bad, []);
    let numbers = found.rows.column(0).as_primitive::<Int64Type>();
    assert_eq!(
        numbers.iter().collect::<Vec<_>>(),
        [Some(1), Some(-3), None, None]
    );
    let texts = found.rows.column(1).as_string::<i32>();
    assert_eq!(
        texts.iter().collect::<Vec<_>>(),
        [Some("x"), None, None, None]
    );
    let floats = found.rows.column(2).as_primitive::<Float64Type>();
    assert_eq!(
        floats.iter().collect::<Vec<_>>(),
        [Some(1.5), Some(2.0), None, None]
    );
    assert_eq!(found.row_starts, [2, 29, 52, 55]);
}

type Case = (&'static str, Option<&'static str>, u64, &'static str);

/// Decodes each line between two good ones.
fn assert_bad(cases: &[Case]) {
    for &(line, column, byte, problem) in cases {
        let input = format!("{{\"a\":7}}\n{line}\r\n{{\"a\":8}}\n");
        let columns = "a:int64,b:list(int64),d:date,f:float64";
        let found = decode(&ReadOptions::default(), columns, &input);
        let numbers = found.rows.column(0).as_primitive::<Int64Type>();
        assert_eq!(numbers.values(), &[7, 8], "{line}");
        let [bad] = found.bad.as_slice() else {
            panic!("{line}");
        };
        let where_and_what = (bad.column.as_deref(), bad.byte, bad.problem.as_str());
        assert_eq!(where_and_what, (column, 8 + byte, problem), "{line}");
        assert_eq!((bad.record, bad.record_start), (1, 8));
        assert_eq!(bad.raw, line.as_bytes());
        let mendable = column.is_some() && !problem.contains("twice");
        assert!(bad.hint.is_some() || !mendable, "{line}");
    }
}

#[test]
fn space_before_a_value_may_change_from_row_to_row() {
    let input = "{\"a\":1,\"b\":\"x\",\"c\":[2]}\n{\"a\": 2,\"b\":\t\"y\",\"c\": [3]}\n{\"a\":  null,\"b\": \"z\"}\n";
    let found = decode(
        &ReadOptions::default(),
        "a:int64,b:text,c:list(int64)",
        input,
    );
    assert_eq!(found.bad, []);
    let ignore = options(|options| options.json.ignore_unknown_fields = true);
    assert_eq!(decode(&ignore, "b:text", input).bad, []);
}

#[test]
fn malformed_records_are_bad_rows() {
    assert_bad(&[
        (
            r#"[{"a":1}]"#,
            None,
            0,
            "an array where an object is expected",
        ),
        ("1", None, 0, "not a JSON object"),
        (
            r#"{"a":1"#,
            None,
            7,
            "not valid JSON: the record ends too early",
        ),
        (
            r#"{"a":1,}"#,
            None,
            7,
            "not valid JSON: a key in quotes expected",
        ),
        (r#"{"a":1}}"#, None, 7, "more text behind the object"),
        (
            r#"{"a":01}"#,
            None,
            5,
            "not valid JSON: a number starts with 0",
        ),
        (r#"{"a":NaN}"#, None, 5, "not valid JSON: a value expected"),
        (
            r#"{"a":"\ud800"}"#,
            None,
            6,
            "half a surrogate pair in a \\u escape",
        ),
        (r#"{"a":"x"#, None, 5, "a string has no end"),
        (
            "{\"a\":\"\u{1}\"}",
            None,
            6,
            "a control character inside a string",
        ),
        (r#"{"a":1,"a":2}"#, Some("a"), 7, "the key stands twice"),
    ]);
}

#[test]
fn values_of_another_type_are_bad_rows() {
    assert_bad(&[
        (r#"{"z":1}"#, Some("z"), 1, "an unknown field"),
        (r#"{"a":"1"}"#, Some("a"), 5, "not a whole number (int64)"),
        (r#"{"a":1.5}"#, Some("a"), 5, "not a whole number (int64)"),
        (
            r#"{"a":9223372036854775808}"#,
            Some("a"),
            5,
            "not a whole number (int64)",
        ),
        (r#"{"a":true}"#, Some("a"), 5, "not a whole number (int64)"),
        (r#"{"a":{}}"#, Some("a"), 5, "not a whole number (int64)"),
        (
            r#"{"b":[1,{}]}"#,
            Some("b[]"),
            8,
            "not a whole number (int64)",
        ),
        (r#"{"b":1}"#, Some("b"), 5, "not an array (list)"),
        (
            r#"{"d":"2023-02-29"}"#,
            Some("d"),
            5,
            "not a date like 2024-12-31 (date)",
        ),
        (
            r#"{"d":5}"#,
            Some("d"),
            5,
            "not a date like 2024-12-31 (date)",
        ),
        (
            r#"{"f":0.12345678901234567890}"#,
            Some("f"),
            5,
            "not a number that float64 holds exactly",
        ),
    ]);
}

#[test]
fn deep_nesting_is_a_bad_row() {
    let input = format!("{{\"a\":{}", "[".repeat(100_000));
    for columns in ["a:text", "a:list(list(text))", "b:text"] {
        let ignore = options(|options| options.json.ignore_unknown_fields = true);
        let found = decode_in_blocks(
            &JsonLines::new(&ignore).unwrap(),
            &request(&schema(columns)),
            input.as_bytes(),
            1 << 20,
        );
        assert_eq!(
            found.bad[0].problem, "nested deeper than 128 levels",
            "{columns}"
        );
        assert_eq!(found.bad[0].byte, 5 + 127);
    }
}

#[test]
fn text_columns_keep_what_is_written() {
    let input =
        "{\"a\":1.50}\n{\"a\":\"\\u00e9\"}\n{\"a\":[1, {\"b\":null}]}\n{\"a\":true}\n{\"a\":null}";
    let found = decode(&ReadOptions::default(), "a:text", input);
    let texts: Vec<_> = found.rows.column(0).as_string::<i32>().iter().collect();
    let expected = [
        Some("1.50"),
        Some("é"),
        Some("[1, {\"b\":null}]"),
        Some("true"),
        None,
    ];
    assert_eq!(texts, expected);
}

#[test]
fn given_types_read_strings() {
    let types = "a:int64,b:decimal(5,2),c:boolean,d:timestamp(ms),e:float64";
    let given = options(|options| options.common.types = Some(types.to_owned()));
    let line =
        r#"{"a":"12","b":"1.5","c":"true","d":"2024-01-01T00:00:00.5","e":0.12345678901234567890}"#;
    let found = decode(&given, types, line);
    assert_eq!((found.rows.num_rows(), found.bad.as_slice()), (1, &[][..]));
    let found = decode(&ReadOptions::default(), types, line);
    assert_eq!(found.bad[0].column.as_deref(), Some("a"));
}

#[test]
fn every_named_type_is_read() {
    let columns = "a:boolean,b:int8,c:int16,d:int32,e:uint8,f:uint16,g:uint32,h:uint64,i:float32,\
        j:decimal(50,2),k:binary,l:time(s),m:time(ns),n:timestamp(ns,UTC),o:duration(ms),\
        p:list(list(date)),q:decimal(38,10)";
    let line = r#"{"a":true,"b":-1,"c":1,"d":1,"e":255,"f":1,"g":1,"h":18446744073709551615,"i":1.5,
        "j":1.25,"k":"AAE=","l":"23:59:59","m":"00:00:00.000000001","n":"2024-01-01T00:00:00Z",
        "o":"PT1.5S","p":[["2024-01-01",null],[],null],"q":1e3}"#;
    let input = format!("{}\n{{}}\n", line.replace('\n', " "));
    let found = decode(&ReadOptions::default(), columns, &input);
    assert_eq!((found.rows.num_rows(), found.bad.as_slice()), (2, &[][..]));
    for column in found.rows.columns() {
        assert_eq!((column.is_null(0), column.is_null(1)), (false, true));
    }
}

#[test]
fn projection_skips_known_columns_only() {
    let format = JsonLines::new(&ReadOptions::default()).unwrap();
    let mut request = request(&schema("b:int64"));
    request.columns = Some(["a", "b", "c"].map(str::to_owned).into());
    let input = b"{\"a\":[1],\"b\":2,\"c\":\"\"}\n{\"b\":3,\"d\":4}\n{\"c\":1,\"c\":2}\n{\"a\":1,\"b\":2,\"a\":1}";
    let found = decode_in_blocks(&format, &request, input, 64);
    assert_eq!(
        found.rows.column(0).as_primitive::<Int64Type>().values(),
        &[2]
    );
    let problems: Vec<_> = found.bad.iter().map(|row| row.problem.as_str()).collect();
    assert_eq!(
        problems,
        [
            "an unknown field",
            "the key stands twice",
            "the key stands twice"
        ]
    );
    request.schema = Arc::new(Schema::empty());
    let found = decode_in_blocks(&format, &request, input, 64);
    assert_eq!((found.rows.num_rows(), found.rows.num_columns()), (1, 0));
}

#[test]
fn invalid_utf8_spoils_its_line_only() {
    let format = JsonLines::new(&ReadOptions::default()).unwrap();
    let input = b"{\"a\":\"x\"}\n{\"a\":\"\xff\"}\n{\"a\":\"\xc3\xa9\"}\n{\"a\":\"\xc3\"}";
    let found = decode_in_blocks(&format, &request(&schema("a:text")), input, 7);
    let texts: Vec<_> = found
        .rows
        .column(0)
        .as_string::<i32>()
        .iter()
        .flatten()
        .collect();
    assert_eq!(texts, ["x", "é"]);
    let places: Vec<_> = found.bad.iter().map(|row| row.byte).collect();
    assert_eq!(places, [16, 37]);
    assert_eq!(found.bad[0].problem, "not valid UTF-8");
}

#[test]
fn a_record_over_the_longest_length_is_an_error() {
    let short = options(|options| options.common.max_line_length = velo_core::ByteSize(12));
    let format = JsonLines::new(&short).unwrap();
    let schema = schema("a:int64");
    let mut decoder = format.decoder(request(&schema)).unwrap();
    assert_eq!(decoder.decode(b"{\"a\":123456}\n", false).unwrap(), 13);
    let ended = format
        .decoder(request(&schema))
        .unwrap()
        .decode(b"{\"a\":1234567}\n", true);
    assert_eq!(ended.unwrap_err().kind(), ErrorKind::InvalidData);
    let endless = format
        .decoder(request(&schema))
        .unwrap()
        .decode(b"{\"a\":123456789", false);
    assert_eq!(endless.unwrap_err().kind(), ErrorKind::InvalidData);
    let mut inference = format.infer(&Prologue::default());
    assert!(inference.update(b"{\"a\":123456789", false).is_err());
}

#[test]
fn prologue_skips_mark_and_blanks() {
    let format = JsonLines::new(&ReadOptions::default()).unwrap();
    for (head, whole, bytes) in [
        (&b"{}"[..], false, Some(0)),
        (b"\xef\xbb\xbf \n{}", false, Some(5)),
        (b"\xef\xbb", false, None),
        (b"", false, None),
        (b"", true, Some(0)),
    ] {
        let prologue = format.prologue(head, whole).unwrap();
        assert_eq!(prologue.map(|prologue| prologue.bytes), bytes);
    }
}

#[test]
fn types_are_inferred_without_changing_values() {
    let utc = || DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let local = || DataType::Timestamp(TimeUnit::Microsecond, None);
    for (values, expected) in [
        (&["1", "null", "-5"][..], DataType::Int64),
        (&["1", "1.5"], DataType::Float64),
        (&["18446744073709551615"], DataType::UInt64),
        (&["0.1234567890123456789"], DataType::Decimal128(38, 19)),
        (&["true", "false"], DataType::Boolean),
        (&["\"1\"", "\"2\""], DataType::Utf8),
        (&["\"2024-01-01\""], DataType::Date32),
        (&["\"2024-01-01\"", "\"2024-02-30\""], DataType::Utf8),
        (&["\"2024-01-01\"", "\"\""], DataType::Utf8),
        (
            &["\"2024-01-01T10:00:00\"", "\"2024-01-01 10:00:00.123456\""],
            local(),
        ),
        (&["\"2024-01-01T10:00:00Z\""], utc()),
        (
            &["\"2024-01-01T10:00:00Z\"", "\"2024-01-01T10:00:00\""],
            DataType::Utf8,
        ),
        (&["\"2024-01-01T10:00:00+02:00\""], utc()),
        (
            &["\"2024-01-01T10:00:00.1234567\""],
            DataType::Timestamp(TimeUnit::Nanosecond, None),
        ),
        (&["null"], DataType::Utf8),
        (&["1", "\"x\""], DataType::Utf8),
        (&["{}"], DataType::Utf8),
        (&["[]"], DataType::new_list(DataType::Utf8, true)),
        (
            &["[]", "[[1.5], null]"],
            DataType::new_list(DataType::new_list(DataType::Float64, true), true),
        ),
    ] {
        assert_eq!(infer_type(values), expected, "{values:?}");
    }
    let nested = infer_type(&["{\"y\":1}", "{\"x\":[{\"z\":true}],\"y\":2}"]);
    assert_eq!(
        nested.to_string().matches("\"z\": Boolean").count(),
        1,
        "{nested}"
    );
}

#[test]
fn notes_name_columns_and_kinds() {
    let inferred = infer(
        &ReadOptions::default(),
        "{\"a\":1,\"b\":{\"c\":null}}\n{\"a\":[]}",
    )
    .unwrap();
    let expected = [
        "`a` holds numbers and arrays: text, what is no string as JSON",
        "`b.c` is null in every sampled record: text",
    ];
    assert_eq!(inferred.notes, expected);
}

#[test]
fn options_steer_inference() {
    let input = "{\"a\":1,\"b\":2}\nnot json\n{\"a\":1,\"a\":";
    let off = options(|options| options.common.infer = InferMode::Off);
    assert_eq!(infer(&off, input).unwrap().schema, schema("a:text,b:text"));
    let types = options(|options| options.common.types = Some("b:float64,c:date".to_owned()));
    let inferred = infer(&types, input).unwrap();
    assert_eq!(inferred.schema, schema("a:int64,b:float64,c:date"));
    assert_eq!(inferred.notes, ["`c` of types= is in no sampled record"]);
    let given = options(|options| options.common.schema = Some("z:int8".to_owned()));
    assert_eq!(infer(&given, "x").unwrap().schema, schema("z:int8"));
    assert_eq!(
        infer(&types, "[\n1]").unwrap_err().kind(),
        ErrorKind::InvalidData
    );
    assert_eq!(
        infer(&options(|_| ()), "").unwrap().schema.fields().len(),
        0
    );
    let unknown = options(|options| options.common.types = Some("b:flot".to_owned()));
    assert_eq!(
        JsonLines::new(&unknown).unwrap_err().kind(),
        ErrorKind::Config
    );
}

#[test]
fn windows_are_read_from_their_first_line_feed_on() {
    let format = JsonLines::new(&ReadOptions::default()).unwrap();
    let mut inference = format.infer(&Prologue::default());
    assert_eq!(inference.update(b"{\"a\":1}\n{\"a\":2", false).unwrap(), 8);
    inference.window(b"\"a\":true}\n{\"b\":1}\n{\"c\":1}", false);
    inference.window(b"}\n{\"d\":1}", true);
    assert_eq!(
        inference.finish().unwrap().schema,
        schema("a:int64,b:int64,d:int64")
    );
}
