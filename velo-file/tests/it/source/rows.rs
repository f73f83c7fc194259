//! The same rows, however a file is divided, compressed and read.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array, StringArray};
use velo_core::DataSource;
use velo_format::Format;

use super::{Files, Yielded, filtered, gzip, read, read_split, refused, request, splits, types};

/// Rows with line feeds and delimiters in quotes, quotes in quotes, bare quotes, and without
/// either; lines end in both ways.
pub(super) fn awkward(rows: usize) -> String {
    let mut text = String::from("id,text,\"odd name\",price\n");
    for row in 0..rows {
        let field = match row % 7 {
            0 => "\"two\nlines, and a comma\"".to_owned(),
            1 => "5\" pipe".to_owned(),
            2 => "\"says \"\"hi\"\"\n\n\"".to_owned(),
            3 => String::new(),
            4 => "\"\"".to_owned(),
            5 => "it's 7\" by 9\"".to_owned(),
            _ => "x".repeat(row % 90),
        };
        let end = if row % 3 == 0 { "\r\n" } else { "\n" };
        text.push_str(&format!("{row},{field},{},{}.5{end}", row % 11, row));
    }
    text
}

/// The same without the header.
pub(super) fn body(rows: usize) -> String {
    let text = awkward(rows);
    text.split_once('\n').unwrap().1.to_owned()
}

fn json(rows: usize) -> String {
    let line = |row: usize| match row % 3 {
        0 => format!("{{\"id\":{row},\"text\":\"a\\nb\"}}\n"),
        1 => format!("{{\"text\":null,\"id\":{row}}}\n\n"),
        _ => format!(
            "  {{\"id\":{row},\"text\":\"{}\"}}\r\n",
            "y".repeat(row % 50)
        ),
    };
    (0..rows).map(line).collect()
}

async fn read_with(files: &Files, name: &str, options: &str) -> (String, Yielded) {
    let source = files.source(&format!("{name}?{options}"));
    let types = types(&source).await;
    (types, read(&source).await.unwrap())
}

#[tokio::test]
async fn every_division_gives_the_same_rows() {
    let files = Files::new();
    for (name, text) in [("a.csv", awkward(700)), ("a.jsonl", json(700))] {
        files.write(name, &text);
        files.write(&format!("{name}.gz"), gzip(text.as_bytes()));
        let (types, whole) = read_with(&files, name, "batch_size=1000").await;
        assert_eq!(whole.rows.len(), 700);
        for options in [
            "batch_size=1",
            "batch_size=7&split_size=64",
            "split_size=100&buffer_size=4KiB",
            "split_size=1000&batch_size=3",
            "split_size=5000&metadata=false",
            "infer=full",
        ] {
            let (other_types, other) = read_with(&files, name, options).await;
            assert_eq!(other.rows, whole.rows, "{name} {options}");
            assert_eq!(other_types, types, "{name} {options}");
        }
        let compressed = format!("{name}.gz");
        for options in ["batch_size=1000", "batch_size=7&buffer_size=4KiB"] {
            let (other_types, other) = read_with(&files, &compressed, options).await;
            assert_eq!(other.rows, whole.rows, "{compressed} {options}");
            assert_eq!(other_types, types, "{compressed} {options}");
        }
    }
}

#[tokio::test]
async fn small_splits_are_really_used() {
    let files = Files::with("a.csv", awkward(700));
    assert_eq!(splits(&files.source("a.csv")).await.unwrap().len(), 1);
    let many = splits(&files.source("a.csv?split_size=1000"))
        .await
        .unwrap();
    assert!(many.len() > 5, "{}", many.len());
    let ids: std::collections::HashSet<_> = many.iter().map(|split| split.id.clone()).collect();
    assert_eq!(ids.len(), many.len());
    let again = splits(&files.source("a.csv?split_size=1000"))
        .await
        .unwrap();
    assert_eq!(again, many, "the same file is divided in the same way");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_work_side_by_side() {
    let files = Files::with("a.csv", awkward(2000));
    let source = Arc::new(files.source("a.csv?split_size=2000"));
    let expected = read(&files.source("a.csv")).await.unwrap().rows;
    let tasks = splits(&source).await.unwrap().into_iter().map(|split| {
        let source = source.clone();
        tokio::spawn(async move { read_split(&source, request(&split)).await.unwrap() })
    });
    let mut rows = Vec::new();
    for task in tasks.collect::<Vec<_>>() {
        rows.extend(task.await.unwrap().rows);
    }
    assert_eq!(rows, expected);
}

#[tokio::test]
async fn parquet_is_divided_by_row_groups() {
    let files = Files::new();
    let id: ArrayRef = Arc::new(Int64Array::from_iter_values(0..5000));
    let text: ArrayRef = Arc::new(StringArray::from_iter_values(
        (0..5000).map(|n| format!("t{n}")),
    ));
    files.parquet("a.parquet", vec![("id", id), ("text", text)], 1500);
    let source = files.source("a.parquet?batch_size=700");
    assert_eq!(splits(&source).await.unwrap().len(), 4);
    let yielded = read(&source).await.unwrap();
    assert_eq!(yielded.rows.len(), 5000);
    assert_eq!(yielded.rows[4999], "id=4999|text=t4999");
    let spans: Vec<_> = yielded
        .batches
        .iter()
        .map(|batch| batch.span().unwrap().clone())
        .collect();
    assert_eq!((spans[1].first, spans[1].last), (700, 1399));
    assert_eq!((spans[3].first, spans[3].order), (0, 1));
    assert_eq!(
        read(&files.source("a.parquet?max_records=1600"))
            .await
            .unwrap()
            .rows
            .len(),
        1600
    );
}

#[tokio::test]
async fn max_records_counts_over_all_files() {
    let files = Files::new();
    for name in ["a", "b", "c"] {
        files.write(&format!("{name}.csv"), "id\n1\n2\n3\n");
        files.write(
            &format!("{name}.jsonl.gz"),
            gzip(b"{\"id\":1}\n{\"id\":2}\n{\"id\":3}\n"),
        );
    }
    for pattern in ["*.csv", "*.jsonl.gz"] {
        for (most, expected) in [(1, 1), (3, 3), (4, 4), (9, 9), (100, 9)] {
            let source = files.source(&format!("{pattern}?max_records={most}&batch_size=2"));
            let yielded = read(&source).await.unwrap();
            assert_eq!(yielded.rows.len(), expected, "{pattern} {most}");
        }
    }
}

#[tokio::test]
async fn names_tell_the_delimiter_and_bytes_tell_the_compression() {
    let files = Files::with("a.tsv", "x\ty\n1\t2\n");
    files.write("b.csv", gzip(b"x,y\n1,2\n"));
    files.write("noending", "x,y\n1,2\n");
    files.write("d/p.csv", "x,y\n1,2\n");
    files.write("d/q.tsv", "x\ty\n3\t4\n");
    for path in ["a.tsv", "b.csv", "noending?format=csv"] {
        let source = files.source(path);
        assert_eq!(read(&source).await.unwrap().rows, ["x=1|y=2"], "{path}");
    }
    let notes = files.source("b.csv").streams().await.unwrap()[0]
        .notes()
        .join(" ");
    assert!(notes.contains("compressed by gzip"), "{notes}");
    assert_eq!(
        read(&files.source("d")).await.unwrap().rows,
        ["x=1|y=2", "x=3|y=4"]
    );
    let error = refused(&files.source("noending")).await;
    assert!(error.report().contains("format=csv"), "{}", error.report());
}

#[tokio::test]
async fn streams_are_named_after_files_and_directories() {
    let files = Files::with("sales/orders.2024.csv.gz", gzip(b"id\n1\n"));
    for (path, name) in [
        ("sales/orders.2024.csv.gz", "orders"),
        ("sales", "sales"),
        ("sales/*.gz", "sales"),
    ] {
        let source = files.source(path);
        assert_eq!(source.streams().await.unwrap()[0].name(), name, "{path}");
    }
}

#[tokio::test]
async fn a_json_file_is_looked_at() {
    let files = Files::with("lines.json", "\n {\"id\":1}\n{\"id\":2}\n");
    files.write("array.json", "\u{feff}\n [ {\"id\":1},\n{\"id\"\n:2}]\n");
    files.write("plain", "[{\"id\":1},{\"id\":2}]");
    files.write("packed.json.gz", gzip(b"[{\"id\":1},{\"id\":2}]"));
    files.write("log.txt", "id=1\nid=2");
    for path in ["lines.json", "array.json", "plain", "packed.json.gz"] {
        let found = read(&files.source(path)).await.unwrap();
        assert_eq!(found.rows, ["id=1", "id=2"], "{path}");
    }
    let found = read(&files.source("log.txt")).await.unwrap();
    assert_eq!(found.rows, ["value=id=1", "value=id=2"]);
    let whole = files.source("log.txt?whole_file=true&schema=all:text");
    assert_eq!(read(&whole).await.unwrap().rows, ["all=id=1\nid=2"]);
    let report = refused(&files.source("lines.json?format=json_array"))
        .await
        .report();
    assert!(report.contains("format=jsonl"), "{report}");
    let report = refused(&files.source("array.json?format=jsonl"))
        .await
        .report();
    assert!(report.contains("json_array"), "{report}");
}

#[tokio::test]
async fn arrow_is_told_by_its_first_bytes() {
    let files = Files::new();
    for (path, format) in [("a.bin", Format::Arrow), ("b.bin", Format::ArrowStream)] {
        let id: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100));
        let half: ArrayRef = Arc::new(Int64Array::from_iter_values((0..100).map(|id| id / 2)));
        files.table(path, format, vec![("id", id), ("half", half)], 30);
        let whole = read(&files.source(path)).await.unwrap();
        assert_eq!(whole.rows.len(), 100, "{path}");
        assert_eq!(whole.rows[99], "id=99|half=49");
        let found = filtered(&files.source(path), "id > 97", Some(&["half"])).await;
        assert_eq!(found.unwrap().rows, ["half=49", "half=49"], "{path}");
        let bytes = std::fs::read(files.path(path)).unwrap();
        files.write("cut.bin", &bytes[..bytes.len() / 2]);
        let report = refused(&files.source("cut.bin")).await.report();
        assert!(report.contains("cut.bin"), "{report}");
    }
}

#[tokio::test]
async fn empty_inputs_are_told_apart() {
    let files = Files::with("empty.csv", "");
    files.write("header.csv", "a,b\n");
    files.write("some/empty.csv", "");
    files.write("some/full.csv", "a,b\n1,2\n");
    let report = refused(&files.source("empty.csv")).await.report();
    assert!(report.contains("is empty"), "{report}");
    let given = files.source("empty.csv?schema=a:int64");
    assert_eq!(types(&given).await, "a:Int64");
    assert!(read(&given).await.unwrap().rows.is_empty());
    files.write("empty.txt", "");
    assert_eq!(types(&files.source("empty.txt")).await, "value:Utf8");
    assert!(
        read(&files.source("empty.txt"))
            .await
            .unwrap()
            .rows
            .is_empty()
    );
    files.write("empty.json", "[]");
    let none = files.source("empty.json?schema=a:int64");
    assert!(read(&none).await.unwrap().rows.is_empty());
    let header = files.source("header.csv");
    assert_eq!(types(&header).await, "a:Utf8 b:Utf8");
    assert!(read(&header).await.unwrap().rows.is_empty());
    assert_eq!(read(&files.source("some")).await.unwrap().rows, ["a=1|b=2"]);
}

#[tokio::test]
async fn many_files_need_few_handles() {
    let files = Files::new();
    for at in 0..2000 {
        files.write(&format!("d/{at:05}.csv"), format!("id\n{at}\n"));
    }
    let source = files.source("d");
    let root = files.path("d/");
    let open = || {
        let handles = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        let paths = handles.filter_map(|handle| std::fs::read_link(handle.path()).ok());
        paths.filter(|path| path.starts_with(&root)).count()
    };
    let (mut rows, mut most) = (0, 0);
    for split in splits(&source).await.unwrap() {
        most = most.max(open());
        let mut reader = source.create_reader(request(&split)).await.unwrap();
        while let Some(event) = reader.read().await.unwrap() {
            rows += usize::from(matches!(event, velo_core::Event::Rows(_)));
        }
    }
    assert_eq!(rows, 2000);
    assert!(most < 4, "{most} files open at once");
}
