//! The dead letters of a task: opened by a run, or set at rest so that they may be rewritten.

use velo_core::{Identity, Result, Source};

use super::Pipeline;
use super::epoch::pending;
use crate::dead_letters::DeadLetters;
use crate::store::{Checkpoint, SinkState, Tenure};

/// Opens the dead letters as the last checkpoint left them.
pub(super) async fn open(
    pipeline: &Pipeline,
    generation: u64,
    last: &Checkpoint,
) -> Result<Option<DeadLetters>> {
    let Some(sink) = &pipeline.dead_letters else {
        return Ok(None);
    };
    let name = format!("{}-dead", pipeline.name);
    let identity = Identity::new(name, pipeline.task, generation);
    let pending = pending(&identity, &last.letters);
    let letters = DeadLetters::open(sink.shared(), identity, pending.as_ref()).await?;
    Ok(Some(letters))
}

impl Pipeline {
    /// Finishes what earlier runs have prepared of their dead letters and forgets where it ended,
    /// so that somebody who holds the task may put other letters in their place.
    ///
    /// # Errors
    /// What the destination of dead letters says; `Fenced` when a later run has taken over.
    pub async fn settle_dead_letters(&self, tenure: &mut dyn Tenure) -> Result<()> {
        let last = tenure.latest().clone();
        let Some(letters) = open(self, tenure.generation(), &last).await? else {
            return Ok(());
        };
        letters.close().await?;
        if last.letters.parts.is_empty() {
            return Ok(());
        }
        let forgotten = Checkpoint {
            letters: SinkState::default(),
            ..last
        };
        tenure.save(forgotten).await
    }

    /// Brings the rows of another source into the same sink, as the pipeline `NAME.replay`.
    #[must_use]
    pub fn replaying(mut self, source: Source) -> Self {
        self.name = format!("{}.replay", self.name).into();
        self.source = source.shared();
        self.ends = Vec::new();
        self
    }
}
