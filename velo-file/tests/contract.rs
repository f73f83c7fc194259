//! The contract against files of every format, plain and compressed.

use std::collections::HashMap;
use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};

use arrow_schema::{DataType, SchemaRef, TimeUnit};
use async_trait::async_trait;
use libtest_mimic::Trial;
use tempfile::TempDir;
use velo_core::{
    Action, Barrier, Batch, Budget, Commit, DataSink, DataWriter, Error, ErrorKind, Event,
    Identity, Prepared, Progress, ReadRequest, Recovered, Result, SchemaChange, Sink,
    SinkCapabilities, Source, Split, SplitChange, StreamInfo, Uri, WriteRequest,
};
use velo_file::{FileSink, FileSource};
use velo_format::compression::Compressor;
use velo_format::{Compression, Format};
use velo_testkit::{Ability, Door, Happening, Harness, Place, data, run_all, trials};

fn main() -> ExitCode {
    let kinds = [
        (Format::Csv, Compression::None),
        (Format::Jsonl, Compression::None),
        (Format::Parquet, Compression::None),
        (Format::Avro, Compression::None),
        (Format::JsonArray, Compression::None),
        (Format::Arrow, Compression::None),
        (Format::ArrowStream, Compression::None),
        (Format::Csv, Compression::Gzip),
        (Format::Jsonl, Compression::Zstd),
        (Format::Csv, Compression::Lz4),
    ];
    let watched = [
        (Format::Csv, Compression::None),
        (Format::Jsonl, Compression::None),
        (Format::Parquet, Compression::None),
        (Format::Jsonl, Compression::Gzip),
    ];
    let kinds = kinds.into_iter().map(|kind| (kind, false));
    let mut tests = Vec::new();
    for ((format, compression), watched) in kinds.chain(watched.map(|kind| (kind, true))) {
        match FileHarness::new(format, compression) {
            Ok(harness) => {
                let harness = FileHarness { watched, ..harness };
                let way = if watched { "watched " } else { "" };
                let name = format!("{way}{}", harness.extension());
                let trials = trials(&name, harness).into_iter();
                // It is half a connector: the clauses of sinks are kept without watching.
                tests.extend(trials.filter(|test| !watched || !test.has_ignored_flag()));
            }
            Err(error) => return failed(&error),
        }
    }
    run_all(tests.into_iter().map(ignored).collect())
}

/// Clauses that files do not keep, and why.
const NOT_KEPT: [(&str, &str); 1] = [(
    "::sink::K5 recover discards what else was prepared",
    "a lost prepared file is reported as STATE_LOST, never taken for discarded",
)];

fn ignored(test: Trial) -> Trial {
    let not_kept = NOT_KEPT
        .iter()
        .find(|(clause, _)| test.name().ends_with(clause));
    match not_kept {
        None => test,
        Some((_, why)) => {
            let name = format!("{} ({why})", test.name());
            Trial::test(name, move || Err((*why).into())).with_ignored_flag(true)
        }
    }
}

#[allow(clippy::print_stderr, reason = "a test binary without libtest's main")]
fn failed(error: &io::Error) -> ExitCode {
    eprintln!("cannot make a directory: {error}");
    ExitCode::FAILURE
}

/// The columns that were written to each place, by its name.
type Schemas = Arc<Mutex<HashMap<String, SchemaRef>>>;

/// Lends files of one format to the contract: a place is a directory, a split a file in it.
struct FileHarness {
    format: Format,
    compression: Compression,
    /// The directory is watched: a source without an end.
    watched: bool,
    root: TempDir,
    schemas: Schemas,
}

impl FileHarness {
    fn new(format: Format, compression: Compression) -> io::Result<Self> {
        Ok(Self {
            format,
            compression,
            watched: false,
            root: tempfile::tempdir()?,
            schemas: Schemas::default(),
        })
    }

    fn extension(&self) -> String {
        let ending = match self.format {
            Format::JsonArray => "json",
            Format::ArrowStream => "arrows",
            format => format.name(),
        };
        match self.compression.ending() {
            Some(compression) => format!("{ending}.{compression}"),
            None => ending.to_owned(),
        }
    }

    fn directory(&self, place: &Place) -> PathBuf {
        self.root.path().join(&place.name)
    }

    fn file(&self, place: &Place, split: u32) -> PathBuf {
        let name = format!("{split}.{}", self.extension());
        self.directory(place).join(name)
    }

    fn uri(&self, place: &Place) -> Result<Uri> {
        Uri::parse(&format!("{}/", self.directory(place).display()))
    }

    fn schema(&self, place: &Place) -> Option<SchemaRef> {
        let schemas = self.schemas.lock().unwrap_or_else(PoisonError::into_inner);
        schemas.get(&place.name).cloned()
    }

    /// Opens a source of the place; text has the types of `schema`, or those that it seems to have.
    fn open(&self, place: &Place, schema: Option<SchemaRef>) -> Result<Source> {
        let mut uri = self.uri(place)?;
        if let Some(size) = place.batch_size {
            uri = uri.with_option("batch_size", &size.to_string())?;
        }
        if self.watched {
            uri = uri.with_option("watch", "directory")?;
            uri = uri.with_option("poll_interval", "1ms")?;
        }
        if let Some(schema) = schema.filter(|_| !self.format.compresses_itself()) {
            let fields = schema.fields().iter();
            let columns = fields.filter_map(|field| {
                let spelled = spelled(field.data_type())?;
                Some(format!("{}:{spelled}", field.name()))
            });
            let columns: Vec<String> = columns.collect();
            uri = uri.with_option("schema", &columns.join(","))?;
        }
        Ok(Source::new(FileSource::from_uri(&uri)?))
    }

    fn holds(&self, of: &DataType) -> bool {
        match self.format {
            // A dictionary is an encoding there and comes back as its values.
            Format::Avro => comes_back(of),
            // ORC is not written, so that nothing of the contract comes by it.
            Format::Parquet | Format::Orc | Format::Arrow | Format::ArrowStream => {
                !matches!(of, DataType::Dictionary(..))
            }
            Format::Csv => spelled(of).is_some() && !of.is_nested(),
            // The generated floats have NaN and infinities, which are no JSON.
            Format::Jsonl | Format::JsonArray => spelled(of).is_some() && !of.is_floating(),
            // One column is no table.
            Format::Text => false,
        }
    }
}

/// Says whether Avro has the type itself; others come back as the nearest.
fn comes_back(of: &DataType) -> bool {
    use DataType as T;
    match of {
        T::Int32 | T::Int64 | T::Float32 | T::Float64 | T::Boolean | T::Utf8 | T::Binary => true,
        T::Decimal128(..) | T::Decimal256(..) | T::FixedSizeBinary(_) | T::Date32 => true,
        T::Time32(unit) => *unit == TimeUnit::Millisecond,
        T::Time64(unit) => *unit == TimeUnit::Microsecond,
        T::Timestamp(unit, zone) => {
            *unit != TimeUnit::Second && zone.as_deref().is_none_or(|zone| zone == "UTC")
        }
        T::List(item) => comes_back(item.data_type()),
        T::Struct(fields) => fields.iter().all(|field| comes_back(field.data_type())),
        T::Map(..) => true,
        _ => false,
    }
}

/// Spells a type as the option `schema` does; `None` for those that it has no name for.
fn spelled(of: &DataType) -> Option<String> {
    let unit = |unit: &TimeUnit| match unit {
        TimeUnit::Second => "s",
        TimeUnit::Millisecond => "ms",
        TimeUnit::Microsecond => "us",
        TimeUnit::Nanosecond => "ns",
    };
    Some(match of {
        DataType::Boolean => "boolean".to_owned(),
        DataType::Utf8 => "text".to_owned(),
        DataType::Binary => "binary".to_owned(),
        DataType::Date32 => "date".to_owned(),
        DataType::Float32 | DataType::Float64 => of.to_string().to_lowercase(),
        _ if of.is_integer() => of.to_string().to_lowercase(),
        DataType::Decimal128(precision, scale) | DataType::Decimal256(precision, scale) => {
            format!("decimal({precision},{scale})")
        }
        DataType::Time32(of) | DataType::Time64(of) => format!("time({})", unit(of)),
        DataType::Duration(of) => format!("duration({})", unit(of)),
        DataType::Timestamp(of, None) => format!("timestamp({})", unit(of)),
        DataType::Timestamp(of, Some(zone)) => format!("timestamp({},{zone})", unit(of)),
        DataType::List(item) => format!("list({})", spelled(item.data_type())?),
        _ => return None,
    })
}

fn note(schemas: &Schemas, place: &str, batch: &Batch) {
    let mut schemas = schemas.lock().unwrap_or_else(PoisonError::into_inner);
    schemas.insert(place.to_owned(), batch.rows().schema());
}

async fn write(sink: &FileSink, batches: &[Batch]) -> Result<()> {
    let identity = Identity::new("fill", 0, 1);
    sink.recover(&identity, None).await?;
    let request = WriteRequest::new(0, identity.clone(), Budget::new(64 << 20));
    let mut writer = sink.create_writer(request).await?;
    for batch in batches {
        writer.write(batch.clone()).await?;
    }
    let progress = Progress::default();
    let part = writer
        .prepare(1, Barrier::End, &progress)
        .await?
        .committable;
    let commit = Commit {
        identity,
        epoch: 1,
        parts: part.map(|part| (0, part)).into_iter().collect(),
        progress,
    };
    sink.commit(&commit).await?;
    writer.close().await
}

async fn read(source: &Source) -> Result<Vec<Batch>> {
    let mut found = Vec::new();
    let mut splits = source.splits(None).await?;
    while let Some(change) = splits.next().await? {
        let SplitChange::Added { splits, .. } = change else {
            continue;
        };
        for split in splits {
            let request = ReadRequest::new(split, Budget::new(64 << 20));
            let mut reader = source.create_reader(request).await?;
            while let Some(event) = reader.read().await? {
                if let Event::Rows(batch) = event {
                    found.push(batch);
                }
            }
        }
    }
    Ok(found)
}

#[async_trait]
impl Harness for FileHarness {
    fn abilities(&self) -> Vec<Ability> {
        use Ability as A;
        let mut abilities = match self.watched {
            true => vec![A::Source, A::BatchSize],
            false => vec![A::Source, A::Sink, A::Splits, A::BatchSize],
        };
        if !self.format.compresses_itself() {
            abilities.push(A::BrokenRows);
        }
        abilities
    }

    fn types(&self) -> Vec<DataType> {
        let types = data::supported_types().into_iter();
        types.filter(|of| self.holds(of)).collect()
    }

    async fn fill(&self, place: &Place, split: u32, batches: &[Batch]) -> Result<()> {
        if let Some(batch) = batches.first() {
            note(&self.schemas, &place.name, batch);
        }
        let file = self.file(place, split);
        let uri = Uri::parse(&format!("{}?sync=false&if_exists=fail", file.display()))?;
        write(&FileSink::from_uri(&uri)?, batches).await
    }

    fn source(&self, place: &Place) -> Result<Source> {
        let numbered = data::numbered_schema();
        self.open(place, self.schema(place).filter(|of| **of != numbered))
    }

    fn sink(&self, place: &Place) -> Result<Sink> {
        let mut uri = self.uri(place)?.with_option("format", self.format.name())?;
        if self.compression != Compression::None {
            uri = uri.with_option("compression", self.compression.name())?;
        }
        Ok(Sink::new(NotingSink {
            sink: FileSink::from_uri(&uri)?,
            place: place.name.clone(),
            schemas: self.schemas.clone(),
        }))
    }

    async fn visible(&self, place: &Place) -> Result<Vec<Batch>> {
        let entries = match fs::read_dir(self.directory(place)) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error.into()),
        };
        let names = entries.map(|entry| entry.map(|entry| entry.file_name()));
        let names = names.collect::<io::Result<Vec<_>>>()?;
        let hidden = |name: &std::ffi::OsString| name.as_encoded_bytes().starts_with(b".");
        if names.iter().all(hidden) {
            return Ok(Vec::new());
        }
        let source = self.open(place, self.schema(place))?;
        let mut found: Vec<Batch> = source
            .streams()
            .await?
            .into_iter()
            .map(Batch::empty)
            .collect();
        found.extend(read(&source).await?);
        Ok(found)
    }

    async fn provoke(&self, place: &Place, happening: Happening) -> Result<()> {
        let Happening::BrokenRow { split } = happening else {
            return Err(Error::new(ErrorKind::Unsupported, "files do not do this"));
        };
        let row: &[u8] = match self.format {
            Format::Csv => b"1,a,field,too,many\n",
            Format::JsonArray => b",\n{\"id\": 1, \"name\"}\n]\n",
            _ => b"{\"id\": 1, \"name\"\n",
        };
        let row = match self.compression {
            Compression::None => row.to_vec(),
            compression => Compressor::new(compression, None)?.compress(row)?,
        };
        let file = self.file(place, split);
        let mut file = OpenOptions::new().append(true).open(file)?;
        if self.format == Format::JsonArray {
            // The end of the array goes behind the row.
            file.set_len(file.metadata()?.len() - b"\n]\n".len() as u64)?;
        }
        file.write_all(&row)?;
        Ok(())
    }

    async fn remove(&self, place: &Place) {
        // What is left goes with the root.
        let _ = fs::remove_dir_all(self.directory(place));
    }

    fn door(&self) -> Option<Door> {
        if self.watched {
            return None;
        }
        let uri = format!("file:///data/orders.{}", self.extension());
        let uri = match self.format {
            // The name alone means JSON lines.
            Format::JsonArray => format!("{uri}?format=json_array"),
            _ => uri,
        };
        let door = Door::new(velo_file::connector(), uri);
        let bad = [
            ("batch_size", "many"),
            ("batch_size", "0"),
            ("buffer_size", "1"),
            ("max_records", "0"),
            ("split_size", "wide"),
            ("recursive", "maybe"),
            ("on_bad_row", "maybe"),
            ("schema_drift", "maybe"),
            ("schema", "id:number"),
            ("types", "id"),
            ("format", "xls"),
            ("compression", "rar"),
            ("delimiter", "ab"),
            ("header", "maybe"),
            ("if_exists", "maybe"),
            ("roll_rows", "0"),
            ("roll_bytes", "wide"),
            ("file_name", "{nothing}"),
        ];
        let door = bad
            .iter()
            .fold(door, |door, (option, value)| door.refuses(option, value));
        Some(door)
    }
}

/// A file sink that notes which columns it is given: text alone does not tell their types.
#[derive(Debug)]
struct NotingSink {
    sink: FileSink,
    place: String,
    schemas: Schemas,
}

#[async_trait]
impl DataSink for NotingSink {
    fn capabilities(&self) -> SinkCapabilities {
        self.sink.capabilities()
    }

    async fn plan(&self, streams: &[Arc<StreamInfo>]) -> Result<Vec<Action>> {
        self.sink.plan(streams).await
    }

    async fn recover(&self, identity: &Identity, pending: Option<&Commit>) -> Result<Recovered> {
        self.sink.recover(identity, pending).await
    }

    async fn create_writer(&self, request: WriteRequest) -> Result<Box<dyn DataWriter>> {
        Ok(Box::new(NotingWriter {
            writer: self.sink.create_writer(request).await?,
            place: self.place.clone(),
            schemas: self.schemas.clone(),
        }))
    }

    async fn commit(&self, commit: &Commit) -> Result<()> {
        self.sink.commit(commit).await
    }
}

struct NotingWriter {
    writer: Box<dyn DataWriter>,
    place: String,
    schemas: Schemas,
}

#[async_trait]
impl DataWriter for NotingWriter {
    async fn write(&mut self, batch: Batch) -> Result<()> {
        note(&self.schemas, &self.place, &batch);
        self.writer.write(batch).await
    }

    async fn change_schema(&mut self, change: &SchemaChange) -> Result<()> {
        self.writer.change_schema(change).await
    }

    async fn end_split(&mut self, split: &Arc<Split>) -> Result<()> {
        self.writer.end_split(split).await
    }

    async fn prepare(
        &mut self,
        epoch: u64,
        barrier: Barrier,
        progress: &Progress,
    ) -> Result<Prepared> {
        self.writer.prepare(epoch, barrier, progress).await
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.writer.close().await
    }
}
