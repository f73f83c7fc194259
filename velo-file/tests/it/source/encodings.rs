//! Text that is not UTF-8.

use velo_core::ErrorKind;

use super::rows::awkward;
use super::{Files, filtered, gzip, read, refused, splits, types};

/// Encodes as Windows programs do: a byte order mark, then little endian.
pub(super) fn utf_16(text: &str) -> Vec<u8> {
    let units = "\u{feff}".encode_utf16().chain(text.encode_utf16());
    units.flat_map(u16::to_le_bytes).collect()
}

#[tokio::test]
async fn utf_16_is_found_by_its_mark() {
    let text = awkward(300);
    let files = Files::with("utf8.csv", &text);
    let expected = read(&files.source("utf8.csv")).await.unwrap();
    let expected_types = types(&files.source("utf8.csv")).await;
    let little = utf_16(&text);
    let big: Vec<u8> = little
        .chunks(2)
        .flat_map(|unit| [unit[1], unit[0]])
        .collect();
    files.write("little.csv", &little);
    files.write("big.csv", &big);
    files.write("little.csv.gz", gzip(&little));
    files.write("nomark.csv", &big[2..]);
    for uri in [
        "little.csv",
        "little.csv?split_size=100&buffer_size=4KiB&batch_size=7",
        "big.csv",
        "big.csv?infer=full",
        "little.csv.gz",
        "little.csv.gz?encoding=utf-16",
        "nomark.csv?encoding=UTF-16BE",
        "utf8.csv?invalid_bytes=replace",
    ] {
        let source = files.source(uri);
        assert_eq!(read(&source).await.unwrap().rows, expected.rows, "{uri}");
        assert_eq!(types(&source).await, expected_types, "{uri}");
    }
    files.write("lines.jsonl", utf_16("{\"id\":1}\n{\"id\":2}\n"));
    let source = files.source("lines.jsonl");
    assert_eq!(read(&source).await.unwrap().rows, ["id=1", "id=2"]);
    let found = filtered(&source, "id > 1", None).await.unwrap();
    assert_eq!(found.rows, ["id=2"]);
    let some = files.source("little.csv?max_records=5");
    assert_eq!(read(&some).await.unwrap().rows, expected.rows[..5]);
}

#[tokio::test]
async fn large_files_are_sampled_and_counted() {
    let rows: String = (0..150_000).map(|n| format!("{n},ä{n}\n")).collect();
    let files = Files::with("a/1.csv", utf_16(&format!("id,name\n{rows}")));
    files.write("a/2.csv", utf_16("id,name\n7,é\n"));
    let source = files.source("a?max_records=150001");
    let found = read(&source).await.unwrap().rows;
    assert_eq!(found.len(), 150_001);
    assert_eq!(found[150_000], "id=7|name=é");
    assert_eq!(
        splits(&files.source("a?split_size=64KiB"))
            .await
            .unwrap()
            .len(),
        2
    );
}

#[tokio::test]
async fn small_sets_are_read_by_option() {
    let files = Files::with("a.csv", b"id,name\n1,caf\xe9\n2,\x80\n");
    for (encoding, second) in [
        ("latin1", "\u{80}"),
        ("iso-8859-1", "\u{80}"),
        ("windows-1252", "€"),
    ] {
        let rows = read(&files.source(&format!("a.csv?encoding={encoding}"))).await;
        let second = format!("id=2|name={second}");
        assert_eq!(rows.unwrap().rows, ["id=1|name=café", &second]);
    }
    let report = refused(&files.source("a.csv")).await.report();
    assert!(report.contains("encoding="), "{report}");
}

#[tokio::test]
async fn invalid_bytes_follow_the_policy() {
    let mut wide = utf_16("id,name\n1,a\n2,b\n3,c\n");
    // Half a surrogate pair for the `b`.
    let at = wide.len() - 12;
    wide[at..at + 2].copy_from_slice(b"\x00\xd8");
    let files = Files::with("wide.csv", &wide);
    files.write("wide.csv.gz", gzip(&wide));
    files.write("narrow.csv", b"id,name\n1,a\n2,\xe9\n3,c\n");
    for (path, byte) in [
        ("wide.csv", "byte of the text in utf-8"),
        ("wide.csv.gz", "byte of the text in utf-8"),
        ("narrow.csv", "byte"),
    ] {
        let error = refused(&files.source(path)).await;
        assert_eq!(error.kind(), ErrorKind::InvalidData);
        assert_eq!(error.context("line"), Some("3"), "{}", error.report());
        assert_eq!(error.context("column"), Some("name"), "{}", error.report());
        assert_eq!(error.context(byte), Some("14"), "{}", error.report());
        let skipped = read(&files.source(&format!("{path}?on_bad_row=skip"))).await;
        assert_eq!(skipped.unwrap().rows, ["id=1|name=a", "id=3|name=c"]);
        let replaced = read(&files.source(&format!("{path}?invalid_bytes=replace"))).await;
        let rows = replaced.unwrap().rows;
        assert_eq!(rows, ["id=1|name=a", "id=2|name=\u{fffd}", "id=3|name=c"]);
    }
}
