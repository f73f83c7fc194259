//! Writing: one file or a directory of files, shown when they are whole and committed.
//!
//! - `target` reads the URI, `destination` looks at what is there.
//! - `writer` is a lane: it turns the batches of its split into chunks; `order` holds later splits
//!   back; `output` lays the chunks into the files of `open`, `inflight` hides those until
//!   `publish` shows them; `append` is for a file that everybody sees while it grows.
//! - `epoch` finishes or cuts files where an epoch ends, `parts` is what the checkpoint keeps of it,
//!   `recovery` goes on from there.
//! - `fence` and `claim` keep earlier runs out, `leftovers` tells whose files are whose.
//!
//! Every lane's writer has to prepare every epoch, and every split's end has to be announced by
//! `end_split` when there are several lanes: the last lane to prepare hands out the committable of
//! all of them.

mod append;
mod claim;
mod destination;
mod epoch;
mod failure;
mod fence;
mod inflight;
mod layout;
mod leftovers;
mod name;
mod open;
mod order;
mod output;
mod partition;
mod parts;
mod piece;
mod publish;
mod recovery;
mod router;
mod run;
mod target;
mod through;
mod writer;

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use velo_core::{
    Action, Commit, CommitKind, DataSink, DataWriter, Error, ErrorKind, Identity, Recovered,
    Result, SinkCapabilities, StreamInfo, Uri, WriteRequest,
};
use velo_format::{OutputFormat, WriteOptions};

use self::claim::Claim;
use self::destination::{Destination, Kind};
use self::layout::Layout;
use self::name::Template;
use self::output::Output;
use self::partition::Partitioning;
use self::parts::PreparedFiles;
use self::run::Run;
use self::target::Target;
use self::writer::FileWriter;
use crate::config::FileWriteOptions;

const MAX_WRITERS: u32 = 64;

/// Limits below which files are rolled exactly, their rows being encoded behind each other.
const FINE_ROWS: u64 = 1_000_000;
const FINE_BYTES: u64 = 32 << 20;

/// The sink of `file://`, bare paths and `stdout:`.
///
/// A destination is a directory if it is one, ends in a slash, or has an option of directories
/// (`partition_by`, `roll_*`); else it is a single file of a single stream. Files are hidden in
/// `.velo-inflight` beside their place until the commit renames them: each is whole or not there,
/// and a replaced file is the old one until then. The several files of one commit are renamed one
/// after the other; a crash in between is finished by `recover`.
///
/// A checkpoint closes no file before its time. CSV, JSON lines and text are cut behind their last
/// row: the committable has the length, and `recover` goes on from there. Other formats have an
/// end; their epochs are held until the files are `roll_age` old. A pause finishes the files of a
/// directory. A single file has its end with the source's end only.
///
/// With `if_exists=append` rows go straight into a single file, and readers may see rows that are
/// not committed; `recover` cuts them off. One run at a time appends to a file.
///
/// A run with checkpoints leaves a fence file in `.velo-inflight`, which remembers what was
/// committed: files that a consumer has taken away are not missed.
///
/// Devices, FIFOs and standard output take rows as they come: nothing is hidden there, and
/// nothing can be taken back.
///
/// Every lane's writer prepares every epoch, and a lane that goes away with rows which it has not
/// prepared ends the others' work too: a file with a hole is worse than none. The last lane to
/// prepare has the committable of all of them. Lanes announce the ends of their splits
/// (`end_split`); the file is then the same for every number of lanes.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use velo_core::{DataSink, Uri};
/// let sink = velo_file::FileSink::from_uri(&Uri::parse("out.csv.gz?if_exists=fail")?)?;
/// let actions = sink.plan(&[]).await?;
/// assert_eq!(actions[0].to_string(), "create file out.csv.gz");
/// # Ok::<(), velo_core::Error>(())
/// # }).unwrap();
/// ```
pub struct FileSink {
    settings: Arc<Settings>,
    claims: Mutex<Claims>,
}

/// By pipeline and task.
type Claims = HashMap<(Arc<str>, u32), Arc<Claim>>;

/// What does not change while a sink lives.
struct Settings {
    target: Target,
    options: FileWriteOptions,
    format: Arc<dyn OutputFormat>,
    /// The format of what follows behind an earlier epoch; none where a file has an end of its own.
    continuation: Option<Arc<dyn OutputFormat>>,
    /// How a line ends; empty where that cannot be seen without decoding.
    line_end: &'static [u8],
    template: Template,
    /// Rows are encoded when their turn has come, not side by side.
    in_sequence: bool,
}

impl Settings {
    /// Says what writing would do, or what refuses it.
    fn actions(&self, destination: &Destination) -> Result<Vec<Action>> {
        destination.actions(&self.options, self.continuation.is_some())
    }
}

impl FileSink {
    /// Reads a destination and its options; looks at nothing.
    ///
    /// # Errors
    /// `Config` naming the option; `InvalidInput` for a host that is not this one; `Unsupported`
    /// for a path with a pattern.
    ///
    /// ```
    /// use velo_core::Uri;
    /// assert!(velo_file::FileSink::from_uri(&Uri::parse("out/?format=csv&roll_rows=1000")?).is_ok());
    /// assert!(velo_file::FileSink::from_uri(&Uri::parse("out/")?).is_err());
    /// # Ok::<(), velo_core::Error>(())
    /// ```
    pub fn from_uri(uri: &Uri) -> Result<Self> {
        let target = Target::of_uri(uri)?;
        let mut query = uri.query()?;
        let options = FileWriteOptions::take(&mut query)?;
        let format_options = WriteOptions::take(&mut query)?;
        query.finish()?;
        let layout = Layout::find(&target, &options, format_options)?;
        Self::assemble(target, options, layout)
    }

    /// Writes a format of your own to a path.
    ///
    /// # Errors
    /// `Config` for options that contradict each other; `InvalidInput` for an empty path.
    pub fn new(
        path: &str,
        options: FileWriteOptions,
        format: Arc<dyn OutputFormat>,
    ) -> Result<Self> {
        options.check()?;
        let layout = Layout {
            format,
            continuation: None,
            line_end: b"",
        };
        Self::assemble(Target::of_path(path)?, options, layout)
    }

    fn assemble(target: Target, options: FileWriteOptions, layout: Layout) -> Result<Self> {
        let template = Template::parse(&options.file_name, &layout.format.extension())?;
        let in_sequence = target == Target::Stdout
            || !options.partition_by.is_empty()
            || options.roll_rows.is_some_and(|rows| rows < FINE_ROWS)
            || options.roll_bytes.is_some_and(|bytes| bytes.0 < FINE_BYTES);
        let Layout {
            format,
            continuation,
            line_end,
        } = layout;
        let settings = Settings {
            target,
            options,
            format,
            continuation,
            line_end,
            template,
            in_sequence,
        };
        Ok(Self {
            settings: Arc::new(settings),
            claims: Mutex::default(),
        })
    }

    /// Gives this run's claim, taking it if need be.
    fn claim(&self, identity: &Identity, to_write: bool) -> Result<Arc<Claim>> {
        let mut claims = self.claims.lock().unwrap_or_else(PoisonError::into_inner);
        let key = (identity.pipeline.clone(), identity.task);
        let known = claims.get(&key).cloned();
        if let Some(claim) = &known
            && claim.identity.generation > identity.generation
        {
            return Err(fence::fenced(identity, claim.identity.generation));
        }
        let known = known.filter(|claim| claim.identity == *identity);
        if let Some(claim) = &known
            && !(to_write && claim.is_tidied())
        {
            return Ok(claim.clone());
        }
        let claim = Claim::take(&self.settings, identity)?;
        if let Some(before) = known {
            let keep = |to: &AtomicBool, from: &AtomicBool| {
                to.store(from.load(Ordering::Acquire), Ordering::Release);
            };
            keep(&claim.prepared, &before.prepared);
            keep(&claim.committed, &before.committed);
            keep(&claim.may_return, &before.may_return);
            let last = before.last_epoch.load(Ordering::Acquire);
            claim.last_epoch.store(last, Ordering::Release);
        }
        let claim = Arc::new(claim);
        claims.insert(key, claim.clone());
        Ok(claim)
    }

    fn check_streams(&self, destination: &Destination, streams: &[Arc<StreamInfo>]) -> Result<()> {
        if !matches!(destination.kind, Kind::Directory) && streams.len() > 1 {
            return Err(Error::new(
                ErrorKind::Unsupported,
                "a single file holds a single stream",
            )
            .with("file", destination.shown())
            .with("streams", streams.len())
            .with_hint("write into a directory: end the path in /"));
        }
        for stream in streams {
            let columns = &self.settings.options.partition_by;
            if columns.is_empty() {
                self.settings.format.check(stream.schema())?;
            } else {
                let partitioning = Partitioning::of(stream.schema(), columns)?;
                self.settings.format.check(partitioning.schema())?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for FileSink {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileSink({})", self.settings.target.shown())
    }
}

#[async_trait]
impl DataSink for FileSink {
    fn capabilities(&self) -> SinkCapabilities {
        let stdout = self.settings.target == Target::Stdout;
        SinkCapabilities {
            commit: if stdout {
                CommitKind::None
            } else {
                CommitKind::TwoPhase
            },
            positions: false,
            max_writers: if stdout { 1 } else { MAX_WRITERS },
        }
    }

    async fn plan(&self, streams: &[Arc<StreamInfo>]) -> Result<Vec<Action>> {
        let destination = Destination::look(&self.settings.target, &self.settings.options)?;
        self.check_streams(&destination, streams)?;
        self.settings.actions(&destination)
    }

    async fn recover(&self, identity: &Identity, pending: Option<&Commit>) -> Result<Recovered> {
        let claim = self.claim(identity, true)?;
        let alone = claim.take_alone();
        let _held = claim.hold()?;
        if !matches!(claim.destination.kind, Kind::Through(_)) {
            recovery::recover(&self.settings, &claim, pending, alone)?;
        }
        Ok(Recovered {
            epoch: claim.epoch()?,
            committed: pending.is_some(),
        })
    }

    async fn create_writer(&self, request: WriteRequest) -> Result<Box<dyn DataWriter>> {
        let claim = self.claim(&request.identity, true)?;
        drop(claim.hold()?);
        if request.identity.task > 0 && !matches!(claim.destination.kind, Kind::Directory) {
            return Err(Error::new(
                ErrorKind::Config,
                "a single file is written by a single task",
            )
            .with("file", claim.destination.shown())
            .with_hint("write into a directory: end the path in /"));
        }
        let shown_at_the_end = matches!(claim.destination.kind, Kind::File { .. })
            && !claim.destination.appends(&self.settings.options);
        if shown_at_the_end && !request.in_order {
            return Err(Error::new(
                ErrorKind::Config,
                "a source without an end never finishes a single file",
            )
            .with("file", claim.destination.shown())
            .with_hint("write into a directory: end the path in /; or say if_exists=append"));
        }
        let through = match &claim.destination.kind {
            Kind::Through(through) => Some(through::open(through).await?),
            _ => None,
        };
        let mut running = claim.run.lock().unwrap_or_else(PoisonError::into_inner);
        let run = match running.upgrade() {
            Some(run) => run,
            None => {
                if !claim.committed.load(Ordering::Acquire) {
                    self.settings.actions(&claim.destination)?;
                }
                let output = Output::new(self.settings.clone(), claim.clone(), through);
                let run = Arc::new(Run::new(self.settings.clone(), claim.clone(), output));
                *running = Arc::downgrade(&run);
                run
            }
        };
        drop(running);
        Ok(Box::new(FileWriter::new(run, request)))
    }

    async fn commit(&self, commit: &Commit) -> Result<()> {
        let claim = self.claim(&commit.identity, false)?;
        let held = claim.hold()?;
        if claim.incomplete.load(Ordering::Acquire) {
            return Err(Error::new(
                ErrorKind::Unexpected,
                "a lane was closed before it prepared",
            )
            .with("file", claim.destination.shown())
            .with("epoch", commit.epoch));
        }
        let parts = PreparedFiles::of(commit)?;
        let shown = publish::publish(&claim, &parts, commit.epoch, self.settings.options.sync);
        shown.map_err(|unshown| unshown.into_error(ErrorKind::Aborted))?;
        for part in &parts {
            append::let_go(&self.settings, &claim, &part.open)?;
        }
        claim.committed.store(true, Ordering::Release);
        drop(held);
        claim.tidy();
        Ok(())
    }
}
