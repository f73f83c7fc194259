//! The options of writing do what they say, by the metadata of what was written.

use ::parquet::basic::{Encoding, PageType};
use ::parquet::bloom_filter::Sbbf;
use ::parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader};
use ::parquet::file::reader::{FileReader, SerializedFileReader};
use arrow_array::{ArrayRef, BooleanArray, Float64Array, Int64Array, StringArray, StructArray};
use velo_core::{ByteSize, ErrorKind, Predicate};

use super::*;
use crate::parquet::{Dictionary, PageVersion, ParquetWriteOptions, Statistics};

const ROWS: i64 = 20_000;

fn rows() -> RecordBatch {
    let id: ArrayRef = Arc::new(Int64Array::from_iter_values(0..ROWS));
    let few: ArrayRef = Arc::new(Int64Array::from_iter_values((0..ROWS).map(|n| n % 7)));
    let price = (0..ROWS).map(|n| n as f64 / 3.0);
    let text = (0..ROWS).map(|n| format!("value {}", n * 7919 % ROWS));
    let text: ArrayRef = Arc::new(StringArray::from_iter_values(text));
    let flag: ArrayRef = Arc::new(BooleanArray::from_iter((0..ROWS).map(|n| Some(n % 3 == 0))));
    let columns: [(&str, ArrayRef); 5] = [
        ("id", id),
        ("few", few.clone()),
        ("price", Arc::new(Float64Array::from_iter_values(price))),
        ("text", text.clone()),
        ("flag", flag),
    ];
    let flat = RecordBatch::try_from_iter(columns.clone()).unwrap();
    let inner = RecordBatch::try_from_iter([("city", text), ("zip", few)]).unwrap();
    let nested: ArrayRef = Arc::new(StructArray::from(inner));
    let columns = flat.columns().iter().cloned().chain([nested]);
    let names = ["id", "few", "price", "text", "flag", "place"];
    RecordBatch::try_from_iter(names.into_iter().zip(columns)).unwrap()
}

fn written(change: impl FnOnce(&mut ParquetWriteOptions)) -> Bytes {
    let mut options = WriteOptions::default();
    change(&mut options.parquet);
    let rows = rows();
    let bytes = write(
        &options,
        &rows.schema(),
        &[rows.slice(0, 9000), rows.slice(9000, 11_000)],
    );
    let bytes = bytes.unwrap();
    let read = read_all(&*open(bytes.clone()).unwrap()).unwrap();
    assert_eq!(read, rows);
    bytes
}

fn metadata(bytes: &Bytes) -> ParquetMetaData {
    let mut reader = ParquetMetaDataReader::new().with_page_index_policy(PageIndexPolicy::Optional);
    reader.try_parse(bytes).unwrap();
    reader.finish().unwrap()
}

/// Gives type, size and encoding of the pages of a leaf in the first row group.
fn pages(bytes: &Bytes, leaf: usize) -> Vec<(PageType, usize, Encoding)> {
    let file = SerializedFileReader::new(bytes.clone()).unwrap();
    let group = file.get_row_group(0).unwrap();
    let mut pages = group.get_column_page_reader(leaf).unwrap();
    let mut found = Vec::new();
    while let Some(page) = pages.get_next_page().unwrap() {
        found.push((page.page_type(), page.buffer().len(), page.encoding()));
    }
    found
}

fn has_dictionary(bytes: &Bytes, leaf: usize) -> bool {
    pages(bytes, leaf)[0].0 == PageType::DICTIONARY_PAGE
}

#[test]
fn row_groups_and_pages_have_the_size_asked_for() {
    let usual = written(|_| {});
    assert_eq!(metadata(&usual).num_row_groups(), 1);
    let small = written(|o| o.row_group_size = ByteSize(64 << 10));
    assert!(metadata(&small).num_row_groups() > 1);
    let small = written(|o| o.page_size = ByteSize(4 << 10));
    let (many, few) = (pages(&small, 0), pages(&usual, 0));
    assert!(many.len() > 4 * few.len(), "{} {}", many.len(), few.len());
    // The writer looks at the size every so many values.
    assert!(many.iter().all(|(_, size, _)| *size < 16 << 10));
}

#[test]
fn dictionaries_are_made_where_they_are_wanted() {
    let auto = written(|_| {});
    assert_eq!(
        [0, 1, 3].map(|leaf| has_dictionary(&auto, leaf)),
        [false, true, false]
    );
    let on = written(|o| o.dictionary = Dictionary::On);
    assert_eq!([0, 1, 3].map(|leaf| has_dictionary(&on, leaf)), [true; 3]);
    let off = written(|o| o.dictionary = Dictionary::Off);
    assert_eq!(
        [0, 1, 3, 5].map(|leaf| has_dictionary(&off, leaf)),
        [false; 4]
    );
    let limited = written(|o| {
        o.dictionary = Dictionary::On;
        o.dictionary_page_size = ByteSize(8 << 10);
    });
    let bare = |bytes| {
        pages(bytes, 0)
            .iter()
            .filter(|page| page.2 == Encoding::PLAIN)
            .count()
    };
    assert!(bare(&limited) > bare(&on), "the column goes on without");
}

#[test]
fn statistics_go_as_deep_as_asked() {
    for (statistics, chunk, page) in [
        (Statistics::None, false, false),
        (Statistics::Chunk, true, false),
        (Statistics::Page, true, true),
    ] {
        let metadata = metadata(&written(|o| o.statistics = statistics));
        let least = |leaf| {
            let statistics = metadata.row_group(0).column(leaf).statistics();
            statistics.is_some_and(|statistics| statistics.min_bytes_opt().is_some())
        };
        assert_eq!(least(0), chunk, "{statistics:?}");
        assert_eq!(
            metadata
                .row_group(0)
                .column(0)
                .column_index_offset()
                .is_some(),
            page
        );
    }
}

#[test]
fn bloom_filters_are_written_and_used() {
    let bytes = written(|o| {
        o.bloom_filter = Some(vec!["id".into(), "text".into(), "place.city".into()]);
        o.row_group_rows = 10_000;
        o.bloom_filter_fpp = 0.001;
    });
    let metadata = metadata(&bytes);
    let filter = |leaf: usize| {
        Sbbf::read_from_column_chunk(metadata.row_group(1).column(leaf), &bytes).unwrap()
    };
    let found: Vec<bool> = (0..7).map(|leaf| filter(leaf).is_some()).collect();
    assert_eq!(found, [true, false, false, true, false, true, false]);
    let filter = filter(0).unwrap();
    assert!((10_000..ROWS).all(|id| filter.check(&id)));
    let wrong = (0..10_000_i64).filter(|id| filter.check(id)).count();
    assert!(wrong < 50, "{wrong}");
    // Values are shuffled, so that bounds say nothing.
    let input = open(bytes).unwrap();
    let group_of = |n: i64| (0..ROWS).position(|row| row * 7919 % ROWS == n).unwrap() / 10_000;
    for n in 0..20 {
        for condition in [
            format!("text = 'value {n}'"),
            format!("text in ('value {n}', 'none')"),
            format!("not text != 'value {n}'"),
        ] {
            let predicate: Predicate = condition.parse().unwrap();
            let mut expected = [false; 2];
            expected[group_of(n)] = true;
            assert_eq!(input.prune(&predicate).unwrap(), expected, "{condition}");
        }
    }
    let predicate: Predicate = "text = 'none' or id = 7".parse().unwrap();
    assert_eq!(input.prune(&predicate).unwrap(), [true, false]);
}

#[test]
fn encodings_and_versions_are_those_asked_for() {
    let encoding = |text: &str| Some(vec![text.to_owned()]);
    for (text, leaf, expected) in [
        ("id:delta_binary_packed", 0, Encoding::DELTA_BINARY_PACKED),
        ("few:plain", 1, Encoding::PLAIN),
        ("price:byte_stream_split", 2, Encoding::BYTE_STREAM_SPLIT),
        ("text:delta_byte_array", 3, Encoding::DELTA_BYTE_ARRAY),
        (
            "text:delta_length_byte_array",
            3,
            Encoding::DELTA_LENGTH_BYTE_ARRAY,
        ),
        ("flag:rle", 4, Encoding::RLE),
        (
            "place.zip:delta_binary_packed",
            6,
            Encoding::DELTA_BINARY_PACKED,
        ),
    ] {
        let bytes = written(|o| o.column_encoding = encoding(text));
        let pages = pages(&bytes, leaf);
        assert!(
            pages.iter().all(|page| page.2 == expected),
            "{text}: {pages:?}"
        );
    }
    for (version, expected) in [
        (PageVersion::One, PageType::DATA_PAGE),
        (PageVersion::Two, PageType::DATA_PAGE_V2),
    ] {
        let bytes = written(|o| o.parquet_version = version);
        assert_eq!(pages(&bytes, 0).last().unwrap().0, expected);
    }
}

#[test]
fn refuses_what_has_no_effect() {
    type Change = fn(&mut ParquetWriteOptions);
    let cases: &[(Change, &str, &str)] = &[
        (
            |o| o.bloom_filter = Some(vec!["txt".into()]),
            "bloom_filter",
            "text",
        ),
        (
            |o| o.bloom_filter = Some(vec!["flag".into()]),
            "bloom_filter",
            "",
        ),
        (|o| o.bloom_filter_fpp = 1.0, "bloom_filter_fpp", "0.05"),
        (
            |o| o.bloom_filter_fpp = f64::NAN,
            "bloom_filter_fpp",
            "0.05",
        ),
        (|o| o.page_size = ByteSize(3), "page_size", "1KiB"),
        (
            |o| o.row_group_size = ByteSize(2 << 30),
            "row_group_size",
            "1GiB",
        ),
        (
            |o| o.column_encoding = Some(vec!["id".into()]),
            "column_encoding",
            "id:delta",
        ),
        (
            |o| o.column_encoding = Some(vec!["id:delta_binary".into()]),
            "column_encoding",
            "delta_binary_packed",
        ),
        (
            |o| o.column_encoding = Some(vec!["idd:plain".into()]),
            "column_encoding",
            "`id`",
        ),
        (
            |o| o.column_encoding = Some(vec!["id:delta_byte_array".into()]),
            "column_encoding",
            "byte_stream_split",
        ),
    ];
    let schema = rows().schema();
    for (at, (change, option, hint)) in cases.iter().enumerate() {
        let mut options = WriteOptions::default();
        change(&mut options.parquet);
        let checked = ParquetOutput::new(&options).and_then(|output| output.check(&schema));
        let error = checked.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Config, "{at}");
        assert_eq!(error.context("option"), Some(*option), "{at}");
        assert!(
            error.hint().unwrap_or_default().contains(hint),
            "{}",
            error.report()
        );
    }
}
