//! What becomes visible, when, and how often.

use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};

use super::*;

#[tokio::test]
async fn nothing_is_visible_before_the_commit_and_nothing_left_after_it() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.csv");
    fs::write(&path, "old").unwrap();
    let sink = open(&path, "");
    sink.recover(&identity(1), None).await.unwrap();
    let mut writer = writer(&sink, 1, 0).await;
    writer.write(batch(0..3)).await.unwrap();
    assert_eq!(text(&path), "old");
    let commit = prepare(&mut writer, 1, 1).await.unwrap();
    assert_eq!(text(&path), "old");
    sink.commit(&commit).await.unwrap();
    assert_eq!(text(&path), "id,name\n0,\n1,n1\n2,n2\n");
    sink.commit(&commit).await.unwrap();
    writer.close().await.unwrap();
    assert_eq!(files(directory.path()), ["out.csv"]);
}

#[tokio::test]
async fn closing_without_a_commit_leaves_the_old_file_alone() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new/deep/out.csv");
    let sink = open(&path, "");
    let mut open_writer = writer(&sink, 1, 0).await;
    open_writer.write(batch(0..3)).await.unwrap();
    open_writer.close().await.unwrap();
    assert_eq!(files(directory.path()), Vec::<String>::new());
}

#[tokio::test]
async fn dropping_everything_leaves_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let options = FileWriteOptions {
        roll_rows: Some(500),
        sync: false,
        ..Default::default()
    };
    let sink = groups(&directory.path().join("out"), 10, options);
    let mut open_writer = writer(&sink, 1, 0).await;
    for start in 0..100 {
        open_writer
            .write(batch_of(start as u64, start * 1000..start * 1000 + 1000))
            .await
            .unwrap();
    }
    assert!(!files(directory.path()).is_empty());
    drop(open_writer);
    drop(sink);
    assert_eq!(files(directory.path()), Vec::<String>::new());
}

#[tokio::test]
async fn an_epoch_without_rows_costs_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let sink = open(&directory.path().join("out.csv"), "");
    let mut writer = writer(&sink, 1, 0).await;
    let commit = prepare(&mut writer, 1, 1).await.unwrap();
    assert!(commit.parts.is_empty());
    sink.commit(&commit).await.unwrap();
    writer.close().await.unwrap();
    assert_eq!(files(directory.path()), Vec::<String>::new());
}

#[tokio::test]
async fn an_announced_stream_gives_a_whole_file_without_rows() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.csv");
    let sink = open(&path, "");
    let mut writer = writer(&sink, 1, 0).await;
    writer.write(Batch::empty(stream())).await.unwrap();
    sink.commit(&prepare(&mut writer, 1, 1).await.unwrap())
        .await
        .unwrap();
    assert_eq!(text(&path), "id,name\n");
}

#[tokio::test]
async fn a_single_file_takes_a_single_epoch() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.csv");
    let sink = open(&path, "");
    let mut writer = writer(&sink, 1, 0).await;
    writer.write(batch(0..1)).await.unwrap();
    sink.commit(&prepare(&mut writer, 1, 1).await.unwrap())
        .await
        .unwrap();
    writer.write(batch(1..2)).await.unwrap();
    let error = prepare(&mut writer, 1, 2).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.hint().unwrap().contains("directory"));
    assert_eq!(text(&path), "id,name\n0,\n");
}

#[tokio::test]
async fn a_lower_generation_cannot_commit() {
    let directory = tempfile::tempdir().unwrap();
    for path in ["out.csv", "out/?format=csv"] {
        let path = directory.path().join(path);
        let (first, second) = (open(&path, ""), open(&path, ""));
        first.recover(&identity(1), None).await.unwrap();
        let mut old = writer(&first, 1, 0).await;
        old.write(batch(0..1)).await.unwrap();
        let commit = prepare(&mut old, 1, 1).await.unwrap();
        second.recover(&identity(2), None).await.unwrap();
        for sink in [&first, &second, &open(&path, "")] {
            assert_eq!(
                sink.commit(&commit).await.unwrap_err().kind(),
                ErrorKind::Fenced
            );
            let error = sink.recover(&identity(1), None).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Fenced);
        }
        assert_eq!(
            try_writer(&second, 1, 0).await.err().unwrap().kind(),
            ErrorKind::Fenced
        );
        // What the old one prepared was discarded, and what it writes now stays hidden.
        copy(&second, 2, 5..6).await.unwrap();
        assert_eq!(
            first.commit(&commit).await.unwrap_err().kind(),
            ErrorKind::Fenced
        );
        drop((first, second, old));
    }
    let expected = ["out.csv", "out/t-p-0-00000001-00000.csv"];
    assert_eq!(files(directory.path()), expected);
    assert_eq!(text(&directory.path().join("out.csv")), "id,name\n5,n2\n");
}

#[tokio::test]
async fn a_new_file_is_not_replaced_if_it_came_meanwhile() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.csv");
    let sink = open(&path, "?if_exists=fail");
    let mut writer = writer(&sink, 1, 0).await;
    writer.write(batch(0..1)).await.unwrap();
    let commit = prepare(&mut writer, 1, 1).await.unwrap();
    fs::write(&path, "theirs").unwrap();
    assert_eq!(
        sink.commit(&commit).await.unwrap_err().kind(),
        ErrorKind::AlreadyExists
    );
    assert_eq!(text(&path), "theirs");
    fs::remove_file(&path).unwrap();
    sink.commit(&commit).await.unwrap();
    assert_eq!(text(&path), "id,name\n0,\n");
}

#[tokio::test]
async fn a_new_file_has_the_permissions_of_the_old_one() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.csv");
    fs::write(&path, "old").unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    copy(&open(&path, ""), 1, 0..1).await.unwrap();
    assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o640);
    let new = directory.path().join("new.csv");
    copy(&open(&new, ""), 1, 0..1).await.unwrap();
    fs::write(directory.path().join("plain"), "").unwrap();
    let plain = fs::metadata(directory.path().join("plain")).unwrap();
    assert_eq!(fs::metadata(&new).unwrap().mode(), plain.mode());
}

#[tokio::test]
async fn a_link_stays_and_its_target_is_replaced() {
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("data")).unwrap();
    for (link, target) in [("a.csv", "data/real.csv"), ("dangling.csv", "data/new.csv")] {
        symlink(target, directory.path().join(link)).unwrap();
    }
    fs::write(directory.path().join("data/real.csv"), "old").unwrap();
    for link in ["a.csv", "dangling.csv"] {
        let link = directory.path().join(link);
        copy(&open(&link, ""), 1, 0..1).await.unwrap();
        assert!(link.is_symlink());
        assert_eq!(text(&link), "id,name\n0,\n");
    }
    assert_eq!(
        files(&directory.path().join("data")),
        ["new.csv", "real.csv"]
    );
}

#[tokio::test]
async fn changes_of_rows_are_refused() {
    use velo_core::{Changes, Op};
    let directory = tempfile::tempdir().unwrap();
    let sink = open(&directory.path().join("out.csv"), "");
    for (op, accepted) in [(Op::Insert, true), (Op::Update, false), (Op::Delete, false)] {
        let mut writer = writer(&sink, 1, 0).await;
        let changed = batch(0..1).with_changes(Changes::new(vec![op])).unwrap();
        let written = writer.write(changed).await;
        assert_eq!(written.is_ok(), accepted, "{op:?}");
        assert!(written.err().is_none_or(|error| error.hint().is_some()));
    }
}
