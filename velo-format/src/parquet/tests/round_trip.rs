use ::parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use arrow_array::{Array, ArrayRef, Int64Array, cast::AsArray};
use arrow_schema::{DataType, Field, Schema, TimeUnit};
use proptest::prelude::*;
use velo_core::ErrorKind;

use super::samples::{Random, array, batch, dictionary, kinds};
use super::*;
use crate::Codec;
use crate::Compression;
use crate::parquet::options::page_compression;

const CODECS: [Codec; 6] = [
    Codec::Uncompressed,
    Codec::Snappy,
    Codec::Zstd,
    Codec::Lz4Raw,
    Codec::Gzip,
    Codec::Brotli,
];

fn options(codec: Codec, row_group_rows: usize) -> WriteOptions {
    let mut options = WriteOptions::default();
    options.codec.codec = Some(codec);
    options.parquet.row_group_rows = row_group_rows;
    options
}

fn numbers(rows: i64) -> RecordBatch {
    let a: ArrayRef = Arc::new(Int64Array::from_iter_values(0..rows));
    let b: ArrayRef = Arc::new(Int64Array::from_iter_values((0..rows).map(|n| n % 7)));
    RecordBatch::try_from_iter([("a", a), ("b", b)]).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn every_type_comes_back(
        seed in any::<u64>(),
        lengths in prop::collection::vec(0..60_usize, 1..5),
        group_rows in 1..100_usize,
        codec in 0..CODECS.len(),
    ) {
        let kinds = kinds();
        let batches: Vec<RecordBatch> = lengths.iter().enumerate()
            .map(|(at, rows)| batch(&kinds, *rows, seed.wrapping_add(at as u64))).collect();
        let schema = batches[0].schema();
        let file = write(&options(CODECS[codec], group_rows), &schema, &batches).unwrap();
        let input = open(file).unwrap();
        prop_assert_eq!(&input.units().schema, &schema);
        let expected = concat_batches(&schema, &batches).unwrap();
        let units: Vec<u64> = input.units().units.iter().map(|unit| unit.rows).collect();
        let full = expected.num_rows() / group_rows;
        prop_assert!(units[..full].iter().all(|rows| *rows == group_rows as u64));
        let found = read_all(&*input).unwrap();
        for (at, kind) in kinds.iter().enumerate() {
            prop_assert_eq!(found.column(at), expected.column(at), "{}", kind);
        }
    }

    #[test]
    fn any_range_of_rows_in_any_batch_size(
        from in 0..130_u64, to in 0..130_u64, batch_rows in 1..50_usize, views in any::<bool>(),
    ) {
        let kinds = [DataType::Int64, DataType::Utf8, DataType::Binary];
        let rows = batch(&kinds, 120, 5);
        let file = write(&options(Codec::Snappy, 1000), &rows.schema(), std::slice::from_ref(&rows)).unwrap();
        let input = open(file).unwrap();
        let request = RandomRequest { rows: from..to, batch_rows, views, ..request(0) };
        let found = read(&*input, request).unwrap();
        prop_assert!(found.iter().all(|batch| batch.num_rows() <= batch_rows));
        let (from, to) = (from.min(120) as usize, to.min(120) as usize);
        let expected = rows.slice(from, to.saturating_sub(from));
        let total: usize = found.iter().map(RecordBatch::num_rows).sum();
        prop_assert_eq!(total, expected.num_rows());
        let mut at = 0;
        for batch in found {
            for (column, expected) in batch.columns().iter().zip(expected.columns()) {
                let kind = column.data_type();
                prop_assert_eq!(matches!(kind, DataType::Utf8View | DataType::BinaryView),
                    views && *kind != DataType::Int64);
                let plain = arrow_cast::cast(column, expected.data_type()).unwrap();
                prop_assert_eq!(&plain, &expected.slice(at, batch.num_rows()));
            }
            at += batch.num_rows();
        }
    }
}

#[test]
fn columns_come_in_the_wanted_order() {
    let file = write(
        &options(Codec::Snappy, 100),
        &numbers(10).schema(),
        &[numbers(10)],
    )
    .unwrap();
    let input = open(file).unwrap();
    for names in [vec!["b", "a"], vec!["b"], vec!["b", "b", "a"], vec![]] {
        let wanted: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let request = RandomRequest {
            projection: Some(wanted.into()),
            ..request(0)
        };
        let found = read(&*input, request).unwrap();
        assert_eq!(found[0].num_rows(), 10, "{names:?}");
        let schema = found[0].schema();
        let columns: Vec<&str> = schema
            .fields()
            .iter()
            .map(|field| field.name().as_str())
            .collect();
        assert_eq!(columns, names);
    }
    let wanted: Arc<[String]> = vec!["ab".to_owned()].into();
    let request = RandomRequest {
        projection: Some(wanted),
        ..request(0)
    };
    let error = read(&*input, request).unwrap_err();
    assert_eq!(
        (error.kind(), error.context("column")),
        (ErrorKind::InvalidInput, Some("ab"))
    );
    assert!(read(&*input, super::request(1)).is_err());
}

#[test]
fn dictionaries_come_back_as_values() {
    let column = dictionary(500, &mut Random::new(3));
    let item = Arc::new(Field::new("item", column.data_type().clone(), true));
    let offsets = arrow_buffer::OffsetBuffer::from_lengths([100, 400]);
    let list: ArrayRef = Arc::new(arrow_array::ListArray::new(
        item,
        offsets,
        column.clone(),
        None,
    ));
    let text: ArrayRef = arrow_cast::cast(&column, &DataType::Utf8).unwrap();
    for (column, values) in [(column, text.clone()), (list, text)] {
        let rows = RecordBatch::try_from_iter_with_nullable([("d", column, true)]).unwrap();
        let file = write(
            &options(Codec::Snappy, 100),
            &rows.schema(),
            std::slice::from_ref(&rows),
        )
        .unwrap();
        let input = open(file).unwrap();
        let found = read_all(&*input).unwrap();
        let found = match found.column(0).as_list_opt::<i32>() {
            Some(list) => list.values().clone(),
            None => found.column(0).clone(),
        };
        assert_eq!(&found, &values);
    }
}

#[test]
fn a_file_without_rows_has_its_columns() {
    let rows = batch(&kinds(), 0, 1);
    for batches in [vec![], vec![rows.clone(), rows.clone()]] {
        let file = write(&WriteOptions::default(), &rows.schema(), &batches).unwrap();
        let input = open(file).unwrap();
        assert_eq!(input.units().schema, rows.schema());
        assert!(input.units().units.is_empty());
    }
}

#[test]
fn row_groups_are_cut_inside_batches() {
    let output = ParquetOutput::new(&options(Codec::Snappy, 10_000)).unwrap();
    let mut chunks = output.chunks(&numbers(0).schema()).unwrap();
    chunks.write(&numbers(9_999)).unwrap();
    assert!(!chunks.is_full() && chunks.memory() > 0);
    chunks.write(&numbers(25_000)).unwrap();
    let mut sizes = Vec::new();
    while chunks.rows() > 0 {
        let chunk = chunks.finish().unwrap();
        assert!(chunk.bytes > 0);
        sizes.push(chunk.rows);
    }
    assert_eq!(sizes, [10_000, 10_000, 10_000, 4_999]);
    assert!(!chunks.is_full());
}

#[test]
fn wide_rows_fill_a_row_group_early() {
    let mut state = Random::new(9);
    let wide = (0..20).map(|_| {
        let bytes: Vec<u8> = (0..1 << 20).map(|_| state.next() as u8).collect();
        Some(bytes)
    });
    let wide: ArrayRef = Arc::new(wide.collect::<arrow_array::BinaryArray>());
    let rows = RecordBatch::try_from_iter([("wide", wide)]).unwrap();
    let output = ParquetOutput::new(&WriteOptions::default()).unwrap();
    let mut chunks = output.chunks(&rows.schema()).unwrap();
    let mut batches = 0;
    while !chunks.is_full() {
        chunks.write(&rows).unwrap();
        batches += 1;
    }
    assert!((2..=4).contains(&batches), "{batches}");
}

#[test]
fn files_are_as_arrow_writes_them() {
    let rows = numbers(30_000);
    let file = write(
        &WriteOptions::default(),
        &rows.schema(),
        std::slice::from_ref(&rows),
    )
    .unwrap();
    let reader = ParquetRecordBatchReaderBuilder::try_new(file.clone()).unwrap();
    let metadata = reader.metadata().clone();
    let about = metadata.file_metadata();
    assert!(about.created_by().unwrap().starts_with("velo version "));
    let pairs = about.key_value_metadata().unwrap();
    assert!(pairs.iter().any(|pair| pair.key == "ARROW:schema"));
    let (a, b) = (
        metadata.row_group(0).column(0),
        metadata.row_group(0).column(1),
    );
    assert!(a.statistics().unwrap().min_bytes_opt().is_some());
    assert!(a.column_index_offset().is_some() && a.offset_index_offset().is_some());
    assert!(a.dictionary_page_offset().is_none() && b.dictionary_page_offset().is_some());
    let found: Vec<RecordBatch> = reader.build().unwrap().map(Result::unwrap).collect();
    assert_eq!(concat_batches(&rows.schema(), &found).unwrap(), rows);
}

#[test]
fn types_that_parquet_cannot_hold_are_refused() {
    use arrow_schema::{IntervalUnit, UnionFields, UnionMode};
    let item = |kind| Arc::new(Field::new("item", kind, true));
    let ends = Arc::new(Field::new("run_ends", DataType::Int32, false));
    let output = ParquetOutput::new(&WriteOptions::default()).unwrap();
    for kind in [
        DataType::Interval(IntervalUnit::MonthDayNano),
        DataType::List(item(DataType::Interval(IntervalUnit::MonthDayNano))),
        DataType::Union(UnionFields::empty(), UnionMode::Dense),
        DataType::RunEndEncoded(ends, item(DataType::Utf8)),
        DataType::Struct(arrow_schema::Fields::empty()),
        DataType::Decimal128(10, -2),
        DataType::Dictionary(
            Box::new(DataType::Int8),
            Box::new(DataType::List(item(DataType::Int8))),
        ),
    ] {
        let schema = Schema::new(vec![Field::new("odd", kind.clone(), true)]);
        let error = output.check(&schema).unwrap_err();
        assert_eq!(
            (error.kind(), error.context("column")),
            (ErrorKind::Unsupported, Some("odd"))
        );
        assert_eq!(error.context("type"), Some(kind.to_string().as_str()));
        assert!(error.hint().is_some());
        assert!(output.chunks(&Arc::new(schema)).is_err());
    }
    assert!(output.check(&Schema::empty()).is_err());
    for kind in kinds() {
        output
            .check(&Schema::new(vec![Field::new("c", kind, true)]))
            .unwrap();
    }
}

#[test]
fn rows_that_do_not_fit_the_file_are_refused() {
    let output = ParquetOutput::new(&WriteOptions::default()).unwrap();
    let schema = Arc::new(Schema::new(vec![Field::new("a", DataType::Int64, false)]));
    let mut chunks = output.chunks(&schema).unwrap();
    assert!(chunks.write(&numbers(3)).is_err());
    let mut random = Random::new(1);
    for kind in [DataType::Int64, DataType::Int32] {
        let column = array(&kind, 50, kind == DataType::Int64, &mut random);
        let nullable = [("a", column, true)];
        let rows = RecordBatch::try_from_iter_with_nullable(nullable).unwrap();
        assert!(chunks.write(&rows).is_err());
    }
    assert_eq!(chunks.rows(), 0);
}

/// Options of a URI's query.
fn queried(query: &str) -> Result<WriteOptions> {
    let uri: velo_core::Uri = format!("file:///x.parquet?{query}").parse()?;
    WriteOptions::take(&mut uri.query()?)
}

#[test]
fn compression_means_the_pages() {
    for (query, pages) in [
        ("", "SNAPPY"),
        ("codec=lz4_raw", "LZ4_RAW"),
        ("codec=brotli&codec_level=0", "BROTLI(BrotliLevel(0))"),
        ("compression=none", "UNCOMPRESSED"),
        ("compression=snappy", "SNAPPY"),
        ("compression=zstd&compression_level=7", "ZSTD(ZstdLevel(7))"),
        ("compression=gzip&codec_level=9", "GZIP(GzipLevel(9))"),
        ("compression=zstd&codec=zstd", "ZSTD(ZstdLevel(3))"),
    ] {
        let found = page_compression(&queried(query).unwrap()).unwrap();
        assert_eq!(format!("{found:?}"), pages, "{query}");
    }
}

#[test]
fn options_that_make_no_sense_are_refused() {
    for (query, option) in [
        ("compression=snappy&codec=zstd", "codec"),
        ("compression_level=1", "compression_level"),
        ("codec=zstd&codec_level=23", "codec_level"),
        (
            "codec=zstd&codec_level=4&compression_level=3",
            "codec_level",
        ),
        ("codec=gzip&compression_level=-1", "compression_level"),
        ("row_group_rows=0", "row_group_rows"),
    ] {
        let error = ParquetOutput::new(&queried(query).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{query}");
        assert_eq!(error.context("option"), Some(option), "{query}");
        assert!(error.hint().is_some(), "{query}");
    }
    let mut whole = ReadOptions::default();
    whole.common.compression = Some(Compression::Gzip);
    assert_eq!(Parquet::new(&whole).unwrap_err().kind(), ErrorKind::Config);
}

/// A file with one timestamp of twelve bytes: a Julian day, and five nanoseconds of it.
fn twelve_bytes(day: u32) -> Arc<dyn RandomInput> {
    use ::parquet::data_type::{Int96, Int96Type};
    use ::parquet::file::writer::SerializedFileWriter;
    use ::parquet::schema::parser::parse_message_type;
    let schema = Arc::new(parse_message_type("message m { required int96 t; }").unwrap());
    let mut file = SerializedFileWriter::new(Vec::new(), schema, Arc::default()).unwrap();
    let mut group = file.next_row_group().unwrap();
    let mut column = group.next_column().unwrap().unwrap();
    let mut value = Int96::new();
    value.set_data(5, 0, day);
    column
        .typed::<Int96Type>()
        .write_batch(&[value], None, None)
        .unwrap();
    column.close().unwrap();
    group.close().unwrap();
    open(Bytes::from(file.into_inner().unwrap())).unwrap()
}

#[test]
fn old_timestamps_of_twelve_bytes_are_read() {
    let input = twelve_bytes(2_440_589);
    let kind = DataType::Timestamp(TimeUnit::Nanosecond, None);
    assert_eq!(input.units().schema.field(0).data_type(), &kind);
    let found = read_all(&*input).unwrap();
    let found = found
        .column(0)
        .as_primitive::<arrow_array::types::TimestampNanosecondType>();
    assert_eq!(found.value(0), 86_400_000_000_005);
    // Their statistics have no order, so nothing is left out because of them.
    let never = "t < '1960-01-01'".parse().unwrap();
    assert_eq!(input.prune(&never).unwrap(), [true]);
    // The first day of our era, which nanoseconds do not reach.
    let error = read_all(&*twelve_bytes(1_721_426)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert!(error.report().contains("1677 to 2262"), "{error}");
}
