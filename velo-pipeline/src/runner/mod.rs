//! A pipeline that survives its process: epochs, checkpoints, recovery, retry.
//!
//! - `Pipeline` here is what is asked for and goes on after failures that pass.
//! - `coordinator` follows splits and clock, `lane` reads and writes.
//! - `epoch` is the order of commits, `ledger` what is known of splits,
//!   `letters` the dead ones, `order` what coordinator and lanes say to each other.

mod bindings;
mod coordinator;
mod epoch;
mod lane;
mod ledger;
mod letters;
mod order;
mod passing;

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use velo_core::{
    Budget, CommitKind, DataSink, DataSource, Identity, Predicate, Pushdown, Replay, Result, Sink,
    Source, StreamInfo,
};

use coordinator::Coordinator;
use epoch::Epochs;

use crate::retry::{Attempts, Retry};
use crate::store::{CheckpointStore, MemoryStore, Tenure};
use crate::timely::Timely;
use crate::{BreakerSettings, Counters, Guarantee, Stop, Summary, Transforms, Watching, guarantee};

/// Memory that is not counted: code, runtime, what libraries hold.
const UNCOUNTED: u64 = 16 << 20;

/// Moves rows from a source to a sink and remembers how far it has come.
///
/// It ends with a bounded source, or when [`Stop`] is asked for. Run again with the same name and
/// store, it goes on where the last commit ended.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap().block_on(async {
/// use velo_core::{Sink, Source, memory::Memory};
/// use velo_pipeline::{Guarantee, Pipeline};
/// let (from, to) = (Memory::new("from"), Memory::new("to"));
/// let pipeline = Pipeline::new("orders", Source::new(from.source()), Sink::new(to.sink()));
/// assert_eq!(pipeline.guarantee(), Guarantee::EffectivelyOnce);
/// assert_eq!(pipeline.run().await?.rows, 0);
/// # Ok::<(), velo_core::Error>(())
/// # }).unwrap();
/// ```
pub struct Pipeline {
    /// Its name: positions and fences are kept under it.
    pub name: Arc<str>,
    /// Which of the pipeline's parallel processes this is.
    pub task: u32,
    pub(crate) source: Arc<dyn DataSource>,
    pub(crate) sink: Arc<dyn DataSink>,
    /// The columns to read, in this order; `None` means all.
    pub columns: Option<Arc<[String]>>,
    /// The rows to read; `None` means all.
    pub filter: Option<Arc<Predicate>>,
    /// What is done to rows on their way.
    pub transforms: Transforms,
    /// What fixes the meaning of stored positions: source and sink, without secrets. State that
    /// was stored with others is refused; empty, nothing is compared.
    pub ends: Vec<String>,
    /// Where positions are kept; without it only a sink that holds them remembers.
    pub store: Option<Arc<dyn CheckpointStore>>,
    /// How often an epoch ends.
    pub every: Duration,
    /// Where rows go that nobody can take; without it they are only counted.
    pub dead_letters: Option<Sink>,
    /// How many bad rows are too many.
    pub dead_letter_limit: Limit,
    /// Lanes that work side by side; as many as there are cores by default.
    pub threads: usize,
    /// Memory in bytes for the rows on their way, at least 32 MiB.
    pub memory: u64,
    /// What is done about failures that pass.
    pub retry: Retry,
    /// When trying is given up for a while.
    pub breaker: BreakerSettings,
    /// How long a call to source or sink may take; writes may take ten times as long.
    pub deadline: Duration,
    /// How long a stop may take.
    pub drain: Duration,
    /// Live figures.
    pub counters: Arc<Counters>,
    /// Who may look at it, and who is told how it is.
    pub watching: Watching,
    /// Stops it in good order.
    pub stop: Stop,
}

/// How many bad rows are too many.
///
/// ```
/// let limit = velo_pipeline::Limit { ratio: 0.1, after: 1000 };
/// assert!(!limit.is_passed(500, 999));
/// assert!(limit.is_passed(101, 1000));
/// assert!(!velo_pipeline::Limit::default().is_passed(1000, 1000));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Limit {
    /// The largest share of bad rows, from 0 to 1.
    pub ratio: f64,
    /// Rows before which no share is computed.
    pub after: u64,
}

impl Default for Limit {
    fn default() -> Self {
        Self {
            ratio: 1.0,
            after: 1000,
        }
    }
}

impl Limit {
    /// Says whether there are too many bad rows.
    #[must_use]
    pub fn is_passed(&self, rejected: u64, read: u64) -> bool {
        read >= self.after && rejected as f64 > self.ratio * read as f64
    }
}

impl Pipeline {
    /// Prepares a pipeline with the defaults; nothing happens before [`run`](Self::run).
    pub fn new(name: impl Into<Arc<str>>, source: Source, sink: Sink) -> Self {
        Self {
            name: name.into(),
            task: 0,
            source: source.shared(),
            sink: sink.shared(),
            columns: None,
            filter: None,
            transforms: Transforms::default(),
            ends: Vec::new(),
            store: None,
            every: Duration::from_secs(5),
            dead_letters: None,
            dead_letter_limit: Limit::default(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            memory: 64 << 20,
            retry: Retry::default(),
            breaker: BreakerSettings::default(),
            deadline: Duration::from_secs(60),
            drain: Duration::from_secs(10),
            counters: Arc::default(),
            watching: Watching::default(),
            stop: Stop::default(),
        }
    }

    /// Gives the source.
    #[must_use]
    pub fn source(&self) -> &dyn DataSource {
        &*self.source
    }

    /// Gives the sink.
    #[must_use]
    pub fn sink(&self) -> &dyn DataSink {
        &*self.sink
    }

    /// Computes what a restart does to rows: what source and sink can promise, and no more than
    /// at-least-once where nothing remembers positions.
    #[must_use]
    pub fn guarantee(&self) -> Guarantee {
        let (source, sink) = (self.source.capabilities(), self.sink.capabilities());
        let promise = guarantee(&source, &sink);
        match self.store.is_some() || sink.positions {
            true => promise,
            false => promise.min(Guarantee::AtLeastOnce),
        }
    }

    /// Says what keeps this pipeline from being effectively-once, and what would help.
    pub(crate) fn shortfall(&self) -> (&'static str, &'static str) {
        let (source, sink) = (self.source.capabilities(), self.sink.capabilities());
        match (source.replay, sink.commit) {
            (Replay::None, _) => (
                "source cannot be read again after a restart",
                "read from something that keeps its rows, such as a file",
            ),
            (Replay::BestEffort, commit) if commit != CommitKind::Keyed => (
                "source does not repeat its rows exactly",
                "write into a destination with keys",
            ),
            (_, CommitKind::None) => (
                "sink shows rows before they are committed",
                "write into files or a table",
            ),
            _ => (
                "nothing remembers how far the pipeline has come",
                "add `checkpoint: { store: file:///var/lib/velo }`",
            ),
        }
    }

    /// Runs to the end of a bounded source, or until it is stopped.
    ///
    /// # Errors
    /// What reading, writing or committing reports and does not pass; what was committed before
    /// stays, and the next run goes on behind it. `Fenced` while another run of the same task is
    /// alive; `StateLost`, `SinkBehind`, `Gap` where going on would lose or double rows.
    pub async fn run(mut self) -> Result<Summary> {
        let started = Instant::now();
        let limit = self.deadline;
        self.source = Arc::new(Timely {
            inner: self.source,
            limit,
        });
        self.sink = Arc::new(Timely {
            inner: self.sink,
            limit,
        });
        let store = self.store.clone();
        let store = store.unwrap_or_else(|| Arc::new(MemoryStore::default()));
        let mut tenure = store.acquire(&self.name, self.task).await?;
        let pipeline = Arc::new(self);
        let mut attempts = Attempts::new(&pipeline.retry, pipeline.breaker);
        let streams = loop {
            let commits = pipeline.counters.commits();
            let error = match attempt(&pipeline, &mut *tenure).await {
                Ok(streams) => break streams,
                Err(error) => error,
            };
            pipeline.counters.go_back();
            if pipeline.counters.commits() > commits {
                attempts.succeeded(started.elapsed());
            }
            let life = &pipeline.counters.life;
            life.failed(&error);
            let Some(wait) = attempts.failed(&error, started.elapsed()) else {
                life.ended();
                return Err(error);
            };
            let breaker = attempts.breaker(started.elapsed());
            life.waits(breaker);
            tracing::warn!(error = %error, wait = ?wait, breaker, "pipeline failed and tries again");
            tokio::select! {
                () = tokio::time::sleep(wait) => life.tries_again(attempts.breaker(started.elapsed())),
                () = pipeline.stop.asked() => {
                    life.ended();
                    return Err(error);
                }
            }
        };
        // What lanes read behind the last epoch is not in the sink.
        pipeline.counters.go_back();
        pipeline.counters.life.ended();
        tracing::info!(pipeline = %pipeline.name, "pipeline has ended");
        Ok(pipeline.summary(started, streams))
    }

    fn summary(&self, started: Instant, streams: Vec<Arc<StreamInfo>>) -> Summary {
        Summary {
            rows: self.counters.rows(),
            rejected: self.counters.rejected(),
            bytes: self.counters.bytes(),
            splits: self.counters.splits(),
            commits: self.counters.commits(),
            elapsed: started.elapsed(),
            streams,
        }
    }

    /// Gives the streams as the sink gets them.
    ///
    /// # Errors
    /// `Config` for a transform that does not fit a stream.
    pub fn announced(&self, streams: &[Arc<StreamInfo>]) -> Result<Vec<Arc<StreamInfo>>> {
        let announced = streams.iter().map(|stream| {
            let stream = match &self.columns {
                Some(columns) => Arc::new(stream.project(columns)?),
                None => stream.clone(),
            };
            Ok(self.transforms.bind(&stream)?.stream().clone())
        });
        announced.collect()
    }

    /// Gives what the source has to read: the columns asked for, or those that transforms need.
    fn projection(&self, streams: &[Arc<StreamInfo>]) -> Result<Option<Arc<[String]>>> {
        let ([stream], None) = (streams, &self.columns) else {
            return Ok(self.columns.clone());
        };
        let bound = self.transforms.bind(stream)?;
        Ok(bound.columns_needed().map(Arc::from))
    }

    /// Gives the filter that the source applies: asked for, or what transforms begin with.
    fn pushed_down(&self) -> Option<Arc<Predicate>> {
        let begins_with = || {
            let filter = self.transforms.pushdown_filter()?;
            (self.source.pushdown(&filter) != Pushdown::No).then(|| Arc::new(filter))
        };
        self.filter.clone().or_else(begins_with)
    }
}

/// Runs from the last checkpoint until the end or a failure.
async fn attempt(
    pipeline: &Arc<Pipeline>,
    tenure: &mut dyn Tenure,
) -> Result<Vec<Arc<StreamInfo>>> {
    let streams = tokio::select! {
        streams = pipeline.source.streams() => streams?,
        // A source may wait for its first file or row before it knows its columns.
        () = pipeline.stop.asked() => return Ok(Vec::new()),
    };
    let announced = pipeline.announced(&streams)?;
    if tenure.latest().epoch == 0 {
        // Later the destination holds what this pipeline made, which is no reason to refuse it.
        pipeline.sink.plan(&announced).await?;
    }
    let half = pipeline.memory.saturating_sub(UNCOUNTED).max(UNCOUNTED) / 2;
    let shared = Arc::new(Shared {
        identity: Identity::new(pipeline.name.clone(), pipeline.task, tenure.generation()),
        streams: announced.clone(),
        projection: pipeline.projection(&streams)?,
        filter: pipeline.pushed_down(),
        seen: Mutex::default(),
        readers: Budget::new(half),
        writers: Budget::new(half),
        bounded: pipeline.source.capabilities().bounded,
        positions: pipeline.sink.capabilities().positions,
        keeps_letters: pipeline.dead_letters.is_some(),
        halt: Stop::default(),
        pipeline: pipeline.clone(),
    });
    let life = &pipeline.counters.life;
    life.attempt_begins(&shared.readers, &shared.writers);
    let epochs = Epochs::recover(shared.clone(), tenure).await?;
    life.recovered(epochs.epoch());
    tracing::info!(pipeline = %pipeline.name, epoch = epochs.epoch(), "pipeline goes on");
    let mut coordinator = Coordinator::start(shared, epochs).await?;
    coordinator.follow().await?;
    Ok(announced)
}

/// What the lanes of one attempt share.
struct Shared {
    pipeline: Arc<Pipeline>,
    identity: Identity,
    streams: Vec<Arc<StreamInfo>>,
    projection: Option<Arc<[String]>>,
    filter: Option<Arc<Predicate>>,
    /// Streams that had rows.
    seen: Mutex<HashSet<Arc<str>>>,
    readers: Budget,
    writers: Budget,
    bounded: bool,
    /// The sink stores positions with the rows: it is the authority.
    positions: bool,
    keeps_letters: bool,
    /// A lane has failed: the others end.
    halt: Stop,
}

impl Shared {
    fn lanes(&self) -> u32 {
        let most = self.pipeline.sink.capabilities().max_writers;
        u32::try_from(self.pipeline.threads)
            .unwrap_or(u32::MAX)
            .clamp(1, most.max(1))
    }

    fn note_stream(&self, stream: &StreamInfo) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if !seen.contains(stream.name()) {
            seen.insert(stream.name().into());
        }
    }

    fn streams_without_rows(&self) -> Vec<Arc<StreamInfo>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let without = |stream: &&Arc<StreamInfo>| !seen.contains(stream.name());
        self.streams.iter().filter(without).cloned().collect()
    }
}
