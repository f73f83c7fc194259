//! The clauses of epochs that follow each other.

use std::ops::RangeInclusive;

use libtest_mimic::Failed;
use velo_core::{Barrier, Batch, Commit, DataWriter, Identity, Result};

use super::{Parts, SINK, Task, ten, up_to};
use crate::contract::{Clause, Need, Outcome, ensure};
use crate::harness::Place;
use crate::stage::{Stage, count};

pub(super) fn clauses() -> Vec<Clause> {
    vec![
        Clause::new(
            "sink::W8 rows of held epochs are shown with a later one, once",
            &[SINK, Need::TwoPhase],
            |stage| Box::pin(held(stage)),
        ),
        Clause::new(
            "sink::W8 a run goes on behind the last checkpoint",
            &[SINK, Need::TwoPhase, Need::Isolation, Need::Recovery],
            |stage| Box::pin(goes_on(stage)),
        ),
        Clause::new(
            "sink::W8 a checkpoint that was not stored is forgotten",
            &[SINK, Need::TwoPhase, Need::Isolation, Need::Recovery],
            |stage| Box::pin(forgotten(stage)),
        ),
    ]
}

/// Epochs as a runner keeps them: those that are held wait for the next that is not.
struct Epochs<'t> {
    task: &'t Task,
    writer: Box<dyn DataWriter>,
    waiting: Parts,
}

impl<'t> Epochs<'t> {
    async fn start(task: &'t Task) -> Result<Self> {
        let (writer, waiting) = (task.writer(0).await?, Vec::new());
        Ok(Self {
            task,
            writer,
            waiting,
        })
    }

    /// Ends an epoch; gives the commit that a checkpoint would hold, none if the epoch is held.
    async fn end(
        &mut self,
        epoch: u64,
        numbers: RangeInclusive<u64>,
        barrier: Barrier,
    ) -> Result<Option<Commit>> {
        for batch in tens(numbers)? {
            self.writer.write(batch).await?;
        }
        let upto = up_to("a", epoch * 10);
        let prepared = self.writer.prepare(epoch, barrier, &upto).await?;
        self.waiting
            .extend(prepared.committable.map(|part| (0, part)));
        if prepared.held {
            return Ok(None);
        }
        let parts = std::mem::take(&mut self.waiting);
        Ok(Some(self.task.commit_of(epoch, parts, upto)))
    }
}

fn tens(numbers: RangeInclusive<u64>) -> Result<Vec<Batch>> {
    let tens = numbers.map(|number| ten(number as i64 * 10));
    Ok(tens.collect::<Result<Vec<_>>>()?.concat())
}

async fn held(stage: &Stage) -> Outcome {
    let place = stage.place();
    let task = Task::start(stage, &place, 0, 1).await?;
    let mut epochs = Epochs::start(&task).await?;
    for epoch in 1..=3 {
        let ended = epochs.end(epoch, epoch..=epoch, Barrier::Checkpoint);
        if let Some(commit) = ended.await? {
            task.sink.commit(&commit).await?;
        }
        let rows = count(&stage.visible(&place).await?);
        ensure(rows <= epoch as usize * 10, || {
            format!("{rows} rows are visible after {epoch} epochs of 10")
        })?;
    }
    let last = epochs.end(4, 4..=4, Barrier::End).await?;
    let last = last.ok_or("the last epoch is held")?;
    task.sink.commit(&last).await?;
    stage.same_in_any_order(&tens(1..=4)?, &stage.visible(&place).await?)?;
    task.sink.commit(&last).await?;
    epochs.writer.close().await?;
    for generation in [2, 3] {
        let sink = stage.sink(&place)?;
        let identity = Identity::new("contract", 0, generation);
        sink.recover(&identity, Some(&last)).await?;
        stage.same_in_any_order(&tens(1..=4)?, &stage.visible(&place).await?)?;
    }
    Ok(())
}

/// Crashes behind every epoch, before and after its commit.
async fn goes_on(stage: &Stage) -> Outcome {
    let place = stage.place();
    let (mut stored, mut covered): (Option<Commit>, u64) = (None, 0);
    let crashes = [(1, false), (1, true), (2, false), (3, true), (2, true)];
    let mut generation = 0;
    for (count, committed) in crashes {
        generation += 1;
        let task = resume(stage, &place, generation, stored.as_ref()).await?;
        let mut epochs = Epochs::start(&task).await?;
        for number in covered + 1..=covered + count {
            let ended = epochs.end(number, number..=number, Barrier::Checkpoint);
            let Some(commit) = ended.await? else { continue };
            let is_last = number == covered + count;
            if committed || !is_last {
                task.sink.commit(&commit).await?;
            }
            stored = Some(commit);
        }
        // Rows that no epoch covers go with the run.
        epochs.writer.write(tens(90..=90)?.remove(0)).await?;
        covered = stored.as_ref().map_or(0, |stored| stored.epoch);
    }
    let task = resume(stage, &place, 10, stored.as_ref()).await?;
    let mut epochs = Epochs::start(&task).await?;
    let last = epochs.end(20, covered + 1..=20, Barrier::End).await?;
    let last = last.ok_or("the last epoch is held")?;
    task.sink.commit(&last).await?;
    epochs.writer.close().await?;
    stage.same_in_any_order(&tens(1..=20)?, &stage.visible(&place).await?)
}

async fn resume(
    stage: &Stage,
    place: &Place,
    generation: u64,
    stored: Option<&Commit>,
) -> Result<Task, Failed> {
    let sink = stage.sink(place)?;
    let identity = Identity::new("contract", 0, generation);
    sink.recover(&identity, stored).await?;
    Ok(Task { sink, identity })
}

/// The runner could not store a checkpoint, and starts again from the one before.
async fn forgotten(stage: &Stage) -> Outcome {
    let place = stage.place();
    let task = Task::start(stage, &place, 0, 1).await?;
    let mut epochs = Epochs::start(&task).await?;
    let stored = epochs.end(1, 1..=1, Barrier::Pause).await?;
    let stored = stored.ok_or("a pause is held")?;
    task.sink.commit(&stored).await?;
    for epoch in [2, 3] {
        epochs
            .end(epoch, epoch..=epoch, Barrier::Checkpoint)
            .await?;
    }
    epochs.writer.close().await?;
    task.sink.recover(&task.identity, Some(&stored)).await?;
    let mut again = Epochs::start(&task).await?;
    let last = again.end(2, 2..=3, Barrier::End).await?;
    task.sink
        .commit(&last.ok_or("the last epoch is held")?)
        .await?;
    again.writer.close().await?;
    stage.same_in_any_order(&tens(1..=3)?, &stage.visible(&place).await?)
}
