//! Files that fastavro and polars made: see `tests/data/avro/make.py`.

use arrow_array::cast::AsArray;
use arrow_array::types::{Float64Type, Int64Type};
use arrow_array::{Array, RecordBatch};
use arrow_cast::cast;
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use arrow_schema::DataType;

use super::{ends, read};

fn file(name: &str) -> Vec<u8> {
    std::fs::read(format!("tests/data/avro/{name}")).unwrap()
}

/// Spells a column.
fn column(rows: &RecordBatch, name: &str) -> Vec<String> {
    let options = FormatOptions::default().with_null("~");
    let column = rows.column_by_name(name).unwrap();
    // The formatter knows no names of zones: instants are spelled as numbers.
    let column = match column.data_type() {
        DataType::Timestamp(_, Some(zone)) => {
            assert_eq!(&**zone, "UTC");
            &cast(column, &DataType::Int64).unwrap()
        }
        _ => column,
    };
    let formatter = ArrayFormatter::try_new(column, &options).unwrap();
    (0..rows.num_rows())
        .map(|row| formatter.value(row).to_string())
        .collect()
}

#[test]
fn every_codec_of_fastavro_is_read() {
    for codec in ["null", "deflate", "snappy", "zstandard", "bzip2", "xz"] {
        let file = file(&format!("{codec}.avro"));
        let found = read(&file).unwrap();
        assert!(found.bad.is_empty());
        let ids = found.rows.column(0).as_primitive::<Int64Type>();
        assert!(ids.values().iter().copied().eq(0..1000), "{codec}");
        let names = found.rows.column(1).as_string::<i32>();
        assert!((0..1000).all(|n| match names.is_null(n) {
            true => n % 7 == 3,
            false => names.value(n) == format!("name {n} é"),
        }));
        assert_eq!(ends(&file, 100).last(), Some(&(file.len(), 1000)));
    }
}

#[test]
fn every_type_of_fastavro_is_read() {
    let rows = read(&file("types.avro")).unwrap().rows;
    for (name, first, second) in [
        ("nothing", "~", "~"),
        ("flag", "true", "false"),
        ("int", "-2147483648", "-2147483648"),
        ("long", "9223372036854775807", "9223372036854775807"),
        ("float", "0.5", "0.5"),
        ("double", "-1e300", "-1e300"),
        ("bytes", "00ff", "00ff"),
        ("string", "Zürich 東京", "~"),
        ("fixed", "01020304", "01020304"),
        ("again", "61626364", "~"),
        ("enum", "spades", "hearts"),
        ("array", "[1, ~, -3]", "[]"),
        ("map", "{a: 1, b: -2}", "{}"),
        ("record", "{x: 7, suit: hearts}", "~"),
        ("union", "{string: ~, long: 42, point: ~}", "~"),
        ("short", "-12345678.90", "0.01"),
        (
            "wide",
            "1234567890123456789012345678901234567890.12345",
            "-0.00001",
        ),
        (
            "uuid",
            "00112233-4455-6677-8899-aabbccddeeff",
            "00112233-4455-6677-8899-aabbccddeeff",
        ),
        (
            "uuid16",
            "00112233-4455-6677-8899-aabbccddeeff",
            "00112233-4455-6677-8899-aabbccddeeff",
        ),
        ("date", "2024-02-29", "2024-02-29"),
        ("time_ms", "12:34:56.789", "12:34:56.789"),
        ("time_us", "12:34:56.789", "12:34:56.789"),
        ("ts_ms", "1709210096789", "1709210096789"),
        ("ts_us", "1709210096789000", "~"),
        (
            "local_us",
            "2024-02-29T12:34:56.789",
            "2024-02-29T12:34:56.789",
        ),
        (
            "duration",
            "{months: 1, days: 2, milliseconds: 3}",
            "{months: 1, days: 2, milliseconds: 3}",
        ),
        ("unknown", "5", "5"),
    ] {
        assert_eq!(column(&rows, name)[..2], [first, second], "{name}");
    }
    assert_eq!(
        column(&rows, "union")[2..],
        [
            "{string: text, long: ~, point: ~}",
            "{string: ~, long: ~, point: {x: 1, suit: spades}}"
        ]
    );
}

#[test]
fn values_that_are_no_records_are_one_column() {
    let rows = read(&file("values.avro")).unwrap().rows;
    assert_eq!(column(&rows, "value"), ["[1, 2]", "[]", "[3]"]);
}

#[test]
fn polars_is_read() {
    let rows = read(&file("polars.avro")).unwrap().rows;
    let prices = rows
        .column_by_name("price")
        .unwrap()
        .as_primitive::<Float64Type>();
    assert!((0..100).all(|n| prices.value(n) == n as f64 / 4.0));
    assert_eq!(column(&rows, "name")[2..4], ["name 2", "~"]);
    assert_eq!(column(&rows, "day")[31], "2024-02-01");
    assert_eq!(column(&rows, "tags")[2], "[a, a]");
}
