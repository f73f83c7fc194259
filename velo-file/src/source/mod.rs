//! Reading: from a URI to files, from files to splits, from splits to rows.

mod catalog;
mod coding;
mod columns;
mod count;
mod detect;
mod drift;
mod file;
mod glob;
mod groups;
mod hive;
mod layouts;
mod limit;
mod listing;
mod metadata;
mod opening;
mod piece;
mod prune;
mod records;
mod sample;
mod shape;
mod splits;
mod stdin;
mod stream;
mod watch;
mod window;

use std::fmt;
use std::sync::Arc;

use arrow_array::ArrayRef;
use async_trait::async_trait;
use tokio::sync::{OnceCell, oneshot};
use velo_core::{
    Budget, ByteSize, DataReader, DataSource, Error, ErrorKind, Event, Predicate, Progress,
    Pushdown, ReadRequest, Replay, Result, SourceCapabilities, SourceEstimate, SourceOffset,
    SplitEnumerator, StreamInfo, Uri,
};
use velo_format::{Layout, ReadOptions, detect_name, parse_columns};

use crate::config::path::{Target, target};
use crate::config::{FileReadOptions, WatchOptions};
use catalog::{Catalog, DataFile};
use piece::Piece;
use splits::Division;
use watch::Watching;

/// Files, or standard input, to be read.
///
/// ```
/// use velo_core::{DataSource, Replay, Uri};
/// use velo_file::FileSource;
/// let source = FileSource::from_uri(&Uri::parse("data/*.csv?delimiter=;")?)?;
/// assert_eq!(source.capabilities().replay, Replay::Exact);
/// assert!(FileSource::from_uri(&Uri::parse("file://data/a.csv")?).is_err());
/// # Ok::<(), velo_core::Error>(())
/// ```
pub struct FileSource {
    target: Target,
    settings: Arc<Settings>,
    catalog: OnceCell<Arc<Catalog>>,
    watching: Option<Watching>,
}

/// The option of the longest line, and what it is for lines that somebody is still writing.
const LONGEST: &str = "max_line_length";
const WATCHED_LINE: ByteSize = ByteSize(1 << 20);
/// Values that a batch may have at most, unless a single row has more.
const BATCH_VALUES: usize = 1 << 20;

/// All options of reading.
#[derive(Clone)]
struct Settings {
    options: FileReadOptions,
    formats: ReadOptions,
}

impl Settings {
    /// Gives the rows that a batch of so many columns may have.
    ///
    /// A value can take less than a bit in a file and eight bytes in a batch, so that wide rows make
    /// smaller batches.
    fn batch_rows(&self, columns: usize) -> usize {
        let most = BATCH_VALUES / columns.max(1);
        self.formats.common.batch_size.min(most).max(1)
    }
}

impl FileSource {
    /// Reads path and options out of a URI; no I/O.
    ///
    /// # Errors
    /// `InvalidInput` for another host; `Config` naming the option.
    pub fn from_uri(uri: &Uri) -> Result<Self> {
        let target = target(uri)?;
        let mut query = uri.query()?;
        let options = FileReadOptions::take(&mut query)?;
        let following = WatchOptions::take(&mut query, target.is_single())?;
        let length_given = query.names().any(|name| name == LONGEST);
        let mut formats = ReadOptions::take(&mut query)?;
        query.finish()?;
        if following.is_some() && !length_given {
            formats.common.max_line_length = WATCHED_LINE;
        }
        if formats.common.batch_size == 0 {
            return Err(Error::new(ErrorKind::Config, "expected a number from 1 up")
                .with("option", "batch_size=0"));
        }
        let common = &formats.common;
        for (name, columns) in [("schema", &common.schema), ("types", &common.types)] {
            let parsed = columns.as_deref().map(parse_columns).transpose();
            parsed.map_err(|error| error.with("option", name))?;
        }
        let named = match &target {
            Target::Path(pattern) => detect_name(&pattern.plain).format,
            Target::Standard => None,
        };
        // Options that the format refuses are refused before anything is looked at.
        if let Some(format) = formats.common.format.or(named) {
            format.layout(&formats)?;
        }
        let settings = Settings { options, formats };
        let watching = match (following, &target) {
            (None, _) => None,
            (Some(following), Target::Path(pattern)) => {
                Some(Watching::new(pattern.clone(), following, settings.clone())?)
            }
            (Some(_), Target::Standard) => {
                return Err(
                    Error::new(ErrorKind::Config, "standard input cannot be watched")
                        .with("option", "watch")
                        .with_hint("leave it out: rows are read as they come"),
                );
            }
        };
        Ok(Self {
            target,
            settings: Arc::new(settings),
            catalog: OnceCell::new(),
            watching,
        })
    }

    async fn catalog(&self) -> Result<&Arc<Catalog>> {
        let discover = || async {
            match &self.target {
                Target::Standard => stdin::open(&self.settings).await.map(Arc::new),
                Target::Path(pattern) => {
                    let (pattern, settings) = (pattern.clone(), self.settings.clone());
                    let found = blocking(move || Catalog::of_files(&pattern, &settings)).await?;
                    found.map(Arc::new)
                }
            }
        };
        self.catalog.get_or_try_init(discover).await
    }
}

impl fmt::Debug for FileSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSource")
            .field("target", &self.target)
            .field("options", &self.settings.options)
            .finish_non_exhaustive()
    }
}

#[async_trait]
impl DataSource for FileSource {
    fn capabilities(&self) -> SourceCapabilities {
        SourceCapabilities {
            replay: match self.target {
                Target::Standard => Replay::None,
                Target::Path(_) => Replay::Exact,
            },
            bounded: self.watching.is_none(),
        }
    }

    /// Partitions, row groups and pages are left out where they can be; readers check the rest.
    fn pushdown(&self, _predicate: &Predicate) -> Pushdown {
        Pushdown::Exact
    }

    async fn streams(&self) -> Result<Vec<Arc<StreamInfo>>> {
        if let Some(watching) = &self.watching {
            return watching.streams().await;
        }
        Ok(vec![self.catalog().await?.stream.clone()])
    }

    async fn estimate(&self) -> Result<SourceEstimate> {
        if self.watching.is_some() {
            return Ok(SourceEstimate::default());
        }
        let catalog = self.catalog().await?;
        let sizes = catalog.files.iter().map(|file| file.found.size);
        let known = catalog.pipe.is_none() && matches!(self.target, Target::Path(_));
        Ok(SourceEstimate {
            rows: None,
            bytes: known.then(|| sizes.sum()),
        })
    }

    async fn splits(&self, resume: Option<&SourceOffset>) -> Result<Box<dyn SplitEnumerator>> {
        if let Some(watching) = &self.watching {
            return watching.splits(resume);
        }
        let catalog = self.catalog().await?.clone();
        Ok(Box::new(Division::new(
            catalog,
            self.settings.clone(),
            resume,
        )?))
    }

    async fn create_reader(&self, request: ReadRequest) -> Result<Box<dyn DataReader>> {
        if let Some(watching) = &self.watching {
            return watching.create_reader(request).await;
        }
        let catalog = self.catalog().await?;
        let piece = Piece::of(&request.split)?;
        match catalog.layout(catalog.file(&piece.path)?) {
            Layout::Random(_) => groups::open(catalog, &self.settings, request, piece),
            Layout::Stream(_) => records::open(catalog, &self.settings, request, piece).await,
        }
    }

    async fn acknowledge(&self, progress: &Progress) -> Result<()> {
        match &self.watching {
            Some(watching) => watching.acknowledge(progress).await,
            None => Ok(()),
        }
    }
}

/// A split of which no row is wanted.
struct Nothing;

#[async_trait]
impl DataReader for Nothing {
    async fn read(&mut self) -> Result<Option<Event>> {
        Ok(None)
    }
}

/// Gives the columns that have one value for all rows of a file.
fn known_columns<'c>(catalog: &'c Catalog, file: &DataFile) -> Result<Vec<(&'c str, ArrayRef)>> {
    let of_file = catalog.partitions.iter().zip(&file.values);
    of_file
        .map(|(field, value)| {
            Ok((
                field.name().as_str(),
                hive::scalar(field, value.as_deref())?,
            ))
        })
        .collect()
}

/// Gives what to ask for before a batch: a small budget must have room for the next one as well.
fn share(budget: &Budget, bytes: u64) -> u64 {
    bytes.min(budget.total() / 4)
}

/// Does slow work in a thread of its own, so that whoever waits can stop waiting.
async fn blocking<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T> {
    let (sender, receiver) = oneshot::channel();
    let run = move || {
        // Whoever waited is gone when this fails.
        let _ = sender.send(work());
    };
    let spawned = std::thread::Builder::new()
        .name("velo-file".to_owned())
        .spawn(run);
    spawned.map_err(|error| Error::new(ErrorKind::Io, "start a thread").with_source(error))?;
    let lost = |_| {
        Error::new(
            ErrorKind::Unexpected,
            "looking at files ended without an answer",
        )
    };
    receiver.await.map_err(lost)
}
