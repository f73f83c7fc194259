//! Epochs that follow each other: what a checkpoint keeps, and what a restart makes of it.

use velo_core::{Prepared, Source};
use velo_file::FileSource;

use super::*;

/// The endings of formats that can be cut.
const CUT: [&str; 3] = ["csv", "csv.gz", "jsonl"];

/// Ends an epoch of one lane; says whether it is held.
pub(super) async fn end_epoch(
    writer: &mut Box<dyn DataWriter>,
    run: (u64, u64),
    barrier: Barrier,
) -> (Commit, bool) {
    let (generation, epoch) = run;
    let progress = Progress::default();
    let Prepared {
        committable, held, ..
    } = writer.prepare(epoch, barrier, &progress).await.unwrap();
    let parts = committable.map(|part| (0, part)).into_iter().collect();
    let commit = Commit {
        identity: identity(generation),
        epoch,
        parts,
        progress,
    };
    (commit, held)
}

/// Writes rows and commits them behind a checkpoint.
pub(super) async fn checkpoint(
    sink: &FileSink,
    writer: &mut Box<dyn DataWriter>,
    run: (u64, u64),
    ids: std::ops::Range<i64>,
) -> Commit {
    writer.write(batch(ids)).await.unwrap();
    let (commit, held) = end_epoch(writer, run, Barrier::Checkpoint).await;
    assert!(!held);
    sink.commit(&commit).await.unwrap();
    commit
}

/// Writes rows and the end.
pub(super) async fn finish(
    sink: &FileSink,
    mut writer: Box<dyn DataWriter>,
    run: (u64, u64),
    ids: std::ops::Range<i64>,
) -> Commit {
    writer.write(batch(ids)).await.unwrap();
    let (commit, held) = end_epoch(&mut writer, run, Barrier::End).await;
    assert!(!held);
    sink.commit(&commit).await.unwrap();
    writer.close().await.unwrap();
    commit
}

/// Reads the ids in a file or in the files of a directory.
pub(super) async fn ids(path: &Path) -> Vec<i64> {
    let uri = Uri::parse(path.to_str().unwrap()).unwrap();
    let source = Source::new(FileSource::from_uri(&uri).unwrap());
    let mut reader = source.reader().await.unwrap();
    let mut found = Vec::new();
    while let Some(batch) = reader.read_batch().await.unwrap() {
        let ids = batch.rows().column_by_name("id").unwrap();
        found.extend(ids.as_primitive::<Int64Type>().values());
    }
    found
}

/// Lists what everybody sees.
pub(super) fn visible(directory: &Path) -> Vec<String> {
    let mut found = files(directory);
    found.retain(|name| !name.contains(".velo-inflight"));
    found
}

/// Lists the files under construction, without locks and fences.
pub(super) fn hidden(directory: &Path) -> Vec<String> {
    let inflight = directory.join(".velo-inflight");
    if !inflight.exists() {
        return Vec::new();
    }
    let mut found = files(&inflight);
    found.retain(|name| name != "lock" && !name.ends_with("fence"));
    found
}

/// A single file and a directory of the format, in directories of their own.
fn places(root: &Path, ending: &str) -> [(std::path::PathBuf, String); 2] {
    let (format, compression) = ending.split_once('.').unwrap_or((ending, ""));
    let mut options = format!("?format={format}&file_name={{n}}");
    if !compression.is_empty() {
        options.push_str("&compression=gzip");
    }
    let single = root.join(format!("single-{ending}/out.{ending}"));
    [
        (single, String::new()),
        (root.join(format!("many-{ending}/")), options),
    ]
}

/// Gives the directory that holds the files of a place.
fn directory<'p>((path, options): (&'p Path, &str)) -> &'p Path {
    match options {
        "" => path.parent().unwrap(),
        _ => path,
    }
}

fn headers(path: &Path) -> usize {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.matches("id,name").count()
}

#[tokio::test]
async fn checkpoints_close_no_file() {
    let root = tempfile::tempdir().unwrap();
    for ending in CUT.into_iter().chain(["parquet"]) {
        for (path, options) in places(root.path(), ending) {
            let sink = open(&path, &options);
            sink.recover(&identity(1), None).await.unwrap();
            let mut writer = writer(&sink, 1, 0).await;
            for epoch in 1..4 {
                let start = epoch as i64 * 10;
                writer.write(batch(start..start + 10)).await.unwrap();
                let (commit, held) = end_epoch(&mut writer, (1, epoch), Barrier::Checkpoint).await;
                assert_eq!(held, ending == "parquet", "{ending}");
                assert_eq!(commit.parts.is_empty(), held);
                sink.commit(&commit).await.unwrap();
                let seen = visible(directory((&path, &options)));
                assert!(seen.is_empty(), "{ending} {seen:?}");
            }
            finish(&sink, writer, (1, 4), 40..41).await;
            assert_eq!(ids(&path).await, Vec::from_iter(10..41), "{ending}");
        }
    }
    let csv = root.path().join("many-csv");
    assert_eq!(
        (visible(&csv).len(), headers(&csv.join("00000.csv"))),
        (1, 1)
    );
}

#[tokio::test]
async fn a_restart_goes_on_where_the_checkpoint_cut() {
    for committed in [true, false] {
        let root = tempfile::tempdir().unwrap();
        for ending in CUT {
            for (path, options) in places(root.path(), ending) {
                let sink = open(&path, &options);
                sink.recover(&identity(1), None).await.unwrap();
                let mut old = writer(&sink, 1, 0).await;
                old.write(batch(0..3)).await.unwrap();
                let (commit, _) = end_epoch(&mut old, (1, 1), Barrier::Checkpoint).await;
                if committed {
                    sink.commit(&commit).await.unwrap();
                }
                // More than a chunk, so that some of it is in the file.
                old.write(batch(3..300_000)).await.unwrap();
                std::mem::forget((sink, old));

                for generation in [2, 2, 3] {
                    let sink = open(&path, &options);
                    let recovered = sink.recover(&identity(generation), Some(&commit)).await;
                    let recovered = recovered.unwrap();
                    assert_eq!((recovered.committed, recovered.epoch), (true, Some(1)));
                }
                let sink = open(&path, &options);
                sink.recover(&identity(4), Some(&commit)).await.unwrap();
                let mut new = writer(&sink, 4, 0).await;
                let commit = checkpoint(&sink, &mut new, (4, 2), 3..5).await;
                drop((sink, new));
                let sink = open(&path, &options);
                sink.recover(&identity(5), Some(&commit)).await.unwrap();
                finish(&sink, writer(&sink, 5, 0).await, (5, 3), 5..6).await;
                assert_eq!(
                    ids(&path).await,
                    Vec::from_iter(0..6),
                    "{ending} {committed}"
                );
                assert!(hidden(directory((&path, &options))).is_empty());
            }
        }
        let csv = root.path().join("single-csv/out.csv");
        assert_eq!(text(&csv), "id,name\n0,\n1,n1\n2,n2\n3,\n4,n1\n5,n2\n");
    }
}

#[tokio::test]
async fn a_file_that_no_row_comes_for_is_finished_as_it_was() {
    let root = tempfile::tempdir().unwrap();
    for ending in CUT {
        let [_, (path, options)] = places(root.path(), ending);
        let sink = open(&path, &options);
        let mut old = writer(&sink, 1, 0).await;
        let mut commit = checkpoint(&sink, &mut old, (1, 1), 0..3).await;
        std::mem::forget((sink, old));
        for generation in 2..4 {
            let sink = open(&path, &options);
            sink.recover(&identity(generation), Some(&commit))
                .await
                .unwrap();
            let mut idle = writer(&sink, generation, 0).await;
            let (next, held) =
                end_epoch(&mut idle, (generation, generation), Barrier::Checkpoint).await;
            assert!(
                !held && !next.parts.is_empty(),
                "the open file was forgotten"
            );
            sink.commit(&next).await.unwrap();
            commit = next;
        }
        let sink = open(&path, &options);
        sink.recover(&identity(4), Some(&commit)).await.unwrap();
        let mut idle = writer(&sink, 4, 0).await;
        let (commit, _) = end_epoch(&mut idle, (4, 4), Barrier::Pause).await;
        sink.commit(&commit).await.unwrap();
        assert_eq!(ids(&path).await, [0, 1, 2]);
        // Files that were shown come back as pending ones, though nobody may have them any more.
        fs::remove_file(path.join(&visible(&path)[0])).unwrap();
        let recovered = open(&path, &options)
            .recover(&identity(5), Some(&commit))
            .await;
        assert_eq!(recovered.unwrap().epoch, Some(4));
    }
}

#[tokio::test]
async fn an_epoch_without_rows_repeats_what_is_open() {
    let root = tempfile::tempdir().unwrap();
    let sink = open(&root.path().join("out/"), "?format=csv");
    let mut writer = writer(&sink, 1, 0).await;
    let (none, held) = end_epoch(&mut writer, (1, 1), Barrier::Checkpoint).await;
    assert!(none.parts.is_empty() && !held);
    let first = checkpoint(&sink, &mut writer, (1, 2), 0..3).await;
    let (second, _) = end_epoch(&mut writer, (1, 3), Barrier::Checkpoint).await;
    let open_part = |commit: &Commit| -> serde_json::Value {
        let body: serde_json::Value = serde_json::from_str(&commit.parts[0].1.body).unwrap();
        let mut open = body["open"][0].clone();
        open["age"] = 0.into();
        open
    };
    assert_eq!(open_part(&first), open_part(&second));
    assert_eq!(open_part(&first)["rows"], 3);
}

#[tokio::test]
async fn age_closes_files_at_checkpoints() {
    let root = tempfile::tempdir().unwrap();
    for ending in CUT.into_iter().chain(["parquet"]) {
        let [_, (path, options)] = places(root.path(), ending);
        for (age, shown) in [("1h", 0), ("0s", 2)] {
            let path = path.join(age);
            let sink = open(
                &path,
                &format!("{options}&roll_age={age}&file_name={{epoch}}-{{n}}").replacen(
                    "&file_name={n}",
                    "",
                    1,
                ),
            );
            let mut writer = writer(&sink, 1, 0).await;
            for epoch in 1..3 {
                writer.write(batch(0..3)).await.unwrap();
                let (commit, held) = end_epoch(&mut writer, (1, epoch), Barrier::Checkpoint).await;
                assert_eq!(held, ending == "parquet" && age == "1h");
                sink.commit(&commit).await.unwrap();
            }
            assert_eq!(visible(&path).len(), shown, "{ending} {age}");
            let (last, _) = end_epoch(&mut writer, (1, 3), Barrier::Pause).await;
            sink.commit(&last).await.unwrap();
            assert_eq!(ids(&path).await.len(), 6, "{ending} {age}");
        }
    }
}

#[tokio::test]
async fn files_that_rolled_wait_for_the_epoch_that_is_not_held() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("out/");
    let sink = open(
        &path,
        "?format=parquet&roll_rows=2&roll_age=1h&file_name={n}",
    );
    let mut writer = writer(&sink, 1, 0).await;
    writer.write(batch(0..5)).await.unwrap();
    let (commit, held) = end_epoch(&mut writer, (1, 1), Barrier::Checkpoint).await;
    assert!(held && commit.parts.is_empty());
    writer.write(batch(5..7)).await.unwrap();
    let (commit, held) = end_epoch(&mut writer, (1, 2), Barrier::Pause).await;
    assert!(!held);
    assert_eq!(visible(root.path()), ["out/"; 0]);
    sink.commit(&commit).await.unwrap();
    assert_eq!(visible(&path).len(), 4);
    assert_eq!(ids(&path).await, Vec::from_iter(0..7));
    let (after, held) = end_epoch(&mut writer, (1, 3), Barrier::Checkpoint).await;
    assert!(after.parts.is_empty() && !held);
}

#[tokio::test]
async fn a_pause_finishes_directories_and_keeps_single_files_open() {
    let root = tempfile::tempdir().unwrap();
    for ending in CUT.into_iter().chain(["parquet"]) {
        for (path, options) in places(root.path(), ending) {
            let sink = open(&path, &options);
            let mut paused = writer(&sink, 1, 0).await;
            paused.write(batch(0..3)).await.unwrap();
            let (commit, held) = end_epoch(&mut paused, (1, 1), Barrier::Pause).await;
            let single = options.is_empty();
            assert_eq!(held, single && ending == "parquet");
            sink.commit(&commit).await.unwrap();
            let directory = directory((&path, &options));
            assert_eq!(visible(directory).is_empty(), single);
            assert_eq!(hidden(directory).is_empty(), !single, "{ending}");
            if single {
                finish(&sink, paused, (1, 2), 3..4).await;
                assert_eq!(ids(&path).await, Vec::from_iter(0..4));
                let mut late = writer(&sink, 1, 0).await;
                let error = match late.write(batch(0..1)).await {
                    Err(error) => error,
                    Ok(()) => late
                        .prepare(3, Barrier::End, &Progress::default())
                        .await
                        .unwrap_err(),
                };
                assert_eq!(error.kind(), ErrorKind::Unsupported);
            }
        }
    }
}

#[tokio::test]
async fn rows_of_earlier_runs_count_for_rolling() {
    let root = tempfile::tempdir().unwrap();
    for ending in CUT {
        let [_, (path, options)] = places(root.path(), ending);
        let options = format!("{options}&roll_rows=4");
        let sink = open(&path, &options);
        let mut old = writer(&sink, 1, 0).await;
        let commit = checkpoint(&sink, &mut old, (1, 1), 0..3).await;
        // It rolls, and the checkpoint that would know is never stored.
        old.write(batch(3..9)).await.unwrap();
        end_epoch(&mut old, (1, 2), Barrier::Checkpoint).await;
        std::mem::forget((sink, old));
        let sink = open(&path, &options);
        sink.recover(&identity(2), Some(&commit)).await.unwrap();
        assert_eq!(hidden(&path), ["=p=0.1.0.kept"]);
        finish(&sink, writer(&sink, 2, 0).await, (2, 2), 3..6).await;
        let names = visible(&path);
        assert_eq!(names.len(), 2, "{names:?}");
        assert_eq!(ids(&path.join(&names[0])).await, [0, 1, 2, 3]);
        assert_eq!(ids(&path.join(&names[1])).await, [4, 5]);
    }
}

#[tokio::test]
async fn other_columns_after_a_restart_go_to_another_file_or_nowhere() {
    let root = tempfile::tempdir().unwrap();
    for ending in CUT {
        for (path, options) in places(root.path(), ending) {
            let sink = open(&path, &options);
            let mut old = writer(&sink, 1, 0).await;
            let commit = checkpoint(&sink, &mut old, (1, 1), 0..2).await;
            drop((sink, old));
            let sink = open(&path, &options);
            sink.recover(&identity(2), Some(&commit)).await.unwrap();
            let mut new = writer(&sink, 2, 0).await;
            let narrow = rows(2..4).project(&[0]).unwrap();
            let narrow_stream = Arc::new(StreamInfo::new("t", narrow.schema()));
            let written = new.write(Batch::new(narrow_stream, narrow).unwrap()).await;
            let prepared = new.prepare(2, Barrier::End, &Progress::default()).await;
            if options.is_empty() {
                let error = written.err().or(prepared.err()).unwrap();
                assert_eq!(error.kind(), ErrorKind::Unsupported);
                // The next run may go on with the columns of before.
                drop(new);
                let sink = open(&path, &options);
                sink.recover(&identity(3), Some(&commit)).await.unwrap();
                finish(&sink, writer(&sink, 3, 0).await, (3, 2), 2..3).await;
                assert_eq!(ids(&path).await, [0, 1, 2]);
                continue;
            }
            let parts = vec![(0, prepared.unwrap().committable.unwrap())];
            sink.commit(&Commit {
                identity: identity(2),
                epoch: 2,
                parts,
                progress: Progress::default(),
            })
            .await
            .unwrap();
            let names = visible(&path);
            assert_eq!(names.len(), 2);
            assert_eq!(ids(&path.join(&names[0])).await, [0, 1]);
            assert_eq!(ids(&path.join(&names[1])).await, [2, 3]);
        }
    }
}

#[tokio::test]
async fn writers_start_again_within_one_generation() {
    let root = tempfile::tempdir().unwrap();
    for ending in CUT {
        for (path, options) in places(root.path(), ending) {
            let sink = open(&path, &options);
            sink.recover(&identity(1), None).await.unwrap();
            let mut first = writer(&sink, 1, 0).await;
            let commit = checkpoint(&sink, &mut first, (1, 1), 0..3).await;
            first.write(batch(3..300_000)).await.unwrap();
            // Prepared, and the checkpoint could not be stored.
            end_epoch(&mut first, (1, 2), Barrier::Checkpoint).await;
            first.close().await.unwrap();
            sink.recover(&identity(1), Some(&commit)).await.unwrap();
            let mut second = writer(&sink, 1, 0).await;
            checkpoint(&sink, &mut second, (1, 2), 3..5).await;
            // Without a recovery in between, and with rows that are given up.
            second.write(batch(5..300_000)).await.unwrap();
            second.close().await.unwrap();
            let mut third = writer(&sink, 1, 0).await;
            let commit = checkpoint(&sink, &mut third, (1, 3), 5..6).await;
            drop(third);
            sink.recover(&identity(1), Some(&commit)).await.unwrap();
            finish(&sink, writer(&sink, 1, 0).await, (1, 4), 6..7).await;
            assert_eq!(ids(&path).await, Vec::from_iter(0..7), "{ending}");
        }
    }
}

#[tokio::test]
async fn the_newest_part_that_names_a_file_counts() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("out/");
    let sink = open(&path, "?format=csv&file_name={n}");
    let mut old = writer(&sink, 1, 0).await;
    let mut merged = checkpoint(&sink, &mut old, (1, 1), 0..1).await;
    let second = checkpoint(&sink, &mut old, (1, 2), 1..2).await;
    merged.parts.extend(second.parts);
    merged.epoch = 2;
    old.write(batch(2..3)).await.unwrap();
    let (third, _) = end_epoch(&mut old, (1, 3), Barrier::Pause).await;
    std::mem::forget((sink, old));
    let sink = open(&path, "?format=csv&file_name={n}");
    sink.recover(&identity(2), Some(&merged)).await.unwrap();
    let kept = path.join(".velo-inflight").join(&hidden(&path)[0]);
    assert_eq!(text(&kept), "id,name\n0,\n1,n1\n");
    // Open in one part and finished in a later one is finished.
    fs::write(&kept, "id,name\n0,\n1,n1\n2,n2\n").unwrap();
    merged.parts.extend(third.parts);
    merged.epoch = 3;
    sink.recover(&identity(2), Some(&merged)).await.unwrap();
    assert_eq!(visible(&path), ["00000.csv"]);
    assert!(hidden(&path).is_empty());
}

#[tokio::test]
async fn splits_without_an_end_wait_for_nobody() {
    let root = tempfile::tempdir().unwrap();
    let path = root.path().join("out/");
    let sink = groups(&path, 4, FileWriteOptions::default());
    let mut lanes = Vec::new();
    for lane in 0..2 {
        let request = WriteRequest {
            in_order: false,
            ..WriteRequest::new(lane, identity(1), Budget::new(8 << 20))
        };
        lanes.push(sink.create_writer(request).await.unwrap());
    }
    // The first split never ends; the second is larger than what a lane may be ahead.
    lanes[0].write(batch_of(0, 0..4)).await.unwrap();
    for n in 1..200 {
        let wide = batch_of(1, n * 10_000..(n + 1) * 10_000);
        lanes[1].write(wide).await.unwrap();
    }
    lanes[1].end_split(&split(1)).await.unwrap();
    let inflight = path.join(".velo-inflight").join(&hidden(&path)[0]);
    assert!(
        text(&inflight).contains("1999999>"),
        "rows wait for the first split"
    );
    for lane in &mut lanes {
        let progress = Progress::default();
        let prepared = lane.prepare(1, Barrier::End, &progress).await.unwrap();
        if let Some(part) = prepared.committable {
            let (identity, parts) = (identity(1), vec![(0, part)]);
            let commit = Commit {
                identity,
                epoch: 1,
                parts,
                progress: Progress::default(),
            };
            sink.commit(&commit).await.unwrap();
        }
    }
    let all: String = visible(&path)
        .iter()
        .map(|name| text(&path.join(name)))
        .collect();
    assert!(all.contains("<0 1 2 3>"));
}
