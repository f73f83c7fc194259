//! The reading half: a source, its splits, and one reader for each split.

use std::sync::Arc;
use std::time::Instant;

use async_trait::async_trait;

use crate::{Budget, Event, Predicate, Progress, Result, SourceOffset, Split, SplitId, StreamInfo};

/// How well a source repeats what it yielded before.
///
/// ```
/// assert!(velo_core::Replay::Exact > velo_core::Replay::BestEffort);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Replay {
    /// Nothing can be read twice: a pipe, a socket.
    None,
    /// Rows come again, not surely the same ones or in the same order.
    BestEffort,
    /// From the same offset come the same rows in the same order.
    Exact,
}

/// What the pipeline must know of a source before it starts.
///
/// ```
/// use velo_core::{Replay, SourceCapabilities};
/// let file = SourceCapabilities { replay: Replay::Exact, bounded: true };
/// assert!(file.bounded);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SourceCapabilities {
    /// How well it repeats.
    pub replay: Replay,
    /// Whether it ends by itself.
    pub bounded: bool,
}

/// How much there is to read, as far as a source knows without reading it.
///
/// ```
/// assert_eq!(velo_core::SourceEstimate::default().rows, None);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SourceEstimate {
    /// Rows in all splits.
    pub rows: Option<u64>,
    /// Bytes in all splits, counted as [`Mark::bytes_read`](crate::Mark) counts them.
    pub bytes: Option<u64>,
}

/// How much of a predicate a source takes over.
///
/// ```
/// assert_ne!(velo_core::Pushdown::Exact, velo_core::Pushdown::Inexact);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pushdown {
    /// Rows that do not match are never yielded.
    Exact,
    /// Some rows that do not match are left out; the caller must check the rest.
    Inexact,
    /// The source ignores it.
    No,
}

/// What a reader is to read.
///
/// ```
/// use std::sync::Arc;
/// use velo_core::{Budget, ReadRequest, Split};
/// let request = ReadRequest::new(Arc::new(Split::new("0", 0)), Budget::new(1 << 20));
/// assert!(request.start.is_none() && request.projection.is_none());
/// ```
#[derive(Debug, Clone)]
pub struct ReadRequest {
    /// The split; yielded by this source's enumerator, now or before a restart.
    pub split: Arc<Split>,
    /// Where to go on; `None` means the split's own `start`, else its beginning.
    pub start: Option<SourceOffset>,
    /// The top-level columns to yield, in this order; `None` means all.
    pub projection: Option<Arc<[String]>>,
    /// Rows wanted; honoured as far as [`DataSource::pushdown`] said.
    pub filter: Option<Arc<Predicate>>,
    /// Memory for what the reader buffers and yields.
    pub budget: Budget,
}

impl ReadRequest {
    /// Asks for a whole split with all its columns.
    ///
    /// ```
    /// # use std::sync::Arc;
    /// # use velo_core::{Budget, ReadRequest, Split};
    /// let request = ReadRequest::new(Arc::new(Split::new("a", 0)), Budget::new(1024));
    /// assert_eq!(request.split.id.as_str(), "a");
    /// ```
    #[must_use]
    pub fn new(split: Arc<Split>, budget: Budget) -> Self {
        Self {
            split,
            start: None,
            projection: None,
            filter: None,
            budget,
        }
    }
}

/// A place that rows come from.
///
/// A constructed source works: making one parses and validates and does no I/O; what exists and
/// who may read it shows at [`streams`](Self::streams). The numbers are the clauses of the
/// contract; `velo-testkit` holds a test for each.
///
/// - **S1** `capabilities` and `pushdown` are constant and do no I/O.
/// - **S2** `streams` names every stream that a reader will yield first batches of, each name once.
/// - **S3** From the same offset a reader of an `Exact` source yields the same rows in the same
///   order, whatever the batch size.
/// - **S4** Reading resumes at any mark: nothing is repeated, nothing is skipped.
/// - **S5** `acknowledge` is a hint: monotone, only after the sink's commit, callable while reads
///   are pending, and safe to repeat.
/// - **S6** With a projection exactly those columns come, in that order.
/// - **S7** With `Exact` pushdown only matching rows come; with `Inexact` at least those.
///
/// ```
/// use velo_core::{DataSource, memory::Memory};
/// let source = Memory::new("orders").source();
/// assert!(source.capabilities().bounded);
/// ```
#[async_trait]
pub trait DataSource: Send + Sync + 'static {
    /// States what the pipeline decides on before it starts.
    fn capabilities(&self) -> SourceCapabilities;

    /// Says how much of a predicate readers will take over, before anything is read.
    fn pushdown(&self, _predicate: &Predicate) -> Pushdown {
        Pushdown::No
    }

    /// Names the streams and their columns as they are now; may sample the data.
    ///
    /// # Errors
    /// `NotFound`, `PermissionDenied`, `Unavailable`: what a first contact shows.
    async fn streams(&self) -> Result<Vec<Arc<StreamInfo>>>;

    /// Says how much there is to read, for a progress display; nothing is known by default.
    ///
    /// # Errors
    /// As [`streams`](Self::streams).
    async fn estimate(&self) -> Result<SourceEstimate> {
        Ok(SourceEstimate::default())
    }

    /// Starts to find splits, all of them or those beyond an earlier discovery's position.
    ///
    /// # Errors
    /// As [`streams`](Self::streams); `InvalidInput` for another connector's offset.
    async fn splits(&self, resume: Option<&SourceOffset>) -> Result<Box<dyn SplitEnumerator>>;

    /// Opens one split.
    ///
    /// # Errors
    /// `Gap` when the source no longer holds the start; `InvalidInput` for another connector's
    /// offset or an unknown column.
    async fn create_reader(&self, request: ReadRequest) -> Result<Box<dyn DataReader>>;

    /// Learns what a sink has committed (S5).
    ///
    /// # Errors
    /// Any error is reported and ignored by the caller: the sink's word counts, not the source's.
    async fn acknowledge(&self, _progress: &Progress) -> Result<()> {
        Ok(())
    }
}

/// Finds splits, and says when they are taken away.
///
/// - **E1** `next` is cancel-safe: dropping its future loses no change.
/// - **E2** `order` is dense from 0 over all splits of a run; ids are stable between runs.
/// - **E3** After `Revoked` the other side waits until `release` is called or the deadline
///   passes; the caller commits first.
/// - **E4** After `Lost` nothing of those splits may be committed.
/// - **E5** `None` means that no split will ever come or go again; a bounded source gets there.
/// - **E6** `Added` carries the position from which discovery resumes: every split up to it has
///   been handed out, none beyond it.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use velo_core::{Batch, DataSource, SplitChange, StreamInfo, memory::Memory};
/// let stream = StreamInfo::new("orders", Arc::new(arrow_schema::Schema::empty()));
/// let memory = Memory::new("orders");
/// memory.put(0, Batch::empty(Arc::new(stream)));
/// let mut splits = memory.source().splits(None).await?;
/// assert!(matches!(splits.next().await?, Some(SplitChange::Added { .. })));
/// assert!(splits.next().await?.is_none());
/// # Ok::<(), velo_core::Error>(())
/// # }).unwrap();
/// ```
#[async_trait]
pub trait SplitEnumerator: Send {
    /// Waits for the next change; `None` means that there will be no other (E1, E5).
    ///
    /// # Errors
    /// What listing or the group's coordinator reports.
    async fn next(&mut self) -> Result<Option<SplitChange>>;

    /// Lets revoked splits go, after the commit that covers them (E3).
    ///
    /// # Errors
    /// `Fenced` when they were lost meanwhile.
    async fn release(&mut self, _splits: &[SplitId]) -> Result<()> {
        Ok(())
    }
}

/// Splits come, are to be given up, or are gone.
///
/// ```
/// use std::sync::Arc;
/// use velo_core::{Split, SplitChange};
/// let change = SplitChange::Added { splits: vec![Arc::new(Split::new("0", 0))], resume: None };
/// assert!(matches!(change, SplitChange::Added { splits, .. } if splits.len() == 1));
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum SplitChange {
    /// New splits to read.
    Added {
        /// The splits, in their order.
        splits: Vec<Arc<Split>>,
        /// Where discovery goes on after them (E6); `None` where it always starts afresh.
        resume: Option<SourceOffset>,
    },
    /// Splits to give up in good order: commit, then `release`.
    Revoked {
        /// The splits.
        splits: Vec<SplitId>,
        /// When they are lost instead.
        deadline: Instant,
    },
    /// Splits that somebody else has already.
    Lost(Vec<SplitId>),
}

/// Reads one split.
///
/// - **R1** `read` is cancel-safe: dropping its future loses no event.
/// - **R2** Before it waits for input, everything yielded is covered by a mark.
/// - **R3** `None` comes only after a mark or when nothing was yielded; then always `None`.
/// - **R4** Marks come at a bounded distance, also inside a huge transaction and when idle.
/// - **R5** Between two batches of a stream in different versions stands a `Schema` event.
/// - **R6** Nothing leaves a reader before the start of its split is certain: offsets, row
///   numbers and spans are never guesses.
/// - **R7** A row that does not decode is an `InvalidData` error with its place, or a `Rejected`
///   event where the policy says so; never a changed value.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use velo_core::{Budget, DataSource, ReadRequest, Split, memory::Memory};
/// let source = Memory::new("orders").source();
/// let split = Arc::new(Split::new("0", 0));
/// let mut reader = source.create_reader(ReadRequest::new(split, Budget::new(1 << 20))).await?;
/// assert!(reader.read().await?.is_none());
/// # Ok::<(), velo_core::Error>(())
/// # }).unwrap();
/// ```
#[async_trait]
pub trait DataReader: Send {
    /// Waits for the next event; `None` means that this split has ended.
    ///
    /// # Errors
    /// `InvalidData` with the place; `Unavailable` when the source went away. After an error the
    /// reader is spent: a new one resumes at the last mark.
    async fn read(&mut self) -> Result<Option<Event>>;
}
