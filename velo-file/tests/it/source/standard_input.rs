//! Standard input, by a process of this test binary that reads it.

use std::io::Write;
use std::process::{Command, Stdio};
use std::sync::Arc;

use arrow_array::{ArrayRef, Int64Array};
use velo_format::Format;

use super::{Files, gzip, read, source};

const URI: &str = "VELO_TEST_STDIN_URI";

/// The other side of these tests: reads what its standard input gives and prints it.
#[tokio::test]
async fn reader_process() {
    let Ok(uri) = std::env::var(URI) else {
        return;
    };
    match read(&source(&uri)).await {
        Ok(yielded) => {
            for row in yielded.rows {
                println!("row {row}");
            }
        }
        Err(error) => println!("error {}", error.report()),
    }
}

fn rows_of(uri: &str, input: &[u8]) -> Vec<String> {
    let name = "source::standard_input::reader_process";
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(URI, uri)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut stdin, input) = (child.stdin.take().unwrap(), input.to_vec());
    let writer = std::thread::spawn(move || {
        // A reader that refuses the input closes it early.
        let _ = stdin.write_all(&input);
    });
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text
        .lines()
        .filter(|line| line.starts_with("row ") || line.starts_with("error "));
    lines.map(str::to_owned).collect()
}

#[test]
fn is_read_once_from_front_to_back() {
    let text: String = (0..50_000).fold("id\n".to_owned(), |text, n| format!("{text}{n}\n"));
    let array = (0..50_000)
        .map(|n| format!("{{\"id\":{n}}}"))
        .collect::<Vec<_>>();
    let array = format!("[{}]", array.join(",\n"));
    for (uri, input) in [
        ("stdin:?format=csv", text.clone().into_bytes()),
        ("-?format=csv&batch_size=100", text.clone().into_bytes()),
        ("stdin:?format=csv", gzip(text.as_bytes())),
        ("stdin:?format=csv", super::encodings::utf_16(&text)),
        ("stdin:", array.clone().into_bytes()),
        ("stdin:", gzip(array.as_bytes())),
    ] {
        let rows = rows_of(uri, &input);
        assert_eq!(rows.len(), 50_000, "{uri}: {:?}", rows.first());
        assert_eq!(rows[49_999], "row id=49999");
    }
    assert_eq!(
        rows_of("stdin:?format=csv&max_records=3", text.as_bytes()).len(),
        3
    );
}

#[test]
fn is_read_in_the_dialect_that_its_start_shows() {
    let text: String = (0..50_000).fold("id;x\n".to_owned(), |text, n| format!("{text}{n};0,5\n"));
    for input in [text.clone().into_bytes(), gzip(text.as_bytes())] {
        let rows = rows_of("stdin:?format=csv", &input);
        assert_eq!(rows.len(), 50_000);
        assert_eq!(rows[49_999], "row id=49999|x=0.5");
    }
    let rows = rows_of("stdin:?format=csv", b"1|a\n2|b\n");
    assert_eq!(rows[0], "row column_0=1|column_1=a");
}

#[test]
fn can_hold_parquet() {
    let files = Files::new();
    let id: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
    files.parquet("a.parquet", vec![("id", id)], 300);
    let bytes = std::fs::read(files.path("a.parquet")).unwrap();
    let rows = rows_of("stdin:", &bytes);
    assert_eq!(rows.len(), 1000, "{:?}", rows.first());
    assert_eq!(rows[999], "row id=999");
}

#[test]
fn avro_comes_by_its_first_bytes() {
    let files = Files::new();
    super::blocks::numbered(&files, "a.avro", 0..20_000);
    let bytes = std::fs::read(files.path("a.avro")).unwrap();
    let rows = rows_of("stdin:?buffer_size=4KiB", &bytes);
    assert_eq!(rows.len(), 20_000);
    assert_eq!(rows[19_999], "row id=19999|name=name 19999;");
    let short = rows_of("stdin:", &bytes[..bytes.len() - 1]);
    let last = short.last().unwrap();
    assert!(last.contains("ends within a block"), "{last}");
}

#[test]
fn can_hold_arrow() {
    let files = Files::new();
    for (path, format) in [
        ("a.arrow", Format::Arrow),
        ("a.arrows", Format::ArrowStream),
    ] {
        let id: ArrayRef = Arc::new(Int64Array::from_iter_values(0..1000));
        files.table(path, format, vec![("id", id)], 300);
        let rows = rows_of("stdin:", &std::fs::read(files.path(path)).unwrap());
        assert_eq!(rows.len(), 1000, "{:?}", rows.first());
        assert_eq!(rows[999], "row id=999");
    }
}

#[test]
fn gives_clear_answers() {
    for (uri, input, part) in [
        ("stdin:?format=csv", &b""[..], "standard input is empty"),
        ("stdin:", b"id\n1\n", "format=csv"),
        (
            "stdin:?format=csv&types=id:int64",
            b"id\n1\nx\n",
            "stdin:, line 3, column id",
        ),
        ("stdin:?format=csv", b"\x1f\x8b\x08\x00", "stdin:"),
    ] {
        let rows = rows_of(uri, input);
        assert!(
            rows[0].starts_with("error ") && rows[0].contains(part),
            "{uri}: {rows:?}"
        );
    }
}
