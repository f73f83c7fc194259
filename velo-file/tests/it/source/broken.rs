//! What cannot be read: a clear answer, and never a hang.

use std::os::unix::fs::symlink;
use std::os::unix::net::UnixListener;

use velo_core::{DataSource, ErrorKind, Uri};
use velo_file::FileSource;

use super::{Files, gzip, read, refused, splits};

#[tokio::test]
async fn paths_that_are_no_files() {
    let files = Files::new();
    let (kind, mode) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR);
    rustix::fs::mknodat(rustix::fs::CWD, files.path("fifo.csv"), kind, mode, 0).unwrap();
    let _socket = UnixListener::bind(files.path("socket.csv")).unwrap();
    std::fs::create_dir(files.path("x.csv")).unwrap();
    symlink("nowhere", files.path("gone.csv")).unwrap();
    symlink("loop.csv", files.path("loop.csv")).unwrap();
    symlink("/dev/null", files.path("null.csv")).unwrap();
    for (path, part) in [
        ("fifo.csv", "stdin:"),
        ("socket.csv", "socket"),
        ("x.csv", "no files to read"),
        ("gone.csv", "leads nowhere"),
        ("loop.csv", "loop"),
        ("null.csv", "device"),
        ("none.csv", "no such file"),
        ("x.csv/y.csv", "no such file"),
    ] {
        let report = refused(&files.source(path)).await.report();
        assert!(report.contains(part), "{path}: {report}");
    }
    files.write("x.csv/part-0.csv", "id\n1\n");
    assert_eq!(read(&files.source("x.csv")).await.unwrap().rows, ["id=1"]);
}

#[tokio::test]
async fn bad_rows_follow_the_policy() {
    let text = "id,text\n1,\"a\nb\"\n2,b,c\nx,d\n4,e\n";
    let files = Files::with("a.csv", text);
    files.write("a.csv.gz", gzip(text.as_bytes()));
    for path in ["a.csv", "a.csv.gz"] {
        let source = files.source(&format!("{path}?types=id:int64"));
        let error = refused(&source).await;
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(error.context("line"), Some("4"), "{}", error.report());
        assert!(
            error.report().contains("on_bad_row=skip"),
            "{}",
            error.report()
        );
        let source = files.source(&format!("{path}?types=id:int64&on_bad_row=skip"));
        let skipped = read(&source).await.unwrap();
        assert_eq!(skipped.rows, ["id=1|text=a\nb", "id=4|text=e"]);
        assert_eq!(skipped.rejected.len(), 2);
        let source = files.source(&format!("{path}?types=id:int64&on_bad_row=dead_letter"));
        let kept = read(&source).await.unwrap().rejected;
        assert_eq!(kept[0].ordinal, 1);
        assert_eq!(kept[1].ordinal, 2);
        assert_eq!(kept[1].raw.trim_ascii(), b"x,d");
        assert_eq!(
            kept[1].error.context("line"),
            Some("5"),
            "{}",
            kept[1].error.report()
        );
        assert_eq!(kept[1].error.context("column"), Some("id"));
        assert!(
            kept[1]
                .offset
                .as_ref()
                .unwrap()
                .to_string()
                .contains("22:2:"),
            "{kept:?}"
        );
    }
}

#[tokio::test]
async fn lines_are_right_in_every_split() {
    let mut text = super::rows::awkward(300);
    let line = text.matches('\n').count() + 1;
    text.push_str("oops,,,\n");
    text.push_str(&super::rows::body(300));
    let files = Files::with("a.csv", &text);
    for options in [
        "",
        "&split_size=500&batch_size=3",
        "&buffer_size=4KiB&on_bad_row=dead_letter",
    ] {
        let source = files.source(&format!("a.csv?types=id:int64{options}"));
        let error = match read(&source).await {
            Ok(yielded) => yielded.rejected[0].error.report(),
            Err(error) => error.report(),
        };
        assert!(
            error.contains(&format!("line {line}, column id")),
            "{options}: {error}"
        );
    }
}

#[tokio::test]
async fn damaged_compressed_files() {
    let text = super::rows::awkward(3000);
    let whole = gzip(text.as_bytes());
    let files = Files::with("cut.csv.gz", &whole[..whole.len() / 2]);
    let mut flipped = whole.clone();
    let last = flipped.len() - 5;
    flipped[last] ^= 1;
    files.write("crc.csv.gz", flipped);
    files.write("plain.csv.gz", "id\n1\n");
    files.write("tail.csv.gz", [whole, b"garbage".to_vec()].concat());
    for path in ["cut.csv.gz", "crc.csv.gz", "plain.csv.gz", "tail.csv.gz"] {
        let error = refused(&files.source(path)).await;
        assert_eq!(
            error.kind(),
            ErrorKind::InvalidData,
            "{path}: {}",
            error.report()
        );
        assert!(error.report().contains(path), "{path}: {}", error.report());
    }
    let plain = read(&files.source("plain.csv.gz?compression=none"))
        .await
        .unwrap();
    assert_eq!(plain.rows, ["id=1"]);
}

#[tokio::test]
async fn damaged_parquet_files() {
    let files = Files::with("text.parquet", "id\n1\n");
    files.write("short.parquet", "PAR1");
    files.write("named.csv", b"PAR1 and no more than that PAR1");
    for path in ["text.parquet", "short.parquet", "named.csv"] {
        let error = refused(&files.source(path)).await;
        assert_eq!(
            error.kind(),
            ErrorKind::InvalidData,
            "{path}: {}",
            error.report()
        );
        assert!(error.report().contains(path), "{path}: {}", error.report());
    }
}

#[tokio::test]
async fn several_formats_in_one_place() {
    let files = Files::with("d/a.csv", "id\n1\n");
    files.write("d/b.jsonl", "{\"id\":2}\n");
    let report = refused(&files.source("d")).await.report();
    assert!(report.contains("extension_filter"), "{report}");
    assert_eq!(
        read(&files.source("d?extension_filter=jsonl"))
            .await
            .unwrap()
            .rows,
        ["id=2"]
    );
    assert_eq!(
        read(&files.source("d?format=csv")).await.unwrap().rows,
        ["id=1"]
    );
}

#[tokio::test]
async fn options_of_other_formats_and_long_records() {
    let files = Files::with("a.jsonl", "{\"id\":1}\n");
    let uri = Uri::parse(&files.path("a.jsonl?delimiter=;")).unwrap();
    let error = FileSource::from_uri(&uri).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Config);
    // Only a look at the files tells their format here.
    let error = refused(&files.source("*l?delimiter=;")).await;
    assert_eq!(error.kind(), ErrorKind::Config);
    let long = format!("id\n1\n\"{}\"\n", "x".repeat(1 << 20));
    files.write("long.csv", long);
    let error = refused(&files.source("long.csv?max_line_length=1KiB&split_size=4096")).await;
    assert_eq!(error.kind(), ErrorKind::InvalidData, "{}", error.report());
    let read = read(&files.source("long.csv?types=id:text&split_size=4096&buffer_size=4KiB"))
        .await
        .unwrap();
    assert_eq!(read.rows.len(), 2);
}

#[tokio::test]
async fn an_unclosed_quote_is_an_error_however_the_file_is_divided() {
    let mut text = super::rows::awkward(100);
    text.push_str("101,\"never closed,1,1.5\n");
    text.push_str(&super::rows::body(200));
    let files = Files::with("a.csv", &text);
    let mut reports = std::collections::BTreeSet::new();
    for options in [
        "batch_size=10",
        "split_size=500",
        "split_size=64&buffer_size=4KiB",
    ] {
        let report = refused(&files.source(&format!("a.csv?{options}")))
            .await
            .report();
        reports.insert(report);
    }
    assert_eq!(reports.len(), 1, "{reports:?}");
}

#[tokio::test]
async fn nothing_is_read_before_it_is_asked_for() {
    let files = Files::new();
    let source = files.source("later.csv");
    files.write("later.csv", "id\n1\n");
    assert_eq!(source.streams().await.unwrap()[0].name(), "later");
    assert_eq!(splits(&source).await.unwrap().len(), 1);
}

#[tokio::test]
async fn parquet_that_is_written_over_meanwhile() {
    use std::io::Write;
    let files = Files::new();
    let id: arrow_array::ArrayRef =
        std::sync::Arc::new(arrow_array::Int64Array::from_iter_values(0..1000));
    files.parquet("a.parquet", vec![("id", id)], 1000);
    let source = files.source("a.parquet?batch_size=100");
    let split = splits(&source).await.unwrap().remove(0);
    let mut reader = source.create_reader(super::request(&split)).await.unwrap();
    reader.read().await.unwrap();
    // The same bytes again, in the same file, at a later time.
    let bytes = std::fs::read(files.path("a.parquet")).unwrap();
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .open(files.path("a.parquet"))
        .unwrap();
    file.write_all(&bytes).unwrap();
    let later = std::time::SystemTime::now() + std::time::Duration::from_secs(5);
    file.set_modified(later).unwrap();
    let error = loop {
        match reader.read().await {
            Ok(Some(_)) => {}
            Ok(None) => panic!("the change is not noticed"),
            Err(error) => break error,
        }
    };
    assert!(error.report().contains("changed"), "{}", error.report());
}
