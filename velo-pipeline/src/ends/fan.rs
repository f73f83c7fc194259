//! Several sinks: every row goes to each of them.
//!
//! The checkpoint is the authority, and the guarantee is the weakest of theirs. An epoch that one
//! of them holds back is held for all: what the others prepared waits for it.

use std::sync::Arc;

use async_trait::async_trait;
use velo_core::{
    Action, Barrier, Batch, Commit, CommitKind, DataSink, DataWriter, Identity, Prepared, Progress,
    Recovered, Result, SchemaChange, SinkCapabilities, SourceOffset, Split, SplitId, StreamInfo,
    WriteRequest,
};

use super::part::{Together, divide};

/// Several sinks by name, as one.
pub(crate) struct Fan {
    sinks: Vec<(Arc<str>, Arc<dyn DataSink>)>,
}

impl Fan {
    pub(crate) fn new(sinks: Vec<(Arc<str>, Arc<dyn DataSink>)>) -> Self {
        Self { sinks }
    }
}

#[async_trait]
impl DataSink for Fan {
    fn capabilities(&self) -> SinkCapabilities {
        let of = || self.sinks.iter().map(|(_, sink)| sink.capabilities());
        let once = |commit| {
            matches!(
                commit,
                CommitKind::TwoPhase | CommitKind::Token | CommitKind::Keyed
            )
        };
        let commit = if of().all(|sink| once(sink.commit)) {
            CommitKind::TwoPhase
        } else if of().any(|sink| sink.commit == CommitKind::None) {
            CommitKind::None
        } else {
            CommitKind::Live
        };
        SinkCapabilities {
            commit,
            positions: false,
            max_writers: of().map(|sink| sink.max_writers).min().unwrap_or(1),
        }
    }

    async fn plan(&self, streams: &[Arc<StreamInfo>]) -> Result<Vec<Action>> {
        let mut actions = Vec::new();
        for (name, sink) in &self.sinks {
            let planned = sink.plan(streams).await;
            actions.extend(planned.map_err(|error| error.with("sink", name))?);
        }
        Ok(actions)
    }

    async fn recover(&self, identity: &Identity, pending: Option<&Commit>) -> Result<Recovered> {
        let mut divided = pending.map(divide).transpose()?.unwrap_or_default();
        let mut all = Recovered {
            epoch: None,
            committed: pending.is_some(),
        };
        for (name, sink) in &self.sinks {
            let own = divided.remove(&**name);
            let recovered = sink.recover(identity, own.as_ref()).await?;
            all.committed &= own.is_none() || recovered.committed;
            if !sink.capabilities().positions {
                all.epoch = all.epoch.max(recovered.epoch);
            }
        }
        Ok(all)
    }

    async fn claim(
        &self,
        identity: &Identity,
        splits: &[SplitId],
    ) -> Result<Vec<Option<SourceOffset>>> {
        for (_, sink) in &self.sinks {
            sink.claim(identity, splits).await?;
        }
        Ok(vec![None; splits.len()])
    }

    async fn create_writer(&self, request: WriteRequest) -> Result<Box<dyn DataWriter>> {
        let mut writers = Vec::new();
        for (name, sink) in &self.sinks {
            writers.push((name.clone(), sink.create_writer(request.clone()).await?));
        }
        Ok(Box::new(FanWriter { writers }))
    }

    async fn commit(&self, commit: &Commit) -> Result<()> {
        let mut divided = divide(commit)?;
        for (name, sink) in &self.sinks {
            if let Some(own) = divided.remove(&**name) {
                sink.commit(&own).await?;
            }
        }
        Ok(())
    }
}

struct FanWriter {
    writers: Vec<(Arc<str>, Box<dyn DataWriter>)>,
}

#[async_trait]
impl DataWriter for FanWriter {
    async fn write(&mut self, batch: Batch) -> Result<()> {
        for (_, writer) in &mut self.writers {
            writer.write(batch.clone()).await?;
        }
        Ok(())
    }

    async fn change_schema(&mut self, change: &SchemaChange) -> Result<()> {
        for (_, writer) in &mut self.writers {
            writer.change_schema(change).await?;
        }
        Ok(())
    }

    async fn end_split(&mut self, split: &Arc<Split>) -> Result<()> {
        for (_, writer) in &mut self.writers {
            writer.end_split(split).await?;
        }
        Ok(())
    }

    async fn prepare(
        &mut self,
        epoch: u64,
        barrier: Barrier,
        progress: &Progress,
    ) -> Result<Prepared> {
        let mut all = Together::default();
        for (name, writer) in &mut self.writers {
            all.add(name, writer.prepare(epoch, barrier, progress).await?);
        }
        all.seal()
    }

    async fn close(self: Box<Self>) -> Result<()> {
        for (_, writer) in self.writers {
            writer.close().await?;
        }
        Ok(())
    }
}
