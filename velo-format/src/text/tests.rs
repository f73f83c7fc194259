//! What both text formats write reads back as the same values, whatever the layout and chunking.

use std::io::Read;
use std::sync::Arc;

use arrow_array::builder::{Int32Builder, MapBuilder, StringBuilder, UnionBuilder};
use arrow_array::types::{
    Float16Type, Float64Type, Int8Type, Int32Type, IntervalDayTimeType, IntervalMonthDayNanoType,
};
use arrow_array::{
    Array, ArrayRef, BinaryArray, BinaryViewArray, BooleanArray, Date32Array, Date64Array,
    Decimal32Array, Decimal64Array, Decimal128Array, Decimal256Array, DictionaryArray,
    DurationMillisecondArray, FixedSizeBinaryArray, FixedSizeListArray, Float16Array, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, IntervalDayTimeArray,
    IntervalMonthDayNanoArray, IntervalYearMonthArray, LargeBinaryArray, LargeStringArray,
    ListArray, ListViewArray, NullArray, PrimitiveArray, RecordBatch, RunArray, StringArray,
    StringViewArray, StructArray, Time32MillisecondArray, Time64NanosecondArray,
    TimestampMicrosecondArray, TimestampSecondArray, UInt8Array, UInt16Array, UInt32Array,
    UInt64Array,
};
use arrow_buffer::{NullBuffer, i256};
use arrow_schema::{DataType, Field, Schema};
use proptest::prelude::{Strategy, any, prop, proptest};
use serde_json::{Value, json};
use velo_core::ErrorKind;

use crate::csv::CsvOutput;
use crate::harness::Shared;
use crate::jsonl::JsonLinesOutput;
use crate::{Compression, OutputFormat, WriteOptions};

type F16 = <Float16Type as arrow_array::ArrowPrimitiveType>::Native;

fn csv(change: impl FnOnce(&mut WriteOptions)) -> CsvOutput {
    let mut options = WriteOptions::default();
    change(&mut options);
    CsvOutput::new(&options).unwrap()
}

fn jsonl(change: impl FnOnce(&mut WriteOptions)) -> JsonLinesOutput {
    let mut options = WriteOptions::default();
    change(&mut options);
    JsonLinesOutput::new(&options).unwrap()
}

/// Writes a file of one chunk for each of the slices.
fn file(output: &dyn OutputFormat, schema: &Arc<Schema>, chunks: &[Vec<RecordBatch>]) -> Vec<u8> {
    let shared = Shared::default();
    let mut file = output.file(schema, Box::new(shared.clone())).unwrap();
    let mut encoder = output.chunks(schema).unwrap();
    let mut rows = 0;
    for chunk in chunks {
        for batch in chunk {
            encoder.write(batch).unwrap();
            rows += batch.num_rows() as u64;
        }
        file.append(encoder.finish().unwrap()).unwrap();
        assert_eq!(file.rows(), rows);
    }
    let length = file.finish().unwrap();
    let bytes = shared.0.lock().unwrap().clone();
    assert_eq!(length, bytes.len() as u64);
    bytes
}

fn written(output: &dyn OutputFormat, batch: &RecordBatch) -> String {
    let bytes = file(output, batch.schema_ref(), &[vec![batch.clone()]]);
    String::from_utf8(bytes).unwrap()
}

fn one_column(array: ArrayRef) -> RecordBatch {
    let field = Field::new("c", array.data_type().clone(), true);
    RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![array]).unwrap()
}

/// The text of each value of a column, between the braces of its line.
fn json_values(array: ArrayRef) -> Vec<String> {
    let text = written(&jsonl(|_| {}), &one_column(array));
    let lines = text.lines().map(|line| {
        let _: Value = serde_json::from_str(line).unwrap();
        let value = line.strip_prefix("{\"c\":").unwrap();
        value.strip_suffix('}').unwrap().to_owned()
    });
    lines.collect()
}

/// RFC 4180, nothing else: a field is its text and whether it stood between quotes.
fn parse_csv(text: &str) -> Vec<Vec<(String, bool)>> {
    let mut rows = vec![vec![]];
    let mut field = (String::new(), false);
    let mut characters = text.chars().peekable();
    let mut open = false;
    while let Some(character) = characters.next() {
        match character {
            '"' if open && characters.peek() == Some(&'"') => {
                field.0.extend(characters.next());
            }
            '"' => (open, field.1) = (!open, true),
            ',' | '\n' if !open => {
                rows.last_mut().unwrap().push(std::mem::take(&mut field));
                if character == '\n' {
                    rows.push(vec![]);
                }
            }
            other => {
                assert!(open || !field.1, "text behind a closing quote");
                field.0.push(other);
            }
        }
    }
    assert!(!open && field.0.is_empty());
    assert_eq!(rows.pop(), Some(vec![]));
    rows
}

/// What a reader of typed columns makes of a field.
fn csv_value((text, quoted): &(String, bool)) -> Option<&str> {
    let null = ["", "NA", "N/A", "NULL", "null", "\\N"].contains(&text.as_str());
    (*quoted || !null).then_some(text.as_str())
}

fn csv_values(array: ArrayRef) -> Vec<Option<String>> {
    let rows = parse_csv(&written(&csv(|_| {}), &one_column(array)));
    let values = rows[1..].iter().map(|row| {
        assert_eq!(row.len(), 1);
        csv_value(&row[0]).map(str::to_owned)
    });
    values.collect()
}

/// An array, its values' text in CSV, and whether JSON puts quotes around them.
type Sample = (ArrayRef, &'static [&'static str], bool);

/// The values with a null before them.
fn some<const N: usize, T>(values: [T; N]) -> Vec<Option<T>> {
    let nulls = std::iter::once(None);
    nulls.chain(values.into_iter().map(Some)).collect()
}

fn integers() -> Vec<Sample> {
    vec![
        (
            Arc::new(BooleanArray::from(some([true, false]))),
            &["true", "false"],
            false,
        ),
        (
            Arc::new(Int8Array::from(some([-128, 127]))),
            &["-128", "127"],
            false,
        ),
        (
            Arc::new(Int16Array::from(some([i16::MIN]))),
            &["-32768"],
            false,
        ),
        (
            Arc::new(Int32Array::from(some([i32::MIN]))),
            &["-2147483648"],
            false,
        ),
        (
            Arc::new(Int64Array::from(some([i64::MIN]))),
            &["-9223372036854775808"],
            false,
        ),
        (Arc::new(UInt8Array::from(some([255]))), &["255"], false),
        (
            Arc::new(UInt16Array::from(some([65535]))),
            &["65535"],
            false,
        ),
        (
            Arc::new(UInt32Array::from(some([u32::MAX]))),
            &["4294967295"],
            false,
        ),
        (
            Arc::new(UInt64Array::from(some([u64::MAX]))),
            &["18446744073709551615"],
            false,
        ),
    ]
}

fn fractions() -> Vec<Sample> {
    let half = some([F16::from_f64(0.1), F16::MAX, F16::MIN_POSITIVE_SUBNORMAL]);
    let decimal32 = Decimal32Array::from(some([-5, 0])).with_precision_and_scale(9, 2);
    let decimal64 = Decimal64Array::from(some([123_456])).with_precision_and_scale(18, 10);
    let decimal128 = Decimal128Array::from(some([7, -1])).with_precision_and_scale(38, -3);
    let decimal256 = Decimal256Array::from(some([i256::MAX])).with_precision_and_scale(76, 0);
    vec![
        (
            Arc::new(Float16Array::from(half)),
            &["0.1", "65500.0", "6e-8"],
            false,
        ),
        (
            Arc::new(Float32Array::from(some([0.1, -0.0]))),
            &["0.1", "-0.0"],
            false,
        ),
        (
            Arc::new(Float64Array::from(some([
                17.0, 0.1, 1e300, -0.0, 0.0, -2.25, 5e-324,
            ]))),
            &["17.0", "0.1", "1e300", "-0.0", "0.0", "-2.25", "5e-324"],
            false,
        ),
        (Arc::new(decimal32.unwrap()), &["-0.05", "0.00"], false),
        (Arc::new(decimal64.unwrap()), &["0.0000123456"], false),
        (Arc::new(decimal128.unwrap()), &["7000", "-1000"], false),
        (
            Arc::new(decimal256.unwrap()),
            &["57896044618658097711785492504343953926634992332820282019728792003956564819967"],
            false,
        ),
    ]
}

fn times_and_binary() -> Vec<Sample> {
    let fixed = FixedSizeBinaryArray::try_from_sparse_iter_with_size(
        some([b"ab", b"\xff\xff"]).into_iter(),
        2,
    );
    // The second is empty, the third spells null in base64.
    let bytes = || some([&b"\0\xff"[..], b"", b"\x9e\xe9\x65"]);
    vec![
        (
            Arc::new(Date32Array::from(some([15_736]))),
            &["2013-01-31"],
            true,
        ),
        (
            Arc::new(Date64Array::from(some([86_400_000, -1]))),
            &["1970-01-02", "1969-12-31T23:59:59.999"],
            true,
        ),
        (
            Arc::new(Time32MillisecondArray::from(some([1]))),
            &["00:00:00.001"],
            true,
        ),
        (
            Arc::new(Time64NanosecondArray::from(some([0]))),
            &["00:00:00.000000000"],
            true,
        ),
        (
            Arc::new(TimestampSecondArray::from(some([0]))),
            &["1970-01-01T00:00:00"],
            true,
        ),
        (
            Arc::new(TimestampMicrosecondArray::from(some([-1])).with_timezone("+02:00")),
            &["1969-12-31T23:59:59.999999Z"],
            true,
        ),
        (
            Arc::new(DurationMillisecondArray::from(some([-1500]))),
            &["-PT1.500S"],
            true,
        ),
        (
            Arc::new(BinaryArray::from(bytes())),
            &["AP8=", "", "null"],
            true,
        ),
        (
            Arc::new(LargeBinaryArray::from(bytes())),
            &["AP8=", "", "null"],
            true,
        ),
        (
            Arc::new(BinaryViewArray::from(bytes())),
            &["AP8=", "", "null"],
            true,
        ),
        (Arc::new(fixed.unwrap()), &["YWI=", "//8="], true),
    ]
}

#[test]
fn every_scalar_type_has_its_text() {
    let samples = [integers(), fractions(), times_and_binary()];
    for (array, expected, quoted) in samples.into_iter().flatten() {
        let kind = array.data_type().clone();
        let sliced = array.slice(1, array.len() - 1);
        let csv = csv_values(array.clone());
        assert_eq!(csv[0], None, "{kind}");
        let text: Vec<_> = csv[1..].iter().map(|value| value.as_deref()).collect();
        let wanted: Vec<_> = expected.iter().copied().map(Some).collect();
        assert_eq!(text, wanted, "{kind}");
        assert_eq!(csv_values(sliced.clone()), csv[1..], "{kind}");
        let json = json_values(array);
        assert_eq!(json[0], "null", "{kind}");
        for (value, expected) in json[1..].iter().zip(expected) {
            let expected = match quoted {
                true => format!("\"{expected}\""),
                false => (*expected).to_owned(),
            };
            assert_eq!(*value, expected, "{kind}");
        }
        assert_eq!(json_values(sliced), json[1..], "{kind}");
    }
}

#[test]
fn indirect_columns_are_written_as_their_values() {
    let words: DictionaryArray<Int8Type> = [Some("a"), None, Some("NA"), Some("a")]
        .into_iter()
        .collect();
    let numbers = DictionaryArray::<Int8Type>::new(
        Int8Array::from(vec![1, 0]),
        Arc::new(Int32Array::from(vec![None, Some(7)])),
    );
    let nothing = DictionaryArray::<Int8Type>::new(
        Int8Array::from(vec![None, None]),
        Arc::new(StringArray::from(Vec::<&str>::new())),
    );
    let runs = RunArray::<Int32Type>::try_new(
        &Int32Array::from(vec![2, 3, 5]),
        &StringArray::from(vec![Some("x"), None, Some("y")]),
    );
    let runs: ArrayRef = Arc::new(runs.unwrap());
    let cases: [(ArrayRef, &[Option<&str>]); 6] = [
        (Arc::new(words), &[Some("a"), None, Some("NA"), Some("a")]),
        (Arc::new(numbers), &[Some("7"), None]),
        (Arc::new(nothing), &[None, None]),
        (
            runs.clone(),
            &[Some("x"), Some("x"), None, Some("y"), Some("y")],
        ),
        (runs.slice(1, 3), &[Some("x"), None, Some("y")]),
        (Arc::new(NullArray::new(2)), &[None, None]),
    ];
    for (array, expected) in cases {
        let csv = csv_values(array.clone());
        let text: Vec<_> = csv.iter().map(|value| value.as_deref()).collect();
        assert_eq!(text, expected, "{}", array.data_type());
        let json = json_values(array)
            .into_iter()
            .map(|value| match value.as_str() {
                "null" => None,
                value => Some(value.trim_matches('"').to_owned()),
            });
        assert!(json.eq(csv));
    }
}

/// Three rows of each nested type, and what they are in JSON.
fn nested() -> Vec<(&'static str, ArrayRef, [Value; 3])> {
    let (structs, map, union) = (structs(), maps(), unions());
    let lists = ListArray::from_iter_primitive::<Int32Type, _, _>([
        Some(vec![Some(1), None]),
        None,
        Some(vec![]),
    ]);
    let fixed = FixedSizeListArray::from_iter_primitive::<Int32Type, _, _>(
        [
            Some(vec![Some(1), Some(2)]),
            None,
            Some(vec![None, Some(4)]),
        ],
        2,
    );
    let views = ListViewArray::new(
        Arc::new(Field::new_list_field(DataType::Float64, true)),
        vec![1, 0, 0].into(),
        vec![2, 1, 0].into(),
        Arc::new(Float64Array::from(vec![0.5, 1.0, 2.0])),
        None,
    );
    vec![
        (
            "struct",
            structs,
            [
                json!({"x": 1, "k\"ey": null}),
                json!({"x": null, "k\"ey": null}),
                json!(null),
            ],
        ),
        (
            "list",
            Arc::new(lists),
            [json!([1, null]), json!(null), json!([])],
        ),
        (
            "fixed",
            Arc::new(fixed),
            [json!([1, 2]), json!(null), json!([null, 4])],
        ),
        (
            "views",
            Arc::new(views),
            [json!([1.0, 2.0]), json!([0.5]), json!([])],
        ),
        (
            "map",
            map,
            [json!({"5": "five", "-6": null}), json!(null), json!({})],
        ),
        ("union", union, [json!(1), json!(2.5), json!(null)]),
    ]
}

fn structs() -> ArrayRef {
    let inner = StructArray::from(vec![
        (
            Arc::new(Field::new("x", DataType::Int32, true)),
            Arc::new(Int32Array::from(vec![Some(1), None, Some(3)])) as ArrayRef,
        ),
        (
            Arc::new(Field::new("k\"ey", DataType::Utf8, true)),
            Arc::new(StringArray::from(vec![None, None, Some("\n")])),
        ),
    ]);
    let (fields, columns, _) = inner.into_parts();
    let nulls = NullBuffer::from(vec![true, true, false]);
    Arc::new(StructArray::new(fields, columns, Some(nulls)))
}

fn maps() -> ArrayRef {
    let mut map = MapBuilder::new(None, Int32Builder::new(), StringBuilder::new());
    map.keys().append_value(5);
    map.values().append_value("five");
    map.keys().append_value(-6);
    map.values().append_null();
    map.append(true).unwrap();
    map.append(false).unwrap();
    map.append(true).unwrap();
    Arc::new(map.finish())
}

fn unions() -> ArrayRef {
    let mut union = UnionBuilder::new_dense();
    union.append::<Int32Type>("i", 1).unwrap();
    union.append::<Float64Type>("f", 2.5).unwrap();
    union.append_null::<Int32Type>("i").unwrap();
    Arc::new(union.build().unwrap())
}

#[test]
fn nested_columns_become_json() {
    for (name, array, expected) in &nested() {
        let fields = vec![Field::new(*name, array.data_type().clone(), true)];
        let schema = Arc::new(Schema::new(fields));
        let batch = RecordBatch::try_new(schema.clone(), vec![array.clone()]).unwrap();
        for (from, count) in [(0, 3), (1, 2), (2, 1)] {
            let text = written(&jsonl(|_| {}), &batch.slice(from, count));
            let rows = text
                .lines()
                .map(|line| serde_json::from_str::<Value>(line).unwrap());
            let expected = expected[from..].iter().map(|value| json!({*name: value}));
            assert!(rows.eq(expected), "{text}");
        }
        let without = jsonl(|options| options.json.write_nulls = false);
        for line in written(&without, &batch).lines() {
            let row: Value = serde_json::from_str(line).unwrap();
            assert_ne!(row[*name], json!({"x": null, "k\"ey": null}));
            assert!(
                row.as_object()
                    .unwrap()
                    .values()
                    .all(|value| !value.is_null())
            );
        }
        let error = csv(|_| {}).check(&schema).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.context("column"), Some(*name));
        assert!(error.context("type").is_some() && error.hint().is_some());
    }
}

#[test]
fn intervals_are_text_in_json_and_refused_by_csv() {
    let months = IntervalYearMonthArray::from(vec![14]);
    let days = IntervalDayTimeArray::from(vec![IntervalDayTimeType::make_value(-1, 1500)]);
    let all =
        IntervalMonthDayNanoArray::from(vec![IntervalMonthDayNanoType::make_value(1, -2, -3)]);
    let cases: [(ArrayRef, &str); 3] = [
        (Arc::new(months), "\"P14M\""),
        (Arc::new(days), "\"P-1DT1.500000000S\""),
        (Arc::new(all), "\"P1M-2DT-0.000000003S\""),
    ];
    for (array, expected) in cases {
        let error = csv(|_| {})
            .check(one_column(array.clone()).schema_ref())
            .unwrap_err();
        assert_eq!(error.context("column"), Some("c"));
        assert_eq!(json_values(array), [expected]);
    }
}

#[test]
fn values_without_a_text_are_errors_and_leave_the_chunk_as_it_was() {
    let good = Arc::new(Float64Array::from(vec![1.5]));
    let schema = one_column(good.clone()).schema();
    for bad in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        let mut chunks = jsonl(|_| {}).chunks(&schema).unwrap();
        let bad = one_column(Arc::new(Float64Array::from(vec![2.5, bad])));
        chunks.write(&one_column(good.clone())).unwrap();
        let error = chunks.write(&bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(error.context("column"), Some("c"));
        chunks.write(&one_column(good.clone())).unwrap();
        let chunk = chunks.finish().unwrap();
        assert_eq!(
            (chunk.rows, chunk.bytes),
            (2, 2 * "{\"c\":1.5}\n".len() as u64)
        );
    }
    let hidden = PrimitiveArray::<Float64Type>::new(
        vec![f64::NAN, 1.0].into(),
        Some(NullBuffer::from(vec![false, true])),
    );
    assert_eq!(json_values(Arc::new(hidden)), ["null", "1.0"]);
    let all = Float64Array::from(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY]);
    assert_eq!(
        written(&csv(|_| {}), &one_column(Arc::new(all))),
        "c\nNaN\ninf\n-inf\n"
    );
    let late = one_column(Arc::new(Time32MillisecondArray::from(vec![86_400_000])));
    for output in [&csv(|_| {}) as &dyn OutputFormat, &jsonl(|_| {})] {
        let error = output
            .chunks(late.schema_ref())
            .unwrap()
            .write(&late)
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(error.context("column"), Some("c"));
        let mut chunks = output.chunks(&schema).unwrap();
        assert_eq!(
            chunks.write(&late).unwrap_err().kind(),
            ErrorKind::Unexpected
        );
    }
}

#[test]
fn files_begin_with_their_header_even_without_rows() {
    let fields = ["a", "b,c", "", "null"].map(|name| Field::new(name, DataType::Utf8, true));
    let schema = Arc::new(Schema::new(fields.to_vec()));
    let header = "a,\"b,c\",\"\",\"null\"\n";
    assert_eq!(file(&csv(|_| {}), &schema, &[]), header.as_bytes());
    let bare = csv(|options| options.csv.header = false);
    assert_eq!(file(&bare, &schema, &[]), b"");
    let tabs = csv(|options| options.csv.delimiter = Some("\\t".to_owned()));
    assert_eq!(file(&tabs, &schema, &[]), b"a\tb,c\t\"\"\t\"null\"\n");
    assert_eq!(tabs.extension(), "tsv");
    assert_eq!(file(&jsonl(|_| {}), &schema, &[]), b"");
    let none = Schema::empty();
    assert_eq!(
        csv(|_| {}).check(&none).unwrap_err().kind(),
        ErrorKind::Unsupported
    );
    let twice = Schema::new(vec![fields[0].clone(), fields[0].clone()]);
    assert!(jsonl(|_| {}).check(&twice).is_err());
}

#[test]
fn compressed_files_are_never_empty() {
    let schema = Arc::new(Schema::new(vec![Field::new("c", DataType::Utf8, true)]));
    for compression in [Compression::Gzip, Compression::Zstd] {
        let output = jsonl(|options| options.common.compression = Some(compression));
        let bytes = file(&output, &schema, &[]);
        assert!(!bytes.is_empty());
        assert_eq!(decompress(compression, &bytes), b"");
        let mut options = WriteOptions::default();
        options.common.compression = Some(compression);
        options.common.compression_level = Some(99);
        assert_eq!(
            CsvOutput::new(&options).err().unwrap().kind(),
            ErrorKind::Config
        );
        assert_eq!(
            JsonLinesOutput::new(&options).err().unwrap().kind(),
            ErrorKind::Config
        );
    }
}

#[test]
fn chunks_of_another_format_are_refused() {
    let batch = one_column(Arc::new(Int32Array::from(vec![1])));
    let mut chunks = csv(|_| {}).chunks(batch.schema_ref()).unwrap();
    chunks.write(&batch).unwrap();
    let out = Box::new(Shared::default());
    let mut file = jsonl(|_| {}).file(batch.schema_ref(), out).unwrap();
    let error = file.append(chunks.finish().unwrap()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unexpected);
}

#[test]
fn values_that_hold_the_delimiter_or_spell_null_are_quoted() {
    let times = one_column(Arc::new(Time32MillisecondArray::from(vec![Some(0), None])));
    let colon = csv(|options| options.csv.delimiter = Some(":".to_owned()));
    assert_eq!(written(&colon, &times), "c\n\"00:00:00.000\"\n\n");
    let zeros = one_column(Arc::new(Int32Array::from(vec![Some(0), None, Some(-1)])));
    let zero = csv(|options| options.csv.null = "0".to_owned());
    assert_eq!(written(&zero, &zeros), "c\n\"0\"\n0\n-1\n");
}

#[test]
fn shortest_half_floats_read_back() {
    for bits in 0..=u16::MAX {
        let value = F16::from_bits(bits);
        let mut text = super::Text::new(0);
        crate::scalar::write::float16(value, &mut text);
        let text = String::from_utf8(text.into_vec()).unwrap();
        let read = F16::from_f64(text.parse().unwrap());
        assert!(
            read.to_bits() == bits || (read.is_nan() && value.is_nan()),
            "{text}"
        );
        let digits = text.replace(['-', '.'], "");
        assert!(digits.trim_matches('0').len() <= 5, "{text}");
    }
}

fn decompress(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    let input = Box::new(std::io::Cursor::new(bytes.to_vec()));
    let mut plain = Vec::new();
    let mut input = crate::compression::decompressor(compression, input).unwrap();
    input.read_to_end(&mut plain).unwrap();
    plain
}

fn strings() -> impl Strategy<Value = Vec<Option<String>>> {
    let string = prop::sample::select(vec![
        "",
        "NA",
        "\\N",
        "null",
        " x",
        "x ",
        "\u{feff}x",
        "007",
    ]);
    let any_string =
        prop::string::string_regex("(?s)[ -~\n\r\té,\"\\\\\u{0}-\u{1f}😀]{0,40}").unwrap();
    let either = proptest::prop_oneof![string.prop_map(str::to_owned), any_string];
    prop::collection::vec(prop::option::of(either), 0..12)
}

fn layouts(values: &[Option<String>]) -> Vec<ArrayRef> {
    let values = || values.iter().map(|value| value.as_deref());
    vec![
        Arc::new(values().collect::<StringArray>()),
        Arc::new(values().collect::<LargeStringArray>()),
        Arc::new(values().collect::<StringViewArray>()),
        Arc::new(values().collect::<DictionaryArray<Int32Type>>()),
    ]
}

proptest! {
    #[test]
    fn strings_read_back(values in strings()) {
        for array in layouts(&values) {
            assert_eq!(csv_values(array.clone()), values);
            let json = json_values(array.clone());
            let json = json.iter().map(|value| serde_json::from_str::<Option<String>>(value).unwrap());
            assert!(json.eq(values.iter().cloned()));
            let two = RecordBatch::try_from_iter_with_nullable([
                ("a", array.clone(), true), ("b", array, true),
            ]).unwrap();
            let rows = parse_csv(&written(&csv(|_| {}), &two));
            assert_eq!(rows.len(), values.len() + 1);
            for (row, value) in rows[1..].iter().zip(&values) {
                let expected = value.as_deref();
                assert_eq!(row.iter().map(csv_value).collect::<Vec<_>>(), [expected, expected]);
            }
        }
    }

    #[test]
    fn floats_read_back(bits: u64, cents in -1_000_000_000_000_000_i64..1_000_000_000_000_000) {
        let money = cents as f64 / 100.0;
        for value in [f64::from_bits(bits), money] {
            let array = Float64Array::from(vec![value]);
            let text = csv_values(Arc::new(array)).remove(0).unwrap();
            let read: f64 = text.parse().unwrap();
            assert!(read.to_bits() == value.to_bits() || (read.is_nan() && value.is_nan()), "{text}");
            if value.is_finite() {
                assert_eq!(text, ryu::Buffer::new().format_finite(value));
            }
        }
        let narrow = f32::from_bits(bits as u32);
        let text = csv_values(Arc::new(Float32Array::from(vec![narrow]))).remove(0).unwrap();
        let read: f32 = text.parse().unwrap();
        assert!(read.to_bits() == narrow.to_bits() || (read.is_nan() && narrow.is_nan()), "{text}");
    }

    #[test]
    fn any_chunking_gives_the_same_file(
        values in prop::collection::vec((any::<Option<i64>>(), strings()), 1..4),
        cuts in prop::collection::vec(any::<bool>(), 3),
    ) {
        let batches: Vec<_> = values.iter().map(|(number, strings)| {
            let numbers: Int64Array = strings.iter().map(|_| *number).collect();
            let strings: StringArray = strings.iter().collect();
            RecordBatch::try_from_iter_with_nullable([
                ("n", Arc::new(numbers) as ArrayRef, true), ("s", Arc::new(strings), true),
            ]).unwrap()
        }).collect();
        let schema = batches[0].schema();
        let mut chunks = vec![vec![]];
        for (batch, cut) in batches.iter().zip(cuts) {
            chunks.last_mut().unwrap().push(batch.clone());
            if cut {
                chunks.push(vec![]);
            }
        }
        for compression in [Compression::None, Compression::Gzip, Compression::Zstd, Compression::Lz4] {
            let csv = csv(|options| options.common.compression = Some(compression));
            let jsonl = jsonl(|options| options.common.compression = Some(compression));
            for output in [&csv as &dyn OutputFormat, &jsonl] {
                let whole = file(output, &schema, std::slice::from_ref(&batches));
                let pieces = file(output, &schema, &chunks);
                assert_eq!(decompress(compression, &whole), decompress(compression, &pieces));
            }
        }
    }
}
