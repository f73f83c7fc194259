//! The commit protocol: what is durable before what.
//!
//! Where the sink stores positions: prepare, dead letters, commit, checkpoint (a cache),
//! acknowledge. Everywhere else: prepare, dead letters, checkpoint with what is pending, commit,
//! acknowledge. Nothing is ever acknowledged before it is committed.

use std::sync::Arc;
use std::time::Instant;

use tracing::{Instrument, debug_span};
use velo_core::{
    Barrier, Commit, Committable, Error, ErrorKind, Identity, Progress, Recovered, Result,
};

use super::Shared;
use super::ledger::Ledger;
use super::letters;
use super::order::Reached;
use crate::counters::Refusals;
use crate::dead_letters::DeadLetters;
use crate::store::{Checkpoint, Counts, SinkState, Tenure};

pub(super) struct Epochs<'a> {
    shared: Arc<Shared>,
    tenure: &'a mut dyn Tenure,
    pub(super) ledger: Ledger,
    letters: Option<DeadLetters>,
    epoch: u64,
    held: Held,
    /// Rows since this run's start, for the limit of dead letters.
    seen: Counts,
    first_run: bool,
}

/// What epochs that the sink holds back have come to.
#[derive(Default)]
struct Held {
    progress: Progress,
    parts: Vec<(u32, Committable)>,
    counts: Counts,
    refusals: Refusals,
    /// Dead letters were written that are not prepared.
    letters: bool,
}

impl<'a> Epochs<'a> {
    /// Takes over from earlier runs: fences them, finishes what they left pending, discards what
    /// else they prepared.
    pub(super) async fn recover(
        shared: Arc<Shared>,
        tenure: &'a mut dyn Tenure,
    ) -> Result<Epochs<'a>> {
        let last = tenure.latest().clone();
        check_ends(&shared.pipeline.ends, &last)?;
        let recovered = take_over(&shared, &last).await?;
        let opened = letters::open(&shared.pipeline, shared.identity.generation, &last).await?;
        Ok(Self {
            epoch: last.epoch.max(recovered.epoch.unwrap_or(0)),
            first_run: last.epoch == 0,
            ledger: Ledger::open(last, &shared.pipeline.ends)?,
            shared,
            tenure,
            letters: opened,
            held: Held::default(),
            seen: Counts::default(),
        })
    }

    /// Goes back to the last checkpoint, within a run.
    pub(super) async fn start_again(&mut self) -> Result<()> {
        let last = self.tenure.latest().clone();
        take_over(&self.shared, &last).await?;
        self.ledger.go_back(&last)?;
        self.held = Held::default();
        if let Some(letters) = self.letters.take() {
            letters.close().await?;
            let (pipeline, generation) = (&self.shared.pipeline, self.shared.identity.generation);
            self.letters = letters::open(pipeline, generation, &last).await?;
        }
        Ok(())
    }

    /// Gives the number of the last epoch.
    pub(super) fn epoch(&self) -> u64 {
        self.epoch
    }

    pub(super) fn is_first_run(&self) -> bool {
        self.first_run
    }

    /// Gives the number of the epoch that ends now.
    pub(super) fn begin(&mut self) -> u64 {
        self.epoch += 1;
        self.epoch
    }

    /// Ends an epoch that every lane has prepared.
    pub(super) async fn end(
        &mut self,
        barrier: Barrier,
        all_found: bool,
        reached: Vec<(u32, Reached)>,
    ) -> Result<()> {
        let mut hold = false;
        for (lane, reached) in reached {
            add_up(&reached.counts)?;
            self.held.counts = sum(self.held.counts, reached.counts);
            for (reason, rows) in reached.refusals {
                *self.held.refusals.entry(reason).or_default() += rows;
            }
            self.seen = sum(self.seen, reached.counts);
            self.check_limit()?;
            if let Some(letters) = &mut self.letters {
                letters.write(&reached.letters).await?;
                self.held.letters |= !reached.letters.is_empty();
            }
            hold |= reached.prepared.held;
            let part = reached.prepared.committable;
            self.held.parts.extend(part.map(|part| (lane, part)));
            self.held.progress.merge(reached.progress);
        }
        if !hold {
            self.commit(all_found).await?;
            return match barrier {
                Barrier::End => self.forget_commit(all_found).await,
                Barrier::Checkpoint | Barrier::Pause => Ok(()),
            };
        }
        if barrier == Barrier::End {
            return Err(Error::new(
                ErrorKind::Unexpected,
                "sink held its last epoch back",
            ));
        }
        self.shared.pipeline.counters.life.held();
        Ok(())
    }

    /// Stores that nothing is pending any more: whoever takes the finished files away later must
    /// not make the next start look for them.
    async fn forget_commit(&mut self, all_found: bool) -> Result<()> {
        let letters = self.tenure.latest().letters.clone();
        let checkpoint = self.ledger.checkpoint(self.epoch, all_found, &[], letters);
        self.save(checkpoint).await
    }

    /// Stops a pipeline most of whose rows are bad, before they are passed over (T150).
    fn check_limit(&self) -> Result<()> {
        let limit = &self.shared.pipeline.dead_letter_limit;
        if !limit.is_passed(self.seen.rejected, self.seen.read) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::InvalidData, "too many rows are bad")
            .with("bad rows", self.seen.rejected)
            .with("of", self.seen.read)
            .with_hint("nothing was passed over: mend the source or raise max_ratio"))
    }

    async fn commit(&mut self, all_found: bool) -> Result<()> {
        let held = std::mem::take(&mut self.held);
        let mut letters = Vec::new();
        if let Some(sink) = self.letters.as_mut().filter(|_| held.letters) {
            let prepared = sink.prepare(self.epoch, Barrier::Pause);
            letters = prepared.instrument(debug_span!("dead_letters")).await?;
        }
        if self.shared.positions {
            self.commit_with_positions(held, all_found, letters).await
        } else {
            self.commit_with_checkpoint(held, all_found, letters).await
        }
    }

    /// The sink holds the positions; the checkpoint follows it.
    async fn commit_with_positions(
        &mut self,
        held: Held,
        all_found: bool,
        letters: Vec<(u32, Committable)>,
    ) -> Result<()> {
        if !letters.is_empty() {
            // Before the rows are passed over, recovery has to know how far their file reaches.
            let kept = SinkState::of(self.epoch, &letters);
            let checkpoint = self.ledger.checkpoint(self.epoch, false, &[], kept);
            self.save(checkpoint).await?;
        }
        let kept = self.letters_to_keep(&letters);
        if let Some(sink) = &mut self.letters {
            sink.commit(self.epoch, letters).await?;
        }
        let rows = !held.parts.is_empty();
        let progress = self.commit_rows(held.parts, held.progress).await?;
        self.ledger.advance(&progress, rows)?;
        self.ledger.counts = sum(self.ledger.counts, held.counts);
        let checkpoint = self.ledger.checkpoint(self.epoch, all_found, &[], kept);
        self.save(checkpoint).await?;
        self.settle(&held.counts, &held.refusals);
        self.acknowledge(&progress).await;
        Ok(())
    }

    /// The checkpoint holds the positions, and what recovery needs to finish the commit (P2).
    async fn commit_with_checkpoint(
        &mut self,
        held: Held,
        all_found: bool,
        letters: Vec<(u32, Committable)>,
    ) -> Result<()> {
        self.ledger.advance(&held.progress, false)?;
        self.ledger.counts = sum(self.ledger.counts, held.counts);
        let ledger = &self.ledger;
        let kept = self.letters_to_keep(&letters);
        let checkpoint = ledger.checkpoint(self.epoch, all_found, &held.parts, kept);
        self.save(checkpoint).await?;
        if let Some(sink) = &mut self.letters {
            sink.commit(self.epoch, letters).await?;
        }
        let progress = self.commit_rows(held.parts, held.progress).await?;
        self.settle(&held.counts, &held.refusals);
        self.acknowledge(&progress).await;
        Ok(())
    }

    /// An epoch without dead letters leaves what the last one recorded: where a file that is
    /// appended to was cut.
    fn letters_to_keep(&self, letters: &[(u32, Committable)]) -> SinkState {
        match letters.is_empty() {
            true => self.tenure.latest().letters.clone(),
            false => SinkState::of(self.epoch, letters),
        }
    }

    async fn save(&mut self, checkpoint: Checkpoint) -> Result<()> {
        if !self.ledger.has_news(&checkpoint) {
            return Ok(());
        }
        let saved = self.tenure.save(checkpoint);
        let saved = saved.instrument(debug_span!("checkpoint")).await;
        self.shared.pipeline.counters.life.stored(saved.is_ok());
        saved?;
        self.ledger.saved(self.tenure.latest().clone());
        Ok(())
    }

    /// Commits an epoch; asks again while the outcome is unknown (P7).
    async fn commit_rows(
        &mut self,
        parts: Vec<(u32, Committable)>,
        progress: Progress,
    ) -> Result<Progress> {
        if parts.is_empty() {
            return Ok(progress);
        }
        let commit = Commit {
            identity: self.shared.identity.clone(),
            epoch: self.epoch,
            parts,
            progress,
        };
        let (begun, pipeline) = (Instant::now(), &self.shared.pipeline);
        let committed = crate::commit::commit(&*pipeline.sink, &commit);
        committed.instrument(debug_span!("commit")).await?;
        pipeline.counters.add_commit();
        pipeline.counters.life.committed(begun.elapsed());
        Ok(commit.progress)
    }

    fn settle(&self, counts: &Counts, refusals: &Refusals) {
        let counters = &self.shared.pipeline.counters;
        counters.settle(counts.written, counts.rejected);
        counters.life.settled(counts.filtered, refusals);
    }

    async fn acknowledge(&mut self, progress: &Progress) {
        if progress.is_empty() {
            return;
        }
        let told = self.shared.pipeline.source.acknowledge(progress);
        if let Err(error) = told.instrument(debug_span!("acknowledge")).await {
            tracing::warn!(error = %error, "source did not take the acknowledgement");
        }
    }

    pub(super) async fn close(&mut self) -> Result<()> {
        match self.letters.take() {
            Some(letters) => letters.close().await,
            None => Ok(()),
        }
    }
}

/// Has the sink fence earlier runs and finish what the last checkpoint left pending.
async fn take_over(shared: &Shared, last: &Checkpoint) -> Result<Recovered> {
    let pending = pending(&shared.identity, &last.sink);
    let sink = &shared.pipeline.sink;
    let recovered = sink.recover(&shared.identity, pending.as_ref()).await?;
    check_recovered(shared, last, pending.is_some(), recovered)?;
    Ok(recovered)
}

/// Builds the commit that a checkpoint leaves pending, the same whenever it is built.
pub(super) fn pending(identity: &Identity, state: &SinkState) -> Option<Commit> {
    (!state.parts.is_empty()).then(|| Commit {
        identity: identity.clone(),
        epoch: state.epoch,
        parts: state.committables(),
        progress: Progress::default(),
    })
}

/// Refuses positions that were stored for another source or sink.
fn check_ends(ends: &[String], last: &Checkpoint) -> Result<()> {
    if last.ends.is_empty() || ends.is_empty() || last.ends == ends {
        return Ok(());
    }
    let changed = ends.iter().zip(&last.ends).find(|(now, then)| now != then);
    let (now, then) = changed.map_or(("", ""), |(now, then)| (now, then));
    Err(Error::new(
        ErrorKind::Config,
        "stored positions belong to another source or sink",
    )
    .with("pipeline", &last.pipeline)
    .with("now", now)
    .with("stored", then)
    .with_hint(
        "give the pipeline another name; `velo state set FILE --force --reset` begins again",
    ))
}

/// Refuses to go on where rows would be lost or doubled.
fn check_recovered(
    shared: &Shared,
    last: &Checkpoint,
    pending: bool,
    recovered: Recovered,
) -> Result<()> {
    if shared.positions {
        return Ok(());
    }
    let lost = |what| {
        Error::new(ErrorKind::StateLost, what)
            .with("pipeline", &shared.identity.pipeline)
            .with("epoch", last.epoch)
    };
    if pending && !recovered.committed {
        return Err(lost("what was prepared can no longer be committed"));
    }
    if let Some(epoch) = recovered.epoch.filter(|epoch| *epoch > last.epoch) {
        return Err(
            lost("destination holds a later epoch than the state").with_hint(format!(
                "restore the newest state; `velo state set FILE --force --epoch {epoch}` goes on \
                 from this one and may double rows"
            )),
        );
    }
    Ok(())
}

/// Refuses to commit an epoch whose rows do not add up (P10).
fn add_up(counts: &Counts) -> Result<()> {
    if counts.read == counts.written + counts.filtered + counts.rejected {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Unexpected, "rows do not add up")
        .with("read", counts.read)
        .with("written", counts.written)
        .with("filtered", counts.filtered)
        .with("rejected", counts.rejected))
}

fn sum(a: Counts, b: Counts) -> Counts {
    Counts {
        read: a.read + b.read,
        written: a.written + b.written,
        filtered: a.filtered + b.filtered,
        rejected: a.rejected + b.rejected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p10_rows_that_do_not_add_up_are_not_committed() {
        let counts = Counts {
            read: 10,
            written: 7,
            filtered: 2,
            rejected: 1,
        };
        assert!(add_up(&counts).is_ok());
        let lost = Counts {
            written: 6,
            ..counts
        };
        assert_eq!(add_up(&lost).unwrap_err().kind(), ErrorKind::Unexpected);
    }
}
