//! Files that are not what they should be.

use std::sync::Arc;

use arrow_array::Int64Array;
use arrow_array::cast::AsArray;
use arrow_schema::DataType;
use proptest::prelude::{any, proptest};
use velo_core::{ByteSize, ErrorKind, Result};
use velo_testkit::data;

use super::{Found, container, long, prologue, read, read_part, schema, write};
use crate::avro::Avro;
use crate::{BlockRest, DecodeRequest, ReadOptions, StreamFormat};

const LONGS: &str = r#"{"type":"record","name":"r","fields":[{"name":"a","type":"long"},{"name":"s","type":"string"}]}"#;

/// A record of [`LONGS`].
fn record(id: i64) -> Vec<u8> {
    [long(id), long(1), b"x".to_vec()].concat()
}

fn ids(found: &Found) -> Vec<i64> {
    let ids: &Int64Array = found.rows.column(0).as_primitive();
    ids.values().to_vec()
}

fn report(read: Result<Found>) -> String {
    let error = read.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    error.report()
}

#[test]
fn a_file_that_ends_early_is_an_error_at_every_byte() {
    for codec in ["null", "snappy", "deflate"] {
        let rows = data::rows(&[DataType::Utf8, DataType::Int32], 200, 1).unwrap();
        let query = format!("codec={codec}&block_size=1KiB");
        let file = write(&query, &rows.schema(), &[rows]).unwrap();
        let whole = read(&file).unwrap();
        for length in 0..file.len() {
            match read(&file[..length]) {
                Err(error) => assert_eq!(error.kind(), ErrorKind::InvalidData),
                // At the end of a block nothing tells that there was more.
                Ok(found) => {
                    let count = found.rows.num_rows();
                    assert_eq!(found.rows, whole.rows.slice(0, count), "{length}");
                    assert!(found.bad.is_empty());
                    assert!(count == 0 || file[..length].ends_with(&file[file.len() - 16..]));
                }
            }
        }
    }
}

proptest! {
    #[test]
    fn damaged_bytes_never_panic(
        types in proptest::collection::vec(data::types(), 1..4),
        changes in proptest::collection::vec((any::<usize>(), any::<u8>()), 1..4),
        codec in proptest::sample::select(vec!["null", "snappy", "deflate", "zstd", "bzip2", "xz"]),
    ) {
        let rows = data::rows(&types, 30, 1).unwrap();
        let written = write(&format!("codec={codec}&block_size=1KiB"), &rows.schema(), &[rows]);
        // Some types are not written.
        let Ok(mut file) = written else { return Ok(()) };
        let length = file.len();
        for (at, byte) in changes {
            file[at % length] = byte;
        }
        if let Ok(columns) = schema(&file)
            && let Ok(found) = read_part(&file, None, &columns, (7, 100))
        {
            let bad: usize = found.bad.iter().map(crate::BadRow::records).sum();
            assert_eq!(found.rows.num_rows() + bad, found.records);
        }
    }

    #[test]
    fn any_bytes_as_a_block_never_panic(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        records in 0_i64..20,
    ) {
        let all = std::fs::read("tests/data/avro/types.avro").unwrap();
        let mut file = all[..prologue(&all).unwrap().bytes as usize].to_vec();
        file.extend(long(records));
        file.extend(long(bytes.len() as i64));
        file.extend(bytes);
        file.extend(*b"0123456789abcdef");
        if let Ok(found) = read(&file) {
            assert_eq!(found.records, records as usize);
        }
    }
}

#[test]
fn a_record_that_does_not_decode_takes_the_rest_of_its_block() {
    let blocks = [
        (2, [record(1), record(2)].concat()),
        (
            4,
            [
                record(3),
                [long(4), long(1), vec![0xff]].concat(),
                record(5),
                record(6),
            ]
            .concat(),
        ),
        (1, record(7)),
        // A string that goes beyond the block.
        (2, [record(8), long(9), long(500), vec![0; 10]].concat()),
        (1, record(10)),
    ];
    let file = container(LONGS, "null", &blocks);
    for batch_rows in [1, 2, 3, 100] {
        let columns = schema(&file).unwrap();
        let found = read_part(&file, None, &columns, (batch_rows, 1000)).unwrap();
        assert_eq!(ids(&found), [1, 2, 3, 7, 8, 10]);
        assert_eq!(found.records, 10);
        let rest: Vec<_> = found
            .bad
            .iter()
            .map(|bad| (bad.record, bad.block))
            .collect();
        let block = |record, records| Some(BlockRest { record, records });
        assert_eq!(rest, [(3, block(2, 3)), (8, block(2, 1))]);
        let (first, second) = (&found.bad[0], &found.bad[1]);
        assert_eq!(first.column.as_deref(), Some("s"));
        assert_eq!(first.problem, "a string is not valid UTF-8");
        assert_eq!(
            first.raw,
            [long(4), long(1), vec![0xff], record(5), record(6)].concat()
        );
        assert_eq!(second.problem, "a record goes beyond its block");
        assert_eq!(found.starts[2], first.byte);
    }
}

#[test]
fn a_block_that_does_not_decompress_is_lost_as_a_whole() {
    for (codec, broken) in [
        ("snappy", vec![1, 0, b'x', 0, 0, 0, 0]),
        ("snappy", vec![1]),
        ("deflate", vec![0xff; 5]),
        ("zstandard", vec![1, 2, 3]),
        ("bzip2", b"BZh9nonsense".to_vec()),
        ("xz", b"nonsense".to_vec()),
    ] {
        let file = container(LONGS, codec, &[(5, broken.clone())]);
        let found = read(&file).unwrap();
        assert_eq!((found.rows.num_rows(), found.records), (0, 5), "{codec}");
        let expected = BlockRest {
            record: 1,
            records: 5,
        };
        assert_eq!(
            (found.bad[0].block, &found.bad[0].raw),
            (Some(expected), &broken)
        );
    }
}

#[test]
fn borders_that_cannot_be_end_the_reading() {
    let sound = container(LONGS, "null", &[(1, record(1)), (1, record(2))]);
    let mut marker = sound.clone();
    let end = marker.len();
    marker[end - 1] ^= 1;
    let header = prologue(&sound).unwrap().bytes as usize;
    let with = |numbers: [i64; 2]| {
        let numbers = numbers.map(long).concat();
        [sound[..header].to_vec(), numbers, vec![0; 40]].concat()
    };
    for (file, part) in [
        (marker, "marker"),
        (
            container(LONGS, "null", &[(4, [record(1), record(2)].concat())]),
            "more records",
        ),
        (
            container(LONGS, "null", &[(1, [record(1), record(2)].concat())]),
            "behind its last",
        ),
        (
            container(LONGS, "null", &[(i64::MAX, record(1))]),
            "more records",
        ),
        (with([-1, 4]), "negative"),
        (with([1, -4]), "negative"),
        (with([1, i64::MAX]), "longer than allowed"),
        (with([1, 1 << 20]), "ends within a block"),
        (
            [sound[..header].to_vec(), vec![0xff; 30]].concat(),
            "64 bits",
        ),
    ] {
        let report = report(read(&file));
        assert!(report.contains(part), "{report}");
        assert!(report.contains("byte"), "{report}");
    }
}

#[test]
fn few_bytes_that_stand_for_many_values_are_refused() {
    let nulls = r#"{"type":"record","name":"r","fields":[{"name":"a","type":{"type":"array","items":"null"}}]}"#;
    let wide = r#"{"type":"array","items":["null",{"type":"record","name":"w","fields":[
        {"name":"f","type":{"type":"fixed","name":"f","size":1000000}}]}]}"#;
    let body = [long(1 << 40), long(0)].concat();
    let found = read(&container(nulls, "null", &[(1, body)])).unwrap();
    assert_eq!(
        found.bad[0].problem,
        "a record has more items than 256 MiB hold"
    );
    let body = [long(1000), vec![0; 1000], long(0)].concat();
    let found = read(&container(wide, "null", &[(1, body)])).unwrap();
    assert_eq!(
        found.bad[0].problem,
        "a record has more items than 256 MiB hold"
    );
    let none = r#"{"type":"record","name":"r","fields":[]}"#;
    let report = report(read(&container(none, "null", &[(1 << 40, vec![])])));
    assert!(report.contains("more records"), "{report}");
    let huge = r#"{"type":"fixed","name":"f","size":2000000000}"#;
    let error = read(&container(huge, "null", &[])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

#[test]
fn a_block_is_as_long_as_allowed_also_decompressed() {
    let text: arrow_array::ArrayRef =
        Arc::new(arrow_array::StringArray::from(vec!["0".repeat(1 << 20)]));
    let rows = arrow_array::RecordBatch::try_from_iter([("s", text)]).unwrap();
    for codec in ["null", "snappy", "deflate", "zstd", "bzip2", "xz"] {
        let query = format!("codec={codec}");
        let file = write(&query, &rows.schema(), std::slice::from_ref(&rows)).unwrap();
        let mut options = ReadOptions::default();
        options.common.max_line_length = ByteSize(1 << 20);
        let prologue = prologue(&file).unwrap();
        let start = prologue.bytes as usize;
        let mut decoder = Avro::new(&options)
            .unwrap()
            .decoder(DecodeRequest {
                schema: rows.schema(),
                columns: prologue.columns,
                header: prologue.header,
                batch_rows: 10,
                start: start as u64,
                row_starts: false,
            })
            .unwrap();
        let error = decoder.decode(&file[start..], true).unwrap_err();
        assert_eq!(error.context("max_line_length"), Some("1048576"), "{codec}");
        assert_eq!(read(&file).unwrap().rows.num_rows(), 1);
    }
}

#[test]
fn headers_that_are_none_are_refused() {
    let sound = container(LONGS, "null", &[(1, record(1))]);
    let header = prologue(&sound).unwrap().bytes as usize;
    for length in 0..header {
        assert!(read(&sound[..length]).is_err());
        let avro = Avro::new(&ReadOptions::default()).unwrap();
        assert_eq!(avro.prologue(&sound[..length], false).unwrap(), None);
    }
    for (file, part) in [
        (b"id,name\n1,2\n".to_vec(), "not an avro container"),
        (
            [b"Obj\x01".to_vec(), long(0), vec![0; 16]].concat(),
            "no schema",
        ),
        (
            [b"Obj\x01".to_vec(), long(1), long(-1), vec![0; 16]].concat(),
            "length",
        ),
        (
            [b"Obj\x01".to_vec(), long(1), long(1 << 40), vec![0; 16]].concat(),
            "length",
        ),
        (container("{", "null", &[]), "not JSON"),
        (container("\"no\"", "null", &[]), "not known"),
    ] {
        let report = report(read(&file));
        assert!(report.contains(part), "{report}");
    }
    let error = read(&container(LONGS, "lz77", &[])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.context("codec"), Some("lz77"));
}

#[test]
fn blocks_of_items_and_of_entries_may_say_their_size() {
    let lists = r#"{"type":"record","name":"r","fields":[
        {"name":"a","type":{"type":"array","items":"long"}},
        {"name":"m","type":{"type":"map","values":"int"}}]}"#;
    let body = |size: i64| {
        let items = [
            long(-2),
            long(size),
            long(7),
            long(8),
            long(1),
            long(9),
            long(0),
        ];
        let entries = [long(-1), long(3), long(1), b"k".to_vec(), long(5), long(0)];
        [items.concat(), entries.concat()].concat()
    };
    let file = container(lists, "null", &[(1, body(2))]);
    // The header's own map too.
    let mut header = b"Obj\x01".to_vec();
    let entry = |key: &str, value: &str| {
        let text = |text: &str| [long(text.len() as i64), text.as_bytes().to_vec()].concat();
        [text(key), text(value)].concat()
    };
    let schema = entry("avro.schema", lists);
    header.extend([long(-1), long(schema.len() as i64), schema, long(0)].concat());
    header.extend(*b"0123456789abcdef");
    let start = prologue(&file).unwrap().bytes as usize;
    header.extend(&file[start..]);
    let found = read(&header).unwrap();
    let list = found.rows.column(0).as_list::<i32>().value(0);
    assert_eq!(
        list.as_primitive::<arrow_array::types::Int64Type>()
            .values(),
        &[7, 8, 9]
    );
    assert_eq!(found.rows.column(1).as_map().value_length(0), 1);
    assert_eq!(read(&file).unwrap().rows, found.rows);
    let lying = read(&container(lists, "null", &[(1, body(3))])).unwrap();
    assert_eq!(lying.bad[0].problem, "items have another size than said");
    // Passed over, they are looked at as closely.
    let one = Arc::new(found.rows.schema().project(&[1]).unwrap());
    let lying = container(lists, "null", &[(1, body(3))]);
    assert_eq!(
        read_part(&lying, None, &one, (10, 100)).unwrap().bad.len(),
        1
    );
}
