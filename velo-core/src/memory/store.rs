//! What a memory place holds, under one lock.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::{
    Batch, ColumnChange, Commit, Error, ErrorKind, Identity, Progress, Result, SchemaChange,
    SourceOffset, SplitId, StreamInfo,
};

type Task = (Arc<str>, u32);

/// What one lane has accepted.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) batches: Vec<Batch>,
    pub(super) changes: Vec<SchemaChange>,
}

#[derive(Debug, Default)]
pub(super) struct Store {
    pub(super) streams: Vec<Arc<StreamInfo>>,
    pub(super) partitions: Vec<Vec<Batch>>,
    pub(super) acknowledged: Progress,
    pub(super) positions: HashMap<SplitId, SourceOffset>,
    pub(super) prepared: HashMap<u64, (Identity, Written)>,
    changes: Vec<SchemaChange>,
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

    /// Remembers what became of a stream's columns: a rename cannot be told from two schemas.
    pub(super) fn keep_change(&mut self, change: SchemaChange) {
        let version =
            |change: &SchemaChange| (change.stream.name().to_owned(), change.stream.version());
        if !self
            .changes
            .iter()
            .any(|known| version(known) == version(&change))
        {
            self.changes.push(change);
        }
    }

    /// Gives what happened between two versions of a stream.
    pub(super) fn schema_change(
        &self,
        before: &StreamInfo,
        after: &Arc<StreamInfo>,
    ) -> SchemaChange {
        let told = self.changes.iter().filter(|change| {
            let version = change.stream.version();
            change.stream.name() == after.name()
                && version > before.version()
                && version <= after.version()
        });
        let mut columns: Vec<_> = told.flat_map(|change| change.columns.clone()).collect();
        if columns.is_empty() {
            columns = compare(before, after);
        }
        SchemaChange {
            stream: after.clone(),
            columns,
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

    pub(super) fn keep_prepared(&mut self, identity: &Identity, written: Written) -> u64 {
        self.next_id += 1;
        self.prepared
            .insert(self.next_id, (identity.clone(), written));
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
                    Error::new(ErrorKind::Aborted, "another task has claimed the split")
                        .with("split", &mark.split),
                );
            }
        }
        for id in parts {
            let Some((_, written)) = self.prepared.remove(&id) else {
                continue;
            };
            for change in written.changes {
                self.keep_change(change);
            }
            for batch in written.batches {
                self.put(0, batch);
            }
        }
        for mark in &commit.progress.marks {
            self.positions
                .insert(mark.split.clone(), mark.offset.clone());
        }
        self.committed.insert(task(&commit.identity), commit.epoch);
        Ok(())
    }
}

fn compare(before: &StreamInfo, after: &StreamInfo) -> Vec<ColumnChange> {
    let (old, new) = (before.schema(), after.schema());
    let dropped = old
        .fields()
        .iter()
        .filter(|field| new.index_of(field.name()).is_err());
    let mut changes: Vec<_> = dropped
        .map(|field| ColumnChange::Dropped {
            name: field.name().clone(),
        })
        .collect();
    for field in new.fields() {
        let name = field.name().clone();
        match old.field_with_name(&name) {
            Err(_) => changes.push(ColumnChange::Added { name }),
            Ok(known) if known.data_type() != field.data_type() => {
                changes.push(ColumnChange::Retyped { name });
            }
            Ok(_) => {}
        }
    }
    changes
}
