//! Reading files.

mod blocks;
mod broken;
mod columns;
mod dialect;
mod encodings;
mod resume;
mod rows;
mod standard_input;

use std::io::Write;
use std::path::Path;
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::TimestampMicrosecondType;
use arrow_array::{ArrayRef, RecordBatch, StructArray};
use arrow_cast::display::{ArrayFormatter, FormatOptions};
use velo_core::{
    Batch, Budget, DataSource, Error, Event, Mark, Predicate, ReadRequest, Rejected, Result, Split,
    SplitChange, Uri,
};
use velo_file::FileSource;
use velo_format::{Format, WriteOptions};

const BUDGET: u64 = 64 << 20;

/// A directory with files, gone with the test.
struct Files(tempfile::TempDir);

impl Files {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn with(path: &str, bytes: impl AsRef<[u8]>) -> Self {
        let files = Self::new();
        files.write(path, bytes);
        files
    }

    fn path(&self, path: &str) -> String {
        self.0.path().join(path).to_str().unwrap().to_owned()
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(Path::new(&path).parent().unwrap()).unwrap();
        std::fs::write(path, bytes).unwrap();
    }

    fn source(&self, uri: &str) -> FileSource {
        source(&self.path(uri))
    }

    /// Writes Parquet with so many rows in a row group.
    fn parquet(&self, path: &str, columns: Vec<(&str, ArrayRef)>, group_rows: usize) {
        self.table(path, Format::Parquet, columns, group_rows);
    }

    /// Writes a file of any format, a chunk of so many rows.
    fn table(&self, path: &str, format: Format, columns: Vec<(&str, ArrayRef)>, chunk_rows: usize) {
        let columns = columns
            .into_iter()
            .map(|(name, column)| (name, column, true));
        let rows = RecordBatch::try_from_iter_with_nullable(columns).unwrap();
        self.write(path, "");
        let file = std::fs::File::create(self.path(path)).unwrap();
        let output = format.output(&WriteOptions::default()).unwrap();
        let mut chunks = output.chunks(&rows.schema()).unwrap();
        let mut encoder = output.file(&rows.schema(), Box::new(file)).unwrap();
        for start in (0..rows.num_rows()).step_by(chunk_rows) {
            let length = chunk_rows.min(rows.num_rows() - start);
            chunks.write(&rows.slice(start, length)).unwrap();
            encoder.append(chunks.finish().unwrap()).unwrap();
        }
        encoder.finish().unwrap();
    }
}

fn source(uri: &str) -> FileSource {
    FileSource::from_uri(&Uri::parse(uri).unwrap()).unwrap()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

/// All that one split yielded.
#[derive(Debug, Default)]
struct Yielded {
    rows: Vec<String>,
    /// Marks, each with the number of rows before it.
    marks: Vec<(Mark, usize)>,
    rejected: Vec<Rejected>,
    batches: Vec<Batch>,
}

impl Yielded {
    fn take(&mut self, event: Event) {
        match event {
            Event::Rows(batch) => {
                self.rows.extend(lines(batch.rows()));
                self.batches.push(batch);
            }
            Event::Mark(mark) => self.marks.push((mark, self.rows.len())),
            Event::Rejected(rejected) => self.rejected.push(rejected),
            other => panic!("{other:?}"),
        }
    }

    fn append(&mut self, other: Self) {
        self.rows.extend(other.rows);
        self.rejected.extend(other.rejected);
        self.batches.extend(other.batches);
        self.marks.extend(other.marks);
    }
}

/// Spells rows so that null, the empty string and types differ.
fn lines(rows: &RecordBatch) -> Vec<String> {
    let options = FormatOptions::default().with_null("∅");
    let schema = rows.schema();
    let columns: Vec<ArrayRef> = rows.columns().iter().map(without_zone).collect();
    let columns: Vec<_> = columns
        .iter()
        .map(|column| ArrayFormatter::try_new(column, &options).unwrap())
        .collect();
    let cell =
        |row: usize, at: usize| format!("{}={}", schema.field(at).name(), columns[at].value(row));
    let line = |row| {
        let cells = (0..columns.len()).map(|at| cell(row, at));
        cells.collect::<Vec<_>>().join("|")
    };
    (0..rows.num_rows()).map(line).collect()
}

/// Takes the time zone off the times in metadata: spelling it needs a database of zones.
fn without_zone(column: &ArrayRef) -> ArrayRef {
    let Some(facts) = column.as_struct_opt() else {
        return column.clone();
    };
    let plain = |column: &ArrayRef| -> ArrayRef {
        match column.as_primitive_opt::<TimestampMicrosecondType>() {
            Some(times) => Arc::new(times.clone().with_timezone_opt::<Arc<str>>(None)),
            None => column.clone(),
        }
    };
    let named = facts
        .column_names()
        .into_iter()
        .zip(facts.columns().iter().map(plain));
    Arc::new(StructArray::from(
        RecordBatch::try_from_iter(named).unwrap(),
    ))
}

async fn splits(source: &FileSource) -> Result<Vec<Arc<Split>>> {
    let mut found = source.splits(None).await?;
    let mut all = Vec::new();
    while let Some(change) = found.next().await? {
        if let SplitChange::Added { splits, .. } = change {
            all.extend(splits);
        }
    }
    let orders = all.iter().map(|split| split.order);
    assert!(orders.eq(0..all.len() as u64), "orders are dense");
    Ok(all)
}

async fn read_split(source: &FileSource, request: ReadRequest) -> Result<Yielded> {
    let mut reader = source.create_reader(request).await?;
    let mut yielded = Yielded::default();
    while let Some(event) = reader.read().await? {
        yielded.take(event);
    }
    assert!(reader.read().await?.is_none(), "ended readers stay so");
    Ok(yielded)
}

fn request(split: &Arc<Split>) -> ReadRequest {
    ReadRequest::new(split.clone(), Budget::new(BUDGET))
}

async fn read(source: &FileSource) -> Result<Yielded> {
    let mut all = Yielded::default();
    for split in splits(source).await? {
        all.append(read_split(source, request(&split)).await?);
    }
    Ok(all)
}

async fn filtered(source: &FileSource, filter: &str, columns: Option<&[&str]>) -> Result<Yielded> {
    let filter: Arc<Predicate> = Arc::new(filter.parse()?);
    let columns = columns.map(|names| names.iter().map(|name| (*name).to_owned()).collect());
    let mut all = Yielded::default();
    for split in splits(source).await? {
        let request = ReadRequest {
            filter: Some(filter.clone()),
            projection: columns.clone(),
            ..request(&split)
        };
        all.append(read_split(source, request).await?);
    }
    Ok(all)
}

async fn refused(source: &FileSource) -> Error {
    match read(source).await {
        Ok(yielded) => panic!("read {} rows", yielded.rows.len()),
        Err(error) => error,
    }
}

async fn types(source: &FileSource) -> String {
    let stream = source.streams().await.unwrap().remove(0);
    let fields = stream.schema().fields().iter();
    let fields = fields.map(|field| format!("{}:{}", field.name(), field.data_type()));
    fields.collect::<Vec<_>>().join(" ")
}
