//! Ends a run at a given step: from then on nothing it asks for is done any more.
//!
//! Every call to source, sink and store is two steps, before it and behind it, so that a run can
//! die with the call done and its answer lost.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use velo_core::{
    Action, Barrier, Batch, Commit, DataReader, DataSink, DataSource, DataWriter, Error, ErrorKind,
    Event, Identity, Prepared, Progress, ReadRequest, Recovered, Result, SchemaChange,
    SinkCapabilities, SourceCapabilities, SourceOffset, Split, SplitEnumerator, SplitId,
    StreamInfo, WriteRequest,
};
use velo_pipeline::store::{Checkpoint, CheckpointStore, Tenure};

/// Counts the steps of a run and ends it at one of them; clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Life {
    taken: Arc<AtomicU64>,
    last: u64,
    /// Whether the end is one that passes: the run may try again, once.
    passes: bool,
}

impl Life {
    pub(crate) fn until(last: u64) -> Self {
        Self {
            taken: Arc::default(),
            last,
            passes: false,
        }
    }

    /// Fails one step in a way that passes, and no other.
    pub(crate) fn with_a_hiccup(at: u64) -> Self {
        Self {
            passes: true,
            ..Self::until(at)
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        self.taken.load(Ordering::SeqCst) >= self.last
    }

    fn step(&self) -> Result<()> {
        let taken = self.taken.fetch_add(1, Ordering::SeqCst) + 1;
        if self.passes && taken == self.last {
            return Err(Error::new(ErrorKind::Unavailable, "a hiccup").retryable());
        }
        if !self.passes && taken >= self.last {
            return Err(Error::new(ErrorKind::Unexpected, "the end of this life"));
        }
        Ok(())
    }

    async fn around<T>(&self, call: impl Future<Output = Result<T>>) -> Result<T> {
        self.step()?;
        let done = call.await?;
        self.step()?;
        Ok(done)
    }
}

pub(crate) struct Mortal<T>(pub(crate) T, pub(crate) Life);

#[async_trait]
impl<T: DataSource> DataSource for Mortal<T> {
    fn capabilities(&self) -> SourceCapabilities {
        self.0.capabilities()
    }

    async fn streams(&self) -> Result<Vec<Arc<StreamInfo>>> {
        self.1.around(self.0.streams()).await
    }

    async fn splits(&self, resume: Option<&SourceOffset>) -> Result<Box<dyn SplitEnumerator>> {
        self.1.around(self.0.splits(resume)).await
    }

    async fn create_reader(&self, request: ReadRequest) -> Result<Box<dyn DataReader>> {
        let reader = self.1.around(self.0.create_reader(request)).await?;
        Ok(Box::new(Mortal(reader, self.1.clone())))
    }

    async fn acknowledge(&self, progress: &Progress) -> Result<()> {
        self.1.around(self.0.acknowledge(progress)).await
    }
}

#[async_trait]
impl DataReader for Mortal<Box<dyn DataReader>> {
    async fn read(&mut self) -> Result<Option<Event>> {
        // One step is enough: what was read and not written is as good as not read.
        self.1.step()?;
        self.0.read().await
    }
}

#[async_trait]
impl<T: DataSink> DataSink for Mortal<T> {
    fn capabilities(&self) -> SinkCapabilities {
        self.0.capabilities()
    }

    async fn plan(&self, streams: &[Arc<StreamInfo>]) -> Result<Vec<Action>> {
        self.0.plan(streams).await
    }

    async fn recover(&self, identity: &Identity, pending: Option<&Commit>) -> Result<Recovered> {
        self.1.around(self.0.recover(identity, pending)).await
    }

    async fn claim(
        &self,
        identity: &Identity,
        splits: &[SplitId],
    ) -> Result<Vec<Option<SourceOffset>>> {
        self.1.around(self.0.claim(identity, splits)).await
    }

    async fn create_writer(&self, request: WriteRequest) -> Result<Box<dyn DataWriter>> {
        let writer = self.1.around(self.0.create_writer(request)).await?;
        Ok(Box::new(Mortal(writer, self.1.clone())))
    }

    async fn commit(&self, commit: &Commit) -> Result<()> {
        self.1.around(self.0.commit(commit)).await
    }
}

#[async_trait]
impl DataWriter for Mortal<Box<dyn DataWriter>> {
    async fn write(&mut self, batch: Batch) -> Result<()> {
        self.1.step()?;
        self.0.write(batch).await
    }

    async fn change_schema(&mut self, change: &SchemaChange) -> Result<()> {
        self.0.change_schema(change).await
    }

    async fn end_split(&mut self, split: &Arc<Split>) -> Result<()> {
        self.0.end_split(split).await
    }

    async fn prepare(
        &mut self,
        epoch: u64,
        barrier: Barrier,
        progress: &Progress,
    ) -> Result<Prepared> {
        self.1.step()?;
        let prepared = self.0.prepare(epoch, barrier, progress).await?;
        self.1.step()?;
        Ok(prepared)
    }

    async fn close(self: Box<Self>) -> Result<()> {
        self.0.close().await
    }
}

#[async_trait]
impl<T: CheckpointStore> CheckpointStore for Mortal<T> {
    async fn acquire(&self, pipeline: &str, task: u32) -> Result<Box<dyn Tenure>> {
        let tenure = self.1.around(self.0.acquire(pipeline, task)).await?;
        Ok(Box::new(Mortal(tenure, self.1.clone())))
    }

    async fn repair(&self, pipeline: &str, task: u32, generation: u64) -> Result<Box<dyn Tenure>> {
        self.0.repair(pipeline, task, generation).await
    }

    async fn read(&self, pipeline: &str, task: u32) -> Result<Option<Checkpoint>> {
        self.0.read(pipeline, task).await
    }

    async fn tasks(&self, pipeline: &str) -> Result<Vec<u32>> {
        self.0.tasks(pipeline).await
    }

    fn shown(&self) -> String {
        self.0.shown()
    }
}

#[async_trait]
impl Tenure for Mortal<Box<dyn Tenure>> {
    fn generation(&self) -> u64 {
        self.0.generation()
    }

    fn latest(&self) -> &Checkpoint {
        self.0.latest()
    }

    async fn save(&mut self, checkpoint: Checkpoint) -> Result<()> {
        self.1.step()?;
        self.0.save(checkpoint).await?;
        self.1.step()
    }
}
