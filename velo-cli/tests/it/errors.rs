//! Bad input: one line of what is wrong, where and what to do; the destination as it was.

use std::process::Command;

use crate::velo::Folder;

#[test]
fn uris_and_options_are_explained() {
    let folder = Folder::new();
    folder.put("a.csv", "x\n1\n");
    folder.put("b.csv", "old\n");
    let table: &[(&[&str], i32, &[&str])] = &[
        (
            &["copy", "fiel:///a.csv", "b.csv"],
            64,
            &["fiel", "did you mean `file`"],
        ),
        (
            &["copy", "a.csv", "file://host/b.csv"],
            64,
            &["file:///host/b.csv"],
        ),
        (
            &["copy", "a.csv?delimeter=;", "b.csv"],
            78,
            &["delimeter", "did you mean `delimiter`"],
        ),
        (
            &["copy", "a.csv?header=ja", "b.csv"],
            78,
            &["header=ja", "true or false"],
        ),
        (&["copy", "a.csv?delimiter=ab", "b.csv"], 78, &["delimiter"]),
        (
            &["copy", "a.csv", "b.csv?compression=zip"],
            78,
            &["compression", "gzip"],
        ),
        (
            &["copy", "a.csv?format=parket", "b.csv"],
            78,
            &["format", "parquet"],
        ),
        (&["copy", "a.csv?types=y:int64", "b.csv"], 78, &["y"]),
        (
            &["copy", "a.csv?types=x:integre", "b.csv"],
            78,
            &["integre", "did you mean"],
        ),
        (
            &["copy", "missing.csv", "b.csv"],
            66,
            &["missing.csv", "no such file"],
        ),
        (&["copy", "none*.csv", "b.csv"], 66, &["none*.csv"]),
        (&["copy", "a.csv", "nowhere.unknown"], 78, &["format"]),
        (&["count", "a.csv", "--filter", "x >"], 64, &["condition"]),
        (&["connectors", "fil"], 64, &["did you mean `file`"]),
    ];
    for (arguments, code, words) in table {
        folder.fails(arguments, *code, words);
    }
    assert_eq!(folder.text("b.csv"), "old\n");
    assert_eq!(folder.list("."), ["a.csv", "b.csv"]);
}

#[test]
fn bad_usage_ends_with_64() {
    let folder = Folder::new();
    assert_eq!(folder.run(&["copy", "a.csv"]).code(), Some(64));
    assert_eq!(folder.run(&["cpoy", "a", "b"]).code(), Some(64));
    assert_eq!(folder.run(&["--help"]).code(), Some(0));
    assert_eq!(folder.run(&["--version"]).code(), Some(0));
}

#[test]
fn a_wrong_type_far_into_a_file_is_located() {
    let folder = Folder::new();
    let mut text = String::from("id,price,note\n");
    for row in 2..400_000 {
        let price = if row == 300_002 { "cheap" } else { "12.5" };
        text += &format!("{row},{price},ok\n");
    }
    folder.put("a.csv", &text);
    folder.put("b.parquet", "old");
    let byte = text.find("cheap").unwrap().to_string();
    let words = [
        "a.csv",
        "line 300002",
        "column price",
        byte.as_str(),
        "types=price:text",
    ];
    folder.fails(&["copy", "a.csv", "b.parquet"], 65, &words);
    assert_eq!(folder.text("b.parquet"), "old");
    folder.ok(&["copy", "a.csv?types=price:text", "b.parquet"]);
    folder.ok(&["copy", "a.csv?infer=full", "b.parquet"]);
    assert!(folder.ok(&["schema", "b.parquet"]).contains("price  text"));
    assert_eq!(folder.list("."), ["a.csv", "b.parquet"]);
}

#[test]
fn damaged_files_are_named() {
    let folder = Folder::new();
    let rows: String = (0..50_000)
        .map(|row| format!("{row},{}\n", row * 7))
        .collect();
    folder.put("a.csv", format!("a,b\n{rows}"));
    folder.put("out.csv", "old\n");
    folder.ok(&["copy", "a.csv", "whole.csv.gz"]);
    folder.ok(&["copy", "a.csv", "whole.parquet"]);
    for (name, whole) in [
        ("cut.csv.gz", "whole.csv.gz"),
        ("cut.parquet", "whole.parquet"),
    ] {
        let bytes = std::fs::read(folder.path(whole)).unwrap();
        folder.put(name, &bytes[..bytes.len() / 2]);
        folder.fails(&["copy", name, "out.csv"], 65, &[name]);
    }
    folder.put("ragged.csv", "a,b\n1,2\n1,2,3\n");
    folder.fails(
        &["copy", "ragged.csv", "out.csv"],
        65,
        &["ragged.csv", "line 3"],
    );
    folder.put("open.csv", "a,b\n1,\"2\n3,4\n");
    folder.fails(
        &["copy", "open.csv", "out.csv"],
        65,
        &["open.csv", "line 2"],
    );
    folder.put("list.jsonl", "{\"a\":1}\n[1]\n");
    folder.fails(
        &["copy", "list.jsonl", "out.csv"],
        65,
        &["list.jsonl", "line 2"],
    );
    folder.put("nested.jsonl", "{\"a\":{\"b\":1}}\n");
    folder.fails(&["copy", "nested.jsonl", "out.csv"], 78, &["a"]);
    assert_eq!(folder.text("out.csv"), "old\n");
}

#[test]
fn odd_places_get_an_answer_and_no_hang() {
    let folder = Folder::new();
    folder.put("a.csv", "x\n1\n");
    std::fs::create_dir(folder.path("dir.csv")).unwrap();
    folder.fails(&["copy", "dir.csv", "b.csv"], 66, &["dir.csv"]);
    std::os::unix::fs::symlink("gone", folder.path("link.csv")).unwrap();
    folder.fails(&["copy", "link.csv", "b.csv"], 66, &["link.csv"]);
    folder.put("empty.csv", "");
    folder.fails(&["copy", "empty.csv", "b.csv"], 65, &["empty.csv"]);
    folder.put("file", "x");
    let ran = folder.run(&["copy", "a.csv", "file/b.csv"]);
    assert_ne!(ran.code(), Some(0));
    let locked = folder.put("locked.csv", "x\n1\n");
    let mode = |mode| std::os::unix::fs::PermissionsExt::from_mode(mode);
    std::fs::set_permissions(&locked, mode(0o000)).unwrap();
    if std::fs::File::open(&locked).is_err() {
        folder.fails(&["copy", "locked.csv", "b.csv"], 77, &["locked.csv"]);
    }
    let made = Command::new("mkfifo").arg(folder.path("pipe.csv")).status();
    if made.is_ok_and(|made| made.success()) {
        let mut child = folder
            .command(&["copy", "pipe.csv", "b.csv"])
            .spawn()
            .unwrap();
        std::thread::sleep(std::time::Duration::from_millis(300));
        // Either it refused at once, or it waits for a writer: then one comes.
        if child.try_wait().unwrap().is_none() {
            std::fs::write(folder.path("pipe.csv"), "x\n1\n").unwrap();
            assert!(child.wait().unwrap().success());
        }
    }
}

#[test]
fn a_limit_on_the_size_of_files_is_said() {
    let folder = Folder::new();
    let limited = std::process::Command::new("sh")
        .args([
            "-c",
            "ulimit -f 1 && exec \"$0\" copy 'test://order?rows=9999' out.csv",
        ])
        .arg(env!("CARGO_BIN_EXE_velo"))
        .current_dir(folder.path("."))
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&limited.stderr);
    assert_eq!(limited.status.code(), Some(74), "{errors}");
    assert!(errors.contains("out.csv"), "{errors}");
    assert!(folder.list(".").is_empty(), "{:?}", folder.list("."));
}
