//! A deadline on every call that leaves the process, around any source and sink.
//!
//! Reading has none: to wait for rows is what an idle source does.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use velo_core::{
    Action, Barrier, Batch, Commit, DataReader, DataSink, DataSource, DataWriter, Error, ErrorKind,
    Identity, Predicate, Prepared, Progress, Pushdown, ReadRequest, Recovered, Result,
    SchemaChange, SinkCapabilities, SourceCapabilities, SourceEstimate, SourceOffset, Split,
    SplitEnumerator, SplitId, StreamInfo, WriteRequest,
};

/// How many times longer a write may take than other calls: it may have to wait for its turn.
const WRITES: u32 = 10;

/// A source or a sink whose calls have a deadline.
pub(crate) struct Timely<T: ?Sized> {
    pub(crate) inner: Arc<T>,
    pub(crate) limit: Duration,
}

async fn within<T>(
    limit: Duration,
    call: &'static str,
    kind: ErrorKind,
    work: impl Future<Output = Result<T>>,
) -> Result<T> {
    let late = |_| {
        Error::new(kind, "no answer within the deadline")
            .with("call", call)
            .with("deadline", format!("{limit:?}"))
            .retryable()
    };
    tokio::time::timeout(limit, work).await.map_err(late)?
}

impl<T: ?Sized> Timely<T> {
    async fn call<R>(
        &self,
        name: &'static str,
        work: impl Future<Output = Result<R>>,
    ) -> Result<R> {
        within(self.limit, name, ErrorKind::Unavailable, work).await
    }
}

#[async_trait]
impl DataSource for Timely<dyn DataSource> {
    fn capabilities(&self) -> SourceCapabilities {
        self.inner.capabilities()
    }

    fn pushdown(&self, predicate: &Predicate) -> Pushdown {
        self.inner.pushdown(predicate)
    }

    async fn streams(&self) -> Result<Vec<Arc<StreamInfo>>> {
        self.call("streams", self.inner.streams()).await
    }

    async fn estimate(&self) -> Result<SourceEstimate> {
        self.call("estimate", self.inner.estimate()).await
    }

    async fn splits(&self, resume: Option<&SourceOffset>) -> Result<Box<dyn SplitEnumerator>> {
        self.call("splits", self.inner.splits(resume)).await
    }

    async fn create_reader(&self, request: ReadRequest) -> Result<Box<dyn DataReader>> {
        self.call("create_reader", self.inner.create_reader(request))
            .await
    }

    async fn acknowledge(&self, progress: &Progress) -> Result<()> {
        self.call("acknowledge", self.inner.acknowledge(progress))
            .await
    }
}

#[async_trait]
impl DataSink for Timely<dyn DataSink> {
    fn capabilities(&self) -> SinkCapabilities {
        self.inner.capabilities()
    }

    async fn plan(&self, streams: &[Arc<StreamInfo>]) -> Result<Vec<Action>> {
        self.call("plan", self.inner.plan(streams)).await
    }

    async fn recover(&self, identity: &Identity, pending: Option<&Commit>) -> Result<Recovered> {
        self.call("recover", self.inner.recover(identity, pending))
            .await
    }

    async fn claim(
        &self,
        identity: &Identity,
        splits: &[SplitId],
    ) -> Result<Vec<Option<SourceOffset>>> {
        self.call("claim", self.inner.claim(identity, splits)).await
    }

    async fn create_writer(&self, request: WriteRequest) -> Result<Box<dyn DataWriter>> {
        let writer = self.call("create_writer", self.inner.create_writer(request));
        Ok(Box::new(TimelyWriter {
            inner: writer.await?,
            limit: self.limit,
        }))
    }

    async fn commit(&self, commit: &Commit) -> Result<()> {
        let unknown = ErrorKind::OutcomeUnknown;
        within(self.limit, "commit", unknown, self.inner.commit(commit)).await
    }
}

struct TimelyWriter {
    inner: Box<dyn DataWriter>,
    limit: Duration,
}

impl TimelyWriter {
    fn long(&self) -> Duration {
        self.limit.saturating_mul(WRITES)
    }
}

#[async_trait]
impl DataWriter for TimelyWriter {
    async fn write(&mut self, batch: Batch) -> Result<()> {
        let limit = self.long();
        within(
            limit,
            "write",
            ErrorKind::Unavailable,
            self.inner.write(batch),
        )
        .await
    }

    async fn change_schema(&mut self, change: &SchemaChange) -> Result<()> {
        let limit = self.long();
        let changed = self.inner.change_schema(change);
        within(limit, "change_schema", ErrorKind::Unavailable, changed).await
    }

    async fn end_split(&mut self, split: &Arc<Split>) -> Result<()> {
        let limit = self.long();
        let ended = self.inner.end_split(split);
        within(limit, "end_split", ErrorKind::Unavailable, ended).await
    }

    async fn prepare(
        &mut self,
        epoch: u64,
        barrier: Barrier,
        progress: &Progress,
    ) -> Result<Prepared> {
        let limit = self.long();
        let prepared = self.inner.prepare(epoch, barrier, progress);
        within(limit, "prepare", ErrorKind::Unavailable, prepared).await
    }

    async fn close(self: Box<Self>) -> Result<()> {
        let limit = self.long();
        within(limit, "close", ErrorKind::Unavailable, self.inner.close()).await
    }
}
