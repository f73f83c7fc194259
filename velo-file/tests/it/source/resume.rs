//! Reading goes on at any mark, and only in the same file.

use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};
use velo_core::{DataSource, ErrorKind, ReadRequest, SourceOffset, SplitChange};
use velo_format::Format;

use super::rows::awkward;
use super::{Files, gzip, read, read_split, request, splits};

/// Resumes at every mark of every split; stored positions are read back from text.
async fn resumes(files: &Files, uri: &str) {
    let source = files.source(uri);
    for split in splits(&source).await.unwrap() {
        let whole = read_split(&source, request(&split)).await.unwrap();
        assert!(!whole.marks.is_empty(), "{uri}");
        for (mark, before) in &whole.marks {
            let stored: SourceOffset = mark.offset.to_string().parse().unwrap();
            // As after a restart: nothing is known but the split and the position.
            let restarted = files.source(uri);
            let request = ReadRequest {
                start: Some(stored),
                ..request(&split)
            };
            let rest = read_split(&restarted, request).await.unwrap();
            assert_eq!(rest.rows, whole.rows[*before..], "{uri} {}", mark.offset);
            if let (Some(first), Some(batch)) = (
                rest.batches.first(),
                whole
                    .batches
                    .iter()
                    .find(|batch| batch.span().unwrap().first as usize == *before),
            ) {
                assert_eq!(first.span(), batch.span(), "{uri} {}", mark.offset);
            }
        }
    }
}

#[tokio::test]
async fn at_every_mark() {
    let text = awkward(300);
    let files = Files::with("a.csv", &text);
    let middle = text.len() / 2;
    let members = [
        gzip(&text.as_bytes()[..middle]),
        gzip(&text.as_bytes()[middle..]),
    ];
    files.write("a.csv.gz", members.concat());
    files.write("wide.csv", super::encodings::utf_16(&text));
    files.write("wide.csv.gz", gzip(&super::encodings::utf_16(&text)));
    let id: ArrayRef = Arc::new(Int64Array::from_iter_values(0..400));
    files.parquet("a.parquet", vec![("id", id)], 150);
    let rows: Vec<String> = (0..100)
        .map(|id| format!("{{\n  \"id\": {id}\n}}"))
        .collect();
    files.write("a.json", format!("[{}]\n", rows.join(",\n")));
    files.write(
        "a.json.gz",
        gzip(format!("[{}]", rows.join(",")).as_bytes()),
    );
    files.write(
        "a.txt",
        (0..100)
            .map(|id| format!("line {id}\r\n"))
            .collect::<String>(),
    );
    for (path, format) in [
        ("a.arrow", Format::Arrow),
        ("a.arrows", Format::ArrowStream),
    ] {
        let id: ArrayRef = Arc::new(Int64Array::from_iter_values(0..100));
        files.table(path, format, vec![("id", id)], 40);
    }
    let stream = std::fs::read(files.path("a.arrows")).unwrap();
    files.write("b.arrows.gz", gzip(&stream));
    for uri in [
        "wide.csv?batch_size=9&buffer_size=4KiB&split_size=1000",
        "wide.csv.gz?batch_size=9&buffer_size=4KiB",
        "a.csv?batch_size=9&invalid_bytes=replace",
        "a.json?batch_size=9",
        "a.json.gz?batch_size=9&buffer_size=4KiB",
        "a.txt?batch_size=9",
        "a.txt?batch_size=9&split_size=300",
        "a.txt?whole_file=true",
        "a.arrow?batch_size=9",
        "a.arrows?batch_size=9&buffer_size=4KiB",
        "b.arrows.gz?batch_size=9",
        "a.arrows?batch_size=9&max_records=50",
        "a.csv?batch_size=9",
        "a.csv?batch_size=9&split_size=1000",
        "a.csv.gz?batch_size=9&buffer_size=4KiB",
        "a.parquet?batch_size=9",
        "a.csv?batch_size=9&max_records=50",
    ] {
        resumes(&files, uri).await;
    }
}

#[tokio::test]
async fn discovery_goes_on_where_it_was() {
    let files = Files::new();
    files.write("d/a.csv", "id,text,odd name,price\n1,a,2,3.5\n");
    files.write("d/b.csv", awkward(300));
    files.write("d/c.csv", "id,text,odd name,price\n1,a,2,3.5\n");
    let id: ArrayRef = Arc::new(Int64Array::from_iter_values(0..400));
    files.parquet("p/a.parquet", vec![("id", id.clone())], 3);
    files.parquet("p/b.parquet", vec![("id", id)], 3);
    for uri in ["d?split_size=1000", "p", "p?max_records=500"] {
        let all = splits(&files.source(uri)).await.unwrap();
        let source = files.source(uri);
        let mut found = source.splits(None).await.unwrap();
        let mut handed_out = 0;
        while let Some(SplitChange::Added { splits, resume }) = found.next().await.unwrap() {
            handed_out += splits.len();
            let resume: SourceOffset = resume.unwrap().to_string().parse().unwrap();
            let again = files.source(uri);
            let mut rest = again.splits(Some(&resume)).await.unwrap();
            let mut others = Vec::new();
            while let Some(SplitChange::Added { splits, .. }) = rest.next().await.unwrap() {
                others.extend(splits);
            }
            assert_eq!(others, all[handed_out..], "{uri} {resume}");
        }
        assert_eq!(handed_out, all.len());
    }
}

#[tokio::test]
async fn another_file_is_a_gap() {
    let files = Files::with("a.csv", "id\n1\n2\n3\n");
    let source = files.source("a.csv?batch_size=1");
    let split = splits(&source).await.unwrap().remove(0);
    let whole = read_split(&source, request(&split)).await.unwrap();
    let start = whole.marks[1].0.offset.clone();
    let resumed = async |text: &str| {
        files.write("a.csv", text);
        let request = ReadRequest {
            start: Some(start.clone()),
            ..request(&split)
        };
        read_split(&files.source("a.csv?batch_size=1"), request).await
    };
    assert_eq!(resumed("id\n1\n2\n3\n").await.unwrap().rows, ["id=3"]);
    assert_eq!(
        resumed("id\n1\n2\n3\n4\n").await.unwrap().rows,
        ["id=3", "id=4"]
    );
    for other in ["id\n1\n9\n3\n", "id\n1\n", "x\n1\n2\n3\n"] {
        let error = resumed(other).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Gap, "{}", error.report());
        assert!(error.report().contains("a.csv"), "{}", error.report());
    }
}

#[tokio::test]
async fn a_file_that_changes_while_it_is_read_is_an_error() {
    for (uri, change) in [("a.csv", "id\n1\n"), ("a.csv", "id\n1\n2\n3\n4\n5\n6\n")] {
        let files = Files::with("a.csv", "id\n1\n2\n3\n");
        let source = files.source(&format!("{uri}?batch_size=1&buffer_size=4KiB"));
        let split = splits(&source).await.unwrap().remove(0);
        let mut reader = source.create_reader(request(&split)).await.unwrap();
        reader.read().await.unwrap();
        files.write("a.csv", change);
        let error = loop {
            match reader.read().await {
                Ok(Some(_)) => {}
                Ok(None) => panic!("{change:?} was not noticed"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), ErrorKind::Conflict, "{}", error.report());
        let error = read(&source).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict, "{}", error.report());
    }
}

#[tokio::test]
async fn marks_count_bytes_and_leases_come_back() {
    let text = awkward(300);
    let header = text.find('\n').unwrap() as u64 + 1;
    let files = Files::with("a.csv", &text);
    files.write("a.csv.gz", gzip(text.as_bytes()));
    for (uri, size) in [
        ("a.csv?split_size=1000", text.len() as u64 - header),
        ("a.csv.gz", 0),
    ] {
        let source = files.source(uri);
        let mut read = 0;
        for split in splits(&source).await.unwrap() {
            let request = request(&split);
            let budget = request.budget.clone();
            let yielded = read_split(&source, request).await.unwrap();
            assert!(budget.used() > 0, "batches hold their memory");
            read += yielded.marks.last().unwrap().0.bytes_read;
            drop(yielded);
            assert_eq!(budget.used(), 0);
        }
        let size = if size == 0 {
            std::fs::metadata(files.path(uri)).unwrap().len()
        } else {
            size
        };
        assert_eq!(read, size, "{uri}");
    }
}
