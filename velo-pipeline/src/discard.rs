//! A sink that keeps nothing, for counting and for measuring a source alone.

use std::sync::Arc;

use async_trait::async_trait;
use velo_core::{
    Action, Barrier, Batch, Commit, CommitKind, DataSink, DataWriter, Identity, Prepared, Progress,
    Recovered, Result, SchemaChange, SinkCapabilities, StreamInfo, WriteRequest,
};

/// Accepts rows and forgets them.
///
/// ```
/// use velo_core::DataSink;
/// assert_eq!(velo_pipeline::Discard.capabilities().max_writers, 64);
/// ```
#[derive(Debug, Clone, Copy)]
pub struct Discard;

#[async_trait]
impl DataSink for Discard {
    fn capabilities(&self) -> SinkCapabilities {
        SinkCapabilities {
            commit: CommitKind::Keyed,
            positions: false,
            max_writers: 64,
        }
    }

    async fn plan(&self, _: &[Arc<StreamInfo>]) -> Result<Vec<Action>> {
        Ok(Vec::new())
    }

    async fn recover(&self, _: &Identity, _: Option<&Commit>) -> Result<Recovered> {
        Ok(Recovered::default())
    }

    async fn create_writer(&self, _: WriteRequest) -> Result<Box<dyn DataWriter>> {
        Ok(Box::new(Self))
    }

    async fn commit(&self, _: &Commit) -> Result<()> {
        Ok(())
    }
}

#[async_trait]
impl DataWriter for Discard {
    async fn write(&mut self, _: Batch) -> Result<()> {
        Ok(())
    }

    async fn change_schema(&mut self, _: &SchemaChange) -> Result<()> {
        Ok(())
    }

    async fn prepare(&mut self, _: u64, _: Barrier, _: &Progress) -> Result<Prepared> {
        Ok(Prepared::default())
    }

    async fn close(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
