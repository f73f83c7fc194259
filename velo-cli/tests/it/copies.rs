//! `velo copy` over real data and small data.

use crate::velo::{Folder, flights};

#[test]
fn the_readme_command_copies_every_flight() {
    let folder = Folder::new();
    let flights = flights();
    folder.ok(&["copy", flights.to_str().unwrap(), "flights.parquet"]);
    assert_eq!(folder.ok(&["count", "flights.parquet"]), "336776\n");
    assert_eq!(folder.ok(&["count", flights.to_str().unwrap()]), "336776\n");
    let schema = folder.ok(&["schema", "flights.parquet"]);
    for line in ["year            int64", "tailnum         text", "time_hour"] {
        assert!(schema.contains(line), "{schema}");
    }
    assert_eq!(folder.list("."), ["flights.parquet"]);
}

#[test]
fn flights_survive_a_round_through_every_format() {
    let folder = Folder::new();
    let steps = [
        "a.parquet",
        "b.jsonl",
        "c.csv.zst",
        "d.jsonl.gz",
        "e.parquet",
        "f.csv.lz4",
        "g.jsonl.sz",
        "h.avro",
        "i.json?format=json_array",
        "j.arrow?codec=zstd",
        "k.arrows?codec=lz4",
        "l.csv",
    ];
    folder.ok(&["copy", flights().to_str().unwrap(), "first.csv"]);
    let mut from = "first.csv";
    for step in &steps {
        folder.ok(&["copy", from, step]);
        from = step.split('?').next().unwrap();
    }
    assert!(
        folder.text("first.csv") == folder.text("l.csv"),
        "the round trip changed something"
    );
}

#[test]
fn the_result_does_not_depend_on_threads_or_batches() {
    let folder = Folder::new();
    folder.ok(&["copy", flights().to_str().unwrap(), "flights.csv"]);
    for (threads, options) in [
        ("1", ""),
        ("2", "?batch_size=1000"),
        ("7", "?split_size=1MiB"),
    ] {
        let source = format!("flights.csv{options}");
        for name in ["jsonl", "parquet", "avro", "csv.gz"] {
            let destination = format!("{threads}.{name}");
            folder.ok(&["copy", "--threads", threads, &source, &destination]);
            folder.ok(&[
                "copy",
                "--threads",
                threads,
                &destination,
                &format!("{destination}.csv"),
            ]);
            let same = folder.text(&format!("{destination}.csv")) == folder.text("flights.csv");
            assert!(same, "{destination} has other rows");
        }
    }
}

#[test]
fn text_is_a_column_of_lines() {
    let folder = Folder::new();
    folder.put("a.log", "one\r\n\ntwo");
    folder.ok(&["copy", "a.log", "b.txt.gz"]);
    assert_eq!(folder.ok(&["count", "b.txt.gz"]), "3\n");
    folder.ok(&["copy", "b.txt.gz", "c.txt"]);
    assert_eq!(folder.text("c.txt"), "one\n\ntwo\n");
    folder.ok(&["copy", "c.txt?whole_file=true", "d.jsonl"]);
    assert_eq!(folder.text("d.jsonl"), "{\"value\":\"one\\n\\ntwo\\n\"}\n");
    folder.fails(&["copy", "d.jsonl", "e.txt"], 65, &["line end", "jsonl"]);
    folder.put("two.csv", "a,b\n1,2\n");
    folder.fails(&["copy", "two.csv", "e.txt"], 78, &["one column"]);
}

#[test]
fn an_array_is_written_and_read_whole() {
    let folder = Folder::new();
    folder.put("a.csv", "x,y\n1,a\n2,\n");
    folder.ok(&["copy", "a.csv", "b.json?format=json-array"]);
    assert_eq!(
        folder.text("b.json"),
        "[\n{\"x\":1,\"y\":\"a\"},\n{\"x\":2,\"y\":null}\n]\n"
    );
    folder.ok(&[
        "copy",
        "a.csv",
        "none.json?format=json_array",
        "--filter",
        "x > 5",
    ]);
    assert_eq!(folder.text("none.json"), "[]\n");
    folder.put("cut.json", &folder.text("b.json")[..30]);
    folder.fails(
        &["copy", "cut.json", "c.csv"],
        65,
        &["cut.json", "`]` is missing", "byte 30"],
    );
    folder.fails(&["copy", "a.csv", "d.arrow.gz"], 78, &["arrow", "codec"]);
}

#[test]
fn a_destination_is_replaced_as_by_cp() {
    let folder = Folder::new();
    folder.put("a.csv", "x\n1\n");
    folder.put("b.csv", "old\n");
    folder.ok(&["copy", "a.csv", "b.csv"]);
    assert_eq!(folder.text("b.csv"), "x\n1\n");
    folder.fails(
        &["copy", "a.csv", "b.csv?if_exists=fail"],
        73,
        &["b.csv", "exists"],
    );
}

#[test]
fn columns_and_filter_choose() {
    let folder = Folder::new();
    folder.put("a.csv", "id,region,price\n1,EU,10\n2,US,20\n3,EU,30\n");
    let filter = "region = 'EU' and price > 10";
    folder.ok(&[
        "copy",
        "a.csv",
        "b.csv",
        "--columns",
        "price,id",
        "--filter",
        filter,
    ]);
    assert_eq!(folder.text("b.csv"), "price,id\n30,3\n");
    folder.fails(
        &["copy", "a.csv", "b.csv", "--columns", "prise"],
        64,
        &["prise", "price"],
    );
    folder.fails(
        &["copy", "a.csv", "b.csv", "--filter", "prise > 1"],
        64,
        &["prise", "price"],
    );
    assert_eq!(folder.text("b.csv"), "price,id\n30,3\n");
}

#[test]
fn many_files_become_one_and_one_becomes_many() {
    let folder = Folder::new();
    folder.put("in/a.csv", "id,region\n1,EU\n2,US\n");
    folder.put("in/b.csv", "id,region\n3,EU\n");
    folder.ok(&["copy", "in/*.csv", "all.csv"]);
    assert_eq!(folder.text("all.csv"), "id,region\n1,EU\n2,US\n3,EU\n");
    folder.ok(&["copy", "in/", "out/?format=csv&partition_by=region"]);
    assert_eq!(folder.list("out"), ["region=EU/", "region=US/"]);
    folder.ok(&["copy", "out/**/*.csv", "back.csv", "--columns", "id,region"]);
    assert_eq!(
        folder.ok(&["count", "back.csv", "--filter", "region = 'EU'"]),
        "2\n"
    );
}

#[test]
fn bad_rows_stop_are_skipped_or_kept() {
    let folder = Folder::new();
    folder.put("a.csv", "id,price\n1,2.5\n2,cheap,x\n3,4.5\n");
    folder.put("b.csv", "old\n");
    folder.fails(
        &["copy", "a.csv", "b.csv"],
        65,
        &["a.csv", "line 3", "on_bad_row=skip"],
    );
    assert_eq!(folder.text("b.csv"), "old\n");
    let ran = folder.run(&["copy", "a.csv?on_bad_row=skip", "b.csv"]);
    assert!(
        ran.errors().contains("1 bad rows skipped"),
        "{}",
        ran.errors()
    );
    assert_eq!(folder.text("b.csv"), "id,price\n1,2.5\n3,4.5\n");
    folder.ok(&["copy", "a.csv", "b.csv", "--dead-letters", "bad.jsonl"]);
    let bad = folder.text("bad.jsonl");
    assert!(
        bad.contains("\"raw\":\"2,cheap,x\"") && bad.contains("\"line\":3"),
        "{bad}"
    );
    assert_eq!(folder.ok(&["count", "b.csv"]), "2\n");
    folder.fails(
        &["copy", "a.csv?on_bad_row=dead_letter", "b.csv"],
        78,
        &["--dead-letters"],
    );
}

#[test]
fn a_header_alone_becomes_an_empty_table() {
    let folder = Folder::new();
    folder.put("a.csv", "id,region\n");
    folder.ok(&["copy", "a.csv", "a.parquet"]);
    assert_eq!(folder.ok(&["count", "a.parquet"]), "0\n");
    assert!(folder.ok(&["schema", "a.parquet"]).contains("region"));
}

#[test]
fn every_compression_is_written_and_found_by_name_or_bytes() {
    let folder = Folder::new();
    let rows: String = (0..5000).map(|n| format!("{n},row {n}\n")).collect();
    let text = format!("id,name\n{rows}");
    folder.put("a.csv", &text);
    for ending in ["gz", "zst", "sz", "lz4", "bz2", "xz"] {
        let name = format!("a.csv.{ending}");
        folder.ok(&["copy", "a.csv", &name]);
        folder.ok(&["copy", &name, "b.csv"]);
        assert_eq!(folder.text("b.csv"), text, "{ending}");
        let compressed = std::fs::read(folder.path(&name)).unwrap();
        assert!(compressed.len() < text.len(), "{ending}");
        folder.put("plain.csv", compressed);
        assert_eq!(folder.ok(&["count", "plain.csv"]), "5000\n", "{ending}");
    }
    for option in ["lz4", "bz2", "xz&compression_level=0", "snappy"] {
        let destination = format!("c.csv?compression={option}");
        folder.ok(&["copy", "a.csv", &destination]);
        assert_eq!(folder.ok(&["count", "c.csv"]), "5000\n", "{option}");
    }
    folder.fails(
        &["copy", "a.csv", "c.csv.lz4?compression_level=3"],
        78,
        &["compression_level", "lz4"],
    );
    folder.fails(
        &["copy", "a.csv", "c.parquet?compression=xz"],
        78,
        &["compression", "xz"],
    );
    folder.ok(&["copy", "a.csv", "c.parquet?compression=lz4"]);
}

#[test]
fn other_encodings_are_read_and_written() {
    let folder = Folder::new();
    let text = "id,name\n1,café\n2,€\n";
    folder.put("a.csv", text);
    for (option, bytes) in [
        ("utf-16", &b"\xff\xfei\0d\0"[..]),
        ("utf-16be", b"\0i\0d"),
        ("windows-1252", b"id,name\n1,caf\xe9\n2,\x80\n"),
    ] {
        let coded = format!("coded.csv?encoding={option}");
        folder.ok(&["copy", "a.csv", &coded]);
        let written = std::fs::read(folder.path("coded.csv")).unwrap();
        assert!(written.starts_with(bytes), "{option}: {written:?}");
        folder.ok(&["copy", &coded, "back.csv"]);
        assert_eq!(folder.text("back.csv"), text, "{option}");
    }
    // The mark is enough, also inside a compressed file and for JSON lines.
    for name in ["b.csv", "b.csv.xz", "b.jsonl"] {
        folder.ok(&["copy", "a.csv", &format!("{name}?encoding=utf-16")]);
        folder.ok(&["copy", name, "back.csv"]);
        assert_eq!(folder.text("back.csv"), text, "{name}");
    }
    folder.fails(
        &["copy", "a.csv", "c.csv?encoding=latin1"],
        65,
        &["column name", "latin1", "invalid_bytes=replace"],
    );
    folder.ok(&[
        "copy",
        "a.csv",
        "c.csv?encoding=latin1&invalid_bytes=replace",
    ]);
    let written = std::fs::read(folder.path("c.csv")).unwrap();
    assert_eq!(written, b"id,name\n1,caf\xe9\n2,?\n");
    folder.fails(
        &["copy", "a.csv", "c.parquet?encoding=latin1"],
        78,
        &["encoding"],
    );
    let standard = folder.ok(&[
        "copy",
        "a.csv",
        "stdout:?format=csv&encoding=latin1&invalid_bytes=replace",
        "--columns",
        "id",
    ]);
    assert_eq!(standard, "id\n1\n2\n");
}

#[test]
fn utf_16_keeps_one_mark_however_many_chunks() {
    let folder = Folder::new();
    let rows: String = (0..200_000).map(|n| format!("{n},ä\n")).collect();
    folder.put("a.csv", format!("id,name\n{rows}"));
    for threads in ["1", "3"] {
        let arguments = ["copy", "--threads", threads, "a.csv?split_size=1MiB"];
        folder.ok(&[&arguments[..], &["b.csv?encoding=utf-16"]].concat());
        folder.ok(&["copy", "b.csv", "c.csv"]);
        assert!(folder.text("a.csv") == folder.text("c.csv"), "{threads}");
    }
}
