//! Our own column encoder beside the parquet crate's: the same rows and the same statistics.

use ::parquet::arrow::ArrowWriter;
use ::parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use ::parquet::arrow::arrow_reader::{ArrowReaderMetadata, ArrowReaderOptions};
use ::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData};
use ::parquet::file::properties::WriterProperties;
use arrow_array::cast::AsArray;
use arrow_array::types::Int64Type;
use arrow_array::{Array, ArrayRef, Float64Array, Int64Array, StringArray, UInt32Array};
use arrow_schema::DataType;
use proptest::prelude::*;

use super::samples::{batch, kinds};
use super::*;

fn metadata(file: &Bytes) -> Arc<ParquetMetaData> {
    let options = ArrowReaderOptions::new().with_page_index_policy(PageIndexPolicy::Required);
    let metadata = ArrowReaderMetadata::load(file, options).unwrap();
    metadata.metadata().clone()
}

fn foreign(rows: &RecordBatch) -> Bytes {
    let properties = WriterProperties::builder().set_max_row_group_row_count(None);
    let mut bytes = Vec::new();
    let properties = Some(properties.build());
    let mut writer = ArrowWriter::try_new(&mut bytes, rows.schema(), properties).unwrap();
    writer.write(rows).unwrap();
    writer.close().unwrap();
    bytes.into()
}

/// Writes the rows as one row group.
fn own(rows: &RecordBatch) -> Bytes {
    let mut options = WriteOptions::default();
    options.parquet.row_group_rows = rows.num_rows().max(1);
    write(&options, &rows.schema(), std::slice::from_ref(rows)).unwrap()
}

/// Compares what both files say of their columns.
fn compare(rows: &RecordBatch) {
    let (own, foreign) = (metadata(&own(rows)), metadata(&foreign(rows)));
    let (own, foreign) = (own.row_group(0), foreign.row_group(0));
    assert_eq!(own.num_rows(), foreign.num_rows());
    for (own, foreign) in own.columns().iter().zip(foreign.columns()) {
        let name = own.column_path().string();
        assert_eq!(own.statistics(), foreign.statistics(), "{name}");
        assert_eq!(own.num_values(), foreign.num_values(), "{name}");
        let bytes = own.unencoded_byte_array_data_bytes();
        assert_eq!(bytes, foreign.unencoded_byte_array_data_bytes(), "{name}");
        assert!(own.page_encoding_stats_mask().is_some() || own.page_encoding_stats().is_some());
    }
}

fn table(columns: Vec<(&str, ArrayRef)>) -> RecordBatch {
    RecordBatch::try_from_iter_with_nullable(
        columns.into_iter().map(|(name, array)| (name, array, true)),
    )
    .unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_type_has_the_same_statistics(seed in any::<u64>(), rows in 1..300_usize) {
        let nested = |kind: &DataType| kind.is_nested();
        let kinds: Vec<DataType> = kinds().into_iter().filter(|kind| !nested(kind)).collect();
        compare(&batch(&kinds, rows, seed));
    }

    #[test]
    fn texts_of_any_length_have_the_same_statistics(
        texts in prop::collection::vec(
            prop::option::of(prop_oneof!["[a-c]{0,12}", "[a\u{7f}é\u{10ffff}]{60,70}"]), 1..60),
    ) {
        let bytes: arrow_array::BinaryArray =
            texts.iter().map(|text| text.as_ref().map(String::as_bytes)).collect();
        let texts: StringArray = texts.into_iter().collect();
        compare(&table(vec![("t", Arc::new(texts)), ("b", Arc::new(bytes))]));
    }
}

#[test]
fn numbers_without_an_order_have_no_bounds() {
    let floats = |values: Vec<f64>| Arc::new(Float64Array::from(values)) as ArrayRef;
    compare(&table(vec![
        ("nan", floats(vec![f64::NAN, f64::NAN])),
        ("some", floats(vec![f64::NAN, 1.0])),
        ("zero", floats(vec![0.0, -0.0])),
        ("infinite", floats(vec![f64::INFINITY, f64::NEG_INFINITY])),
    ]));
    compare(&table(vec![
        ("null", Arc::new(Int64Array::from(vec![None, None]))),
        ("unsigned", Arc::new(UInt32Array::from(vec![1, u32::MAX]))),
    ]));
}

/// Numbers that a dictionary pays for at first, then does not; with nulls.
fn repeated_then_unique(rows: i64) -> Int64Array {
    let number = |n: i64| {
        if n < 10_000 {
            n % 10
        } else {
            n * 7_919 % 1_000_003
        }
    };
    (0..rows)
        .map(|n| (n % 13 != 0).then(|| number(n)))
        .collect()
}

#[test]
fn a_dictionary_is_given_up_when_it_grows_too_large() {
    let numbers = repeated_then_unique(400_000);
    let text = |number| format!("text {number:07}");
    let texts: StringArray = numbers.iter().map(|number| number.map(text)).collect();
    let rows = table(vec![("n", Arc::new(numbers)), ("t", Arc::new(texts))]);
    let file = own(&rows);
    assert!(read_all(&*open(file.clone()).unwrap()).unwrap() == rows);
    for column in metadata(&file).row_group(0).columns() {
        let encodings: Vec<String> = column.encodings().map(|one| one.to_string()).collect();
        let has = |name: &str| encodings.iter().any(|encoding| encoding == name);
        assert!(has("PLAIN") && has("RLE_DICTIONARY"), "{encodings:?}");
    }
}

#[test]
fn pages_say_what_their_rows_hold() {
    const ROWS: i64 = 100_000;
    let numbers = repeated_then_unique(ROWS);
    let sorted = Int64Array::from_iter_values(0..ROWS);
    let rows = table(vec![
        ("n", Arc::new(numbers.clone())),
        ("sorted", Arc::new(sorted)),
    ]);
    let metadata = metadata(&own(&rows));
    let schema = rows.schema();
    let (index, offsets) = (
        metadata.column_index().unwrap(),
        metadata.offset_index().unwrap(),
    );
    let parquet = metadata.file_metadata().schema_descr();
    let converter = StatisticsConverter::try_new("n", &schema, parquet).unwrap();
    let least = converter.data_page_mins(index, offsets, &[0]).unwrap();
    let most = converter.data_page_maxes(index, offsets, &[0]).unwrap();
    let nulls = converter
        .data_page_null_counts(index, offsets, &[0])
        .unwrap();
    let pages = offsets[0][0].page_locations();
    assert_eq!(pages.len() as i64, ROWS / 20_000);
    for (page, location) in pages.iter().enumerate() {
        let rows = numbers.slice(location.first_row_index as usize, 20_000);
        let bound = |array: &ArrayRef| Some(array.as_primitive::<Int64Type>().value(page));
        assert_eq!(bound(&least), rows.iter().flatten().min());
        assert_eq!(bound(&most), rows.iter().flatten().max());
        assert_eq!(nulls.value(page), rows.null_count() as u64);
    }
    assert!(index[0][1].is_sorted() && !index[0][0].is_sorted());
}
