//! Who runs, how far an epoch reaches, and what is committed.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::{Mark, Rejected, SourceOffset};

/// The stable name of a split within its source; stored positions are kept under it.
///
/// ```
/// use velo_core::SplitId;
/// let id = SplitId::from("orders.csv");
/// assert_eq!(id.as_str(), "orders.csv");
/// ```
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SplitId(Arc<str>);

impl SplitId {
    /// Gives the text that it is stored as.
    ///
    /// ```
    /// assert_eq!(velo_core::SplitId::from(String::from("7")).as_str(), "7");
    /// ```
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for SplitId {
    fn from(text: &str) -> Self {
        Self(text.into())
    }
}

impl From<String> for SplitId {
    fn from(text: String) -> Self {
        Self(text.into())
    }
}

impl Borrow<str> for SplitId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SplitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for SplitId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", &*self.0)
    }
}

/// What one reader reads: a file, a byte range, a Kafka partition, a replication stream.
///
/// ```
/// let split = velo_core::Split::new("orders.csv", 0);
/// assert_eq!(split.id.as_str(), "orders.csv");
/// assert!(split.start.is_none());
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Split {
    /// Its stable name.
    pub id: SplitId,
    /// Its place among all splits of the source: dense, from 0, in the order of the data.
    pub order: u64,
    /// The source's own memory of where it stood (a consumer group's offset): the last word only
    /// when nobody else has one.
    pub start: Option<SourceOffset>,
    /// What the source needs to open it again, as text; kept in checkpoints while it is open.
    pub descriptor: Arc<str>,
}

impl Split {
    /// Names a split that needs no descriptor and has no memory.
    ///
    /// ```
    /// assert_eq!(velo_core::Split::new("a", 3).order, 3);
    /// ```
    pub fn new(id: impl Into<SplitId>, order: u64) -> Self {
        Self {
            id: id.into(),
            order,
            start: None,
            descriptor: Arc::from(""),
        }
    }
}

/// How far an epoch reaches: one type for `prepare`, `commit` and `acknowledge`.
///
/// ```
/// let progress = velo_core::Progress::default();
/// assert!(progress.marks.is_empty() && progress.ended.is_empty());
/// ```
#[derive(Debug, Clone, Default)]
pub struct Progress {
    /// The last mark of every split that moved, at most one for each split.
    pub marks: Vec<Mark>,
    /// The splits that have been read to their end.
    pub ended: Vec<Arc<Split>>,
}

impl Progress {
    /// Takes in a later mark of a split, or its first.
    ///
    /// ```
    /// use velo_core::{Mark, Progress, SourceOffset, SplitId, memory::MemoryOffset};
    /// let at = |row| SourceOffset::seal(MemoryOffset { partition: 0, row });
    /// let mut progress = Progress::default();
    /// progress.advance(Mark::new(SplitId::from("0"), at(1)));
    /// progress.advance(Mark::new(SplitId::from("0"), at(2)));
    /// assert_eq!(progress.marks.len(), 1);
    /// assert_eq!(progress.marks[0].offset, at(2));
    /// ```
    pub fn advance(&mut self, mark: Mark) {
        match self
            .marks
            .iter_mut()
            .find(|known| known.split == mark.split)
        {
            Some(known) => *known = mark,
            None => self.marks.push(mark),
        }
    }

    /// Takes in everything that a later piece of progress says.
    ///
    /// ```
    /// use velo_core::Progress;
    /// let mut progress = Progress::default();
    /// progress.merge(Progress::default());
    /// assert!(progress.is_empty());
    /// ```
    pub fn merge(&mut self, later: Progress) {
        for mark in later.marks {
            self.advance(mark);
        }
        for split in later.ended {
            if !self.ended.iter().any(|ended| ended.id == split.id) {
                self.ended.push(split);
            }
        }
    }

    /// Says whether no split moved or ended.
    ///
    /// ```
    /// assert!(velo_core::Progress::default().is_empty());
    /// ```
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.marks.is_empty() && self.ended.is_empty()
    }
}

/// Who commits: a pipeline, one of its parallel tasks, and the fence.
///
/// ```
/// use velo_core::Identity;
/// let identity = Identity::new("orders", 0, 1);
/// assert_eq!(identity.to_string(), "orders/0.1");
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Identity {
    /// The pipeline's name.
    pub pipeline: Arc<str>,
    /// The slot among the pipeline's parallel processes.
    pub task: u32,
    /// Higher at every start of the same task; a lower one is fenced.
    pub generation: u64,
}

impl Identity {
    /// Names one run of one task.
    ///
    /// ```
    /// assert_eq!(velo_core::Identity::new("orders", 2, 7).task, 2);
    /// ```
    pub fn new(pipeline: impl Into<Arc<str>>, task: u32, generation: u64) -> Self {
        Self {
            pipeline: pipeline.into(),
            task,
            generation,
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}.{}", self.pipeline, self.task, self.generation)
    }
}

/// What a writer has prepared, sealed by its connector as text that a checkpoint can keep.
///
/// ```
/// use velo_core::Committable;
/// let part = Committable { kind: "file".into(), version: 1, body: "tmp=a;final=b".into() };
/// assert_eq!(part.kind, "file");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Committable {
    /// The connector that can read it.
    pub kind: String,
    /// The version of the text.
    pub version: u32,
    /// What is to be committed, without secrets and without record values.
    pub body: String,
}

/// What follows an epoch, as far as the runner knows.
///
/// ```
/// use velo_core::Barrier;
/// assert!(Barrier::Checkpoint < Barrier::Pause && Barrier::Pause < Barrier::End);
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Barrier {
    /// More rows follow at once: what is expensive to finish may stay open.
    Checkpoint,
    /// Nothing follows for a while (a stop, a revoked split): what can be shown is finished.
    Pause,
    /// The source has ended: everything is finished.
    End,
}

/// What one writer hands over at the end of an epoch.
///
/// ```
/// let prepared = velo_core::Prepared::default();
/// assert!(prepared.committable.is_none() && !prepared.held);
/// ```
#[derive(Debug, Default)]
pub struct Prepared {
    /// What `commit` will make visible; `None` when there is nothing to do.
    pub committable: Option<Committable>,
    /// Rows that the destination refused; they go to the dead letters of the same epoch.
    pub rejected: Vec<Rejected>,
    /// Rows of this epoch are still in memory or in a file that cannot be cut: the epoch's
    /// progress may be stored with a later epoch of this writer that is not held, and not before.
    /// Never at [`Barrier::End`].
    pub held: bool,
}

/// One epoch, ready to become visible: the committables of every lane and how far it reaches.
///
/// ```
/// use velo_core::{Commit, Identity, Progress};
/// let commit = Commit {
///     identity: Identity::new("orders", 0, 1),
///     epoch: 1,
///     parts: Vec::new(),
///     progress: Progress::default(),
/// };
/// assert_eq!(commit.epoch, 1);
/// ```
#[derive(Debug, Clone)]
pub struct Commit {
    /// Who commits.
    pub identity: Identity,
    /// The number of the checkpoint; from 1, higher every time.
    pub epoch: u64,
    /// Each lane's committable, all of them or none.
    pub parts: Vec<(u32, Committable)>,
    /// How far the epoch reaches.
    pub progress: Progress,
}

/// A stored position: resume at `at` if and only if the sink still says `base`.
///
/// So an idle source moves on without empty commits.
///
/// ```
/// use velo_core::{Position, SourceOffset, memory::MemoryOffset};
/// let at = SourceOffset::seal(MemoryOffset { partition: 0, row: 9 });
/// let position = Position { base: None, at: at.clone() };
/// assert_eq!(position.resume(None), Some(&at));
/// assert_eq!(position.resume(Some(&at)), None);
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct Position {
    /// What the sink said when this was stored.
    pub base: Option<SourceOffset>,
    /// Where the source stood.
    pub at: SourceOffset,
}

impl Position {
    /// Gives where to resume if the sink still says what it said; `None` if it has moved.
    ///
    /// ```
    /// # use velo_core::{Position, SourceOffset, memory::MemoryOffset};
    /// # let at = SourceOffset::seal(MemoryOffset { partition: 0, row: 9 });
    /// assert!(Position { base: Some(at.clone()), at }.resume(None).is_none());
    /// ```
    #[must_use]
    pub fn resume(&self, sink_says: Option<&SourceOffset>) -> Option<&SourceOffset> {
        (self.base.as_ref() == sink_says).then_some(&self.at)
    }
}
