//! Lanes that work side by side, one file in order.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::*;

/// Sizes of splits: empty, small, larger than a chunk, larger than what counts as small.
fn splits() -> Vec<std::ops::Range<i64>> {
    let sizes = [
        10, 0, 70_000, 3, 3, 0, 150_000, 61_440, 61_439, 1, 20_000, 90_000, 5, 0, 250_000, 7,
    ];
    let mut start = 0;
    let ranges = sizes.map(|size| {
        start += size;
        start - size..start
    });
    ranges.to_vec()
}

/// Copies the splits with so many lanes, which wait at random.
async fn copy_with(sink: FileSink, lanes: u32, seed: u64) {
    sink.recover(&identity(1), None).await.unwrap();
    let next = Arc::new(AtomicU64::new(0));
    let mut writers = Vec::new();
    for lane in 0..lanes {
        writers.push(writer(&sink, 1, lane).await);
    }
    let work = writers.into_iter().enumerate().map(|(lane, mut writer)| {
        let next = next.clone();
        let mut random = seed.wrapping_mul(977) + lane as u64 + 1;
        tokio::spawn(async move {
            loop {
                let order = next.fetch_add(1, Ordering::SeqCst);
                let Some(ids) = splits().get(order as usize).cloned() else {
                    break;
                };
                for start in ids.clone().step_by(8192) {
                    random = random
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1);
                    if seed > 0 && random >> 60 == 0 {
                        tokio::time::sleep(Duration::from_millis(random >> 32 & 7)).await;
                    }
                    let end = (start + 8192).min(ids.end);
                    writer.write(batch_of(order, start..end)).await.unwrap();
                }
                writer.end_split(&split(order)).await.unwrap();
            }
            writer
        })
    });
    let (mut parts, mut open) = (Vec::new(), Vec::new());
    for (lane, task) in work.collect::<Vec<_>>().into_iter().enumerate() {
        let mut writer = task.await.unwrap();
        let prepared = writer
            .prepare(1, Barrier::End, &Progress::default())
            .await
            .unwrap();
        parts.extend(prepared.committable.map(|part| (lane as u32, part)));
        open.push(writer);
    }
    let commit = Commit {
        identity: identity(1),
        epoch: 1,
        parts,
        progress: Progress::default(),
    };
    sink.commit(&commit).await.unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_file_is_the_same_for_every_number_of_lanes() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.groups");
    let options = FileWriteOptions {
        sync: false,
        ..Default::default()
    };
    let sink = || groups(&path, 50_000, options.clone());
    copy_with(sink(), 1, 0).await;
    let expected = text(&path);
    let ids: Vec<i64> = expected
        .split(|c: char| !c.is_ascii_digit())
        .filter_map(|id| id.parse().ok())
        .collect();
    assert!(ids.is_sorted() && ids.len() == 702_908, "{}", ids.len());
    for (lanes, seed) in [(1, 1), (2, 2), (3, 3), (3, 4), (7, 5)] {
        copy_with(sink(), lanes, seed).await;
        assert!(text(&path) == expected, "{lanes} lanes, seed {seed}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn real_formats_give_the_same_bytes_for_every_number_of_lanes() {
    let directory = tempfile::tempdir().unwrap();
    for name in ["out.parquet", "out.csv.gz", "out.jsonl"] {
        let path = directory.path().join(name);
        copy_with(open(&path, "?sync=false"), 1, 0).await;
        let expected = fs::read(&path).unwrap();
        copy_with(open(&path, "?sync=false"), 4, 1).await;
        assert!(fs::read(&path).unwrap() == expected, "{name}");
    }
}

#[tokio::test]
async fn small_splits_share_a_chunk() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.groups");
    let sink = groups(&path, 4, FileWriteOptions::default());
    let mut writer = writer(&sink, 1, 0).await;
    for (order, ids) in [0..1, 1..3, 3..3, 3..6, 6..7].into_iter().enumerate() {
        writer.write(batch_of(order as u64, ids)).await.unwrap();
        writer.end_split(&split(order as u64)).await.unwrap();
    }
    sink.commit(&prepare(&mut writer, 1, 1).await.unwrap())
        .await
        .unwrap();
    assert_eq!(text(&path), "#<0 1 2 3><4 5 6>.");
}

#[tokio::test]
async fn a_single_lane_never_waits_for_splits_that_nobody_ends() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.groups");
    let sink = groups(&path, 100_000, FileWriteOptions::default());
    let mut writer = writer(&sink, 1, 0).await;
    // Resumed at the fourth split, and larger than what a lane may be ahead.
    for order in [3, 4, 5] {
        for n in 0..100 {
            let start = (order as i64 * 100 + n) * 8192;
            writer
                .write(batch_of(order, start..start + 8192))
                .await
                .unwrap();
        }
    }
    sink.commit(&prepare(&mut writer, 1, 1).await.unwrap())
        .await
        .unwrap();
    assert!(text(&path).starts_with(&format!("#<{} ", 300 * 8192)));
}

#[tokio::test]
async fn batches_without_a_span_come_as_they_arrive() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.groups");
    let sink = groups(&path, 100, FileWriteOptions::default());
    let (mut a, mut b) = (writer(&sink, 1, 0).await, writer(&sink, 1, 1).await);
    a.write(batch(0..2)).await.unwrap();
    b.write(batch(2..4)).await.unwrap();
    assert!(prepare(&mut a, 1, 1).await.unwrap().parts.is_empty());
    sink.commit(&prepare(&mut b, 1, 1).await.unwrap())
        .await
        .unwrap();
    assert_eq!(text(&path), "#<0 1 2 3>.");
}

#[tokio::test]
async fn a_lane_ahead_waits_when_it_holds_enough() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.groups");
    let sink = groups(&path, 100_000, FileWriteOptions::default());
    let (mut head, mut ahead) = (writer(&sink, 1, 0).await, writer(&sink, 1, 1).await);
    let ahead = tokio::spawn(async move {
        for n in 0..1000 {
            ahead
                .write(batch_of(1, 10 + n * 8192..10 + (n + 1) * 8192))
                .await
                .unwrap();
        }
        ahead.end_split(&split(1)).await.unwrap();
        ahead
    });
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(!ahead.is_finished(), "a lane ran ahead without bound");
    head.write(batch_of(0, 0..10)).await.unwrap();
    head.end_split(&split(0)).await.unwrap();
    let mut ahead = ahead.await.unwrap();
    assert!(prepare(&mut head, 1, 1).await.unwrap().parts.is_empty());
    sink.commit(&prepare(&mut ahead, 1, 1).await.unwrap())
        .await
        .unwrap();
    assert!(text(&path).starts_with("#<0 1 2 3 4 5 6 7 8 9><10 11 "));
}

#[tokio::test]
async fn rows_of_the_next_epoch_wait_for_every_lane() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out/");
    let options = FileWriteOptions {
        file_name: "{epoch}-{n}".into(),
        ..Default::default()
    };
    let sink = groups(&path, 100, options);
    let (mut a, mut b) = (writer(&sink, 1, 0).await, writer(&sink, 1, 1).await);
    a.write(batch_of(0, 0..1)).await.unwrap();
    b.write(batch_of(1, 1..2)).await.unwrap();
    assert!(prepare(&mut a, 1, 1).await.unwrap().parts.is_empty());
    let later = tokio::spawn(async move {
        a.write(batch_of(0, 2..3)).await.unwrap();
        a
    });
    tokio::task::yield_now().await;
    let first = prepare(&mut b, 1, 1).await.unwrap();
    let mut a = later.await.unwrap();
    prepare(&mut a, 1, 2).await.unwrap();
    let second = prepare(&mut b, 1, 2).await.unwrap();
    sink.commit(&first).await.unwrap();
    sink.commit(&second).await.unwrap();
    assert_eq!(text(&path.join("00000001-00000.groups")), "#<0 1>.");
    assert_eq!(text(&path.join("00000002-00000.groups")), "#<2>.");
}

#[tokio::test]
async fn a_lane_that_fails_ends_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.groups");
    let format = Groups {
        full: 100,
        poison: Some(7),
    };
    let path_text = path.to_str().unwrap();
    let sink = FileSink::new(path_text, FileWriteOptions::default(), Arc::new(format)).unwrap();
    let (mut a, mut b) = (writer(&sink, 1, 0).await, writer(&sink, 1, 1).await);
    b.write(batch_of(1, 20..30)).await.unwrap();
    a.write(batch_of(0, 0..10)).await.unwrap();
    let error = a.end_split(&split(0)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidData);
    assert_eq!(
        a.write(batch_of(0, 0..1)).await.unwrap_err().kind(),
        ErrorKind::Aborted
    );
    assert_eq!(
        prepare(&mut b, 1, 1).await.unwrap_err().kind(),
        ErrorKind::Aborted
    );
    a.close().await.unwrap();
    b.close().await.unwrap();
    assert_eq!(files(directory.path()), Vec::<String>::new());
}

#[tokio::test]
async fn a_lane_that_leaves_rows_unprepared_ends_the_others() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.groups");
    let sink = groups(&path, 100, FileWriteOptions::default());
    let (mut a, mut b) = (writer(&sink, 1, 0).await, writer(&sink, 1, 1).await);
    a.write(batch_of(0, 0..1)).await.unwrap();
    b.write(batch_of(1, 1..2)).await.unwrap();
    let commit = prepare(&mut a, 1, 1).await.unwrap();
    b.close().await.unwrap();
    assert!(
        sink.commit(&commit).await.is_err(),
        "rows were lost without a word"
    );
    assert!(!path.exists());
}

#[tokio::test]
async fn a_dropped_future_poisons_the_writer() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out.groups");
    let sink = groups(&path, 100, FileWriteOptions::default());
    let (_a, mut b) = (writer(&sink, 1, 0).await, writer(&sink, 1, 1).await);
    b.write(batch_of(1, 0..1)).await.unwrap();
    prepare(&mut b, 1, 1).await.unwrap();
    // Waits for the other lane's preparation.
    let write = tokio::time::timeout(Duration::from_millis(1), b.write(batch_of(1, 1..2)));
    assert!(write.await.is_err());
    assert_eq!(
        b.write(batch_of(1, 1..2)).await.unwrap_err().kind(),
        ErrorKind::Aborted
    );
}
