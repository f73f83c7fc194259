//! Reading and writing JSON arrays through the public interface.

use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use proptest::prelude::*;
use velo_core::{ByteSize, ErrorKind, Result};

use super::{JsonArray, JsonArrayOutput};
use crate::harness::{Outcome, read, read_from, request, schema, written};
use crate::{Compression, DecodeRequest, ReadOptions, StreamFormat, WriteOptions};

const COLUMNS: &str = "a:int64,b:text,c:list(float64)";

fn array() -> JsonArray {
    JsonArray::new(&ReadOptions::default()).unwrap()
}

fn decode(input: &str) -> Result<Outcome> {
    let request = request(&schema(COLUMNS));
    let whole = read(&array(), &request, input.as_bytes(), 1 << 20);
    let bits = read(&array(), &request, input.as_bytes(), 1);
    assert_eq!(whole.is_ok(), bits.is_ok(), "{input}");
    if let (Ok(whole), Ok(bits)) = (&whole, &bits) {
        assert_eq!((&whole.rows, &whole.bad), (&bits.rows, &bits.bad));
    }
    whole
}

fn infer(input: &str) -> Result<String> {
    let format = array();
    let prologue = format.prologue(input.as_bytes(), true)?.unwrap();
    let mut inference = format.infer(&prologue);
    inference.update(&input.as_bytes()[prologue.bytes as usize..], true)?;
    let schema = inference.finish()?.schema;
    let columns = schema.fields().iter();
    let columns = columns.map(|field| format!("{}:{}", field.name(), field.data_type()));
    Ok(columns.collect::<Vec<_>>().join(","))
}

#[test]
fn elements_are_rows_however_they_are_written() {
    for input in [
        "[{\"a\":1,\"b\":\"x\"},{\"a\":2},{\"a\":3}]",
        "\u{feff} \n [\n  {\n    \"a\": 1,\n    \"b\":\n\"x\"\n  },\n  {\"a\"\n:2}\r\n,{\"a\":3}\n]\n\n",
        "[{\"c\":[\n1,2\n],\"a\":1,\"b\":\"x\"},{\"a\":2},{\"a\":3}  ]",
    ] {
        let found = decode(input).unwrap();
        assert_eq!(found.bad, [], "{input}");
        let numbers = found.rows.column(0).as_primitive::<Int64Type>();
        assert_eq!(numbers.values(), &[1, 2, 3], "{input}");
        assert_eq!(found.rows.column(1).as_string::<i32>().value(0), "x");
    }
    let found = decode("[ {\"a\":1},\n{\"a\":2}]").unwrap();
    assert_eq!(found.row_starts, [2, 11]);
    assert_eq!(decode("[ \n]\n").unwrap().rows.num_rows(), 0);
}

#[test]
fn brackets_and_commas_in_strings_are_text() {
    let input = r#"[{"b":"],[{\",}\\"},{"b":"\\\\\",{"}]"#;
    let found = decode(input).unwrap();
    assert_eq!(found.bad, []);
    let texts = found.rows.column(1).as_string::<i32>();
    assert_eq!((texts.value(0), texts.value(1)), ("],[{\",}\\", "\\\\\",{"));
}

#[test]
fn bad_elements_are_bad_rows_with_their_place() {
    let input = "[{\"a\":1},\n {\"a\":\n  true} ,[1,\n2], 7,{\"a\":1}{\"b\":\"x\ny\"},{\"a\":4}]";
    let error = decode(input).unwrap_err();
    assert!(
        error.report().contains("no comma between two elements"),
        "{}",
        error.report()
    );
    let input =
        "[{\"a\":1},\n {\"a\":\n  true} ,[1,\n2], 7,{\"b\":\"x\ny\"},{\"a\":4},{\"b\":\"\u{1}\"}]";
    let found = decode(input).unwrap();
    assert_eq!(found.rows.num_rows(), 2);
    let bad: Vec<_> = found
        .bad
        .iter()
        .map(|bad| (bad.record, bad.byte, std::str::from_utf8(&bad.raw).unwrap()))
        .collect();
    assert_eq!(
        bad,
        [
            (1, 19, "{\"a\":\n  true}"),
            (2, 26, "[1,\n2]"),
            (3, 34, "7"),
            (4, 43, "{\"b\":\"x\ny\"}"),
            (6, 62, "{\"b\":\"\u{1}\"}"),
        ]
    );
    for bad in &found.bad {
        assert_eq!(
            &input.as_bytes()[bad.record_start as usize..][..bad.raw.len()],
            bad.raw
        );
    }
}

#[test]
fn what_is_wrong_with_the_array_is_an_error_with_its_byte() {
    for (input, words, byte) in [
        ("", "there is nothing", 0),
        (" \n", "there is nothing", 2),
        ("{\"a\":1}", "does not begin with `[`", 0),
        ("[", "`]` is missing", 1),
        ("[ ", "`]` is missing", 2),
        ("[{\"a\":1}", "`]` is missing", 8),
        ("[{\"a\":1},", "`]` is missing", 9),
        ("[{\"a\":\"]", "`]` is missing", 8),
        ("[,{}]", "before this comma", 1),
        ("[{},]", "behind the last comma", 4),
        ("[{},,{}]", "before this comma", 4),
        ("[{} {}]", "no comma", 4),
        ("[{}]\n[{}]", "behind the array", 5),
        ("[{}}]", "without its `{`", 3),
    ] {
        let error = decode(input).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData, "{input}");
        let report = error.report();
        assert!(report.contains(words), "{input}: {report}");
        assert!(
            report.contains(&format!("byte {byte}")),
            "{input}: {report}"
        );
    }
}

#[test]
fn every_truncation_is_an_error() {
    let input = "\u{feff}[\n {\"a\": 1, \"b\": \"é]\\\"\"},\n {\"c\": [1, 2]},{}\n]";
    let request = request(&schema(COLUMNS));
    assert!(decode(input).is_ok());
    for end in 0..input.len() {
        for block in [7, 1000] {
            let found = read(&array(), &request, &input.as_bytes()[..end], block);
            assert_eq!(found.unwrap_err().kind(), ErrorKind::InvalidData, "{end}");
        }
    }
}

#[test]
fn depth_and_length_are_limited() {
    let deep = format!("[{{\"b\":{}1{}}}]", "[".repeat(200), "]".repeat(200));
    assert!(
        decode(&deep).unwrap().bad[0]
            .problem
            .contains("deeper than 128")
    );
    let mut options = ReadOptions::default();
    options.common.max_line_length = ByteSize(100);
    let short = JsonArray::new(&options).unwrap();
    let long = format!("[{{\"a\":1}},{{\"b\":\"{}", "x".repeat(200));
    for block in [10, 1000] {
        let request = request(&schema(COLUMNS));
        let error = read(&short, &request, long.as_bytes(), block).unwrap_err();
        assert!(
            error.report().contains("longer than allowed"),
            "{}",
            error.report()
        );
    }
}

#[test]
fn columns_are_found_as_in_lines() {
    assert_eq!(
        infer("[{\"a\":1,\n\"b\":\"x\"},\n{\"a\":2.5,\"c\":[true]}]").unwrap(),
        "a:Float64,b:Utf8,c:List(Boolean)"
    );
    assert_eq!(infer("[]").unwrap(), "");
    assert!(
        infer("[1, 2]")
            .unwrap_err()
            .report()
            .contains("no record is readable")
    );
    assert!(
        infer("[{\"a\":1")
            .unwrap_err()
            .report()
            .contains("is missing")
    );
}

#[test]
fn windows_are_evidence_for_known_keys() {
    let format = array();
    let head = b"[{\"id\":1,\"n\":null,\"in\":[{\"id\":1,\"x\":2}]},{\"id\":2}";
    let prologue = format.prologue(head, false).unwrap().unwrap();
    let mut inference = format.infer(&prologue);
    let consumed = inference.update(&head[1..], false).unwrap();
    assert_eq!(&head[1 + consumed..], b",{\"id\":2}");
    inference.window(
        b"2}]},{\"id\":3,\"n\":1.5},{\"id\":4,\"x\":1},{\"id\":5}]",
        true,
    );
    inference.window(b"no such thing", false);
    let schema = inference.finish().unwrap().schema;
    let names: Vec<_> = schema
        .fields()
        .iter()
        .map(|field| field.name().as_str())
        .collect();
    assert_eq!(names, ["id", "n", "in"]);
    assert_eq!(
        schema.field(1).data_type(),
        &arrow_schema::DataType::Float64
    );
}

#[test]
fn arrays_are_written_whole() {
    let write = |batches: &[RecordBatch], compression| {
        let mut options = WriteOptions::default();
        options.common.compression = Some(compression);
        let output = JsonArrayOutput::new(&options).unwrap();
        written(&output, &batches[0].schema(), batches).unwrap()
    };
    let rows = |values: Vec<i64>| {
        let column: ArrayRef = Arc::new(Int64Array::from(values));
        RecordBatch::try_from_iter([("a", column)]).unwrap()
    };
    let plain = |batches: &[RecordBatch]| {
        let bytes = write(batches, Compression::None);
        String::from_utf8(bytes).unwrap()
    };
    assert_eq!(plain(&[rows(vec![])]), "[]\n");
    assert_eq!(plain(&[rows(vec![1])]), "[\n{\"a\":1}\n]\n");
    assert_eq!(
        plain(&[rows(vec![1, 2]), rows(vec![]), rows(vec![3])]),
        "[\n{\"a\":1},\n{\"a\":2},\n{\"a\":3}\n]\n"
    );
    for compression in [Compression::Gzip, Compression::Zstd] {
        let packed = write(&[rows(vec![1]), rows(vec![2])], compression);
        let input = Box::new(std::io::Cursor::new(packed));
        let mut unpacked = crate::compression::decompressor(compression, input).unwrap();
        let text = std::io::read_to_string(&mut unpacked).unwrap();
        assert_eq!(text, "[\n{\"a\":1},\n{\"a\":2}\n]\n");
    }
}

/// Text that is nearly a JSON array.
fn nearly_array() -> impl Strategy<Value = String> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ",",
        ":",
        "\"",
        "\"a\":",
        "\\",
        "\\\"",
        "1",
        "true",
        " ",
        "\n",
        "\r\n",
        "{}",
        "{\"a\":1}",
        "{\"b\":\"y,]\"}",
        "\u{1}",
        "é",
    ]);
    prop::collection::vec(piece, 0..12).prop_map(|pieces| format!("[{}]", pieces.concat()))
}

proptest! {
    #[test]
    fn what_serde_takes_for_an_array_is_one(input in nearly_array(), block in 1_usize..30) {
        let request = request(&schema(COLUMNS));
        let parsed = serde_json::from_str::<Vec<serde_json::Value>>(&input);
        let found = read(&array(), &request, input.as_bytes(), block);
        match (parsed, found) {
            (Ok(parsed), Ok(found)) => {
                let records = found.rows.num_rows() + found.bad.len();
                prop_assert_eq!(records, parsed.len(), "{}", input);
            }
            (Ok(_), Err(error)) => prop_assert!(false, "{}: {}", input, error.report()),
            // Wrong inside of an element, then.
            (Err(_), Ok(found)) => prop_assert!(!found.bad.is_empty(), "{}", input),
            (Err(_), Err(error)) => prop_assert_eq!(error.kind(), ErrorKind::InvalidData),
        }
    }

    #[test]
    fn rows_come_back_from_anywhere(
        rows in prop::collection::vec((any::<Option<i64>>(), "[a,\\]\\[{}\"\\\\\n é]{0,90}"), 0..20),
        block in 1_usize..200,
        batch_rows in 1_usize..7,
        spread in any::<bool>(),
    ) {
        let (numbers, texts): (Vec<_>, Vec<_>) = rows.into_iter().unzip();
        let numbers: ArrayRef = Arc::new(Int64Array::from(numbers));
        let texts: ArrayRef = Arc::new(StringArray::from(texts));
        let batch = RecordBatch::try_from_iter_with_nullable([("a", numbers, true), ("b", texts, true)]).unwrap();
        let output = JsonArrayOutput::new(&WriteOptions::default()).unwrap();
        let mut input = written(&output, &batch.schema(), std::slice::from_ref(&batch)).unwrap();
        if spread {
            let value: serde_json::Value = serde_json::from_slice(&input).unwrap();
            input = serde_json::to_vec_pretty(&value).unwrap();
        }
        let request = DecodeRequest { batch_rows, ..request(&batch.schema()) };
        let found = read(&array(), &request, &input, block).unwrap();
        prop_assert_eq!(&found.bad, &[]);
        prop_assert_eq!(&found.rows, &batch);
        for (at, records) in &found.marks {
            let rest = DecodeRequest { start: *at, ..request.clone() };
            let rest = read_from(&array(), &rest, &input[*at as usize..], block).unwrap();
            prop_assert_eq!(rest.rows, batch.slice(*records, batch.num_rows() - records));
        }
    }

    #[test]
    fn foreign_bytes_never_panic(input in prop::collection::vec(any::<u8>(), 0..200), block in 1_usize..90) {
        let mut bytes = b"[".to_vec();
        bytes.extend(&input);
        let request = request(&schema(COLUMNS));
        if let Err(error) = read(&array(), &request, &bytes, block) {
            prop_assert_eq!(error.kind(), ErrorKind::InvalidData);
        }
        let mut inference = array().infer(&crate::Prologue::default());
        inference.window(&input, true);
        let _ = inference.update(&input, true);
        inference.window(&input, true);
        let _ = inference.finish();
    }
}
