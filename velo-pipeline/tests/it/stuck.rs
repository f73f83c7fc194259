//! A checkpoint store on a disk that is full for a while.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use velo_core::{Error, ErrorKind, Result};
use velo_pipeline::store::{Checkpoint, CheckpointStore, MemoryStore, Tenure};

/// Keeps nothing while its disk is full.
#[derive(Default)]
pub(crate) struct Stuck {
    pub(crate) full: Arc<AtomicBool>,
    store: MemoryStore,
}

struct StuckTenure {
    full: Arc<AtomicBool>,
    tenure: Box<dyn Tenure>,
}

#[async_trait]
impl CheckpointStore for Stuck {
    async fn acquire(&self, pipeline: &str, task: u32) -> Result<Box<dyn Tenure>> {
        Ok(Box::new(StuckTenure {
            full: self.full.clone(),
            tenure: self.store.acquire(pipeline, task).await?,
        }))
    }

    async fn repair(&self, pipeline: &str, task: u32, generation: u64) -> Result<Box<dyn Tenure>> {
        self.store.repair(pipeline, task, generation).await
    }

    async fn read(&self, pipeline: &str, task: u32) -> Result<Option<Checkpoint>> {
        self.store.read(pipeline, task).await
    }

    async fn tasks(&self, pipeline: &str) -> Result<Vec<u32>> {
        self.store.tasks(pipeline).await
    }

    fn shown(&self) -> String {
        "stuck".to_owned()
    }
}

#[async_trait]
impl Tenure for StuckTenure {
    fn generation(&self) -> u64 {
        self.tenure.generation()
    }

    fn latest(&self) -> &Checkpoint {
        self.tenure.latest()
    }

    async fn save(&mut self, checkpoint: Checkpoint) -> Result<()> {
        if self.full.load(Ordering::Relaxed) {
            return Err(Error::new(ErrorKind::Io, "disk is full").retryable());
        }
        self.tenure.save(checkpoint).await
    }
}
