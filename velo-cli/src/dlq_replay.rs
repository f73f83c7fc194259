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
use velo_core::{Batch, Error, ErrorKind, Result, StreamInfo, StreamRecord, Uri};
use velo_pipeline::{Limit, Transforms, dead_letter_stream};
use velo_registry::{create_sink, create_source};

use crate::args::{Arguments, Which};
use crate::dlq::{text, told};
use crate::dlq_file::{self, Chosen, LetterFile};
use crate::dlq_records::{Kind, Records, cannot, raw, uri_of};
use crate::{run, state_set};

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
        let bytes = raw(letter)?;
        if bytes.trim_ascii().is_empty() {
            let empty = cannot("letter holds no record");
            self.refused.insert(empty.message().to_owned(), empty);
            return Ok(());
        }
        fs::write(laid.directory.join(name), bytes)?;
        self.numbers.push(number);
        Ok(())
    }

    async fn prepare(&self, kind: &Kind) -> Result<Laid> {
        let records = Records {
            described: &self.letters.described,
            streams: &self.streams,
            announced: &self.announced,
        };
        let (options, ending) = records.options(kind).await?;
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
        let (store, task) = (pipeline.store.clone(), pipeline.task);
        let replay = pipeline.replaying(source);
        let name = replay.name.clone();
        replay.run().await?;
        let state = match store {
            Some(store) => store.read(&name, task).await?,
            None => None,
        };
        // A letter that is not read at all, such as a comment, must not count as one that made it.
        let (files, read) = (
            fs::read_dir(&laid.directory)?.count() as u64,
            state.map_or(0, |state| state.counts.read),
        );
        if read < files {
            return Err(cannot("not every letter came to a record: all were left")
                .with("letters", files)
                .with("records", read));
        }
        Ok(())
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
