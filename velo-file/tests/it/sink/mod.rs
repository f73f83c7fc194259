//! Writing files.

mod append;
mod commit;
mod crash;
mod destination;
mod directory;
mod epochs;
mod order;
mod random;
mod takeover;
mod through;

use std::any::Any;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::{
    ArrayRef, Int64Array, RecordBatch, StringArray, cast::AsArray, types::Int64Type,
};
use arrow_schema::{Schema, SchemaRef};
use velo_core::{
    Barrier, Batch, Budget, Commit, DataSink, DataWriter, Error, ErrorKind, Identity, Progress,
    Result, Span, Split, SplitId, StreamInfo, Uri, WriteRequest,
};
use velo_file::FileSink;
use velo_file::config::FileWriteOptions;
use velo_format::{Chunk, ChunkEncoder, FileEncoder, OutputFormat, Sink};

/// A format whose files show their chunks: `<1 2 3><4>.`, behind a `#` as the header.
struct Groups {
    full: u64,
    /// Chunks fail at this value.
    poison: Option<i64>,
}

struct GroupsChunk {
    ids: Vec<i64>,
    full: u64,
    poison: Option<i64>,
}

struct GroupsFile {
    out: Sink,
    rows: u64,
    bytes: u64,
}

impl OutputFormat for Groups {
    fn check(&self, schema: &Schema) -> Result<()> {
        match schema.column_with_name("id") {
            Some(_) => Ok(()),
            None => Err(Error::new(ErrorKind::Unsupported, "no id")),
        }
    }

    fn chunks(&self, _: &SchemaRef) -> Result<Box<dyn ChunkEncoder>> {
        let (full, poison) = (self.full, self.poison);
        Ok(Box::new(GroupsChunk {
            ids: Vec::new(),
            full,
            poison,
        }))
    }

    fn file(&self, _: &SchemaRef, out: Sink) -> Result<Box<dyn FileEncoder>> {
        let mut file = GroupsFile {
            out,
            rows: 0,
            bytes: 0,
        };
        file.put("#")?;
        Ok(Box::new(file))
    }

    fn extension(&self) -> String {
        "groups".to_owned()
    }
}

impl ChunkEncoder for GroupsChunk {
    fn write(&mut self, rows: &RecordBatch) -> Result<()> {
        let ids = rows
            .column_by_name("id")
            .unwrap()
            .as_primitive::<Int64Type>();
        if ids.iter().flatten().any(|id| Some(id) == self.poison) {
            return Err(Error::new(
                ErrorKind::InvalidData,
                "value cannot be written",
            ));
        }
        self.ids.extend(ids.values());
        Ok(())
    }

    fn rows(&self) -> u64 {
        self.ids.len() as u64
    }

    fn memory(&self) -> usize {
        self.ids.len() * 8
    }

    fn is_full(&self) -> bool {
        self.rows() >= self.full
    }

    fn finish(&mut self) -> Result<Chunk> {
        let rest = self.ids.split_off(self.ids.len().min(self.full as usize));
        let ids = std::mem::replace(&mut self.ids, rest);
        let text: Vec<String> = ids.iter().map(ToString::to_string).collect();
        let text = format!("<{}>", text.join(" "));
        let (rows, bytes) = (ids.len() as u64, text.len() as u64);
        let body: Box<dyn Any + Send> = Box::new(text);
        Ok(Chunk { rows, bytes, body })
    }
}

impl GroupsFile {
    fn put(&mut self, text: &str) -> Result<()> {
        self.out.write_all(text.as_bytes())?;
        self.bytes += text.len() as u64;
        Ok(())
    }
}

impl FileEncoder for GroupsFile {
    fn append(&mut self, chunk: Chunk) -> Result<()> {
        self.rows += chunk.rows;
        let text = chunk.body.downcast::<String>().unwrap();
        self.put(&text)
    }

    fn bytes(&self) -> u64 {
        self.bytes
    }

    fn rows(&self) -> u64 {
        self.rows
    }

    fn finish(mut self: Box<Self>) -> Result<u64> {
        self.put(".")?;
        self.out.flush()?;
        Ok(self.bytes)
    }
}

/// A sink of groups of so many rows.
fn groups(path: &Path, full: u64, options: FileWriteOptions) -> FileSink {
    let format = Groups { full, poison: None };
    FileSink::new(path.to_str().unwrap(), options, Arc::new(format)).unwrap()
}

fn open(path: &Path, options: &str) -> FileSink {
    try_open(path, options).unwrap()
}

fn try_open(path: &Path, options: &str) -> Result<FileSink> {
    FileSink::from_uri(&Uri::parse(&format!(
        "{}{options}",
        path.to_str().unwrap()
    ))?)
}

fn stream() -> Arc<StreamInfo> {
    Arc::new(StreamInfo::new("t", rows(0..0).schema()))
}

/// Rows with an id and a name; a third of the names are null.
fn rows(ids: std::ops::Range<i64>) -> RecordBatch {
    let name = |id: i64| (id % 3 > 0).then(|| format!("n{}", id % 3));
    let names: ArrayRef = Arc::new(ids.clone().map(name).collect::<StringArray>());
    let ids: ArrayRef = Arc::new(Int64Array::from_iter_values(ids));
    RecordBatch::try_from_iter_with_nullable([("id", ids, false), ("name", names, true)]).unwrap()
}

fn batch(ids: std::ops::Range<i64>) -> Batch {
    Batch::new(stream(), rows(ids)).unwrap()
}

/// A batch that says which split it is of.
fn batch_of(order: u64, ids: std::ops::Range<i64>) -> Batch {
    let split = SplitId::from(order.to_string());
    batch(ids).with_span(Span {
        split,
        order,
        first: 0,
        last: 0,
    })
}

fn split(order: u64) -> Arc<Split> {
    Arc::new(Split::new(order.to_string(), order))
}

fn identity(generation: u64) -> Identity {
    Identity::new("p", 0, generation)
}

async fn writer(sink: &FileSink, generation: u64, lane: u32) -> Box<dyn DataWriter> {
    try_writer(sink, generation, lane).await.unwrap()
}

async fn try_writer(sink: &FileSink, generation: u64, lane: u32) -> Result<Box<dyn DataWriter>> {
    let request = WriteRequest::new(lane, identity(generation), Budget::new(8 << 20));
    sink.create_writer(request).await
}

/// Prepares the last epoch of one lane.
async fn prepare(writer: &mut Box<dyn DataWriter>, generation: u64, epoch: u64) -> Result<Commit> {
    let progress = Progress::default();
    let prepared = writer.prepare(epoch, Barrier::End, &progress).await?;
    let parts = prepared
        .committable
        .map(|part| (0, part))
        .into_iter()
        .collect();
    Ok(Commit {
        identity: identity(generation),
        epoch,
        parts,
        progress,
    })
}

/// Writes one batch and commits it.
async fn copy(sink: &FileSink, generation: u64, ids: std::ops::Range<i64>) -> Result<()> {
    sink.recover(&identity(generation), None).await?;
    let mut writer = try_writer(sink, generation, 0).await?;
    writer.write(batch(ids)).await?;
    let commit = prepare(&mut writer, generation, 1).await?;
    sink.commit(&commit).await?;
    writer.close().await
}

/// Lists every file below a directory, hidden ones too, in order.
fn files(directory: &Path) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        if entry.file_type().unwrap().is_dir() {
            found.extend(
                files(&entry.path())
                    .into_iter()
                    .map(|below| format!("{name}/{below}")),
            );
            if fs::read_dir(entry.path()).unwrap().next().is_none() {
                found.push(format!("{name}/"));
            }
        } else {
            found.push(name);
        }
    }
    found.sort();
    found
}

fn text(path: &Path) -> String {
    fs::read_to_string(path).unwrap()
}
