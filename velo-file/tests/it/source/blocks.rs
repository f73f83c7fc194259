//! Avro: a format whose records stand in blocks.

use std::ops::Range;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use velo_core::{ByteSize, DataSource, ErrorKind, ReadRequest};
use velo_format::{Codec, Format, WriteOptions};

use super::{Files, gzip, read, read_split, refused, request, splits, types};

/// Writes rows in blocks of about 1 KiB, not compressed.
pub(super) fn numbered(files: &Files, path: &str, ids: Range<i64>) {
    let names = StringArray::from_iter_values(ids.clone().map(|id| format!("name {id};")));
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(ids));
    write(files, path, vec![("id", ids), ("name", Arc::new(names))]);
}

fn write(files: &Files, path: &str, columns: Vec<(&str, ArrayRef)>) {
    let rows = RecordBatch::try_from_iter(columns).unwrap();
    let mut options = WriteOptions::default();
    options.avro.block_size = ByteSize(1 << 10);
    options.codec.codec = Some(Codec::Uncompressed);
    let output = Format::Avro.output(&options).unwrap();
    files.write(path, "");
    let file = std::fs::File::create(files.path(path)).unwrap();
    let mut encoder = output.file(&rows.schema(), Box::new(file)).unwrap();
    let mut chunks = output.chunks(&rows.schema()).unwrap();
    chunks.write(&rows).unwrap();
    encoder.append(chunks.finish().unwrap()).unwrap();
    encoder.finish().unwrap();
}

/// Makes the name of a row no text.
fn damage(files: &Files, path: &str, id: i64) {
    let mut bytes = std::fs::read(files.path(path)).unwrap();
    let name = format!("name {id};");
    let found = bytes
        .windows(name.len())
        .position(|at| at == name.as_bytes());
    bytes[found.unwrap()] = 0xff;
    files.write(path, bytes);
}

#[tokio::test]
async fn a_large_file_is_divided_between_blocks() {
    let files = Files::new();
    numbered(&files, "a.avro", 0..20_000);
    let whole = read(&files.source("a.avro?metadata=true")).await.unwrap();
    assert_eq!(whole.rows.len(), 20_000);
    assert!(
        whole.rows[7].contains("row_number: 8,"),
        "{}",
        whole.rows[7]
    );
    for options in [
        "split_size=64KiB",
        "split_size=64KiB&batch_size=7&buffer_size=4KiB",
    ] {
        let source = files.source(&format!("a.avro?metadata=true&{options}"));
        assert!(splits(&source).await.unwrap().len() > 2);
        assert_eq!(read(&source).await.unwrap().rows, whole.rows, "{options}");
    }
    files.write(
        "b.avro.gz",
        gzip(&std::fs::read(files.path("a.avro")).unwrap()),
    );
    let zipped = read(&files.source("b.avro.gz")).await.unwrap();
    assert_eq!(zipped.rows.len(), 20_000);
}

#[tokio::test]
async fn reading_goes_on_at_every_mark_and_a_mark_is_never_within_a_block() {
    let files = Files::new();
    numbered(&files, "a.avro", 0..1000);
    let source = files.source("a.avro?batch_size=10");
    let split = splits(&source).await.unwrap().remove(0);
    let all = read_split(&source, request(&split)).await.unwrap();
    assert_eq!(all.rows.len(), 1000);
    assert!(
        all.marks.len() > 5 && all.marks.len() < 50,
        "{}",
        all.marks.len()
    );
    for (mark, before) in &all.marks {
        let start = Some(mark.offset.clone());
        let request = ReadRequest {
            start,
            ..request(&split)
        };
        let rest = read_split(&files.source("a.avro"), request).await.unwrap();
        assert_eq!(rest.rows, all.rows[*before..]);
    }
}

#[tokio::test]
async fn the_rest_of_a_damaged_block_is_one_bad_record() {
    let files = Files::new();
    numbered(&files, "a.avro", 0..1000);
    let whole = read(&files.source("a.avro?metadata=true"))
        .await
        .unwrap()
        .rows;
    damage(&files, "a.avro", 500);
    let error = refused(&files.source("a.avro")).await;
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(error.context("column"), Some("name"));
    assert_eq!(error.context("line"), None);
    let block: u64 = error.context("byte").unwrap().parse().unwrap();
    let number: u64 = error
        .context("record of the block")
        .unwrap()
        .parse()
        .unwrap();
    assert!(block > 1000 && number > 0, "{}", error.report());
    for options in ["", "&batch_size=3", "&split_size=4KiB&buffer_size=4KiB"] {
        let uri = format!("a.avro?on_bad_row=dead_letter&metadata=true{options}");
        let found = read(&files.source(&uri)).await.unwrap();
        let [rejected] = found.rejected.as_slice() else {
            panic!("{} rejected", found.rejected.len());
        };
        assert!(rejected.raw.windows(8).any(|raw| raw == b"name 501"));
        // What is not lost has the row numbers that it had.
        let lost = 1000 - found.rows.len();
        assert!(lost > 0 && lost < 100);
        let number = |row: &String| {
            let (_, rest) = row.split_once("row_number: ").unwrap();
            rest.split(',').next().unwrap().to_owned()
        };
        let numbers: Vec<_> = found.rows.iter().map(number).collect();
        let expected: Vec<_> = whole[..500]
            .iter()
            .chain(&whole[500 + lost..])
            .map(number)
            .collect();
        assert_eq!(numbers, expected);
    }
    let limited = files.source("a.avro?on_bad_row=skip&max_records=502");
    assert_eq!(read(&limited).await.unwrap().rows.len(), 500);
}

#[tokio::test]
async fn several_files_have_one_schema() {
    let files = Files::new();
    numbered(&files, "a.avro", 0..3);
    let narrow: ArrayRef = Arc::new(arrow_array::Int32Array::from(vec![7]));
    let more: ArrayRef = Arc::new(StringArray::from(vec!["x"]));
    write(&files, "b.avro", vec![("id", narrow), ("more", more)]);
    let source = files.source("*.avro");
    assert_eq!(types(&source).await, "id:Int64 name:Utf8 more:Utf8");
    let rows = read(&source).await.unwrap().rows;
    assert_eq!(
        rows[2..],
        ["id=2|name=name 2;|more=∅", "id=7|name=∅|more=x"]
    );
    let text: ArrayRef = Arc::new(StringArray::from(vec!["seven"]));
    write(&files, "c.avro", vec![("id", text)]);
    let report = refused(&files.source("*.avro")).await.report();
    assert!(report.contains("no type holds together"), "{report}");
}

#[tokio::test]
async fn a_file_tells_what_it_is_and_has_its_own_types() {
    let files = Files::new();
    numbered(&files, "a.dat", 0..3);
    assert_eq!(read(&files.source("a.dat")).await.unwrap().rows.len(), 3);
    let uri = velo_core::Uri::parse(&format!("{}?types=id:text", files.path("a.avro"))).unwrap();
    let error = velo_file::FileSource::from_uri(&uri).unwrap_err();
    assert_eq!(
        (error.kind(), error.context("option")),
        (ErrorKind::Config, Some("types"))
    );
    files.write(
        "short.avro",
        &std::fs::read(files.path("a.dat")).unwrap()[..50],
    );
    let report = refused(&files.source("short.avro")).await.report();
    assert!(
        report.contains("within its header") && report.contains("short.avro"),
        "{report}"
    );
    let streams = files.source("a.dat").streams().await.unwrap();
    assert_eq!(streams[0].schema().fields().len(), 2);
}
