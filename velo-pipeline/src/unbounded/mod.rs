//! A source without end: splits come and go, and every interval is one commit.
//!
//! The coordinator here follows the enumerator and the clock; lanes read and write. An epoch asks
//! every lane to come to a mark and prepare, commits, and acknowledges; only then are revoked
//! splits released. Rows of a lost split cannot be taken out of a writer, so every lane starts
//! again from the last commit.

mod lane;

use std::collections::HashMap;
use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinSet;
use tokio::time::MissedTickBehavior;
use velo_core::{
    Commit, DataSource, Error, ErrorKind, Progress, Result, SourceOffset, Split, SplitChange,
    SplitEnumerator, SplitId,
};

use crate::bounded::crashed;
use crate::copy::Run;
use crate::lane::keep;
use lane::{Lane, Order, Prepared};

pub(crate) async fn run(run: Arc<Run>) -> Result<()> {
    let mut coordinator = Coordinator::start(run).await?;
    let outcome = coordinator.follow().await;
    coordinator.lanes.shutdown().await;
    outcome
}

struct Coordinator {
    run: Arc<Run>,
    enumerator: Box<dyn SplitEnumerator>,
    all_found: bool,
    lanes: JoinSet<Result<()>>,
    orders: Vec<mpsc::UnboundedSender<Order>>,
    ended: mpsc::UnboundedReceiver<SplitId>,
    open: HashMap<SplitId, Assigned>,
    epoch: u64,
}

struct Assigned {
    split: Arc<Split>,
    lane: usize,
    committed: Option<SourceOffset>,
}

impl Coordinator {
    async fn start(run: Arc<Run>) -> Result<Self> {
        let source: &Arc<dyn DataSource> = &run.copy.source;
        let enumerator = source.splits(None).await?;
        let (ending, ended) = mpsc::unbounded_channel();
        let mut lanes = JoinSet::new();
        let mut orders = Vec::new();
        for number in 0..run.lanes() {
            let (sender, receiver) = mpsc::unbounded_channel();
            let lane = Lane::open(number, run.clone(), receiver, ending.clone()).await?;
            lanes.spawn(lane.work());
            orders.push(sender);
        }
        let open = HashMap::new();
        Ok(Self {
            run,
            enumerator,
            all_found: false,
            lanes,
            orders,
            ended,
            open,
            epoch: 0,
        })
    }

    async fn follow(&mut self) -> Result<()> {
        let mut clock = tokio::time::interval(self.run.copy.commit_interval);
        clock.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let stop = self.run.copy.stop.clone();
        loop {
            tokio::select! {
                change = self.enumerator.next(), if !self.all_found => match change? {
                    Some(change) => self.change(change).await?,
                    None => self.all_found = true,
                },
                Some(split) = self.ended.recv() => {
                    self.epoch().await?;
                    self.open.remove(&split);
                    self.run.copy.counters.add_split();
                }
                Some(failed) = self.lanes.join_next() => return failed.map_err(crashed)?,
                _ = clock.tick() => self.epoch().await?,
                () = stop.asked() => return self.epoch().await,
            }
            if self.all_found && self.open.is_empty() {
                return self.epoch().await;
            }
        }
    }

    async fn change(&mut self, change: SplitChange) -> Result<()> {
        match change {
            SplitChange::Added { splits, .. } => {
                for split in splits {
                    let lane = self.least_busy_lane();
                    let assigned = Assigned {
                        split: split.clone(),
                        lane,
                        committed: None,
                    };
                    self.open.insert(split.id.clone(), assigned);
                    self.order(lane, Order::Read { split, start: None })?;
                }
            }
            SplitChange::Revoked { splits, .. } => {
                // Committed first, so that whoever comes next goes on exactly here.
                self.epoch_without(&splits).await?;
                splits
                    .iter()
                    .for_each(|split| drop(self.open.remove(split)));
                self.enumerator.release(&splits).await?;
            }
            SplitChange::Lost(splits) => {
                splits
                    .iter()
                    .for_each(|split| drop(self.open.remove(split)));
                self.start_again()?;
            }
            _ => {
                return Err(Error::new(
                    ErrorKind::Unexpected,
                    "split change of an unknown kind",
                ));
            }
        }
        Ok(())
    }

    /// Makes every lane forget what it wrote since the last commit and read it again.
    fn start_again(&mut self) -> Result<()> {
        for lane in 0..self.orders.len() {
            self.order(lane, Order::Forget)?;
        }
        for assigned in self.open.values() {
            let (split, start) = (assigned.split.clone(), assigned.committed.clone());
            self.order(assigned.lane, Order::Read { split, start })?;
        }
        Ok(())
    }

    async fn epoch(&mut self) -> Result<()> {
        self.epoch_without(&[]).await
    }

    /// Commits what every lane has up to a mark; `leaving` are not read on.
    async fn epoch_without(&mut self, leaving: &[SplitId]) -> Result<()> {
        self.epoch += 1;
        let mut answers = Vec::new();
        for lane in 0..self.orders.len() {
            let (answer, prepared) = oneshot::channel();
            let leaving = leaving.to_vec();
            self.order(
                lane,
                Order::Prepare {
                    epoch: self.epoch,
                    leaving,
                    answer,
                },
            )?;
            answers.push(prepared);
        }
        let (mut parts, mut progress) = (Vec::new(), Progress::default());
        for (lane, answer) in (0..).zip(answers) {
            let Prepared {
                prepared,
                progress: reached,
            } = match answer.await {
                Ok(prepared) => prepared,
                Err(_) => return Err(self.lane_failure().await),
            };
            keep(&prepared.rejected, &self.run.letters).await?;
            parts.extend(prepared.committable.map(|part| (lane, part)));
            progress.merge(reached);
        }
        if parts.is_empty() && progress.is_empty() {
            return Ok(());
        }
        for mark in &progress.marks {
            if let Some(assigned) = self.open.get_mut(&mark.split) {
                assigned.committed = Some(mark.offset.clone());
            }
        }
        let identity = self.run.identity.clone();
        self.run
            .commit(&Commit {
                identity,
                epoch: self.epoch,
                parts,
                progress,
            })
            .await
    }

    fn least_busy_lane(&self) -> usize {
        let load = |lane: &usize| self.open.values().filter(|open| open.lane == *lane).count();
        (0..self.orders.len()).min_by_key(load).unwrap_or(0)
    }

    fn order(&self, lane: usize, order: Order) -> Result<()> {
        let gone = |_| Error::new(ErrorKind::Unexpected, "a lane ended early");
        self.orders[lane].send(order).map_err(gone)
    }

    async fn lane_failure(&mut self) -> Error {
        match self.lanes.join_next().await {
            Some(Ok(Err(error))) => error,
            Some(Err(error)) => crashed(error),
            _ => Error::new(ErrorKind::Unexpected, "a lane ended early"),
        }
    }
}
