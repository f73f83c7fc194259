//! A reference copy loop for sinks that hold positions: prepare, commit, acknowledge.

use std::sync::Arc;

use velo_core::{
    Barrier, Budget, Commit, DataReader, DataSink, DataSource, DataWriter, Error, ErrorKind, Event,
    Identity, Progress, ReadRequest, Result, SourceOffset, Split, SplitChange, SplitEnumerator,
    SplitId, WriteRequest,
};

use super::Steps;
use crate::data::Random;
use crate::stage::once;

const LANES: u32 = 2;
const BUDGET: u64 = 1 << 20;

/// Copies a source into a sink with positions, one step at a time; an unbounded source for ever.
///
/// # Errors
/// `Fenced` when a newer run of the same task has started; what source and sink report.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
/// use std::sync::Arc;
/// use velo_core::{Identity, memory::Memory};
/// use velo_testkit::{crash, data};
/// let (from, to) = (Memory::new("from"), Memory::new("to"));
/// from.put(0, data::numbered("orders", 0, 10)?);
/// let (source, sink) = (Arc::new(from.source()), Arc::new(to.sink()));
/// let copy = crash::run(source, sink, Identity::new("copy", 0, 1), crash::Steps::new(None), 1);
/// # let mut copy = std::pin::pin!(copy);
/// # std::future::poll_fn(|context| {
/// #     context.waker().wake_by_ref();
/// #     copy.as_mut().poll(context)
/// # }).await?;
/// assert_eq!(to.num_rows(), 10);
/// # Ok::<(), velo_core::Error>(())
/// # }).unwrap();
/// ```
pub async fn run(
    source: Arc<dyn DataSource>,
    sink: Arc<dyn DataSink>,
    identity: Identity,
    steps: Steps,
    seed: u64,
) -> Result<()> {
    steps.step().await;
    let recovered = sink.recover(&identity, None).await?;
    steps.step().await;
    let splits = source.splits(None).await?;
    let mut run = Run {
        source,
        sink,
        identity,
        steps,
        random: Random::new(seed),
        splits,
        all_found: false,
        open: Vec::new(),
        lanes: Vec::new(),
        progress: Progress::default(),
        epoch: recovered.epoch.unwrap_or(0),
    };
    run.open_lanes().await?;
    run.copy().await
}

struct Open {
    split: Arc<Split>,
    reader: Box<dyn DataReader>,
    lane: usize,
    /// Read to its end, and not yet covered by a commit.
    ended: bool,
}

struct Run {
    source: Arc<dyn DataSource>,
    sink: Arc<dyn DataSink>,
    identity: Identity,
    steps: Steps,
    random: Random,
    splits: Box<dyn SplitEnumerator>,
    all_found: bool,
    open: Vec<Open>,
    lanes: Vec<Box<dyn DataWriter>>,
    progress: Progress,
    epoch: u64,
}

impl Run {
    async fn copy(&mut self) -> Result<()> {
        loop {
            self.steps.step().await;
            let mut busy = self.follow_changes().await?;
            for at in 0..self.open.len() {
                busy |= self.read(at).await?;
            }
            let due = !busy || self.random.below(3) == 0;
            if due && !self.progress.is_empty() {
                busy = true;
                self.commit().await?;
            }
            if self.all_found && self.open.is_empty() && self.source.capabilities().bounded {
                return Ok(());
            }
            match busy {
                true => self.steps.busy(),
                false => self.steps.rest(),
            }
        }
    }

    async fn follow_changes(&mut self) -> Result<bool> {
        let mut any = false;
        while !self.all_found {
            let Some(change) = once(self.splits.next()).await else {
                break;
            };
            any = true;
            self.steps.busy();
            match change? {
                Some(change) => self.follow(change).await?,
                None => self.all_found = true,
            }
        }
        Ok(any)
    }

    async fn follow(&mut self, change: SplitChange) -> Result<()> {
        match change {
            SplitChange::Added { splits, .. } => self.claim(splits).await,
            SplitChange::Revoked { splits, .. } => {
                self.commit().await?;
                self.forget(&splits);
                self.release(&splits).await
            }
            SplitChange::Lost(splits) => {
                self.forget(&splits);
                self.abandon().await
            }
            _ => Err(Error::new(ErrorKind::Unsupported, "follow a split change")),
        }
    }

    async fn release(&mut self, splits: &[SplitId]) -> Result<()> {
        self.steps.step().await;
        match self.splits.release(splits).await {
            // Lost meanwhile, which the next change says too.
            Err(error) if error.kind() == ErrorKind::Fenced => Ok(()),
            outcome => outcome,
        }
    }

    fn forget(&mut self, splits: &[SplitId]) {
        self.open.retain(|open| !splits.contains(&open.split.id));
    }

    /// Takes splits over at the sink and reads on where it says that they stand.
    async fn claim(&mut self, splits: Vec<Arc<Split>>) -> Result<()> {
        let ids: Vec<SplitId> = splits.iter().map(|split| split.id.clone()).collect();
        self.forget(&ids);
        self.steps.step().await;
        let stands = self.sink.claim(&self.identity, &ids).await?;
        for (split, start) in splits.into_iter().zip(stands) {
            self.steps.step().await;
            self.open_split(split, start).await?;
        }
        Ok(())
    }

    async fn open_split(&mut self, split: Arc<Split>, start: Option<SourceOffset>) -> Result<()> {
        let request = ReadRequest {
            start,
            ..ReadRequest::new(split.clone(), Budget::new(BUDGET))
        };
        let reader = self.source.create_reader(request).await?;
        let lane = (split.order % u64::from(LANES)) as usize;
        self.open.push(Open {
            split,
            reader,
            lane,
            ended: false,
        });
        Ok(())
    }

    async fn open_lanes(&mut self) -> Result<()> {
        for lane in 0..LANES {
            self.steps.step().await;
            let request = WriteRequest::new(lane, self.identity.clone(), Budget::new(BUDGET));
            self.lanes.push(self.sink.create_writer(request).await?);
        }
        Ok(())
    }

    /// Reads one split up to its next mark, its end, or until it waits.
    async fn read(&mut self, at: usize) -> Result<bool> {
        let mut uncovered = false;
        while !self.open[at].ended {
            self.steps.step().await;
            let open = &mut self.open[at];
            let Some(event) = once(open.reader.read()).await else {
                let split = &open.split.id;
                return match uncovered {
                    true => Err(
                        Error::new(ErrorKind::Unexpected, "reader waits without a mark")
                            .with("split", split),
                    ),
                    false => Ok(false),
                };
            };
            self.steps.busy();
            match event? {
                None => {
                    open.ended = true;
                    self.progress.ended.push(open.split.clone());
                    return Ok(true);
                }
                Some(Event::Mark(mark)) => {
                    self.progress.advance(mark);
                    return Ok(true);
                }
                Some(Event::Rows(batch)) => self.lanes[open.lane].write(batch).await?,
                Some(Event::Schema(change)) => {
                    self.lanes[open.lane].change_schema(&change).await?;
                }
                Some(_) => {}
            }
            uncovered = true;
        }
        Ok(false)
    }

    /// Prepare, commit, acknowledge; the sink is the authority.
    async fn commit(&mut self) -> Result<()> {
        self.epoch += 1;
        let progress = std::mem::take(&mut self.progress);
        let mut parts = Vec::new();
        for (lane, writer) in self.lanes.iter_mut().enumerate() {
            self.steps.step().await;
            let prepared = writer
                .prepare(self.epoch, Barrier::Pause, &progress)
                .await?;
            parts.extend(prepared.committable.map(|part| (lane as u32, part)));
        }
        let commit = Commit {
            identity: self.identity.clone(),
            epoch: self.epoch,
            parts,
            progress,
        };
        self.steps.step().await;
        match self.sink.commit(&commit).await {
            Err(error) if error.kind() == ErrorKind::Aborted => return self.abandon().await,
            outcome => outcome?,
        }
        self.steps.step().await;
        self.source.acknowledge(&commit.progress).await?;
        self.open.retain(|open| !open.ended);
        Ok(())
    }

    /// Gives up the epoch: new writers, and every split from where the sink says.
    async fn abandon(&mut self) -> Result<()> {
        self.progress = Progress::default();
        for writer in std::mem::take(&mut self.lanes) {
            self.steps.step().await;
            writer.close().await?;
        }
        self.open_lanes().await?;
        let mut splits: Vec<_> = self.open.drain(..).map(|open| open.split).collect();
        while let (false, Some(change)) = (self.all_found, once(self.splits.next()).await) {
            match change? {
                None => self.all_found = true,
                Some(SplitChange::Added { splits: added, .. }) => splits.extend(added),
                Some(SplitChange::Revoked { splits: gone, .. }) => {
                    splits.retain(|split| !gone.contains(&split.id));
                    self.release(&gone).await?;
                }
                Some(SplitChange::Lost(gone)) => {
                    splits.retain(|split| !gone.contains(&split.id));
                }
                Some(_) => {}
            }
        }
        self.claim(splits).await
    }
}
