//! What is written comes back.

use std::sync::Arc;

use arrow_array::{
    Array, ArrayRef, Date64Array, Int32Array, Int64Array, NullArray, RecordBatch, StringArray,
    TimestampSecondArray,
};
use arrow_cast::cast;
use arrow_schema::{DataType, Field, Schema, SchemaRef, TimeUnit};
use proptest::prelude::{any, proptest};
use proptest::test_runner::Config;
use velo_core::ErrorKind;
use velo_testkit::data;

use super::{ends, queried, read, read_part, schema, write};
use crate::OutputFormat;
use crate::avro::AvroOutput;

const CODECS: [&str; 6] = [
    "codec=null",
    "codec=snappy",
    "codec=deflate&codec_level=1",
    "codec=zstandard",
    "codec=bzip2&codec_level=1",
    "codec=xz&codec_level=0",
];

/// Gives the type that a column comes back as; `None` if it is not written.
fn nearest(of: &DataType) -> Option<DataType> {
    use DataType as T;
    let item = |of: &Field| {
        let kind = nearest(of.data_type())?;
        Some(Arc::new(Field::new("item", kind, of.is_nullable())))
    };
    Some(match of {
        T::Int8 | T::Int16 | T::UInt8 | T::UInt16 => T::Int32,
        T::UInt32 => T::Int64,
        T::UInt64 => T::Decimal128(20, 0),
        T::Float16 => T::Float32,
        T::Decimal32(precision, scale) | T::Decimal64(precision, scale) => {
            T::Decimal128(*precision, *scale)
        }
        T::Date64 => T::Date32,
        T::Time32(_) => T::Time32(TimeUnit::Millisecond),
        T::Time64(TimeUnit::Nanosecond) | T::Duration(_) => return None,
        T::LargeUtf8 | T::Utf8View => T::Utf8,
        T::LargeBinary | T::BinaryView => T::Binary,
        T::Timestamp(unit, zone) => {
            let unit = (*unit).max(TimeUnit::Millisecond);
            T::Timestamp(unit, zone.as_ref().map(|_| "UTC".into()))
        }
        T::List(of) | T::LargeList(of) | T::FixedSizeList(of, _) => T::List(item(of)?),
        T::Dictionary(_, values) => nearest(values)?,
        other => other.clone(),
    })
}

fn writable() -> Vec<DataType> {
    let types = data::supported_types().into_iter();
    types.filter(|of| nearest(of).is_some()).collect()
}

fn expected(rows: &RecordBatch) -> RecordBatch {
    let pairs = rows.schema_ref().fields().iter().zip(rows.columns());
    let columns = pairs.map(|(field, column)| {
        let kind = nearest(field.data_type()).unwrap();
        let column = cast(column, &kind).unwrap();
        (Field::new(field.name(), kind, field.is_nullable()), column)
    });
    let (fields, columns): (Vec<Field>, Vec<ArrayRef>) = columns.unzip();
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
}

#[test]
fn every_type_comes_back_in_every_codec() {
    let rows = data::rows(&writable(), 300, 7).unwrap();
    for codec in CODECS {
        let query = format!("{codec}&block_size=20KiB");
        let file = write(
            &query,
            &rows.schema(),
            &[rows.slice(0, 100), rows.slice(100, 200)],
        );
        let found = read(&file.unwrap()).unwrap();
        assert!(found.bad.is_empty());
        assert_eq!(found.rows.schema(), expected(&rows).schema(), "{codec}");
        assert_eq!(found.rows, expected(&rows), "{codec}");
    }
}

proptest! {
    #![proptest_config(Config::with_cases(60))]

    #[test]
    fn any_rows_come_back_however_they_are_cut(
        rows in data::record_batches(writable(), 400),
        codec in 0..CODECS.len(),
        (batch_rows, block) in (1_usize..200, 30_usize..5000),
        from in any::<usize>(),
    ) {
        if rows.num_columns() == 0 {
            return Ok(());
        }
        let query = format!("{}&block_size=1KiB", CODECS[codec]);
        let file = write(&query, &rows.schema(), std::slice::from_ref(&rows)).unwrap();
        let columns = schema(&file).unwrap();
        let found = read_part(&file, None, &columns, (batch_rows, block)).unwrap();
        let expected = expected(&rows);
        assert_eq!(&found.rows, &expected);
        assert_eq!((found.records, found.bad.len()), (rows.num_rows(), 0));
        // Decoding goes on at any mark and at any end that the splitter finds.
        let mut places = found.marks.clone();
        let ends = ends(&file, block);
        assert_eq!(ends.last().map_or(0, |end| end.1), rows.num_rows() as u64);
        places.extend(ends.iter().map(|(at, records)| (*at, *records as usize)));
        if let Some((at, before)) = places.get(from % places.len().max(1)) {
            let rest = read_part(&file, Some(*at), &columns, (batch_rows, block)).unwrap();
            assert_eq!(rest.rows, expected.slice(*before, rows.num_rows() - before));
        }
    }
}

#[test]
fn equal_rows_make_equal_files_and_others_another_marker() {
    let rows = |seed| data::rows(&[DataType::Int64], 100, seed).unwrap();
    let file = |seed| write("", &rows(seed).schema(), &[rows(seed)]).unwrap();
    assert_eq!(file(1), file(1));
    let marker = |file: &[u8]| file[file.len() - 16..].to_vec();
    assert_ne!(marker(&file(1)), marker(&file(2)));
}

#[test]
fn no_rows_are_a_file_with_columns() {
    let schema = Arc::new(data::numbered_schema());
    let found = read(&write("", &schema, &[]).unwrap()).unwrap();
    assert_eq!((found.rows.num_rows(), found.rows.schema()), (0, schema));
}

#[test]
fn rows_without_bytes_are_counted() {
    let column: ArrayRef = Arc::new(NullArray::new(3_000_000));
    let rows = RecordBatch::try_from_iter([("nothing", column)]).unwrap();
    let file = write("", &rows.schema(), &[rows]).unwrap();
    assert!(file.len() < 10_000, "{}", file.len());
    assert_eq!(read(&file).unwrap().rows.num_rows(), 3_000_000);
}

#[test]
fn columns_that_nobody_wants_are_passed_over() {
    let mut types = writable();
    types.push(DataType::Int64);
    let rows = data::rows(&types, 50, 3).unwrap();
    let file = write("", &rows.schema(), std::slice::from_ref(&rows)).unwrap();
    let all = expected(&rows);
    for column in 0..types.len() {
        let one = Arc::new(all.schema().project(&[column]).unwrap());
        let found = read_part(&file, None, &one, (20, 100)).unwrap();
        assert_eq!(found.rows, all.project(&[column]).unwrap());
    }
}

#[test]
fn columns_come_in_the_order_and_types_asked_for() {
    let rows = data::rows(&[DataType::Int32, DataType::Float32], 20, 3).unwrap();
    let file = write("", &rows.schema(), std::slice::from_ref(&rows)).unwrap();
    let wanted = |fields: Vec<Field>| -> SchemaRef { Arc::new(Schema::new(fields)) };
    let wide = wanted(vec![
        Field::new("c1", DataType::Float64, true),
        Field::new("late", DataType::Utf8, true),
        Field::new("c0", DataType::Int64, true),
    ]);
    let found = read_part(&file, None, &wide, (20, 1000)).unwrap().rows;
    assert_eq!(
        found.column(0),
        &cast(rows.column(1), &DataType::Float64).unwrap()
    );
    assert_eq!(found.column(1).null_count(), 20);
    assert_eq!(
        found.column(2),
        &cast(rows.column(0), &DataType::Int64).unwrap()
    );
    let narrow = wanted(vec![Field::new("c0", DataType::Int16, true)]);
    let error = read_part(&file, None, &narrow, (20, 1000)).unwrap_err();
    assert_eq!(error.context("column"), Some("c0"));
}

#[test]
fn what_avro_cannot_hold_is_refused_by_name() {
    let output = AvroOutput::new(&queried("").unwrap()).unwrap();
    let columns = |fields: Vec<Field>| Schema::new(fields);
    let unit = DataType::Duration(TimeUnit::Second);
    for (schema, column) in [
        (
            columns(vec![
                Field::new("id", DataType::Int64, true),
                Field::new("größe", DataType::Int64, true),
            ]),
            "größe",
        ),
        (
            columns(vec![Field::new("2nd", DataType::Int64, true)]),
            "2nd",
        ),
        (columns(vec![Field::new("", DataType::Int64, true)]), ""),
        (columns(vec![Field::new("d", unit.clone(), true)]), "d"),
        (
            columns(vec![Field::new(
                "t",
                DataType::Time64(TimeUnit::Nanosecond),
                true,
            )]),
            "t",
        ),
        (
            columns(vec![Field::new("n", DataType::Decimal128(5, -2), true)]),
            "n",
        ),
        (
            columns(vec![
                Field::new("a", DataType::Int64, true),
                Field::new("a", DataType::Utf8, true),
            ]),
            "a",
        ),
        (
            columns(vec![Field::new("l", DataType::new_list(unit, true), true)]),
            "l",
        ),
    ] {
        let error = output.check(&schema).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert_eq!(error.context("column"), Some(column));
        assert!(error.hint().is_some());
    }
}

#[test]
fn values_that_do_not_fit_are_refused() {
    let columns: [ArrayRef; 3] = [
        Arc::new(Date64Array::from(vec![Some(86_400_000), None, Some(1)])),
        Arc::new(Date64Array::from(vec![i64::MAX / 86_400_000 * 86_400_000])),
        Arc::new(TimestampSecondArray::from(vec![Some(0), Some(i64::MAX)])),
    ];
    for column in columns {
        let rows = RecordBatch::try_from_iter([("when", column)]).unwrap();
        let error = write("", &rows.schema(), &[rows]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(error.context("column"), Some("when"));
    }
    let schema = Arc::new(Schema::new(vec![Field::new("id", DataType::Int64, false)]));
    let output = AvroOutput::new(&queried("").unwrap()).unwrap();
    let nulls: ArrayRef = Arc::new(Int64Array::from(vec![Some(1), None]));
    let rows = RecordBatch::try_from_iter_with_nullable([("id", nulls, true)]).unwrap();
    let error = output.chunks(&schema).unwrap().write(&rows).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    let text: ArrayRef = Arc::new(StringArray::from(vec!["1"]));
    let rows = RecordBatch::try_from_iter([("id", text)]).unwrap();
    assert!(output.chunks(&schema).unwrap().write(&rows).is_err());
}

#[test]
fn sliced_lists_are_written_as_they_are() {
    let of = [DataType::new_list(DataType::UInt64, true), DataType::Int32];
    let rows = data::rows(&of, 100, 5).unwrap();
    let part = rows.slice(31, 40);
    let found = read(&write("", &rows.schema(), std::slice::from_ref(&part)).unwrap()).unwrap();
    let same: &Int32Array = found.rows.column(1).as_any().downcast_ref().unwrap();
    assert_eq!(same.len(), 40);
    let list = nearest(&DataType::new_list(DataType::UInt64, true)).unwrap();
    assert_eq!(found.rows.column(0), &cast(part.column(0), &list).unwrap());
}

#[test]
fn options_that_make_no_sense_are_refused() {
    for (query, option) in [
        ("codec=gzip", "codec"),
        ("compression=gzip", "compression"),
        ("codec=brotli", "codec"),
        ("codec=deflate&codec_level=10", "codec_level"),
        ("codec=snappy&codec_level=1", "codec_level"),
        ("codec=xz&compression_level=-1", "compression_level"),
        ("compression=snappy&codec=zstd", "codec"),
        ("block_size=1", "block_size"),
        ("block_size=1GiB", "block_size"),
    ] {
        let error = AvroOutput::new(&queried(query).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{query}");
        assert_eq!(error.context("option"), Some(option), "{query}");
        assert!(error.hint().is_some(), "{query}");
    }
}
