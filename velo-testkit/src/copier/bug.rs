//! What the copier can do wrong.

/// A bug of the copier.
///
/// ```
/// use velo_testkit::copier::Bug;
/// assert_eq!(Bug::named("loses"), Some(Bug::Loses));
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// A restart leaves out a row.
    Loses,
    /// A restart does not cut what was written behind the checkpoint.
    TailKept,
    /// A restart reads its input from the front.
    StartsOver,
    /// A restart turns the order of some rows round.
    Swaps,
    /// A restart turns a bit over.
    Flips,
    /// Parts are published before the checkpoint that holds them.
    CommitBeforeCheckpoint,
    /// The checkpoint is stored before the rows that it covers.
    CheckpointBeforeData,
    /// A restart does not get on.
    Hangs,
    /// A restart aborts.
    Aborts,
    /// A restart ends with an error.
    Gives,
    /// Parts are not flushed before the checkpoint.
    FileNotSynced,
    /// No directory is flushed, so that a rename may be undone.
    DirectoriesNotSynced,
    /// The checkpoint is not flushed before its rename.
    CheckpointNotSynced,
}

impl Bug {
    /// All of them.
    pub const ALL: [Self; 13] = [
        Self::Loses,
        Self::TailKept,
        Self::StartsOver,
        Self::Swaps,
        Self::Flips,
        Self::CommitBeforeCheckpoint,
        Self::CheckpointBeforeData,
        Self::Hangs,
        Self::Aborts,
        Self::Gives,
        Self::FileNotSynced,
        Self::DirectoriesNotSynced,
        Self::CheckpointNotSynced,
    ];

    /// The bug's name on the command line.
    ///
    /// ```
    /// assert_eq!(velo_testkit::copier::Bug::TailKept.name(), "tail-kept");
    /// ```
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Loses => "loses",
            Self::TailKept => "tail-kept",
            Self::StartsOver => "starts-over",
            Self::Swaps => "swaps",
            Self::Flips => "flips",
            Self::CommitBeforeCheckpoint => "commit-before-checkpoint",
            Self::CheckpointBeforeData => "checkpoint-before-data",
            Self::Hangs => "hangs",
            Self::Aborts => "aborts",
            Self::Gives => "gives",
            Self::FileNotSynced => "file-not-synced",
            Self::DirectoriesNotSynced => "directories-not-synced",
            Self::CheckpointNotSynced => "checkpoint-not-synced",
        }
    }

    /// The bug by its name.
    ///
    /// ```
    /// assert_eq!(velo_testkit::copier::Bug::named("none"), None);
    /// ```
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|bug| bug.name() == name)
    }

    /// Whether only a power loss shows it: a kill leaves what was written in the system's memory.
    ///
    /// ```
    /// assert!(velo_testkit::copier::Bug::FileNotSynced.needs_power_loss());
    /// ```
    #[must_use]
    pub fn needs_power_loss(self) -> bool {
        matches!(
            self,
            Self::FileNotSynced | Self::DirectoriesNotSynced | Self::CheckpointNotSynced
        )
    }
}
