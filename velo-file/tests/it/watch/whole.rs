//! Files that do not grow, by their own formats.

use std::io::Write;
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, RecordBatch};
use velo_format::{Format, WriteOptions};

use super::{Watched, run};

fn table(format: Format, rows: std::ops::Range<i64>) -> Vec<u8> {
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(rows));
    let rows = RecordBatch::try_from_iter_with_nullable([("id", ids, true)]).unwrap();
    let file = tempfile::NamedTempFile::new().unwrap();
    let output = format.output(&WriteOptions::default()).unwrap();
    let mut chunks = output.chunks(&rows.schema()).unwrap();
    let target = Box::new(file.reopen().unwrap());
    let mut encoder = output.file(&rows.schema(), target).unwrap();
    chunks.write(&rows).unwrap();
    encoder.append(chunks.finish().unwrap()).unwrap();
    encoder.finish().unwrap();
    std::fs::read(file.path()).unwrap()
}

#[test]
fn parquet_comes_up_and_is_read_once() {
    run(async {
        let mut folder = Watched::new("", "watch=periodic");
        folder.write("a.parquet", table(Format::Parquet, 0..3));
        assert_eq!(folder.read().await, ["0", "1", "2"]);
        folder.write("b.parquet", table(Format::Parquet, 3..5));
        folder.rename("a.parquet", "c.parquet");
        assert_eq!(folder.read().await, ["3", "4"]);
        folder.restart();
        assert!(folder.read().await.is_empty());
        folder.write("b.parquet", table(Format::Parquet, 7..9));
        assert_eq!(folder.read().await, ["7", "8"], "written anew");
    });
}

#[test]
fn half_a_file_is_waited_for() {
    run(async {
        let mut folder = Watched::new("", "watch=periodic&schema=id:int64&format=jsonl");
        let lines: String = (0..50_000).map(|id| format!("{{\"id\":{id}}}\n")).collect();
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
        encoder.write_all(lines.as_bytes()).unwrap();
        let bytes = encoder.finish().unwrap();
        folder.write("0.jsonl", "{\"id\":-1}\n");
        assert_eq!(folder.first(1).await, ["-1"]);
        folder.write("a.jsonl.gz", &bytes[..bytes.len() / 2]);
        let mut rows = folder.first(1000).await;
        folder.append("a.jsonl.gz", &bytes[bytes.len() / 2..]);
        rows.extend(folder.first(50_000 - rows.len()).await);
        let expected: Vec<_> = (0..50_000).map(|id| id.to_string()).collect();
        assert!(rows == expected, "{} rows", rows.len());
        assert!(folder.read().await.is_empty());
        folder.restart();
        assert!(folder.read().await.is_empty());
    });
}

#[test]
fn a_damaged_file_is_a_dead_letter_or_ends_the_reading() {
    run(async {
        let mut folder = Watched::new("", "watch=periodic&on_bad_row=dead_letter");
        folder.write("a.parquet", table(Format::Parquet, 0..2));
        assert_eq!(folder.read().await, ["0", "1"]);
        let mut broken = table(Format::Parquet, 2..4);
        let end = broken.len() - 20;
        broken.truncate(end);
        folder.write("b.parquet", &broken);
        folder.age("b.parquet");
        folder.write("c.parquet", table(Format::Parquet, 4..5));
        assert_eq!(folder.read().await, ["4"]);
        assert_eq!(folder.rejected.len(), 1);
        let report = folder.rejected[0].error.report();
        assert!(report.contains("b.parquet"), "{report}");
        folder.restart();
        assert!(folder.read().await.is_empty());
    });
}

#[test]
fn reading_goes_on_within_a_file() {
    run(async {
        let mut folder = Watched::new("", "watch=periodic&batch_size=10");
        folder.write("a.parquet", table(Format::Parquet, 0..100));
        let mut rows = Vec::new();
        while rows.len() < 100 {
            // A new process after every mark.
            let marked = folder.mark.as_ref().map(|mark| mark.offset.to_string());
            while folder.mark.as_ref().map(|mark| mark.offset.to_string()) == marked {
                let event = folder.reader().await.read().await.unwrap().unwrap();
                folder.take(event);
            }
            rows.append(&mut folder.rows);
            folder.restart();
        }
        let expected: Vec<_> = (0..100).map(|id: i32| id.to_string()).collect();
        assert_eq!(rows, expected);
    });
}
