//! `velo dlq replay`: dead letters once more through the pipeline, as the pipeline `NAME.replay`.
//!
//! Every letter becomes a file of its own, so that a quote that one opens ends with it. Letters of
//! the stage `decode` are read with the source's options; the others are JSON of the row that was
//! refused, which is read with the columns that it had. Nothing is inferred from so few rows.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arrow_array::cast::AsArray;
use arrow_array::types::UInt64Type;
use arrow_array::{BooleanArray, RecordBatch, UInt64Array};
use tempfile::TempDir;
use velo_core::uri::percent_encode;
use velo_core::{Batch, Error, ErrorKind, Result, StreamInfo, StreamRecord, Uri};
use velo_format::{Format, detect_name};
use velo_pipeline::{Limit, Transforms, dead_letter_stream};
use velo_registry::{Registry, create_sink, create_source};

use crate::args::{Arguments, Which};
use crate::dlq::{text, told};
use crate::dlq_file::{self, Chosen, LetterFile};
use crate::{run, schema, state_set};

/// Options of the source that say nothing about the bytes of one record.
const OF_FILES: [&str; 14] = [
    "columns",
    "compression",
    "encoding",
    "extension_filter",
    "format",
    "header",
    "hive_partitioning",
    "infer",
    "max_records",
    "metadata",
    "on_bad_row",
    "recursive",
    "schema",
    "types",
];

/// Letters that are read and treated in the same way.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Kind {
    stream: String,
    stage: String,
    /// The file that they are from, where their columns are those of the file.
    file: String,
}

/// The letters of a kind, laid out as files.
struct Laid {
    /// The options to read them with.
    options: String,
    directory: PathBuf,
    ending: &'static str,
}

pub(crate) async fn replay(all: &Arguments, file: &Path, which: &Which) -> Result<()> {
    let letters = LetterFile::open(all, file)?;
    letters.check_file()?;
    check_sinks(&letters)?;
    let chosen = Chosen::of(which)?;
    let held = letters.hold().await?;
    let mut replay = Replay::new(all, file, &letters).await?;
    let (mut number, mut found) = (0, letters.read().await?);
    while let Some(rows) = found.next().await? {
        let wanted = chosen.of_rows(&rows)?;
        let batch = Batch::new(dead_letter_stream(), rows)?;
        for (record, wanted) in batch.records().zip(&wanted) {
            if wanted == Some(true) {
                replay.lay_out(number, &record?).await?;
            }
            number += 1;
        }
    }
    let failed = replay.run().await?;
    let tried: HashSet<u64> = replay.numbers.iter().copied().collect();
    if !tried.is_empty() {
        letters
            .rewrite(|first, rows| without(first, &rows, &tried, &failed))
            .await?;
    }
    drop(held);
    let replayed = (tried.len() - failed.len()) as u64;
    told(
        all,
        &[
            ("replayed", replayed),
            ("failed again", failed.len() as u64),
        ],
    )?;
    match replay.refused.into_values().next() {
        Some(refused) => Err(refused),
        None => Ok(()),
    }
}

/// Leaves out what made it, and counts the attempts of what did not.
fn without(
    first: u64,
    rows: &RecordBatch,
    tried: &HashSet<u64>,
    failed: &HashSet<u64>,
) -> Result<RecordBatch> {
    let numbers = || first..first + rows.num_rows() as u64;
    let schema = rows.schema();
    let at = schema.index_of("attempt")?;
    let attempts = rows.column(at).as_primitive::<UInt64Type>().values();
    let attempts = attempts.iter().zip(numbers());
    let attempts = attempts.map(|(attempt, number)| attempt + u64::from(failed.contains(&number)));
    let mut columns = rows.columns().to_vec();
    columns[at] = Arc::new(attempts.collect::<UInt64Array>());
    let counted = RecordBatch::try_new(schema, columns)?;
    let stays = |number: u64| !tried.contains(&number) || failed.contains(&number);
    let stay: BooleanArray = numbers().map(|number| Some(stays(number))).collect();
    Ok(Batch::new(dead_letter_stream(), counted)?
        .filter(&stay)?
        .rows()
        .clone())
}

/// Refuses a destination that a second pipeline would replace.
fn check_sinks(letters: &LetterFile) -> Result<()> {
    let ends = letters
        .described
        .sink
        .iter()
        .chain(letters.described.sinks.values());
    for end in ends {
        let uri = Uri::parse(&end.uri)?;
        let query = uri.query()?;
        let appends = query.get("if_exists") == Some("append");
        let path = uri.path();
        let rolls = ["partition_by", "roll_rows", "roll_bytes", "roll_age"];
        let is_directory = path.ends_with('/')
            || Path::new(&*path).is_dir()
            || rolls.iter().any(|name| query.get(name).is_some());
        if uri.scheme() == "file" && !appends && !is_directory {
            return Err(
                Error::new(ErrorKind::Unsupported, "a replay would replace the file")
                    .with("file", path)
                    .with_hint("let the pipeline write into a directory, or with if_exists=append"),
            );
        }
    }
    Ok(())
}

struct Replay<'a> {
    all: &'a Arguments,
    file: &'a Path,
    letters: &'a LetterFile,
    /// The streams of the source, and as the sink gets them.
    streams: Vec<Arc<StreamInfo>>,
    announced: Vec<Arc<StreamInfo>>,
    place: TempDir,
    kinds: BTreeMap<Kind, Option<Laid>>,
    /// Which letter each file is.
    numbers: Vec<u64>,
    /// Why letters are not replayed, and an error that says it.
    refused: HashMap<String, Error>,
}

impl<'a> Replay<'a> {
    async fn new(all: &'a Arguments, file: &'a Path, letters: &'a LetterFile) -> Result<Self> {
        let streams = letters.pipeline.source().streams().await?;
        Ok(Self {
            announced: letters.pipeline.announced(&streams)?,
            place: tempfile::tempdir()?,
            kinds: BTreeMap::new(),
            numbers: Vec::new(),
            refused: HashMap::new(),
            all,
            file,
            letters,
            streams,
        })
    }

    /// Makes a file of a letter, unless it is of a kind that cannot be replayed.
    async fn lay_out(&mut self, number: u64, letter: &StreamRecord<'_>) -> Result<()> {
        let stage = text(letter, "stage");
        let kind = Kind {
            stream: text(letter, "stream"),
            file: match stage.as_str() {
                "decode" => text(letter, "file"),
                _ => String::new(),
            },
            stage,
        };
        if !self.kinds.contains_key(&kind) {
            let laid = match self.prepare(&kind).await {
                Ok(laid) => Some(laid),
                Err(refused) => {
                    self.refused.insert(refused.message().to_owned(), refused);
                    None
                }
            };
            self.kinds.insert(kind.clone(), laid);
        }
        let Some(Some(laid)) = self.kinds.get(&kind) else {
            return Ok(());
        };
        let name = format!("{:010}.{}", self.numbers.len(), laid.ending);
        fs::write(laid.directory.join(name), raw(letter)?)?;
        self.numbers.push(number);
        Ok(())
    }

    async fn prepare(&self, kind: &Kind) -> Result<Laid> {
        let (options, ending) = match kind.stage.as_str() {
            "decode" => self.as_it_came(kind).await?,
            "transform" => (as_json(&self.streams, &kind.stream)?, "jsonl"),
            _ => (as_json(&self.announced, &kind.stream)?, "jsonl"),
        };
        let plain = !kind.stream.contains('/') && !kind.stream.starts_with('.');
        if !plain || kind.stream.is_empty() {
            return Err(cannot("stream has no name for a directory"));
        }
        let within = self.place.path().join(self.kinds.len().to_string());
        let directory = within.join(&kind.stream);
        fs::create_dir_all(&directory)?;
        Ok(Laid {
            options,
            directory,
            ending,
        })
    }

    /// Gives the options that read a record as the source reads it.
    async fn as_it_came(&self, kind: &Kind) -> Result<(String, &'static str)> {
        let described = &self.letters.described;
        let Some(end) = described.source.as_ref().filter(|_| !kind.file.is_empty()) else {
            return Err(cannot(
                "only records of a single source of files can be replayed",
            ));
        };
        let uri = Uri::parse(&end.uri)?;
        let query = uri.query()?;
        let given = query.names().filter(|name| !OF_FILES.contains(name));
        let given = given.filter_map(|name| Some((name.to_owned(), query.get(name)?.to_owned())));
        let mut options: Vec<(String, String)> = given.collect();
        let format = query.get("format").map(|name| {
            let name = serde_json::Value::String(name.to_owned());
            serde_json::from_value::<Format>(name).ok()
        });
        let in_path = Path::new(&kind.file).parent();
        if in_path.is_some_and(|path| path.to_string_lossy().contains('=')) {
            return Err(cannot("columns of a file's path are not among its records"));
        }
        let stream = find(&self.streams, &kind.stream)?;
        match format.unwrap_or_else(|| detect_name(&kind.file).format) {
            Some(Format::Jsonl) => {
                options.push(("format".to_owned(), "jsonl".to_owned()));
                options.push(("schema".to_owned(), columns(stream)));
                Ok((spelled(&options), "jsonl"))
            }
            Some(Format::Csv) => {
                let file = self.file_itself(&end.uri, &kind.file).await?;
                let (columns, dialect) = of_file(&file, stream)?;
                let known: HashSet<_> = options.iter().map(|(name, _)| name.clone()).collect();
                options.extend(
                    dialect
                        .into_iter()
                        .filter(|(name, _)| !known.contains(name)),
                );
                options.push(("format".to_owned(), "csv".to_owned()));
                options.push(("header".to_owned(), "false".to_owned()));
                options.push(("schema".to_owned(), columns));
                Ok((spelled(&options), "csv"))
            }
            _ => Err(cannot("records of this format cannot be replayed")),
        }
    }

    /// Looks at the file that a record is from: its own columns in their order.
    async fn file_itself(&self, source: &str, path: &str) -> Result<Arc<StreamInfo>> {
        let options = source.split_once('?').map_or("", |(_, options)| options);
        let uri = Uri::parse(&format!("{}?{options}", uri_of(Path::new(path))?))?;
        let uri = uri
            .with_option("on_bad_row", "skip")?
            .with_option("hive_partitioning", "false")?;
        let streams = Registry::default().create_source_of(&uri)?.streams().await;
        let streams = streams.map_err(|error| {
            cannot("file that the records are from cannot be read").with_source(error)
        })?;
        streams
            .first()
            .cloned()
            .ok_or_else(|| cannot("file that the records are from is empty"))
    }

    /// Runs all kinds of letters, one after the other; gives the letters that failed again.
    async fn run(&self) -> Result<HashSet<u64>> {
        let mut failed = HashSet::new();
        let laid = self
            .kinds
            .iter()
            .filter_map(|(kind, laid)| Some((kind, laid.as_ref()?)));
        for (number, (kind, laid)) in laid.enumerate() {
            let letters = self.place.path().join(format!("failed-{number}.jsonl"));
            let letters = uri_of(&letters)?;
            self.run_kind(kind, laid, &letters).await?;
            let mut found = dlq_file::read(&format!("{letters}?")).await?;
            while let Some(rows) = found.next().await? {
                let batch = Batch::new(dead_letter_stream(), rows)?;
                for record in batch.records() {
                    failed.insert(self.number(&text(&record?, "split"))?);
                }
            }
        }
        Ok(failed)
    }

    async fn run_kind(&self, kind: &Kind, laid: &Laid, letters: &str) -> Result<()> {
        let mut pipeline = run::open(self.all, self.file)?;
        if let Some(store) = &pipeline.store {
            // Of an earlier replay that was cut off only the counting goes on: its letters are
            // all there, and what it had prepared was never shown.
            let name = format!("{}.replay", pipeline.name);
            let mut tenure = store.repair(&name, pipeline.task, 0).await?;
            let begin = state_set::reset(tenure.latest());
            tenure.save(begin).await?;
        }
        if kind.stage == "write" {
            pipeline.transforms = Transforms::default();
        }
        let directory = uri_of(&laid.directory)?;
        let source = create_source(&format!(
            "{directory}?{}&on_bad_row=dead_letter&hive_partitioning=false",
            laid.options
        ))?;
        let sink = create_sink(&format!("{letters}?if_exists=append&sync=false"))?;
        pipeline.dead_letters = Some(sink);
        pipeline.dead_letter_limit = Limit::default();
        pipeline.replaying(source).run().await.map(drop)
    }

    /// Gives the letter that a split is made of.
    fn number(&self, split: &str) -> Result<u64> {
        let path = split.split('#').next().unwrap_or(split);
        let stem = path.rsplit_once('.').map_or(path, |(stem, _)| stem);
        let digits = stem.len().checked_sub(10).and_then(|at| stem.get(at..));
        let index = digits.and_then(|digits| digits.parse::<usize>().ok());
        let number = index.and_then(|index| self.numbers.get(index).copied());
        number.ok_or_else(|| {
            Error::new(
                ErrorKind::Unexpected,
                "letter that failed again is not one of these",
            )
        })
    }
}

fn uri_of(path: &Path) -> Result<String> {
    let path = std::path::absolute(path)?;
    Ok(format!(
        "file://{}",
        percent_encode(&path.to_string_lossy())
    ))
}

fn cannot(why: &'static str) -> Error {
    Error::new(ErrorKind::Unsupported, why)
        .with_hint("such letters were left; `velo dlq show` shows them")
}

fn find<'s>(streams: &'s [Arc<StreamInfo>], name: &str) -> Result<&'s Arc<StreamInfo>> {
    let found = streams.iter().find(|stream| stream.name() == name);
    found.ok_or_else(|| cannot("pipeline has no stream of this name any more"))
}

/// Gives the options that read rows which were written down as JSON.
fn as_json(streams: &[Arc<StreamInfo>], name: &str) -> Result<String> {
    let columns = columns(find(streams, name)?);
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    Ok(spelled(&[
        pair("format", "jsonl"),
        pair("schema", &columns),
    ]))
}

fn columns(stream: &StreamInfo) -> String {
    let fields = stream.schema().fields().iter();
    let column = |field: &Arc<arrow_schema::Field>| {
        format!("{}:{}", field.name(), schema::type_name(field.data_type()))
    };
    fields.map(column).collect::<Vec<_>>().join(",")
}

/// Gives a file's columns in its own order with the types of the stream, and its dialect.
fn of_file(file: &StreamInfo, stream: &StreamInfo) -> Result<(String, Vec<(String, String)>)> {
    let mut columns = Vec::new();
    for field in file.schema().fields() {
        let field = stream.schema().field_with_name(field.name());
        let field = field.map_err(|_| cannot("file has columns that the stream has not"))?;
        columns.push(format!(
            "{}:{}",
            field.name(),
            schema::type_name(field.data_type())
        ));
    }
    let mut dialect = Vec::new();
    if let Some(detail) = file.details().first() {
        let (options, _) = detail.split_once(" (").unwrap_or((detail, ""));
        for option in options.split(' ') {
            let pair = option
                .split_once('=')
                .filter(|(_, value)| !value.is_empty());
            let unclear = || cannot("dialect of the file is not clear: name its delimiter");
            let (name, value) = pair.ok_or_else(unclear)?;
            if name != "header" {
                dialect.push((name.to_owned(), value.to_owned()));
            }
        }
    }
    Ok((columns.join(","), dialect))
}

fn spelled(options: &[(String, String)]) -> String {
    let pair = |(name, value): &(String, String)| format!("{name}={}", percent_encode(value));
    options.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// Gives the bytes of a letter.
fn raw(letter: &StreamRecord<'_>) -> Result<Vec<u8>> {
    let hex = text(letter, "raw_bytes");
    if hex.is_empty() {
        return Ok(text(letter, "raw").into_bytes());
    }
    let pairs = hex.as_bytes().chunks(2);
    let byte = |pair: &[u8]| u8::from_str_radix(str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = pairs.map(byte).collect();
    bytes.ok_or_else(|| {
        Error::new(
            ErrorKind::InvalidData,
            "bytes of a dead letter are not hexadecimal",
        )
        .with("id", text(letter, "id"))
    })
}
