//! Checkpoints that live as long as the process.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use velo_core::Result;

use super::{Checkpoint, CheckpointStore, Tenure};

/// Keeps checkpoints in memory: for tests, and for pipelines that were told to remember nothing.
/// Clones share what they keep.
///
/// ```
/// use velo_pipeline::store::{CheckpointStore, MemoryStore};
/// assert_eq!(MemoryStore::default().shown(), "memory");
/// ```
#[derive(Debug, Clone, Default)]
pub struct MemoryStore(Arc<Mutex<Tasks>>);

type Tasks = HashMap<(String, u32), Checkpoint>;

fn lock(tasks: &Mutex<Tasks>) -> MutexGuard<'_, Tasks> {
    tasks.lock().unwrap_or_else(PoisonError::into_inner)
}

#[async_trait]
impl CheckpointStore for MemoryStore {
    async fn acquire(&self, pipeline: &str, task: u32) -> Result<Box<dyn Tenure>> {
        self.repair(pipeline, task, 0).await
    }

    async fn repair(&self, pipeline: &str, task: u32, generation: u64) -> Result<Box<dyn Tenure>> {
        let key = (pipeline.to_owned(), task);
        let mut tasks = lock(&self.0);
        let kept = tasks
            .entry(key.clone())
            .or_insert_with(|| Checkpoint::first(pipeline, task));
        kept.generation = (kept.generation + 1).max(generation);
        let (generation, latest) = (kept.generation, kept.clone());
        Ok(Box::new(MemoryTenure {
            tasks: self.0.clone(),
            key,
            generation,
            latest,
        }))
    }

    async fn read(&self, pipeline: &str, task: u32) -> Result<Option<Checkpoint>> {
        Ok(lock(&self.0).get(&(pipeline.to_owned(), task)).cloned())
    }

    async fn tasks(&self, pipeline: &str) -> Result<Vec<u32>> {
        let tasks = lock(&self.0);
        let of = tasks.keys().filter(|(name, _)| name == pipeline);
        let mut tasks: Vec<_> = of.map(|(_, task)| *task).collect();
        tasks.sort_unstable();
        Ok(tasks)
    }

    fn shown(&self) -> String {
        "memory".to_owned()
    }
}

struct MemoryTenure {
    tasks: Arc<Mutex<Tasks>>,
    key: (String, u32),
    generation: u64,
    latest: Checkpoint,
}

#[async_trait]
impl Tenure for MemoryTenure {
    fn generation(&self) -> u64 {
        self.generation
    }

    fn latest(&self) -> &Checkpoint {
        &self.latest
    }

    async fn save(&mut self, mut checkpoint: Checkpoint) -> Result<()> {
        checkpoint.generation = self.generation;
        let mut tasks = lock(&self.tasks);
        let kept = tasks.get(&self.key);
        if kept.is_some_and(|kept| kept.generation > self.generation) {
            return Err(super::overtaken(&self.key.0, self.key.1));
        }
        tasks.insert(self.key.clone(), checkpoint.clone());
        drop(tasks);
        self.latest = checkpoint;
        Ok(())
    }
}
