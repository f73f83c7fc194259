//! What a memory place holds, under one lock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    Batch, Commit, Error, ErrorKind, Identity, Progress, Result, SourceOffset, SplitId, StreamInfo,
};

type Task = (Arc<str>, u32);

#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) streams: Vec<Arc<StreamInfo>>,
    pub(super) partitions: Vec<Vec<Batch>>,
    pub(super) acknowledged: Progress,
    pub(super) positions: HashMap<SplitId, SourceOffset>,
    pub(super) prepared: HashMap<u64, (Identity, Vec<Batch>)>,
    generations: HashMap<Task, u64>,
    owners: HashMap<SplitId, Identity>,
    committed: HashMap<Task, u64>,
    next_id: u64,
}

pub(super) fn lock(store: &Mutex<Store>) -> MutexGuard<'_, Store> {
    store.lock().unwrap_or_else(PoisonError::into_inner)
}

fn task(identity: &Identity) -> Task {
    (identity.pipeline.clone(), identity.task)
}

impl Store {
    pub(super) fn put(&mut self, partition: u32, batch: Batch) {
        let partition = partition as usize;
        if self.partitions.len() <= partition {
            self.partitions.resize_with(partition + 1, Vec::new);
        }
        let stream = batch.stream();
        match self
            .streams
            .iter_mut()
            .find(|known| known.name() == stream.name())
        {
            Some(known) if known.version() < stream.version() => *known = stream.clone(),
            Some(_) => {}
            None => self.streams.push(stream.clone()),
        }
        if batch.num_rows() > 0 {
            self.partitions[partition].push(batch);
        }
    }

    pub(super) fn check_fence(&self, identity: &Identity) -> Result<()> {
        match self.generations.get(&task(identity)) {
            Some(&newest) if newest > identity.generation => Err(Error::new(
                ErrorKind::Fenced,
                "a newer run of this task has taken over",
            )
            .with("task", identity)
            .with("newest generation", newest)),
            _ => Ok(()),
        }
    }

    pub(super) fn fence(&mut self, identity: &Identity) -> Result<()> {
        self.check_fence(identity)?;
        self.generations.insert(task(identity), identity.generation);
        Ok(())
    }

    pub(super) fn claim(&mut self, identity: &Identity, split: &SplitId) -> Option<SourceOffset> {
        self.owners.insert(split.clone(), identity.clone());
        self.positions.get(split).cloned()
    }

    pub(super) fn keep_prepared(&mut self, identity: &Identity, batches: Vec<Batch>) -> u64 {
        self.next_id += 1;
        self.prepared
            .insert(self.next_id, (identity.clone(), batches));
        self.next_id
    }

    pub(super) fn last_epoch(&self, identity: &Identity) -> Option<u64> {
        self.committed.get(&task(identity)).copied()
    }

    /// Forgets what earlier generations of a task prepared.
    pub(super) fn discard(&mut self, identity: &Identity) {
        let same_task = |other: &Identity| task(other) == task(identity);
        self.prepared.retain(|_, (owner, _)| !same_task(owner));
    }

    pub(super) fn commit(&mut self, commit: &Commit) -> Result<()> {
        if self
            .last_epoch(&commit.identity)
            .is_some_and(|last| last >= commit.epoch)
        {
            return Ok(());
        }
        let parts = commit
            .parts
            .iter()
            .map(|(_, part)| part.body.parse::<u64>().unwrap_or(0));
        let parts: Vec<u64> = parts.collect();
        if !parts.iter().all(|id| self.prepared.contains_key(id)) {
            return Err(
                Error::new(ErrorKind::Aborted, "what was prepared has been discarded")
                    .with("epoch", commit.epoch),
            );
        }
        for mark in &commit.progress.marks {
            let owner = self.owners.get(&mark.split);
            if owner.is_some_and(|owner| task(owner) != task(&commit.identity)) {
                return Err(
                    Error::new(ErrorKind::Fenced, "another task has claimed the split")
                        .with("split", &mark.split),
                );
            }
        }
        for id in parts {
            let batches = self.prepared.remove(&id).map(|(_, batches)| batches);
            batches
                .into_iter()
                .flatten()
                .for_each(|batch| self.put(0, batch));
        }
        for mark in &commit.progress.marks {
            self.positions
                .insert(mark.split.clone(), mark.offset.clone());
        }
        self.committed.insert(task(&commit.identity), commit.epoch);
        Ok(())
    }
}
