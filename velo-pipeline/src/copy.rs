//! One source into one sink, once.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::sync::Mutex;
use velo_core::{
    Barrier, Budget, Commit, DataSink, DataSource, Error, ErrorKind, Identity, Predicate, Result,
    Sink, Source, StreamInfo,
};

use crate::dead_letters::DeadLetters;
use crate::lane::Letters;
use crate::{Counters, Pipeline, Stop};

const READERS: u64 = 24 << 20;
const WRITERS: u64 = 24 << 20;

/// Copies a source into a sink: side by side in as many lanes as there are threads, in order
/// where the sink keeps order.
///
/// A bounded source becomes one commit: the destination shows all of it or nothing. An unbounded
/// one is committed at every `commit_interval` until [`Stop`] is asked for. A copy keeps no state:
/// it always starts at the beginning, or where the source's own memory stands.
///
/// ```
/// # tokio::runtime::Builder::new_multi_thread().enable_time().build().unwrap().block_on(async {
/// use velo_core::{Sink, Source, memory::Memory};
/// use velo_pipeline::Copy;
/// let (from, to) = (Memory::new("from"), Memory::new("to"));
/// let copy = Copy::new(Source::new(from.source()), Sink::new(to.sink()));
/// let summary = copy.run().await?;
/// assert_eq!(summary.rows, 0);
/// # Ok::<(), velo_core::Error>(())
/// # }).unwrap();
/// ```
pub struct Copy {
    pub(crate) source: Arc<dyn DataSource>,
    pub(crate) sink: Arc<dyn DataSink>,
    /// Lanes that work side by side; as many as there are cores by default.
    pub threads: usize,
    /// The columns to copy, in this order; `None` means all.
    pub columns: Option<Arc<[String]>>,
    /// The rows to copy; `None` means all.
    pub filter: Option<Arc<Predicate>>,
    /// Where rows go that do not decode; without it they are only counted.
    pub dead_letters: Option<Sink>,
    /// How often an unbounded source is committed.
    pub commit_interval: Duration,
    /// Live figures.
    pub counters: Arc<Counters>,
    /// Stops it in good order.
    pub stop: Stop,
}

/// What a finished copy did.
///
/// ```
/// assert_eq!(velo_pipeline::Summary::default().rows, 0);
/// ```
#[derive(Debug, Clone, Default)]
pub struct Summary {
    /// Rows written and visible.
    pub rows: u64,
    /// Rows that did not decode.
    pub rejected: u64,
    /// Bytes read, as the source counts them.
    pub bytes: u64,
    /// Splits read to their end.
    pub splits: u64,
    /// Commits done.
    pub commits: u64,
    /// Wall-clock time.
    pub elapsed: Duration,
    /// The streams that were copied, as they were announced.
    pub streams: Vec<Arc<StreamInfo>>,
}

impl Copy {
    /// Prepares a copy with the defaults; nothing happens before [`run`](Self::run).
    #[must_use]
    pub fn new(source: Source, sink: Sink) -> Self {
        Self {
            source: source.shared(),
            sink: sink.shared(),
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            columns: None,
            filter: None,
            dead_letters: None,
            commit_interval: Duration::from_secs(1),
            counters: Arc::default(),
            stop: Stop::default(),
        }
    }

    /// Runs to the end of a bounded source, or until it is stopped.
    ///
    /// # Errors
    /// What reading, writing or committing reports; the destination of a bounded copy is then as
    /// it was. `Aborted` when a bounded copy was stopped.
    pub async fn run(self) -> Result<Summary> {
        if !self.source.capabilities().bounded {
            return self.into_pipeline().run().await;
        }
        let started = Instant::now();
        let streams = self.source.streams().await?;
        let announced = self.projected(&streams)?;
        self.sink.plan(&announced).await?;
        let identity = Identity::new(run_name(), 0, 1);
        self.sink.recover(&identity, None).await?;
        let letters = self.open_letters().await?;
        let run = Run {
            streams: announced.clone(),
            letters: letters.clone(),
            identity,
            readers: Budget::new(READERS),
            writers: Budget::new(WRITERS),
            halt: Stop::default(),
            copy: self,
        };
        let counters = run.copy.counters.clone();
        crate::bounded::run(Arc::new(run)).await?;
        if let Some(letters) = letters.and_then(Arc::into_inner) {
            letters.into_inner().close().await?;
        }
        Ok(Summary {
            rows: counters.rows(),
            rejected: counters.rejected(),
            bytes: counters.bytes(),
            splits: counters.splits(),
            commits: counters.commits(),
            elapsed: started.elapsed(),
            streams: announced,
        })
    }

    /// An endless copy is a pipeline that remembers nothing and gives up at the first failure.
    fn into_pipeline(self) -> Pipeline {
        let mut pipeline =
            Pipeline::new(run_name(), Source::from(self.source), Sink::from(self.sink));
        pipeline.threads = self.threads;
        pipeline.columns = self.columns;
        pipeline.filter = self.filter;
        pipeline.dead_letters = self.dead_letters;
        pipeline.every = self.commit_interval;
        pipeline.retry.tries = Some(1);
        pipeline.counters = self.counters;
        pipeline.stop = self.stop;
        pipeline
    }

    fn projected(&self, streams: &[Arc<StreamInfo>]) -> Result<Vec<Arc<StreamInfo>>> {
        let Some(columns) = &self.columns else {
            return Ok(streams.to_vec());
        };
        let projected = streams
            .iter()
            .map(|stream| stream.project(columns).map(Arc::new));
        projected.collect()
    }

    async fn open_letters(&self) -> Result<Letters> {
        let Some(sink) = &self.dead_letters else {
            return Ok(None);
        };
        let identity = Identity::new(format!("{}-dead", run_name()), 0, 1);
        let letters = DeadLetters::open(sink.shared(), identity, None).await?;
        Ok(Some(Arc::new(Mutex::new(letters))))
    }
}

/// A copy that has started: what its lanes share.
pub(crate) struct Run {
    pub(crate) copy: Copy,
    pub(crate) streams: Vec<Arc<StreamInfo>>,
    pub(crate) letters: Letters,
    pub(crate) identity: Identity,
    pub(crate) readers: Budget,
    pub(crate) writers: Budget,
    /// A lane has failed: the others end.
    pub(crate) halt: Stop,
}

impl Run {
    pub(crate) fn lanes(&self) -> u32 {
        let most = self.copy.sink.capabilities().max_writers;
        u32::try_from(self.copy.threads)
            .unwrap_or(u32::MAX)
            .clamp(1, most.max(1))
    }

    /// Commits dead letters, then the rows; asks again while the outcome is unknown.
    pub(crate) async fn commit(&self, commit: &Commit) -> Result<()> {
        if let Some(letters) = &self.letters {
            let mut letters = letters.lock().await;
            let parts = letters.prepare(commit.epoch, Barrier::End).await?;
            letters.commit(commit.epoch, parts).await?;
        }
        crate::commit::commit(&*self.copy.sink, commit).await?;
        self.copy.counters.add_commit();
        if let Err(error) = self.copy.source.acknowledge(&commit.progress).await {
            tracing::warn!(error = %error, "source did not take the acknowledgement");
        }
        Ok(())
    }

    pub(crate) fn stopped() -> Error {
        Error::new(
            ErrorKind::Aborted,
            "stopped before the end; the destination is as it was",
        )
    }
}

/// Names this run so that no other is fenced by it: a copy has no successor.
fn run_name() -> String {
    let since_1970 = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    format!("copy-{}-{:x}", std::process::id(), since_1970.as_nanos())
}
