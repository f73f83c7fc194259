//! Follows the source's splits, the clock and the lanes, and ends epochs.
//!
//! Splits of a source without end are all read at once; of a bounded one every lane has the one
//! that it reads and the next. Rows of a lost split cannot be taken out of a writer, so every lane
//! starts again from the last checkpoint.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use tracing::Instrument;
use velo_core::{
    Barrier, Error, ErrorKind, Result, SourceOffset, Split, SplitChange, SplitEnumerator, SplitId,
};

use super::Shared;
use super::epoch::Epochs;
use super::lane::Lane;
use super::order::{Note, Order, Reached};
use crate::bounded::crashed;

/// Splits of a bounded source that a lane has: the one that it reads, and the next.
const AHEAD: usize = 2;

/// How long a failed run waits for its lanes.
const PATIENCE: Duration = Duration::from_secs(5);

pub(super) struct Coordinator<'a> {
    shared: Arc<Shared>,
    epochs: Epochs<'a>,
    enumerator: Box<dyn SplitEnumerator>,
    all_found: bool,
    /// Splits that no lane has yet, in order.
    queue: VecDeque<Arc<Split>>,
    /// Splits handed to lanes so far.
    handed_out: u64,
    lanes: JoinSet<Result<()>>,
    orders: Vec<mpsc::UnboundedSender<Order>>,
    notes: mpsc::UnboundedReceiver<Note>,
}

impl<'a> Coordinator<'a> {
    pub(super) async fn start(shared: Arc<Shared>, epochs: Epochs<'a>) -> Result<Self> {
        let ledger = &epochs.ledger;
        let enumerator = shared.pipeline.source.splits(ledger.discovery()).await?;
        // A source that does not say how far discovery has come would find everything again.
        let all_found = ledger.all_found() && shared.bounded && ledger.discovery().is_none();
        let queue: VecDeque<_> = ledger.left_open().into();
        let (telling, notes) = mpsc::unbounded_channel();
        let (mut lanes, mut orders) = (JoinSet::new(), Vec::new());
        for number in 0..shared.lanes() {
            let (sender, receiver) = mpsc::unbounded_channel();
            let lane = Lane::new(number, shared.clone(), receiver, telling.clone());
            let runtime = Handle::current();
            lanes.spawn_blocking(move || runtime.block_on(lane.work()));
            orders.push(sender);
        }
        let mut coordinator = Self {
            shared,
            epochs,
            enumerator,
            all_found,
            queue,
            handed_out: 0,
            lanes,
            orders,
            notes,
        };
        let open: Vec<_> = coordinator.queue.iter().cloned().collect();
        coordinator.claim(&open).await?;
        Ok(coordinator)
    }

    /// Runs to the end of a bounded source, or until it is asked to stop.
    pub(super) async fn follow(&mut self) -> Result<()> {
        let done = self.events().await;
        if done.is_err() {
            self.shared.halt.now();
        }
        // Lanes end when no order can come any more.
        self.orders.clear();
        let lanes = self.lanes_ended(done.is_err()).await;
        match (done, lanes) {
            (Ok(()), None) => self.epochs.close().await,
            (Ok(()), Some(error)) => Err(error),
            (Err(error), Some(lane)) if is_consequence(&error) => Err(lane),
            (Err(error), _) => Err(error),
        }
    }

    /// Waits for the lanes and gives the first failure that is not another one's consequence.
    async fn lanes_ended(&mut self, failed: bool) -> Option<Error> {
        let mut first: Option<Error> = None;
        let ended = async {
            while let Some(ended) = self.lanes.join_next().await {
                if let Err(error) = ended.map_err(crashed).flatten()
                    && first.as_ref().is_none_or(is_consequence)
                {
                    first = Some(error);
                }
            }
        };
        if failed {
            // A read that cannot be interrupted must not keep the failure from being reported.
            drop(tokio::time::timeout(PATIENCE, ended).await);
        } else {
            ended.await;
        }
        first
    }

    async fn events(&mut self) -> Result<()> {
        let mut clock = tokio::time::interval(self.shared.pipeline.every);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        // The first tick comes at once.
        clock.tick().await;
        let stop = self.shared.pipeline.stop.clone();
        self.hand_out().await?;
        loop {
            if self.is_done() {
                return self.end().await;
            }
            // Splits of a bounded source are found as they are needed.
            let wanted = !self.all_found && (!self.shared.bounded || self.queue.len() < AHEAD);
            tokio::select! {
                biased;
                () = stop.asked() => return self.pause().await,
                Some(ended) = self.lanes.join_next() => return Err(failure(ended)),
                Some(note) = self.notes.recv() => self.noted(note).await?,
                _ = clock.tick() => self.cut(Barrier::Checkpoint, &[]).await?,
                change = self.enumerator.next(), if wanted => match change? {
                    Some(change) => self.change(change).await?,
                    None => {
                        self.all_found = true;
                        self.hand_out().await?;
                    }
                },
            }
        }
    }

    fn is_done(&self) -> bool {
        self.all_found && self.queue.is_empty() && self.epochs.ledger.all_ended()
    }

    /// Ends the last epoch of a source that has ended.
    async fn end(&mut self) -> Result<()> {
        if self.epochs.is_first_run() {
            for stream in self.shared.streams_without_rows() {
                self.order(0, Order::Announce(stream))?;
            }
        }
        self.cut(Barrier::End, &[]).await
    }

    /// Commits what there is, within the time that a stop may take.
    async fn pause(&mut self) -> Result<()> {
        let within = self.shared.pipeline.drain;
        let paused = tokio::time::timeout(within, self.cut(Barrier::Pause, &[])).await;
        paused.unwrap_or_else(|_| {
            Err(Error::new(
                ErrorKind::Aborted,
                "stopped before the last epoch was committed; the next run goes on from the one before",
            )
            .with("after", format!("{within:?}")))
        })
    }

    async fn noted(&mut self, note: Note) -> Result<()> {
        match note {
            Note::Full => self.cut(Barrier::Checkpoint, &[]).await,
            Note::Ended(split) => {
                self.epochs.ledger.ended(&split);
                self.shared.pipeline.counters.add_split();
                self.hand_out().await
            }
        }
    }

    async fn change(&mut self, change: SplitChange) -> Result<()> {
        match change {
            SplitChange::Added { splits, resume } => {
                let mut splits = self.epochs.ledger.add(splits, resume);
                splits.retain(|split| self.queue.iter().all(|known| known.id != split.id));
                self.claim(&splits).await?;
                self.queue.extend(splits);
                self.hand_out().await
            }
            SplitChange::Revoked { splits, .. } => {
                // Committed first, so that whoever comes next goes on exactly here.
                self.cut(Barrier::Pause, &splits).await?;
                self.epochs.ledger.forget(&splits);
                self.queue.retain(|split| !splits.contains(&split.id));
                self.enumerator.release(&splits).await
            }
            SplitChange::Lost(splits) => {
                self.epochs.ledger.forget(&splits);
                self.queue.retain(|split| !splits.contains(&split.id));
                self.start_again().await
            }
            _ => Err(Error::new(
                ErrorKind::Unexpected,
                "split change of an unknown kind",
            )),
        }
    }

    /// Takes splits over and learns where each stands.
    async fn claim(&mut self, splits: &[Arc<Split>]) -> Result<()> {
        if splits.is_empty() {
            return Ok(());
        }
        let ids: Vec<_> = splits.iter().map(|split| split.id.clone()).collect();
        let sink = &self.shared.pipeline.sink;
        let says = sink.claim(&self.shared.identity, &ids).await?;
        if !self.shared.positions {
            return Ok(());
        }
        for (id, says) in ids.iter().zip(says) {
            self.epochs.ledger.claimed(id, says)?;
        }
        Ok(())
    }

    /// Gives waiting splits to lanes that have room for them.
    async fn hand_out(&mut self) -> Result<()> {
        while let Some(split) = self.queue.front() {
            let ledger = &self.epochs.ledger;
            let lane = (0..self.orders.len()).min_by_key(|lane| ledger.load(*lane));
            let lane = lane.unwrap_or(0);
            if self.shared.bounded {
                // Whether a split is the only one shows when the next is looked for.
                let unknown = self.handed_out == 0 && self.queue.len() == 1 && !self.all_found;
                if unknown || ledger.load(lane) >= AHEAD {
                    break;
                }
            }
            let (id, start) = (split.id.clone(), ledger.start(&split.id));
            let Some(split) = self.queue.pop_front() else {
                break;
            };
            let alone = self.handed_out == 0 && self.queue.is_empty();
            self.handed_out += 1;
            self.epochs.ledger.assign(&id, lane);
            self.read(lane, split, start, alone)?;
        }
        let counters = &self.shared.pipeline.counters;
        counters.set_waiting(self.queue.len());
        Ok(())
    }

    fn read(
        &self,
        lane: usize,
        split: Arc<Split>,
        start: Option<SourceOffset>,
        alone: bool,
    ) -> Result<()> {
        self.order(
            lane,
            Order::Read {
                split,
                start,
                alone,
            },
        )
    }

    /// Makes every lane forget what it wrote since the last checkpoint and read it again.
    async fn start_again(&mut self) -> Result<()> {
        let mut forgotten = Vec::new();
        for lane in 0..self.orders.len() {
            let (done, waiting) = oneshot::channel();
            self.order(lane, Order::Forget(done))?;
            forgotten.push(waiting);
        }
        for waiting in forgotten {
            waiting.await.map_err(|_| gone())?;
        }
        while self.notes.try_recv().is_ok() {}
        self.epochs.start_again().await?;
        for lane in 0..self.orders.len() {
            self.order(lane, Order::GoOn)?;
        }
        for (lane, split) in self.epochs.ledger.assigned() {
            let start = self.epochs.ledger.start(&split.id);
            self.read(lane, split, start, false)?;
        }
        Ok(())
    }

    /// Ends an epoch in every lane; `leaving` are not read on.
    async fn cut(&mut self, barrier: Barrier, leaving: &[SplitId]) -> Result<()> {
        let epoch = self.epochs.begin();
        let pipeline = self.shared.pipeline.clone();
        pipeline.counters.life.epoch_ends(epoch);
        let span = tracing::debug_span!("epoch", pipeline = %pipeline.name, epoch);
        let ended = self.end_epoch(epoch, barrier, leaving).instrument(span);
        ended.await?;
        pipeline.counters.life.epoch_ended();
        tracing::debug!(pipeline = %pipeline.name, epoch, "epoch has ended");
        Ok(())
    }

    async fn end_epoch(&mut self, epoch: u64, barrier: Barrier, leaving: &[SplitId]) -> Result<()> {
        let prepared = self.prepare(epoch, barrier, leaving);
        let reached = prepared.instrument(tracing::debug_span!("prepare")).await?;
        match self.epochs.end(barrier, self.all_found, reached).await {
            // Another task has a split of ours, and we have not been told yet: the rest is replayed.
            Err(error) if is_consequence(&error) && barrier == Barrier::Checkpoint => {
                tracing::debug!(error = %error, "commit will never happen, replaying");
                self.start_again().await
            }
            ended => ended,
        }
    }

    /// Has every lane come to a mark and prepare.
    async fn prepare(
        &mut self,
        epoch: u64,
        barrier: Barrier,
        leaving: &[SplitId],
    ) -> Result<Vec<(u32, Reached)>> {
        let mut answers = Vec::new();
        for lane in 0..self.orders.len() {
            let (answer, reached) = oneshot::channel();
            let leaving = leaving.to_vec();
            self.order(
                lane,
                Order::Prepare {
                    epoch,
                    barrier,
                    leaving,
                    answer,
                },
            )?;
            answers.push(reached);
        }
        let mut reached = Vec::new();
        for (lane, answer) in (0..).zip(answers) {
            match answer.await {
                Ok(answer) => reached.push((lane, answer)),
                Err(_) => return Err(gone()),
            }
        }
        Ok(reached)
    }

    fn order(&self, lane: usize, order: Order) -> Result<()> {
        self.orders[lane].send(order).map_err(|_| gone())
    }
}

/// Says that a lane is no longer there; the lane itself knows why.
fn gone() -> Error {
    Error::new(ErrorKind::Aborted, "a lane ended early")
}

/// Says whether a failure may be what another lane's failure made of this one.
fn is_consequence(error: &Error) -> bool {
    error.kind() == ErrorKind::Aborted
}

fn failure(ended: std::result::Result<Result<()>, tokio::task::JoinError>) -> Error {
    match ended.map_err(crashed).flatten() {
        Err(error) => error,
        Ok(()) => gone(),
    }
}
