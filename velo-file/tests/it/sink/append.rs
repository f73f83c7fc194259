//! Appending to a file that everybody sees.

use std::os::unix::fs::MetadataExt;

use super::epochs::{checkpoint, end_epoch, finish, hidden, ids};
use super::*;

const APPEND: &str = "?if_exists=append";

#[tokio::test]
async fn rows_go_behind_those_that_are_there() {
    let root = tempfile::tempdir().unwrap();
    for name in ["out.csv", "out.csv.gz", "out.jsonl"] {
        let path = root.path().join(name);
        for generation in 1..4 {
            let start = generation as i64 * 10;
            copy(&open(&path, APPEND), generation, start..start + 2)
                .await
                .unwrap();
        }
        assert_eq!(ids(&path).await, [10, 11, 20, 21, 30, 31], "{name}");
        assert!(!root.path().join(".velo-inflight").exists());
    }
    let csv = root.path().join("out.csv");
    assert_eq!(text(&csv).matches("id,name").count(), 1);
}

#[tokio::test]
async fn a_line_that_somebody_left_open_is_ended() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("out.csv");
    let sixteen =
        |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    for (before, options, after) in [
        (b"id,name\n7,".to_vec(), "", b"id,name\n7,\n0,\n".to_vec()),
        (b"id,name\n7,\n".to_vec(), "", b"id,name\n7,\n0,\n".to_vec()),
        (Vec::new(), "", b"id,name\n0,\n".to_vec()),
        (
            sixteen("id,name\n7,"),
            "&encoding=utf-16le",
            sixteen("id,name\n7,\n0,\n"),
        ),
    ] {
        fs::write(&path, before).unwrap();
        copy(&open(&path, &format!("{APPEND}{options}")), 1, 0..1)
            .await
            .unwrap();
        assert_eq!(fs::read(&path).unwrap(), after);
    }
}

#[tokio::test]
async fn recovery_cuts_what_is_not_committed() {
    let root = tempfile::tempdir().unwrap();
    for name in ["out.csv", "out.csv.gz", "out.jsonl"] {
        let path = root.path().join(name);
        copy(&open(&path, ""), 1, 0..2).await.unwrap();
        let sink = open(&path, APPEND);
        let mut old = writer(&sink, 1, 0).await;
        old.write(batch(2..300_000)).await.unwrap();
        std::mem::forget(old);
        // Killed, as far as the file is concerned: the lock goes with the sink.
        drop(sink);
        let sink = open(&path, APPEND);
        // Nothing but the note knows where it began.
        sink.recover(&identity(1), None).await.unwrap();
        assert_eq!(ids(&path).await, [0, 1], "{name}");
        let mut second = writer(&sink, 1, 0).await;
        let commit = checkpoint(&sink, &mut second, (1, 1), 2..4).await;
        assert_eq!(ids(&path).await, [0, 1, 2, 3]);
        second.write(batch(4..300_000)).await.unwrap();
        end_epoch(&mut second, (1, 2), Barrier::Checkpoint).await;
        assert!(
            ids(&path).await.len() > 4,
            "readers see what is not committed"
        );
        std::mem::forget(second);
        for _ in 0..2 {
            sink.recover(&identity(1), Some(&commit)).await.unwrap();
            assert_eq!(ids(&path).await, [0, 1, 2, 3]);
        }
        finish(&sink, writer(&sink, 1, 0).await, (1, 2), 4..5).await;
        assert_eq!(ids(&path).await, [0, 1, 2, 3, 4]);
        assert!(hidden(root.path()).is_empty());
    }
}

#[tokio::test]
async fn what_others_append_after_a_pause_is_theirs() {
    for barrier in [Barrier::Pause, Barrier::End] {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("out.csv");
        let sink = open(&path, APPEND);
        let mut first = writer(&sink, 1, 0).await;
        checkpoint(&sink, &mut first, (1, 1), 0..1).await;
        first.write(batch(1..2)).await.unwrap();
        let (commit, held) = end_epoch(&mut first, (1, 2), barrier).await;
        assert!(!held);
        sink.commit(&commit).await.unwrap();
        drop((sink, first));
        let theirs = text(&path) + "7,theirs\n";
        fs::write(&path, &theirs).unwrap();
        let sink = open(&path, APPEND);
        sink.recover(&identity(2), Some(&commit)).await.unwrap();
        assert_eq!(text(&path), theirs);
        // What comes behind it is cut off as always.
        let mut second = writer(&sink, 2, 0).await;
        second.write(batch(2..300_000)).await.unwrap();
        end_epoch(&mut second, (2, 3), Barrier::Checkpoint).await;
        std::mem::forget(second);
        sink.recover(&identity(2), Some(&commit)).await.unwrap();
        assert_eq!(text(&path), theirs);
        finish(&sink, writer(&sink, 2, 0).await, (2, 3), 2..3).await;
        assert_eq!(text(&path), theirs + "2,n2\n");
    }
}

#[tokio::test]
async fn a_pause_is_followed_by_more_rows_of_the_same_run() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("out.jsonl");
    let sink = open(&path, APPEND);
    let mut writer = writer(&sink, 1, 0).await;
    for epoch in 1..4 {
        let start = epoch as i64;
        writer.write(batch(start..start + 1)).await.unwrap();
        let (commit, _) = end_epoch(&mut writer, (1, epoch), Barrier::Pause).await;
        sink.commit(&commit).await.unwrap();
        assert!(hidden(root.path()).is_empty());
    }
    assert_eq!(ids(&path).await, [1, 2, 3]);
}

#[tokio::test]
async fn a_file_that_is_not_what_it_was_is_lost() {
    let damages: [fn(&Path); 4] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::write(path, "id,na").unwrap(),
        |path| fs::write(path, "id,name\n9,\n and more").unwrap(),
        |path| {
            let beside = path.with_extension("new");
            fs::copy(path, &beside).unwrap();
            fs::rename(&beside, path).unwrap();
        },
    ];
    for damage in damages {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("out.csv");
        let sink = open(&path, APPEND);
        let mut old = writer(&sink, 1, 0).await;
        let commit = checkpoint(&sink, &mut old, (1, 1), 0..1).await;
        drop((sink, old));
        damage(&path);
        let error = open(&path, APPEND)
            .recover(&identity(2), Some(&commit))
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::StateLost);
        assert!(error.hint().is_some());
    }
}

#[tokio::test]
async fn one_run_at_a_time_appends() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("out.csv");
    let sink = open(&path, APPEND);
    sink.recover(&identity(1), None).await.unwrap();
    let mut first = writer(&sink, 1, 0).await;
    for other in [identity(2), Identity::new("q", 0, 1)] {
        let error = open(&path, APPEND).recover(&other, None).await.unwrap_err();
        assert_eq!(
            (error.kind(), error.kind().exit_code()),
            (ErrorKind::Fenced, 75)
        );
        assert!(error.message().contains("appends"), "{}", error.report());
    }
    let commit = checkpoint(&sink, &mut first, (1, 1), 0..1).await;
    drop((sink, first));
    // Not finished: its checkpoint says where it stands, and others would be cut off with its rows.
    let other = Identity::new("q", 0, 1);
    for generation in [2, 3] {
        let error = open(&path, APPEND).recover(&other, None).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Conflict);
        assert!(error.hint().is_some());
        // Nor after it was taken up, and killed again before it came to anything.
        let sink = open(&path, APPEND);
        sink.recover(&identity(generation), Some(&commit))
            .await
            .unwrap();
    }
    let sink = open(&path, APPEND);
    sink.recover(&identity(4), Some(&commit)).await.unwrap();
    finish(&sink, writer(&sink, 4, 0).await, (4, 2), 1..2).await;
    drop(sink);
    copy(&open(&path, APPEND), 5, 2..3).await.unwrap();
    open(&path, APPEND).recover(&other, None).await.unwrap();
    assert_eq!(ids(&path).await, [0, 1, 2]);
}

#[tokio::test]
async fn what_a_dead_run_without_checkpoints_appended_is_taken_back() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("out.csv");
    copy(&open(&path, ""), 1, 0..1).await.unwrap();
    let sink = open(&path, APPEND);
    let mut killed = writer(&sink, 1, 0).await;
    killed.write(batch(1..300_000)).await.unwrap();
    // The note and the rows are there, and nobody holds the fence.
    let inflight = root.path().join(".velo-inflight");
    let note = hidden(root.path()).remove(0);
    let (saved, rows) = (
        fs::read(inflight.join(&note)).unwrap(),
        fs::read(&path).unwrap(),
    );
    drop((sink, killed));
    assert_eq!(
        text(&path),
        "id,name\n0,\n",
        "a run that gives up takes its rows back"
    );
    let inode = fs::metadata(&path).unwrap().ino();
    fs::create_dir_all(&inflight).unwrap();
    fs::write(inflight.join(&note), saved).unwrap();
    fs::write(&path, rows).unwrap();
    assert_eq!(fs::metadata(&path).unwrap().ino(), inode);
    let sink = open(&path, APPEND);
    let other = Identity::new("q", 0, 1);
    sink.recover(&other, None).await.unwrap();
    assert_eq!(text(&path), "id,name\n0,\n");
    drop(sink);
    assert_eq!(files(root.path()), ["out.csv"]);
}

#[tokio::test]
async fn giving_up_leaves_no_new_file() {
    let root = tempfile::tempdir().unwrap();
    let sink = open(&root.path().join("out.csv"), APPEND);
    let mut first = writer(&sink, 1, 0).await;
    first.write(batch(0..300_000)).await.unwrap();
    assert!(root.path().join("out.csv").exists());
    first.close().await.unwrap();
    drop(sink);
    assert!(files(root.path()).is_empty());
}

#[tokio::test]
async fn a_file_goes_on_as_it_was_begun() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("out.csv");
    for (before, after) in [("", APPEND), (APPEND, "")] {
        let sink = open(&path, before);
        let generation = if before.is_empty() { 1 } else { 3 };
        sink.recover(&identity(generation), None).await.unwrap();
        let mut old = writer(&sink, generation, 0).await;
        let commit = checkpoint(&sink, &mut old, (generation, 1), 0..1).await;
        drop((sink, old));
        let changed = open(&path, after)
            .recover(&identity(generation + 1), Some(&commit))
            .await;
        assert_eq!(changed.unwrap_err().kind(), ErrorKind::Config);
    }
}
