//! Writing to a memory place: rows wait until the commit, which stores the positions with them.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::store::{Store, Written, lock};
use crate::{
    Action, Barrier, Batch, Commit, CommitKind, Committable, DataSink, DataWriter, ErrorKind,
    Identity, Prepared, Progress, Recovered, Result, SchemaChange, SinkCapabilities, SourceOffset,
    SplitId, StreamInfo, WriteRequest,
};

const MAX_WRITERS: u32 = 16;

/// The sink of a memory place.
///
/// ```
/// use velo_core::{CommitKind, DataSink, memory::Memory};
/// assert_eq!(Memory::new("a").sink().capabilities().commit, CommitKind::TwoPhase);
/// ```
#[derive(Debug)]
pub struct MemorySink {
    name: Arc<str>,
    store: Arc<Mutex<Store>>,
}

impl MemorySink {
    pub(super) fn new(name: Arc<str>, store: Arc<Mutex<Store>>) -> Self {
        Self { name, store }
    }
}

#[async_trait]
impl DataSink for MemorySink {
    fn capabilities(&self) -> SinkCapabilities {
        SinkCapabilities {
            commit: CommitKind::TwoPhase,
            positions: true,
            max_writers: MAX_WRITERS,
        }
    }

    async fn plan(&self, streams: &[Arc<StreamInfo>]) -> Result<Vec<Action>> {
        let store = lock(&self.store);
        let is_new = |stream: &&Arc<StreamInfo>| {
            !store
                .streams
                .iter()
                .any(|known| known.name() == stream.name())
        };
        let object = |stream: &Arc<StreamInfo>| format!("{}/{}", self.name, stream.name());
        let new = streams.iter().filter(is_new);
        Ok(new
            .map(|stream| Action::new("create table", object(stream)))
            .collect())
    }

    async fn recover(&self, identity: &Identity, pending: Option<&Commit>) -> Result<Recovered> {
        let mut store = lock(&self.store);
        store.fence(identity)?;
        let outcome = pending.map(|pending| store.commit(pending));
        store.discard(identity);
        let committed = match outcome {
            None => false,
            Some(Ok(())) => true,
            // It will never happen; the caller replays, and must be able to start for that.
            Some(Err(error)) if error.kind() == ErrorKind::Aborted => false,
            Some(Err(error)) => return Err(error),
        };
        Ok(Recovered {
            epoch: store.last_epoch(identity),
            committed,
        })
    }

    async fn claim(
        &self,
        identity: &Identity,
        splits: &[SplitId],
    ) -> Result<Vec<Option<SourceOffset>>> {
        let mut store = lock(&self.store);
        store.check_fence(identity)?;
        Ok(splits
            .iter()
            .map(|split| store.claim(identity, split))
            .collect())
    }

    async fn create_writer(&self, request: WriteRequest) -> Result<Box<dyn DataWriter>> {
        lock(&self.store).check_fence(&request.identity)?;
        let store = self.store.clone();
        Ok(Box::new(MemoryWriter {
            identity: request.identity,
            store,
            written: Written::default(),
        }))
    }

    async fn commit(&self, commit: &Commit) -> Result<()> {
        let mut store = lock(&self.store);
        store.check_fence(&commit.identity)?;
        store.commit(commit)
    }
}

/// Holds batches until `prepare`; no call ever waits, so no dropped future can poison it.
struct MemoryWriter {
    identity: Identity,
    store: Arc<Mutex<Store>>,
    written: Written,
}

#[async_trait]
impl DataWriter for MemoryWriter {
    async fn write(&mut self, batch: Batch) -> Result<()> {
        self.written.batches.push(batch);
        Ok(())
    }

    async fn change_schema(&mut self, change: &SchemaChange) -> Result<()> {
        self.written
            .batches
            .push(Batch::empty(change.stream.clone()));
        self.written.changes.push(change.clone());
        Ok(())
    }

    async fn prepare(&mut self, _: u64, _: Barrier, _: &Progress) -> Result<Prepared> {
        if self.written.batches.is_empty() {
            return Ok(Prepared::default());
        }
        let mut store = lock(&self.store);
        store.check_fence(&self.identity)?;
        let id = store.keep_prepared(&self.identity, std::mem::take(&mut self.written));
        let committable = Committable {
            kind: "memory".into(),
            version: 1,
            body: id.to_string(),
        };
        Ok(Prepared {
            committable: Some(committable),
            ..Prepared::default()
        })
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
