//! Directories: rolled files, Hive partitions, more files each time.

use super::*;
use velo_core::{ByteSize, TimeSpan};

async fn commit_all(sink: &FileSink, batches: Vec<Batch>) -> Result<()> {
    sink.recover(&identity(1), None).await?;
    let mut writer = try_writer(sink, 1, 0).await?;
    for batch in batches {
        writer.write(batch).await?;
    }
    sink.commit(&prepare(&mut writer, 1, 1).await?).await?;
    writer.close().await
}

#[tokio::test]
async fn every_rolled_file_is_whole_and_within_its_rows() {
    let directory = tempfile::tempdir().unwrap();
    let sink = open(
        directory.path(),
        "?format=csv&roll_rows=4&file_name=part-{n}",
    );
    commit_all(&sink, vec![batch(0..3), batch(3..3), batch(3..10)])
        .await
        .unwrap();
    let expected = ["part-00000.csv", "part-00001.csv", "part-00002.csv"];
    assert_eq!(files(directory.path()), expected);
    let first = text(&directory.path().join("part-00000.csv"));
    assert_eq!(first, "id,name\n0,\n1,n1\n2,n2\n3,\n");
    assert_eq!(
        text(&directory.path().join("part-00002.csv")),
        "id,name\n8,n2\n9,\n"
    );
}

#[tokio::test]
async fn files_roll_by_size_and_by_age() {
    let bytes = FileWriteOptions {
        roll_bytes: Some(ByteSize(20)),
        ..Default::default()
    };
    let age = FileWriteOptions {
        roll_age: Some(TimeSpan::default()),
        ..Default::default()
    };
    for (options, several) in [
        (bytes, true),
        (age, true),
        (FileWriteOptions::default(), false),
    ] {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("out/");
        commit_all(
            &groups(&path, 3, options),
            vec![batch(0..10), batch(10..20)],
        )
        .await
        .unwrap();
        let found = files(&path);
        assert_eq!(found.len() > 1, several, "{found:?}");
        for file in found {
            let text = text(&path.join(file));
            assert!(
                text.starts_with('#') && text.ends_with(".") && text.len() > 2,
                "{text}"
            );
        }
    }
}

#[tokio::test]
async fn each_run_adds_files() {
    let directory = tempfile::tempdir().unwrap();
    for _ in 0..2 {
        let sink = open(directory.path(), "?format=jsonl&file_name=part-{n}");
        commit_all(&sink, vec![batch(0..1)]).await.unwrap();
    }
    assert_eq!(
        files(directory.path()),
        ["part-00000.jsonl", "part-00001.jsonl"]
    );
}

#[tokio::test]
async fn values_become_directories() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let sink = open(&path, "?format=csv&partition_by=name&file_name={n}");
    commit_all(&sink, vec![batch(0..4), batch(4..7)])
        .await
        .unwrap();
    let expected = [
        ("name=__HIVE_DEFAULT_PARTITION__/00000.csv", "id\n0\n3\n6\n"),
        ("name=n1/00000.csv", "id\n1\n4\n"),
        ("name=n2/00000.csv", "id\n2\n5\n"),
    ];
    assert_eq!(files(&path), expected.map(|(name, _)| name));
    for (name, content) in expected {
        assert_eq!(text(&path.join(name)), content);
    }
}

#[tokio::test]
async fn many_partitions_need_few_open_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out");
    let options = FileWriteOptions {
        partition_by: vec!["id".to_owned()],
        sync: false,
        ..Default::default()
    };
    let sink = FileSink::new(path.to_str().unwrap(), options, Arc::new(Names)).unwrap();
    commit_all(&sink, vec![batch(0..1000), batch(0..1000)])
        .await
        .unwrap();
    let rows: usize = files(&path)
        .iter()
        .map(|file| text(&path.join(file)).len())
        .sum();
    assert_eq!(rows, 2000);
}

/// A format that writes a dot for each row.
struct Names;
struct Dots(u64);
struct DotFile(Sink, u64);

impl OutputFormat for Names {
    fn check(&self, _: &Schema) -> Result<()> {
        Ok(())
    }
    fn chunks(&self, _: &SchemaRef) -> Result<Box<dyn ChunkEncoder>> {
        Ok(Box::new(Dots(0)))
    }
    fn file(&self, _: &SchemaRef, out: Sink) -> Result<Box<dyn FileEncoder>> {
        Ok(Box::new(DotFile(out, 0)))
    }
    fn extension(&self) -> String {
        "dots".to_owned()
    }
}

impl ChunkEncoder for Dots {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        self.0 += rows.num_rows() as u64;
        Ok(())
    }
    fn rows(&self) -> u64 {
        self.0
    }
    fn memory(&self) -> usize {
        8
    }
    fn is_full(&self) -> bool {
        false
    }
    fn finish(&mut self) -> Result<Chunk> {
        let rows = std::mem::take(&mut self.0);
        Ok(Chunk {
            rows,
            bytes: rows,
            body: Box::new(()),
        })
    }
}

impl FileEncoder for DotFile {
    fn append(&mut self, chunk: Chunk) -> Result<()> {
        self.1 += chunk.rows;
        self.0.write_all(&vec![b'.'; chunk.rows as usize])?;
        Ok(())
    }
    fn bytes(&self) -> u64 {
        self.1
    }
    fn rows(&self) -> u64 {
        self.1
    }
    fn finish(self: Box<Self>) -> Result<u64> {
        Ok(self.1)
    }
}

#[tokio::test]
async fn other_columns_go_to_another_file_or_nowhere() {
    let directory = tempfile::tempdir().unwrap();
    let other =
        Arc::new(stream().next_version(Arc::new(rows(0..0).schema().project(&[0]).unwrap())));
    let narrow = || Batch::new(other.clone(), rows(5..6).project(&[0]).unwrap()).unwrap();
    let sink = open(&directory.path().join("out/"), "?format=csv&file_name={n}");
    commit_all(&sink, vec![batch(0..1), narrow()])
        .await
        .unwrap();
    let path = directory.path().join("out");
    assert_eq!(files(&path), ["00000.csv", "00001.csv"]);
    assert_eq!(text(&path.join("00001.csv")), "id\n5\n");
    let strict = open(
        &directory.path().join("strict/"),
        "?format=csv&schema_policy=fail",
    );
    for sink in [strict, open(&directory.path().join("one.csv"), "")] {
        let error = commit_all(&sink, vec![batch(0..1), narrow()])
            .await
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
    }
    assert_eq!(files(directory.path()), ["out/00000.csv", "out/00001.csv"]);
}

#[tokio::test]
async fn streams_have_files_of_their_own() {
    let directory = tempfile::tempdir().unwrap();
    let other = Arc::new(StreamInfo::new("a/b", stream().schema().clone()));
    let sink = open(directory.path(), "?format=csv");
    let foreign = Batch::new(other, rows(0..1)).unwrap();
    commit_all(&sink, vec![batch(0..1), foreign.clone()])
        .await
        .unwrap();
    let expected = ["a%2Fb-p-0-00000001-00000.csv", "t-p-0-00000001-00001.csv"];
    assert_eq!(files(directory.path()), expected);
    let single = open(&directory.path().join("one.csv"), "");
    let error = commit_all(&single, vec![batch(0..1), foreign])
        .await
        .unwrap_err();
    assert!(
        error.hint().unwrap().contains("directory"),
        "{}",
        error.report()
    );
}

#[tokio::test]
async fn an_announced_stream_leaves_one_empty_file_in_an_empty_directory() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("out/");
    for _ in 0..2 {
        let sink = open(&path, "?format=csv&file_name={n}");
        commit_all(&sink, vec![Batch::empty(stream())])
            .await
            .unwrap();
        assert_eq!(files(directory.path()), ["out/00000.csv"]);
    }
    assert_eq!(text(&path.join("00000.csv")), "id,name\n");
}
