//! The writing half: a sink, its lanes of writers, and one commit path.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;

use crate::{
    Barrier, Batch, Budget, Commit, Identity, Prepared, Progress, Result, SchemaChange,
    SourceOffset, Split, SplitId, StreamInfo,
};

/// How a sink makes an epoch visible.
///
/// ```
/// assert_ne!(velo_core::CommitKind::TwoPhase, velo_core::CommitKind::None);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CommitKind {
    /// A transaction is open while rows are written; a crash before the commit undoes it.
    Live,
    /// `prepare` makes rows durable and invisible, `commit` shows those of all lanes at once.
    TwoPhase,
    /// `prepare` seals the intent, `commit` inserts under a token that the destination deduplicates.
    Token,
    /// Rows carry a key: writing them again changes nothing.
    Keyed,
    /// `prepare` writes; after a crash rows may come twice.
    None,
}

/// What the pipeline must know of a sink before it starts.
///
/// ```
/// use velo_core::{CommitKind, SinkCapabilities};
/// let file = SinkCapabilities { commit: CommitKind::TwoPhase, positions: false, max_writers: 64 };
/// assert!(!file.positions);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SinkCapabilities {
    /// How an epoch becomes visible.
    pub commit: CommitKind,
    /// Whether the source's positions are stored with the rows, so that `claim` knows them.
    pub positions: bool,
    /// How many writers may work side by side.
    pub max_writers: u32,
}

/// One thing that a sink would do before the first row, in words for people.
///
/// ```
/// let action = velo_core::Action::new("create file", "out.parquet");
/// assert_eq!(action.to_string(), "create file out.parquet");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// What would happen: `create table`, `add column`, `replace file`.
    pub verb: String,
    /// To what.
    pub object: String,
}

impl Action {
    /// Puts an action into words.
    ///
    /// ```
    /// assert_eq!(velo_core::Action::new("create table", "orders").object, "orders");
    /// ```
    pub fn new(verb: impl Into<String>, object: impl Into<String>) -> Self {
        Self {
            verb: verb.into(),
            object: object.into(),
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.verb, self.object)
    }
}

/// What `recover` found.
///
/// ```
/// assert_eq!(velo_core::Recovered::default().epoch, None);
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Recovered {
    /// The last epoch of this pipeline and task that the sink holds, where it keeps that.
    pub epoch: Option<u64>,
    /// Whether the pending commit is visible now, by this call or from before.
    pub committed: bool,
}

/// What a writer is made for.
///
/// ```
/// use velo_core::{Budget, Identity, WriteRequest};
/// let request = WriteRequest::new(0, Identity::new("copy", 0, 1), Budget::new(1 << 20));
/// assert_eq!(request.lane, 0);
/// ```
#[derive(Debug, Clone)]
pub struct WriteRequest {
    /// Which of the task's writers this is, from 0.
    pub lane: u32,
    /// Who writes.
    pub identity: Identity,
    /// Memory for what the writer buffers.
    pub budget: Budget,
    /// Whether a destination that keeps rows in order keeps them in the order of the splits. Splits
    /// without an end have no such order.
    pub in_order: bool,
}

impl WriteRequest {
    /// Asks for one lane's writer.
    ///
    /// ```
    /// # use velo_core::{Budget, Identity, WriteRequest};
    /// let request = WriteRequest::new(3, Identity::new("copy", 0, 1), Budget::new(1024));
    /// assert_eq!(request.identity.pipeline.as_ref(), "copy");
    /// ```
    #[must_use]
    pub fn new(lane: u32, identity: Identity, budget: Budget) -> Self {
        Self {
            lane,
            identity,
            budget,
            in_order: true,
        }
    }
}

/// A place that rows go to.
///
/// A constructed sink works; making one does no I/O. The numbers are the clauses of the contract;
/// `velo-testkit` holds a test for each.
///
/// - **K1** `capabilities` is constant and does no I/O.
/// - **K2** `plan` has no effect; repeated, it says the same.
/// - **K3** `recover` fences: from then on a lower generation's `commit` fails with `Fenced`.
/// - **K4** `recover` with a pending commit makes it visible once, however often it is called; or
///   says `committed: false`, when that can never happen any more and the caller must replay.
/// - **K5** `recover` discards whatever else was prepared before by the same task, in an earlier
///   generation or in this one, whose writers have been closed.
/// - **K6** `claim` takes splits over: the former owner's commits for them fail from then on, with
///   `Aborted`, since that task may go on with its other splits.
/// - **K7** `commit` is idempotent by (pipeline, task, epoch): called again, it finds out.
/// - **K8** Nothing that was not committed is visible (`TwoPhase`, `Live`, `Token`).
/// - **K9** One commit shows the parts of all lanes, or none of them (`TwoPhase`).
/// - **K10** With `positions`, `claim` after a commit says how far that commit reached.
///
/// ```
/// use velo_core::{DataSink, memory::Memory};
/// let sink = Memory::new("orders").sink();
/// assert!(sink.capabilities().positions);
/// ```
#[async_trait]
pub trait DataSink: Send + Sync + 'static {
    /// States what the pipeline decides on before it starts.
    fn capabilities(&self) -> SinkCapabilities;

    /// Says what writing these streams would create or alter, without doing it (K2).
    ///
    /// # Errors
    /// `AlreadyExists`, `PermissionDenied`, `Unsupported` for a type that the sink cannot hold:
    /// whatever would refuse the first row is found here.
    async fn plan(&self, streams: &[Arc<StreamInfo>]) -> Result<Vec<Action>>;

    /// Takes over from earlier generations (K3, K4, K5).
    ///
    /// # Errors
    /// `Fenced` when a higher generation has been here. `StateLost` when what is pending, or what
    /// an epoch left open, is not there any more.
    async fn recover(&self, identity: &Identity, pending: Option<&Commit>) -> Result<Recovered>;

    /// Takes splits over from any other task and says where each stands (K6, K10).
    ///
    /// # Errors
    /// `Fenced` when a higher generation has been here.
    async fn claim(
        &self,
        _identity: &Identity,
        splits: &[SplitId],
    ) -> Result<Vec<Option<SourceOffset>>> {
        Ok(vec![None; splits.len()])
    }

    /// Makes one lane's writer.
    ///
    /// # Errors
    /// `Fenced`; what a first contact shows.
    async fn create_writer(&self, request: WriteRequest) -> Result<Box<dyn DataWriter>>;

    /// Makes an epoch visible (K7, K8, K9).
    ///
    /// # Errors
    /// `OutcomeUnknown`: call again. `Aborted`: it will never happen, replay. `Fenced`: stop.
    async fn commit(&self, commit: &Commit) -> Result<()>;
}

/// Writes one lane.
///
/// - **W1** Not cancel-safe: a future that was dropped poisons the writer; every later call fails.
/// - **W2** `write` returning `Ok` means accepted, not yet durable.
/// - **W3** An empty batch announces its stream: the destination exists after the commit.
/// - **W4** `prepare` makes what was written durable or recoverable, up to the marks in `progress`.
/// - **W5** `prepare` of an epoch without rows gives no committable and costs nothing.
/// - **W6** After `close` nothing that was not prepared remains anywhere.
/// - **W7** A writer takes batches of many streams; those of one split come in order.
/// - **W8** An epoch may be held back only at [`Barrier::Checkpoint`] and, for a destination that
///   shows nothing before its end, at [`Barrier::Pause`]. Its rows become visible with the commit
///   of a later epoch that is not held.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use velo_core::{Barrier, Budget, DataSink, Identity, Progress, WriteRequest, memory::Memory};
/// let sink = Memory::new("orders").sink();
/// let request = WriteRequest::new(0, Identity::new("copy", 0, 1), Budget::new(1 << 20));
/// let mut writer = sink.create_writer(request).await?;
/// assert!(writer.prepare(1, Barrier::End, &Progress::default()).await?.committable.is_none());
/// writer.close().await?;
/// # Ok::<(), velo_core::Error>(())
/// # }).unwrap();
/// ```
#[async_trait]
pub trait DataWriter: Send {
    /// Accepts a batch (W2).
    ///
    /// # Errors
    /// `InvalidData`, `Unsupported` for what the destination cannot hold; `Io`.
    async fn write(&mut self, batch: Batch) -> Result<()>;

    /// Learns that a stream has other columns from here on.
    ///
    /// # Errors
    /// `Unsupported` when the destination or its schema policy cannot follow.
    async fn change_schema(&mut self, change: &SchemaChange) -> Result<()>;

    /// Learns that a split has no more rows for this lane, so that a sink which publishes in
    /// order can go on to the next; a true no-op for all others.
    ///
    /// # Errors
    /// As [`write`](Self::write).
    async fn end_split(&mut self, _split: &Arc<Split>) -> Result<()> {
        Ok(())
    }

    /// Ends an epoch (W4, W5).
    ///
    /// # Errors
    /// As [`write`](Self::write); `Fenced`.
    async fn prepare(
        &mut self,
        epoch: u64,
        barrier: Barrier,
        progress: &Progress,
    ) -> Result<Prepared>;

    /// Gives up what was not prepared (W6).
    ///
    /// # Errors
    /// When removing it fails.
    async fn close(self: Box<Self>) -> Result<()>;
}
