//! Text that never ends, is too wide or too deep, or is none; names of columns likewise.

use std::fs::File;

use super::Hostile;

const GIB: u64 = 1 << 30;
const LEVELS: usize = 100_000;
const COLUMNS: usize = 5_000;

#[test]
fn a_line_of_a_gibibyte_is_refused() {
    let mut hostile = Hostile::new();
    for (uri, start) in [
        ("a.csv", "a,b\n1,"),
        ("quoted.csv", "a,b\n1,\""),
        ("header.csv", "a"),
        ("start.csv", "\""),
        ("plain.csv?delimiter=,&header=true&quote=none", "a,b\n1,"),
        ("a.jsonl", "{\"a\":1}\n{\"a\":\""),
        ("start.jsonl", "{\"a\":\""),
        ("a.json", "[{\"a\":1},{\"a\":\""),
        ("blank.json?format=json_array", ""),
        ("a.log", ""),
        ("a.csv?encoding=utf-16", ""),
        ("a.log?encoding=latin1", ""),
    ] {
        let name = uri.split('?').next().unwrap();
        let path = hostile.folder.put(name, start);
        // A hole: nothing is written, and it reads as zeros.
        let file = File::options().write(true).open(path).unwrap();
        file.set_len(GIB).unwrap();
        hostile.refuses(uri, &[]);
    }
    hostile.finish();
}

#[test]
fn five_thousand_columns_are_bounded() {
    let mut hostile = Hostile::new();
    let names = |before: &str, after: &str| {
        let names = (0..COLUMNS).map(|column| format!("{before}{column}{after}"));
        names.collect::<Vec<_>>().join(",")
    };
    let row = vec!["1"; COLUMNS].join(",");
    hostile
        .folder
        .put("a.csv", format!("{}\n{row}\n{row}\n", names("c", "")));
    let object = format!("{{{}}}\n", names("\"c", "\":1"));
    hostile.folder.put("a.jsonl", object.repeat(2));
    hostile
        .folder
        .put("nested.jsonl", format!("{{\"a\":{}}}\n", object.trim()));
    hostile.folder.put("a.json", format!("[{}]", object.trim()));
    // Every row has columns of its own.
    let rows = (0..5_000).map(|row| format!("{{\"c{row}\":1}}\n"));
    hostile.folder.put("sparse.jsonl", rows.collect::<String>());
    for name in ["a.csv", "a.jsonl", "nested.jsonl", "a.json", "sparse.jsonl"] {
        hostile.answers(name);
    }
    hostile.finish();
}

#[test]
fn deep_nesting_is_refused() {
    let mut hostile = Hostile::new();
    for (open, close) in [("[", "]"), ("{\"a\":", "}")] {
        let (open, close) = (open.repeat(LEVELS), close.repeat(LEVELS));
        for (name, text) in [
            ("a.jsonl", format!("{{\"a\":{open}1{close}}}\n")),
            ("open.jsonl", format!("{{\"a\":{open}\n")),
            ("a.json", format!("[{{\"a\":{open}1{close}}}]")),
            ("open.json", format!("[{{\"a\":{open}")),
        ] {
            hostile.folder.put(name, text);
            hostile.does_not_copy(name, &[]);
        }
    }
    hostile.finish();
}

#[test]
fn bytes_that_are_no_text_are_refused_where_text_is_due() {
    let mut hostile = Hostile::new();
    let texts: [(&str, &[u8], &[&str]); 5] = [
        (
            "a.csv",
            b"a,b\n1,x\n2,\xff\xfe\n",
            &["line 3", "column b", "byte"],
        ),
        ("header.csv", b"a\xff,b\n1,x\n", &[]),
        (
            "a.jsonl",
            b"{\"a\":\"x\"}\n{\"a\":\"\xc3\x28\"}\n",
            &["line 2", "byte"],
        ),
        (
            "a.json",
            b"[{\"a\":\"x\"},{\"a\":\"\xed\xa0\x80\"}]",
            &["byte"],
        ),
        ("a.log", b"x\n\xf8\x88\x80\x80\n", &["line 2", "byte"]),
    ];
    for (name, text, words) in texts {
        hostile.folder.put(name, text);
        hostile.does_not_copy(name, words);
    }
    for uri in [
        "a.parquet?codec=uncompressed",
        "a.parquet?codec=uncompressed&dictionary=off",
        "a.avro?codec=uncompressed",
        "a.arrow",
        "a.arrows",
    ] {
        hostile
            .folder
            .put("text.csv", "id,note\n1,some long words\n2,more\n");
        hostile.folder.ok(&["copy", "--quiet", "text.csv", uri]);
        let name = uri.split('?').next().unwrap();
        let mut bytes = std::fs::read(hostile.folder.path(name)).unwrap();
        let mut found = 0;
        for at in 0..bytes.len() - 4 {
            if &bytes[at..at + 4] == b"some" {
                bytes[at..at + 4].fill(0xff);
                found += 1;
            }
        }
        assert!(found > 0, "{uri}");
        hostile.folder.put(name, bytes);
        hostile.does_not_copy(name, &[]);
    }
    hostile.finish();
}
