//! Standard output, devices and pipes.

use std::io::Read;
use std::process::{Command, Stdio};

use super::*;

/// Runs a test of this binary as a child, with its own standard output.
pub(super) fn child(test: &str, argument: &str) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([test, "--exact", "--nocapture", "--quiet"])
        .env("VELO_FILE_CHILD", argument);
    command
}

/// Gives what the parent wants done; nothing when this is not a child.
pub(super) fn argument() -> Option<String> {
    std::env::var("VELO_FILE_CHILD").ok()
}

#[tokio::test]
async fn child_writes_to_stdout() {
    let Some(uri) = argument() else { return };
    let sink = open(Path::new(&uri), "");
    let mut writer = writer(&sink, 1, 0).await;
    for epoch in 1..3 {
        for n in 0..100 {
            let start = (epoch as i64 - 1) * 100_000 + n * 1000;
            let written = writer.write(batch_of(n as u64, start..start + 1000)).await;
            let Err(error) = written else { continue };
            eprintln!("failed: {}", error.report());
            return;
        }
        match prepare(&mut writer, 1, epoch).await {
            Ok(commit) => assert!(commit.parts.is_empty()),
            Err(error) => return eprintln!("failed: {}", error.report()),
        }
    }
    eprintln!("done");
}

#[test]
fn epochs_follow_each_other_under_one_header() {
    for uri in [
        "stdout:?format=csv",
        "-?format=csv",
        "/dev/stdout?format=csv",
    ] {
        let child = child("sink::through::child_writes_to_stdout", uri)
            .output()
            .unwrap();
        let text = String::from_utf8(child.stdout).unwrap();
        let stderr = String::from_utf8(child.stderr).unwrap();
        assert!(stderr.contains("done"), "{stderr}");
        let lines: Vec<&str> = text.lines().filter(|line| line.contains(',')).collect();
        assert_eq!(lines.iter().filter(|line| **line == "id,name").count(), 1);
        assert_eq!(lines.len(), 200_001);
        assert_eq!(lines[200_000], "199999,n1");
    }
}

#[test]
fn a_reader_that_goes_away_is_named() {
    let mut child = child(
        "sink::through::child_writes_to_stdout",
        "stdout:?format=csv",
    )
    .stdout(Stdio::piped())
    .stderr(Stdio::piped())
    .spawn()
    .unwrap();
    let mut some = [0; 1000];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    let output = child.wait_with_output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert!(
        stderr.contains("failed: stdout: nobody reads any more"),
        "{stderr}"
    );
}

#[tokio::test]
async fn devices_and_pipes_take_rows_as_they_come() {
    let directory = tempfile::tempdir().unwrap();
    copy(&open(Path::new("/dev/null"), "?format=csv"), 1, 0..10)
        .await
        .unwrap();
    let error = copy(&open(Path::new("/dev/full"), "?format=csv"), 1, 0..10)
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(
        error.report().starts_with("/dev/full: write file: "),
        "{}",
        error.report()
    );

    let fifo = directory.path().join("pipe.csv");
    let mode = rustix::fs::Mode::from_raw_mode(0o600);
    rustix::fs::mknodat(rustix::fs::CWD, &fifo, rustix::fs::FileType::Fifo, mode, 0).unwrap();
    let reader = fifo.clone();
    let read = std::thread::spawn(move || text(&reader));
    copy(&open(&fifo, ""), 1, 0..2).await.unwrap();
    assert_eq!(read.join().unwrap(), "id,name\n0,\n1,n1\n");
    assert_eq!(files(directory.path()), ["pipe.csv"]);
}
