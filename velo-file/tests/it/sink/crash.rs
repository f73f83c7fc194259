//! Death at every point between two steps, and what the next run makes of it.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::through::{argument, child};
use super::*;

/// Prepares an epoch of two files in a directory and forgets the process's memory of it.
async fn prepared(path: &Path) -> Commit {
    let sink = open(path, "?format=csv&roll_rows=2&file_name={n}");
    sink.recover(&identity(1), None).await.unwrap();
    let mut writer = writer(&sink, 1, 0).await;
    writer.write(batch(0..4)).await.unwrap();
    let commit = prepare(&mut writer, 1, 1).await.unwrap();
    std::mem::forget((sink, writer));
    commit
}

/// Finds the prepared files and where they go.
fn steps(path: &Path) -> Vec<(std::path::PathBuf, std::path::PathBuf)> {
    let hidden = path.join(".velo-inflight");
    let mut ready: Vec<String> = files(&hidden);
    ready.retain(|name| name.ends_with(".ready"));
    let numbered = ready.into_iter().enumerate();
    numbered
        .map(|(n, name)| (hidden.join(name), path.join(format!("{n:05}.csv"))))
        .collect()
}

#[tokio::test]
async fn recovery_finishes_a_commit_from_every_point() {
    for done in 0..=2 {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out/");
        let commit = prepared(&path).await;
        let steps = steps(&path);
        assert_eq!(steps.len(), 2);
        for (from, to) in &steps[..done] {
            fs::rename(from, to).unwrap();
        }
        for generation in [2, 3] {
            let sink = open(&path, "?format=csv");
            let recovered = sink
                .recover(&identity(generation), Some(&commit))
                .await
                .unwrap();
            assert!(recovered.committed);
        }
        assert_eq!(
            super::epochs::visible(directory.path()),
            ["out/00000.csv", "out/00001.csv"],
            "{done} steps"
        );
        assert_eq!(text(&path.join("00001.csv")), "id,name\n2,n2\n3,\n");
    }
}

#[tokio::test]
async fn recovery_discards_what_no_checkpoint_knows() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out/");
    prepared(&path).await;
    let sink = open(&path, "?format=csv");
    sink.recover(&identity(2), None).await.unwrap();
    assert_eq!(steps(&path).len(), 0);
    copy(&sink, 2, 0..1).await.unwrap();
    assert_eq!(files(directory.path()), ["out/t-p-0-00000001-00000.csv"]);
}

#[tokio::test]
async fn a_prepared_file_that_is_gone_or_torn_is_reported() {
    for tear in [
        |path: &Path| fs::remove_file(path).unwrap(),
        |path: &Path| fs::write(path, "x").unwrap(),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out/");
        let commit = prepared(&path).await;
        tear(&steps(&path)[0].0);
        let error = open(&path, "?format=csv")
            .recover(&identity(2), Some(&commit))
            .await
            .unwrap_err();
        assert_eq!(error.context("state"), Some("STATE_LOST"));
    }
}

#[tokio::test]
async fn what_others_have_prepared_is_theirs() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out/");
    let commit = prepared(&path).await;
    let hidden = path.join(".velo-inflight");
    for name in [
        "=gone=0.7.0.open",
        "=busy=0.7.0.open",
        "=dead=0.7.0.ready",
        "=gone=0.fence",
    ] {
        fs::write(hidden.join(name), "").unwrap();
    }
    let busy = fs::File::create(hidden.join("=busy=0.fence")).unwrap();
    busy.lock_shared().unwrap();
    let other = Identity::new("q", 0, 9);
    open(&path, "?format=csv")
        .recover(&other, None)
        .await
        .unwrap();
    let expected = [
        "=busy=0.7.0.open",
        "=busy=0.fence",
        "=dead=0.7.0.ready",
        "=p=0.1.0.ready",
        "=p=0.1.1.ready",
        "=p=0.fence",
        "lock",
    ];
    assert_eq!(files(&hidden), expected);
    open(&path, "?format=csv")
        .recover(&identity(2), Some(&commit))
        .await
        .unwrap();
    assert!(path.join("00001.csv").exists());
}

#[tokio::test]
async fn a_damaged_committable_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out/");
    let commit = prepared(&path).await;
    let changed = |change: &dyn Fn(&mut velo_core::Committable)| {
        let mut commit = commit.clone();
        change(&mut commit.parts[0].1);
        commit
    };
    for commit in [
        changed(&|part| part.kind = "kafka".into()),
        changed(&|part| part.version = 99),
        changed(&|part| part.body.truncate(9)),
        changed(&|part| part.body = part.body.replace("00000.csv", "../../x")),
    ] {
        let error = open(&path, "?format=csv")
            .recover(&identity(2), Some(&commit))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}

#[tokio::test]
async fn a_dead_run_that_had_prepared_the_same_file_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    let hidden = directory.path().join(".velo-inflight");
    fs::create_dir(&hidden).unwrap();
    fs::write(hidden.join("out.csv=copy-1=0.1.0.ready"), "old").unwrap();
    fs::write(hidden.join("out.csv=copy-1=0.fence"), "").unwrap();
    copy(&open(&directory.path().join("out.csv"), ""), 1, 0..1)
        .await
        .unwrap();
    assert_eq!(files(directory.path()), ["out.csv"]);
}

#[tokio::test]
async fn child_writes_for_ever() {
    let Some(path) = argument() else { return };
    let sink = open(Path::new(&path), "");
    sink.recover(&identity(1), None).await.unwrap();
    let mut writer = writer(&sink, 1, 0).await;
    for n in 0.. {
        if let Err(error) = writer.write(batch_of(n as u64, 0..8192)).await {
            println!("failed: {}", error.report());
            writer.close().await.unwrap();
            return;
        }
        if n == 50 {
            println!("writing");
        }
    }
}

#[tokio::test]
async fn a_killed_run_leaves_the_old_file_and_the_next_cleans_up() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.csv");
    fs::write(&path, "old").unwrap();
    let mut child = child("sink::crash::child_writes_for_ever", path.to_str().unwrap())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    assert!(lines.any(|line| line.unwrap().contains("writing")));
    child.kill().unwrap();
    child.wait().unwrap();
    assert_eq!(text(&path), "old");
    let left = files(directory.path());
    assert!(left.iter().any(|name| name.ends_with(".open")), "{left:?}");
    // Another file's run in the same directory cleans up after the dead one.
    copy(&open(&directory.path().join("other.csv"), ""), 1, 0..1)
        .await
        .unwrap();
    assert!(
        !files(directory.path())
            .iter()
            .any(|name| name.ends_with(".open"))
    );
    copy(&open(&path, ""), 2, 0..1).await.unwrap();
    assert_eq!(files(directory.path()), ["other.csv", "out.csv"]);
    assert_eq!(text(&path), "id,name\n0,\n");
}

#[test]
fn a_full_disk_is_one_line_and_leaves_the_old_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.csv");
    fs::write(&path, "old").unwrap();
    let child = child("sink::crash::child_writes_for_ever", path.to_str().unwrap());
    // A limit on the size of files stands for a disk that is full; the signal is ignored.
    let mut limited = Command::new("sh");
    let script = "trap '' XFSZ; ulimit -f 2000; exec \"$0\" \"$@\"";
    limited
        .args(["-c", script])
        .arg(child.get_program())
        .args(child.get_args());
    limited.env("VELO_FILE_CHILD", &path);
    let output = String::from_utf8(limited.output().unwrap().stdout).unwrap();
    let expected = format!("failed: {}: write file: ", path.display());
    assert!(output.contains(&expected), "{output}");
    assert_eq!(text(&path), "old");
    assert_eq!(files(directory.path()), ["out.csv"]);
}
