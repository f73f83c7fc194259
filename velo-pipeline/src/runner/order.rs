//! What coordinator and lanes say to each other.

use std::sync::Arc;

use tokio::sync::oneshot;
use velo_core::{Barrier, Prepared, Progress, SourceOffset, Split, SplitId, StreamInfo};

use crate::counters::Refusals;
use crate::dead_letters::Letter;
use crate::store::Counts;

/// What the coordinator asks for.
pub(super) enum Order {
    /// Read a split from here on; `alone`: no other lane has anything to do.
    Read {
        split: Arc<Split>,
        start: Option<SourceOffset>,
        alone: bool,
    },
    /// Come to a mark in every split, prepare, and answer; then leave some of the splits.
    Prepare {
        epoch: u64,
        barrier: Barrier,
        leaving: Vec<SplitId>,
        answer: oneshot::Sender<Reached>,
    },
    /// Announce a stream that had no rows.
    Announce(Arc<StreamInfo>),
    /// Close everything and drop what was not prepared; then wait to be told to go on.
    Forget(oneshot::Sender<()>),
    /// Make a new writer after everything was forgotten.
    GoOn,
}

/// What a lane tells without being asked.
pub(super) enum Note {
    Ended(SplitId),
    /// Dead letters wait, more than should be held in memory.
    Full,
}

/// How far a lane has come since the last answer.
pub(super) struct Reached {
    pub(super) prepared: Prepared,
    pub(super) progress: Progress,
    pub(super) letters: Vec<Letter>,
    pub(super) counts: Counts,
    pub(super) refusals: Refusals,
}
