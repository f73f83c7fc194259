//! Standard input and output.

use std::io::Write;
use std::process::Stdio;

use crate::velo::{Folder, Ran};

fn feed(folder: &Folder, arguments: &[&str], input: &[u8]) -> Ran {
    let mut command = folder.command(arguments);
    command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writing = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().unwrap();
    writing.join().unwrap();
    Ran(output)
}

#[test]
fn rows_flow_from_pipe_to_pipe() {
    let folder = Folder::new();
    let ran = feed(
        &folder,
        &["copy", "stdin:?format=csv", "stdout:?format=jsonl"],
        b"a,b\n1,x\n",
    );
    assert_eq!(
        (ran.code(), ran.output().as_str()),
        (Some(0), "{\"a\":1,\"b\":\"x\"}\n")
    );
    let ran = feed(&folder, &["copy", "stdin:?format=csv", "-"], b"a\n007\n");
    assert_eq!(ran.output(), "{\"a\":\"007\"}\n");
}

#[test]
fn a_hyphen_takes_options() {
    let folder = Folder::new();
    for arguments in [
        &["copy", "-?format=csv", "-?format=jsonl"][..],
        &["copy", "--quiet", "-?format=csv", "-?format=jsonl"],
        &["copy", "-?format=csv", "-q", "-?format=jsonl"],
        &["copy", "-?format=csv", "-?format=jsonl", "--quiet"],
    ] {
        let ran = feed(&folder, arguments, b"a;b\n1;x\n");
        assert_eq!(ran.output(), "{\"a\":1,\"b\":\"x\"}\n", "{}", ran.errors());
        let silent = arguments
            .iter()
            .any(|argument| argument.starts_with("-q") || *argument == "--quiet");
        assert_eq!(ran.errors().is_empty(), silent, "{}", ran.errors());
    }
    let count = feed(&folder, &["count", "-?format=csv"], b"a;b\n1;x\n");
    assert_eq!(count.code(), Some(0), "{}", count.errors());
    for typo in [&["copy", "--quite", "a.csv", "b.csv"][..], &["count", "-z"]] {
        assert_eq!(folder.run(typo).code(), Some(64), "{typo:?}");
    }
}

#[test]
fn a_pipe_without_a_format_asks_for_one() {
    let folder = Folder::new();
    let ran = feed(&folder, &["copy", "-", "b.csv"], b"a,b\n1,2\n");
    assert_ne!(ran.code(), Some(0));
    assert!(ran.errors().contains("format="), "{}", ran.errors());
}

#[test]
fn parquet_comes_through_a_pipe() {
    let folder = Folder::new();
    folder.put("a.csv", "a\n1\n2\n");
    folder.ok(&["copy", "a.csv", "a.parquet"]);
    let bytes = std::fs::read(folder.path("a.parquet")).unwrap();
    let ran = feed(&folder, &["copy", "stdin:", "b.csv"], &bytes);
    assert_eq!(ran.code(), Some(0), "{}", ran.errors());
    assert_eq!(folder.text("b.csv"), "a\n1\n2\n");
}

#[test]
fn a_reader_that_has_seen_enough_is_no_error() {
    let folder = Folder::new();
    let rows: String = (0..200_000).map(|row| format!("{row}\n")).collect();
    folder.put("a.csv", format!("a\n{rows}"));
    let mut command = folder.command(&["copy", "--quiet", "a.csv", "stdout:?format=csv"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = [0; 2];
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut first).unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!(&first, b"a\n");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}
