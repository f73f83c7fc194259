//! Files that a run left open: who may go on with them, and what is lost.

use super::epochs::{checkpoint, end_epoch, finish, hidden, ids, visible};
use super::*;

const OPTIONS: &str = "?format=csv&file_name={n}";

#[tokio::test]
async fn a_zombie_writes_where_nobody_looks() {
    let root = tempfile::tempdir().unwrap();
    for name in ["out.csv", "out.csv.gz", "out.jsonl", "csv/"] {
        let path = root.path().join(name);
        let options = if name == "csv/" { OPTIONS } else { "" };
        let old = open(&path, options);
        let mut zombie = writer(&old, 1, 0).await;
        let commit = checkpoint(&old, &mut zombie, (1, 1), 0..3).await;
        let new = open(&path, options);
        for _ in 0..2 {
            new.recover(&identity(2), Some(&commit)).await.unwrap();
        }
        let mut second = writer(&new, 2, 0).await;
        checkpoint(&new, &mut second, (2, 2), 3..5).await;
        zombie.write(batch(100..300_000)).await.unwrap();
        let late = zombie.prepare(2, Barrier::End, &Progress::default()).await;
        assert_eq!(late.unwrap_err().kind(), ErrorKind::Fenced);
        drop((old, zombie));
        finish(&new, second, (2, 3), 5..6).await;
        assert_eq!(ids(&path).await, Vec::from_iter(0..6), "{name}");
    }
}

#[tokio::test]
async fn an_open_file_that_is_not_what_it_was_is_lost() {
    let damages: [fn(&Path); 3] = [
        |path| fs::remove_file(path).unwrap(),
        |path| fs::write(path, "id,na").unwrap(),
        |path| fs::write(path, "id,name\n9,\n9,n1\n9,n2\n and more").unwrap(),
    ];
    for damage in damages {
        let root = tempfile::tempdir().unwrap();
        let sink = open(root.path(), OPTIONS);
        let mut old = writer(&sink, 1, 0).await;
        let commit = checkpoint(&sink, &mut old, (1, 1), 0..3).await;
        std::mem::forget((sink, old));
        damage(&root.path().join(".velo-inflight/=p=0.1.0.kept"));
        let lost = open(root.path(), OPTIONS)
            .recover(&identity(2), Some(&commit))
            .await;
        let error = lost.unwrap_err();
        assert_eq!(
            (error.kind(), error.kind().exit_code()),
            (ErrorKind::StateLost, 80)
        );
        assert!(error.hint().is_some() && error.context("state") == Some("STATE_LOST"));
    }
}

#[tokio::test]
async fn only_a_commit_that_is_remembered_may_miss_its_files() {
    let root = tempfile::tempdir().unwrap();
    for (name, options) in [
        ("csv/", OPTIONS),
        ("parquet/", "?format=parquet"),
        ("out.jsonl", ""),
    ] {
        let path = root.path().join(name);
        let end = if name == "out.jsonl" {
            Barrier::End
        } else {
            Barrier::Pause
        };
        for committed in [true, false] {
            let first = if committed { 1 } else { 11 };
            let sink = open(&path, options);
            sink.recover(&identity(first), None).await.unwrap();
            let mut old = writer(&sink, first, 0).await;
            old.write(batch(0..3)).await.unwrap();
            let (commit, _) = end_epoch(&mut old, (first, first), end).await;
            if committed {
                sink.commit(&commit).await.unwrap();
            }
            std::mem::forget((sink, old));
            let directory = if name.ends_with('/') {
                path.as_path()
            } else {
                root.path()
            };
            let gone = if committed {
                directory.join(
                    visible(directory)
                        .into_iter()
                        .find(|name| !name.contains('/'))
                        .unwrap(),
                )
            } else {
                directory.join(".velo-inflight").join(&hidden(directory)[0])
            };
            fs::remove_file(&gone).unwrap();
            for generation in [first + 1, first + 2] {
                let recovered = open(&path, options)
                    .recover(&identity(generation), Some(&commit))
                    .await;
                match recovered {
                    Ok(recovered) => assert!(committed && recovered.epoch == Some(1)),
                    Err(error) => assert!(!committed && error.kind() == ErrorKind::StateLost),
                }
            }
        }
    }
}

#[tokio::test]
async fn what_a_checkpoint_may_know_outlives_errors_and_other_runs() {
    let root = tempfile::tempdir().unwrap();
    let sink = open(root.path(), OPTIONS);
    let mut old = writer(&sink, 1, 0).await;
    let commit = checkpoint(&sink, &mut old, (1, 1), 0..3).await;
    let changes = velo_core::Changes::new(vec![velo_core::Op::Delete]);
    let refused = old.write(batch(3..4).with_changes(changes).unwrap()).await;
    assert!(refused.is_err());
    old.close().await.unwrap();
    drop(sink);
    assert_eq!(hidden(root.path()), ["=p=0.1.0.kept"]);
    // Another pipeline in the same directory, and one that writes a file beside it.
    let other = Identity::new("q", 0, 7);
    open(root.path(), OPTIONS)
        .recover(&other, None)
        .await
        .unwrap();
    copy(&open(&root.path().join("z.csv"), ""), 1, 0..1)
        .await
        .unwrap();
    assert_eq!(hidden(root.path()), ["=p=0.1.0.kept"]);
    let sink = open(root.path(), OPTIONS);
    sink.recover(&identity(2), Some(&commit)).await.unwrap();
    finish(&sink, writer(&sink, 2, 0).await, (2, 2), 3..4).await;
    assert_eq!(ids(&root.path().join("00000.csv")).await, [0, 1, 2, 3]);
    // Without a checkpoint nothing of earlier runs is kept.
    let mut third = writer(&sink, 2, 0).await;
    checkpoint(&sink, &mut third, (2, 3), 0..3).await;
    std::mem::forget((sink, third));
    open(root.path(), OPTIONS)
        .recover(&identity(3), None)
        .await
        .unwrap();
    assert!(hidden(root.path()).is_empty());
}

#[tokio::test]
async fn a_replaced_file_stays_the_old_one_until_the_end() {
    let root = tempfile::tempdir().unwrap();
    for name in ["out.csv", "out.csv.gz", "out.jsonl"] {
        let path = root.path().join(name);
        fs::write(&path, "old").unwrap();
        let sink = open(&path, "");
        let mut old = writer(&sink, 1, 0).await;
        let commit = checkpoint(&sink, &mut old, (1, 1), 0..3).await;
        std::mem::forget((sink, old));
        let sink = open(&path, "");
        sink.recover(&identity(2), Some(&commit)).await.unwrap();
        let mut new = writer(&sink, 2, 0).await;
        checkpoint(&sink, &mut new, (2, 2), 3..4).await;
        assert_eq!(text(&path), "old");
        finish(&sink, new, (2, 3), 4..5).await;
        assert_eq!(ids(&path).await, Vec::from_iter(0..5));
    }
}
