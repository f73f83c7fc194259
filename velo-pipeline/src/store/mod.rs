//! Where a pipeline keeps what it must remember between runs.
//!
//! - `checkpoint` is what is kept, `envelope` how it lies in a file.
//! - `file` keeps it in a directory, `memory` nowhere for long; `disk` writes what must last;
//!   `sqlite` keeps it in a database.

mod checkpoint;
mod disk;
mod envelope;
mod file;
mod memory;
#[cfg(feature = "sqlite")]
mod sqlite;

use async_trait::async_trait;
use velo_core::{Error, ErrorKind, Result};

pub use checkpoint::{Checkpoint, Counts, OpenSplit, Part, SinkState};
pub use file::FileStore;
pub use memory::MemoryStore;
#[cfg(feature = "sqlite")]
pub use sqlite::SqliteStore;

/// Keeps the checkpoints of pipelines, by pipeline and task.
///
/// - **C1** `acquire` raises the generation durably and only then reads: a run that was overtaken
///   in between finds its saves refused.
/// - **C2** `save` returns when the checkpoint survives a loss of power; until then the one before
///   is what the next run finds.
/// - **C3** A damaged checkpoint is never taken for none: an older one serves, or `StateLost`.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use velo_pipeline::store::{CheckpointStore, MemoryStore};
/// let store = MemoryStore::default();
/// assert_eq!(store.acquire("orders", 0).await?.generation(), 1);
/// assert_eq!(store.acquire("orders", 0).await?.generation(), 2);
/// # Ok::<(), velo_core::Error>(())
/// # }).unwrap();
/// ```
#[async_trait]
pub trait CheckpointStore: Send + Sync + 'static {
    /// Takes a task over from every earlier run (C1).
    ///
    /// # Errors
    /// `Fenced` while another run of the task is alive; `StateLost` when what was kept is damaged.
    async fn acquire(&self, pipeline: &str, task: u32) -> Result<Box<dyn Tenure>>;

    /// Takes a task over to set its state by hand: checkpoints that are damaged are set aside, never
    /// deleted, and the newest whole one is the latest, or an empty one. The generation goes on
    /// from the highest that is known, and is `generation` at least.
    ///
    /// # Errors
    /// `Fenced` while another run of the task is alive; `StateLost` and `Unsupported` for
    /// checkpoints that are whole but of another pipeline or of a newer format.
    async fn repair(&self, pipeline: &str, task: u32, generation: u64) -> Result<Box<dyn Tenure>>;

    /// Reads the last checkpoint without taking the task over; `None` if the task never ran.
    ///
    /// # Errors
    /// As [`acquire`](Self::acquire), but for `Fenced`.
    async fn read(&self, pipeline: &str, task: u32) -> Result<Option<Checkpoint>>;

    /// Lists the tasks of a pipeline that have run.
    ///
    /// # Errors
    /// When looking fails.
    async fn tasks(&self, pipeline: &str) -> Result<Vec<u32>>;

    /// Says whether a run could take the task over now, without doing so; a store without locks
    /// always says yes.
    ///
    /// # Errors
    /// `Fenced` while another run of the task is alive.
    async fn check_free(&self, _pipeline: &str, _task: u32) -> Result<()> {
        Ok(())
    }

    /// Gives the place for errors and plans.
    fn shown(&self) -> String;
}

/// One run's right to save the checkpoints of a task; dropping it gives the right up.
#[async_trait]
pub trait Tenure: Send {
    /// Gives the fence: higher than that of every earlier run of this task.
    fn generation(&self) -> u64;

    /// Gives the last checkpoint, of this run or an earlier one; that of a first run is empty.
    fn latest(&self) -> &Checkpoint;

    /// Keeps a checkpoint (C2).
    ///
    /// # Errors
    /// `Fenced` when a later run has taken over; `Io`, retryable when the disk is full.
    async fn save(&mut self, checkpoint: Checkpoint) -> Result<()>;
}

/// Says that what was kept cannot be believed.
fn lost(what: &'static str) -> Error {
    Error::new(ErrorKind::StateLost, what).with_hint(
        "restore it from a backup; `velo state set FILE --force --reset` begins again and may \
         double rows, `--split ID=OFFSET` starts from positions you give",
    )
}

/// Says that a later run of the task has taken over.
fn overtaken(pipeline: &str, task: u32) -> Error {
    Error::new(ErrorKind::Fenced, "a later run of this task has taken over")
        .with("pipeline", pipeline)
        .with("task", task)
}
